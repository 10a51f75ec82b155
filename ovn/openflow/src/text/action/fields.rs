//! Actions on fields: `set_field`, `load`, `move`, `push`, `pop`, `check_pkt_larger`, and the old `mod_*`.

use super::super::error::{Error, Result};
use super::super::names::{bits_text, parse_bits};
use super::super::style::Style;
use super::super::value::{hex_text, masked_text, parse_masked, parse_number, value_text};
use super::number;
use crate::{Action, Field, SetField, Subfield, Version};
use std::fmt;

pub(super) fn write_set(f: &mut fmt::Formatter<'_>, set: &SetField, style: &Style<'_>) -> fmt::Result {
    match style.version {
        Some(Version::Of10) => match old_name(set) {
            Some(text) => return f.write_str(&text),
            None => return write_loads(f, set),
        },
        Some(Version::Of13 | Version::Of14) if !set.is_whole() => return write_loads(f, set),
        Some(Version::Of13 | Version::Of14 | Version::Of15) | None => {}
    }
    let value = if set.is_whole() {
        value_text(set.field, set.value)
    } else {
        masked_text(set.field, set.value, set.mask)
    };
    write!(f, "set_field:{value}->{}", set_name(set.field))
}

/// One `load` for each run of bits.
fn write_loads(f: &mut fmt::Formatter<'_>, set: &SetField) -> fmt::Result {
    let mut left = set.mask;
    while left != 0 {
        let offset = left.trailing_zeros();
        let bits = (left >> offset).trailing_ones();
        let dst = Subfield::new(set.field, offset as u16, bits as u16);
        let value = (set.value & dst.mask()) >> offset;
        let comma = if left == set.mask { "" } else { "," };
        write!(f, "{comma}load:{}->{}", hex_text(value), bits_text(dst))?;
        left &= !dst.mask();
    }
    Ok(())
}

/// What OpenFlow 1.0 has an action of its own for.
fn old_name(set: &SetField) -> Option<String> {
    let value = || value_text(set.field, set.value);
    Some(match set.field {
        _ if !set.is_whole() => return None,
        Field::EthSrc => format!("mod_dl_src:{}", value()),
        Field::EthDst => format!("mod_dl_dst:{}", value()),
        Field::Ipv4Src => format!("mod_nw_src:{}", value()),
        Field::Ipv4Dst => format!("mod_nw_dst:{}", value()),
        Field::IpTos => format!("mod_nw_tos:{}", set.value),
        Field::IpDscp => format!("mod_nw_tos:{}", set.value << 2),
        Field::TcpSrc | Field::UdpSrc | Field::SctpSrc => format!("mod_tp_src:{}", set.value),
        Field::TcpDst | Field::UdpDst | Field::SctpDst => format!("mod_tp_dst:{}", set.value),
        Field::VlanVid => format!("mod_vlan_vid:{}", set.value & 0xfff),
        Field::VlanPcp => format!("mod_vlan_pcp:{}", set.value),
        _ => return None,
    })
}

/// Both forms of the port have the short name.
fn set_name(field: Field) -> String {
    if field == Field::InPort16 { "in_port".to_owned() } else { field.to_string() }
}

pub(super) fn write_move(f: &mut fmt::Formatter<'_>, src: Subfield, dst: Subfield) -> fmt::Result {
    write!(f, "move:{}->{}", bits_text(src), bits_text(dst))
}

pub(super) fn write_stack(f: &mut fmt::Formatter<'_>, name: &str, bits: Subfield) -> fmt::Result {
    write!(f, "{name}:{}", bits_text(bits))
}

pub(super) fn write_check_pkt_larger(f: &mut fmt::Formatter<'_>, length: u16, dst: Subfield) -> fmt::Result {
    write!(f, "check_pkt_larger({length})->{}", bits_text(dst))
}

pub(super) enum Parsed {
    One(Action),
    /// They have been added already.
    Several,
    NotMine,
}

pub(super) fn parse(text: &str, out: &mut Vec<Action>) -> Result<Parsed> {
    if let Some(rest) = text.strip_prefix("check_pkt_larger(") {
        return parse_check_pkt_larger(rest).map(Parsed::One);
    }
    let Some((name, argument)) = text.split_once(':') else { return Ok(Parsed::NotMine) };
    let bits = |text: &str| parse_bits(text).ok_or_else(|| Error::new(text, "bits of a field"));
    let arrow = || argument.split_once("->").ok_or_else(|| Error::new(argument, "source->destination"));
    let set = |field: Field| parse_set(field, argument).map(|set| Parsed::One(Action::SetField(set)));
    Ok(Parsed::One(match name {
        "set_field" => {
            let (value, field) = arrow()?;
            let field: Field = field.trim().parse().map_err(|_| Error::new(field, "a field"))?;
            Action::SetField(parse_set(field, value)?)
        }
        "load" => {
            let (value, dst) = arrow()?;
            let (value, dst) = (parse_number(value), bits(dst)?);
            Action::set_bits(dst, value.ok_or_else(|| Error::new(argument, "a number"))?)
        }
        "move" => {
            let (src, dst) = arrow()?;
            let (src, dst) = (bits(src)?, bits(dst)?);
            if src.bits != dst.bits {
                return Err(Error::new(argument, "as many bits on both sides"));
            }
            Action::copy(src, dst)
        }
        "push" => Action::Push(bits(argument)?),
        "pop" => Action::Pop(bits(argument)?),
        "delete_field" => Action::DeleteField(argument.parse().map_err(|_| Error::new(argument, "a field"))?),
        "mod_dl_src" => return set(Field::EthSrc),
        "mod_dl_dst" => return set(Field::EthDst),
        "mod_nw_src" => return set(Field::Ipv4Src),
        "mod_nw_dst" => return set(Field::Ipv4Dst),
        "mod_nw_tos" => return set(Field::IpTos),
        "mod_nw_ecn" => return set(Field::IpEcn),
        "mod_nw_ttl" => return set(Field::IpTtl),
        "mod_tp_src" => return set(Field::TcpSrc),
        "mod_tp_dst" => return set(Field::TcpDst),
        "set_tunnel" | "set_tunnel64" => return set(Field::TunId),
        "mod_vlan_vid" | "mod_vlan_pcp" => {
            let vid = name == "mod_vlan_vid";
            let n: u16 = number(argument, "VLAN")?;
            out.push(Action::PushVlan(0x8100));
            out.push(if vid {
                Action::set(Field::VlanVid, n | 0x1000)
            } else {
                Action::set(Field::VlanPcp, n)
            });
            return Ok(Parsed::Several);
        }
        _ => return Ok(Parsed::NotMine),
    }))
}

fn parse_set(field: Field, value: &str) -> Result<SetField> {
    let bad = || Error::new(value, &format!("a value of {field}"));
    let (value, mask) = parse_masked(field, value.trim()).ok_or_else(bad)?;
    Ok(SetField { field, value, mask })
}

fn parse_check_pkt_larger(rest: &str) -> Result<Action> {
    let bad = || Error::new(rest, "length)->bit");
    let (length, dst) = rest.split_once(")->").ok_or_else(bad)?;
    let dst = parse_bits(dst).filter(|dst| dst.bits == 1).ok_or_else(bad)?;
    Ok(Action::CheckPktLarger { length: number(length, "octets")?, dst })
}

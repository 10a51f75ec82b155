//! Values of fields, each in the form of its field: addresses, flags, numbers.

use crate::field::low_bits;
use crate::{Field, Format, PortNo};
use std::net::{Ipv4Addr, Ipv6Addr};

/// `value`, or `value/mask` where the mask is not the whole field.
pub(super) fn masked_text(field: Field, value: u128, mask: u128) -> String {
    let whole = mask == field.full_mask() || is_whole_option(field, mask);
    let format = field.format();
    if whole && !matches!(format, Format::CtState | Format::TcpFlags | Format::TunFlags | Format::Frag) {
        return value_text(field, value);
    }
    match format {
        Format::Frag => frag_text(value, mask),
        Format::CtState => flags_text(CT_STATE, value, mask, field.full_mask()),
        Format::TcpFlags => flags_text(TCP_FLAGS, value, mask, field.full_mask()),
        Format::TunFlags => signed_flags(TUN_FLAGS, value, mask),
        Format::Ipv4 => {
            format!("{}/{}", Ipv4Addr::from(value as u32), prefix_or(mask, 32, |m| Ipv4Addr::from(m as u32)))
        }
        Format::Ipv6 => format!("{}/{}", Ipv6Addr::from(value), prefix_or(mask, 128, Ipv6Addr::from)),
        Format::Ethernet => format!("{}/{}", mac_text(value), mac_text(mask)),
        Format::Decimal | Format::Hex | Format::Port | Format::PacketType => {
            format!("{}/{mask:#x}", hex_text(value))
        }
    }
}

/// A Geneve option of a whole number of words.
fn is_whole_option(field: Field, mask: u128) -> bool {
    matches!(field, Field::TunMetadata(_)) && [32, 64, 96, 128].map(low_bits).contains(&mask)
}

/// The length of the prefix, if the mask is one.
fn prefix_or<T: std::fmt::Display>(mask: u128, bits: u32, text: impl Fn(u128) -> T) -> String {
    let ones = mask.count_ones();
    if mask == low_bits(bits as u16) & !low_bits((bits - ones) as u16) {
        ones.to_string()
    } else {
        text(mask).to_string()
    }
}

/// Zero is written without `0x`.
pub(super) fn hex_text(value: u128) -> String {
    if value == 0 { "0".to_owned() } else { format!("{value:#x}") }
}

pub(super) fn mac_text(value: u128) -> String {
    let [.., a, b, c, d, e, f] = value.to_be_bytes();
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}

/// A whole value.
pub(super) fn value_text(field: Field, value: u128) -> String {
    match field.format() {
        Format::Decimal => value.to_string(),
        Format::Hex if field == Field::Ipv6Label => format!("{value:#07x}"),
        Format::Hex if field == Field::EthType => format!("{value:#06x}"),
        Format::Hex => hex_text(value),
        Format::Ethernet => mac_text(value),
        Format::Ipv4 => Ipv4Addr::from(value as u32).to_string(),
        Format::Ipv6 => Ipv6Addr::from(value).to_string(),
        Format::Port if field == Field::InPort16 => PortNo::from_u16(value as u16).to_string(),
        Format::Port => PortNo(value as u32).to_string(),
        Format::Frag => frag_text(value, field.full_mask()),
        Format::CtState => flags_text(CT_STATE, value, field.full_mask(), field.full_mask()),
        Format::TcpFlags => flags_text(TCP_FLAGS, value, field.full_mask(), field.full_mask()),
        Format::TunFlags => joined_flags(TUN_FLAGS, value),
        Format::PacketType => format!("({},{:#x})", value >> 16, value & 0xffff),
    }
}

/// A flag and its name.
type Flag = (u128, &'static str);

const CT_STATE: &[Flag] = &[
    (1, "new"),
    (2, "est"),
    (4, "rel"),
    (8, "rpl"),
    (0x10, "inv"),
    (0x20, "trk"),
    (0x40, "snat"),
    (0x80, "dnat"),
];

const TCP_FLAGS: &[Flag] = &[
    (1, "fin"),
    (2, "syn"),
    (4, "rst"),
    (8, "psh"),
    (0x10, "ack"),
    (0x20, "urg"),
    (0x40, "ece"),
    (0x80, "cwr"),
    (0x100, "ns"),
];

const TUN_FLAGS: &[Flag] = &[(1, "oam")];

fn flags_text(names: &[Flag], value: u128, mask: u128, full: u128) -> String {
    if mask == full { joined_flags(names, value) } else { signed_flags(names, value, mask) }
}

/// `new|trk`, or the number where a flag has no name.
fn joined_flags(names: &[Flag], value: u128) -> String {
    let known: u128 = names.iter().map(|(bit, _)| bit).sum();
    if value == 0 || value & !known != 0 {
        return hex_text(value);
    }
    let set: Vec<&str> = names.iter().filter(|(bit, _)| value & bit != 0).map(|&(_, name)| name).collect();
    set.join("|")
}

/// `+new-trk`, or numbers where a flag has no name.
fn signed_flags(names: &[Flag], value: u128, mask: u128) -> String {
    let known: u128 = names.iter().map(|(bit, _)| bit).sum();
    if mask & !known != 0 {
        return format!("{}/{mask:#x}", hex_text(value));
    }
    let sign = |bit: u128| if value & bit != 0 { '+' } else { '-' };
    names
        .iter()
        .filter(|(bit, _)| mask & bit != 0)
        .map(|&(bit, name)| format!("{}{name}", sign(bit)))
        .collect()
}

/// Value and mask of each word for fragments; "any" is bit 0, "later" bit 1.
const FRAGS: &[(&str, u128, u128)] =
    &[("no", 0, 3), ("first", 1, 3), ("later", 3, 3), ("yes", 1, 1), ("not_later", 0, 2)];

fn frag_text(value: u128, mask: u128) -> String {
    let named = FRAGS.iter().find(|(_, v, m)| (*v, *m) == (value, mask));
    named.map_or_else(|| format!("{}/{mask:#x}", hex_text(value)), |(name, ..)| (*name).to_owned())
}

/// Reads a value and its mask; without one, the whole field is meant.
pub(super) fn parse_masked(field: Field, text: &str) -> Option<(u128, u128)> {
    let full = field.full_mask();
    let (value, mask) = match field.format() {
        Format::CtState => parse_flags(CT_STATE, text, full)?,
        Format::TcpFlags => parse_flags(TCP_FLAGS, text, full)?,
        Format::TunFlags => parse_flags(TUN_FLAGS, text, full)?,
        Format::Frag => match FRAGS.iter().find(|(name, ..)| *name == text) {
            Some(&(_, value, mask)) => (value, mask),
            None => parse_halves(text, full, parse_number, parse_number)?,
        },
        Format::Ipv4 => {
            parse_halves(text, full, parse_ipv4, |m| parse_prefix(m, 32).or_else(|| parse_ipv4(m)))?
        }
        Format::Ipv6 => {
            parse_halves(text, full, parse_ipv6, |m| parse_prefix(m, 128).or_else(|| parse_ipv6(m)))?
        }
        Format::Ethernet => parse_halves(text, full, parse_mac, parse_mac)?,
        Format::Port => (parse_port(field, text)?, full),
        Format::PacketType => {
            let (space, kind) = text.strip_prefix('(')?.strip_suffix(')')?.split_once(',')?;
            (parse_number(space)? << 16 | parse_number(kind)?, full)
        }
        Format::Decimal | Format::Hex => parse_halves(text, full, parse_number, parse_number)?,
    };
    let mask =
        if matches!(field, Field::TunMetadata(_)) && !text.contains('/') { option_mask(value) } else { mask };
    (value & !full == 0 && mask & !full == 0).then_some((value & mask, mask))
}

/// The words that an option of this value needs, at least one.
fn option_mask(value: u128) -> u128 {
    let bits = (128 - value.leading_zeros()).max(1);
    low_bits(bits.next_multiple_of(32) as u16)
}

fn parse_halves(
    text: &str,
    full: u128,
    value: impl Fn(&str) -> Option<u128>,
    mask: impl Fn(&str) -> Option<u128>,
) -> Option<(u128, u128)> {
    match text.split_once('/') {
        Some((v, m)) => Some((value(v)?, mask(m)?)),
        None => Some((value(text)?, full)),
    }
}

/// Decimal, or hexadecimal after `0x`.
pub(super) fn parse_number(text: &str) -> Option<u128> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u128::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn parse_ipv4(text: &str) -> Option<u128> {
    text.parse::<Ipv4Addr>().ok().map(|a| u32::from(a).into())
}

fn parse_ipv6(text: &str) -> Option<u128> {
    text.parse::<Ipv6Addr>().ok().map(u128::from)
}

fn parse_prefix(text: &str, bits: u16) -> Option<u128> {
    let ones: u16 = text.parse().ok().filter(|&n| n <= bits)?;
    Some(low_bits(bits) & !low_bits(bits - ones))
}

fn parse_mac(text: &str) -> Option<u128> {
    let mut octets = text.split(':');
    let mut value = 0;
    for _ in 0..6 {
        value = value << 8 | u128::from(u8::from_str_radix(octets.next()?, 16).ok()?);
    }
    octets.next().is_none().then_some(value)
}

/// A port of any version, by name or number.
pub(super) fn parse_port_no(text: &str) -> Option<PortNo> {
    PortNo::reserved(text).or_else(|| {
        let n = u32::try_from(parse_number(text)?).ok()?;
        // Reserved ports may be written with the numbers of OpenFlow 1.0.
        Some(u16::try_from(n).map_or(PortNo(n), PortNo::from_u16))
    })
}

fn parse_port(field: Field, text: &str) -> Option<u128> {
    let port = parse_port_no(text)?;
    if field == Field::InPort16 { port.to_u16().map(u128::from) } else { Some(port.0.into()) }
}

/// `new|trk`, `+new-trk`, or numbers.
fn parse_flags(names: &[Flag], text: &str, full: u128) -> Option<(u128, u128)> {
    let flag = |name: &str| names.iter().find(|(_, n)| *n == name).map(|(bit, _)| *bit);
    if text.starts_with(['+', '-']) {
        let (mut value, mut mask) = (0, 0);
        for part in text.replace('+', " +").replace('-', " -").split_ascii_whitespace() {
            let bit = flag(&part[1..])?;
            mask |= bit;
            value |= if part.starts_with('+') { bit } else { 0 };
        }
        return Some((value, mask));
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return parse_halves(text, full, parse_number, parse_number);
    }
    let value = text.split('|').map(flag).try_fold(0, |all, bit| Some(all | bit?))?;
    Some((value, full))
}

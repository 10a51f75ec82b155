//! The actions of OpenFlow 1.0, section 5.2.4. Ports have 16 bits.

use super::super::octets::{Put, Reader, Result};
use super::{Context, framed};
use crate::{Action, ErrorCode, Field, PortNo, SetField};

pub(super) fn read(kind: u16, start: &Reader<'_>, r: &mut Reader<'_>, _: Context) -> Result<Action> {
    let action = match kind {
        0 => {
            let (port, max_len) = (PortNo::from_u16(r.u16()?), r.u16()?);
            Action::Output { port, max_len: if port == PortNo::CONTROLLER { max_len } else { 0 } }
        }
        1 => {
            let vid = r.u16()?;
            r.skip(2)?;
            if vid > 0xfff {
                return Err(start.bad(ErrorCode::BAD_ARGUMENT, "a VLAN of 12 bits"));
            }
            Action::set(Field::VlanVid, 0x1000 | vid)
        }
        2 => {
            let pcp = octet(r)?;
            if pcp > 7 {
                return Err(start.bad(ErrorCode::BAD_ARGUMENT, "a priority of 3 bits"));
            }
            Action::set(Field::VlanPcp, pcp)
        }
        3 => {
            r.skip(4)?;
            Action::PopVlan
        }
        4 => Action::set(Field::EthSrc, mac(r)?),
        5 => Action::set(Field::EthDst, mac(r)?),
        6 => Action::set(Field::Ipv4Src, r.u32()?),
        7 => Action::set(Field::Ipv4Dst, r.u32()?),
        8 => {
            let tos = octet(r)?;
            if tos & 3 != 0 {
                return Err(start.bad(ErrorCode::BAD_ARGUMENT, "a TOS without ECN bits"));
            }
            Action::set(Field::IpTos, tos)
        }
        // Which of the three protocols it is, only the match of the flow says; the two ports are at the same place.
        9 => Action::set(Field::TcpSrc, port16(r)?),
        10 => Action::set(Field::TcpDst, port16(r)?),
        11 => {
            let port = PortNo::from_u16(r.u16()?);
            r.skip(6)?;
            Action::Enqueue { port, queue: r.u32()? }
        }
        _ => return Err(start.bad(ErrorCode::BAD_ACTION_TYPE, "a known action")),
    };
    r.end("an action of its exact length")?;
    Ok(action)
}

fn octet(r: &mut Reader<'_>) -> Result<u8> {
    let n = r.u8()?;
    r.skip(3)?;
    Ok(n)
}

fn port16(r: &mut Reader<'_>) -> Result<u16> {
    let n = r.u16()?;
    r.skip(2)?;
    Ok(n)
}

fn mac(r: &mut Reader<'_>) -> Result<u64> {
    let [a, b, c, d, e, f] = r.array()?;
    r.skip(6)?;
    Ok(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
}

/// Writes the action if OpenFlow 1.0 has it.
pub(super) fn put(out: &mut Vec<u8>, action: &Action) -> bool {
    match action {
        Action::Output { port, max_len } => framed(out, 0, |o| {
            o.put_u16(port.to_u16().unwrap_or(0xffff));
            o.put_u16(*max_len);
        }),
        Action::PopVlan => framed(out, 3, |_| {}),
        Action::Enqueue { port, queue } => framed(out, 11, |o| {
            o.put_u16(port.to_u16().unwrap_or(0xffff));
            o.zeros(6);
            o.put_u32(*queue);
        }),
        Action::SetField(set) if set.is_whole() => return put_set(out, *set),
        _ => return false,
    }
    true
}

fn put_set(out: &mut Vec<u8>, set: SetField) -> bool {
    let value = set.value;
    let mac = |o: &mut Vec<u8>| {
        o.put(&value.to_be_bytes()[10..]);
        o.zeros(6);
    };
    match set.field {
        Field::VlanVid if value & 0x1000 != 0 => framed(out, 1, |o| o.put_u16(value as u16 & 0xfff)),
        Field::VlanPcp => framed(out, 2, |o| o.put_u8(value as u8)),
        Field::EthSrc => framed(out, 4, mac),
        Field::EthDst => framed(out, 5, mac),
        Field::Ipv4Src => framed(out, 6, |o| o.put_u32(value as u32)),
        Field::Ipv4Dst => framed(out, 7, |o| o.put_u32(value as u32)),
        Field::IpTos => framed(out, 8, |o| o.put_u8(value as u8)),
        Field::TcpSrc | Field::UdpSrc => framed(out, 9, |o| o.put_u16(value as u16)),
        Field::TcpDst | Field::UdpDst => framed(out, 10, |o| o.put_u16(value as u16)),
        _ => return false,
    }
    true
}

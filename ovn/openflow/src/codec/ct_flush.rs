//! NXT_CT_FLUSH: the protocol, then properties; a tuple is a property with properties inside.

use super::octets::{Put, Reader, Result};
use super::prop::{put_prop, put_prop_u8, put_prop_u16, put_prop_u32, read_prop};
use crate::{CtFlush, CtTuple, ErrorCode};
use std::net::{IpAddr, Ipv6Addr};

mod prop {
    pub(super) const ORIG_TUPLE: u16 = 0;
    pub(super) const REPLY_TUPLE: u16 = 1;
    pub(super) const ZONE_ID: u16 = 2;
    pub(super) const MARK: u16 = 3;
    pub(super) const MARK_MASK: u16 = 4;
    pub(super) const LABELS: u16 = 5;
    pub(super) const LABELS_MASK: u16 = 6;
}

mod tuple {
    pub(super) const SRC: u16 = 0;
    pub(super) const DST: u16 = 1;
    pub(super) const SRC_PORT: u16 = 2;
    pub(super) const DST_PORT: u16 = 3;
    pub(super) const ICMP_ID: u16 = 4;
    pub(super) const ICMP_TYPE: u16 = 5;
    pub(super) const ICMP_CODE: u16 = 6;
}

pub(super) fn read(r: &mut Reader<'_>) -> Result<CtFlush> {
    let mut m = CtFlush { protocol: r.u8()?, ..CtFlush::default() };
    r.zeros(7)?;
    let mut r = r.clone().with_short(ErrorCode::BAD_PROP_LEN);
    while !r.is_empty() {
        let start = r.clone();
        let (kind, mut body) = read_prop(&mut r)?;
        match kind {
            prop::ORIG_TUPLE => m.original = Some(read_tuple(&mut body)?),
            prop::REPLY_TUPLE => m.reply = Some(read_tuple(&mut body)?),
            prop::ZONE_ID => m.zone = Some(body.u16()?),
            prop::MARK => m.mark = Some(body.u32()?),
            prop::MARK_MASK => m.mark_mask = Some(body.u32()?),
            prop::LABELS => m.labels = Some(body.u128()?),
            prop::LABELS_MASK => m.labels_mask = Some(body.u128()?),
            _ => return Err(start.bad(ErrorCode::BAD_PROP_TYPE, "a known property")),
        }
    }
    Ok(m)
}

fn read_tuple(r: &mut Reader<'_>) -> Result<CtTuple> {
    // The nested properties begin at the next multiple of 8 after the header.
    r.skip_up_to(4);
    let mut t = CtTuple::default();
    while !r.is_empty() {
        let start = r.clone();
        let (kind, mut body) = read_prop(r)?;
        match kind {
            tuple::SRC => t.src = Some(address(body.u128()?)),
            tuple::DST => t.dst = Some(address(body.u128()?)),
            tuple::SRC_PORT => t.src_port = Some(body.u16()?),
            tuple::DST_PORT => t.dst_port = Some(body.u16()?),
            tuple::ICMP_ID => t.icmp_id = Some(body.u16()?),
            tuple::ICMP_TYPE => t.icmp_type = Some(body.u8()?),
            tuple::ICMP_CODE => t.icmp_code = Some(body.u8()?),
            _ => return Err(start.bad(ErrorCode::BAD_PROP_TYPE, "a known property")),
        }
    }
    Ok(t)
}

/// IPv4 addresses travel mapped into IPv6.
fn address(n: u128) -> IpAddr {
    Ipv6Addr::from(n).to_canonical()
}

pub(super) fn put(out: &mut Vec<u8>, m: &CtFlush) {
    out.put_u8(m.protocol);
    out.zeros(7);
    for (kind, tuple) in [(prop::ORIG_TUPLE, &m.original), (prop::REPLY_TUPLE, &m.reply)] {
        if let Some(tuple) = tuple {
            put_prop(out, kind, |o| {
                o.zeros(4);
                put_tuple(o, tuple);
            });
        }
    }
    if let Some(zone) = m.zone {
        put_prop_u16(out, prop::ZONE_ID, zone);
    }
    for (kind, n) in [(prop::MARK, m.mark), (prop::MARK_MASK, m.mark_mask)] {
        if let Some(n) = n {
            put_prop_u32(out, kind, n);
        }
    }
    for (kind, n) in [(prop::LABELS, m.labels), (prop::LABELS_MASK, m.labels_mask)] {
        if let Some(n) = n {
            put_prop(out, kind, |o| o.put_u128(n));
        }
    }
}

fn put_tuple(out: &mut Vec<u8>, t: &CtTuple) {
    for (kind, address) in [(tuple::SRC, t.src), (tuple::DST, t.dst)] {
        let mapped = match address {
            Some(IpAddr::V4(v4)) => v4.to_ipv6_mapped(),
            Some(IpAddr::V6(v6)) => v6,
            None => continue,
        };
        put_prop(out, kind, |o| o.put(&mapped.octets()));
    }
    let ports = [(tuple::SRC_PORT, t.src_port), (tuple::DST_PORT, t.dst_port), (tuple::ICMP_ID, t.icmp_id)];
    for (kind, n) in ports {
        if let Some(n) = n {
            put_prop_u16(out, kind, n);
        }
    }
    for (kind, n) in [(tuple::ICMP_TYPE, t.icmp_type), (tuple::ICMP_CODE, t.icmp_code)] {
        if let Some(n) = n {
            put_prop_u8(out, kind, n);
        }
    }
}

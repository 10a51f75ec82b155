//! Queues of ports: what they are given and what went through them. OpenFlow 1.5.1 sections 7.3.5.7 and 7.3.5.8; as
//! messages of their own 1.3.5 section 7.3.6 and 1.0 section 5.3.4.

use super::multipart::{entry, list};
use super::octets::{Put, Reader, Result};
use crate::{Body, PortNo, QueueDesc, QueueStats, Version};

/// Properties of queues: rates in thousandths.
const MIN_RATE: u16 = 1;
const MAX_RATE: u16 = 2;

pub(super) fn read_request(r: &mut Reader<'_>, version: Version) -> Result<PortNo> {
    let of10 = version == Version::Of10;
    let port = if of10 { PortNo::from_u16(r.u16()?) } else { PortNo(r.u32()?) };
    r.skip(if of10 { 2 } else { 4 })?;
    Ok(port)
}

pub(super) fn put_request(out: &mut Vec<u8>, version: Version, port: PortNo) {
    if version == Version::Of10 {
        out.put_u16(port.to_u16().unwrap_or(0xffff));
        out.zeros(2);
    } else {
        out.put_u32(port.0);
        out.zeros(4);
    }
}

pub(super) fn read_reply(r: &mut Reader<'_>, version: Version) -> Result<Body> {
    let of10 = version == Version::Of10;
    let port = if of10 { PortNo::from_u16(r.u16()?) } else { PortNo(r.u32()?) };
    r.skip(if of10 { 6 } else { 4 })?;
    let queues = list(r, |r| {
        let queue = r.u32()?;
        let port = if of10 { port } else { PortNo(r.u32()?) };
        let length = usize::from(r.u16()?);
        let head = if of10 { 8 } else { 16 };
        r.skip(if of10 { 2 } else { 6 })?;
        let mut desc = QueueDesc { port, queue, min_rate: None, max_rate: None };
        let mut properties = r.sub(length.saturating_sub(head))?;
        while !properties.is_empty() {
            let (kind, length) = (properties.u16()?, usize::from(properties.u16()?));
            properties.skip(4)?;
            let mut body = properties.sub(length.saturating_sub(8))?;
            set_rate(&mut desc, kind, &mut body)?;
        }
        Ok(desc)
    })?;
    Ok(Body::QueueGetConfigReply { port, queues })
}

pub(super) fn put_reply(out: &mut Vec<u8>, version: Version, port: PortNo, queues: &[QueueDesc]) {
    put_request(out, version, port);
    let of10 = version == Version::Of10;
    if of10 {
        out.zeros(4);
    }
    for desc in queues {
        let start = out.len();
        out.put_u32(desc.queue);
        if !of10 {
            out.put_u32(desc.port.0);
        }
        let length_at = out.len();
        out.zeros(if of10 { 4 } else { 8 });
        for (kind, rate) in rates(desc) {
            out.put_u16(kind);
            out.put_u16(16);
            out.zeros(4);
            out.put_u16(rate);
            out.zeros(6);
        }
        out.patch_len(length_at, start);
    }
}

/// An entry of the multipart of OpenFlow 1.4 and later.
pub(super) fn read_desc(r: &mut Reader<'_>) -> Result<QueueDesc> {
    let (port, queue, length) = (PortNo(r.u32()?), r.u32()?, usize::from(r.u16()?));
    r.skip(6)?;
    let mut desc = QueueDesc { port, queue, min_rate: None, max_rate: None };
    let mut properties = r.sub(length.saturating_sub(16))?;
    while !properties.is_empty() {
        let (kind, mut body) = super::prop::read_prop(&mut properties)?;
        set_rate(&mut desc, kind, &mut body)?;
    }
    Ok(desc)
}

pub(super) fn put_desc(out: &mut Vec<u8>, desc: &QueueDesc) {
    let start = out.len();
    out.put_u32(desc.port.0);
    out.put_u32(desc.queue);
    out.zeros(8);
    for (kind, rate) in rates(desc) {
        super::prop::put_prop_u16(out, kind, rate);
    }
    out.patch_len(start + 8, start);
}

fn rates(desc: &QueueDesc) -> impl Iterator<Item = (u16, u16)> {
    let min = desc.min_rate.map(|rate| (MIN_RATE, rate));
    min.into_iter().chain(desc.max_rate.map(|rate| (MAX_RATE, rate)))
}

/// Other properties are passed over.
fn set_rate(desc: &mut QueueDesc, kind: u16, body: &mut Reader<'_>) -> Result<()> {
    match kind {
        MIN_RATE => desc.min_rate = Some(body.u16()?),
        MAX_RATE => desc.max_rate = Some(body.u16()?),
        _ => {}
    }
    Ok(())
}

pub(super) fn read_stats(r: &mut Reader<'_>, version: Version) -> Result<QueueStats> {
    let mut body = if version >= Version::Of14 {
        let mut body = entry(r)?;
        body.skip(6)?;
        body
    } else {
        r.sub(if version == Version::Of10 { 32 } else { 40 })?
    };
    let port = if version == Version::Of10 {
        let port = PortNo::from_u16(body.u16()?);
        body.skip(2)?;
        port
    } else {
        PortNo(body.u32()?)
    };
    let (queue, tx_bytes, tx_packets, tx_errors) = (body.u32()?, body.u64()?, body.u64()?, body.u64()?);
    let (duration_sec, duration_nsec) =
        if version == Version::Of10 { (u32::MAX, u32::MAX) } else { (body.u32()?, body.u32()?) };
    Ok(QueueStats { port, queue, tx_bytes, tx_packets, tx_errors, duration_sec, duration_nsec })
}

pub(super) fn put_stats(out: &mut Vec<u8>, version: Version, s: &QueueStats) {
    match version {
        Version::Of10 => {
            out.put_u16(s.port.to_u16().unwrap_or(0xffff));
            out.zeros(2);
        }
        Version::Of13 => out.put_u32(s.port.0),
        Version::Of14 | Version::Of15 => {
            out.put_u16(48);
            out.zeros(6);
            out.put_u32(s.port.0);
        }
    }
    out.put_u32(s.queue);
    out.put_u64(s.tx_bytes);
    out.put_u64(s.tx_packets);
    out.put_u64(s.tx_errors);
    if version != Version::Of10 {
        out.put_u32(s.duration_sec);
        out.put_u32(s.duration_nsec);
    }
}

//! Descriptions, changes and counters of ports. OpenFlow 1.5.1 sections 7.2.1, 7.3.4.4, 7.3.5.6; 1.0 section 5.2.1.

use super::octets::{Put, Reader, Result};
use super::prop::read_prop;
use crate::{PortConfig, PortDesc, PortMod, PortNo, PortState, PortStats, PortStatus, Version};

/// Text in a field of fixed size, ended by a zero.
pub(super) fn fixed_text(octets: &[u8]) -> String {
    let text = octets.split(|&b| b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

pub(super) fn put_fixed_text(out: &mut Vec<u8>, text: &str, size: usize) {
    let mut end = text.len().min(size - 1);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    out.put(&text.as_bytes()[..end]);
    out.zeros(size - end);
}

pub(super) fn read_desc(r: &mut Reader<'_>, version: Version) -> Result<PortDesc> {
    match version {
        Version::Of10 => read_desc10(r),
        Version::Of13 => read_desc13(r),
        Version::Of14 | Version::Of15 => read_desc14(r),
    }
}

fn read_desc10(r: &mut Reader<'_>) -> Result<PortDesc> {
    let (port, hw_addr, name) = (PortNo::from_u16(r.u16()?), r.array()?, fixed_text(r.take(16)?));
    let (config, state) = (PortConfig(r.u32()?), PortState(r.u32()?));
    let (curr, advertised, supported, peer) = (r.u32()?, r.u32()?, r.u32()?, r.u32()?);
    Ok(PortDesc {
        port,
        hw_addr,
        name,
        config,
        state,
        curr,
        advertised,
        supported,
        peer,
        curr_speed: 0,
        max_speed: 0,
    })
}

fn read_desc13(r: &mut Reader<'_>) -> Result<PortDesc> {
    let port = PortNo(r.u32()?);
    r.skip(4)?;
    let hw_addr = r.array()?;
    r.skip(2)?;
    let name = fixed_text(r.take(16)?);
    let (config, state) = (PortConfig(r.u32()?), PortState(r.u32()?));
    let (curr, advertised, supported, peer) = (r.u32()?, r.u32()?, r.u32()?, r.u32()?);
    let (curr_speed, max_speed) = (r.u32()?, r.u32()?);
    Ok(PortDesc {
        port,
        hw_addr,
        name,
        config,
        state,
        curr,
        advertised,
        supported,
        peer,
        curr_speed,
        max_speed,
    })
}

fn read_desc14(r: &mut Reader<'_>) -> Result<PortDesc> {
    let port = PortNo(r.u32()?);
    let length = usize::from(r.u16()?);
    r.skip(2)?;
    let mut r = r.sub(length.saturating_sub(8))?;
    let hw_addr = r.array()?;
    r.skip(2)?;
    let name = fixed_text(r.take(16)?);
    let (config, state) = (PortConfig(r.u32()?), PortState(r.u32()?));
    let mut desc = PortDesc {
        port,
        hw_addr,
        name,
        config,
        state,
        curr: 0,
        advertised: 0,
        supported: 0,
        peer: 0,
        curr_speed: 0,
        max_speed: 0,
    };
    while !r.is_empty() {
        let (kind, mut body) = read_prop(&mut r)?;
        if kind == 0 {
            body.skip(4)?;
            (desc.curr, desc.advertised, desc.supported, desc.peer) =
                (body.u32()?, body.u32()?, body.u32()?, body.u32()?);
            (desc.curr_speed, desc.max_speed) = (body.u32()?, body.u32()?);
        }
    }
    Ok(desc)
}

pub(super) fn put_desc(out: &mut Vec<u8>, version: Version, d: &PortDesc) {
    let start = out.len();
    if version == Version::Of10 {
        out.put_u16(d.port.to_u16().unwrap_or(0xffff));
        out.put(&d.hw_addr);
    } else {
        out.put_u32(d.port.0);
        out.zeros(4);
        out.put(&d.hw_addr);
        out.zeros(2);
    }
    put_fixed_text(out, &d.name, 16);
    out.put_u32(d.config.0);
    // OpenFlow 1.0 has no "live", and its other bits are of the spanning tree.
    out.put_u32(if version == Version::Of10 { d.state.0 & PortState::LINK_DOWN } else { d.state.0 });
    if version >= Version::Of14 {
        out.put_u16(0);
        out.put_u16(32);
        out.zeros(4);
    }
    for n in [d.curr, d.advertised, d.supported, d.peer] {
        out.put_u32(n);
    }
    if version != Version::Of10 {
        out.put_u32(d.curr_speed);
        out.put_u32(d.max_speed);
    }
    if version >= Version::Of14 {
        out.patch_len(start + 4, start);
    }
}

pub(super) fn read_status(r: &mut Reader<'_>, version: Version) -> Result<PortStatus> {
    let reason = r.u8()?.into();
    r.skip(7)?;
    Ok(PortStatus { reason, desc: read_desc(r, version)? })
}

pub(super) fn put_status(out: &mut Vec<u8>, version: Version, m: &PortStatus) {
    out.put_u8(m.reason.into());
    out.zeros(7);
    put_desc(out, version, &m.desc);
}

pub(super) fn read_mod(r: &mut Reader<'_>, version: Version) -> Result<PortMod> {
    let (port, hw_addr) = if version == Version::Of10 {
        (PortNo::from_u16(r.u16()?), r.array()?)
    } else {
        let port = PortNo(r.u32()?);
        r.skip(4)?;
        let hw_addr = r.array()?;
        r.skip(2)?;
        (port, hw_addr)
    };
    let (config, mask) = (PortConfig(r.u32()?), PortConfig(r.u32()?));
    let mut advertise = 0;
    if version >= Version::Of14 {
        while !r.is_empty() {
            let (kind, mut body) = read_prop(r)?;
            if kind == 0 {
                advertise = body.u32()?;
            }
        }
    } else {
        advertise = r.u32()?;
        r.skip_up_to(4);
    }
    Ok(PortMod { port, hw_addr, config, mask, advertise })
}

pub(super) fn put_mod(out: &mut Vec<u8>, version: Version, m: &PortMod) {
    if version == Version::Of10 {
        out.put_u16(m.port.to_u16().unwrap_or(0xffff));
        out.put(&m.hw_addr);
    } else {
        out.put_u32(m.port.0);
        out.zeros(4);
        out.put(&m.hw_addr);
        out.zeros(2);
    }
    out.put_u32(m.config.0);
    out.put_u32(m.mask.0);
    if version >= Version::Of14 {
        if m.advertise != 0 {
            out.put_u16(0);
            out.put_u16(8);
            out.put_u32(m.advertise);
        }
    } else {
        out.put_u32(m.advertise);
        out.zeros(4);
    }
}

pub(super) fn read_stats(r: &mut Reader<'_>, version: Version) -> Result<PortStats> {
    if version >= Version::Of14 {
        return read_stats14(r);
    }
    let port = if version == Version::Of10 {
        let port = PortNo::from_u16(r.u16()?);
        r.skip(6)?;
        port
    } else {
        let port = PortNo(r.u32()?);
        r.skip(4)?;
        port
    };
    let mut stats = read_counters(r, port)?;
    (stats.rx_frame_errors, stats.rx_over_errors) = (r.u64()?, r.u64()?);
    (stats.rx_crc_errors, stats.collisions) = (r.u64()?, r.u64()?);
    if version != Version::Of10 {
        (stats.duration_sec, stats.duration_nsec) = (r.u32()?, r.u32()?);
    }
    Ok(stats)
}

fn read_counters(r: &mut Reader<'_>, port: PortNo) -> Result<PortStats> {
    Ok(PortStats {
        port,
        rx_packets: r.u64()?,
        tx_packets: r.u64()?,
        rx_bytes: r.u64()?,
        tx_bytes: r.u64()?,
        rx_dropped: r.u64()?,
        tx_dropped: r.u64()?,
        rx_errors: r.u64()?,
        tx_errors: r.u64()?,
        rx_frame_errors: u64::MAX,
        rx_over_errors: u64::MAX,
        rx_crc_errors: u64::MAX,
        collisions: u64::MAX,
        duration_sec: u32::MAX,
        duration_nsec: u32::MAX,
    })
}

fn read_stats14(r: &mut Reader<'_>) -> Result<PortStats> {
    let length = usize::from(r.u16()?);
    r.skip(2)?;
    let mut r = r.sub(length.saturating_sub(4))?;
    let port = PortNo(r.u32()?);
    let duration = (r.u32()?, r.u32()?);
    let mut stats = read_counters(&mut r, port)?;
    (stats.duration_sec, stats.duration_nsec) = duration;
    while !r.is_empty() {
        let (kind, mut body) = read_prop(&mut r)?;
        if kind == 0 {
            body.skip(4)?;
            (stats.rx_frame_errors, stats.rx_over_errors) = (body.u64()?, body.u64()?);
            (stats.rx_crc_errors, stats.collisions) = (body.u64()?, body.u64()?);
        }
    }
    Ok(stats)
}

pub(super) fn put_stats(out: &mut Vec<u8>, version: Version, s: &PortStats) {
    let start = out.len();
    match version {
        Version::Of10 => {
            out.put_u16(s.port.to_u16().unwrap_or(0xffff));
            out.zeros(6);
        }
        Version::Of13 => {
            out.put_u32(s.port.0);
            out.zeros(4);
        }
        Version::Of14 | Version::Of15 => {
            out.zeros(4);
            out.put_u32(s.port.0);
            out.put_u32(s.duration_sec);
            out.put_u32(s.duration_nsec);
        }
    }
    let all = [
        s.rx_packets,
        s.tx_packets,
        s.rx_bytes,
        s.tx_bytes,
        s.rx_dropped,
        s.tx_dropped,
        s.rx_errors,
        s.tx_errors,
    ];
    all.into_iter().for_each(|n| out.put_u64(n));
    if version >= Version::Of14 {
        out.put_u16(0);
        out.put_u16(40);
        out.zeros(4);
    }
    let ethernet = [s.rx_frame_errors, s.rx_over_errors, s.rx_crc_errors, s.collisions];
    ethernet.into_iter().for_each(|n| out.put_u64(n));
    match version {
        Version::Of10 => {}
        Version::Of13 => {
            out.put_u32(s.duration_sec);
            out.put_u32(s.duration_nsec);
        }
        Version::Of14 | Version::Of15 => out.patch_len(start, start),
    }
}

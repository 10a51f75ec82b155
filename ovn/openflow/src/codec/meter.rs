//! METER_MOD and what it shares with meter descriptions. OpenFlow 1.5.1 section 7.3.4.5.

use super::octets::{Put, Reader, Result};
use crate::{Band, BandKind, ErrorCode, MeterFlags, MeterId, MeterMod, MeterModCommand};

pub(super) fn read(r: &mut Reader<'_>) -> Result<MeterMod> {
    let start = r.clone();
    let command = match r.u16()? {
        0 => MeterModCommand::Add,
        1 => MeterModCommand::Modify,
        2 => MeterModCommand::Delete,
        _ => return Err(start.bad(ErrorCode::METER_BAD_COMMAND, "a known command")),
    };
    let flags = MeterFlags(r.u16()?);
    if flags.0 & !0xf != 0 || flags.0 & 3 == 3 {
        return Err(start.bad(ErrorCode::METER_BAD_FLAGS, "known flags, one unit"));
    }
    let meter = MeterId(r.u32()?);
    Ok(MeterMod { command, flags, meter, bands: read_bands(r)? })
}

pub(super) fn read_bands(r: &mut Reader<'_>) -> Result<Vec<Band>> {
    let mut bands = Vec::new();
    while !r.is_empty() {
        let start = r.clone();
        let (kind, length) = (r.u16()?, usize::from(r.u16()?));
        if length != 16 {
            return Err(start.bad(ErrorCode::BAD_LEN, "a band of 16 octets"));
        }
        let (rate, burst, precedence) = (r.u32()?, r.u32()?, r.u8()?);
        r.skip(3)?;
        let kind = match kind {
            1 => BandKind::Drop,
            2 => BandKind::DscpRemark(precedence),
            _ => return Err(start.bad(ErrorCode::METER_BAD_BAND, "a known kind of band")),
        };
        bands.push(Band { kind, rate, burst });
    }
    Ok(bands)
}

pub(super) fn put(out: &mut Vec<u8>, m: &MeterMod) {
    out.put_u16(match m.command {
        MeterModCommand::Add => 0,
        MeterModCommand::Modify => 1,
        MeterModCommand::Delete => 2,
    });
    out.put_u16(m.flags.0);
    out.put_u32(m.meter.0);
    put_bands(out, &m.bands);
}

pub(super) fn put_bands(out: &mut Vec<u8>, bands: &[Band]) {
    for band in bands {
        let (kind, precedence) = match band.kind {
            BandKind::Drop => (1, 0),
            BandKind::DscpRemark(precedence) => (2, precedence),
        };
        out.put_u16(kind);
        out.put_u16(16);
        out.put_u32(band.rate);
        out.put_u32(band.burst);
        out.put(&[precedence, 0, 0, 0]);
    }
}

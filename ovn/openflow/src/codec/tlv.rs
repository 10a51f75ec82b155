//! NXT_TLV_TABLE_MOD, _REQUEST and _REPLY.

use super::octets::{Put, Reader, Result};
use crate::{ErrorCode, TlvMap, TlvTable, TlvTableCommand, TlvTableMod};

pub(super) fn read_mod(r: &mut Reader<'_>) -> Result<TlvTableMod> {
    let start = r.clone();
    let command = match r.u16()? {
        0 => TlvTableCommand::Add,
        1 => TlvTableCommand::Delete,
        2 => TlvTableCommand::Clear,
        _ => return Err(start.bad(ErrorCode::TLV_BAD_COMMAND, "a known command")),
    };
    r.skip(6)?;
    Ok(TlvTableMod { command, maps: read_maps(r)? })
}

fn read_maps(r: &mut Reader<'_>) -> Result<Vec<TlvMap>> {
    let mut maps = Vec::new();
    while !r.is_empty() {
        let start = r.clone();
        let map = TlvMap { class: r.u16()?, kind: r.u8()?, length: r.u8()?, index: r.u16()? };
        r.skip(2)?;
        if map.index >= 64 {
            return Err(start.bad(ErrorCode::TLV_BAD_FIELD_INDEX, "an index below 64"));
        }
        if map.length == 0 || !map.length.is_multiple_of(4) || map.length > 124 {
            return Err(
                start.bad(ErrorCode::TLV_BAD_OPTION_LEN, "a length of 4 to 124 that is a multiple of 4")
            );
        }
        maps.push(map);
    }
    Ok(maps)
}

pub(super) fn put_mod(out: &mut Vec<u8>, m: &TlvTableMod) {
    out.put_u16(match m.command {
        TlvTableCommand::Add => 0,
        TlvTableCommand::Delete => 1,
        TlvTableCommand::Clear => 2,
    });
    out.zeros(6);
    put_maps(out, &m.maps);
}

fn put_maps(out: &mut Vec<u8>, maps: &[TlvMap]) {
    for map in maps {
        out.put_u16(map.class);
        out.put(&[map.kind, map.length]);
        out.put_u16(map.index);
        out.zeros(2);
    }
}

pub(super) fn read_table(r: &mut Reader<'_>) -> Result<TlvTable> {
    let (max_option_space, max_fields) = (r.u32()?, r.u16()?);
    r.skip(10)?;
    Ok(TlvTable { max_option_space, max_fields, maps: read_maps(r)? })
}

pub(super) fn put_table(out: &mut Vec<u8>, m: &TlvTable) {
    out.put_u32(m.max_option_space);
    out.put_u16(m.max_fields);
    out.zeros(10);
    put_maps(out, &m.maps);
}

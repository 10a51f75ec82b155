//! The switch as a whole: features, configuration, role, HELLO, errors.

use super::octets::{Put, Reader, Result};
use super::port;
use crate::{
    ErrorCode, ErrorMessage, Role, RoleMessage, RoleStatus, SwitchConfig, SwitchFeatures, Version, Versions,
    vendor,
};

/// The elements of a HELLO; without a bitmap, all versions up to that of the header.
pub(super) fn read_hello(r: &mut Reader<'_>, header_version: u8) -> Versions {
    let mut versions = Versions::up_to(header_version);
    let mut element = || -> Result<bool> {
        let (kind, length) = (r.u16()?, usize::from(r.u16()?));
        let mut body = r.sub(length.saturating_sub(4))?;
        r.skip_up_to(length.next_multiple_of(8) - length);
        if kind == 1 && length >= 8 {
            versions = Versions(body.u32()?);
        }
        Ok(length >= 4)
    };
    // Whatever else is there is of later versions and must be ignored (section 7.5.1).
    while let Ok(true) = element() {}
    versions
}

pub(super) fn put_hello(out: &mut Vec<u8>, versions: Versions) {
    out.put_u16(1);
    out.put_u16(8);
    out.put_u32(versions.0);
}

/// In OpenFlow 1.0 the type of Nicira's errors.
const NX_ERROR_OF10: u16 = 0xb0c2;

pub(super) fn read_error(r: &mut Reader<'_>) -> Result<ErrorMessage> {
    let (kind, code) = (r.u16()?, r.u16()?);
    let code = match kind {
        0xffff => ErrorCode { kind, code, vendor: read_vendor(r)? },
        NX_ERROR_OF10 => {
            let vendor = read_vendor(r)?;
            let (kind, code) = (r.u16()?, r.u16()?);
            // The vendor's own types: 0xffff is what later versions have as experimenter's error.
            ErrorCode { kind, code, vendor }
        }
        _ => ErrorCode { kind, code, vendor: 0 },
    };
    Ok(ErrorMessage { code: newer(code), data: r.rest().to_vec() })
}

/// Errors that OpenFlow 1.0 and 1.3 do not have, with the codes of Nicira that stand for them there: in 1.0 of type 1.
const OLDER: [(ErrorCode, Option<u16>, Option<u16>); 4] = [
    (ErrorCode::BAD_ROLE, Some(513), None),
    (ErrorCode::MONITOR_EXISTS, Some(517), Some(6)),
    (ErrorCode::MONITOR_BAD_FLAGS, Some(518), Some(7)),
    (ErrorCode::UNKNOWN_MONITOR, Some(519), Some(8)),
];

fn older(error: ErrorCode, version: Version) -> ErrorCode {
    let found = OLDER.iter().find(|(code, ..)| *code == error);
    let replaced = found.and_then(|(_, of10, of13)| match version {
        Version::Of10 => of10.map(|code| ErrorCode { kind: 1, code, vendor: vendor::NX }),
        Version::Of13 => of13.map(|code| ErrorCode { kind: 0xffff, code, vendor: vendor::NX }),
        Version::Of14 | Version::Of15 => None,
    });
    replaced.unwrap_or(error)
}

/// The error that a code of [`OLDER`] stands for.
fn newer(error: ErrorCode) -> ErrorCode {
    let is_it = |code: &Option<u16>, kind| *code == Some(error.code) && error.kind == kind;
    let found = OLDER.iter().find(|(_, of10, of13)| is_it(of10, 1) || is_it(of13, 0xffff));
    found.filter(|_| error.vendor == vendor::NX).map_or(error, |(code, ..)| *code)
}

/// The vendor of an error. 0 is none, and would be written as an error of OpenFlow's own.
fn read_vendor(r: &mut Reader<'_>) -> Result<u32> {
    let start = r.clone();
    match r.u32()? {
        0 => Err(start.bad(ErrorCode::BAD_EXPERIMENTER, "a vendor")),
        vendor => Ok(vendor),
    }
}

pub(super) fn put_error(out: &mut Vec<u8>, version: Version, m: &ErrorMessage) {
    let ErrorCode { kind, code, vendor } = older(m.code, version);
    match (vendor, version) {
        (0, _) => {
            out.put_u16(kind);
            out.put_u16(code);
        }
        (_, Version::Of10) => {
            out.put_u16(NX_ERROR_OF10);
            out.put_u16(0);
            out.put_u32(vendor);
            out.put_u16(kind);
            out.put_u16(code);
        }
        (_, Version::Of13 | Version::Of14 | Version::Of15) => {
            out.put_u16(0xffff);
            out.put_u16(code);
            out.put_u32(vendor);
        }
    }
    out.put(&m.data);
}

pub(super) fn read_features(r: &mut Reader<'_>, version: Version) -> Result<SwitchFeatures> {
    let (datapath_id, n_buffers, n_tables, auxiliary_id) = (r.u64()?, r.u32()?, r.u8()?, r.u8()?);
    r.skip(2)?;
    let (capabilities, actions) = (r.u32()?, r.u32()?);
    let mut ports = Vec::new();
    if version == Version::Of10 {
        while !r.is_empty() {
            ports.push(port::read_desc(r, version)?);
        }
        return Ok(SwitchFeatures {
            datapath_id,
            n_buffers,
            n_tables,
            auxiliary_id: 0,
            capabilities,
            actions,
            ports,
        });
    }
    Ok(SwitchFeatures { datapath_id, n_buffers, n_tables, auxiliary_id, capabilities, actions: 0, ports })
}

pub(super) fn put_features(out: &mut Vec<u8>, version: Version, m: &SwitchFeatures) {
    let of10 = version == Version::Of10;
    out.put_u64(m.datapath_id);
    out.put_u32(m.n_buffers);
    out.put(&[m.n_tables, if of10 { 0 } else { m.auxiliary_id }, 0, 0]);
    out.put_u32(m.capabilities);
    out.put_u32(if of10 { m.actions } else { 0 });
    if of10 {
        m.ports.iter().for_each(|p| port::put_desc(out, version, p));
    }
}

pub(super) fn read_config(r: &mut Reader<'_>) -> Result<SwitchConfig> {
    Ok(SwitchConfig { flags: r.u16()?, miss_send_len: r.u16()? })
}

pub(super) fn put_config(out: &mut Vec<u8>, m: SwitchConfig) {
    out.put_u16(m.flags);
    out.put_u16(m.miss_send_len);
}

fn role_of(start: &Reader<'_>, number: u32) -> Result<Role> {
    Ok(match number {
        0 => Role::NoChange,
        1 => Role::Equal,
        2 => Role::Primary,
        3 => Role::Secondary,
        _ => return Err(start.bad(ErrorCode::BAD_ROLE, "a known role")),
    })
}

const fn role_number(role: Role) -> u32 {
    match role {
        Role::NoChange => 0,
        Role::Equal => 1,
        Role::Primary => 2,
        Role::Secondary => 3,
    }
}

pub(super) fn read_role(r: &mut Reader<'_>) -> Result<RoleMessage> {
    let start = r.clone();
    let role = role_of(&start, r.u32()?)?;
    r.skip(4)?;
    Ok(RoleMessage { role, generation_id: r.u64()? })
}

pub(super) fn put_role(out: &mut Vec<u8>, m: RoleMessage) {
    out.put_u32(role_number(m.role));
    out.zeros(4);
    out.put_u64(m.generation_id);
}

pub(super) fn read_role_status(r: &mut Reader<'_>) -> Result<RoleStatus> {
    let start = r.clone();
    let role = role_of(&start, r.u32()?)?;
    let reason = r.u8()?;
    r.skip(3)?;
    Ok(RoleStatus { role, reason, generation_id: r.u64()? })
}

pub(super) fn put_role_status(out: &mut Vec<u8>, m: RoleStatus) {
    out.put_u32(role_number(m.role));
    out.put(&[m.reason, 0, 0, 0]);
    out.put_u64(m.generation_id);
}

/// NXT_ROLE_REQUEST and its reply.
pub(super) fn read_nx_role(r: &mut Reader<'_>) -> Result<RoleMessage> {
    let start = r.clone();
    let role = match r.u32()? {
        0 => Role::Equal,
        1 => Role::Primary,
        2 => Role::Secondary,
        _ => return Err(start.bad(ErrorCode::BAD_ROLE, "a known role")),
    };
    Ok(RoleMessage { role, generation_id: 0 })
}

pub(super) fn put_nx_role(out: &mut Vec<u8>, m: RoleMessage) {
    out.put_u32(match m.role {
        Role::NoChange | Role::Equal => 0,
        Role::Primary => 1,
        Role::Secondary => 2,
    });
}

/// The vendor and subtype that begin a vendor's message.
pub(super) fn put_vendor(out: &mut Vec<u8>, vendor: u32, subtype: u32) {
    out.put_u32(vendor);
    out.put_u32(subtype);
}

pub(super) fn put_nx(out: &mut Vec<u8>, subtype: u32) {
    put_vendor(out, vendor::NX, subtype);
}

//! Which messages a connection wants unasked: six masks in OpenFlow 1.3 and Nicira's message for 1.0, properties from
//! 1.4 (OpenFlow 1.5.1 section 7.3.10).

use super::octets::{Put, Reader, Result};
use super::prop::{put_prop_u32, read_prop};
use crate::{AsyncKind, AsyncMask, ErrorCode};

/// What the older form tells of, in its order.
const OLD: [AsyncKind; 3] = [AsyncKind::PacketIn, AsyncKind::PortStatus, AsyncKind::FlowRemoved];

/// Six masks: for each kind first the one for primary connections. What cannot be is left out.
pub(super) fn read_old(r: &mut Reader<'_>) -> Result<Vec<AsyncMask>> {
    let mut masks = Vec::new();
    for kind in OLD {
        for secondary in [false, true] {
            let mask = r.u32()? & old_bits(kind);
            masks.push(AsyncMask { kind, secondary, mask });
        }
    }
    Ok(masks)
}

/// The reasons that OpenFlow 1.3 has.
const fn old_bits(kind: AsyncKind) -> u32 {
    match kind {
        AsyncKind::PacketIn => 7,
        AsyncKind::FlowRemoved => 0xf,
        AsyncKind::PortStatus
        | AsyncKind::RoleStatus
        | AsyncKind::TableStatus
        | AsyncKind::RequestForward => kind.valid(),
    }
}

pub(super) fn put_old(out: &mut Vec<u8>, masks: &[AsyncMask]) {
    for kind in OLD {
        for secondary in [false, true] {
            let mask = masks.iter().find(|m| m.kind == kind && m.secondary == secondary);
            out.put_u32(mask.map_or(0, |m| m.mask) & old_bits(kind));
        }
    }
}

pub(super) fn read_props(r: &mut Reader<'_>) -> Result<Vec<AsyncMask>> {
    let mut masks = Vec::new();
    let mut r = r.clone().with_short(ErrorCode::BAD_PROP_LEN);
    while !r.is_empty() {
        let start = r.clone();
        let (number, mut body) = read_prop(&mut r)?;
        let Some(&kind) = AsyncKind::ALL.get(usize::from(number / 2)) else {
            return Err(start.bad(ErrorCode::ASYNC_UNSUPPORTED, "a known kind of message"));
        };
        let mask = body.u32()?;
        body.end("a property of 8 octets")?;
        if mask & !kind.valid() != 0 {
            return Err(start.bad(ErrorCode::ASYNC_INVALID, "reasons that there are"));
        }
        masks.push(AsyncMask { kind, secondary: number % 2 == 0, mask });
    }
    Ok(masks)
}

pub(super) fn put_props(out: &mut Vec<u8>, masks: &[AsyncMask]) {
    for m in masks {
        put_prop_u32(out, 2 * m.kind as u16 + u16::from(!m.secondary), m.mask);
    }
}

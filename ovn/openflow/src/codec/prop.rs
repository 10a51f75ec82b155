//! Properties: type 16 bits, length 16 bits, body, then zeros to a multiple of 8 that the length does not count.
//!
//! Numbers of 8 and 16 bits are padded to 4 octets, which the length does count. OpenFlow 1.5.1 section 7.2.

use super::octets::{Put, Reader, Result};
use crate::ErrorCode;

/// The next property: its type and its body.
pub(super) fn read_prop<'a>(r: &mut Reader<'a>) -> Result<(u16, Reader<'a>)> {
    let start = r.clone();
    let (kind, length) = (r.u16()?, usize::from(r.u16()?));
    if length < 4 {
        return Err(start.bad(ErrorCode::BAD_PROP_LEN, "a property of at least 4 octets"));
    }
    let body = r.sub(length - 4)?;
    r.skip_up_to(length.next_multiple_of(8) - length);
    Ok((kind, body))
}

pub(super) fn put_prop(out: &mut Vec<u8>, kind: u16, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.put_u16(kind);
    out.put_u16(0);
    body(out);
    out.patch_len(start + 2, start);
    out.pad8(start);
}

pub(super) fn put_prop_u8(out: &mut Vec<u8>, kind: u16, n: u8) {
    put_prop(out, kind, |o| o.put(&[n, 0, 0, 0]));
}

pub(super) fn put_prop_u16(out: &mut Vec<u8>, kind: u16, n: u16) {
    let [high, low] = n.to_be_bytes();
    put_prop(out, kind, |o| o.put(&[high, low, 0, 0]));
}

pub(super) fn put_prop_u32(out: &mut Vec<u8>, kind: u16, n: u32) {
    put_prop(out, kind, |o| o.put_u32(n));
}

//! Actions on the wire: type 16 bits, length 16 bits (a multiple of 8, at least 8), body.
//!
//! `standard` has OpenFlow 1.3's and later, `of10` those of 1.0, `nicira` the extensions by subtype.

mod controller;
mod ct;
mod learn;
mod nicira;
mod of10;
mod sample;
mod standard;

use super::octets::{Put, Reader, Result};
use crate::{Action, ErrorCode, MAX_ACTION_DEPTH, Version, vendor};

/// What must be known around an action to read it.
#[derive(Clone, Copy)]
pub(super) struct Context {
    pub(super) version: Version,
    depth: usize,
}

impl Context {
    pub(super) const fn new(version: Version) -> Self {
        Self { version, depth: 0 }
    }

    /// For actions inside of this one.
    fn nested(self, r: &Reader<'_>) -> Result<Self> {
        if self.depth >= MAX_ACTION_DEPTH {
            return Err(r.bad(ErrorCode::TOO_MANY_ACTIONS, "less nesting of actions"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

/// An action, or what only OpenFlow 1.0 puts among the actions.
enum Item {
    Action(Action),
    /// NXAST_WRITE_METADATA: an instruction since OpenFlow 1.1.
    WriteMetadata {
        value: u64,
        mask: u64,
    },
}

/// Actions until the end.
pub(super) fn read_actions(r: &mut Reader<'_>, context: Context) -> Result<Vec<Action>> {
    let mut actions = Vec::new();
    while !r.is_empty() {
        let start = r.clone();
        match read_item(r, context)? {
            Item::Action(action) => actions.push(action),
            Item::WriteMetadata { .. } => {
                return Err(
                    start.bad(ErrorCode::BAD_ACTION_EXP_TYPE, "no write_metadata among these actions")
                );
            }
        }
    }
    Ok(actions)
}

/// Value and mask of `write_metadata`.
type WrittenMetadata = Option<(u64, u64)>;

/// Actions of an OpenFlow 1.0 flow, and the instruction that may be among them.
pub(super) fn read_actions_with_metadata(
    r: &mut Reader<'_>,
    context: Context,
) -> Result<(Vec<Action>, WrittenMetadata)> {
    let mut actions = Vec::new();
    let mut metadata = None;
    while !r.is_empty() {
        match read_item(r, context)? {
            Item::Action(action) => actions.push(action),
            Item::WriteMetadata { value, mask } => metadata = Some((value, mask)),
        }
    }
    Ok((actions, metadata))
}

fn read_item(r: &mut Reader<'_>, context: Context) -> Result<Item> {
    let start = r.clone();
    let mut header = r.clone().with_short(ErrorCode::BAD_ACTION_LEN);
    let kind = header.u16()?;
    let length = usize::from(header.u16()?);
    if length < 8 || length % 8 != 0 || length > r.len() {
        return Err(start.bad(ErrorCode::BAD_ACTION_LEN, "a length that is a multiple of 8 and within"));
    }
    let mut body = r.sub(length)?.with_short(ErrorCode::BAD_ACTION_LEN);
    body.skip(4)?;
    if kind != 0xffff {
        let read = if context.version == Version::Of10 { of10::read } else { standard::read };
        return read(kind, &start, &mut body, context).map(Item::Action);
    }
    match body.u32()? {
        vendor::NX => nicira::read(&mut body, context),
        vendor::ONF => standard::read_onf(&mut body).map(Item::Action),
        _ => Err(start.bad(ErrorCode::BAD_ACTION_EXPERIMENTER, "a known experimenter")),
    }
}

pub(super) fn put_actions(out: &mut Vec<u8>, version: Version, actions: &[Action]) {
    for action in actions {
        put_action(out, version, action);
    }
}

fn put_action(out: &mut Vec<u8>, version: Version, action: &Action) {
    let done = match version {
        Version::Of10 => of10::put(out, action),
        Version::Of13 | Version::Of14 | Version::Of15 => standard::put(out, version, action),
    };
    if !done {
        nicira::put(out, version, action);
    }
}

/// Writes a standard action around what `body` writes.
fn framed(out: &mut Vec<u8>, kind: u16, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.put_u16(kind);
    out.put_u16(0);
    body(out);
    out.pad8(start);
    out.patch_len(start + 2, start);
}

/// Writes an action of a vendor around what `body` writes.
fn framed_vendor(out: &mut Vec<u8>, vendor: u32, subtype: u16, body: impl FnOnce(&mut Vec<u8>)) {
    framed(out, 0xffff, |out| {
        out.put_u32(vendor);
        out.put_u16(subtype);
        body(out);
    });
}

//! GROUP_MOD and what it shares with group descriptions. OpenFlow 1.5.1 section 7.3.4.3, 1.3.5 section 7.3.4.2.

use super::action::{Context, put_actions, read_actions};
use super::octets::{Put, Reader, Result};
use super::oxm::{self, HeaderStyle};
use super::prop::{put_prop_u16, put_prop_u32, read_prop};
use crate::{
    Bucket, BucketCommand, BucketId, ErrorCode, Field, GroupId, GroupKind, GroupMod, GroupModCommand, PortNo,
    SelectionMethod, Version, vendor,
};

/// Largest number a bucket can have.
const BUCKET_MAX: u32 = 0xffff_ff00;

/// OpenFlow 1.5's layout also serves Nicira's group messages for OpenFlow 1.0.
const fn new_layout(version: Version) -> bool {
    matches!(version, Version::Of15 | Version::Of10)
}

pub(super) fn read(r: &mut Reader<'_>, version: Version) -> Result<GroupMod> {
    let start = r.clone();
    let (command, kind) = (r.u16()?, r.u8()?);
    r.skip(1)?;
    let group = GroupId(r.u32()?);
    let kind = group_kind(&start, kind)?;
    let (buckets, selection, bucket) = if new_layout(version) {
        let array = usize::from(r.u16()?);
        r.skip(2)?;
        let bucket = bucket_command(r.u32()?);
        let buckets = read_buckets(&mut r.sub(array)?, version)?;
        (buckets, read_props(r)?, bucket)
    } else {
        (read_buckets(r, version)?, None, Some(BucketCommand::All))
    };
    let command = match command {
        0 => GroupModCommand::Add,
        1 => GroupModCommand::Modify,
        2 => GroupModCommand::Delete,
        n @ (3 | 5) if new_layout(version) => {
            let bucket = bucket.ok_or_else(|| start.bad(ErrorCode::UNKNOWN_BUCKET, "a bucket's number"))?;
            if n == 3 { GroupModCommand::InsertBucket(bucket) } else { GroupModCommand::RemoveBucket(bucket) }
        }
        0x8000 => GroupModCommand::AddOrModify,
        _ => return Err(start.bad(ErrorCode::GROUP_BAD_COMMAND, "a known command")),
    };
    Ok(GroupMod { command, kind, group, buckets, selection })
}

pub(super) fn group_kind(r: &Reader<'_>, n: u8) -> Result<GroupKind> {
    Ok(match n {
        0 => GroupKind::All,
        1 => GroupKind::Select,
        2 => GroupKind::Indirect,
        3 => GroupKind::FastFailover,
        _ => return Err(r.bad(ErrorCode::GROUP_BAD_TYPE, "a known kind of group")),
    })
}

pub(super) const fn kind_number(kind: GroupKind) -> u8 {
    match kind {
        GroupKind::All => 0,
        GroupKind::Select => 1,
        GroupKind::Indirect => 2,
        GroupKind::FastFailover => 3,
    }
}

const fn bucket_command(n: u32) -> Option<BucketCommand> {
    match n {
        0xffff_fffd => Some(BucketCommand::First),
        0xffff_fffe => Some(BucketCommand::Last),
        0xffff_ffff => Some(BucketCommand::All),
        n if n <= BUCKET_MAX => Some(BucketCommand::Bucket(BucketId(n))),
        _ => None,
    }
}

/// Buckets until the end. Before OpenFlow 1.5 they are numbered by their position.
pub(super) fn read_buckets(r: &mut Reader<'_>, version: Version) -> Result<Vec<Bucket>> {
    let mut buckets: Vec<Bucket> = Vec::new();
    while !r.is_empty() {
        let start = r.clone();
        let length = usize::from(r.u16()?);
        if length < 8 || length % 8 != 0 {
            return Err(start.bad(ErrorCode::GROUP_BAD_BUCKET, "a bucket length that is a multiple of 8"));
        }
        let mut body = r.sub(length - 2)?.with_short(ErrorCode::GROUP_BAD_BUCKET);
        let bucket = if new_layout(version) {
            read_bucket15(&mut body, version)?
        } else {
            read_bucket13(&mut body, version, buckets.len() as u32)?
        };
        if buckets.iter().any(|b| b.id == bucket.id) {
            return Err(start.bad(ErrorCode::BUCKET_EXISTS, "each bucket number once"));
        }
        buckets.push(bucket);
    }
    Ok(buckets)
}

fn read_bucket13(r: &mut Reader<'_>, version: Version, position: u32) -> Result<Bucket> {
    let (weight, watch_port, watch_group) = (r.u16()?, PortNo(r.u32()?), GroupId(r.u32()?));
    r.skip(4)?;
    let actions = read_actions(r, Context::new(version))?;
    Ok(Bucket { id: BucketId(position), weight, watch_port, watch_group, actions })
}

fn read_bucket15(r: &mut Reader<'_>, version: Version) -> Result<Bucket> {
    let start = r.clone();
    let actions_len = usize::from(r.u16()?);
    let id = BucketId(r.u32()?);
    if id.0 > BUCKET_MAX {
        return Err(start.bad(ErrorCode::GROUP_BAD_BUCKET, "a bucket's number"));
    }
    let actions = read_actions(&mut r.sub(actions_len)?, Context::new(version))?;
    let mut bucket = Bucket { id, weight: 1, watch_port: PortNo::ANY, watch_group: GroupId::ANY, actions };
    let mut r = r.clone().with_short(ErrorCode::BAD_PROP_LEN);
    while !r.is_empty() {
        let (kind, mut body) = read_prop(&mut r)?;
        match kind {
            0 => bucket.weight = body.u16()?,
            1 => bucket.watch_port = PortNo(body.u32()?),
            2 => bucket.watch_group = GroupId(body.u32()?),
            _ => return Err(r.bad(ErrorCode::BAD_PROP_TYPE, "a known property")),
        }
    }
    Ok(bucket)
}

/// The properties of a group: only Netronome's selection method.
pub(super) fn read_props(r: &mut Reader<'_>) -> Result<Option<SelectionMethod>> {
    let mut selection = None;
    let mut r = r.clone().with_short(ErrorCode::BAD_PROP_LEN);
    while !r.is_empty() {
        let start = r.clone();
        let (kind, mut body) = read_prop(&mut r)?;
        if kind != 0xffff || body.u32()? != vendor::NTR || body.u32()? != 1 {
            return Err(start.bad(ErrorCode::BAD_PROP_TYPE, "a known property"));
        }
        body.skip(4)?;
        let method: [u8; 16] = body.array()?;
        let method = method.split(|&b| b == 0).next().unwrap_or_default();
        let Ok(method) = std::str::from_utf8(method) else {
            return Err(start.bad(ErrorCode::BAD_PROP_VALUE, "the name of a selection method"));
        };
        let param = body.u64()?;
        let mut fields: Vec<(Field, u128)> = Vec::new();
        while !body.is_empty() {
            let Some(entry) = oxm::read_entry(&mut body)? else {
                return Err(start.bad(ErrorCode::BAD_PROP_VALUE, "known fields"));
            };
            fields.push((entry.field, entry.value));
        }
        selection = Some(SelectionMethod { method: method.to_owned(), param, fields });
    }
    Ok(selection)
}

pub(super) fn put(out: &mut Vec<u8>, version: Version, m: &GroupMod) {
    let (command, bucket) = match m.command {
        GroupModCommand::Add => (0, BucketCommand::All),
        GroupModCommand::Modify => (1, BucketCommand::All),
        GroupModCommand::Delete => (2, BucketCommand::All),
        GroupModCommand::InsertBucket(bucket) => (3, bucket),
        GroupModCommand::RemoveBucket(bucket) => (5, bucket),
        GroupModCommand::AddOrModify => (0x8000, BucketCommand::All),
    };
    out.put_u16(command);
    out.put(&[kind_number(m.kind), 0]);
    out.put_u32(m.group.0);
    if new_layout(version) {
        let at = out.len();
        out.zeros(4);
        out.put_u32(match bucket {
            BucketCommand::First => 0xffff_fffd,
            BucketCommand::Last => 0xffff_fffe,
            BucketCommand::All => 0xffff_ffff,
            BucketCommand::Bucket(id) => id.0,
        });
        let start = out.len();
        put_buckets(out, version, m.kind, &m.buckets);
        out.patch_len(at, start);
        put_props(out, m.selection.as_ref());
    } else {
        put_buckets(out, version, m.kind, &m.buckets);
    }
}

pub(super) fn put_buckets(out: &mut Vec<u8>, version: Version, kind: GroupKind, buckets: &[Bucket]) {
    for bucket in buckets {
        if new_layout(version) {
            put_bucket15(out, version, kind, bucket)
        } else {
            put_bucket13(out, version, kind, bucket)
        }
    }
}

fn put_bucket13(out: &mut Vec<u8>, version: Version, kind: GroupKind, bucket: &Bucket) {
    let start = out.len();
    out.put_u16(0);
    // Only where it means something.
    out.put_u16(if kind == GroupKind::Select { bucket.weight } else { 0 });
    out.put_u32(bucket.watch_port.0);
    out.put_u32(bucket.watch_group.0);
    out.zeros(4);
    put_actions(out, version, &bucket.actions);
    out.patch_len(start, start);
}

fn put_bucket15(out: &mut Vec<u8>, version: Version, kind: GroupKind, bucket: &Bucket) {
    let start = out.len();
    out.zeros(4);
    out.put_u32(bucket.id.0);
    let actions = out.len();
    put_actions(out, version, &bucket.actions);
    out.patch_len(start + 2, actions);
    if kind == GroupKind::Select || bucket.weight != 1 {
        put_prop_u16(out, 0, bucket.weight);
    }
    if bucket.watch_port != PortNo::ANY {
        put_prop_u32(out, 1, bucket.watch_port.0);
    }
    if bucket.watch_group != GroupId::ANY {
        put_prop_u32(out, 2, bucket.watch_group.0);
    }
    out.patch_len(start, start);
}

pub(super) fn put_props(out: &mut Vec<u8>, selection: Option<&SelectionMethod>) {
    let Some(selection) = selection else { return };
    let start = out.len();
    out.put_u16(0xffff);
    out.put_u16(0);
    out.put_u32(vendor::NTR);
    out.put_u32(1);
    out.zeros(4);
    let mut method = [0; 16];
    let name = &selection.method.as_bytes()[..selection.method.len().min(15)];
    method[..name.len()].copy_from_slice(name);
    out.put(&method);
    out.put_u64(selection.param);
    for &(field, mask) in &selection.fields {
        // The mask stands where a match has its value.
        oxm::put_plain(out, HeaderStyle::Oxm(Version::Of15), field, mask);
    }
    out.patch_len(start + 2, start);
    out.pad8(start);
}

//! Changes of groups.

use std::time::Instant;

use openflow::{
    Bucket, BucketCommand, BucketId, ErrorCode, GroupId, GroupKind, GroupMod, GroupModCommand, PortNo,
};

use super::changes::Undo;
use super::filter::check_meters;
use super::{ChangeError, Changes, Switch};
use crate::bridge::{Bridge, BridgeId};
use crate::flow::{compile_actions, meters_in};
use crate::group::{Group, GroupCounters};
use crate::limits::BUCKETS_MAX;
use crate::xlate::can_hash;

impl Switch {
    /// Executes one group mod.
    ///
    /// # Errors
    /// The code to answer with; nothing is changed then.
    pub(crate) fn group_mod(
        &mut self,
        id: BridgeId,
        change: &GroupMod,
        changes: &mut Changes,
        now: Instant,
    ) -> Result<(), ChangeError> {
        let bridge = self.bridges.get(&id).ok_or(ErrorCode::EPERM)?;
        let old = bridge.groups.get(&change.group);
        let next = match change.command {
            GroupModCommand::Delete => return self.group_delete(id, change.group, changes),
            GroupModCommand::Add if old.is_some() => return Err(ErrorCode::GROUP_EXISTS),
            GroupModCommand::Modify if old.is_none() => return Err(ErrorCode::UNKNOWN_GROUP),
            GroupModCommand::Add | GroupModCommand::Modify | GroupModCommand::AddOrModify => {
                let created = old.map_or(now, |old| old.created);
                build(bridge, change.kind, change.buckets.clone(), change, created)?
            }
            GroupModCommand::InsertBucket(at) => {
                let old = old.ok_or(ErrorCode::UNKNOWN_GROUP)?;
                let buckets = inserted(&old.buckets, &change.buckets, at)?;
                with_buckets(bridge, old, buckets)?
            }
            GroupModCommand::RemoveBucket(which) => {
                let old = old.ok_or(ErrorCode::UNKNOWN_GROUP)?;
                with_buckets(bridge, old, removed(&old.buckets, which)?)?
            }
        };
        if change.group > GroupId::MAX {
            return Err(ErrorCode::INVALID_GROUP);
        }
        let version = self.next_version();
        if let Some(bridge) = self.bridges.get_mut(&id) {
            let old = bridge.groups.insert(change.group, next);
            bridge.version = version;
            changes.note(Undo::Group(change.group, old));
        }
        Ok(())
    }

    /// Removes a group, or all, with the flows that use it.
    fn group_delete(
        &mut self,
        id: BridgeId,
        group: GroupId,
        changes: &mut Changes,
    ) -> Result<(), ChangeError> {
        let bridge = self.bridges.get(&id).ok_or(ErrorCode::EPERM)?;
        let gone: Vec<GroupId> = match group {
            GroupId::ALL => bridge.groups.keys().copied().collect(),
            group => bridge.groups.contains_key(&group).then_some(group).into_iter().collect(),
        };
        for group in gone {
            self.remove_users_of(id, group, changes);
            let version = self.next_version();
            if let Some(bridge) = self.bridges.get_mut(&id) {
                let old = bridge.groups.remove(&group);
                bridge.version = version;
                changes.note(Undo::Group(group, old));
            }
        }
        Ok(())
    }
}

fn build(
    bridge: &Bridge,
    kind: GroupKind,
    buckets: Vec<Bucket>,
    change: &GroupMod,
    created: Instant,
) -> Result<Group, ChangeError> {
    if buckets.len() > BUCKETS_MAX {
        return Err(ErrorCode::OUT_OF_BUCKETS);
    }
    if kind == GroupKind::Indirect && buckets.len() != 1 {
        return Err(ErrorCode::INVALID_GROUP);
    }
    if kind == GroupKind::FastFailover
        && buckets.iter().any(|bucket| bucket.watch_port == PortNo::ANY && bucket.watch_group == GroupId::ANY)
    {
        return Err(ErrorCode::INVALID_GROUP);
    }
    if let Some(selection) = &change.selection {
        let hashable = selection.fields.iter().all(|(field, _)| can_hash(*field, &bridge.tlv));
        if !matches!(selection.method.as_str(), "" | "hash" | "dp_hash") || !hashable {
            return Err(ErrorCode::INVALID_GROUP);
        }
    }
    let mut steps = Vec::with_capacity(buckets.len());
    for bucket in &buckets {
        // Groups may name groups that come later, as in Open vSwitch; until then nothing goes there.
        let mut meters = Vec::new();
        meters_in(&bucket.actions, &mut meters);
        check_meters(bridge, &meters)?;
        steps.push(compile_actions(&bucket.actions, &bridge.tlv)?);
    }
    let counters = GroupCounters::new(buckets.len());
    Ok(Group { kind, buckets, steps, selection: change.selection.clone(), created, counters })
}

/// The same group with other buckets.
fn with_buckets(bridge: &Bridge, old: &Group, buckets: Vec<Bucket>) -> Result<Group, ChangeError> {
    let like_old = GroupMod {
        command: GroupModCommand::Modify,
        kind: old.kind,
        group: GroupId(0),
        buckets: Vec::new(),
        selection: old.selection.clone(),
    };
    build(bridge, old.kind, buckets, &like_old, old.created)
}

fn inserted(old: &[Bucket], new: &[Bucket], at: BucketCommand) -> Result<Vec<Bucket>, ChangeError> {
    if new.iter().any(|bucket| old.iter().any(|other| other.id == bucket.id)) {
        return Err(ErrorCode::BUCKET_EXISTS);
    }
    let position = match at {
        BucketCommand::First => 0,
        BucketCommand::Last => old.len(),
        BucketCommand::All => return Err(ErrorCode::UNKNOWN_BUCKET),
        BucketCommand::Bucket(id) => find(old, id)? + 1,
    };
    let mut buckets = old.to_vec();
    buckets.splice(position..position, new.iter().cloned());
    Ok(buckets)
}

fn removed(old: &[Bucket], which: BucketCommand) -> Result<Vec<Bucket>, ChangeError> {
    let mut buckets = old.to_vec();
    match which {
        BucketCommand::All => buckets.clear(),
        BucketCommand::First if !buckets.is_empty() => {
            buckets.remove(0);
        }
        BucketCommand::First => {}
        BucketCommand::Last => {
            buckets.pop();
        }
        BucketCommand::Bucket(id) => {
            let at = find(old, id)?;
            buckets.remove(at);
        }
    }
    Ok(buckets)
}

fn find(buckets: &[Bucket], id: BucketId) -> Result<usize, ChangeError> {
    buckets.iter().position(|bucket| bucket.id == id).ok_or(ErrorCode::UNKNOWN_BUCKET)
}

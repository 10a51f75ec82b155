//! `Logical_Flow` and `Logical_DP_Group`: a row a flow, however many datapaths have it.
//!
//! A flow is known by what is in it, of which its UUID is made. A flow of one datapath names it; one of several names
//! a group, and flows of the same datapaths share a group. When all flows of a group go over to the same other
//! datapaths (a switch more, a switch less), the group is changed and the flows are not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ovsdb::{Atom, Str, Uuid};
use schema::sb;
use schema::tables::Delta;

use crate::flows::FlowRow;
use crate::sync::datapath_binding::Datapaths;
use crate::sync::plan::{Plan, fresh_uuid};
use crate::sync::{Members, content_uuid};

/// Southbound datapaths.
type Set = Arc<BTreeSet<Uuid>>;

/// The flows and the groups of datapaths.
#[derive(Default)]
pub struct Flows {
    wanted: BTreeMap<Arc<FlowRow>, Members<Uuid>>,
    /// The wanted flows by what is in them.
    by_id: BTreeMap<Uuid, Arc<FlowRow>>,
    /// The rows there are by what is in them.
    found: BTreeMap<Uuid, BTreeMap<Uuid, Target>>,
    /// What is in a row.
    ids: BTreeMap<Uuid, Uuid>,
    groups: BTreeMap<Uuid, Set>,
    groups_by_set: BTreeMap<Set, BTreeSet<Uuid>>,
    /// Rows that name a group.
    users: BTreeMap<Uuid, BTreeSet<Uuid>>,
    dirty: BTreeSet<Uuid>,
}

/// The datapaths that a row is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Nothing,
    Datapath(Uuid),
    Group(Uuid),
}

impl Flows {
    /// A flow should be on a datapath, or should no longer be.
    pub fn want(&mut self, flow: Arc<FlowRow>, datapath: Uuid, present: bool) {
        self.dirty.insert(flow.id);
        if present && !self.by_id.contains_key(&flow.id) {
            self.by_id.insert(flow.id, flow.clone());
        }
        let members = self.wanted.entry(flow.clone()).or_default();
        members.set(datapath, present);
        if members.is_empty() {
            self.wanted.remove(&flow);
            self.by_id.remove(&flow.id);
        }
    }

    /// A row came, changed or went.
    pub fn found(&mut self, delta: &Delta<sb::LogicalFlow>) {
        if let Some(id) = self.ids.remove(&delta.uuid) {
            self.dirty.insert(id);
            let rows = self.found.entry(id).or_default();
            let target = rows.remove(&delta.uuid);
            if rows.is_empty() {
                self.found.remove(&id);
            }
            if let Some(Target::Group(group)) = target {
                self.leave(group, delta.uuid);
            }
        }
        if let Some(row) = &delta.new {
            let (id, target) = (row_id(row), Target::of(row));
            self.ids.insert(delta.uuid, id);
            self.found.entry(id).or_default().insert(delta.uuid, target);
            if let Target::Group(group) = target {
                self.users.entry(group).or_default().insert(delta.uuid);
            }
            self.dirty.insert(id);
        }
    }

    /// A group came, changed or went.
    pub fn found_group(&mut self, delta: &Delta<sb::LogicalDpGroup>) {
        if let Some(old) = self.groups.remove(&delta.uuid)
            && let Some(rows) = self.groups_by_set.get_mut(&old)
        {
            rows.remove(&delta.uuid);
            if rows.is_empty() {
                self.groups_by_set.remove(&old);
            }
        }
        if let Some(row) = &delta.new {
            let set: Set = Arc::new(row.datapaths.clone());
            self.groups.insert(delta.uuid, set.clone());
            self.groups_by_set.entry(set).or_default().insert(delta.uuid);
        }
        let users = self.users.get(&delta.uuid).into_iter().flatten();
        self.dirty.extend(users.filter_map(|row| self.ids.get(row)));
    }

    /// Compares what may differ.
    pub fn plan(&mut self, datapaths: &Datapaths, plan: &mut Plan) {
        let mut moves: BTreeMap<BTreeSet<Uuid>, Vec<Move>> = BTreeMap::new();
        for id in std::mem::take(&mut self.dirty) {
            self.plan_flow(id, datapaths, &mut moves, plan);
        }
        self.plan_groups(moves, plan);
    }

    /// Compares everything at the next plan.
    pub fn mark_all(&mut self) {
        self.dirty.extend(self.by_id.keys());
        self.dirty.extend(self.found.keys());
    }

    /// Whether something may differ.
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// The flows that should be, with their datapaths (northbound).
    pub fn all_wanted(&self) -> impl Iterator<Item = (&FlowRow, Vec<Uuid>)> {
        self.wanted.iter().map(|(flow, members)| (&**flow, members.iter().copied().collect()))
    }

    /// Compares a flow that is for one datapath or for none; one for several becomes a move.
    fn plan_flow(
        &self,
        id: Uuid,
        datapaths: &Datapaths,
        moves: &mut BTreeMap<BTreeSet<Uuid>, Vec<Move>>,
        plan: &mut Plan,
    ) {
        let wanted = self.by_id.get(&id).and_then(|flow| {
            let members = self.wanted.get(flow)?.iter();
            let set: BTreeSet<Uuid> =
                members.filter_map(|datapath| datapaths.southbound(*datapath)).collect();
            (!set.is_empty()).then_some((flow, set))
        });
        let mut rows = self.found.get(&id).into_iter().flatten();
        let kept = wanted.as_ref().and_then(|_| rows.next());
        for (uuid, _) in rows {
            plan.delete::<sb::LogicalFlow>(*uuid);
        }
        let Some((flow, set)) = wanted else { return };
        let row = kept.map(|(uuid, target)| (*uuid, *target));
        let mut set_iter = set.iter();
        match (set_iter.next(), set_iter.next()) {
            (Some(datapath), None) => self.put(flow, row, Target::Datapath(*datapath), plan),
            _ => moves.entry(set).or_default().push(Move { flow: flow.clone(), row }),
        }
    }

    /// Finds a group for each set of datapaths: one that there is, one that all its users leave for this set, or a
    /// new one.
    fn plan_groups(&self, moves: BTreeMap<BTreeSet<Uuid>, Vec<Move>>, plan: &mut Plan) {
        let mut claimed = BTreeSet::new();
        let mut inserted = BTreeSet::new();
        for (set, moves) in moves {
            let set: Set = Arc::new(set);
            let there = self.groups_by_set.get(&set).and_then(|rows| rows.first()).copied();
            let group = there.filter(|group| !claimed.contains(group)).or_else(|| {
                let left = self.left_for(&set, &moves)?;
                self.change_group(left, &set, plan);
                Some(left)
            });
            let group = group.unwrap_or_else(|| {
                let octets: Vec<u8> = set.iter().flat_map(|uuid| *uuid.as_bytes()).collect();
                let taken = |uuid| self.groups.contains_key(&uuid) || inserted.contains(&uuid);
                let uuid = fresh_uuid(content_uuid(&[&octets]), taken);
                inserted.insert(uuid);
                plan.insert(uuid, &sb::LogicalDpGroup { datapaths: (*set).clone(), ..Default::default() });
                uuid
            });
            claimed.insert(group);
            for Move { flow, row } in moves {
                self.put(&flow, row, Target::Group(group), plan);
            }
        }
    }

    /// A group all of whose users are among `moves`, the one with the most users, if nobody wants its own set.
    fn left_for(&self, set: &Set, moves: &[Move]) -> Option<Uuid> {
        let mut leaving: BTreeMap<Uuid, usize> = BTreeMap::new();
        for (_, target) in moves.iter().filter_map(|moved| moved.row) {
            if let Target::Group(group) = target {
                *leaving.entry(group).or_default() += 1;
            }
        }
        let all_leave = |(group, count): &(Uuid, usize)| {
            self.groups.get(group).is_some_and(|old| old != set)
                && self.users.get(group).map_or(0, BTreeSet::len) == *count
        };
        leaving.into_iter().filter(all_leave).max_by_key(|(_, count)| *count).map(|(group, _)| group)
    }

    fn change_group(&self, group: Uuid, set: &Set, plan: &mut Plan) {
        let Some(old) = self.groups.get(&group) else { return };
        let added = set.difference(old).map(|datapath| Atom::Uuid(*datapath)).collect();
        let removed = old.difference(set).map(|datapath| Atom::Uuid(*datapath)).collect();
        plan.members::<sb::LogicalDpGroup>(group, "datapaths", added, removed);
    }

    fn put(&self, flow: &FlowRow, row: Option<(Uuid, Target)>, target: Target, plan: &mut Plan) {
        match row {
            Some((_, old)) if old == target => {}
            Some((uuid, old)) => {
                let (mut before, mut after) = (sb::LogicalFlow::default(), sb::LogicalFlow::default());
                old.put(&mut before);
                target.put(&mut after);
                plan.update(uuid, &before, &after);
            }
            None => {
                let mut new = flow.row();
                target.put(&mut new);
                plan.insert(fresh_uuid(flow.id, |uuid| self.ids.contains_key(&uuid)), &new);
            }
        }
    }

    fn leave(&mut self, group: Uuid, row: Uuid) {
        if let Some(users) = self.users.get_mut(&group) {
            users.remove(&row);
            if users.is_empty() {
                self.users.remove(&group);
            }
        }
    }
}

/// A flow for several datapaths, with the row it has and what that is for.
struct Move {
    flow: Arc<FlowRow>,
    row: Option<(Uuid, Target)>,
}

impl Target {
    fn of(row: &sb::LogicalFlow) -> Self {
        match (row.logical_dp_group, row.logical_datapath) {
            (Some(group), None) => Self::Group(group),
            (None, Some(datapath)) => Self::Datapath(datapath),
            // Nobody writes both; as neither of the two above it will be put right.
            (Some(_), Some(_)) | (None, None) => Self::Nothing,
        }
    }

    fn put(self, row: &mut sb::LogicalFlow) {
        (row.logical_datapath, row.logical_dp_group) = match self {
            Self::Nothing => (None, None),
            Self::Datapath(datapath) => (Some(datapath), None),
            Self::Group(group) => (None, Some(group)),
        };
    }
}

/// What is in a row, but for its datapaths and the description, which older databases cannot store.
pub(crate) fn row_id(row: &sb::LogicalFlow) -> Uuid {
    let numbers = [row.table_id.to_be_bytes(), row.priority.to_be_bytes()].concat();
    let mut parts: Vec<&[u8]> =
        vec![row.pipeline.as_bytes(), &numbers, row.r#match.as_bytes(), row.actions.as_bytes()];
    parts.extend(row.controller_meter.as_ref().map(|meter| meter.as_bytes()));
    for map in [&row.tags, &row.external_ids] {
        parts.push(b"");
        parts.extend(map.iter().flat_map(|(key, value): (&Str, &Str)| [key.as_bytes(), value.as_bytes()]));
    }
    content_uuid(&parts)
}

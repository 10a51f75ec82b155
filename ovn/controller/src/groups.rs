//! Groups of the switch: which number each has, those that flows want, and those that the switch has.
//!
//! A group is found by what it does, so that flows that want the same share one. Its number is made from that, so that
//! it nearly always is the same however the flows came; a number that another group has gives way to the next. A group
//! goes when the last flow goes that wants it.

use openflow::{BucketCommand, GroupId, GroupKind, GroupMod, GroupModCommand};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::compile::Group;

/// Most buckets in one message, which can have 64 KiB; what is more comes in further ones. A bucket takes some
/// hundred octets.
const BUCKETS_MAX: usize = 128;

/// The numbers that groups have.
#[derive(Debug, Default)]
pub struct GroupNumbers {
    numbers: HashMap<Arc<Group>, GroupId>,
    groups: BTreeMap<GroupId, Arc<Group>>,
    /// Those that were numbered since the last settlement.
    fresh: Vec<GroupId>,
}

impl GroupNumbers {
    /// The number of a group like this one, and the group as all who want it have it.
    pub fn number(&mut self, group: Group) -> (GroupId, Arc<Group>) {
        if let Some((group, number)) = self.numbers.get_key_value(&group) {
            return (*number, group.clone());
        }
        let mut hasher = DefaultHasher::new();
        group.hash(&mut hasher);
        let mut number = GroupId(hasher.finish() as u32 % GroupId::MAX.0 + 1);
        while self.groups.contains_key(&number) {
            number = GroupId(number.0 % GroupId::MAX.0 + 1);
        }
        let group = Arc::new(group);
        self.numbers.insert(group.clone(), number);
        self.groups.insert(number, group.clone());
        self.fresh.push(number);
        (number, group)
    }

    fn release(&mut self, number: GroupId) {
        if let Some(group) = self.groups.remove(&number) {
            self.numbers.remove(&group);
        }
    }
}

/// A group under its number, as units emit it.
pub type Numbered = (GroupId, Arc<Group>);

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct GroupTable {
    /// With how many units want each.
    wanted: BTreeMap<GroupId, (Arc<Group>, u32)>,
    installed: BTreeMap<GroupId, Arc<Group>>,
    /// Numbers whose wanted group may differ from what the switch has.
    dirty: BTreeSet<GroupId>,
    /// Groups that the switch has refused. They are left out until they change.
    refused: BTreeMap<GroupId, Arc<Group>>,
}

/// Changes on their way to the switch.
#[derive(Debug, Default)]
pub struct GroupChanges {
    /// Before flows can name the groups, with their numbers.
    pub before: Vec<(GroupId, GroupMod)>,
    /// After no flow does any more.
    pub after: Vec<(GroupId, GroupMod)>,
    changed: BTreeMap<GroupId, Option<Arc<Group>>>,
}

impl GroupChanges {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }
}

impl GroupTable {
    /// Takes what a step of the engine changed, and gives back the numbers that nobody wants.
    pub fn apply(
        &mut self,
        added: impl IntoIterator<Item = Numbered>,
        removed: impl IntoIterator<Item = Numbered>,
        numbers: &mut GroupNumbers,
    ) {
        let mut unsettled = std::mem::take(&mut numbers.fresh);
        for (number, group) in added {
            self.wanted.entry(number).or_insert((group, 0)).1 += 1;
            self.dirty.insert(number);
        }
        for (number, _) in removed {
            if let Some((_, count)) = self.wanted.get_mut(&number) {
                *count -= 1;
                if *count == 0 {
                    self.wanted.remove(&number);
                    unsettled.push(number);
                }
            }
            self.dirty.insert(number);
        }
        for number in unsettled.into_iter().filter(|number| !self.wanted.contains_key(number)) {
            numbers.release(number);
        }
    }

    /// Whether there may be something to send.
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// The switch has lost its groups, or nobody knows which ones it has.
    pub fn forget_installed(&mut self) {
        self.refused.clear();
        self.installed.clear();
        self.dirty = self.wanted.keys().copied().collect();
    }

    /// What is to be sent now. It counts as had by the switch only after [`Self::installed`].
    pub fn take_changes(&mut self) -> GroupChanges {
        let mut changes = GroupChanges::default();
        for number in std::mem::take(&mut self.dirty) {
            let wanted = self.wanted.get(&number).map(|(group, _)| group);
            let wanted = wanted.filter(|group| self.refused.get(&number) != Some(group));
            match (self.installed.get(&number), wanted) {
                (None, None) => continue,
                (Some(old), Some(new)) if old == new => continue,
                (Some(_), None) => changes.after.push((number, message(number, GroupModCommand::Delete))),
                (Some(_), Some(new)) => write(number, GroupModCommand::Modify, new, &mut changes.before),
                (None, Some(new)) => write(number, GroupModCommand::Add, new, &mut changes.before),
            }
            changes.changed.insert(number, wanted.cloned());
        }
        changes
    }

    /// The switch has what changes asked for.
    pub fn installed(&mut self, changes: GroupChanges) {
        for (number, group) in changes.changed {
            match group {
                Some(group) => drop(self.installed.insert(number, group)),
                None => drop(self.installed.remove(&number)),
            }
        }
    }

    /// The switch has refused a group.
    pub fn refuse(&mut self, number: GroupId) {
        if let Some((group, _)) = self.wanted.get(&number) {
            self.refused.insert(number, group.clone());
        }
    }

    /// Changes came to nothing: what they would have changed is still to be changed.
    pub fn not_installed(&mut self, changes: GroupChanges) {
        self.dirty.extend(changes.changed.into_keys());
    }

    /// The groups that the switch has.
    pub fn in_switch(&self) -> impl Iterator<Item = (GroupId, &Group)> {
        self.installed.iter().map(|(number, group)| (*number, &**group))
    }

    /// All wanted groups.
    pub fn wanted(&self) -> impl Iterator<Item = (GroupId, &Group)> {
        self.wanted.iter().map(|(number, (group, _))| (*number, &**group))
    }
}

fn message(group: GroupId, command: GroupModCommand) -> GroupMod {
    GroupMod { command, kind: GroupKind::Select, group, buckets: Vec::new(), selection: None }
}

/// The messages that make a group what it is to be.
fn write(number: GroupId, command: GroupModCommand, group: &Group, out: &mut Vec<(GroupId, GroupMod)>) {
    for (i, buckets) in group.buckets.chunks(BUCKETS_MAX).enumerate() {
        let mut next = match i {
            0 => GroupMod { selection: Some(group.selection.clone()), ..message(number, command) },
            _ => message(number, GroupModCommand::InsertBucket(BucketCommand::Last)),
        };
        next.buckets = buckets.to_vec();
        out.push((number, next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openflow::{Action, Bucket, BucketId, PortNo, SelectionMethod};

    /// A group of so many buckets.
    fn group(buckets: u32) -> Group {
        let bucket = |id| Bucket {
            id: BucketId(id),
            weight: 1,
            watch_port: PortNo::ANY,
            watch_group: GroupId::ANY,
            actions: vec![Action::resubmit(8)],
        };
        let selection = SelectionMethod { method: "dp_hash".to_owned(), param: 0, fields: Vec::new() };
        Group { selection, buckets: (0..buckets).map(bucket).collect() }
    }

    /// What is sent, taken as done: before flows and after them.
    fn send(table: &mut GroupTable) -> (Vec<GroupModCommand>, Vec<GroupModCommand>) {
        let changes = table.take_changes();
        let commands = |list: &[(GroupId, GroupMod)]| list.iter().map(|(_, m)| m.command).collect();
        let sent = (commands(&changes.before), commands(&changes.after));
        table.installed(changes);
        sent
    }

    #[test]
    fn a_group_is_there_while_somebody_wants_it() {
        let (mut numbers, mut table) = (GroupNumbers::default(), GroupTable::default());
        let (first, second) = (numbers.number(group(1)), numbers.number(group(1)));
        assert_eq!(first, second);
        table.apply([first.clone(), second.clone()], [], &mut numbers);
        assert_eq!(send(&mut table), (vec![GroupModCommand::Add], vec![]));
        table.apply([], [first], &mut numbers);
        assert_eq!(send(&mut table), (vec![], vec![]));
        table.apply([], [second], &mut numbers);
        assert_eq!(send(&mut table), (vec![], vec![GroupModCommand::Delete]));
        assert!(numbers.groups.is_empty() && numbers.numbers.is_empty() && !table.is_dirty());
    }

    #[test]
    fn a_number_that_nobody_used_is_given_back() {
        let (mut numbers, mut table) = (GroupNumbers::default(), GroupTable::default());
        numbers.number(group(1));
        table.apply([], [], &mut numbers);
        assert!(numbers.groups.is_empty());
    }

    #[test]
    fn a_large_group_comes_in_several_messages() {
        let (mut numbers, mut table) = (GroupNumbers::default(), GroupTable::default());
        let large = numbers.number(group(300));
        table.apply([large], [], &mut numbers);
        let more = GroupModCommand::InsertBucket(BucketCommand::Last);
        assert_eq!(send(&mut table), (vec![GroupModCommand::Add, more, more], vec![]));
    }

    #[test]
    fn a_refused_group_is_left_out_until_the_connection_is_a_new_one() {
        let (mut numbers, mut table) = (GroupNumbers::default(), GroupTable::default());
        let wanted = numbers.number(group(1));
        table.apply([wanted.clone()], [], &mut numbers);
        let changes = table.take_changes();
        table.refuse(wanted.0);
        table.not_installed(changes);
        assert_eq!(send(&mut table), (vec![], vec![]));
        table.forget_installed();
        assert_eq!(send(&mut table), (vec![GroupModCommand::Add], vec![]));
    }
}

//! The flows that are wanted and those that the switch has.
//!
//! Units emit flows; here they meet under table, priority and match. Two that differ only in their actions cannot both
//! be in a switch: the one with the smaller cookie and actions is taken, and conjunctions with one match are joined.
//! What is sent is the difference between what is wanted and what the switch has, and only of flows that changed.
//!
//! Conjunction ids are given here, because they must differ between all flows of a table; see [`ConjunctionIds`].

use openflow::{Action, Conjunction, Field, FlowChange, FlowMod, FlowModCommand};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::flow::{ConjunctionOwner, Flow, FlowAction, FlowKey};
use crate::groups::GroupTable;
use crate::meters::MeterTable;
use crate::places::{Place, Places};

/// What a switch has under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    pub cookie: u32,
    pub actions: Arc<[Action]>,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct FlowTable {
    /// Where the entry of each key is.
    places: Places,
    entries: Vec<Option<Entry>>,
    /// Places without an entry.
    free: Vec<Place>,
    /// Places whose wanted flow may differ from what the switch has, each once, in the order of the changes.
    dirty: Vec<Place>,
    ids: ConjunctionIds,
    /// Flows that the switch has refused, with what it refused. They are left out until they change.
    refused: BTreeMap<FlowKey, Installed>,
    /// The groups that flows name.
    pub groups: GroupTable,
    /// The meters that flows name.
    pub meters: MeterTable,
}

#[derive(Debug)]
struct Entry {
    key: FlowKey,
    wanted: Wanted,
    installed: Option<Installed>,
    is_dirty: bool,
    /// The next entry whose key has the same hash.
    next: Option<Place>,
}

/// The flows under one key that units emit, and how many emit each, in no order.
#[derive(Debug, Default)]
enum Wanted {
    #[default]
    Nothing,
    /// As nearly always.
    One(Arc<Flow>),
    Several(Vec<(Arc<Flow>, u32)>),
}

impl Wanted {
    fn add(&mut self, flow: Arc<Flow>) {
        let mut list = match std::mem::take(self) {
            Self::Nothing => return *self = Self::One(flow),
            Self::One(old) => vec![(old, 1)],
            Self::Several(list) => list,
        };
        match list.iter_mut().find(|(f, _)| *f == flow) {
            Some((_, count)) => *count += 1,
            None => list.push((flow, 1)),
        }
        *self = Self::Several(list);
    }

    fn remove(&mut self, flow: &Flow) {
        match self {
            Self::Nothing => {}
            Self::One(old) if **old == *flow => *self = Self::Nothing,
            Self::One(_) => {}
            Self::Several(list) => {
                let Some(i) = list.iter().position(|(f, _)| **f == *flow) else { return };
                list[i].1 -= 1;
                if list[i].1 == 0 {
                    list.swap_remove(i);
                }
                if let [(only, 1)] = &list[..] {
                    *self = Self::One(only.clone());
                }
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Arc<Flow>> {
        let (one, several) = match self {
            Self::Nothing => (None, &[][..]),
            Self::One(flow) => (Some(flow), &[][..]),
            Self::Several(list) => (None, &list[..]),
        };
        one.into_iter().chain(several.iter().map(|(flow, _)| flow))
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Nothing)
    }
}

/// A change on its way to the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub key: FlowKey,
    /// What the switch will have under the key.
    pub flow: Option<Installed>,
    command: FlowModCommand,
    place: Place,
}

impl Change {
    /// What makes the switch have `new` where it has `old`.
    fn new(place: Place, entry: &Entry, new: Option<Installed>) -> Self {
        let (key, old) = (entry.key.clone(), &entry.installed);
        let command = match (old, &new) {
            (_, None) => FlowModCommand::DeleteStrict,
            // Only an addition changes the cookie, and it keeps the flow's place for packets in flight.
            (Some(old), Some(new)) if old.cookie == new.cookie => FlowModCommand::ModifyStrict,
            (_, Some(_)) => FlowModCommand::Add,
        };
        Self { key, flow: new, command, place }
    }

    /// As a message.
    pub fn message(&self) -> FlowMod {
        let (table, priority, matching) =
            (self.key.table().number(), self.key.priority(), self.key.matching());
        let Some(Installed { cookie, actions }) = &self.flow else {
            return FlowMod::delete_strict(table, priority, matching);
        };
        let add = FlowMod::add(table, priority, matching, actions.to_vec(), u64::from(*cookie));
        FlowMod { command: self.command, ..add }
    }

    /// The same for who writes it: without making values of what are octets.
    pub fn to_write(&self) -> FlowChange<'_> {
        FlowChange {
            command: self.command,
            table: self.key.table().number(),
            priority: self.key.priority(),
            cookie: self.flow.as_ref().map_or(0, |flow| u64::from(flow.cookie)),
            matching: self.key.octets(),
            actions: self.flow.as_ref().map_or(&[], |flow| &flow.actions),
        }
    }
}

impl FlowTable {
    /// Takes what a step of the engine changed.
    pub fn apply(
        &mut self,
        added: impl IntoIterator<Item = Arc<Flow>>,
        removed: impl IntoIterator<Item = Arc<Flow>>,
    ) {
        for flow in added {
            let key = self.ids.acquire(&flow);
            let place = self.place(key);
            if let Some(entry) = &mut self.entries[place as usize] {
                entry.wanted.add(flow);
            }
            self.mark(place);
        }
        for flow in removed {
            if let Some(place) = self.find(&self.ids.key(&flow)) {
                if let Some(entry) = &mut self.entries[place as usize] {
                    entry.wanted.remove(&flow);
                }
                self.mark(place);
            }
            self.ids.release(&flow);
        }
    }

    /// Where the entry of a key is, which is made if there is none.
    fn place(&mut self, key: FlowKey) -> Place {
        let hash = self.places.hash(&key);
        if let Some(place) = self.find_hashed(hash, &key) {
            return place;
        }
        let next = self.places.first(hash);
        let entry = Some(Entry { key, wanted: Wanted::default(), installed: None, is_dirty: false, next });
        let place = match self.free.pop() {
            Some(place) => {
                self.entries[place as usize] = entry;
                place
            }
            None => {
                self.entries.push(entry);
                Place::try_from(self.entries.len() - 1).expect("fewer than 2^32 flows fit in memory")
            }
        };
        self.places.set_first(hash, Some(place));
        place
    }

    fn find(&self, key: &FlowKey) -> Option<Place> {
        self.find_hashed(self.places.hash(key), key)
    }

    fn find_hashed(&self, hash: u64, key: &FlowKey) -> Option<Place> {
        let mut next = self.places.first(hash);
        while let Some(place) = next {
            let entry = self.entries[place as usize].as_ref()?;
            if entry.key == *key {
                return Some(place);
            }
            next = entry.next;
        }
        None
    }

    /// Takes an entry out of the chain of its hash.
    fn unlink(&mut self, gone: Place, entry: &Entry) {
        let hash = self.places.hash(&entry.key);
        let first = self.places.first(hash);
        if first == Some(gone) {
            self.places.set_first(hash, entry.next);
            return;
        }
        let mut next = first;
        while let Some(other) = next.and_then(|place| self.entries[place as usize].as_mut()) {
            if other.next == Some(gone) {
                other.next = entry.next;
                return;
            }
            next = other.next;
        }
    }

    fn mark(&mut self, place: Place) {
        if let Some(entry) = &mut self.entries[place as usize]
            && !std::mem::replace(&mut entry.is_dirty, true)
        {
            self.dirty.push(place);
        }
    }

    /// Forgets an entry under which nothing is wanted, nor in the switch.
    fn forget_empty(&mut self, place: Place) {
        let slot = &mut self.entries[place as usize];
        if slot.as_ref().is_none_or(|entry| entry.installed.is_some() || !entry.wanted.is_empty()) {
            return;
        }
        if let Some(entry) = slot.take() {
            self.unlink(place, &entry);
            self.refused.remove(&entry.key);
            self.free.push(place);
        }
    }

    /// Whether there may be something to send.
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty() || self.groups.is_dirty() || self.meters.is_dirty()
    }

    /// The switch has lost its flows, or nobody knows which ones it has: all are sent anew.
    pub fn forget_installed(&mut self) {
        self.groups.forget_installed();
        self.meters.forget_installed();
        self.refused.clear();
        for place in 0..self.entries.len() as Place {
            let Some(entry) = &mut self.entries[place as usize] else { continue };
            entry.installed = None;
            // What is dirty goes when its turn comes.
            if !entry.wanted.is_empty() {
                self.mark(place);
            } else if !entry.is_dirty {
                self.forget_empty(place);
            }
        }
    }

    /// What is to be sent now. It counts as had by the switch only after [`Self::installed`].
    pub fn take_changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for place in std::mem::take(&mut self.dirty) {
            let Some(entry) = &mut self.entries[place as usize] else { continue };
            entry.is_dirty = false;
            let wanted = self.ids.merge(&entry.wanted).filter(|w| self.refused.get(&entry.key) != Some(w));
            if wanted == entry.installed {
                self.forget_empty(place);
            } else {
                changes.push(Change::new(place, entry, wanted));
            }
        }
        changes
    }

    /// The switch has what changes asked for.
    pub fn installed(&mut self, changes: Vec<Change>) {
        for Change { key, flow, place, command: _ } in changes {
            let entry = self.entries[place as usize].as_mut();
            let Some(entry) = entry.filter(|entry| entry.key == key) else { continue };
            entry.installed = flow;
            if !entry.is_dirty {
                self.forget_empty(place);
            }
        }
    }

    /// The switch has refused a change. That it has to give up a flow is not for it to refuse.
    pub fn refuse(&mut self, change: &Change) {
        if let Some(flow) = &change.flow {
            self.refused.insert(change.key.clone(), flow.clone());
        }
    }

    /// Changes came to nothing: what they would have changed is still to be changed.
    pub fn not_installed(&mut self, changes: Vec<Change>) {
        for Change { key, place, .. } in changes {
            if self.entries[place as usize].as_ref().is_some_and(|entry| entry.key == key) {
                self.mark(place);
            }
        }
    }

    /// All wanted flows in the order of table, priority and match.
    pub fn wanted(&self) -> impl Iterator<Item = (&FlowKey, Installed)> {
        let mut entries: Vec<&Entry> = self.entries.iter().flatten().collect();
        entries.sort_by_cached_key(|entry| (entry.key.table(), entry.key.priority(), entry.key.matching()));
        entries.into_iter().filter_map(|entry| Some((&entry.key, self.ids.merge(&entry.wanted)?)))
    }

    /// How many flows are wanted.
    pub fn len(&self) -> usize {
        self.entries.iter().flatten().filter(|entry| !entry.wanted.is_empty()).count()
    }

    /// About how many octets the flows take, wanted and installed: what is behind each key, with actions that several
    /// share counted once.
    pub fn memory(&self) -> usize {
        let mut shared = std::collections::HashSet::new();
        let mut octets = self.entries.capacity() * size_of::<Option<Entry>>() + self.places.memory();
        for entry in self.entries.iter().flatten() {
            octets += entry.key.octets().len();
            for flow in entry.wanted.iter() {
                octets += size_of::<Flow>();
                if let FlowAction::Actions(actions) = &flow.action
                    && shared.insert(actions.as_ptr())
                {
                    octets += actions.len() * size_of::<Action>();
                }
            }
        }
        octets
    }

    /// Whether no flow is wanted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many flows the switch refuses.
    pub fn refused(&self) -> usize {
        self.refused.len()
    }
}

/// Conjunction ids: each logical flow on a datapath has a range of its own.
///
/// A range begins at a number made from the flow and the datapath, or at the next free one, so that it nearly always
/// is the same however the flows came; nothing depends on it but that ranges are apart.
#[derive(Debug, Default)]
struct ConjunctionIds {
    owners: HashMap<ConjunctionOwner, Range>,
    /// First ids with how many follow.
    taken: BTreeMap<u32, u32>,
}

#[derive(Debug)]
struct Range {
    first: u32,
    /// Flows that use it.
    users: usize,
}

impl ConjunctionIds {
    /// The key of a flow with its own ids in the match, which from now on are used once more.
    fn acquire(&mut self, flow: &Flow) -> FlowKey {
        if let Some(owner) = flow.conjunctive.as_deref().copied() {
            if !self.owners.contains_key(&owner) {
                let first = self.free_range(owner);
                self.taken.insert(first, owner.count.max(1));
                self.owners.insert(owner, Range { first, users: 0 });
            }
            if let Some(range) = self.owners.get_mut(&owner) {
                range.users += 1;
            }
        }
        self.key(flow)
    }

    fn release(&mut self, flow: &Flow) {
        let Some(owner) = flow.conjunctive.as_deref().copied() else { return };
        let Some(range) = self.owners.get_mut(&owner) else { return };
        range.users -= 1;
        if range.users == 0 {
            self.taken.remove(&range.first);
            self.owners.remove(&owner);
        }
    }

    /// The first of `owner.count` ids that nobody has.
    fn free_range(&self, owner: ConjunctionOwner) -> u32 {
        let count = owner.count.max(1);
        let mut first = (owner.flow.first_u32() ^ owner.datapath.rotate_left(16)).max(1);
        // Every range that is in the way moves the candidate beyond it, so this ends.
        loop {
            let end = first.checked_add(count);
            let Some(end) = end else {
                first = 1;
                continue;
            };
            let before = self.taken.range(..end).next_back();
            match before {
                Some((&other, &n)) if u64::from(other) + u64::from(n) > u64::from(first) => {
                    first = other.checked_add(n).unwrap_or(1);
                }
                Some(_) | None => return first,
            }
        }
    }

    fn first(&self, owner: Option<&ConjunctionOwner>) -> u32 {
        owner.and_then(|owner| self.owners.get(owner)).map_or(0, |range| range.first)
    }

    /// The key of a flow with its own ids in the match.
    fn key(&self, flow: &Flow) -> FlowKey {
        // An alternative of a conjunctive match has the id among its actions, and not in its own match.
        let (Some(owner), FlowAction::Actions(_)) = (&flow.conjunctive, &flow.action) else {
            return flow.key.clone();
        };
        let matching = flow.key.matching();
        let Some(id) = matching.exact(Field::ConjId) else { return flow.key.clone() };
        let id = self.first(Some(owner)).wrapping_add(id as u32);
        FlowKey::new(flow.key.table(), flow.key.priority(), &matching.with(Field::ConjId, id))
    }

    /// The one flow that is made of all that are wanted under a key.
    fn merge(&self, wanted: &Wanted) -> Option<Installed> {
        let first = wanted.iter().min_by_key(|flow| (&flow.action, flow.cookie))?;
        let actions = match &first.action {
            FlowAction::Actions(actions) => actions.clone(),
            // Actions are less than conjunctions, so all of them are conjunctions.
            FlowAction::Conjunctions(_) => self.joined(wanted.iter().map(|flow| &**flow)).into(),
        };
        Some(Installed { cookie: first.cookie, actions })
    }

    fn joined<'a>(&self, flows: impl Iterator<Item = &'a Flow>) -> Vec<Action> {
        let mut joined = BTreeSet::new();
        for flow in flows {
            if let FlowAction::Conjunctions(conjunctions) = &flow.action {
                let first = self.first(flow.conjunctive.as_deref());
                joined.extend(conjunctions.iter().map(|c| Conjunction {
                    id: first.wrapping_add(c.id),
                    clause: c.clause,
                    n_clauses: c.clauses,
                }));
            }
        }
        joined.into_iter().map(Action::Conjunction).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::OfTable;
    use openflow::{Body, BundleAdd, BundleFlags, BundleId, Match, Version};
    use ovsdb::Uuid;

    fn plain(priority: u16, cookie: u32, port: u32) -> Arc<Flow> {
        let key = FlowKey::new(OfTable(8), priority, &Match::any());
        let actions = vec![Action::output(openflow::PortNo(port))].into();
        Arc::new(Flow { key, cookie, action: FlowAction::Actions(actions), conjunctive: None })
    }

    fn conjunctive(flow: u128, matching: Match, id: u32) -> Arc<Flow> {
        let owner = ConjunctionOwner { flow: Uuid::from_u128(flow << 96), datapath: 0, count: 2 };
        let key = FlowKey::new(OfTable(8), 1, &matching);
        let conjunctions = vec![lflow::expr::Conjunction { id, clause: 0, clauses: 2 }];
        let action = FlowAction::Conjunctions(conjunctions);
        Arc::new(Flow { key, cookie: flow as u32, action, conjunctive: Some(Arc::new(owner)) })
    }

    /// What is done with packets that meet conjunction `n` of a flow.
    fn met(flow: u128, n: u32) -> Arc<Flow> {
        let alternative = conjunctive(flow, Match::any().with(Field::ConjId, n), 0);
        let actions = vec![Action::output(openflow::PortNo(1))].into();
        Arc::new(Flow { action: FlowAction::Actions(actions), ..(*alternative).clone() })
    }

    /// What is sent, as text, and taken as done.
    fn send(table: &mut FlowTable) -> Vec<String> {
        let changes = table.take_changes();
        let (id, flags) = (BundleId(0), BundleFlags::ATOMIC_ORDERED);
        for change in &changes {
            let message = Box::new(Body::FlowMod(change.message()).with_xid(7));
            let message = Body::BundleAdd(BundleAdd { id, flags, message }).with_xid(7);
            let mut written = Vec::new();
            change.to_write().put_in_bundle(id, flags, 7, &mut written);
            assert_eq!(written, message.encode(Version::Of15), "{:?}", change.message());
        }
        let messages = changes.iter().map(Change::message);
        let text = messages.map(|m| format!("{:?} {m}", m.command)).collect();
        table.installed(changes);
        text
    }

    #[test]
    fn only_differences_are_sent() {
        let mut table = FlowTable::default();
        table.apply([plain(1, 5, 1), plain(2, 5, 1)], []);
        assert_eq!(
            send(&mut table),
            [
                "Add cookie=0x5, table=8, priority=1 actions=output:1",
                "Add cookie=0x5, table=8, priority=2 actions=output:1"
            ]
        );
        // Replaced by its equal, from elsewhere.
        table.apply([plain(1, 5, 1)], [plain(1, 5, 1)]);
        assert_eq!(send(&mut table), Vec::<String>::new());
        table.apply([plain(1, 5, 2), plain(2, 6, 1)], [plain(1, 5, 1), plain(2, 5, 1)]);
        assert_eq!(
            send(&mut table),
            [
                "ModifyStrict cookie=0x5, table=8, priority=1 actions=output:2",
                "Add cookie=0x6, table=8, priority=2 actions=output:1"
            ]
        );
        table.apply([], [plain(1, 5, 2), plain(2, 6, 1)]);
        assert_eq!(
            send(&mut table),
            [
                "DeleteStrict table=8, priority=1 actions=drop",
                "DeleteStrict table=8, priority=2 actions=drop"
            ]
        );
        assert!(table.places.is_empty() && !table.is_dirty());
    }

    #[test]
    fn keys_with_one_hash_are_told_apart() {
        let mut table = FlowTable { places: Places::with_few_hashes(), ..FlowTable::default() };
        let flows = |priorities: &[u16]| -> Vec<Arc<Flow>> {
            priorities.iter().map(|priority| plain(*priority, 5, 1)).collect()
        };
        let all: Vec<u16> = (0..40).collect();
        table.apply(flows(&all), []);
        assert_eq!(send(&mut table).len(), 40);
        // At the front, in the middle and at the back of chains.
        let (go, stay): (Vec<u16>, Vec<u16>) = all.iter().partition(|priority| *priority % 3 == 0);
        table.apply([], flows(&go));
        assert_eq!(send(&mut table).len(), go.len());
        assert_eq!(table.wanted().map(|(key, _)| key.priority()).collect::<Vec<_>>(), stay);
        table.apply([], flows(&stay));
        assert_eq!(send(&mut table).len(), stay.len());
        assert!(table.places.is_empty());
    }

    #[test]
    fn of_two_flows_with_one_key_one_is_taken_and_the_other_when_that_goes() {
        let mut table = FlowTable::default();
        table.apply([plain(1, 5, 2), plain(1, 6, 1)], []);
        assert_eq!(send(&mut table), ["Add cookie=0x6, table=8, priority=1 actions=output:1"]);
        table.apply([], [plain(1, 6, 1)]);
        assert_eq!(send(&mut table), ["Add cookie=0x5, table=8, priority=1 actions=output:2"]);
    }

    #[test]
    fn changes_that_failed_are_sent_again_without_what_was_refused() {
        let mut table = FlowTable::default();
        table.apply([plain(1, 5, 1), plain(2, 5, 1)], []);
        let changes = table.take_changes();
        table.refuse(&changes[0]);
        table.not_installed(changes);
        assert_eq!(send(&mut table), ["Add cookie=0x5, table=8, priority=2 actions=output:1"]);
        // Another flow under the key is tried.
        table.apply([plain(1, 5, 3)], [plain(1, 5, 1)]);
        assert_eq!(send(&mut table), ["Add cookie=0x5, table=8, priority=1 actions=output:3"]);
    }

    #[test]
    fn after_a_reconnection_everything_is_sent() {
        let mut table = FlowTable::default();
        table.apply([plain(1, 5, 1), plain(2, 5, 1)], []);
        send(&mut table);
        table.apply([], [plain(2, 5, 1)]);
        table.forget_installed();
        assert_eq!(send(&mut table), ["Add cookie=0x5, table=8, priority=1 actions=output:1"]);
        assert!(!table.is_dirty());
    }

    #[test]
    fn conjunction_ids_of_two_flows_are_apart_and_their_flows_join() {
        let mut table = FlowTable::default();
        let port = |n: u32| Match::any().with(Field::InPort, n);
        table.apply([conjunctive(9, port(1), 0), conjunctive(9, port(1), 1), met(9, 1)], []);
        // The next one would begin in the middle of the first one's range.
        table.apply([conjunctive(10, port(1), 0)], []);
        assert_eq!(
            send(&mut table),
            [
                "Add cookie=0x9, table=8, priority=1,in_port=1 actions=conjunction(9,1/2),conjunction(10,1/2),conjunction(11,1/2)",
                "Add cookie=0x9, table=8, priority=1,conj_id=10 actions=output:1"
            ]
        );
        table.apply([], [conjunctive(9, port(1), 0), conjunctive(9, port(1), 1), met(9, 1)]);
        assert_eq!(
            send(&mut table),
            [
                "Add cookie=0xa, table=8, priority=1,in_port=1 actions=conjunction(11,1/2)",
                "DeleteStrict table=8, priority=1,conj_id=10 actions=drop"
            ]
        );
        table.apply([], [conjunctive(10, port(1), 0)]);
        send(&mut table);
        assert!(table.places.is_empty() && table.ids.taken.is_empty());
    }
}

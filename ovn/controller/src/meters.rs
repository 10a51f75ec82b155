//! Meters of the switch: which number each has, those that flows want, and those that the switch has.
//!
//! A meter is either a row of the southbound table `Meter`, found by its name, or a logical flow's own (`set_meter`). Its
//! number is made from that, so that it nearly always is the same after a restart; a number that another meter has gives
//! way to the next. What a row says may change while flows go on naming the number.
//!
//! A switch takes meters outside of bundles, and deletes the flows that name a meter along with it. So meters come
//! before the bundle that brings the flows, and go after the one that takes them.
//! Upstream: extend-table.c, ofctrl.c add_meter.

use incr::{Emit, Reads};
use lflow::action::SetMeter;
use openflow::{Band, BandKind, MeterFlags, MeterId, MeterMod, MeterModCommand};
use ovsdb::{Str, Uuid};
use schema::sb;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::network::{Network, Output};

/// Numbers are 1 to this: switches have room for fewer than the protocol can name. When all are taken, further
/// meters have none, and what they would limit is not limited.
pub const METERS_MAX: u32 = 65535;

/// Which meter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MeterName {
    /// One of the table `Meter`.
    Named(Str),
    /// A logical flow's own.
    Own { flow: Uuid, meter: SetMeter },
}

/// As upstream's `meter-table-list` has it.
impl fmt::Display for MeterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Own { flow, meter: SetMeter { rate, burst: 0 } } => {
                write!(f, "__string: uuid {flow} kbps stats bands=type=drop rate={rate}")
            }
            Self::Own { flow, meter: SetMeter { rate, burst } } => {
                write!(
                    f,
                    "__string: uuid {flow} kbps burst stats bands=type=drop rate={rate} burst_size={burst}"
                )
            }
        }
    }
}

/// What a meter does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit {
    pub flags: MeterFlags,
    pub bands: Vec<Band>,
}

impl Limit {
    /// What rows say. Rates beyond what the protocol can say are the largest that it can.
    pub fn of_row<'a>(meter: &sb::Meter, bands: impl Iterator<Item = &'a sb::MeterBand>) -> Self {
        let unit = if &*meter.unit == "pktps" { MeterFlags::PKTPS } else { MeterFlags::KBPS };
        let number = |n: i64| u32::try_from(n.max(0)).unwrap_or(u32::MAX);
        let mut bands: Vec<Band> = bands
            .map(|band| Band {
                kind: BandKind::Drop,
                rate: number(band.rate),
                burst: number(band.burst_size),
            })
            .collect();
        bands.sort();
        Self::new(unit, bands)
    }

    /// What `set_meter` says.
    pub fn of_action(meter: SetMeter) -> Self {
        let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let band = Band { kind: BandKind::Drop, rate: number(meter.rate), burst: number(meter.burst) };
        Self::new(MeterFlags::KBPS, vec![band])
    }

    fn new(unit: u16, bands: Vec<Band>) -> Self {
        let burst = if bands.iter().any(|band| band.burst > 0) { MeterFlags::BURST } else { 0 };
        Self { flags: MeterFlags(unit | burst | MeterFlags::STATS), bands }
    }
}

/// The numbers that meters have.
#[derive(Debug, Default)]
pub struct MeterNumbers {
    numbers: HashMap<MeterName, MeterId>,
    names: BTreeMap<MeterId, MeterName>,
    /// Flows' own meters that were numbered since the last settlement.
    fresh: Vec<MeterId>,
}

impl MeterNumbers {
    /// The number of a meter; `None` when there is none left.
    pub fn number(&mut self, name: &MeterName) -> Option<MeterId> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        if self.names.len() >= METERS_MAX as usize {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let mut number = MeterId(hasher.finish() as u32 % METERS_MAX + 1);
        while self.names.contains_key(&number) {
            number = MeterId(number.0 % METERS_MAX + 1);
        }
        self.numbers.insert(name.clone(), number);
        self.names.insert(number, name.clone());
        match name {
            // It has the number as long as there is the row.
            MeterName::Named(_) => {}
            MeterName::Own { .. } => self.fresh.push(number),
        }
        Some(number)
    }

    /// A meter has no number any more.
    pub fn release(&mut self, name: &MeterName) {
        if let Some(number) = self.numbers.remove(name) {
            self.names.remove(&number);
        }
    }

    /// Whose a number is.
    pub fn name(&self, number: MeterId) -> Option<&MeterName> {
        self.names.get(&number)
    }
}

/// A meter under its number, as units emit it.
pub type Numbered = (MeterId, Arc<Limit>);

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct MeterTable {
    /// With how many units want each. Nearly always it is one limit a number; of several the least counts.
    wanted: BTreeMap<MeterId, BTreeMap<Arc<Limit>, u32>>,
    /// `None` for one that was there before us.
    installed: BTreeMap<MeterId, Option<Arc<Limit>>>,
    /// Numbers whose wanted limit may differ from what the switch has.
    dirty: BTreeSet<MeterId>,
    /// What the switch has refused. It is left out until it changes.
    refused: BTreeMap<MeterId, Arc<Limit>>,
}

/// Changes on their way to the switch.
#[derive(Debug, Default)]
pub struct MeterChanges {
    /// Before flows can name the meters, with their numbers.
    pub before: Vec<(MeterId, MeterMod)>,
    /// After no flow does any more.
    pub after: Vec<MeterMod>,
    changed: BTreeMap<MeterId, Option<Arc<Limit>>>,
}

impl MeterTable {
    /// Takes what a step of the engine changed, and gives back the numbers of flows' own meters that nobody wants.
    pub fn apply(
        &mut self,
        added: impl IntoIterator<Item = Numbered>,
        removed: impl IntoIterator<Item = Numbered>,
        numbers: &mut MeterNumbers,
    ) {
        let mut unsettled = std::mem::take(&mut numbers.fresh);
        for (number, limit) in added {
            *self.wanted.entry(number).or_default().entry(limit).or_default() += 1;
            self.dirty.insert(number);
        }
        for (number, limit) in removed {
            self.dirty.insert(number);
            let Some(limits) = self.wanted.get_mut(&number) else { continue };
            if let Some(count) = limits.get_mut(&limit) {
                *count -= 1;
                if *count == 0 {
                    limits.remove(&limit);
                }
            }
            if limits.is_empty() {
                self.wanted.remove(&number);
                unsettled.push(number);
            }
        }
        for number in unsettled.into_iter().filter(|number| !self.wanted.contains_key(number)) {
            if let Some(name @ MeterName::Own { .. }) = numbers.names.get(&number).cloned() {
                numbers.release(&name);
            }
        }
    }

    /// Whether there may be something to send.
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Nobody knows which meters the switch has until it tells ([`Self::found`]).
    pub fn forget_installed(&mut self) {
        self.refused.clear();
        self.installed.clear();
        self.dirty = self.wanted.keys().copied().collect();
    }

    /// The switch has this meter from before.
    pub fn found(&mut self, number: MeterId) {
        self.installed.insert(number, None);
        self.dirty.insert(number);
    }

    /// What is to be sent now. It counts as had by the switch only after [`Self::installed`].
    pub fn take_changes(&mut self) -> MeterChanges {
        let mut changes = MeterChanges::default();
        for number in std::mem::take(&mut self.dirty) {
            let wanted = self.wanted.get(&number).and_then(|limits| limits.keys().next());
            let wanted = wanted.filter(|limit| self.refused.get(&number) != Some(limit));
            let change = |command, limit: Option<&Arc<Limit>>| MeterMod {
                command,
                flags: limit.map_or(MeterFlags::default(), |limit| limit.flags),
                meter: number,
                bands: limit.map_or(Vec::new(), |limit| limit.bands.clone()),
            };
            match (self.installed.get(&number), wanted) {
                (None, None) => continue,
                (Some(Some(old)), Some(new)) if old == new => continue,
                (Some(_), None) => changes.after.push(change(MeterModCommand::Delete, None)),
                (Some(_), Some(_)) => changes.before.push((number, change(MeterModCommand::Modify, wanted))),
                (None, Some(_)) => changes.before.push((number, change(MeterModCommand::Add, wanted))),
            }
            changes.changed.insert(number, wanted.cloned());
        }
        changes
    }

    /// The switch has what changes asked for.
    pub fn installed(&mut self, changes: MeterChanges) {
        for (number, limit) in changes.changed {
            match limit {
                Some(limit) if self.refused.get(&number) == Some(&limit) => {}
                Some(limit) => drop(self.installed.insert(number, Some(limit))),
                None => drop(self.installed.remove(&number)),
            }
        }
    }

    /// The switch has refused a meter: what it would limit is not limited.
    pub fn refuse(&mut self, number: MeterId) {
        if let Some(limit) = self.wanted.get(&number).and_then(|limits| limits.keys().next()) {
            self.refused.insert(number, limit.clone());
        }
    }

    /// Changes came to nothing: what they would have changed is still to be changed. What came before the bundle did
    /// come; as what, the switch is not asked.
    pub fn not_installed(&mut self, changes: MeterChanges) {
        let arrived = changes.before.iter().map(|(number, _)| *number);
        for number in arrived.filter(|number| !self.refused.contains_key(number)) {
            self.installed.insert(number, None);
        }
        self.dirty.extend(changes.changed.into_keys());
    }

    /// All wanted meters.
    pub fn wanted(&self) -> impl Iterator<Item = (MeterId, &Limit)> {
        self.wanted.iter().filter_map(|(number, limits)| Some((*number, &**limits.keys().next()?)))
    }
}

/// A row of the table `Meter`: made in the switch while some flow names it.
pub(crate) fn row(net: &Network, reads: &Reads, row: Uuid, emit: &mut Emit<Network>) {
    let Some(meter) = net.meters.get(reads, &row) else { return };
    let Some(&number) = net.meter_numbers.get(reads, &meter.name) else { return };
    if net.meter_users.any(reads, &meter.name) {
        let bands = meter.bands.iter().filter_map(|band| net.meter_bands.get(reads, band));
        let limit = Limit::of_row(meter, bands.map(|band| &**band));
        emit.output(Output::Meter(number, Arc::new(limit)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Unit;
    use crate::tests::lab::{Lab, On, uuid};

    fn limit(rate: u64) -> Arc<Limit> {
        Arc::new(Limit::of_action(SetMeter { rate, burst: 0 }))
    }

    /// What is sent, taken as done: before flows and after them.
    fn send(table: &mut MeterTable) -> (Vec<MeterModCommand>, Vec<MeterModCommand>) {
        let changes = table.take_changes();
        let before = changes.before.iter().map(|(_, change)| change.command).collect();
        let after = changes.after.iter().map(|change| change.command).collect();
        table.installed(changes);
        (before, after)
    }

    #[test]
    fn a_meter_is_there_while_somebody_wants_it() {
        use MeterModCommand::{Add, Delete, Modify};
        let (mut numbers, mut table) = (MeterNumbers::default(), MeterTable::default());
        let own = MeterName::Own { flow: Uuid::from_u128(1), meter: SetMeter { rate: 5, burst: 0 } };
        let number = numbers.number(&own).unwrap();
        table.apply([(number, limit(5))], [], &mut numbers);
        assert_eq!(send(&mut table), (vec![Add], vec![]));
        table.apply([(number, limit(6))], [(number, limit(5))], &mut numbers);
        assert_eq!(send(&mut table), (vec![Modify], vec![]));
        table.apply([], [(number, limit(6))], &mut numbers);
        assert_eq!(send(&mut table), (vec![], vec![Delete]));
        assert!(numbers.names.is_empty() && numbers.numbers.is_empty() && !table.is_dirty());
    }

    #[test]
    fn numbers_are_the_same_in_any_order_and_end() {
        let name = |n: u32| MeterName::Named(n.to_string().into());
        let mut numbers = MeterNumbers::default();
        let first = numbers.number(&name(1)).unwrap();
        let given = (0..2 * METERS_MAX).filter_map(|n| numbers.number(&name(n))).collect::<BTreeSet<_>>();
        assert_eq!(
            (given.len(), given.first(), given.last()),
            (65535, Some(&MeterId(1)), Some(&MeterId(65535)))
        );
        numbers.release(&name(7));
        assert!(numbers.number(&name(3 * METERS_MAX)).is_some() && numbers.number(&name(7)).is_none());
        assert_eq!(MeterNumbers::default().number(&name(1)), Some(first));
    }

    #[test]
    fn a_refused_meter_is_left_out_until_it_changes() {
        let (mut numbers, mut table) = (MeterNumbers::default(), MeterTable::default());
        table.apply([(MeterId(1), limit(5))], [], &mut numbers);
        let changes = table.take_changes();
        table.refuse(MeterId(1));
        table.installed(changes);
        assert!(send(&mut table).0.is_empty());
        table.apply([(MeterId(1), limit(6))], [(MeterId(1), limit(5))], &mut numbers);
        assert_eq!(send(&mut table).0, [MeterModCommand::Add]);
    }

    #[test]
    fn what_a_meter_says_concerns_the_meter_only() {
        let mut lab = Lab::new();
        lab.switch("sw0", 1);
        lab.port("sw0", "p1", 7, |_| {});
        lab.interface("p1", Some(20));
        lab.flow("f", "ip4", "log(verdict=drop, meter=\"m\"); next;", On::Switch("sw0"));
        lab.step();
        let (flow, row) = (Unit::LogicalFlow(uuid("Logical_Flow", "f")), Unit::Meter(uuid("Meter", "m")));
        assert_eq!(lab.complaints, Vec::<String>::new());
        lab.meter("m", 100);
        assert_eq!(lab.step(), [flow, row]);
        lab.meter("m", 200);
        assert_eq!(lab.step(), [row]);
        let wanted: Vec<Limit> = lab.flows.meters.wanted().map(|(_, limit)| limit.clone()).collect();
        let band = Band { kind: BandKind::Drop, rate: 200, burst: 0 };
        let flags = MeterFlags(MeterFlags::PKTPS | MeterFlags::STATS);
        assert_eq!(wanted, [Limit { flags, bands: vec![band] }]);
    }
}

//! The engine: runs units whose reads changed, compares what they emit.

use std::collections::{BTreeMap, HashMap};

use crate::cell::{Reads, Touched};
use crate::emitted::{Emitted, diff};
use crate::program::{Emit, Program, Step};
use crate::readers::{ReaderMap, Slot, UnitId};
use crate::stats::Stats;

/// Units, what they read and what they emitted.
pub struct Engine<P: Program> {
    ids: HashMap<P::Unit, UnitId>,
    units: Vec<Option<Unit<P>>>,
    free: Vec<UnitId>,
    readers: ReaderMap,
    /// Units to run or to retire in the next step, by phase.
    dirty: BTreeMap<u8, Vec<UnitId>>,
    last_run: Vec<P::Unit>,
    stats: Stats,
}

struct Unit<P: Program> {
    key: P::Unit,
    /// Whether a row owns it.
    is_root: bool,
    /// How many units ask for it.
    parents: u32,
    reads: Box<[Slot]>,
    emitted: Emitted<P>,
}

/// The facts and requests that came and went in one phase, to be acted upon at its end.
struct Pending<P: Program> {
    facts_added: Vec<P::Fact>,
    facts_removed: Vec<P::Fact>,
    units_added: Vec<P::Unit>,
    units_removed: Vec<P::Unit>,
}

impl<P: Program> Default for Engine<P> {
    fn default() -> Self {
        Self {
            ids: HashMap::new(),
            units: Vec::new(),
            free: Vec::new(),
            readers: ReaderMap::default(),
            dirty: BTreeMap::new(),
            last_run: Vec::new(),
            stats: Stats::default(),
        }
    }
}

impl<P: Program> Engine<P> {
    /// Makes a unit exist, or no longer, because of a row. It runs, or its outputs go, in the next step.
    pub fn set_unit(&mut self, key: P::Unit, exists: bool) {
        let id = match self.ids.get(&key) {
            Some(id) => *id,
            None if exists => self.insert(key),
            None => return,
        };
        self.unit_mut(id).is_root = exists;
        if !exists {
            self.mark(id);
        }
    }

    /// Runs what has to be run and gives the difference.
    ///
    /// # Panics
    ///
    /// If a unit asks for a unit of its own or an earlier phase or (in debug builds) reads a fact of its own or a
    /// later phase: such a program has no order in which its units can run.
    pub fn step(&mut self, program: &mut P, touched: &mut Touched) -> Step<P> {
        self.stats.steps += 1;
        self.last_run.clear();
        for counters in self.stats.kinds.values_mut() {
            counters.last_runs = 0;
        }
        for cell in touched.take() {
            for id in self.readers.of(cell) {
                self.mark(id);
            }
        }
        let mut step = Step::default();
        while let Some((phase, batch)) = self.dirty.pop_first() {
            let pending = self.run_phase(program, batch, &mut step);
            self.settle(program, phase, pending);
        }
        self.stats.cells = self.readers.len() as u64;
        step
    }

    /// The units that ran in the last step, in order. Units that were retired are not among them.
    pub fn last_run(&self) -> &[P::Unit] {
        &self.last_run
    }

    /// What has been done so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Counts runs and changes from here on. What there is now stays counted.
    pub fn clear_stats(&mut self) {
        self.stats.steps = 0;
        for counters in self.stats.kinds.values_mut() {
            (counters.runs, counters.last_runs, counters.added, counters.removed) = (0, 0, 0, 0);
        }
    }

    /// All units in the order of their keys, with their outputs.
    pub fn units(&self) -> impl Iterator<Item = (&P::Unit, &[P::Output])> {
        let mut units: Vec<_> =
            self.units.iter().flatten().map(|unit| (&unit.key, &*unit.emitted.outputs)).collect();
        units.sort_unstable_by_key(|(key, _)| *key);
        units.into_iter()
    }

    /// The outputs of one unit, sorted.
    pub fn outputs(&self, key: &P::Unit) -> &[P::Output] {
        self.ids.get(key).map_or(&[], |id| &self.unit(*id).emitted.outputs)
    }

    /// Runs every unit again without keeping the results, and names those that would emit something else than what
    /// they last emitted. After a step there are none, unless a unit read something untracked.
    pub fn check(&self, program: &P) -> Vec<P::Unit> {
        let mut wrong: Vec<P::Unit> = Vec::new();
        for unit in self.units.iter().flatten() {
            let mut emit = Emit::new();
            program.run(&unit.key, &Reads::default(), &mut emit);
            if !unit.emitted.same_as(&emit.into()) {
                wrong.push(unit.key.clone());
            }
        }
        wrong.sort();
        wrong
    }

    fn run_phase(&mut self, program: &P, mut batch: Vec<UnitId>, step: &mut Step<P>) -> Pending<P> {
        batch.sort_unstable();
        batch.dedup();
        batch.sort_unstable_by(|a, b| self.unit(*a).key.cmp(&self.unit(*b).key));
        let mut pending = Pending {
            facts_added: vec![],
            facts_removed: vec![],
            units_added: vec![],
            units_removed: vec![],
        };
        for id in batch {
            if self.unit(id).exists() {
                self.run_unit(program, id, step, &mut pending);
            } else {
                self.retire(id, step, &mut pending);
            }
        }
        pending
    }

    fn run_unit(&mut self, program: &P, id: UnitId, step: &mut Step<P>, pending: &mut Pending<P>) {
        let key = self.unit(id).key.clone();
        let (reads, mut emit) = (Reads::default(), Emit::new());
        program.run(&key, &reads, &mut emit);
        let new = Emitted::from(emit);
        let unit = self.units[id as usize].as_mut().expect("only living units are marked");
        unit.reads = self.readers.replace(id, &unit.reads, &reads.take());
        let old = std::mem::replace(&mut unit.emitted, Emitted::nothing());
        let counters = self.stats.kinds.entry(P::kind(&key)).or_default();
        counters.runs += 1;
        counters.last_runs += 1;
        self.compare(&key, &old, &new, step, pending);
        self.unit_mut(id).emitted = new;
        self.last_run.push(key);
    }

    fn retire(&mut self, id: UnitId, step: &mut Step<P>, pending: &mut Pending<P>) {
        let unit = self.units[id as usize].take().expect("only living units are marked");
        self.readers.replace(id, &unit.reads, &[]);
        self.ids.remove(&unit.key);
        self.free.push(id);
        self.compare(&unit.key, &unit.emitted, &Emitted::nothing(), step, pending);
        self.stats.kinds.entry(P::kind(&unit.key)).or_default().units -= 1;
    }

    fn compare(
        &mut self,
        key: &P::Unit,
        old: &Emitted<P>,
        new: &Emitted<P>,
        step: &mut Step<P>,
        pending: &mut Pending<P>,
    ) {
        let (added, removed) = (step.added.len(), step.removed.len());
        diff(&old.outputs, &new.outputs, |output, is_new| {
            if is_new { &mut step.added } else { &mut step.removed }.push((key.clone(), output.clone()));
        });
        diff(old.facts(), new.facts(), |fact, is_new| {
            if is_new { &mut pending.facts_added } else { &mut pending.facts_removed }.push(fact.clone());
        });
        diff(old.units(), new.units(), |unit, is_new| {
            if is_new { &mut pending.units_added } else { &mut pending.units_removed }.push(unit.clone());
        });
        let counters = self.stats.kinds.entry(P::kind(key)).or_default();
        counters.added += (step.added.len() - added) as u64;
        counters.removed += (step.removed.len() - removed) as u64;
        counters.outputs = counters.outputs + new.outputs.len() as u64 - old.outputs.len() as u64;
    }

    /// Acts upon the facts and requests of a finished phase.
    fn settle(&mut self, program: &mut P, phase: u8, pending: Pending<P>) {
        let mut touched = Touched::default();
        for fact in &pending.facts_added {
            program.absorb(fact, true, &mut touched);
        }
        for fact in &pending.facts_removed {
            program.absorb(fact, false, &mut touched);
        }
        for cell in touched.take() {
            for id in self.readers.of(cell) {
                // Not in release builds: two cells with one fingerprint, however unlikely, must not stop a daemon.
                if cfg!(debug_assertions) {
                    self.assert_later(phase, id, "reads a fact");
                }
                self.mark(id);
            }
        }
        for key in pending.units_added {
            let id = self.ids.get(&key).copied().unwrap_or_else(|| self.insert(key));
            self.assert_later(phase, id, "is asked for by a unit");
            self.unit_mut(id).parents += 1;
        }
        for key in pending.units_removed {
            let id = self.ids[&key];
            let unit = self.unit_mut(id);
            unit.parents -= 1;
            if !unit.exists() {
                self.mark(id);
            }
        }
    }

    fn assert_later(&self, phase: u8, id: UnitId, what: &str) {
        let key = &self.unit(id).key;
        assert!(P::phase(key) > phase, "unit {key:?} of phase {} {what} of phase {phase}", P::phase(key));
    }

    fn insert(&mut self, key: P::Unit) -> UnitId {
        let unit = Unit {
            key: key.clone(),
            is_root: false,
            parents: 0,
            reads: Box::default(),
            emitted: Emitted::nothing(),
        };
        let id = match self.free.pop() {
            Some(id) => {
                self.units[id as usize] = Some(unit);
                id
            }
            None => {
                self.units.push(Some(unit));
                UnitId::try_from(self.units.len() - 1).expect("fewer than 2^32 units fit in memory")
            }
        };
        self.stats.kinds.entry(P::kind(&key)).or_default().units += 1;
        self.ids.insert(key, id);
        self.mark(id);
        id
    }

    fn mark(&mut self, id: UnitId) {
        let phase = P::phase(&self.unit(id).key);
        self.dirty.entry(phase).or_default().push(id);
    }

    fn unit(&self, id: UnitId) -> &Unit<P> {
        self.units[id as usize].as_ref().expect("ids of retired units are forgotten")
    }

    fn unit_mut(&mut self, id: UnitId) -> &mut Unit<P> {
        self.units[id as usize].as_mut().expect("ids of retired units are forgotten")
    }
}

impl<P: Program> Unit<P> {
    fn exists(&self) -> bool {
        self.is_root || self.parents > 0
    }
}

//! The two promises of the engine on a small network: the result of steps equals a computation from scratch, and
//! nothing runs that need not.

use std::collections::BTreeMap;

use incr::{Emit, Engine, Gather, Index, Program, Reads, Table, Touched};
use proptest::prelude::*;

/// Switches with a colour, ports on switches. A port with address 0 is "unknown". A switch asks for a flood unit for
/// each of its colours' rivals, so that units asked for by several others occur.
struct Net {
    switches: Table<u8, u8>,
    ports: Table<u8, (u8, u8)>,
    on_switch: Index<u8, u8>,
    unknown: Index<u8, u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Unit {
    Port(u8),
    Switch(u8),
    Colour(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fact {
    On { switch: u8, port: u8 },
    Unknown { switch: u8, port: u8 },
}

impl Program for Net {
    type Unit = Unit;
    type Output = (String, u8);
    type Fact = Fact;

    fn kind(unit: &Unit) -> &'static str {
        match unit {
            Unit::Port(_) => "port",
            Unit::Switch(_) => "switch",
            Unit::Colour(_) => "colour",
        }
    }

    fn phase(unit: &Unit) -> u8 {
        match unit {
            Unit::Port(_) => 0,
            Unit::Switch(_) => 1,
            Unit::Colour(_) => 2,
        }
    }

    fn run(&self, unit: &Unit, reads: &Reads, emit: &mut Emit<Self>) {
        match *unit {
            Unit::Port(port) => {
                let Some((switch, address)) = self.ports.get(reads, &port) else { return };
                emit.fact(Fact::On { switch: *switch, port });
                if *address == 0 {
                    emit.fact(Fact::Unknown { switch: *switch, port });
                } else if self.switches.get(reads, switch).is_some() {
                    emit.output((format!("to {address}"), *switch));
                }
            }
            Unit::Switch(switch) => {
                let Some(colour) = self.switches.get(reads, &switch) else { return };
                emit.unit(Unit::Colour(*colour));
                emit.output((
                    format!("flood {:?}", self.on_switch.get(reads, &switch).collect::<Vec<_>>()),
                    switch,
                ));
                if self.unknown.any(reads, &switch) {
                    emit.output(("unknown".into(), switch));
                }
                if self.unknown.has(reads, &switch, &1) {
                    emit.output(("one is unknown".into(), switch));
                }
            }
            Unit::Colour(colour) => {
                let keys = self.switches.keys(reads).count() as u8;
                let same = self.switches.iter(reads).filter(|(_, other)| **other == colour).count() as u8;
                emit.output((format!("colour {colour}"), same.min(keys)));
            }
        }
    }

    fn absorb(&mut self, fact: &Fact, present: bool, touched: &mut Touched) {
        match fact {
            Fact::On { switch, port } => self.on_switch.set(touched, switch, port, present),
            Fact::Unknown { switch, port } => self.unknown.set(touched, switch, port, present),
        }
    }
}

impl Net {
    fn new() -> Self {
        Self {
            switches: Table::new("switches"),
            ports: Table::new("ports"),
            on_switch: Index::new("on_switch"),
            unknown: Index::new("unknown"),
        }
    }
}

/// A network under change, beside the plain rows from which it can be made anew.
struct World {
    net: Net,
    engine: Engine<Net>,
    touched: Touched,
    flows: Gather<String, u8>,
    switches: BTreeMap<u8, u8>,
    ports: BTreeMap<u8, (u8, u8)>,
}

#[derive(Clone, Debug)]
enum Transition {
    Switch(u8, Option<u8>),
    Port(u8, Option<(u8, u8)>),
    Step,
}

impl World {
    fn new() -> Self {
        Self {
            net: Net::new(),
            engine: Engine::default(),
            touched: Touched::default(),
            flows: Gather::default(),
            switches: BTreeMap::new(),
            ports: BTreeMap::new(),
        }
    }

    fn apply(&mut self, transition: &Transition) {
        match *transition {
            Transition::Switch(key, row) => {
                self.net.switches.set(&mut self.touched, key, row);
                self.engine.set_unit(Unit::Switch(key), row.is_some());
                let _ = row
                    .map(|row| self.switches.insert(key, row))
                    .unwrap_or_else(|| self.switches.remove(&key));
            }
            Transition::Port(key, row) => {
                self.net.ports.set(&mut self.touched, key, row);
                self.engine.set_unit(Unit::Port(key), row.is_some());
                let _ = row.map(|row| self.ports.insert(key, row)).unwrap_or_else(|| self.ports.remove(&key));
            }
            Transition::Step => {
                let step = self.engine.step(&mut self.net, &mut self.touched);
                let plain = |list: Vec<(Unit, (String, u8))>| list.into_iter().map(|(_, output)| output);
                self.flows.apply(plain(step.added), plain(step.removed));
            }
        }
    }

    /// The same rows in a new world.
    fn scratch(&self) -> Self {
        let mut world = Self::new();
        for (key, row) in &self.switches {
            world.apply(&Transition::Switch(*key, Some(*row)));
        }
        for (key, row) in &self.ports {
            world.apply(&Transition::Port(*key, Some(*row)));
        }
        world.apply(&Transition::Step);
        world
    }

    fn units(&self) -> Vec<(Unit, Vec<(String, u8)>)> {
        self.engine.units().map(|(unit, outputs)| (*unit, outputs.to_vec())).collect()
    }

    fn flows(&self) -> Vec<(String, Vec<u8>)> {
        self.flows.iter().map(|(key, values)| (key.clone(), values.copied().collect())).collect()
    }
}

fn transition() -> impl Strategy<Value = Transition> {
    prop_oneof![
        2 => (0..4_u8, proptest::option::of(0..3_u8)).prop_map(|(key, row)| Transition::Switch(key, row)),
        4 => (0..8_u8, proptest::option::of((0..4_u8, 0..3_u8))).prop_map(|(key, row)| Transition::Port(key, row)),
        3 => Just(Transition::Step),
    ]
}

proptest! {
    #[test]
    fn steps_give_what_a_computation_from_scratch_gives(script in proptest::collection::vec(transition(), 1..60)) {
        let mut world = World::new();
        for transition in script.iter().chain([&Transition::Step]) {
            world.apply(transition);
            if matches!(transition, Transition::Step) {
                let fresh = world.scratch();
                prop_assert_eq!(world.units(), fresh.units());
                prop_assert_eq!(world.flows(), fresh.flows());
                prop_assert_eq!(world.engine.check(&world.net), []);
                let (stats, fresh) = (world.engine.stats().total(), fresh.engine.stats().total());
                prop_assert_eq!((stats.units, stats.outputs), (fresh.units, fresh.outputs));
            }
        }
        let idle = world.engine.step(&mut world.net, &mut world.touched);
        prop_assert!(idle.is_empty() && world.engine.last_run().is_empty());
    }
}

fn reran(world: &mut World, transitions: &[Transition]) -> Vec<Unit> {
    for transition in transitions {
        world.apply(transition);
    }
    world.apply(&Transition::Step);
    world.engine.last_run().to_vec()
}

fn two_switches() -> World {
    let mut world = World::new();
    let rows = [
        Transition::Switch(0, Some(0)),
        Transition::Switch(1, Some(1)),
        Transition::Port(0, Some((0, 1))),
        Transition::Port(2, Some((0, 0))),
        Transition::Port(5, Some((1, 2))),
    ];
    reran(&mut world, &rows);
    world
}

#[test]
fn a_changed_row_runs_its_readers_only() {
    let mut world = two_switches();
    assert_eq!(reran(&mut world, &[Transition::Port(0, Some((0, 2)))]), [Unit::Port(0)]);
    assert_eq!(reran(&mut world, &[Transition::Port(0, Some((0, 2)))]), [], "the same value is no change");
    let moved = reran(&mut world, &[Transition::Port(0, Some((1, 2)))]);
    assert_eq!(moved, [Unit::Port(0), Unit::Switch(0), Unit::Switch(1)]);
}

#[test]
fn whether_there_is_any_member_is_a_cell_of_its_own() {
    let mut world = two_switches();
    // Port 6 is the second unknown port: only its presence on the switch makes the switch run.
    assert_eq!(reran(&mut world, &[Transition::Port(6, Some((0, 0)))]), [Unit::Port(6), Unit::Switch(0)]);
    let before = world.engine.outputs(&Unit::Switch(1)).to_vec();
    assert_eq!(reran(&mut world, &[Transition::Port(6, None)]), [Unit::Switch(0)]);
    assert_eq!(world.engine.outputs(&Unit::Switch(1)), before);
}

#[test]
fn a_unit_asked_for_lives_as_long_as_somebody_asks() {
    let mut world = two_switches();
    assert_eq!(world.engine.outputs(&Unit::Colour(1)), [("colour 1".to_owned(), 1)]);
    reran(&mut world, &[Transition::Switch(0, Some(1))]);
    assert_eq!(world.engine.outputs(&Unit::Colour(1)), [("colour 1".to_owned(), 2)]);
    assert_eq!(world.engine.outputs(&Unit::Colour(0)), []);
    reran(&mut world, &[Transition::Switch(1, None)]);
    assert_eq!(world.engine.outputs(&Unit::Colour(1)), [("colour 1".to_owned(), 1)]);
    reran(&mut world, &[Transition::Switch(0, None)]);
    assert!(world.units().iter().all(|(unit, _)| matches!(unit, Unit::Port(_))));
}

#[test]
fn a_row_that_comes_back_within_a_step_was_never_away() {
    let mut world = two_switches();
    let back = [Transition::Port(0, None), Transition::Port(0, Some((0, 1)))];
    assert_eq!(reran(&mut world, &back), [Unit::Port(0)]);
    assert_eq!(world.engine.check(&world.net), []);
}

#[test]
fn a_read_around_the_tracking_is_found_by_check() {
    struct Sloppy(Table<u8, u8>);
    impl Program for Sloppy {
        type Unit = u8;
        type Output = u8;
        type Fact = std::convert::Infallible;
        fn kind(_: &u8) -> &'static str {
            "sloppy"
        }
        fn phase(_: &u8) -> u8 {
            0
        }
        fn run(&self, unit: &u8, _: &Reads, emit: &mut Emit<Self>) {
            self.0.peek(unit).into_iter().for_each(|value| emit.output(*value));
        }
        fn absorb(&mut self, fact: &Self::Fact, _: bool, _: &mut Touched) {
            match *fact {}
        }
    }
    let (mut program, mut engine, mut touched) =
        (Sloppy(Table::new("rows")), Engine::default(), Touched::default());
    program.0.set(&mut touched, 1, Some(1));
    engine.set_unit(1, true);
    engine.step(&mut program, &mut touched);
    program.0.set(&mut touched, 1, Some(2));
    assert!(engine.step(&mut program, &mut touched).is_empty());
    assert_eq!(engine.check(&program), [1]);
}

#[test]
fn stats_count_by_kind() {
    let mut world = two_switches();
    reran(&mut world, &[Transition::Port(0, Some((0, 2)))]);
    insta::assert_snapshot!(world.engine.stats(), @r"
    steps: 2, cells read: 13
    kind                     units   outputs      runs last runs     added   removed
    colour                       2         2         2         0         2         0
    port                         3         2         4         1         3         1
    switch                       2         3         2         0         3         0
    ");
}

//! Units, revisions, dependencies: re-run what changed, diff what came out.
//!
//! A **unit** is the smallest piece of a computation that is worth redoing by itself: a switch port, a switch, a
//! logical flow on a datapath. It is a pure function of what it reads, and it emits **outputs**, which leave the
//! engine. A unit is written once, as if everything were computed anew each time; the engine does the rest:
//!
//! * what a run reads is noted, cell by cell ([`Table`], [`Index`]);
//! * a change of a cell runs its readers again, and only those;
//! * old and new outputs of a unit are compared, and the difference is what a [`step`](Engine::step) gives.
//!
//! Units come and go with the rows that own them ([`Engine::set_unit`]) or because other units ask for them
//! ([`Emit::unit`]). What units need to know of each other they say as **facts** ([`Emit::fact`]), which the program
//! puts into its indexes ([`Program::absorb`]) and which units of later phases read like any other input.
//!
//! There is no recomputation of everything, no list of what is incremental, and no second, delta-shaped copy of
//! any function. What the engine keeps is, per unit, its outputs and the names of the cells it read.
//!
//! This crate knows nothing of networks, databases, time or threads.
//!
//! # Example
//!
//! Switches have ports; a port's flow names its address; a switch floods iff one of its ports has no address.
//!
//! ```
//! use incr::{Emit, Engine, Index, Program, Reads, Table, Touched};
//!
//! struct Net {
//!     /// Inputs: port to (switch, address).
//!     ports: Table<u32, (u32, Option<&'static str>)>,
//!     /// Facts: the ports without address by switch.
//!     unknown: Index<u32, u32>,
//! }
//!
//! #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
//! enum Unit {
//!     Port(u32),
//!     Switch(u32),
//! }
//!
//! #[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
//! struct UnknownPort { switch: u32, port: u32 }
//!
//! impl Program for Net {
//!     type Unit = Unit;
//!     type Output = String;
//!     type Fact = UnknownPort;
//!
//!     fn kind(unit: &Unit) -> &'static str {
//!         match unit {
//!             Unit::Port(_) => "port",
//!             Unit::Switch(_) => "switch",
//!         }
//!     }
//!
//!     // Ports say facts that switches read, so they run first.
//!     fn phase(unit: &Unit) -> u8 {
//!         match unit {
//!             Unit::Port(_) => 0,
//!             Unit::Switch(_) => 1,
//!         }
//!     }
//!
//!     fn run(&self, unit: &Unit, reads: &Reads, emit: &mut Emit<Self>) {
//!         match *unit {
//!             Unit::Port(port) => match self.ports.get(reads, &port) {
//!                 Some((_, Some(address))) => emit.output(format!("{address} -> port {port}")),
//!                 Some((switch, None)) => emit.fact(UnknownPort { switch: *switch, port }),
//!                 None => {}
//!             },
//!             Unit::Switch(switch) if self.unknown.any(reads, &switch) => emit.output(format!("{switch}: flood")),
//!             Unit::Switch(switch) => emit.output(format!("{switch}: drop")),
//!         }
//!     }
//!
//!     fn absorb(&mut self, fact: &UnknownPort, present: bool, touched: &mut Touched) {
//!         self.unknown.set(touched, &fact.switch, &fact.port, present);
//!     }
//! }
//!
//! let mut net = Net { ports: Table::new("ports"), unknown: Index::new("unknown") };
//! let mut engine = Engine::default();
//! let mut touched = Touched::default();
//!
//! net.ports.set(&mut touched, 1, Some((10, Some("aa"))));
//! engine.set_unit(Unit::Port(1), true);
//! engine.set_unit(Unit::Switch(10), true);
//! let step = engine.step(&mut net, &mut touched);
//! assert_eq!(step.added_outputs(), ["aa -> port 1", "10: drop"]);
//!
//! // The second port has no address: it runs, and the switch runs because of what it says.
//! net.ports.set(&mut touched, 2, Some((10, None)));
//! engine.set_unit(Unit::Port(2), true);
//! let step = engine.step(&mut net, &mut touched);
//! assert_eq!(step.added_outputs(), ["10: flood"]);
//! assert_eq!(step.removed_outputs(), ["10: drop"]);
//! assert_eq!(engine.last_run(), [Unit::Port(2), Unit::Switch(10)]);
//!
//! // A third one changes nothing for the switch, which is not even asked.
//! net.ports.set(&mut touched, 3, Some((10, None)));
//! engine.set_unit(Unit::Port(3), true);
//! assert!(engine.step(&mut net, &mut touched).is_empty());
//! assert_eq!(engine.last_run(), [Unit::Port(3)]);
//! ```
//!
//! # Bounds
//!
//! Memory is that of the outputs plus, a unit, its key twice and about a hundred bytes, plus eight bytes a cell read.
//! A step takes time proportional to the cells touched and the units that read them, times the logarithm of the
//! sizes. [`Engine::check`] runs every unit again and says which of them no longer agree with what they read: the
//! one mistake a program can make is to read something untracked.

mod cell;
mod emitted;
mod engine;
mod gather;
mod index;
mod program;
mod readers;
mod stats;
mod table;

pub use cell::{Cell, Reads, Touched};
pub use engine::Engine;
pub use gather::Gather;
pub use index::Index;
pub use program::{Emit, Program, Step};
pub use stats::{Counters, Stats};
pub use table::Table;

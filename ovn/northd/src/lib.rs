//! Northbound rows to southbound rows.
//!
//! What a network should be is written in the northbound database in terms of switches and ports; what chassis need to
//! know is written in the southbound one in terms of datapaths, bindings and logical flows. This crate makes the
//! second from the first, whenever a row changes and as little as it takes.
//!
//! ```text
//!  nb rows ─► model ─► inputs ─► units: features ─► outputs ─► sync: tables ─► transaction
//!             parsed   tables,   pure functions     rows and   what should be
//!             once     indexes   of what they       parts of   against what is,
//!             (§1)     keys (§2) read (§3)          rows       key by key (§4)
//!                                    └── facts ──► indexes, for units that come later
//! ```
//!
//! 1. [`model`] parses a row into a struct, with complaints about what it did not understand; nothing in a row can
//!    stop a switch.
//! 2. [`inputs`] puts parsed rows where units find them and says which units there are; [`allocation`] and [`keys`]
//!    give tunnel keys, read back from the southbound database.
//! 3. [`network`] lists the units and what they read; each runs the features of [`feature`], one file each, which
//!    write [`flows`] and other [`output`]s. The engine (`incr`) runs a unit again when what it read has changed, and only
//!    then.
//! 4. [`sync`] brings outputs together by row, one file a table, and plans what has to be written.
//!
//! [`northd`] is the daemon's core around that: two replicas in, transactions out. [`commands`] are those of its
//! control socket, [`numbering`] gives stages their table numbers.
//!
//! # Invariants
//!
//! * No feature sees a string map, an unparsed address, a UUID of the southbound database or a table number.
//! * Nothing is kept that is not in one of the databases: a northd that starts finds no row to write.
//! * No sockets, no clock, no randomness, no OpenFlow: messages and the time are handed in, and a seed.
//!
//! # To add a feature
//!
//! A file in `feature/`, a line in its list, a snapshot test. If it needs rows of a new table: a struct in `model/`, a
//! table in `network`, a function in `inputs`, a monitor in `northd`. If it writes rows of a new table: an
//! [`Output`](output::Output), a file in `sync/`.

pub mod allocation;
pub mod commands;
pub mod feature;
pub mod flows;
pub mod inputs;
pub mod keys;
pub mod model;
pub mod network;
pub mod northd;
pub mod numbering;
pub mod output;
pub mod sync;

#[cfg(test)]
mod tests;

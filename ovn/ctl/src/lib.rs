//! The command-line clients as pure functions: rows and arguments to a transaction and text.
//!
//! A tour:
//! - [`Program`] is one of the programs; each has a sorted table of [`verb::Verb`]s, one file a verb (`nbctl/`,
//!   `sbctl/`, `vsctl/`, and `generic/` for those that work on any table);
//! - [`cli`] reads a command line into an [`cli::Invocation`], or into a text such as help that is all there is to
//!   print;
//! - [`run::Run`] is a run from the first message of a connection to the exit code;
//! - [`view::View`] holds the rows as the commands see them: later ones see what earlier ones did; what they did
//!   becomes one transaction;
//! - [`identify`] finds tables, columns and rows by what people write, `text` reads and writes values, [`output`]
//!   prints tables;
//! - [`manual`] and [`complete`] make man pages and completion from the same tables of verbs.
//!
//! Invariant: no sockets, no clock, no environment: the shell in `daemon` moves bytes and passes these in. Texts that
//! scripts may depend on, output and errors, are those of the programs' upstream, octet for octet.

pub mod cli;
pub mod complete;
mod connection;
pub mod context;
mod failure;
mod generic;
mod help;
pub mod identify;
pub mod manual;
mod nbctl;
pub mod needs;
pub mod openflow;
pub mod output;
mod overview;
mod program;
pub mod run;
mod sbctl;
pub mod symbols;
mod targets;
mod text;
mod tls;
pub mod verb;
pub mod view;
mod vsctl;

pub use failure::Failure;
pub use program::Program;

//! Interprets logical flows by itself: what `ovn-trace` shows.
//!
//! Given the rows of the southbound database and a description of a packet, [`trace()`] follows the packet
//! through the logical pipelines and says in text what each flow does to it. It is a second, independent
//! reading of the logical flows: it evaluates the language on the packet, where a controller compiles it
//! to OpenFlow and a switch runs that, and tests hold the two against each other.
//!
//! Invariant: this crate knows rows and the logical language, and nothing of the controller, the switch
//! or how a packet gets from one chassis to the other. The result is a function of its arguments.
//!
//! - [`options`]: what can be asked, and how a command line says it.
//! - [`Tracer`]: rows that change, and traces through them; [`Want`] says what of the database one needs.
//! - [`service`]: a tracer and its connection to the database.
//! - `network`: the rows, by the names and keys that flows use.
//! - `walk`: the interpreter; what an action does is in a file with its family.
//! - `verify`: all packets at once.
//! - `tracker`: what connection tracking remembers from one packet to the next.
//! - `node`: what happened, as a tree, and upstream's three forms in text; `about`: what else is known of it.
//! - `pretty`, `json`, `compare`: the forms that upstream does not have.
//! - `northbound`: who asked for a flow.
//! - `flow_text`: the packet in OpenFlow syntax.
//!
//! Facts: ovn-trace(8), and the program of upstream 23.03, whose output the recorded cases in `tests/` hold.

mod about;
mod compare;
mod fields;
mod flow_text;
mod json;
mod network;
mod node;
mod northbound;
pub mod options;
mod pretty;
mod reply;
pub mod service;
mod tracer;
mod tracker;
mod verify;
mod walk;

pub use network::Want;
pub use northbound::Northbound;
pub use options::{Command, Options, Request, UsageError};
pub use tracer::{Outcome, Traced, Tracer};
pub use verify::{Question, verify};

use schema::sb::{TableId, Tables};

/// The tables that a trace reads; no others need be monitored.
pub const TABLES: &[TableId] = &[
    TableId::AddressSet,
    TableId::Chassis,
    TableId::ChassisTemplateVar,
    TableId::DatapathBinding,
    TableId::Encap,
    TableId::Fdb,
    TableId::LoadBalancer,
    TableId::LogicalDpGroup,
    TableId::LogicalFlow,
    TableId::MacBinding,
    TableId::MulticastGroup,
    TableId::PortBinding,
    TableId::PortGroup,
    TableId::StaticMacBinding,
];

/// What a trace says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// For standard output, or the reply of the control socket. Lines end with a newline.
    pub text: String,
    /// For the log: rows that make no sense, names that nobody has.
    pub warnings: Vec<String>,
}

/// Traces one packet, or several, through these rows.
///
/// What is wrong with the request, a datapath or a port that is not there, an expression that is none, is
/// said in the text, as upstream does it.
pub fn trace(tables: &Tables, request: &Request) -> Output {
    match Tracer::new(tables).trace(request) {
        Outcome::Done(traced) => traced.into_output(&Northbound::default()),
        Outcome::Wants(_) => unreachable!("a tracer that has all rows wants none"),
    }
}

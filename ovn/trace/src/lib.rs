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
//! - `network`: the rows, by the names and keys that flows use.
//! - `walk`: the interpreter; what an action does is in a file with its family.
//! - `node`: what happened, as a tree, and its three forms in text.
//! - `flow_text`: the packet in OpenFlow syntax.
//!
//! Facts: ovn-trace(8), and the program of upstream 23.03, whose output the recorded cases in `tests/` hold.

mod flow_text;
mod network;
mod node;
pub mod options;
mod walk;

pub use options::{Command, Options, Request, USAGE, UsageError};

use lflow::expr::{self, Expr};
use network::{Datapath, Network};
use schema::sb::{TableId, Tables};

/// The tables that a trace reads; no others need be monitored.
pub const TABLES: &[TableId] = &[
    TableId::AddressSet,
    TableId::ChassisTemplateVar,
    TableId::DatapathBinding,
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

/// Traces one packet.
///
/// What is wrong with the request, a datapath or a port that is not there, an expression that is none, is
/// said in the text, as upstream does it.
pub fn trace(tables: &Tables, request: &Request) -> Output {
    let network = Network::new(tables, request.options.friendly_names);
    let text = match start(&network, request) {
        Ok((datapath, flow)) => walk::run(&network, datapath, flow, &request.options),
        Err(text) => text,
    };
    Output { text, warnings: network.into_warnings() }
}

/// The datapath and the packet that a request speaks of, or why there are none.
fn start<'n>(network: &'n Network<'_>, request: &Request) -> Result<(&'n Datapath, expr::Microflow), String> {
    let bad_flow = |error: lflow::Error| format!("error parsing flow: {error}\n");
    let datapath = match &request.datapath {
        Some(name) => {
            network.datapath_by_name(name).ok_or_else(|| format!("unknown datapath \"{name}\"\n"))?
        }
        None => {
            let parsed = expr::parse(&request.microflow, &network.anywhere()).map_err(bad_flow)?;
            let name = inport(&parsed).map_err(|kind| bad_flow(lflow::Error::new(0..0, kind)))?;
            let port = network.port_by_name(&name).ok_or_else(|| format!("unknown port \"{name}\"\n"))?;
            network
                .datapath(port.datapath)
                .ok_or_else(|| format!("unknown datapath \"{}\"\n", port.datapath))?
        }
    };
    let names = network.names(datapath);
    let flow = expr::parse_microflow(&request.microflow, &names, &names).map_err(bad_flow)?;
    Ok((datapath, flow))
}

/// The one port that an expression says the packet comes in by.
fn inport(parsed: &Expr) -> Result<std::sync::Arc<str>, lflow::ErrorKind> {
    let mut inports = expr::inports(parsed).into_iter();
    match (inports.next(), inports.next()) {
        (Some(port), None) => Ok(port),
        (None, _) => Err(lflow::ErrorKind::NoInport),
        (Some(_), Some(_)) => Err(lflow::ErrorKind::ManyInports),
    }
}

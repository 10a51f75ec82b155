//! A network that changes, and traces through it.

use crate::compare;
use crate::json;
use crate::network::{Datapath, Network, Want};
use crate::node;
use crate::northbound::Northbound;
use crate::options::{Form, Options, Request, Then};
use crate::pretty;
use crate::reply;
use crate::walk::{self, Journey};
use crate::{Output, flow_text};
use lflow::expr::{self, Expr, Microflow};
use ovsdb::replica::RowChange;
use schema::ColumnError;
use schema::sb::Tables;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The rows of a southbound database, and what was learned by reading them.
///
/// What is parsed once is parsed again only when its row changes.
pub struct Tracer {
    network: Network,
}

/// What comes of a request.
#[derive(Debug)]
pub enum Outcome {
    /// The trace.
    Done(Traced),
    /// Rows are wanted that are not there. The trace is to be asked for again when they are.
    Wants(BTreeSet<Want>),
}

/// A trace that is done and not yet written down.
#[derive(Debug)]
pub struct Traced {
    options: Options,
    journeys: Vec<Journey>,
    compared: Option<String>,
    /// What was wrong with a packet, which ended the request.
    error: Option<String>,
    warnings: Vec<String>,
}

impl Tracer {
    /// A tracer with all rows.
    pub fn new(tables: &Tables) -> Self {
        Self { network: Network::new(tables, true) }
    }

    /// A tracer that begins with no rows, in a store that fits what will be applied. The rows of `Datapath_Binding` have
    /// to come without being wanted.
    pub fn partial(tables: Tables) -> Self {
        Self { network: Network::partial(tables) }
    }

    /// Takes a changed row.
    ///
    /// # Errors
    /// A value that its column cannot hold; the row stays as it was.
    pub fn apply(&mut self, change: &RowChange) -> Result<(), ColumnError> {
        self.network.apply(change)
    }

    /// The rows as they are now.
    pub fn tables(&self) -> &Tables {
        self.network.tables()
    }

    /// Says that all rows that are wanted so are there, and will be as long as they exist.
    pub fn provide(&mut self, want: Want) {
        self.network.provide(want);
    }

    /// Traces what is asked for.
    pub fn trace(&mut self, request: &Request) -> Outcome {
        self.network.set_friendly_names(request.options.friendly_names);
        self.network.refresh();
        self.network.take_warnings();
        let mut traced = self.run(request);
        let wants = self.network.take_wants();
        traced.warnings = self.network.take_warnings();
        if wants.is_empty() { Outcome::Done(traced) } else { Outcome::Wants(wants) }
    }

    fn run(&self, request: &Request) -> Traced {
        let mut traced = Traced {
            options: request.options.clone(),
            journeys: Vec::new(),
            compared: None,
            error: None,
            warnings: Vec::new(),
        };
        let options = &request.options;
        let remembers = options.stateful || !request.then.is_empty();
        let mut tracker = remembers.then(Default::default);
        let record = options.form.is_some() || request.compare.is_some();
        let first = self.start(request.datapath.as_deref(), &request.microflow);
        let mut packets = match first {
            Ok(first) => vec![first],
            Err(error) => return Traced { error: Some(error), ..traced },
        };
        let mut then = request.then.iter();
        loop {
            let arrived = traced.journeys.len();
            for (datapath, flow) in packets.drain(..) {
                let mut ours = options.clone();
                if arrived > 0 {
                    // What the user forces is about the first packet.
                    ours.ct.clear();
                }
                let journey = walk::run(&self.network, datapath, flow, &ours, &mut tracker, record);
                traced.journeys.push(journey);
            }
            match then.next() {
                None => break,
                Some(Then::Packet(microflow)) => match self.start(None, microflow) {
                    Ok(packet) => packets.push(packet),
                    Err(error) => return Traced { error: Some(error), ..traced },
                },
                Some(Then::Reply) => {
                    let deliveries =
                        traced.journeys[arrived..].iter().flat_map(|journey| &journey.deliveries);
                    packets.extend(deliveries.filter_map(|arrived| {
                        Some((self.network.datapath(arrived.datapath)?, reply::reply(arrived)?))
                    }));
                }
            }
        }
        if let Some(other) = &request.compare {
            match self.start(request.datapath.as_deref(), other) {
                Ok((datapath, flow)) => {
                    let other = walk::run(&self.network, datapath, flow, options, &mut None, true);
                    traced.compared = Some(compare::text(&other, &traced.journeys[0], &self.network));
                }
                Err(error) => traced.error = Some(error),
            }
        }
        traced
    }

    /// The datapath and the packet that a request speaks of, or why there are none.
    fn start(&self, datapath: Option<&str>, microflow: &str) -> Result<(&Datapath, Microflow), String> {
        let network = &self.network;
        let bad_flow = |error: lflow::Error| format!("error parsing flow: {error}\n");
        let datapath = match datapath {
            Some(name) => {
                network.datapath_by_name(name).ok_or_else(|| format!("unknown datapath \"{name}\"\n"))?
            }
            None => {
                let parsed = expr::parse(microflow, &network.anywhere()).map_err(bad_flow)?;
                let name = inport(&parsed).map_err(|kind| bad_flow(lflow::Error::new(0..0, kind)))?;
                let port = network.port_by_name(&name).ok_or_else(|| format!("unknown port \"{name}\"\n"))?;
                network
                    .datapath(port.datapath)
                    .ok_or_else(|| format!("unknown datapath \"{}\"\n", port.datapath))?
            }
        };
        network.need(Want::Datapath(datapath.uuid));
        let names = network.names(datapath);
        let flow = expr::parse_microflow(microflow, &names, &names).map_err(bad_flow)?;
        Ok((datapath, flow))
    }
}

/// The one port that an expression says the packet comes in by.
fn inport(parsed: &Expr) -> Result<Arc<str>, lflow::ErrorKind> {
    let mut inports = expr::inports(parsed).into_iter();
    match (inports.next(), inports.next()) {
        (Some(port), None) => Ok(port),
        (None, _) => Err(lflow::ErrorKind::NoInport),
        (Some(_), Some(_)) => Err(lflow::ErrorKind::ManyInports),
    }
}

impl Traced {
    /// The cookies of the OpenFlow flows that are to be shown.
    pub fn cookies(&self) -> BTreeSet<u32> {
        let mut cookies = BTreeSet::new();
        self.journeys.iter().for_each(|journey| node::cookies(&journey.root, &mut cookies));
        cookies
    }

    /// Shows OpenFlow flows, as text by their cookie, with the logical flows that they were made of.
    pub fn put_openflow(&mut self, flows: &BTreeMap<u32, Vec<String>>) {
        self.journeys.iter_mut().for_each(|journey| node::put_openflow(&mut journey.root, flows));
    }

    /// Whether the northbound database would be of use.
    pub fn asks_northbound(&self) -> bool {
        self.options.form.is_some()
    }

    /// Writes it down. `northbound` knows who asked for the flows, if anybody does.
    pub fn into_output(self, northbound: &Northbound) -> Output {
        let mut text = match (&self.compared, self.options.form) {
            (Some(compared), _) => compared.clone(),
            (None, None) => {
                let texts = self.journeys.iter().map(|journey| forms(journey, &self.options));
                texts.collect::<Vec<_>>().join("\n")
            }
            (None, Some(Form::Pretty)) => pretty::text(&self.journeys, northbound),
            (None, Some(Form::Json)) => json::text(&self.journeys, self.error.as_deref(), northbound),
        };
        if let (Some(error), None | Some(Form::Pretty)) = (&self.error, self.options.form) {
            text.push_str(error);
        }
        Output { text, warnings: self.warnings }
    }
}

/// Upstream's forms of a trace, those that are asked for.
fn forms(journey: &Journey, options: &Options) -> String {
    type Write = fn(&[node::Node]) -> String;
    let mut text = format!("# {}\n", flow_text::describe(&journey.flow));
    let nodes = std::slice::from_ref(&journey.root);
    let wanted = [
        (options.detailed, "# Detailed trace.\n", node::detailed as Write),
        (options.summary, "# Summary trace.\n", node::summary),
        (options.minimal, "# Minimal trace.\n", node::minimal),
    ];
    let count = wanted.iter().filter(|(wanted, ..)| *wanted).count();
    if count == 0 {
        text.push_str(&node::detailed(nodes));
    }
    for (_, banner, form) in wanted.into_iter().filter(|(wanted, ..)| *wanted) {
        text.push_str(if count > 1 { banner } else { "" });
        text.push_str(&form(nodes));
    }
    text
}

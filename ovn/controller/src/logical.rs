//! Logical flows to OpenFlow flows, a datapath at a time.
//!
//! The text is parsed once for all datapaths that have it (while a step lasts), unless it depends on more than itself:
//! on address sets, port groups or where a port is. Names of ports become keys for each datapath.

use incr::{Emit, Reads};
use lflow::action::{self, Action as LogicalAction, Context};
use lflow::expr::{self, Disjunct, Expr, Ports, Sets};
use lflow::lexer::Integer;
use lflow::pipeline::{DatapathKind, Pipeline};
use openflow::Action;
use ovsdb::{Str, Uuid};
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::compile::{self, Environment};
use crate::flow::{ConjunctionOwner, Flow, FlowAction, FlowKey};
use crate::model::{Complaint, Datapath, LogicalFlow, PortKind};
use crate::network::{Network, Output, Unit};
use crate::tables;

/// Most texts that are kept; one more empties the cache.
const CACHE_MAX: usize = 16 * 1024;

/// Texts that were parsed, with what they mean.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    prepared: HashMap<Text, Arc<Prepared>>,
}

impl Cache {
    /// Forgets everything: between steps the memory is of no use.
    pub(crate) fn clear(&mut self) {
        self.prepared = HashMap::new();
    }
}

/// What a flow's meaning depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Text {
    matching: Str,
    actions: Str,
    pipeline: Pipeline,
    table: u8,
}

/// A logical flow between its text and a datapath.
#[derive(Debug)]
struct Prepared {
    actions: Vec<LogicalAction>,
    normal: Vec<Disjunct>,
}

/// A logical flow: on its datapath, or asking for it on each of its group that is local.
pub(crate) fn flows(net: &Network, reads: &Reads, row: Uuid, emit: &mut Emit<Network>) {
    let Some(flow) = net.logical_flows.get(reads, &row) else { return };
    if let Some(datapath) = flow.datapath {
        on_datapath(net, reads, row, flow, datapath, emit);
    }
    if let Some(group) = flow.datapath_group {
        for &datapath in net.local_members.get(reads, &group) {
            emit.unit(Unit::LogicalFlowOn(row, datapath));
        }
    }
}

/// A logical flow of a group on one member.
pub(crate) fn flows_on(net: &Network, reads: &Reads, row: Uuid, datapath: Uuid, emit: &mut Emit<Network>) {
    if let Some(flow) = net.logical_flows.get(reads, &row) {
        on_datapath(net, reads, row, flow, datapath, emit);
    }
}

fn on_datapath(
    net: &Network,
    reads: &Reads,
    row: Uuid,
    flow: &LogicalFlow,
    datapath: Uuid,
    emit: &mut Emit<Network>,
) {
    let Some(info) = net.local_datapath(reads, datapath) else { return };
    if flow.port.as_ref().is_some_and(|port| is_elsewhere(net, reads, port)) {
        return;
    }
    let names = Names { net, reads, datapath };
    let result =
        prepare(net, &names, flow).and_then(|prepared| compile(&names, row, flow, info, &prepared, emit));
    if let Err(complaint) = result {
        emit.output(Output::Complaint(complaint));
    }
}

/// Whether a port is an interface on another chassis, so that no packet of it comes by here.
fn is_elsewhere(net: &Network, reads: &Reads, name: &Str) -> bool {
    let Some(port) = net.port_named(reads, name) else { return false };
    match port.kind {
        PortKind::Vif | PortKind::Container { .. } => net.locals.get(reads, &port.uuid).is_none(),
        PortKind::Localport | PortKind::Localnet { .. } | PortKind::Other => false,
    }
}

/// Text to normal form.
fn prepare(net: &Network, names: &Names<'_>, flow: &LogicalFlow) -> Result<Arc<Prepared>, Complaint> {
    let text = Text {
        matching: flow.matching.clone(),
        actions: flow.actions.clone(),
        pipeline: flow.pipeline,
        table: flow.table,
    };
    if let Some(prepared) = net.parsed.borrow().prepared.get(&text) {
        return Ok(prepared.clone());
    }
    let complain = |source: &Str, error: &lflow::Error| {
        Complaint(format!("Logical_Flow {:08x}: {}", flow.cookie, error.render(source)))
    };
    let context = Context { pipeline: flow.pipeline, table: flow.table };
    let parsed = action::parse(&flow.actions, context).map_err(|error| complain(&flow.actions, &error))?;
    let sets = TrackedSets { net, reads: names.reads, used: Cell::new(false) };
    let matching = expr::parse(&flow.matching, &sets).map_err(|error| complain(&flow.matching, &error))?;
    let expr = expr::annotate(Expr::and([matching, parsed.prereqs]));
    let depends = sets.used.get() || depends_on_chassis(&expr);
    let too_large =
        |kind: lflow::ErrorKind| complain(&flow.matching, &lflow::Error::new(0..flow.matching.len(), kind));
    let expr = expr::simplify(expr).map_err(too_large)?;
    let normal = expr::normalize(&expr::resolve_conditions(expr, names)).map_err(too_large)?;
    let prepared = Arc::new(Prepared { actions: parsed.actions, normal });
    if !depends {
        let mut cache = net.parsed.borrow_mut();
        if cache.prepared.len() >= CACHE_MAX {
            cache.clear();
        }
        cache.prepared.insert(text, prepared.clone());
    }
    Ok(prepared)
}

fn depends_on_chassis(expr: &Expr) -> bool {
    match expr {
        Expr::Boolean(_) | Expr::Comparison(_) => false,
        Expr::And(terms) | Expr::Or(terms) => terms.iter().any(depends_on_chassis),
        Expr::ChassisResident { .. } => true,
    }
}

/// Normal form to flows of one datapath.
fn compile(
    names: &Names<'_>,
    row: Uuid,
    flow: &LogicalFlow,
    datapath: &Datapath,
    prepared: &Prepared,
    emit: &mut Emit<Network>,
) -> Result<(), Complaint> {
    let complain =
        |error: &dyn std::fmt::Display| Complaint(format!("Logical_Flow {:08x}: {error}", flow.cookie));
    let mut ids = 0;
    let mut next_id = || {
        ids += 1;
        ids - 1
    };
    let matches =
        expr::to_matches(&prepared.normal, names, &mut next_id).map_err(|error| complain(&error))?;
    if matches.is_empty() {
        return Ok(());
    }
    let env = Environment {
        ports: names,
        pipeline: flow.pipeline,
        table: flow.table,
        is_switch: datapath.kind == DatapathKind::Switch,
        controller_meter: None,
        meter: &|_| None,
    };
    let actions: Arc<[Action]> =
        compile::actions(&prepared.actions, &env).map_err(|error| complain(&error))?.into();
    let owner = ConjunctionOwner { flow: row, datapath: datapath.key, count: ids };
    for found in matches {
        let mut matching = found.matching;
        matching.set(tables::DATAPATH, datapath.key);
        let is_conjunctive =
            !found.conjunctions.is_empty() || matching.exact(openflow::Field::ConjId).is_some();
        let action = if found.conjunctions.is_empty() {
            FlowAction::Actions(actions.clone())
        } else {
            FlowAction::Conjunctions(found.conjunctions)
        };
        let key =
            FlowKey { table: tables::of_stage(flow.pipeline, flow.table), priority: flow.priority, matching };
        let conjunctive = is_conjunctive.then_some(owner);
        emit.output(Output::Flow(Arc::new(Flow { key, cookie: flow.cookie, action, conjunctive })));
    }
    Ok(())
}

/// Ports and groups of a datapath, for a unit.
struct Names<'a> {
    net: &'a Network,
    reads: &'a Reads,
    datapath: Uuid,
}

impl Ports for Names<'_> {
    fn key(&self, port: &str) -> Option<u32> {
        self.net.keys.first(self.reads, &(self.datapath, port.into())).copied()
    }

    fn is_chassis_resident(&self, port: &str) -> bool {
        let port = self.net.ports_by_name.first(self.reads, &port.into());
        port.is_some_and(|port| self.net.locals.get(self.reads, port).is_some())
    }
}

/// Address sets and port groups, for a unit.
struct TrackedSets<'a> {
    net: &'a Network,
    reads: &'a Reads,
    used: Cell<bool>,
}

impl Sets for TrackedSets<'_> {
    fn address_set(&self, name: &str) -> Option<Arc<Vec<Integer>>> {
        self.used.set(true);
        self.net.address_sets.get(self.reads, &name.into()).cloned()
    }

    fn port_group(&self, name: &str) -> Option<Arc<Vec<Arc<str>>>> {
        self.used.set(true);
        self.net.port_groups.get(self.reads, &name.into()).cloned()
    }
}

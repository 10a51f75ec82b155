//! Logical flows to OpenFlow flows, a datapath at a time.
//!
//! - `prepare`: text to what the packets are, as far as that is the same on all datapaths; `cache` keeps it.
//! - `actions`: what is done with them, with the groups and meters that this needs.
//! - `names`: what ports, sets and variables are on a datapath.
//! - `open`: what the members of large address sets add.
//!
//! While a step lasts, equal actions are parsed once, and become OpenFlow once for all datapaths of a kind, unless they
//! name a port or something else that differs. The match of a flow of a group of datapaths is parsed once too, unless it
//! depends on more than itself: on small address sets, port groups or where a port is. Matches of single datapaths are
//! nearly all different, and are not kept. Names of ports become keys for each datapath.

mod actions;
mod cache;
mod names;
mod open;
mod prepare;
#[cfg(test)]
mod tests;

pub(crate) use cache::Cache;
pub(crate) use open::{OpenFlow, chunk_flows};

use incr::{Emit, Reads};
use lflow::expr::{self, LogicalMatch};
use openflow::{Action, Field};
use ovsdb::Uuid;
use std::sync::Arc;

use crate::flow::{ConjunctionOwner, Flow, FlowAction, FlowKey};
use crate::model::{Complaint, Datapath, LogicalFlow};
use crate::network::{Network, Output, Unit};
use crate::tables::{self, OfTable};
use names::{Names, is_elsewhere};
use prepare::{Matching, Prepared, prepare};

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
    flow: &Arc<LogicalFlow>,
    datapath: Uuid,
    emit: &mut Emit<Network>,
) {
    let Some(info) = net.local_datapath(reads, datapath) else { return };
    if flow.port.as_ref().is_some_and(|port| is_elsewhere(net, reads, port)) {
        return;
    }
    let place = FlowPlace { names: &Names::new(net, reads, datapath), row, flow, datapath: info };
    let result = prepare(net, place.names, row, flow).and_then(|prepared| place.flows(&prepared, emit));
    if let Err(complaint) = result {
        emit.output(Output::Complaint(complaint));
    }
}

/// A logical flow on one datapath.
struct FlowPlace<'a> {
    names: &'a Names<'a>,
    row: Uuid,
    flow: &'a Arc<LogicalFlow>,
    datapath: &'a Datapath,
}

impl FlowPlace<'_> {
    fn complaint(&self, error: &dyn std::fmt::Display) -> Complaint {
        Complaint(format!("Logical_Flow {:08x}: {error}", self.flow.cookie))
    }

    /// Normal form to flows.
    fn flows(&self, prepared: &Prepared, emit: &mut Emit<Network>) -> Result<(), Complaint> {
        let too_large = |error| self.complaint(&error);
        let (matches, ids) = match &*prepared.matching {
            Matching::Plain(plain) => (plain.to_matches(self.names), 0),
            Matching::Closed(normal) => {
                let mut ids = 0;
                let mut next_id = || {
                    ids += 1;
                    ids - 1
                };
                (expr::to_matches(normal, self.names, &mut next_id).map_err(too_large)?, ids)
            }
            Matching::Open(open) => {
                self.leave_open(prepared, open, emit)?;
                (open.fixed(self.names).map_err(too_large)?, open.ids())
            }
        };
        if matches.is_empty() {
            return Ok(());
        }
        let actions = self.actions(&prepared.actions, emit)?;
        let shared = self.shared(ids);
        for found in matches {
            emit.output(shared.flow(found, &actions));
        }
        Ok(())
    }

    /// What all its flows share. Conjunction ids are below `ids`.
    fn shared(&self, ids: u32) -> Shared {
        let Self { names: _, row, flow, datapath } = *self;
        let owner = ConjunctionOwner { flow: row, datapath: datapath.key, count: ids };
        Shared {
            table: tables::of_stage(flow.pipeline, flow.table),
            priority: flow.priority,
            cookie: flow.cookie,
            owner: Arc::new(owner),
        }
    }
}

/// What all flows of a logical flow on a datapath share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Shared {
    table: OfTable,
    priority: u16,
    cookie: u32,
    owner: Arc<ConjunctionOwner>,
}

impl Shared {
    fn flow(&self, found: LogicalMatch, actions: &Arc<[Action]>) -> Output {
        let LogicalMatch { mut matching, conjunctions } = found;
        matching.set(tables::DATAPATH, self.owner.datapath);
        let is_conjunctive = !conjunctions.is_empty() || matching.get(Field::ConjId).is_some();
        let action = match conjunctions.is_empty() {
            true => FlowAction::Actions(actions.clone()),
            false => FlowAction::Conjunctions(conjunctions),
        };
        let key = FlowKey::new(self.table, self.priority, &matching);
        let conjunctive = is_conjunctive.then(|| self.owner.clone());
        Output::Flow(Arc::new(Flow { key, cookie: self.cookie, action, conjunctive }))
    }
}

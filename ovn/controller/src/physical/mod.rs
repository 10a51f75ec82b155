//! Flows between the ports of the bridge and the logical pipelines, one file a feature.
//!
//! ```text
//!  port, tunnel ──► 0 PHY_TO_LOG ──► 8.. ingress ──► 52, 53 too large ──► 54, 55 remote ──► 56 local ──► 57 loop?
//!                        │ (from tunnels)                                     │ tunnel          ▲           │
//!                        └────────────────────────────────────────────────────┼─────────────────┘           ▼
//!                                                    port ◄── 89 LOG_TO_PHY ◄─┼── 88 ◄──────────────── 62.. egress
//! ```
//! Upstream: physical.c. Tables and registers: [`crate::tables`].

pub(crate) mod base;
pub(crate) mod fdb;
pub(crate) mod hairpin;
mod localnet;
pub(crate) mod multicast_group;
pub(crate) mod neighbor;
mod port_security;
pub(crate) mod remote;
mod router;
mod steps;
pub(crate) mod tunnel;
mod vif;

use incr::{Emit, Reads};
use openflow::{Action, Match};
use ovsdb::Uuid;
use std::sync::Arc;

use crate::flow::{Flow, FlowAction, FlowKey};
use crate::model::{Datapath, LogicalPort, PortKind};
use crate::network::{Network, Output, Unit};
use crate::tables::{self, OfTable};

/// Flows of one row on their way out.
struct Sink<'a> {
    emit: &'a mut Emit<Network>,
    cookie: u32,
}

impl Sink<'_> {
    fn flow(&mut self, table: OfTable, priority: u16, matching: Match, actions: Vec<Action>) {
        let key = FlowKey::new(table, priority, &matching);
        let action = FlowAction::Actions(actions.into());
        self.emit.output(Output::Flow(Arc::new(Flow {
            key,
            cookie: self.cookie,
            action,
            conjunctive: None,
        })));
    }
}

/// Packets of a datapath.
fn on(datapath: &Datapath) -> Match {
    Match::any().with(tables::DATAPATH, datapath.key)
}

/// Packets of a datapath that go to a port or group.
fn to(datapath: &Datapath, key: u32) -> Match {
    on(datapath).with(tables::OUTPORT, key)
}

/// A port of a datapath that has a port on this chassis: to it, and from it if it is here.
pub(crate) fn port(net: &Network, reads: &Reads, row: Uuid, emit: &mut Emit<Network>) {
    let Some(port) = net.ports.get(reads, &row) else { return };
    let Some(datapath) = net.local_datapath(reads, port.datapath) else { return };
    let local = net.locals.get(reads, &row);
    if local.is_some() && has_security(port) {
        emit.unit(Unit::PortSecurity(row));
    }
    let mut sink = Sink { emit, cookie: row.first_u32() };
    match (&port.kind, local) {
        (PortKind::Vif | PortKind::Localport | PortKind::Container { .. }, Some(local)) => {
            vif::flows(net, reads, port, local, datapath, &mut sink);
        }
        (PortKind::Localnet { .. }, Some(local)) => {
            localnet::flows(net, reads, port, local, datapath, &mut sink)
        }
        (PortKind::Vif | PortKind::Container { .. }, None) => {
            remote::flows(net, reads, port, datapath, &mut sink)
        }
        (PortKind::Localport | PortKind::Localnet { .. }, None) => {}
        (PortKind::Patch { .. }, _) => router::flows(net, reads, port, datapath, &mut sink),
        (PortKind::L3Gateway { .. }, _) => match net.hosted.get(reads, &row) {
            Some(()) => router::flows(net, reads, port, datapath, &mut sink),
            None => remote::flows(net, reads, port, datapath, &mut sink),
        },
        (PortKind::ChassisRedirect { distributed, .. }, _) => match net.hosted.get(reads, &row) {
            Some(()) => router::gateway(net, reads, port, distributed, datapath, &mut sink),
            None => remote::flows(net, reads, port, datapath, &mut sink),
        },
        (PortKind::Other, _) => {}
    }
}

/// What a port of this chassis may send and receive.
pub(crate) fn port_security(net: &Network, reads: &Reads, row: Uuid, emit: &mut Emit<Network>) {
    let Some(port) = net.ports.get(reads, &row) else { return };
    let Some(datapath) = net.local_datapath(reads, port.datapath) else { return };
    port_security::flows(port, datapath, &mut Sink { emit, cookie: row.first_u32() });
}

fn has_security(port: &LogicalPort) -> bool {
    match port.kind {
        PortKind::Vif | PortKind::Container { .. } => !port.security.is_empty(),
        PortKind::Localport
        | PortKind::Localnet { .. }
        | PortKind::Patch { .. }
        | PortKind::L3Gateway { .. }
        | PortKind::ChassisRedirect { .. }
        | PortKind::Other => false,
    }
}

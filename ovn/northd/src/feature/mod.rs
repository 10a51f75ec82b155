//! Features: one file each, with the stages it writes, its flows and a snapshot of them.
//!
//! A feature is a function from a parsed row and a [`View`] to flows, or to rows where it needs some. It is listed here
//! under what it is run for: a switch as a whole, a switch port. Features of later issues get their files
//! beside these and their line in the list: `acl`, `dhcp4`, `dhcp6`, `dns`, `load_balancer`, `nat`, `qos`,
//! `multicast` (IGMP and MLD), and a list `ROUTER` and `ROUTER_PORT` with `routing`, `arp_resolve`, `gateway` and so on.

use crate::flows::FlowSink;
use crate::model::{Switch, SwitchPort};
use crate::network::View;

pub mod address_set;
pub mod arp_responder;
pub mod fdb;
pub mod flood;
pub mod l2_lookup;
pub mod pass_through;
pub mod port_binding;
pub mod port_group;
pub mod port_security;
pub mod service_monitor;

/// What gives flows for a switch as a whole.
pub const SWITCH: &[fn(&Switch, &View<'_>, &mut FlowSink<'_>)] = &[
    fdb::switch_flows,
    flood::switch_flows,
    l2_lookup::switch_flows,
    pass_through::switch_flows,
    port_security::switch_flows,
];

/// What gives flows for a port of a switch.
pub const SWITCH_PORT: &[fn(&SwitchPort, &Switch, &View<'_>, &mut FlowSink<'_>)] =
    &[arp_responder::port_flows, fdb::port_flows, l2_lookup::port_flows, port_security::port_flows];

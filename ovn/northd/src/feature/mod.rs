//! Features: one file each, with the stages it writes, its flows and a snapshot of them.
//!
//! A feature is a function from a parsed row and a [`View`] to flows, or to rows where it needs some. It is listed here
//! under what it is run for: a switch or router as a whole, a port of one. Features of later issues get their files
//! beside these and their line in the list: `load_balancer`, `nat`, `policy`, `qos`, `multicast` (IGMP and MLD).

use crate::flows::FlowSink;
use crate::model::{Router, RouterPort, Switch, SwitchPort};
use crate::network::View;

pub mod acl;
pub mod acl_stateful;
pub mod acl_verdict;
pub mod address_set;
pub mod arp_resolve;
pub mod arp_responder;
pub mod arp_to_router;
pub mod dhcp4;
pub mod dhcp6;
pub mod dns;
pub mod fdb;
pub mod flood;
pub mod gateway;
pub mod l2_lookup;
pub mod nd_ra;
pub mod neighbor_learning;
pub mod packet_size;
pub mod pass_through;
pub mod port_binding;
pub mod port_group;
pub mod port_security;
pub mod router_admission;
pub mod router_arp;
pub mod router_binding;
pub mod router_icmp;
pub mod router_input;
pub mod router_output;
pub mod routing;
pub mod service_monitor;
pub mod static_mac;
pub mod static_route;

/// What gives flows for a switch as a whole.
pub const SWITCH: &[fn(&Switch, &View<'_>, &mut FlowSink<'_>)] = &[
    acl_stateful::switch_flows,
    acl_verdict::switch_flows,
    dns::switch_flows,
    fdb::switch_flows,
    flood::switch_flows,
    l2_lookup::switch_flows,
    pass_through::switch_flows,
    port_security::switch_flows,
];

/// What gives flows for a port of a switch.
pub const SWITCH_PORT: &[fn(&SwitchPort, &Switch, &View<'_>, &mut FlowSink<'_>)] = &[
    acl_stateful::port_flows,
    arp_responder::port_flows,
    arp_to_router::port_flows,
    dhcp4::port_flows,
    dhcp6::port_flows,
    fdb::port_flows,
    l2_lookup::port_flows,
    port_security::port_flows,
];

/// What gives flows for a router as a whole.
pub const ROUTER: &[fn(&Router, &View<'_>, &mut FlowSink<'_>)] = &[
    arp_resolve::router_flows,
    neighbor_learning::router_flows,
    pass_through::router_flows,
    router_admission::router_flows,
    router_input::router_flows,
    router_output::router_flows,
    routing::router_flows,
];

/// What gives flows for a port of a router.
pub const ROUTER_PORT: &[fn(&RouterPort, &Router, &View<'_>, &mut FlowSink<'_>)] = &[
    arp_resolve::port_flows,
    gateway::port_flows,
    nd_ra::port_flows,
    neighbor_learning::port_flows,
    packet_size::port_flows,
    router_admission::port_flows,
    router_arp::port_flows,
    router_icmp::port_flows,
    router_input::port_flows,
    router_output::port_flows,
    routing::port_flows,
];

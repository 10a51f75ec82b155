//! The verbs of `ovs-vsctl`.

mod aa_mapping;
mod add_bond;
mod add_br;
mod add_port;
mod bond_iface;
mod br_exists;
mod br_external_id;
mod br_to;
mod controller;
mod datapath;
mod del_br;
mod del_port;
mod emer_reset;
mod fail_mode;
mod iface_to_br;
mod init;
mod list_br;
mod list_dp_cap;
mod list_ifaces;
mod list_ports;
mod manager;
mod model;
mod port_to_br;
mod show;
mod zone_limit;
mod zone_tp;

pub(crate) use model::BridgeCache;

use crate::verb::Verb;
use crate::{generic, tls};

const BRIDGE: &str = "Bridge commands";
const PORT: &str = "Port commands (a bond is one port)";
const INTERFACE: &str = "Interface commands (a bond has several)";

/// Sorted by name.
pub(crate) const VERBS: &[&Verb] = &[
    &generic::ADD,
    &aa_mapping::ADD,
    &add_bond::ADD_BOND,
    &bond_iface::ADD,
    &add_br::ADD_BR,
    &add_port::ADD_PORT,
    &zone_tp::ADD,
    &br_exists::BR_EXISTS,
    &br_external_id::GET,
    &br_external_id::SET,
    &br_to::PARENT,
    &br_to::VLAN,
    &generic::CLEAR,
    &generic::COMMENT,
    &generic::CREATE,
    &aa_mapping::DEL,
    &bond_iface::DEL,
    &del_br::DEL_BR,
    &controller::DEL,
    &fail_mode::DEL,
    &manager::DEL,
    &del_port::DEL_PORT,
    &tls::DEL,
    &zone_limit::DEL,
    &zone_tp::DEL,
    &generic::DESTROY,
    &emer_reset::EMER_RESET,
    &generic::FIND,
    &generic::GET,
    &aa_mapping::GET,
    &controller::GET,
    &fail_mode::GET,
    &manager::GET,
    &tls::GET,
    &iface_to_br::IFACE_TO_BR,
    &init::INIT,
    &generic::LIST,
    &list_br::LIST_BR,
    &list_dp_cap::LIST_DP_CAP,
    &list_ifaces::LIST_IFACES,
    &list_ports::LIST_PORTS,
    &zone_limit::LIST,
    &zone_tp::LIST,
    &port_to_br::PORT_TO_BR,
    &generic::REMOVE,
    &generic::SET,
    &controller::SET,
    &fail_mode::SET,
    &manager::SET,
    &tls::SET_FILES,
    &zone_limit::SET,
    &show::SHOW,
    &generic::WAIT_UNTIL,
];

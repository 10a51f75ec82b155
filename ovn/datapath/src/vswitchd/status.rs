//! What is written back: numbers, errors, states of links, statistics, and that it is done.

use std::time::Instant;

use openflow::PortNo;
use ovsdb::{Str, Transaction};
use schema::TypedRow;
use schema::vswitch;

use super::Vswitchd;
use super::config::{Kind, TYPES};
use super::devices::{Interface, State, virtual_mac};

/// The number of a bridge's own port in the database.
const LOCAL: i64 = 65534;

/// What this switch can do, by the keys of the column `capabilities`. Those about connections are
/// looked at by OVN's controller; what is not there yet is "false".
const CAPABILITIES: &[(&str, &str)] = &[
    ("check_pkt_len", "true"),
    ("clone", "true"),
    ("ct_clear", "true"),
    ("ct_eventmask", "false"),
    ("ct_flush", "true"),
    ("ct_label", "true"),
    ("ct_mark", "true"),
    ("ct_orig_tuple", "true"),
    ("ct_orig_tuple6", "true"),
    ("ct_state", "true"),
    ("ct_state_nat", "true"),
    ("ct_timeout", "true"),
    ("ct_zero_snat", "false"),
    ("ct_zone", "true"),
    ("explicit_drop_action", "true"),
    ("lb_output_action", "false"),
    ("masked_set_action", "true"),
    ("max_hash_alg", "0"),
    ("max_mpls_depth", "0"),
    ("max_vlan_headers", "2"),
    ("nd_ext", "false"),
    ("recirc", "false"),
    ("sample_nesting", "0"),
    ("tnl_push_pop", "true"),
    ("trunc", "true"),
    ("ufid", "false"),
];

impl Vswitchd {
    /// Writes what differs from the rows, in one transaction. While one is on its way nothing is
    /// written; its end calls this again.
    pub(super) fn write_status(&mut self, now: Instant) {
        if self.writing.is_some() || self.refused || !self.replica.is_synced() || !self.replica.holds_lock() {
            return;
        }
        let with_statistics = self.stats_at.is_some_and(|at| at <= now);
        if with_statistics {
            self.switch.push_counters(now);
            self.stats_at = (!self.interfaces.is_empty()).then(|| now + self.config.stats_interval);
        }
        let mut txn = Transaction::new();
        self.root_status(&mut txn);
        for (name, state) in &self.bridges {
            let Some(row) =
                self.config.bridges.get(name).and_then(|config| self.tables.bridge.get(&config.row))
            else {
                continue;
            };
            let mut new = vswitch::Bridge::clone(row);
            let id = self.switch.bridges.get(&state.id).map_or(0, |bridge| bridge.datapath_id);
            new.datapath_id = Some(format!("{id:016x}").into());
            new.datapath_version = "<built-in>".into();
            txn.update(vswitch::Bridge::TABLE, row.uuid, row.diff(&new));
        }
        for (name, interface) in &self.interfaces {
            let Some(row) = self.tables.interface.get(&interface.config.row) else { continue };
            let mut new = vswitch::Interface::clone(row);
            interface_status(name, interface, &mut new);
            let session = interface.port.and_then(|port| self.switch.bfd.get(&port));
            new.bfd_status = session
                .map(|session| session.status().map(|(key, value)| (key.into(), value.into())).into())
                .unwrap_or_default();
            if let (Kind::Patch { peer }, true) = (&interface.config.kind, interface.port.is_some()) {
                new.error = self.patch_error(name, interface, peer);
            }
            if with_statistics {
                self.interface_statistics(interface, &mut new);
            }
            txn.update(vswitch::Interface::TABLE, row.uuid, row.diff(&new));
        }
        if with_statistics {
            self.mirror_statistics(&mut txn);
        }
        if !txn.is_empty() {
            self.writing = Some(self.replica.transact(txn));
        }
    }

    fn root_status(&self, txn: &mut Transaction) {
        let Some(row) = self.tables.open_vswitch.get(&self.config.root) else { return };
        let mut new = vswitch::OpenVSwitch::clone(row);
        if !self.interfaces.values().any(Interface::is_pending) {
            new.cur_cfg = self.config.next_cfg;
        }
        new.iface_types = TYPES.iter().copied().map(Str::from).collect();
        new.datapath_types = ["netdev", "system"].map(Str::from).into();
        txn.update(vswitch::OpenVSwitch::TABLE, row.uuid, row.diff(&new));
        for row in row.datapaths.values().filter_map(|uuid| self.tables.datapath.get(uuid)) {
            let mut new = vswitch::Datapath::clone(row);
            new.datapath_version = "<built-in>".into();
            new.capabilities =
                CAPABILITIES.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
            txn.update(vswitch::Datapath::TABLE, row.uuid, row.diff(&new));
        }
    }

    /// What is wrong with the other end of a patch port.
    fn patch_error(&self, name: &str, interface: &Interface, peer: &str) -> Option<Str> {
        let is_peer = |other: &Interface| match &other.config.kind {
            Kind::Patch { peer } => peer == name && other.port.is_some(),
            Kind::System
            | Kind::Internal
            | Kind::Tap
            | Kind::Dummy(_)
            | Kind::Null
            | Kind::Tunnel(_)
            | Kind::Wrong(_) => false,
        };
        if self.interfaces.get(peer).is_some_and(is_peer) {
            return None;
        }
        let kind =
            self.config.bridges.get(&interface.bridge).map_or("system", |bridge| &bridge.datapath_type);
        Some(format!("No usable peer '{peer}' exists in '{kind}' datapath.").into())
    }

    fn interface_statistics(&self, interface: &Interface, row: &mut vswitch::Interface) {
        let counters = interface.port.and_then(|port| self.switch.port(port)).map(|port| port.counters);
        row.statistics = counters
            .map(|counters| {
                [
                    ("rx_bytes", counters.rx_bytes),
                    ("rx_dropped", counters.rx_dropped),
                    ("rx_errors", 0),
                    ("rx_packets", counters.rx_packets),
                    ("tx_bytes", counters.tx_bytes),
                    ("tx_dropped", counters.tx_dropped),
                    ("tx_errors", 0),
                    ("tx_packets", counters.tx_packets),
                ]
                .map(|(key, value)| (key.into(), i64::try_from(value).unwrap_or(i64::MAX)))
                .into()
            })
            .unwrap_or_default();
    }
}

/// The columns of an interface that say what became of it.
fn interface_status(name: &str, interface: &Interface, row: &mut vswitch::Interface) {
    let up_or_down = |up: bool| Some(if up { "up" } else { "down" }.into());
    row.link_resets = Some(interface.link_resets);
    match &interface.state {
        // What was said before holds until there is an answer.
        State::Opening(_) => {}
        State::Failed(error) => {
            row.ofport = Some(-1);
            row.error = Some(error.as_str().into());
            row.link_resets = None;
            (row.mac_in_use, row.ifindex, row.mtu) = (None, None, None);
            (row.admin_state, row.link_state) = (None, None);
            row.statistics.clear();
        }
        State::Open(_, info) => {
            row.mac_in_use = Some(info.mac.to_string().into());
            row.ifindex = Some(info.ifindex.map_or(0, i64::from));
            row.mtu = Some(i64::from(info.mtu));
            row.admin_state = up_or_down(info.admin_up);
            row.link_state = up_or_down(info.carrier);
        }
        State::Virtual => {
            row.mac_in_use = Some(virtual_mac(name).to_string().into());
            (row.ifindex, row.mtu) = (Some(0), None);
            row.admin_state = up_or_down(true);
            row.link_state = up_or_down(true);
        }
    }
    if let (Some(number), true) = (interface.number, interface.port.is_some()) {
        row.ofport = Some(if number == PortNo::LOCAL { LOCAL } else { i64::from(number.0) });
        row.error = None;
    }
}

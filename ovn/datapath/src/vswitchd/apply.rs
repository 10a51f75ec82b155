//! From what is asked for and what is there to what has to be done.

use std::time::Instant;

use openflow::{Action, FlowMod, Match, PortNo};
use ovsdb::Str;

use super::config::{self, BridgeConfig, Config, InterfaceConfig, Kind};
use super::devices::{State, virtual_mac};
use super::{BridgeState, Output, Vswitchd};
use crate::port::PortKind;
use crate::switch::Changes;

impl Vswitchd {
    /// Puts into effect what the database asks for, if that is news, and writes back what became of it.
    pub(super) fn reconfigure(&mut self, now: Instant) {
        if !self.replica.is_synced() || !self.replica.holds_lock() {
            return;
        }
        let config = config::read(&self.tables);
        if self.again || config != self.config {
            self.again = false;
            self.apply(config, now);
            self.stats_at.get_or_insert(now);
        }
        self.write_status(now);
    }

    pub(super) fn apply(&mut self, config: Config, now: Instant) {
        let old = std::mem::replace(&mut self.config, config);
        self.apply_zones(&old.zones);
        self.switch.set_tags_max(self.config.tags_max);
        self.end_what_is_not_asked_for(now);
        let config = self.config.clone();
        for (name, bridge) in &config.bridges {
            self.apply_bridge(name, bridge, now);
        }
        for (bridge_name, bridge) in &config.bridges {
            // Those that have a number, or ask for one, come first, so that no other takes it.
            let mut interfaces: Vec<_> = bridge.interfaces.iter().collect();
            interfaces.sort_by_key(|(_, interface)| {
                let row = self.tables.interface.get(&interface.row);
                (interface.number_request.is_none(), row.and_then(|row| row.ofport).is_none_or(|n| n < 0))
            });
            for (name, interface) in interfaces {
                if self.interfaces.contains_key(name) {
                    self.apply_interface(name, interface, now);
                } else {
                    self.begin_interface(bridge_name, name, interface, now);
                }
            }
        }
        self.apply_mirrors();
        self.name_bridges();
        self.listen_for_tunnels();
    }

    /// Ends bridges and interfaces that are not asked for any more, or not in this way.
    fn end_what_is_not_asked_for(&mut self, now: Instant) {
        let keeps = |this: &Self, name: &Str| {
            let Some(interface) = this.interfaces.get(name) else { return false };
            let wanted =
                this.config.bridges.get(&interface.bridge).and_then(|bridge| bridge.interfaces.get(name));
            wanted.is_some_and(|wanted| {
                let number = interface.number.filter(|number| *number != PortNo::LOCAL);
                let number_stays =
                    wanted.number_request.is_none_or(|asked| number.is_none_or(|n| n.0 == asked))
                        || wanted.number_request == interface.config.number_request;
                !matches!(interface.state, State::Failed(_))
                    && number_stays
                    && same_sort(&interface.config.kind, &wanted.kind)
            })
        };
        let gone: Vec<Str> = self.interfaces.keys().filter(|name| !keeps(self, name)).cloned().collect();
        for name in gone {
            self.end_interface(&name, now);
        }
        let gone: Vec<Str> =
            self.bridges.keys().filter(|name| !self.config.bridges.contains_key(*name)).cloned().collect();
        for name in gone {
            if let Some(bridge) = self.bridges.remove(&name) {
                self.switch.remove_bridge(bridge.id, now);
            }
            self.numbers.forget(&name);
            self.outputs.push_back(Output::Unlisten { bridge: name.to_string() });
        }
    }

    fn apply_bridge(&mut self, name: &Str, config: &BridgeConfig, now: Instant) {
        match self.bridges.get_mut(name) {
            None => {
                let id = self.switch.add_bridge(name, 0);
                let state = BridgeState { id, secure: config.secure, versions: config.versions };
                self.bridges.insert(name.clone(), state);
                self.outputs.push_back(Output::Listen { bridge: name.to_string() });
                self.reset_flows(name, now);
            }
            Some(bridge) => {
                bridge.versions = config.versions;
                if bridge.secure != config.secure {
                    bridge.secure = config.secure;
                    self.reset_flows(name, now);
                }
            }
        }
        let id = self.bridges.get(name).map(|bridge| bridge.id);
        if let Some(bridge) = id.and_then(|id| self.switch.bridges.get_mut(&id)) {
            (bridge.fdb.entries_max, bridge.fdb.age_max) = (config.fdb_max, config.fdb_age);
        }
    }

    /// The flows that a bridge begins with: none if it is secure, else one that lets it learn.
    fn reset_flows(&mut self, name: &Str, now: Instant) {
        let Some(bridge) = self.bridges.get(name) else { return };
        let (id, secure) = (bridge.id, bridge.secure);
        let mut changes = Changes::default();
        let mut all = vec![FlowMod::delete_all()];
        if !secure {
            all.push(FlowMod::add(0, 0, Match::any(), vec![Action::output(PortNo::NORMAL)], 0));
        }
        for change in &all {
            let done = self.switch.flow_mod(id, change, false, &mut changes, now);
            debug_assert!(done.is_ok(), "these flows fit into an empty table");
        }
        self.switch.commit(id, changes, now);
    }

    /// Changes an interface that stays.
    fn apply_interface(&mut self, name: &Str, config: &InterfaceConfig, now: Instant) {
        let Some(interface) = self.interfaces.get_mut(name) else { return };
        let old = std::mem::replace(&mut interface.config, config.clone());
        if let (Some(id), true) = (interface.device(), (old.mtu, old.mac) != (config.mtu, config.mac)) {
            self.outputs.push_back(Output::ChangeDevice { id, mtu: config.mtu, mac: config.mac });
        }
        let Some(port) = interface.port else { return };
        self.switch.set_bfd(port, config.bfd.clone(), now);
        if old.policing != config.policing {
            self.switch.set_policing(port, &config.policing, now);
        }
        if old.qos != config.qos {
            self.switch.set_qos(port, config.qos.as_ref(), now);
        }
        let kind = match &config.kind {
            Kind::Patch { peer } => Some(PortKind::Patch { peer: peer.clone() }),
            Kind::Tunnel(tunnel) => Some(PortKind::Tunnel(tunnel.clone())),
            Kind::System | Kind::Internal | Kind::Tap | Kind::Dummy(_) | Kind::Null | Kind::Wrong(_) => None,
        };
        if old.vlans != config.vlans || old.kind != config.kind {
            let vlans = config.vlans.clone();
            self.switch.change_port(port, |port| {
                port.vlans = vlans;
                if let Some(kind) = kind {
                    port.kind = kind;
                }
            });
        }
    }

    /// Gives bridges their datapath ids: as configured, or from the Ethernet address of the bridge.
    pub(super) fn name_bridges(&mut self) {
        for (name, state) in &self.bridges {
            let Some(config) = self.config.bridges.get(name) else { continue };
            let local = self.interfaces.get(name).and_then(|interface| match &interface.state {
                State::Open(_, info) => Some(info.mac),
                State::Opening(_) | State::Virtual | State::Failed(_) => None,
            });
            let mac = config.mac.or(local).unwrap_or_else(|| virtual_mac(name));
            if let Some(bridge) = self.switch.bridges.get_mut(&state.id) {
                bridge.datapath_id = config.datapath_id.unwrap_or(mac.to_u64());
            }
        }
    }

    /// Asks for the UDP ports that tunnels need, and gives up those that none needs any more.
    pub(super) fn listen_for_tunnels(&mut self) {
        let needed = self.switch.tunnel_ports();
        for udp_port in self.udp_ports.difference(&needed) {
            self.outputs.push_back(Output::CloseTunnel { udp_port: *udp_port });
        }
        for udp_port in needed.difference(&self.udp_ports) {
            self.outputs.push_back(Output::OpenTunnel { udp_port: *udp_port });
        }
        self.udp_ports = needed;
    }
}

/// Whether an interface can become another by changing its port.
fn same_sort(old: &Kind, new: &Kind) -> bool {
    match (old, new) {
        (Kind::Patch { .. }, Kind::Patch { .. }) | (Kind::Tunnel(_), Kind::Tunnel(_)) => true,
        (old, new) => old == new,
    }
}

//! Interfaces and the devices behind them: asked for, answered, changed, gone.

use std::time::Instant;

use openflow::PortNo;
use ovsdb::Str;
use packet::MacAddr;
use packet::key::mix;

use super::config::{InterfaceConfig, Kind, port_number};
use super::{Output, Vswitchd};
use crate::device::{Captures, DeviceId, DeviceInfo, DeviceKind};
use crate::port::{PortId, PortKind};
use crate::switch::{AddPortError, PortSpec};

/// An interface that is asked for.
#[derive(Debug)]
pub(super) struct Interface {
    pub bridge: Str,
    pub config: InterfaceConfig,
    pub state: State,
    /// Number of the port, taken as soon as the interface is tried, so that numbers do not depend on
    /// which device answers first.
    pub number: Option<PortNo>,
    pub port: Option<PortId>,
    /// How often the carrier came or went.
    pub link_resets: i64,
}

/// What became of an interface so far.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// The shell has not answered yet.
    Opening(DeviceId),
    Open(DeviceId, DeviceInfo),
    /// It needs no device.
    Virtual,
    /// Why it could not be made.
    Failed(String),
}

impl Interface {
    /// The device that the shell has for it.
    pub(super) fn device(&self) -> Option<DeviceId> {
        match &self.state {
            State::Opening(id) | State::Open(id, _) => Some(*id),
            State::Virtual | State::Failed(_) => None,
        }
    }

    /// Whether its device is still to be answered.
    pub(super) fn is_pending(&self) -> bool {
        matches!(self.state, State::Opening(_))
    }
}

impl Vswitchd {
    /// A device was opened.
    pub fn device_opened(&mut self, id: DeviceId, info: DeviceInfo, now: Instant) {
        let Some(name) = self.by_device.get(&id).cloned() else { return };
        let Some(interface) = self.interfaces.get_mut(&name).filter(|i| i.state == State::Opening(id)) else {
            return;
        };
        interface.state = State::Open(id, info);
        self.add_interface_port(&name, now);
        self.settle(now);
    }

    /// A device could not be opened: `error` is what the row will say.
    pub fn device_failed(&mut self, id: DeviceId, error: &str, now: Instant) {
        let Some(name) = self.by_device.get(&id).cloned() else { return };
        self.by_device.remove(&id);
        self.fail_interface(&name, error.to_owned(), now);
        self.settle(now);
    }

    /// A device's state is this now.
    pub fn device_changed(&mut self, id: DeviceId, info: DeviceInfo, now: Instant) {
        let Some(interface) = self.by_device.get(&id).and_then(|name| self.interfaces.get_mut(name)) else {
            return;
        };
        let State::Open(_, old) = &mut interface.state else { return };
        if old.carrier != info.carrier {
            interface.link_resets += 1;
        }
        *old = info;
        self.switch.device_changed(id, &info);
        self.settle(now);
    }

    /// A device that was open is gone from the host.
    pub fn device_gone(&mut self, id: DeviceId, now: Instant) {
        let Some(name) = self.by_device.get(&id).cloned() else { return };
        self.outputs.push_back(Output::CloseDevice { id });
        self.by_device.remove(&id);
        self.fail_interface(&name, format!("could not open network device {name} (No such device)"), now);
        self.settle(now);
    }

    /// Interfaces of the host came, or changed: what could not be opened is tried again.
    pub fn links_changed(&mut self, now: Instant) {
        if self.interfaces.values().any(|interface| matches!(interface.state, State::Failed(_))) {
            self.again = true;
            self.reconfigure(now);
        }
    }

    /// After something about devices changed.
    fn settle(&mut self, now: Instant) {
        self.name_bridges();
        self.listen_for_tunnels();
        self.write_status(now);
    }

    /// Begins an interface: asks for its device, or adds its port if it needs none.
    pub(super) fn begin_interface(
        &mut self,
        bridge: &Str,
        name: &Str,
        config: &InterfaceConfig,
        now: Instant,
    ) {
        let state = match &config.kind {
            Kind::System | Kind::Internal | Kind::Tap | Kind::Dummy(_) => {
                State::Opening(self.open_device(bridge, name, config))
            }
            Kind::Null | Kind::Patch { .. } | Kind::Tunnel(_) => State::Virtual,
            Kind::Wrong(error) => State::Failed(error.clone()),
        };
        let number = match state {
            State::Failed(_) => None,
            _ if name == bridge => Some(PortNo::LOCAL),
            _ => {
                let before =
                    self.tables.interface.get(&config.row).and_then(|row| row.ofport).and_then(port_number);
                self.numbers.take(bridge, config.number_request, before, now).map(PortNo)
            }
        };
        let is_virtual = state == State::Virtual;
        let interface = Interface {
            bridge: bridge.clone(),
            config: config.clone(),
            state,
            number,
            port: None,
            link_resets: 0,
        };
        self.interfaces.insert(name.clone(), interface);
        if is_virtual {
            self.add_interface_port(name, now);
        }
    }

    fn open_device(&mut self, bridge: &Str, name: &Str, config: &InterfaceConfig) -> DeviceId {
        let id = DeviceId(self.next_device);
        self.next_device += 1;
        self.by_device.insert(id, name.clone());
        let captures = match &config.kind {
            Kind::Dummy(captures) => captures.clone(),
            _ => Captures::default(),
        };
        let kind = match config.kind {
            Kind::Internal => DeviceKind::Internal,
            Kind::Tap => DeviceKind::Tap,
            Kind::Dummy(_) => DeviceKind::Dummy,
            Kind::System | Kind::Null | Kind::Patch { .. } | Kind::Tunnel(_) | Kind::Wrong(_) => {
                DeviceKind::System
            }
        };
        let bridge_mac =
            self.config.bridges.get(bridge).filter(|_| bridge == name).and_then(|bridge| bridge.mac);
        let mac = config.mac.or(bridge_mac);
        let name = name.to_string();
        self.outputs.push_back(Output::OpenDevice { id, name, kind, captures, mtu: config.mtu, mac });
        id
    }

    /// Adds the port of an interface whose device is there, or that needs none.
    fn add_interface_port(&mut self, name: &Str, now: Instant) {
        let Some(interface) = self.interfaces.get(name) else { return };
        let Some(bridge) = self.bridges.get(&interface.bridge).map(|bridge| bridge.id) else { return };
        let Some(number) = interface.number else {
            return self.fail_interface(
                name,
                format!("could not add network device {name} to ofproto (No buffer space available)"),
                now,
            );
        };
        let (kind, mac, mtu, up) = match (&interface.state, &interface.config.kind) {
            (State::Open(id, info), _) => {
                (PortKind::Device(*id), info.mac, info.mtu, info.admin_up && info.carrier)
            }
            (_, Kind::Patch { peer }) => (PortKind::Patch { peer: peer.clone() }, virtual_mac(name), 0, true),
            (_, Kind::Tunnel(tunnel)) => (PortKind::Tunnel(tunnel.clone()), virtual_mac(name), 0, true),
            (_, Kind::Null) => (PortKind::Null, virtual_mac(name), 0, true),
            (State::Opening(_) | State::Virtual | State::Failed(_), _) => return,
        };
        let vlans = interface.config.vlans.clone();
        let spec = PortSpec { number, name: name.to_string(), kind, vlans, mac, mtu, up };
        match self.switch.add_port(bridge, spec, now) {
            Ok(port) => {
                if let Some(interface) = self.interfaces.get_mut(name) {
                    interface.port = Some(port);
                    self.switch.set_bfd(port, interface.config.bfd.clone(), now);
                    self.switch.set_policing(port, &interface.config.policing, now);
                    if interface.config.qos.is_some() {
                        self.switch.set_qos(port, interface.config.qos.as_ref(), now);
                    }
                }
            }
            Err(error) => {
                let why = match error {
                    AddPortError::NoBridge => "No such device",
                    AddPortError::NumberInUse(_) | AddPortError::NameInUse(_) | AddPortError::SameTunnel => {
                        "File exists"
                    }
                };
                let text = format!("could not add network device {name} to ofproto ({why})");
                self.close_device(name);
                self.fail_interface(name, text, now);
            }
        }
    }

    /// An interface cannot be: it has no port and no number, and the row will say why.
    fn fail_interface(&mut self, name: &Str, error: String, now: Instant) {
        tracing::warn!(interface = %name, %error, "interface failed");
        let Some(interface) = self.interfaces.get_mut(name) else { return };
        interface.state = State::Failed(error);
        self.remove_interface_port(name, now);
    }

    /// Takes the port of an interface away and gives its number back.
    pub(super) fn remove_interface_port(&mut self, name: &Str, now: Instant) {
        let Some(interface) = self.interfaces.get_mut(name) else { return };
        let port = interface.port.take();
        if let Some(number) = interface.number.take() {
            let bridge = interface.bridge.clone();
            self.numbers.give_back(&bridge, number.0, port.is_some(), now);
        }
        if let Some(port) = port {
            self.switch.remove_port(port, now);
        }
    }

    /// Closes the device of an interface, if it has one.
    fn close_device(&mut self, name: &Str) {
        if let Some(id) = self.interfaces.get(name).and_then(Interface::device) {
            self.by_device.remove(&id);
            self.outputs.push_back(Output::CloseDevice { id });
        }
    }

    /// Ends an interface.
    pub(super) fn end_interface(&mut self, name: &Str, now: Instant) {
        self.close_device(name);
        self.remove_interface_port(name, now);
        self.interfaces.remove(name);
    }
}

/// An Ethernet address for a port that has no device: the same for the same name.
pub(super) fn virtual_mac(name: &str) -> MacAddr {
    let hash = name.bytes().fold(0, |hash, octet| mix(hash, u64::from(octet)));
    let [_, b, c, d, e, f] = MacAddr::from_u64(mix(hash, 1)).0;
    // Locally administered, not a group.
    MacAddr([0x02, b, c, d, e, f])
}

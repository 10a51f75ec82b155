//! Adding, changing and removing ports.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use openflow::{PortConfig, PortDesc, PortNo, PortState, PortStatusReason};
use packet::MacAddr;

use super::{Notice, Switch};
use crate::bridge::BridgeId;
use crate::device::{DeviceId, DeviceInfo};
use crate::police::Policing;
use crate::port::{Port, PortCounters, PortId, PortKind, Vlans};
use crate::qos::{Qos, QosConfig};

/// A port to add.
#[derive(Clone, Debug)]
pub struct PortSpec {
    /// Number in OpenFlow; the caller chooses one that is free.
    pub number: PortNo,
    /// Name, unique in the switch.
    pub name: String,
    /// What is behind it.
    pub kind: PortKind,
    /// Its VLANs, for NORMAL.
    pub vlans: Vlans,
    /// Ethernet address.
    pub mac: MacAddr,
    /// Largest payload of a frame; 0 where there is no limit.
    pub mtu: u32,
    /// Whether packets can be expected to get through.
    pub up: bool,
}

impl PortSpec {
    /// A port with default VLANs that is up.
    pub fn new(number: u32, name: &str, kind: PortKind) -> Self {
        Self {
            number: PortNo(number),
            name: name.to_owned(),
            kind,
            vlans: Vlans::default(),
            mac: MacAddr::ZERO,
            mtu: 1500,
            up: true,
        }
    }
}

/// Why a port cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddPortError {
    /// The bridge is gone.
    #[error("there is no such bridge")]
    NoBridge,
    /// The number is taken on this bridge.
    #[error("port number {0} is in use")]
    NumberInUse(PortNo),
    /// The name is taken in this switch.
    #[error("a port is named {0} already")]
    NameInUse(String),
    /// Another tunnel takes exactly the same packets.
    #[error("another tunnel port has the same addresses and key")]
    SameTunnel,
}

impl Switch {
    /// Adds a port to a bridge.
    ///
    /// # Errors
    /// When number, name or tunnel are taken; nothing has changed then.
    pub fn add_port(
        &mut self,
        bridge: BridgeId,
        spec: PortSpec,
        now: Instant,
    ) -> Result<PortId, AddPortError> {
        let taken = self.bridges.get(&bridge).ok_or(AddPortError::NoBridge)?;
        if taken.ports.contains_key(&spec.number) {
            return Err(AddPortError::NumberInUse(spec.number));
        }
        if self.by_name.contains_key(&spec.name) {
            return Err(AddPortError::NameInUse(spec.name));
        }
        let id = PortId(self.free_ports.front().copied().unwrap_or(self.ports.len() as u32));
        match &spec.kind {
            PortKind::Tunnel(tunnel) => {
                if !self.tunnels.insert(tunnel, id) {
                    return Err(AddPortError::SameTunnel);
                }
            }
            PortKind::Device(device) => {
                self.by_device.insert(*device, id);
            }
            PortKind::Patch { .. } | PortKind::Null => {}
        }
        if self.free_ports.pop_front().is_none() {
            self.ports.push(None);
        }
        self.by_name.insert(spec.name.clone(), id);
        if let Some(bridge) = self.bridges.get_mut(&bridge) {
            bridge.ports.insert(spec.number, id);
        }
        self.ports[id.0 as usize] = Some(Box::new(Port {
            bridge,
            number: spec.number,
            name: spec.name,
            kind: spec.kind,
            config: PortConfig::default(),
            vlans: spec.vlans,
            mac: spec.mac,
            mtu: spec.mtu,
            up: spec.up,
            alive: None,
            added: now,
            police: Arc::default(),
            gre_sequence: 0,
            qos: None,
            counters: PortCounters::default(),
        }));
        self.change_all();
        self.notice_port(id, PortStatusReason::Add);
        Ok(id)
    }

    /// Removes a port; what is cached of packets through it is forgotten.
    pub fn remove_port(&mut self, id: PortId, now: Instant) {
        if self.port(id).is_none() {
            return;
        }
        self.push_counters(now);
        self.notice_port(id, PortStatusReason::Delete);
        let Some(port) = self.ports[id.0 as usize].take() else { return };
        self.by_name.remove(&port.name);
        if let PortKind::Device(device) = port.kind {
            self.by_device.remove(&device);
        }
        self.tunnels.remove(id);
        self.bfd.remove(&id);
        if let Some(bridge) = self.bridges.get_mut(&port.bridge) {
            bridge.ports.remove(&port.number);
            bridge.fdb.forget_port(port.number);
        }
        // Programs name ports by number, which another port gets.
        self.cache.clear();
        self.free_ports.push_back(id.0);
        self.change_all();
    }

    /// A port.
    pub fn port(&self, id: PortId) -> Option<&Port> {
        self.ports.get(id.0 as usize)?.as_deref()
    }

    /// The port of this name.
    pub fn port_named(&self, name: &str) -> Option<PortId> {
        self.by_name.get(name).copied()
    }

    /// The ports of a bridge by number.
    pub fn ports_of(&self, bridge: BridgeId) -> impl Iterator<Item = (PortId, &Port)> {
        let ids = self.bridges.get(&bridge).into_iter().flat_map(|bridge| bridge.ports.values());
        ids.filter_map(|id| Some((*id, self.port(*id)?)))
    }

    /// Changes a port; controllers hear of it, and packets are treated anew.
    pub fn change_port(&mut self, id: PortId, change: impl FnOnce(&mut Port)) {
        let Some(port) = self.ports.get_mut(id.0 as usize).and_then(Option::as_deref_mut) else { return };
        let before = port.clone();
        change(port);
        // What identifies a port is not changed by this.
        (port.bridge, port.number) = (before.bridge, before.number);
        port.name.clone_from(&before.name);
        if port.kind != before.kind {
            let kind = port.kind.clone();
            self.tunnels.remove(id);
            if let PortKind::Tunnel(tunnel) = &kind {
                self.tunnels.insert(tunnel, id);
            }
        }
        let told = |port: &Port| (port.config, port.up, port.alive, port.mac, port.mtu);
        let now = self.port(id).map(told);
        if now != Some(told(&before)) {
            self.notice_port(id, PortStatusReason::Modify);
        }
        self.change_all();
    }

    /// Limits what a port may send in, from now on with full buckets.
    pub(crate) fn set_policing(&mut self, id: PortId, policing: &Policing, now: Instant) {
        if let Some(port) = self.ports.get_mut(id.0 as usize).and_then(Option::as_deref_mut) {
            port.police = policing.gauges(now).into();
        }
    }

    /// Gives a port these queues from now on; those that it had keep their counts.
    pub(crate) fn set_qos(&mut self, id: PortId, config: Option<&QosConfig>, now: Instant) {
        if let Some(port) = self.ports.get_mut(id.0 as usize).and_then(Option::as_deref_mut) {
            let before = port.qos.take();
            port.qos = config.map(|config| Box::new(Qos::new(config, before.as_deref(), now)));
            // Queues mark packets.
            self.change_all();
        }
    }

    /// A device's state is this now.
    pub fn device_changed(&mut self, device: DeviceId, info: &DeviceInfo) {
        let Some(id) = self.by_device.get(&device).copied() else { return };
        let same = self.port(id).is_some_and(|port| {
            (port.mac, port.mtu, port.up) == (info.mac, info.mtu, info.admin_up && info.carrier)
        });
        if !same {
            self.change_port(id, |port| {
                port.mac = info.mac;
                port.mtu = info.mtu;
                port.up = info.admin_up && info.carrier;
            });
        }
    }

    /// The UDP ports on which datagrams for tunnels come in.
    pub fn tunnel_ports(&self) -> BTreeSet<u16> {
        self.tunnels.udp_ports()
    }

    fn notice_port(&mut self, id: PortId, reason: PortStatusReason) {
        let Some(port) = self.port(id) else { return };
        let notice = Notice::Port { bridge: port.bridge, reason, desc: Box::new(describe(port)) };
        self.notices.push_back(notice);
        self.send_notices();
    }
}

/// A port as controllers are told of it.
pub(crate) fn describe(port: &Port) -> PortDesc {
    let down = if port.up { 0 } else { PortState::LINK_DOWN };
    let live = if port.is_live() { PortState::LIVE } else { 0 };
    PortDesc {
        port: port.number,
        hw_addr: port.mac.0,
        name: port.name.clone(),
        config: port.config,
        state: PortState(down | live),
        curr: 0,
        advertised: 0,
        supported: 0,
        peer: 0,
        curr_speed: 0,
        max_speed: 0,
    }
}

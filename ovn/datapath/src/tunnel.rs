//! Which tunnel port a received packet is for.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::device::TunnelKind;
use crate::port::{PortId, Setting, Tunnel};

/// What a tunnel port says of the packets it takes; `None` takes any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pattern {
    kind: TunnelKind,
    udp_port: u16,
    key: Option<u32>,
    remote: Option<IpAddr>,
    local: Option<IpAddr>,
}

/// The tunnel ports of a switch by what they take.
#[derive(Debug, Default)]
pub(crate) struct Tunnels {
    patterns: BTreeMap<Pattern, PortId>,
}

impl Tunnels {
    /// Adds a port; false if another takes exactly the same packets.
    pub(crate) fn insert(&mut self, tunnel: &Tunnel, port: PortId) -> bool {
        let pattern = pattern(tunnel);
        if self.patterns.contains_key(&pattern) {
            return false;
        }
        self.patterns.insert(pattern, port);
        true
    }

    pub(crate) fn remove(&mut self, port: PortId) {
        self.patterns.retain(|_, other| *other != port);
    }

    /// The port for a packet. A port that names its key goes before one that does not; then one that
    /// names the remote address, then the local one (as in Open vSwitch).
    pub(crate) fn lookup(
        &self,
        kind: TunnelKind,
        udp_port: u16,
        key: u32,
        remote: IpAddr,
        local: IpAddr,
    ) -> Option<PortId> {
        [Some(key), None]
            .into_iter()
            .flat_map(|key| [Some(remote), None].map(|remote| (key, remote)))
            .flat_map(|(key, remote)| [Some(local), None].map(|local| (key, remote, local)))
            .find_map(|(key, remote, local)| {
                self.patterns.get(&Pattern { kind, udp_port, key, remote, local }).copied()
            })
    }

    /// The protocol that is spoken on a UDP port. GRE says in each packet which it is.
    pub(crate) fn kind(&self, udp_port: u16) -> Option<TunnelKind> {
        self.patterns.keys().find(|pattern| pattern.udp_port == udp_port).map(|pattern| pattern.kind)
    }

    /// The UDP ports that must be listened on.
    pub(crate) fn udp_ports(&self) -> BTreeSet<u16> {
        self.patterns.keys().map(|pattern| pattern.udp_port).collect()
    }
}

fn pattern(tunnel: &Tunnel) -> Pattern {
    let key = match tunnel.in_key {
        Setting::Fixed(key) => Some(key),
        Setting::Unset => Some(0),
        Setting::Flow => None,
    };
    Pattern {
        kind: tunnel.kind,
        udp_port: tunnel.udp_port,
        key,
        remote: fixed(tunnel.remote),
        local: fixed(tunnel.local),
    }
}

fn fixed(setting: Setting<IpAddr>) -> Option<IpAddr> {
    match setting {
        Setting::Fixed(address) => Some(address),
        Setting::Flow | Setting::Unset => None,
    }
}

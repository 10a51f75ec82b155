//! Ports of bridges.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use openflow::{PortConfig, PortNo};
use packet::MacAddr;

use crate::bridge::BridgeId;
use crate::device::{DeviceId, TunnelKind};
use crate::meter::Gauge;
use crate::qos::Qos;

/// A port of any bridge. Numbers of ports that are gone are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId(pub u32);

/// A port.
#[derive(Clone, Debug)]
pub struct Port {
    /// Whose port it is.
    pub bridge: BridgeId,
    /// Its number in OpenFlow.
    pub number: PortNo,
    /// Its name, unique in the switch.
    pub name: String,
    /// What is behind it.
    pub kind: PortKind,
    /// What controllers forbid.
    pub config: PortConfig,
    /// Its VLANs, for NORMAL.
    pub vlans: Vlans,
    /// Its Ethernet address.
    pub mac: MacAddr,
    /// Largest payload of a frame, in octets; 0 where there is no limit.
    pub mtu: u32,
    /// Whether packets can be expected to get through.
    pub up: bool,
    /// What its BFD session found: whether packets get through. `None` without a session.
    pub alive: Option<bool>,
    /// When it was added.
    pub added: Instant,
    /// What of that which comes in is taken; empty for all.
    pub(crate) police: Arc<[Gauge]>,
    /// How many numbered GRE packets went out.
    pub(crate) gre_sequence: u32,
    /// What of that which goes out is limited and counted by queues.
    pub(crate) qos: Option<Box<Qos>>,
    /// What went through.
    pub counters: PortCounters,
}

impl Port {
    /// Whether packets can be expected to reach the other end.
    pub fn is_live(&self) -> bool {
        self.up && self.alive != Some(false)
    }
}

/// What is behind a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortKind {
    /// An interface of the host.
    Device(DeviceId),
    /// The port of this name, on another bridge or the same one.
    Patch {
        /// Name of the other end.
        peer: String,
    },
    /// A tunnel.
    Tunnel(Tunnel),
    /// Nothing: what is sent there is gone.
    Null,
}

/// Something that is fixed by configuration or comes from the packet's tunnel fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting<T> {
    /// Fixed.
    Fixed(T),
    /// From the flow that sends, and for every flow that receives.
    Flow,
    /// Not given: any when receiving, the default when sending.
    Unset,
}

/// The configuration of a tunnel port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// Protocol.
    pub kind: TunnelKind,
    /// Address of the other end.
    pub remote: Setting<IpAddr>,
    /// Our address.
    pub local: Setting<IpAddr>,
    /// VNI of packets received.
    pub in_key: Setting<u32>,
    /// VNI of packets sent.
    pub out_key: Setting<u32>,
    /// UDP port, or [`TunnelKind::GRE_PORT`].
    pub udp_port: u16,
    /// Whether checksums of UDP or GRE are computed.
    pub checksum: bool,
    /// Whether GRE packets have numbers; those of ERSPAN always do.
    pub sequence: bool,
    /// What ERSPAN says of frames.
    pub erspan: Erspan,
    /// Whether outer packets may not be fragmented.
    pub dont_fragment: bool,
    /// ToS of outer packets; `Flow` copies that of the inner packet. ECN is always that of the inner packet (RFC 6040).
    pub tos: Setting<u8>,
    /// TTL of outer packets; `Flow` copies that of the inner packet.
    pub ttl: Setting<u8>,
}

/// What ERSPAN says of the frames that it mirrors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erspan {
    /// 1 or 2.
    pub version: Setting<u8>,
    /// Of version 1: 20 bits.
    pub index: Setting<u32>,
    /// Of version 2: 1 for frames that leave.
    pub direction: Setting<u8>,
    /// Of version 2: 6 bits.
    pub hwid: Setting<u8>,
}

impl Default for Erspan {
    fn default() -> Self {
        Self {
            version: Setting::Unset,
            index: Setting::Unset,
            direction: Setting::Unset,
            hwid: Setting::Unset,
        }
    }
}

/// Which VLANs a port carries, and how (IEEE 802.1Q; only NORMAL looks at it).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vlans {
    /// How the port's own VLAN is treated.
    pub mode: VlanMode,
    /// Other VLANs that a trunk carries; empty for all.
    pub trunks: Vec<u16>,
}

/// How a port's own VLAN is treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VlanMode {
    /// Only frames without a tag, which belong to this VLAN.
    Access(u16),
    /// Tagged frames; those without a tag belong to VLAN 0.
    #[default]
    Trunk,
    /// As a trunk, but frames without a tag belong to this VLAN, and its frames leave with a tag.
    NativeTagged(u16),
    /// As a trunk, but frames without a tag belong to this VLAN, and its frames leave without.
    NativeUntagged(u16),
}

impl Vlans {
    /// Whether a trunk carries this VLAN.
    fn trunk_has(&self, vid: u16) -> bool {
        self.trunks.is_empty() || self.trunks.contains(&vid)
    }

    /// The VLAN of a frame that comes in with this tag (0x1000 set if there is one); `None` if it
    /// must not come in.
    pub fn incoming(&self, tci: u16) -> Option<u16> {
        let vid = tci & 0x0fff;
        match self.mode {
            // A tag with VLAN 0 carries a priority and no VLAN.
            VlanMode::Access(own) => (vid == 0).then_some(own),
            VlanMode::Trunk => self.trunk_has(vid).then_some(vid),
            VlanMode::NativeTagged(own) | VlanMode::NativeUntagged(own) if vid == 0 => Some(own),
            VlanMode::NativeTagged(own) | VlanMode::NativeUntagged(own) => {
                (vid == own || self.trunk_has(vid)).then_some(vid)
            }
        }
    }

    /// The VLAN of the tag that a frame of this VLAN leaves with, 0 for none; `None` if it must not leave.
    pub fn outgoing(&self, vlan: u16) -> Option<u16> {
        match self.mode {
            VlanMode::Access(own) => (vlan == own).then_some(0),
            VlanMode::Trunk => self.trunk_has(vlan).then_some(vlan),
            VlanMode::NativeTagged(own) => (vlan == own || self.trunk_has(vlan)).then_some(vlan),
            VlanMode::NativeUntagged(own) if vlan == own => Some(0),
            VlanMode::NativeUntagged(_) => self.trunk_has(vlan).then_some(vlan),
        }
    }
}

/// Packets and octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortCounters {
    /// Packets that came in.
    pub rx_packets: u64,
    /// Octets that came in.
    pub rx_bytes: u64,
    /// Packets that came in and could not be taken.
    pub rx_dropped: u64,
    /// Packets that went out.
    pub tx_packets: u64,
    /// Octets that went out.
    pub tx_bytes: u64,
    /// Packets that could not go out.
    pub tx_dropped: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_enter_and_leave_as_the_mode_says() {
        let vlans = |mode, trunks: &[u16]| Vlans { mode, trunks: trunks.to_vec() };
        let access = vlans(VlanMode::Access(10), &[]);
        assert_eq!(
            (access.incoming(0), access.incoming(0x100a), access.incoming(0x6000)),
            (Some(10), None, Some(10))
        );
        assert_eq!((access.outgoing(10), access.outgoing(11)), (Some(0), None));
        let trunk = vlans(VlanMode::Trunk, &[5, 6]);
        assert_eq!(
            (trunk.incoming(0x1005), trunk.incoming(0x1007), trunk.incoming(0)),
            (Some(5), None, None)
        );
        assert_eq!(vlans(VlanMode::Trunk, &[]).incoming(0), Some(0));
        let native = vlans(VlanMode::NativeUntagged(5), &[6]);
        assert_eq!((native.incoming(0), native.outgoing(5), native.outgoing(6)), (Some(5), Some(0), Some(6)));
        assert_eq!(vlans(VlanMode::NativeTagged(5), &[6]).outgoing(5), Some(5));
    }
}

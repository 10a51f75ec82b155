//! Helpers of this crate's tests: a switch with one bridge, and frames.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use openflow::{Action, FlowMod, Match};
use packet::{EtherType, Ethernet, Frame, IpProto, Ipv4, Ipv6, MacAddr, Pseudo, Udp};

use crate::switch::Changes;
use crate::{BridgeId, Departure, DeviceId, PortKind, PortSpec, Switch};

/// Some moment to count from.
#[expect(
    clippy::disallowed_methods,
    reason = "an Instant can only be had from the clock; tests count from it"
)]
pub(crate) fn start() -> Instant {
    Instant::now()
}

/// A switch with a bridge whose port `n` is device `n`.
pub(crate) struct Lab {
    pub switch: Switch,
    pub bridge: BridgeId,
    pub now: Instant,
}

impl Lab {
    /// With ports 1 to `n_ports`.
    pub(crate) fn new(n_ports: u32) -> Self {
        let mut switch = Switch::new(1);
        let bridge = switch.add_bridge("br", 1);
        let mut lab = Self { switch, bridge, now: start() };
        for n in 1..=n_ports {
            lab.port(PortSpec::new(n, &format!("p{n}"), PortKind::Device(DeviceId(n))));
        }
        lab
    }

    pub(crate) fn port(&mut self, spec: PortSpec) -> crate::PortId {
        self.switch.add_port(self.bridge, spec, self.now).unwrap()
    }

    pub(crate) fn flow(&mut self, table: u8, priority: u16, matching: Match, actions: Vec<Action>) {
        self.flow_mod(&FlowMod::add(table, priority, matching, actions, 0)).unwrap();
    }

    pub(crate) fn flow_mod(&mut self, change: &FlowMod) -> Result<(), openflow::ErrorCode> {
        let mut changes = Changes::default();
        let result = self.switch.flow_mod(self.bridge, change, false, &mut changes, self.now);
        self.switch.commit(self.bridge, changes, self.now);
        result
    }

    /// Sends a frame in by a port; what comes out of which devices.
    pub(crate) fn send(&mut self, port: u32, frame: &[u8]) -> Vec<(u32, Vec<u8>)> {
        self.switch.receive(DeviceId(port), [Frame::copy_from(frame)], self.now);
        let mut departures = Vec::new();
        self.switch.take_departures(&mut departures);
        departures
            .into_iter()
            .filter_map(|departure| match departure {
                Departure::Device { device, frame } => Some((device.0, frame.to_vec())),
                Departure::Tunnel(_) => None,
            })
            .collect()
    }

    /// The ports that a frame comes out of.
    pub(crate) fn ports(&mut self, port: u32, frame: &[u8]) -> Vec<u32> {
        self.send(port, frame).into_iter().map(|(port, _)| port).collect()
    }
}

/// An Ethernet address for tests.
pub(crate) fn mac(n: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, n])
}

/// A UDP packet over IPv4 between hosts 10.0.0.`src` and 10.0.0.`dst`.
pub(crate) fn udp4(src: u8, dst: u8, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let (src_ip, dst_ip) = (Ipv4Addr::new(10, 0, 0, src), Ipv4Addr::new(10, 0, 0, dst));
    let udp = Udp::for_payload(ports.0, ports.1, Pseudo::V4(src_ip, dst_ip), payload);
    let mut out = Vec::new();
    Ethernet { dst: mac(dst), src: mac(src), ethertype: EtherType::IPV4 }.emit(&mut out);
    Ipv4::new(src_ip, dst_ip, IpProto::UDP, udp.len).emit(&mut out);
    udp.emit(&mut out);
    out.extend(payload);
    out
}

/// The same over IPv6.
pub(crate) fn udp6(src: u8, dst: u8, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let address = |n: u8| Ipv6Addr::from(0xfd00 << 112 | u128::from(n));
    let udp = Udp::for_payload(ports.0, ports.1, Pseudo::V6(address(src), address(dst)), payload);
    let mut out = Vec::new();
    Ethernet { dst: mac(dst), src: mac(src), ethertype: EtherType::IPV6 }.emit(&mut out);
    Ipv6::new(address(src), address(dst), IpProto::UDP, udp.len).emit(&mut out);
    udp.emit(&mut out);
    out.extend(payload);
    out
}

/// A broadcast frame of an unknown type.
pub(crate) fn broadcast(src: u8) -> Vec<u8> {
    let mut out = Vec::new();
    Ethernet { dst: MacAddr::BROADCAST, src: mac(src), ethertype: EtherType(0x88b5) }.emit(&mut out);
    out.extend([0; 46]);
    out
}

/// Octets from hexadecimal text; blanks are skipped.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    assert!(digits.len().is_multiple_of(2), "an odd number of digits");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

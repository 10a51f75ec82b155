//! The column `bfd` of an interface, and the frame that a packet goes in (vswitchd.conf.db(5), Interface, "BFD").

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use ovsdb::Str;
use packet::key::{FlowKey, L4, Layout, slot};
use packet::{Bfd, EtherType, Ethernet, IpProto, Ipv4, MacAddr, Udp};

/// Where packets go unless the configuration says otherwise: a group of nobody.
const REMOTE_MAC: MacAddr = MacAddr([0x00, 0x23, 0x20, 0x00, 0x00, 0x01]);
/// The source port; RFC 5881 section 4 wants one from 49152 on.
const SOURCE_PORT: u16 = 49_152;
/// Internetwork control, as upstream marks them.
const DSCP: u8 = 48;

/// What a session is configured to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BfdConfig {
    /// Shortest interval between packets of ours.
    pub min_tx: Duration,
    /// Shortest interval between packets that we take.
    pub min_rx: Duration,
    pub multiplier: u8,
    /// A path that this one is a part of is down: the other end is told.
    pub path_down: bool,
    /// Ethernet source; that of the port if not given.
    pub local_src_mac: Option<MacAddr>,
    /// Packets count only when they come to this address, if it is given.
    pub local_dst_mac: Option<MacAddr>,
    pub remote_dst_mac: MacAddr,
    pub src_ip: Ipv4Addr,
    pub dst_ip: Ipv4Addr,
}

impl BfdConfig {
    /// From the column; `None` without `enable=true`. Values that cannot be read are as if not given.
    pub(crate) fn read(column: &BTreeMap<Str, Str>) -> Option<Self> {
        let text = |key: &str| column.get(key).map(|value| &**value);
        if text("enable") != Some("true") {
            return None;
        }
        let millis = |key: &str, default| {
            let given = text(key).and_then(|value| value.parse::<u32>().ok()).filter(|millis| *millis > 0);
            Duration::from_millis(given.unwrap_or(default).into())
        };
        let mac = |key: &str| text(key).and_then(|value| value.parse::<MacAddr>().ok());
        let ip = |key: &str, default| text(key).and_then(|value| value.parse().ok()).unwrap_or(default);
        let multiplier = text("mult").and_then(|value| value.parse().ok()).filter(|mult| *mult > 0);
        Some(Self {
            min_tx: millis("min_tx", 100),
            min_rx: millis("min_rx", 1000),
            multiplier: multiplier.unwrap_or(3),
            path_down: text("cpath_down") == Some("true"),
            local_src_mac: mac("bfd_local_src_mac"),
            local_dst_mac: mac("bfd_local_dst_mac"),
            remote_dst_mac: mac("bfd_remote_dst_mac").unwrap_or(REMOTE_MAC),
            src_ip: ip("bfd_src_ip", Ipv4Addr::new(169, 254, 1, 1)),
            dst_ip: ip("bfd_dst_ip", Ipv4Addr::new(169, 254, 1, 0)),
        })
    }

    /// The frame around a packet, from a port with this address.
    pub(crate) fn frame(&self, packet: &Bfd, mac: MacAddr) -> Vec<u8> {
        let mut message = Vec::new();
        packet.emit(&mut message);
        let udp = Udp { src: SOURCE_PORT, dst: Bfd::PORT, len: 8 + Bfd::LEN as u16, checksum: 0 };
        let mut out = Vec::new();
        let src = self.local_src_mac.unwrap_or(mac);
        Ethernet { dst: self.remote_dst_mac, src, ethertype: EtherType::IPV4 }.emit(&mut out);
        let mut ip = Ipv4::new(self.src_ip, self.dst_ip, IpProto::UDP, udp.len);
        // A single hop: the receiver can tell that it was no longer (RFC 5881 section 5).
        (ip.dscp, ip.ttl) = (DSCP, 255);
        ip.emit(&mut out);
        udp.emit(&mut out);
        out.extend(message);
        out
    }

    /// The packet in a frame that came in by the session's port, if it is one for it.
    pub(crate) fn packet_in(&self, frame: &[u8], key: &FlowKey, layout: &Layout) -> Option<Bfd> {
        let is_bfd = layout.l4 == L4::Udp
            && key.get_u64(slot::TP_DST) == u64::from(Bfd::PORT)
            && key.get_u64(slot::NW_TTL) == 255
            && self.local_dst_mac.is_none_or(|mac| key.get_u64(slot::ETH_DST) == mac.to_u64());
        let message = || frame.get(layout.l4_at as usize + 8..layout.l3_end as usize);
        is_bfd.then(message).flatten().and_then(|octets| Bfd::parse(octets).ok())
    }
}

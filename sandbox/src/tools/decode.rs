//! Takes a frame apart into named fields, for `expect-capture` and for the lines that are shown. Pure.
//!
//! Fields of what a tunnel carries have the same names after `inner.`. What cannot be read is left out; no frame is
//! refused.

use packet::{Arp, EtherType, Ethernet, Geneve, Icmp4, Icmp6, IpProto, Ipv4, Ipv6, Tcp, Udp, VlanTag};
use std::collections::BTreeMap;
use std::fmt::Display;

/// OVN's Geneve option: class 0x0102, type 0x80, ingress port in 15 bits and egress port in 16 (ovn-architecture(7),
/// "Tunnel Encapsulations").
const OVN_CLASS: u16 = 0x0102;
const OVN_TYPE: u8 = 0x80;

/// Frames inside frames that are looked into.
const DEPTH_MAX: usize = 3;

/// Every field that a frame can have, without `inner.`.
pub const FIELDS: &[&str] = &[
    "eth.src",
    "eth.dst",
    "eth.type",
    "vlan.id",
    "arp.op",
    "arp.spa",
    "arp.tpa",
    "arp.sha",
    "arp.tha",
    "ip.src",
    "ip.dst",
    "ip.proto",
    "ip.ttl",
    "udp.src",
    "udp.dst",
    "tcp.src",
    "tcp.dst",
    "icmp.type",
    "icmp.code",
    "geneve.vni",
    "geneve.ingress",
    "geneve.egress",
];

/// A frame taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    pub fields: BTreeMap<String, String>,
    /// The layers as tcpdump would print them.
    pub text: String,
}

/// Takes a frame apart.
pub fn decode(frame: &[u8]) -> Decoded {
    let mut decoder = Decoder { out: Decoded::default(), prefix: String::new() };
    decoder.ethernet(frame, 0);
    decoder.out
}

struct Decoder {
    out: Decoded,
    prefix: String,
}

impl Decoder {
    fn set(&mut self, field: &str, value: impl Display) {
        self.out.fields.insert(format!("{}{field}", self.prefix), value.to_string());
    }

    fn say(&mut self, layer: &impl Display) {
        if !self.out.text.is_empty() {
            self.out.text.push_str(" | ");
        }
        self.out.text.push_str(&layer.to_string());
    }

    fn ethernet(&mut self, frame: &[u8], depth: usize) {
        let Ok((ethernet, mut rest)) = Ethernet::parse(frame) else { return };
        self.set("eth.src", ethernet.src);
        self.set("eth.dst", ethernet.dst);
        self.say(&format!("{} > {}", ethernet.src, ethernet.dst));
        let mut ethertype = ethernet.ethertype;
        while ethertype.is_vlan() {
            let Ok((tag, inner)) = VlanTag::parse(rest) else { return };
            self.set("vlan.id", tag.vid);
            (ethertype, rest) = (tag.ethertype, inner);
        }
        self.set("eth.type", format_args!("0x{:04x}", ethertype.0));
        match ethertype {
            EtherType::ARP => self.arp(rest),
            EtherType::IPV4 => self.ipv4(rest, depth),
            EtherType::IPV6 => self.ipv6(rest, depth),
            other => self.say(&format!("type 0x{:04x}", other.0)),
        }
    }

    fn arp(&mut self, octets: &[u8]) {
        let Ok((arp, _)) = Arp::parse(octets) else { return };
        let operation = match arp.operation {
            Arp::REQUEST => "request".to_owned(),
            Arp::REPLY => "reply".to_owned(),
            other => other.to_string(),
        };
        self.set("arp.op", operation);
        self.set("arp.spa", arp.spa);
        self.set("arp.tpa", arp.tpa);
        self.set("arp.sha", arp.sha);
        self.set("arp.tha", arp.tha);
        self.say(&arp);
    }

    fn ipv4(&mut self, octets: &[u8], depth: usize) {
        let Ok((ip, rest)) = Ipv4::parse(octets) else { return };
        self.set("ip.src", ip.src);
        self.set("ip.dst", ip.dst);
        self.set("ip.ttl", ip.ttl);
        self.say(&ip);
        // A later fragment has no header of the next layer.
        if ip.fragment_offset == 0 {
            self.transport(ip.proto, rest, depth);
        }
    }

    fn ipv6(&mut self, octets: &[u8], depth: usize) {
        let Ok((ip, rest)) = Ipv6::parse(octets) else { return };
        self.set("ip.src", ip.src);
        self.set("ip.dst", ip.dst);
        self.set("ip.ttl", ip.hop_limit);
        self.say(&ip);
        if let Ok((extensions, rest)) = packet::Extensions::parse(ip.next_header, rest) {
            self.transport(extensions.upper, rest, depth);
        }
    }

    fn transport(&mut self, proto: IpProto, octets: &[u8], depth: usize) {
        self.set("ip.proto", proto.0);
        match proto {
            IpProto::UDP => {
                let Ok((udp, rest)) = Udp::parse(octets) else { return };
                self.set("udp.src", udp.src);
                self.set("udp.dst", udp.dst);
                self.say(&udp);
                if udp.dst == Geneve::PORT && depth < DEPTH_MAX {
                    self.geneve(rest, depth);
                }
            }
            IpProto::TCP => {
                let Ok((tcp, _)) = Tcp::parse(octets) else { return };
                self.set("tcp.src", tcp.src);
                self.set("tcp.dst", tcp.dst);
                self.say(&tcp);
            }
            IpProto::ICMP => {
                let Ok((icmp, _)) = Icmp4::parse(octets) else { return };
                self.set("icmp.type", icmp.ty);
                self.set("icmp.code", icmp.code);
                self.say(&icmp);
            }
            IpProto::ICMP6 => {
                let Ok((icmp, _)) = Icmp6::parse(octets) else { return };
                self.set("icmp.type", icmp.ty);
                self.set("icmp.code", icmp.code);
                self.say(&icmp);
            }
            _ => {}
        }
    }

    fn geneve(&mut self, octets: &[u8], depth: usize) {
        let Ok((geneve, rest)) = Geneve::parse(octets) else { return };
        self.set("geneve.vni", geneve.vni.get());
        for option in geneve.options().filter(|o| o.class == OVN_CLASS && o.ty & 0x7f == OVN_TYPE & 0x7f) {
            if let Ok(data) = <[u8; 4]>::try_from(option.data) {
                let value = u32::from_be_bytes(data);
                self.set("geneve.ingress", (value >> 16) & 0x7fff);
                self.set("geneve.egress", value & 0xffff);
            }
        }
        self.say(&geneve);
        self.prefix.push_str("inner.");
        self.ethernet(rest, depth + 1);
        self.prefix.truncate(self.prefix.len() - "inner.".len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use packet::{GeneveOption, MacAddr, Pseudo, Vni};
    use std::net::Ipv4Addr;

    fn geneve(inner: &[u8]) -> Vec<u8> {
        let mut options = Vec::new();
        let value = (3u32 << 16 | 4).to_be_bytes();
        GeneveOption { class: OVN_CLASS, ty: OVN_TYPE, data: &value }.emit(&mut options);
        let vni = Vni::new(7).unwrap();
        let header =
            Geneve { oam: false, critical: true, protocol: EtherType::ETHERNET, vni, options: &options };
        let mut payload = Vec::new();
        header.emit(&mut payload);
        payload.extend(inner);
        let (src, dst) = (Ipv4Addr::new(172, 31, 0, 1), Ipv4Addr::new(172, 31, 0, 2));
        let pseudo = Pseudo::new(src.into(), dst.into()).unwrap();
        let udp = Udp::for_payload(50_000, Geneve::PORT, pseudo, &payload);
        let mut frame = Vec::new();
        let ethernet = Ethernet {
            dst: MacAddr([2, 0, 0, 0, 0, 2]),
            src: MacAddr([2, 0, 0, 0, 0, 1]),
            ethertype: EtherType::IPV4,
        };
        ethernet.emit(&mut frame);
        Ipv4::new(src, dst, IpProto::UDP, (payload.len() + 8) as u16).emit(&mut frame);
        udp.emit(&mut frame);
        frame.extend(payload);
        frame
    }

    #[test]
    fn a_tunnel_is_looked_into() {
        let (a, b) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 3));
        let inner = crate::tools::frame::arp_request(MacAddr([10, 0, 0, 0, 0, 1]), a, b);
        let decoded = decode(&geneve(&inner));
        let fields: Vec<String> = decoded.fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
        insta::assert_snapshot!(fields.join("\n"), @r"
        eth.dst=02:00:00:00:00:02
        eth.src=02:00:00:00:00:01
        eth.type=0x0800
        geneve.egress=4
        geneve.ingress=3
        geneve.vni=7
        inner.arp.op=request
        inner.arp.sha=0a:00:00:00:00:01
        inner.arp.spa=10.0.0.1
        inner.arp.tha=00:00:00:00:00:00
        inner.arp.tpa=10.0.0.3
        inner.eth.dst=ff:ff:ff:ff:ff:ff
        inner.eth.src=0a:00:00:00:00:01
        inner.eth.type=0x0806
        ip.dst=172.31.0.2
        ip.proto=17
        ip.src=172.31.0.1
        ip.ttl=64
        udp.dst=6081
        udp.src=50000
        ");
        insta::assert_snapshot!(decoded.text, @"02:00:00:00:00:01 > 02:00:00:00:00:02 | IP 172.31.0.1 > 172.31.0.2, UDP, ttl 64, length 84 | 50000 > 6081: UDP, length 76 | Geneve, vni 0x7, proto Ethernet, option class 0x0102 type 0x80 00030004 | 0a:00:00:00:00:01 > ff:ff:ff:ff:ff:ff | ARP, Request who-has 10.0.0.3 tell 10.0.0.1");
        for field in decoded.fields.keys() {
            let bare = field.strip_prefix("inner.").unwrap_or(field);
            assert!(FIELDS.contains(&bare), "{bare} is in the list of fields");
        }
    }

    #[test]
    fn tunnels_in_tunnels_end_somewhere() {
        let mut frame = crate::tools::frame::probe(MacAddr::ZERO, MacAddr::BROADCAST, 1);
        for _ in 0..10 {
            frame = geneve(&frame);
        }
        assert!(decode(&frame).fields.keys().all(|f| !f.starts_with("inner.inner.inner.inner.")));
    }

    proptest::proptest! {
        #[test]
        fn any_octets_are_decoded(octets in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            decode(&octets);
            decode(&geneve(&octets));
        }
    }
}

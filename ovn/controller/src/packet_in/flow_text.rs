//! The headers of a packet on one line, in the syntax of Open vSwitch's flows, by which logs of packets are read.

use packet::key::slot::{self, Slot};
use packet::{EtherType, FlowKey, IpProto, MacAddr, key};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Describes a frame.
pub(super) fn describe(frame: &[u8]) -> String {
    let mut headers = FlowKey::ZERO;
    key::extract(frame, &mut headers);
    let mut text = Text { headers, parts: Vec::new() };
    text.link();
    match text.ethertype() {
        EtherType::ARP | EtherType::RARP => text.arp(),
        EtherType::IPV4 | EtherType::IPV6 => text.ip(),
        _ => {}
    }
    text.parts.join(",")
}

struct Text {
    headers: FlowKey,
    parts: Vec<String>,
}

impl Text {
    fn get(&self, slot: Slot) -> u64 {
        self.headers.get_u64(slot)
    }

    fn put(&mut self, part: impl Into<String>) {
        self.parts.push(part.into());
    }

    fn number(&mut self, name: &str, slot: Slot) {
        self.put(format!("{name}={}", self.get(slot)));
    }

    fn mac(&mut self, name: &str, slot: Slot) {
        self.put(format!("{name}={}", MacAddr::from_u64(self.get(slot))));
    }

    fn ethertype(&self) -> EtherType {
        EtherType(self.get(slot::ETH_TYPE) as u16)
    }

    fn proto(&self) -> IpProto {
        IpProto(self.get(slot::NW_PROTO) as u8)
    }

    fn is_v4(&self) -> bool {
        self.ethertype() == EtherType::IPV4
    }

    /// The word for the protocol, if there is one, and whether it says all.
    fn protocol(&self) -> (Option<&'static str>, bool) {
        match (self.ethertype(), self.proto()) {
            (EtherType::IPV4, IpProto::ICMP) => (Some("icmp"), true),
            (EtherType::IPV4, IpProto::TCP) => (Some("tcp"), true),
            (EtherType::IPV4, IpProto::UDP) => (Some("udp"), true),
            (EtherType::IPV4, IpProto::SCTP) => (Some("sctp"), true),
            (EtherType::IPV4, _) => (Some("ip"), false),
            (EtherType::IPV6, IpProto::ICMP6) => (Some("icmp6"), true),
            (EtherType::IPV6, IpProto::TCP) => (Some("tcp6"), true),
            (EtherType::IPV6, IpProto::UDP) => (Some("udp6"), true),
            (EtherType::IPV6, IpProto::SCTP) => (Some("sctp6"), true),
            (EtherType::IPV6, _) => (Some("ipv6"), false),
            (EtherType::ARP, _) => (Some("arp"), true),
            (EtherType::RARP, _) => (Some("rarp"), true),
            (_, _) => (None, false),
        }
    }

    fn link(&mut self) {
        let (word, _) = self.protocol();
        if let Some(word) = word {
            self.put(word);
        }
        let tci = self.get(slot::VLAN_TCI);
        if tci & 0x1000 == 0 {
            self.put("vlan_tci=0x0000");
        } else {
            self.put(format!("dl_vlan={}", tci & 0xfff));
            self.put(format!("dl_vlan_pcp={}", tci >> 13));
            self.put(format!("vlan_tci1=0x{:04x}", self.get(slot::INNER_TCI)));
        }
        self.mac("dl_src", slot::ETH_SRC);
        self.mac("dl_dst", slot::ETH_DST);
        if word.is_none() {
            self.put(format!("dl_type=0x{:04x}", self.get(slot::ETH_TYPE)));
        }
    }

    fn address(&mut self, name: &str, slot: Slot) {
        self.put(format!("{name}={}", Ipv4Addr::from_bits(self.get(slot) as u32)));
    }

    fn arp(&mut self) {
        self.address("arp_spa", slot::IPV4_SRC);
        self.address("arp_tpa", slot::IPV4_DST);
        self.number("arp_op", slot::NW_PROTO);
        self.mac("arp_sha", slot::ARP_SHA);
        self.mac("arp_tha", slot::ARP_THA);
    }

    fn ip(&mut self) {
        if self.is_v4() {
            self.address("nw_src", slot::IPV4_SRC);
            self.address("nw_dst", slot::IPV4_DST);
        } else {
            self.put(format!("ipv6_src={}", Ipv6Addr::from_bits(self.headers.get(slot::NW_SRC))));
            self.put(format!("ipv6_dst={}", Ipv6Addr::from_bits(self.headers.get(slot::NW_DST))));
            self.put(format!("ipv6_label=0x{:05x}", self.get(slot::IPV6_LABEL)));
        }
        if !self.protocol().1 {
            self.number("nw_proto", slot::NW_PROTO);
        }
        self.put(format!("nw_tos={}", self.get(slot::NW_DSCP) << 2));
        self.number("nw_ecn", slot::NW_ECN);
        self.number("nw_ttl", slot::NW_TTL);
        let frag = match self.get(slot::NW_FRAG) {
            0 => "no",
            1 => "first",
            _ => "later",
        };
        self.put(format!("nw_frag={frag}"));
        if frag != "later" {
            self.transport();
        }
    }

    fn transport(&mut self) {
        match self.proto() {
            IpProto::ICMP if self.is_v4() => self.icmp(),
            IpProto::ICMP6 if !self.is_v4() => {
                self.icmp();
                if matches!(self.get(slot::TP_SRC), 135 | 136) {
                    self.put(format!("nd_target={}", Ipv6Addr::from_bits(self.headers.get(slot::ND_TARGET))));
                    self.mac("nd_sll", slot::ARP_SHA);
                    self.mac("nd_tll", slot::ARP_THA);
                }
            }
            IpProto::TCP | IpProto::UDP | IpProto::SCTP => {
                self.number("tp_src", slot::TP_SRC);
                self.number("tp_dst", slot::TP_DST);
                if self.proto() == IpProto::TCP {
                    self.put(format!("tcp_flags={}", tcp_flags(self.get(slot::TCP_FLAGS))));
                }
            }
            _ => {}
        }
    }

    fn icmp(&mut self) {
        self.number("icmp_type", slot::TP_SRC);
        self.number("icmp_code", slot::TP_DST);
    }
}

fn tcp_flags(flags: u64) -> String {
    const NAMES: [&str; 9] = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns"];
    if flags == 0 {
        return "0".to_owned();
    }
    let mut out = String::new();
    for bit in (0..12).filter(|bit| flags & (1 << bit) != 0) {
        let separator = if out.is_empty() { "" } else { "|" };
        // Writing to a string cannot fail.
        let _ = match NAMES.get(bit) {
            Some(name) => write!(out, "{separator}{name}"),
            None => write!(out, "{separator}[{:x}]", 1u32 << bit),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::ip::testing::ends;
    use super::*;

    #[test]
    fn headers_read_as_flows() {
        let mut segment = [0; 20];
        (segment[1], segment[3], segment[12], segment[13]) = (9, 80, 0x50, 0x12);
        insta::assert_snapshot!(describe(&ends(false).frame(IpProto::TCP, 64, &segment).unwrap()), @"tcp,vlan_tci=0x0000,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,tp_src=9,tp_dst=80,tcp_flags=syn|ack");
        insta::assert_snapshot!(describe(&ends(true).frame(IpProto(99), 3, &[0; 20]).unwrap()), @"ipv6,vlan_tci=0x0000,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,ipv6_src=fd00::1,ipv6_dst=fd00::2,ipv6_label=0x00000,nw_proto=99,nw_tos=0,nw_ecn=0,nw_ttl=3,nw_frag=no");
        let tagged = super::super::ip::Ends { tag: Some((EtherType::VLAN, 0x1009)), ..ends(true) };
        insta::assert_snapshot!(describe(&tagged.icmp6(135, [0; 4], |out| out.extend([1; 16])).unwrap()), @"icmp6,dl_vlan=9,dl_vlan_pcp=0,vlan_tci1=0x0000,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,ipv6_src=fd00::1,ipv6_dst=fd00::2,ipv6_label=0x00000,nw_tos=0,nw_ecn=0,nw_ttl=255,nw_frag=no,icmp_type=135,icmp_code=0,nd_target=101:101:101:101:101:101:101:101,nd_sll=00:00:00:00:00:00,nd_tll=00:00:00:00:00:00");
    }
}

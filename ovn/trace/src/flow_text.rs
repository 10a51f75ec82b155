//! A packet in the syntax of Open vSwitch's flows: one line, only fields that the packet has.

use crate::network::Datapath;
use crate::options::CtState;
use lflow::expr::{Microflow, Packet};
use lflow::symbols::{self, Body, FieldRef, Symbol};
use openflow::{Field, Format};
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

pub(crate) const ETH_IPV4: u128 = 0x0800;
const ETH_ARP: u128 = 0x0806;
const ETH_RARP: u128 = 0x8035;
pub(crate) const ETH_IPV6: u128 = 0x86dd;

const IP_ICMP: u128 = 1;
const IP_IGMP: u128 = 2;
const IP_TCP: u128 = 6;
const IP_UDP: u128 = 17;
const IP_ICMPV6: u128 = 58;
const IP_SCTP: u128 = 132;

/// Describes the packet.
pub(crate) fn describe(flow: &Microflow) -> String {
    let mut text = Text { flow, parts: Vec::new() };
    text.metadata();
    text.link();
    match flow.field(Field::EthType) {
        ETH_ARP | ETH_RARP => text.arp(),
        ETH_IPV4 | ETH_IPV6 => text.ip(),
        _ => {}
    }
    text.parts.join(",")
}

struct Text<'a> {
    flow: &'a Microflow,
    parts: Vec<String>,
}

impl Text<'_> {
    fn get(&self, field: Field) -> u128 {
        self.flow.field(field)
    }

    fn put(&mut self, part: String) {
        self.parts.push(part);
    }

    fn decimal(&mut self, name: &str, field: Field) {
        self.put(format!("{name}={}", self.get(field)));
    }

    fn hex_unless_zero(&mut self, name: &str, field: Field) {
        let value = self.get(field);
        if value != 0 {
            self.put(format!("{name}={value:#x}"));
        }
    }

    fn ethernet(&mut self, name: &str, field: Field) {
        self.put(format!("{name}={}", ethernet(self.get(field))));
    }

    fn metadata(&mut self) {
        self.hex_unless_zero("pkt_mark", Field::PktMark);
        let ct_state = self.get(Field::CtState) as u8;
        if ct_state != 0 {
            self.put(format!("ct_state={}", CtState(ct_state)));
        }
        self.hex_unless_zero("ct_mark", Field::CtMark);
        self.hex_unless_zero("ct_label", Field::CtLabel);
        if let Some(protocol) = self.protocol() {
            self.put(protocol.to_owned());
        }
        for n in 0..16 {
            self.hex_unless_zero(&format!("reg{n}"), Field::Reg(n));
        }
    }

    /// The word for the packet's protocol, if there is one.
    fn protocol(&self) -> Option<&'static str> {
        match (self.get(Field::EthType), self.get(Field::IpProto)) {
            (ETH_IPV4, IP_ICMP) => Some("icmp"),
            (ETH_IPV4, IP_TCP) => Some("tcp"),
            (ETH_IPV4, IP_UDP) => Some("udp"),
            (ETH_IPV4, IP_SCTP) => Some("sctp"),
            (ETH_IPV4, _) => Some("ip"),
            (ETH_IPV6, IP_ICMPV6) => Some("icmp6"),
            (ETH_IPV6, IP_TCP) => Some("tcp6"),
            (ETH_IPV6, IP_UDP) => Some("udp6"),
            (ETH_IPV6, IP_SCTP) => Some("sctp6"),
            (ETH_IPV6, _) => Some("ipv6"),
            (ETH_ARP, _) => Some("arp"),
            (ETH_RARP, _) => Some("rarp"),
            _ => None,
        }
    }

    fn link(&mut self) {
        let tci = self.get(Field::VlanTci);
        if tci & 0x1000 != 0 {
            self.put(format!("dl_vlan={}", tci & 0xfff));
            self.put(format!("dl_vlan_pcp={}", tci >> 13));
        } else {
            self.put(format!("vlan_tci=0x{tci:04x}"));
        }
        if tci != 0 {
            self.put("vlan_tci1=0x0000".to_owned());
        }
        self.ethernet("dl_src", Field::EthSrc);
        self.ethernet("dl_dst", Field::EthDst);
        if self.protocol().is_none() {
            self.put(format!("dl_type=0x{:04x}", self.get(Field::EthType)));
        }
    }

    fn arp(&mut self) {
        self.put(format!("arp_spa={}", ipv4(self.get(Field::ArpSpa))));
        self.put(format!("arp_tpa={}", ipv4(self.get(Field::ArpTpa))));
        self.decimal("arp_op", Field::ArpOp);
        self.ethernet("arp_sha", Field::ArpSha);
        self.ethernet("arp_tha", Field::ArpTha);
    }

    fn ip(&mut self) {
        if self.get(Field::EthType) == ETH_IPV4 {
            self.put(format!("nw_src={}", ipv4(self.get(Field::Ipv4Src))));
            self.put(format!("nw_dst={}", ipv4(self.get(Field::Ipv4Dst))));
        } else {
            self.put(format!("ipv6_src={}", Ipv6Addr::from_bits(self.get(Field::Ipv6Src))));
            self.put(format!("ipv6_dst={}", Ipv6Addr::from_bits(self.get(Field::Ipv6Dst))));
            self.put(format!("ipv6_label=0x{:05x}", self.get(Field::Ipv6Label)));
        }
        if matches!(self.protocol(), Some("ip" | "ipv6")) {
            self.decimal("nw_proto", Field::IpProto);
        }
        self.put(format!("nw_tos={}", self.get(Field::IpDscp) << 2));
        self.decimal("nw_ecn", Field::IpEcn);
        self.decimal("nw_ttl", Field::IpTtl);
        let frag = match self.get(Field::IpFrag) {
            0 => "no",
            1 => "first",
            2 => "<error>",
            _ => "later",
        };
        self.put(format!("nw_frag={frag}"));
        // What looks like neighbour discovery is shown even where the header is in another fragment.
        let is_icmp6 = (self.get(Field::EthType), self.get(Field::IpProto)) == (ETH_IPV6, IP_ICMPV6);
        if frag != "later" || is_icmp6 && self.get(Field::Icmp6Code) == 0 {
            self.transport();
        } else if is_icmp6 {
            self.decimal("icmp_code", Field::Icmp6Code);
        }
    }

    fn transport(&mut self) {
        let v4 = self.get(Field::EthType) == ETH_IPV4;
        let (ports, tcp) = match self.get(Field::IpProto) {
            IP_ICMP if v4 => {
                self.decimal("icmp_type", Field::Icmp4Type);
                self.decimal("icmp_code", Field::Icmp4Code);
                return;
            }
            IP_ICMPV6 if !v4 => {
                self.decimal("icmp_type", Field::Icmp6Type);
                self.decimal("icmp_code", Field::Icmp6Code);
                if matches!(self.get(Field::Icmp6Type), 135 | 136) {
                    self.put(format!("nd_target={}", Ipv6Addr::from_bits(self.get(Field::NdTarget))));
                    self.ethernet("nd_sll", Field::NdSll);
                    self.ethernet("nd_tll", Field::NdTll);
                }
                return;
            }
            IP_TCP => ((Field::TcpSrc, Field::TcpDst), true),
            IP_UDP => ((Field::UdpSrc, Field::UdpDst), false),
            IP_SCTP => ((Field::SctpSrc, Field::SctpDst), false),
            IP_IGMP if v4 => {
                self.put("tp_src=0".to_owned());
                self.put("tp_dst=0".to_owned());
                return;
            }
            _ => return,
        };
        self.decimal("tp_src", ports.0);
        self.decimal("tp_dst", ports.1);
        if tcp {
            self.put(format!("tcp_flags={}", tcp_flags(self.get(Field::TcpFlags))));
        }
    }
}

pub(crate) fn ethernet(value: u128) -> String {
    let b = value.to_be_bytes();
    format!("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[10], b[11], b[12], b[13], b[14], b[15])
}

pub(crate) fn ipv4(value: u128) -> Ipv4Addr {
    Ipv4Addr::from_bits(value as u32)
}

/// How a value of a field is written.
pub(crate) fn value(like: &FieldRef, value: u128) -> String {
    let hex = || if value == 0 { "0".to_owned() } else { format!("{value:#x}") };
    if !like.is_whole() {
        return hex();
    }
    match like.symbol.format() {
        Format::Ethernet => ethernet(value),
        Format::Ipv4 => ipv4(value).to_string(),
        Format::Ipv6 => Ipv6Addr::from_bits(value).to_string(),
        Format::Decimal | Format::Port => value.to_string(),
        Format::Hex
        | Format::Frag
        | Format::TunFlags
        | Format::TcpFlags
        | Format::CtState
        | Format::PacketType => hex(),
    }
}

fn tcp_flags(flags: u128) -> String {
    if flags == 0 {
        return "0".to_owned();
    }
    const NAMES: [&str; 9] = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns"];
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

/// The symbol of the logical language that is a whole field.
fn symbol(field: Field) -> Option<&'static Symbol> {
    symbols::table().iter().find(|symbol| match symbol.body {
        Body::Integer { field: of, low, bits } => (of, low, bits) == (field, 0, field.bits()),
        Body::String(_) | Body::Subfield { .. } | Body::Predicate(_) | Body::Ovn(_) => false,
    })
}

/// The name of a field in the logical language, or what OpenFlow calls it where that has none.
pub(crate) fn name(field: Field) -> String {
    match (field, symbol(field)) {
        (Field::Reg(14), _) => "inport".to_owned(),
        (Field::Reg(15), _) => "outport".to_owned(),
        (Field::Reg(10), _) => "flags".to_owned(),
        (Field::Reg(n), _) => format!("reg{n}"),
        (_, Some(symbol)) => symbol.name.to_owned(),
        (_, None) => format!("{field:?}").to_lowercase(),
    }
}

/// A value of a whole field, on a datapath whose ports may be meant.
pub(crate) fn field_value(field: Field, value: u128, datapath: &Datapath) -> String {
    let key = u32::try_from(value).unwrap_or(0);
    match (field, symbol(field)) {
        (Field::Reg(14 | 15), _) => match datapath.name_of(key) {
            Some(name) => format!("\"{name}\""),
            None if key == 0 => "\"\"".to_owned(),
            None => key.to_string(),
        },
        (Field::CtState, _) if value != 0 => CtState(value as u8).to_string(),
        (Field::Reg(_), _) | (_, None) => format!("{value:#x}"),
        (_, Some(symbol)) => self::value(&FieldRef::whole(symbol), value),
    }
}

//! The list of symbols: one a line.
//!
//! Facts: ovn-sb(5), `Logical_Flow`, and the symbol dump of upstream 23.03; names that came later are
//! those of upstream's lib/logical-fields.c.

use super::{Body, Memo, OvnField, Symbol};
use openflow::Field;
use std::sync::OnceLock;

/// Builds the list.
pub(super) fn symbols() -> Vec<Symbol> {
    let mut list = List(Vec::new());
    metadata(&mut list);
    connection_tracking(&mut list);
    link(&mut list);
    network(&mut list);
    transport(&mut list);
    list.0
}

struct List(Vec<Symbol>);

impl List {
    fn add(&mut self, name: &'static str, body: Body, prereqs: &'static str, must_crossproduct: bool) {
        let prereqs = (!prereqs.is_empty()).then_some(prereqs);
        self.0.push(Symbol {
            name,
            body,
            must_crossproduct,
            prereqs,
            expanded: OnceLock::new(),
            memo: Memo::default(),
        });
    }

    fn field(&mut self, name: &'static str, field: Field, prereqs: &'static str) {
        self.add(name, Body::Integer { field, low: 0, bits: field.bits() }, prereqs, false);
    }

    /// A field that others have as a prerequisite.
    fn selector(&mut self, name: &'static str, field: Field, prereqs: &'static str) {
        self.add(name, Body::Integer { field, low: 0, bits: field.bits() }, prereqs, true);
    }

    fn string(&mut self, name: &'static str, field: Field) {
        self.add(name, Body::String(field), "", false);
    }

    fn bits(&mut self, name: &'static str, parent: &'static str, low: u16, high: u16, prereqs: &'static str) {
        self.add(name, Body::Subfield { parent, low, bits: high - low + 1 }, prereqs, false);
    }

    fn predicate(&mut self, name: &'static str, text: &'static str) {
        self.add(name, Body::Predicate(text), "", false);
    }
}

fn metadata(list: &mut List) {
    list.string("inport", Field::Reg(14));
    list.string("outport", Field::Reg(15));
    list.string("remote_outport", Field::Reg(1));
    // The same as numbers.
    list.field("__inport", Field::Reg(14), "");
    list.field("__outport", Field::Reg(15), "");
    // The top bit of a port's key says that the port is a tunnel of an Ethernet VPN.
    for (name, field) in [("from_evpn_vtep", Field::Reg(14)), ("to_evpn_vtep", Field::Reg(15))] {
        list.add(name, Body::Integer { field, low: 31, bits: 1 }, "", false);
    }

    list.field("xxreg0", Field::XXReg(0), "");
    list.field("xxreg1", Field::XXReg(1), "");
    list.field("xreg4", Field::XReg(4), "");
    for (name, parent, low) in
        [("xreg0", "xxreg0", 64), ("xreg1", "xxreg0", 0), ("xreg2", "xxreg1", 64), ("xreg3", "xxreg1", 0)]
    {
        list.bits(name, parent, low, low + 63, "");
    }
    for (name, parent, low) in [
        ("reg0", "xxreg0", 96),
        ("reg1", "xxreg0", 64),
        ("reg2", "xxreg0", 32),
        ("reg3", "xxreg0", 0),
        ("reg4", "xxreg1", 96),
        ("reg5", "xxreg1", 64),
        ("reg6", "xxreg1", 32),
        ("reg7", "xxreg1", 0),
        ("reg8", "xreg4", 32),
        ("reg9", "xreg4", 0),
    ] {
        list.bits(name, parent, low, low + 31, "");
    }

    list.field("flags", Field::Reg(10), "");
    for (name, bit) in [
        ("flags.loopback", 0),
        ("flags.rcv_from_ramp", 1),
        ("flags.force_snat_for_dnat", 2),
        ("flags.force_snat_for_lb", 3),
        ("flags.local_only", 4),
        ("flags.skip_snat_for_lb", 9),
        ("flags.localport", 10),
        ("flags.use_snat_zone", 11),
        ("flags.localnet", 15),
        ("flags.tunnel_rx", 16),
        ("flags.icmp_snat", 17),
        ("flags.override_local_only", 18),
        ("flags.from_ctrl", 19),
        ("flags.unsnat_new", 20),
        ("flags.unsnat_not_tracked", 21),
        ("flags.igmp_loopback", 22),
        ("flags.pkt_sampled", 23),
    ] {
        list.bits(name, "flags", bit, bit, "");
    }
    list.bits("flags.network_id", "flags", 28, 31, "");
    list.field("pkt.mark", Field::PktMark, "");
}

fn connection_tracking(list: &mut List) {
    list.field("ct_mark", Field::CtMark, "");
    for (name, low, high) in [
        ("ct_mark.blocked", 0, 0),
        ("ct_mark.natted", 1, 1),
        ("ct_mark.skip_snat", 2, 2),
        ("ct_mark.force_snat", 3, 3),
        ("ct_mark.obs_stage", 4, 5),
        ("ct_mark.allow_established", 6, 6),
        ("ct_mark.obs_collector_id", 16, 23),
        ("ct_mark.ecmp_reply_port", 16, 31),
    ] {
        list.bits(name, "ct_mark", low, high, "");
    }
    list.field("ct_label", Field::CtLabel, "");
    for (name, low, high) in [
        ("ct_label.blocked", 0, 0),
        ("ct_label.natted", 1, 1),
        ("ct_label.skip_snat", 2, 2),
        ("ct_label.force_snat", 3, 3),
        ("ct_label.nf", 7, 7),
        ("ct_label.tun_if", 8, 8),
        ("ct_label.nf_id", 17, 24),
        ("ct_label.ecmp_reply_eth", 32, 79),
        ("ct_label.ecmp_reply_port", 80, 95),
        ("ct_label.acl_id", 80, 95),
        ("ct_label.tun_if_id", 80, 95),
        ("ct_label.obs_unused", 0, 95),
        ("ct_label.label", 96, 127),
        ("ct_label.obs_point_id", 96, 127),
    ] {
        list.bits(name, "ct_label", low, high, "");
    }
    list.field("ct_state", Field::CtState, "");
    list.bits("ct.trk", "ct_state", 5, 5, "");
    for (name, bit) in [
        ("ct.new", 0),
        ("ct.est", 1),
        ("ct.rel", 2),
        ("ct.rpl", 3),
        ("ct.inv", 4),
        ("ct.snat", 6),
        ("ct.dnat", 7),
    ] {
        list.bits(name, "ct_state", bit, bit, "ct.trk");
    }
}

fn link(list: &mut List) {
    list.field("eth.src", Field::EthSrc, "");
    list.field("eth.dst", Field::EthDst, "");
    list.selector("eth.type", Field::EthType, "");
    list.predicate("eth.bcast", "eth.dst == ff:ff:ff:ff:ff:ff");
    list.predicate("eth.mcast", "eth.dst[40]");
    list.predicate("eth.mcastv6", "eth.dst[32..47] == 0x3333");

    list.field("vlan.tci", Field::VlanTci, "");
    list.predicate("vlan.present", "vlan.tci[12]");
    list.bits("vlan.pcp", "vlan.tci", 13, 15, "vlan.present");
    list.bits("vlan.vid", "vlan.tci", 0, 11, "vlan.present");

    for (protocol, op, spa, sha, tpa, tha) in [
        ("arp", "arp.op", "arp.spa", "arp.sha", "arp.tpa", "arp.tha"),
        ("rarp", "rarp.op", "rarp.spa", "rarp.sha", "rarp.tpa", "rarp.tha"),
    ] {
        list.predicate(protocol, if protocol == "arp" { "eth.type == 0x806" } else { "eth.type == 0x8035" });
        list.field(op, Field::ArpOp, protocol);
        list.field(spa, Field::ArpSpa, protocol);
        list.field(sha, Field::ArpSha, protocol);
        list.field(tpa, Field::ArpTpa, protocol);
        list.field(tha, Field::ArpTha, protocol);
    }
}

fn network(list: &mut List) {
    list.predicate("ip4", "eth.type == 0x800");
    list.predicate("ip6", "eth.type == 0x86dd");
    list.predicate("ip", "ip4 || ip6");
    list.selector("ip.proto", Field::IpProto, "ip");
    list.field("ip.dscp", Field::IpDscp, "ip");
    list.field("ip.ecn", Field::IpEcn, "ip");
    list.field("ip.ttl", Field::IpTtl, "ip");
    list.field("ip.frag", Field::IpFrag, "ip");
    list.predicate("ip.is_frag", "ip.frag[0]");
    list.predicate("ip.later_frag", "ip.frag[1]");
    list.predicate("ip.first_frag", "ip.is_frag && !ip.later_frag");

    list.field("ip4.src", Field::Ipv4Src, "ip4");
    list.field("ip4.dst", Field::Ipv4Dst, "ip4");
    list.predicate("ip4.src_mcast", "ip4.src[28..31] == 0xe");
    list.predicate("ip4.mcast", "eth.mcast && ip4.dst[28..31] == 0xe");

    list.field("ip6.src", Field::Ipv6Src, "ip6");
    list.field("ip6.dst", Field::Ipv6Dst, "ip6");
    list.field("ip6.label", Field::Ipv6Label, "ip6");
    list.predicate("ip6.mcast_rsvd", "ip6.dst[116..127] == 0xff0 && ip6.dst[0..111] == 0x0");
    list.predicate("ip6.mcast_all_nodes", "ip6.dst == ff01::1 || ip6.dst == ff02::1");
    list.predicate("ip6.mcast_all_rtrs", "ip6.dst == {ff01::2, ff02::2, ff05::2}");
    list.predicate("ip6.mcast_sol_node", "ip6.dst == ff02::1:ff00:0000/104");
    list.predicate(
        "ip6.mcast_flood",
        "eth.mcastv6 && (ip6.mcast_rsvd || ip6.mcast_all_nodes || ip6.mcast_all_rtrs || ip6.mcast_sol_node)",
    );
    list.predicate("ip6.mcast", "eth.mcastv6 && ip6.dst[120..127] == 0xff");

    list.predicate("icmp4", "ip4 && ip.proto == 1");
    list.field("icmp4.type", Field::Icmp4Type, "icmp4");
    list.field("icmp4.code", Field::Icmp4Code, "icmp4");
    list.add("icmp4.frag_mtu", Body::Ovn(OvnField::Icmp4FragMtu), "", false);
    list.add("icmp4.inner_ip4.src", Body::Ovn(OvnField::Icmp4InnerIp4Src), "", false);
    list.predicate("igmp", "ip4 && ip.proto == 2");
    list.predicate("icmp6", "ip6 && ip.proto == 58");
    list.selector("icmp6.type", Field::Icmp6Type, "icmp6");
    list.selector("icmp6.code", Field::Icmp6Code, "icmp6");
    list.add("icmp6.frag_mtu", Body::Ovn(OvnField::Icmp6FragMtu), "", false);
    list.predicate("icmp", "icmp4 || icmp6");

    list.predicate("mldv1", "ip6.src == fe80::/10 && icmp6.type == {130, 131, 132}");
    list.predicate("mldv2", "ip6.dst == ff02::16 && icmp6.type == 143");
    list.predicate("nd", "icmp6.type == {135, 136} && icmp6.code == 0 && ip.ttl == 255");
    list.predicate("nd_ns", "icmp6.type == 135 && icmp6.code == 0 && ip.ttl == 255");
    list.predicate("nd_ns_mcast", "ip6.mcast && icmp6.type == 135 && icmp6.code == 0 && ip.ttl == 255");
    list.predicate("nd_na", "icmp6.type == 136 && icmp6.code == 0 && ip.ttl == 255");
    list.predicate("nd_rs", "icmp6.type == 133 && icmp6.code == 0 && ip.ttl == 255");
    list.predicate("nd_ra", "icmp6.type == 134 && icmp6.code == 0 && ip.ttl == 255");
    list.field("nd.target", Field::NdTarget, "nd");
    list.field("nd.sll", Field::NdSll, "nd_ns");
    list.field("nd.tll", Field::NdTll, "nd_na");
}

fn transport(list: &mut List) {
    list.predicate("tcp", "ip.proto == 6");
    list.field("tcp.src", Field::TcpSrc, "tcp");
    list.field("tcp.dst", Field::TcpDst, "tcp");
    list.field("tcp.flags", Field::TcpFlags, "tcp");
    list.predicate("udp", "ip.proto == 17");
    list.field("udp.src", Field::UdpSrc, "udp");
    list.field("udp.dst", Field::UdpDst, "udp");
    list.predicate("sctp", "ip.proto == 132");
    list.field("sctp.src", Field::SctpSrc, "sctp");
    list.field("sctp.dst", Field::SctpDst, "sctp");
}

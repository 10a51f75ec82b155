//! Packets that a load balancer sends back to the guest that they came from: for the guest, they come from the virtual
//! address.
//!
//! Writes tables 92 (is it such a packet? then the replies to it are learned into table 93) and 94 (its source becomes
//! the virtual address, or what `hairpin_snat_ip` says). Upstream: lflow.c consider_lb_hairpin_flows.

use incr::{Emit, Reads};
use lflow::action::Transport;
use openflow::{Action, Ct, Field, Learn, LearnSpec, Match, Nat, NatKind, NatRange};
use ovsdb::Uuid;
use std::net::IpAddr;

use super::Sink;
use crate::compile::conntrack::in_zone;
use crate::compile::learn::{copies, loads, matches, number, ports};
use crate::model::{LoadBalancer, Vip};
use crate::network::Network;
use crate::tables;

/// The bit of a connection's mark that says that its destination was translated.
const CT_MARK_NATTED: u128 = 2;

/// Fields that depend on the version of IP.
struct Family {
    ether: u16,
    src: Field,
    dst: Field,
    /// Where the pipeline keeps what the destination was before it was translated. Of IPv4 that depends on the version
    /// of northd.
    originals: &'static [Field],
}

fn family(ip: IpAddr) -> Family {
    match ip {
        IpAddr::V4(_) => Family {
            ether: tables::ETH_IPV4,
            src: Field::Ipv4Src,
            dst: Field::Ipv4Dst,
            originals: &[tables::LB_ORIGINAL_IP4, tables::LB_ORIGINAL_IP4_BEFORE],
        },
        IpAddr::V6(_) => Family {
            ether: tables::ETH_IPV6,
            src: Field::Ipv6Src,
            dst: Field::Ipv6Dst,
            originals: &[tables::LB_ORIGINAL_IP6],
        },
    }
}

pub(crate) fn flows(net: &Network, reads: &Reads, row: Uuid, emit: &mut Emit<Network>) {
    let Some(balancer) = net.load_balancers.get(reads, &row) else { return };
    let own = balancer.datapaths.iter().copied().filter(|dp| net.local_datapaths.get(reads, dp).is_some());
    let of_groups = balancer.groups.iter().flat_map(|group| net.local_members.get(reads, group)).copied();
    let mut local: Vec<u32> =
        own.chain(of_groups).filter_map(|datapath| Some(net.datapaths.get(reads, &datapath)?.key)).collect();
    if local.is_empty() {
        return;
    }
    local.sort_unstable();
    local.dedup();
    let mut sink = Sink { emit, cookie: balancer.cookie };
    for vip in &balancer.vips {
        let snat = balancer.snat.iter().find(|ip| ip.is_ipv4() == vip.ip.is_ipv4());
        for &original in family(vip.ip).originals {
            for backend in &vip.backends {
                detect(balancer, vip, original, *backend, *snat.unwrap_or(&vip.ip), &mut sink);
            }
            translate(balancer, vip, original, snat, &local, &mut sink);
        }
    }
}

/// Source and destination are the backend: it was chosen for its own packet.
fn detect(
    balancer: &LoadBalancer,
    vip: &Vip,
    original: Field,
    (backend, port): (IpAddr, u16),
    reply_to: IpAddr,
    sink: &mut Sink<'_>,
) {
    let Family { ether, src, dst, .. } = family(vip.ip);
    let mut matching = Match::any()
        .with(Field::EthType, ether)
        .with(src, number(backend))
        .with(dst, number(backend))
        .with(original, number(vip.ip))
        .with_masked(Field::CtMark, CT_MARK_NATTED, CT_MARK_NATTED);
    if port != 0 {
        let original = tables::LB_ORIGINAL_PORT;
        matching.set(Field::IpProto, balancer.protocol.number());
        matching.set(ports(balancer.protocol).1, port);
        matching.set_masked(original.field, vip.port.into(), original.mask());
    }
    let specs = reply(balancer.protocol, port, reply_to);
    let learn = Learn {
        table: tables::CHK_LB_HAIRPIN_REPLY.number(),
        cookie: balancer.cookie.into(),
        delete_learned: true,
        specs,
        ..Learn::default()
    };
    let found = Action::set_bits(tables::FLAG_LB_HAIRPIN, 1_u8);
    sink.flow(tables::CHK_LB_HAIRPIN, 100, matching, vec![found, Action::Learn(Box::new(learn))]);
}

/// What the reply to such a packet is: it comes from the backend and goes to what the source was translated to.
fn reply(protocol: Transport, port: u16, reply_to: IpAddr) -> Vec<LearnSpec> {
    let Family { ether, src, dst, .. } = family(reply_to);
    let mut specs = vec![
        copies(tables::DATAPATH, tables::DATAPATH),
        matches(Field::EthType, ether),
        copies(src, src),
        matches(dst, number(reply_to)),
    ];
    if port != 0 {
        let (src, dst) = ports(protocol);
        specs.push(matches(Field::IpProto, protocol.number()));
        specs.push(copies(dst, src));
    } else {
        specs.push(copies(Field::IpProto, Field::IpProto));
    }
    specs.push(loads(tables::FLAG_LB_HAIRPIN, 1_u8));
    specs
}

/// The source of such a packet. Where an address of its own was chosen, that is so on the load balancer's datapaths only;
/// another load balancer may have the same virtual address elsewhere.
fn translate(
    balancer: &LoadBalancer,
    vip: &Vip,
    original: Field,
    snat: Option<&IpAddr>,
    local: &[u32],
    sink: &mut Sink<'_>,
) {
    let Family { ether, .. } = family(vip.ip);
    let mut matching = Match::any().with(Field::EthType, ether).with(original, number(vip.ip));
    if vip.port != 0 {
        let original = tables::LB_ORIGINAL_PORT;
        matching.set(Field::IpProto, balancer.protocol.number());
        matching.set_masked(original.field, vip.port.into(), original.mask());
    }
    let range = match *snat.unwrap_or(&vip.ip) {
        IpAddr::V4(min) => NatRange::V4 { min, max: None },
        IpAddr::V6(min) => NatRange::V6 { min, max: None },
    };
    let nat = Nat { kind: NatKind::Src, range, ..Nat::existing() };
    let ct = Ct { commit: true, actions: vec![Action::Nat(nat)], ..in_zone(tables::SNAT_ZONE) };
    let actions = vec![Action::Ct(Box::new(ct))];
    // Those for a port go before those for all.
    let less = if vip.port == 0 { 10 } else { 0 };
    if snat.is_none() {
        return sink.flow(tables::CT_SNAT_HAIRPIN, 100 - less, matching, actions);
    }
    for &datapath in local {
        let on = matching.clone().with(tables::DATAPATH, datapath);
        sink.flow(tables::CT_SNAT_HAIRPIN, 200 - less, on, actions.clone());
    }
}

#[cfg(test)]
mod tests {
    use crate::tables;
    use crate::tests::lab::Lab;

    const ALL: [tables::OfTable; 2] = [tables::CHK_LB_HAIRPIN, tables::CT_SNAT_HAIRPIN];

    fn lab() -> Lab {
        let mut lab = Lab::new();
        lab.switch("sw0", 1);
        lab.switch("sw1", 2);
        lab.port("sw0", "p1", 7, |_| {});
        lab.balancer("lb", &["sw0", "sw1"], &[("10.9.0.1:80", "10.0.0.1:8080"), ("fd00::9", "fd00::1")], "");
        lab
    }

    #[test]
    fn what_a_load_balancer_sends_back_is_found_and_its_source_hidden() {
        let mut lab = lab();
        assert_eq!(lab.show(&ALL), "");
        insta::assert_snapshot!(lab.difference(&ALL, |lab| lab.interface("p1", Some(20))), @r"
        + table=92, priority=100,ct_mark=0x2/0x2,ipv6,reg4=0xfd000000,reg5=0,reg6=0,reg7=0x9,ipv6_src=fd00::1,ipv6_dst=fd00::1 actions=set_field:0x80/0x80->reg10,learn(table=93,delete_learned,cookie=0x1493070,OXM_OF_METADATA[],eth_type=0x86dd,NXM_NX_IPV6_SRC[],ipv6_dst=fd00::9,NXM_OF_IP_PROTO[],load:0x1->NXM_NX_REG10[7])
        + table=92, priority=100,ct_mark=0x2/0x2,tcp,reg1=0xa090001,reg2=0x50/0xffff,nw_src=10.0.0.1,nw_dst=10.0.0.1,tp_dst=8080 actions=set_field:0x80/0x80->reg10,learn(table=93,delete_learned,cookie=0x1493070,OXM_OF_METADATA[],eth_type=0x800,NXM_OF_IP_SRC[],ip_dst=10.9.0.1,nw_proto=6,NXM_OF_TCP_SRC[]=NXM_OF_TCP_DST[],load:0x1->NXM_NX_REG10[7])
        + table=92, priority=100,ct_mark=0x2/0x2,tcp,reg2=0x50/0xffff,reg4=0xa090001,nw_src=10.0.0.1,nw_dst=10.0.0.1,tp_dst=8080 actions=set_field:0x80/0x80->reg10,learn(table=93,delete_learned,cookie=0x1493070,OXM_OF_METADATA[],eth_type=0x800,NXM_OF_IP_SRC[],ip_dst=10.9.0.1,nw_proto=6,NXM_OF_TCP_SRC[]=NXM_OF_TCP_DST[],load:0x1->NXM_NX_REG10[7])
        + table=94, priority=100,tcp,reg1=0xa090001,reg2=0x50/0xffff actions=ct(commit,zone=NXM_NX_REG12[0..15],nat(src=10.9.0.1))
        + table=94, priority=100,tcp,reg2=0x50/0xffff,reg4=0xa090001 actions=ct(commit,zone=NXM_NX_REG12[0..15],nat(src=10.9.0.1))
        + table=94, priority=90,ipv6,reg4=0xfd000000,reg5=0,reg6=0,reg7=0x9 actions=ct(commit,zone=NXM_NX_REG12[0..15],nat(src=fd00::9))
        ");
        let zones: Vec<&str> = lab.inputs.zones.by_name().keys().map(|name| &**name).collect();
        assert_eq!(zones, ["p1", "sw0_dnat", "sw0_snat"]);
        let hidden =
            |lab: &mut Lab| lab.balancer("lb", &["sw0", "sw1"], &[("10.9.0.1:80", "")], "10.9.0.7 fd00::7");
        insta::assert_snapshot!(lab.difference(&ALL, hidden), @r"
        - table=92, priority=100,ct_mark=0x2/0x2,ipv6,reg4=0xfd000000,reg5=0,reg6=0,reg7=0x9,ipv6_src=fd00::1,ipv6_dst=fd00::1 actions=set_field:0x80/0x80->reg10,learn(table=93,delete_learned,cookie=0x1493070,OXM_OF_METADATA[],eth_type=0x86dd,NXM_NX_IPV6_SRC[],ipv6_dst=fd00::9,NXM_OF_IP_PROTO[],load:0x1->NXM_NX_REG10[7])
        - table=92, priority=100,ct_mark=0x2/0x2,tcp,reg1=0xa090001,reg2=0x50/0xffff,nw_src=10.0.0.1,nw_dst=10.0.0.1,tp_dst=8080 actions=set_field:0x80/0x80->reg10,learn(table=93,delete_learned,cookie=0x1493070,OXM_OF_METADATA[],eth_type=0x800,NXM_OF_IP_SRC[],ip_dst=10.9.0.1,nw_proto=6,NXM_OF_TCP_SRC[]=NXM_OF_TCP_DST[],load:0x1->NXM_NX_REG10[7])
        - table=92, priority=100,ct_mark=0x2/0x2,tcp,reg2=0x50/0xffff,reg4=0xa090001,nw_src=10.0.0.1,nw_dst=10.0.0.1,tp_dst=8080 actions=set_field:0x80/0x80->reg10,learn(table=93,delete_learned,cookie=0x1493070,OXM_OF_METADATA[],eth_type=0x800,NXM_OF_IP_SRC[],ip_dst=10.9.0.1,nw_proto=6,NXM_OF_TCP_SRC[]=NXM_OF_TCP_DST[],load:0x1->NXM_NX_REG10[7])
        - table=94, priority=100,tcp,reg1=0xa090001,reg2=0x50/0xffff actions=ct(commit,zone=NXM_NX_REG12[0..15],nat(src=10.9.0.1))
        - table=94, priority=100,tcp,reg2=0x50/0xffff,reg4=0xa090001 actions=ct(commit,zone=NXM_NX_REG12[0..15],nat(src=10.9.0.1))
        - table=94, priority=90,ipv6,reg4=0xfd000000,reg5=0,reg6=0,reg7=0x9 actions=ct(commit,zone=NXM_NX_REG12[0..15],nat(src=fd00::9))
        + table=94, priority=200,tcp,reg1=0xa090001,reg2=0x50/0xffff,metadata=0x1 actions=ct(commit,zone=NXM_NX_REG12[0..15],nat(src=10.9.0.7))
        + table=94, priority=200,tcp,reg2=0x50/0xffff,reg4=0xa090001,metadata=0x1 actions=ct(commit,zone=NXM_NX_REG12[0..15],nat(src=10.9.0.7))
        ");
    }

    #[test]
    fn what_is_no_virtual_address_is_said_and_left_out() {
        let mut lab = lab();
        lab.interface("p1", Some(20));
        lab.balancer("lb", &["sw0"], &[("10.9.0.1", "fd00::1"), ("nonsense", "10.0.0.1")], "");
        assert_eq!(lab.show(&ALL), "");
        insta::assert_snapshot!(lab.complaints.join("\n"), @r#"
        load balancer lb: "10.9.0.1" with backends "fd00::1" is no virtual address
        load balancer lb: "nonsense" with backends "10.0.0.1" is no virtual address
        "#);
    }
}

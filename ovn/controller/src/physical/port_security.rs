//! Port security: which addresses a port may use.
//!
//! Writes tables 97 (what it sends), 98 (what it says in ARP and neighbour discovery) and 99 (what it gets). The
//! result is a flag: set means refused. It is clear when a table is asked, and a table's flow of priority 80 sets it.
//! ovn-nb(5), `Logical_Switch_Port:port_security`. Upstream: lflow.c consider_port_sec_flows.

use openflow::{Action, Field, Match};
use packet::MacAddr;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Sink, on, steps};
use crate::model::{AllowedAddress, AllowedMac, Datapath, LogicalPort};
use crate::tables;

/// Ethernet types and IP protocols.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const ARP: u16 = 0x0806;
const UDP: u8 = 17;
const ICMP6: u8 = 58;

/// Neighbour discovery is valid with this hop limit only (RFC 4861 section 7.1).
const ND_HOP_LIMIT: u8 = 255;

pub(super) fn flows(port: &LogicalPort, datapath: &Datapath, sink: &mut Sink<'_>) {
    let from = on(datapath).with(tables::INPORT, port.key);
    let to = on(datapath).with(tables::OUTPORT, port.key);
    in_defaults(&from, sink);
    out_default(&to, sink);
    for allowed in port.security.iter() {
        sends(&from, allowed, sink);
        says(&from, allowed, sink);
        gets(&to, allowed, sink);
    }
}

fn refuse() -> Vec<Action> {
    vec![Action::set_bits(tables::FLAG_CHECK_PORT_SEC, 1_u8)]
}

fn allow() -> Vec<Action> {
    vec![Action::set_bits(tables::FLAG_CHECK_PORT_SEC, 0_u8)]
}

fn number(mac: MacAddr) -> u64 {
    let [a, b, c, d, e, f] = mac.0;
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

/// The link-local address that an interface makes from its Ethernet address (RFC 4291 appendix A).
fn link_local(mac: MacAddr) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    Ipv6Addr::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

fn neighbour_discovery(base: &Match, kind: u8) -> Match {
    base.clone()
        .with(Field::EthType, IPV6)
        .with(Field::IpProto, ICMP6)
        .with(Field::Icmp6Type, kind)
        .with(Field::Icmp6Code, 0_u8)
        .with(Field::IpTtl, ND_HOP_LIMIT)
}

const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

fn in_defaults(from: &Match, sink: &mut Sink<'_>) {
    sink.flow(tables::CHK_IN_PORT_SEC, 80, from.clone(), refuse());
    let arp = from.clone().with(Field::EthType, ARP);
    sink.flow(tables::CHK_IN_PORT_SEC, 95, arp.clone(), vec![steps::go(tables::CHK_IN_PORT_SEC_ND)]);
    sink.flow(tables::CHK_IN_PORT_SEC_ND, 80, arp, refuse());
    for kind in [SOLICITATION, ADVERTISEMENT] {
        sink.flow(tables::CHK_IN_PORT_SEC_ND, 80, neighbour_discovery(from, kind), refuse());
    }
}

/// Table 97: source addresses. What passes on IPv6 goes on to be looked at as neighbour discovery.
fn sends(from: &Match, allowed: &AllowedMac, sink: &mut Sink<'_>) {
    let base = from.clone().with(Field::EthSrc, number(allowed.mac));
    let then_nd = || vec![steps::go(tables::CHK_IN_PORT_SEC_ND)];
    if allowed.any_ip() {
        return sink.flow(tables::CHK_IN_PORT_SEC, 90, base, then_nd());
    }
    if !allowed.v4.is_empty() {
        let v4 = base.clone().with(Field::EthType, IPV4);
        for &address in &allowed.v4 {
            sink.flow(tables::CHK_IN_PORT_SEC, 90, with_v4(&v4, Field::Ipv4Src, address), allow());
        }
        let dhcp = v4
            .with(Field::IpProto, UDP)
            .with(Field::Ipv4Src, u32::from(Ipv4Addr::UNSPECIFIED))
            .with(Field::Ipv4Dst, u32::from(Ipv4Addr::BROADCAST))
            .with(Field::UdpSrc, 68_u16)
            .with(Field::UdpDst, 67_u16);
        sink.flow(tables::CHK_IN_PORT_SEC, 90, dhcp, allow());
    }
    if !allowed.v6.is_empty() {
        let v6 = base.with(Field::EthType, IPV6);
        for address in v6_addresses(allowed) {
            sink.flow(tables::CHK_IN_PORT_SEC, 90, with_v6(&v6, Field::Ipv6Src, address), then_nd());
        }
        // From a host without an address yet: multicast listener reports and duplicate address detection.
        let nameless = v6
            .with(Field::IpProto, ICMP6)
            .with(Field::Ipv6Src, 0_u8)
            .with_masked(Field::Ipv6Dst, 0xff02 << 112, 0xffff << 112)
            .with(Field::Icmp6Code, 0_u8);
        for kind in [131_u8, 143] {
            sink.flow(tables::CHK_IN_PORT_SEC, 90, nameless.clone().with(Field::Icmp6Type, kind), allow());
        }
        let detection = nameless.with(Field::Icmp6Type, SOLICITATION);
        sink.flow(tables::CHK_IN_PORT_SEC, 90, detection, then_nd());
    }
}

/// Table 98: addresses inside of ARP and neighbour discovery.
fn says(from: &Match, allowed: &AllowedMac, sink: &mut Sink<'_>) {
    let mac = number(allowed.mac);
    if allowed.any_ip() || !allowed.v4.is_empty() {
        let base = from.clone().with(Field::EthSrc, mac).with(Field::EthType, ARP).with(Field::ArpSha, mac);
        if allowed.v4.is_empty() {
            sink.flow(tables::CHK_IN_PORT_SEC_ND, 90, base.clone(), allow());
        }
        for &address in &allowed.v4 {
            sink.flow(tables::CHK_IN_PORT_SEC_ND, 90, with_v4(&base, Field::ArpSpa, address), allow());
        }
    }
    if !allowed.any_ip() && allowed.v6.is_empty() {
        return;
    }
    // The link-layer address may be left out, which reads as zero.
    for link_layer in [0, mac] {
        let solicitation = neighbour_discovery(from, SOLICITATION).with(Field::NdSll, link_layer);
        sink.flow(tables::CHK_IN_PORT_SEC_ND, 90, solicitation, allow());
        let advertisement = neighbour_discovery(from, ADVERTISEMENT).with(Field::NdTll, link_layer);
        if allowed.any_ip() {
            sink.flow(tables::CHK_IN_PORT_SEC_ND, 90, advertisement, allow());
            continue;
        }
        for address in v6_addresses(allowed) {
            let about = with_v6(&advertisement, Field::NdTarget, address);
            sink.flow(tables::CHK_IN_PORT_SEC_ND, 90, about, allow());
        }
    }
}

fn out_default(to: &Match, sink: &mut Sink<'_>) {
    sink.flow(tables::CHK_OUT_PORT_SEC, 80, to.clone(), refuse());
}

/// Table 99: destination addresses.
fn gets(to: &Match, allowed: &AllowedMac, sink: &mut Sink<'_>) {
    let base = to.clone().with(Field::EthDst, number(allowed.mac));
    sink.flow(tables::CHK_OUT_PORT_SEC, 85, base.clone(), allow());
    if allowed.any_ip() {
        return;
    }
    let v4 = base.clone().with(Field::EthType, IPV4);
    sink.flow(tables::CHK_OUT_PORT_SEC, 90, v4.clone(), refuse());
    if !allowed.v4.is_empty() {
        let mut allow_v4 = |address, prefix| {
            let matching = with_v4(&v4, Field::Ipv4Dst, AllowedAddress { address, prefix });
            sink.flow(tables::CHK_OUT_PORT_SEC, 95, matching, allow());
        };
        allow_v4(Ipv4Addr::BROADCAST, 32);
        allow_v4(Ipv4Addr::new(224, 0, 0, 0), 4);
        for address in &allowed.v4 {
            allow_v4(address.address, address.prefix);
            if let Some(broadcast) = address.broadcast() {
                allow_v4(broadcast, 32);
            }
        }
    }
    let v6 = base.with(Field::EthType, IPV6);
    sink.flow(tables::CHK_OUT_PORT_SEC, 90, v6.clone(), refuse());
    if !allowed.v6.is_empty() {
        let multicast = v6.clone().with_masked(Field::Ipv6Dst, 0xff << 120, 0xff << 120);
        sink.flow(tables::CHK_OUT_PORT_SEC, 95, multicast, allow());
        for address in v6_addresses(allowed) {
            sink.flow(tables::CHK_OUT_PORT_SEC, 95, with_v6(&v6, Field::Ipv6Dst, address), allow());
        }
    }
}

/// The host, or its network if that is what was written.
fn with_v4(base: &Match, field: Field, address: AllowedAddress<Ipv4Addr>) -> Match {
    let mask = if address.is_network() { address.netmask() } else { u32::MAX };
    base.clone().with_masked(field, u32::from(address.address).into(), mask.into())
}

fn with_v6(base: &Match, field: Field, address: AllowedAddress<Ipv6Addr>) -> Match {
    base.clone().with_masked(field, u128::from(address.address), address.netmask())
}

/// The addresses that were written, and the link-local one.
fn v6_addresses(allowed: &AllowedMac) -> impl Iterator<Item = AllowedAddress<Ipv6Addr>> {
    let own = AllowedAddress { address: link_local(allowed.mac), prefix: 128 };
    std::iter::once(own).chain(allowed.v6.iter().copied())
}

#[cfg(test)]
mod tests {
    use crate::tables;
    use crate::tests::lab::Lab;

    const TABLES: [tables::OfTable; 3] =
        [tables::CHK_IN_PORT_SEC, tables::CHK_IN_PORT_SEC_ND, tables::CHK_OUT_PORT_SEC];

    fn flows(security: &'static [&'static str]) -> String {
        let mut lab = Lab::new();
        lab.switch("sw0", 1);
        lab.interface("p1", Some(2));
        lab.port("sw0", "p1", 7, |row| row.port_security = security.iter().map(|s| (*s).into()).collect());
        lab.show(&TABLES)
    }

    #[test]
    fn only_an_ethernet_address() {
        insta::assert_snapshot!(flows(&["00:00:00:00:00:01"]), @r"
        table=97, priority=80,reg14=0x7,metadata=0x1 actions=set_field:0x1000/0x1000->reg10
        table=97, priority=90,reg14=0x7,metadata=0x1,dl_src=00:00:00:00:00:01 actions=resubmit(,98)
        table=97, priority=95,arp,reg14=0x7,metadata=0x1 actions=resubmit(,98)
        table=98, priority=80,arp,reg14=0x7,metadata=0x1 actions=set_field:0x1000/0x1000->reg10
        table=98, priority=80,icmp6,reg14=0x7,metadata=0x1,nw_ttl=255,icmp_type=135,icmp_code=0 actions=set_field:0x1000/0x1000->reg10
        table=98, priority=80,icmp6,reg14=0x7,metadata=0x1,nw_ttl=255,icmp_type=136,icmp_code=0 actions=set_field:0x1000/0x1000->reg10
        table=98, priority=90,arp,reg14=0x7,metadata=0x1,dl_src=00:00:00:00:00:01,arp_sha=00:00:00:00:00:01 actions=set_field:0/0x1000->reg10
        table=98, priority=90,icmp6,reg14=0x7,metadata=0x1,nw_ttl=255,icmp_type=135,icmp_code=0,nd_sll=00:00:00:00:00:00 actions=set_field:0/0x1000->reg10
        table=98, priority=90,icmp6,reg14=0x7,metadata=0x1,nw_ttl=255,icmp_type=135,icmp_code=0,nd_sll=00:00:00:00:00:01 actions=set_field:0/0x1000->reg10
        table=98, priority=90,icmp6,reg14=0x7,metadata=0x1,nw_ttl=255,icmp_type=136,icmp_code=0,nd_tll=00:00:00:00:00:00 actions=set_field:0/0x1000->reg10
        table=98, priority=90,icmp6,reg14=0x7,metadata=0x1,nw_ttl=255,icmp_type=136,icmp_code=0,nd_tll=00:00:00:00:00:01 actions=set_field:0/0x1000->reg10
        table=99, priority=80,reg15=0x7,metadata=0x1 actions=set_field:0x1000/0x1000->reg10
        table=99, priority=85,reg15=0x7,metadata=0x1,dl_dst=00:00:00:00:00:01 actions=set_field:0/0x1000->reg10
        ");
    }

    #[test]
    fn addresses_and_networks_of_ipv4() {
        insta::assert_snapshot!(flows(&["00:00:00:00:00:04 10.0.0.4 10.0.1.0/24 10.0.2.5/24"]), @r"
        table=97, priority=80,reg14=0x7,metadata=0x1 actions=set_field:0x1000/0x1000->reg10
        table=97, priority=90,udp,reg14=0x7,metadata=0x1,dl_src=00:00:00:00:00:04,nw_src=0.0.0.0,nw_dst=255.255.255.255,tp_src=68,tp_dst=67 actions=set_field:0/0x1000->reg10
        table=97, priority=90,ip,reg14=0x7,metadata=0x1,dl_src=00:00:00:00:00:04,nw_src=10.0.0.4 actions=set_field:0/0x1000->reg10
        table=97, priority=90,ip,reg14=0x7,metadata=0x1,dl_src=00:00:00:00:00:04,nw_src=10.0.1.0/24 actions=set_field:0/0x1000->reg10
        table=97, priority=90,ip,reg14=0x7,metadata=0x1,dl_src=00:00:00:00:00:04,nw_src=10.0.2.5 actions=set_field:0/0x1000->reg10
        table=97, priority=95,arp,reg14=0x7,metadata=0x1 actions=resubmit(,98)
        table=98, priority=80,arp,reg14=0x7,metadata=0x1 actions=set_field:0x1000/0x1000->reg10
        table=98, priority=80,icmp6,reg14=0x7,metadata=0x1,nw_ttl=255,icmp_type=135,icmp_code=0 actions=set_field:0x1000/0x1000->reg10
        table=98, priority=80,icmp6,reg14=0x7,metadata=0x1,nw_ttl=255,icmp_type=136,icmp_code=0 actions=set_field:0x1000/0x1000->reg10
        table=98, priority=90,arp,reg14=0x7,metadata=0x1,dl_src=00:00:00:00:00:04,arp_spa=10.0.0.4,arp_sha=00:00:00:00:00:04 actions=set_field:0/0x1000->reg10
        table=98, priority=90,arp,reg14=0x7,metadata=0x1,dl_src=00:00:00:00:00:04,arp_spa=10.0.1.0/24,arp_sha=00:00:00:00:00:04 actions=set_field:0/0x1000->reg10
        table=98, priority=90,arp,reg14=0x7,metadata=0x1,dl_src=00:00:00:00:00:04,arp_spa=10.0.2.5,arp_sha=00:00:00:00:00:04 actions=set_field:0/0x1000->reg10
        table=99, priority=80,reg15=0x7,metadata=0x1 actions=set_field:0x1000/0x1000->reg10
        table=99, priority=85,reg15=0x7,metadata=0x1,dl_dst=00:00:00:00:00:04 actions=set_field:0/0x1000->reg10
        table=99, priority=90,ip,reg15=0x7,metadata=0x1,dl_dst=00:00:00:00:00:04 actions=set_field:0x1000/0x1000->reg10
        table=99, priority=90,ipv6,reg15=0x7,metadata=0x1,dl_dst=00:00:00:00:00:04 actions=set_field:0x1000/0x1000->reg10
        table=99, priority=95,ip,reg15=0x7,metadata=0x1,dl_dst=00:00:00:00:00:04,nw_dst=10.0.0.4 actions=set_field:0/0x1000->reg10
        table=99, priority=95,ip,reg15=0x7,metadata=0x1,dl_dst=00:00:00:00:00:04,nw_dst=10.0.1.0/24 actions=set_field:0/0x1000->reg10
        table=99, priority=95,ip,reg15=0x7,metadata=0x1,dl_dst=00:00:00:00:00:04,nw_dst=10.0.2.5 actions=set_field:0/0x1000->reg10
        table=99, priority=95,ip,reg15=0x7,metadata=0x1,dl_dst=00:00:00:00:00:04,nw_dst=10.0.2.255 actions=set_field:0/0x1000->reg10
        table=99, priority=95,ip,reg15=0x7,metadata=0x1,dl_dst=00:00:00:00:00:04,nw_dst=224.0.0.0/4 actions=set_field:0/0x1000->reg10
        table=99, priority=95,ip,reg15=0x7,metadata=0x1,dl_dst=00:00:00:00:00:04,nw_dst=255.255.255.255 actions=set_field:0/0x1000->reg10
        ");
    }

    #[test]
    fn addresses_of_ipv6() {
        insta::assert_snapshot!(flows(&["00:00:00:00:00:06 fd00::6"]), @r"
        table=97, priority=80,reg14=0x7,metadata=0x1 actions=set_field:0x1000/0x1000->reg10
        table=97, priority=90,icmp6,reg14=0x7,metadata=0x1,dl_src=00:00:00:00:00:06,ipv6_src=::,ipv6_dst=ff02::/16,icmp_type=131,icmp_code=0 actions=set_field:0/0x1000->reg10
        table=97, priority=90,icmp6,reg14=0x7,metadata=0x1,dl_src=00:00:00:00:00:06,ipv6_src=::,ipv6_dst=ff02::/16,icmp_type=135,icmp_code=0 actions=resubmit(,98)
        table=97, priority=90,icmp6,reg14=0x7,metadata=0x1,dl_src=00:00:00:00:00:06,ipv6_src=::,ipv6_dst=ff02::/16,icmp_type=143,icmp_code=0 actions=set_field:0/0x1000->reg10
        table=97, priority=90,ipv6,reg14=0x7,metadata=0x1,dl_src=00:00:00:00:00:06,ipv6_src=fd00::6 actions=resubmit(,98)
        table=97, priority=90,ipv6,reg14=0x7,metadata=0x1,dl_src=00:00:00:00:00:06,ipv6_src=fe80::200:ff:fe00:6 actions=resubmit(,98)
        table=97, priority=95,arp,reg14=0x7,metadata=0x1 actions=resubmit(,98)
        table=98, priority=80,arp,reg14=0x7,metadata=0x1 actions=set_field:0x1000/0x1000->reg10
        table=98, priority=80,icmp6,reg14=0x7,metadata=0x1,nw_ttl=255,icmp_type=135,icmp_code=0 actions=set_field:0x1000/0x1000->reg10
        table=98, priority=80,icmp6,reg14=0x7,metadata=0x1,nw_ttl=255,icmp_type=136,icmp_code=0 actions=set_field:0x1000/0x1000->reg10
        table=98, priority=90,icmp6,reg14=0x7,metadata=0x1,nw_ttl=255,icmp_type=135,icmp_code=0,nd_sll=00:00:00:00:00:00 actions=set_field:0/0x1000->reg10
        table=98, priority=90,icmp6,reg14=0x7,metadata=0x1,nw_ttl=255,icmp_type=135,icmp_code=0,nd_sll=00:00:00:00:00:06 actions=set_field:0/0x1000->reg10
        table=98, priority=90,icmp6,reg14=0x7,metadata=0x1,nw_ttl=255,icmp_type=136,icmp_code=0,nd_target=fd00::6,nd_tll=00:00:00:00:00:00 actions=set_field:0/0x1000->reg10
        table=98, priority=90,icmp6,reg14=0x7,metadata=0x1,nw_ttl=255,icmp_type=136,icmp_code=0,nd_target=fd00::6,nd_tll=00:00:00:00:00:06 actions=set_field:0/0x1000->reg10
        table=98, priority=90,icmp6,reg14=0x7,metadata=0x1,nw_ttl=255,icmp_type=136,icmp_code=0,nd_target=fe80::200:ff:fe00:6,nd_tll=00:00:00:00:00:00 actions=set_field:0/0x1000->reg10
        table=98, priority=90,icmp6,reg14=0x7,metadata=0x1,nw_ttl=255,icmp_type=136,icmp_code=0,nd_target=fe80::200:ff:fe00:6,nd_tll=00:00:00:00:00:06 actions=set_field:0/0x1000->reg10
        table=99, priority=80,reg15=0x7,metadata=0x1 actions=set_field:0x1000/0x1000->reg10
        table=99, priority=85,reg15=0x7,metadata=0x1,dl_dst=00:00:00:00:00:06 actions=set_field:0/0x1000->reg10
        table=99, priority=90,ip,reg15=0x7,metadata=0x1,dl_dst=00:00:00:00:00:06 actions=set_field:0x1000/0x1000->reg10
        table=99, priority=90,ipv6,reg15=0x7,metadata=0x1,dl_dst=00:00:00:00:00:06 actions=set_field:0x1000/0x1000->reg10
        table=99, priority=95,ipv6,reg15=0x7,metadata=0x1,dl_dst=00:00:00:00:00:06,ipv6_dst=fd00::6 actions=set_field:0/0x1000->reg10
        table=99, priority=95,ipv6,reg15=0x7,metadata=0x1,dl_dst=00:00:00:00:00:06,ipv6_dst=fe80::200:ff:fe00:6 actions=set_field:0/0x1000->reg10
        table=99, priority=95,ipv6,reg15=0x7,metadata=0x1,dl_dst=00:00:00:00:00:06,ipv6_dst=ff00::/8 actions=set_field:0/0x1000->reg10
        ");
    }

    #[test]
    fn what_cannot_be_read_is_left_out_and_said() {
        let mut lab = Lab::new();
        lab.switch("sw0", 1);
        lab.interface("p1", Some(2));
        lab.port("sw0", "p1", 7, |row| row.port_security = ["nonsense".into()].into());
        assert_eq!(lab.show(&TABLES), "");
        insta::assert_snapshot!(lab.complaints.join("\n"), @r#"port p1: invalid port security "nonsense": "nonsense" is no address"#);
    }
}

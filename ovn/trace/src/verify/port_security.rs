//! The rules of port security as tests of packets. `walk` applies the same rules to one packet.

use super::flows::Test;
use crate::walk::port_security::{Allowed, Network};
use openflow::Field;

const ETH_IPV4: u128 = 0x0800;
const ETH_ARP: u128 = 0x0806;
const ETH_IPV6: u128 = 0x86dd;

fn masked(field: Field, value: u128, mask: u128) -> Test {
    Test::Equal { field, value, mask }
}

fn is(field: Field, value: u128) -> Test {
    masked(field, value, field.full_mask())
}

fn one_of(field: Field, values: &[u128]) -> Test {
    Test::Any(values.iter().map(|value| is(field, *value)).collect())
}

/// A host part of zero means the whole network, any other one that host only.
fn allows(network: &Network, field: Field) -> Test {
    if network.address & !network.mask == 0 {
        masked(field, network.address, network.mask)
    } else {
        is(field, network.address)
    }
}

fn any_of(networks: &[Network], field: Field) -> Test {
    Test::Any(networks.iter().map(|network| allows(network, field)).collect())
}

/// The broadcast address of a network that is more than a host.
fn broadcast(network: &Network, field: Field) -> Test {
    let all = field.full_mask();
    match network.mask == all {
        true => Test::Always(false),
        false => is(field, network.address | (all & !network.mask)),
    }
}

/// A host's address, not a network's.
fn host(network: &Network, all: u128) -> Option<u128> {
    (network.mask == all || network.address & !network.mask != 0).then_some(network.address)
}

impl Allowed {
    /// Addresses that packets can be sent with, each with the values that all its packets have. There may be packets of
    /// none of them.
    pub(super) fn cases(&self) -> Vec<Vec<(Field, u128)>> {
        let of = |kind: u128, more: &[(Field, u128)]| {
            let common = [(Field::EthType, kind), (Field::EthSrc, self.mac)];
            common.into_iter().chain(more.iter().copied()).collect::<Vec<_>>()
        };
        let v4: Vec<u128> =
            self.v4.iter().filter_map(|network| host(network, Field::Ipv4Src.full_mask())).collect();
        let v6 = self.v6.iter().filter_map(|network| host(network, u128::MAX));
        let v6: Vec<u128> = v6.chain([self.link_local(), 0]).collect();
        let mut cases = Vec::new();
        cases.extend(v4.iter().map(|ip| of(ETH_ARP, &[(Field::ArpSha, self.mac), (Field::ArpSpa, *ip)])));
        cases.extend(v4.iter().map(|ip| of(ETH_IPV4, &[(Field::Ipv4Src, *ip)])));
        cases.push(of(ETH_IPV4, &[(Field::Ipv4Src, 0), (Field::Ipv4Dst, 0xffff_ffff), (Field::IpProto, 17)]));
        cases.extend(v6.iter().map(|ip| of(ETH_IPV6, &[(Field::Ipv6Src, *ip)])));
        cases
    }

    fn allows_v6_test(&self, field: Field) -> Test {
        Test::Any(vec![is(field, self.link_local()), any_of(&self.v6, field)])
    }

    /// Whether a packet may be sent.
    pub(super) fn may_send_test(&self) -> Test {
        let any = Test::Always(self.any_address());
        let of_arp = Test::All(vec![
            is(Field::EthType, ETH_ARP),
            is(Field::ArpSha, self.mac),
            Test::Any(vec![any.clone(), any_of(&self.v4, Field::ArpSpa)]),
        ]);
        let of_v4 = Test::All(vec![
            is(Field::EthType, ETH_IPV4),
            Test::Any(vec![any.clone(), self.may_send_v4_test()]),
        ]);
        let of_v6 = Test::All(vec![
            is(Field::EthType, ETH_IPV6),
            Test::Any(vec![any.clone(), self.may_send_v6_test()]),
            self.neighbour_discovery_is_true_test(),
        ]);
        let known = one_of(Field::EthType, &[ETH_ARP, ETH_IPV4, ETH_IPV6, 0]);
        let other = Test::All(vec![any, Test::Not(Box::new(known))]);
        let kind = Test::Any(vec![of_arp, of_v4, of_v6, is(Field::EthType, 0), other]);
        Test::All(vec![is(Field::EthSrc, self.mac), kind])
    }

    fn may_send_v4_test(&self) -> Test {
        if self.v4.is_empty() {
            return Test::Always(false);
        }
        // A host that asks for its address does not have one.
        let asks_for_address = Test::All(vec![
            is(Field::Ipv4Src, 0),
            is(Field::Ipv4Dst, 0xffff_ffff),
            is(Field::IpProto, 17),
            is(Field::UdpSrc, 68),
            is(Field::UdpDst, 67),
        ]);
        Test::Any(vec![asks_for_address, any_of(&self.v4, Field::Ipv4Src)])
    }

    fn may_send_v6_test(&self) -> Test {
        if self.v6.is_empty() {
            return Test::Always(false);
        }
        // Duplicate address detection and multicast listener reports come before there is an address.
        let has_no_address_yet = Test::All(vec![
            is(Field::Ipv6Src, 0),
            masked(Field::Ipv6Dst, 0xff02 << 112, 0xffff << 112),
            is(Field::IpProto, 58),
            is(Field::Icmp6Code, 0),
            one_of(Field::Icmp6Type, &[131, 135, 143]),
        ]);
        Test::Any(vec![has_no_address_yet, self.allows_v6_test(Field::Ipv6Src)])
    }

    /// Whether a packet, if it is neighbour discovery, speaks of the port's own addresses.
    fn neighbour_discovery_is_true_test(&self) -> Test {
        let is_nd = |kind: u128| {
            Test::All(vec![
                is(Field::IpProto, 58),
                is(Field::Icmp6Code, 0),
                is(Field::IpTtl, 255),
                is(Field::Icmp6Type, kind),
            ])
        };
        let target = match self.v6.is_empty() {
            true => Test::Always(true),
            false => self.allows_v6_test(Field::NdTarget),
        };
        let implies = |condition: Test, what: Test| Test::Any(vec![Test::Not(Box::new(condition)), what]);
        let answer = Test::All(vec![one_of(Field::NdTll, &[0, self.mac]), target]);
        Test::All(vec![
            implies(is_nd(135), one_of(Field::NdSll, &[0, self.mac])),
            implies(is_nd(136), answer),
        ])
    }

    /// Whether a packet may be received.
    pub(super) fn may_receive_test(&self) -> Test {
        let is_own = is(Field::EthDst, self.mac);
        if self.any_address() {
            return is_own;
        }
        let mut v4 = vec![masked(Field::Ipv4Dst, 0xe << 28, 0xf << 28), is(Field::Ipv4Dst, 0xffff_ffff)];
        for network in &self.v4 {
            v4.extend([allows(network, Field::Ipv4Dst), broadcast(network, Field::Ipv4Dst)]);
        }
        let v6 = vec![masked(Field::Ipv6Dst, 0xff << 120, 0xff << 120), self.allows_v6_test(Field::Ipv6Dst)];
        let none = |addresses: &[Network], tests: Vec<Test>| match addresses.is_empty() {
            true => Test::Always(false),
            false => Test::Any(tests),
        };
        let kind = Test::Any(vec![
            Test::All(vec![is(Field::EthType, ETH_IPV4), none(&self.v4, v4)]),
            Test::All(vec![is(Field::EthType, ETH_IPV6), none(&self.v6, v6)]),
            Test::Not(Box::new(one_of(Field::EthType, &[ETH_IPV4, ETH_IPV6]))),
        ]);
        Test::All(vec![is_own, kind])
    }
}

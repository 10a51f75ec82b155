//! Whatever the flows and packets, caches make no difference.
//!
//! Two switches get the same flows and packets. One forgets its caches before every packet, so each
//! is translated on its own; the other may use what it knows. What comes out must be the same, octet
//! for octet, and so must what flows counted.

use openflow::{
    Action, Conjunction, Field, FlowMod, Learn, LearnDst, LearnSpec, LearnSrc, Match, PortNo, SetField,
    Subfield,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::testing::{Lab, broadcast, mac, udp4, udp6};
use crate::{DeviceId, PortKind, PortSpec};

#[derive(Clone, Debug)]
enum Step {
    Flow(FlowMod),
    Packet(u32, Vec<u8>),
}

pub(super) const TABLES: u8 = 4;
pub(super) const PORTS: u32 = 3;

/// Parts of a match that a packet of few hosts can meet.
fn tests() -> impl Strategy<Value = Match> {
    let one = prop_oneof![
        (1..=PORTS).prop_map(|n| Match::any().with(Field::InPort, n)),
        (1u8..4).prop_map(|n| Match::any().with(Field::EthSrc, mac(n).to_u64())),
        (1u8..4).prop_map(|n| Match::any().with(Field::EthDst, mac(n).to_u64())),
        Just(Match::any().with_masked(Field::EthDst, 1 << 40, 1 << 40)),
        Just(Match::any().with_masked(Field::VlanTci, 0, 0x1000)),
        (0u16..3).prop_map(|vid| Match::any().with_masked(Field::VlanTci, u128::from(0x1000 | vid), 0x1fff)),
        (1u32..4, 0u32..4).prop_map(|(n, bits)| {
            let mask = u128::from(u32::MAX << bits);
            Match::any().with(Field::EthType, 0x0800u16).with_masked(
                Field::Ipv4Src,
                (0x0a00_0000 | u128::from(n)) & mask,
                mask,
            )
        }),
        (1u32..4)
            .prop_map(|n| Match::any().with(Field::EthType, 0x0800u16).with(Field::Ipv4Dst, 0x0a00_0000 | n)),
        (1u32..4).prop_map(|n| Match::any().with(Field::EthType, 0x86ddu16).with_masked(
            Field::Ipv6Dst,
            n.into(),
            0xff
        )),
        (1u16..4, prop_oneof![Just(0x0800u16), Just(0x86dd)]).prop_map(|(port, ethertype)| {
            Match::any().with(Field::EthType, ethertype).with(Field::IpProto, 17u8).with(Field::UdpDst, port)
        }),
        (0u32..3, 0u8..2).prop_map(|(value, n)| Match::any().with_masked(Field::Reg(n), value.into(), 3)),
        (0u8..4, 1u8..4).prop_map(|(value, mask)| {
            Match::any().with(Field::EthType, 0x0800u16).with_masked(
                Field::IpFrag,
                (value & mask).into(),
                mask.into(),
            )
        }),
        (62u8..65).prop_map(|ttl| Match::any().with(Field::EthType, 0x0800u16).with(Field::IpTtl, ttl)),
        (1u32..3).prop_map(|id| Match::any().with(Field::ConjId, id)),
    ];
    vec(one, 0..3).prop_map(|parts| {
        let mut all = Match::any();
        for part in parts {
            let mut next = all.clone();
            let fits = part.iter().all(|test| next.constrain(test.field, test.value, test.mask).is_ok());
            all = if fits { next } else { all };
        }
        all
    })
}

/// Teaches that what is for the sender of the packet goes where it came from.
fn learn(table: u8, fin: u16) -> Action {
    let port = Subfield::whole(Field::InPort16);
    let (src, dst) = (Subfield::whole(Field::EthSrc), Subfield::whole(Field::EthDst));
    let specs = vec![
        LearnSpec { bits: 48, src: LearnSrc::Field(src), dst: LearnDst::Match(dst) },
        LearnSpec { bits: 16, src: LearnSrc::Field(port), dst: LearnDst::Output },
    ];
    Action::Learn(Box::new(Learn { table, priority: 3, fin_idle_timeout: fin, specs, ..Learn::default() }))
}

/// Sets and copies that need the packet to be IPv4 say so by the flow's match elsewhere or not at
/// all: on other packets they do nothing.
fn action() -> impl Strategy<Value = Action> {
    let reg = |n, offset, bits| Subfield::new(Field::Reg(n), offset, bits);
    let leaf = prop_oneof![
        3 => (1..=PORTS + 2).prop_map(|n| Action::output(PortNo(n))),
        1 => Just(Action::output(PortNo::IN_PORT)),
        1 => Just(Action::output(PortNo::FLOOD)),
        2 => Just(Action::output(PortNo::NORMAL)),
        1 => (0..TABLES, any::<bool>()).prop_map(|(table, fin)| learn(table, u16::from(fin))),
        1 => (0u8..2, 0u32..3).prop_map(|(n, value)| Action::set(Field::Reg(n), value)),
        1 => (1u8..4).prop_map(|n| Action::set(Field::EthSrc, mac(n).to_u64())),
        1 => (1u32..4).prop_map(|n| Action::SetField(SetField::masked(Field::Ipv4Dst, n.into(), 0xf))),
        1 => (1u16..4).prop_map(|port| Action::set(Field::UdpDst, port)),
        1 => (0u16..3).prop_map(|vid| Action::SetField(SetField::masked(Field::VlanVid, (0x1000 | vid).into(), 0x1fff))),
        1 => Just(Action::DecTtl { controllers: None }),
        1 => Just(Action::PushVlan(0x8100)),
        1 => Just(Action::PopVlan),
        1 => Just(Action::copy(Subfield::new(Field::EthSrc, 0, 2), reg(0, 0, 2))),
        1 => Just(Action::copy(Subfield::new(Field::EthDst, 0, 2), reg(1, 0, 2))),
        1 => Just(Action::copy(reg(0, 0, 2), Subfield::new(Field::EthDst, 0, 2))),
        1 => Just(Action::copy(Subfield::new(Field::Ipv4Src, 0, 2), Subfield::new(Field::Ipv4Dst, 0, 2))),
        1 => Just(Action::Push(Subfield::whole(Field::EthSrc))),
        1 => Just(Action::Pop(Subfield::whole(Field::EthDst))),
        1 => Just(Action::set(Field::InPort16, 0xffffu16)),
        1 => Just(Action::CheckPktLarger { length: 100, dst: reg(0, 0, 1) }),
        1 => Just(Action::Exit),
        4 => (0..TABLES).prop_map(Action::resubmit),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| vec(inner, 0..3).prop_map(Action::Clone))
}

pub(super) fn flow() -> impl Strategy<Value = FlowMod> {
    let actions = prop_oneof![
        5 => vec(action(), 0..5),
        1 => (1u32..3, 0u8..2).prop_map(|(id, clause)| {
            vec![Action::Conjunction(Conjunction { id, clause, n_clauses: 2 })]
        }),
    ];
    (0..TABLES, 0u16..5, tests(), actions)
        .prop_map(|(table, priority, matching, actions)| FlowMod::add(table, priority, matching, actions, 0))
}

fn frame() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![Just(10usize), Just(90)];
    let plain = prop_oneof![
        (1u8..4, 1u8..4, 1u16..4, 1u16..4, payload).prop_map(|(src, dst, a, b, len)| udp4(
            src,
            dst,
            (a, b),
            &vec![0; len]
        )),
        (1u8..4, 1u8..4, 1u16..4).prop_map(|(src, dst, a)| udp6(src, dst, (a, 1), &[0; 20])),
        (1u8..4, 1u8..4, 1u16..4, prop_oneof![Just([0x20, 0]), Just([0x20, 1]), Just([0, 1])]).prop_map(
            |(src, dst, port, fragment)| {
                let mut frame = udp4(src, dst, (port, port), &[0; 16]);
                frame[20..22].copy_from_slice(&fragment);
                frame
            }
        ),
        (1u8..4).prop_map(broadcast),
    ];
    (plain, prop_oneof![2 => Just(None), 1 => (0u8..3).prop_map(Some)], 0usize..60).prop_map(
        |(mut frame, vid, cut)| {
            if let Some(vid) = vid {
                frame.splice(12..12, [0x81, 0, 0, vid]);
            }
            // Now and then a packet that ends too early.
            if cut > 50 {
                frame.truncate(cut - 40);
            }
            frame
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => flow().prop_map(Step::Flow),
        3 => (1..=PORTS, frame()).prop_map(|(port, frame)| Step::Packet(port, frame)),
    ]
}

/// A switch whose fourth port leads to another bridge, which bridges back and out.
pub(super) fn lab() -> Lab {
    let mut lab = Lab::new(PORTS);
    let other = lab.switch.add_bridge("other", 2);
    lab.port(PortSpec::new(4, "a", PortKind::Patch { peer: "b".to_owned() }));
    let patch = PortSpec::new(1, "b", PortKind::Patch { peer: "a".to_owned() });
    lab.switch.add_port(other, patch, lab.now).unwrap();
    lab.switch.add_port(other, PortSpec::new(2, "c", PortKind::Device(DeviceId(22))), lab.now).unwrap();
    let mut changes = crate::switch::Changes::default();
    let normal = FlowMod::add(0, 0, Match::any(), vec![Action::output(PortNo::NORMAL)], 0);
    lab.switch.flow_mod(other, &normal, false, &mut changes, lab.now).unwrap();
    lab
}

fn counts(lab: &mut Lab) -> Vec<(u64, u64)> {
    lab.switch.push_counters(lab.now);
    lab.switch.bridges[&lab.bridge]
        .rules()
        .map(|rule| (rule.counted().packets(), rule.counted().octets()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn cached_equals_uncached(flows in vec(flow(), 3..20), steps in vec(step(), 1..40)) {
        let (mut cached, mut uncached) = (lab(), lab());
        for flow in &flows {
            prop_assert_eq!(cached.flow_mod(flow), uncached.flow_mod(flow));
        }
        for step in &steps {
            match step {
                Step::Flow(flow) => {
                    prop_assert_eq!(cached.flow_mod(flow), uncached.flow_mod(flow));
                }
                Step::Packet(port, frame) => {
                    uncached.switch.push_counters(uncached.now);
                    uncached.switch.cache.clear();
                    let expected = uncached.send(*port, frame);
                    prop_assert_eq!(cached.send(*port, frame), expected);
                }
            }
        }
        prop_assert_eq!(counts(&mut cached), counts(&mut uncached));
    }
}

#[test]
fn all_ip_protocols_are_told_apart_in_any_order() {
    // CVE-2023-1668: protocol 0 made a cached flow that others fell into.
    let mut lab = Lab::new(3);
    let ip = || Match::any().with(Field::EthType, 0x0800u16);
    lab.flow(
        0,
        3,
        ip().with(Field::IpProto, 17u8).with(Field::UdpDst, 2u16),
        vec![Action::output(PortNo(2))],
    );
    lab.flow(0, 2, ip().with(Field::IpProto, 0u8), vec![Action::output(PortNo(3))]);
    lab.flow(
        0,
        1,
        ip().with(Field::IpProto, 6u8),
        vec![Action::output(PortNo(2)), Action::output(PortNo(3))],
    );
    for stride in [1u8, 7, 255, 91] {
        lab.switch.cache.clear();
        for n in 0..=255u8 {
            let proto = n.wrapping_mul(stride).wrapping_add(stride);
            let mut frame = udp4(1, 2, (1, 2), &[0; 20]);
            frame[23] = proto;
            let expected: &[u32] = match proto {
                0 => &[3],
                6 => &[2, 3],
                17 => &[2],
                _ => &[],
            };
            assert_eq!(lab.ports(1, &frame), expected, "protocol {proto}");
        }
    }
}

#[test]
fn neighbour_advertisements_are_told_apart_by_their_target() {
    // CVE-2023-5366: a cached flow for one target let another's pass.
    let mut lab = Lab::new(2);
    let target = |n: u8| 0xfd00 << 112 | u128::from(n);
    let nd = Match::any()
        .with(Field::EthType, 0x86ddu16)
        .with(Field::IpProto, 58u8)
        .with(Field::Icmp6Type, 136u8)
        .with(Field::Icmp6Code, 0u8);
    lab.flow(0, 9, nd.clone().with(Field::NdTarget, target(1)), vec![Action::output(PortNo(2))]);
    lab.flow(0, 8, nd, vec![]);
    lab.flow(0, 1, Match::any(), vec![Action::output(PortNo(2))]);
    let advert = |n: u8, ty: u8| {
        let mut frame = udp6(1, 2, (0, 0), &[0; 16]);
        frame[20] = 58;
        frame[54..58].copy_from_slice(&[ty, 0, 0, 0]);
        frame[62..78].copy_from_slice(&target(n).to_be_bytes());
        frame
    };
    for order in [[1u8, 2, 1], [2, 1, 2]] {
        lab.switch.cache.clear();
        for n in order {
            assert_eq!(lab.ports(1, &advert(n, 136)).len(), usize::from(n == 1), "target {n}");
            assert_eq!(lab.ports(1, &advert(n, 128)), [2], "no neighbour discovery");
        }
    }
}

#[test]
fn a_flood_of_distinct_flows_leaves_known_ones_cached() {
    const KNOWN: u16 = 100;
    const FLOOD: u32 = 8000;
    const ROUND: u32 = 200;
    let mut lab = Lab::new(2);
    // Fewer than in earnest, so that the flood need not be long; what the exact-match cache holds is not enough.
    lab.switch.cache.megaflows_max = 1000;
    // Every pair of ports becomes a megaflow of its own.
    let ports = Match::any()
        .with(Field::EthType, 0x0800u16)
        .with(Field::IpProto, 17u8)
        .with(Field::UdpSrc, 1u16)
        .with(Field::UdpDst, 1u16);
    lab.flow(0, 2, ports, vec![]);
    lab.flow(0, 1, Match::any(), vec![Action::output(PortNo(2))]);
    let mut frame = udp4(1, 2, (0, 0), &[0; 4]);
    let mut send = |lab: &mut Lab, a: u16, b: u16| {
        frame[34..36].copy_from_slice(&a.to_be_bytes());
        frame[36..38].copy_from_slice(&b.to_be_bytes());
        assert_eq!(lab.ports(1, &frame), [2]);
    };
    let mut translated_anew = 0;
    let mut sent = 0;
    for n in 0..FLOOD {
        send(&mut lab, 1000 + (n >> 12) as u16, 2000 + (n & 0xfff) as u16);
        if n % ROUND == 0 {
            lab.now += std::time::Duration::from_millis(10);
            let before = lab.switch.counters().get(crate::Event::Upcall);
            (0..KNOWN).for_each(|k| send(&mut lab, 7, k));
            let upcalls = lab.switch.counters().get(crate::Event::Upcall) - before;
            if n > 0 {
                translated_anew += upcalls;
                sent += u64::from(KNOWN);
            }
        }
    }
    assert!(translated_anew * 10 <= sent, "{translated_anew} of {sent}");
    assert!(lab.switch.cache.len() <= 1000);
}

#[test]
fn an_address_that_is_looked_for_and_then_taught_is_looked_for_again() {
    let mut lab = lab();
    let copies = "clone(set_field:02:00:00:00:00:01->eth_src,output:4),output:4";
    lab.flow(0, 0, Match::any(), openflow::parse_actions(copies).unwrap());
    // To its own sender: the first copy looks for the address that the second one shows.
    let frame = udp4(3, 3, (1, 1), &[0; 10]);
    assert_eq!(lab.ports(1, &frame), [22], "who has it is not known to the other bridge");
    assert_eq!(lab.ports(1, &frame), [0u32; 0], "now it is");
}

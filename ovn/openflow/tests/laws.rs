//! Laws: what is written is read back equal, and any octets at all are read or refused.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use openflow::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn any_field() -> impl Strategy<Value = Field> {
    proptest::sample::select(Field::all()).prop_filter("on the wire", |f| f.oxm().or(f.nxm()).is_some())
}

fn writable() -> impl Strategy<Value = Field> {
    any_field().prop_filter("writable", |f| f.access() == Access::ReadWrite)
}

fn bits_of(field: impl Strategy<Value = Field>, most: u16) -> impl Strategy<Value = Subfield> {
    (field, any::<u16>(), any::<u16>()).prop_map(move |(field, offset, bits)| {
        let offset = offset % field.bits();
        Subfield { field, offset, bits: 1 + bits % (field.bits() - offset).min(most) }
    })
}

/// Fields that need nothing before them; the others are tried with what they need in `with_prereqs`.
fn free_match() -> impl Strategy<Value = Match> {
    let free = any_field().prop_filter("free", |f| {
        matches!(f.prereq(), Prereq::None | Prereq::Ethernet)
            && !matches!(f, Field::EthType | Field::PacketType)
    });
    vec((free, any::<u128>(), any::<u128>()), 0..6).prop_map(|entries| {
        let mut m = Match::any();
        for (field, value, mask) in entries {
            match (field, field.maskable()) {
                (Field::InPort16 | Field::InPort, _) => m.set(Field::InPort, value & 0xfeff),
                (Field::VlanTci, _) => m.set_masked(field, value & 0x1fff, mask & 0x1fff),
                (_, Maskable::Bits) => m.set_masked(field, value, mask),
                (_, Maskable::No) => m.set(field, value & field.full_mask()),
            }
        }
        m
    })
}

fn with_prereqs() -> impl Strategy<Value = Match> {
    let heads: Vec<(u128, Option<u128>, Vec<Field>)> = vec![
        (
            0x0800,
            Some(6),
            vec![Field::Ipv4Src, Field::Ipv4Dst, Field::IpDscp, Field::TcpSrc, Field::TcpFlags],
        ),
        (0x0800, Some(17), vec![Field::IpTtl, Field::IpEcn, Field::IpFrag, Field::UdpDst]),
        (0x0800, Some(1), vec![Field::Icmp4Type, Field::Icmp4Code]),
        (
            0x86dd,
            Some(132),
            vec![Field::Ipv6Src, Field::Ipv6Dst, Field::Ipv6Label, Field::SctpSrc, Field::SctpDst],
        ),
        (0x86dd, Some(58), vec![Field::Icmp6Code, Field::Icmp6Type]),
        (0x0806, None, vec![Field::ArpOp, Field::ArpSpa, Field::ArpTpa, Field::ArpSha, Field::ArpTha]),
        (0x8847, None, vec![Field::MplsLabel, Field::MplsTc, Field::MplsBos, Field::MplsTtl]),
    ];
    (free_match(), proptest::sample::select(heads), any::<u128>(), any::<u128>()).prop_map(
        |(mut m, (eth_type, proto, fields), value, mask)| {
            m.set(Field::EthType, eth_type);
            if let Some(proto) = proto {
                m.set(Field::IpProto, proto);
            }
            for (i, field) in fields.into_iter().enumerate() {
                let value = value.rotate_left(7 * i as u32);
                match field.maskable() {
                    Maskable::Bits => m.set_masked(field, value, mask),
                    Maskable::No => m.set(field, value & field.full_mask()),
                }
            }
            m
        },
    )
}

fn any_match() -> impl Strategy<Value = Match> {
    prop_oneof![free_match(), with_prereqs()]
}

fn port() -> impl Strategy<Value = PortNo> {
    prop_oneof![(0u32..0xff00).prop_map(PortNo), (0xffff_fff8u32..0xffff_fffe).prop_map(PortNo)]
}

fn set_field() -> impl Strategy<Value = Action> {
    (writable(), any::<u128>(), any::<u128>()).prop_map(|(field, value, mask)| {
        let set = match field.maskable() {
            // The one TOS octet whose low bits are not its own.
            _ if field == Field::IpTos => SetField::whole(field, value & 0xfc),
            Maskable::No => SetField::whole(field, value),
            Maskable::Bits => SetField::masked(field, value, mask | 1),
        };
        Action::SetField(set)
    })
}

fn controller() -> impl Strategy<Value = Action> {
    let meter = option::of(any::<u32>().prop_map(MeterId));
    (any::<u16>(), any::<u16>(), any::<u8>(), vec(any::<u8>(), 0..40), any::<bool>(), meter).prop_map(
        |(max_len, controller_id, reason, userdata, pause, meter)| {
            let reason = reason.into();
            Action::Controller(Controller { max_len, controller_id, reason, userdata, pause, meter })
        },
    )
}

fn nat() -> impl Strategy<Value = Action> {
    let v4 = (any::<u32>(), option::of(0u32..1000)).prop_map(|(min, more)| NatRange::V4 {
        min: min.into(),
        max: more.map(|n| min.saturating_add(n).into()),
    });
    let v6 = (any::<u128>(), option::of(0u128..1000)).prop_map(|(min, more)| NatRange::V6 {
        min: min.into(),
        max: more.map(|n| min.saturating_add(n).into()),
    });
    let range = prop_oneof![Just(NatRange::None), v4, v6];
    let ports = option::of((any::<u16>(), option::of(0u16..9)))
        .prop_map(|p| p.map(|(min, more)| (min, more.map(|n| min.saturating_add(n)))));
    let spread = prop_oneof![Just(NatSpread::Default), Just(NatSpread::Hash), Just(NatSpread::Random)];
    let kind = prop_oneof![Just(NatKind::Src), Just(NatKind::Dst)];
    (kind, range, ports, any::<bool>(), spread)
        .prop_map(|(kind, range, ports, persistent, spread)| {
            Action::Nat(Nat { kind, range, ports, persistent, spread })
        })
        .boxed()
        .prop_union(Just(Action::Nat(Nat::existing())).boxed())
}

fn ct() -> impl Strategy<Value = Action> {
    let zone = prop_oneof![
        any::<u16>().prop_map(ZoneSource::Immediate),
        (0u8..16).prop_map(|n| ZoneSource::Field(Subfield::new(Field::Reg(n), 0, 16))),
    ];
    let mark = any::<u32>().prop_map(|n| Action::set(Field::CtMark, n));
    let label = bits_of(Just(Field::CtLabel), 32)
        .prop_map(|dst| Action::copy(Subfield::new(Field::Reg(0), 0, dst.bits), dst));
    let inner = vec(prop_oneof![nat(), mark, label], 0..3);
    (any::<(bool, bool)>(), zone, option::of(0u8..255), any::<u16>(), inner).prop_map(
        |((commit, force), zone, table, alg, actions)| {
            Action::Ct(Box::new(Ct { commit, force: force && commit, zone, table, alg, actions }))
        },
    )
}

fn learn() -> impl Strategy<Value = Action> {
    let src = prop_oneof![
        bits_of(any_field(), 128).prop_map(|b| (b.bits, LearnSrc::Field(b))),
        (1u16..=128, any::<u128>())
            .prop_map(|(bits, n)| (bits, LearnSrc::Immediate(n & (u128::MAX >> (128 - bits))))),
    ];
    let spec = (src, any::<u8>()).prop_map(|((bits, src), kind)| {
        let dst = Subfield { field: Field::CtLabel, offset: 0, bits };
        let dst = match kind % 3 {
            0 => LearnDst::Match(dst),
            1 => LearnDst::Load(dst),
            _ => LearnDst::Output,
        };
        LearnSpec { bits, src, dst }
    });
    let result = option::of((0u16..32).prop_map(|offset| Subfield::new(Field::Reg(9), offset, 1)));
    (any::<[u16; 5]>(), any::<u64>(), 0u8..255, any::<(bool, bool)>(), 0u32..3, result, vec(spec, 0..4))
        .prop_map(|(n, cookie, table, (send_flow_removed, delete_learned), limit, result, specs)| {
            Action::Learn(Box::new(Learn {
                table,
                priority: n[0],
                cookie,
                idle_timeout: n[1],
                hard_timeout: n[2],
                fin_idle_timeout: n[3],
                fin_hard_timeout: n[4],
                send_flow_removed,
                delete_learned,
                limit,
                result,
                specs,
            }))
        })
}

fn sample() -> impl Strategy<Value = Action> {
    let source = prop_oneof![
        any::<u32>().prop_map(SampleSource::Immediate),
        bits_of(any_field().prop_filter("narrow header", |f| f.nxm().is_some_and(|id| id.vendor == 0)), 32)
            .prop_map(SampleSource::Field),
    ];
    (1u16.., any::<u32>(), source.clone(), source, port(), any::<u8>()).prop_map(
        |(probability, collector_set, domain, point, port, direction)| {
            let direction = match direction % 3 {
                0 => SampleDirection::Default,
                1 => SampleDirection::Ingress,
                _ => SampleDirection::Egress,
            };
            Action::Sample(Sample {
                form: SampleForm::V4,
                probability,
                collector_set,
                domain,
                point,
                port,
                direction,
            })
        },
    )
}

fn bundle() -> impl Strategy<Value = Action> {
    let dst = option::of(bits_of((0u8..16).prop_map(Field::Reg), 16));
    (any::<bool>(), any::<u16>(), vec(port(), 0..5), dst).prop_map(|(backup, basis, members, dst)| {
        let algorithm = if backup { BundleAlgorithm::ActiveBackup } else { BundleAlgorithm::Hrw };
        Action::Bundle(Box::new(Bundle { algorithm, fields: HashFields::SymmetricL4, basis, members, dst }))
    })
}

fn leaf() -> impl Strategy<Value = Action> {
    let reg_bits = || bits_of((0u8..16).prop_map(Field::Reg), 32);
    let output = (port(), any::<u16>()).prop_map(|(port, n)| Action::Output {
        port,
        max_len: if port == PortNo::CONTROLLER { n } else { 0 },
    });
    let resubmit = (option::of(0u32..0xff00), option::of(0u8..255), any::<bool>())
        .prop_map(|(p, table, with_ct)| Action::Resubmit { in_port: p.map(PortNo), table, with_ct });
    let copy = (any_field(), writable(), any::<[u16; 3]>()).prop_map(|(src, dst, [a, b, n])| {
        let bits = 1 + n % src.bits().min(dst.bits());
        Action::CopyField {
            src: Subfield { field: src, offset: a % (src.bits() - bits + 1), bits },
            dst: Subfield { field: dst, offset: b % (dst.bits() - bits + 1), bits },
        }
    });
    let conjunction = (any::<u32>(), 2u8..=64, any::<u8>())
        .prop_map(|(id, n, c)| Action::Conjunction(Conjunction { id, clause: c % n, n_clauses: n }));
    prop_oneof![
        output,
        set_field(),
        resubmit,
        copy,
        controller(),
        nat(),
        ct(),
        learn(),
        sample(),
        bundle(),
        conjunction,
        reg_bits().prop_map(Action::Push),
        reg_bits().prop_map(Action::Pop),
        (any::<u16>(), 0u8..16, 0u16..32).prop_map(|(length, reg, offset)| Action::CheckPktLarger {
            length,
            dst: Subfield::new(Field::Reg(reg), offset, 1)
        }),
        (reg_bits(), any::<u16>()).prop_map(|(src, max_len)| Action::OutputReg { src, max_len }),
        (port(), any::<u32>()).prop_map(|(port, max_len)| Action::OutputTrunc { port, max_len }),
        vec(any::<u16>(), 1..4).prop_map(|ids| Action::DecTtl { controllers: Some(ids) }),
        vec(any::<u8>(), 6..=6).prop_map(Action::Note),
        any::<(u16, u16)>().prop_map(|(idle, hard)| Action::FinTimeout { idle, hard }),
        any::<u32>().prop_map(|n| Action::Group(GroupId(n))),
        any::<u32>().prop_map(Action::SetQueue),
        any::<u16>().prop_map(Action::PushMpls),
        any::<u16>().prop_map(Action::PopMpls),
        (0u8..64).prop_map(|n| Action::DeleteField(Field::TunMetadata(n))),
        proptest::sample::select(vec![
            Action::PopVlan,
            Action::PopQueue,
            Action::CtClear,
            Action::Exit,
            Action::DecMplsTtl,
        ]),
    ]
}

fn any_action() -> impl Strategy<Value = Action> {
    leaf().prop_recursive(3, 12, 4, |inner| vec(inner, 0..4).prop_map(Action::Clone))
}

fn flow_mod() -> impl Strategy<Value = FlowMod> {
    let command = proptest::sample::select(vec![
        FlowModCommand::Add,
        FlowModCommand::Modify,
        FlowModCommand::ModifyStrict,
        FlowModCommand::Delete,
        FlowModCommand::DeleteStrict,
    ]);
    (command, 1u8..255, any::<[u16; 3]>(), any_match(), vec(any_action(), 0..5), any::<u64>(), 0u16..4)
        .prop_map(
            |(command, table, [priority, idle_timeout, hard_timeout], matching, actions, cookie, flags)| {
                FlowMod {
                    command,
                    idle_timeout,
                    hard_timeout,
                    flags: FlowModFlags(flags),
                    ..FlowMod::add(table, priority, matching, actions, cookie)
                }
            },
        )
}

fn read_back(version: Version, body: Body) {
    let message = body.with_xid(7);
    let octets = message.encode(version);
    // What does not fit into a message cannot be said.
    if octets.len() < usize::from(u16::MAX) {
        assert_eq!(Message::decode(version, &octets), Ok(message));
    }
}

/// Meters of 1.3 are instructions, masked sets of a whole octet are whole sets: values that only 1.5 tells apart.
fn read_back_everywhere(flow: &FlowMod) {
    for version in [Version::Of15, Version::Of14, Version::Of13] {
        read_back(version, Body::FlowMod(flow.clone()));
        let add = BundleAdd {
            id: BundleId(1),
            flags: BundleFlags::ATOMIC_ORDERED,
            message: Box::new(Body::FlowMod(flow.clone()).with_xid(7)),
        };
        read_back(version, Body::BundleAdd(add));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flows_are_read_back(flow in flow_mod()) {
        read_back_everywhere(&flow);
    }

    #[test]
    fn matches_are_read_back_as_nxm(matching in any_match()) {
        let flow = FlowMod::add(3, 7, matching, vec![], 1);
        read_back(Version::Of10, Body::FlowMod(flow));
    }

    #[test]
    fn packets_are_read_back(metadata in free_match(), packet in vec(any::<u8>(), 0..60),
                             userdata in vec(any::<u8>(), 0..30), continuation in option::of(vec(any::<u8>(), 0..30)),
                             actions in vec(any_action(), 0..4), n in any::<(u8, u64, u8)>()) {
        let m = PacketIn2 {
            packet: packet.clone(), full_len: None, table: n.0, cookie: n.1, reason: n.2.into(),
            metadata: metadata.clone(), userdata, continuation,
        };
        read_back(Version::Of15, Body::Resume(m.clone()));
        read_back(Version::Of13, Body::PacketIn2(m));
        let metadata = metadata.with(Field::InPort, PortNo::CONTROLLER.0);
        read_back(Version::Of15, Body::PacketOut(PacketOut { buffer_id: u32::MAX, metadata, actions: actions.clone(), packet: packet.clone() }));
        read_back(Version::Of13, Body::PacketOut(PacketOut::new(PortNo(3), actions, packet)));
    }

    #[test]
    fn groups_are_read_back(buckets in vec((any::<u16>(), vec(any_action(), 0..3)), 0..4), param in any::<u64>()) {
        let buckets: Vec<Bucket> = buckets.into_iter().enumerate().map(|(i, (weight, actions))| Bucket {
            id: BucketId(i as u32), weight, watch_port: PortNo::ANY, watch_group: GroupId::ANY, actions,
        }).collect();
        let selection = SelectionMethod { method: "hash".into(), param, fields: vec![(Field::Ipv4Src, 0xffff_ffff)] };
        let mut group = GroupMod {
            command: GroupModCommand::Add, kind: GroupKind::Select, group: GroupId(5), buckets, selection: Some(selection),
        };
        read_back(Version::Of15, Body::GroupMod(group.clone()));
        group.selection = None;
        read_back(Version::Of13, Body::GroupMod(group));
    }

    #[test]
    fn any_octets_are_read_or_refused(version in 0usize..4, kind in any::<u8>(), body in vec(any::<u8>(), 0..200)) {
        let version = Version::ALL[version];
        let mut octets = vec![version.wire(), kind, 0, 8 + body.len() as u8, 0, 0, 0, 9];
        octets.extend(body);
        let _ = Message::decode(version, &octets);
    }

    #[test]
    fn real_messages_with_damage_are_read_or_refused(line in any::<proptest::sample::Index>(),
                                                     damage in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6)) {
        let lines: Vec<&str> = include_str!("peer.hex").lines().filter(|l| !l.starts_with('#')).collect();
        let hex = lines[line.index(lines.len())];
        let mut octets: Vec<u8> =
            (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
        let version = Version::from_wire(octets[0]).unwrap();
        for (at, value) in damage {
            let at = at.index(octets.len());
            octets[at] = value;
        }
        if let Ok(message) = Message::decode(version, &octets) {
            let _ = message.encode(version);
        }
    }
}

/// Actions inside actions end at a limit, not at the end of the stack.
#[test]
fn deep_nesting_is_refused() {
    let nested = |depth: usize| (0..depth).fold(Action::CtClear, |inner, _| Action::Clone(vec![inner]));
    let flow = |depth| Body::FlowMod(FlowMod::add(0, 0, Match::any(), vec![nested(depth)], 0)).with_xid(1);
    assert!(Message::decode(Version::Of15, &flow(MAX_ACTION_DEPTH).encode(Version::Of15)).is_ok());
    let refused =
        Message::decode(Version::Of15, &flow(MAX_ACTION_DEPTH + 1).encode(Version::Of15)).unwrap_err();
    assert_eq!(refused.malformed.code, ErrorCode::TOO_MANY_ACTIONS);
}

#[test]
fn long_replies_are_split_and_say_that_more_follows() {
    let flow = FlowStats {
        table: 1,
        priority: 1,
        matching: Match::any().with(Field::Metadata, 1u8),
        instructions: vec![Instruction::Apply(vec![Action::resubmit(8)])],
        cookie: 0,
        duration_sec: 0,
        duration_nsec: 0,
        idle_timeout: 0,
        hard_timeout: 0,
        flags: FlowModFlags::default(),
        importance: 0,
        idle_age: None,
        packets: 0,
        bytes: 0,
    };
    let reply =
        Body::MultipartReply { more: false, reply: MultipartReply::Flow(vec![flow; 5000]) }.with_xid(3);
    for version in Version::ALL {
        let parts: Vec<Message> =
            reply.encode_split(version).iter().map(|p| Message::decode(version, p).unwrap()).collect();
        let mut flows = 0;
        for (i, part) in parts.iter().enumerate() {
            let Body::MultipartReply { more, reply: MultipartReply::Flow(list) } = &part.body else {
                panic!("{part:?}")
            };
            assert_eq!(*more, i + 1 < parts.len());
            flows += list.len();
        }
        assert_eq!(flows, 5000);
    }
}

/// Whether the text of an action says all of it.
fn text_says_all(action: &Action) -> bool {
    match action {
        // The first form of `controller` and of `output:bits` have the same text as others.
        Action::Controller(c) => *c != Controller::default(),
        Action::OutputReg { max_len, .. } => *max_len == u16::MAX,
        Action::Sample(s) => {
            matches!((s.domain, s.point), (SampleSource::Field(_), _) | (_, SampleSource::Field(_)))
        }
        Action::Learn(l) => {
            !l.specs.iter().any(|s| matches!((&s.src, &s.dst), (LearnSrc::Immediate(_), LearnDst::Output)))
        }
        // Empty and "existing" are the same words.
        Action::Clone(actions) => actions.iter().all(text_says_all),
        Action::Ct(ct) => {
            // Text has nat before the others.
            ct.actions
                .iter()
                .skip_while(|a| matches!(a, Action::Nat(_)))
                .all(|a| !matches!(a, Action::Nat(_)))
        }
        Action::SetField(set) => !matches!(set.field, Field::TunMetadata(_) | Field::TunFlags),
        _ => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_is_read_back(mut flow in flow_mod()) {
        flow.command = FlowModCommand::Add;
        for instruction in &mut flow.instructions {
            if let Instruction::Apply(actions) = instruction {
                actions.retain(text_says_all);
            }
        }
        flow.instructions.retain(|i| !matches!(i, Instruction::Apply(actions) if actions.is_empty()));
        let text = flow.to_string();
        let read: FlowMod = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(read.to_string(), text);
        // Masks of options say their length, which text does not.
        if !flow.matching.iter().any(|f| matches!(f.field, Field::TunMetadata(_))) {
            assert_eq!(read, flow, "{text}");
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}", words in vec(proptest::sample::select(
        vec!["ct(", "nat(", "learn(", ")", "[", "]", ",", "actions=", "tcp", "=", "/", "NXM_NX_REG0", "0..3", "->", "move:", "-", "+", "5"]), 0..12)) {
        let _ = text.parse::<FlowMod>();
        let _ = words.concat().parse::<FlowMod>();
        let _ = parse_actions(&words.concat());
        let _ = format!("actions={}", words.concat()).parse::<FlowMod>();
    }
}

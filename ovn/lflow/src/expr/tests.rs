//! Every step from text to OpenFlow keeps the meaning of an expression.

use super::*;
use crate::lexer::Format;
use openflow::{Field, Match};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Ports `a` (1), `b` (2) and `c` (3), of which `a` is resident; a set of three addresses; a group.
struct World;

impl Ports for World {
    fn key(&self, port: &str) -> Option<u32> {
        ["a", "b", "c"].iter().position(|&name| name == port).map(|i| i as u32 + 1)
    }

    fn is_chassis_resident(&self, port: &str) -> bool {
        port == "a"
    }
}

impl Sets for World {
    fn address_set(&self, name: &str) -> Option<Arc<Vec<Integer>>> {
        let integers: &[u128] = match name {
            "set" => &[1, 2, 5],
            "none" => &[],
            "ips" => {
                return Some(Arc::new(vec!["10.0.0.1".parse().unwrap(), "10.1.0.0/16".parse().unwrap()]));
            }
            _ => return None,
        };
        Some(Arc::new(integers.iter().map(|&n| Integer::new(n, Format::Decimal)).collect()))
    }

    fn port_group(&self, name: &str) -> Option<Arc<Vec<Arc<str>>>> {
        (name == "group").then(|| Arc::new(vec!["a".into(), "c".into(), "unknown".into()]))
    }
}

/// Whether the flows of a logical flow match a packet, conjunctive matches as Open vSwitch does them:
/// with one flow of every dimension matched, the packet is looked up again with the conjunction's id.
fn matched(flows: &[LogicalMatch], packet: &dyn Packet) -> bool {
    /// The id in the first look-up: nobody's.
    const NONE: u32 = u32::MAX;
    let matches = |matching: &Match, id: u32| {
        matching.iter().all(|test| {
            let actual = if test.field == Field::ConjId { id.into() } else { packet.field(test.field) };
            actual & test.mask == test.value
        })
    };
    let plain = |id| flows.iter().any(|flow| flow.conjunctions.is_empty() && matches(&flow.matching, id));
    let mut dimensions: BTreeMap<u32, (u64, u8)> = BTreeMap::new();
    for flow in flows.iter().filter(|flow| matches(&flow.matching, NONE)) {
        for conjunction in &flow.conjunctions {
            let entry = dimensions.entry(conjunction.id).or_insert((0, conjunction.clauses));
            entry.0 |= 1 << conjunction.clause;
        }
    }
    plain(NONE)
        || dimensions.iter().any(|(&id, &(met, clauses))| met.count_ones() == clauses.into() && plain(id))
}

fn compile(expr: &Expr) -> Vec<LogicalMatch> {
    let normal = normalize(expr).unwrap();
    let mut id = 0;
    to_matches(&normal, &World, &mut || {
        id += 1;
        id
    })
    .unwrap()
}

/// The flows of an expression with its sets left open, their members added one by one; `None` if they cannot stay open.
fn compile_open(text: &str) -> Option<Vec<LogicalMatch>> {
    let sets = OpenSets::new(&World, &|name| World.address_set(name).is_some());
    let annotated = annotate(parse(text, &sets).unwrap());
    if sets.open().is_empty() || !sets.can_stay_open(&annotated) {
        return None;
    }
    let normal = normalize(&resolve_conditions(simplify(annotated).unwrap(), &World)).unwrap();
    let open = OpenMatches::new(normal, &sets);
    let mut flows = open.fixed(&World).unwrap();
    let parts = open.parts(&World).unwrap();
    let names: BTreeSet<Arc<str>> = open.open().iter().cloned().collect();
    for name in names {
        for member in World.address_set(&name).unwrap().iter() {
            flows.extend(member_matches(&parts, &name, member).unwrap());
        }
    }
    assert!(flows.iter().flat_map(|flow| &flow.conjunctions).all(|c| c.id < open.ids()));
    Some(flows)
}

/// Checks that all forms of an expression agree on all packets. Says whether it is an expression.
fn check(text: &str, packets: &[Microflow]) -> bool {
    let Ok(parsed) = parse(text, &World) else { return false };
    let reparsed = parse(&parsed.to_string(), &World);
    let annotated = annotate(parsed.clone());
    let simple = simplify(annotated.clone()).unwrap();
    let resolved = resolve_conditions(simple.clone(), &World);
    let flows = compile(&resolved);
    let open = compile_open(text);
    let plain = Plain::of(&[&parsed]).map(|plain| plain.to_matches(&World));
    if let Some(plain) = &plain
        && flows.iter().all(|flow| flow.conjunctions.is_empty())
    {
        assert_eq!(lines(plain), lines(&flows), "compile {text} the short way");
    }
    for packet in packets {
        let truth = evaluate(&parsed, packet, &World);
        let of = |expr: &Expr| evaluate(expr, packet, &World);
        assert_eq!(of(&annotated), truth, "annotate {text} to {annotated}: {packet:?}");
        assert_eq!(of(&simple), truth, "simplify {text} to {simple}: {packet:?}");
        assert_eq!(of(&resolved), truth, "resolve {text} to {resolved}: {packet:?}");
        assert_eq!(matched(&flows, packet), truth, "compile {text} to {flows:#?}: {packet:?}");
        if let Some(plain) = &plain {
            assert_eq!(matched(plain, packet), truth, "compile {text} the short way: {packet:?}");
        }
        if let Some(open) = &open {
            assert_eq!(
                matched(open, packet),
                truth,
                "compile {text} with open sets to {open:#?}: {packet:?}"
            );
        }
        if let Ok(reparsed) = &reparsed {
            assert_eq!(of(reparsed), truth, "print {text} as {parsed}: {packet:?}");
        }
    }
    true
}

/// All packets over a few values of the fields that the test expressions are about.
fn packets() -> Vec<Microflow> {
    let mut all = vec![Microflow::default()];
    let fields: [(Field, &[u128]); 6] = [
        (Field::Reg(0), &[0, 1, 2, 5, 7]),
        (Field::Reg(14), &[1, 2]),
        (Field::EthType, &[0x800, 0x806]),
        (Field::IpProto, &[6, 17]),
        (Field::TcpSrc, &[0, 2, 3]),
        (Field::IpFrag, &[0, 1, 3]),
    ];
    for (field, values) in fields {
        all = all
            .into_iter()
            .flat_map(|packet| {
                values.iter().map(move |&value| {
                    let mut packet = packet.clone();
                    packet.set(field, value);
                    packet
                })
            })
            .collect();
    }
    all
}

/// Comparisons and the like, to be combined.
fn terms() -> Vec<String> {
    let mut terms: Vec<String> = [
        "1",
        "0",
        "ip4",
        "tcp",
        "ip.first_frag",
        "reg0[0]",
        "inport == \"a\"",
        "inport == @group",
        "inport != \"b\"",
        "ip.proto == {6, 17}",
        "is_chassis_resident(\"a\")",
        "is_chassis_resident(\"b\")",
        "reg0[0..2] == $set",
        "reg0[0..2] != $set",
        "reg0[0..2] != $none",
        "1 < reg0[0..2] <= 5",
        "tcp.src",
        "reg0 == 1/3",
        "reg0 != 5/6",
        "inport == \"unknown\"",
        "arp",
    ]
    .map(str::to_owned)
    .into();
    for relation in ["==", "!=", "<", "<=", ">", ">="] {
        terms.extend(["0", "2", "7"].map(|constant| format!("reg0[0..2] {relation} {constant}")));
        terms.push(format!("2 {relation} tcp.src"));
    }
    terms
}

#[test]
fn all_expressions_of_two_terms_keep_their_meaning() {
    let packets = packets();
    let terms: Vec<String> =
        terms().into_iter().flat_map(|term| [format!("({term})"), format!("!({term})")]).collect();
    let mut expressions = 0;
    for left in &terms {
        expressions += usize::from(check(left, &packets));
    }
    // A sample of the packets is enough for the pairs, which are many.
    let packets: Vec<Microflow> = packets.into_iter().step_by(37).collect();
    for (i, left) in terms.iter().enumerate() {
        for right in &terms[i + 1..] {
            expressions += usize::from(check(&format!("{left} && {right}"), &packets));
            expressions += usize::from(check(&format!("!({left} || {right})"), &packets));
        }
    }
    assert!(expressions > 2500, "{expressions}");
}

/// All expressions of exactly `n` terms for each `n` up to `max`, but for the order of what `&&` and `||` join.
fn expressions_of(leaves: &[&str], max: usize) -> Vec<String> {
    /// Adds to `out` all lists of two or more of `parts`, from the one with number `first` on, that have `rest` terms.
    fn lists(
        parts: &[(usize, String)],
        first: usize,
        rest: usize,
        list: &mut Vec<String>,
        out: &mut Vec<Vec<String>>,
    ) {
        if rest == 0 && list.len() > 1 {
            out.push(list.clone());
        }
        for (i, (terms, part)) in
            parts.iter().enumerate().skip(first).filter(|(_, (terms, _))| *terms <= rest)
        {
            list.push(part.clone());
            lists(parts, i, rest - terms, list, out);
            list.pop();
        }
    }
    let leaves = || leaves.iter().map(|leaf| (1, (*leaf).to_owned()));
    // What can be joined by `&&` and by `||`: leaves, and what the other one joins.
    let (mut for_and, mut for_or): (Vec<_>, Vec<_>) = (leaves().collect(), leaves().collect());
    let mut all: Vec<String> = leaves().map(|(_, leaf)| leaf).collect();
    for n in 2..=max {
        let joined = |parts: &[(usize, String)], operator: &str| -> Vec<String> {
            let mut out = Vec::new();
            lists(parts, 0, n, &mut Vec::new(), &mut out);
            out.into_iter().map(|list| list.join(operator)).collect()
        };
        let (ands, ors) = (joined(&for_and, " && "), joined(&for_or, " || "));
        for_and.extend(ors.iter().map(|or| (n, format!("({or})"))));
        for_or.extend(ands.iter().map(|and| (n, format!("({and})"))));
        all.extend(ands.into_iter().chain(ors));
    }
    all
}

#[test]
fn all_expressions_of_up_to_five_terms_keep_their_meaning() {
    let mut packets = Vec::new();
    for (source, inport, port) in [(0, 2, 1), (1, 1, 1), (4, 1, 2), (5, 2, 0)] {
        for proto in [6, 17] {
            let mut packet = Microflow::default();
            packet.set(Field::EthType, 0x800);
            packet.set(Field::EthSrc, source);
            packet.set(Field::Reg(14), inport);
            packet.set(Field::IpProto, proto);
            packet.set(if proto == 6 { Field::TcpSrc } else { Field::UdpSrc }, port);
            packets.push(packet);
        }
    }
    let leaves = ["eth.src == {$set, 4}", "inport == \"a\"", "tcp.src == {1, 2}", "tcp.src[0..1] != 1"];
    let expressions = expressions_of(&leaves, 5);
    assert_eq!(expressions.len(), 7796);
    for text in &expressions {
        assert!(check(text, &packets), "{text}");
    }
}

fn expression() -> impl Strategy<Value = String> {
    let set = |field: &'static str, max: u32| {
        (proptest::collection::vec(0..=max, 1..5), prop_oneof![Just("=="), Just("!=")]).prop_map(
            move |(values, relation)| {
                let values: Vec<String> = values.iter().map(u32::to_string).collect();
                format!("{field} {relation} {{{}}}", values.join(", "))
            },
        )
    };
    let leaf = prop_oneof![
        4 => proptest::sample::select(terms()),
        2 => set("reg0[0..2]", 7),
        2 => set("tcp.src[0..1]", 3),
        1 => set("reg1", 4),
        1 => Just("inport == {\"a\", \"b\", \"c\"}".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        (proptest::collection::vec(inner, 1..4), any::<bool>(), any::<bool>()).prop_map(
            |(terms, and, not)| {
                let terms: Vec<String> = terms.iter().map(|term| format!("({term})")).collect();
                let joined = terms.join(if and { " && " } else { " || " });
                if not { format!("!({joined})") } else { joined }
            },
        )
    })
}

proptest! {
    #[test]
    fn larger_expressions_keep_their_meaning(text in expression()) {
        let packets: Vec<Microflow> = packets().into_iter().step_by(7).collect();
        check(&text, &packets);
    }

    #[test]
    fn any_text_is_an_expression_or_an_error_that_lies_in_it(
        text in "((ip4|tcp\\.src|inport|reg0|==|<|!|&&|\\|\\||\\(|\\)|\\{|\\}|\\[|\\]|1|\"a\"|\\$set|@group|,) ?){0,12}"
    ) {
        match parse(&text, &World) {
            Ok(expr) => {
                let _ = simplify(annotate(expr));
            }
            Err(error) => prop_assert!(error.span.end <= text.len() && text.get(error.span.clone()).is_some()),
        }
    }
}

/// The flows of an expression, one a line.
fn flows(text: &str) -> String {
    let annotated = annotate(parse(text, &World).unwrap());
    let resolved = resolve_conditions(simplify(annotated).unwrap(), &World);
    lines(&compile(&resolved))
}

fn lines(flows: &[LogicalMatch]) -> String {
    let mut lines: Vec<String> = flows
        .iter()
        .map(|flow| {
            let tests: Vec<String> = flow
                .matching
                .iter()
                .map(|test| match test.mask == test.field.full_mask() {
                    true => format!("{}={:#x}", test.field, test.value),
                    false => format!("{}={:#x}/{:#x}", test.field, test.value, test.mask),
                })
                .collect();
            let conjunctions: Vec<String> = flow
                .conjunctions
                .iter()
                .map(|c| format!(" conjunction({}, {}/{})", c.id, c.clause + 1, c.clauses))
                .collect();
            format!("{}{}", tests.join(","), conjunctions.concat())
        })
        .collect();
    lines.sort();
    lines.join("\n")
}

#[test]
fn most_expressions_go_the_short_way() {
    let is_plain = |text: &str| Plain::of(&[&parse(text, &World).unwrap()]).is_some();
    for text in [
        "1",
        "0",
        "inport == \"a\" && eth.src == 00:00:00:00:00:01",
        "outport == {\"a\", \"c\"} && ip4",
        "ip4.src == {10.0.0.1, 10.0.0.2}",
        "ip && reg0[3]",
        "ip4 && tcp && tcp.dst == 80",
        "tcp.dst == 80",
        "ct.est && !ct.rel && !ct.new && ct_mark.blocked == 0",
        "arp.op == 1 && arp.tpa == 10.0.0.1 && is_chassis_resident(\"a\")",
        "nd_ns && ip6.dst == {fe80::1, ff02::1} && nd.target == fe80::1",
        "reg0[0] == 1 && reg0[0] == 0 && ip4.src == {1.1.1.1, 1.1.1.2} && tcp.dst == {1, 2}",
    ] {
        assert!(is_plain(text), "{text}");
    }
    for text in [
        "ip4 || arp",
        "ip4.src == {1.1.1.1, 1.1.1.2} && tcp.dst == {1, 2}",
        "tcp.dst > 80",
        "ip && !ip4.mcast",
    ] {
        assert!(!is_plain(text), "{text}");
    }
}

#[test]
fn sets_in_two_dimensions_become_a_conjunctive_match_where_that_is_shorter() {
    insta::assert_snapshot!(flows("ip4.src == {1.0.0.1, 1.0.0.2, 1.0.0.3} && ip4.dst == {2.0.0.1, 2.0.0.2, 2.0.0.3}"), @r"
    conj_id=0x1,eth_type=0x800
    eth_type=0x800,ip_dst=0x2000001 conjunction(1, 1/2)
    eth_type=0x800,ip_dst=0x2000002 conjunction(1, 1/2)
    eth_type=0x800,ip_dst=0x2000003 conjunction(1, 1/2)
    eth_type=0x800,ip_src=0x1000001 conjunction(1, 2/2)
    eth_type=0x800,ip_src=0x1000002 conjunction(1, 2/2)
    eth_type=0x800,ip_src=0x1000003 conjunction(1, 2/2)
    ");
    insta::assert_snapshot!(flows("ip4.src == {1.0.0.1, 1.0.0.2} && ip4.dst == {2.0.0.1, 2.0.0.2}"), @r"
    eth_type=0x800,ip_src=0x1000001,ip_dst=0x2000001
    eth_type=0x800,ip_src=0x1000001,ip_dst=0x2000002
    eth_type=0x800,ip_src=0x1000002,ip_dst=0x2000001
    eth_type=0x800,ip_src=0x1000002,ip_dst=0x2000002
    ");
    insta::assert_snapshot!(flows("ip && tcp.dst == {80, 81, 82} && inport == @group"), @r"
    reg14=0x1,eth_type=0x800,nw_proto=0x6,tcp_dst=0x50
    reg14=0x1,eth_type=0x800,nw_proto=0x6,tcp_dst=0x51
    reg14=0x1,eth_type=0x800,nw_proto=0x6,tcp_dst=0x52
    reg14=0x1,eth_type=0x86dd,nw_proto=0x6,tcp_dst=0x50
    reg14=0x1,eth_type=0x86dd,nw_proto=0x6,tcp_dst=0x51
    reg14=0x1,eth_type=0x86dd,nw_proto=0x6,tcp_dst=0x52
    reg14=0x3,eth_type=0x800,nw_proto=0x6,tcp_dst=0x50
    reg14=0x3,eth_type=0x800,nw_proto=0x6,tcp_dst=0x51
    reg14=0x3,eth_type=0x800,nw_proto=0x6,tcp_dst=0x52
    reg14=0x3,eth_type=0x86dd,nw_proto=0x6,tcp_dst=0x50
    reg14=0x3,eth_type=0x86dd,nw_proto=0x6,tcp_dst=0x51
    reg14=0x3,eth_type=0x86dd,nw_proto=0x6,tcp_dst=0x52
    ");
}

/// The flows of an expression with its sets left open, one a line.
fn open_flows(text: &str) -> String {
    match compile_open(text) {
        Some(flows) => lines(&flows),
        None => "cannot stay open".to_owned(),
    }
}

#[test]
fn sets_stay_open_where_nothing_else_is_said_of_what_is_compared_with_them() {
    insta::assert_snapshot!(open_flows("ip4.src == $ips"), @r"
    eth_type=0x800,ip_src=0xa000001
    eth_type=0x800,ip_src=0xa010000/0xffff0000
    ");
    insta::assert_snapshot!(open_flows("ip4.src == $ips && ip4.dst == {$ips, 10.0.0.9}"), @r"
    conj_id=0x0,eth_type=0x800
    eth_type=0x800,ip_dst=0xa000001 conjunction(0, 1/2)
    eth_type=0x800,ip_dst=0xa000009 conjunction(0, 1/2)
    eth_type=0x800,ip_dst=0xa010000/0xffff0000 conjunction(0, 1/2)
    eth_type=0x800,ip_src=0xa000001 conjunction(0, 2/2)
    eth_type=0x800,ip_src=0xa010000/0xffff0000 conjunction(0, 2/2)
    ");
    insta::assert_snapshot!(open_flows("ip4.src == {$ips, $ips} || arp"), @r"
    eth_type=0x800,ip_src=0xa000001
    eth_type=0x800,ip_src=0xa010000/0xffff0000
    eth_type=0x806
    ");
    insta::assert_snapshot!(open_flows("ip4.src == $ips && tcp.dst == {80, 443}"), @r"
    conj_id=0x0,eth_type=0x800,nw_proto=0x6
    eth_type=0x800,ip_src=0xa000001,nw_proto=0x6 conjunction(0, 1/2)
    eth_type=0x800,ip_src=0xa010000/0xffff0000,nw_proto=0x6 conjunction(0, 1/2)
    eth_type=0x800,nw_proto=0x6,tcp_dst=0x1bb conjunction(0, 2/2)
    eth_type=0x800,nw_proto=0x6,tcp_dst=0x50 conjunction(0, 2/2)
    ");
    for text in [
        "ip4.src == $ips && ip4.src != 10.0.0.1",
        "ip4.src != $ips",
        "!(ip4.src == $ips)",
        "ip4.src == {$ips, 0.0.0.0/0}",
        "ip4.src[0..30] == $set",
        "ip.proto == $set",
        "tcp.src == $set",
    ] {
        assert_eq!(open_flows(text), "cannot stay open", "{text}");
    }
}

#[test]
fn a_range_takes_the_fewest_masks() {
    insta::assert_snapshot!(flows("ip4 && 1024 <= tcp.src <= 49151"), @r"
    eth_type=0x800,nw_proto=0x6,tcp_src=0x1000/0xf000
    eth_type=0x800,nw_proto=0x6,tcp_src=0x2000/0xe000
    eth_type=0x800,nw_proto=0x6,tcp_src=0x400/0xfc00
    eth_type=0x800,nw_proto=0x6,tcp_src=0x4000/0xc000
    eth_type=0x800,nw_proto=0x6,tcp_src=0x800/0xf800
    eth_type=0x800,nw_proto=0x6,tcp_src=0x8000/0xc000
    ");
    insta::assert_snapshot!(flows("reg0[0..3] != 5"), @r"
    reg0=0x0/0x1
    reg0=0x0/0x4
    reg0=0x2/0x2
    reg0=0x8/0x8
    ");
}

#[test]
fn a_contradiction_makes_no_flows_and_a_truth_makes_one() {
    assert_eq!(flows("ip4 && ip6"), "");
    assert_eq!(flows("reg0 == 1 && xxreg0 == 0"), "");
    assert_eq!(flows("inport == \"unknown\""), "");
    assert_eq!(
        compile(&Expr::Boolean(true)),
        [LogicalMatch { matching: Match::any(), conjunctions: vec![] }]
    );
}

#[test]
fn what_another_alternative_includes_is_left_out() {
    insta::assert_snapshot!(flows("ip4.src == {10.0.0.0/8, 10.1.0.0/16, 11.0.0.1}"), @r"
    eth_type=0x800,ip_src=0xa000000/0xff000000
    eth_type=0x800,ip_src=0xb000001
    ");
    insta::assert_snapshot!(flows("eth.type == 0x800 || ip4 || ip"), @r"
    eth_type=0x800
    eth_type=0x86dd
    ");
}

#[test]
fn expressions_that_explode_are_refused() {
    let product: Vec<String> = (0..20)
        .map(|i| format!("(reg{}[{}] == 1 || ip4.src[{i}] == 1 || tcp.src[{}] == 1)", i % 10, i, i % 16))
        .collect();
    let annotated = annotate(parse(&product.join(" && "), &World).unwrap());
    let simple = simplify(annotated).unwrap();
    assert_eq!(normalize(&simple), Err(crate::ErrorKind::TooLarge { limit: SIZE_MAX }));
}

#[test]
fn a_large_set_stays_cheap() {
    let addresses: Vec<String> = (0..5000).map(|i| format!("10.0.{}.{}", i / 250, i % 250)).collect();
    let text = format!("ip4.src == {{{0}}} && ip4.dst == {{{0}}} && tcp", addresses.join(" "));
    let annotated = annotate(parse(&text, &World).unwrap());
    let flows = compile(&simplify(annotated).unwrap());
    assert_eq!(flows.len(), 10_001);
}

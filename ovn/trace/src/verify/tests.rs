//! What is said of all packets holds for each: samples of every class are traced one by one.

use super::choices::Pick;
use super::explore::{Explorer, Shape};
use super::packet::{Example, bits_of, expression};
use super::sets::{Set, Var};
use super::values::{packet_end, packet_fields};
use super::{Question, classes, explore, verify};
use crate::network::{Datapath, Network, Port};
use crate::options::Options;
use crate::walk::{self, Delivery};
use lflow::expr::{self, Microflow, Packet as _};
use openflow::Field;
use ovsdb::{Datum, Uuid};
use schema::sb::{self, Tables};
use std::collections::HashSet;

/// How many packets of each class are traced where nobody asks for more.
const SAMPLES: usize = 6;

/// How many packets of each class are traced: a few, or as many as a variable of the environment of the compiler says.
fn samples() -> usize {
    option_env!("VERIFY_SAMPLES").and_then(|text| text.parse().ok()).unwrap_or(SAMPLES)
}

/// The rows of recorded networks, see `tests/recorded.rs`.
const SWITCHED: &str = include_str!("../../tests/l2/southbound.json");
const ROUTED: &str = include_str!("../../tests/l3/southbound.json");

fn recorded(text: &str) -> Tables {
    let json: serde_json::Value = serde_json::from_str(text).expect("the rows are JSON");
    let mut tables = Tables::default();
    for (name, rows) in json.as_object().expect("an object of tables") {
        let table = sb::TableId::from_name(name).expect("a table of the schema");
        let columns = &sb::schema().tables[name.as_str()].columns;
        for row in rows.as_array().expect("an array of rows") {
            let uuid: Uuid = row["_uuid"].as_str().expect("a string").parse().expect("a UUID");
            let value = |column: &&str| match row.get(*column) {
                Some(value) => Datum::from_json(value, &columns[*column].ty, None).expect("a value"),
                None => Datum::default_for(&columns[*column].ty),
            };
            let values: Vec<Datum> = table.columns().iter().map(value).collect();
            tables.replace(name, uuid, Some(&values)).expect("values of the columns");
        }
    }
    tables
}

/// Numbers that look random: SplitMix64.
struct Random(u64);

impl Random {
    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn coin(&mut self) -> bool {
        self.number() >> 40 & 1 == 1
    }
}

fn question(from: &str, to: &str) -> Question {
    Question { from: Some(from.to_owned()), to: to.to_owned(), ..Question::default() }
}

fn deliveries(network: &Network, datapath: &Datapath, flow: &Microflow, options: &Options) -> Vec<Delivery> {
    walk::run(network, datapath, flow.clone(), options, &mut None, false).deliveries
}

/// The trace of a packet, to see why it went elsewhere.
fn way(network: &Network, datapath: &Datapath, flow: &Microflow, options: &Options) -> String {
    let journey = walk::run(network, datapath, flow.clone(), options, &mut None, false);
    crate::node::detailed(&[journey.root])
}

/// What two packets look like from outside: their fields, without the port.
fn visible(flow: &Microflow) -> Vec<(Field, u128)> {
    let fields = packet_fields().map(|(field, _)| field).filter(|field| *field != Field::Reg(14));
    fields.map(|field| (field, flow.field(field))).collect()
}

/// Traces samples of every class of an answer, and packets that are in no class. Gives the number of classes that could
/// be sampled.
fn check(tables: &Tables, question: &Question) -> usize {
    let network = Network::new(tables, true);
    let mut explorer = explore(&network, question).expect("a question that makes sense");
    assert_eq!(explorer.limit, None, "{question:?}");
    let from = network.port_by_name(question.from.as_deref().expect("one port")).expect("a port");
    let facts = explorer.choices.default_facts(&mut explorer.sets);
    let marks = explorer.choices.no_marks(&mut explorer.sets);
    let assumed = explorer.sets.and(facts, marks);
    let usual = explorer.choices.default_states(&mut explorer.sets);
    let mut random = Random(1);
    let (mut sampled, mut any) = (0, Set::NONE);
    for class in classes(&mut explorer) {
        let mut set = explorer.sets.and(class.state.set, assumed);
        let plain = explorer.sets.and(set, usual);
        any = explorer.sets.or(any, plain);
        // Copies share what the trackings of one trace find, whatever the order in which they ask.
        if class.state.shape.is_copy || question.drops {
            set = plain;
        }
        let traced = (0..samples())
            .filter(|_| sample_is_true(&explorer, question, from, &class.state.shape, set, &mut random));
        sampled += usize::from(traced.count() > 0);
    }
    if !question.drops {
        check_outside(&mut explorer, question, from, any, &mut random);
    }
    sampled
}

/// Traces one packet of a class, and holds it to what is said of the class. Whether there was one to trace.
fn sample_is_true(
    explorer: &Explorer<'_>,
    question: &Question,
    from: &Port,
    shape: &Shape,
    set: Set,
    random: &mut Random,
) -> bool {
    let (network, to) = (explorer.network, explorer.goal.to);
    let datapath = network.datapath(from.datapath).expect("its datapath");
    let Some(mut bits) = explorer.sets.example(set, &mut |_| random.coin()) else { return false };
    let fixed: HashSet<Var> = bits.iter().map(|(var, _)| *var).collect();
    bits.extend((0..packet_end()).filter(|var| !fixed.contains(var)).map(|var| (var, random.coin())));
    let example = Example::new(&bits);
    let bit = |var| example.bit(var);
    let mut options = Options::default();
    match explorer.choices.picked(shape.asked, &bit)[..] {
        [] => {}
        [Pick::Backend(address, port)] => options.lb_dst = Some((address, port)),
        [Pick::Value(value)] => options.select_id = Some(value),
        // A single trace cannot be told more than one choice.
        _ => return false,
    }
    if !(shape.is_copy || question.drops) {
        options.ct = explorer.choices.states(shape.asked, &bit).into();
    }
    let flow = with_port(example.packet(), from.key);
    let text = expression(&flow, &from.friendly);
    let names = network.names(datapath);
    assert_eq!(expr::parse_microflow(&text, &names, &names).as_ref(), Ok(&flow), "{text}");
    let arrived = deliveries(network, datapath, &flow, &options);
    let mut here = arrived.iter().filter(|at| (at.datapath, at.port) == to);
    if question.drops {
        assert!(here.next().is_none(), "{question:?}: {text} is said to be dropped");
        return true;
    }
    let wanted = visible(&example.packet_now(&shape.values));
    let found: Vec<_> = here.map(|at| visible(&at.flow)).collect();
    assert!(
        found.contains(&wanted),
        "{question:?}: {text}\n{wanted:?}\n{found:?}\n{}",
        way(network, datapath, &flow, &options)
    );
    true
}

/// Traces packets near the border of all classes: those outside do not arrive.
fn check_outside(
    explorer: &mut Explorer<'_>,
    question: &Question,
    from: &Port,
    any: Set,
    random: &mut Random,
) {
    let (network, to) = (explorer.network, explorer.goal.to);
    let datapath = network.datapath(from.datapath).expect("its datapath");
    let any = explorer.sets.forget(any, &|var| var >= packet_end());
    let number = explorer.number(datapath.uuid).expect("a datapath of the network");
    let possible = super::possible(&mut explorer.sets);
    for _ in 0..4 * samples() {
        let flow = with_port(neighbour(&explorer.sets, any, random), from.key);
        let mut bits = bits_of(&flow);
        bits.extend(bits_of_origin(number));
        let bit = |var: Var| bits.get(&var).copied().unwrap_or(false);
        if !explorer.sets.contains(possible, &bit) || explorer.sets.contains(any, &bit) {
            continue;
        }
        let arrived = deliveries(network, datapath, &flow, &Options::default());
        let text = expression(&flow, &from.friendly);
        let arrives = arrived.iter().any(|at| (at.datapath, at.port) == to);
        assert!(!arrives, "{question:?}: {text} arrives and is in no class");
    }
}

/// That a packet comes in on a datapath.
fn bits_of_origin(number: usize) -> impl Iterator<Item = (Var, bool)> {
    let last = Var::from(super::ORIGIN_BITS) - 1;
    (0..=last).map(move |i| (last - i, number >> i & 1 == 1))
}

fn with_port(mut flow: Microflow, key: u32) -> Microflow {
    flow.set(Field::Reg(14), key.into());
    flow
}

/// A packet near the border of a set: one of the set of which some field is changed.
fn neighbour(sets: &super::Sets, set: Set, random: &mut Random) -> Microflow {
    let bits = sets.example(set, &mut |_| random.coin()).unwrap_or_default();
    let mut bits: Vec<(Var, bool)> = bits;
    let count = random.number() % 4;
    for _ in 0..count {
        let at = random.number() as usize % bits.len().max(1);
        if let Some((var, bit)) = bits.get_mut(at)
            && *var >= Var::from(super::ORIGIN_BITS)
        {
            *bit = !*bit;
        }
    }
    Example::new(&bits).packet()
}

#[test]
fn samples_of_classes_go_where_the_answer_says_in_a_switched_network() {
    let tables = recorded(SWITCHED);
    let mut sampled = 0;
    for (from, to) in [("p1", "p2"), ("p3", "p1")] {
        sampled += check(&tables, &question(from, to));
        check(&tables, &Question { drops: true, ..question(from, to) });
    }
    assert!(sampled >= 2, "{sampled} classes");
}

#[test]
fn samples_of_classes_go_where_the_answer_says_in_a_routed_network() {
    let tables = recorded(ROUTED);
    let mut sampled = 0;
    let all = [("p1", "q1"), ("q2", "p2"), ("p1", "p2"), ("p1", "ln0"), ("ln0", "p2")];
    let few = if samples() > SAMPLES { &all[..] } else { &all[..1] };
    for &(from, to) in few {
        sampled += check(&tables, &question(from, to));
        check(&tables, &Question { drops: true, ..question(from, to) });
    }
    assert!(sampled >= 3, "{sampled} classes");
}

#[test]
fn answers_name_packets_and_places() {
    let tables = recorded(ROUTED);
    let ask = |from: &str, to: &str, of: &str, drops: bool| {
        verify(&tables, &Question { of: Some(of.to_owned()), drops, ..question(from, to) })
    };
    insta::assert_snapshot!(ask("q1", "q2", "eth.dst == 00:00:00:00:02:02", false), @r#"2 classes of packets get from "q1" to "q2":

1. arrive
   from: "q1"
   all have: vlan.tci == 0x0 && eth.dst == 00:00:00:00:02:02 && eth.src[40] == 0
   depends on: eth.type, ip.proto, ip.frag, icmp6.type, icmp6.code, eth.src, ip.ttl, arp.op, arp.tpa, nd.target
   example: 'inport == "q1" && ip4 && ip.proto == 1 && eth.dst == 00:00:00:00:02:02 && eth.src == 00:00:00:00:02:01 && ip4.src == 20.0.0.11 && ip.ttl == 64'

2. arrive (one of several copies)
   from: "q1"
   all have: eth.type == 0x4/0x7104 && vlan.tci == 0x0 && eth.dst == 00:00:00:00:02:02 && eth.src[40] == 0
   depends on: eth.type, ip.proto, ip.frag, icmp6.type, icmp6.code, eth.src, ip.ttl, arp.op, arp.tpa, ip6.dst, nd.target
   example: 'inport == "q1" && arp && eth.dst == 00:00:00:00:02:02 && eth.src == 00:00:00:00:02:01 && arp.op == 1 && arp.tpa == 172.16.0.101'"#);
    insta::assert_snapshot!(ask("q1", "p1", "ip4.dst == 10.0.0.11 && ip4.src == 20.0.0.11 && tcp.dst == 22 && eth.dst == 00:00:00:00:ff:02", false), @r#"1 class of packets gets from "q1" to "p1":

1. arrive
   from: "q1"
   all have: ip4 && ip.proto == 6 && vlan.tci == 0x0 && eth.dst == 00:00:00:00:ff:02 && eth.src[40] == 0 && ip4.dst == 10.0.0.11 && ip4.src == 20.0.0.11 && tcp.dst == 22
   depends on: ip.frag, ip.ttl, what is found and chosen on the way
   becomes: eth.src = 00:00:00:00:ff:01, eth.dst = 00:00:00:00:01:01, ip.ttl -= 1
   example: --ct=est,trk 'inport == "q1" && ip4 && ip.proto == 6 && eth.dst == 00:00:00:00:ff:02 && eth.src == 00:00:00:00:02:01 && ip4.dst == 10.0.0.11 && ip4.src == 20.0.0.11 && tcp.dst == 22 && ip.ttl == 64'
   arrives: 'ip4 && ip.proto == 6 && eth.dst == 00:00:00:00:01:01 && eth.src == 00:00:00:00:ff:01 && ip4.dst == 10.0.0.11 && ip4.src == 20.0.0.11 && tcp.dst == 22 && ip.ttl == 63'"#);
    insta::assert_snapshot!(ask("q2", "q1", "ip4.src == 20.0.0.12 && ip4.dst == 51.0.0.1 && eth.dst == 00:00:00:00:ff:02", true), @r#"Packets from "q2" to "q1" are dropped in 5 places:

1. dropped on "sw1" in ls_in_check_port_sec: vlan.present, priority 100
   from: "q2"
   all have: ip4 && vlan.tci[12] == 1 && eth.dst == 00:00:00:00:ff:02 && ip4.dst == 51.0.0.1 && ip4.src == 20.0.0.12
   depends on: ip.frag
   example: 'inport == "q2" && ip4 && ip.proto == 1 && vlan.tci == 0x1000 && eth.dst == 00:00:00:00:ff:02 && eth.src == 00:00:00:00:02:02 && ip4.dst == 51.0.0.1 && ip4.src == 20.0.0.12 && ip.ttl == 64'

2. dropped on "sw1" in ls_in_check_port_sec: eth.src[40], priority 100
   from: "q2"
   all have: ip4 && vlan.tci == 0x0 && eth.dst == 00:00:00:00:ff:02 && eth.src[40] == 1 && ip4.dst == 51.0.0.1 && ip4.src == 20.0.0.12
   depends on: ip.frag
   example: 'inport == "q2" && ip4 && ip.proto == 1 && eth.dst == 00:00:00:00:ff:02 && eth.src == 01:00:00:00:00:00 && ip4.dst == 51.0.0.1 && ip4.src == 20.0.0.12 && ip.ttl == 64'

3. dropped on "lr0" in lr_in_ip_input: inport == "lr0-sw1" && ip4 && ip.ttl == {0, 1} && !ip.later_frag, priority 31
   from: "q2"
   all have: ip4 && ip.frag[1] == 0 && vlan.tci == 0x0 && eth.dst == 00:00:00:00:ff:02 && eth.src[40] == 0 && ip4.dst == 51.0.0.1 && ip4.src == 20.0.0.12 && ip.ttl[1..7] == 0x0
   depends on: eth.src
   example: 'inport == "q2" && ip4 && ip.proto == 1 && eth.dst == 00:00:00:00:ff:02 && eth.src == 00:00:00:00:02:02 && ip4.dst == 51.0.0.1 && ip4.src == 20.0.0.12'

4. dropped on "lr0" in lr_in_ip_input: ip.ttl == {0, 1}, priority 30
   from: "q2"
   all have: ip4 && ip.frag == 3 && vlan.tci == 0x0 && eth.dst == 00:00:00:00:ff:02 && eth.src[40] == 0 && ip4.dst == 51.0.0.1 && ip4.src == 20.0.0.12 && ip.ttl[1..7] == 0x0
   example: 'inport == "q2" && ip4 && ip.proto == 1 && ip.frag == 3 && eth.dst == 00:00:00:00:ff:02 && eth.src == 00:00:00:00:02:02 && ip4.dst == 51.0.0.1 && ip4.src == 20.0.0.12'

5. dropped on "lr0" in lr_in_policy: ip4.src == 20.0.0.12 && ip4.dst == 51.0.0.0/8, priority 99
   from: "q2"
   all have: ip4 && vlan.tci == 0x0 && eth.dst == 00:00:00:00:ff:02 && eth.src[40] == 0 && ip4.dst == 51.0.0.1 && ip4.src == 20.0.0.12
   depends on: ip.frag, ip.ttl
   example: 'inport == "q2" && ip4 && ip.proto == 1 && eth.dst == 00:00:00:00:ff:02 && eth.src == 00:00:00:00:02:02 && ip4.dst == 51.0.0.1 && ip4.src == 20.0.0.12 && ip.ttl == 64'"#);
    insta::assert_snapshot!(ask("nobody", "q1", "1", false), @r#"unknown port "nobody""#);
}

//! All packets at once: which ones can get from one port to another, and where the others are dropped.
//!
//! The interpreter of `walk` follows one packet. Here a whole set of packets goes through the same flows: each flow takes
//! out of the set what matches it, and every field is known as a function of the packet that came in. So the answer is
//! of all packets, not of those that somebody thought of.
//!
//! - `sets`: sets of packets; `values`: fields of all packets of a set; `choices`: what is free besides.
//! - `flows`: the flows of a datapath; `explore`: from table to table; `act` and the files beside it: actions.
//! - `packet`: one packet of a set; `report`: the answer in words.
//!
//! It is exact where flows look at packets only. What connection tracking says is free: a class of packets says for which
//! states it holds. What a load balancer or a group chooses is any of its choices, a multicast group is all of its ports,
//! and neighbours are those in the database. What an answer could not take into account it says: bounds that were reached
//! ([`sets::NODES_MAX`] and its like), translations that would have been undone.

mod act;
mod choices;
mod conntrack;
mod explore;
mod flows;
mod lookup;
mod nested;
mod output;
mod packet;
mod port_security;
mod report;
mod sets;
#[cfg(test)]
mod tests;
mod values;

use crate::network::{Network, Port};
use crate::walk::port_security::Allowed;
use explore::{Event, Explorer, Goal, Place, Shape, State};
use flows::Test;
use lflow::expr;
use openflow::Field;
use schema::sb::Tables;
use sets::{Set, Sets, Var};
use values::{Bit, Given, ORIGIN_BITS, Value, Values};

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The port that packets come in by; any port of a guest or of a physical network without one.
    pub from: Option<String>,
    /// The port to arrive at.
    pub to: String,
    /// What the packets are to be, as an expression; all packets without one.
    pub of: Option<String>,
    /// Whether to look for packets that are dropped, rather than for those that arrive. Without an expression they are
    /// those that are addressed to the port.
    pub drops: bool,
}

/// Answers a question in words. What is wrong with it is said in the text.
pub fn verify(tables: &Tables, question: &Question) -> String {
    let network = Network::new(tables, true);
    match explore(&network, question) {
        Ok(explorer) => report::text(explorer, question),
        Err(error) => error,
    }
}

/// Follows all packets that are asked for.
fn explore<'n>(network: &'n Network, question: &Question) -> Result<Explorer<'n>, String> {
    let unknown = |name: &str| format!("unknown port \"{name}\"\n");
    let to = port(network, &question.to).ok_or_else(|| unknown(&question.to))?;
    let goal = Goal { to: (to.datapath, to.key), drops: question.drops };
    let mut explorer = Explorer::new(network, goal);
    let from = match &question.from {
        Some(name) => vec![port(network, name).ok_or_else(|| unknown(name))?],
        None => {
            let ports = network.datapaths().flat_map(|datapath| datapath.ports());
            ports.filter(|port| is_entrance(port) && port.row.uuid != to.row.uuid).collect()
        }
    };
    let addressed = question.drops && question.of.is_none();
    for (number, datapath) in explorer.datapaths.clone().into_iter().enumerate() {
        let keys: Vec<u32> =
            from.iter().filter(|port| port.datapath == datapath.uuid).map(|port| port.key).collect();
        if keys.is_empty() {
            continue;
        }
        let names = network.names(datapath);
        let of = match &question.of {
            Some(text) => {
                let parsed = expr::parse(text, &names).map_err(|error| format!("{error}\n"))?;
                let simple = flows::simple(parsed, &names).ok_or("the expression is too large\n")?;
                flows::test(&simple, &names)
            }
            None if addressed => addressed_to(to, to.datapath == datapath.uuid),
            None => Test::Always(true),
        };
        start(&mut explorer, number, &keys, &of);
    }
    explorer.run();
    Ok(explorer)
}

fn port<'n>(network: &'n Network, name: &str) -> Option<&'n Port> {
    network.port_by_name(name).or_else(|| {
        let mut ports = network.datapaths().flat_map(|datapath| datapath.ports());
        ports.find(|port| port.friendly == name)
    })
}

/// Whether packets come into the network by a port from outside of it.
fn is_entrance(port: &Port) -> bool {
    !matches!(&*port.row.r#type, "patch" | "l3gateway" | "chassisredirect")
}

/// The packets for the addresses of a port; by its MAC address alone from ports of the same switch only.
fn addressed_to(port: &Port, same_switch: bool) -> Test {
    let mut any = Vec::new();
    let is = |field: Field, value: u128| Test::Equal { field, value, mask: field.full_mask() };
    for word in port.row.mac.iter().flat_map(|text| text.split_whitespace()) {
        if let Ok(address) = word.parse::<std::net::Ipv4Addr>() {
            let is_v4 = is(Field::EthType, 0x0800);
            any.push(Test::All(vec![is_v4, is(Field::Ipv4Dst, address.to_bits().into())]));
        } else if let Ok(address) = word.parse::<std::net::Ipv6Addr>() {
            any.push(Test::All(vec![is(Field::EthType, 0x86dd), is(Field::Ipv6Dst, address.to_bits())]));
        } else if let (true, Ok(packet::Address(mac))) = (same_switch, word.parse()) {
            any.push(is(Field::EthDst, mac));
        }
    }
    Test::Any(any)
}

/// Packets come in by some ports of a datapath.
fn start(explorer: &mut Explorer<'_>, number: usize, keys: &[u32], of: &Test) {
    let mut values = Values::default();
    let sets = &mut explorer.sets;
    let origin = origin(number, sets);
    let ports: Vec<Set> = keys.iter().map(|key| field_is(Field::Reg(14), (*key).into(), sets)).collect();
    let ports = sets.or_all(ports);
    let set = sets.and(origin, ports);
    let possible = possible(sets);
    let set = sets.and(set, possible);
    let of = of.set(&values, sets);
    let set = sets.and(set, of);
    if let [key] = keys {
        values.set(Field::Reg(14), Value::Constant((*key).into()));
    }
    let shape =
        Shape { values, stack: Vec::new(), asked: Default::default(), is_copy: false, made: None, given: 0 };
    let place = Place { hops: 0, datapath: number, is_egress: false, table: 0 };
    let rest = match keys {
        [key] => start_cases(explorer, place, *key, &State { shape: shape.clone(), set }),
        _ => set,
    };
    explorer.enter(place, State { shape, set: rest });
}

/// Begins with what port security lets through, by itself for each address, so that all that packets of one address have
/// in common is known on their way. Gives the packets that are of none.
fn start_cases(explorer: &mut Explorer<'_>, place: Place, key: u32, all: &State) -> Set {
    let Some(port) = explorer.datapath(place).port(key) else { return all.set };
    let rules = port.row.port_security.iter().filter_map(|text| Allowed::parse(text));
    let mut rest = all.set;
    for case in rules.flat_map(|rule| rule.cases()) {
        let mut state = State { set: rest, ..all.clone() };
        let mut given = Given::new();
        for (field, value) in case {
            let of = field_is(field, value, &mut explorer.sets);
            state.set = explorer.sets.and(state.set, of);
            given.extend(values::bits_of(field, value));
        }
        rest = explorer.sets.minus(rest, state.set);
        state.shape.given = explorer.given.len();
        explorer.given.push(given);
        explorer.enter(place, state);
    }
    rest
}

/// The packets that come in on a datapath.
fn origin(number: usize, sets: &mut Sets) -> Set {
    let bits = (0..ORIGIN_BITS).map(|i| (Bit::Of(Var::from(ORIGIN_BITS - 1 - i)), number >> i & 1 == 1));
    values::all_of(bits.collect(), sets)
}

/// The packets that come in with a value in a field.
fn field_is(field: Field, value: u128, sets: &mut Sets) -> Set {
    values::equal(field, &Values::default().get(field), value, field.full_mask(), sets)
}

/// The packets that there can be: with a type that is no length, without half a VLAN tag, and no later fragments that are
/// no fragments.
fn possible(sets: &mut Sets) -> Set {
    const TYPE_MIN: u128 = 0x0600;
    const VLAN_PRESENT: u128 = 0x1000;
    let masked = |field, value, mask| Test::Equal { field, value, mask };
    let short = Test::All(vec![
        masked(Field::EthType, 0, 0xf800),
        Test::Not(Box::new(masked(Field::EthType, TYPE_MIN, TYPE_MIN))),
    ]);
    let no_tag = masked(Field::VlanTci, 0, 0xffff);
    let tag = masked(Field::VlanTci, VLAN_PRESENT, VLAN_PRESENT);
    let no_fragment = masked(Field::IpFrag, 2, 3);
    let test = Test::All(vec![
        Test::Not(Box::new(short)),
        Test::Any(vec![no_tag, tag]),
        Test::Not(Box::new(no_fragment)),
    ]);
    test.set(&Values::default(), sets)
}

/// Packets that have the same end.
struct Class {
    /// Where they are dropped; nothing if they arrive.
    end: Event,
    state: State,
}

/// The ends of packets, those that look the same from outside as one.
fn classes(explorer: &mut Explorer<'_>) -> Vec<Class> {
    let events = std::mem::take(&mut explorer.events);
    let sets = &mut explorer.sets;
    let arrived: Vec<Set> = events
        .iter()
        .filter(|(event, _)| matches!(event, Event::Arrived))
        .map(|(_, state)| state.set)
        .collect();
    let arrived = sets.or_all(arrived);
    let mut classes: Vec<Class> = Vec::new();
    for (end, mut state) in events {
        state.shape.given = 0;
        match &end {
            Event::Arrived if explorer.goal.drops => continue,
            Event::Arrived => state.shape.values.keep_visible(),
            // An answer that is dropped is no packet that somebody sent, and a copy is not missed if another arrives.
            Event::Dropped { .. } if state.shape.made.is_some() => continue,
            Event::Dropped { .. } => {
                state.set = sets.minus(state.set, arrived);
                state.shape.values = Values::default();
                if state.set.is_empty() {
                    continue;
                }
            }
        }
        let same = |class: &&mut Class| class.end.is_same(&end) && class.state.shape == state.shape;
        match classes.iter_mut().find(same) {
            Some(class) => class.state.set = sets.or(class.state.set, state.set),
            None => classes.push(Class { end, state }),
        }
    }
    classes
}

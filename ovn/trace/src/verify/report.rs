//! The answer in words.

use super::choices::Pick;
use super::explore::{Event, Explorer, HOPS_MAX, Limit, STATES_MAX};
use super::packet::{Address, Example, LIKELY, expression, name, shown};
use super::sets::{NODES_MAX, Set, Var};
use super::values::{Bit, ORIGIN_BITS, Value, base, packet_end, packet_fields};
use super::{Class, Question, classes, field_is, origin};
use crate::network::{Datapath, Port};
use crate::options::CtState;
use openflow::Field;
use std::fmt::Write as _;

/// The most classes that are shown.
const CLASSES_MAX: usize = 100;
/// The most ports that are named as the origin of a class.
const PORTS_MAX: usize = 8;

/// Writes down what was found.
pub(super) fn text(mut explorer: Explorer<'_>, question: &Question) -> String {
    let mut classes = classes(&mut explorer);
    let mut out = String::new();
    if let Some(limit) = explorer.limit {
        let _ = writeln!(out, "INCOMPLETE: {}; there may be more than what follows.", what_limit(limit));
        if limit == Limit::Nodes {
            // Sets are of no use any more.
            return out;
        }
    }
    let (from, to) =
        (question.from.as_deref().map_or("any port".to_owned(), |name| format!("\"{name}\"")), &question.to);
    let count = classes.len();
    let _ = match (question.drops, count) {
        (false, 0) => writeln!(out, "No packet gets from {from} to \"{to}\"."),
        (false, 1) => writeln!(out, "1 class of packets gets from {from} to \"{to}\":"),
        (false, _) => writeln!(out, "{count} classes of packets get from {from} to \"{to}\":"),
        (true, 0) => writeln!(out, "No packet from {from} to \"{to}\" is dropped."),
        (true, 1) => writeln!(out, "Packets from {from} to \"{to}\" are dropped in one place:"),
        (true, _) => writeln!(out, "Packets from {from} to \"{to}\" are dropped in {count} places:"),
    };
    classes.sort_by_key(|class| (class.state.shape.made, class.state.shape.is_copy));
    for (i, class) in classes.iter().take(CLASSES_MAX).enumerate() {
        let _ = write!(out, "\n{}. {}", i + 1, explorer.class(class));
    }
    if count > CLASSES_MAX {
        let _ = writeln!(out, "\n... and {} more.", count - CLASSES_MAX);
    }
    for note in &explorer.notes {
        let _ = writeln!(out, "\nNote: {note}.");
    }
    out
}

fn what_limit(limit: Limit) -> String {
    match limit {
        Limit::States => format!("more than {STATES_MAX} states"),
        Limit::Nodes => format!("more than {NODES_MAX} nodes of sets; ask for fewer packets"),
        Limit::Hops => format!("packets that go through more than {HOPS_MAX} pipelines were not followed"),
    }
}

impl<'n> Explorer<'n> {
    fn class(&mut self, class: &Class) -> String {
        let set = class.state.set;
        let (common, others) = self.sets.summary(set, packet_end() + self.choices.count());
        let mut out = format!("{}\n", self.head(class));
        let senders = self.senders(set);
        let all = senders.len();
        let names: Vec<String> = senders
            .iter()
            .take(PORTS_MAX)
            .map(|(datapath, key)| format!("\"{}\"", datapath.port_name(*key)))
            .collect();
        let more = if all > PORTS_MAX { format!(" and {} more", all - PORTS_MAX) } else { String::new() };
        let _ = writeln!(out, "   from: {}{more}", names.join(", "));
        let always = always(&common);
        if !always.is_empty() {
            let _ = writeln!(out, "   all have: {}", always.join(" && "));
        }
        let on = depends(&others);
        if !on.is_empty() {
            let _ = writeln!(out, "   depends on: {}", on.join(", "));
        }
        let changes: Vec<String> =
            class.state.shape.values.changed().map(|(field, value)| change(field, value, &common)).collect();
        if !changes.is_empty() {
            let _ = writeln!(out, "   becomes: {}", changes.join(", "));
        }
        if let Some(example) = self.likely_example(set, &senders) {
            out.push_str(&self.example_line(class, &example, &senders));
        }
        out
    }

    /// What becomes of the packets.
    fn head(&self, class: &Class) -> String {
        let copy = if class.state.shape.is_copy { " (one of several copies)" } else { "" };
        match (&class.end, class.state.shape.made) {
            (Event::Arrived, None) => format!("arrive{copy}"),
            (Event::Arrived, Some(made)) => format!("an answer arrives: {made}"),
            (Event::Dropped { place, flow }, _) => {
                let datapath = self.datapath(*place);
                let stage = |row: &schema::sb::LogicalFlow| {
                    row.external_ids.get("stage-name").map(|name| name.to_string())
                };
                let pipeline = place.pipeline();
                match flow {
                    Some(row) => format!(
                        "dropped on \"{}\" in {}: {}, priority {}{copy}",
                        datapath.friendly,
                        stage(row).unwrap_or_else(|| format!("{pipeline} table {}", place.table)),
                        self.network.friendly(datapath, &row.r#match),
                        row.priority
                    ),
                    None => {
                        let flows = self.network.stage(datapath, pipeline, place.table);
                        let stage = flows.flows.iter().find_map(|row| stage(row));
                        let stage = stage.unwrap_or_else(|| format!("{pipeline} table {}", place.table));
                        format!("dropped on \"{}\" in {stage}: no flow matches{copy}", datapath.friendly)
                    }
                }
            }
        }
    }

    /// The ports that packets of a set come in by.
    fn senders(&mut self, set: Set) -> Vec<(&'n Datapath, u32)> {
        let mut senders = Vec::new();
        for (number, datapath) in self.datapaths.clone().into_iter().enumerate() {
            let origin = origin(number, &mut self.sets);
            let here = self.sets.and(set, origin);
            if here.is_empty() {
                continue;
            }
            for key in datapath.keys() {
                let of = field_is(Field::Reg(14), key.into(), &mut self.sets);
                if !self.sets.and(here, of).is_empty() {
                    senders.push((datapath, key));
                }
            }
        }
        senders
    }

    /// A packet of the set that people expect, as far as there is one.
    fn likely_example(&mut self, set: Set, senders: &[(&Datapath, u32)]) -> Option<Example> {
        let facts = self.choices.default_facts(&mut self.sets);
        let marks = self.choices.no_marks(&mut self.sets);
        let states = self.choices.default_states(&mut self.sets);
        let fields = LIKELY.iter().map(|(field, value)| field_is(*field, *value, &mut self.sets));
        let mut wishes: Vec<Set> = fields.collect();
        wishes.splice(0..0, [facts, marks, states]);
        if let Some((datapath, key)) = senders.first() {
            let own = datapath.port(*key).map(own_addresses).unwrap_or_default();
            wishes.extend(own.into_iter().map(|(field, value)| field_is(field, value, &mut self.sets)));
        }
        let mut likely = set;
        for wish in wishes {
            let fewer = self.sets.and(likely, wish);
            if !fewer.is_empty() {
                likely = fewer;
            }
        }
        self.sets.example(likely, &mut |_| false).map(|bits| Example::new(&bits))
    }

    fn example_line(&self, class: &Class, example: &Example, senders: &[(&Datapath, u32)]) -> String {
        let flow = example.packet();
        let number = (0..Var::from(ORIGIN_BITS))
            .fold(0usize, |number, var| number << 1 | usize::from(example.bit(var)));
        let key = {
            use lflow::expr::Packet as _;
            flow.field(Field::Reg(14)) as u32
        };
        let Some(datapath) = self.datapaths.get(number) else { return String::new() };
        let inport = senders.iter().find(|(of, port)| of.uuid == datapath.uuid && *port == key);
        let name = inport.map_or("", |(datapath, key)| datapath.port_name(*key));
        let mut options = String::new();
        let bit = |var| example.bit(var);
        for state in self.choices.states(class.state.shape.asked, &bit) {
            let flags = CtState(state).to_string().replace('|', ",");
            let _ = write!(options, "--ct={flags} ");
        }
        for pick in self.choices.picked(class.state.shape.asked, &bit) {
            let _ = match pick {
                Pick::Backend(address, 0) => write!(options, "--lb-dst={address} "),
                Pick::Backend(address, port) if address.is_ipv6() => {
                    write!(options, "--lb-dst=[{address}]:{port} ")
                }
                Pick::Backend(address, port) => write!(options, "--lb-dst={address}:{port} "),
                Pick::Value(value) => write!(options, "--select-id={value} "),
                Pick::Port(_) => Ok(()),
            };
        }
        let mut out = format!("   example: {options}'{}'\n", expression(&flow, name));
        let arrives = example.packet_now(&class.state.shape.values);
        if matches!(class.end, Event::Arrived) && arrives != flow {
            let text = expression(&arrives, "");
            let _ =
                writeln!(out, "   arrives: '{}'", text.split_once(" && ").map_or("", |(_, packet)| packet));
        }
        out
    }
}

/// The source addresses that a port's packets are expected to have.
fn own_addresses(port: &Port) -> Vec<(Field, u128)> {
    let of = |word: &str| {
        if let Ok(address) = word.parse::<std::net::Ipv4Addr>() {
            Some((Field::Ipv4Src, address.to_bits().into()))
        } else if let Ok(address) = word.parse::<std::net::Ipv6Addr>() {
            Some((Field::Ipv6Src, address.to_bits()))
        } else {
            word.parse().ok().map(|Address(mac)| (Field::EthSrc, mac))
        }
    };
    port.row.mac.iter().flat_map(|text| text.split_whitespace()).filter_map(of).collect()
}

/// The bits that all packets have, field by field.
fn always(common: &[(Var, bool)]) -> Vec<String> {
    let mut terms = Vec::new();
    let kind = whole(common, Field::EthType);
    for (field, base) in packet_fields().filter(|(field, _)| *field != Field::Reg(14)) {
        let bits = field.bits();
        let (mut value, mut mask) = (0u128, 0u128);
        for (var, bit) in common.iter().filter(|(var, _)| (base..base + Var::from(bits)).contains(var)) {
            let low = Var::from(bits) - 1 - (var - base);
            mask |= 1 << low;
            value |= u128::from(*bit) << low;
        }
        let name = name(field, kind);
        if mask == field.full_mask() {
            terms.push(match (field, value) {
                (Field::EthType, 0x0800) => "ip4".to_owned(),
                (Field::EthType, 0x86dd) => "ip6".to_owned(),
                (Field::EthType, 0x0806) => "arp".to_owned(),
                _ => format!("{name} == {}", shown(field, value)),
            });
        } else if mask != 0 {
            terms.push(part(field, name, value, mask));
        }
    }
    terms
}

/// That some bits of a field have a value.
fn part(field: Field, name: &str, value: u128, mask: u128) -> String {
    let (low, count) = (mask.trailing_zeros(), mask.count_ones());
    let is_run = mask >> low == u128::MAX >> (128 - count);
    let is_prefix = low + count == u32::from(field.bits());
    match (is_run, is_prefix && field.bits().is_multiple_of(32)) {
        (true, true) => format!("{name} == {}/{count}", shown(field, value)),
        (true, false) if count == 1 => format!("{name}[{low}] == {}", value >> low),
        (true, false) => format!("{name}[{low}..{}] == {:#x}", low + count - 1, value >> low),
        (false, _) => format!("{name} == {value:#x}/{mask:#x}"),
    }
}

/// The value of a field that all packets have.
fn whole(common: &[(Var, bool)], field: Field) -> Option<u128> {
    number(common, base(field)?, field.bits())
}

/// The value that all packets have in some variables, the first of them that of the highest bit.
fn number(common: &[(Var, bool)], base: Var, bits: u16) -> Option<u128> {
    let of = common.iter().filter(|(var, _)| (base..base + Var::from(bits)).contains(var));
    let of: Vec<bool> = of.map(|(_, bit)| *bit).collect();
    (of.len() == usize::from(bits)).then(|| of.iter().fold(0, |value, bit| value << 1 | u128::from(*bit)))
}

/// The fields that a set depends on in more than the bits that are always the same.
fn depends(others: &[Var]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (field, base) in packet_fields().filter(|(field, _)| *field != Field::Reg(14)) {
        if others.iter().any(|var| (base..base + Var::from(field.bits())).contains(var)) {
            names.push(name(field, None).to_owned());
        }
    }
    if others.iter().any(|var| *var >= packet_end()) {
        names.push("what is found and chosen on the way".to_owned());
    }
    names
}

/// What a field has become.
fn change(field: Field, value: &Value, common: &[(Var, bool)]) -> String {
    let to = name(field, None);
    let of = |var: Var| {
        packet_fields().find(|(field, base)| (*base..*base + Var::from(field.bits())).contains(&var))
    };
    match value {
        Value::Constant(value) => format!("{to} = {}", shown(field, *value)),
        Value::Hops(fewer) => format!("{to} -= {fewer}"),
        Value::Run(var) if of(*var).is_none() => match number(common, *var, field.bits()) {
            Some(value) => format!("{to} = {}", shown(field, value)),
            None => format!("{to} is changed"),
        },
        Value::Run(var) => match of(*var) {
            Some((from, base)) if base == *var && from.bits() == field.bits() => {
                format!("{to} = {}", name(from, None))
            }
            Some((from, _)) => format!("{to} = bits of {}", name(from, None)),
            None => format!("{to} is changed"),
        },
        Value::Bits(bits) => {
            let from = bits.iter().find_map(|bit| match bit {
                Bit::Of(var) => of(*var),
                Bit::Known(_) => None,
            });
            match from {
                Some((from, _)) => format!("{to} = bits of {}", name(from, None)),
                None => format!("{to} is changed"),
            }
        }
    }
}

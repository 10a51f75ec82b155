//! The flows of one logical table of one datapath: in the order in which they are tried, found by what they
//! compare, parsed when first looked at.
//!
//! Most flows of a large table begin with `outport == "..." && reg0 == ...` or the like. Such a comparison is read off
//! the text without parsing it, and a flow in whose place the packet has another value is never looked at.

use super::{Datapath, Names, Network};
use lflow::action::{self, Context};
use lflow::error::Error;
use lflow::expr::{self, Expr, Packet};
use lflow::lexer::Integer;
use lflow::symbols::{FieldRef, Level};
use openflow::Field;
use ovsdb::{Str, Uuid};
use schema::sb::LogicalFlow;
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

/// A table with no more flows than this is searched one by one.
const UNINDEXED_MAX: usize = 8;
/// A comparison of fewer bits than this tells too few flows apart to be worth looking for.
const KEY_BITS_MIN: u32 = 8;
/// How much a port's name tells apart, in bits.
const NAME_BITS: u32 = 20;

/// What a set or variable in a flow is called, for [`Network::set_revision`].
pub(crate) type SetName = (char, Str);

/// The flows of one logical table.
pub(crate) struct Stage {
    /// The ones to try first at the front.
    pub(crate) flows: Vec<Arc<LogicalFlow>>,
    index: OnceCell<Index>,
    readings: RefCell<HashMap<Uuid, Rc<Reading>>>,
}

/// A flow's texts, parsed.
pub(crate) struct Reading {
    pub(crate) row: Arc<LogicalFlow>,
    pub(crate) matched: Result<Expr, Error>,
    actions: OnceCell<Result<action::Parsed, Error>>,
    /// With the revision of names that it is of.
    shown: RefCell<Option<(u64, Rc<Shown>)>>,
    /// The sets it refers to, with their revisions when it was parsed.
    sets: Vec<(SetName, u64)>,
}

/// A flow's texts, as they are shown.
pub(crate) struct Shown {
    pub(crate) matched: String,
    /// Of each action.
    pub(crate) actions: Vec<String>,
}

impl Stage {
    /// The table of these flows. What was read of flows that `old` has too is taken over.
    pub(crate) fn new(mut flows: Vec<Arc<LogicalFlow>>, old: Option<&Self>) -> Self {
        flows.sort_by_key(|flow| (std::cmp::Reverse(flow.priority), flow.uuid));
        let readings = match old {
            None => HashMap::new(),
            Some(old) => {
                let old = old.readings.borrow();
                let kept = flows.iter().filter_map(|flow| {
                    let reading = old.get(&flow.uuid)?;
                    Arc::ptr_eq(&reading.row, flow).then(|| (flow.uuid, reading.clone()))
                });
                kept.collect()
            }
        };
        Self { flows, index: OnceCell::new(), readings: RefCell::new(readings) }
    }

    /// The flows that may match a packet, in the order in which to try them: all others do not.
    pub(crate) fn candidates(&self, packet: &dyn Packet, datapath: &Datapath) -> Vec<usize> {
        if self.flows.len() <= UNINDEXED_MAX {
            return (0..self.flows.len()).collect();
        }
        self.index.get_or_init(|| Index::new(&self.flows, datapath)).find(packet, datapath)
    }

    /// A flow of the table, parsed.
    pub(crate) fn reading(
        &self,
        row: &Arc<LogicalFlow>,
        network: &Network,
        names: &Names<'_>,
    ) -> Rc<Reading> {
        let known = self.readings.borrow().get(&row.uuid).cloned();
        let is_current =
            |reading: &Rc<Reading>| reading.sets.iter().all(|(name, at)| network.set_revision(name) == *at);
        if let Some(reading) = known.filter(is_current) {
            return reading;
        }
        let reading = Rc::new(Reading::new(row, network, names));
        self.readings.borrow_mut().insert(row.uuid, reading.clone());
        reading
    }
}

impl Reading {
    fn new(row: &Arc<LogicalFlow>, network: &Network, names: &Names<'_>) -> Self {
        names.asked.borrow_mut().clear();
        let text = lflow::template::expand(&row.r#match, |name| names.template(name));
        let matched = expr::parse(&text, names);
        let has_variables = row.actions.contains('^');
        if has_variables {
            lflow::template::expand(&row.actions, |name| names.template(name));
        }
        let asked = names.asked.take();
        let revision = |name: SetName| (name.clone(), network.set_revision(&name));
        Self {
            row: row.clone(),
            matched,
            actions: OnceCell::new(),
            shown: RefCell::default(),
            sets: asked.into_iter().map(revision).collect(),
        }
    }

    pub(crate) fn actions(&self, context: Context, names: &Names<'_>) -> Result<&action::Parsed, &Error> {
        let parse = || {
            let text = lflow::template::expand(&self.row.actions, |name| names.template(name));
            action::parse(&text, context)
        };
        self.actions.get_or_init(parse).as_ref()
    }

    /// The texts with the names of ports as they are to be shown.
    pub(crate) fn shown(&self, network: &Network, datapath: &Datapath) -> Rc<Shown> {
        let revision = network.names_revision;
        if let Some((_, shown)) = self.shown.borrow().as_ref().filter(|(of, _)| *of == revision) {
            return shown.clone();
        }
        let actions = match self.actions.get() {
            Some(Ok(parsed)) => &parsed.actions[..],
            Some(Err(_)) | None => &[],
        };
        let shown = Rc::new(Shown {
            matched: network.friendly(datapath, &self.row.r#match),
            actions: actions.iter().map(|one| network.friendly(datapath, &one.to_string())).collect(),
        });
        *self.shown.borrow_mut() = Some((revision, shown.clone()));
        shown
    }
}

/// A comparison that a flow's match cannot do without.
#[derive(Debug, PartialEq, Eq)]
enum Key {
    Integer { field: Field, mask: u128, value: u128 },
    Port { field: Field, name: Str },
}

impl Key {
    fn bits(&self) -> u32 {
        match self {
            Self::Integer { mask, .. } => mask.count_ones(),
            Self::Port { .. } => NAME_BITS,
        }
    }
}

/// Where the flows of each key are. All lists are in the order of the flows.
#[derive(Default)]
struct Index {
    integers: Vec<(Field, u128, HashMap<u128, Vec<usize>>)>,
    ports: Vec<(Field, HashMap<Str, Vec<usize>>)>,
    /// Those without a key.
    others: Vec<usize>,
}

impl Index {
    fn new(flows: &[Arc<LogicalFlow>], datapath: &Datapath) -> Self {
        let mut index = Self::default();
        for (i, flow) in flows.iter().enumerate() {
            match key(&flow.r#match) {
                Some(Key::Integer { field, mask, value }) => {
                    let table =
                        match index.integers.iter().position(|table| (table.0, table.1) == (field, mask)) {
                            Some(at) => &mut index.integers[at],
                            None => {
                                index.integers.push((field, mask, HashMap::new()));
                                index.integers.last_mut().expect("one was just put there")
                            }
                        };
                    table.2.entry(value).or_default().push(i);
                }
                // A name that is no port's may still be the one that is shown for it.
                Some(Key::Port { field, name }) if datapath.keys.contains_key(&name) => {
                    let table = match index.ports.iter().position(|table| table.0 == field) {
                        Some(at) => &mut index.ports[at],
                        None => {
                            index.ports.push((field, HashMap::new()));
                            index.ports.last_mut().expect("one was just put there")
                        }
                    };
                    table.1.entry(name).or_default().push(i);
                }
                Some(Key::Port { .. }) | None => index.others.push(i),
            }
        }
        index
    }

    fn find(&self, packet: &dyn Packet, datapath: &Datapath) -> Vec<usize> {
        let mut found = self.others.clone();
        for (field, mask, flows) in &self.integers {
            found.extend(flows.get(&(packet.field(*field) & mask)).into_iter().flatten());
        }
        for (field, flows) in &self.ports {
            let name = u32::try_from(packet.field(*field)).ok().and_then(|key| datapath.name_of(key));
            found.extend(name.and_then(|name| flows.get(name)).into_iter().flatten());
        }
        found.sort_unstable();
        found
    }
}

/// The comparison by which a match is best found, if it has one that it cannot do without.
fn key(text: &str) -> Option<Key> {
    conjuncts(text)?.into_iter().filter_map(comparison).max_by_key(Key::bits)
}

/// The terms between the outermost `&&` of a match, `None` if there is a `||` between them.
///
/// Whoever parses the text may find that it is no match at all: then it does not match, whatever its terms are.
fn conjuncts(text: &str) -> Option<Vec<&str>> {
    let bytes = text.as_bytes();
    let (mut terms, mut start, mut depth, mut quoted) = (Vec::new(), 0, 0usize, false);
    let mut i = 0;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' if quoted => i += 1,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            // A comment could hide anything.
            b'/' if matches!(bytes.get(i + 1), Some(b'/' | b'*')) => return None,
            b'(' | b'{' => depth += 1,
            b')' | b'}' => depth = depth.checked_sub(1)?,
            b'|' if depth == 0 => return None,
            b'&' if depth == 0 && bytes.get(i + 1) == Some(&b'&') => {
                terms.push(&text[start..i]);
                start = i + 2;
                i += 1;
            }
            _ => {}
        }
        i += 1;
    }
    terms.push(&text[start..]);
    Some(terms)
}

/// The terms that must all be true for a match; a match with a `||` outside of parentheses is one term.
pub(crate) fn terms(text: &str) -> Vec<&str> {
    conjuncts(text).unwrap_or_else(|| vec![text])
}

/// A term of the form `field == constant`.
fn comparison(term: &str) -> Option<Key> {
    let (name, constant) = term.split_once("==")?;
    let (name, constant) = (name.trim(), constant.trim());
    let symbol = lflow::symbols::table().get(name)?;
    let (field, low, bits) = FieldRef::whole(symbol).openflow()?;
    if symbol.is_string() {
        let name = constant.strip_prefix('"')?.strip_suffix('"')?;
        let is_plain = !name.is_empty() && !name.contains(['"', '\\']);
        return is_plain.then(|| Key::Port { field, name: name.into() });
    }
    if !constant.starts_with(|c: char| c.is_ascii_hexdigit() || c == ':') {
        return None;
    }
    let Integer { value, mask, bits: width, .. } = constant.parse().ok()?;
    let ones = u128::MAX.checked_shr(128 - u32::from(bits)).unwrap_or(0);
    let mask = mask.unwrap_or(ones);
    // What does not fit, or is no mask for such a field, is an error of the text.
    let fits = width <= bits && mask & !ones == 0 && (mask == ones || symbol.level() == Level::Ordinal);
    let key = Key::Integer { field, mask: mask << low, value: (value & mask) << low };
    (fits && key.bits() >= KEY_BITS_MIN).then_some(key)
}

/// The tables that a change of a datapath's flows concerns.
pub(super) type Touched = BTreeSet<(Uuid, lflow::Pipeline, u8)>;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match key(text) {
            None => "-".to_owned(),
            Some(Key::Integer { field, mask, value }) => format!("{field:?} {value:x}/{mask:x}"),
            Some(Key::Port { field, name }) => format!("{field:?} {name}"),
        }
    }

    #[test]
    fn a_key_is_what_a_match_cannot_do_without() {
        let table = [
            ("1", "-"),
            ("ip4", "-"),
            ("inport == \"p1\"", "Reg(14) p1"),
            ("inport == {\"p1\", \"p2\"}", "-"),
            ("inport == \"p1\" || ip4.dst == 10.0.0.1", "-"),
            ("inport == \"a && b\" && ip4", "Reg(14) a && b"),
            ("inport == \"a\\\" && ip4.dst == 1.2.3.4\"", "-"),
            ("(ip4.src == 10.0.0.1 || ip6) && outport == \"p1\"", "Reg(15) p1"),
            ("!(ip4.dst == 10.0.0.1)", "-"),
            (
                "outport == \"p1\" && reg0 == 10.0.0.1",
                "XXReg(0) a000001000000000000000000000000/ffffffff000000000000000000000000",
            ),
            ("eth.dst == 0a:00:00:00:00:01 && inport == \"p1\"", "EthDst a0000000001/ffffffffffff"),
            ("ip4.dst == 10.0.0.0/24", "Ipv4Dst a000000/ffffff00"),
            ("ip4.dst == 10.0.0.0/4", "-"),
            ("ip4.dst == $set", "-"),
            ("ip4.dst != 10.0.0.1", "-"),
            ("reg0[2] == 1", "-"),
            ("10.0.0.1 == ip4.dst", "-"),
            ("ip4.dst == 10.0.0.1 /* && */ || 1", "-"),
            (
                "xxreg0 == fe80::1",
                "XXReg(0) fe800000000000000000000000000001/ffffffffffffffffffffffffffffffff",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_was_parsed_is_kept_until_its_row_or_a_set_in_it_changes() {
        let flow = |n: u128, text: &str| {
            let r#match = text.into();
            Arc::new(LogicalFlow { uuid: Uuid::from_u128(n), r#match, ..Default::default() })
        };
        let mut network = Network::default();
        let (plain, with_set) = (flow(1, "ip4"), flow(2, "ip4.dst == $set"));
        let old = Stage::new(vec![plain.clone(), with_set.clone()], None);
        let read = |stage: &Stage, row: &Arc<LogicalFlow>, network: &Network| {
            stage.reading(row, network, &network.anywhere())
        };
        let first = [&plain, &with_set].map(|row| read(&old, row, &network));
        assert!(first[0].matched.is_ok() && first[1].matched.is_err(), "there is no such set yet");

        // Another flow of the same UUID comes in the place of the first one.
        let changed = flow(1, "ip6");
        let new = Stage::new(vec![changed.clone(), with_set.clone()], Some(&old));
        assert!(!Rc::ptr_eq(&first[0], &read(&new, &changed, &network)));
        assert!(Rc::ptr_eq(&first[1], &read(&new, &with_set, &network)));

        let kept = read(&new, &changed, &network);
        *network.set_revisions.entry(('$', "set".into())).or_default() += 1;
        assert!(Rc::ptr_eq(&kept, &read(&new, &changed, &network)));
        assert!(!Rc::ptr_eq(&first[1], &read(&new, &with_set, &network)));
    }
}

//! Logical flows as the features write them.
//!
//! A [`Flow`] is what a feature says, a [`FlowSink`] takes it for the datapath at hand. Equal flows of many datapaths
//! are one piece of memory here and one row, with a datapath group, in the southbound database.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};

use incr::Emit;
use lflow::lexer::Integer;
use lflow::pipeline::Stage;
use lflow::{action, expr};
use ovsdb::{Str, Uuid};
use schema::sb;

use crate::network::Network;
use crate::numbering;
use crate::output::Output;
use crate::sync::logical_flow::row_id;

/// A logical flow without its datapath: `Logical_Flow` in the southbound database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// The table that it is in.
    pub stage: Stage,
    /// Of all flows of a table that match, the one with the highest priority acts.
    pub priority: u16,
    /// The match, in OVN's language.
    pub matches: Str,
    /// The actions, in OVN's language.
    pub actions: Str,
    /// The meter for packets that the actions send to the controller.
    pub meter: Option<Str>,
    /// The port without which the flow has no effect: chassis where it is of no interest can leave the flow out.
    pub port: Option<Str>,
    /// The northbound row that the flow is there for.
    pub hint: Option<Uuid>,
    /// What the flow is for, where that helps a person who sees a packet end in it.
    pub description: Option<&'static str>,
    /// The place in this program that wrote the flow.
    pub source: &'static Location<'static>,
}

impl Flow {
    /// A flow from its essence; the caller is remembered as its source.
    #[track_caller]
    pub fn new(stage: Stage, priority: u16, matches: impl AsRef<str>, actions: impl AsRef<str>) -> Self {
        Self {
            stage,
            priority,
            matches: matches.as_ref().into(),
            actions: actions.as_ref().into(),
            meter: None,
            port: None,
            hint: None,
            description: None,
            source: Location::caller(),
        }
    }

    /// The flow is of use only where this port is.
    pub fn for_port(self, name: &Str) -> Self {
        Self { port: Some(name.clone()), ..self }
    }

    /// The flow is there because of this northbound row.
    pub fn hint(self, row: Uuid) -> Self {
        Self { hint: Some(row), ..self }
    }

    /// What the flow is for.
    pub fn described(self, description: &'static str) -> Self {
        Self { description: Some(description), ..self }
    }

    /// Pairs with the controllers' reading of flows: what is written here can be read there.
    ///
    /// # Panics
    ///
    /// If match or actions are not in OVN's language. They are ours, so this is a mistake in the feature that is
    /// their source.
    fn assert_parses(&self) {
        let Some(table) = numbering::table(self.stage) else {
            panic!("{self} is in a stage without a table")
        };
        let context = action::Context { pipeline: self.stage.pipeline(), table };
        let parsed = expr::parse(&self.matches, &AnySets).map(drop);
        let parsed = parsed.and_then(|()| action::parse(&self.actions, context).map(drop));
        if let Err(error) = parsed {
            panic!("{} wrote the flow {self}: {error}", self.source_text());
        }
    }

    /// The source as it is written to the database: file name and line.
    pub fn source_text(&self) -> String {
        let file = self.source.file();
        format!("{}:{}", file.rsplit(['/', '\\']).next().unwrap_or(file), self.source.line())
    }
}

/// A flow with what it is known by in the southbound database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowRow {
    /// Made of everything in the row, so it is another one for every other flow.
    pub id: Uuid,
    /// The flow.
    pub flow: Flow,
}

impl From<Flow> for FlowRow {
    fn from(flow: Flow) -> Self {
        let mut row = Self { id: Uuid::ZERO, flow };
        row.id = row_id(&row.row());
        row
    }
}

impl FlowRow {
    /// The row of `Logical_Flow`, without datapaths.
    pub fn row(&self) -> sb::LogicalFlow {
        let Flow { stage, priority, matches, actions, meter, port, hint, description, .. } = &self.flow;
        let mut external_ids = BTreeMap::from([
            (Str::from("source"), Str::from(self.flow.source_text())),
            (Str::from("stage-name"), Str::from(stage.name())),
        ]);
        if let Some(row) = hint {
            external_ids.insert("stage-hint".into(), format!("{:08x}", row.first_u32()).into());
        }
        sb::LogicalFlow {
            pipeline: stage.pipeline().name().into(),
            table_id: numbering::table(*stage).expect("flows are written to stages with a table only").into(),
            priority: (*priority).into(),
            r#match: matches.clone(),
            actions: actions.clone(),
            controller_meter: meter.clone(),
            tags: port.iter().map(|port| (Str::from("in_out_port"), port.clone())).collect(),
            flow_desc: description.map(Str::from),
            external_ids,
            ..Default::default()
        }
    }
}

/// `stage priority match -> actions`, for tests and logs.
impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} -> {}", self.stage, self.priority, self.matches, self.actions)
    }
}

/// Takes the flows of one datapath.
pub struct FlowSink<'a> {
    emit: &'a mut Emit<Network>,
    interner: &'a Interner,
    datapath: Uuid,
}

impl<'a> FlowSink<'a> {
    /// A sink for flows of `datapath` (its northbound row).
    pub fn new(emit: &'a mut Emit<Network>, interner: &'a Interner, datapath: Uuid) -> Self {
        Self { emit, interner, datapath }
    }

    /// Takes a flow.
    pub fn add(&mut self, flow: Flow) {
        let flow = self.interner.intern(flow);
        self.emit.output(Output::Flow { flow, datapath: self.datapath });
    }

    /// Takes a flow of a switch or router as a whole.
    #[track_caller]
    pub fn flow(&mut self, stage: Stage, priority: u16, matches: impl AsRef<str>, actions: impl AsRef<str>) {
        self.add(Flow::new(stage, priority, matches, actions));
    }
}

/// Keeps equal flows once, and makes what each is known by once.
///
/// Flows that nobody else has any more are dropped now and then, when their number may have doubled.
#[derive(Debug, Default)]
pub struct Interner(Mutex<Interned>);

#[derive(Debug)]
struct Interned {
    flows: HashSet<ByFlow>,
    sweep_at: usize,
}

/// A row that is found by its flow alone.
#[derive(Debug, PartialEq, Eq)]
struct ByFlow(Arc<FlowRow>);

impl Borrow<Flow> for ByFlow {
    fn borrow(&self) -> &Flow {
        &self.0.flow
    }
}

impl Hash for ByFlow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.flow.hash(state);
    }
}

impl Default for Interned {
    fn default() -> Self {
        Self { flows: HashSet::new(), sweep_at: Self::SWEEP_MIN }
    }
}

impl Interned {
    const SWEEP_MIN: usize = 1024;
}

impl Interner {
    /// The one copy of `flow`.
    pub fn intern(&self, flow: Flow) -> Arc<FlowRow> {
        let mut interned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ByFlow(known)) = interned.flows.get(&flow) {
            return known.clone();
        }
        if interned.flows.len() >= interned.sweep_at {
            interned.flows.retain(|ByFlow(flow)| Arc::strong_count(flow) > 1);
            interned.sweep_at = (2 * interned.flows.len()).max(Interned::SWEEP_MIN);
        }
        if cfg!(debug_assertions) {
            flow.assert_parses();
        }
        let row = Arc::new(FlowRow::from(flow));
        interned.flows.insert(ByFlow(row.clone()));
        row
    }
}

/// Every set and group is there: whether it is, and what is in it, is for controllers to know.
pub struct AnySets;

impl expr::Sets for AnySets {
    fn address_set(&self, _: &str) -> Option<Arc<Vec<Integer>>> {
        Some(Arc::default())
    }

    fn port_group(&self, _: &str) -> Option<Arc<Vec<Arc<str>>>> {
        Some(Arc::default())
    }
}

/// A name as a string of OVN's language, with quotes and escapes.
pub fn quoted(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 2);
    text.push('"');
    for c in name.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c < ' ' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_like_json() {
        assert_eq!(quoted("p1"), "\"p1\"");
        assert_eq!(quoted("a\"b\\c\n\u{1}"), r#""a\"b\\c\n\u0001""#);
    }

    #[test]
    fn the_source_is_the_line_that_wrote_the_flow() {
        let flow = Flow::new(Stage::LsInL2Lkup, 50, "1", "next;");
        assert!(flow.source_text().starts_with("flows.rs:"), "{}", flow.source_text());
        assert_eq!(flow.to_string(), "ls_in_l2_lkup 50 1 -> next;");
    }

    #[test]
    fn the_interner_forgets_what_nobody_has() {
        let interner = Interner::default();
        let flow = |n: u16| Flow::new(Stage::LsInL2Lkup, n, "1", "next;");
        let kept = interner.intern(flow(0));
        (1..10_000).for_each(|n| drop(interner.intern(flow(n))));
        assert!(Arc::ptr_eq(&kept, &interner.intern(flow(0))));
        assert!(interner.0.lock().expect("no panic").flows.len() <= 1025);
    }
}

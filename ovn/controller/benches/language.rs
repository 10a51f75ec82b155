//! How long logical flows take from text to the octets of OpenFlow: `cargo bench -p controller --bench language -- SB.db`,
//! with the file of a southbound database, as an `ovsdb-server` has written it.
//!
//! Each step is timed alone, over all flows of the file, in time of this thread's CPU; then all of them together, with
//! the flows that the file has, and with each text once.

use controller::compile::{self, Environment, Features, Group, Meter, Resources};
use controller::flow::FlowKey;
use controller::tables::{self, OfTable};
use lflow::action::{self, Context, Parsed};
use lflow::expr::{self, Expr, LogicalMatch, NoSets, Plain, Ports};
use lflow::pipeline::Pipeline;
use openflow::{Action, BundleFlags, BundleId, FlowChange, FlowModCommand, GroupId, MeterId, PortNo};
use serde_json::Value;
use std::cell::Cell;
use std::collections::HashSet;
use std::hint::black_box;

/// Every name has a key, and no port is here.
struct Names;

impl Ports for Names {
    fn key(&self, port: &str) -> Option<u32> {
        Some(port.bytes().fold(7, |key: u32, byte| key.wrapping_mul(31).wrapping_add(byte.into())) & 0x7fff)
    }

    fn is_chassis_resident(&self, _: &str) -> bool {
        false
    }
}

/// Gives a number to whatever is asked for.
#[derive(Default)]
struct Numbers(Cell<u32>);

impl Resources for Numbers {
    fn datapath(&self) -> u32 {
        1
    }

    fn cookie(&self) -> u32 {
        1
    }

    fn group(&self, _: Group) -> Option<GroupId> {
        self.0.set(self.0.get() + 1);
        Some(GroupId(self.0.get()))
    }

    fn meter(&self, _: Meter<'_>) -> Option<MeterId> {
        Some(MeterId(1))
    }

    fn has_collectors(&self, _: u32) -> bool {
        true
    }

    fn tunnel_port(&self, _: &str) -> Option<PortNo> {
        Some(PortNo(1))
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Flow {
    matching: String,
    actions: String,
    pipeline: Pipeline,
    table: u8,
}

impl Flow {
    /// What a row is; `None` if its match needs sets that are not here.
    fn of(row: &Value) -> Option<Self> {
        let text = |column: &str| row[column].as_str().map(str::to_owned);
        let pipeline = Pipeline::from_name(row["pipeline"].as_str()?)?;
        // Nothing is written for what is zero.
        let table = u8::try_from(row["table_id"].as_i64().unwrap_or(0)).ok()?;
        let flow = Self { matching: text("match")?, actions: text("actions")?, pipeline, table };
        expr::parse(&flow.matching, &NoSets).ok().map(|_| flow)
    }

    fn parse_actions(&self) -> Parsed {
        let context = Context { pipeline: self.pipeline, table: self.table };
        action::parse(&self.actions, context).expect("flows of a northd are sound")
    }

    fn parse_match(&self) -> Expr {
        expr::parse(&self.matching, &NoSets).expect("flows of a northd are sound")
    }

    fn compile(&self, actions: &[action::Action], resources: &Numbers) -> Vec<Action> {
        let env = Environment {
            ports: &Names,
            resources,
            pipeline: self.pipeline,
            table: self.table,
            is_switch: true,
            common_zone: tables::DNAT_ZONE,
            controller_meter: None,
            features: Features::default(),
        };
        compile::actions(actions, &env).expect("flows of a northd are sound")
    }

    /// From text to octets; gives how many flows and octets.
    fn whole(&self, resources: &Numbers) -> (usize, usize) {
        let parsed = self.parse_actions();
        let matching = self.parse_match();
        let matches = match Plain::of(&[&matching, &parsed.prereqs]) {
            Some(plain) => plain.to_matches(&Names),
            None => to_matches(normal(annotated(matching, parsed.prereqs))),
        };
        let actions = self.compile(&parsed.actions, resources);
        (matches.len(), octets(&matches, &actions))
    }
}

fn annotated(matching: Expr, prereqs: Expr) -> Expr {
    expr::simplify(expr::annotate(Expr::and([matching, prereqs]))).expect("it is not too large")
}

fn normal(annotated: Expr) -> Vec<expr::Disjunct> {
    expr::normalize(&expr::resolve_conditions(annotated, &Names)).expect("it is not too large")
}

fn to_matches(normal: Vec<expr::Disjunct>) -> Vec<LogicalMatch> {
    let mut ids = 0;
    let mut next_id = || {
        ids += 1;
        ids
    };
    expr::to_matches(&normal, &Names, &mut next_id).expect("it is not too large")
}

/// As a controller keeps a flow, and then sends it.
fn encode(found: &LogicalMatch, actions: &[Action], out: &mut Vec<u8>) {
    let key = FlowKey::new(OfTable(8), 100, &found.matching);
    let (table, priority) = (key.table().number(), key.priority());
    let (command, matching) = (FlowModCommand::Add, key.octets());
    let change = FlowChange { command, table, priority, cookie: 1, matching, actions };
    change.put_in_bundle(BundleId(1), BundleFlags::ATOMIC_ORDERED, 1, out);
}

/// How many octets flows are.
fn octets(found: &[LogicalMatch], actions: &[Action]) -> usize {
    let mut out = Vec::with_capacity(1024);
    found.iter().for_each(|found| encode(found, actions, &mut out));
    out.len()
}

fn main() {
    let Some(path) = std::env::args().skip(1).find(|arg| !arg.starts_with('-')) else {
        println!("no file of a southbound database is given, nothing is measured");
        return;
    };
    let text = std::fs::read_to_string(path).expect("the file can be read");
    let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let rows: Vec<Value> = records
        .flat_map(|record| record["Logical_Flow"].as_object().cloned().unwrap_or_default())
        .map(|(_, row)| row)
        .collect();
    let flows: Vec<Flow> = rows.iter().filter_map(Flow::of).collect();
    println!("{} logical flows, {} without sets", rows.len(), flows.len());
    steps(&flows);
    whole("all flows", &flows);
    let texts: HashSet<&Flow> = flows.iter().collect();
    let texts: Vec<Flow> = texts.into_iter().cloned().collect();
    whole("each text once", &texts);
}

/// Each step alone.
fn steps(flows: &[Flow]) {
    let resources = Numbers::default();
    let parsed = timed("parse actions", flows, Flow::parse_actions);
    let matches = timed("parse match", flows, Flow::parse_match);
    let pairs: Vec<(Expr, Expr)> =
        matches.into_iter().zip(parsed.iter().map(|parsed| parsed.prereqs.clone())).collect();
    let short = timed("the short way", &pairs, |(matching, prereqs)| {
        Plain::of(&[matching, prereqs]).map(|plain| plain.to_matches(&Names))
    });
    println!("  {} of them", short.iter().flatten().count());
    let exprs = timed("annotate and simplify", &pairs, |(matching, prereqs)| {
        annotated(matching.clone(), prereqs.clone())
    });
    let forms = timed("normalize", &exprs, |expr| normal(expr.clone()));
    let found = timed("to matches", &forms, |form| to_matches(form.clone()));
    let pairs: Vec<(&Flow, Parsed)> = flows.iter().zip(parsed).collect();
    let compiled =
        timed("compile actions", &pairs, |(flow, parsed)| flow.compile(&parsed.actions, &resources));
    let pairs: Vec<_> = found.into_iter().zip(compiled).collect();
    timed("encode", &pairs, |(found, actions)| octets(found, actions));
}

fn whole(what: &str, flows: &[Flow]) {
    let resources = Numbers::default();
    let counts = timed(what, flows, |flow| flow.whole(&resources));
    let (count, octets) = counts.iter().fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    println!("  {count} OpenFlow flows, {octets} octets");
}

/// Does something with each, some times, and says what one takes at best.
fn timed<T, R>(what: &str, items: &[T], work: impl Fn(&T) -> R) -> Vec<R> {
    const ROUNDS: usize = 3;
    let mut best = f64::MAX;
    let mut results = Vec::new();
    for _ in 0..ROUNDS {
        results.clear();
        let start = cpu_ns();
        results.extend(items.iter().map(|item| black_box(work(black_box(item)))));
        best = best.min(cpu_ns() - start);
    }
    let each = best / items.len() as f64;
    println!("{what:24} {each:8.0} ns a flow, {:9.0} flows a second", 1e9 / each);
    results
}

/// What this thread has computed so far.
fn cpu_ns() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0.0)
}

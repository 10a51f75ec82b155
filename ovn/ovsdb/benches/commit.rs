//! What a commit costs in the engine alone, into an empty switch and into a large one: `cargo bench -p ovsdb`.
//!
//! Figures are printed, never asserted.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // A measurement stops where it fails, and reads the clock.

use ovsdb::db::{Caller, Database, Execution};
use ovsdb::log::transaction_record;
use ovsdb::{DatabaseSchema, Datum};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SWITCH: &str = "00000000-0000-4000-8000-000000000001";
/// Commits of each measurement.
const COMMITS: usize = 5_000;

fn main() {
    // `cargo test --benches` runs this too; then it only has to compile.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    println!(
        "{:>8} {:>9} {:>9} {:>9} {:>9} {:>9}  us a commit",
        "ports", "parse", "execute", "apply", "record", "diff"
    );
    for ports in [0, 100, 10_000, 100_000] {
        let phases = measure(ports);
        let us = |phase: Duration| format!("{:.2}", phase.as_secs_f64() * 1e6);
        let [parse, execute, apply, record, diff] = phases.map(us);
        println!("{ports:>8} {parse:>9} {execute:>9} {apply:>9} {record:>9} {diff:>9}");
    }
}

/// A switch with many ports, as the northbound database has it.
fn schema() -> Arc<DatabaseSchema> {
    let map = json!({"key": "string", "value": "string", "min": 0, "max": "unlimited"});
    let strings = json!({"key": "string", "min": 0, "max": "unlimited"});
    let rows = json!({"key": {"type": "uuid", "refTable": "Port"}, "min": 0, "max": "unlimited"});
    let optional = |key: &str| json!({"type": {"key": key, "min": 0, "max": 1}});
    let schema = json!({"name": "Net", "version": "1.0.0", "tables": {
        "Switch": {"isRoot": true, "columns": {
            "name": {"type": "string"}, "ports": {"type": rows}, "external_ids": {"type": map}, "other_config": {"type": map}}},
        "Port": {"indexes": [["name"]], "columns": {
            "name": {"type": "string"}, "type": {"type": "string"}, "addresses": {"type": strings},
            "port_security": {"type": strings}, "options": {"type": map}, "external_ids": {"type": map},
            "tag": optional("integer"), "up": optional("boolean"), "enabled": optional("boolean")}}}});
    Arc::new(DatabaseSchema::from_json(&schema).unwrap())
}

fn add_port(n: usize) -> String {
    let address =
        format!("0a:00:00:00:{:02x}:{:02x} 10.0.{}.{}", n >> 8 & 255, n & 255, n >> 8 & 255, n & 255);
    json!([
        {"op": "insert", "table": "Port", "uuid-name": "p", "row": {
            "name": format!("port-{n}"), "addresses": address, "port_security": address,
            "external_ids": ["map", [["pod", "true"], ["namespace", "ns-1"]]],
            "options": ["map", [["requested-chassis", "node-0"]]]}},
        {"op": "mutate", "table": "Switch", "where": [["_uuid", "==", ["uuid", SWITCH]]],
         "mutations": [["ports", "insert", ["named-uuid", "p"]]]}
    ])
    .to_string()
}

/// The median of each phase of a commit; what else the machine does shows little in it.
fn measure(ports: usize) -> [Duration; 5] {
    let mut database = Database::new(schema(), 1);
    database.transact(
        &[json!({"op": "insert", "table": "Switch", "uuid": SWITCH, "row": {"name": "s"}})],
        Caller::default(),
        0,
    );
    let mut phases: [Vec<Duration>; 5] = std::array::from_fn(|_| Vec::new());
    for n in 0..ports + COMMITS {
        if n == ports {
            phases.iter_mut().for_each(Vec::clear);
        }
        let text = add_port(n);
        let mut last = Instant::now();
        let mut lap = |phase: usize| {
            let now = Instant::now();
            phases[phase].push(now - last);
            last = now;
        };
        let operations: Vec<Value> = serde_json::from_str(&text).unwrap();
        lap(0);
        let Execution::Done { prepared: Some(prepared), .. } =
            database.execute(&operations, Caller::default(), 0)
        else {
            panic!("the commit succeeds");
        };
        lap(1);
        let commit = database.apply(prepared);
        lap(2);
        let record = transaction_record(database.layout(), &commit, 0).unwrap().to_string();
        lap(3);
        let diffs: usize = commit
            .iter()
            .filter_map(|(table, _, update)| Some((table, update.old.as_ref()?, update.new.as_ref()?)))
            .map(|(table, old, new)| {
                let columns = &database.layout().table(table).columns;
                let diff = |((old, new), (_, column)): ((&Datum, &Datum), &(_, ovsdb::ColumnSchema))| {
                    old.diff(new, &column.ty).len()
                };
                old.iter().zip(new.iter()).zip(columns).map(diff).sum::<usize>()
            })
            .sum();
        lap(4);
        assert!(diffs > 0 && !record.is_empty());
    }
    phases.map(|mut phase| {
        phase.sort_unstable();
        phase[phase.len() / 2]
    })
}

//! How long a server takes to read its file: `cargo bench -p ovsdb --bench replay`, with the size in MB if another than 100,
//! and how often if not three times; or with the path of a file, which is read instead.
//!
//! The file is what adding ports to switches one by one leaves behind, a thousand ports a switch; then the same, compacted.

use std::sync::Arc;
use std::time::Instant;

use ovsdb::db::{Caller, Database, Outcome};
use ovsdb::log::{append_record, compacted, created, replay, transaction_record};
use ovsdb::{DatabaseSchema, Uuid};
use serde_json::{Value, json};

const PORTS_PER_SWITCH: u64 = 1000;

fn schema() -> DatabaseSchema {
    let set = |key: Value| json!({"type": {"key": key, "min": 0, "max": "unlimited"}});
    let optional = |key: &str| json!({"type": {"key": key, "min": 0, "max": 1}});
    let map = json!({"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}});
    let json = json!({"name": "Bench", "version": "1.0.0", "tables": {
        "Switch": {"isRoot": true, "columns": {
            "name": {"type": "string"}, "external_ids": map, "other_config": map,
            "ports": set(json!({"type": "uuid", "refTable": "Port", "refType": "strong"}))}},
        "Port": {"indexes": [["name"]], "columns": {
            "name": {"type": "string"}, "type": {"type": "string"}, "tag": optional("integer"), "up": optional("boolean"),
            "parent_name": optional("string"), "addresses": set("string".into()), "port_security": set("string".into()),
            "options": map, "external_ids": map}}}});
    DatabaseSchema::from_json(&json).expect("the schema is sound")
}

fn uuid(table: u64, n: u64) -> Value {
    json!([
        "uuid",
        Uuid::from_u128(u128::from(table) << 96 | u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .to_string()
    ])
}

fn port(n: u64) -> Vec<Value> {
    let switch = n / PORTS_PER_SWITCH;
    let mut operations = Vec::new();
    if n.is_multiple_of(PORTS_PER_SWITCH) {
        let row = json!({"name": format!("switch-{switch}")});
        operations.push(json!({"op": "insert", "table": "Switch", "uuid": uuid(1, switch)[1], "row": row}));
    }
    let mac =
        format!("0a:00:{:02x}:{:02x}:{:02x}:{:02x}", n >> 24 & 255, n >> 16 & 255, n >> 8 & 255, n & 255);
    let address = format!("{mac} 10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255);
    operations.push(json!({"op": "insert", "table": "Port", "uuid": uuid(2, n)[1], "row": {
        "name": format!("port-{n}"), "addresses": address, "port_security": address,
        "options": ["map", [["requested-chassis", format!("host-{}", n % 500)]]],
        "external_ids": ["map", [["neutron:device_id", format!("device-{n}")], ["neutron:revision_number", "1"]]]}}));
    operations.push(json!({"op": "mutate", "table": "Switch", "where": [["_uuid", "==", uuid(1, switch)]],
        "mutations": [["ports", "insert", uuid(2, n)]]}));
    operations
}

fn main() {
    if let Some(path) = std::env::args().skip(1).find(|arg| arg.contains('/')) {
        let file = std::fs::read(&path).expect("the file is there to be read");
        return measure(&path, &file, 3);
    }
    let mut numbers = std::env::args().skip(1).filter_map(|arg| arg.parse::<usize>().ok());
    let (megabytes, repeats) = (numbers.next().unwrap_or(100), numbers.next().unwrap_or(3));
    let mut database = Database::new(Arc::new(schema()), 1);
    let mut file = created(database.schema());
    let mut ports = 0;
    while file.len() < megabytes * 1_000_000 {
        let Outcome::Done { commit: Some(commit), .. } =
            database.transact(&port(ports), Caller::default(), 0)
        else {
            panic!("port {ports} is not added");
        };
        if let Some(record) = transaction_record(database.layout(), &commit, 1_700_000_000_000) {
            append_record(&mut file, &record);
        }
        ports += 1;
    }
    let short = compacted(database.now(), Uuid::ZERO, 1_700_000_000_000, "compacted");
    for (what, file) in [("as written", &file), ("compacted", &short)] {
        measure(&format!("{ports} ports {what}"), file, repeats);
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn measure(what: &str, file: &[u8], repeats: usize) {
    for _ in 0..repeats {
        let (start, cpu_start) = (Instant::now(), cpu_ms());
        let replayed = replay(file, 2).expect("the file is whole");
        println!(
            "{what}: {} MB, {} records: {:.3} s, {:.2} s of CPU",
            file.len() / 1_000_000,
            replayed.records,
            start.elapsed().as_secs_f64(),
            (cpu_ms() - cpu_start) / 1e3
        );
    }
}

/// What the threads of this process have computed so far, in milliseconds.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // User and system time are the 14th and 15th field, in hundredths of a second (proc(5)).
    stat.split_whitespace().skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * 10.0
}

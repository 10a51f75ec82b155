use super::*;
use crate::DatabaseSchema;
use crate::json::Scan;
use crate::value::UuidGenerator;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

fn layout() -> Layout {
    let columns = json!({
        "i": {"type": {"key": {"type": "integer", "minInteger": 0}}},
        "r": {"type": "real"},
        "b": {"type": "boolean", "mutable": false},
        "t": {"type": {"key": {"type": "string", "enum": ["set", ["a", ""]]}}},
        "s": {"type": {"key": "string", "min": 0, "max": 2}},
        "u": {"type": {"key": {"type": "uuid", "refTable": "A", "refType": "weak"}, "min": 0, "max": "unlimited"}},
        "m": {"type": {"key": "string", "value": "uuid", "min": 0, "max": "unlimited"}},
    });
    let json = json!({"name": "D", "version": "1.0.0", "tables": {"A": {"columns": columns}}});
    Layout::new(Arc::new(DatabaseSchema::from_json(&json).unwrap()))
}

fn symbols() -> Symbols {
    Symbols::new(UuidGenerator::new(1))
}

fn quick(layout: &Layout, list: &[Value]) -> Option<Vec<Operation>> {
    let text = Value::from(list).to_string();
    let mut scan = Scan::default();
    let tape = scan.whole(text.as_bytes())?;
    let read = operations(tape.root()?.array()?, layout, &mut symbols(), &mut Strings::default())?;
    Some(read.into_iter().map(|operation| by_name(layout, operation)).collect())
}

fn by_name(layout: &Layout, operation: Quick) -> Operation {
    match operation {
        Quick::Insert { table, uuid, row } => {
            let table = layout.table(table);
            let named = |(at, datum): (usize, Datum)| (table.columns[at].0.clone(), datum);
            Operation::Insert { table: table.name.clone(), uuid, row: row.into_iter().map(named).collect() }
        }
        Quick::Other(operation) => operation,
    }
}

fn careful(layout: &Layout, list: &[Value]) -> Option<Vec<Operation>> {
    let mut symbols = symbols();
    let read = |(i, json): (usize, &Value)| {
        Operation::from_json(json, (i + 1, list.len()), layout, &mut symbols).ok()
    };
    list.iter().enumerate().map(read).collect()
}

fn uuid() -> Value {
    json!(["uuid", "00000000-0000-0000-0000-00000000000a"])
}

#[test]
fn what_clients_send_all_day_is_read_quickly() {
    let layout = layout();
    let usual = [
        json!({"op": "insert", "table": "A", "uuid-name": "new", "row": {"i": 1, "r": 0.5, "b": true, "t": "a",
            "s": ["set", ["é", "\"x\""]], "u": ["named-uuid", "new"], "m": ["map", [["k", uuid()]]]}}),
        json!({"op": "update", "table": "A", "where": [["_uuid", "==", uuid()]], "row": {"s": "one", "m": ["map", []]}}),
        json!({"op": "mutate", "table": "A", "where": [["i", "==", 5], ["s", "includes", ["set", []]]],
            "mutations": [["u", "insert", ["named-uuid", "new"]], ["s", "delete", ["set", ["a", "b", "c"]]]]}),
        json!({"op": "wait", "table": "A", "where": [["_uuid", "==", uuid()]], "columns": ["i", "_version"],
            "until": "==", "rows": [{"i": 5}], "timeout": 0}),
        json!({"op": "select", "table": "A", "where": [true], "columns": ["_uuid", "s"]}),
        json!({"op": "delete", "table": "A", "where": []}),
        json!({"op": "comment", "comment": "why\n"}),
        json!({"op": "assert", "lock": "northd"}),
        json!({"op": "commit", "durable": true}),
    ];
    let read = quick(&layout, &usual);
    assert!(read.is_some());
    assert_eq!(read, careful(&layout, &usual));
}

fn atom() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-1..3i64).prop_map(Value::from),
        prop::sample::select(vec![json!(0.5), json!(2.0), json!(1e3), json!(u64::MAX), Value::Null]),
        any::<bool>().prop_map(Value::from),
        "[aé\n\"\0]{0,2}".prop_map(Value::from),
        Just(uuid()),
        prop::sample::select(vec!["x", "n", "1n"]).prop_map(|name| json!(["named-uuid", name])),
        Just(json!(["uuid", "x"])),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => atom(),
        2 => prop::collection::vec(atom(), 0..4).prop_map(|atoms| json!(["set", atoms])),
        2 => prop::collection::vec((atom(), atom()), 0..3).prop_map(|pairs| json!(["map", pairs])),
        1 => prop::collection::vec(atom(), 0..3).prop_map(Value::from),
    ]
}

fn column() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["i", "r", "b", "t", "s", "u", "m", "_uuid", "_version", "none"])
}

fn row() -> impl Strategy<Value = Value> {
    let columns = prop::collection::vec((column(), value()), 0..4);
    columns
        .prop_map(|row| Value::Object(row.into_iter().map(|(name, json)| (name.to_owned(), json)).collect()))
}

fn clauses(words: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let clause = (column(), prop::sample::select(words), value());
    let clause = prop_oneof![8 => clause.prop_map(|clause| json!(clause)), 1 => value()];
    prop::collection::vec(clause, 0..3).prop_map(Value::from)
}

/// Members of all operations by chance, mostly those that belong together.
fn operation() -> impl Strategy<Value = Value> {
    let functions = &["==", "!=", "<", ">=", "includes", "excludes", "?"];
    let mutators = &["insert", "delete", "+=", "?"];
    let (names, ops) = (&["n", "m", "1"], &["insert", "update", "mutate", "delete", "select", "wait", "?"]);
    let parts = (
        prop::sample::select(ops.as_slice()),
        prop::sample::select(vec!["A", "A", "A", "B"]),
        clauses(functions),
        clauses(mutators),
        row(),
        (any::<[bool; 3]>(), prop::sample::select(names.as_slice()), column()),
    );
    parts.prop_map(|(op, table, condition, mutations, row, ([named, odd, columns], name, column))| {
        let mut json = json!({"op": op, "table": table});
        if op != "insert" || (odd && named) {
            json["where"] = condition;
        }
        match op {
            "insert" | "update" => json["row"] = row,
            "mutate" => json["mutations"] = mutations,
            "wait" => {
                json["until"] = if odd { "==" } else { "!=" }.into();
                json["rows"] = json!([row]);
                json["timeout"] = if named { json!(5) } else { json!(-5) };
            }
            _ => {}
        }
        if op == "insert" && named {
            json["uuid-name"] = name.into();
        }
        if columns {
            json["columns"] = json!([column]);
        }
        json
    })
}

proptest! {
    #[test]
    fn what_is_read_quickly_is_read_as_carefully(list in prop::collection::vec(operation(), 1..4)) {
        let layout = layout();
        if let Some(read) = quick(&layout, &list) {
            prop_assert_eq!(Some(read), careful(&layout, &list));
        }
    }
}

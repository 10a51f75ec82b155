//! What the engine answers, against the recorded answers of upstream's server.

use ovsdb::db::{Caller, Database, Outcome};
use ovsdb::{DatabaseSchema, Uuid};
use serde_json::{Value, json};
use std::sync::Arc;

fn database() -> Database {
    let schema: Value =
        serde_json::from_str(include_str!("data/transact.ovsschema")).expect("the file is JSON");
    Database::new(Arc::new(DatabaseSchema::from_json(&schema).expect("the file is a schema")), 1)
}

/// The results of a transaction; a `wait` that is not satisfied waits until its time is over.
fn results(db: &mut Database, operations: &[Value], caller: Caller<'_>) -> Value {
    let mut waited_ms = 0;
    loop {
        match db.transact(operations, caller, waited_ms) {
            Outcome::Done { results, .. } => return results.into(),
            Outcome::Blocked { until_ms } => waited_ms = until_ms.expect("no case waits forever"),
        }
    }
}

/// Runs the cases of a recording and says which answers differ.
fn compare(recording: &str) {
    let mut db = database();
    let mut lines = recording.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut wrong = String::new();
    while let Some(operations) = lines.next() {
        let wanted: Value = serde_json::from_str(lines.next().expect("an answer follows each case"))
            .expect("answers are JSON");
        let operations_json: Vec<Value> =
            serde_json::from_str(&format!("[{operations}]")).expect("cases are JSON");
        let found = results(&mut db, &operations_json, Caller::default());
        if canonical(&found) != canonical(&wanted) {
            wrong += &format!("{operations}\n  wanted {wanted}\n  found  {found}\n");
        }
        db.check().expect("the database keeps its promises");
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn bad_syntax_is_refused_in_upstreams_words() {
    compare(include_str!("data/syntax.txt"));
}

#[test]
fn values_and_references_are_checked_as_upstream_does() {
    compare(include_str!("data/values_and_references.txt"));
}

#[test]
fn conditions_and_mutations_mean_what_upstream_means() {
    compare(include_str!("data/conditions_and_mutations.txt"));
}

#[test]
fn waits_and_garbage_go_as_with_upstream() {
    compare(include_str!("data/waits_and_garbage.txt"));
}

#[test]
fn arguments_have_the_types_that_upstream_wants() {
    compare(include_str!("data/arguments.txt"));
}

#[test]
fn index_keys_may_move_from_row_to_row_in_one_transaction() {
    compare(include_str!("data/indexes.txt"));
}

/// The same without what may differ: UUIDs, the order of rows and of elements.
fn canonical(value: &Value) -> Value {
    let sorted = |values: &[Value]| {
        let mut values: Vec<Value> = values.iter().map(canonical).collect();
        values.sort_by_key(Value::to_string);
        Value::from(values)
    };
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| match value {
                Value::Array(rows) if key == "rows" => (key.clone(), sorted(rows)),
                value => (key.clone(), canonical(value)),
            })
            .collect(),
        Value::Array(array) => match &array[..] {
            [tag, Value::Array(elements)] if tag == "set" || tag == "map" => {
                Value::from(vec![tag.clone(), sorted(elements)])
            }
            array => array.iter().map(canonical).collect(),
        },
        Value::String(text) => {
            let text = without_uuids(text);
            match text
                .split_once("  First row, ")
                .and_then(|(a, b)| Some((a, b.split_once("  Second row, ")?)))
            {
                Some((what, (first, second))) if first < second => json!([what, first, second]),
                Some((what, (first, second))) => json!([what, second, first]),
                None => text.into(),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn without_uuids(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let uuid = rest.get(..36).filter(|part| part.parse::<Uuid>().is_ok());
        let len = match uuid {
            Some(uuid) if !uuid.starts_with("0000") => {
                out.push_str("UUID");
                36
            }
            Some(_) | None => {
                let len = rest.chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..len]);
                len
            }
        };
        rest = &rest[len..];
    }
    out
}

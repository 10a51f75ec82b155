//! Laws of reading and writing: what is written is read back, and nothing read makes us panic.

use ovsdb::{
    Atom, AtomType, ColumnType, Condition, DatabaseSchema, Datum, Layout, Operation, Symbols, Uuid,
    UuidGenerator,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

fn layout() -> Layout {
    let schema: Value =
        serde_json::from_str(include_str!("data/transact.ovsschema")).expect("the file is JSON");
    Layout::new(Arc::new(DatabaseSchema::from_json(&schema).expect("the file is a schema")))
}

fn symbols() -> Symbols {
    Symbols::new(UuidGenerator::new(1))
}

fn atom(ty: AtomType) -> BoxedStrategy<Atom> {
    match ty {
        AtomType::Integer => any::<i64>().prop_map(Atom::from).boxed(),
        AtomType::Real => any::<f64>()
            .prop_filter("JSON has finite numbers only", |r| r.is_finite())
            .prop_map(Atom::from)
            .boxed(),
        AtomType::Boolean => any::<bool>().prop_map(Atom::from).boxed(),
        AtomType::String => "[^\\x00\n]{0,9}".prop_map(Atom::from).boxed(),
        AtomType::Uuid => any::<u128>().prop_map(|n| Atom::from(Uuid::from_u128(n))).boxed(),
    }
}

fn atom_type() -> impl Strategy<Value = AtomType> {
    use AtomType::{Boolean, Integer, Real, String, Uuid};
    prop::sample::select(vec![Integer, Real, Boolean, String, Uuid])
}

/// Any type of column with a datum that it allows.
fn typed_datum() -> impl Strategy<Value = (ColumnType, Datum)> {
    (atom_type(), prop::option::of(atom_type()), prop::bool::ANY).prop_flat_map(|(key, value, many)| {
        let max = if many { None } else { Some(1) };
        let ty = ColumnType { key: key.into(), value: value.map(Into::into), min: 0, max };
        let sizes = if many { 0..6 } else { 0..2 };
        let datum = match value {
            None => prop::collection::vec(atom(key), sizes).prop_map(Datum::set).boxed(),
            Some(value) => {
                prop::collection::vec((atom(key), atom(value)), sizes).prop_map(Datum::map).boxed()
            }
        };
        (Just(ty), datum)
    })
}

/// Any JSON, with the words of the protocol more often than others.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "op",
        "insert",
        "select",
        "update",
        "mutate",
        "delete",
        "wait",
        "commit",
        "root",
        "kid",
        "where",
        "row",
        "columns",
        "name",
        "i",
        "vals",
        "m",
        "set",
        "map",
        "uuid",
        "named-uuid",
        "==",
        "+=",
        "until",
        "rows",
        "timeout",
        "tables",
        "type",
        "key",
        "value",
        "min",
        "max",
        "unlimited",
        "enum",
        "integer",
        "string",
        "00000000-0000-0000-0000-000000000001",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        ".{0,5}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word.clone().prop_map(str::to_owned), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// An operation with some members of any kind.
fn nearly_operation() -> impl Strategy<Value = Value> {
    let op = prop::sample::select(vec![
        "insert", "select", "update", "mutate", "delete", "wait", "commit", "comment", "assert",
    ]);
    let members = ["where", "row", "columns", "mutations", "rows", "until", "timeout", "uuid", "uuid-name"];
    let member = (prop::sample::select(members.to_vec()), any_json());
    (op, prop::collection::vec(member, 0..4)).prop_map(|(op, members)| {
        let mut json = json!({"op": op, "table": "root", "where": [], "row": {}, "rows": [], "until": "==",
            "mutations": []});
        for (name, value) in members {
            json[name] = value;
        }
        let mine: &[&str] = match op {
            "insert" => &["op", "table", "row", "uuid", "uuid-name"],
            "select" => &["op", "table", "where", "columns"],
            "update" => &["op", "table", "where", "row"],
            "mutate" => &["op", "table", "where", "mutations"],
            "delete" => &["op", "table", "where"],
            "wait" => &["op", "table", "where", "columns", "until", "rows", "timeout"],
            _ => &["op", "durable", "comment", "lock"],
        };
        let members = json.as_object().cloned().unwrap_or_default();
        Value::Object(members.into_iter().filter(|(name, _)| mine.contains(&name.as_str())).collect())
    })
}

proptest! {
    #[test]
    fn a_datum_is_read_as_it_was_written((ty, datum) in typed_datum()) {
        prop_assert_eq!(ty.check(&datum), Ok(()));
        prop_assert_eq!(Datum::from_json(&datum.to_json(), &ty, None), Ok(datum.clone()));
        let text = datum.to_json().to_string();
        let json: Value = serde_json::from_str(&text).expect("what we print is JSON");
        prop_assert_eq!(Datum::from_json(&json, &ty, None), Ok(datum.clone()));
        prop_assert_eq!(datum.is_default_for(&ty), datum == Datum::default_for(&ty));
    }

    #[test]
    fn a_type_is_read_as_it_was_written((ty, _) in typed_datum()) {
        prop_assert_eq!(ColumnType::from_json(&ty.to_json()), Ok(ty));
    }

    #[test]
    fn whatever_is_no_operation_is_refused(json in prop_oneof![any_json(), nearly_operation()]) {
        let layout = layout();
        if let Ok(operation) = Operation::from_json(&json, (1, 1), &layout, &mut symbols()) {
            let again = Operation::from_json(&operation.to_json(), (1, 1), &layout, &mut symbols());
            prop_assert_eq!(again, Ok(operation));
        }
        let table = layout.table_named("root").expect("the schema has the table");
        let _ = Condition::from_json(&json, table, None);
        let _ = DatabaseSchema::from_json(&json);
        let _ = DatabaseSchema::from_json(&json!({"name": "x", "tables": {"t": {"columns": {"c": json}}}}));
    }
}

#[test]
fn operations_of_the_recordings_are_read_as_they_are_written() {
    let layout = layout();
    let recordings = [
        include_str!("data/values_and_references.txt"),
        include_str!("data/conditions_and_mutations.txt"),
        include_str!("data/waits_and_garbage.txt"),
    ];
    let mut read = 0;
    for line in recordings.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with('{')) {
        let operations: Vec<Value> = serde_json::from_str(&format!("[{line}]")).unwrap();
        let mut symbols = symbols();
        for json in operations {
            let Ok(operation) = Operation::from_json(&json, (1, 1), &layout, &mut symbols) else { continue };
            let again = Operation::from_json(&operation.to_json(), (1, 1), &layout, &mut symbols);
            assert_eq!(again, Ok(operation));
            read += 1;
        }
    }
    assert!(read > 150, "only {read} operations were good");
}

#![allow(clippy::unwrap_used)] // A database that cannot be built stops the test where it is found.

use super::View;
use ovsdb::db::{Caller, Database, Outcome};
use ovsdb::{Datum, Row, Uuid};
use proptest::prelude::*;
use schema::nb;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One write to a row.
#[derive(Clone, Debug)]
enum Write {
    Set(&'static str, Datum),
    Add(&'static str, Datum),
    Remove(&'static str, Datum),
}

fn map() -> impl Strategy<Value = Datum> {
    prop::collection::vec(("[ab]", "[12]"), 0..3).prop_map(Datum::map)
}

fn set() -> impl Strategy<Value = Datum> {
    prop::collection::vec("[abc]", 0..3).prop_map(Datum::set)
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        map().prop_map(|value| Write::Set("options", value)),
        map().prop_map(|value| Write::Add("options", value)),
        map().prop_map(|value| Write::Remove("options", value)),
        set().prop_map(|keys| Write::Remove("options", keys)),
        set().prop_map(|value| Write::Set("addresses", value)),
        set().prop_map(|value| Write::Add("addresses", value)),
        set().prop_map(|value| Write::Remove("addresses", value)),
        "[xy]".prop_map(|text| Write::Set("name", Datum::scalar(text))),
    ]
}

fn apply(view: &mut View, table: &str, row: Uuid, write: &Write) {
    match write {
        Write::Set(column, value) => view.set(table, row, column, value.clone()),
        Write::Add(column, value) => view.add(table, row, column, value),
        Write::Remove(column, value) => view.remove(table, row, column, value),
    }
}

/// A database with one port, whose row is 1, in a switch.
fn database(options: &Datum, addresses: &Datum) -> Database {
    let mut database = Database::new(nb::schema().clone(), 1);
    let port = json!({"name": "x", "options": options.to_json(), "addresses": addresses.to_json()});
    let operations = [
        json!({"op": "insert", "table": "Logical_Switch_Port", "uuid": Uuid::from_u128(1).to_string(), "row": port}),
        json!({"op": "insert", "table": "Logical_Switch", "row": {"ports": ["uuid", Uuid::from_u128(1).to_string()]}}),
    ];
    run(&mut database, &operations);
    database
}

fn run(database: &mut Database, operations: &[Value]) {
    let Outcome::Done { results, .. } = database.transact(operations, Caller::default(), 0) else {
        panic!("blocked: {operations:?}")
    };
    assert!(results.iter().all(|result| result.get("error").is_none()), "{results:?}");
}

const TABLE: &str = "Logical_Switch_Port";

/// The rows of a database's ports, seen through a monitor of all columns.
fn view(database: &Database) -> View {
    let monitor = nb::TableId::LogicalSwitchPort.monitor();
    let layout = database.layout().clone();
    let id = layout.table_id(TABLE).unwrap();
    let places: Vec<usize> =
        monitor.columns.iter().map(|column| layout.table(id).column_index(column).unwrap()).collect();
    let rows: BTreeMap<Uuid, Arc<Row>> = database
        .now()
        .rows(id)
        .map(|(uuid, row)| (uuid, places.iter().map(|place| row[*place].clone()).collect()))
        .collect();
    View::new(nb::schema().clone(), &[monitor], |_| Arc::new(rows.clone()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// What the commands of a line see is what the database has after their transaction.
    #[test]
    fn the_transaction_makes_what_was_seen(
        (options, addresses) in (map(), set()),
        writes in prop::collection::vec(write(), 0..8),
    ) {
        let mut database = database(&options, &addresses);
        let row = Uuid::from_u128(1);
        let mut seen = view(&database);
        for write in &writes {
            apply(&mut seen, TABLE, row, write);
        }
        let params = seen.transaction().to_params("OVN_Northbound");
        run(&mut database, &params.as_array().unwrap()[1..]);
        let made = view(&database);
        for column in ["name", "options", "addresses"] {
            prop_assert_eq!(seen.value(TABLE, row, column), made.value(TABLE, row, column), "{}", column);
        }
        // What has been done need not be done again.
        let mut again = made.clone();
        for column in ["name", "options", "addresses"] {
            again.set(TABLE, row, column, seen.value(TABLE, row, column).into_owned());
        }
        prop_assert!(again.transaction().is_empty());
    }

    /// An index of names follows the rows.
    #[test]
    fn names_are_found_after_any_writes(writes in prop::collection::vec(write(), 0..8), delete in any::<bool>()) {
        let row = Uuid::from_u128(1);
        let mut seen = view(&database(&Datum::empty_map(), &Datum::empty_set()));
        prop_assert_eq!(seen.named(TABLE, "name", "x"), [row]);
        for write in &writes {
            apply(&mut seen, TABLE, row, write);
        }
        if delete {
            seen.delete(TABLE, row);
        }
        for name in ["x", "y"] {
            let expected: Vec<Uuid> =
                seen.uuids(TABLE).filter(|uuid| seen.value(TABLE, *uuid, "name").as_str() == Some(name)).collect();
            prop_assert_eq!(seen.named(TABLE, "name", name), expected);
        }
    }
}

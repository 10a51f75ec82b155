//! Laws of the engine and of the log, over random transactions.

use ovsdb::db::{Caller, Commit, Database, Outcome, RowUpdate, Snapshot};
use ovsdb::log::{
    LogError, Replayed, append_record, compacted, created, encode, encode_text, replay, transaction_record,
};
use ovsdb::{DatabaseSchema, TableId, Uuid};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

fn database(seed: u64) -> Database {
    let schema: Value =
        serde_json::from_str(include_str!("data/transact.ovsschema")).expect("the file is JSON");
    Database::new(Arc::new(DatabaseSchema::from_json(&schema).expect("the file is a schema")), seed)
}

/// A few rows share these names, so that transactions meet.
fn uuid(n: u8) -> Value {
    json!(["uuid", Uuid::from_u128(u128::from(n % 8) + 1).to_string()])
}

fn set(elements: Vec<Value>) -> Value {
    let mut elements = elements;
    elements.sort_by_key(Value::to_string);
    elements.dedup();
    json!(["set", elements])
}

fn uuids() -> impl Strategy<Value = Value> {
    prop::collection::vec(any::<u8>().prop_map(uuid), 0..4).prop_map(set)
}

fn column() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        any::<u8>().prop_map(|n| ("name", json!(format!("n{}", n % 32)))),
        any::<u8>().prop_map(|n| ("i", json!(n % 32))),
        any::<bool>().prop_map(|b| ("b", json!(b))),
        any::<u8>().prop_map(|n| ("tag", if n < 128 { json!(n) } else { set(vec![]) })),
        prop::collection::vec(0..6u8, 0..4)
            .prop_map(|v| ("vals", set(v.into_iter().map(Value::from).collect()))),
        prop::collection::btree_map("[ab]", "[xy]", 0..3)
            .prop_map(|m| ("m", json!(["map", m.into_iter().collect::<Vec<_>>()]))),
        prop::collection::btree_map("[ab]", any::<u8>().prop_map(uuid), 0..3)
            .prop_map(|m| ("wm", json!(["map", m.into_iter().collect::<Vec<_>>()]))),
        uuids().prop_map(|v| ("kids", v)),
        uuids().prop_map(|v| ("weak", v)),
        any::<u8>().prop_map(|n| ("eph", json!(n.to_string()))),
    ]
}

fn row() -> impl Strategy<Value = Value> {
    prop::collection::vec(column(), 0..5)
        .prop_map(|columns| Value::Object(columns.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()))
}

fn condition() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => any::<u8>().prop_map(|n| json!([["_uuid", "==", uuid(n)]])),
        1 => any::<u8>().prop_map(|n| json!([["name", "==", format!("n{}", n % 12)]])),
        1 => any::<u8>().prop_map(|n| json!([["i", "<", n % 12]])),
    ]
}

/// What makes a few rows of each kind that refer to each other.
fn beginning() -> Vec<Value> {
    let kid = |n: u8| {
        let sub = set(if n % 2 == 1 { vec![uuid((n + 1) % 4)] } else { vec![] });
        json!({"op": "insert", "table": "kid", "uuid": uuid(n)[1], "row": {"sub": sub}})
    };
    let root = |n: u8| {
        let row = json!({"e": "a", "name": format!("n{n}"), "i": n, "kids": set(vec![uuid(n), uuid((n + 1) % 4)]),
            "weak": uuid((n + 1) % 4), "wm": ["map", [["a", uuid(n)]]]});
        json!({"op": "insert", "table": "root", "uuid": uuid(n)[1], "row": row})
    };
    (0..4).map(kid).chain((0..4).map(root)).collect()
}

fn operation() -> impl Strategy<Value = Value> {
    prop_oneof![
        (any::<u8>(), row()).prop_map(|(n, mut row)| {
            row["e"] = json!("a");
            row["imm"] = json!("x");
            row["name"] = json!(format!("of {n}"));
            row["i"] = json!(u32::from(n) + 1000);
            json!({"op": "insert", "table": "root", "uuid": uuid(n)[1], "row": row})
        }),
        (any::<u8>(), any::<u8>()).prop_map(|(n, sub)| {
            let sub = set(if sub < 64 { vec![uuid(sub)] } else { vec![] });
            json!({"op": "insert", "table": "kid", "uuid": uuid(n)[1], "row": {"sub": sub}})
        }),
        (condition(), any::<u8>()).prop_map(|(c, n)| {
            json!({"op": "mutate", "table": "root", "where": c, "mutations": [["kids", "delete", uuid(n)]]})
        }),
        Just(json!({"op": "update", "table": "root", "where": [["i", "<", 5]], "row": {"kids": ["set", []]}})),
        any::<u8>().prop_map(|n| json!({"op": "insert", "table": "must", "row": {"w": uuid(n)}})),
        (condition(), row()).prop_map(|(c, row)| json!({"op": "update", "table": "root", "where": c, "row": row})),
        (condition(), "insert|delete", uuids(), "kids|weak").prop_map(|(c, how, arg, column)| {
            json!({"op": "mutate", "table": "root", "where": c, "mutations": [[column, how, arg], ["i", "+=", 40]]})
        }),
        (condition(), "root|must").prop_map(|(c, table)| {
            let c = if table == "must" { json!([]) } else { c };
            json!({"op": "delete", "table": table, "where": c})
        }),
        any::<u8>().prop_map(|n| json!({"op": "delete", "table": "kid", "where": [["_uuid", "==", uuid(n)]]})),
        Just(json!({"op": "comment", "comment": "why"})),
    ]
}

fn transactions() -> impl Strategy<Value = Vec<Vec<Value>>> {
    prop::collection::vec(prop::collection::vec(operation(), 1..4), 1..40)
}

fn transact(db: &mut Database, operations: &[Value]) -> (Vec<Value>, Option<Commit>) {
    match db.transact(operations, Caller::default(), 0) {
        Outcome::Done { results, commit } => (results, commit),
        Outcome::Blocked { .. } => panic!("there is no wait among the operations"),
    }
}

type Rows = BTreeMap<(TableId, Uuid), Vec<String>>;

/// All rows, as JSON of the columns that outlive the server.
fn lasting(snapshot: &Snapshot) -> Rows {
    let layout = snapshot.layout();
    let mut out = BTreeMap::new();
    for (i, table) in layout.tables.iter().enumerate() {
        for (uuid, row) in snapshot.rows(TableId(i)) {
            let columns = table.columns.iter().zip(row.iter()).filter(|((_, column), _)| !column.ephemeral);
            out.insert((TableId(i), uuid), columns.map(|(_, datum)| datum.to_json().to_string()).collect());
        }
    }
    out
}

type Change = ((TableId, Uuid), RowUpdate);

/// Whether `commit` is exactly what leads from one snapshot to the other.
fn leads(before: &Snapshot, commit: &Commit, after: &Snapshot) -> bool {
    let mut found: BTreeMap<(TableId, Uuid), RowUpdate> = BTreeMap::new();
    for i in (0..before.layout().tables.len()).map(TableId) {
        for (uuid, old) in before.rows(i) {
            let new = after.row(i, uuid);
            if !new.is_some_and(|new| Arc::ptr_eq(old, new)) {
                found.insert((i, uuid), RowUpdate::new(Some(old.clone()), new.cloned()));
            }
        }
        for (uuid, new) in after.rows(i).filter(|(uuid, _)| before.row(i, *uuid).is_none()) {
            found.insert((i, uuid), RowUpdate::new(None, Some(new.clone())));
        }
    }
    let same = |((at, found), (table, uuid, update)): (Change, (TableId, Uuid, &RowUpdate))| {
        let layout = before.layout().table(table);
        at == (table, uuid)
            && (&found.old, &found.new) == (&update.old, &update.new)
            && found.old != found.new
            && found.differences(layout) == update.differences(layout)
    };
    found.len() == commit.iter().count() && found.into_iter().zip(commit.iter()).all(same)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn promises_hold_after_every_transaction_and_the_log_tells_the_same(transactions in transactions()) {
        let mut db = database(1);
        let mut twin = database(1);
        let mut file = created(db.schema());
        for operations in std::iter::once(&beginning()).chain(&transactions) {
            let before = db.snapshot();
            let (results, commit) = transact(&mut db, operations);
            prop_assert_eq!(db.check(), Ok(()));
            let (twin_results, _) = transact(&mut twin, operations);
            prop_assert_eq!(results, twin_results);
            match &commit {
                Some(commit) => {
                    prop_assert!(leads(&before, commit, db.now()));
                    file.extend(transaction_record(db.layout(), commit, 5).iter().flat_map(|text| encode_text(text)));
                }
                None => prop_assert_eq!(lasting(&before), lasting(db.now())),
            }
        }
        let replayed = replay(&file, 2).expect("the file is whole");
        prop_assert_eq!(replayed.end, file.len());
        prop_assert_eq!(replayed.tail, None);
        prop_assert_eq!(replayed.database.check(), Ok(()));
        prop_assert_eq!(lasting(replayed.database.now()), lasting(db.now()));
        let again = replay(&compacted(db.now(), Uuid::from_u128(7), 6, "compacted"), 3).expect("the file is whole");
        prop_assert_eq!(lasting(again.database.now()), lasting(db.now()));
    }
}

/// A small file with rows that come, change and go, and the database after each of its records.
fn small_file() -> (Vec<u8>, Vec<usize>, Vec<Rows>) {
    let mut db = database(1);
    let mut file = created(db.schema());
    let (mut ends, mut states) = (vec![file.len()], vec![lasting(db.now())]);
    let transactions = [
        json!([{"op": "insert", "table": "one", "row": {"x": 5}, "uuid": uuid(1)[1]}, {"op": "comment", "comment": "é\n"}]),
        json!([{"op": "insert", "table": "root", "row": {"e": "a", "vals": ["set", [1, 2]]}, "uuid": uuid(2)[1]}]),
        json!([{"op": "update", "table": "root", "where": [], "row": {"eph": "lost"}}]),
        json!([{"op": "mutate", "table": "root", "where": [], "mutations": [["vals", "insert", 3]]}]),
        json!([{"op": "update", "table": "root", "where": [], "row": {"vals": ["set", [4, 5]], "tag": 1}}]),
        json!([{"op": "delete", "table": "one", "where": []}]),
    ];
    for operations in transactions {
        let operations = operations.as_array().expect("operations are an array");
        let (_, commit) = transact(&mut db, operations);
        let commit = commit.expect("each transaction changes something");
        if let Some(record) = transaction_record(db.layout(), &commit, 1_700_000_000_000) {
            append_record(&mut file, &record);
            ends.push(file.len());
            states.push(lasting(db.now()));
        }
    }
    (file, ends, states)
}

#[test]
fn a_log_reads_as_upstream_writes_it() {
    let (file, ends, _) = small_file();
    insta::assert_snapshot!(String::from_utf8_lossy(&file[ends[0]..]), @r#"
    OVSDB JSON 113 8d5de9466e4b668cb1b8e79aaf077955feb1b9f7
    {"one":{"00000000-0000-0000-0000-000000000002":{"x":5}},"_comment":"é\n","_date":1700000000000,"_is_diff":true}
    OVSDB JSON 119 11e7358185abb9c70cabd354b8b22b5d5a7e9e94
    {"root":{"00000000-0000-0000-0000-000000000003":{"e":"a","vals":["set",[1,2]]}},"_date":1700000000000,"_is_diff":true}
    OVSDB JSON 99 c3f62029387926a652b4216c249737c98df720f2
    {"root":{"00000000-0000-0000-0000-000000000003":{"vals":3}},"_date":1700000000000,"_is_diff":true}
    OVSDB JSON 103 f598c2c6b3f1e9f35621460f00b2dd29e0de17cc
    {"root":{"00000000-0000-0000-0000-000000000003":{"tag":1,"vals":["set",[4,5]]}},"_date":1700000000000}
    OVSDB JSON 92 f7daa6bc23d14552e5151d1f7b182c6ab2c1e1b0
    {"one":{"00000000-0000-0000-0000-000000000002":null},"_date":1700000000000,"_is_diff":true}
    "#);
}

#[test]
fn a_file_cut_anywhere_gives_the_state_of_its_whole_records() {
    let (file, ends, states) = small_file();
    for len in 0..file.len() {
        let whole = ends.iter().filter(|end| **end <= len).count();
        match replay(&file[..len], 1) {
            Ok(Replayed { database, records, end, tail, .. }) => {
                assert_eq!((records, end), (whole, ends[whole - 1]));
                assert_eq!(lasting(database.now()), states[whole - 1]);
                assert_eq!(tail.map_or(end, |tail| tail.offset + tail.len), len);
            }
            Err(LogError::Empty | LogError::Damaged { .. }) => assert_eq!(whole, 0),
            Err(other) => panic!("cut at {len}: {other}"),
        }
    }
}

#[test]
fn every_flipped_bit_is_refused_with_its_offset() {
    let (file, ..) = small_file();
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut file = file.clone();
            file[at] ^= 1 << bit;
            match replay(&file, 1) {
                Err(LogError::Damaged { offset, .. }) => assert!(offset <= at),
                other => panic!("flip of bit {bit} at {at}: {:?}", other.map(|read| read.records)),
            }
        }
    }
}

#[test]
fn a_file_gives_the_ids_and_changes_of_its_transactions_whenever_it_is_read() {
    let (file, ends, states) = small_file();
    let past = replay(&file, 1).expect("the file is whole").past;
    let ids: Vec<Uuid> = past.transactions.iter().map(|txn| txn.id).collect();
    assert_eq!(past.transactions.iter().map(|txn| txn.offset).collect::<Vec<_>>(), ends[..ends.len() - 1]);
    for (i, end) in ends.iter().enumerate().skip(1) {
        let replayed = replay(&file[..*end], 9).expect("the file is cut behind a record");
        assert_eq!((replayed.past.base, replayed.past.last()), (past.base, ids[i - 1]));
        let again = replay(&compacted(replayed.database.now(), ids[i - 1], 6, "compacted"), 3)
            .expect("the file is whole");
        assert_eq!((again.past.last(), again.past.transactions.len()), (ids[i - 1], 0));
        assert_eq!(lasting(again.database.now()), states[i]);
    }
    let changed = |txn: &ovsdb::log::PastTransaction| {
        txn.commit
            .iter()
            .map(|(_, _, update)| (update.old.is_some(), update.new.is_some()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        past.transactions.iter().map(changed).collect::<Vec<_>>(),
        [[(false, true)], [(false, true)], [(true, true)], [(true, true)], [(true, false)]]
    );
}

#[test]
fn records_that_say_what_cannot_be_are_refused_with_their_offset() {
    let start = created(database(1).schema());
    let id = Uuid::from_u128(1);
    let cases = [
        (json!(5), "syntax \"5\": syntax error: object expected"),
        (json!({"nope": {}}), "unknown table: No table named nope."),
        (json!({"one": 5}), "syntax \"5\": syntax error: object expected"),
        (json!({"one": {"x": {}}}), "syntax error: \"x\" is not a valid UUID"),
        (
            json!({"one": {id.to_string(): null}}),
            &format!("ovsdb error: Delete of nonexistent row {id} in table one."),
        ),
        (json!({"one": {id.to_string(): {"y": 1}}}), "unknown column: No column y in table one."),
        (json!({"one": {id.to_string(): {"x": "1"}}}), "syntax \"\"1\"\": syntax error: expected integer"),
    ];
    for (record, words) in cases {
        let mut file = start.clone();
        file.extend(encode(&record));
        let words = format!("record at offset {}: {words}", start.len());
        assert_eq!(replay(&file, 1).map(|_| ()).map_err(|e| e.to_string()), Err(words));
    }
    let mut file = start;
    file.extend(encode(&json!({"root": {id.to_string(): {"e": "a", "kids": ["uuid", id.to_string()]}}})));
    insta::assert_snapshot!(replay(&file, 1).map(|_| ()).expect_err("a reference to nothing"), @"the database is inconsistent: referential integrity violation: Table root column kids row 00000000-0000-0000-0000-000000000001 references nonexistent row 00000000-0000-0000-0000-000000000001 in table kid.");
}

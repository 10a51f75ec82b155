//! What the recordings cannot show: waiting, refusals by the caller, snapshots, conversion.

use ovsdb::db::{Caller, Commit, Database, Guard, Outcome, RowWrite, Snapshot};
use ovsdb::{DatabaseSchema, OvsdbError, TableId};
use serde_json::{Value, json};
use std::sync::Arc;

fn database() -> Database {
    let schema: Value =
        serde_json::from_str(include_str!("data/transact.ovsschema")).expect("the file is JSON");
    Database::new(Arc::new(DatabaseSchema::from_json(&schema).expect("the file is a schema")), 1)
}

fn run(db: &mut Database, caller: Caller<'_>, operations: Value) -> (String, Option<Commit>) {
    let operations = operations.as_array().cloned().unwrap_or_default();
    match db.transact(&operations, caller, 0) {
        Outcome::Done { results, commit } => (Value::from(results).to_string(), commit),
        Outcome::Blocked { until_ms } => (format!("blocked {until_ms:?}"), None),
    }
}

fn one(db: &Database) -> TableId {
    db.layout().table_id("one").expect("the schema has the table")
}

#[test]
fn an_unsatisfied_wait_blocks_until_its_time_or_a_change() {
    let mut db = database();
    let wait = |timeout: Option<u64>| {
        let mut wait = json!({"op": "wait", "table": "one", "where": [], "columns": ["x"], "until": "==",
            "rows": [{"x": 5}]});
        if let Some(timeout) = timeout {
            wait["timeout"] = timeout.into();
        }
        json!([{"op": "comment", "comment": "x"}, wait, {"op": "select", "table": "one", "where": [], "columns": []}])
    };
    assert_eq!(run(&mut db, Caller::default(), wait(None)).0, "blocked None");
    assert_eq!(run(&mut db, Caller::default(), wait(Some(70))).0, "blocked Some(70)");
    let operations = wait(Some(70)).as_array().cloned().unwrap();
    assert!(matches!(db.transact(&operations, Caller::default(), 69), Outcome::Blocked { .. }));
    let Outcome::Done { results, .. } = db.transact(&operations, Caller::default(), 71) else {
        panic!("the wait is over")
    };
    assert_eq!(
        Value::from(results).to_string(),
        r#"[{},{"details":"\"wait\" timed out after 71 ms","error":"timed out"},null]"#
    );
    run(&mut db, Caller::default(), json!([{"op": "insert", "table": "one", "row": {"x": 5}}]));
    assert_eq!(run(&mut db, Caller::default(), wait(None)).0, r#"[{},{},{"rows":[{}]}]"#);
}

#[test]
fn a_read_only_caller_is_refused_once_nothing_else_is_wrong() {
    let mut db = database();
    let caller = Caller { read_only: true, ..Caller::default() };
    let cases = [
        (json!({"op": "select", "table": "one", "where": [], "columns": []}), r#"[{"rows":[]}]"#),
        (json!({"op": "comment", "comment": "x"}), "[{}]"),
        (
            json!({"op": "delete", "table": "one", "where": []}),
            r#"[{"details":"delete operation not allowed when database server is in read only mode","error":"not allowed"}]"#,
        ),
        (
            json!({"op": "insert", "table": "root", "row": {}}),
            r#"[{"details":"\"\" is not one of the allowed values ([a, b])","error":"constraint violation"}]"#,
        ),
    ];
    for (operation, wanted) in cases {
        assert_eq!(run(&mut db, caller, json!([operation])).0, wanted);
    }
}

#[test]
fn a_lock_is_asserted_of_the_caller() {
    let mut db = database();
    let caller = Caller { locks: Some(&|lock| lock == "mine"), ..Caller::default() };
    assert_eq!(run(&mut db, caller, json!([{"op": "assert", "lock": "mine"}])).0, "[{}]");
    assert!(run(&mut db, caller, json!([{"op": "assert", "lock": "theirs"}])).0.contains("not owner"));
}

/// Lets nobody touch rows whose `x` is or becomes odd.
struct OddsAreMine;

impl Guard for OddsAreMine {
    fn check(&self, _now: &Snapshot, write: &RowWrite<'_>) -> Result<(), OvsdbError> {
        let (what, row) = match write {
            RowWrite::Insert { new, .. } => ("insertion", new),
            RowWrite::Update { old, .. } => ("update", old),
            RowWrite::Mutate { old, .. } => ("mutation", old),
            RowWrite::Delete { old, .. } => ("deletion", old),
        };
        match row[0].as_integer() {
            Some(n) if n % 2 == 1 => Err(OvsdbError::new(OvsdbError::PERMISSION, what)),
            Some(_) | None => Ok(()),
        }
    }
}

#[test]
fn a_guard_refuses_rows_one_by_one() {
    let mut db = database();
    let guarded = Caller { guard: Some(&OddsAreMine), ..Caller::default() };
    let insert = |x: i64| json!([{"op": "insert", "table": "one", "row": {"x": x}}]);
    assert!(
        run(&mut db, guarded, insert(1)).0.contains(r#""details":"insertion","error":"permission error""#)
    );
    run(&mut db, Caller::default(), insert(1));
    for operation in [
        json!({"op": "update", "table": "one", "where": [], "row": {"x": 2}}),
        json!({"op": "mutate", "table": "one", "where": [], "mutations": [["x", "+=", 1]]}),
        json!({"op": "delete", "table": "one", "where": []}),
    ] {
        assert!(run(&mut db, guarded, json!([operation])).0.contains("permission error"));
    }
    assert!(
        run(&mut db, Caller::default(), json!([{"op": "delete", "table": "one", "where": []}])).1.is_some()
    );
    assert!(run(&mut db, guarded, insert(2)).1.is_some());
}

#[test]
fn a_snapshot_stays_what_it_was() {
    let mut db = database();
    run(&mut db, Caller::default(), json!([{"op": "insert", "table": "one", "row": {"x": 5}}]));
    let before = db.snapshot();
    let (_, commit) = run(
        &mut db,
        Caller::default(),
        json!([{"op": "update", "table": "one", "where": [], "row": {"x": 6}}, {"op": "commit", "durable": true},
            {"op": "comment", "comment": "a"}, {"op": "comment", "comment": "b"}]),
    );
    let x =
        |snapshot: &Snapshot| snapshot.rows(one(&db)).map(|(_, row)| row[0].to_string()).collect::<Vec<_>>();
    assert_eq!((x(&before), x(db.now())), (vec!["5".to_owned()], vec!["6".to_owned()]));
    let commit = commit.unwrap();
    assert_eq!((commit.comment.as_str(), commit.durable, commit.iter().count()), ("a\nb", true, 1));
    let (table, _, update) = commit.iter().next().unwrap();
    assert_eq!(table, one(&db));
    let version = db.layout().table(table).version_index();
    assert_ne!(update.old.as_ref().unwrap()[version], update.new.as_ref().unwrap()[version]);
}

#[test]
fn a_transaction_without_effect_is_no_commit_and_keeps_the_version() {
    let mut db = database();
    run(&mut db, Caller::default(), json!([{"op": "insert", "table": "one", "row": {"x": 5}}]));
    let before = db.snapshot();
    for operations in [
        json!([{"op": "update", "table": "one", "where": [], "row": {"x": 5}}]),
        json!([{"op": "mutate", "table": "one", "where": [], "mutations": [["x", "+=", 1], ["x", "-=", 1]]}]),
        json!([{"op": "update", "table": "one", "where": [], "row": {"x": 6}},
            {"op": "update", "table": "one", "where": [], "row": {"x": 5}}]),
        json!([{"op": "insert", "table": "kid", "row": {}}]),
        json!([{"op": "insert", "table": "one", "row": {"x": 7}}, {"op": "delete", "table": "one", "where": [["x", "==", 7]]}]),
        json!([{"op": "comment", "comment": "only words"}]),
    ] {
        let (results, commit) = run(&mut db, Caller::default(), operations);
        assert!(commit.is_none() && !results.contains("error"), "{results}");
    }
    let rows =
        |snapshot: &Snapshot| snapshot.rows(one(&db)).map(|(u, row)| (u, row.clone())).collect::<Vec<_>>();
    assert_eq!(rows(&before), rows(db.now()));
}

#[test]
fn an_executed_transaction_waits_to_be_applied() {
    let mut db = database();
    let operations = [json!({"op": "insert", "table": "one", "row": {"x": 5}})];
    let ovsdb::db::Execution::Done { prepared, .. } = db.execute(&operations, Caller::default(), 0) else {
        panic!("there is no wait")
    };
    let prepared = prepared.unwrap();
    assert!(db.now().is_empty());
    assert_eq!(prepared.commit().iter().count(), 1);
    db.apply(prepared);
    assert_eq!(db.now().len(one(&db)), 1);
}

#[test]
fn conversion_keeps_what_the_new_schema_allows() {
    let mut db = database();
    run(
        &mut db,
        Caller::default(),
        json!([{"op": "insert", "table": "one", "row": {"x": 5}},
            {"op": "insert", "table": "root", "row": {"e": "a", "i": 3, "name": "n", "vals": ["set", [1, 2]]}}]),
    );
    let convert = |db: &Database, columns: &str| {
        let schema = format!(r#"{{"name":"T","tables":{{"root":{{"columns":{{{columns}}}}}}}}}"#);
        let schema =
            DatabaseSchema::from_json(&serde_json::from_str(&schema).expect("JSON")).expect("a schema");
        db.convert(Arc::new(schema), 2)
    };
    let columns = r#""e":{"type":"string"},"name":{"type":{"key":"string","min":0,"max":2}},"new":{"type":"boolean"},"vals":{"type":{"key":"real","max":"unlimited"}}"#;
    let error = convert(&db, columns).expect_err("there is no place for all").details.unwrap_or_default();
    let uuid = db.now().rows(db.layout().table_id("root").unwrap()).next().unwrap().0;
    let words = format!(
        "the new schema has no place for table one with 1 row(s); column i of table root, set in 1 row(s) of which \
         {uuid} is the first. Remove what may be lost, then convert."
    );
    assert_eq!(error, words);
    let remove = json!([{"op": "delete", "table": "one", "where": []},
        {"op": "update", "table": "root", "where": [], "row": {"i": 0}}]);
    run(&mut db, Caller::default(), remove);
    let wider = convert(&db, columns).unwrap();
    let rows: Vec<String> = wider
        .now()
        .rows(TableId(0))
        .map(|(_, row)| {
            row[..4].iter().map(|datum| datum.to_json().to_string()).collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert_eq!(rows, [r#""a" "n" false ["set",[1,2]]"#]);
    let error = convert(&db, r#""vals":{"type":"integer"}"#).expect_err("two values do not fit");
    let words =
        format!("Table root column vals row {uuid}: set must have exactly one member but 2 are present");
    assert_eq!(error.details, Some(words));
}

//! Values, schemas, transactions and files of databases.

use std::sync::{Arc, OnceLock};

use ovsdb::db::{Caller, Commit, Database, Outcome, Snapshot};
use ovsdb::log::{self, ClusterFile, Detail};
use ovsdb::{ColumnType, DatabaseSchema, Datum, Symbols, TableId, UuidGenerator};
use serde_json::Value;

use super::lines;

/// A small schema with a column of nearly every kind.
const SCHEMA: &str = r#"{"name": "F", "version": "1.0.0", "tables": {
    "A": {"isRoot": true, "indexes": [["name"]], "columns": {
        "name": {"type": "string"},
        "i": {"type": {"key": {"type": "integer", "minInteger": -5, "maxInteger": 4095}}},
        "r": {"type": {"key": "real", "min": 0, "max": 1}},
        "b": {"type": "boolean"},
        "u": {"type": {"key": "uuid", "min": 0, "max": 3}},
        "e": {"type": {"key": {"type": "string", "enum": ["set", ["", "a", "b"]]}}},
        "s": {"type": {"key": {"type": "string", "maxLength": 5}, "min": 0, "max": "unlimited"}},
        "n": {"type": {"key": "integer", "min": 0, "max": "unlimited"}},
        "m": {"type": {"key": "string", "value": "real", "min": 0, "max": "unlimited"}},
        "kids": {"type": {"key": {"type": "uuid", "refTable": "B"}, "min": 0, "max": "unlimited"}},
        "weak": {"type": {"key": {"type": "uuid", "refTable": "A", "refType": "weak"}, "min": 0, "max": 2}},
        "fixed": {"type": "string", "mutable": false},
        "gone": {"type": "string", "ephemeral": true}}},
    "B": {"maxRows": 4, "columns": {
        "x": {"type": "integer"},
        "next": {"type": {"key": {"type": "uuid", "refTable": "B"}, "min": 0, "max": 1}}}}}}"#;

/// Rows to begin with; the inputs know their UUIDs.
const ROWS: &str = r#"[
    {"op": "insert", "table": "A", "uuid": "00000000-0000-0000-0000-000000000001", "row": {"name": "one", "i": 1,
     "s": ["set", ["p", "q"]], "m": ["map", [["k", 1.5]]], "kids": ["uuid", "00000000-0000-0000-0000-00000000000b"]}},
    {"op": "insert", "table": "A", "uuid": "00000000-0000-0000-0000-000000000002", "row": {"name": "two", "b": true,
     "n": ["set", [3, 1, 2]], "weak": ["uuid", "00000000-0000-0000-0000-000000000001"]}},
    {"op": "insert", "table": "B", "uuid": "00000000-0000-0000-0000-00000000000b", "row": {"x": 7}}]"#;

/// The schema of the databases of fuzzing.
pub(super) fn small_schema() -> Arc<DatabaseSchema> {
    static SCHEMA_READ: OnceLock<Arc<DatabaseSchema>> = OnceLock::new();
    let read = || {
        let json = serde_json::from_str(SCHEMA).expect("the schema is JSON");
        Arc::new(DatabaseSchema::from_json(&json).expect("the schema is one"))
    };
    SCHEMA_READ.get_or_init(read).clone()
}

/// A database of that schema with a few rows.
pub(super) fn small_database() -> Database {
    beginning().0
}

fn beginning() -> (Database, Commit) {
    static BEGUN: OnceLock<(Database, Commit)> = OnceLock::new();
    let begin = || {
        let mut database = Database::new(small_schema(), 1);
        let rows: Vec<Value> = serde_json::from_str(ROWS).expect("the rows are JSON");
        match database.transact(&rows, Caller::default(), 0) {
            Outcome::Done { commit: Some(commit), .. } => (database, commit),
            other @ (Outcome::Done { .. } | Outcome::Blocked { .. }) => panic!("no rows: {other:?}"),
        }
    };
    BEGUN.get_or_init(begin).clone()
}

/// What a file keeps of a database, as text.
fn kept(snapshot: &Snapshot) -> Vec<String> {
    let layout = snapshot.layout();
    let mut rows = Vec::new();
    for (index, table) in layout.tables.iter().enumerate() {
        let columns = &layout.schema.tables[&table.name].columns;
        for (uuid, row) in snapshot.rows(TableId(index)) {
            let values = columns.values().zip(row.iter()).filter(|(column, _)| !column.ephemeral);
            let values: Vec<String> = values.map(|(_, value)| value.to_json().to_string()).collect();
            rows.push(format!("{} {uuid} {}", table.name, values.join(" ")));
        }
    }
    rows
}

/// A column type and values for it, a line each: what is accepted is written and read back as the same.
pub(super) fn value(octets: &[u8]) {
    let mut lines = lines(octets);
    let json = |line: &str| serde_json::from_str::<Value>(line).ok();
    let Some(ty) = lines.next().and_then(json).and_then(|json| ColumnType::from_json(&json).ok()) else {
        return;
    };
    assert_eq!(ColumnType::from_json(&ty.to_json()).as_ref(), Ok(&ty));
    for value in lines.filter_map(json) {
        let mut symbols = Symbols::new(UuidGenerator::new(1));
        if let Ok(datum) = Datum::from_json(&value, &ty, Some(&mut symbols)) {
            assert_eq!(Datum::from_json(&datum.to_json(), &ty, None), Ok(datum));
        }
    }
}

/// A schema: what is accepted is written and read back as the same, and a database converts to it or stays.
pub(super) fn schema(octets: &[u8]) {
    let Ok(json) = serde_json::from_slice::<Value>(octets) else { return };
    let Ok(schema) = DatabaseSchema::from_json(&json) else { return };
    assert_eq!(DatabaseSchema::from_json(&schema.to_json()).as_ref(), Ok(&schema));
    if let Ok(converted) = small_database().convert(Arc::new(schema), 2) {
        assert_eq!(converted.check(), Ok(()));
    }
}

/// Transactions, a line each: the database keeps its promises, and a file of what was done gives the same database.
pub(super) fn transaction(octets: &[u8]) {
    let (mut database, first) = beginning();
    let mut commits = vec![first];
    for line in lines(octets) {
        let Ok(operations) = serde_json::from_str::<Vec<Value>>(line) else { continue };
        let locks = |name: &str| name == "held";
        let caller = Caller { locks: Some(&locks), ..Caller::default() };
        match database.transact(&operations, caller, 1000) {
            Outcome::Done { commit, .. } => commits.extend(commit),
            Outcome::Blocked { until_ms } => assert_ne!(until_ms, Some(0)),
        }
    }
    assert_eq!(database.check(), Ok(()));
    let mut file = log::created(database.schema());
    let records = commits.iter().filter_map(|commit| log::transaction_record(database.layout(), commit, 0));
    records.for_each(|record| _ = log::append_record(&mut file, &record));
    let replayed = log::replay(&file, 3).expect("what was written is read");
    assert_eq!(kept(replayed.database.now()), kept(database.now()));
}

/// A file as it is, or, since checksums are hard to guess, the JSON of its records, a line each.
pub(super) fn log(octets: &[u8]) {
    if octets.first() != Some(&b'{') {
        return any_log(octets);
    }
    let records: Vec<Value> = lines(octets).filter_map(|line| serde_json::from_str(line).ok()).collect();
    let standalone: Vec<Vec<u8>> = records.iter().map(log::encode).collect();
    any_log(&standalone.concat());
    let magic = b"OVSDB CLUSTER ".as_slice();
    let clustered = standalone.iter().map(|record| [magic, &record["OVSDB JSON ".len()..]].concat());
    any_log(&clustered.collect::<Vec<_>>().concat());
}

fn any_log(file: &[u8]) {
    if let Ok(replayed) = log::replay(file, 4) {
        assert!(replayed.end <= file.len());
        let compacted = log::compacted(replayed.database.now(), replayed.past.last(), 0, "fuzzing");
        let again = log::replay(&compacted, 5).expect("what was written is read");
        assert_eq!(kept(again.database.now()), kept(replayed.database.now()));
    }
    for detail in [Detail::Comments, Detail::Rows, Detail::Columns] {
        // Its text goes as far as the file is good.
        let _ = log::show_log(file, detail);
    }
    if let Ok(standalone) = ClusterFile::parse(file).and_then(|cluster| cluster.to_standalone(0)) {
        // The records may be those of no database.
        let _ = log::replay(&standalone, 6);
    }
}

//! What a record of a transaction says, read in one go from its text.
//!
//! The quick reader takes what servers write. Anything else, odd or wrong, goes to the careful one, which reads the
//! same from parsed JSON and has the words for what is wrong.

use super::quick::{self, Memory};
use super::rows::Rows;
use crate::Row;
use crate::error::OvsdbError;
use crate::schema::{ColumnType, Layout, TableId, TableLayout};
use crate::value::{Datum, Uuid};
use serde_json::{Map, Value};
use std::sync::Arc;

/// A transaction as its record says it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Record {
    pub(super) rows: Vec<RowRecord>,
    /// Whether columns of rows that exist are differences.
    pub(super) is_diff: bool,
    pub(super) comment: Option<String>,
}

/// One row of it.
#[derive(Debug, PartialEq)]
pub(super) struct RowRecord {
    pub(super) table: TableId,
    pub(super) uuid: Uuid,
    pub(super) change: RowChange,
}

/// What becomes of a row.
#[derive(Debug, PartialEq)]
pub(super) enum RowChange {
    /// There was none of this name before the record; this is it, but for its version.
    Inserted(Arc<Row>),
    /// The columns that are written, by place, in which each atom is as the schema wants it, but not yet the number of
    /// them. The row may be a new one.
    Written(Vec<(usize, Datum)>),
    Deleted,
}

/// Reads the line of JSON of a record. `tables` are the rows there are before it.
pub(super) fn parse(
    layout: &Layout,
    tables: &[Rows],
    memory: &mut Memory,
    body: &[u8],
) -> Result<Record, OvsdbError> {
    if let Some(record) = quick::record(layout, tables, memory, body) {
        return Ok(record);
    }
    let json: Value = serde_json::from_slice(body)
        .map_err(|error| OvsdbError::new(OvsdbError::SYNTAX, error.to_string()))?;
    careful(layout, &json)
}

fn careful(layout: &Layout, json: &Value) -> Result<Record, OvsdbError> {
    let members = as_object(json, "object expected")?;
    let mut record = Record {
        is_diff: members.get("_is_diff").is_some_and(|json| *json == Value::Bool(true)),
        comment: members.get("_comment").and_then(Value::as_str).map(str::to_owned),
        rows: Vec::new(),
    };
    for (name, rows) in members.iter().filter(|(name, _)| !name.starts_with('_')) {
        let Some(id) = layout.table_id(name) else {
            return Err(OvsdbError::new(OvsdbError::UNKNOWN_TABLE, format!("No table named {name}.")));
        };
        let table = layout.table(id);
        for (uuid, columns) in as_object(rows, "object expected")? {
            let wrong = |_| OvsdbError::new(OvsdbError::SYNTAX, format!("\"{uuid}\" is not a valid UUID"));
            let uuid: Uuid = uuid.parse().map_err(wrong)?;
            let change = match columns {
                Value::Null => RowChange::Deleted,
                columns => {
                    RowChange::Written(careful_row(table, as_object(columns, "row must be JSON object")?)?)
                }
            };
            record.rows.push(RowRecord { table: id, uuid, change });
        }
    }
    Ok(record)
}

fn as_object<'a>(json: &'a Value, words: &str) -> Result<&'a Map<String, Value>, OvsdbError> {
    json.as_object().ok_or_else(|| OvsdbError::syntax(json, words))
}

fn careful_row(table: &TableLayout, columns: &Map<String, Value>) -> Result<Vec<(usize, Datum)>, OvsdbError> {
    let read = |(name, json): (&String, &Value)| {
        let Some(at) = table.column_index(name) else {
            let words = format!("No column {name} in table {}.", table.name);
            return Err(OvsdbError::new(OvsdbError::UNKNOWN_COLUMN, words));
        };
        // A difference may have more elements than either side.
        let ty = ColumnType { min: 0, max: None, ..table.columns[at].1.ty.clone() };
        Ok((at, Datum::from_json(json, &ty, None)?))
    };
    columns.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::super::replay::Replay;
    use super::*;
    use crate::DatabaseSchema;
    use proptest::prelude::*;
    use serde_json::json;
    use std::sync::Arc;

    fn layout() -> Layout {
        let columns = json!({
            "i": {"type": {"key": {"type": "integer", "minInteger": 0}}},
            "r": {"type": "real"},
            "b": {"type": "boolean"},
            "s": {"type": {"key": "string", "min": 0, "max": "unlimited"}},
            "u": {"type": {"key": {"type": "uuid", "refTable": "A", "refType": "weak"}, "min": 0, "max": "unlimited"}},
            "m": {"type": {"key": "string", "value": "uuid", "min": 0, "max": "unlimited"}},
        });
        let json = json!({"name": "D", "version": "1.0.0", "tables": {"A": {"columns": columns}}});
        Layout::new(Arc::new(DatabaseSchema::from_json(&json).unwrap()))
    }

    fn atom() -> impl Strategy<Value = Value> {
        prop_oneof![
            (-2..3i64).prop_map(Value::from),
            Just(json!(0.5)),
            Just(json!(1e3)),
            any::<bool>().prop_map(Value::from),
            "[aé\n]{0,2}".prop_map(Value::from),
            Just(json!(["uuid", Uuid::ZERO.to_string()])),
            Just(json!(["uuid", "x"])),
            Just(json!(["named-uuid", "x"])),
            Just(Value::Null),
        ]
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            atom(),
            prop::collection::vec(atom(), 0..3).prop_map(|atoms| json!(["set", atoms])),
            prop::collection::vec((atom(), atom()), 0..3).prop_map(|pairs| json!(["map", pairs])),
            prop::collection::vec(atom(), 0..3).prop_map(Value::from),
        ]
    }

    /// The rows of the only table after a record, which may change the row of no name.
    fn after(
        record: Result<Record, OvsdbError>,
        layout: &Layout,
        is_there: bool,
    ) -> Result<Vec<Datum>, OvsdbError> {
        let mut replay = Replay::new(Arc::new(layout.clone()), 1);
        if is_there {
            replay.tables[0].put(Uuid::ZERO, layout.tables[0].default_row());
        }
        replay.apply(record?, None)?;
        let row = replay.tables[0].get_mut(Uuid::ZERO).map(|row| row.to_vec()).unwrap_or_default();
        Ok(row.into_iter().take(layout.tables[0].columns.len()).collect())
    }

    fn quick(layout: &Layout, text: &str, is_there: bool) -> Option<Record> {
        let mut tables = [Rows::new(1)];
        if is_there {
            tables[0].put(Uuid::ZERO, layout.tables[0].default_row());
        }
        quick::record(layout, &tables, &mut Memory::new(layout), text.as_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_quick_reader_takes_nothing_that_the_careful_one_does_not(
            columns in prop::collection::btree_map("[irbsum]", value(), 0..4),
            is_diff in prop::option::of(any::<bool>()),
            is_there in any::<bool>(),
        ) {
            let layout = layout();
            let mut json = json!({"A": {Uuid::ZERO.to_string(): columns}, "_date": 5, "_comment": "c"});
            if let Some(is_diff) = is_diff {
                json["_is_diff"] = is_diff.into();
            }
            if let Some(quick) = quick(&layout, &json.to_string(), is_there) {
                let careful = careful(&layout, &json).unwrap();
                prop_assert_eq!((quick.is_diff, &quick.comment), (careful.is_diff, &careful.comment));
                prop_assert_eq!(after(Ok(quick), &layout, is_there), after(Ok(careful), &layout, is_there));
            }
        }
    }

    #[test]
    fn of_two_members_of_one_name_the_last_counts() {
        let (a, b) = (Uuid::ZERO, Uuid::from_u128(1));
        for (text, is_there) in [
            (format!(r#"{{"A":{{"{a}":{{"i":1}},"{a}":{{"b":true}}}}}}"#), true),
            (format!(r#"{{"A":{{"{a}":null,"{a}":{{"b":true}}}}}}"#), true),
            (format!(r#"{{"A":{{"{a}":{{"i":1}},"{a}":{{"b":true}}}}}}"#), false),
            (format!(r#"{{"A":{{"{a}":{{"i":1}}}},"A":{{"{b}":{{"b":true}}}}}}"#), false),
        ] {
            let layout = layout();
            let mut tables = [Rows::new(1)];
            if is_there {
                tables[0].put(a, layout.tables[0].default_row());
            }
            let read = parse(&layout, &tables, &mut Memory::new(&layout), text.as_bytes());
            let careful = careful(&layout, &serde_json::from_str(&text).unwrap());
            assert_eq!(after(read, &layout, is_there), after(careful, &layout, is_there), "{text}");
        }
    }

    #[test]
    fn the_quick_reader_takes_what_servers_write() {
        let text = r#"{"A":{"00000000-0000-0000-0000-000000000000":{"b":true,"i":5,"m":["map",[["k",["uuid","00000000-0000-0000-0000-000000000001"]]]],"r":5,"s":["set",["a","b\n"]],"u":["uuid","00000000-0000-0000-0000-000000000002"]},"00000000-0000-0000-0000-000000000001":null},"_date":1,"_is_diff":true}"#;
        let layout = layout();
        let record = quick(&layout, text, true).unwrap();
        assert_eq!(record.rows.len(), 2);
        assert_eq!(careful(&layout, &serde_json::from_str(text).unwrap()), Ok(record));
        let inserted = quick(&layout, text, false).unwrap();
        assert!(matches!(&inserted.rows[0].change, RowChange::Inserted(row) if row[1] == Datum::scalar(5)));
    }

    #[test]
    fn columns_are_found_in_any_order() {
        let layout = layout();
        let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let orders = [r#""b":true,"i":5,"r":1"#, r#""r":1,"b":true,"i":5"#, r#""i":5,"r":1,"b":true"#];
        for (one, two) in orders.iter().flat_map(|one| orders.iter().map(move |two| (one, two))) {
            let text = format!(r#"{{"A":{{"{a}":{{{one}}},"{b}":{{{two}}}}}}}"#);
            let record = quick(&layout, &text, false).unwrap();
            let rows: Vec<String> = record.rows.iter().map(|row| format!("{:?}", row.change)).collect();
            assert_eq!(rows[0], rows[1]);
            assert_eq!(rows[0], "Inserted([true, 5, {}, 1, [], [], 00000000-0000-0000-0000-000000000000])");
        }
    }
}

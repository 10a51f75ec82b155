//! `expect-row`: rows that a database must have, or must not.

use super::Action;
use crate::db::client::{Database, Record, Rows};
use crate::db::plain;
use crate::path;
use crate::scenario::check::{Checker, NodeKind};
use crate::scenario::report::Failure;
use crate::scenario::run::{Run, deadline};
use crate::text::nearest::nearest;
use crate::text::values::Span;
use ovsdb::{DatabaseSchema, Datum};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Rows that are shown when the expectation is not met.
const SHOWN: usize = 20;

/// A database must have rows with these values, soon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectRow {
    /// The database.
    pub db: Which,
    /// The chassis, for the switch database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    pub table: String,
    /// Which rows: each of these columns has this value. Of a map column, it has these pairs among others. A row that
    /// is referred to may be named by its `name`.
    #[serde(default, rename = "where")]
    pub select: BTreeMap<String, Value>,
    /// What each of them must have.
    #[serde(default)]
    pub has: BTreeMap<String, Value>,
    /// How many rows; at least one unless given. 0 means that there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// By then.
    #[serde(default = "within")]
    pub within: Span,
}

/// A database of a lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// Northbound.
    Nb,
    /// Southbound.
    Sb,
    /// A chassis' switch database.
    Switch,
}

fn within() -> Span {
    Span::millis(5000)
}

impl Which {
    fn schema(self) -> &'static Arc<DatabaseSchema> {
        match self {
            Self::Nb => schema::nb::schema(),
            Self::Sb => schema::sb::schema(),
            Self::Switch => schema::vswitch::schema(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Nb => "nb",
            Self::Sb => "sb",
            Self::Switch => "switch",
        }
    }
}

impl Action for ExpectRow {
    fn title(&self) -> String {
        let pairs = |columns: &BTreeMap<String, Value>| {
            columns.iter().map(|(k, v)| format!("{k}={}", plain_text(v))).collect::<Vec<_>>().join(" ")
        };
        let mut title = format!("{} {} {}", self.db.name(), self.table, pairs(&self.select));
        if !self.has.is_empty() {
            title += &format!(" has {}", pairs(&self.has));
        }
        if let Some(count) = self.count {
            title += &format!(": {count} rows");
        }
        title.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn check(&self, checker: &mut Checker<'_>) {
        match (&self.on, self.db) {
            (Some(on), Which::Switch) => checker.node(path!["on"], on, &[NodeKind::Chassis]),
            (None, Which::Switch) => {
                checker.complain(path![], "a switch database of no chassis", "expected `on`, the chassis");
            }
            (Some(_), Which::Nb | Which::Sb) => {
                checker.complain(
                    path!["on"],
                    "there is only one such database",
                    "expected `on` only with `db: switch`",
                );
            }
            (None, Which::Nb | Which::Sb) => {}
        }
        let schema = self.db.schema();
        let Some(table) = schema.table(&self.table) else {
            let known: Vec<&str> = schema.tables.keys().map(|t| &**t).collect();
            let meant = nearest(&self.table, known.iter().copied())
                .map_or(String::new(), |m| format!("; did you mean {m}?"));
            let title = format!("{} has no table {}", schema.name, self.table);
            return checker.complain(
                path!["table"],
                title,
                format!("expected one of {}{meant}", known.join(", ")),
            );
        };
        for (key, columns) in [("where", &self.select), ("has", &self.has)] {
            for (column, value) in columns {
                let Some(found) = table.column(column) else {
                    let known: Vec<&str> = table.columns.keys().map(|c| &**c).collect();
                    let title = format!("{} has no column {column}", self.table);
                    checker.complain_key(
                        path![key, column.as_str()],
                        title,
                        format!("expected one of {}", known.join(", ")),
                    );
                    continue;
                };
                // Which row a name means is seen when the time has come.
                let mut refer = |_: &str, _: &Value, _: &_| {
                    Ok(serde_json::json!(["uuid", ovsdb::Uuid::ZERO.to_string()]))
                };
                if let Err(bad) = plain::to_ovsdb(value, &found.ty, &mut refer) {
                    let at = path![key, column.as_str()].into_iter().chain(bad.path).collect();
                    checker.complain(at, bad.title, bad.expected);
                }
            }
        }
    }

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let database: Database = match (self.db, &self.on) {
            (Which::Nb, _) => run.lab.northbound(),
            (Which::Sb, _) => run.lab.southbound(),
            (Which::Switch, on) => run.lab.switch(on.as_deref().unwrap_or_default())?,
        };
        let tables = self.tables(database.schema);
        let borrowed: Vec<(&str, Vec<&str>)> =
            tables.iter().map(|(t, c)| (t.as_str(), c.iter().map(String::as_str).collect())).collect();
        let borrowed: Vec<(&str, &[&str])> = borrowed.iter().map(|(t, c)| (*t, c.as_slice())).collect();
        let mut last = Vec::new();
        let found = database.wait(&borrowed, deadline(self.within.0), |rows| {
            last = show(rows, &self.table);
            self.met(rows, database.schema)
        });
        if let Some(count) = found.await {
            return Ok(format!("{count} rows"));
        }
        let expected = format!("{} within {}", self.title(), self.within);
        let actual = format!("the rows of {} that were there last:", self.table);
        let mut failure = Failure::new(expected, actual).with_details(last);
        failure.nodes.extend(self.on.clone());
        Err(failure)
    }
}

impl ExpectRow {
    /// The tables and columns to look at: those named, and `name` of the tables that are referred to.
    fn tables(&self, schema: &DatabaseSchema) -> BTreeMap<String, BTreeSet<String>> {
        let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let Some(table) = schema.table(&self.table) else { return tables };
        let columns = self.select.keys().chain(self.has.keys());
        for (name, column) in columns.filter_map(|name| Some((name, table.column(name)?))) {
            tables.entry(self.table.clone()).or_default().insert(name.clone());
            for base in [Some(&column.ty.key), column.ty.value.as_ref()].into_iter().flatten() {
                if let Some(to) = base.reference.as_ref().map(|r| r.table.to_string())
                    && schema.column(&to, "name").is_some()
                {
                    tables.entry(to).or_default().insert("name".to_owned());
                }
            }
        }
        // With nothing asked of the rows, their number counts; one column shows them.
        let own = tables.entry(self.table.clone()).or_default();
        if own.is_empty() {
            own.extend(table.columns.keys().next().map(|c| c.to_string()));
        }
        if table.column("name").is_some() {
            own.insert("name".to_owned());
        }
        tables
    }

    /// The number of rows, if it is as it should be.
    fn met(&self, rows: &Rows<'_>, schema: &DatabaseSchema) -> Option<usize> {
        let of_table = rows.of(&self.table);
        let selected: Vec<&Record<'_>> =
            of_table.iter().filter(|row| fits(rows, schema, &self.table, row, &self.select)).collect();
        let all_have = selected.iter().all(|row| fits(rows, schema, &self.table, row, &self.has));
        let enough = match self.count {
            Some(count) => selected.len() == count,
            None => !selected.is_empty(),
        };
        (enough && all_have).then_some(selected.len())
    }
}

/// Whether a row has these values.
fn fits(
    rows: &Rows<'_>,
    schema: &DatabaseSchema,
    table: &str,
    row: &Record<'_>,
    wanted: &BTreeMap<String, Value>,
) -> bool {
    wanted.iter().all(|(column, value)| {
        let Some(ty) = schema.column(table, column).map(|c| &c.ty) else { return false };
        // A name that no row has yet makes it unfit, not wrong.
        let mut refer = |to: &str, item: &Value, at: &_| {
            let by_name = rows
                .of(to)
                .iter()
                .find(|r| r.text("name") == item.as_str().unwrap_or_default())
                .map(|r| r.uuid);
            let uuid = by_name.map(|uuid| serde_json::json!(["uuid", uuid.to_string()]));
            uuid.or_else(|| plain::uuid_literal(item)).ok_or_else(|| plain::BadPlain {
                path: Vec::clone(at),
                title: String::new(),
                expected: String::new(),
            })
        };
        match (plain::to_datum(value, ty, &mut refer), row.get(column)) {
            (Ok(Datum::Map(pairs)), Datum::Map(have)) => pairs.iter().all(|pair| have.contains(pair)),
            (Ok(datum), have) => datum == *have,
            (Err(_), _) => false,
        }
    })
}

/// The rows of a table as lines.
fn show(rows: &Rows<'_>, table: &str) -> Vec<String> {
    let all = rows.of(table);
    let line = |row: &Record<'_>| {
        let columns: Vec<String> = row
            .columns()
            .map(|(column, datum)| format!("{column}={}", plain_text(&plain::from_datum(datum))))
            .collect();
        columns.join(" ")
    };
    let mut lines: Vec<String> = all.iter().take(SHOWN).map(line).collect();
    if all.len() > SHOWN {
        lines.push(format!("and {} more", all.len() - SHOWN));
    }
    if lines.is_empty() {
        lines.push("none".to_owned());
    }
    lines
}

/// A plain value on one line, texts without quotes.
fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

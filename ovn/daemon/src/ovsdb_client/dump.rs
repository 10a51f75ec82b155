//! `dump [SERVER] [DATABASE] [TABLE [COLUMN]...]`: the contents of the database, or of a table, in an order that depends
//! on nothing but them.

use std::cmp::Ordering;

use ctl::output::{Cell, Printer, Table};
use ovsdb::{AtomType, BaseType, ColumnType, DatabaseSchema, Datum, TableSchema};
use serde_json::{Value, json};

use super::fatal::Fatal;
use super::rpc::Rpc;
use super::{Client, print};

/// What is dumped of a table: names and types of columns, by name.
type Columns<'a> = Vec<(&'a str, ColumnType)>;

pub(super) fn run(client: &mut Client, mut rpc: Rpc, database: &str, args: &[String]) -> Result<(), Fatal> {
    let schema = client.schema(&mut rpc, database)?;
    let tables = wanted(&schema, args)?;
    let mut transaction = vec![json!(database)];
    for (name, columns) in &tables {
        let columns: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
        transaction.push(json!({"op": "select", "table": name, "where": [], "columns": columns}));
    }
    let reply = client.call(&mut rpc, "transact", Value::Array(transaction))?;
    let Some(results) = reply.as_array().filter(|results| results.len() == tables.len()) else {
        return Err(Fatal::new(format!("reply is not array of {} elements: {reply}", tables.len())));
    };
    let mut printer = Printer::new(&client.options.style);
    let mut text = String::new();
    for ((name, columns), result) in tables.iter().zip(results) {
        printer.print(&table(name, columns, rows_of(name, result)?)?, &mut text);
    }
    print(&text)
}

/// The rows in the result of a `select`.
pub(super) fn rows_of<'a>(table: &str, result: &'a Value) -> Result<&'a [Value], Fatal> {
    let wrong =
        || Fatal::new(format!("{table} table reply is not an object with a \"rows\" member array: {result}"));
    Ok(result.get("rows").and_then(Value::as_array).ok_or_else(wrong)?)
}

fn wanted<'a>(schema: &'a DatabaseSchema, args: &'a [String]) -> Result<Vec<(&'a str, Columns<'a>)>, Fatal> {
    let Some((name, columns)) = args.split_first() else {
        return Ok(schema.tables.iter().map(|(name, table)| (&**name, all(table))).collect());
    };
    let table = schema.table(name).ok_or_else(|| Fatal::new(format!("No table \"{name}\" found.")))?;
    if columns.is_empty() {
        return Ok(vec![(name, all(table))]);
    }
    let mut chosen = Columns::new();
    for column in columns {
        let ty = match (column.as_str(), table.column(column)) {
            ("_uuid" | "_version", _) => uuid(),
            (_, Some(column)) => column.ty.clone(),
            (_, None) => {
                return Err(Fatal::new(format!("Table \"{name}\" has no column {column}.")));
            }
        };
        if column != "_version" {
            chosen.push((column, ty));
        }
    }
    chosen.sort_by_key(|(name, _)| *name);
    Ok(vec![(name, chosen)])
}

fn all(table: &TableSchema) -> Columns<'_> {
    let mut columns: Columns<'_> =
        table.columns.iter().map(|(name, column)| (&**name, column.ty.clone())).collect();
    columns.push(("_uuid", uuid()));
    columns.sort_by_key(|(name, _)| *name);
    columns
}

fn uuid() -> ColumnType {
    ColumnType::from(AtomType::Uuid)
}

fn table(name: &str, columns: &Columns<'_>, rows: &[Value]) -> Result<Table, Fatal> {
    let mut data = Vec::with_capacity(rows.len());
    for (place, row) in rows.iter().enumerate() {
        let Some(row) = row.as_object() else {
            return Err(Fatal::new(format!(
                "row {place} in table {name} response is not a JSON object: {row}"
            )));
        };
        let value = |(column, ty): &(&str, ColumnType)| {
            let lacks = || Fatal::new(format!("row {place} in table {name} response lacks {column} column"));
            let json = row.get(*column).ok_or_else(lacks)?;
            Ok(Datum::from_json(json, &unconstrained(ty), None)?)
        };
        data.push(columns.iter().map(value).collect::<Result<Vec<Datum>, Fatal>>()?);
    }
    let is_uuid: Vec<bool> = columns.iter().map(|(_, ty)| ty.key.atom == AtomType::Uuid).collect();
    data.sort_by(|a, b| compare(a, b, &is_uuid));
    let cells = |row: Vec<Datum>| {
        row.into_iter().zip(columns).map(|(value, (_, ty))| Cell::new(value, ty)).collect::<Vec<Cell>>()
    };
    Ok(Table {
        caption: Some(format!("{name} table")),
        headings: columns.iter().map(|(name, _)| (*name).to_owned()).collect(),
        rows: data.into_iter().map(cells).collect(),
        ..Table::default()
    })
}

/// The type without what only transactions need to keep.
fn unconstrained(ty: &ColumnType) -> ColumnType {
    let plain = |base: &BaseType| BaseType::from(base.atom);
    ColumnType { key: plain(&ty.key), value: ty.value.as_ref().map(plain), ..ty.clone() }
}

/// UUIDs tend to be random, so that other columns decide first.
fn compare(a: &[Datum], b: &[Datum], is_uuid: &[bool]) -> Ordering {
    let by = |wanted: bool| {
        let columns = a.iter().zip(b).zip(is_uuid).filter(move |(_, is_uuid)| **is_uuid == wanted);
        columns.map(|((a, b), _)| compare_values(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    by(false).then_with(|| by(true))
}

/// The one with fewer elements comes first; then the keys decide, and then the values.
fn compare_values(a: &Datum, b: &Datum) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.keys().cmp(b.keys())).then_with(|| a.values().cmp(b.values()))
}

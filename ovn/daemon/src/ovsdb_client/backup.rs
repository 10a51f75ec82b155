//! `backup [SERVER] [DATABASE] > SNAPSHOT`: the contents of the database as a database file.

use std::io::{IsTerminal as _, Write as _};

use ovsdb::log;
use serde_json::{Map, Value, json};

use super::Client;
use super::dump::rows_of;
use super::fatal::Fatal;
use super::rpc::Rpc;

pub(super) fn run(client: &mut Client, mut rpc: Rpc, database: &str, _: &[String]) -> Result<(), Fatal> {
    if std::io::stdout().is_terminal() {
        return Err(Fatal::new("not writing backup to a terminal; please redirect stdout to a file"));
    }
    let schema = client.schema(&mut rpc, database)?;
    let mut transaction = vec![json!(database)];
    for (name, table) in &schema.tables {
        // A table whose columns are all ephemeral has rows all the same, which others may refer to.
        let kept = table.columns.iter().filter(|(_, column)| !column.ephemeral);
        let columns: Vec<&str> = std::iter::once("_uuid").chain(kept.map(|(name, _)| &**name)).collect();
        transaction.push(json!({"op": "select", "table": &**name, "where": [], "columns": columns}));
    }
    let reply = client.call(&mut rpc, "transact", Value::Array(transaction))?;
    let count = schema.tables.len();
    let Some(results) = reply.as_array().filter(|results| results.len() == count) else {
        return Err(Fatal::new(format!("reply is not array of {count} elements: {reply}")));
    };
    let mut record = Map::new();
    for (name, result) in schema.tables.keys().zip(results) {
        let rows: Map<String, Value> =
            rows_of(name, result)?.iter().map(|row| keyed(name, row)).collect::<Result<_, _>>()?;
        if !rows.is_empty() {
            record.insert(name.to_string(), rows.into());
        }
    }
    record.insert("_comment".to_owned(), "produced by \"ovsdb-client backup\"".into());
    record.insert("_date".to_owned(), crate::base::wall_ms().into());
    let mut octets = log::created(&schema);
    octets.extend(log::encode(&record.into()));
    let mut out = std::io::stdout().lock();
    let written = out.write_all(&octets).and_then(|()| out.flush());
    written.map_err(|_| Fatal::new("write to stdout failed"))
}

/// A row by its UUID.
fn keyed(table: &str, row: &Value) -> Result<(String, Value), Fatal> {
    let mut columns = row.as_object().cloned().unwrap_or_default();
    match columns.remove("_uuid").as_ref().and_then(|uuid| uuid[1].as_str()) {
        Some(uuid) => Ok((uuid.to_owned(), columns.into())),
        None => Err(Fatal::new(format!("{table} table reply row lacks _uuid member: {row}"))),
    }
}

//! `convert [SERVER] SCHEMA` and `needs-conversion [SERVER] SCHEMA`: brings a database of a running server to the schema
//! in a file, or says whether that would change it.

use ovsdb::DatabaseSchema;
use serde_json::json;

use super::fatal::Fatal;
use super::rpc::Rpc;
use super::{Client, Need, print, schema};

pub(super) fn convert(client: &mut Client, args: &[String]) -> Result<(), Fatal> {
    let (mut rpc, wanted) = prepare(client, args)?;
    client.say_change_aware(&mut rpc)?;
    client.call(&mut rpc, "convert", json!([&*wanted.name, wanted.to_json()]))?;
    Ok(())
}

pub(super) fn needs_conversion(client: &mut Client, args: &[String]) -> Result<(), Fatal> {
    let (mut rpc, wanted) = prepare(client, args)?;
    let present = client.schema(&mut rpc, &wanted.name)?;
    print(if present == wanted { "no\n" } else { "yes\n" })
}

/// The server, and the schema as that server will have it.
fn prepare(client: &Client, args: &[String]) -> Result<(Rpc, DatabaseSchema), Fatal> {
    let file = args.last().map_or("", String::as_str);
    let mut wanted = schema::read(file)?;
    let mut rpc = client.open(1, Need::Database, args, Some(&wanted.name))?.rpc;
    let row = client.database_row(&mut rpc, &wanted.name)?;
    if row.is_some_and(|row| row["model"] == "clustered") {
        persist(&mut wanted, file);
    }
    Ok((rpc, wanted))
}

/// Makes ephemeral columns lasting ones, since clusters have no others.
fn persist(schema: &mut DatabaseSchema, file: &str) {
    let tables = schema.tables.iter_mut();
    let columns = tables.flat_map(|(table, schema)| {
        schema.columns.iter_mut().map(move |(column, schema)| (table, column, schema))
    });
    let mut changed = columns.filter_map(|(table, column, schema)| {
        std::mem::take(&mut schema.ephemeral).then_some((table, column))
    });
    let Some((table, column)) = changed.next() else { return };
    let count = 1 + changed.count();
    let name = &schema.name;
    tracing::warn!(
        target: "ovsdb",
        "{file}: changed {count} columns in '{name}' database from ephemeral to persistent, including '{column}' \
         column in '{table}' table, because clusters do not support ephemeral columns"
    );
}

//! `[--force] restore [SERVER] [DATABASE] < SNAPSHOT`: the contents of a database file in place of those of the database.

use std::io::{IsTerminal as _, Read as _};

use ovsdb::db::{Database, Snapshot};
use ovsdb::log::{self, LogError};
use ovsdb::{Atom, DatabaseSchema, Datum, TableId, Uuid};
use serde_json::{Map, Value, json};

use super::Client;
use super::fatal::Fatal;
use super::rpc::Rpc;

pub(super) fn run(client: &mut Client, mut rpc: Rpc, database: &str, _: &[String]) -> Result<(), Fatal> {
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        return Err(Fatal::new("not reading backup from a terminal; please redirect stdin from a file"));
    }
    let mut octets = Vec::new();
    input.read_to_end(&mut octets).map_err(|error| Fatal::system("reading the backup failed", &error))?;
    let backup = read(&octets)?;
    let online = client.schema(&mut rpc, database)?;
    if let Some(difference) = difference(backup.schema(), &online) {
        if !client.options.force {
            let way_out =
                "(use --force to override differences, or \"ovsdb-client convert\" to change the schema)";
            return Err(Fatal::new(format!("{difference} {way_out}")));
        }
        tracing::info!(target: "ovsdb_client", "{difference}");
    }
    let transaction = transaction(backup.now());
    check_results(&client.call(&mut rpc, "transact", transaction)?)
}

fn read(octets: &[u8]) -> Result<Database, Fatal> {
    match log::replay(octets, crate::base::random_seed()) {
        Ok(replayed) => Ok(replayed.database),
        Err(LogError::Empty) => Err(Fatal::new("ovsdb error: /dev/stdin: cannot identify file type")),
        Err(LogError::Damaged { offset: 0, .. }) => {
            Err(Fatal::new("ovsdb error: /dev/stdin: unexpected file format"))
        }
        Err(error) => Err(Fatal::new(format!("ovsdb error: /dev/stdin: {error}"))),
    }
}

fn difference(backup: &DatabaseSchema, online: &DatabaseSchema) -> Option<String> {
    let (old, new) = (&backup.version, &online.version);
    if backup == online {
        None
    } else if old == new {
        Some(format!("backup schema and database schema are both version {old} but still differ"))
    } else {
        Some(format!("backup schema has version \"{old}\" but database schema has version \"{new}\""))
    }
}

/// Deletes all there is and inserts what `backup` holds. Rows get new UUIDs, since those of rows that the same
/// transaction deletes cannot be had.
fn transaction(backup: &Snapshot) -> Value {
    let layout = backup.layout();
    let mut operations = vec![json!(&*layout.schema.name)];
    for (place, table) in layout.tables.iter().enumerate() {
        operations.push(json!({"op": "delete", "table": &*table.name, "where": []}));
        for (uuid, row) in backup.rows(TableId(place)) {
            let mut columns = Map::new();
            for ((name, column), value) in table.columns.iter().zip(row.iter()) {
                if !column.ephemeral && !value.is_default_for(&column.ty) {
                    columns.insert(name.to_string(), by_name(value));
                }
            }
            operations.push(json!({
                "op": "insert", "table": &*table.name, "uuid-name": row_name(uuid), "row": columns,
            }));
        }
    }
    Value::Array(operations)
}

fn row_name(uuid: Uuid) -> String {
    format!("row{}", uuid.to_string().replace('-', "_"))
}

/// The JSON of a value in which rows are called by their names in the transaction.
fn by_name(value: &Datum) -> Value {
    let atom = |atom: &Atom| match atom {
        Atom::Uuid(uuid) => json!(["named-uuid", row_name(*uuid)]),
        Atom::Integer(_) | Atom::Real(_) | Atom::Boolean(_) | Atom::String(_) => atom.to_json(),
    };
    match value {
        Datum::Set(atoms) => match atoms.only() {
            Some(only) => atom(only),
            None => json!(["set", atoms.iter().map(atom).collect::<Vec<_>>()]),
        },
        Datum::Map(pairs) => {
            let pairs: Vec<Value> =
                pairs.iter().map(|(key, value)| json!([atom(key), atom(value)])).collect();
            json!(["map", pairs])
        }
    }
}

/// Whether all operations of a transaction went well.
pub(super) fn check_results(results: &Value) -> Result<(), Fatal> {
    let Some(results) = results.as_array() else { return Err(Fatal::new("result is not array")) };
    for result in results {
        let Some(members) = result.as_object() else {
            return Err(Fatal::new("result array element is not object"));
        };
        if members.contains_key("error") {
            return Err(Fatal::new(format!("server returned error reply: {result}")));
        }
    }
    Ok(())
}

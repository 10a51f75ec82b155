//! `get-schema`, `get-schema-version`, `get-schema-cksum [SERVER] [DATABASE]`.

use std::path::Path;

use ovsdb::DatabaseSchema;
use serde_json::json;

use super::fatal::Fatal;
use super::rpc::Rpc;
use super::{Client, print};

pub(super) fn get_schema(
    client: &mut Client,
    mut rpc: Rpc,
    database: &str,
    _: &[String],
) -> Result<(), Fatal> {
    let schema = client.schema(&mut rpc, database)?;
    client.print_json(&schema.to_json())
}

pub(super) fn get_schema_version(
    client: &mut Client,
    mut rpc: Rpc,
    database: &str,
    _: &[String],
) -> Result<(), Fatal> {
    print(&format!("{}\n", client.schema(&mut rpc, database)?.version))
}

pub(super) fn get_schema_cksum(
    client: &mut Client,
    mut rpc: Rpc,
    database: &str,
    _: &[String],
) -> Result<(), Fatal> {
    let schema = client.schema(&mut rpc, database)?;
    print(&format!("{}\n", schema.cksum.as_deref().unwrap_or_default()))
}

impl Client {
    /// The schema of a database of the server.
    pub(super) fn schema(&self, rpc: &mut Rpc, database: &str) -> Result<DatabaseSchema, Fatal> {
        let json = self.call(rpc, "get_schema", json!([database]))?;
        Ok(DatabaseSchema::from_json(&json)?)
    }
}

/// The schema in a file.
pub(super) fn read(path: &str) -> Result<DatabaseSchema, Fatal> {
    let unreadable = |why: String| {
        Fatal::new(format!("failed to read schema: \"{path}\" could not be read as JSON ({why})"))
    };
    let text = std::fs::read_to_string(Path::new(path)).map_err(|error| {
        unreadable(format!("error opening \"{path}\": {}", crate::base::os_error(&error)))
    })?;
    let json = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    let wrong = |error| Fatal::new(format!("failed to parse \"{path}\" as ovsdb schema ({error})"));
    DatabaseSchema::from_json(&json).map_err(wrong)
}

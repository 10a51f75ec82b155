//! `convert`: a database gets a newer schema while its clients go on, and its own again.

use super::Action;
use crate::db::client::Database;
use crate::scenario::check::Checker;
use crate::scenario::report::Failure;
use crate::scenario::run::{Run, deadline};
use anyhow::{Context, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// Give a database a newer schema while its clients go on, or the one back that it had: what `ovsdb-client convert` does
/// in an upgrade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Convert {
    /// The database.
    pub db: Central,
    pub to: Target,
}

/// A database that upgrades convert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Central {
    /// Northbound
    Nb,
    /// Southbound
    Sb,
}

/// A schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// The next minor version: every table that has `external_ids` gets a column `news` too.
    Newer,
    /// The one that the database had before the scenario converted it.
    First,
}

/// How long a conversion may take.
const PATIENCE: Duration = Duration::from_secs(10);

impl Action for Convert {
    fn title(&self) -> String {
        let to = match self.to {
            Target::Newer => "a newer schema",
            Target::First => "the schema it had first",
        };
        format!("{} gets {to}", self.db.name())
    }

    fn check(&self, _: &mut Checker<'_>) {}

    async fn run(&self, run: &mut Run) -> Result<String, Failure> {
        let database = match self.db {
            Central::Nb => run.lab.northbound(),
            Central::Sb => run.lab.southbound(),
        };
        let before = schema_of(&database).await?;
        let first = run.schemas.entry(self.db).or_insert_with(|| before.clone()).clone();
        let new = match self.to {
            Target::Newer => newer(before.clone()),
            Target::First => first,
        };
        let name = self.db.name();
        database.call("convert", json!([name, new]), deadline(PATIENCE)).await?;
        let after = schema_of(&database).await?;
        if after["version"] != new["version"] {
            let actual = format!("its schema has version {}", after["version"]);
            return Err(Failure::new(format!("{name} {}", new["version"]), actual));
        }
        Ok(format!("from {} to {}", version(&before), version(&after)))
    }
}

impl Central {
    fn name(self) -> &'static str {
        match self {
            Self::Nb => "OVN_Northbound",
            Self::Sb => "OVN_Southbound",
        }
    }
}

async fn schema_of(database: &Database) -> Result<Value> {
    let params = json!([&*database.schema.name]);
    database.call("get_schema", params, deadline(PATIENCE)).await.context("asking for a schema")
}

fn version(schema: &Value) -> &str {
    schema["version"].as_str().unwrap_or_default()
}

/// The next minor version of a schema, with a column more where there are `external_ids`.
fn newer(mut schema: Value) -> Value {
    let mut numbers: Vec<u64> = version(&schema).split('.').filter_map(|n| n.parse().ok()).collect();
    if let Some(minor) = numbers.get_mut(1) {
        *minor += 1;
    }
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    schema["version"] = numbers.join(".").into();
    for table in schema["tables"].as_object_mut().into_iter().flat_map(|tables| tables.values_mut()) {
        if let Some(columns) = table["columns"].as_object_mut().filter(|c| c.contains_key("external_ids")) {
            columns.insert("news".to_owned(), json!({ "type": "string" }));
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_schema_is_the_next_version_with_a_column_more() {
        let schema = json!({
            "name": "T",
            "version": "7.19.0",
            "tables": {
                "A": { "columns": { "external_ids": { "type": "string" } } },
                "B": { "columns": { "name": { "type": "string" } } },
            },
        });
        let newer = newer(schema);
        assert_eq!(newer["version"], "7.20.0");
        let columns = |table: &str| newer["tables"][table]["columns"].as_object().unwrap().len();
        assert_eq!((columns("A"), columns("B")), (2, 1));
    }
}

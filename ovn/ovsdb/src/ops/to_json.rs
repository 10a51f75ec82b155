//! Operations to JSON.

use super::{Columns, Mutation, Operation};
use crate::value::Str;
use serde_json::{Map, Value};

impl Operation {
    /// The `<operation>`.
    pub fn to_json(&self) -> Value {
        let mut out = Map::new();
        let mut put = |key: &str, value: Value| _ = out.insert(key.to_owned(), value);
        put("op", self.name().into());
        match self {
            Self::Insert { table, uuid, row } => {
                put("table", (&**table).into());
                put("row", row_to_json(row));
                if let Some(uuid) = uuid {
                    put("uuid", uuid.to_string().into());
                }
            }
            Self::Select { table, condition, columns } => {
                put("table", (&**table).into());
                put("where", condition.to_json());
                if let Some(columns) = columns {
                    put("columns", names(columns));
                }
            }
            Self::Update { table, condition, row } => {
                put("table", (&**table).into());
                put("where", condition.to_json());
                put("row", row_to_json(row));
            }
            Self::Mutate { table, condition, mutations } => {
                put("table", (&**table).into());
                put("where", condition.to_json());
                put("mutations", mutations.iter().map(Mutation::to_json).collect());
            }
            Self::Delete { table, condition } => {
                put("table", (&**table).into());
                put("where", condition.to_json());
            }
            Self::Wait { table, condition, columns, until, rows, timeout_ms } => {
                put("table", (&**table).into());
                put("where", condition.to_json());
                put("until", until.name().into());
                put("rows", rows.iter().map(row_to_json).collect());
                if let Some(columns) = columns {
                    put("columns", names(columns));
                }
                if let Some(timeout_ms) = timeout_ms {
                    put("timeout", (*timeout_ms).into());
                }
            }
            Self::Commit { durable } => put("durable", (*durable).into()),
            Self::Abort => {}
            Self::Comment { comment } => put("comment", (&**comment).into()),
            Self::Assert { lock } => put("lock", (&**lock).into()),
        }
        out.into()
    }
}

fn row_to_json(row: &Columns) -> Value {
    Value::Object(row.iter().map(|(name, datum)| (name.to_string(), datum.to_json())).collect())
}

fn names(columns: &[Str]) -> Value {
    columns.iter().map(|name| Value::from(&**name)).collect()
}

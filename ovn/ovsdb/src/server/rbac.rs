//! What clients with a role may write (ovsdb-server(7), "RBAC"): a database with a table `RBAC_Role` says which rows of
//! which tables a role may insert, delete and change, by what is in them and in the client's certificate.
//!
//! ```text
//! RBAC_Role        name, permissions: table's name -> RBAC_Permission
//! RBAC_Permission  authorization: "column" or "column:key" that has the client's name, or "" for every row
//!                  insert_delete: whether rows come and go; update: columns that may change
//! ```
//! Reading is free. A client without a name may write nothing.

use crate::db::{Guard, RowWrite, Snapshot, Write};
use crate::ops::{Columns, Mutation};
use crate::schema::TableLayout;
use crate::value::{Atom, Datum};
use crate::{OvsdbError, Row};

/// Guards the tables of one database against one client with a role.
#[derive(Debug)]
pub struct Rbac<'a> {
    role: &'a str,
    /// The common name of the client's certificate.
    client: Option<&'a str>,
}

impl<'a> Rbac<'a> {
    /// A guard, if the client has a role and the database knows roles.
    pub fn new(role: &'a str, client: Option<&'a str>, now: &Snapshot) -> Option<Self> {
        (!role.is_empty() && now.layout().table_id("RBAC_Role").is_some()).then_some(Self { role, client })
    }

    /// What is said to a client whose role does not permit `what`.
    pub(super) fn denied(&self, what: &str) -> OvsdbError {
        denied(self.role, self.client, what)
    }

    fn refuse(&self, write: Write, table: &TableLayout) -> OvsdbError {
        let what = match write {
            Write::Insert => "row insertion into",
            Write::Update => "modification of",
            Write::Mutate => "mutate operation on",
            Write::Delete => "row deletion from",
        };
        self.denied(&format!("{what} table \"{}\".", table.name))
    }

    /// What the role may do with the table.
    fn permission<'s>(&self, now: &'s Snapshot, table: &TableLayout) -> Option<Permission<'s>> {
        let roles = now.layout().table_id("RBAC_Role")?;
        let layout = now.layout().table(roles);
        let (name, permissions) = (layout.column_index("name")?, layout.column_index("permissions")?);
        let is_ours =
            |row: &Row| row[name].keys().any(|key| matches!(key, Atom::String(text) if **text == *self.role));
        let (_, role) = now.rows(roles).find(|(_, row)| is_ours(row))?;
        let Some(Atom::Uuid(uuid)) = role[permissions].get(&Atom::from(&*table.name)) else { return None };
        let id = now.layout().table_id("RBAC_Permission")?;
        Some(Permission { layout: now.layout().table(id), row: now.row(id, *uuid)? })
    }

    fn is_permitted(&self, now: &Snapshot, write: &RowWrite<'_>) -> bool {
        let (table, row) = match write {
            RowWrite::Insert { table, new, .. } => (table, new),
            RowWrite::Update { table, old, .. }
            | RowWrite::Mutate { table, old, .. }
            | RowWrite::Delete { table, old, .. } => (table, old),
        };
        let (Some(client), Some(permission)) = (self.client, self.permission(now, table)) else {
            return false;
        };
        if !permission.authorizes(client, table, row) {
            return false;
        }
        match write {
            RowWrite::Insert { .. } | RowWrite::Delete { .. } => permission.inserts_and_deletes(),
            RowWrite::Update { columns, .. } => permission.updates(columns),
            RowWrite::Mutate { mutations, .. } => permission.mutates(mutations),
        }
    }
}

/// The refusal that upstream's clients know; `what` ends the sentence.
pub(super) fn denied(role: &str, client: Option<&str>, what: &str) -> OvsdbError {
    // What upstream's C library prints for no name at all.
    let client = client.unwrap_or("(null)");
    let words = format!("RBAC rules for client \"{client}\" role \"{role}\" prohibit {what}");
    OvsdbError::new(OvsdbError::PERMISSION, words)
}

impl Guard for Rbac<'_> {
    fn enter(&self, now: &Snapshot, table: &TableLayout, write: Write) -> Result<(), OvsdbError> {
        match (self.client, self.permission(now, table)) {
            (Some(_), Some(_)) => Ok(()),
            (Some(_) | None, _) => Err(self.refuse(write, table)),
        }
    }

    fn check(&self, now: &Snapshot, write: &RowWrite<'_>) -> Result<(), OvsdbError> {
        if self.is_permitted(now, write) {
            return Ok(());
        }
        Err(match write {
            RowWrite::Insert { table, .. } => self.refuse(Write::Insert, table),
            RowWrite::Update { table, .. } => self.refuse(Write::Update, table),
            RowWrite::Mutate { table, .. } => self.refuse(Write::Mutate, table),
            RowWrite::Delete { table, .. } => self.refuse(Write::Delete, table),
        })
    }
}

/// A row of `RBAC_Permission`.
struct Permission<'s> {
    layout: &'s TableLayout,
    row: &'s Row,
}

impl<'s> Permission<'s> {
    fn strings(&self, column: &str) -> impl Iterator<Item = &'s str> + use<'s> {
        let row = self.row;
        let value = self.layout.column_index(column).map(|at| &row[at]);
        value.into_iter().flat_map(Datum::keys).filter_map(|key| match key {
            Atom::String(text) => Some(&**text),
            Atom::Integer(_) | Atom::Real(_) | Atom::Boolean(_) | Atom::Uuid(_) => None,
        })
    }

    fn inserts_and_deletes(&self) -> bool {
        let value = self.layout.column_index("insert_delete").map(|at| &self.row[at]);
        value.and_then(Datum::as_boolean) == Some(true)
    }

    /// Whether a row is the client's.
    fn authorizes(&self, client: &str, table: &TableLayout, row: &[Datum]) -> bool {
        let value = |column: &str| table.column_index(column).map(|at| &row[at]);
        self.strings("authorization").any(|place| match place.split_once(':') {
            _ if place.is_empty() => true,
            Some((column, key)) => value(column).and_then(|map| map.get_str(key)) == Some(client),
            None => value(place).and_then(Datum::as_str) == Some(client),
        })
    }

    fn updates(&self, columns: &Columns) -> bool {
        columns.keys().all(|column| self.strings("update").any(|name| *name == **column))
    }

    fn mutates(&self, mutations: &[Mutation]) -> bool {
        mutations.iter().all(|mutation| self.strings("update").any(|name| *name == *mutation.column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{Caller, Database, Outcome};
    use crate::{DatabaseSchema, Uuid};
    use serde_json::{Value, json};
    use std::sync::Arc;

    fn database() -> Database {
        let map =
            |value: Value| json!({"type": {"key": "string", "value": value, "min": 0, "max": "unlimited"}});
        let strings = json!({"type": {"key": "string", "min": 0, "max": "unlimited"}});
        let permission = json!({"type": "uuid", "refTable": "RBAC_Permission", "refType": "weak"});
        let schema = json!({"name": "D", "tables": {
            "Chassis": {"isRoot": true, "columns": {
                "name": {"type": "string"}, "cfg": {"type": "integer"}, "ids": map(json!("string"))}},
            "Other": {"isRoot": true, "columns": {"name": {"type": "string"}}},
            "RBAC_Role": {"isRoot": true, "columns": {"name": {"type": "string"}, "permissions": map(permission)}},
            "RBAC_Permission": {"isRoot": true, "columns": {
                "table": {"type": "string"}, "authorization": strings, "insert_delete": {"type": "boolean"},
                "update": strings}},
        }});
        let mut database = Database::new(Arc::new(DatabaseSchema::from_json(&schema).unwrap()), 1);
        let operations = json!([
            {"op": "insert", "table": "RBAC_Permission", "uuid-name": "p", "row": {"table": "Chassis",
                "authorization": ["set", ["name", "ids:owner"]], "insert_delete": true, "update": "cfg"}},
            {"op": "insert", "table": "RBAC_Role", "row": {"name": "controller",
                "permissions": ["map", [["Chassis", ["named-uuid", "p"]]]]}},
            {"op": "insert", "table": "Chassis", "row": {"name": "a"}},
            {"op": "insert", "table": "Chassis", "row": {"name": "b"}},
        ]);
        let done = database.transact(operations.as_array().unwrap(), Caller::default(), 0);
        assert!(matches!(done, Outcome::Done { commit: Some(_), .. }), "{done:?}");
        database
    }

    fn check(role: &str, client: Option<&str>, operation: Value, expected: &str) {
        let mut database = database();
        let now = database.snapshot();
        let guard = Rbac::new(role, client, &now);
        let guard = guard.as_ref().map(|guard| guard as &dyn Guard);
        let caller = Caller { guard, ..Caller::default() };
        let Outcome::Done { results, .. } = database.transact(std::slice::from_ref(&operation), caller, 0)
        else {
            panic!("nothing waits here")
        };
        let got = results[0]
            .get("details")
            .map_or_else(|| "done".to_owned(), |text| text.as_str().unwrap().to_owned());
        assert_eq!(got, expected, "{operation}");
    }

    #[test]
    fn a_client_writes_its_own_rows_and_the_columns_it_may() {
        let prohibits =
            |what: &str| format!("RBAC rules for client \"a\" role \"controller\" prohibit {what}.");
        let own = json!([["name", "==", "a"]]);
        let insert = |row: Value| json!({"op": "insert", "table": "Chassis", "row": row});
        let update = |row: Value, whose: &Value| json!({"op": "update", "table": "Chassis", "where": whose, "row": row});
        let mutate = |column: &str, whose: &Value| json!({"op": "mutate", "table": "Chassis", "where": whose, "mutations": [[column, "+=", 1]]});
        let delete = |whose: &Value| json!({"op": "delete", "table": "Chassis", "where": whose});
        let as_a = |operation, expected: &str| check("controller", Some("a"), operation, expected);
        as_a(insert(json!({"name": "a"})), "done");
        as_a(insert(json!({"name": "c", "ids": ["map", [["owner", "a"]]]})), "done");
        as_a(insert(json!({"name": "c"})), &prohibits("row insertion into table \"Chassis\""));
        as_a(update(json!({"cfg": 1}), &own), "done");
        as_a(update(json!({"name": "z"}), &own), &prohibits("modification of table \"Chassis\""));
        as_a(update(json!({"cfg": 1}), &json!([])), &prohibits("modification of table \"Chassis\""));
        as_a(update(json!({"name": "z"}), &json!([["name", "==", "nobody"]])), "done");
        as_a(mutate("cfg", &own), "done");
        as_a(mutate("cfg", &json!([])), &prohibits("mutate operation on table \"Chassis\""));
        as_a(delete(&own), "done");
        as_a(delete(&json!([])), &prohibits("row deletion from table \"Chassis\""));
        let other = json!({"op": "update", "table": "Other", "where": [], "row": {"name": "x"}});
        as_a(other.clone(), &prohibits("modification of table \"Other\""));
        as_a(json!({"op": "select", "table": "Other", "where": []}), "done");
        check("", Some("a"), other, "done");
        check(
            "controller",
            None,
            delete(&json!([["_uuid", "==", ["uuid", Uuid::ZERO.to_string()]]])),
            "RBAC rules for client \"(null)\" role \"controller\" prohibit row deletion from table \"Chassis\".",
        );
        check(
            "nobody",
            Some("a"),
            insert(json!({"name": "a"})),
            "RBAC rules for client \"a\" role \"nobody\" prohibit row insertion into table \"Chassis\".",
        );
    }
}

//! The schema language of RFC 7047 section 3.2: what tables a database has, what columns they
//! have, and what those may hold.

mod json;
mod layout;
mod types;
mod types_json;

pub use layout::{ColumnId, Layout, ReferenceAt, TableId, TableLayout};
pub use types::{BaseType, ColumnType, Constraint, RefType, Reference};

use crate::error::OvsdbError;
use crate::value::Str;
use std::collections::BTreeMap;

/// A database schema. [`DatabaseSchema::from_json`] gives only consistent ones: references and
/// indexes name tables and columns that exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseSchema {
    /// The name of the database, an `<id>`.
    pub name: Str,
    /// The version `x.y.z`, or empty if the schema does not say.
    pub version: Str,
    /// The checksum that upstream's build puts into a schema file; copied, never computed.
    pub cksum: Option<Str>,
    /// The tables by name.
    pub tables: BTreeMap<Str, TableSchema>,
}

/// One table of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSchema {
    /// The columns by name, without `_uuid` and `_version`, which every table has.
    pub columns: BTreeMap<Str, ColumnSchema>,
    /// The most rows that may be left at the end of a transaction; `None` is no limit.
    pub max_rows: Option<u32>,
    /// Whether rows live without a strong reference to them.
    pub is_root: bool,
    /// Sets of columns, each of which no two rows may have equal values in.
    pub indexes: Vec<Vec<Str>>,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnSchema {
    /// What the column holds.
    pub ty: ColumnType,
    /// Whether the value is lost when the server stops.
    pub ephemeral: bool,
    /// Whether the value may change after the row was inserted.
    pub mutable: bool,
}

impl DatabaseSchema {
    /// A schema of these tables. Where none is a root all are, as in schemas from before garbage
    /// collection; a column that keeps rows alive is not ephemeral.
    ///
    /// # Errors
    /// [`OvsdbError::SYNTAX`] where a reference names a table that is not there.
    pub fn new(name: Str, version: Str, mut tables: BTreeMap<Str, TableSchema>) -> Result<Self, OvsdbError> {
        if tables.values().all(|table| !table.is_root) {
            tables.values_mut().for_each(|table| table.is_root = true);
        }
        check_references(&mut tables)?;
        Ok(Self { name, version, cksum: None, tables })
    }

    /// The table called `name`.
    pub fn table(&self, name: &str) -> Option<&TableSchema> {
        self.tables.get(name)
    }

    /// The column `column` of table `table`.
    pub fn column(&self, table: &str, column: &str) -> Option<&ColumnSchema> {
        self.table(table)?.column(column)
    }
}

/// Every reference names a table, and one that keeps a row alive is itself kept: a column that
/// strongly refers to rows of a non-root table is never ephemeral.
fn check_references(tables: &mut BTreeMap<Str, TableSchema>) -> Result<(), OvsdbError> {
    let is_root: BTreeMap<Str, bool> =
        tables.iter().map(|(name, table)| (name.clone(), table.is_root)).collect();
    for table in tables.values_mut() {
        for (name, column) in &mut table.columns {
            for (place, base) in [("key", Some(&column.ty.key)), ("value", column.ty.value.as_ref())] {
                let Some(reference) = base.and_then(|base| base.reference.as_ref()) else { continue };
                match (is_root.get(&reference.table), reference.kind) {
                    (None, _) => {
                        let words =
                            format!("column {name} {place} refers to undefined table {}", reference.table);
                        return Err(OvsdbError::new(OvsdbError::SYNTAX, words));
                    }
                    (Some(false), RefType::Strong) => column.ephemeral = false,
                    (Some(true), RefType::Strong) | (Some(_), RefType::Weak) => {}
                }
            }
        }
    }
    Ok(())
}

impl TableSchema {
    /// The column called `name`.
    pub fn column(&self, name: &str) -> Option<&ColumnSchema> {
        self.columns.get(name)
    }
}

impl From<ColumnType> for ColumnSchema {
    /// An ordinary column: kept, and free to change.
    fn from(ty: ColumnType) -> Self {
        Self { ty, ephemeral: false, mutable: true }
    }
}

/// Whether `text` is an `<id>`: a letter or underscore, then letters, digits, underscores.
pub fn is_valid_id(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

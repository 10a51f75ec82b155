//! The databases of OVN: what their tables and columns are, as data, as JSON and as Rust types.
//!
//! A tour:
//! - `defs/*.tables` define the databases, one line a column, in the notation that [`notation`] reads;
//! - [`definition`] is what such a file says, and makes the schema from it;
//! - [`generate`] makes the typed rows in `src/generated/`, a module a database ([`nb`], [`sb`], [`vswitch`],
//!   [`ic_nb`], [`ic_sb`], [`vtep`]), each with `schema()`, `TableId`, `Tables` and `Change`;
//! - [`row`](mod@row) has the trait of all rows, [`tables`] the store that a replica's changes are applied to.
//!
//! Invariant: this crate knows what rows look like, never what they mean. No policy, no sockets, no files.

pub mod definition;
pub mod generate;
pub mod notation;
pub mod row;
pub mod tables;

/// One module a database, made by [`generate::rust`].
mod generated {
    pub mod ic_nb;
    pub mod ic_sb;
    pub mod nb;
    pub mod sb;
    pub mod vswitch;
    pub mod vtep;
}

pub use generated::{ic_nb, ic_sb, nb, sb, vswitch, vtep};
pub use row::{ColumnError, TypedRow};
pub use tables::{Delta, Table};

use definition::Definition;
use ovsdb::DatabaseSchema;
use std::sync::Arc;

/// Where a database's definition comes from.
pub type DefinitionSource = fn() -> &'static Definition;

/// The databases and their definitions by the name of their module here.
pub const DATABASES: &[(&str, DefinitionSource)] = &[
    ("ic_nb", ic_nb::definition),
    ("ic_sb", ic_sb::definition),
    ("nb", nb::definition),
    ("sb", sb::definition),
    ("vswitch", vswitch::definition),
    ("vtep", vtep::definition),
];

/// The schema of a definition.
fn schema_of(definition: &Definition) -> Arc<DatabaseSchema> {
    Arc::new(
        definition.to_schema().expect("a definition that was read makes a schema without contradictions"),
    )
}

//! OVSDB values, schemas, transactions, RFC 7047 messages, log records; server and replica as
//! state machines.
//!
//! The invariant: nothing here knows sockets, files, the clock or randomness. Octets and JSON come
//! in and go out; time is an argument; UUIDs come from a seed.
//!
//! - [`Uuid`], [`Atom`], [`Datum`]: what columns hold, with differences and conversions.
//! - [`DatabaseSchema`] and its parts: what columns may hold; [`Layout`] numbers them for speed.
//! - [`Operation`], [`Condition`], [`Mutation`]: what a transaction asks for, from JSON and to JSON;
//!   [`Transaction`] builds one on the client's side.
//! - [`db::Database`]: runs transactions, keeps the promises of the schema, gives snapshots.
//! - [`log`]: the records of the standalone file format, and databases from them.
//! - [`rpc`]: messages and their framing.
//! - [`server::Server`]: sessions, monitors, locks; tells clients what they asked to be told.
//! - [`follow`]: a server's copy of another server's database.
//! - [`replica`]: a client's copy of the tables it is interested in.

pub mod db;
mod error;
pub mod follow;
mod json;
pub mod log;
mod ops;
mod probe;
pub mod replica;
pub mod rpc;
mod schema;
pub mod server;
mod value;

pub use error::OvsdbError;
pub use ops::{
    Clause, Columns, Condition, Function, Matcher, Mutation, Mutator, Operation, Transaction, Until,
};
pub use schema::{
    BaseType, ColumnId, ColumnSchema, ColumnType, Constraint, DatabaseSchema, Layout, RefType, Reference,
    ReferenceAt, TableId, TableLayout, TableSchema, is_valid_id,
};
pub use value::{
    Atom, AtomType, Atoms, AtomsIter, Change, Datum, FromAtom, FromDatum, ParseUuidError, Real, Str, Symbols,
    ToAtom, ToDatum, Uuid, UuidGenerator, WrongDatum,
};

/// The values of one row. In a [`db::Database`] they are those of the schema's columns in the order
/// of their names, then `_version`; in a replica those of the columns that were asked for.
pub type Row = [Datum];

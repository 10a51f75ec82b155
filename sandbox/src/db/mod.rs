//! Databases as a lab sees them: rows written plainly in YAML, transactions, and waiting for rows.
//!
//! `plain.rs` turns what people write (`ports: [vm1]`, `options: {a: b}`) into OVSDB's values; `rows.rs` makes the
//! transaction that creates nested rows, `words.rs` knows what addresses look like. None knows sockets; `client.rs` is the connection.

pub mod client;
pub mod plain;
pub mod rows;
mod words;

//! How databases are reached: our `ovsdb-client` and the peer's on our server and on the peer's, word for word; TLS,
//! remotes that are rows, roles, copies and relays.

#![allow(clippy::unwrap_used)] // What fails here fails its test.

#[path = "ovsdb_remotes/bench.rs"]
mod bench;
#[path = "ovsdb_remotes/client.rs"]
mod client;
#[path = "ovsdb_remotes/commands.rs"]
mod commands;
#[path = "ovsdb_remotes/copies.rs"]
mod copies;
#[path = "ovsdb_remotes/pki.rs"]
mod pki;
#[path = "ovsdb_remotes/rbac.rs"]
mod rbac;
#[path = "ovsdb_remotes/remotes.rs"]
mod remotes;
#[path = "ovsdb_remotes/tls.rs"]
mod tls;

//! OVSDB values, schemas, transactions, RFC 7047 messages, log records; server and replica as state machines.

pub mod rpc;

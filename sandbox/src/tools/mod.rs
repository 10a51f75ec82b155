//! What a lab brings along so that a scenario needs no program of the host: ping, frames, capture and decoding.
//!
//! `echo.rs` keeps a ping's books, `traffic.rs` those of traffic, `decode.rs` takes frames apart, `pcapng.rs` writes them
//! down: all are pure.
//! `ping.rs` and `sniff.rs` move octets in a node's namespace.

pub mod capture;
pub mod decode;
pub mod echo;
pub mod frame;
pub mod pcapng;
pub mod ping;
pub mod sniff;
pub mod traffic;

//! What a lab brings along so that a scenario needs no program of the host: ping, frames, capture and decoding.
//!
//! `echo.rs` keeps a ping's books, `traffic.rs` those of traffic, `crowd.rs` plays many hosts,
//! `decode.rs` takes frames apart, `pcapng.rs` writes them
//! down, `malformed.rs` makes packets that make no sense, `dns.rs` asks and reads answers, `dhcp.rs`, `dhcp6.rs` and `ra.rs` are clients of what the network answers, of whose frames others take care: all
//! are pure.
//! `ping.rs` and `sniff.rs` move octets in a node's namespace.

pub mod capture;
pub mod crowd;
pub mod decode;
pub mod dhcp;
pub mod dhcp6;
pub mod dns;
pub mod echo;
pub mod facts;
pub mod frame;
pub mod malformed;
pub mod pcapng;
pub mod ping;
pub mod ra;
pub mod sniff;
pub mod traffic;

/// A client whose frames somebody else sends and receives.
pub trait Talk {
    /// What it has to say now, and again as long as nothing is heard; none when it only listens.
    fn speak(&mut self) -> Option<Vec<u8>>;

    /// A frame came; whether it leads on.
    fn hear(&mut self, frame: &[u8]) -> bool;

    /// Whether there is nothing more to be said or heard.
    fn is_over(&self) -> bool;
}

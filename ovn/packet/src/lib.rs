//! Addresses and wire protocols: one protocol a file, octets in, octets out.
//!
//! The invariant: this crate knows nothing else of ours. It has no state, no clock and no I/O, and
//! nothing in it can fail on octets other than by saying [`Malformed`].
//!
//! Each protocol file reads the same way: the header drawn, a struct with its sense, `parse` (the
//! header and what follows it), `emit`, `Display` as tcpdump prints it, tests. `etherparse` reads
//! what it covers.
//!
//! [`key`] is the other half: all that flow tables can match on as words, extracted from a frame in
//! one pass and written back into it. [`Frame`] holds a frame's octets with room for headers.

pub mod checksum;
pub mod key;

mod arp;
mod bfd;
mod codes;
mod cursor;
mod dhcp4;
mod dhcp6;
mod dns;
mod ethernet;
mod frame;
mod geneve;
mod gre;
mod icmp4;
mod icmp6;
mod ipv4;
mod ipv6;
mod join;
mod mac;
mod malformed;
mod router_advertisement;
mod sctp;
mod segment;
mod tcp;
#[cfg(test)]
mod testing;
mod udp;
mod virtio;
mod vxlan;

pub use arp::Arp;
pub use bfd::{Bfd, BfdDiagnostic, BfdState};
pub use checksum::Pseudo;
pub use codes::{EtherType, IpProto, Vni};
pub use cursor::Cursor;
pub use dhcp4::Dhcp4;
pub use dhcp6::Dhcp6;
pub use dns::{Dns, DnsName, DnsQuestion, DnsRecord};
pub use ethernet::{Ethernet, VlanTag};
pub use frame::{Frame, Offload, Partial, SegmentKind, Segments};
pub use geneve::{Geneve, GeneveOption, GeneveOptions};
pub use gre::{Erspan, ErspanForm, Gre};
pub use icmp4::Icmp4;
pub use icmp6::{Icmp6, Neighbor};
pub use ipv4::Ipv4;
pub use ipv6::{Extensions, Fragment, Ipv6};
pub use join::Joiner;
pub use key::FlowKey;
pub use mac::{MacAddr, ParseMacError};
pub use malformed::Malformed;
pub use router_advertisement::{RouterAdvertisement, RouterOption};
pub use sctp::Sctp;
pub use segment::Segmenter;
pub use tcp::{Tcp, TcpFlags};
pub use udp::Udp;
pub use virtio::VirtioHeader;
pub use vxlan::Vxlan;

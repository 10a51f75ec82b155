//! Connection tracking and address translation.

use crate::{Action, Subfield};
use std::net::{Ipv4Addr, Ipv6Addr};

/// `ct(...)`: looks the packet up in the connection table of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ct {
    pub commit: bool,
    /// Replaces a connection of the other direction; only with `commit`.
    pub force: bool,
    pub zone: ZoneSource,
    /// A copy with the new `ct_state` goes on in this table.
    pub table: Option<u8>,
    /// The helper: 0, or 21 for FTP, 69 for TFTP.
    pub alg: u16,
    /// `set_field` and `copy_field` of `ct_mark` and `ct_label` (with `commit`), and `nat`.
    pub actions: Vec<Action>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ZoneSource {
    Immediate(u16),
    /// 16 bits of a field.
    Field(Subfield),
}

/// `nat` or `nat(...)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nat {
    pub kind: NatKind,
    pub range: NatRange,
    /// First and last port.
    pub ports: Option<(u16, Option<u16>)>,
    /// The mapping of an address survives a restart of the system.
    pub persistent: bool,
    pub spread: NatSpread,
}

impl Nat {
    /// `nat`: as the connection says already.
    pub const fn existing() -> Self {
        Self {
            kind: NatKind::Existing,
            range: NatRange::None,
            ports: None,
            persistent: false,
            spread: NatSpread::Default,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NatKind {
    Existing,
    Src,
    Dst,
}

/// The addresses to choose from, both ends included; without a last one, just the first.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NatRange {
    None,
    V4 { min: Ipv4Addr, max: Option<Ipv4Addr> },
    V6 { min: Ipv6Addr, max: Option<Ipv6Addr> },
}

/// How ports are chosen from the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NatSpread {
    Default,
    Hash,
    Random,
}

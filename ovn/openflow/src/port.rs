//! Port numbers and the reserved ones.

use std::fmt;

/// A port of the switch: 1..=0xfeff is a device, the highest are reserved.
///
/// Held as the 32-bit number of OpenFlow 1.1 and later; [`PortNo::to_u16`] gives that of OpenFlow 1.0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortNo(pub u32);

impl PortNo {
    /// In matches of OpenFlow 1.0 "no port"; never a device.
    pub const ZERO: Self = Self(0);
    /// The largest number of a device.
    pub const MAX: Self = Self(0xffff_feff);
    /// In old replies to "unset": a sentinel below the reserved ones.
    pub const UNSET: Self = Self(0xffff_fff7);
    /// Where the packet came in (the only way to send it back there).
    pub const IN_PORT: Self = Self(0xffff_fff8);
    /// The flow tables, in a packet-out.
    pub const TABLE: Self = Self(0xffff_fff9);
    /// A learning switch's treatment.
    pub const NORMAL: Self = Self(0xffff_fffa);
    /// All ports but the one it came in by and those excluded from flooding.
    pub const FLOOD: Self = Self(0xffff_fffb);
    /// All ports but the one it came in by.
    pub const ALL: Self = Self(0xffff_fffc);
    /// The controller.
    pub const CONTROLLER: Self = Self(0xffff_fffd);
    /// The port of the host itself.
    pub const LOCAL: Self = Self(0xffff_fffe);
    /// Any port in requests, no port in `in_port`.
    pub const ANY: Self = Self(0xffff_ffff);
    /// The same number as [`Self::ANY`], where "none" is meant.
    pub const NONE: Self = Self::ANY;

    /// From the 16-bit number of OpenFlow 1.0: 0xff00 and above are the reserved ones.
    pub const fn from_u16(n: u16) -> Self {
        if n >= 0xff00 { Self(0xffff_0000 | n as u32) } else { Self(n as u32) }
    }

    /// The 16-bit number; none for ports that OpenFlow 1.0 cannot name.
    pub const fn to_u16(self) -> Option<u16> {
        if self.0 < 0xff00 || self.0 >= 0xffff_ff00 { Some(self.0 as u16) } else { None }
    }

    /// One of the reserved numbers.
    pub const fn is_reserved(self) -> bool {
        self.0 >= Self::IN_PORT.0
    }

    /// The reserved port of this name, in any case of letters.
    pub fn reserved(name: &str) -> Option<Self> {
        let named = |&(n, port): &(&str, Self)| n.eq_ignore_ascii_case(name).then_some(port);
        NAMES.iter().find_map(named).or_else(|| name.eq_ignore_ascii_case("NONE").then_some(Self::NONE))
    }
}

const NAMES: [(&str, PortNo); 8] = [
    ("IN_PORT", PortNo::IN_PORT),
    ("TABLE", PortNo::TABLE),
    ("NORMAL", PortNo::NORMAL),
    ("FLOOD", PortNo::FLOOD),
    ("ALL", PortNo::ALL),
    ("CONTROLLER", PortNo::CONTROLLER),
    ("LOCAL", PortNo::LOCAL),
    ("ANY", PortNo::ANY),
];

/// The reserved name, or the number.
impl fmt::Display for PortNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, port)| port == self) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for PortNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PortNo({self})")
    }
}

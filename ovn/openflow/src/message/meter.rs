//! Meters.

use crate::MeterId;

/// Adds, changes or deletes a meter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MeterMod {
    pub command: MeterModCommand,
    pub flags: MeterFlags,
    pub meter: MeterId,
    pub bands: Vec<Band>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MeterModCommand {
    Add,
    Modify,
    Delete,
}

/// Bits as on the wire: kilobits per second 1, packets per second 2, burst 4, statistics 8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MeterFlags(pub u16);

impl MeterFlags {
    pub const KBPS: u16 = 1;
    pub const PKTPS: u16 = 2;
    pub const BURST: u16 = 4;
    pub const STATS: u16 = 8;

    pub const fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Band {
    pub kind: BandKind,
    /// In the unit of the flags.
    pub rate: u32,
    /// Kilobits or packets.
    pub burst: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BandKind {
    Drop,
    /// Raises the drop precedence of the DSCP by so much.
    DscpRemark(u8),
}

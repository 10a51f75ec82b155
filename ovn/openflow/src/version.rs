//! Versions of the protocol.

/// A version that this crate speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// OpenFlow 1.0 with Nicira's extended match, what `ovs-ofctl` speaks unless told otherwise.
    Of10,
    Of13,
    Of14,
    Of15,
}

impl Version {
    pub const ALL: [Self; 4] = [Self::Of10, Self::Of13, Self::Of14, Self::Of15];

    /// The number in the first octet of every message.
    pub const fn wire(self) -> u8 {
        match self {
            Self::Of10 => 1,
            Self::Of13 => 4,
            Self::Of14 => 5,
            Self::Of15 => 6,
        }
    }

    pub fn from_wire(n: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.wire() == n)
    }
}

/// A set of versions: bit `n` stands for the wire number `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Versions(pub u32);

impl Versions {
    pub fn of(versions: &[Version]) -> Self {
        Self(versions.iter().fold(0, |set, v| set | 1 << v.wire()))
    }

    /// All that this crate speaks.
    pub fn all() -> Self {
        Self::of(&Version::ALL)
    }

    /// All numbers up to `n`, which is what a HELLO without elements means (OpenFlow 1.5.1 section 6.3.1).
    pub fn up_to(n: u8) -> Self {
        Self((2u32.checked_shl(u32::from(n)).unwrap_or(0)).wrapping_sub(2))
    }

    pub fn contains(self, version: Version) -> bool {
        self.0 & 1 << version.wire() != 0
    }

    /// The highest that both sides speak.
    pub fn negotiate(self, peer: Self) -> Option<Version> {
        Version::ALL.into_iter().rev().find(|&v| self.contains(v) && peer.contains(v))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_common_version_is_chosen() {
        let ours = Versions::all();
        assert_eq!(ours.negotiate(Versions::up_to(6)), Some(Version::Of15));
        assert_eq!(ours.negotiate(Versions::up_to(3)), Some(Version::Of10));
        assert_eq!(ours.negotiate(Versions(1 << 5 | 1 << 9)), Some(Version::Of14));
        assert_eq!(Versions::of(&[Version::Of15]).negotiate(Versions::up_to(5)), None);
        assert_eq!(Versions::up_to(255).0 & 1, 0);
    }
}

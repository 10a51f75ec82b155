//! Bidirectional Forwarding Detection: the control packet (RFC 5880 section 4.1), without authentication.
//!
//! ```text
//! | version 3 bits, diagnostic 5 | state 2, P F C A D M | multiplier 1 | length 1 |
//! | my discriminator 4 | your discriminator 4 | desired min TX 4 | required min RX 4 | required min echo RX 4 |
//! ```

use std::fmt;

use crate::{Cursor, Malformed};

/// The state of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BfdState {
    /// Held down by its operator.
    AdminDown,
    /// Nothing is heard, or what is heard says that nothing of ours is.
    #[default]
    Down,
    /// The other end is heard, and does not hear us yet for sure.
    Init,
    /// Both ends hear each other.
    Up,
}

impl fmt::Display for BfdState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AdminDown => "admin_down",
            Self::Down => "down",
            Self::Init => "init",
            Self::Up => "up",
        })
    }
}

/// Why a session last left the state "up" (section 4.1, "Diagnostic"): a number of five bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BfdDiagnostic(pub u8);

impl BfdDiagnostic {
    /// None.
    pub const NONE: Self = Self(0);
    /// Nothing was heard for too long.
    pub const EXPIRED: Self = Self(1);
    /// The other end said that it went down.
    pub const NEIGHBOR_DOWN: Self = Self(3);
    /// A path that this one is a part of is down.
    pub const CONCATENATED_PATH_DOWN: Self = Self(6);
    /// Held down by its operator.
    pub const ADMIN_DOWN: Self = Self(7);
    /// The same, seen from the other end.
    pub const REVERSE_CONCATENATED_PATH_DOWN: Self = Self(8);
}

impl fmt::Display for BfdDiagnostic {
    /// In the RFC's words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0 => "No Diagnostic",
            1 => "Control Detection Time Expired",
            2 => "Echo Function Failed",
            3 => "Neighbor Signaled Session Down",
            4 => "Forwarding Plane Reset",
            5 => "Path Down",
            6 => "Concatenated Path Down",
            7 => "Administratively Down",
            8 => "Reverse Concatenated Path Down",
            _ => "unknown",
        })
    }
}

/// A control packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bfd {
    /// Why the sender last left "up".
    pub diagnostic: BfdDiagnostic,
    /// The sender's state.
    pub state: BfdState,
    /// It wants an answer with `finale` set.
    pub poll: bool,
    /// It answers one with `poll` set.
    pub finale: bool,
    /// After so many of the sender's intervals without a packet it is taken for gone; never 0.
    pub multiplier: u8,
    /// The sender's name for the session; never 0.
    pub my_discriminator: u32,
    /// The receiver's, as the sender heard it; 0 if it did not.
    pub your_discriminator: u32,
    /// Microseconds between packets that the sender would like to send.
    pub min_tx: u32,
    /// Microseconds between packets that the sender can receive; 0: it wants none.
    pub min_rx: u32,
}

impl Bfd {
    /// The UDP port of a single hop (RFC 5881 section 4).
    pub const PORT: u16 = 3784;
    /// Octets of a packet.
    pub const LEN: usize = 24;

    /// Reads a packet, and refuses what section 6.8.6 has discarded before a session is looked for.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(octets: &[u8]) -> Result<Self, Malformed> {
        let mut c = Cursor::new("bfd", octets);
        let [first, flags, multiplier, length] = c.array()?;
        let my_discriminator = c.u32()?;
        let your_discriminator = c.u32()?;
        let (min_tx, min_rx) = (c.u32()?, c.u32()?);
        c.u32()?;
        let state = match flags >> 6 {
            0 => BfdState::AdminDown,
            1 => BfdState::Down,
            2 => BfdState::Init,
            _ => BfdState::Up,
        };
        if first >> 5 != 1 {
            return Err(c.error_at(0, "the version is not 1"));
        }
        if flags & 0x04 != 0 {
            return Err(c.error_at(1, "authentication is not in use"));
        }
        if flags & 0x01 != 0 {
            return Err(c.error_at(1, "the multipoint bit is set"));
        }
        if multiplier == 0 {
            return Err(c.error_at(2, "the multiplier is zero"));
        }
        if usize::from(length) < Self::LEN || usize::from(length) > octets.len() {
            return Err(c.error_at(3, "the length is not that of the packet"));
        }
        if my_discriminator == 0 {
            return Err(c.error_at(4, "the sender's discriminator is zero"));
        }
        if your_discriminator == 0 && state > BfdState::Down {
            return Err(c.error_at(8, "our discriminator is zero"));
        }
        Ok(Self {
            diagnostic: BfdDiagnostic(first & 0x1f),
            state,
            poll: flags & 0x20 != 0,
            finale: flags & 0x10 != 0,
            multiplier,
            my_discriminator,
            your_discriminator,
            min_tx,
            min_rx,
        })
    }

    /// Appends the packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let state = match self.state {
            BfdState::AdminDown => 0,
            BfdState::Down => 1,
            BfdState::Init => 2,
            BfdState::Up => 3,
        };
        let flags = state << 6 | u8::from(self.poll) << 5 | u8::from(self.finale) << 4;
        out.extend([1 << 5 | self.diagnostic.0 & 0x1f, flags, self.multiplier, Self::LEN as u8]);
        for word in [self.my_discriminator, self.your_discriminator, self.min_tx, self.min_rx, 0] {
            out.extend(word.to_be_bytes());
        }
    }
}

impl fmt::Display for Bfd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BFDv1, {}, {}", self.state, self.diagnostic)?;
        if self.poll {
            f.write_str(", poll")?;
        }
        if self.finale {
            f.write_str(", final")?;
        }
        write!(f, ", my 0x{:08x}, your 0x{:08x}", self.my_discriminator, self.your_discriminator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;
    use proptest::prelude::*;

    #[test]
    fn a_packet_is_read_and_written_back() {
        let octets = hex("20 40 03 18 3cdceae2 00000000 000f4240 000f4240 00000000");
        let bfd = Bfd::parse(&octets).unwrap();
        insta::assert_snapshot!(bfd, @"BFDv1, down, No Diagnostic, my 0x3cdceae2, your 0x00000000");
        assert_eq!((bfd.multiplier, bfd.min_tx, bfd.min_rx), (3, 1_000_000, 1_000_000));
        let mut out = Vec::new();
        bfd.emit(&mut out);
        assert_eq!(out, octets);
    }

    #[test]
    fn what_the_rfc_discards_is_refused() {
        let good = hex("21 e0 03 18 00000001 00000002 000f4240 000f4240 00000000");
        assert!(Bfd::parse(&good).is_ok());
        for (at, value) in [(0, 0x40), (1, 0xc4), (1, 0xc1), (2, 0), (3, 23), (3, 25), (7, 0), (11, 0)] {
            let mut bad = good.clone();
            bad[at] = value;
            assert!(Bfd::parse(&bad).is_err(), "octet {at} is {value:#x}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(bfd) = Bfd::parse(&octets) {
                let mut out = Vec::new();
                bfd.emit(&mut out);
                prop_assert_eq!(Bfd::parse(&out), Ok(bfd));
            }
        }
    }
}

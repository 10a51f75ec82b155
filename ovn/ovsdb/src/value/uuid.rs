//! Universally unique identifiers, and the seeded generator that makes new ones.
//!
//! RFC 7047 section 3.1 `<raw-uuid>`: the text of RFC 4122, 36 characters.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A 128-bit identifier of a row, a row version or a transaction. Ordered by its octets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Uuid([u8; 16]);

impl Ord for Uuid {
    /// The order of the octets, found by comparing two numbers: maps of rows do it at every step.
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_u128().cmp(&other.as_u128())
    }
}

impl PartialOrd for Uuid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The two hexadecimal digits of each octet.
static TEXTS: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = [DIGITS[octet >> 4], DIGITS[octet & 15]];
        octet += 1;
    }
    table
};

impl Uuid {
    /// The all-zero identifier: the default of a uuid column, never the name of a row.
    pub const ZERO: Self = Self([0; 16]);

    /// The identifier that comes after all others in order.
    pub const MAX: Self = Self([0xff; 16]);

    /// The identifier whose octets are the big-endian octets of `value`.
    pub const fn from_u128(value: u128) -> Self {
        Self(value.to_be_bytes())
    }

    /// The octets read as one big-endian number.
    pub const fn as_u128(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// The identifier with these octets, in the order of its text.
    pub const fn from_bytes(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// The sixteen octets, in the order of the text.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The first eight hexadecimal digits as a number. OVN uses it as the cookie of the OpenFlow
    /// flows that come from a logical flow.
    pub const fn first_u32(self) -> u32 {
        u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]])
    }

    /// The octets of the text.
    pub(crate) fn to_text(self) -> [u8; 36] {
        /// Where the digits of each octet go, which is not where there are hyphens.
        const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
        let mut text = [b'-'; 36];
        for (octet, at) in self.0.iter().zip(PLACES) {
            [text[at], text[at + 1]] = TEXTS[usize::from(*octet)];
        }
        text
    }

    /// Whether this is [`Uuid::ZERO`].
    pub const fn is_zero(self) -> bool {
        self.as_u128() == 0
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.to_text()).expect("hexadecimal digits and hyphens are ASCII"))
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is not a UUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a valid UUID")]
pub struct ParseUuidError {
    /// The refused text.
    pub text: String,
}

impl FromStr for Uuid {
    type Err = ParseUuidError;

    /// Reads `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`, digits in either case, nothing around it.
    fn from_str(text: &str) -> Result<Self, ParseUuidError> {
        parse(text.as_bytes()).ok_or_else(|| ParseUuidError { text: text.to_owned() })
    }
}

fn parse(text: &[u8]) -> Option<Uuid> {
    let text: &[u8; 36] = text.try_into().ok()?;
    let mut octets = [0; 16];
    // Whatever is wrong is found at the end: nearly always nothing is.
    let mut digits = 0;
    for (octet, at) in octets.iter_mut().zip(PLACES) {
        let (high, low) = (DIGITS[usize::from(text[at])], DIGITS[usize::from(text[at + 1])]);
        digits |= high | low;
        *octet = high << 4 | low;
    }
    let has_dashes = DASHES.iter().all(|at| text[*at] == b'-');
    (has_dashes && digits <= 15).then_some(Uuid(octets))
}

/// Where the digits of each octet are.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const DASHES: [usize; 4] = [8, 13, 18, 23];

/// What each octet is as a hexadecimal digit; more than 15 if it is none.
const DIGITS: [u8; 256] = {
    let mut digits = [u8::MAX; 256];
    let mut digit = 0;
    while digit < 16 {
        digits[b"0123456789abcdef"[digit] as usize] = digit as u8;
        digits[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        digit += 1;
    }
    digits
};

/// A deterministic source of version 4 UUIDs (RFC 4122 section 4.4): equal seeds give equal
/// sequences. Not for secrets.
#[derive(Clone, Debug)]
pub struct UuidGenerator {
    state: [u64; 4],
}

impl UuidGenerator {
    /// A generator whose sequence follows from `seed` alone.
    pub fn new(seed: u64) -> Self {
        let mut mix = seed;
        Self { state: [split_mix(&mut mix), split_mix(&mut mix), split_mix(&mut mix), split_mix(&mut mix)] }
    }

    /// The next identifier of the sequence; never [`Uuid::ZERO`], because of its version bits.
    pub fn generate(&mut self) -> Uuid {
        let mut octets = [0u8; 16];
        octets[..8].copy_from_slice(&self.next_u64().to_be_bytes());
        octets[8..].copy_from_slice(&self.next_u64().to_be_bytes());
        octets[6] = octets[6] & 0x0f | 0x40;
        octets[8] = octets[8] & 0x3f | 0x80;
        Uuid(octets)
    }

    /// A second generator, independent of what this one gives from now on.
    pub fn fork(&mut self) -> Self {
        Self::new(self.next_u64())
    }

    /// One step of xoshiro256** (Blackman and Vigna, public domain).
    fn next_u64(&mut self) -> u64 {
        let [s0, s1, s2, s3] = self.state;
        let result = s1.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let (s2, s3) = (s2 ^ s0, s3 ^ s1);
        self.state = [s0 ^ s3, s1 ^ s2, s2 ^ (s1 << 17), s3.rotate_left(45)];
        result
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_and_written_back() {
        let uuid = Uuid::from_u128(0x1234_5678_9abc_def0_1122_3344_5566_7788);
        assert_eq!(uuid.to_string(), "12345678-9abc-def0-1122-334455667788");
        assert_eq!("12345678-9ABC-def0-1122-334455667788".parse(), Ok(uuid));
        assert_eq!(uuid.first_u32(), 0x1234_5678);
        assert_eq!(Uuid::from_bytes(*uuid.as_bytes()), uuid);
    }

    #[test]
    fn uuids_are_in_the_order_of_their_text() {
        let mut generator = UuidGenerator::new(3);
        let mut uuids: Vec<Uuid> = (0..100).map(|_| generator.generate()).collect();
        uuids.extend([Uuid::ZERO, Uuid::MAX, Uuid::from_u128(1), Uuid::from_u128(1 << 64)]);
        uuids.sort();
        assert!(uuids.is_sorted_by_key(Uuid::to_string));
    }

    #[test]
    fn text_that_is_not_a_uuid_is_refused() {
        for text in [
            "",
            "x",
            "12345678-9abc-def0-1122-33445566778",
            "12345678-9abc-def0-1122-3344556677889",
            "12345678x9abc-def0-1122-334455667788",
            "1234567g-9abc-def0-1122-334455667788",
            "12345678-9abc-def0-1122-33445566778é",
        ] {
            assert!(text.parse::<Uuid>().is_err(), "{text}");
        }
    }

    #[test]
    fn generator_follows_its_seed_and_marks_version_4() {
        let (mut a, mut b) = (UuidGenerator::new(7), UuidGenerator::new(7));
        let uuids: Vec<Uuid> = (0..1000).map(|_| a.generate()).collect();
        assert!(uuids.iter().all(|u| *u == b.generate() && u.to_string().as_bytes()[14] == b'4'));
        let distinct: std::collections::BTreeSet<Uuid> = uuids.into_iter().collect();
        assert_eq!(distinct.len(), 1000);
        assert_ne!(a.fork().generate(), b.generate());
    }
}

//! Reading numbers and addresses from the beginning of a text, as upstream's programs do: white space before a number
//! is skipped, numbers wrap, and what follows is the caller's to judge.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most characters of an IPv6 address that are looked at.
const IPV6_TEXT_LEN: usize = 46;

/// A text and how far it has been read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanner<'a> {
    /// What has not been read.
    pub(super) rest: &'a str,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// A number after white space: a sign, and digits of the base; hexadecimal ones may have `0x` before them.
    pub(super) fn number(&mut self, base: u32) -> Option<i64> {
        let text = skip_spaces(self.rest);
        let is_negative = text.starts_with('-');
        let text = text.strip_prefix(['-', '+']).unwrap_or(text);
        let hexadecimal = if base == 16 { text.strip_prefix("0x").or(text.strip_prefix("0X")) } else { None };
        let text = hexadecimal.unwrap_or(text);
        let end = text.find(|c: char| !c.is_digit(base)).unwrap_or(text.len());
        if end == 0 {
            return None;
        }
        let digits = text[..end].chars().filter_map(|c| c.to_digit(base));
        let value =
            digits.fold(0_u64, |value, digit| value.wrapping_mul(base.into()).wrapping_add(digit.into()));
        self.rest = &text[end..];
        let value = value.cast_signed();
        Some(if is_negative { value.wrapping_neg() } else { value })
    }

    /// One character that has to be there.
    pub(super) fn literal(&mut self, wanted: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(wanted)?;
        Some(())
    }

    /// White space, if there is any.
    pub(super) fn spaces(&mut self) {
        self.rest = skip_spaces(self.rest);
    }

    /// Six octets with colons between them. Nothing is read if they are not there.
    pub(super) fn ethernet(&mut self) -> Option<[u8; 6]> {
        self.octets(16, ':')
    }

    /// Four octets with dots between them; a number that is too large counts by its lowest eight bits.
    /// Nothing is read if they are not there.
    pub(super) fn ipv4(&mut self) -> Option<Ipv4Addr> {
        Some(self.octets::<4>(10, '.')?.into())
    }

    fn octets<const N: usize>(&mut self, base: u32, between: char) -> Option<[u8; N]> {
        let mut scanner = *self;
        let mut octets = [0; N];
        for (place, octet) in octets.iter_mut().enumerate() {
            if place > 0 {
                scanner.literal(between)?;
            }
            *octet = low_octet(scanner.number(base)?);
        }
        *self = scanner;
        Some(octets)
    }

    /// What looks like an IPv6 address, and whether it is one.
    pub(super) fn ipv6_text(&mut self) -> Option<&'a str> {
        let is_part = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '.';
        let end = self.rest.find(|c: char| !is_part(c)).unwrap_or(self.rest.len()).min(IPV6_TEXT_LEN);
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!text.is_empty()).then_some(text)
    }

    /// `ADDRESS`, `ADDRESS/LENGTH` or `ADDRESS/MASK` of IPv4: the address and the mask.
    pub(super) fn ipv4_masked(&mut self) -> Option<(Ipv4Addr, u32)> {
        let address = self.ipv4()?;
        let mut after = *self;
        if after.literal('/').is_none() {
            return Some((address, u32::MAX));
        }
        let mut mask = after;
        if let Some(mask_bits) = mask.ipv4() {
            *self = mask;
            return Some((address, mask_bits.to_bits()));
        }
        let Some(length) = after.number(10) else { return Some((address, u32::MAX)) };
        let length = u32::try_from(low_int(length)).ok().filter(|length| *length <= u32::BITS)?;
        *self = after;
        Some((address, u32::MAX.checked_shl(u32::BITS - length).unwrap_or(0)))
    }

    /// `ADDRESS`, `ADDRESS/LENGTH` or `ADDRESS/MASK` of IPv6, after white space: the address and the mask.
    pub(super) fn ipv6_masked(&mut self) -> Option<(Ipv6Addr, u128)> {
        self.spaces();
        let address = self.ipv6_text()?.parse().ok()?;
        let mut after = *self;
        if after.literal('/').is_none() {
            return Some((address, u128::MAX));
        }
        let mut mask = after;
        if let Some(length) = after.number(10) {
            let length = u32::try_from(low_int(length)).ok().filter(|length| *length <= u128::BITS)?;
            *self = after;
            return Some((address, u128::MAX.checked_shl(u128::BITS - length).unwrap_or(0)));
        }
        let Some(text) = mask.ipv6_text() else { return Some((address, u128::MAX)) };
        *self = mask;
        Some((address, text.parse::<Ipv6Addr>().ok()?.to_bits()))
    }

    /// An address with the length of its prefix, 32 or 128 where none is written.
    pub(super) fn cidr(&mut self) -> Option<(IpAddr, u32)> {
        let (mut v4, mut v6) = (*self, *self);
        if let Some((address, mask)) = v4.ipv4_masked()
            && mask.leading_ones() + mask.trailing_zeros() >= u32::BITS
        {
            *self = v4;
            return Some((address.into(), mask.leading_ones()));
        }
        let (address, mask) = v6.ipv6_masked()?;
        let is_prefix = mask.leading_ones() + mask.trailing_zeros() >= u128::BITS;
        *self = v6;
        is_prefix.then_some((address.into(), mask.leading_ones()))
    }
}

fn skip_spaces(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}')
}

/// The lowest eight bits, as a C program keeps of a number that it stores in an octet.
fn low_octet(number: i64) -> u8 {
    number.to_le_bytes()[0]
}

/// The lowest 32 bits as a signed number, as a C program keeps of a number that it stores in an `int`.
fn low_int(number: i64) -> i32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::Scanner;
    use proptest::prelude::*;

    #[test]
    fn numbers_wrap_and_leave_the_rest() {
        for (text, base, number, rest) in [
            ("12x", 10, Some(12), "x"),
            ("  -7", 10, Some(-7), ""),
            ("+0x1f", 16, Some(31), ""),
            ("0x", 16, None, "0x"),
            ("18446744073709551617", 10, Some(1), ""),
            ("", 10, None, ""),
            ("- 1", 10, None, "- 1"),
        ] {
            let mut scanner = Scanner::new(text);
            assert_eq!((scanner.number(base), scanner.rest), (number, rest), "{text}");
        }
    }

    #[test]
    fn prefixes_are_read_in_both_notations() {
        for (text, expected) in [
            ("10.0.0.1", Some(("10.0.0.1", 32, ""))),
            ("10.0.0.1/24 x", Some(("10.0.0.1", 24, " x"))),
            ("10.0.0.1/255.255.0.0", Some(("10.0.0.1", 16, ""))),
            ("10.0.0.1/255.0.255.0", None),
            ("10.0.0.1/33", None),
            ("10.0.0.1/", Some(("10.0.0.1", 32, "/"))),
            ("300.0.0.1", Some(("44.0.0.1", 32, ""))),
            (" 1. 2.3.4", Some(("1.2.3.4", 32, ""))),
            ("::1/64", Some(("::1", 64, ""))),
            ("fe80::1/ffff::", Some(("fe80::1", 16, ""))),
            ("::/0", Some(("::", 0, ""))),
            ("::1/129", None),
            ("x", None),
        ] {
            let mut scanner = Scanner::new(text);
            let found = scanner.cidr().map(|(address, length)| (address.to_string(), length, scanner.rest));
            let expected = expected.map(|(address, length, rest)| (address.to_owned(), length, rest));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn what_only_begins_as_an_address_is_left_alone() {
        let mut scanner = Scanner::new("dynamic 10.0.0.1");
        assert_eq!((scanner.ethernet(), scanner.rest), (None, "dynamic 10.0.0.1"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = Scanner::new(&text).cidr();
            let _ = Scanner::new(&text).ethernet();
        }

        #[test]
        fn what_is_written_is_read(address: std::net::Ipv6Addr, length in 0..=128_u32) {
            let text = format!("{address}/{length}");
            prop_assert_eq!(Scanner::new(&text).cidr(), Some((address.into(), length)));
        }
    }
}

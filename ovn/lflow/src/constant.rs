//! Text of integer constants to values.
//!
//! Nearly all are in one of a few plain forms, which are read quickly; the careful way reads all of them and knows what is
//! wrong with the others.

use crate::lexer::{Format, Integer};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The constant that a text seems to begin with, if it is in one of the plain forms that nearly all have, and its
/// length. It is one if it ends there.
pub(crate) fn plain_constant(octets: &[u8]) -> Option<(u64, Format, usize)> {
    if octets.get(2) == Some(&b':') {
        let value = parse_ethernet(octets.get(..ETHERNET_LENGTH)?)?;
        return Some((value, Format::Ethernet, ETHERNET_LENGTH));
    }
    if let [b'0', b'x', digits @ ..] = octets {
        let (value, length) = small_hexadecimal(digits)?;
        return Some((value, Format::Hexadecimal, 2 + length));
    }
    let (first, length) = small_decimal(octets)?;
    match octets.get(length..length + 2) {
        Some([b'.', b'0'..=b'9']) => {
            let (address, length) = rest_of_ipv4(octets, first, length)?;
            Some((address, Format::Ipv4, length))
        }
        Some(_) | None => Some((first, Format::Decimal, length)),
    }
}

/// The hexadecimal digits that a text begins with, if there are few.
fn small_hexadecimal(octets: &[u8]) -> Option<(u64, usize)> {
    const DIGITS_MAX: usize = 16;
    let mut value = 0;
    let mut length = 0;
    while let Some(digit) = octets.get(length).and_then(|octet| char::from(*octet).to_digit(16)) {
        if length == DIGITS_MAX {
            return None;
        }
        value = value << 4 | u64::from(digit);
        length += 1;
    }
    (length > 0).then_some((value, length))
}

/// An IPv4 address of which `first` and the octets before `at` were read; the address and where it ends.
fn rest_of_ipv4(octets: &[u8], first: u64, mut at: usize) -> Option<(u64, usize)> {
    let mut address = first;
    let mut widest = first;
    for _ in 0..3 {
        if octets.get(at) != Some(&b'.') {
            return None;
        }
        let (next, length) = small_decimal(&octets[at + 1..])?;
        address = (address << 8) | (next & 0xff);
        widest = widest.max(next);
        at += 1 + length;
    }
    (widest <= 255).then_some((address, at))
}

/// The decimal number that a text begins with, and its length, if it is in its plain form and small enough.
fn small_decimal(octets: &[u8]) -> Option<(u64, usize)> {
    /// So many digits fit for sure.
    const DIGITS_MAX: usize = 18;
    let mut value = 0;
    let mut length = 0;
    while let Some(digit) = octets.get(length).filter(|octet| octet.is_ascii_digit()) {
        value = 10 * value + u64::from(digit - b'0');
        length += 1;
        if length > DIGITS_MAX {
            return None;
        }
    }
    (length == 1 || (length > 1 && octets[0] != b'0')).then_some((value, length))
}

/// A constant, as far as it is one, and what is wrong otherwise, in upstream's words.
pub(crate) fn parse_constant(text: &str) -> Result<Integer, String> {
    /// Hexadecimal constants beyond this are refused outright, as upstream refuses them.
    const BITS_MAX: usize = 1024;

    if text.is_empty() {
        return Err("Integer constant expected.".to_owned());
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        if text.len() > 1 && text.starts_with('0') {
            return Err("Decimal constants must not have leading zeros.".to_owned());
        }
        return match text.parse::<u64>() {
            Ok(value) => Ok(Integer::new(value.into(), Format::Decimal)),
            Err(_) => Err("Decimal constants must be less than 2**64.".to_owned()),
        };
    }
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        if digits.is_empty() {
            return Err(format!("Hex digits expected following 0{}.", &text[1..2]));
        }
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("Invalid syntax in hexadecimal constant.".to_owned());
        }
        let digits = digits.trim_start_matches('0');
        let low = &digits[digits.len().saturating_sub(32)..];
        let value =
            if low.is_empty() { 0 } else { u128::from_str_radix(low, 16).map_err(|e| e.to_string())? };
        let mut integer = Integer::new(value, Format::Hexadecimal);
        if let Some(top) = digits.chars().next().and_then(|c| c.to_digit(16)) {
            let bits = 4 * digits.len() - (top.leading_zeros() as usize - 28);
            if bits > BITS_MAX {
                return Err(format!("Hexadecimal constant requires more than {BITS_MAX} bits."));
            }
            integer.bits = bits as u16;
        }
        return Ok(integer);
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(Integer::new(address.to_bits().into(), Format::Ipv4));
    }
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Ok(Integer::new(address.to_bits(), Format::Ipv6));
    }
    match parse_ethernet(text.as_bytes()) {
        Some(value) => Ok(Integer::new(value.into(), Format::Ethernet)),
        None => Err("Invalid numeric constant.".to_owned()),
    }
}

/// How long an Ethernet address is.
const ETHERNET_LENGTH: usize = 17;

/// Six pairs of hexadecimal digits.
fn parse_ethernet(text: &[u8]) -> Option<u64> {
    if text.len() != ETHERNET_LENGTH {
        return None;
    }
    let mut value: u64 = 0;
    for (i, &octet) in text.iter().enumerate() {
        if i % 3 == 2 {
            if octet != b':' {
                return None;
            }
            continue;
        }
        value = value << 4 | u64::from(char::from(octet).to_digit(16)?);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What the quick way says to be a constant is the one that the careful way finds.
        #[test]
        fn constants_in_plain_form_are_what_they_are_in_general(
            text in "[0-9]{1,20}|0x[0-9a-fA-F]{0,18}|([0-9]{1,4}\\.){0,4}[0-9]{0,4}|([0-9a-f]{2}:){2,7}[0-9a-f]{1,2}|[0-9a-fx:.]{0,20}"
        ) {
            if let Some((value, format, length)) = plain_constant(text.as_bytes()) {
                prop_assert!(length <= text.len());
                prop_assert_eq!(parse_constant(&text[..length]), Ok(Integer::new(value.into(), format)));
            }
        }
    }
}

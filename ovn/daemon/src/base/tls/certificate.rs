//! What we read in an X.509 certificate ourselves (RFC 5280 section 4.1): who it is about, and whether it was made by
//! the one it is about. Whether it is to be believed is rustls' business.
//!
//! ```text
//! Certificate ::= { TBSCertificate ::= { [0] version, serial, algorithm, issuer, validity, subject, ... }, ... }
//! issuer, subject ::= sequence of set of { object identifier, string }
//! ```

use rustls::pki_types::CertificateDer;

const INTEGER: u8 = 0x02;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const TELETEX_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;

/// id-at-commonName, 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// The first common name of the subject, if it is text.
pub(super) fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, mut subject) = names(certificate)?;
    while !subject.is_empty() {
        let mut set = take(&mut subject, SET)?;
        while !set.is_empty() {
            let mut pair = take(&mut set, SEQUENCE)?;
            if take(&mut pair, OBJECT_IDENTIFIER)? != COMMON_NAME {
                continue;
            }
            let (tag, text) = next(&mut pair)?;
            return match tag {
                UTF8_STRING | PRINTABLE_STRING | TELETEX_STRING | IA5_STRING => {
                    String::from_utf8(text.to_vec()).ok()
                }
                _ => None,
            };
        }
    }
    None
}

/// Whether issuer and subject are the same.
pub(super) fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    names(certificate).is_some_and(|(issuer, subject)| issuer == subject)
}

/// Issuer and subject.
fn names<'a>(certificate: &'a CertificateDer<'_>) -> Option<(&'a [u8], &'a [u8])> {
    let mut whole: &[u8] = certificate;
    let mut outer = take(&mut whole, SEQUENCE)?;
    let mut inner = take(&mut outer, SEQUENCE)?;
    if inner.first() == Some(&VERSION) {
        next(&mut inner)?;
    }
    take(&mut inner, INTEGER)?;
    take(&mut inner, SEQUENCE)?;
    let issuer = take(&mut inner, SEQUENCE)?;
    take(&mut inner, SEQUENCE)?;
    Some((issuer, take(&mut inner, SEQUENCE)?))
}

/// The contents of the next element, which has this tag.
fn take<'a>(rest: &mut &'a [u8], wanted: u8) -> Option<&'a [u8]> {
    next(rest).filter(|(tag, _)| *tag == wanted).map(|(_, contents)| contents)
}

/// The next element of distinguished encoding: its tag and contents.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&[tag, first], after) = rest.split_first_chunk::<2>()?;
    let (length, after) = match first {
        0..=0x7f => (usize::from(first), after),
        0x81..=0x84 => {
            let (digits, after) = after.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), after)
        }
        _ => return None,
    };
    let (contents, after) = after.split_at_checked(length)?;
    *rest = after;
    Some((tag, contents))
}

/// The certificate as a PEM file has it (RFC 7468).
pub(super) fn pem(certificate: &CertificateDer<'_>) -> String {
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in certificate.chunks(48) {
        text.push_str(&base64(line));
        text.push('\n');
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

/// RFC 4648 section 4.
fn base64(octets: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in octets.chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, octet| bits << 8 | u32::from(*octet)) << (8 * (3 - three.len()));
        for place in 0..4 {
            match place <= three.len() {
                true => text.push(char::from(LETTERS[(bits >> (18 - 6 * place) & 63) as usize])),
                false => text.push('='),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rustls::pki_types::pem::PemObject as _;

    use super::*;

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let certificate = CertificateDer::from(octets);
            let _ = (common_name(&certificate), is_self_signed(&certificate));
            let back = CertificateDer::from_pem_slice(pem(&certificate).as_bytes()).unwrap();
            prop_assert_eq!(back, certificate);
        }
    }
}

//! Router advertisements: the whole message travels as it will be on the wire (RFC 4861 section 4.2).
//!
//! ```text
//!  0                   1                   2                   3
//! +---------------+---------------+-------------------------------+
//! |  type (134)   |     code      |           checksum            |
//! | cur hop limit |M|O| |prf|     |        router lifetime        |
//! |                        reachable time                         |
//! |                         retrans timer                         |
//! |  options ...
//! ```

use lflow::action::options::{self, ra};
use lflow::action::{NamedValue, PutOptions};
use openflow::Action;
use std::net::Ipv6Addr;

use super::dhcp::{number, unusable};
use super::domain_names;
use super::punt::{Opcode, ask};
use super::{CompileError, Environment};

const ROUTER_ADVERTISEMENT: u8 = 134;
const HOP_LIMIT: u8 = 255;
const MANAGED: u8 = 0x80;
const OTHER: u8 = 0x40;
const ON_LINK: u8 = 0x80;
const AUTONOMOUS: u8 = 0x40;
const FOREVER: [u8; 4] = [0xff; 4];

/// `bit = put_nd_ra_opts(...);`
pub(super) fn put(
    put: &PutOptions,
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    let text = |code| options::find(&put.options, code).and_then(NamedValue::text);
    let mode = match text(ra::ADDRESS_MODE) {
        Some("dhcpv6_stateful") => MANAGED,
        Some("dhcpv6_stateless") => OTHER,
        Some(_) | None => 0,
    };
    let flags = mode | text(ra::PREFERENCE).map_or(0, preference);
    let mut message = vec![ROUTER_ADVERTISEMENT, 0, 0, 0, HOP_LIMIT, flags, 0xff, 0xff];
    message.extend([0; 8]);
    for option in &put.options {
        message.extend(option_octets(option, mode)?);
    }
    ask(Opcode::PutNdRaOpts, &put.result, &message, env, out)
}

/// RFC 4191 section 2.1.
fn preference(word: &str) -> u8 {
    match word {
        "HIGH" => 0x08,
        "LOW" => 0x18,
        _ => 0,
    }
}

fn option_octets(option: &NamedValue, mode: u8) -> Result<Vec<u8>, CompileError> {
    let integer = option.integer();
    let mut octets = Vec::new();
    match option.option.code {
        ra::ADDRESS_MODE | ra::PREFERENCE => {}
        ra::SOURCE_LINK_ADDRESS => {
            octets.extend([1, 1]);
            octets.extend(number(integer, 6));
        }
        ra::MTU => {
            octets.extend([5, 1, 0, 0]);
            octets.extend(number(integer, 4));
        }
        ra::PREFIX => {
            let length = integer.and_then(|prefix| prefix.mask).map_or(128, u128::leading_ones) as u8;
            let autonomous = if mode == MANAGED { 0 } else { AUTONOMOUS };
            octets.extend([3, 4, length, ON_LINK | autonomous]);
            octets.extend([FOREVER, FOREVER, [0; 4]].concat());
            octets.extend(number(integer, 16));
        }
        ra::DNS_SERVER => {
            octets.extend([25, 3, 0, 0]);
            octets.extend(FOREVER);
            octets.extend(number(integer, 16));
        }
        ra::DNS_SEARCH => {
            octets.extend(search_list(option.text().unwrap_or("")).ok_or_else(|| unusable(option))?)
        }
        _ => octets.extend(routes(option.text().unwrap_or("")).ok_or_else(|| unusable(option))?),
    }
    Ok(octets)
}

/// RFC 8106 section 5.2.
fn search_list(names: &str) -> Option<Vec<u8>> {
    let mut octets = vec![31, 0, 0, 0];
    octets.extend(FOREVER);
    for name in names.split(',') {
        octets.extend(domain_names::plain(name)?);
    }
    octets.resize(octets.len().next_multiple_of(8), 0);
    octets[1] = u8::try_from(octets.len() / 8).ok()?;
    Some(octets)
}

/// `PREFERENCE-prefix/length`, with commas between (RFC 4191 section 2.3).
fn routes(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    for route in text.split(',') {
        let (word, prefix) = route.split_once('-')?;
        let (address, length) = prefix.split_once('/').unwrap_or((prefix, "128"));
        let (address, length): (Ipv6Addr, u8) = (address.parse().ok()?, length.parse().ok()?);
        if length > 128 {
            return None;
        }
        let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
        let units = length.div_ceil(64);
        octets.extend([24, 1 + units, length, preference(word)]);
        octets.extend(FOREVER);
        octets.extend(&(address.to_bits() & mask).to_be_bytes()[..usize::from(units) * 8]);
    }
    Some(octets)
}

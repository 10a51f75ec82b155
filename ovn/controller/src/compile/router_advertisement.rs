//! Router advertisements: the whole message travels as it will be on the wire (RFC 4861 section 4.2).

use lflow::action::options::{self, ra};
use lflow::action::{NamedValue, PutOptions};
use openflow::Action;
use packet::{DnsName, MacAddr, RouterAdvertisement, RouterOption};
use std::net::Ipv6Addr;

use super::dhcp::unusable;
use super::domain_names;
use super::punt::{Opcode, ask};
use super::{CompileError, Environment};

const HOP_LIMIT: u8 = 255;
/// Seconds of whatever has an end.
const FOREVER: u32 = u32::MAX;

/// `bit = put_nd_ra_opts(...);`
pub(super) fn put(
    put: &PutOptions,
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    let text = |code| options::find(&put.options, code).and_then(NamedValue::text);
    let mode = match text(ra::ADDRESS_MODE) {
        Some("dhcpv6_stateful") => RouterAdvertisement::MANAGED,
        Some("dhcpv6_stateless") => RouterAdvertisement::OTHER,
        Some(_) | None => 0,
    };
    let mut options = Vec::new();
    for option in &put.options {
        options.extend(router_options(option, mode).ok_or_else(|| unusable(option))?);
    }
    let advertisement = RouterAdvertisement {
        hop_limit: HOP_LIMIT,
        flags: mode | text(ra::PREFERENCE).map_or(0, preference),
        lifetime: u16::MAX,
        reachable_ms: 0,
        retransmit_ms: 0,
        options,
    };
    let mut message = Vec::new();
    advertisement.emit(&mut message);
    ask(Opcode::PutNdRaOpts, &put.result, &message, env, out)
}

fn preference(word: &str) -> u8 {
    match word {
        "HIGH" => RouterAdvertisement::HIGH,
        "LOW" => RouterAdvertisement::LOW,
        _ => 0,
    }
}

/// What an option becomes; `None` if its value cannot be said.
fn router_options(option: &NamedValue, mode: u8) -> Option<Vec<RouterOption>> {
    let integer = option.integer();
    let value = integer.map_or(0, |integer| integer.value);
    Some(vec![match option.option.code {
        ra::ADDRESS_MODE | ra::PREFERENCE => return Some(Vec::new()),
        ra::SOURCE_LINK_ADDRESS => {
            let [.., a, b, c, d, e, f] = value.to_be_bytes();
            RouterOption::SourceLink(MacAddr([a, b, c, d, e, f]))
        }
        ra::MTU => RouterOption::Mtu(value as u32),
        ra::PREFIX => {
            let is_managed = mode == RouterAdvertisement::MANAGED;
            let autonomous = if is_managed { 0 } else { RouterAdvertisement::AUTONOMOUS };
            RouterOption::Prefix {
                length: integer.and_then(|prefix| prefix.mask).map_or(128, u128::leading_ones) as u8,
                flags: RouterAdvertisement::ON_LINK | autonomous,
                valid: FOREVER,
                preferred: FOREVER,
                prefix: Ipv6Addr::from_bits(value),
            }
        }
        ra::DNS_SERVER => {
            RouterOption::DnsServers { lifetime: FOREVER, servers: vec![Ipv6Addr::from_bits(value)] }
        }
        ra::DNS_SEARCH => {
            let names: Option<Vec<DnsName>> = option.text()?.split(',').map(domain_names::plain).collect();
            RouterOption::search(FOREVER, &names?)?
        }
        _ => return option.text()?.split(',').map(route).collect(),
    }])
}

/// `PREFERENCE-prefix/length` (RFC 4191 section 2.3).
fn route(text: &str) -> Option<RouterOption> {
    let (word, prefix) = text.split_once('-')?;
    let (address, length) = prefix.split_once('/').unwrap_or((prefix, "128"));
    let (address, length): (Ipv6Addr, u8) = (address.parse().ok()?, length.parse().ok()?);
    if length > 128 {
        return None;
    }
    let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
    let octets = (address.to_bits() & mask).to_be_bytes();
    let prefix = octets[..usize::from(length.div_ceil(64)) * 8].to_vec();
    Some(RouterOption::Route { length, flags: preference(word), lifetime: FOREVER, prefix })
}

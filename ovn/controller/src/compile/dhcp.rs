//! DHCP: the answer's options travel as they will be on the wire.

use lflow::action::options::{self, dhcp4};
use lflow::action::{DhcpRelay, NamedValue, OptionForm, PutOptions, RelayDirection};
use lflow::expr::Values;
use lflow::lexer::{Format, Integer};
use openflow::Action;

use super::domain_names;
use super::punt::{Opcode, ask};
use super::{CompileError, Environment};

/// `bit = put_dhcp_opts(...);`
///
/// First comes the address that is offered, then the options that the controller has to look at, then the others.
pub(super) fn put4(
    put: &PutOptions,
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    const FIRST: [u16; 3] = [dhcp4::BOOTFILE, dhcp4::BOOTFILE_ALT, dhcp4::NEXT_SERVER];
    let offer = options::find(&put.options, dhcp4::OFFER_IP).and_then(NamedValue::integers);
    let mut body = number(offer.unwrap_or_default().first(), 4);
    let first = FIRST.into_iter().filter_map(|code| options::find(&put.options, code));
    let is_other =
        |option: &&NamedValue| option.option.code != dhcp4::OFFER_IP && !FIRST.contains(&option.option.code);
    for option in first.chain(put.options.iter().filter(is_other)) {
        let value = octets(option)?;
        let (code, length) = (u8::try_from(option.option.code), u8::try_from(value.len()));
        let (Ok(code), Ok(length)) = (code, length) else { return Err(unusable(option)) };
        body.extend([code, length]);
        body.extend(value);
    }
    ask(Opcode::PutDhcpOpts, &put.result, &body, env, out)
}

/// `bit = put_dhcpv6_opts(...);`
pub(super) fn put6(
    put: &PutOptions,
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    let mut body = Vec::new();
    for option in &put.options {
        body.extend(long_option(option)?);
    }
    ask(Opcode::PutDhcpv6Opts, &put.result, &body, env, out)
}

/// An option with code and length of 16 bits.
pub(super) fn long_option(option: &NamedValue) -> Result<Vec<u8>, CompileError> {
    let value = octets(option)?;
    let length = u16::try_from(value.len()).map_err(|_| unusable(option))?;
    let mut all = Vec::new();
    all.extend(option.option.code.to_be_bytes());
    all.extend(length.to_be_bytes());
    all.extend(value);
    Ok(all)
}

/// `bit = dhcp_relay_req_chk(...);`, `bit = dhcp_relay_resp_chk(...);`
pub(super) fn relay(
    relay: &DhcpRelay,
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    let opcode = match relay.direction {
        RelayDirection::Request => Opcode::DhcpRelayReqChk,
        RelayDirection::Response => Opcode::DhcpRelayRespChk,
    };
    ask(opcode, &relay.result, &[relay.relay.octets(), relay.server.octets()].concat(), env, out)
}

pub(super) fn unusable(option: &NamedValue) -> CompileError {
    CompileError::OptionValue { option: option.to_string() }
}

/// The lowest `octets` octets of a number; zero if there is none.
pub(super) fn number(integer: Option<&Integer>, octets: usize) -> Vec<u8> {
    let value = integer.map_or(0, |integer| integer.value);
    value.to_be_bytes()[16 - octets..].to_vec()
}

/// The value of an option on the wire.
fn octets(option: &NamedValue) -> Result<Vec<u8>, CompileError> {
    let all = |octets: usize| match &option.values {
        Values::Integers(integers) => {
            integers.iter().flat_map(|integer| number(Some(integer), octets)).collect()
        }
        Values::Strings(strings) => strings.first().map(|text| text.as_bytes().to_vec()).unwrap_or_default(),
    };
    let first = |octets: usize| number(option.integers().unwrap_or_default().first(), octets);
    let text = || option.text().ok_or_else(|| unusable(option));
    let names = |encoded: Option<Vec<u8>>| encoded.ok_or_else(|| unusable(option));
    Ok(match option.option.form {
        OptionForm::Bool | OptionForm::Uint8 => first(1),
        OptionForm::Uint16 => first(2),
        OptionForm::Uint32 => first(4),
        OptionForm::Mac => first(6),
        OptionForm::Ipv4 | OptionForm::HostId => all(4),
        OptionForm::Ipv6 => all(16),
        OptionForm::Text => text()?.as_bytes().to_vec(),
        OptionForm::Domain => names(domain_names::plain(text()?).map(|name| name.octets().to_vec()))?,
        OptionForm::Domains => names(domain_names::compressed(text()?))?,
        OptionForm::StaticRoutes => static_routes(option.integers().unwrap_or_default()),
    })
}

/// Pairs of destination and router: the prefix length, as much of the destination as that covers, the router
/// (RFC 3442). What is left over has no router.
fn static_routes(integers: &[Integer]) -> Vec<u8> {
    let mut routes = Vec::new();
    for pair in integers.chunks_exact(2) {
        let length = match pair[0] {
            Integer { mask: Some(mask), format: Format::Ipv4, .. } => mask.count_ones() as u8,
            Integer { .. } => 32,
        };
        routes.push(length);
        routes.extend(&number(Some(&pair[0]), 4)[..usize::from(length.div_ceil(8))]);
        routes.extend(number(Some(&pair[1]), 4));
    }
    routes
}

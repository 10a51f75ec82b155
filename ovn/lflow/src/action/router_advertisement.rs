//! `bit = put_nd_ra_opts(...);`: a router advertisement in answer to a solicitation (RFC 4861 section 4.2).

use super::Action;
use super::dhcp::PutOptions;
use super::options::{self, NamedValue, ra};
use super::parse::{Operand, Parser};
use crate::error::{Error, ErrorKind};
use crate::lexer::{Format, Integer};
use crate::symbols::FieldRef;

/// At the word.
pub(super) fn parse(parser: &mut Parser<'_>, result: FieldRef) -> Result<Action, Error> {
    let start = parser.cursor.span().start;
    parser.begin_function(result, Operand::Bits(1))?;
    let check_one = |option: &NamedValue| match is_valid(option) {
        true => Ok(()),
        false => Err(ErrorKind::OptionValue { option: option.option.name }),
    };
    let options = options::parse(parser, &options::ROUTER_ADVERTISEMENT, check_one)?;
    check(&options).map_err(|kind| Error::new(parser.cursor.since(start), kind))?;
    parser.imply("ip6");
    Ok(Action::PutNdRaOpts(PutOptions { result, options }))
}

/// What an advertisement must have.
fn check(options: &[NamedValue]) -> Result<(), ErrorKind> {
    if options::find(options, ra::SOURCE_LINK_ADDRESS).is_none() {
        return Err(ErrorKind::SllaRequired);
    }
    let mode = options::find(options, ra::ADDRESS_MODE).and_then(|mode| mode.text());
    if mode != Some("dhcpv6_stateful") && options::find(options, ra::PREFIX).is_none() {
        return Err(ErrorKind::PrefixRequired);
    }
    Ok(())
}

fn is_valid(option: &NamedValue) -> bool {
    let integer = option.integer();
    match option.option.code {
        ra::ADDRESS_MODE => {
            matches!(option.text(), Some("slaac" | "dhcpv6_stateful" | "dhcpv6_stateless"))
        }
        ra::PREFERENCE => matches!(option.text(), Some("LOW" | "MEDIUM" | "HIGH")),
        ra::SOURCE_LINK_ADDRESS => matches!(integer, Some(Integer { format: Format::Ethernet, .. })),
        ra::PREFIX => matches!(integer, Some(Integer { format: Format::Ipv6, mask: Some(_), .. })),
        ra::MTU => matches!(integer, Some(Integer { format: Format::Decimal, .. })),
        ra::DNS_SERVER => matches!(integer, Some(Integer { format: Format::Ipv6, .. })),
        _ => option.text().is_some(),
    }
}

//! `name = value, ...`: what DHCP, router advertisements and events are told.
//!
//! The names are upstream's; the lists say for each its number on the wire and the form of its value.

use super::parse::Parser;
use crate::error::{Error, ErrorKind};
use crate::expr::{self, Constants, NoSets, Values};
use crate::lexer::{self, Punct, Token};
use std::fmt;
use std::ops::Range;

/// The form of an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OptionForm {
    Bool,
    Uint8,
    Uint16,
    Uint32,
    /// One or more addresses.
    Ipv4,
    /// A destination, perhaps with a prefix length, and the router to it; more of such pairs (RFC 3442).
    StaticRoutes,
    Text,
    /// An IPv4 address or a name.
    HostId,
    /// Names with commas between, compressed (RFC 1035 section 4.1.4).
    Domains,
    /// One or more addresses.
    Ipv6,
    Mac,
    /// One name.
    Domain,
}

impl OptionForm {
    /// The word for it in the southbound tables of options.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Uint32 => "uint32",
            Self::Ipv4 => "ipv4",
            Self::StaticRoutes => "static_routes",
            Self::Text => "str",
            Self::HostId => "host_id",
            Self::Domains => "domains",
            Self::Ipv6 => "ipv6",
            Self::Mac => "mac",
            Self::Domain => "domain",
        }
    }

    /// Whether the value is text, a number or either.
    const fn is_text(self) -> Option<bool> {
        match self {
            Self::Text | Self::Domains | Self::Domain => Some(true),
            Self::HostId => None,
            Self::Bool
            | Self::Uint8
            | Self::Uint16
            | Self::Uint32
            | Self::Ipv4
            | Self::StaticRoutes
            | Self::Ipv6
            | Self::Mac => Some(false),
        }
    }
}

/// A name that can be given a value.
#[derive(Debug, PartialEq, Eq)]
pub struct OptionName {
    pub name: &'static str,
    /// Its number on the wire.
    pub code: u16,
    pub form: OptionForm,
}

const fn option(name: &'static str, code: u16, form: OptionForm) -> OptionName {
    OptionName { name, code, form }
}

/// The names that one action knows.
pub struct OptionSet {
    /// What the options are called in errors.
    kind: &'static str,
    names: &'static [OptionName],
}

/// An option with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedValue {
    pub option: &'static OptionName,
    pub values: Values,
    /// Whether the value was written in braces.
    in_curlies: bool,
}

impl fmt::Display for NamedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = ", self.option.name)?;
        let texts: Vec<String> = match &self.values {
            Values::Integers(integers) => integers.iter().map(ToString::to_string).collect(),
            Values::Strings(strings) => strings.iter().map(|text| quoted(text)).collect(),
        };
        match (self.in_curlies, &texts[..]) {
            (false, [text]) => f.write_str(text),
            (_, texts) => write!(f, "{{{}}}", texts.join(", ")),
        }
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = lexer::write_quoted(&mut out, text);
    out
}

/// Options one after the other, as they are written.
pub(super) struct OptionList<'a>(pub(super) &'a [NamedValue]);

impl fmt::Display for OptionList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, option) in self.0.iter().enumerate() {
            write!(f, "{}{option}", if i > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

/// Options up to the `)`, which is gone past. `check` says what is wrong with a value of the right kind.
pub(super) fn parse(
    parser: &mut Parser<'_>,
    set: &OptionSet,
    check: impl Fn(&NamedValue) -> Result<(), ErrorKind>,
) -> Result<Vec<NamedValue>, Error> {
    let mut options = Vec::new();
    while !parser.cursor.accept(Punct::RParen)? {
        let (option, span) = parse_one(parser, set)?;
        check(&option).map_err(|kind| Error::new(span, kind))?;
        options.push(option);
        parser.cursor.accept(Punct::Comma)?;
    }
    Ok(options)
}

/// An option, and where its value is.
fn parse_one(parser: &mut Parser<'_>, set: &OptionSet) -> Result<(NamedValue, Range<usize>), Error> {
    let &Token::Id(name) = parser.cursor.token() else { return Err(parser.cursor.unexpected()) };
    let Some(option) = set.names.iter().find(|option| option.name == name) else {
        return Err(parser.cursor.expecting(format!("{} option name", set.kind)));
    };
    parser.cursor.advance()?;
    parser.cursor.expect(Punct::Equals)?;
    let Constants { values, in_curlies, span } = expr::constants(&mut parser.cursor, &NoSets)?;
    let requires = match (option.form.is_text(), &values) {
        (Some(true), Values::Integers(_)) => "string",
        (Some(false), Values::Strings(_)) => "numeric",
        (Some(true) | None, Values::Strings(_)) | (Some(false) | None, Values::Integers(_)) => {
            return Ok((NamedValue { option, values, in_curlies }, span));
        }
    };
    let kind = ErrorKind::OptionKind { kind: set.kind, option: option.name, requires };
    Err(Error::new(span, kind))
}

/// The option of a number, if it is there.
pub fn find(options: &[NamedValue], code: u16) -> Option<&NamedValue> {
    options.iter().find(|option| option.option.code == code)
}

/// Numbers of DHCPv4 options that are not the protocol's own.
pub mod dhcp4 {
    /// The address that is offered; not an option on the wire.
    pub const OFFER_IP: u16 = 0;
    /// The name of the file to boot from.
    pub const BOOTFILE: u16 = 67;
    /// The address of the server to boot from.
    pub const NEXT_SERVER: u16 = 253;
    /// The name of the file to boot from, for those who ask for Etherboot.
    pub const BOOTFILE_ALT: u16 = 254;
}

/// DHCP for IPv4 (RFC 2132 and others).
pub(super) const DHCP4: OptionSet = OptionSet {
    kind: "DHCPv4",
    names: &[
        option("offerip", dhcp4::OFFER_IP, OptionForm::Ipv4),
        option("netmask", 1, OptionForm::Ipv4),
        option("router", 3, OptionForm::Ipv4),
        option("dns_server", 6, OptionForm::Ipv4),
        option("log_server", 7, OptionForm::Ipv4),
        option("lpr_server", 9, OptionForm::Ipv4),
        option("hostname", 12, OptionForm::Text),
        option("domain_name", 15, OptionForm::Text),
        option("swap_server", 16, OptionForm::Ipv4),
        option("ip_forward_enable", 19, OptionForm::Bool),
        option("policy_filter", 21, OptionForm::Ipv4),
        option("default_ttl", 23, OptionForm::Uint8),
        option("mtu", 26, OptionForm::Uint16),
        option("broadcast_address", 28, OptionForm::Ipv4),
        option("router_discovery", 31, OptionForm::Bool),
        option("router_solicitation", 32, OptionForm::Ipv4),
        option("arp_cache_timeout", 35, OptionForm::Uint32),
        option("ethernet_encap", 36, OptionForm::Bool),
        option("tcp_ttl", 37, OptionForm::Uint8),
        option("tcp_keepalive_interval", 38, OptionForm::Uint32),
        option("nis_server", 41, OptionForm::Ipv4),
        option("ntp_server", 42, OptionForm::Ipv4),
        option("netbios_name_server", 44, OptionForm::Ipv4),
        option("netbios_node_type", 46, OptionForm::Uint8),
        option("lease_time", 51, OptionForm::Uint32),
        option("server_id", 54, OptionForm::Ipv4),
        option("T1", 58, OptionForm::Uint32),
        option("T2", 59, OptionForm::Uint32),
        option("tftp_server", 66, OptionForm::HostId),
        option("bootfile_name", dhcp4::BOOTFILE, OptionForm::Text),
        option("domain_search_list", 119, OptionForm::Domains),
        option("classless_static_route", 121, OptionForm::StaticRoutes),
        option("tftp_server_address", 150, OptionForm::Ipv4),
        option("path_prefix", 210, OptionForm::Text),
        option("ms_classless_static_route", 249, OptionForm::StaticRoutes),
        option("wpad", 252, OptionForm::Text),
        option("next_server", dhcp4::NEXT_SERVER, OptionForm::Ipv4),
        option("bootfile_name_alt", dhcp4::BOOTFILE_ALT, OptionForm::Text),
    ],
};

/// The names that DHCPv4 knows.
pub const fn dhcp4_names() -> &'static [OptionName] {
    DHCP4.names
}

/// The names that DHCPv6 knows.
pub const fn dhcp6_names() -> &'static [OptionName] {
    DHCP6.names
}

/// DHCP for IPv6 (RFC 8415 and others).
pub(super) const DHCP6: OptionSet = OptionSet {
    kind: "DHCPv6",
    names: &[
        option("server_id", 2, OptionForm::Mac),
        option("ia_addr", 5, OptionForm::Ipv6),
        option("dns_server", 23, OptionForm::Ipv6),
        option("domain_search", 24, OptionForm::Text),
        option("fqdn", 39, OptionForm::Domain),
        option("bootfile_name", 59, OptionForm::Text),
        option("bootfile_name_alt", 254, OptionForm::Text),
    ],
};

/// Numbers of what a router advertisement says (RFC 4861 section 4.2, RFC 4191, RFC 8106).
pub mod ra {
    /// Flags in the header, not an option.
    pub const ADDRESS_MODE: u16 = 0;
    pub const SOURCE_LINK_ADDRESS: u16 = 1;
    pub const PREFIX: u16 = 3;
    pub const MTU: u16 = 5;
    pub const ROUTE: u16 = 24;
    pub const DNS_SERVER: u16 = 25;
    pub const DNS_SEARCH: u16 = 31;
    /// Flags in the header, not an option.
    pub const PREFERENCE: u16 = 255;
}

/// Router advertisements.
pub(super) const ROUTER_ADVERTISEMENT: OptionSet = OptionSet {
    kind: "IPv6 ND RA",
    names: &[
        option("addr_mode", ra::ADDRESS_MODE, OptionForm::Text),
        option("router_preference", ra::PREFERENCE, OptionForm::Text),
        option("slla", ra::SOURCE_LINK_ADDRESS, OptionForm::Mac),
        option("prefix", ra::PREFIX, OptionForm::Ipv6),
        option("mtu", ra::MTU, OptionForm::Uint32),
        option("rdnss", ra::DNS_SERVER, OptionForm::Ipv6),
        option("dnssl", ra::DNS_SEARCH, OptionForm::Text),
        option("route_info", ra::ROUTE, OptionForm::Text),
    ],
};

/// Numbers of what is said of a load balancer without backends.
pub mod empty_lb {
    pub const VIP: u16 = 1;
    pub const PROTOCOL: u16 = 2;
    pub const LOAD_BALANCER: u16 = 3;
}

/// A load balancer without backends.
pub(super) const EMPTY_LB_BACKENDS: OptionSet = OptionSet {
    kind: "empty_lb_backends",
    names: &[
        option("vip", empty_lb::VIP, OptionForm::Text),
        option("protocol", empty_lb::PROTOCOL, OptionForm::Text),
        option("load_balancer", empty_lb::LOAD_BALANCER, OptionForm::Text),
    ],
};

impl NamedValue {
    /// The numbers, if that is what the value is.
    pub fn integers(&self) -> Option<&[lexer::Integer]> {
        match &self.values {
            Values::Integers(integers) => Some(integers),
            Values::Strings(_) => None,
        }
    }

    /// The number, if it is one.
    pub fn integer(&self) -> Option<&lexer::Integer> {
        self.integers().filter(|integers| integers.len() == 1).and_then(|integers| integers.first())
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.values {
            Values::Strings(strings) if strings.len() == 1 => strings.first().map(|text| &**text),
            Values::Strings(_) | Values::Integers(_) => None,
        }
    }
}

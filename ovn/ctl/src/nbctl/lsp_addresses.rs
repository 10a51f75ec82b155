//! `lsp-set-addresses PORT [ADDRESS]...` and `lsp-get-addresses PORT`.

use super::LSP;
use super::rows::{name_or_uuid, port, ports, prepare_ports, switch_of};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use crate::view::View;
use ovsdb::{Atom, Datum, Uuid};
use schema::TypedRow;
use schema::nb::LogicalSwitchPort;
use std::net::IpAddr;

pub(super) const SET: Verb = Verb {
    name: "lsp-set-addresses",
    options: &[],
    parameters: &[Parameter::One("PORT"), Parameter::Any("ADDRESS")],
    group: LSP,
    help: "set who is behind PORT: \"MAC [IP...]\", \"dynamic [IP]\", \"router\" or \"unknown\"",
    prepare,
    run: set,
};

pub(super) const GET: Verb = Verb {
    name: "lsp-get-addresses",
    options: &[],
    parameters: &[Parameter::One("PORT")],
    group: LSP,
    help: "print who is behind PORT",
    prepare,
    run: get,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_ports(needs, &["addresses", "type"]);
    Ok(())
}

fn set(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let port = port(context.view, command.required(0))?;
    let switch = switch_of(context.view, port.uuid);
    for address in command.rest(1) {
        if !is_address(address) {
            fail!(
                "{address}: Invalid address format. See ovn-nb(5). Hint: An Ethernet address must be listed before \
                 an IP address, together as a single argument."
            );
        }
        if let Some(switch) = switch {
            check_unique(context.view, switch, port.uuid, address)?;
        }
    }
    let addresses = Datum::set(command.rest(1).iter().map(String::as_str));
    context.view.set(LogicalSwitchPort::TABLE, port.uuid, "addresses", addresses);
    Ok(())
}

fn get(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    for address in port(context.view, command.required(0))?.addresses {
        context.print(address);
    }
    Ok(())
}

/// Whether the text begins as an address does; what follows is for northd to judge.
fn is_address(text: &str) -> bool {
    match text {
        "unknown" | "dynamic" | "router" => true,
        _ => ethernet_prefix(text).is_some() || is_dynamic_with_ip(text),
    }
}

/// `dynamic IP`, whatever follows.
fn is_dynamic_with_ip(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("dynamic") else { return false };
    let word = rest.trim_start().split([' ', '/']).next().unwrap_or_default();
    rest.starts_with(char::is_whitespace) && word.parse::<IpAddr>().is_ok()
}

/// What follows an Ethernet address at the beginning of the text.
fn ethernet_prefix(text: &str) -> Option<&str> {
    let mut rest = text.trim_start();
    for octet in 0..6 {
        if octet > 0 {
            rest = rest.strip_prefix(':')?;
        }
        let digits = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        if digits == 0 {
            return None;
        }
        rest = &rest[digits..];
    }
    Some(rest)
}

/// The IP addresses of `MAC IP[/LENGTH]...`, up to the first word that is none.
fn ips(address: &str) -> Vec<IpAddr> {
    let words = ethernet_prefix(address).unwrap_or_default().split_whitespace();
    words.map_while(|word| word.split('/').next().unwrap_or_default().parse().ok()).collect()
}

/// No other port of the switch may have one of the IP addresses.
fn check_unique(view: &View, switch: Uuid, port: Uuid, address: &str) -> Result<(), Failure> {
    let wanted: Vec<(IpAddr, String)> = ips(address).into_iter().map(|ip| (ip, ip.to_string())).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    for other in ports(view, switch).keys().filter(|other| **other != port.into()) {
        let Atom::Uuid(other) = other else { continue };
        for text in view.value(LogicalSwitchPort::TABLE, *other, "addresses").keys() {
            let Atom::String(text) = text else { continue };
            let Some((ip, _)) = wanted.iter().find(|(ip, written)| has_ip(text, *ip, written)) else {
                continue;
            };
            let name = view.value(LogicalSwitchPort::TABLE, *other, "name");
            fail!(
                "Error on switch {}: duplicate {} address '{ip}' found on logical switch port '{}'",
                name_or_uuid(view, switch),
                if ip.is_ipv4() { "IPv4" } else { "IPv6" },
                name.as_str().unwrap_or_default()
            );
        }
    }
    Ok(())
}

/// Whether an address has this IP address. IPv4 is written in only one way, which saves most of the reading.
fn has_ip(address: &str, ip: IpAddr, written: &str) -> bool {
    (ip.is_ipv6() || address.contains(written)) && ips(address).contains(&ip)
}

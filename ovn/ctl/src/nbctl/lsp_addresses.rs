//! `lsp-set-addresses PORT [ADDRESS]...` and `lsp-get-addresses PORT`.

use super::LSP;
use super::addresses::{Cidr, port_addresses};
use super::rows::{find_row, name_of, port, ports, prepare_named, prepare_ports, switch_of};
use super::scan::Scanner;
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use crate::view::{View, references};
use ovsdb::{Atom, Datum, Uuid};
use schema::TypedRow;
use schema::nb::{LogicalRouterPort, LogicalSwitch, LogicalSwitchPort};
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
    prepare: prepare_get,
    run: get,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_ports(needs, &["addresses", "dynamic_addresses"]);
    Ok(())
}

fn prepare_get(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_ports(needs, &["addresses", "options"]);
    prepare_named::<LogicalRouterPort>(needs, &["mac", "networks"]);
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
    let port = port(context.view, command.required(0))?;
    if let Some(addresses) = routers(context.view, &port)? {
        context.print(addresses);
        return Ok(());
    }
    for address in port.addresses {
        context.print(address);
    }
    Ok(())
}

/// The addresses of the router's port that a port leads to.
fn routers(view: &View, port: &LogicalSwitchPort) -> Result<Option<String>, Failure> {
    let is_routers = port.addresses.iter().map(|address| &**address).eq(["router"]);
    let Some(peer) = port.options.get("router-port").filter(|_| is_routers) else { return Ok(None) };
    let peer = find_row::<LogicalRouterPort>(view, peer)?;
    Ok(peer.map(|peer| {
        let networks = peer.networks.iter().map(|network| format!(" {network}"));
        std::iter::once(peer.mac.to_string()).chain(networks).collect()
    }))
}

/// Whether the text begins as an address does; what follows is for northd to judge.
fn is_address(text: &str) -> bool {
    match text {
        "unknown" | "dynamic" | "router" => true,
        _ => Scanner::new(text).ethernet().is_some() || is_dynamic_with_ip(text),
    }
}

/// `dynamic IP`, whatever follows.
fn is_dynamic_with_ip(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("dynamic") else { return false };
    let mut scanner = Scanner::new(rest);
    scanner.spaces();
    scanner.ipv6_text().is_some() || scanner.ipv4().is_some()
}

/// The addresses that a port has by one of its texts: those that northd gave it, where it asked for them.
fn current(view: &View, port: Uuid, text: &str) -> Option<Vec<Cidr>> {
    let given = view.value(LogicalSwitchPort::TABLE, port, "dynamic_addresses");
    let given = given.as_str().filter(|_| is_dynamic(text));
    port_addresses(given.unwrap_or(text))
}

/// Whether northd chooses something of the address.
fn is_dynamic(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    let _has_ethernet = scanner.ethernet();
    scanner.spaces();
    scanner.rest.starts_with("dynamic")
}

/// No other port of the switch may have one of the IP addresses.
fn check_unique(view: &View, switch: Uuid, port: Uuid, address: &str) -> Result<(), Failure> {
    let mut wanted: Vec<IpAddr> =
        port_addresses(address).unwrap_or_default().iter().map(|wanted| wanted.address).collect();
    // IPv4 is complained of first.
    wanted.sort_by_key(IpAddr::is_ipv6);
    if wanted.is_empty() {
        return Ok(());
    }
    for other in references(&ports(view, switch)).into_iter().filter(|other| *other != port) {
        for text in view.value(LogicalSwitchPort::TABLE, other, "addresses").keys() {
            let Atom::String(text) = text else { continue };
            let current = current(view, other, text).unwrap_or_default();
            let is_taken = |wanted: &&IpAddr| current.iter().any(|current| current.address == **wanted);
            let Some(taken) = wanted.iter().find(is_taken) else { continue };
            fail!(
                "Error on switch {}: duplicate {} address '{}' found on logical switch port '{}'",
                name_of::<LogicalSwitch>(view, switch),
                if taken.is_ipv4() { "IPv4" } else { "IPv6" },
                taken,
                name_of::<LogicalSwitchPort>(view, other)
            );
        }
    }
    Ok(())
}

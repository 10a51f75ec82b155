//! `lsp-set-dhcpv4-options PORT [OPTIONS]`, `lsp-get-dhcpv4-options PORT` and the same for DHCPv6.

use super::LSP;
use super::addresses::Cidr;
use super::dhcp_options::find;
use super::rows::{port, prepare_named};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::{Datum, Uuid};
use schema::TypedRow;
use schema::nb::{DhcpOptions, LogicalSwitchPort};

pub(super) const SET_V4: Verb = Verb {
    name: "lsp-set-dhcpv4-options",
    options: &[],
    parameters: &[Parameter::One("PORT"), Parameter::Maybe("DHCP-OPTIONS")],
    group: LSP,
    help: "set the DHCPv4 options of PORT, given by UUID, or take them away",
    prepare,
    run: |context, command| set(context, command, &V4),
};

pub(super) const GET_V4: Verb = Verb {
    name: "lsp-get-dhcpv4-options",
    options: &[],
    parameters: &[Parameter::One("PORT")],
    group: LSP,
    help: "print the DHCPv4 options of PORT",
    prepare,
    run: |context, command| get(context, command, &V4),
};

pub(super) const SET_V6: Verb = Verb {
    name: "lsp-set-dhcpv6-options",
    options: &[],
    parameters: &[Parameter::One("PORT"), Parameter::Maybe("DHCP-OPTIONS")],
    group: LSP,
    help: "set the DHCPv6 options of PORT, given by UUID, or take them away",
    prepare,
    run: |context, command| set(context, command, &V6),
};

pub(super) const GET_V6: Verb = Verb {
    name: "lsp-get-dhcpv6-options",
    options: &[],
    parameters: &[Parameter::One("PORT")],
    group: LSP,
    help: "print the DHCPv6 options of PORT",
    prepare,
    run: |context, command| get(context, command, &V6),
};

/// What differs between the versions.
struct Version {
    column: &'static str,
    ip: &'static str,
    parse: fn(&str) -> Option<Cidr>,
    of: fn(&LogicalSwitchPort) -> Option<Uuid>,
}

const V4: Version =
    Version { column: "dhcpv4_options", ip: "IPv4", parse: Cidr::parse_v4, of: |port| port.dhcpv4_options };
const V6: Version =
    Version { column: "dhcpv6_options", ip: "IPv6", parse: Cidr::parse_v6, of: |port| port.dhcpv6_options };

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<LogicalSwitchPort>(needs, &[V4.column, V6.column]);
    needs.columns(DhcpOptions::TABLE, &["cidr"]);
    Ok(())
}

fn set(context: &mut Context<'_>, command: &Command, version: &Version) -> Result<(), Failure> {
    let port = port(context.view, command.required(0))?;
    let options = command.optional(1).map(|id| find(context.view, id)).transpose()?;
    if let Some(options) = &options
        && (version.parse)(&options.cidr).is_none()
    {
        fail!("DHCP options cidr '{}' is not {}", options.cidr, version.ip);
    }
    let value = Datum::set(options.map(|options| options.uuid));
    context.view.set(LogicalSwitchPort::TABLE, port.uuid, version.column, value);
    Ok(())
}

fn get(context: &mut Context<'_>, command: &Command, version: &Version) -> Result<(), Failure> {
    let port = port(context.view, command.required(0))?;
    let Some(options) = (version.of)(&port) else { return Ok(()) };
    if let Some(options) = context.view.row::<DhcpOptions>(options)? {
        context.print(format!("{} ({})", options.uuid, options.cidr));
    }
    Ok(())
}

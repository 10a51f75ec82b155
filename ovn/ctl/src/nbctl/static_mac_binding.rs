//! `static-mac-binding-add PORT IP MAC`, `static-mac-binding-del PORT IP`, `static-mac-binding-list`: neighbours of
//! router ports that are known without asking.

use super::addresses::{ethernet, normal_address};
use super::rows::{get, prepare_named};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::nb::{LogicalRouterPort, StaticMacBinding};

const GROUP: &str = "Static MAC binding commands";

pub(super) const ADD: Verb = Verb {
    name: "static-mac-binding-add",
    options: &[("--may-exist", Argument::None)],
    parameters: &[Parameter::One("PORT"), Parameter::One("IP"), Parameter::One("MAC")],
    group: GROUP,
    help: "let the router port PORT know that IP is at MAC",
    prepare,
    run: add,
};

pub(super) const DEL: Verb = Verb {
    name: "static-mac-binding-del",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("PORT"), Parameter::One("IP")],
    group: GROUP,
    help: "let the router port PORT forget where IP is",
    prepare,
    run: del,
};

pub(super) const LIST: Verb = Verb {
    name: "static-mac-binding-list",
    options: &[],
    parameters: &[],
    group: GROUP,
    help: "print what router ports know",
    prepare,
    run: list,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<LogicalRouterPort>(needs, &[]);
    needs.columns(StaticMacBinding::TABLE, &["logical_port", "ip", "mac"]);
    Ok(())
}

fn find(context: &Context<'_>, port: &str, ip: &str) -> Result<Option<StaticMacBinding>, Failure> {
    let bindings = context.view.rows::<StaticMacBinding>()?;
    Ok(bindings.into_iter().find(|binding| *binding.logical_port == *port && *binding.ip == *ip))
}

fn address(text: &str) -> Result<String, Failure> {
    match normal_address(text) {
        Some(address) => Ok(address),
        None => fail!("{text}: Not a valid IPv4 or IPv6 address."),
    }
}

fn add(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let (port, mac) = (command.required(0), command.required(2));
    get::<LogicalRouterPort>(context.view, port)?;
    let ip = address(command.required(1))?;
    if ethernet(mac).is_none() {
        fail!("invalid mac address {mac}.");
    }
    let Some(known) = find(context, port, command.required(1))? else {
        let binding = StaticMacBinding {
            logical_port: port.into(),
            ip: ip.as_str().into(),
            mac: mac.into(),
            ..Default::default()
        };
        let uuid = context.fresh();
        context.view.insert_row(uuid, &binding);
        return Ok(());
    };
    if !command.has("--may-exist") {
        fail!("{port}, {ip}: a Static_MAC_Binding with this logical_port and ip already exists");
    }
    if *known.mac != *mac {
        context.view.verify(StaticMacBinding::TABLE, known.uuid, "mac");
        context.view.set(StaticMacBinding::TABLE, known.uuid, "mac", Datum::scalar(mac));
    }
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let port = command.required(0);
    get::<LogicalRouterPort>(context.view, port)?;
    let ip = address(command.required(1))?;
    match find(context, port, &ip)? {
        Some(binding) => context.view.delete(StaticMacBinding::TABLE, binding.uuid),
        None if command.has("--if-exists") => {}
        None => fail!("no matching Static_MAC_Binding with port {port} and ip {ip}"),
    }
    Ok(())
}

fn list(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    let bindings = context.view.rows::<StaticMacBinding>()?;
    let mut lines: Vec<(String, String)> = bindings
        .iter()
        .map(|binding| (format!("{:25}{:25}", binding.logical_port, binding.ip), binding.mac.to_string()))
        .collect();
    lines.sort();
    if !lines.is_empty() {
        context.print(format!("{:25}{:25}MAC", "LOGICAL_PORT", "IP"));
    }
    for (key, mac) in lines {
        context.print(key + &mac);
    }
    Ok(())
}

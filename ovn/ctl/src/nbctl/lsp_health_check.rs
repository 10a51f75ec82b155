//! `lsp-hc-add PORT PROTOCOL SOURCE-IP [PORT-NUMBER] ADDRESS`, `lsp-hc-del PORT [UUID]`, `lsp-hc-list PORT`: whether
//! what is behind a port answers.

use super::addresses::{normal_address, port_addresses, prefixes};
use super::rows::{detach, insert_under, port, prepare_named, rows};
use super::values::number;
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use crate::view::View;
use ovsdb::Uuid;
use schema::TypedRow;
use schema::nb::{LogicalSwitchPort, LogicalSwitchPortHealthCheck as HealthCheck};
use std::net::IpAddr;

const GROUP: &str = "Logical switch port health check commands";
const COLUMN: &str = "health_checks";

pub(super) const ADD: Verb = Verb {
    name: "lsp-hc-add",
    options: &[],
    parameters: &[
        Parameter::One("PORT"),
        Parameter::One("PROTOCOL"),
        Parameter::One("SOURCE-IP"),
        Parameter::One("[PORT-NUMBER]"),
        Parameter::Maybe("ADDRESS"),
    ],
    group: GROUP,
    help: "check ADDRESS behind PORT by 'icmp', or by 'tcp' or 'udp' at PORT-NUMBER",
    prepare,
    run: add,
};

pub(super) const DEL: Verb = Verb {
    name: "lsp-hc-del",
    options: &[],
    parameters: &[Parameter::One("PORT"), Parameter::Any("UUID")],
    group: GROUP,
    help: "delete a health check of PORT, or all",
    prepare,
    run: del,
};

pub(super) const LIST: Verb = Verb {
    name: "lsp-hc-list",
    options: &[],
    parameters: &[Parameter::One("PORT")],
    group: GROUP,
    help: "print the health checks of PORT",
    prepare,
    run: list,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<LogicalSwitchPort>(needs, &["type", "addresses", COLUMN]);
    needs.columns(HealthCheck::TABLE, &["protocol", "src_ip", "port", "address", "options"]);
    Ok(())
}

fn add(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let port = port(context.view, command.required(0))?;
    if !port.r#type.is_empty() {
        fail!("{}: Health check monitoring supported only for port with vif type.", port.r#type);
    }
    let source = command.required(2);
    let Some(source) = normal_address(source) else { fail!("{source}: Not a valid IPv4 or IPv6 address.") };
    let protocol = command.required(1);
    if !["icmp", "tcp", "udp"].contains(&protocol) {
        fail!("{protocol}: Type must be icmp, tcp, or udp.");
    }
    let mut rest = command.rest(3).iter().map(String::as_str);
    let mut destination = 0;
    if protocol != "icmp" {
        let Some(text) = rest.next() else { fail!("Destination port required for {protocol} health check.") };
        match number(text, 0..=u16::MAX.into()) {
            Some(number) => destination = number,
            None => fail!("{text}: port must in range 0...65535"),
        }
    }
    let Some(address) = rest.next() else { fail!("No addresses specified for health checking.") };
    check_address(&port, address)?;
    let check = HealthCheck {
        protocol: protocol.into(),
        src_ip: source.as_str().into(),
        port: destination,
        address: address.into(),
        ..Default::default()
    };
    let key = |check: &HealthCheck| {
        (check.src_ip.clone(), check.protocol.clone(), check.port, check.address.clone())
    };
    if checks(context.view, &port)?.iter().any(|known| key(known) == key(&check)) {
        fail!("Health check with address {address} already exists on port {}.", port.name);
    }
    context.view.verify(LogicalSwitchPort::TABLE, port.uuid, COLUMN);
    insert_under::<LogicalSwitchPort, _>(context, port.uuid, COLUMN, &check);
    Ok(())
}

/// The address, at most one of each version, must be behind the port.
fn check_address(port: &LogicalSwitchPort, text: &str) -> Result<(), Failure> {
    let wanted = prefixes(text);
    let is_host = |length: u32, address: IpAddr| length == if address.is_ipv4() { 32 } else { 128 };
    let of_one_version = |v4: bool| wanted.iter().filter(|wanted| wanted.address.is_ipv4() == v4).count();
    if wanted.is_empty()
        || of_one_version(true) > 1
        || of_one_version(false) > 1
        || !wanted.iter().all(|wanted| is_host(wanted.length, wanted.address))
    {
        fail!("Not a valid IPv4 or IPv6 address {text}.");
    }
    for known in &port.addresses {
        let Some(known) = port_addresses(known) else {
            fail!("Error extracting logical switch port address.")
        };
        if known.iter().any(|known| wanted.iter().any(|wanted| wanted.address == known.address)) {
            return Ok(());
        }
    }
    fail!("Address {text} not configured on port {}.", port.name)
}

fn checks(view: &View, port: &LogicalSwitchPort) -> Result<Vec<HealthCheck>, Failure> {
    rows(view, &port.health_checks)
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let port = port(context.view, command.required(0))?;
    let gone: Vec<Uuid> = match command.optional(1) {
        None => port.health_checks.iter().copied().collect(),
        Some(id) => {
            let Ok(uuid) = id.parse::<Uuid>() else { fail!("{id}: Invalid UUID format.") };
            if !context.view.contains(HealthCheck::TABLE, uuid) {
                fail!("{id}: Logical Switch Port Health Check not found.");
            }
            vec![uuid]
        }
    };
    for check in &gone {
        context.view.forget(HealthCheck::TABLE, *check);
    }
    detach::<LogicalSwitchPort>(context, port.uuid, COLUMN, gone);
    Ok(())
}

fn list(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let id = command.required(0);
    let port = port(context.view, id)?;
    let mut checks = checks(context.view, &port)?;
    let key = |check: &HealthCheck| {
        (check.src_ip.clone(), check.protocol.clone(), check.port, check.address.clone())
    };
    checks.sort_by_key(key);
    if !checks.is_empty() {
        context.print(format!("Logical Switch Port {id}:"));
    }
    for (place, check) in checks.iter().enumerate() {
        if place > 0 {
            context.print("");
        }
        context.print(format!("  Protocol      :  {}", check.protocol));
        context.print(format!("  Source IP     :  {}", check.src_ip));
        if *check.protocol != *"icmp" {
            context.print(format!("  Port          :  {}", check.port));
        }
        context.print(format!("  Address       :  {}", check.address));
        for (option, label) in OPTIONS {
            let value = check.options.get(option).and_then(|value| value.parse::<i32>().ok());
            if let Some(value) = value.filter(|value| *value != 0) {
                context.print(format!("  {label:14}:  {value}"));
            }
        }
    }
    Ok(())
}

/// Options that are printed, with the name they have there.
const OPTIONS: [(&str, &str); 4] = [
    ("interval", "Interval"),
    ("timeout", "Timeout"),
    ("success_count", "Success count"),
    ("failure_count", "Failure count"),
];

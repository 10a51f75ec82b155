//! `show [SWITCH|ROUTER]`: an overview of switches and routers.

use super::addresses::{ethernet, link_local};
use super::lrp_gateway_chassis::candidates;
use super::rows::find_row;
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Str;
use schema::nb::{GatewayChassis, LogicalRouter, LogicalRouterPort, LogicalSwitch, LogicalSwitchPort, Nat};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const SHOW: Verb = Verb {
    name: "show",
    options: &[],
    parameters: &[Parameter::Maybe("SWITCH|ROUTER")],
    group: "General commands",
    help: "print an overview of the database, or of SWITCH or ROUTER",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    needs.rows::<LogicalSwitch>();
    needs.rows::<LogicalSwitchPort>();
    needs.rows::<LogicalRouter>();
    needs.rows::<LogicalRouterPort>();
    needs.rows::<GatewayChassis>();
    needs.rows::<Nat>();
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let (switches, routers) = match command.optional(0) {
        Some(id) => {
            let switch = find_row::<LogicalSwitch>(context.view, id)?;
            (Vec::from_iter(switch), Vec::from_iter(find_row::<LogicalRouter>(context.view, id)?))
        }
        None => {
            let (mut switches, mut routers) =
                (context.view.rows::<LogicalSwitch>()?, context.view.rows::<LogicalRouter>()?);
            switches.sort_by(|a, b| (&a.name, a.uuid).cmp(&(&b.name, b.uuid)));
            routers.sort_by(|a, b| (&a.name, a.uuid).cmp(&(&b.name, b.uuid)));
            (switches, routers)
        }
    };
    for switch in switches {
        show_switch(context, &switch)?;
    }
    for router in routers {
        show_router(context, &router)?;
    }
    Ok(())
}

/// The name that Neutron has for a row.
fn alias(external_ids: &BTreeMap<Str, Str>, key: &str) -> String {
    let name = external_ids.get(key).filter(|name| !name.is_empty());
    name.map_or_else(String::new, |name| format!(" (aka {name})"))
}

fn show_switch(context: &mut Context<'_>, switch: &LogicalSwitch) -> Result<(), Failure> {
    let also = alias(&switch.external_ids, "neutron:network_name");
    context.print(format!("switch {} ({}){also}", switch.uuid, switch.name));
    for port in &switch.ports {
        let Some(port) = context.view.row::<LogicalSwitchPort>(*port)? else { continue };
        context.print(format!("    port {}{}", port.name, alias(&port.external_ids, "neutron:port_name")));
        if !port.r#type.is_empty() {
            context.print(format!("        type: {}", port.r#type));
        }
        if let Some(parent) = &port.parent_name {
            context.print(format!("        parent: {parent}"));
        }
        if let Some(tag) = port.tag {
            context.print(format!("        tag: {tag}"));
        }
        // The addresses of a router's side are those of the router port named below.
        let is_routers = port.addresses.iter().map(|address| &**address).eq(["router"]);
        if !port.addresses.is_empty() && !is_routers {
            context.print(format!("        addresses: {}", quoted(&port.addresses)));
        }
        if let Some(router_port) = port.options.get("router-port") {
            context.print(format!("        router-port: {router_port}"));
        }
        if let Some(peer) = &port.peer {
            context.print(format!("        peer: {peer}"));
        }
    }
    Ok(())
}

fn show_router(context: &mut Context<'_>, router: &LogicalRouter) -> Result<(), Failure> {
    let also = alias(&router.external_ids, "neutron:router_name");
    context.print(format!("router {} ({}){also}", router.uuid, router.name));
    for port in &router.ports {
        let Some(port) = context.view.row::<LogicalRouterPort>(*port)? else { continue };
        context.print(format!("    port {}", port.name));
        context.print(format!("        mac: \"{}\"", port.mac));
        let link_local = link_local(ethernet(&port.mac).unwrap_or_default());
        context.print(format!("        ipv6-lla: \"{link_local}\""));
        if !port.networks.is_empty() {
            context.print(format!("        networks: {}", quoted(&port.networks)));
        }
        if let Some(table) = port.options.get("route_table") {
            context.print(format!("        route-table: {table}"));
        }
        let chassis = candidates(context.view, &port)?;
        if !chassis.is_empty() {
            let names: Vec<&str> = chassis.iter().map(|chassis| &*chassis.chassis_name).collect();
            context.print(format!("        gateway chassis: [{}]", names.join(" ")));
        }
        if let Some(peer) = &port.peer {
            context.print(format!("        peer: {peer}"));
        }
    }
    for nat in &router.nat {
        let Some(nat) = context.view.row::<Nat>(*nat)? else { continue };
        context.print(format!("    nat {}", nat.uuid));
        context.print(format!("        external ip: \"{}\"", nat.external_ip));
        if !nat.external_port_range.is_empty() {
            context.print(format!("        external port(s): \"{}\"", nat.external_port_range));
        }
        context.print(format!("        logical ip: \"{}\"", nat.logical_ip));
        context.print(format!("        type: \"{}\"", nat.r#type));
    }
    Ok(())
}

/// `["a", "b"]`.
fn quoted(texts: &BTreeSet<Str>) -> String {
    let texts: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
    format!("[{}]", texts.join(", "))
}

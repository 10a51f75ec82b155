//! `fwd-group-add GROUP SWITCH VIP VMAC PORT...`, `fwd-group-del GROUP`, `fwd-group-list [SWITCH]`: ports that share a
//! virtual address.

use super::addresses::ethernet;
use super::rows::{
    detach, find, find_port, insert_under, name_of, prepare_named, prepare_ports, switch, switch_of,
};
use super::values::cut;
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use crate::view::{View, references};
use ovsdb::Uuid;
use schema::TypedRow;
use schema::nb::{ForwardingGroup, LogicalSwitch};
use std::net::Ipv4Addr;

const GROUP: &str = "Forwarding group commands";
const COLUMN: &str = "forwarding_groups";

pub(super) const ADD: Verb = Verb {
    name: "fwd-group-add",
    options: &[("--liveness", Argument::None)],
    parameters: &[
        Parameter::One("GROUP"),
        Parameter::One("SWITCH"),
        Parameter::One("VIP"),
        Parameter::One("VMAC"),
        Parameter::Any("PORT"),
    ],
    group: GROUP,
    help: "share what goes to VIP and VMAC on SWITCH among ports, with --liveness among those that are up",
    prepare,
    run: add,
};

pub(super) const DEL: Verb = Verb {
    name: "fwd-group-del",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("GROUP")],
    group: GROUP,
    help: "delete a forwarding group",
    prepare,
    run: del,
};

pub(super) const LIST: Verb = Verb {
    name: "fwd-group-list",
    options: &[],
    parameters: &[Parameter::Maybe("SWITCH")],
    group: GROUP,
    help: "print forwarding groups: those of SWITCH, or all",
    prepare,
    run: list,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_ports(needs, &[]);
    needs.columns(LogicalSwitch::TABLE, &[COLUMN]);
    prepare_named::<ForwardingGroup>(needs, &["child_port", "vip", "vmac"]);
    Ok(())
}

/// The switch of the first port of a group, which stands for that of the group.
fn switch_of_group(view: &View, group: &ForwardingGroup) -> Result<Option<Uuid>, Failure> {
    let Some(port) = group.child_port.first() else { return Ok(None) };
    Ok(find_port(view, port)?.and_then(|port| switch_of(view, port.uuid)))
}

fn add(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let [name, switch_id, vip, vmac] = [0, 1, 2, 3].map(|place| command.required(place));
    let ports = command.rest(4);
    if ports.is_empty() {
        fail!("Usage : ovn-nbctl fwd-group-add group switch vip vmac child_ports...");
    }
    if find::<ForwardingGroup>(context.view, name)?.is_some() {
        fail!("{name}: a forwarding group by this name already exists");
    }
    let switch = switch(context.view, switch_id)?;
    if vip.parse::<Ipv4Addr>().is_err() {
        fail!("invalid ip address {vip}");
    }
    if ethernet(vmac).is_none() {
        fail!("invalid mac address {vmac}");
    }
    for port in ports {
        let Some(found) = find_port(context.view, port)? else {
            fail!("{port}: logical switch port does not exist");
        };
        let other = switch_of(context.view, found.uuid);
        let other = other.map_or_else(String::new, |other| name_of::<LogicalSwitch>(context.view, other));
        if other != switch_id {
            fail!("{port}: port already exists but in logical switch {other}");
        }
    }
    let group = ForwardingGroup {
        name: name.into(),
        vip: vip.into(),
        vmac: vmac.into(),
        child_port: ports.iter().map(|port| port.as_str().into()).collect(),
        liveness: command.has("--liveness"),
        ..Default::default()
    };
    insert_under::<LogicalSwitch, _>(context, switch, COLUMN, &group);
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let found = find::<ForwardingGroup>(context.view, command.required(0))?;
    let Some(group) = found.map(|uuid| context.view.row::<ForwardingGroup>(uuid)).transpose()?.flatten()
    else {
        return Ok(());
    };
    let Some(switch) = switch_of_group(context.view, &group)? else { return Ok(()) };
    let groups = references(&context.view.value(LogicalSwitch::TABLE, switch, COLUMN));
    let same = |other: &Uuid| name_of::<ForwardingGroup>(context.view, *other) == *group.name;
    if let Some(group) = groups.into_iter().find(same) {
        detach::<LogicalSwitch>(context, switch, COLUMN, [group]);
        context.view.forget(ForwardingGroup::TABLE, group);
    }
    Ok(())
}

fn list(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let only = command.optional(0);
    only.map(|id| switch(context.view, id)).transpose()?;
    context.print(format!("{:16}{:14}{:16}{:22}CHILD_PORTS", "FWD_GROUP", "LS", "VIP", "VMAC"));
    for group in context.view.rows::<ForwardingGroup>()? {
        let Some(switch) = switch_of_group(context.view, &group)? else { continue };
        let switch = name_of::<LogicalSwitch>(context.view, switch);
        if only.is_some_and(|only| only != switch) {
            continue;
        }
        let (name, switch) = (cut(&group.name, 16), cut(&switch, 18));
        let (vip, vmac) = (cut(&group.vip, 16), cut(&group.vmac, 18));
        let ports: String = group.child_port.iter().map(|port| format!(" {port}")).collect();
        context.print(format!("{name:16}{switch:14}{vip:15}{vmac:9}     {ports}"));
    }
    Ok(())
}

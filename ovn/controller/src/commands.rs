//! The commands of the control socket, as functions of the core: words in, text out.
//!
//! Those of upstream's ovn-controller, as far as they mean something here, with its words. There is no other way to
//! compute than by units, so what upstream calls a recomputation is a check here: every unit runs again, and the
//! result is compared.

use openflow::{GroupDesc, GroupId, GroupKind, MeterId};
use std::fmt::Write as _;

use crate::compile::Group;
use crate::controller::Controller;
use crate::events::Link;
use crate::model::PortKind;

/// Name, usage, fewest and most arguments of each command.
pub const COMMANDS: &[(&str, &str, usize, usize)] = &[
    ("connection-status", "", 0, 0),
    ("coverage/read-counter", "COUNTER", 1, 1),
    ("ct-zone-list", "", 0, 0),
    ("debug/dump-local-bindings", "", 0, 0),
    ("debug/dump-local-datapaths", "", 0, 0),
    ("debug/dump-local-template-vars", "", 0, 0),
    ("debug/dump-related-ports", "", 0, 0),
    ("debug/ignore-startup-delay", "", 0, 0),
    ("debug/pause", "", 0, 0),
    ("debug/resume", "", 0, 0),
    ("debug/status", "", 0, 0),
    ("flush-lflow-cache", "", 0, 0),
    ("group-table-list", "", 0, 0),
    ("inc-engine/clear-stats", "", 0, 0),
    ("inc-engine/compute-log-timeout", "MSECS", 1, 1),
    ("inc-engine/recompute", "", 0, 0),
    ("inc-engine/show-stats", "[ENGINE_NODE] [COUNTER]", 0, 2),
    ("lflow-cache/flush", "", 0, 0),
    ("lflow-cache/show-stats", "", 0, 0),
    ("meter-table-list", "", 0, 0),
    ("recompute", "", 0, 0),
    ("sb-cluster-state-reset", "", 0, 0),
];

/// Runs a command.
///
/// # Errors
/// Words for whoever gave it: an argument that does not fit, or a command that is none.
pub fn run(controller: &mut Controller, name: &str, args: &[&str]) -> Result<String, String> {
    let nothing = Ok(String::new());
    match (name, args) {
        ("connection-status", []) => {
            let is_connected = controller.connected.get(&Link::Southbound) == Some(&true);
            Ok(if is_connected { "connected\n" } else { "not connected\n" }.to_owned())
        }
        ("debug/status", []) => Ok(if controller.is_paused() { "paused\n" } else { "running\n" }.to_owned()),
        ("debug/pause" | "debug/resume", []) => {
            controller.pause(name == "debug/pause");
            nothing
        }
        ("ct-zone-list", []) => Ok(zones(controller)),
        ("debug/dump-local-bindings", []) => Ok(local_bindings(controller)),
        ("debug/dump-local-datapaths", []) => Ok(local_datapaths(controller)),
        ("debug/dump-related-ports", []) => Ok(related_ports(controller)),
        ("debug/dump-local-template-vars", []) => Ok(local_variables(controller)),
        ("inc-engine/show-stats", args) => controller.inputs.engine.stats().show(args),
        ("inc-engine/clear-stats", []) => {
            controller.inputs.engine.clear_stats();
            nothing
        }
        ("recompute" | "inc-engine/recompute", []) => check(controller),
        ("coverage/read-counter", [counter]) => read_counter(controller, counter),
        ("group-table-list", []) => Ok(groups(controller)),
        ("meter-table-list", []) => Ok(meters(controller)),
        ("lflow-cache/show-stats", []) => Ok(cache(controller)),
        // Nothing is kept between computations, there is no delay at the start,
        // and no computation is long enough to be logged for it.
        ("flush-lflow-cache" | "lflow-cache/flush", [])
        | ("debug/ignore-startup-delay" | "sb-cluster-state-reset", [])
        | ("inc-engine/compute-log-timeout", [_]) => nothing,
        (name, _) => Err(format!("\"{name}\" is not a valid command, or not with these arguments")),
    }
}

fn zones(controller: &Controller) -> String {
    let mut text = String::new();
    for (name, zone) in controller.inputs.zones.by_name() {
        let _ = writeln!(text, "{name} {zone}");
    }
    text
}

/// What each group of the switch is, with its number.
fn groups(controller: &Controller) -> String {
    let describe = |(group, what): (GroupId, &Group)| {
        let (buckets, selection) = (what.buckets.clone(), Some(what.selection.clone()));
        let text = GroupDesc { group, kind: GroupKind::Select, buckets, selection }.to_string();
        let (_, text) = text.split_once(',').unwrap_or_default();
        format!("{text}: {}\n", group.0)
    };
    let mut lines: Vec<String> = controller.flows.groups.in_switch().map(describe).collect();
    lines.sort();
    lines.concat()
}

/// The meters that flows name, with their numbers.
fn meters(controller: &Controller) -> String {
    let numbers = controller.inputs.network.numbers_of_meters.borrow();
    let line = |(number, _): (MeterId, _)| Some(format!("{}: {}\n", numbers.name(number)?, number.0));
    let mut lines: Vec<String> = controller.flows.meters.wanted().filter_map(line).collect();
    lines.sort();
    lines.concat()
}

/// What of the logical flows of the last computation was parsed once for several. Nothing is kept afterwards, so what
/// there is of memory is that of the results.
fn cache(controller: &Controller) -> String {
    let stats = controller.inputs.network.parsed.borrow().last();
    let flows = controller.flows.len();
    let octets = controller.flows.memory();
    format!(
        "Enabled: true\nactions         : {}\naction hits     : {}\nmatches         : {}\nmatch hits      : {}\n\
         OpenFlow flows  : {flows}\nMem usage (KB)  : {}\nbytes per flow  : {}\n",
        stats.actions,
        stats.action_hits,
        stats.matches,
        stats.match_hits,
        octets / 1024,
        octets.checked_div(flows).unwrap_or(0),
    )
}

/// Each interface of a port with the ports that share it.
fn local_bindings(controller: &Controller) -> String {
    let mut text = String::from("Local bindings:\n");
    let mut claimed: Vec<_> = controller.inputs.claimed().collect();
    claimed.sort_by_key(|(port, _)| port.name.clone());
    for (port, local) in claimed.iter().filter(|(port, _)| port.kind == PortKind::Vif) {
        let interface = controller.vswitch_rows.interface.get(&local.interface);
        let children = claimed.iter().filter(|(child, other)| {
            matches!(child.kind, PortKind::Container { .. }) && other.interface == local.interface
        });
        let children: Vec<_> = children.collect();
        let (name, device) = (&port.name, interface.map(|row| &*row.name).unwrap_or_default());
        let count = 1 + children.len();
        let _ = writeln!(
            text,
            "name: [{name}], OVS interface name : [{device}], num binding lports : [{count}]\nprimary lport : [{name}]"
        );
        for (i, (child, _)) in children.iter().enumerate() {
            let _ = writeln!(text, "child lport[{}] : [{}], type : [CONTAINER]", i + 1, child.name);
        }
        text.push_str("----------------------------------------\n");
    }
    text
}

fn local_datapaths(controller: &Controller) -> String {
    let net = &controller.inputs.network;
    let mut text = String::from("Local datapaths:\n");
    let local = net.local_datapaths.peek_all().filter_map(|(row, ())| net.datapaths.peek(row));
    let mut local: Vec<_> = local.map(|datapath| (datapath.name.clone(), datapath)).collect();
    local.sort_by_key(|(name, datapath)| (name.clone(), datapath.key));
    for (name, datapath) in local {
        let kind = match datapath.kind {
            lflow::DatapathKind::Switch => "switch",
            lflow::DatapathKind::Router => "router",
        };
        let _ = writeln!(text, "Datapath: {name}, type: {kind}");
    }
    text
}

/// The variables of this chassis.
fn local_variables(controller: &Controller) -> String {
    let mut text = String::from("Local template vars:\n");
    for (name, value) in controller.inputs.variables() {
        let _ = writeln!(text, "name: '{name}' value: '{value}'");
    }
    text
}

/// Ports whose flows matter here.
fn related_ports(controller: &Controller) -> String {
    let net = &controller.inputs.network;
    let related = net
        .locals
        .peek_all()
        .filter_map(|(row, _)| net.ports.peek(row))
        .filter_map(|port| Some(format!("{}_{}", net.datapaths.peek(&port.datapath)?.key, port.key)));
    let mut related: Vec<String> = related.collect();
    related.sort();
    std::iter::once("Related lports:".to_owned())
        .chain(related)
        .fold(String::new(), |text, line| text + &line + "\n")
}

fn check(controller: &Controller) -> Result<String, String> {
    match &controller.inputs.engine.check(&controller.inputs.network)[..] {
        [] => Ok(String::new()),
        wrong => Err(format!("units that read something untracked: {wrong:?}")),
    }
}

/// The counters that scripts read, by upstream's names.
fn read_counter(controller: &Controller, counter: &str) -> Result<String, String> {
    let stats = controller.inputs.engine.stats();
    let runs =
        |kinds: &[&str]| kinds.iter().filter_map(|kind| stats.kinds.get(kind)).map(|c| c.runs).sum::<u64>();
    match counter {
        // Nothing is ever computed as a whole.
        "lflow_run" | "physical_run" => Ok("0\n".to_owned()),
        "consider_logical_flow" => Ok(format!("{}\n", runs(&["logical_flow", "logical_flow_on"]))),
        "lflow_conj_free_unexpected" | "poll_zero_timeout" => Ok("0\n".to_owned()),
        "packets_malformed" => Ok(format!("{}\n", controller.pinctrl.counters.malformed)),
        "packets_over_budget" => Ok(format!("{}\n", controller.pinctrl.counters.over_budget)),
        // How often the rows of one kind that we write were compared with what they should be: of our own.
        other => {
            let planned = |(name, _): &(&str, u64)| other.strip_prefix("plan_") == Some(*name);
            match controller.plans().find(planned) {
                Some((_, plans)) => Ok(format!("{plans}\n")),
                None => Err(format!("No such counter: {other}")),
            }
        }
    }
}

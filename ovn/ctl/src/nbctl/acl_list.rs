//! `acl-list SWITCH|PORT-GROUP`.

use super::acl::{self, GROUP, Owner, is_after_lb, order};
use super::rows::{name_of, prepare_ports};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use crate::view::references;
use schema::TypedRow;
use schema::nb::{Acl, LogicalSwitch, NetworkFunctionGroup, PortGroup};

pub(super) const ACL_LIST: Verb = Verb {
    name: "acl-list",
    options: &[("--all", Argument::None), ("--type", Argument::Required)],
    parameters: &[Parameter::One("SWITCH|PORT-GROUP")],
    group: GROUP,
    help: "print the rules of SWITCH or PORT-GROUP; with --all those of the groups of its ports too",
    prepare,
    run,
};

fn prepare(command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    acl::prepare(command, needs)?;
    needs.columns(
        Acl::TABLE,
        &["action", "log", "name", "severity", "meter", "label", "network_function_group"],
    );
    if command.has("--all") {
        prepare_ports(needs, &[]);
        needs.columns(PortGroup::TABLE, &["ports"]);
    }
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let owner = Owner::of(context, command)?;
    print(context, owner, None)?;
    let Owner::Switch(switch) = owner else { return Ok(()) };
    if !command.has("--all") {
        return Ok(());
    }
    let ports = references(&context.view.value(LogicalSwitch::TABLE, switch, "ports"));
    let mut groups = context.view.rows::<PortGroup>()?;
    groups.retain(|group| !group.ports.is_disjoint(&ports));
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    for group in groups {
        print(context, Owner::PortGroup(group.uuid), Some(&group.name))?;
    }
    Ok(())
}

/// Prints the rules of a switch or port group, which is named where it was not asked for by name.
fn print(context: &mut Context<'_>, owner: Owner, name: Option<&str>) -> Result<(), Failure> {
    let mut rules = owner.rules(context)?;
    rules.sort_by(order);
    // A database of before there were tiers has nothing to say of them.
    let has_tiers = context.served.column(Acl::TABLE, "tier");
    for acl in rules {
        let mut line = format!("{:>10} {:>5} ({}) {}", acl.direction, acl.priority, acl.r#match, acl.action);
        if let Some(group) = acl.network_function_group {
            let group = name_of::<NetworkFunctionGroup>(context.view, group);
            line.push_str(&format!(" network-function-group={group}"));
        }
        if acl.log {
            line.push_str(&logging(&acl));
        }
        if acl.label != 0 {
            line.push_str(&format!(" label={}", acl.label));
        }
        if has_tiers {
            line.push_str(&format!(" [tier {}]", acl.tier));
        }
        if is_after_lb(&acl) {
            line.push_str(" [after-lb]");
        }
        if let Some(name) = name {
            line.push_str(&format!(" [{name}]"));
        }
        context.print(line);
    }
    Ok(())
}

/// How packets that a rule decides are logged.
fn logging(acl: &Acl) -> String {
    let name = acl.name.as_ref().map(|name| format!("name={name}"));
    let severity = acl.severity.as_ref().map(|severity| format!("severity={severity}"));
    let meter = acl.meter.as_ref().map(|meter| format!("meter=\"{meter}\""));
    let parts: Vec<String> = [name, severity, meter].into_iter().flatten().collect();
    format!(" log({})", parts.join(","))
}

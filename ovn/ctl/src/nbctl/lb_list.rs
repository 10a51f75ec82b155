//! `lb-list [LB]`, and the list of load balancers that other verbs print too.

use super::lb_add::GROUP;
use super::rows::prepare_named;
use super::values::cut;
use super::vips::Endpoint;
use crate::Failure;
use crate::cli::Command;
use crate::context::{Context, LogModule};
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use schema::nb::LoadBalancer;

pub(super) const LB_LIST: Verb = Verb {
    name: "lb-list",
    options: &[],
    parameters: &[Parameter::Maybe("LB")],
    group: GROUP,
    help: "print load balancers: those named LB, or all",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_list(needs);
    Ok(())
}

/// Asks for what is printed of load balancers.
pub(super) fn prepare_list(needs: &mut Needs) {
    prepare_named::<LoadBalancer>(needs, &["options", "protocol", "vips"]);
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let mut balancers = context.view.rows::<LoadBalancer>()?;
    balancers.retain(|balancer| command.optional(0).is_none_or(|name| *balancer.name == *name));
    print(context, balancers);
    Ok(())
}

/// How many characters of a name and of a protocol are printed.
const NAME_LEN: usize = 16;
const PROTOCOL_LEN: usize = 7;

/// Prints load balancers, sorted by name.
pub(super) fn print(context: &mut Context<'_>, mut balancers: Vec<LoadBalancer>) {
    let vips = balancers.iter().flat_map(|balancer| balancer.vips.keys());
    let width = vips.map(|vip| vip.len()).max().unwrap_or(0) + 4;
    balancers.retain(|balancer| !balancer.vips.is_empty());
    balancers.sort_by(|a, b| (cut(&a.name, NAME_LEN), a.uuid).cmp(&(cut(&b.name, NAME_LEN), b.uuid)));
    if !balancers.is_empty() {
        context.print(format!("{:40}{:20}{:11}{:width$}IPs", "UUID", "LB", "PROTO", cut("VIP", width - 4)));
    }
    for balancer in balancers {
        let mut lines = Vec::new();
        for (place, (vip, backends)) in balancer.vips.iter().enumerate() {
            let Some(protocol) = protocol(context, &balancer, vip) else { continue };
            let start = match place {
                0 => format!("{}    {:20}", balancer.uuid, cut(&balancer.name, NAME_LEN)),
                _ => format!("{:60}", ""),
            };
            // The first one may be missing, but not the end of its line.
            if place > 0 && lines.is_empty() {
                lines.push(String::new());
            }
            lines.push(format!("{start}{:11}{vip:width$}{backends}", cut(&protocol, PROTOCOL_LEN)));
        }
        context.print(lines.join("\n"));
    }
}

/// What is printed as the protocol of a virtual address; nothing if it is not to be printed.
fn protocol(context: &mut Context<'_>, balancer: &LoadBalancer, vip: &str) -> Option<String> {
    let is_template =
        balancer.options.get("template").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let protocol = balancer.protocol.as_ref().map(ToString::to_string);
    if !is_template {
        let has_port = Endpoint::parse(context, vip)?.port != 0;
        // Upstream's library prints a missing text so.
        return Some(if has_port { protocol.unwrap_or_else(|| "(null)".to_owned()) } else { String::new() });
    }
    if protocol.is_none() {
        let (uuid, name) = (balancer.uuid, &balancer.name);
        let text = format!("Load Balancer {uuid} ({name}) is a template and misses protocol");
        context.warn(LogModule::Nbctl, text);
    }
    protocol
}

//! `lr-policy-add ROUTER PRIORITY MATCH ACTION [NEXTHOP[,NEXTHOP]...|CHAIN] [KEY=VALUE]...`.

use super::addresses::normal_address;
use super::lrp_networks;
use super::policies::{COLUMN, GROUP, chain, policies};
use super::rows::{find, get, insert_under, prepare_named};
use super::values::priority;
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::{Str, Uuid};
use schema::TypedRow;
use schema::nb::{Bfd, LogicalRouter, LogicalRouterPolicy as Policy, LogicalRouterPort};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const LR_POLICY_ADD: Verb = Verb {
    name: "lr-policy-add",
    options: &[
        ("--bfd", Argument::Optional),
        ("--chain", Argument::Required),
        ("--may-exist", Argument::None),
        ("--output-port", Argument::Required),
    ],
    parameters: &[
        Parameter::One("ROUTER"),
        Parameter::One("PRIORITY"),
        Parameter::One("MATCH"),
        Parameter::One("ACTION"),
        Parameter::Any("NEXTHOP[,NEXTHOP]...|CHAIN|KEY=VALUE"),
    ],
    group: GROUP,
    help: "add a policy to ROUTER: 'allow', 'drop', 'reroute' to NEXTHOP or 'jump' to CHAIN",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    super::policies::prepare(needs);
    needs.columns(LogicalRouter::TABLE, &["ports"]);
    prepare_named::<LogicalRouterPort>(needs, &["mac", "networks"]);
    needs.columns(Bfd::TABLE, &["dst_ip", "logical_port"]);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let router = get::<LogicalRouter>(context.view, command.required(0))?;
    let priority = priority(command.required(1))?;
    let (matching, action) = (command.required(2), command.required(3));
    let (is_reroute, is_jump) = (action == "reroute", action == "jump");
    check_action(command, action)?;
    let wanted_chain = command.option("--chain");
    let is_same = |known: &Policy| {
        known.priority == priority
            && *known.r#match == *matching
            && chain(known) == wanted_chain.unwrap_or_default()
    };
    if policies(context.view, router)?.iter().any(is_same) {
        if command.has("--may-exist") {
            return Ok(());
        }
        fail!("Same routing policy already existed on the logical router {}.", command.required(0));
    }
    let hops = if is_reroute { nexthops(command.required(4))? } else { Vec::new() };
    let mut policy = Policy {
        priority,
        r#match: matching.into(),
        action: action.into(),
        chain: wanted_chain.map(Into::into),
        jump_chain: is_jump.then(|| command.required(4).into()),
        nexthops: hops.iter().map(|hop| hop.as_str().into()).collect(),
        output_port: output_port(context, command, &hops)?,
        options: options(command.rest(if is_reroute || is_jump { 5 } else { 4 }))?,
        ..Default::default()
    };
    if command.has("--bfd") {
        if !is_reroute {
            fail!("BFD is valid only with reroute action.");
        }
        policy.bfd_sessions = sessions(context, router, &hops)?;
    }
    insert_under::<LogicalRouter, _>(context, router, COLUMN, &policy);
    Ok(())
}

fn check_action(command: &Command, action: &str) -> Result<(), Failure> {
    let has_argument = command.optional(4).is_some();
    match action {
        "reroute" if !has_argument => fail!("Nexthop is required when action is reroute."),
        "reroute" => Ok(()),
        "allow" | "drop" | "jump" if command.has("--output-port") => {
            fail!("Specifying output-port is only allowed for reroute policies.")
        }
        "jump" if !has_argument => fail!("Chain name is required when action is jump."),
        "allow" | "drop" | "jump" => Ok(()),
        _ => fail!("{action}: action must be one of \"allow\", \"drop\", \"reroute\", \"jump\""),
    }
}

/// The next hops of a text with commas between them, all of one version.
fn nexthops(text: &str) -> Result<Vec<String>, Failure> {
    let mut hops: Vec<String> = Vec::new();
    for word in text.split(',').filter(|word| !word.is_empty()) {
        let Some(hop) = normal_address(word) else { fail!("bad next hop argument: {text}") };
        if hops.first().is_some_and(|first| first.contains('.') != hop.contains('.')) {
            fail!("bad next hops argument, not in the same addr family : {text}");
        }
        hops.push(hop);
    }
    Ok(hops)
}

fn output_port(context: &Context<'_>, command: &Command, hops: &[String]) -> Result<Option<Uuid>, Failure> {
    let Some(id) = command.option("--output-port") else { return Ok(None) };
    if hops.len() != 1 {
        fail!("output-port option is supported only for policies with a single reroute next hop");
    }
    let port = find::<LogicalRouterPort>(context.view, id)?;
    if port.is_none() {
        fail!("unknown output-port: {id}");
    }
    Ok(port)
}

fn options(texts: &[String]) -> Result<BTreeMap<Str, Str>, Failure> {
    let mut options = BTreeMap::new();
    for text in texts {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        if value.is_empty() {
            fail!("No value specified for the option : {key}");
        }
        options.insert(key.into(), value.into());
    }
    Ok(options)
}

/// The BFD sessions with the next hops; those that are missing are made.
fn sessions(context: &mut Context<'_>, router: Uuid, hops: &[String]) -> Result<BTreeSet<Uuid>, Failure> {
    let ports = lrp_networks::ports(context.view, router)?;
    let mut sessions = BTreeSet::new();
    for hop in hops {
        let Some(port) = ports.iter().find(|port| lrp_networks::reaches(port, hop)) else {
            fail!("out lrp not found for {hop} nexthop");
        };
        let is_known = |session: &Bfd| *session.dst_ip == **hop && session.logical_port == port.name;
        let known = context.view.rows::<Bfd>()?.into_iter().find(is_known);
        sessions.insert(known.map_or_else(
            || {
                let uuid = context.fresh();
                let session = Bfd {
                    dst_ip: hop.as_str().into(),
                    logical_port: port.name.clone(),
                    ..Default::default()
                };
                context.view.insert_row(uuid, &session)
            },
            |known| known.uuid,
        ));
    }
    Ok(sessions)
}

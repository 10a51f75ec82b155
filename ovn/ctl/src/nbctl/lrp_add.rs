//! `lrp-add ROUTER PORT MAC [NETWORK]... [COLUMN[:KEY]=VALUE]...`.

use super::LRP;
use super::addresses::{Cidr, ethernet, normal_prefix};
use super::rows::{find_row, get, insert_under, name_or_uuid, owner, prepare_datapaths, prepare_named};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::generic::set_column;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::Uuid;
use schema::TypedRow;
use schema::nb::{LogicalRouter, LogicalRouterPort};
use std::collections::BTreeSet;

pub(super) const LRP_ADD: Verb = Verb {
    name: "lrp-add",
    options: &[("--may-exist", Argument::None)],
    parameters: &[
        Parameter::One("ROUTER"),
        Parameter::One("PORT"),
        Parameter::One("MAC"),
        Parameter::Any("NETWORK|COLUMN[:KEY]=VALUE"),
    ],
    group: LRP,
    help: "add PORT to ROUTER, with its Ethernet address and networks",
    prepare,
    run,
};

/// The arguments in their parts.
struct Wanted<'a> {
    name: &'a str,
    mac: &'a str,
    networks: &'a [String],
    settings: &'a [String],
}

impl<'a> Wanted<'a> {
    fn of(command: &'a Command) -> Self {
        let rest = command.rest(3);
        let (networks, settings) =
            rest.split_at(rest.iter().position(|word| word.contains('=')).unwrap_or(rest.len()));
        Self { name: command.required(1), mac: command.required(2), networks, settings }
    }
}

fn prepare(command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_datapaths::<LogicalRouter>(needs);
    prepare_named::<LogicalRouterPort>(needs, &["mac", "networks", "peer"]);
    // Settings may name any column; what is wrong with them is said when it is their turn.
    if !Wanted::of(command).settings.is_empty() {
        needs.rows::<LogicalRouterPort>();
    }
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let router = get::<LogicalRouter>(context.view, command.required(0))?;
    let wanted = Wanted::of(command);
    let Wanted { name, mac, networks, settings } = wanted;
    if ethernet(mac).is_none() {
        fail!("{name}: invalid mac address {mac}");
    }
    if let Some(port) = find_row::<LogicalRouterPort>(context.view, name)? {
        if !command.has("--may-exist") {
            fail!("{name}: a port with this name already exists");
        }
        return check_same(context, &port, router, &wanted);
    }
    if let Some(network) = networks.iter().find(|network| Cidr::parse(network).is_none()) {
        fail!("{name}: invalid network address: {network}");
    }
    let port = LogicalRouterPort {
        name: name.into(),
        mac: mac.into(),
        networks: networks.iter().map(|network| network.as_str().into()).collect(),
        ..Default::default()
    };
    let port = insert_under::<LogicalRouter, _>(context, router, "ports", &port);
    for setting in settings {
        set_column(context, LogicalRouterPort::TABLE, port, setting)?;
    }
    Ok(())
}

/// Whether the port that exists is the one asked for.
fn check_same(
    context: &Context<'_>,
    port: &LogicalRouterPort,
    router: Uuid,
    wanted: &Wanted<'_>,
) -> Result<(), Failure> {
    let name = wanted.name;
    match owner::<LogicalRouter>(context.view, port.uuid) {
        Some(other) if other != router => {
            let other = name_or_uuid::<LogicalRouter>(context.view, other);
            fail!("{name}: port already exists but in router {other}")
        }
        Some(_) | None => {}
    }
    if ethernet(&port.mac).unwrap_or_default() != ethernet(wanted.mac).unwrap_or_default() {
        fail!("{name}: port already exists with mac {}", port.mac);
    }
    let Some(networks) = normal(wanted.networks.iter().map(String::as_str)) else {
        fail!("{name}: Invalid networks configured");
    };
    let Some(known) = normal(port.networks.iter().map(|network| &**network)) else {
        fail!("{name}: Existing port has invalid networks configured");
    };
    if networks != known {
        fail!("{name}: port already exists with different network");
    }
    let peer = wanted.settings.iter().find_map(|setting| setting.strip_prefix("peer="));
    if peer != port.peer.as_deref() {
        fail!("{name}: port already exists with mismatching peer");
    }
    Ok(())
}

/// The networks in their one form; nothing if one is no network.
fn normal<'a>(networks: impl Iterator<Item = &'a str>) -> Option<BTreeSet<String>> {
    networks.map(normal_prefix).collect()
}

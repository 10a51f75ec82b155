//! `lr-nat-add ROUTER TYPE EXTERNAL-IP LOGICAL-IP [LOGICAL-PORT EXTERNAL-MAC] [EXTERNAL-PORT-RANGE]`.

use super::addresses::{Cidr, ethernet, normal_address, normal_prefix};
use super::lrp_networks;
use super::nat::{COLUMN, GROUP, Type, nats};
use super::rows::{get, get_row, insert_under, port, prepare_named};
use super::values::priority;
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use ovsdb::{Datum, Uuid};
use schema::TypedRow;
use schema::nb::{LogicalRouter, LogicalRouterPort, LogicalSwitchPort, Nat};
use std::collections::BTreeMap;
use std::net::IpAddr;

pub(super) const LR_NAT_ADD: Verb = Verb {
    name: "lr-nat-add",
    options: &[
        ("--add-route", Argument::None),
        ("--gateway-port", Argument::Required),
        ("--match", Argument::Required),
        ("--may-exist", Argument::None),
        ("--portrange", Argument::None),
        ("--priority", Argument::Required),
        ("--stateless", Argument::None),
    ],
    parameters: &[
        Parameter::One("ROUTER"),
        Parameter::One("TYPE"),
        Parameter::One("EXTERNAL-IP"),
        Parameter::One("LOGICAL-IP"),
        Parameter::Maybe("LOGICAL-PORT"),
        Parameter::Maybe("EXTERNAL-MAC"),
        Parameter::Maybe("EXTERNAL-PORT-RANGE"),
    ],
    group: GROUP,
    help: "add a translation to ROUTER, of TYPE 'dnat', 'snat' or 'dnat_and_snat'",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    super::nat::prepare(needs);
    needs.columns(LogicalRouter::TABLE, &["ports"]);
    prepare_named::<LogicalSwitchPort>(needs, &[]);
    let columns = ["mac", "networks", "gateway_chassis", "ha_chassis_group"];
    prepare_named::<LogicalRouterPort>(needs, &columns);
    Ok(())
}

/// The translation that the command describes.
struct Wanted<'a> {
    ty: Type,
    external_ip: String,
    logical_ip: String,
    /// Where the translation is distributed: the logical port and the Ethernet address it answers with.
    distributed: Option<(&'a str, &'a str)>,
    port_range: Option<&'a str>,
    is_stateless: bool,
    matching: Option<&'a str>,
    priority: i64,
    gateways: Gateways,
}

/// The gateway ports of the router.
struct Gateways {
    count: usize,
    /// The one asked for, or the one that reaches the external address.
    chosen: Option<LogicalRouterPort>,
}

impl Wanted<'_> {
    /// The address by which translations of the type are told apart.
    fn key(&self) -> &str {
        match self.ty {
            Type::Source => &self.logical_ip,
            Type::Destination | Type::Both => &self.external_ip,
        }
    }

    /// Whether another translation of the same type is at the same gateway.
    fn is_at_same_gateway(&self, nat: &Nat, external_ip: &str) -> bool {
        if self.gateways.count <= 1 {
            return true;
        }
        let Some(chosen) = &self.gateways.chosen else { return false };
        match nat.gateway_port {
            Some(port) => port == chosen.uuid,
            None => lrp_networks::reaches(chosen, external_ip),
        }
    }
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let router = get::<LogicalRouter>(context.view, command.required(0))?;
    let wanted = wanted(context, command, router)?;
    for nat in nats(context.view, router)? {
        if meets(context, command, &wanted, &nat)? {
            return Ok(());
        }
    }
    let mut nat = Nat {
        r#type: wanted.ty.name().into(),
        external_ip: command.required(2).into(),
        logical_ip: wanted.logical_ip.as_str().into(),
        logical_port: wanted.distributed.map(|(port, _)| port.into()),
        external_mac: wanted.distributed.map(|(_, mac)| mac.into()),
        external_port_range: wanted.port_range.unwrap_or_default().into(),
        r#match: wanted.matching.unwrap_or_default().into(),
        priority: wanted.priority,
        options: BTreeMap::from([("stateless".into(), wanted.is_stateless.to_string().as_str().into())]),
        ..Default::default()
    };
    if command.has("--add-route") {
        nat.options.insert("add_route".into(), "true".into());
    }
    if command.has("--gateway-port") {
        nat.gateway_port = wanted.gateways.chosen.as_ref().map(|port| port.uuid);
    }
    insert_under::<LogicalRouter, _>(context, router, COLUMN, &nat);
    Ok(())
}

fn wanted<'a>(context: &Context<'_>, command: &'a Command, router: Uuid) -> Result<Wanted<'a>, Failure> {
    let ty = Type::parse(command.required(1))?;
    let external_ip = command.required(2);
    let Ok(external) = external_ip.parse::<IpAddr>() else {
        fail!("{external_ip}: Not a valid IPv4 or IPv6 address.");
    };
    let logical_ip = logical_ip(command.required(3), ty, external.is_ipv6())?;
    let (distributed, port_range) = rest(context, command, ty)?;
    let is_stateless = command.has("--stateless");
    if is_stateless && ty != Type::Both {
        fail!("stateless is not applicable to dnat or snat types");
    }
    if ty == Type::Source && command.has("--add-route") {
        fail!("routes cannot be added for snat types.");
    }
    let gateways = gateways(context, command, router, &external.to_string())?;
    let matching = command.option("--match");
    let priority = match (matching, command.option("--priority")) {
        (None, Some(_)) => fail!("priority can be set only with --match option."),
        (Some(_), Some(text)) => priority(text)?,
        (_, None) => 0,
    };
    let external_ip = external.to_string();
    Ok(Wanted {
        ty,
        external_ip,
        logical_ip,
        distributed,
        port_range,
        is_stateless,
        matching,
        priority,
        gateways,
    })
}

/// The logical address, or network for a source, of the external one's version.
fn logical_ip(text: &str, ty: Type, is_v6: bool) -> Result<String, Failure> {
    let version = if is_v6 { "IPv6" } else { "IPv4" };
    if ty == Type::Source {
        match if is_v6 { Cidr::parse_v6(text) } else { Cidr::parse_v4(text) } {
            Some(network) => Ok(network.normal()),
            None => fail!("{text}: should be an {version} address or network."),
        }
    } else {
        match normal_address(text).filter(|address| address.contains(':') == is_v6) {
            Some(address) => Ok(address),
            None => fail!("{text}: Not a valid {version} address."),
        }
    }
}

type Rest<'a> = (Option<(&'a str, &'a str)>, Option<&'a str>);

/// The arguments after the addresses.
fn rest<'a>(context: &Context<'_>, command: &'a Command, ty: Type) -> Result<Rest<'a>, Failure> {
    let checked = |range: &'a str| {
        if is_port_range(range) {
            Ok(range)
        } else {
            Err(Failure::new(format!("invalid port range {range}.")))
        }
    };
    let words: Vec<&str> = command.rest(4).iter().map(String::as_str).collect();
    let is_range = command.has("--portrange");
    let incomplete = "lr-nat-add with logical_port must also specify external_mac.";
    match words[..] {
        [] => Ok((None, None)),
        [range] if is_range => Ok((None, Some(checked(range)?))),
        [_] => fail!("{incomplete}"),
        [_, _, ..] if ty != Type::Both => {
            fail!("logical_port and external_mac are only valid when type is \"dnat_and_snat\".")
        }
        [_, _] if is_range => fail!("{incomplete}"),
        [name, mac, ref range @ ..] => {
            port(context.view, name)?;
            if ethernet(mac).is_none() {
                fail!("invalid mac address {mac}.");
            }
            Ok((Some((name, mac)), range.first().map(|range| checked(range)).transpose()?))
        }
    }
}

/// `LOW` or `LOW-HIGH`; as upstream has it, the number of the former has no upper bound.
fn is_port_range(text: &str) -> bool {
    let number = |word: &str| super::values::number(word, i64::from(i32::MIN)..=i32::MAX.into()).unwrap_or(0);
    let mut words = text.split('-').filter(|word| !word.is_empty());
    let Some(low) = words.next().map(number).filter(|low| *low > 0) else { return false };
    if !text.contains('-') {
        return true;
    }
    let Some(high) = words.next().map(number) else { return false };
    words.next().is_none() && low < high && high <= u16::MAX.into()
}

fn gateways(
    context: &Context<'_>,
    command: &Command,
    router: Uuid,
    external_ip: &str,
) -> Result<Gateways, Failure> {
    let is_gateway =
        |port: &LogicalRouterPort| port.ha_chassis_group.is_some() || !port.gateway_chassis.is_empty();
    let ports = lrp_networks::ports(context.view, router)?;
    let count = ports.iter().filter(|port| is_gateway(port)).count();
    let name = command.required(0);
    let chosen = if let Some(id) = command.option("--gateway-port") {
        let port = get_row::<LogicalRouterPort>(context.view, id)?;
        if !ports.iter().any(|own| own.uuid == port.uuid) {
            fail!("{id} is not a router port of logical router: {name}.");
        }
        if !is_gateway(&port) {
            fail!("{id} is not a distributed gateway router port.");
        }
        Some(port)
    } else {
        let reaches = |port: &LogicalRouterPort| is_gateway(port) && lrp_networks::reaches(port, external_ip);
        let port = ports.into_iter().rev().find(reaches);
        if count > 1 && port.is_none() {
            fail!(
                "logical router: {name} has multiple distributed gateway ports and gateway_port can not be determined \
                 from external IP of NAT rule."
            );
        }
        port
    };
    Ok(Gateways { count, chosen })
}

/// Whether a translation that is there is the wanted one, which then has been brought up to date.
///
/// # Errors
/// The two cannot be there at once.
fn meets(
    context: &mut Context<'_>,
    command: &Command,
    wanted: &Wanted<'_>,
    nat: &Nat,
) -> Result<bool, Failure> {
    let may_exist = command.has("--may-exist");
    let (Some(external_ip), Some(logical_ip)) =
        (normal_prefix(&nat.external_ip), normal_prefix(&nat.logical_ip))
    else {
        return Ok(false);
    };
    let is_same_type = *nat.r#type == *wanted.ty.name();
    if is_same_type
        && wanted.is_at_same_gateway(nat, &external_ip)
        && wanted.ty.key(nat).as_deref() == Some(wanted.key())
    {
        if external_ip == wanted.external_ip && logical_ip == wanted.logical_ip {
            if !may_exist {
                fail!(
                    "{external_ip}, {logical_ip}: a NAT with this external_ip and logical_ip already exists"
                );
            }
            update(context, wanted, nat);
            return Ok(true);
        }
        if wanted.matching.is_none_or(|matching| *nat.r#match == *matching) {
            let (ty, column, key) = (wanted.ty.name(), wanted.ty.key_column(), wanted.key());
            let matching = wanted.matching.map_or_else(String::new, |text| format!(" and match \"{text}\""));
            fail!("a NAT with this type ({ty}), {column} ({key}){matching} already exists");
        }
    }
    let one_is_both = [wanted.ty.name(), &nat.r#type].contains(&Type::Both.name());
    let is_stateless = nat.options.get("stateless").is_some_and(|value| **value == *"true");
    if one_is_both && external_ip == wanted.external_ip && (is_stateless || wanted.is_stateless) {
        if !may_exist {
            fail!(
                "{}, {}: External ip cannot be shared across stateless and stateful NATs",
                wanted.external_ip,
                wanted.logical_ip
            );
        }
        return Ok(true);
    }
    Ok(false)
}

fn update(context: &mut Context<'_>, wanted: &Wanted<'_>, nat: &Nat) {
    let view = &mut *context.view;
    let distributed = [
        ("logical_port", wanted.distributed.map(|(port, _)| port)),
        ("external_mac", wanted.distributed.map(|(_, mac)| mac)),
    ];
    for (column, value) in distributed {
        view.verify(Nat::TABLE, nat.uuid, column);
        view.set(Nat::TABLE, nat.uuid, column, Datum::set(value));
    }
    if let Some(matching) = wanted.matching {
        view.set(Nat::TABLE, nat.uuid, "match", Datum::scalar(matching));
        view.set(Nat::TABLE, nat.uuid, "priority", Datum::scalar(wanted.priority));
    }
}

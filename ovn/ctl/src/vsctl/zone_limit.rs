//! `set-zone-limit`, `del-zone-limit DATAPATH ZONE|default`, `list-zone-limits DATAPATH`: how many connections a zone
//! may have.

use super::datapath::{clear_zone, does_not_exist, find, is_not_found, scan_integer, set_zone, zone};
use super::zone_tp::{GROUP, prepare};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::vswitch::Datapath;

const DEFAULT: &str = "default";
const COLUMN: &str = "ct_zone_default_limit";

pub(super) const SET: Verb = Verb {
    name: "set-zone-limit",
    options: &[],
    parameters: &[Parameter::One("DATAPATH"), Parameter::One("ZONE|default"), Parameter::One("LIMIT")],
    group: GROUP,
    help: "let ZONE, or every zone without a limit of its own, have at most LIMIT connections",
    prepare,
    run: set,
};

pub(super) const DEL: Verb = Verb {
    name: "del-zone-limit",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("DATAPATH"), Parameter::One("ZONE|default")],
    group: GROUP,
    help: "take the limit of ZONE or the default one away",
    prepare,
    run: del,
};

pub(super) const LIST: Verb = Verb {
    name: "list-zone-limits",
    options: &[],
    parameters: &[Parameter::One("DATAPATH")],
    group: GROUP,
    help: "print the limits of DATAPATH's zones",
    prepare,
    run: list,
};

/// A zone by number; `None` is the default of all.
fn zone_number(text: &str) -> Result<Option<i64>, Failure> {
    match scan_integer(text) {
        Some(number) => Ok(Some(number)),
        None if text == DEFAULT => Ok(None),
        None => fail!("invalid zone id, {text}"),
    }
}

fn set(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let number = zone_number(command.required(1))?;
    let Some(limit) = scan_integer(command.required(2)) else {
        fail!("invalid limit, {}", command.required(2))
    };
    let datapath = find(context, command.required(0), does_not_exist)?;
    if u32::try_from(limit).is_err() {
        fail!("limit ({limit}) out of range");
    }
    let Some(number) = number else {
        context.view.set(Datapath::TABLE, datapath.uuid, COLUMN, Datum::scalar(limit));
        return Ok(());
    };
    if u16::try_from(number).is_err() {
        fail!("zone_id ({number}) out of range");
    }
    set_zone(context, &datapath, number, "limit", Datum::scalar(limit));
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let number = zone_number(command.required(1))?;
    let name = command.required(0);
    let datapath = find(context, name, does_not_exist)?;
    let must_exist = !command.has("--if-exists");
    let Some(number) = number else {
        if must_exist && datapath.ct_zone_default_limit.is_none() {
            fail!("datapath {name} does not have a limit");
        }
        context.view.set(Datapath::TABLE, datapath.uuid, COLUMN, Datum::empty_set());
        return Ok(());
    };
    let zone = zone(context, &datapath, number)?;
    if must_exist && zone.as_ref().is_none_or(|zone| zone.limit.is_none()) {
        fail!("zone_id {number} does not have a limit");
    }
    if let Some(zone) = zone {
        clear_zone(context, &datapath, (number, zone.uuid), "limit", zone.timeout_policy.is_some());
    }
    Ok(())
}

fn list(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let datapath = find(context, command.required(0), is_not_found)?;
    if let Some(limit) = datapath.ct_zone_default_limit {
        context.print(format!("Default, Limit: {limit}"));
    }
    for number in datapath.ct_zones.keys() {
        if let Some(limit) = zone(context, &datapath, *number)?.and_then(|zone| zone.limit) {
            context.print(format!("Zone: {number}, Limit: {limit}"));
        }
    }
    Ok(())
}

//! `add-zone-tp`, `del-zone-tp DATAPATH zone=ZONE`, `list-zone-tp DATAPATH`: how long connections of a zone are tracked.

use super::datapath::{self, clear_zone, does_not_exist, find, is_not_found, scan_integer, set_zone, zone};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::targets::leading_number;
use crate::verb::{Parameter, Verb};
use ovsdb::{Datum, Uuid};
use schema::TypedRow;
use schema::vswitch::{CtTimeoutPolicy, CtZone};
use std::collections::BTreeMap;

pub(super) const GROUP: &str = "Connection tracking commands";

pub(super) const ADD: Verb = Verb {
    name: "add-zone-tp",
    options: &[("--may-exist", Argument::None)],
    parameters: &[Parameter::One("DATAPATH"), Parameter::One("zone=ZONE"), Parameter::Many("POLICY=SECONDS")],
    group: GROUP,
    help: "set how long connections of ZONE in DATAPATH are tracked",
    prepare,
    run: add,
};

pub(super) const DEL: Verb = Verb {
    name: "del-zone-tp",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::One("DATAPATH"), Parameter::One("zone=ZONE")],
    group: GROUP,
    help: "let connections of ZONE in DATAPATH be tracked as long as others",
    prepare,
    run: del,
};

pub(super) const LIST: Verb = Verb {
    name: "list-zone-tp",
    options: &[],
    parameters: &[Parameter::One("DATAPATH")],
    group: GROUP,
    help: "print how long connections of each zone in DATAPATH are tracked",
    prepare,
    run: list,
};

pub(super) fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    datapath::prepare(&["ct_zones", "ct_zone_default_limit"], needs);
    needs.columns(CtZone::TABLE, &["timeout_policy", "limit"]);
    needs.columns(CtTimeoutPolicy::TABLE, &["timeouts"]);
    Ok(())
}

fn zone_number(text: &str) -> Result<i64, Failure> {
    match text.strip_prefix("zone=").and_then(scan_integer) {
        Some(zone) => Ok(zone),
        None => fail!("invalid zone argument, {text}"),
    }
}

fn add(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let number = zone_number(command.required(1))?;
    let datapath = find(context, command.required(0), does_not_exist)?;
    let zone = zone(context, &datapath, number)?;
    if zone.as_ref().is_some_and(|zone| zone.timeout_policy.is_some()) && !command.has("--may-exist") {
        fail!("zone id {number} already exists");
    }
    let policy = policy(context, command.rest(2))?;
    set_zone(context, &datapath, number, "timeout_policy", Datum::scalar(policy));
    Ok(())
}

/// The policy of these timeouts: one that is there, or a new one.
fn policy(context: &mut Context<'_>, words: &[String]) -> Result<Uuid, Failure> {
    let timeout = |word: &String| {
        let (name, value) = word.split_once(['=', ':']).unwrap_or((word, ""));
        (name.into(), leading_number(value))
    };
    let timeouts: BTreeMap<_, _> = words.iter().map(timeout).collect();
    let known = context.view.rows::<CtTimeoutPolicy>()?;
    if let Some(known) = known.into_iter().find(|known| known.timeouts == timeouts) {
        return Ok(known.uuid);
    }
    let uuid = context.fresh();
    Ok(context.view.insert_row(uuid, &CtTimeoutPolicy { timeouts, ..Default::default() }))
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let number = zone_number(command.required(1))?;
    let datapath = find(context, command.required(0), does_not_exist)?;
    let zone = zone(context, &datapath, number)?;
    if !command.has("--if-exists") && zone.as_ref().is_none_or(|zone| zone.timeout_policy.is_none()) {
        fail!("zone id {number} does not exist");
    }
    if let Some(zone) = zone {
        clear_zone(context, &datapath, (number, zone.uuid), "timeout_policy", zone.limit.is_some());
    }
    Ok(())
}

fn list(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let datapath = find(context, command.required(0), is_not_found)?;
    for number in datapath.ct_zones.keys() {
        let policy = zone(context, &datapath, *number)?.and_then(|zone| zone.timeout_policy);
        let policy = policy.map(|row| context.view.row::<CtTimeoutPolicy>(row)).transpose()?.flatten();
        let timeouts = match policy {
            Some(policy) => {
                let words = policy.timeouts.iter().map(|(name, seconds)| format!("{name}={seconds}"));
                words.collect::<Vec<_>>().join(" ")
            }
            None => "system default".to_owned(),
        };
        context.print(format!("Zone:{number}, Timeout Policies: {timeouts}").trim_end_matches(' '));
    }
    Ok(())
}

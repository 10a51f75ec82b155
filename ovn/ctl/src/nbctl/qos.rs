//! `qos-add SWITCH DIRECTION PRIORITY MATCH NAME=VALUE...`, `qos-del SWITCH [DIRECTION|UUID [PRIORITY MATCH]]`,
//! `qos-list SWITCH`: marking and policing.

use super::rows::{detach, detach_all, get, insert_under, prepare_named, rows};
use super::values::{direction, number, priority};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use crate::view::references;
use ovsdb::{Str, Uuid};
use schema::TypedRow;
use schema::nb::{LogicalSwitch, QoS};
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

const GROUP: &str = "QoS commands";
const COLUMN: &str = "qos_rules";

pub(super) const ADD: Verb = Verb {
    name: "qos-add",
    options: &[("--may-exist", Argument::None)],
    parameters: &[
        Parameter::One("SWITCH"),
        Parameter::One("DIRECTION"),
        Parameter::One("PRIORITY"),
        Parameter::One("MATCH"),
        Parameter::One("rate=RATE|burst=BURST|dscp=DSCP|mark=MARK"),
        Parameter::Maybe("..."),
        Parameter::Maybe("..."),
    ],
    group: GROUP,
    help: "mark (DSCP, MARK) or limit (RATE in kbit/s, BURST in kbit) what matches on SWITCH",
    prepare,
    run: add,
};

pub(super) const DEL: Verb = Verb {
    name: "qos-del",
    options: &[],
    parameters: &[
        Parameter::One("SWITCH"),
        Parameter::Maybe("DIRECTION|UUID"),
        Parameter::Maybe("PRIORITY"),
        Parameter::Maybe("MATCH"),
    ],
    group: GROUP,
    help: "delete QoS rules of SWITCH: all, those of DIRECTION, or one",
    prepare,
    run: del,
};

pub(super) const LIST: Verb = Verb {
    name: "qos-list",
    options: &[],
    parameters: &[Parameter::One("SWITCH")],
    group: GROUP,
    help: "print the QoS rules of SWITCH",
    prepare,
    run: list,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_named::<LogicalSwitch>(needs, &[COLUMN]);
    needs.columns(QoS::TABLE, &["direction", "priority", "match", "action", "bandwidth"]);
    Ok(())
}

/// The order in which rules are listed; two that are equal in it may not both be there.
fn order(a: &QoS, b: &QoS) -> Ordering {
    let key = |qos: &QoS| (qos.direction.clone(), Reverse(qos.priority), qos.r#match.clone());
    key(a).cmp(&key(b))
}

fn rules(context: &Context<'_>, switch: Uuid) -> Result<Vec<QoS>, Failure> {
    rows(context.view, &references(&context.view.value(LogicalSwitch::TABLE, switch, COLUMN)))
}

fn add(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let direction = direction(command.required(1))?;
    let priority = priority(command.required(2))?;
    let switch = get::<LogicalSwitch>(context.view, command.required(0))?;
    let (action, bandwidth) = effects(command.rest(4))?;
    let qos = QoS {
        priority,
        direction: direction.into(),
        r#match: command.required(3).into(),
        action,
        bandwidth,
        ..Default::default()
    };
    if rules(context, switch)?.iter().any(|known| order(known, &qos).is_eq()) {
        if command.has("--may-exist") {
            return Ok(());
        }
        fail!("Same qos already existed on the ls {}.", command.required(0));
    }
    insert_under::<LogicalSwitch, _>(context, switch, COLUMN, &qos);
    Ok(())
}

type Numbers = BTreeMap<Str, i64>;

/// What a rule does: how it marks and how it limits.
fn effects(texts: &[String]) -> Result<(Numbers, Numbers), Failure> {
    let (mut action, mut bandwidth) = (Numbers::new(), Numbers::new());
    for text in texts {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let (numbers, range, wrong) = match name {
            "dscp" => (&mut action, 0..=63, "dscp must be in the range 0...63"),
            "mark" => (&mut action, 0..=i64::MAX, "mark must be a positive integer"),
            "rate" => (&mut bandwidth, 1..=u32::MAX.into(), "rate must be in the range 1...4294967295"),
            "burst" => (&mut bandwidth, 1..=u32::MAX.into(), "burst must be in the range 1...4294967295"),
            _ => fail!("{text}: supported arguments are \"dscp=\", \"rate=\", \"burst=\" and \"mark=\""),
        };
        let Some(number) = number(value, range).filter(|_| text.contains('=')) else {
            if !text.contains('=') {
                fail!("{text}: supported arguments are \"dscp=\", \"rate=\", \"burst=\" and \"mark=\"");
            }
            fail!("{value}: {wrong}");
        };
        numbers.insert(name.into(), number);
    }
    // A mark of zero and a burst without a rate say nothing.
    action.retain(|name, number| **name != *"mark" || *number != 0);
    if !bandwidth.contains_key("rate") {
        bandwidth.clear();
    }
    if action.is_empty() && bandwidth.is_empty() {
        fail!("Either \"mark\", \"rate\" and/or \"dscp\" must be specified");
    }
    Ok((action, bandwidth))
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let switch = get::<LogicalSwitch>(context.view, command.required(0))?;
    let Some(which) = command.optional(1) else {
        detach_all::<LogicalSwitch>(context, switch, COLUMN);
        return Ok(());
    };
    let rules = rules(context, switch)?;
    let uuid = which.parse::<Uuid>().ok();
    let direction = if uuid.is_some() { None } else { Some(direction(which)?) };
    let Some(wanted) = command.optional(2) else {
        if uuid.is_some_and(|uuid| !rules.iter().any(|qos| qos.uuid == uuid)) {
            fail!("uuid is not found");
        }
        let is_meant = |qos: &&QoS| {
            uuid == Some(qos.uuid) || direction.is_some_and(|direction| *qos.direction == *direction)
        };
        detach::<LogicalSwitch>(context, switch, COLUMN, rules.iter().filter(is_meant).map(|qos| qos.uuid));
        return Ok(());
    };
    let Some(direction) = direction else { fail!("uuid must be the only argument") };
    let priority = priority(wanted)?;
    let Some(matching) = command.optional(3) else { fail!("cannot specify priority without match") };
    let is_meant =
        |qos: &&QoS| qos.priority == priority && *qos.r#match == *matching && *qos.direction == *direction;
    detach::<LogicalSwitch>(context, switch, COLUMN, rules.iter().find(is_meant).map(|qos| qos.uuid));
    Ok(())
}

fn list(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let switch = get::<LogicalSwitch>(context.view, command.required(0))?;
    let mut rules = rules(context, switch)?;
    rules.sort_by(order);
    for qos in rules {
        let mut line = format!("{:>10} {:>5} ({})", qos.direction, qos.priority, qos.r#match);
        for (numbers, name) in [
            (&qos.bandwidth, "rate"),
            (&qos.bandwidth, "burst"),
            (&qos.action, "dscp"),
            (&qos.action, "mark"),
        ] {
            if let Some(number) = numbers.get(name) {
                line.push_str(&format!(" {name}={number}"));
            }
        }
        context.print(line);
    }
    Ok(())
}

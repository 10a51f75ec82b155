//! Output, resubmit, and what has at most a number as argument.

use super::super::error::{Error, Result};
use super::super::names::{bits_text, parse_bits};
use super::super::split::{at_commas, call, key_value};
use super::super::style::Style;
use super::super::value::parse_port_no;
use super::{meter, number};
use crate::{Action, Conjunction, GroupId, PortNo};
use std::fmt;

pub(super) fn write(f: &mut fmt::Formatter<'_>, action: &Action, style: &Style<'_>) -> fmt::Result {
    match action {
        Action::Output { port: PortNo::CONTROLLER, max_len } => write!(f, "CONTROLLER:{max_len}"),
        Action::Output { port, .. } if port.is_reserved() => write!(f, "{port}"),
        Action::Output { port, .. } => write!(f, "output:{}", style.port(*port)),
        Action::OutputTrunc { port, max_len } => {
            write!(f, "output(port={},max_len={max_len})", style.port(*port))
        }
        Action::OutputReg { src, .. } => write!(f, "output:{}", bits_text(*src)),
        Action::Group(group) => write!(f, "group:{}", group.0),
        Action::SetQueue(queue) => write!(f, "set_queue:{queue}"),
        Action::PopQueue => f.write_str("pop_queue"),
        Action::Enqueue { port, queue } => write!(f, "enqueue:{}:{queue}", style.port(*port)),
        Action::PushVlan(ethertype) => write!(f, "push_vlan:{ethertype:#06x}"),
        Action::PopVlan => f.write_str("pop_vlan"),
        Action::PushMpls(ethertype) => write!(f, "push_mpls:{ethertype:#06x}"),
        Action::PopMpls(ethertype) => write!(f, "pop_mpls:{ethertype:#06x}"),
        Action::DecMplsTtl => f.write_str("dec_mpls_ttl"),
        Action::DecTtl { controllers } => match controllers.as_deref() {
            None => f.write_str("dec_ttl"),
            Some(ids) => {
                let ids: Vec<String> = ids.iter().map(u16::to_string).collect();
                write!(f, "dec_ttl({})", ids.join(","))
            }
        },
        Action::Meter(meter) => write!(f, "meter:{}", meter.0),
        Action::Resubmit { in_port, table: None, with_ct: false } => {
            write!(f, "resubmit:{}", style.port(in_port.unwrap_or(PortNo::IN_PORT)))
        }
        Action::Resubmit { in_port, table, with_ct } => {
            let in_port = in_port.map(|p| style.port(p)).unwrap_or_default();
            let table = table.map(|t| t.to_string()).unwrap_or_default();
            write!(f, "resubmit({in_port},{table}{})", if *with_ct { ",ct" } else { "" })
        }
        Action::Conjunction(c) => write!(f, "conjunction({},{}/{})", c.id, c.clause + 1, c.n_clauses),
        Action::CtClear => f.write_str("ct_clear"),
        Action::Note(octets) => {
            let octets: Vec<String> = octets.iter().map(|b| format!("{b:02x}")).collect();
            write!(f, "note:{}", octets.join("."))
        }
        Action::Exit => f.write_str("exit"),
        Action::FinTimeout { idle, hard } => {
            let idle = (*idle != 0).then(|| format!("idle_timeout={idle}"));
            let hard = (*hard != 0).then(|| format!("hard_timeout={hard}"));
            write!(f, "fin_timeout({})", idle.into_iter().chain(hard).collect::<Vec<_>>().join(","))
        }
        other => unreachable!("{other:?} is written by its family"),
    }
}

pub(super) fn parse(text: &str) -> Result<Action> {
    let bad = || Error::new(text, "an action");
    if let Some((name, arguments)) = call(text) {
        return parse_call(name, arguments).unwrap_or_else(|| Err(bad()));
    }
    let (name, argument) = text.split_once(':').map_or((text, None), |(n, a)| (n, Some(a)));
    let Some(argument) = argument else { return parse_word(text).ok_or_else(bad) };
    Ok(match name {
        "output" => match parse_port_no(argument) {
            Some(port) => Action::output(port),
            None => Action::OutputReg { src: parse_bits(argument).ok_or_else(bad)?, max_len: u16::MAX },
        },
        "controller" | "CONTROLLER" => {
            Action::Output { port: PortNo::CONTROLLER, max_len: number(argument, "max_len")? }
        }
        "group" => Action::Group(GroupId(number(argument, "group")?)),
        "set_queue" => Action::SetQueue(number(argument, "queue")?),
        "enqueue" => enqueue(argument.split(':')).ok_or_else(bad)?,
        "push_vlan" => Action::PushVlan(number(argument, "Ethernet type")?),
        "push_mpls" => Action::PushMpls(number(argument, "Ethernet type")?),
        "pop_mpls" => Action::PopMpls(number(argument, "Ethernet type")?),
        "meter" => Action::Meter(meter(argument)?),
        "resubmit" => Action::Resubmit { in_port: in_port(argument)?, table: None, with_ct: false },
        "note" => Action::Note(octets(argument).ok_or_else(bad)?),
        _ => return Err(bad()),
    })
}

/// Octets in hexadecimal, between dots.
pub(super) fn octets(text: &str) -> Option<Vec<u8>> {
    text.split('.').filter(|b| !b.is_empty()).map(|b| u8::from_str_radix(b, 16).ok()).collect()
}

fn in_port(text: &str) -> Result<Option<PortNo>> {
    if text.is_empty() {
        return Ok(None);
    }
    let port = parse_port_no(text).ok_or_else(|| Error::new(text, "a port"))?;
    Ok(Some(port).filter(|&p| p != PortNo::IN_PORT))
}

fn enqueue<'a>(mut parts: impl Iterator<Item = &'a str>) -> Option<Action> {
    let (port, queue) = (parse_port_no(parts.next()?.trim())?, parts.next()?.trim().parse().ok()?);
    parts.next().is_none().then_some(Action::Enqueue { port, queue })
}

fn parse_word(text: &str) -> Option<Action> {
    Some(match text {
        "strip_vlan" | "pop_vlan" => Action::PopVlan,
        "dec_ttl" => Action::DecTtl { controllers: None },
        "dec_mpls_ttl" => Action::DecMplsTtl,
        "pop_queue" => Action::PopQueue,
        "ct_clear" => Action::CtClear,
        "exit" => Action::Exit,
        _ if text.eq_ignore_ascii_case("controller") => {
            Action::Output { port: PortNo::CONTROLLER, max_len: u16::MAX }
        }
        _ => Action::output(parse_port_no(text)?),
    })
}

fn parse_call(name: &str, arguments: &str) -> Option<Result<Action>> {
    Some(match name {
        "resubmit" => parse_resubmit(arguments),
        "dec_ttl" => at_commas(arguments)
            .map(|n| number(n, "controller"))
            .collect::<Result<_>>()
            .map(|ids| Action::DecTtl { controllers: Some(ids) }),
        "conjunction" => parse_conjunction(arguments),
        "enqueue" => enqueue(arguments.split(',')).ok_or_else(|| Error::new(arguments, "a port and a queue")),
        "fin_timeout" => parse_fin_timeout(arguments),
        "output" => parse_output(arguments),
        _ => return None,
    })
}

fn parse_resubmit(arguments: &str) -> Result<Action> {
    let mut parts = arguments.split(',').map(str::trim);
    let in_port = in_port(parts.next().unwrap_or_default())?;
    let table = parts.next().filter(|t| !t.is_empty()).map(|t| number::<u8>(t, "table")).transpose()?;
    let with_ct = match parts.next() {
        Some("ct") => true,
        None => false,
        Some(other) => return Err(Error::new(other, "ct")),
    };
    Ok(Action::Resubmit { in_port, table: table.filter(|&t| t != 255), with_ct })
}

fn parse_conjunction(arguments: &str) -> Result<Action> {
    let bad = || Error::new(arguments, "id, clause/clauses");
    let (id, clauses) = arguments.split_once(',').ok_or_else(bad)?;
    let (clause, n_clauses) = clauses.trim().split_once('/').ok_or_else(bad)?;
    let (clause, n_clauses): (u8, u8) = (number(clause, "clause")?, number(n_clauses, "clauses")?);
    if !(2..=64).contains(&n_clauses) || clause == 0 || clause > n_clauses {
        return Err(bad());
    }
    Ok(Action::Conjunction(Conjunction { id: number(id, "conjunction")?, clause: clause - 1, n_clauses }))
}

fn parse_fin_timeout(arguments: &str) -> Result<Action> {
    let (mut idle, mut hard) = (0, 0);
    for part in at_commas(arguments) {
        match key_value(part) {
            ("idle_timeout", Some(n)) => idle = number(n, "seconds")?,
            ("hard_timeout", Some(n)) => hard = number(n, "seconds")?,
            _ => return Err(Error::new(part, "idle_timeout= or hard_timeout=")),
        }
    }
    Ok(Action::FinTimeout { idle, hard })
}

fn parse_output(arguments: &str) -> Result<Action> {
    let (mut port, mut max_len) = (None, None);
    for part in at_commas(arguments) {
        match key_value(part) {
            ("port", Some(p)) => port = parse_port_no(p),
            ("max_len", Some(n)) => max_len = Some(number(n, "octets")?),
            _ => return Err(Error::new(part, "port= or max_len=")),
        }
    }
    match (port, max_len) {
        (Some(port), Some(max_len)) => Ok(Action::OutputTrunc { port, max_len }),
        _ => Err(Error::new(arguments, "port= and max_len=")),
    }
}

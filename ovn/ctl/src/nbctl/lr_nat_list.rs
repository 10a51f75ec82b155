//! `lr-nat-list ROUTER`.

use super::nat::{GROUP, nats};
use super::rows::{get, name_of};
use super::values::cut;
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use schema::TypedRow;
use schema::nb::{LogicalRouter, LogicalRouterPort, Nat};

pub(super) const LR_NAT_LIST: Verb = Verb {
    name: "lr-nat-list",
    options: &[],
    parameters: &[Parameter::One("ROUTER")],
    group: GROUP,
    help: "print the translations of ROUTER",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    super::nat::prepare(needs);
    Ok(())
}

/// Columns in order: heading, width, and how much of a value is printed.
const COLUMNS: [(&str, usize, usize); 8] = [
    ("TYPE", 17, 13),
    ("GATEWAY_PORT", 22, 18),
    ("MATCH", 22, 18),
    ("EXTERNAL_IP", 19, 15),
    ("EXTERNAL_PORT", 17, 13),
    ("LOGICAL_IP", 20, 16),
    ("EXTERNAL_MAC", 21, 17),
    ("LOGICAL_PORT", 0, usize::MAX),
];

/// The column that a database of before there were matches has nothing to say of.
const MATCH: &str = "MATCH";

/// The columns by which rows are sorted.
const KEYS: usize = 4;

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let router = get::<LogicalRouter>(context.view, command.required(0))?;
    let has_matches = context.served.column(Nat::TABLE, "match");
    let mut lines = Vec::new();
    for nat in nats(context.view, router)? {
        let port = nat.gateway_port.map(|port| name_of::<LogicalRouterPort>(context.view, port));
        let cells = cells(&nat, port.as_deref().unwrap_or_default());
        lines.push((
            line(&cells[..KEYS], 0, has_matches, false),
            line(&cells[KEYS..], KEYS, has_matches, true),
        ));
    }
    lines.sort();
    if !lines.is_empty() {
        let headings = COLUMNS.map(|(heading, _, _)| heading);
        context.print(line(&headings, 0, has_matches, true));
    }
    for (key, rest) in lines {
        context.print(key + &rest);
    }
    Ok(())
}

fn cells<'a>(nat: &'a Nat, gateway_port: &'a str) -> Vec<&'a str> {
    let mut cells: Vec<&str> = vec![
        &nat.r#type,
        gateway_port,
        &nat.r#match,
        &nat.external_ip,
        &nat.external_port_range,
        &nat.logical_ip,
    ];
    if let (Some(mac), Some(port)) = (&nat.external_mac, &nat.logical_port) {
        cells.extend([&**mac, &**port]);
    }
    cells
}

/// The cells of the columns from `first` on; the last one is printed as it is.
fn line(cells: &[&str], first: usize, has_matches: bool, is_end: bool) -> String {
    let columns = cells.iter().zip(&COLUMNS[first..]).enumerate();
    let columns = columns.filter(|(_, (_, (heading, _, _)))| has_matches || *heading != MATCH);
    let padded = |(place, (cell, (_, width, most))): (usize, (&&str, &(&str, usize, usize)))| {
        if is_end && place + 1 == cells.len() {
            (*cell).to_owned()
        } else {
            format!("{:width$}", cut(cell, *most))
        }
    };
    columns.map(padded).collect()
}

//! `show`: chassis, how they are reached, and the ports they have bound.

use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::overview::{self, Shown};
use crate::verb::Verb;

pub(super) const SHOW: Verb = Verb {
    name: "show",
    options: &[],
    parameters: &[],
    group: "General commands",
    help: "print an overview of the database",
    prepare,
    run,
};

const SHOWN: &[Shown] = &[
    Shown {
        table: "Chassis",
        name: Some("name"),
        columns: &["hostname", "encaps"],
        referring: Some(("Port_Binding", "logical_port", "chassis")),
    },
    Shown { table: "Encap", name: Some("type"), columns: &["ip", "options"], referring: None },
];

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    overview::prepare(SHOWN, needs);
    Ok(())
}

fn run(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    overview::show(context, SHOWN);
    Ok(())
}

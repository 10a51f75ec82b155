//! `list-dp-cap DATAPATH`: what a datapath can do.

use super::datapath::{self, find};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};

pub(super) const LIST_DP_CAP: Verb = Verb {
    name: "list-dp-cap",
    options: &[],
    parameters: &[Parameter::One("DATAPATH")],
    group: "Switch commands",
    help: "print what DATAPATH can do",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    datapath::prepare(&["capabilities"], needs);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let missing = |name: &str| format!("datapath \"{name}\" record not found");
    let datapath = find(context, command.required(0), missing)?;
    let words = datapath.capabilities.iter().map(|(name, value)| format!("{name}={value}"));
    context.print(words.collect::<Vec<_>>().join(" ").trim_end_matches(' '));
    Ok(())
}

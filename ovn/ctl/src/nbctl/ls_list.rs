//! `ls-list`.

use super::LS;
use super::rows::{prepare_switches, print_sorted};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::Verb;
use schema::nb::LogicalSwitch;

pub(super) const LS_LIST: Verb = Verb {
    name: "ls-list",
    options: &[],
    parameters: &[],
    group: LS,
    help: "print the names of all logical switches",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_switches(needs);
    Ok(())
}

fn run(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    let switches = context.view.rows::<LogicalSwitch>()?;
    print_sorted(context, switches.into_iter().map(|switch| (switch.name, switch.uuid)));
    Ok(())
}

//! `ls-list`.

use super::LS;
use super::rows::{prepare_named, print_names};
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
    prepare_named::<LogicalSwitch>(needs, &[]);
    Ok(())
}

fn run(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    print_names::<LogicalSwitch>(context);
    Ok(())
}

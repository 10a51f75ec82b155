//! `comment [ARG]...`: does nothing; the database's log has the command line.

use super::GROUP;
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::verb::{Parameter, Verb, prepare_nothing};

pub(crate) const COMMENT: Verb = Verb {
    name: "comment",
    options: &[],
    parameters: &[Parameter::Any("ARG")],
    group: GROUP,
    help: "do nothing but leave a note in the database's log",
    prepare: prepare_nothing,
    run,
};

fn run(_: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    Ok(())
}

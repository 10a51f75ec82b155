//! `init`: makes the database's one row; every other verb does too.

use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::verb::{Verb, prepare_nothing};

pub(crate) const INIT: Verb = Verb {
    name: "init",
    options: &[],
    parameters: &[],
    group: "General commands",
    help: "initialize the database, if that has not been done",
    prepare: prepare_nothing,
    run,
};

fn run(_: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    Ok(())
}

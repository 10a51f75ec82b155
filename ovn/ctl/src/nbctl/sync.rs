//! `sync`: waits, as `--wait` says, for what others have changed before.

use crate::Failure;
use crate::cli::{Command, Wait};
use crate::context::Context;
use crate::verb::{Verb, prepare_nothing};

pub(crate) const SYNC: Verb = Verb {
    name: "sync",
    options: &[],
    parameters: &[],
    group: "Synchronization command (use with --wait=sb|hv)",
    help: "wait even for earlier changes to take effect",
    prepare: prepare_nothing,
    run,
};

fn run(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    context.wishes.force_next_cfg |= context.wait != Wait::None;
    Ok(())
}

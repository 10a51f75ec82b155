//! `get-manager`, `del-manager`, `set-manager TARGET...`: the remotes of the host's database server.

use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::needs::Needs;
use crate::targets::{remote, with_global};
use crate::verb::{Parameter, Verb};

const GROUP: &str = "Manager commands";
const TABLE: &str = "Manager";
const COLUMN: &str = "manager_options";

pub(super) const GET: Verb = Verb {
    name: "get-manager",
    options: &[],
    parameters: &[],
    group: GROUP,
    help: "print the managers",
    prepare,
    run: get,
};

pub(super) const DEL: Verb = Verb {
    name: "del-manager",
    options: &[],
    parameters: &[],
    group: GROUP,
    help: "delete the managers",
    prepare,
    run: del,
};

pub(super) const SET: Verb = Verb {
    name: "set-manager",
    options: &[("--inactivity-probe", Argument::Required)],
    parameters: &[Parameter::Many("TARGET")],
    group: GROUP,
    help: "set the managers, with probes every so many milliseconds",
    prepare,
    run: set,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    needs.columns(needs.program.global_table(), &[COLUMN]);
    needs.columns(TABLE, &["target"]);
    Ok(())
}

fn get(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    with_global(context, COLUMN, TABLE, |context, targets| {
        targets.print(context);
        Ok(())
    })
}

fn del(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    with_global(context, COLUMN, TABLE, |context, targets| {
        targets.clear(context);
        Ok(())
    })
}

fn set(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let rows = command.rest(0).iter().map(|target| remote(context, command, target)).collect();
    with_global(context, COLUMN, TABLE, |context, targets| {
        targets.replace(context, rows);
        Ok(())
    })
}

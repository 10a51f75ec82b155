//! `ls-add [SWITCH]`.

use super::LS;
use super::rows::prepare_switches;
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use schema::TypedRow;
use schema::nb::LogicalSwitch;

pub(super) const LS_ADD: Verb = Verb {
    name: "ls-add",
    options: &[("--add-duplicate", Argument::None), ("--may-exist", Argument::None)],
    parameters: &[Parameter::Maybe("SWITCH")],
    group: LS,
    help: "create a logical switch, named SWITCH",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    prepare_switches(needs);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let (may_exist, add_duplicate) = (command.has("--may-exist"), command.has("--add-duplicate"));
    if may_exist && add_duplicate {
        fail!("--may-exist and --add-duplicate may not be used together");
    }
    match command.optional(0) {
        Some(name) if !add_duplicate => {
            if !context.view.named(LogicalSwitch::TABLE, "name", name).is_empty() {
                if may_exist {
                    return Ok(());
                }
                fail!("{name}: a switch with this name already exists");
            }
        }
        None if may_exist => fail!("--may-exist requires specifying a name"),
        None if add_duplicate => fail!("--add-duplicate requires specifying a name"),
        Some(_) | None => {}
    }
    let switch = LogicalSwitch { name: command.optional(0).unwrap_or_default().into(), ..Default::default() };
    let uuid = context.fresh();
    context.view.insert_row(uuid, &switch);
    Ok(())
}

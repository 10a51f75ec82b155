//! `list-br`.

use super::BRIDGE;
use super::model::{Model, prepare};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::verb::Verb;

pub(super) const LIST_BR: Verb = Verb {
    name: "list-br",
    options: &[("--fake", Argument::None), ("--real", Argument::None)],
    parameters: &[],
    group: BRIDGE,
    help: "print the names of all bridges, or of those for VLANs (--fake), or of the others (--real)",
    prepare,
    run,
};

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let (fake, real) = (command.has("--fake"), command.has("--real"));
    for bridge in Model::of(context)?.bridges.values() {
        let is_wanted = if bridge.fake.is_some() { fake } else { real };
        if is_wanted || !(fake || real) {
            context.print(&bridge.name);
        }
    }
    Ok(())
}

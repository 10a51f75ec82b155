//! `add-bond BRIDGE PORT IFACE... [COLUMN[:KEY]=VALUE]...`.

use super::PORT;
use super::add_port::{Wanted, add};
use super::model::prepare;
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::verb::{Parameter, Verb};

/// Fewest interfaces of a bond.
const INTERFACES_MIN: usize = 2;

pub(super) const ADD_BOND: Verb = Verb {
    name: "add-bond",
    options: &[("--fake-iface", Argument::None), ("--may-exist", Argument::None)],
    parameters: &[
        Parameter::One("BRIDGE"),
        Parameter::One("PORT"),
        Parameter::One("IFACE"),
        Parameter::One("IFACE"),
        Parameter::Any("IFACE|COLUMN[:KEY]=VALUE"),
    ],
    group: PORT,
    help: "add bonded port PORT to BRIDGE from two or more IFACEs",
    prepare,
    run,
};

/// The interfaces, and the settings from the first word with an equals sign on.
fn split(command: &Command) -> (&[String], &[String]) {
    let words = command.rest(2);
    words.split_at(words.iter().position(|word| word.contains('=')).unwrap_or(words.len()))
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let (interfaces, columns) = split(command);
    if interfaces.len() < INTERFACES_MIN {
        fail!(
            "add-bond requires at least {INTERFACES_MIN} interfaces, but only {} were specified",
            interfaces.len()
        );
    }
    let (bridge, name) = (command.required(0), command.required(1));
    let wanted = Wanted { bridge, name, interfaces: interfaces.iter().map(String::as_str).collect() };
    add(context, command, &wanted, columns)
}

//! `show`: managers, bridges, ports and interfaces.

use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::overview::{self, Shown};
use crate::verb::Verb;

pub(super) const SHOW: Verb = Verb {
    name: "show",
    options: &[],
    parameters: &[],
    group: "Open vSwitch commands",
    help: "print an overview of the database",
    prepare,
    run,
};

const fn shown(table: &'static str, name: Option<&'static str>, columns: &'static [&'static str]) -> Shown {
    Shown { table, name, columns, referring: None }
}

const SHOWN: &[Shown] = &[
    shown("Open_vSwitch", None, &["manager_options", "bridges", "ovs_version"]),
    shown("Bridge", Some("name"), &["controller", "fail_mode", "datapath_type", "ports"]),
    shown("Port", Some("name"), &["tag", "trunks", "interfaces"]),
    shown("Interface", Some("name"), &["type", "options", "error"]),
    shown("Controller", Some("target"), &["is_connected"]),
    shown("Manager", Some("target"), &["is_connected"]),
];

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    overview::prepare(SHOWN, needs);
    Ok(())
}

fn run(context: &mut Context<'_>, _: &Command) -> Result<(), Failure> {
    overview::show(context, SHOWN);
    Ok(())
}

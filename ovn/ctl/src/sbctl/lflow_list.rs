//! `lflow-list [DATAPATH] [LFLOW]...` and `dump-flows`, its other name.

use super::flows::{Beginning, GROUP, datapath, halves, stage_name};
use super::vflows;
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::needs::Needs;
use crate::openflow::{self, Switch};
use crate::verb::{Parameter, Verb};
use ovsdb::Uuid;

pub(super) const LFLOW_LIST: Verb = Verb {
    name: "lflow-list",
    options: &[
        ("--uuid", Argument::None),
        ("--ovs", Argument::Optional),
        ("--stats", Argument::None),
        ("--vflows", Argument::Optional),
    ],
    parameters: &[Parameter::Maybe("DATAPATH"), Parameter::Any("LFLOW")],
    group: GROUP,
    help: "print logical flows, of DATAPATH, or those whose UUID begins with LFLOW; with --ovs, what became of each \
           in this host's switch or in the one at ARG; with --vflows, also other rows that became flows",
    prepare,
    run,
};

pub(super) const DUMP_FLOWS: Verb = Verb { name: "dump-flows", help: "the same as lflow-list", ..LFLOW_LIST };

fn prepare(command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    super::flows::prepare(&["match", "actions"], needs);
    if command.has("--vflows") {
        vflows::prepare(needs);
    }
    needs.switches.extend(Look::of(command).switch);
    Ok(())
}

/// How rows are shown.
pub(super) struct Look {
    with_uuid: bool,
    with_stats: bool,
    /// The switch whose flows are shown too.
    switch: Option<Switch>,
}

impl Look {
    fn of(command: &Command) -> Self {
        let switch = || command.option("--ovs").map(str::to_owned);
        Self {
            with_uuid: command.has("--uuid"),
            with_stats: command.has("--stats"),
            switch: command.has("--ovs").then(switch),
        }
    }

    /// The beginning of a row's UUID, if that is to be shown.
    pub(super) fn uuid(&self, row: Uuid) -> String {
        if self.with_uuid { format!("uuid=0x{:08x}, ", row.first_u32()) } else { String::new() }
    }

    /// Prints the flows that a row became.
    pub(super) fn print_flows(&self, context: &mut Context<'_>, row: Uuid) {
        let Some(switch) = &self.switch else { return };
        for flow in context.flows.of_row(switch, row) {
            context.print(format!("    {}", openflow::text(flow, self.with_stats)));
        }
    }
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let look = Look::of(command);
    let only = match command.optional(0) {
        Some(name) => datapath(context, name)?,
        None => None,
    };
    // A first word that is no datapath is a flow.
    let words = command.rest(usize::from(only.is_some()));
    let beginnings = words.iter().map(|word| Beginning::parse(word)).collect::<Result<Vec<_>, _>>()?;
    let wanted = |flow: &schema::sb::LogicalFlow| {
        beginnings.is_empty() || beginnings.iter().any(|beginning| beginning.matches(flow.uuid))
    };
    for half in halves(context, only, wanted)? {
        context.print(format!("Datapath: {}  Pipeline: {}", half.datapath, half.pipeline));
        for flow in &half.flows {
            context.print(format!(
                "  {}table={:<2}({:<19}), priority={:<5}, match=({}), action=({})",
                look.uuid(flow.uuid),
                flow.table_id,
                stage_name(flow),
                flow.priority,
                flow.r#match,
                flow.actions
            ));
            look.print_flows(context, flow.uuid);
        }
    }
    if command.has("--vflows") {
        vflows::print(context, &look, only)?;
    }
    Ok(())
}

//! `lflow-list [DATAPATH] [LFLOW]...` and `dump-flows`, its other name.

use super::flows::{Beginning, GROUP, datapath, halves, stage_name};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};

pub(super) const LFLOW_LIST: Verb = Verb {
    name: "lflow-list",
    options: &[("--uuid", Argument::None)],
    parameters: &[Parameter::Maybe("DATAPATH"), Parameter::Any("LFLOW")],
    group: GROUP,
    help: "print logical flows, of DATAPATH, or those whose UUID begins with LFLOW",
    prepare,
    run,
};

pub(super) const DUMP_FLOWS: Verb = Verb { name: "dump-flows", help: "the same as lflow-list", ..LFLOW_LIST };

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    super::flows::prepare(&["match", "actions"], needs);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
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
            let uuid = if command.has("--uuid") {
                format!("uuid=0x{:08x}, ", flow.uuid.first_u32())
            } else {
                String::new()
            };
            context.print(format!(
                "  {uuid}table={:<2}({:<19}), priority={:<5}, match=({}), action=({})",
                flow.table_id,
                stage_name(flow),
                flow.priority,
                flow.r#match,
                flow.actions
            ));
        }
    }
    Ok(())
}

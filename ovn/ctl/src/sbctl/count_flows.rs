//! `count-flows [DATAPATH]`.

use super::flows::{GROUP, datapath, halves, stage_name};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use std::collections::BTreeMap;

pub(super) const COUNT_FLOWS: Verb = Verb {
    name: "count-flows",
    options: &[],
    parameters: &[Parameter::Maybe("DATAPATH")],
    group: GROUP,
    help: "count logical flows by table, of DATAPATH or of all",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    super::flows::prepare(&[], needs);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let only = match command.optional(0) {
        Some(name) => datapath(context, name)?,
        None => None,
    };
    let is_unknown = command.optional(0).is_some() && only.is_none();
    let mut total = 0;
    for half in if is_unknown { Vec::new() } else { halves(context, only, |_| true)? } {
        context.print(format!("Datapath: {}  Pipeline: {}", half.datapath, half.pipeline));
        let mut tables = BTreeMap::new();
        for flow in &half.flows {
            let (stage, count) = tables.entry(flow.table_id).or_insert(("", 0));
            *stage = stage_name(flow);
            *count += 1;
        }
        for (table, (stage, count)) in tables {
            context.print(format!("  table={table:<2}({stage:<19}) lflows={count}"));
        }
        let (datapath, pipeline, count) = (&half.datapath, &half.pipeline, half.flows.len());
        context.print(format!(
            "Total number of logical flows in the datapath {datapath} Pipeline: {pipeline} = {count}\n"
        ));
        total += count;
    }
    context.print(format!("Total number of logical flows = {total}"));
    Ok(())
}

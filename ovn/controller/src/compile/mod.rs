//! Logical actions to OpenFlow actions, one file a family, named as in `lflow::action`.
//!
//! Pure: what an action needs to know of the chassis comes as an [`Environment`]. The tables are those of
//! [`crate::tables`]; what a controller does with a packet that an action hands to it is in `packet_in`, one file a protocol.

mod assign;
mod conntrack;
mod fdb;
mod log;
mod port_security;
pub mod punt;

use lflow::action::{Action as Logical, Next};
use lflow::expr::Ports;
use lflow::pipeline::Pipeline;
use lflow::symbols::FieldRef;
use openflow::{Action, MeterId, Subfield};

use crate::tables::{self, OfTable};

/// What surrounds the flow that is compiled.
pub struct Environment<'a> {
    /// Keys of the ports and groups of the flow's datapath.
    pub ports: &'a dyn Ports,
    /// Where the flow stands.
    pub pipeline: Pipeline,
    /// Its table there; the language refuses actions that would go on beyond the last.
    pub table: u8,
    /// Whether the datapath is a switch; a router has zones of its own for address translation.
    pub is_switch: bool,
    /// The meter that limits what the flow hands to the controller, if any.
    pub controller_meter: Option<MeterId>,
    /// The meter of a name that an action gives.
    pub meter: &'a dyn Fn(&str) -> Option<MeterId>,
}

/// Why an action has no translation here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The language promises that the operand is a field of the packet or its metadata.
    #[error("{field} is not a field that a switch can change")]
    NotAField {
        /// As it is written.
        field: String,
    },
    /// Both sides of a copy have the same width by the language's rules.
    #[error("{from} and {to} have different widths")]
    Widths {
        /// Where from, as it is written.
        from: String,
        /// Where to, as it is written.
        to: String,
    },
}

/// Translates the actions of one flow. No actions drop the packet.
///
/// # Errors
/// When an operand is not what the language promises; the flow is left out then.
pub fn actions(logical: &[Logical], env: &Environment<'_>) -> Result<Vec<Action>, CompileError> {
    let mut out = Vec::with_capacity(logical.len());
    for action in logical {
        one(action, env, &mut out)?;
    }
    Ok(out)
}

fn one(action: &Logical, env: &Environment<'_>, out: &mut Vec<Action>) -> Result<(), CompileError> {
    match action {
        Logical::Output => out.push(resubmit(output_table(env.pipeline))),
        Logical::Next(Next { pipeline, table, from: _ }) => {
            out.push(resubmit(tables::of_stage(*pipeline, *table)))
        }
        Logical::Load(load) => assign::load(load, env, out)?,
        Logical::Move(assignment) => assign::copy(&assignment.from, &assignment.to, out)?,
        Logical::Exchange(exchange) => assign::exchange(exchange, out)?,
        Logical::Push(field) => out.push(Action::Push(subfield(field)?)),
        Logical::Pop(field) => out.push(Action::Pop(subfield(field)?)),
        Logical::DecrementTtl => out.push(Action::DecTtl { controllers: Some(vec![0]) }),
        Logical::CtClear => out.push(Action::CtClear),
        Logical::CtNext(next) => conntrack::next(*next, env, out),
        Logical::CtCommit(commit) => conntrack::commit(commit, env, out)?,
        Logical::CtLbMark => conntrack::track_translated(env, out),
        Logical::Clone(nested) => out.push(Action::Clone(actions(nested, env)?)),
        Logical::Replace(kind, nested) => punt::replace(*kind, &actions(nested, env)?, env, out),
        Logical::PutFdb(put) => fdb::put(put, env, out)?,
        Logical::GetFdb(get) => fdb::get(get, out)?,
        Logical::LookupFdb(lookup) => fdb::lookup(lookup, out)?,
        Logical::CheckInPortSec(result) => port_security::check(tables::CHK_IN_PORT_SEC, result, out)?,
        Logical::CheckOutPortSec(result) => port_security::check(tables::CHK_OUT_PORT_SEC, result, out)?,
        Logical::SetQueue(id) => out.push(Action::SetQueue(*id)),
        Logical::Log(log) => log::punt(log, env, out),
        Logical::HandleSvcCheck(port) => punt::handle_svc_check(port, env, out)?,
    }
    Ok(())
}

fn output_table(pipeline: Pipeline) -> OfTable {
    match pipeline {
        Pipeline::Ingress => tables::OUTPUT_LARGE_PKT_DETECT,
        Pipeline::Egress => tables::SAVE_INPORT,
    }
}

/// `resubmit(,table)`.
pub fn resubmit(table: OfTable) -> Action {
    Action::resubmit(table.number())
}

/// The bits of a field that a logical name stands for.
fn subfield(field: &FieldRef) -> Result<Subfield, CompileError> {
    let (field, low, bits) =
        field.openflow().ok_or_else(|| CompileError::NotAField { field: field.to_string() })?;
    Ok(Subfield::new(field, low, bits))
}

/// Does `body` with other fields holding `arguments`, and puts back what these fields held: upstream's way to call a table.
fn with_arguments(
    arguments: &[(Subfield, Subfield)],
    out: &mut Vec<Action>,
    body: impl FnOnce(&mut Vec<Action>) -> Result<(), CompileError>,
) -> Result<(), CompileError> {
    let moved: Vec<&(Subfield, Subfield)> = arguments.iter().filter(|(from, to)| from != to).collect();
    for (_, to) in &moved {
        out.push(Action::Push(*to));
    }
    for (from, to) in &moved {
        out.push(Action::copy(*from, *to));
    }
    body(out)?;
    for (_, to) in moved.iter().rev() {
        out.push(Action::Pop(*to));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

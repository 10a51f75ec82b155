//! Assignments: constants, copies, exchanges.

use lflow::action::{Constant, Exchange, Load};
use lflow::symbols::FieldRef;
use openflow::{Action, SetField};

use super::{CompileError, Environment, subfield};

/// `field = constant;`. The name of a port that does not exist is key zero, which no port has.
pub(super) fn load(load: &Load, env: &Environment<'_>, out: &mut Vec<Action>) -> Result<(), CompileError> {
    let to = subfield(&load.field)?;
    match &load.value {
        Constant::String(name) => {
            let key = if name.is_empty() { 0 } else { env.ports.key(name).unwrap_or(0) };
            out.push(Action::set_bits(to, key));
        }
        Constant::Integer(integer) => {
            let shift = u32::from(to.offset);
            let mask =
                integer.mask.map_or(u128::MAX, |mask| mask).checked_shl(shift).unwrap_or(0) & to.mask();
            let value = integer.value.checked_shl(shift).unwrap_or(0);
            out.push(Action::SetField(SetField::masked(to.field, value & mask, mask)));
        }
    }
    Ok(())
}

/// `to = from;`
pub(super) fn copy(from: &FieldRef, to: &FieldRef, out: &mut Vec<Action>) -> Result<(), CompileError> {
    let (source, target) = (subfield(from)?, subfield(to)?);
    if source.bits != target.bits {
        return Err(CompileError::Widths { from: from.to_string(), to: to.to_string() });
    }
    out.push(Action::copy(source, target));
    Ok(())
}

/// `left <-> right;`, over the stack.
pub(super) fn exchange(exchange: &Exchange, out: &mut Vec<Action>) -> Result<(), CompileError> {
    let (left, right) = (subfield(&exchange.left)?, subfield(&exchange.right)?);
    out.extend([Action::Push(right), Action::Push(left), Action::Pop(right), Action::Pop(left)]);
    Ok(())
}

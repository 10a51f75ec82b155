//! Port security: a table says whether the packet is refused.

use lflow::symbols::FieldRef;
use openflow::Action;

use super::{CompileError, resubmit, subfield};
use crate::tables::{self, OfTable};

/// `bit = check_in_port_sec();` and its counterpart.
pub(super) fn check(table: OfTable, result: &FieldRef, out: &mut Vec<Action>) -> Result<(), CompileError> {
    out.push(Action::set_bits(tables::FLAG_CHECK_PORT_SEC, 0_u8));
    out.push(resubmit(table));
    out.push(Action::copy(tables::FLAG_CHECK_PORT_SEC, subfield(result)?));
    Ok(())
}

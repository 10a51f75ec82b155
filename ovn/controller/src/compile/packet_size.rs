//! `bit = check_pkt_larger(n);`

use lflow::action::CheckPktLarger;
use openflow::Action;

use super::{CompileError, subfield};

/// The switch itself sets the bit.
pub(super) fn check(check: &CheckPktLarger, out: &mut Vec<Action>) -> Result<(), CompileError> {
    out.push(Action::CheckPktLarger { length: check.octets, dst: subfield(&check.result)? });
    Ok(())
}

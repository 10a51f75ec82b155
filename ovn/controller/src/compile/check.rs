//! Questions that a table answers with a flag.

use lflow::action::Check;
use lflow::symbols::FieldRef;
use openflow::{Action, Subfield};

use super::{CompileError, resubmit, subfield};
use crate::tables::{self, OfTable};

/// `bit = check_in_port_sec();` and its kin.
pub(super) fn check(check: Check, result: &FieldRef, out: &mut Vec<Action>) -> Result<(), CompileError> {
    let (table, flag) = match check {
        Check::InPortSecurity => (tables::CHK_IN_PORT_SEC, tables::FLAG_CHECK_PORT_SEC),
        Check::OutPortSecurity => (tables::CHK_OUT_PORT_SEC, tables::FLAG_CHECK_PORT_SEC),
        Check::LbHairpin => (tables::CHK_LB_HAIRPIN, tables::FLAG_LB_HAIRPIN),
        Check::LbHairpinReply => (tables::CHK_LB_HAIRPIN_REPLY, tables::FLAG_LB_HAIRPIN),
        Check::EcmpNextHopMac => (tables::ECMP_NH_MAC, tables::FLAG_COMMIT_ECMP_NH),
        Check::EcmpNextHop => (tables::ECMP_NH, tables::FLAG_COMMIT_ECMP_NH),
        Check::LbAffinity => (tables::CHK_LB_AFFINITY, tables::FLAG_LB_AFF_SESSION),
    };
    ask(table, flag, subfield(result)?, out);
    Ok(())
}

/// Has a table fill in some bits, which are zero if it does not, and copies them.
pub(super) fn ask(table: OfTable, answer: Subfield, result: Subfield, out: &mut Vec<Action>) {
    out.push(Action::set_bits(answer, 0_u8));
    out.push(resubmit(table));
    if answer != result {
        out.push(Action::copy(answer, result));
    }
}

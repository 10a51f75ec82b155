//! Connection tracking: which zone, and where the packet goes on.

use lflow::action::{CtCommit, CtNext, CtOriginal, Tracking, Zone};
use lflow::symbols::FieldRef;
use openflow::{Action, Ct, Nat, NatKind, Subfield, ZoneSource};

use super::{CompileError, Environment, actions, check, subfield};
use crate::tables;

/// The zone of an action that names one or none.
pub(super) fn zone(zone: Option<Zone>, env: &Environment<'_>) -> Subfield {
    match zone {
        _ if env.is_switch => tables::PORT_ZONE,
        Some(Zone::Dnat) | None => tables::DNAT_ZONE,
        Some(Zone::Snat) => tables::SNAT_ZONE,
    }
}

/// Tracking in a zone, and no more.
pub(crate) fn in_zone(zone: Subfield) -> Ct {
    Ct {
        commit: false,
        force: false,
        zone: ZoneSource::Field(zone),
        table: None,
        alg: 0,
        actions: Vec::new(),
    }
}

/// The number of a table of the same pipeline.
pub(super) fn recirculation(table: u8, env: &Environment<'_>) -> Option<u8> {
    Some(tables::of_stage(env.pipeline, table).number())
}

/// `ct_next;`, `ct_commit_nat;`, `ct_commit_to_zone(...);`
pub(super) fn next(tracking: Tracking, next: CtNext, env: &Environment<'_>, out: &mut Vec<Action>) {
    let (commit, actions) = match tracking {
        Tracking::Track => (false, Vec::new()),
        Tracking::CommitNat => (true, vec![Action::Nat(Nat::existing())]),
        Tracking::CommitToZone => (true, Vec::new()),
    };
    let table = recirculation(next.table, env);
    out.push(Action::Ct(Box::new(Ct { commit, table, actions, ..in_zone(zone(next.zone, env)) })));
}

/// `ct_commit { ... };`
///
/// A connection that is only committed may have the same addresses as one that is translated: with a
/// source translation to nothing the switch finds another port for one of them.
pub(super) fn commit(
    commit: &CtCommit,
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    let mut nested = Vec::new();
    if env.features.ct_zero_snat {
        nested.push(Action::Nat(Nat { kind: NatKind::Src, ..Nat::existing() }));
    }
    nested.extend(actions(&commit.actions, env)?);
    out.push(Action::Ct(Box::new(Ct { commit: true, actions: nested, ..in_zone(zone(None, env)) })));
    Ok(())
}

/// `field = ct_nw_dst();` and the like. The table answers in a register of the logical pipeline, which is put back.
pub(super) fn original(
    what: CtOriginal,
    result: &FieldRef,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    let table = match what {
        CtOriginal::Ipv4Destination => tables::CT_ORIG_NW_DST,
        CtOriginal::Ipv6Destination => tables::CT_ORIG_IP6_DST,
        CtOriginal::DestinationPort => tables::CT_ORIG_TP_DST,
        CtOriginal::Protocol => tables::CT_ORIG_PROTO,
    };
    let answer = Subfield::new(tables::RESULT, 0, what.bits());
    let result = subfield(result)?;
    let keeps = result.field != answer.field || result.offset >= answer.bits;
    if keeps {
        out.push(Action::Push(answer));
    }
    check::ask(table, answer, result, out);
    if keeps {
        out.push(Action::Pop(answer));
    }
    Ok(())
}

/// `field = ct_state_save();`
pub(super) fn state_save(result: &FieldRef, out: &mut Vec<Action>) -> Result<(), CompileError> {
    check::ask(tables::CT_STATE_SAVE, tables::SAVED_CT_STATE, subfield(result)?, out);
    Ok(())
}

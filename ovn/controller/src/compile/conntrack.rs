//! Connection tracking: which zone, and where the packet goes on.

use lflow::action::{CtCommit, CtNext, Zone};
use openflow::{Action, Ct, Nat, Subfield, ZoneSource};

use super::{CompileError, Environment, actions};
use crate::tables;

fn zone(zone: Option<Zone>, env: &Environment<'_>) -> Subfield {
    match zone {
        Some(Zone::Dnat) => tables::DNAT_ZONE,
        Some(Zone::Snat) => tables::SNAT_ZONE,
        None if env.is_switch => tables::PORT_ZONE,
        None => tables::DNAT_ZONE,
    }
}

fn in_zone(zone: Subfield) -> Ct {
    Ct {
        commit: false,
        force: false,
        zone: ZoneSource::Field(zone),
        table: None,
        alg: 0,
        actions: Vec::new(),
    }
}

/// `ct_next;`
pub(super) fn next(next: CtNext, env: &Environment<'_>, out: &mut Vec<Action>) {
    out.push(Action::Ct(Box::new(Ct {
        table: Some(tables::of_stage(env.pipeline, next.table).number()),
        ..in_zone(zone(next.zone, env))
    })));
}

/// `ct_lb_mark;`: like `ct_next`, with the translation that the connection has already.
pub(super) fn track_translated(env: &Environment<'_>, out: &mut Vec<Action>) {
    out.push(Action::Ct(Box::new(Ct {
        table: Some(tables::of_stage(env.pipeline, env.table + 1).number()),
        actions: vec![Action::Nat(Nat::existing())],
        ..in_zone(zone(None, env))
    })));
}

/// `ct_commit { ... };`
pub(super) fn commit(
    commit: &CtCommit,
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    out.push(Action::Ct(Box::new(Ct {
        commit: true,
        actions: actions(&commit.actions, env)?,
        ..in_zone(zone(None, env))
    })));
    Ok(())
}

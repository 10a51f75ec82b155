//! Copies to elsewhere.

use openflow::{Action, Field, PortNo};

use super::{Environment, resubmit};
use crate::tables;

/// `mirror("port");`: nothing if there is no such port.
///
/// The copy comes from nowhere, so that it may go to a port of the bridge that the packet came in by.
pub(super) fn mirror(port: &str, env: &Environment<'_>, out: &mut Vec<Action>) {
    let Some(key) = env.ports.key(port) else { return };
    let nowhere = PortNo::NONE.to_u16().unwrap_or(u16::MAX);
    out.push(Action::Clone(vec![
        Action::set(Field::InPort16, nowhere),
        Action::set(tables::OUTPORT, key),
        resubmit(tables::REMOTE_OUTPUT),
    ]));
}

/// `flood_remote;`
pub(super) fn remote(out: &mut Vec<Action>) {
    out.push(resubmit(tables::FLOOD_REMOTE_CHASSIS));
}

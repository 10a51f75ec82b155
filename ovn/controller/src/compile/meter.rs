//! `set_meter(...);`

use lflow::action::SetMeter;
use openflow::Action;

use super::{Environment, Meter};

/// A meter of the flow's own.
pub(super) fn set(meter: &SetMeter, env: &Environment<'_>, out: &mut Vec<Action>) {
    out.extend(env.resources.meter(Meter::Own(*meter)).map(Action::Meter));
}

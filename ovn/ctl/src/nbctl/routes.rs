//! Static routes: what `lr-route-add`, `lr-route-del` and `lr-route-list` share.

use super::rows::rows;
use crate::Failure;
use crate::cli::Command;
use crate::failure::fail;
use crate::needs::Needs;
use crate::view::{View, references};
use ovsdb::Uuid;
use schema::TypedRow;
use schema::nb::{LogicalRouter, LogicalRouterStaticRoute as Route};

pub(super) const GROUP: &str = "Logical router route commands";
pub(super) const COLUMN: &str = "static_routes";

/// A next hop that drops.
pub(super) const DISCARD: &str = "discard";

/// Asks for what the routes of a router take.
pub(super) fn prepare(needs: &mut Needs) {
    super::rows::prepare_named::<LogicalRouter>(needs, &[COLUMN]);
    needs.rows::<Route>();
}

/// The routes of a router, in the order of their UUIDs.
pub(super) fn routes(view: &View, router: Uuid) -> Result<Vec<Route>, Failure> {
    rows(view, &references(&view.value(LogicalRouter::TABLE, router, COLUMN)))
}

/// By what a route is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    Destination,
    Source,
}

impl Policy {
    /// The argument of `--policy`.
    pub(super) fn of(command: &Command) -> Result<Option<Self>, Failure> {
        match command.option("--policy") {
            None => Ok(None),
            Some("dst-ip") => Ok(Some(Self::Destination)),
            Some("src-ip") => Ok(Some(Self::Source)),
            Some(other) => fail!("bad policy: {other}"),
        }
    }

    /// That of a route.
    pub(super) fn of_route(route: &Route) -> Self {
        if route.policy.as_deref() == Some(Self::Source.name()) { Self::Source } else { Self::Destination }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Destination => "dst-ip",
            Self::Source => "src-ip",
        }
    }
}

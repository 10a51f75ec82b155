//! Routing policies: what `lr-policy-add`, `lr-policy-del` and `lr-policy-list` share.

use super::rows::{prepare_named, rows};
use crate::Failure;
use crate::needs::Needs;
use crate::view::{View, references};
use ovsdb::Uuid;
use schema::TypedRow;
use schema::nb::{LogicalRouter, LogicalRouterPolicy as Policy};

pub(super) const GROUP: &str = "Logical router policy commands";
pub(super) const COLUMN: &str = "policies";

/// Asks for what the policies of a router take.
pub(super) fn prepare(needs: &mut Needs) {
    prepare_named::<LogicalRouter>(needs, &[COLUMN]);
    needs.rows::<Policy>();
}

/// The policies of a router.
pub(super) fn policies(view: &View, router: Uuid) -> Result<Vec<Policy>, Failure> {
    rows(view, &references(&view.value(LogicalRouter::TABLE, router, COLUMN)))
}

/// The chain of a policy; the one without a name is the first that packets meet.
pub(super) fn chain(policy: &Policy) -> &str {
    policy.chain.as_deref().unwrap_or_default()
}

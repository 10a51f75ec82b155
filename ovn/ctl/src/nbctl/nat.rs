//! Network address translation: what the `lr-nat-*` verbs share.

use super::addresses::normal_prefix;
use super::rows::{prepare_named, rows};
use crate::Failure;
use crate::failure::fail;
use crate::needs::Needs;
use crate::view::{View, references};
use ovsdb::Uuid;
use schema::TypedRow;
use schema::nb::{LogicalRouter, LogicalRouterPort, Nat};

pub(super) const GROUP: &str = "NAT commands";
pub(super) const COLUMN: &str = "nat";

/// Asks for what the translations of a router take.
pub(super) fn prepare(needs: &mut Needs) {
    prepare_named::<LogicalRouter>(needs, &[COLUMN]);
    prepare_named::<LogicalRouterPort>(needs, &[]);
    needs.rows::<Nat>();
}

/// The translations of a router, in the order of their UUIDs.
pub(super) fn nats(view: &View, router: Uuid) -> Result<Vec<Nat>, Failure> {
    rows(view, &references(&view.value(LogicalRouter::TABLE, router, COLUMN)))
}

/// What is translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Destination,
    Source,
    Both,
}

impl Type {
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        match text {
            "dnat" => Ok(Self::Destination),
            "snat" => Ok(Self::Source),
            "dnat_and_snat" => Ok(Self::Both),
            _ => fail!("{text}: type must be one of \"dnat\", \"snat\" and \"dnat_and_snat\"."),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Destination => "dnat",
            Self::Source => "snat",
            Self::Both => "dnat_and_snat",
        }
    }

    /// The column by whose address translations of this type are told apart.
    pub(super) fn key_column(self) -> &'static str {
        match self {
            Self::Source => "logical_ip",
            Self::Destination | Self::Both => "external_ip",
        }
    }

    /// The address by which the translation is told apart, if it is one.
    pub(super) fn key(self, nat: &Nat) -> Option<String> {
        normal_prefix(match self {
            Self::Source => &nat.logical_ip,
            Self::Destination | Self::Both => &nat.external_ip,
        })
    }
}

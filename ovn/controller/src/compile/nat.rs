//! Address translation.

use lflow::action::{CtNat, NatKind as LogicalKind, NatTarget};
use openflow::{Action, Ct, Nat, NatKind, NatRange, NatSpread};
use std::net::IpAddr;

use super::conntrack::{in_zone, recirculation};
use super::{Environment, resubmit};
use crate::tables;

/// `ct_dnat(...);` and the like.
pub(super) fn translate(nat: &CtNat, env: &Environment<'_>, out: &mut Vec<Action>) {
    let zone = match nat.kind {
        LogicalKind::Dnat => tables::DNAT_ZONE,
        LogicalKind::Snat => tables::SNAT_ZONE,
        LogicalKind::DnatInCommonZone | LogicalKind::SnatInCommonZone => env.common_zone,
    };
    let kind = if nat.kind.is_destination() { NatKind::Dst } else { NatKind::Src };
    let translation = nat.target.map_or_else(Nat::existing, |target| to(kind, target));
    out.push(Action::Ct(Box::new(Ct {
        commit: nat.target.is_some(),
        table: recirculation(nat.table, env),
        actions: vec![Action::Nat(translation)],
        ..in_zone(zone)
    })));
}

/// The translation to an address, of ports at random where there is a choice: the default differs between switches.
pub(super) fn to(kind: NatKind, target: NatTarget) -> Nat {
    let spread = match target.ports {
        Some((_, Some(_))) => NatSpread::Random,
        Some((_, None)) | None => NatSpread::Default,
    };
    let range = match target.address {
        IpAddr::V4(min) => NatRange::V4 { min, max: None },
        IpAddr::V6(min) => NatRange::V6 { min, max: None },
    };
    Nat { kind, range, ports: target.ports, spread, ..Nat::existing() }
}

/// `ct_snat_to_vip;`
pub(super) fn to_vip(out: &mut Vec<Action>) {
    out.push(resubmit(tables::CT_SNAT_HAIRPIN));
}

//! `Port_Binding.chassis`, `encap` and `up` of the ports of this chassis.
//!
//! A port is claimed when its interface is here, released when that is gone, and up once the switch has its flows.
//! Upstream: binding.c.

use ovsdb::Uuid;
use schema::TypedRow;
use schema::sb::PortBinding;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Draft, Rows};
use crate::host::ENCAP_IP;
use crate::network::Local;

/// Two chassis that both have an interface for a port do not take it from each other more often than this.
const CLAIM_INTERVAL: Duration = Duration::from_millis(500);

/// When ports were claimed that another chassis had. Holds ports of this chassis only.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    taken: BTreeMap<Uuid, Instant>,
    /// Those that wait for their interval to pass.
    put_off: BTreeSet<Uuid>,
}

impl Claims {
    /// When the next claim is due that was put off.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.put_off.iter().filter_map(|port| self.taken.get(port)).map(|at| *at + CLAIM_INTERVAL).min()
    }
}

pub(crate) fn plan(rows: &Rows<'_>, claims: &mut Claims, draft: &mut Draft<'_>) {
    let Some(chassis) = rows.chassis() else { return };
    let mut ours = BTreeSet::new();
    claims.put_off.clear();
    for (port, local) in rows.inputs.claimed() {
        ours.insert(port.uuid);
        if let Some(row) = rows.sb.port_binding.get(&port.uuid) {
            claim(rows, chassis.uuid, row, local, claims, draft);
        }
    }
    claims.taken.retain(|port, _| ours.contains(port));
    for port in rows.inputs.hosted() {
        ours.insert(port);
        if let Some(row) = rows.sb.port_binding.get(&port) {
            host(chassis.uuid, row, draft);
        }
    }
    for port in rows.inputs.bound_to(chassis.uuid).filter(|port| !ours.contains(port)) {
        // Other kinds of ports are bound by other rules.
        let by_us = |row: &&Arc<PortBinding>| matches!(&*row.r#type, "" | "l3gateway" | "chassisredirect");
        if let Some(row) = rows.sb.port_binding.get(&port).filter(by_us) {
            release(row, draft);
        }
    }
}

fn claim(
    rows: &Rows<'_>,
    chassis: Uuid,
    row: &PortBinding,
    local: &Local,
    claims: &mut Claims,
    draft: &mut Draft<'_>,
) {
    let now = rows.now.instant;
    let mut wanted = row.clone();
    if row.chassis != Some(chassis) {
        if let Some(other) = row.chassis {
            if claims.taken.get(&row.uuid).is_some_and(|at| now < *at + CLAIM_INTERVAL) {
                claims.put_off.insert(row.uuid);
                return;
            }
            claims.taken.insert(row.uuid, now);
            let other = rows.sb.chassis.get(&other).map(|row| &*row.name).unwrap_or_default();
            tracing::info!(
                "Changing chassis for lport {} from {other} to {}.",
                row.logical_port,
                rows.config.system_id
            );
        } else {
            tracing::info!("Claiming lport {} for this chassis.", row.logical_port);
        }
        let addresses: Vec<&str> = row.mac.iter().map(|mac| &**mac).collect();
        tracing::info!("{}: Claiming {}", row.logical_port, addresses.join(", "));
    }
    wanted.chassis = Some(chassis);
    wanted.encap = encap_of(rows, local);
    if rows.installed.get(&row.uuid) == Some(local) && row.up != Some(true) && row.chassis == Some(chassis) {
        tracing::info!("Setting lport {} up in Southbound", row.logical_port);
        wanted.up = Some(true);
    }
    draft.txn.update(PortBinding::TABLE, row.uuid, row.diff(&wanted));
}

/// A gateway port is ours. It has no interface to wait for, so it is up at once.
fn host(chassis: Uuid, row: &PortBinding, draft: &mut Draft<'_>) {
    if row.chassis != Some(chassis) {
        tracing::info!("Claiming lport {} for this chassis.", row.logical_port);
    }
    let wanted = PortBinding { chassis: Some(chassis), up: Some(true), ..row.clone() };
    draft.txn.update(PortBinding::TABLE, row.uuid, row.diff(&wanted));
}

/// The encap that the interface asks for, if it is one of several.
fn encap_of(rows: &Rows<'_>, local: &Local) -> Option<Uuid> {
    let interface = rows.vswitch.interface.get(&local.interface)?;
    let ip = interface.external_ids.get(ENCAP_IP)?;
    let encaps = &rows.chassis()?.encaps;
    encaps.iter().copied().find(|encap| rows.sb.encap.get(encap).is_some_and(|row| row.ip == *ip))
}

/// Gives a port back.
pub(super) fn release(row: &PortBinding, draft: &mut Draft<'_>) {
    tracing::info!("Releasing lport {} from this chassis.", row.logical_port);
    if row.up == Some(true) {
        tracing::info!("Setting lport {} down in Southbound", row.logical_port);
    }
    let mut wanted = row.clone();
    wanted.chassis = None;
    wanted.encap = None;
    wanted.up = row.up.map(|_| false);
    draft.txn.update(PortBinding::TABLE, row.uuid, row.diff(&wanted));
}

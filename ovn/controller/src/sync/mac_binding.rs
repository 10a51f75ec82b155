//! `MAC_Binding`: which MAC addresses the neighbours of routers' ports have.
//!
//! A row says when its neighbour was seen last, and is written again while that goes on, so that it does not end.
//! Upstream: pinctrl.c, run_put_mac_bindings; mac-cache.c.

use ovsdb::Str;
use packet::MacAddr;
use schema::TypedRow;
use schema::sb::MacBinding;
use std::collections::{BTreeMap, BTreeSet};

use super::{Draft, Rows};
use crate::packet_in::{Hop, NeighborAt};
use crate::uses;

/// Most neighbours that wait to be written; more are dropped, and will be asked for again.
const PENDING_MAX: usize = 1000;

/// Neighbours that were heard of and are not written yet.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    macs: BTreeMap<Hop, MacAddr>,
    /// Beginnings of the UUIDs of rows whose neighbours were seen; not more than there are rows.
    used: BTreeSet<u32>,
}

impl Heard {
    pub(crate) fn add(&mut self, neighbor: NeighborAt) {
        if self.macs.len() < PENDING_MAX || self.macs.contains_key(&neighbor.hop) {
            self.macs.insert(neighbor.hop, neighbor.mac);
        }
    }

    /// Neighbours were seen.
    pub(crate) fn used(&mut self, used: BTreeSet<u32>) {
        self.used.extend(used);
    }
}

/// Writes what was heard; what is written already, or is about a port that is gone, is forgotten.
pub(crate) fn plan(rows: &Rows<'_>, heard: &mut Heard, draft: &mut Draft<'_>) {
    refresh(rows, std::mem::take(&mut heard.used), draft);
    if heard.macs.is_empty() {
        return;
    }
    let mut wanted = BTreeMap::new();
    heard.macs.retain(|hop, mac| {
        let port = rows.inputs.port_by_keys(hop.datapath, hop.port);
        let Some(port) = port else { return false };
        wanted.insert((port.name.clone(), Str::from(hop.ip.to_string())), (*hop, *mac, port.datapath));
        true
    });
    // One pass over the rows for all that were heard of.
    for row in rows.sb.mac_binding.values() {
        let Some((hop, mac, _)) = wanted.remove(&(row.logical_port.clone(), row.ip.clone())) else {
            continue;
        };
        if row.mac.parse() == Ok(mac) {
            heard.macs.remove(&hop);
            continue;
        }
        let wanted =
            MacBinding { mac: mac.to_string().into(), timestamp: rows.now.wall_ms, ..(**row).clone() };
        draft.txn.update(MacBinding::TABLE, row.uuid, row.diff(&wanted));
    }
    for ((logical_port, ip), (_, mac, datapath)) in wanted {
        let (mac, timestamp) = (mac.to_string().into(), rows.now.wall_ms);
        let row = MacBinding { logical_port, ip, mac, timestamp, datapath, ..MacBinding::default() };
        let uuid = draft.uuids.generate();
        draft.txn.insert(MacBinding::TABLE, uuid, row.to_row());
    }
}

/// Writes the time into rows of neighbours that were seen, unless it was written not long ago: maybe by another chassis.
fn refresh(rows: &Rows<'_>, used: BTreeSet<u32>, draft: &mut Draft<'_>) {
    if used.is_empty() {
        return;
    }
    for row in rows.sb.mac_binding.values().filter(|row| used.contains(&row.uuid.first_u32())) {
        let datapath = rows.inputs.network.datapaths.peek(&row.datapath);
        let Some(age) = datapath.and_then(|datapath| datapath.neighbor_age) else { continue };
        let pause = i64::try_from(uses::period(age).as_millis()).unwrap_or(i64::MAX);
        if rows.now.wall_ms.saturating_sub(row.timestamp) >= pause {
            let wanted = MacBinding { timestamp: rows.now.wall_ms, ..(**row).clone() };
            draft.txn.update(MacBinding::TABLE, row.uuid, row.diff(&wanted));
        }
    }
}

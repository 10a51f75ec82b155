//! `FDB`: MAC addresses that were seen at ports with unknown addresses.

use ovsdb::Str;
use packet::MacAddr;
use schema::TypedRow;
use schema::sb::Fdb;
use std::collections::BTreeMap;

use super::{Draft, Rows};

/// Most addresses that wait to be written; more are dropped, and will be seen again.
const PENDING_MAX: usize = 1000;

/// Addresses that were seen and are not written yet: where each one is, by datapath.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    at: BTreeMap<(u32, MacAddr), u32>,
}

impl Seen {
    pub(crate) fn add(&mut self, datapath: u32, mac: MacAddr, port: u32) {
        if self.at.len() < PENDING_MAX || self.at.contains_key(&(datapath, mac)) {
            self.at.insert((datapath, mac), port);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at.is_empty()
    }
}

/// Writes what was seen; what is written already is forgotten.
pub(crate) fn plan(rows: &Rows<'_>, seen: &mut Seen, draft: &mut Draft<'_>) {
    if seen.is_empty() {
        return;
    }
    // One pass over the rows for all that were seen.
    let mut known = BTreeMap::new();
    for row in rows.sb.fdb.values() {
        let (Ok(datapath), Ok(mac)) = (u32::try_from(row.dp_key), row.mac.parse::<MacAddr>()) else {
            continue;
        };
        if seen.at.contains_key(&(datapath, mac)) {
            known.insert((datapath, mac), row);
        }
    }
    seen.at.retain(|at, port| known.get(at).is_none_or(|row| row.port_key != i64::from(*port)));
    for (&(datapath, mac), &port) in &seen.at {
        let wanted = Fdb {
            mac: Str::from(mac.to_string()),
            dp_key: datapath.into(),
            port_key: port.into(),
            timestamp: rows.now.wall_ms,
            ..Fdb::default()
        };
        match known.get(&(datapath, mac)) {
            Some(row) => drop(draft.txn.update(Fdb::TABLE, row.uuid, row.diff(&wanted))),
            None => {
                let uuid = draft.uuids.generate();
                draft.txn.insert(Fdb::TABLE, uuid, wanted.to_row());
            }
        }
    }
}

//! `Chassis` and its `Encap` rows: who we are and how others send to us.
//!
//! Upstream: chassis.c chassis_run.

use ovsdb::{Str, Uuid};
use schema::TypedRow;
use schema::sb::{Chassis, Encap};
use std::collections::{BTreeMap, BTreeSet};

use super::{Draft, Rows};
use crate::model::LocalEncap;

/// What northd may count on. A key that is absent is a feature that is absent.
const FEATURES: [&str; 5] =
    ["port-up-notif", "ct-no-masked-label", "ovn-ct-lb-related", "mac-binding-timestamp", "fdb-timestamp"];

pub(crate) fn plan(rows: &Rows<'_>, draft: &mut Draft<'_>) {
    // A chassis without an address to send to is of no use to others, and the schema wants none without.
    if rows.config.encaps.is_empty() {
        return;
    }
    let old = rows.chassis();
    let mut wanted = Chassis {
        name: rows.config.system_id.clone(),
        hostname: rows.config.hostname.clone(),
        transport_zones: rows.config.transport_zones.clone(),
        other_config: other_config(rows),
        encaps: encaps(rows, old.map(|row| &row.encaps), draft),
        ..Chassis::default()
    };
    let Some(old) = old else {
        tracing::info!(chassis = &*wanted.name, "registering this chassis");
        let uuid = draft.uuids.generate();
        draft.txn.insert(Chassis::TABLE, uuid, wanted.to_row());
        return;
    };
    // What others wrote stays.
    let merged = old.other_config.iter().filter(|(key, _)| !wanted.other_config.contains_key(*key));
    let merged: Vec<_> = merged.map(|(key, value)| (key.clone(), value.clone())).collect();
    wanted.other_config.extend(merged);
    wanted.external_ids = old.external_ids.clone();
    wanted.vtep_logical_switches = old.vtep_logical_switches.clone();
    wanted.nb_cfg = old.nb_cfg;
    draft.txn.update(Chassis::TABLE, old.uuid, old.diff(&wanted));
}

fn other_config(rows: &Rows<'_>) -> BTreeMap<Str, Str> {
    let text = |flag: bool| Str::from(if flag { "true" } else { "false" });
    let mut config: BTreeMap<Str, Str> =
        rows.config.passed_on.iter().map(|(key, value)| (Str::from(*key), value.clone())).collect();
    config.extend(FEATURES.iter().map(|feature| (Str::from(*feature), text(true))));
    config.insert("ovn-monitor-all".into(), text(rows.config.monitor_all));
    config.insert("is-interconn".into(), text(rows.config.is_interconn));
    config.insert("ovn-enable-lflow-cache".into(), text(true));
    if let Some(bridge) = rows.bridge() {
        config.insert("datapath-type".into(), bridge.datapath_type.clone());
    }
    if let Some(switch) = rows.switch() {
        let types: Vec<&str> = switch.iface_types.iter().map(|ty| &**ty).collect();
        config.insert("iface-types".into(), types.join(",").into());
    }
    config
}

/// The rows of our encaps: those that are there already, and new ones.
fn encaps(rows: &Rows<'_>, old: Option<&BTreeSet<Uuid>>, draft: &mut Draft<'_>) -> BTreeSet<Uuid> {
    let several =
        rows.config.encaps.iter().filter(|encap| encap.is_default).count() < rows.config.encaps.len();
    let mut encaps = BTreeSet::new();
    for encap in &rows.config.encaps {
        let wanted = row_of(encap, &rows.config.system_id, several);
        let same = |uuid: &&Uuid| {
            rows.sb.encap.get(uuid).is_some_and(|row| Encap { uuid: row.uuid, ..wanted.clone() } == **row)
        };
        let found = old.into_iter().flatten().find(same).copied();
        encaps.insert(found.unwrap_or_else(|| {
            let uuid = draft.uuids.generate();
            draft.txn.insert(Encap::TABLE, uuid, wanted.to_row());
            uuid
        }));
    }
    encaps
}

fn row_of(encap: &LocalEncap, chassis: &Str, several: bool) -> Encap {
    let mut options =
        BTreeMap::from([(Str::from("csum"), Str::from(if encap.csum { "true" } else { "false" }))]);
    if several && encap.is_default {
        options.insert("is_default".into(), "true".into());
    }
    Encap {
        r#type: encap.kind.name().into(),
        ip: encap.ip.to_string().into(),
        chassis_name: chassis.clone(),
        options,
        ..Encap::default()
    }
}

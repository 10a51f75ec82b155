//! The recorded networks, and a small one by hand.

#![allow(dead_code, reason = "each test needs some of it")]

use ovsdb::{Datum, Uuid};
use schema::sb::{self, DatapathBinding, LogicalFlow, MulticastGroup, PortBinding, Tables};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The rows of a network as JSON: a list for each table.
pub(crate) fn rows(network: &str) -> serde_json::Value {
    let text = fs::read_to_string(folder(network).join("southbound.json")).expect("the rows are there");
    serde_json::from_str(&text).expect("the rows are JSON")
}

/// Where a network is.
pub(crate) fn folder(network: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(network)
}

/// The rows of a network.
pub(crate) fn southbound(network: &str) -> Tables {
    let json = rows(network);
    let mut tables = Tables::default();
    for (name, rows) in json.as_object().expect("an object of tables") {
        let table = sb::TableId::from_name(name).expect("a table of the schema");
        let columns = &sb::schema().tables[name.as_str()].columns;
        for row in rows.as_array().expect("an array of rows") {
            let uuid: Uuid = row["_uuid"].as_str().expect("a string").parse().expect("a UUID");
            let values: Vec<Datum> = table
                .columns()
                .iter()
                .map(|column| {
                    let ty = &columns[*column].ty;
                    match row.get(column) {
                        Some(value) => Datum::from_json(value, ty, None).expect("a value of the column"),
                        None => Datum::default_for(ty),
                    }
                })
                .collect();
            tables.replace(name, uuid, Some(&values)).expect("values of the columns");
        }
    }
    tables
}

/// Words as a shell splits them, with single and double quotes and no escapes.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut started) = (String::new(), None, false);
    for c in line.chars() {
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => word.push(c),
            None if c == '\'' || c == '"' => (quote, started) = (Some(c), true),
            None if c == ' ' => {
                if started || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                started = false;
            }
            None => word.push(c),
        }
    }
    if started || !word.is_empty() {
        words.push(word);
    }
    words
}

/// A flow: pipeline, table, priority, match, actions.
pub(crate) type Flow<'a> = (&'a str, i64, i64, &'a str, &'a str);

/// Two switches, sw0 with the ports p1, p2 and pa, sw1 with pb, which is the other end of pa.
pub(crate) fn small(flows: &[Flow<'_>]) -> Tables {
    let mut tables = Tables::default();
    let uuid = |n: usize| Uuid::from_u128((n as u128) << 96 | n as u128);
    for (i, name) in ["sw0", "sw1"].into_iter().enumerate() {
        let external_ids = [("name".into(), name.into())].into();
        let row = DatapathBinding {
            uuid: uuid(1 + i),
            tunnel_key: 1 + i as i64,
            external_ids,
            ..Default::default()
        };
        tables.datapath_binding.insert(row.uuid, Arc::new(row));
    }
    let ports = [("p1", 1, 1, ""), ("p2", 1, 2, ""), ("pa", 1, 3, "pb"), ("pb", 2, 1, "pa")];
    for (i, (name, datapath, key, peer)) in ports.into_iter().enumerate() {
        let patch = !peer.is_empty();
        let row = PortBinding {
            uuid: uuid(10 + i),
            logical_port: name.into(),
            datapath: uuid(datapath),
            tunnel_key: key,
            r#type: if patch { "patch" } else { "" }.into(),
            options: patch.then(|| ("peer".into(), peer.into())).into_iter().collect(),
            port_security: (name == "p1")
                .then(|| "00:00:00:00:00:01 10.0.0.1 nonsense".into())
                .into_iter()
                .collect(),
            ..Default::default()
        };
        tables.port_binding.insert(row.uuid, Arc::new(row));
    }
    let group = MulticastGroup {
        uuid: uuid(20),
        datapath: uuid(1),
        name: "_MC_flood".into(),
        tunnel_key: 32768,
        ports: [uuid(10), uuid(11), uuid(12), uuid(99)].into(),
    };
    tables.multicast_group.insert(group.uuid, Arc::new(group));
    for (i, (pipeline, table, priority, r#match, actions)) in flows.iter().enumerate() {
        for datapath in 1..=2 {
            let row = LogicalFlow {
                uuid: uuid(1000 + 2 * i + datapath),
                logical_datapath: Some(uuid(datapath)),
                pipeline: (*pipeline).into(),
                table_id: *table,
                priority: *priority,
                r#match: (*r#match).into(),
                actions: (*actions).into(),
                ..Default::default()
            };
            tables.logical_flow.insert(row.uuid, Arc::new(row));
        }
    }
    tables
}

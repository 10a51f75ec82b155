//! What a lab says about itself.

use super::world::{Kind, Lab};
use crate::fabric::{Counters, Side};
use crate::text::values::LabName;
use crate::topology::{LinkSettings, Role};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

/// A lab. Paths are those inside the lab's own mount namespace.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Inspected {
    pub name: LabName,
    pub description: Option<String>,
    pub age_ms: f64,
    /// What has ended without being told to.
    pub crashed: Option<String>,
    pub northbound: PathBuf,
    pub southbound: PathBuf,
    /// Executables that are not this one.
    pub stack: BTreeMap<Role, PathBuf>,
    pub nodes: Vec<InspectedNode>,
}

/// A node of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InspectedNode {
    pub name: String,
    /// `central`, `chassis` or `guest`.
    pub kind: String,
    pub dir: PathBuf,
    /// Addresses: a chassis' on the fabric, a guest's own.
    pub addresses: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// The chassis of a guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chassis: Option<String>,
    /// The logical switch port of a guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    pub daemons: Vec<InspectedDaemon>,
    /// Its attachment to the fabric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uplink: Option<InspectedLink>,
}

/// A daemon of a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InspectedDaemon {
    pub name: String,
    /// Process id inside the lab.
    pub pid: i32,
    /// How it ended, if it has.
    pub ended: Option<String>,
    pub program: PathBuf,
}

/// An attachment to the fabric: settings and counters of both directions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InspectedLink {
    pub tx: LinkSettings,
    pub rx: LinkSettings,
    pub counters: Counters,
}

/// Looks at everything.
pub async fn inspect(lab: &Rc<Lab>) -> Inspected {
    let mut nodes = Vec::new();
    for node in lab.all_nodes() {
        let uplink = match node.end {
            Some(end) => Some(InspectedLink {
                tx: lab.fabric.settings(end, Side::Tx).await,
                rx: lab.fabric.settings(end, Side::Rx).await,
                counters: lab.fabric.counters(end).await,
            }),
            None => None,
        };
        let daemons = node.daemons().into_iter().map(|(daemon, process)| InspectedDaemon {
            name: daemon.to_string(),
            pid: process.pid.as_raw(),
            ended: process.ended().map(|e| e.to_string()),
            program: lab.files.programs(&node.name).join(daemon.role().program()),
        });
        let mut inspected = InspectedNode {
            name: node.name.clone(),
            kind: "central".into(),
            dir: lab.files.node(&node.name),
            addresses: lab.topology.central.address.iter().map(ToString::to_string).collect(),
            mac: None,
            chassis: None,
            port: None,
            daemons: daemons.collect(),
            uplink,
        };
        match &node.kind {
            Kind::Central => {}
            Kind::Chassis(chassis) => {
                inspected.kind = "chassis".into();
                inspected.addresses = vec![chassis.address.to_string()];
            }
            Kind::Guest(guest) => {
                inspected.kind = "guest".into();
                inspected.addresses = guest.ip.iter().map(ToString::to_string).collect();
                inspected.mac = Some(guest.mac.to_string());
                inspected.chassis = Some(guest.chassis.to_string());
                inspected.port = Some(guest.port.clone().unwrap_or_else(|| node.name.clone()));
            }
        }
        nodes.push(inspected);
    }
    Inspected {
        name: lab.name.clone(),
        description: lab.topology.description.clone(),
        age_ms: lab.age_ms(),
        crashed: lab.crash(),
        northbound: lab.files.northbound_socket(),
        southbound: lab.files.southbound_socket(),
        stack: lab.stack.0.clone(),
        nodes,
    }
}

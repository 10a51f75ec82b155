//! A logical port.

use ovsdb::{Str, Uuid};
use schema::sb::PortBinding;
use std::sync::Arc;

use super::Complaint;
use super::port_security::{self, AllowedMac};

/// A port binding as far as flows depend on it, without where it is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalPort {
    pub uuid: Uuid,
    pub name: Str,
    pub kind: PortKind,
    pub datapath: Uuid,
    /// In tunnels and registers: 1..=32767.
    pub key: u32,
    /// The VLAN on the parent or on the localnet.
    pub tag: Option<u16>,
    /// The addresses that the port may use; empty for any.
    pub security: Arc<[AllowedMac]>,
    /// Which chassis may have it.
    pub requested: RequestedChassis,
}

/// What is behind a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortKind {
    /// An interface of a guest.
    Vif,
    /// One that shares the interface of another port, by VLAN.
    Container { parent: Str },
    /// One that every chassis has for itself.
    Localport,
    /// A network of the fabric.
    Localnet { network: Str },
    /// One side of a connection between a logical switch and a router, or between routers.
    Patch {
        peer: Str,
        /// The gateway port that stands for this one where things are done on one chassis.
        redirect: Option<Str>,
    },
    /// The same of a router that is on one chassis as a whole, which is named.
    L3Gateway { peer: Str, chassis: Str },
    /// The gateway port of a distributed router, on one chassis of a group.
    ChassisRedirect {
        /// The port that it stands for.
        distributed: Str,
        group: Option<Uuid>,
        /// All packets of the port are handled there, not only those that have to be.
        always: bool,
    },
    /// Kinds of features to come.
    Other,
}

/// `options:requested-chassis`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestedChassis {
    Any,
    /// By name or by host name.
    Named {
        names: Vec<Str>,
        row: Option<Uuid>,
    },
}

impl LogicalPort {
    /// Reads the row.
    pub fn parse(row: &PortBinding) -> (Self, Vec<Complaint>) {
        let mut complaints = Vec::new();
        let mut security = Vec::new();
        for text in &row.port_security {
            match port_security::parse(text) {
                Ok(mut allowed) => security.append(&mut allowed),
                Err(complaint) => {
                    complaints.push(Complaint(format!("port {}: {complaint}", row.logical_port)))
                }
            }
        }
        let option = |key: &str| row.options.get(key).cloned().unwrap_or_default();
        let kind = match (&*row.r#type, &row.parent_port) {
            ("", Some(parent)) if !parent.is_empty() => PortKind::Container { parent: parent.clone() },
            ("", _) => PortKind::Vif,
            ("localport", _) => PortKind::Localport,
            ("localnet", _) => PortKind::Localnet { network: option("network_name") },
            ("patch", _) => PortKind::Patch { peer: option("peer"), redirect: redirect(row) },
            ("l3gateway", _) => {
                PortKind::L3Gateway { peer: option("peer"), chassis: option("l3gateway-chassis") }
            }
            ("chassisredirect", _) => PortKind::ChassisRedirect {
                distributed: option("distributed-port"),
                group: row.ha_chassis_group,
                always: row.options.get("always-redirect").is_some_and(|value| &**value == "true"),
            },
            _ => PortKind::Other,
        };
        let requested = match row.options.get("requested-chassis").filter(|names| !names.is_empty()) {
            None => RequestedChassis::Any,
            Some(names) => RequestedChassis::Named {
                names: names.split(',').map(|name| name.trim().into()).collect(),
                row: row.requested_chassis,
            },
        };
        let port = Self {
            uuid: row.uuid,
            name: row.logical_port.clone(),
            kind,
            datapath: row.datapath,
            key: u32::try_from(row.tunnel_key).unwrap_or(0),
            tag: row.tag.and_then(|tag| u16::try_from(tag).ok()).filter(|&tag| tag < 4096),
            security: security.into(),
            requested,
        };
        (port, complaints)
    }
}

fn redirect(row: &PortBinding) -> Option<Str> {
    row.options.get("chassis-redirect-port").filter(|name| !name.is_empty()).cloned()
}

impl PortKind {
    /// The name of the port on the other side, of kinds that have one.
    pub fn peer(&self) -> Option<&Str> {
        match self {
            Self::Patch { peer, .. } | Self::L3Gateway { peer, .. } => Some(peer),
            Self::Vif
            | Self::Container { .. }
            | Self::Localport
            | Self::Localnet { .. }
            | Self::ChassisRedirect { .. }
            | Self::Other => None,
        }
    }

    /// Whether one chassis hosts it for all.
    pub fn is_gateway(&self) -> bool {
        match self {
            Self::L3Gateway { .. } | Self::ChassisRedirect { .. } => true,
            Self::Vif
            | Self::Container { .. }
            | Self::Localport
            | Self::Localnet { .. }
            | Self::Patch { .. }
            | Self::Other => false,
        }
    }
}

impl RequestedChassis {
    /// Whether the chassis may have the port.
    pub fn allows(&self, chassis: Option<Uuid>, name: &str, hostname: &str) -> bool {
        match self {
            Self::Any => true,
            // The row says which of several names is the main one; while northd has not said it, the first is.
            Self::Named { row: Some(row), .. } => chassis == Some(*row),
            Self::Named { names, row: None } => {
                names.first().is_some_and(|first| &**first == name || &**first == hostname)
            }
        }
    }
}

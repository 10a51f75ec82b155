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
    /// Kinds of features to come: routers' ports and gateways.
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
        let kind = match (&*row.r#type, &row.parent_port) {
            ("", Some(parent)) if !parent.is_empty() => PortKind::Container { parent: parent.clone() },
            ("", _) => PortKind::Vif,
            ("localport", _) => PortKind::Localport,
            ("localnet", _) => {
                PortKind::Localnet { network: row.options.get("network_name").cloned().unwrap_or_default() }
            }
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

//! A logical switch or router with its ports and multicast groups.

use ovsdb::{Str, Uuid};
use schema::sb::{DatapathBinding, PortBinding};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// One port.
pub(crate) struct Port {
    pub(crate) row: Arc<PortBinding>,
    pub(crate) datapath: Uuid,
    /// Its `tunnel_key`.
    pub(crate) key: u32,
    /// The name to show.
    pub(crate) friendly: String,
}

/// A multicast group.
pub(crate) struct Group {
    pub(crate) name: Str,
    /// Keys of its members, in the order of their names.
    pub(crate) ports: Vec<u32>,
}

/// A logical switch or router.
pub(crate) struct Datapath {
    pub(crate) uuid: Uuid,
    /// Its `tunnel_key`.
    pub(crate) key: u32,
    /// Whether it is a router.
    pub(crate) is_router: bool,
    /// The UUID of the northbound row.
    pub(super) northbound: String,
    /// The northbound row's name, and the one that a cloud management system gave its users.
    pub(super) name: String,
    pub(super) name2: Option<String>,
    /// The name to show.
    pub(crate) friendly: String,
    ports: BTreeMap<u32, Port>,
    pub(super) keys: HashMap<Str, u32>,
    pub(crate) groups: BTreeMap<u32, Group>,
}

impl Datapath {
    pub(super) fn new(row: &DatapathBinding, friendly_names: bool) -> Option<Self> {
        let ids = &row.external_ids;
        let id = |key: &str| ids.get(key).map(|value| value.to_string()).filter(|value| !value.is_empty());
        let router = id("logical-router");
        let northbound = id("logical-switch")
            .or_else(|| router.clone())
            .or_else(|| row.nb_uuid.map(|uuid| uuid.to_string()))
            .unwrap_or_else(|| row.uuid.to_string());
        let name = id("name").unwrap_or_else(|| northbound.clone());
        let name2 = id("name2");
        let friendly = match friendly_names {
            true => name2.clone().unwrap_or_else(|| shorten_uuid(&name)),
            false => northbound.clone(),
        };
        Some(Self {
            uuid: row.uuid,
            key: u32::try_from(row.tunnel_key).ok()?,
            is_router: router.is_some() || row.r#type.as_deref() == Some("logical-router"),
            northbound,
            name,
            name2,
            friendly,
            ports: BTreeMap::new(),
            keys: HashMap::new(),
            groups: BTreeMap::new(),
        })
    }

    pub(super) fn add_port(&mut self, row: &Arc<PortBinding>, friendly_names: bool) {
        let Ok(key) = u32::try_from(row.tunnel_key) else { return };
        let friendly = friendly_port(row, friendly_names);
        self.keys.insert(row.logical_port.clone(), key);
        self.ports.insert(key, Port { row: row.clone(), datapath: row.datapath, key, friendly });
    }

    pub(super) fn add_group(&mut self, key: u32, group: Group) {
        self.keys.insert(group.name.clone(), key);
        self.groups.insert(key, group);
    }

    /// The port with this key.
    pub(crate) fn port(&self, key: u32) -> Option<&Port> {
        self.ports.get(&key)
    }

    /// All ports, by key.
    pub(crate) fn ports(&self) -> impl Iterator<Item = &Port> {
        self.ports.values()
    }

    /// The keys of all ports and multicast groups.
    pub(crate) fn keys(&self) -> impl Iterator<Item = u32> {
        self.ports.keys().chain(self.groups.keys()).copied()
    }

    /// Whether the datapath is a router that is on one chassis.
    pub(crate) fn has_l3_gateway(&self) -> bool {
        self.ports.values().any(|port| &*port.row.r#type == "l3gateway")
    }

    pub(crate) fn port_by_name(&self, name: &str) -> Option<&Port> {
        self.keys.get(name).and_then(|key| self.ports.get(key))
    }

    /// The name of the port or group with this key, as flows have it.
    pub(crate) fn name_of(&self, key: u32) -> Option<&Str> {
        let port = self.ports.get(&key).map(|port| &port.row.logical_port);
        port.or_else(|| Some(&self.groups.get(&key)?.name))
    }

    /// The name to show for a port's key.
    pub(crate) fn port_name(&self, key: u32) -> &str {
        match (key, self.ports.get(&key)) {
            (0, _) => "",
            (_, Some(port)) => &port.friendly,
            (_, None) => "(unnamed)",
        }
    }
}

fn friendly_port(row: &PortBinding, friendly_names: bool) -> String {
    match row.external_ids.get("name") {
        Some(name) if friendly_names && !name.is_empty() => name.to_string(),
        _ if friendly_names => shorten_uuid(&row.logical_port),
        _ => row.logical_port.to_string(),
    }
}

/// A name that ends with a UUID, with only the first six digits of that.
fn shorten_uuid(name: &str) -> String {
    const UUID_LENGTH: usize = 36;
    const SHOWN: usize = 6;
    match name.len().checked_sub(UUID_LENGTH) {
        Some(start) if name.get(start..).is_some_and(|tail| tail.parse::<Uuid>().is_ok()) => {
            name[..start + SHOWN].to_owned()
        }
        _ => name.to_owned(),
    }
}

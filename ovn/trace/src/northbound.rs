//! Who asked for a flow: the northbound row whose UUID begins as the flow's `stage-hint` says.

use ovsdb::Uuid;
use ovsdb::replica::MonitorTable;
use schema::nb::{TableId, Tables};
use std::collections::BTreeMap;

/// The tables whose rows flows are made for, with the columns that say which row it is.
const TABLES: &[(TableId, &[&str])] = &[
    (TableId::Acl, &["name", "direction", "priority", "match", "action"]),
    (TableId::Bfd, &["logical_port", "dst_ip"]),
    (TableId::Copp, &["name"]),
    (TableId::DhcpOptions, &["cidr"]),
    (TableId::DhcpRelay, &["name"]),
    (TableId::Dns, &[]),
    (TableId::ForwardingGroup, &["name"]),
    (TableId::LoadBalancer, &["name"]),
    (TableId::LogicalRouter, &["name"]),
    (TableId::LogicalRouterPolicy, &["priority", "match", "action"]),
    (TableId::LogicalRouterPort, &["name"]),
    (TableId::LogicalRouterStaticRoute, &["ip_prefix", "nexthop"]),
    (TableId::LogicalSwitch, &["name"]),
    (TableId::LogicalSwitchPort, &["name"]),
    (TableId::Mirror, &["name"]),
    (TableId::MirrorRule, &["priority", "match"]),
    (TableId::Nat, &["type", "external_ip", "logical_ip"]),
    (TableId::NetworkFunctionGroup, &["name"]),
    (TableId::PortGroup, &["name"]),
    (TableId::QoS, &["direction", "priority", "match"]),
    (TableId::Sample, &[]),
    (TableId::StaticMacBinding, &["logical_port", "ip"]),
];

/// The rows of the northbound database by the beginning of their UUIDs.
#[derive(Clone, Debug, Default)]
pub struct Northbound {
    /// Two rows may begin alike; then it cannot be told which one it was.
    rows: BTreeMap<u32, Vec<Responsible>>,
}

/// A row of the northbound database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Responsible {
    pub(crate) table: &'static str,
    pub(crate) uuid: Uuid,
    /// Its name, or what else tells it from others.
    pub(crate) name: String,
}

impl Northbound {
    /// What has to be copied of the database.
    pub fn monitors() -> Vec<MonitorTable> {
        TABLES.iter().map(|(table, columns)| table.monitor_columns(columns)).collect()
    }

    /// The rows of a database.
    pub fn new(tables: &Tables) -> Self {
        let mut northbound = Self::default();
        for (table, _) in TABLES {
            for (uuid, name) in named(*table, tables) {
                let row = Responsible { table: table.name(), uuid, name };
                northbound.rows.entry(uuid.first_u32()).or_default().push(row);
            }
        }
        northbound
    }

    /// The rows whose UUIDs begin as a hint says.
    pub(crate) fn responsible(&self, hint: &str) -> &[Responsible] {
        let beginning = u32::from_str_radix(hint, 16).ok();
        beginning.and_then(|beginning| self.rows.get(&beginning)).map_or(&[], Vec::as_slice)
    }
}

/// The rows of a table with what tells them apart.
fn named(table: TableId, tables: &Tables) -> Vec<(Uuid, String)> {
    /// Calls a closure on each row.
    macro_rules! each {
        ($field:ident, $row:ident => $name:expr) => {
            tables.$field.values().map(|$row| ($row.uuid, $name)).collect()
        };
    }
    let words =
        |words: &[&str]| words.iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>().join(" ");
    match table {
        TableId::Acl => each!(acl, row => {
            let name = row.name.as_deref().map(|name| format!("\"{name}\"")).unwrap_or_default();
            words(&[&name, &row.direction, &row.priority.to_string(), &row.r#match, &row.action])
        }),
        TableId::Bfd => each!(bfd, row => words(&[&row.logical_port, &row.dst_ip])),
        TableId::Copp => each!(copp, row => row.name.to_string()),
        TableId::DhcpOptions => each!(dhcp_options, row => row.cidr.to_string()),
        TableId::DhcpRelay => each!(dhcp_relay, row => row.name.to_string()),
        TableId::Dns => each!(dns, _row => String::new()),
        TableId::ForwardingGroup => each!(forwarding_group, row => row.name.to_string()),
        TableId::LoadBalancer => each!(load_balancer, row => row.name.to_string()),
        TableId::LogicalRouter => each!(logical_router, row => row.name.to_string()),
        TableId::LogicalRouterPolicy => each!(logical_router_policy, row => {
            words(&[&row.priority.to_string(), &row.r#match, &row.action])
        }),
        TableId::LogicalRouterPort => each!(logical_router_port, row => row.name.to_string()),
        TableId::LogicalRouterStaticRoute => {
            each!(logical_router_static_route, row => words(&[&row.ip_prefix, "via", &row.nexthop]))
        }
        TableId::LogicalSwitch => each!(logical_switch, row => row.name.to_string()),
        TableId::LogicalSwitchPort => each!(logical_switch_port, row => row.name.to_string()),
        TableId::Mirror => each!(mirror, row => row.name.to_string()),
        TableId::MirrorRule => each!(mirror_rule, row => words(&[&row.priority.to_string(), &row.r#match])),
        TableId::Nat => each!(nat, row => words(&[&row.r#type, &row.external_ip, &row.logical_ip])),
        TableId::NetworkFunctionGroup => each!(network_function_group, row => row.name.to_string()),
        TableId::PortGroup => each!(port_group, row => row.name.to_string()),
        TableId::QoS => each!(qos, row => words(&[&row.direction, &row.priority.to_string(), &row.r#match])),
        TableId::Sample => each!(sample, _row => String::new()),
        TableId::StaticMacBinding => each!(static_mac_binding, row => words(&[&row.logical_port, &row.ip])),
        other => {
            debug_assert!(TABLES.iter().all(|(table, _)| *table != other), "{other:?} is in the list");
            Vec::new()
        }
    }
}

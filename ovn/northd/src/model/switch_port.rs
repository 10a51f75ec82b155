//! `Logical_Switch_Port`.

use std::collections::{BTreeMap, BTreeSet};

use ovsdb::{Str, Uuid};
use packet::MacAddr;
use schema::nb;

use crate::model::address::{Addresses, PortAddress};
use crate::model::dhcp::Answer;
use crate::model::options::Options;
use crate::model::switch::Switch;
use crate::output::PortRow;

/// A port of a logical switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchPort {
    /// The northbound row.
    pub uuid: Uuid,
    /// Unique among all ports.
    pub name: Str,
    /// What is at the port.
    pub kind: PortKind,
    /// Addresses that are written out.
    pub addresses: Vec<Addresses>,
    /// The router port that the port is connected to, if it is there for that: `options:router-port`.
    pub router_port: Option<Str>,
    /// Whether the addresses of that router port are its own.
    pub has_router_addresses: bool,
    /// Whether other addresses than those may be behind the port.
    pub has_unknown: bool,
    /// Whether the port passes packets at all.
    pub is_enabled: bool,
    /// Whether some MAC address is prescribed for what is sent through the port.
    pub has_port_security: bool,
    /// Whether the port gets packets to all ports.
    pub receives_multicast: bool,
    /// Whether what sends through the port is remembered, on ports with unknown addresses.
    pub learns_mac: bool,
    /// Whether packets to the port's own addresses are looked up like others.
    pub forces_fdb_lookup: bool,
    /// Whether others answer ARP and ND requests for the port's addresses.
    pub answers_neighbours: bool,
    /// Whether packets to the port go to the ports with unknown addresses as well.
    pub clones_to_unknown: bool,
    /// The tunnel key asked for.
    pub requested_key: Option<u32>,
    /// Chassis, by name or host name, that should have the port; the first is the main one.
    pub requested_chassis: Vec<Str>,
    /// What clients of DHCP at the port are told: rows of `DHCP_Options`.
    pub dhcp4: Option<Uuid>,
    /// The same for IPv6.
    pub dhcp6: Option<Uuid>,
    /// The name that a client of DHCP is told, as actions have it.
    pub hostname: Option<Str>,
    /// Columns that go southbound as they are.
    pub columns: PortColumns,
    /// What was not understood.
    pub complaints: Vec<String>,
}

/// Columns of a switch port that are copied to its port binding.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortColumns {
    /// `addresses`
    pub addresses: BTreeSet<Str>,
    /// `port_security`
    pub port_security: BTreeSet<Str>,
    /// `options`
    pub options: BTreeMap<Str, Str>,
    /// `external_ids`
    pub external_ids: BTreeMap<Str, Str>,
    /// `parent_name`
    pub parent: Option<Str>,
    /// `tag`, or what was asked for by `tag_request`.
    pub tag: Option<i64>,
}

/// What is at a switch port: column `type`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PortKind {
    /// A virtual machine's or container's interface.
    Vif,
    /// A physical network that chassis are connected to.
    Localnet,
    /// An interface on every chassis, for something local to it.
    Localport,
    /// A physical network at one chassis.
    L2Gateway,
    /// A router port.
    Router,
    /// Something that is not supported yet, or not known.
    Other(Str),
}

impl PortKind {
    fn parse(kind: &Str) -> Self {
        match &**kind {
            "" => Self::Vif,
            "localnet" => Self::Localnet,
            "localport" => Self::Localport,
            "l2gateway" => Self::L2Gateway,
            "router" => Self::Router,
            _ => Self::Other(kind.clone()),
        }
    }

    /// The word of column `type`.
    pub fn name(&self) -> &str {
        match self {
            Self::Vif => "",
            Self::Localnet => "localnet",
            Self::Localport => "localport",
            Self::L2Gateway => "l2gateway",
            Self::Router => "router",
            Self::Other(name) => name,
        }
    }
}

impl SwitchPort {
    /// The largest tunnel key of a port (wire format of the Geneve option; the other half is for groups).
    pub const KEY_MAX: u32 = 32767;

    /// Reads a row.
    pub fn parse(row: &nb::LogicalSwitchPort) -> Self {
        let mut complaints = Vec::new();
        let kind = PortKind::parse(&row.r#type);
        if let PortKind::Other(name) = &kind {
            complaints.push(format!("type \"{name}\" is not supported; the port is left out"));
        }
        if row.tag_request == Some(0) && row.parent_name.is_some() {
            complaints.push("tag_request 0 is ignored, tags are not allocated yet".into());
        }
        let (addresses, has_unknown) = parse_addresses(row, &mut complaints);
        let has_router_addresses = row.addresses.iter().any(|text| &**text == "router");
        let hostname = row.options.get("hostname");
        let hostname = hostname.filter(|name| Answer::Dhcp4.understands("hostname", name)).cloned();
        if hostname.is_none()
            && let Some(odd) = row.options.get("hostname")
        {
            complaints.push(format!("options:hostname is {odd:?}, expected a name in quotes"));
        }
        let mut options = Options::new(&row.options, "options", &mut complaints);
        let is_vif = kind == PortKind::Vif;
        let learns_mac = match kind {
            PortKind::Vif => options.flag("lsp_learn_fdb", true),
            PortKind::Localnet => options.flag("localnet_learn_fdb", false),
            PortKind::Localport | PortKind::L2Gateway | PortKind::Router | PortKind::Other(_) => false,
        };
        let clone_kind = options.text("pkt_clone_type");
        Self {
            receives_multicast: options.flag("receive_multicast", true),
            forces_fdb_lookup: is_vif && has_unknown && options.flag("force_fdb_lookup", false),
            answers_neighbours: !(has_unknown || is_vif && options.flag("disable_arp_nd_rsp", false)),
            clones_to_unknown: is_vif
                && clone_kind.is_some_and(|kind| kind.eq_ignore_ascii_case("mc_unknown")),
            requested_key: options.number("requested-tnl-key", 1..=Self::KEY_MAX),
            requested_chassis: options.list("requested-chassis"),
            router_port: options.text("router-port").filter(|_| kind == PortKind::Router).cloned(),
            has_router_addresses: has_router_addresses && kind == PortKind::Router,
            dhcp4: row.dhcpv4_options,
            dhcp6: row.dhcpv6_options,
            hostname,
            uuid: row.uuid,
            name: row.name.clone(),
            kind,
            addresses,
            has_unknown,
            is_enabled: row.enabled.unwrap_or(true),
            has_port_security: row.port_security.iter().any(|text| has_mac(text)),
            learns_mac,
            columns: columns(row),
            complaints,
        }
    }

    /// The port in the logical language: its name in quotes.
    pub fn quoted(&self) -> String {
        crate::flows::quoted(&self.name)
    }

    /// Whether guests behind the port are answered when they ask for addresses.
    pub fn asks_for_addresses(&self, switch: &Switch) -> bool {
        self.is_enabled && self.kind != PortKind::Router && !switch.relays_dhcp
    }

    /// Whether the port is brought southbound at all.
    pub fn is_supported(&self) -> bool {
        match self.kind {
            PortKind::Vif
            | PortKind::Localnet
            | PortKind::Localport
            | PortKind::L2Gateway
            | PortKind::Router => true,
            PortKind::Other(_) => false,
        }
    }

    /// The port binding, but for the chassis asked for.
    pub fn row(&self, datapath: Uuid, key: u32, vlan_passthru: bool) -> PortRow {
        let mut columns = self.columns.clone();
        if vlan_passthru {
            columns.options.insert("vlan-passthru".into(), "true".into());
        }
        if let Some(name) = columns.external_ids.get("neutron:port_name").filter(|name| !name.is_empty()) {
            columns.external_ids.insert("name".into(), name.clone());
        }
        PortRow {
            uuid: self.uuid,
            name: self.name.clone(),
            kind: self.kind.name().into(),
            datapath,
            key,
            columns,
            nat_addresses: BTreeSet::new(),
            chassis_group: None,
            requested_chassis: Vec::new(),
        }
    }
}

fn columns(row: &nb::LogicalSwitchPort) -> PortColumns {
    PortColumns {
        addresses: row.addresses.clone(),
        port_security: row.port_security.clone(),
        options: row.options.clone(),
        external_ids: row.external_ids.clone(),
        parent: row.parent_name.clone(),
        tag: row.tag.or(row.tag_request.filter(|tag| *tag != 0)),
    }
}

fn parse_addresses(row: &nb::LogicalSwitchPort, complaints: &mut Vec<String>) -> (Vec<Addresses>, bool) {
    let (mut addresses, mut has_unknown) = (Vec::new(), false);
    for text in &row.addresses {
        let (address, error) = PortAddress::parse(text);
        complaints.extend(error.map(|error| format!("addresses: {error}")));
        match address {
            Some(PortAddress::Static(address)) => addresses.push(address),
            Some(PortAddress::Unknown) => has_unknown = true,
            Some(PortAddress::Dynamic) => {
                complaints.push(format!("addresses: \"{text}\" is ignored, addresses are not allocated yet"));
            }
            Some(PortAddress::Router) | None => {}
        }
    }
    (addresses, has_unknown)
}

/// Whether a string of `port_security` begins with a MAC address, maybe after the keyword for VRRP.
fn has_mac(text: &str) -> bool {
    let text = text.strip_prefix("VRRPv3 ").unwrap_or(text);
    text.split_ascii_whitespace().next().is_some_and(|word| word.parse::<MacAddr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(addresses: &[&str], options: &[(&str, &str)]) -> nb::LogicalSwitchPort {
        nb::LogicalSwitchPort {
            name: "p1".into(),
            addresses: addresses.iter().map(|text| Str::from(*text)).collect(),
            options: options.iter().map(|(key, value)| (Str::from(*key), Str::from(*value))).collect(),
            ..Default::default()
        }
    }

    #[test]
    fn a_bad_value_is_complained_about_and_the_rest_counts() {
        let port = SwitchPort::parse(&row(
            &["00:00:00:00:00:01 10.0.0.1", "bogus", "unknown"],
            &[("requested-tnl-key", "0"), ("lsp_learn_fdb", "false"), ("requested-chassis", "hv1,hv2")],
        ));
        assert_eq!(port.addresses.len(), 1);
        assert!(port.has_unknown && port.is_enabled && !port.learns_mac && port.receives_multicast);
        assert_eq!(port.requested_chassis, ["hv1".into(), "hv2".into()] as [Str; 2]);
        insta::assert_snapshot!(port.complaints.join("\n"), @r#"
        addresses: "bogus" does not begin with a MAC address, nor is it "unknown", "router" or "dynamic"
        options:requested-tnl-key is "0", expected a number from 1 to 32767
        "#);
    }

    #[test]
    fn what_is_not_supported_is_said_so() {
        let other = nb::LogicalSwitchPort { r#type: "virtual".into(), ..row(&["dynamic"], &[]) };
        let port = SwitchPort::parse(&other);
        assert!(!port.is_supported());
        insta::assert_snapshot!(port.complaints.join("\n"), @r#"
        type "virtual" is not supported; the port is left out
        addresses: "dynamic" is ignored, addresses are not allocated yet
        "#);
    }

    #[test]
    fn port_security_counts_only_with_a_mac() {
        let with = |text: &str| {
            let row = nb::LogicalSwitchPort { port_security: [Str::from(text)].into(), ..row(&[], &[]) };
            SwitchPort::parse(&row).has_port_security
        };
        assert!(with("00:00:00:00:00:01 10.0.0.1") && with("VRRPv3 00:00:00:00:00:01"));
        assert!(!with("") && !with("10.0.0.1"));
    }
}

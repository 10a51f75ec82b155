//! `Logical_Router_Port`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ovsdb::{Str, Uuid};
use packet::MacAddr;
use schema::nb;

use crate::model::options::Options;
use crate::model::prefix::{Family, InPrefix};
use crate::model::ra::Advertised;
use crate::model::switch_port::SwitchPort;

/// A port of a logical router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterPort {
    /// The northbound row.
    pub uuid: Uuid,
    /// Unique among all ports.
    pub name: Str,
    /// Its Ethernet address; without one the port is left out.
    pub mac: Option<MacAddr>,
    /// Its addresses in the order of the database, the link-local one of its MAC last.
    pub networks: Vec<InPrefix>,
    /// Whether the port passes packets at all.
    pub is_enabled: bool,
    /// The router port at the other end, if it is one of another router.
    pub peer: Option<Str>,
    /// The largest IP packet that may leave, in octets.
    pub mtu: Option<u32>,
    /// A match of packets that may be larger.
    pub mtu_bypass: Option<Str>,
    /// Chassis by which packets leave: rows of `Gateway_Chassis`.
    pub gateway_chassis: BTreeSet<Uuid>,
    /// The same as a row of `HA_Chassis_Group`, which goes before the others.
    pub chassis_group: Option<Uuid>,
    /// The tunnel key asked for.
    pub requested_key: Option<u32>,
    /// What the port advertises of itself.
    pub advertised: Option<Advertised>,
    /// `networks` as written, for the port binding.
    pub network_texts: BTreeSet<Str>,
    /// `external_ids`
    pub external_ids: BTreeMap<Str, Str>,
    /// What was not understood.
    pub complaints: Vec<String>,
}

impl RouterPort {
    /// The smallest packet that every link passes (RFC 791): a smaller bound is a mistake.
    const MTU_MIN: u32 = 68;

    /// Reads a row.
    pub fn parse(row: &nb::LogicalRouterPort) -> Self {
        let mut complaints = Vec::new();
        let mac = row.mac.parse().ok();
        if mac.is_none() {
            complaints.push(format!("mac \"{}\" is not a MAC address; the port is left out", row.mac));
        }
        let mut networks: Vec<InPrefix> = Vec::new();
        for text in &row.networks {
            match InPrefix::parse(text) {
                Some(network) => networks.push(network),
                None => complaints.push(format!("networks: \"{text}\" is not ADDRESS/LENGTH")),
            }
        }
        let link_local = mac.map(InPrefix::link_local);
        networks.extend(link_local.filter(|own| networks.iter().all(|network| network.ip != own.ip)));
        let advertised = Advertised::parse(&row.ipv6_ra_configs, &mut complaints);
        let mut options = Options::new(&row.options, "options", &mut complaints);
        Self {
            uuid: row.uuid,
            name: row.name.clone(),
            mac,
            networks,
            is_enabled: row.enabled.unwrap_or(true),
            peer: row.peer.clone().filter(|name| !name.is_empty()),
            mtu: options.number("gateway_mtu", Self::MTU_MIN..=65535),
            mtu_bypass: options.text("gateway_mtu_bypass").cloned(),
            requested_key: options.number("requested-tnl-key", 1..=SwitchPort::KEY_MAX),
            gateway_chassis: row.gateway_chassis.clone(),
            chassis_group: row.ha_chassis_group,
            advertised,
            network_texts: row.networks.clone(),
            external_ids: row.external_ids.clone(),
            complaints,
        }
    }

    /// The port in the logical language: its name in quotes.
    pub fn quoted(&self) -> String {
        crate::flows::quoted(&self.name)
    }

    /// The addresses of one family.
    pub fn of(&self, family: Family) -> impl Iterator<Item = &InPrefix> {
        self.networks.iter().filter(move |network| network.family() == family)
    }

    /// The addresses of one family, as text.
    pub fn ips(&self, family: Family) -> Vec<String> {
        self.of(family).map(|network| network.ip.to_string()).collect()
    }

    /// The port's own address by which a neighbour knows it: the one with the longest prefix that both are in.
    pub fn address_towards(&self, neighbour: IpAddr) -> Option<&InPrefix> {
        let near = self.networks.iter().filter(|network| network.prefix().contains(neighbour));
        near.max_by_key(|network| network.prefix().length())
    }

    /// Whether packets leave by one of certain chassis only.
    pub fn has_gateway(&self) -> bool {
        self.chassis_group.is_some() || !self.gateway_chassis.is_empty()
    }

    /// The name of the port that stands for the one chassis by which packets leave.
    pub fn redirect_name(&self) -> Str {
        format!("cr-{}", self.name).into()
    }

    /// `MAC NETWORK...`, as the port binding has it.
    pub fn address_text(&self) -> Str {
        let mac = self.mac.map(|mac| mac.to_string()).unwrap_or_default();
        self.network_texts.iter().fold(mac, |text, network| format!("{text} {network}")).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(mac: &str, networks: &[&str]) -> RouterPort {
        RouterPort::parse(&nb::LogicalRouterPort {
            name: "lr0-sw0".into(),
            mac: mac.into(),
            networks: networks.iter().map(|text| Str::from(*text)).collect(),
            ..Default::default()
        })
    }

    #[test]
    fn a_port_has_its_networks_and_a_link_local_address() {
        let port = port("0a:00:00:00:01:00", &["10.0.0.1/24", "10.0.0.9/28", "fd00::1/64", "bogus/24"]);
        let networks: Vec<String> = port.networks.iter().map(InPrefix::to_string).collect();
        assert_eq!(networks, ["10.0.0.1/24", "10.0.0.9/28", "fd00::1/64", "fe80::800:ff:fe00:100/64"]);
        assert_eq!(port.complaints, ["networks: \"bogus/24\" is not ADDRESS/LENGTH"]);
        let own = |ip: &str| {
            port.address_towards(ip.parse().expect("an address")).map(|network| network.ip.to_string())
        };
        assert_eq!(own("10.0.0.5").as_deref(), Some("10.0.0.9"));
        assert_eq!(own("10.0.0.77").as_deref(), Some("10.0.0.1"));
        assert_eq!(own("10.0.1.1"), None);
    }

    #[test]
    fn a_port_without_a_mac_is_complained_about() {
        let port = port("zz", &[]);
        assert!(port.mac.is_none() && port.networks.is_empty());
        assert_eq!(port.complaints, ["mac \"zz\" is not a MAC address; the port is left out"]);
    }
}

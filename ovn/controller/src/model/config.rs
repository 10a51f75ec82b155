//! What `Open_vSwitch.external_ids` say about this chassis.
//!
//! Each key may also be written `KEY-CHASSIS`, which then counts: several chassis can share a database.
//! ovn-controller(8), "Open vSwitch Database Configuration".

use ovsdb::Str;
use schema::vswitch::OpenVSwitch;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Complaint;

/// The settings of a chassis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The name of the chassis.
    pub system_id: Str,
    pub hostname: Str,
    /// Where the southbound database is.
    pub remote: Option<Str>,
    /// The integration bridge.
    pub bridge: Str,
    /// Its datapath type; `None` leaves it as it is.
    pub bridge_datapath_type: Option<Str>,
    /// Where the bridge's OpenFlow socket is, if not at its place.
    pub bridge_remote: Option<Str>,
    pub encaps: Vec<LocalEncap>,
    pub mappings: Vec<BridgeMapping>,
    pub transport_zones: BTreeSet<Str>,
    pub is_interconn: bool,
    /// All rows of the southbound database are wanted, not only those of local datapaths.
    pub monitor_all: bool,
    /// The zones that connections may be tracked in.
    pub zone_range: (u16, u16),
    /// Settings that are only passed on to `Chassis.other_config`.
    pub passed_on: BTreeMap<&'static str, Str>,
}

/// A way to send to this chassis.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalEncap {
    pub kind: EncapKind,
    pub ip: IpAddr,
    /// The outer UDP checksum is set.
    pub csum: bool,
    /// Of several addresses, the one to use unless something else is asked for.
    pub is_default: bool,
    /// `tos` option of the tunnels.
    pub tos: Option<Str>,
    /// `df_default` option of the tunnels.
    pub df_default: Option<Str>,
}

/// A tunnel protocol. The order is that of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EncapKind {
    Geneve,
    Vxlan,
}

impl EncapKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Geneve => "geneve",
            Self::Vxlan => "vxlan",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Geneve, Self::Vxlan].into_iter().find(|kind| kind.name() == name)
    }
}

/// A network of the fabric and the bridge that leads to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BridgeMapping {
    pub network: Str,
    pub bridge: Str,
}

/// Keys that others read from the chassis row.
const PASSED_ON: [&str; 10] = [
    "ovn-bridge-mappings",
    "ovn-cms-options",
    "ovn-chassis-mac-mappings",
    "ovn-limit-lflow-cache",
    "ovn-memlimit-lflow-cache-kb",
    "ovn-trim-limit-lflow-cache",
    "ovn-trim-wmark-perc-lflow-cache",
    "ovn-trim-timeout-ms",
    "ovn-evpn-vxlan-ports",
    "ovn-evpn-local-ip",
];

impl Config {
    /// Reads the row. `None` if the chassis has no name yet.
    ///
    /// `system_id` is the name that the command line gives, which goes before the row's; `hostname` is the host's.
    pub fn parse(
        row: &OpenVSwitch,
        system_id: Option<&str>,
        hostname: &str,
    ) -> (Option<Self>, Vec<Complaint>) {
        let mut complaints = Vec::new();
        let named = system_id.map(Str::from).or_else(|| row.external_ids.get("system-id").cloned());
        let Some(system_id) = named.filter(|name| !name.is_empty()) else {
            complaints.push(Complaint("external_ids:system-id: the chassis has no name yet".to_owned()));
            return (None, complaints);
        };
        let ids = Ids { row, chassis: &system_id };
        let config = Self {
            hostname: ids.get("hostname").unwrap_or_else(|| hostname.into()),
            remote: ids.get("ovn-remote"),
            bridge: ids.get("ovn-bridge").unwrap_or_else(|| "br-int".into()),
            bridge_datapath_type: ids.get("ovn-bridge-datapath-type"),
            bridge_remote: ids.get("ovn-bridge-remote"),
            encaps: encaps(&ids, &mut complaints),
            mappings: mappings(&ids, &mut complaints),
            transport_zones: words(ids.get("ovn-transport-zones").as_deref()).map(Str::from).collect(),
            is_interconn: ids.is_true("ovn-is-interconn", false),
            monitor_all: ids.is_true("ovn-monitor-all", false),
            zone_range: zone_range(&ids, &mut complaints),
            passed_on: PASSED_ON.iter().map(|key| (*key, ids.get(key).unwrap_or_default())).collect(),
            system_id: system_id.clone(),
        };
        (Some(config), complaints)
    }

    /// The tunnel protocols, best first.
    pub fn encap_kinds(&self) -> BTreeSet<EncapKind> {
        self.encaps.iter().map(|encap| encap.kind).collect()
    }
}

struct Ids<'a> {
    row: &'a OpenVSwitch,
    chassis: &'a str,
}

impl Ids<'_> {
    /// The value of a key, that for this chassis first; an empty one is none.
    fn get(&self, key: &str) -> Option<Str> {
        let own = self.row.external_ids.get(format!("{key}-{}", self.chassis).as_str());
        own.or_else(|| self.row.external_ids.get(key)).filter(|value| !value.is_empty()).cloned()
    }

    fn is_true(&self, key: &str, default: bool) -> bool {
        match self.get(key).as_deref() {
            Some("true") => true,
            Some("false") => false,
            _ => default,
        }
    }
}

/// Parts between commas.
fn words(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty())
}

fn encaps(ids: &Ids<'_>, complaints: &mut Vec<Complaint>) -> Vec<LocalEncap> {
    let mut complain = |key: &str, value: &str, expected: &str| {
        complaints.push(Complaint(format!("external_ids:{key}: expected {expected}, found {value:?}")));
    };
    let (types, ips) = (ids.get("ovn-encap-type"), ids.get("ovn-encap-ip"));
    let mut kinds = BTreeSet::new();
    for word in words(types.as_deref()) {
        match EncapKind::from_name(word) {
            Some(kind) => drop(kinds.insert(kind)),
            None => complain("ovn-encap-type", word, "geneve or vxlan"),
        }
    }
    let mut addresses: Vec<IpAddr> = Vec::new();
    for word in words(ips.as_deref()) {
        match word.parse() {
            Ok(ip) if !addresses.contains(&ip) => addresses.push(ip),
            Ok(_) => {}
            Err(_) => complain("ovn-encap-ip", word, "an IP address"),
        }
    }
    let default = ids.get("ovn-encap-ip-default").and_then(|ip| ip.parse::<IpAddr>().ok());
    let default = default.filter(|ip| addresses.contains(ip)).or(addresses.first().copied());
    let csum = ids.is_true("ovn-encap-csum", true);
    let (tos, df_default) = (ids.get("ovn-encap-tos"), ids.get("ovn-encap-df_default"));
    let encap = |kind, ip| LocalEncap {
        kind,
        ip,
        csum,
        is_default: Some(ip) == default,
        tos: tos.clone().filter(|tos| &**tos != "none"),
        df_default: df_default.clone(),
    };
    kinds
        .iter()
        .flat_map(|&kind| addresses.iter().map(move |&ip| (kind, ip)))
        .map(|(k, ip)| encap(k, ip))
        .collect()
}

fn mappings(ids: &Ids<'_>, complaints: &mut Vec<Complaint>) -> Vec<BridgeMapping> {
    let text = ids.get("ovn-bridge-mappings");
    let mut mappings = Vec::new();
    for word in words(text.as_deref()) {
        match word.split_once(':') {
            Some((network, bridge)) if !network.is_empty() && !bridge.is_empty() => {
                mappings.push(BridgeMapping { network: network.into(), bridge: bridge.into() });
            }
            _ => complaints.push(Complaint(format!(
                "external_ids:ovn-bridge-mappings: expected network:bridge, found {word:?}"
            ))),
        }
    }
    mappings
}

fn zone_range(ids: &Ids<'_>, complaints: &mut Vec<Complaint>) -> (u16, u16) {
    let all = (1, u16::MAX);
    let Some(text) = ids.get("ct-zone-range") else { return all };
    let parsed = text.split_once('-').and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
    match parsed {
        Some((low, high)) if 0 < low && low <= high => (low, high),
        _ => {
            complaints
                .push(Complaint(format!("external_ids:ct-zone-range: expected 1-65535, found {text:?}")));
            all
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(ids: &[(&str, &str)]) -> (Option<Config>, Vec<Complaint>) {
        let external_ids = ids.iter().map(|(key, value)| (Str::from(*key), Str::from(*value))).collect();
        Config::parse(&OpenVSwitch { external_ids, ..OpenVSwitch::default() }, None, "host")
    }

    #[test]
    fn a_chassis_needs_a_name_and_has_defaults_for_the_rest() {
        assert_eq!(parse(&[]).0, None);
        let (config, complaints) = parse(&[("system-id", "hv1")]);
        let config = config.unwrap();
        assert_eq!((&*config.bridge, &*config.hostname, config.monitor_all), ("br-int", "host", false));
        assert_eq!((config.zone_range, config.remote), ((1, 65535), None));
        assert!(complaints.is_empty() && config.encaps.is_empty());
    }

    #[test]
    fn a_key_for_this_chassis_goes_before_the_common_one() {
        let ids = [
            ("system-id", "hv1"),
            ("ovn-bridge", "br-a"),
            ("ovn-bridge-hv1", "br-b"),
            ("ovn-bridge-hv2", "br-c"),
        ];
        assert_eq!(&*parse(&ids).0.unwrap().bridge, "br-b");
    }

    #[test]
    fn every_type_with_every_address_is_an_encap() {
        let (config, _) = parse(&[
            ("system-id", "hv1"),
            ("ovn-encap-type", "vxlan,geneve"),
            ("ovn-encap-ip", "10.0.0.1, fd00::1"),
            ("ovn-encap-ip-default", "fd00::1"),
            ("ovn-encap-csum", "false"),
        ]);
        let encaps: Vec<String> = config
            .unwrap()
            .encaps
            .iter()
            .map(|e| format!("{} {} {} {}", e.kind.name(), e.ip, e.csum, e.is_default))
            .collect();
        assert_eq!(
            encaps,
            [
                "geneve 10.0.0.1 false false",
                "geneve fd00::1 false true",
                "vxlan 10.0.0.1 false false",
                "vxlan fd00::1 false true"
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_said_and_left_out() {
        let (config, complaints) = parse(&[
            ("system-id", "hv1"),
            ("ovn-encap-type", "stt,geneve"),
            ("ovn-encap-ip", "10.0.0"),
            ("ovn-bridge-mappings", "phys:br-ex,nowhere"),
            ("ct-zone-range", "9-3"),
        ]);
        let config = config.unwrap();
        assert_eq!((config.mappings.len(), config.encaps.len()), (1, 0));
        let said: Vec<String> = complaints.iter().map(Complaint::to_string).collect();
        insta::assert_snapshot!(said.join("\n"), @r#"
        external_ids:ovn-encap-type: expected geneve or vxlan, found "stt"
        external_ids:ovn-encap-ip: expected an IP address, found "10.0.0"
        external_ids:ovn-bridge-mappings: expected network:bridge, found "nowhere"
        external_ids:ct-zone-range: expected 1-65535, found "9-3"
        "#);
    }
}

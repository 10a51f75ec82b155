//! What the database asks for, read once: bridges and interfaces as values, and complaints about
//! what cannot be read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use openflow::{Version, Versions};
use ovsdb::{Str, Uuid};
use packet::MacAddr;
use packet::key::TAGS_MAX;
use schema::vswitch::{self, Tables};

use super::mirrors::{self, MirrorRow};
use super::options::{self, OptionError};
use super::qos;
use super::zones::{self, Zones};
use crate::bfd::BfdConfig;
use crate::device::{Captures, TunnelKind};
use crate::limits::{FDB_AGE, FDB_MAX};
use crate::police::Policing;
use crate::port::{Tunnel, VlanMode, Vlans};
use crate::qos::QosConfig;

/// All that is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Config {
    /// The one row of Open_vSwitch.
    pub root: Uuid,
    pub next_cfg: i64,
    pub stats_interval: Duration,
    pub zones: Zones,
    /// Tags of a frame that are looked at (`other_config:vlan-limit`).
    pub tags_max: u8,
    /// By name.
    pub bridges: BTreeMap<Str, BridgeConfig>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct BridgeConfig {
    pub row: Uuid,
    /// `system` or `netdev`: only named, both are this switch. `dummy`: with no interface of the host.
    pub datapath_type: Str,
    /// `other_config:datapath-id`.
    pub datapath_id: Option<u64>,
    /// `other_config:hwaddr`.
    pub mac: Option<MacAddr>,
    /// Whether packets pass only by flows; else the bridge learns when it has no controller.
    pub secure: bool,
    pub versions: Versions,
    pub fdb_max: usize,
    pub fdb_age: Duration,
    /// By name.
    pub interfaces: BTreeMap<Str, InterfaceConfig>,
    pub mirrors: Vec<MirrorRow>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct InterfaceConfig {
    pub row: Uuid,
    pub kind: Kind,
    pub vlans: Vlans,
    /// The number asked for.
    pub number_request: Option<u32>,
    pub mac: Option<MacAddr>,
    pub mtu: Option<u32>,
    pub bfd: Option<BfdConfig>,
    pub policing: Policing,
    pub qos: Option<QosConfig>,
}

/// What kind of interface.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    System,
    Internal,
    Tap,
    Dummy(Captures),
    Null,
    Patch {
        peer: String,
    },
    Tunnel(Tunnel),
    /// A kind or options that cannot be: the text for the row.
    Wrong(String),
}

/// Numbers that ports may have; the one after them is the bridge's own.
pub(super) const NUMBER_MAX: u32 = 0xfeff;

/// A port number that a row says, if it can be one.
pub(super) fn port_number(number: i64) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| (1..=NUMBER_MAX).contains(number))
}

/// Types of interface, for the column `iface_types`. `system` is also the empty text.
pub(super) const TYPES: [&str; 11] = [
    "dummy",
    "dummy-internal",
    "erspan",
    "geneve",
    "gre",
    "internal",
    "null",
    "patch",
    "system",
    "tap",
    "vxlan",
];

/// Reads the rows. Without the row of Open_vSwitch nothing is asked for.
pub(super) fn read(tables: &Tables) -> Config {
    let Some((root, open_vswitch)) = tables.open_vswitch.iter().next() else { return Config::default() };
    let interval = open_vswitch.other_config.get("stats-update-interval").and_then(|ms| ms.parse().ok());
    let bridges = open_vswitch.bridges.iter().filter_map(|uuid| tables.bridge.get(uuid));
    Config {
        root: *root,
        next_cfg: open_vswitch.next_cfg,
        // Shorter would only load the database.
        stats_interval: Duration::from_millis(interval.unwrap_or(5000).max(5000)),
        zones: zones::read(tables),
        tags_max: tags_max(open_vswitch.other_config.get("vlan-limit").map(|limit| &**limit)),
        bridges: bridges.map(|bridge| (bridge.name.clone(), read_bridge(tables, bridge))).collect(),
    }
}

/// How many tags controllers see: one unless they say that they know of more, and zero or less for all.
fn tags_max(limit: Option<&str>) -> u8 {
    match limit.and_then(|limit| limit.parse::<i32>().ok()) {
        None => 1,
        Some(..=0) => TAGS_MAX,
        Some(limit) => u8::try_from(limit).unwrap_or(TAGS_MAX).min(TAGS_MAX),
    }
}

fn read_bridge(tables: &Tables, bridge: &Arc<vswitch::Bridge>) -> BridgeConfig {
    let other = |key: &str| bridge.other_config.get(key);
    let ports = bridge.ports.iter().filter_map(|uuid| tables.port.get(uuid));
    let mut interfaces = BTreeMap::new();
    for port in ports {
        let (vlans, qos) = (read_vlans(port), qos::read(tables, port));
        for interface in port.interfaces.iter().filter_map(|uuid| tables.interface.get(uuid)) {
            let place =
                Place { is_local: interface.name == bridge.name, dummy: &*bridge.datapath_type == "dummy" };
            let mut config = read_interface(interface, vlans.clone(), place);
            config.qos.clone_from(&qos);
            interfaces.insert(interface.name.clone(), config);
        }
    }
    let fdb_age = other("mac-aging-time").and_then(|s| s.parse().ok()).map(Duration::from_secs);
    let fdb_max = other("mac-table-size").and_then(|n| n.parse().ok());
    BridgeConfig {
        row: bridge.uuid,
        datapath_type: if bridge.datapath_type.is_empty() {
            "system".into()
        } else {
            bridge.datapath_type.clone()
        },
        datapath_id: other("datapath-id")
            .and_then(|id| u64::from_str_radix(id.trim_start_matches("0x"), 16).ok()),
        mac: other("hwaddr").and_then(|mac| mac.parse().ok()).filter(|mac: &MacAddr| !mac.is_multicast()),
        secure: bridge.fail_mode.as_deref() == Some("secure"),
        versions: read_versions(&bridge.protocols),
        fdb_max: fdb_max.unwrap_or(FDB_MAX).clamp(10, 1 << 20),
        fdb_age: fdb_age.unwrap_or(FDB_AGE).clamp(Duration::from_secs(15), Duration::from_secs(3600)),
        interfaces,
        mirrors: mirrors::read(tables, bridge),
    }
}

/// The versions that may be spoken; all of ours if the bridge does not say.
fn read_versions(protocols: &BTreeSet<Str>) -> Versions {
    let known: Vec<Version> = protocols
        .iter()
        .filter_map(|protocol| match &**protocol {
            "OpenFlow10" => Some(Version::Of10),
            "OpenFlow13" => Some(Version::Of13),
            "OpenFlow14" => Some(Version::Of14),
            "OpenFlow15" => Some(Version::Of15),
            _ => None,
        })
        .collect();
    if protocols.is_empty() { Versions::all() } else { Versions::of(&known) }
}

fn read_vlans(port: &vswitch::Port) -> Vlans {
    let vid = |vid: i64| u16::try_from(vid).ok().filter(|vid| *vid < 4096);
    let tag = port.tag.and_then(vid);
    let mode = match (port.vlan_mode.as_deref(), tag) {
        (Some("trunk"), _) | (None, None) => VlanMode::Trunk,
        (Some("native-tagged"), tag) => VlanMode::NativeTagged(tag.unwrap_or(0)),
        (Some("native-untagged"), tag) => VlanMode::NativeUntagged(tag.unwrap_or(0)),
        // An access port without a tag is one of VLAN 0.
        (Some(_), tag) => VlanMode::Access(tag.unwrap_or(0)),
        (None, Some(tag)) => VlanMode::Access(tag),
    };
    Vlans { mode, trunks: port.trunks.iter().copied().filter_map(vid).collect() }
}

/// Where an interface is.
#[derive(Clone, Copy)]
struct Place {
    /// It is the bridge's own.
    is_local: bool,
    /// Its bridge is of the datapath for tests, whose internal interfaces the host has not got.
    dummy: bool,
}

fn read_interface(interface: &vswitch::Interface, vlans: Vlans, place: Place) -> InterfaceConfig {
    InterfaceConfig {
        row: interface.uuid,
        kind: read_kind(interface, place).unwrap_or_else(|error| Kind::Wrong(error.to_string())),
        vlans,
        number_request: interface.ofport_request.and_then(port_number),
        mac: interface
            .mac
            .as_deref()
            .and_then(|mac| mac.parse().ok())
            .filter(|mac: &MacAddr| !mac.is_multicast()),
        mtu: interface.mtu_request.and_then(|mtu| u32::try_from(mtu).ok()),
        bfd: BfdConfig::read(&interface.bfd),
        policing: Policing::read(interface),
        qos: None,
    }
}

fn read_kind(interface: &vswitch::Interface, place: Place) -> Result<Kind, OptionError> {
    let name = &*interface.name;
    Ok(match &*interface.r#type {
        // The bridge's own interface is made by the switch, whatever its row says.
        "" | "system" | "internal" if place.dummy && (place.is_local || &*interface.r#type == "internal") => {
            Kind::Dummy(options::captures(&interface.options))
        }
        "" | "system" if place.is_local => Kind::Internal,
        "" | "system" => Kind::System,
        "internal" => Kind::Internal,
        "tap" => Kind::Tap,
        "dummy" | "dummy-internal" | "dummy-pmd" => Kind::Dummy(options::captures(&interface.options)),
        "null" => Kind::Null,
        "patch" => Kind::Patch { peer: options::patch_peer(name, &interface.options)? },
        "geneve" => Kind::Tunnel(options::tunnel(name, TunnelKind::Geneve, &interface.options)?),
        "vxlan" => Kind::Tunnel(options::tunnel(name, TunnelKind::Vxlan, &interface.options)?),
        "gre" | "ip6gre" => Kind::Tunnel(options::tunnel(name, TunnelKind::Gre, &interface.options)?),
        "erspan" | "ip6erspan" => {
            Kind::Tunnel(options::tunnel(name, TunnelKind::Erspan, &interface.options)?)
        }
        _ => return Err(OptionError::Type { name: name.to_owned() }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vlan_modes_follow_tag_and_trunks() {
        let port = |mode: Option<&str>, tag, trunks: &[i64]| vswitch::Port {
            vlan_mode: mode.map(Str::from),
            tag,
            trunks: trunks.iter().copied().collect(),
            ..vswitch::Port::default()
        };
        assert_eq!(read_vlans(&port(None, None, &[])), Vlans::default());
        assert_eq!(read_vlans(&port(None, Some(5), &[])).mode, VlanMode::Access(5));
        let trunk = read_vlans(&port(Some("trunk"), Some(5), &[7, 9]));
        assert_eq!((trunk.mode, trunk.trunks), (VlanMode::Trunk, vec![7, 9]));
        assert_eq!(
            read_vlans(&port(Some("native-untagged"), Some(5), &[])).mode,
            VlanMode::NativeUntagged(5)
        );
    }

    #[test]
    fn one_tag_is_looked_at_unless_the_limit_says_otherwise() {
        for (limit, expected) in
            [(None, 1), (Some("x"), 1), (Some("1"), 1), (Some("0"), 2), (Some("-1"), 2), (Some("700"), 2)]
        {
            assert_eq!(tags_max(limit), expected, "{limit:?}");
        }
    }

    #[test]
    fn protocols_that_we_do_not_speak_are_left_out() {
        let protocols = |names: &[&str]| names.iter().copied().map(Str::from).collect();
        assert_eq!(read_versions(&protocols(&[])), Versions::all());
        assert_eq!(read_versions(&protocols(&["OpenFlow12", "OpenFlow15"])), Versions::of(&[Version::Of15]));
    }
}

//! What this host's switch has for us: the integration bridge and the ports on it.

use openflow::PortNo;
use ovsdb::{Str, Uuid};
use schema::vswitch::{Bridge, Interface, Port, Tables};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::compile::Features;
use crate::events::Keys;
use crate::model::EncapKind;
use crate::network::Local;

/// The key in `Port.external_ids` that marks a tunnel: `CHASSIS@REMOTE%LOCAL`, or without `%LOCAL`.
pub const TUNNEL_KEY: &str = "ovn-chassis-id";
/// The key that marks the patch port of a localnet port.
pub const LOCALNET_KEY: &str = "ovn-localnet-port";
/// The key in `Interface.external_ids` that names the logical port.
pub const IFACE_ID: &str = "iface-id";
/// The key there that names the address that others are to send to, if it is one of several.
pub(crate) const ENCAP_IP: &str = "encap-ip";

/// Ports of the integration bridge that have a number, by what they are to us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Interfaces by the name of their logical port.
    pub vifs: BTreeMap<Str, Local>,
    /// Patch ports to the fabric, by the name of the localnet port.
    pub localnets: BTreeMap<Str, Local>,
    pub tunnels: BTreeMap<PortNo, TunnelPort>,
}

/// A tunnel by what its rows say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelPort {
    pub kind: EncapKind,
    /// Name of the chassis at the other end.
    pub chassis: Str,
    pub remote: IpAddr,
}

/// The keys for TLS that the database names.
pub fn keys(rows: &Tables) -> Option<Keys> {
    rows.ssl.values().next().map(|row| Keys {
        private_key: row.private_key.clone(),
        certificate: row.certificate.clone(),
        ca_cert: row.ca_cert.clone(),
        bootstrap_ca_cert: row.bootstrap_ca_cert,
    })
}

impl Host {
    /// Reads the rows. Without the bridge there is nothing.
    pub fn read(rows: &Tables, bridge: &str) -> Self {
        let mut host = Self::default();
        for (port, interface) in interfaces(rows, bridge) {
            host.take(port, interface);
        }
        host
    }

    fn take(&mut self, port: &Port, interface: &Interface) {
        let Some(ofport) = interface.ofport.and_then(|n| u32::try_from(n).ok()).filter(|&n| n != 0) else {
            return;
        };
        let local = Local { ofport: PortNo(ofport), interface: interface.uuid };
        if let Some(id) = port.external_ids.get(TUNNEL_KEY) {
            let kind = EncapKind::from_name(&interface.r#type);
            let remote = interface.options.get("remote_ip").and_then(|ip| ip.parse().ok());
            if let (Some(kind), Some(remote), Some(chassis)) = (kind, remote, chassis_of(id)) {
                self.tunnels.insert(local.ofport, TunnelPort { kind, chassis: chassis.into(), remote });
            }
        } else if let Some(name) = port.external_ids.get(LOCALNET_KEY) {
            self.localnets.entry(name.clone()).or_insert(local);
        } else if let Some(name) = interface.external_ids.get(IFACE_ID) {
            // Of two interfaces for one port the one with the smaller UUID is taken, whatever the order of rows.
            self.vifs.entry(name.clone()).or_insert(local);
        }
    }
}

/// Whether an interface differs from what it was in nothing that anybody else asks of us with it.
pub(crate) fn asks_the_same(old: &Interface, new: &Interface) -> bool {
    let same = |key: &str| old.external_ids.get(key) == new.external_ids.get(key);
    let ids = new.external_ids.clone();
    same(IFACE_ID) && same(ENCAP_IP) && Interface { external_ids: ids, ..old.clone() } == *new
}

/// The chassis in the mark of a tunnel.
pub fn chassis_of(mark: &str) -> Option<&str> {
    mark.rsplit_once('@').map(|(chassis, _)| chassis).filter(|chassis| !chassis.is_empty())
}

/// The bridge of that name.
pub fn bridge<'a>(rows: &'a Tables, name: &str) -> Option<&'a Arc<Bridge>> {
    rows.bridge.values().find(|bridge| &*bridge.name == name)
}

/// The type of a bridge's datapath, if it is not to be `wanted`.
pub fn datapath_type(bridge: &Bridge, wanted: Option<&Str>) -> Str {
    let kind = wanted.unwrap_or(&bridge.datapath_type);
    if kind.is_empty() { "system".into() } else { kind.clone() }
}

/// What the switch says that the bridge's datapath can do. Upstream: features.c.
pub fn features(rows: &Tables, kind: &str) -> Features {
    let switch = rows.open_vswitch.values().next();
    let row = switch.and_then(|switch| rows.datapath.get(switch.datapaths.get(kind)?));
    let has = |key, value| row.is_some_and(|row| row.capabilities.get(key).is_some_and(|v| &**v == value));
    Features {
        ct_zero_snat: has("ct_zero_snat", "true"),
        // The number of the hash that is the same in both directions.
        l4_symmetric_hash: has("max_hash_alg", "1"),
    }
}

/// The sets of collectors of samples that a bridge has, by number.
pub fn collectors(rows: &Tables, bridge: Uuid) -> BTreeSet<u32> {
    let ours = rows.flow_sample_collector_set.values().filter(|set| set.bridge == bridge);
    ours.filter_map(|set| u32::try_from(set.id).ok()).collect()
}

/// The interfaces of a bridge with their ports, in the order of the interfaces' UUIDs.
pub fn interfaces<'a>(rows: &'a Tables, name: &str) -> Vec<(&'a Arc<Port>, &'a Arc<Interface>)> {
    let ports = bridge(rows, name).into_iter().flat_map(|bridge| &bridge.ports);
    let mut found: BTreeMap<Uuid, (&Arc<Port>, &Arc<Interface>)> = BTreeMap::new();
    for port in ports.filter_map(|port| rows.port.get(port)) {
        for interface in port.interfaces.iter().filter_map(|interface| rows.interface.get(interface)) {
            found.insert(interface.uuid, (port, interface));
        }
    }
    found.into_values().collect()
}

//! `Logical_Switch`.

use std::collections::{BTreeMap, BTreeSet};

use ovsdb::{Str, Uuid};
use schema::nb;

use crate::model::options::Options;

/// A logical switch, without its ports: those say themselves where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// The northbound row.
    pub uuid: Uuid,
    /// For people; need not be unique.
    pub name: Str,
    /// The tunnel key asked for.
    pub requested_key: Option<u32>,
    /// Whether packets with VLAN tags pass.
    pub vlan_passthru: bool,
    /// Whether ARP and ND requests that nobody answers go to router ports as well.
    pub broadcasts_arp_to_routers: bool,
    /// Whether requests for addresses are relayed to a server elsewhere.
    pub relays_dhcp: bool,
    /// Rows with names that guests ask for.
    pub dns_records: BTreeSet<Uuid>,
    /// `Datapath_Binding.external_ids`.
    pub external_ids: BTreeMap<Str, Str>,
    /// What was not understood.
    pub complaints: Vec<String>,
}

impl Switch {
    /// The largest tunnel key of a datapath: the rest of the 24 bits is for deployments that span several databases.
    pub const KEY_MAX: u32 = 0xff_0000;
    /// The largest tunnel key of any datapath that a row may ask for.
    pub const KEY_REQUESTED_MAX: u32 = 0xff_ffff;
    /// The largest tunnel key where VXLAN is in use, which has 12 bits for datapaths.
    pub const KEY_MAX_VXLAN: u32 = 4095;

    /// Reads a row.
    pub fn parse(row: &nb::LogicalSwitch) -> Self {
        let mut complaints = Vec::new();
        let mut config = Options::new(&row.other_config, "other_config", &mut complaints);
        let requested_key = config.number("requested-tnl-key", 1..=Self::KEY_REQUESTED_MAX);
        let vlan_passthru = config.flag("vlan-passthru", false);
        let broadcasts_arp_to_routers = config.flag("broadcast-arps-to-all-routers", true);
        let relays_dhcp = config.text("dhcp_relay_port").is_some();
        let external_ids = external_ids(row, &mut config);
        Self {
            uuid: row.uuid,
            name: row.name.clone(),
            requested_key,
            vlan_passthru,
            broadcasts_arp_to_routers,
            relays_dhcp,
            dns_records: row.dns_records.clone(),
            external_ids,
            complaints,
        }
    }
}

/// What others look for in a datapath's `external_ids`: where it comes from, its names, limits for the controllers.
fn external_ids(row: &nb::LogicalSwitch, config: &mut Options<'_>) -> BTreeMap<Str, Str> {
    let mut ids = BTreeMap::from([
        (Str::from("logical-switch"), Str::from(row.uuid.to_string())),
        (Str::from("name"), row.name.clone()),
    ]);
    if let Some(name) = row.external_ids.get("neutron:network_name").filter(|name| !name.is_empty()) {
        ids.insert("name2".into(), name.clone());
    }
    if let Some(name) = config.text("interconn-ts") {
        ids.insert("interconn-ts".into(), name.clone());
    }
    for (key, column) in [("ct-zone-limit", "ct-zone-limit"), ("fdb_age_threshold", "fdb_age_threshold")] {
        if let Some(number) = config.number(key, 0..=u32::MAX).filter(|number| *number > 0) {
            ids.insert(column.into(), number.to_string().into());
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn external_ids_say_where_a_datapath_comes_from() {
        let text =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (Str::from(*k), Str::from(*v))).collect();
        let row = nb::LogicalSwitch {
            uuid: Uuid::from_u128(1),
            name: "sw0".into(),
            other_config: text(&[
                ("fdb_age_threshold", "300"),
                ("ct-zone-limit", "0"),
                ("vlan-passthru", "maybe"),
            ]),
            external_ids: text(&[("neutron:network_name", "blue")]),
            ..Default::default()
        };
        let switch = Switch::parse(&row);
        insta::assert_debug_snapshot!(switch.external_ids, @r#"
        {
            "fdb_age_threshold": "300",
            "logical-switch": "00000000-0000-0000-0000-000000000001",
            "name": "sw0",
            "name2": "blue",
        }
        "#);
        assert_eq!(switch.complaints, ["other_config:vlan-passthru is \"maybe\", expected true or false"]);
    }
}

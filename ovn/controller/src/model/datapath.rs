//! A logical datapath.

use lflow::pipeline::DatapathKind;
use openflow::Subfield;
use ovsdb::Str;
use schema::sb::DatapathBinding;
use std::time::Duration;

use crate::tables;

/// What the flows of a datapath need to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datapath {
    /// In the metadata field and in tunnels: 24 bits.
    pub key: u32,
    pub kind: DatapathKind,
    pub name: Str,
    /// Sources of connections are to be translated in a zone of the operator's choice (`snat-ct-zone`).
    pub snat_zone: Option<u16>,
    /// How long a neighbour is remembered that nobody sees (`mac_binding_age_threshold`); none for ever.
    pub neighbor_age: Option<Duration>,
}

impl Datapath {
    pub fn parse(row: &DatapathBinding) -> Self {
        let seconds =
            row.external_ids.get("mac_binding_age_threshold").and_then(|age| age.parse::<u32>().ok());
        let is_router = row.external_ids.contains_key("logical-router");
        Self {
            key: u32::try_from(row.tunnel_key).unwrap_or(0) & 0xff_ffff,
            kind: if is_router { DatapathKind::Router } else { DatapathKind::Switch },
            name: row.external_ids.get("name").cloned().unwrap_or_default(),
            neighbor_age: seconds.filter(|age| *age > 0).map(|age| Duration::from_secs(age.into())),
            snat_zone: row.external_ids.get("snat-ct-zone").and_then(|zone| zone.parse().ok()),
        }
    }

    /// The names of the zones for destinations and sources of connections that are translated.
    pub fn nat_zones(&self) -> Option<[Str; 2]> {
        (!self.name.is_empty()).then(|| ["dnat", "snat"].map(|kind| format!("{}_{kind}", self.name).into()))
    }

    /// Where the zone for address translation of sources and destinations in one is. It is the one for destinations,
    /// unless that for sources was chosen, which then must count.
    pub fn common_zone(&self) -> Subfield {
        if self.snat_zone.is_some() { tables::SNAT_ZONE } else { tables::DNAT_ZONE }
    }
}

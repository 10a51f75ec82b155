//! A logical datapath.

use lflow::pipeline::DatapathKind;
use ovsdb::Str;
use schema::sb::DatapathBinding;

/// What the flows of a datapath need to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datapath {
    /// In the metadata field and in tunnels: 24 bits.
    pub key: u32,
    pub kind: DatapathKind,
    pub name: Str,
}

impl Datapath {
    pub fn parse(row: &DatapathBinding) -> Self {
        let is_router = row.external_ids.contains_key("logical-router");
        Self {
            key: u32::try_from(row.tunnel_key).unwrap_or(0) & 0xff_ffff,
            kind: if is_router { DatapathKind::Router } else { DatapathKind::Switch },
            name: row.external_ids.get("name").cloned().unwrap_or_default(),
        }
    }
}

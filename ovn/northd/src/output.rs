//! What units emit: rows and parts of rows of the southbound database, in terms of northbound rows.
//!
//! A datapath is named by the UUID of its logical switch or router here. Which southbound row that is, is a matter of
//! `sync`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ovsdb::{Str, Uuid};

use crate::flows::FlowRow;
use crate::model::Complaint;
use crate::model::ageing::Ages;
use crate::model::switch_port::PortColumns;

/// One output of a unit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Output {
    /// A row of `Datapath_Binding`.
    Datapath(Arc<DatapathRow>),
    /// A row of `Port_Binding`.
    Port(Arc<PortRow>),
    /// A port in a group of ports; groups without ports do not exist.
    GroupMember {
        /// The switch or router.
        datapath: Uuid,
        /// The group.
        group: Group,
        /// The name of the port.
        port: Str,
    },
    /// A logical flow of one datapath.
    Flow {
        /// The flow.
        flow: Arc<FlowRow>,
        /// The switch or router.
        datapath: Uuid,
    },
    /// A row of `HA_Chassis_Group`, with those of `HA_Chassis` in it.
    ChassisGroup(Arc<ChassisGroupRow>),
    /// What a router has learned about its neighbours grows old.
    Ageing {
        /// The router.
        router: Uuid,
        /// How old.
        ages: Arc<Ages>,
    },
    /// A row of `Static_MAC_Binding`.
    StaticMac(Arc<StaticMacRow>),
    /// An address set, or one of its addresses.
    Address {
        /// The name of the set.
        set: Str,
        /// An address; none to say that the set exists.
        address: Option<Str>,
    },
    /// A port in a southbound port group.
    PortGroupMember {
        /// The name of the group.
        group: Str,
        /// The name of the port.
        port: Str,
    },
    /// A row of `DNS`, for one of the datapaths that it is for.
    Dns {
        /// The names.
        row: Arc<DnsRow>,
        /// The switch.
        datapath: Uuid,
    },
    /// Something that a person should know.
    Complaint(Complaint),
}

/// A row of `DNS`, without its datapaths.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DnsRow {
    /// The northbound row.
    pub uuid: Uuid,
    /// Values by names in lower case.
    pub records: BTreeMap<Str, Str>,
    /// Whether nobody else knows more of these names.
    pub is_owned: bool,
}

/// A row of `Datapath_Binding`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DatapathRow {
    /// The logical switch or router.
    pub uuid: Uuid,
    /// `type`
    pub kind: DatapathKind,
    /// `tunnel_key`
    pub key: u32,
    /// `external_ids`
    pub external_ids: BTreeMap<Str, Str>,
}

/// What a datapath is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DatapathKind {
    /// A row of `Logical_Switch`.
    Switch,
    /// A row of `Logical_Router`.
    Router,
}

impl DatapathKind {
    /// The word of column `type`, which is also the key of `external_ids` that names the northbound row.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Switch => "logical-switch",
            Self::Router => "logical-router",
        }
    }
}

/// The columns of a row of `Port_Binding` that northd writes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortRow {
    /// The northbound row.
    pub uuid: Uuid,
    /// `logical_port`
    pub name: Str,
    /// `type`
    pub kind: Str,
    /// The switch or router.
    pub datapath: Uuid,
    /// `tunnel_key`
    pub key: u32,
    /// What is copied.
    pub columns: PortColumns,
    /// `nat_addresses`
    pub nat_addresses: BTreeSet<Str>,
    /// The name of the group of chassis one of which has the port: `ha_chassis_group`.
    pub chassis_group: Option<Str>,
    /// `requested_chassis`, then `requested_additional_chassis`: southbound rows.
    pub requested_chassis: Vec<Uuid>,
}

/// A group of chassis, the first of which has the ports that name it, as long as it is there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChassisGroupRow {
    /// `name`
    pub name: Str,
    /// `external_ids`
    pub external_ids: BTreeMap<Str, Str>,
    /// Names of chassis, with their southbound rows if they are there, and priorities.
    pub members: BTreeMap<Str, (Option<Uuid>, i64)>,
}

/// A row of `Static_MAC_Binding`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StaticMacRow {
    /// The northbound row.
    pub uuid: Uuid,
    /// `logical_port`
    pub port: Str,
    /// The router.
    pub datapath: Uuid,
    /// `ip`
    pub ip: Str,
    /// `mac`
    pub mac: Str,
    /// `override_dynamic_mac`
    pub overrides: bool,
}

/// Groups of ports of a datapath to which packets are sent at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// All ports.
    Flood,
    /// All ports with unknown addresses.
    Unknown,
    /// All ports but those to routers.
    FloodL2,
}

impl Group {
    /// The name in the logical language and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flood => "_MC_flood",
            Self::Unknown => "_MC_unknown",
            Self::FloodL2 => "_MC_flood_l2",
        }
    }

    /// The tunnel key, above those of ports. Others are 32770 and 32771 for multicast routers; those of IP multicast
    /// groups begin at 32773.
    pub const fn key(self) -> u32 {
        match self {
            Self::Flood => 32768,
            Self::Unknown => 32769,
            Self::FloodL2 => 32772,
        }
    }

    /// All groups.
    pub const ALL: [Self; 3] = [Self::Flood, Self::Unknown, Self::FloodL2];
}

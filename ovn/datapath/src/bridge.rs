//! One bridge: its flow tables, groups, meters, ports and learned addresses.

use std::collections::BTreeMap;
use std::sync::Arc;

use openflow::{GroupId, MeterId, PortNo};

use crate::fdb::Fdb;
use crate::flow::{Doings, FlowTable, Rule};
use crate::group::Group;
use crate::limits::{FDB_AGE, FDB_MAX};
use crate::meter::Meter;
use crate::mirror::Mirror;
use crate::port::PortId;
use crate::tlv::TlvTable;

/// A bridge. Numbers are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BridgeId(pub u32);

/// Tables 0 to 254; 255 stands for "all" in OpenFlow.
pub(crate) const TABLES: u8 = 255;

/// A bridge.
#[derive(Debug)]
pub(crate) struct Bridge {
    pub name: String,
    pub datapath_id: u64,
    tables: Vec<Option<Box<FlowTable>>>,
    pub groups: BTreeMap<GroupId, Group>,
    pub meters: BTreeMap<MeterId, Meter>,
    pub mirrors: Vec<Mirror>,
    pub ports: BTreeMap<PortNo, PortId>,
    pub tlv: TlvTable,
    /// What its flows do.
    pub doings: Doings,
    pub fdb: Fdb,
    pub fragments: Fragments,
    /// The greatest generation that a controller named when it asked for a role.
    pub generation: Option<u64>,
    /// The switch's version when groups, meters, ports or options last changed.
    pub version: u64,
}

/// How IP fragments are looked up (OpenFlow 1.3.5 section 7.3.2, and Nicira's extension).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fragments {
    /// As if they had no ports, the first one too: flows on ports treat all of a datagram alike.
    #[default]
    Normal,
    /// Not at all: they are dropped.
    Drop,
    /// The first one by its ports.
    Match,
}

impl Fragments {
    /// From the flags of a switch's configuration.
    pub(crate) const fn from_flags(flags: u16) -> Option<Self> {
        match flags & 3 {
            0 => Some(Self::Normal),
            1 => Some(Self::Drop),
            3 => Some(Self::Match),
            _ => None,
        }
    }

    pub(crate) const fn to_flags(self) -> u16 {
        match self {
            Self::Normal => 0,
            Self::Drop => 1,
            Self::Match => 3,
        }
    }
}

impl Bridge {
    pub(crate) fn new(name: String, datapath_id: u64) -> Self {
        Self {
            name,
            datapath_id,
            tables: (0..TABLES).map(|_| None).collect(),
            groups: BTreeMap::new(),
            meters: BTreeMap::new(),
            mirrors: Vec::new(),
            ports: BTreeMap::new(),
            tlv: TlvTable::default(),
            doings: Doings::default(),
            fdb: Fdb::new(FDB_MAX, FDB_AGE),
            fragments: Fragments::default(),
            generation: None,
            version: 0,
        }
    }

    /// A table that has or had flows.
    pub(crate) fn table(&self, number: u8) -> Option<&FlowTable> {
        self.tables.get(usize::from(number))?.as_deref()
    }

    /// A table, made if it had no flow yet; none has the number 255.
    pub(crate) fn table_mut(&mut self, number: u8) -> Option<&mut FlowTable> {
        Some(self.tables.get_mut(usize::from(number))?.get_or_insert_default())
    }

    /// The tables that have or had flows, by number.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (u8, &FlowTable)> {
        (0..TABLES).zip(&self.tables).filter_map(|(number, table)| Some((number, table.as_deref()?)))
    }

    /// The same, to change.
    pub(crate) fn tables_mut(&mut self) -> impl Iterator<Item = (u8, &mut FlowTable)> {
        (0..TABLES).zip(&mut self.tables).filter_map(|(number, table)| Some((number, table.as_deref_mut()?)))
    }

    /// All flows, by table and age.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.tables().flat_map(|(_, table)| table.rules())
    }

    /// Bits of the `tun_metadata` fields that flows name.
    pub(crate) fn options_used(&self) -> u64 {
        self.rules().fold(0, |used, rule| used | rule.options)
    }
}

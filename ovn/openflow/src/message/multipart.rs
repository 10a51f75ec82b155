//! Requests whose replies may be many, and the replies.

use crate::{
    Band, Bucket, Field, FlowModFlags, FlowMonitor, FlowUpdate, GroupId, GroupKind, Instruction, Match,
    MeterFlags, MeterId, PortDesc, PortNo, PortStats, SelectionMethod,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MultipartRequest {
    Desc,
    Flow(FlowStatsRequest),
    Aggregate(FlowStatsRequest),
    Table,
    /// [`PortNo::ANY`] for all.
    PortStats(PortNo),
    /// `u32::MAX` for all queues.
    Queue {
        port: PortNo,
        queue: u32,
    },
    Group(GroupId),
    GroupDesc(GroupId),
    GroupFeatures,
    Meter(MeterId),
    MeterConfig(MeterId),
    MeterFeatures,
    /// Reading only: a request that would change tables is refused.
    TableFeatures,
    PortDesc(PortNo),
    TableDesc,
    QueueDesc {
        port: PortNo,
        queue: u32,
    },
    /// Being told of changes of flows from now on.
    FlowMonitor(Vec<FlowMonitor>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MultipartReply {
    Desc(SwitchDesc),
    Flow(Vec<FlowStats>),
    Aggregate(Aggregate),
    Table(Vec<TableStats>),
    PortStats(Vec<PortStats>),
    Queue(Vec<QueueStats>),
    Group(Vec<GroupStats>),
    GroupDesc(Vec<GroupDesc>),
    GroupFeatures(GroupFeatures),
    Meter(Vec<MeterStats>),
    MeterConfig(Vec<MeterConfig>),
    MeterFeatures(MeterFeatures),
    TableFeatures(Vec<TableFeatures>),
    PortDesc(Vec<PortDesc>),
    TableDesc(Vec<TableDesc>),
    QueueDesc(Vec<QueueDesc>),
    /// What a monitor begins with, and, without having been asked again, what happens.
    FlowMonitor(Vec<FlowUpdate>),
}

/// Which flows are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowStatsRequest {
    /// `None`: all tables.
    pub table: Option<u8>,
    pub out_port: PortNo,
    pub out_group: GroupId,
    pub cookie: u64,
    pub cookie_mask: u64,
    pub matching: Match,
}

impl Default for FlowStatsRequest {
    fn default() -> Self {
        Self {
            table: None,
            out_port: PortNo::ANY,
            out_group: GroupId::ANY,
            cookie: 0,
            cookie_mask: 0,
            matching: Match::any(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowStats {
    pub table: u8,
    pub priority: u16,
    pub matching: Match,
    pub instructions: Vec<Instruction>,
    pub cookie: u64,
    pub duration_sec: u32,
    pub duration_nsec: u32,
    pub idle_timeout: u16,
    pub hard_timeout: u16,
    pub flags: FlowModFlags,
    pub importance: u16,
    /// Seconds since the last packet, where the version can say it.
    pub idle_age: Option<u32>,
    pub packets: u64,
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aggregate {
    pub packets: u64,
    pub bytes: u64,
    pub flows: u32,
}

/// Free text about the switch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SwitchDesc {
    pub manufacturer: String,
    pub hardware: String,
    pub software: String,
    pub serial: String,
    pub datapath: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableStats {
    pub table: u8,
    pub active: u32,
    pub lookups: u64,
    pub matched: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueStats {
    pub port: PortNo,
    pub queue: u32,
    pub tx_bytes: u64,
    pub tx_packets: u64,
    pub tx_errors: u64,
    pub duration_sec: u32,
    pub duration_nsec: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupStats {
    pub group: GroupId,
    pub ref_count: u32,
    pub packets: u64,
    pub bytes: u64,
    pub duration_sec: u32,
    pub duration_nsec: u32,
    /// Packets and octets of each bucket.
    pub buckets: Vec<(u64, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDesc {
    pub group: GroupId,
    pub kind: GroupKind,
    pub buckets: Vec<Bucket>,
    pub selection: Option<SelectionMethod>,
}

/// Arrays are by kind of group: all, select, indirect, fast failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupFeatures {
    /// Bit n stands for kind n.
    pub kinds: u32,
    /// Bits: weight 1, liveness 2, chaining 4, chaining is checked 8.
    pub capabilities: u32,
    pub max_groups: [u32; 4],
    /// Bit n stands for action type n.
    pub actions: [u32; 4],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterStats {
    pub meter: MeterId,
    pub flow_count: u32,
    pub packets_in: u64,
    pub bytes_in: u64,
    pub duration_sec: u32,
    pub duration_nsec: u32,
    /// Packets and octets that each band caught.
    pub bands: Vec<(u64, u64)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeterConfig {
    pub meter: MeterId,
    pub flags: MeterFlags,
    pub bands: Vec<Band>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeterFeatures {
    pub max_meter: u32,
    /// Bit n stands for band type n.
    pub band_types: u32,
    pub capabilities: u32,
    pub max_bands: u8,
    pub max_color: u8,
}

/// A table: its sizes, and what its flows can match and do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFeatures {
    pub table: u8,
    pub name: String,
    pub metadata_match: u64,
    pub metadata_write: u64,
    /// From OpenFlow 1.4 on; bits: eviction 4, vacancy events 8.
    pub capabilities: u32,
    pub max_entries: u32,
    pub flows: FlowAbilities,
    /// What the flow that matches everything can do, where it differs.
    pub miss: Option<FlowAbilities>,
    /// Fields that can be matched.
    pub matching: Vec<Field>,
    /// Those of them that can be matched with a mask.
    pub maskable: Vec<Field>,
    /// Those of them that need not be matched.
    pub wildcards: Vec<Field>,
}

/// What flows of a table can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowAbilities {
    /// Bit n stands for instruction type n.
    pub instructions: u32,
    /// Tables that packets can go on to.
    pub next: Vec<u8>,
    /// What may be written to the action set.
    pub write: ActionAbilities,
    pub apply: ActionAbilities,
}

/// What actions there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionAbilities {
    /// Bit n stands for action type n.
    pub actions: u32,
    /// Fields that can be set.
    pub set_fields: Vec<Field>,
}

/// A queue of a port and the rates that it is given, in thousandths of the port's; beyond 1000: none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueDesc {
    pub port: PortNo,
    pub queue: u32,
    pub min_rate: Option<u16>,
    pub max_rate: Option<u16>,
}

/// How a table is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableDesc {
    pub table: u8,
    pub config: u32,
    /// By what flows are chosen to make room: other 1, importance 2, lifetime 4.
    pub eviction: Option<u32>,
    pub vacancy: Option<Vacancy>,
}

impl TableDesc {
    /// Flows make room for others.
    pub const EVICTION: u32 = 4;
    /// Controllers are told how full the table is.
    pub const VACANCY: u32 = 8;
}

/// When controllers are told how much room a table has; in percent of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vacancy {
    /// Below this it is told that there is little.
    pub down: u8,
    /// Above this it is told that there is enough again.
    pub up: u8,
    /// What there is.
    pub now: u8,
}

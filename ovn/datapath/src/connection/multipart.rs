//! Requests for descriptions and statistics.

use std::time::Instant;

use openflow::{
    Access, ActionAbilities, Aggregate, ErrorCode, Field, FlowAbilities, FlowStats, FlowStatsRequest,
    GroupDesc, GroupFeatures, GroupId, GroupStats, Maskable, MeterFeatures, MeterId, MeterStats,
    MultipartReply, MultipartRequest, PortNo, PortStats, SwitchDesc, TableDesc, TableFeatures, TableStats,
};

use super::duration;
use crate::bridge::{Bridge, BridgeId};
use crate::field::slot_of;
use crate::flow::Rule;
use crate::limits::{BANDS_MAX, FLOWS_PER_TABLE_MAX, METERS_MAX};
use crate::meter::Meter;
use crate::port::Port;
use crate::switch::{FlowFilter, Switch, describe};
use crate::tlv::TlvTable;

/// Groups that there may be of each kind.
const GROUPS_MAX: u32 = 0xffff_ff00;
/// Tables that are described: those that flows can be in but the last, which Open vSwitch keeps for itself.
const TABLES_SHOWN: u8 = 254;

impl Switch {
    /// The answer to a request.
    ///
    /// # Errors
    /// The code to answer with.
    pub(crate) fn multipart(
        &mut self,
        id: BridgeId,
        request: &MultipartRequest,
        now: Instant,
    ) -> Result<MultipartReply, ErrorCode> {
        self.push_counters(now);
        let bridge = self.bridges.get(&id).ok_or(ErrorCode::EPERM)?;
        Ok(match request {
            MultipartRequest::Desc => MultipartReply::Desc(desc(bridge)),
            MultipartRequest::Flow(request) => {
                MultipartReply::Flow(selected(bridge, request).map(|rule| flow_stats(rule, now)).collect())
            }
            MultipartRequest::Aggregate(request) => MultipartReply::Aggregate(aggregate(bridge, request)),
            MultipartRequest::Table => {
                MultipartReply::Table((0..TABLES_SHOWN).map(|n| table_stats(bridge, n)).collect())
            }
            MultipartRequest::PortStats(port) => MultipartReply::PortStats(
                self.shown_ports(id, *port)?.map(|port| port_stats(port, now)).collect(),
            ),
            MultipartRequest::PortDesc(port) => {
                MultipartReply::PortDesc(self.shown_ports(id, *port)?.map(describe).collect())
            }
            MultipartRequest::Queue { port, queue } => {
                MultipartReply::Queue(self.queue_stats(id, *port, *queue, now)?)
            }
            MultipartRequest::QueueDesc { port, queue } => {
                MultipartReply::QueueDesc(self.queue_descs(id, *port, *queue)?)
            }
            MultipartRequest::Group(group) => {
                let groups = bridge.groups.iter().filter(|(id, _)| is_asked(*group, **id));
                MultipartReply::Group(
                    groups.map(|(id, group)| group_stats(bridge, *id, group, now)).collect(),
                )
            }
            MultipartRequest::GroupDesc(group) => {
                let groups = bridge.groups.iter().filter(|(id, _)| is_asked(*group, **id));
                MultipartReply::GroupDesc(groups.map(|(id, group)| group_desc(*id, group)).collect())
            }
            MultipartRequest::GroupFeatures => MultipartReply::GroupFeatures(GROUP_FEATURES),
            MultipartRequest::Meter(meter) => MultipartReply::Meter(
                meters(bridge, *meter)?.map(|meter| meter_stats(bridge, meter, now)).collect(),
            ),
            MultipartRequest::MeterConfig(meter) => MultipartReply::MeterConfig(
                meters(bridge, *meter)?.map(|meter| meter.config.clone()).collect(),
            ),
            MultipartRequest::MeterFeatures => MultipartReply::MeterFeatures(METER_FEATURES),
            MultipartRequest::TableFeatures => {
                let fields = TableFields::new(&bridge.tlv);
                MultipartReply::TableFeatures((0..TABLES_SHOWN).map(|table| fields.features(table)).collect())
            }
            // It is about the connection, and was answered there.
            MultipartRequest::FlowMonitor(_) => return Err(ErrorCode::BAD_MULTIPART),
            MultipartRequest::TableDesc => {
                MultipartReply::TableDesc((0..TABLES_SHOWN).map(table_desc).collect())
            }
        })
    }

    fn shown_ports(&self, bridge: BridgeId, port: PortNo) -> Result<impl Iterator<Item = &Port>, ErrorCode> {
        let is_shown = move |shown: &Port| port == PortNo::ANY || shown.number == port;
        if !self.ports_of(bridge).any(|(_, port)| is_shown(port)) && port != PortNo::ANY {
            return Err(ErrorCode::BAD_PORT);
        }
        Ok(self.ports_of(bridge).map(|(_, port)| port).filter(move |port| is_shown(port)))
    }
}

/// What controllers may ask of groups. All four kinds, weights and liveness and chains; actions are
/// those that Open vSwitch names, as controllers look for them.
const GROUP_FEATURES: GroupFeatures =
    GroupFeatures { kinds: 0xf, capabilities: 7, max_groups: [GROUPS_MAX; 4], actions: [ACTIONS; 4] };

/// Actions that flows and groups can have, by their numbers in OpenFlow.
const ACTIONS: u32 = 0x03ff_8001;

/// Instructions but for going on to other tables: metadata, written, applied and cleared actions, meters.
const INSTRUCTIONS: u32 = 0x7c;

/// What controllers may ask of meters: both kinds of bands, both units, bursts and statistics.
const METER_FEATURES: MeterFeatures = MeterFeatures {
    max_meter: METERS_MAX,
    band_types: 6,
    capabilities: 0xf,
    max_bands: BANDS_MAX as u8,
    max_color: 0,
};

fn desc(bridge: &Bridge) -> SwitchDesc {
    SwitchDesc {
        manufacturer: "ovn".to_owned(),
        hardware: "software switch".to_owned(),
        software: env!("CARGO_PKG_VERSION").to_owned(),
        serial: "None".to_owned(),
        datapath: bridge.name.clone(),
    }
}

fn selected<'a>(bridge: &'a Bridge, request: &'a FlowStatsRequest) -> impl Iterator<Item = &'a Rule> {
    let filter = FlowFilter {
        matching: &request.matching,
        cookie: request.cookie,
        cookie_mask: request.cookie_mask,
        out_port: request.out_port,
        out_group: request.out_group,
    };
    let rules = bridge.rules().map(AsRef::as_ref);
    rules.filter(move |rule| request.table.is_none_or(|table| table == rule.table) && filter.admits(rule))
}

fn flow_stats(rule: &Rule, now: Instant) -> FlowStats {
    let (duration_sec, duration_nsec) = duration(now.saturating_duration_since(rule.created));
    let last = rule.counted().used().unwrap_or(rule.created).max(rule.created);
    let idle = now.saturating_duration_since(last).as_secs();
    let (idle_timeout, hard_timeout) = rule.timeouts();
    FlowStats {
        table: rule.table,
        priority: rule.priority,
        matching: rule.matching(),
        instructions: rule.instructions().to_vec(),
        cookie: rule.cookie,
        duration_sec,
        duration_nsec,
        idle_timeout,
        hard_timeout,
        flags: rule.flags,
        importance: rule.importance,
        idle_age: Some(u32::try_from(idle).unwrap_or(u32::MAX)),
        packets: rule.counted().packets(),
        bytes: rule.counted().octets(),
    }
}

fn aggregate(bridge: &Bridge, request: &FlowStatsRequest) -> Aggregate {
    selected(bridge, request).fold(Aggregate::default(), |sum, rule| Aggregate {
        packets: sum.packets + rule.counted().packets(),
        bytes: sum.bytes + rule.counted().octets(),
        flows: sum.flows + 1,
    })
}

/// Lookups that found nothing are not counted, so both counts are of those that matched.
fn table_stats(bridge: &Bridge, number: u8) -> TableStats {
    let table = bridge.table(number);
    let matched =
        table.into_iter().flat_map(|table| table.rules()).map(|rule| rule.counted().packets()).sum();
    TableStats {
        table: number,
        active: table.map_or(0, |table| table.len() as u32),
        lookups: matched,
        matched,
    }
}

/// Flows never make room for others, and nobody is told how full a table is.
fn table_desc(table: u8) -> TableDesc {
    TableDesc { table, config: 0, eviction: Some(0), vacancy: None }
}

/// The fields that flows can match and set; they are the same in every table.
struct TableFields {
    matching: Vec<Field>,
    maskable: Vec<Field>,
    set: Vec<Field>,
}

impl TableFields {
    fn new(tlv: &TlvTable) -> Self {
        let matching: Vec<Field> = Field::all().into_iter().filter(|field| is_matched(*field, tlv)).collect();
        let filtered = |keep: &dyn Fn(&Field) -> bool| matching.iter().copied().filter(keep).collect();
        Self {
            maskable: filtered(&|field| field.maskable() == Maskable::Bits),
            set: filtered(&|field| field.access() == Access::ReadWrite),
            matching,
        }
    }

    fn features(&self, table: u8) -> TableFeatures {
        let abilities = ActionAbilities { actions: ACTIONS, set_fields: self.set.clone() };
        let next: Vec<u8> = (table + 1..TABLES_SHOWN).collect();
        let goto = if next.is_empty() { 0 } else { 1 << 1 };
        TableFeatures {
            table,
            name: String::new(),
            metadata_match: u64::MAX,
            metadata_write: u64::MAX,
            capabilities: 0,
            max_entries: FLOWS_PER_TABLE_MAX,
            flows: FlowAbilities {
                instructions: INSTRUCTIONS | goto,
                next,
                write: abilities.clone(),
                apply: abilities,
            },
            miss: None,
            matching: self.matching.clone(),
            maskable: self.maskable.clone(),
            wildcards: self.matching.clone(),
        }
    }
}

/// Options of tunnels have a place only once they are in the table, but can always be put there.
fn is_matched(field: Field, tlv: &TlvTable) -> bool {
    matches!(field, Field::TunMetadata(_) | Field::PacketType) || slot_of(field, tlv).is_some()
}

fn port_stats(port: &Port, now: Instant) -> PortStats {
    let (duration_sec, duration_nsec) = duration(now.saturating_duration_since(port.added));
    let counters = &port.counters;
    PortStats {
        port: port.number,
        rx_packets: counters.rx_packets,
        tx_packets: counters.tx_packets,
        rx_bytes: counters.rx_bytes,
        tx_bytes: counters.tx_bytes,
        rx_dropped: counters.rx_dropped,
        tx_dropped: counters.tx_dropped,
        rx_errors: 0,
        tx_errors: 0,
        rx_frame_errors: 0,
        rx_over_errors: 0,
        rx_crc_errors: 0,
        collisions: 0,
        duration_sec,
        duration_nsec,
    }
}

fn is_asked(asked: GroupId, id: GroupId) -> bool {
    asked == id || asked == GroupId::ALL || asked == GroupId::ANY
}

fn group_stats(bridge: &Bridge, id: GroupId, group: &crate::group::Group, now: Instant) -> GroupStats {
    let (duration_sec, duration_nsec) = duration(now.saturating_duration_since(group.created));
    let (packets, bytes) = group.counters.all();
    let users = bridge.rules().filter(|rule| rule.doing.groups.contains(&id));
    GroupStats {
        group: id,
        ref_count: users.count() as u32,
        packets,
        bytes,
        duration_sec,
        duration_nsec,
        buckets: group.counters.buckets(),
    }
}

fn group_desc(id: GroupId, group: &crate::group::Group) -> GroupDesc {
    GroupDesc {
        group: id,
        kind: group.kind,
        buckets: group.buckets.clone(),
        selection: group.selection.clone(),
    }
}

fn meters(bridge: &Bridge, asked: MeterId) -> Result<impl Iterator<Item = &Meter>, ErrorCode> {
    if asked != MeterId::ALL && !bridge.meters.contains_key(&asked) {
        return Err(ErrorCode::UNKNOWN_METER);
    }
    let meters = bridge.meters.iter().filter(move |(id, _)| asked == MeterId::ALL || asked == **id);
    Ok(meters.map(|(_, meter)| meter))
}

fn meter_stats(bridge: &Bridge, meter: &Meter, now: Instant) -> MeterStats {
    let id = meter.config.meter;
    let (all, bands) = meter.gauge.counted();
    let (duration_sec, duration_nsec) = duration(now.saturating_duration_since(meter.created));
    let users = bridge.rules().filter(|rule| rule.doing.meters.contains(&id));
    MeterStats {
        meter: id,
        flow_count: users.count() as u32,
        packets_in: all.packets,
        bytes_in: all.octets,
        duration_sec,
        duration_nsec,
        bands: bands.iter().map(|band| (band.packets, band.octets)).collect(),
    }
}

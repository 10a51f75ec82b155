//! Requests for descriptions and statistics, and the answers.

use super::super::style::Style;
use super::{groups, monitors, ports, switch, tables};
use crate::{FlowStatsRequest, GroupId, MultipartReply, MultipartRequest, PortNo, Version};

pub(super) fn request(m: &MultipartRequest, style: Style<'_>) -> String {
    match m {
        MultipartRequest::Flow(asked) | MultipartRequest::Aggregate(asked) => flow_request(asked, style),
        MultipartRequest::PortStats(port) | MultipartRequest::PortDesc(port) => ports::named(*port, style),
        MultipartRequest::Queue { port, queue } | MultipartRequest::QueueDesc { port, queue } => {
            let queue = if *queue == u32::MAX { "ALL".to_owned() } else { queue.to_string() };
            format!(" port={} queue={queue}", style.port(*port))
        }
        MultipartRequest::Group(group) | MultipartRequest::GroupDesc(group) => match *group {
            GroupId::ALL | GroupId::ANY => " group_id=ALL".to_owned(),
            GroupId(n) => format!(" group_id={n}"),
        },
        MultipartRequest::Meter(meter) | MultipartRequest::MeterConfig(meter) => {
            format!(" meter={}", groups::meter_name(*meter))
        }
        MultipartRequest::FlowMonitor(list) => monitors::requests(list, style),
        MultipartRequest::Desc
        | MultipartRequest::Table
        | MultipartRequest::GroupFeatures
        | MultipartRequest::MeterFeatures
        | MultipartRequest::TableFeatures
        | MultipartRequest::TableDesc => String::new(),
    }
}

fn flow_request(m: &FlowStatsRequest, style: Style<'_>) -> String {
    let mut parts = Vec::new();
    parts.extend(m.table.map(|table| format!(" table={table}")));
    parts.extend((m.out_port != PortNo::ANY).then(|| format!(" out_port={}", style.port(m.out_port))));
    let matching = super::super::matching::parts(&m.matching, style).join(",");
    parts.extend((!matching.is_empty()).then(|| format!(" {matching}")));
    parts.concat()
}

pub(super) fn reply(m: &MultipartReply, version: Version, style: Style<'_>) -> String {
    match m {
        MultipartReply::Desc(desc) => switch::desc(desc),
        MultipartReply::Flow(flows) => {
            let lines = flows.iter().map(|flow| format!(" {}\n", style.of(flow)));
            format!("\n{}", lines.collect::<String>())
        }
        MultipartReply::Aggregate(sum) => {
            format!(" packet_count={} byte_count={} flow_count={}", sum.packets, sum.bytes, sum.flows)
        }
        MultipartReply::Table(list) => tables::stats(list),
        MultipartReply::PortStats(list) => ports::stats(list, version, style),
        MultipartReply::Queue(list) => ports::queues(list, style),
        MultipartReply::Group(list) => groups::stats(list),
        MultipartReply::GroupDesc(list) => groups::descs(list, style),
        MultipartReply::GroupFeatures(features) => groups::features(features),
        MultipartReply::Meter(list) => groups::meter_stats(list),
        MultipartReply::MeterConfig(list) => groups::meters(list),
        MultipartReply::MeterFeatures(features) => groups::meter_features(features),
        MultipartReply::TableFeatures(list) => tables::features(list, version),
        MultipartReply::PortDesc(list) => {
            format!("\n{}", ports::descs(list, version, style))
        }
        MultipartReply::TableDesc(list) => tables::descs(list),
        MultipartReply::QueueDesc(list) => ports::queue_descs(list, style),
        MultipartReply::FlowMonitor(list) => monitors::updates(list, style),
    }
}

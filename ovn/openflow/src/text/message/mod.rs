//! Messages as `ovs-ofctl` prints them: a line with name, version and number, then what the message says.

mod asynchronous;
mod errors;
mod flows;
mod groups;
mod monitors;
mod packets;
mod ports;
mod stats;
mod switch;
mod tables;

use super::style::Style;
use crate::{Body, BundleKind, Message, MultipartReply, MultipartRequest, Version};

impl Message {
    /// The message in the words of a version; ends with a line feed. Packets in it are left to the caller.
    pub fn text(&self, version: Version, style: Style<'_>) -> String {
        let style = Style { version: Some(version), ..style };
        let versions = match version {
            Version::Of10 => "",
            Version::Of13 => "(OF1.3) ",
            Version::Of14 => "(OF1.4) ",
            Version::Of15 => "(OF1.5) ",
        };
        let head = format!("{} {versions}(xid={:#x}):", name(&self.body, version), self.xid);
        let says = body_text(&self.body, version, style);
        let text = head + &says;
        if text.ends_with('\n') { text } else { text + "\n" }
    }
}

/// The name of a message, and whether it asks or answers if both have the same.
fn name(body: &Body, version: Version) -> String {
    let of10 = version == Version::Of10;
    match body {
        Body::Hello(_) => "OFPT_HELLO",
        Body::Error(_) => "OFPT_ERROR",
        Body::EchoRequest(_) => "OFPT_ECHO_REQUEST",
        Body::EchoReply(_) => "OFPT_ECHO_REPLY",
        Body::FeaturesRequest => "OFPT_FEATURES_REQUEST",
        Body::FeaturesReply(_) => "OFPT_FEATURES_REPLY",
        Body::GetConfigRequest => "OFPT_GET_CONFIG_REQUEST",
        Body::GetConfigReply(_) => "OFPT_GET_CONFIG_REPLY",
        Body::SetConfig(_) => "OFPT_SET_CONFIG",
        Body::PacketIn(_) => "OFPT_PACKET_IN",
        Body::NxPacketIn(_) => "NXT_PACKET_IN",
        Body::PacketIn2(_) => "NXT_PACKET_IN2",
        Body::Resume(_) => "NXT_RESUME",
        Body::PacketOut(_) => "OFPT_PACKET_OUT",
        Body::FlowMod(_) if of10 => "NXT_FLOW_MOD",
        Body::FlowMod(_) => "OFPT_FLOW_MOD",
        Body::FlowRemoved(_) => "OFPT_FLOW_REMOVED",
        Body::PortStatus(_) => "OFPT_PORT_STATUS",
        Body::PortMod(_) => "OFPT_PORT_MOD",
        Body::GroupMod(_) if of10 => "NXT_GROUP_MOD",
        Body::GroupMod(_) => "OFPT_GROUP_MOD",
        Body::MeterMod(_) => "OFPT_METER_MOD",
        Body::MultipartRequest(request) => return format!("{} request", request_name(request, version)),
        Body::MultipartReply { reply, .. } => return format!("{} reply", reply_name(reply, version)),
        Body::BarrierRequest => "OFPT_BARRIER_REQUEST",
        Body::BarrierReply => "OFPT_BARRIER_REPLY",
        Body::QueueGetConfigRequest(_) => "OFPT_QUEUE_GET_CONFIG_REQUEST",
        Body::QueueGetConfigReply { .. } => "OFPT_QUEUE_GET_CONFIG_REPLY",
        Body::RoleRequest(_) if of10 => "NXT_ROLE_REQUEST",
        Body::RoleRequest(_) => "OFPT_ROLE_REQUEST",
        Body::RoleReply(_) if of10 => "NXT_ROLE_REPLY",
        Body::RoleReply(_) => "OFPT_ROLE_REPLY",
        Body::BundleControl(_) => "OFPT_BUNDLE_CONTROL",
        Body::BundleAdd(_) => "OFPT_BUNDLE_ADD_MESSAGE",
        Body::SetFlowFormat(_) => "NXT_SET_FLOW_FORMAT",
        Body::FlowModTableId(_) => "NXT_FLOW_MOD_TABLE_ID",
        Body::SetPacketInFormat(_) => "NXT_SET_PACKET_IN_FORMAT",
        Body::SetControllerId(_) => "NXT_SET_CONTROLLER_ID",
        Body::SetAsync(_) if of10 => "NXT_SET_ASYNC_CONFIG",
        Body::SetAsync(_) => "OFPT_SET_ASYNC",
        Body::GetAsyncRequest => "OFPT_GET_ASYNC_REQUEST",
        Body::GetAsyncReply(_) => "OFPT_GET_ASYNC_REPLY",
        Body::RoleStatus(_) if version < Version::Of14 => "ONFT_ROLE_STATUS",
        Body::RoleStatus(_) => "OFPT_ROLE_STATUS",
        Body::FlowMonitorCancel(_) if of10 => "NXT_FLOW_MONITOR_CANCEL",
        Body::FlowMonitorCancel(_) => "ONFT_FLOW_MONITOR_CANCEL",
        Body::FlowMonitorPaused if of10 => "NXT_FLOW_MONITOR_PAUSED",
        Body::FlowMonitorPaused => "ONFT_FLOW_MONITOR_PAUSED",
        Body::FlowMonitorResumed if of10 => "NXT_FLOW_MONITOR_RESUMED",
        Body::FlowMonitorResumed => "ONFT_FLOW_MONITOR_RESUMED",
        Body::TlvTableMod(_) => "NXT_TLV_TABLE_MOD",
        Body::TlvTableRequest => "NXT_TLV_TABLE_REQUEST",
        Body::TlvTableReply(_) => "NXT_TLV_TABLE_REPLY",
        Body::CtFlushZone(_) => "NXT_CT_FLUSH_ZONE",
        Body::CtFlush(_) => "NXT_CT_FLUSH",
    }
    .to_owned()
}

fn request_name(request: &MultipartRequest, version: Version) -> &'static str {
    let of10 = version == Version::Of10;
    match request {
        MultipartRequest::Desc => "OFPST_DESC",
        MultipartRequest::Flow(_) if of10 => "NXST_FLOW",
        MultipartRequest::Flow(_) => "OFPST_FLOW",
        MultipartRequest::Aggregate(_) if of10 => "NXST_AGGREGATE",
        MultipartRequest::Aggregate(_) => "OFPST_AGGREGATE",
        MultipartRequest::Table => "OFPST_TABLE",
        MultipartRequest::PortStats(_) => "OFPST_PORT",
        MultipartRequest::Queue { .. } => "OFPST_QUEUE",
        MultipartRequest::Group(_) if of10 => "NXST_GROUP",
        MultipartRequest::Group(_) => "OFPST_GROUP",
        MultipartRequest::GroupDesc(_) if of10 => "NXST_GROUP_DESC",
        MultipartRequest::GroupDesc(_) => "OFPST_GROUP_DESC",
        MultipartRequest::GroupFeatures if of10 => "NXST_GROUP_FEATURES",
        MultipartRequest::GroupFeatures => "OFPST_GROUP_FEATURES",
        MultipartRequest::Meter(_) => "OFPST_METER",
        MultipartRequest::MeterConfig(_) => "OFPST_METER_CONFIG",
        MultipartRequest::MeterFeatures => "OFPST_METER_FEATURES",
        MultipartRequest::TableFeatures => "OFPST_TABLE_FEATURES",
        MultipartRequest::PortDesc(_) => "OFPST_PORT_DESC",
        MultipartRequest::TableDesc => "OFPST_TABLE_DESC",
        MultipartRequest::FlowMonitor(_) if of10 => "NXST_FLOW_MONITOR",
        MultipartRequest::FlowMonitor(_) if version == Version::Of13 => "ONFST_FLOW_MONITOR",
        MultipartRequest::FlowMonitor(_) => "OFPST_FLOW_MONITOR",
        MultipartRequest::QueueDesc { .. } => "OFPST_QUEUE_DESC",
    }
}

fn reply_name(reply: &MultipartReply, version: Version) -> &'static str {
    let of10 = version == Version::Of10;
    match reply {
        MultipartReply::Desc(_) => "OFPST_DESC",
        MultipartReply::Flow(_) if of10 => "NXST_FLOW",
        MultipartReply::Flow(_) => "OFPST_FLOW",
        MultipartReply::Aggregate(_) if of10 => "NXST_AGGREGATE",
        MultipartReply::Aggregate(_) => "OFPST_AGGREGATE",
        MultipartReply::Table(_) => "OFPST_TABLE",
        MultipartReply::PortStats(_) => "OFPST_PORT",
        MultipartReply::Queue(_) => "OFPST_QUEUE",
        MultipartReply::Group(_) if of10 => "NXST_GROUP",
        MultipartReply::Group(_) => "OFPST_GROUP",
        MultipartReply::GroupDesc(_) if of10 => "NXST_GROUP_DESC",
        MultipartReply::GroupDesc(_) => "OFPST_GROUP_DESC",
        MultipartReply::GroupFeatures(_) if of10 => "NXST_GROUP_FEATURES",
        MultipartReply::GroupFeatures(_) => "OFPST_GROUP_FEATURES",
        MultipartReply::Meter(_) => "OFPST_METER",
        MultipartReply::MeterConfig(_) => "OFPST_METER_CONFIG",
        MultipartReply::MeterFeatures(_) => "OFPST_METER_FEATURES",
        MultipartReply::TableFeatures(_) => "OFPST_TABLE_FEATURES",
        MultipartReply::PortDesc(_) => "OFPST_PORT_DESC",
        MultipartReply::TableDesc(_) => "OFPST_TABLE_DESC",
        MultipartReply::FlowMonitor(_) if of10 => "NXST_FLOW_MONITOR",
        MultipartReply::FlowMonitor(_) if version == Version::Of13 => "ONFST_FLOW_MONITOR",
        MultipartReply::FlowMonitor(_) => "OFPST_FLOW_MONITOR",
        MultipartReply::QueueDesc(_) => "OFPST_QUEUE_DESC",
    }
}

fn body_text(body: &Body, version: Version, style: Style<'_>) -> String {
    match body {
        Body::Hello(versions) => switch::hello(*versions),
        Body::Error(error) => errors::text(error, version, style),
        Body::EchoRequest(data) | Body::EchoReply(data) => format!(" {} bytes of payload", data.len()),
        Body::FeaturesReply(features) => switch::features(features, version, style),
        Body::GetConfigReply(config) | Body::SetConfig(config) => switch::config(config),
        Body::PacketIn(packet) => packets::standard_in(packet, version, style),
        Body::NxPacketIn(packet) => packets::nx_in(packet, style),
        Body::PacketIn2(packet) | Body::Resume(packet) => packets::in2(packet, style),
        Body::PacketOut(packet) => packets::out(packet, style),
        Body::FlowMod(change) => flows::change(change, version, style),
        Body::FlowRemoved(removed) => flows::removed(removed, version, style),
        Body::PortStatus(status) => ports::status(status, version, style),
        Body::PortMod(change) => ports::change(change, style),
        Body::GroupMod(change) => groups::change(change, style),
        Body::MeterMod(change) => groups::meter_change(change),
        Body::MultipartRequest(request) => stats::request(request, style),
        Body::MultipartReply { reply, .. } => stats::reply(reply, version, style),
        Body::SetAsync(masks) | Body::GetAsyncReply(masks) => asynchronous::masks(masks),
        Body::RoleStatus(status) => asynchronous::role_status(status),
        Body::FlowMonitorCancel(id) => format!(" id={id}"),
        Body::RoleRequest(role) | Body::RoleReply(role) => {
            let name = asynchronous::role_name(role.role);
            match version {
                Version::Of10 => format!(" role={name}"),
                Version::Of13 | Version::Of14 | Version::Of15 => {
                    format!(" role={name} generation_id={}", role.generation_id)
                }
            }
        }
        Body::BundleControl(control) => {
            let kind = bundle_kind(control.kind);
            format!("\n bundle_id={:#x} type={kind} flags={}", control.id.0, bundle_flags(control.flags.0))
        }
        Body::BundleAdd(add) => {
            let inner = add.message.text(version, style);
            format!("\n bundle_id={:#x} flags={}\n{inner}", add.id.0, bundle_flags(add.flags.0))
        }
        Body::QueueGetConfigRequest(port) => ports::named(*port, style),
        Body::QueueGetConfigReply { queues, .. } if queues.is_empty() => String::new(),
        Body::QueueGetConfigReply { port, queues } => {
            format!("{}\n{}", ports::named(*port, style), queues.iter().map(ports::queue).collect::<String>())
        }
        Body::TlvTableReply(table) => switch::tlv_table(table),
        Body::TlvTableMod(change) => switch::tlv_change(change),
        Body::CtFlushZone(zone) => format!(" zone_id={zone}"),
        Body::SetControllerId(id) => format!(" id={id}"),
        Body::FlowModTableId(on) => format!(" {}", if *on { "enable" } else { "disable" }),
        Body::SetFlowFormat(format) => format!(" format={}", if *format == 2 { "nxm" } else { "openflow10" }),
        Body::FeaturesRequest
        | Body::GetConfigRequest
        | Body::BarrierRequest
        | Body::BarrierReply
        | Body::SetPacketInFormat(_)
        | Body::GetAsyncRequest
        | Body::FlowMonitorPaused
        | Body::FlowMonitorResumed
        | Body::TlvTableRequest
        | Body::CtFlush(_) => String::new(),
    }
}

fn bundle_kind(kind: BundleKind) -> &'static str {
    match kind {
        BundleKind::OpenRequest => "OPEN_REQUEST",
        BundleKind::OpenReply => "OPEN_REPLY",
        BundleKind::CloseRequest => "CLOSE_REQUEST",
        BundleKind::CloseReply => "CLOSE_REPLY",
        BundleKind::CommitRequest => "COMMIT_REQUEST",
        BundleKind::CommitReply => "COMMIT_REPLY",
        BundleKind::DiscardRequest => "DISCARD_REQUEST",
        BundleKind::DiscardReply => "DISCARD_REPLY",
    }
}

fn bundle_flags(flags: u16) -> String {
    flag_names(flags.into(), &["atomic", "ordered"])
}

/// The names of the bits that are set, between blanks; `0` for none.
fn flag_names(bits: u32, names: &[&str]) -> String {
    let set: Vec<&str> = names
        .iter()
        .enumerate()
        .filter(|(bit, name)| bits >> bit & 1 != 0 && !name.is_empty())
        .map(|(_, name)| *name)
        .collect();
    if set.is_empty() { "0".to_owned() } else { set.join(" ") }
}

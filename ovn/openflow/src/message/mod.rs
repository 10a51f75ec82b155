//! Messages, as values. Their bytes are in `codec`.

mod asynchronous;
mod bundle;
mod ct_flush;
mod error;
mod flow;
mod group;
mod meter;
mod monitor;
mod multipart;
mod packet;
mod port;
mod switch;
mod tlv;

pub use asynchronous::{AsyncKind, AsyncMask};
pub use bundle::{BundleAdd, BundleControl, BundleFlags, BundleId, BundleKind};
pub use ct_flush::{CtFlush, CtTuple};
pub use error::{ErrorCode, ErrorMessage};
pub use flow::{FlowMod, FlowModCommand, FlowModFlags, FlowRemoved, FlowRemovedReason};
pub use group::{Bucket, BucketCommand, BucketId, GroupKind, GroupMod, GroupModCommand, SelectionMethod};
pub use meter::{Band, BandKind, MeterFlags, MeterMod, MeterModCommand};
pub use monitor::{FlowEvent, FlowMonitor, FlowUpdate, FlowUpdateFull, MonitorCommand, MonitorFlags};
pub use multipart::{
    ActionAbilities, Aggregate, FlowAbilities, FlowStats, FlowStatsRequest, GroupDesc, GroupFeatures,
    GroupStats, MeterConfig, MeterFeatures, MeterStats, MultipartReply, MultipartRequest, QueueDesc,
    QueueStats, SwitchDesc, TableDesc, TableFeatures, TableStats, Vacancy,
};
pub use packet::{PacketIn, PacketIn2, PacketInFormat, PacketOut};
pub use port::{PortConfig, PortDesc, PortMod, PortState, PortStats, PortStatus, PortStatusReason};
pub use switch::{Role, RoleMessage, RoleStatus, SwitchConfig, SwitchFeatures};
pub use tlv::{TlvMap, TlvTable, TlvTableCommand, TlvTableMod};

use crate::{PortNo, Versions};

/// A message: what is said, and the number that ties replies to requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub xid: u32,
    pub body: Body,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Hello(Versions),
    Error(ErrorMessage),
    EchoRequest(Vec<u8>),
    EchoReply(Vec<u8>),
    FeaturesRequest,
    FeaturesReply(SwitchFeatures),
    GetConfigRequest,
    GetConfigReply(SwitchConfig),
    SetConfig(SwitchConfig),
    PacketIn(PacketIn),
    /// NXT_PACKET_IN: like the standard one, with the fields of the pipeline in every version.
    NxPacketIn(PacketIn),
    PacketIn2(PacketIn2),
    Resume(PacketIn2),
    PacketOut(PacketOut),
    FlowMod(FlowMod),
    FlowRemoved(FlowRemoved),
    PortStatus(PortStatus),
    PortMod(PortMod),
    GroupMod(GroupMod),
    MeterMod(MeterMod),
    MultipartRequest(MultipartRequest),
    MultipartReply {
        /// Further replies with this xid follow.
        more: bool,
        reply: MultipartReply,
    },
    BarrierRequest,
    BarrierReply,
    /// The queues of a port, before OpenFlow 1.4; [`PortNo::ANY`] for those of all ports.
    QueueGetConfigRequest(PortNo),
    QueueGetConfigReply {
        port: PortNo,
        queues: Vec<QueueDesc>,
    },
    RoleRequest(RoleMessage),
    RoleReply(RoleMessage),
    BundleControl(BundleControl),
    BundleAdd(BundleAdd),
    /// NXT_SET_FLOW_FORMAT: 0 OpenFlow 1.0, 2 NXM.
    SetFlowFormat(u32),
    /// NXT_FLOW_MOD_TABLE_ID: flow mods of OpenFlow 1.0 have the table in the high half of the command.
    FlowModTableId(bool),
    SetPacketInFormat(PacketInFormat),
    SetControllerId(u16),
    /// Which messages the connection wants unasked; before OpenFlow 1.4 of packet-ins, port statuses and removed flows,
    /// all of them at once.
    SetAsync(Vec<AsyncMask>),
    GetAsyncRequest,
    GetAsyncReply(Vec<AsyncMask>),
    /// The connection has another role now, though it did not ask.
    RoleStatus(RoleStatus),
    /// The end of a flow monitor, before OpenFlow 1.4.
    FlowMonitorCancel(u32),
    /// [`FlowUpdate::Paused`] before OpenFlow 1.4.
    FlowMonitorPaused,
    /// [`FlowUpdate::Resumed`] before OpenFlow 1.4.
    FlowMonitorResumed,
    TlvTableMod(TlvTableMod),
    TlvTableRequest,
    TlvTableReply(TlvTable),
    /// Forget the tracked connections of a zone.
    CtFlushZone(u16),
    CtFlush(CtFlush),
}

impl Body {
    pub const fn with_xid(self, xid: u32) -> Message {
        Message { xid, body: self }
    }
}

//! Messages as octets.
//!
//! Every message begins with version, type, length (of the whole) and xid. The numbers of types differ between
//! versions; `kind` below holds those of OpenFlow 1.3 to 1.5, and `kind10` those of 1.0.

mod action;
mod asynchronous;
mod ct_flush;
mod experimenter;
mod flow;
mod flow_stats;
mod framer;
mod group;
mod instruction;
mod meter;
mod monitor;
mod multipart;
mod octets;
mod of10;
mod oxm;
mod oxs;
mod packet;
mod port;
mod prop;
mod queue;
mod raw;
mod split;
mod switch;
mod table_features;
mod tlv;

pub use framer::{Frame, FrameError, Framer};
pub use octets::Malformed;
pub use raw::{FlowChange, decode_actions, decode_match, encode_actions, encode_match};

use crate::{
    AsyncMask, Body, BundleAdd, BundleControl, BundleFlags, BundleId, BundleKind, ErrorCode, ErrorMessage,
    Message, Version, Versions,
};
use octets::{Put, Reader, Result};

/// Octets of the header.
pub const HEADER_LEN: usize = 8;

/// A message that cannot be understood: what is wrong with it and how to say so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("message with xid {xid:#x}: {malformed}")]
pub struct DecodeError {
    pub xid: u32,
    pub malformed: Malformed,
    /// The first octets of the message, for the answer.
    head: Vec<u8>,
}

/// How much of a refused message an error carries: at least 64 octets (OpenFlow 1.5.1 section 7.5.4).
const ERROR_DATA_LEN: usize = 64;

impl DecodeError {
    /// The answer to whoever sent it.
    pub fn reply(&self) -> Message {
        let error = ErrorMessage { code: self.malformed.code, data: self.head.clone() };
        Body::Error(error).with_xid(self.xid)
    }
}

impl ErrorMessage {
    /// An answer to a message, given as it came.
    pub fn about(code: ErrorCode, message: &[u8]) -> Self {
        Self { code, data: message[..message.len().min(ERROR_DATA_LEN)].to_vec() }
    }
}

/// Types of messages in OpenFlow 1.3 to 1.5, and in 1.0 as far as they are the same.
mod kind {
    pub(super) const HELLO: u8 = 0;
    pub(super) const ERROR: u8 = 1;
    pub(super) const ECHO_REQUEST: u8 = 2;
    pub(super) const ECHO_REPLY: u8 = 3;
    pub(super) const EXPERIMENTER: u8 = 4;
    pub(super) const FEATURES_REQUEST: u8 = 5;
    pub(super) const FEATURES_REPLY: u8 = 6;
    pub(super) const GET_CONFIG_REQUEST: u8 = 7;
    pub(super) const GET_CONFIG_REPLY: u8 = 8;
    pub(super) const SET_CONFIG: u8 = 9;
    pub(super) const PACKET_IN: u8 = 10;
    pub(super) const FLOW_REMOVED: u8 = 11;
    pub(super) const PORT_STATUS: u8 = 12;
    pub(super) const PACKET_OUT: u8 = 13;
    pub(super) const FLOW_MOD: u8 = 14;
    pub(super) const GROUP_MOD: u8 = 15;
    pub(super) const PORT_MOD: u8 = 16;
    pub(super) const MULTIPART_REQUEST: u8 = 18;
    pub(super) const MULTIPART_REPLY: u8 = 19;
    pub(super) const BARRIER_REQUEST: u8 = 20;
    pub(super) const BARRIER_REPLY: u8 = 21;
    pub(super) const QUEUE_GET_CONFIG_REQUEST: u8 = 22;
    pub(super) const QUEUE_GET_CONFIG_REPLY: u8 = 23;
    pub(super) const ROLE_REQUEST: u8 = 24;
    pub(super) const ROLE_REPLY: u8 = 25;
    pub(super) const GET_ASYNC_REQUEST: u8 = 26;
    pub(super) const GET_ASYNC_REPLY: u8 = 27;
    pub(super) const SET_ASYNC: u8 = 28;
    pub(super) const METER_MOD: u8 = 29;
    pub(super) const ROLE_STATUS: u8 = 30;
    pub(super) const BUNDLE_CONTROL: u8 = 33;
    pub(super) const BUNDLE_ADD: u8 = 34;
}

/// Types that OpenFlow 1.0 numbers otherwise.
mod kind10 {
    pub(super) const PORT_MOD: u8 = 15;
    pub(super) const STATS_REQUEST: u8 = 16;
    pub(super) const STATS_REPLY: u8 = 17;
    pub(super) const BARRIER_REQUEST: u8 = 18;
    pub(super) const BARRIER_REPLY: u8 = 19;
    pub(super) const QUEUE_GET_CONFIG_REQUEST: u8 = 20;
    pub(super) const QUEUE_GET_CONFIG_REPLY: u8 = 21;
}

/// The number of a type in OpenFlow 1.3 and later; 0xff for what this crate does not know.
const fn from_kind10(kind: u8) -> u8 {
    match kind {
        0..=14 => kind,
        kind10::PORT_MOD => kind::PORT_MOD,
        kind10::STATS_REQUEST => kind::MULTIPART_REQUEST,
        kind10::STATS_REPLY => kind::MULTIPART_REPLY,
        kind10::BARRIER_REQUEST => kind::BARRIER_REQUEST,
        kind10::QUEUE_GET_CONFIG_REQUEST => kind::QUEUE_GET_CONFIG_REQUEST,
        kind10::BARRIER_REPLY => kind::BARRIER_REPLY,
        kind10::QUEUE_GET_CONFIG_REPLY => kind::QUEUE_GET_CONFIG_REPLY,
        _ => 0xff,
    }
}

const fn to_kind10(kind: u8) -> u8 {
    match kind {
        kind::PORT_MOD => kind10::PORT_MOD,
        kind::MULTIPART_REQUEST => kind10::STATS_REQUEST,
        kind::MULTIPART_REPLY => kind10::STATS_REPLY,
        kind::BARRIER_REQUEST => kind10::BARRIER_REQUEST,
        kind::QUEUE_GET_CONFIG_REQUEST => kind10::QUEUE_GET_CONFIG_REQUEST,
        kind::BARRIER_REPLY => kind10::BARRIER_REPLY,
        kind::QUEUE_GET_CONFIG_REPLY => kind10::QUEUE_GET_CONFIG_REPLY,
        kind => kind,
    }
}

impl Message {
    /// Reads one whole message of the version that was agreed on. HELLO, ERROR and ECHO may have any version.
    ///
    /// # Errors
    /// If it is not one that this crate knows; the error has the answer to send.
    pub fn decode(version: Version, octets: &[u8]) -> std::result::Result<Self, DecodeError> {
        let xid = xid_of(octets);
        let read = |malformed| DecodeError { xid, malformed, head: octets[..octets.len().min(64)].to_vec() };
        decode_at(version, octets, 0).map_err(read)
    }

    /// Writes the message, which must be one that the version has.
    ///
    /// A multipart reply that is longer than 65535 octets cannot be written at once; see [`Self::encode_split`].
    pub fn encode(&self, version: Version) -> Vec<u8> {
        // Room for most flows; others are short-lived too.
        let mut out = Vec::with_capacity(256);
        encode_into(&mut out, version, self);
        out
    }

    /// A HELLO with the highest of these versions in its header.
    pub fn encode_hello(xid: u32, versions: Versions) -> Vec<u8> {
        let highest = Version::ALL.into_iter().rev().find(|&v| versions.contains(v)).unwrap_or(Version::Of13);
        Body::Hello(versions).with_xid(xid).encode(highest)
    }
}

fn xid_of(octets: &[u8]) -> u32 {
    octets.get(4..8).and_then(|x| x.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// Bundles hold messages, but no bundles.
const MAX_MESSAGE_DEPTH: u8 = 1;

fn decode_at(version: Version, octets: &[u8], depth: u8) -> Result<Message> {
    let mut r = Reader::new(octets, ErrorCode::BAD_LEN);
    let start = r.clone();
    let (header_version, number, length, xid) = (r.u8()?, r.u8()?, usize::from(r.u16()?), r.u32()?);
    if length != octets.len() {
        return Err(start.bad(ErrorCode::BAD_LEN, "a message as long as its header says"));
    }
    let number = if header_version == Version::Of10.wire() { from_kind10(number) } else { number };
    let versionless = matches!(number, kind::HELLO | kind::ERROR | kind::ECHO_REQUEST | kind::ECHO_REPLY);
    if header_version != version.wire() && !versionless {
        return Err(start.bad(ErrorCode::BAD_VERSION, "the version that was agreed on"));
    }
    let body = match number {
        kind::HELLO => Body::Hello(switch::read_hello(&mut r, header_version)),
        kind::BUNDLE_CONTROL if version >= Version::Of14 => Body::BundleControl(read_bundle_control(&mut r)?),
        kind::BUNDLE_ADD if version >= Version::Of14 => {
            Body::BundleAdd(read_bundle_add(&mut r, version, depth)?)
        }
        kind::EXPERIMENTER => experimenter::read(&start, &mut r, version, depth)?,
        number => read_body(&start, number, &mut r, version)?,
    };
    Ok(body.with_xid(xid))
}

fn read_body(start: &Reader<'_>, number: u8, r: &mut Reader<'_>, version: Version) -> Result<Body> {
    let of10 = version == Version::Of10;
    Ok(match number {
        kind::ERROR => Body::Error(switch::read_error(r)?),
        kind::ECHO_REQUEST => Body::EchoRequest(r.rest().to_vec()),
        kind::ECHO_REPLY => Body::EchoReply(r.rest().to_vec()),
        kind::FEATURES_REQUEST => Body::FeaturesRequest,
        kind::FEATURES_REPLY => Body::FeaturesReply(switch::read_features(r, version)?),
        kind::GET_CONFIG_REQUEST => Body::GetConfigRequest,
        kind::GET_CONFIG_REPLY => Body::GetConfigReply(switch::read_config(r)?),
        kind::SET_CONFIG => Body::SetConfig(switch::read_config(r)?),
        kind::PACKET_IN => Body::PacketIn(packet::read_in(r, version)?),
        kind::FLOW_REMOVED if of10 => Body::FlowRemoved(flow::read_removed_of10(r)?),
        kind::FLOW_REMOVED => Body::FlowRemoved(flow::read_removed(r, version)?),
        kind::PORT_STATUS => Body::PortStatus(port::read_status(r, version)?),
        kind::PACKET_OUT => Body::PacketOut(packet::read_out(r, version)?),
        kind::FLOW_MOD if of10 => Body::FlowMod(flow::read_of10(r)?),
        kind::FLOW_MOD => Body::FlowMod(flow::read(r, version)?),
        kind::GROUP_MOD => Body::GroupMod(group::read(r, version)?),
        kind::PORT_MOD => Body::PortMod(port::read_mod(r, version)?),
        kind::MULTIPART_REQUEST => Body::MultipartRequest(multipart::read_request(r, version)?),
        kind::MULTIPART_REPLY => {
            let (more, reply) = multipart::read_reply(r, version)?;
            Body::MultipartReply { more, reply }
        }
        kind::BARRIER_REQUEST => Body::BarrierRequest,
        kind::BARRIER_REPLY => Body::BarrierReply,
        kind::QUEUE_GET_CONFIG_REQUEST if version < Version::Of14 => {
            Body::QueueGetConfigRequest(queue::read_request(r, version)?)
        }
        kind::QUEUE_GET_CONFIG_REPLY if version < Version::Of14 => queue::read_reply(r, version)?,
        kind::ROLE_REQUEST => Body::RoleRequest(switch::read_role(r)?),
        kind::ROLE_REPLY => Body::RoleReply(switch::read_role(r)?),
        kind::SET_ASYNC => Body::SetAsync(read_async(r, version)?),
        kind::GET_ASYNC_REQUEST => Body::GetAsyncRequest,
        kind::GET_ASYNC_REPLY => Body::GetAsyncReply(read_async(r, version)?),
        kind::ROLE_STATUS if version >= Version::Of14 => Body::RoleStatus(switch::read_role_status(r)?),
        kind::METER_MOD => Body::MeterMod(meter::read(r)?),
        _ => return Err(start.bad(ErrorCode::BAD_TYPE, "a known type of message")),
    })
}

fn encode_into(out: &mut Vec<u8>, version: Version, message: &Message) {
    put_message(out, version, message.xid, |out| put_body(out, version, &message.body, message.xid));
}

/// Writes a header and what follows it, which says the type.
fn put_message(out: &mut Vec<u8>, version: Version, xid: u32, put_body: impl FnOnce(&mut Vec<u8>) -> u8) {
    let start = out.len();
    out.put_u8(version.wire());
    out.zeros(3);
    out.put_u32(xid);
    let number = put_body(out);
    out[start + 1] = if version == Version::Of10 { to_kind10(number) } else { number };
    out.patch_len(start + 2, start);
}

/// Writes what follows the header, and says the type.
fn put_body(out: &mut Vec<u8>, version: Version, body: &Body, xid: u32) -> u8 {
    if let Some(number) = experimenter::put(out, version, body, xid) {
        return number;
    }
    match body {
        Body::Hello(versions) => {
            switch::put_hello(out, *versions);
            kind::HELLO
        }
        Body::Error(error) => {
            switch::put_error(out, version, error);
            kind::ERROR
        }
        Body::EchoRequest(data) => {
            out.put(data);
            kind::ECHO_REQUEST
        }
        Body::EchoReply(data) => {
            out.put(data);
            kind::ECHO_REPLY
        }
        Body::PacketIn(m) => {
            packet::put_in(out, version, m);
            kind::PACKET_IN
        }
        Body::PacketOut(m) => {
            packet::put_out(out, version, m);
            kind::PACKET_OUT
        }
        Body::FlowMod(m) => {
            flow::put(out, version, m);
            kind::FLOW_MOD
        }
        Body::FlowRemoved(m) => {
            flow::put_removed(out, version, m);
            kind::FLOW_REMOVED
        }
        Body::GroupMod(m) => {
            group::put(out, version, m);
            kind::GROUP_MOD
        }
        Body::MeterMod(m) => {
            meter::put(out, m);
            kind::METER_MOD
        }
        Body::MultipartRequest(m) => {
            multipart::put_request(out, version, m);
            kind::MULTIPART_REQUEST
        }
        Body::MultipartReply { more, reply } => {
            multipart::put_reply(out, version, *more, reply);
            kind::MULTIPART_REPLY
        }
        Body::BundleControl(m) => {
            put_bundle_control(out, *m);
            kind::BUNDLE_CONTROL
        }
        Body::BundleAdd(m) => {
            put_bundle_add(out, version, m, xid);
            kind::BUNDLE_ADD
        }
        other => put_switch_body(out, version, other),
    }
}

/// What is about the switch and its ports.
fn put_switch_body(out: &mut Vec<u8>, version: Version, body: &Body) -> u8 {
    match body {
        Body::FeaturesRequest => kind::FEATURES_REQUEST,
        Body::QueueGetConfigRequest(port) => {
            queue::put_request(out, version, *port);
            kind::QUEUE_GET_CONFIG_REQUEST
        }
        Body::QueueGetConfigReply { port, queues } => {
            queue::put_reply(out, version, *port, queues);
            kind::QUEUE_GET_CONFIG_REPLY
        }
        Body::FeaturesReply(m) => {
            switch::put_features(out, version, m);
            kind::FEATURES_REPLY
        }
        Body::GetConfigRequest => kind::GET_CONFIG_REQUEST,
        Body::GetConfigReply(m) => {
            switch::put_config(out, *m);
            kind::GET_CONFIG_REPLY
        }
        Body::SetConfig(m) => {
            switch::put_config(out, *m);
            kind::SET_CONFIG
        }
        Body::PortStatus(m) => {
            port::put_status(out, version, m);
            kind::PORT_STATUS
        }
        Body::PortMod(m) => {
            port::put_mod(out, version, m);
            kind::PORT_MOD
        }
        Body::BarrierRequest => kind::BARRIER_REQUEST,
        Body::BarrierReply => kind::BARRIER_REPLY,
        Body::RoleRequest(m) => {
            switch::put_role(out, *m);
            kind::ROLE_REQUEST
        }
        Body::RoleReply(m) => {
            switch::put_role(out, *m);
            kind::ROLE_REPLY
        }
        Body::SetAsync(masks) => {
            put_async(out, version, masks);
            kind::SET_ASYNC
        }
        Body::GetAsyncRequest => kind::GET_ASYNC_REQUEST,
        Body::GetAsyncReply(masks) => {
            put_async(out, version, masks);
            kind::GET_ASYNC_REPLY
        }
        Body::RoleStatus(m) => {
            switch::put_role_status(out, *m);
            kind::ROLE_STATUS
        }
        other => unreachable!("{other:?} is written elsewhere"),
    }
}

fn read_async(r: &mut Reader<'_>, version: Version) -> Result<Vec<AsyncMask>> {
    if version >= Version::Of14 { asynchronous::read_props(r) } else { asynchronous::read_old(r) }
}

fn put_async(out: &mut Vec<u8>, version: Version, masks: &[AsyncMask]) {
    if version >= Version::Of14 {
        asynchronous::put_props(out, masks);
    } else {
        asynchronous::put_old(out, masks);
    }
}

fn read_bundle_control(r: &mut Reader<'_>) -> Result<BundleControl> {
    let id = BundleId(r.u32()?);
    let start = r.clone();
    let kind = match r.u16()? {
        0 => BundleKind::OpenRequest,
        1 => BundleKind::OpenReply,
        2 => BundleKind::CloseRequest,
        3 => BundleKind::CloseReply,
        4 => BundleKind::CommitRequest,
        5 => BundleKind::CommitReply,
        6 => BundleKind::DiscardRequest,
        7 => BundleKind::DiscardReply,
        _ => return Err(start.bad(ErrorCode::BUNDLE_BAD_TYPE, "a known type of bundle control")),
    };
    let flags = BundleFlags(r.u16()?);
    if flags.0 & !3 != 0 {
        return Err(start.bad(ErrorCode::BUNDLE_BAD_FLAGS, "the flags atomic and ordered"));
    }
    Ok(BundleControl { id, kind, flags })
}

fn put_bundle_control(out: &mut Vec<u8>, m: BundleControl) {
    out.put_u32(m.id.0);
    out.put_u16(match m.kind {
        BundleKind::OpenRequest => 0,
        BundleKind::OpenReply => 1,
        BundleKind::CloseRequest => 2,
        BundleKind::CloseReply => 3,
        BundleKind::CommitRequest => 4,
        BundleKind::CommitReply => 5,
        BundleKind::DiscardRequest => 6,
        BundleKind::DiscardReply => 7,
    });
    out.put_u16(m.flags.0);
}

fn read_bundle_add(r: &mut Reader<'_>, version: Version, depth: u8) -> Result<BundleAdd> {
    let start = r.clone();
    if depth >= MAX_MESSAGE_DEPTH {
        return Err(start.bad(ErrorCode::BUNDLE_MSG_UNSUP, "no bundle inside of a bundle"));
    }
    let id = BundleId(r.u32()?);
    r.skip(2)?;
    let flags = BundleFlags(r.u16()?);
    if flags.0 & !3 != 0 {
        return Err(start.bad(ErrorCode::BUNDLE_BAD_FLAGS, "the flags atomic and ordered"));
    }
    // Properties may follow the message, padded to 8 octets.
    let length = match *r.peek() {
        [_, _, high, low, ..] => usize::from(u16::from_be_bytes([high, low])),
        _ => return Err(r.bad(ErrorCode::BUNDLE_MSG_BAD_LEN, "a message")),
    };
    if length < HEADER_LEN || length > r.len() {
        return Err(r.bad(ErrorCode::BUNDLE_MSG_BAD_LEN, "a message that fits"));
    }
    let inner = r.take(length)?;
    let offset = start.bad(ErrorCode::BAD_LEN, "").offset + 8;
    let message =
        decode_at(version, inner, depth + 1).map_err(|m| Malformed { offset: m.offset + offset, ..m })?;
    Ok(BundleAdd { id, flags, message: Box::new(message) })
}

fn put_bundle_add(out: &mut Vec<u8>, version: Version, m: &BundleAdd, xid: u32) {
    put_bundle_head(out, m.id, m.flags);
    let inner = out.len();
    encode_into(out, version, &m.message);
    // Both must have the same number (section 7.3.9.6), and the outer one counts.
    out[inner + 4..inner + 8].copy_from_slice(&xid.to_be_bytes());
}

fn put_bundle_head(out: &mut Vec<u8>, id: BundleId, flags: BundleFlags) {
    out.put_u32(id.0);
    out.zeros(2);
    out.put_u16(flags.0);
}

/// 255 is every table.
const fn table_from_wire(n: u8) -> Option<u8> {
    if n == 255 { None } else { Some(n) }
}

fn table_to_wire(table: Option<u8>) -> u8 {
    table.unwrap_or(255)
}

//! Multipart replies that do not fit into one message.

use super::HEADER_LEN;
use crate::{Body, Message, MultipartReply, Version};

/// The longest message that is written in parts; the most that a header can say is 65535.
const PART_LEN: usize = 60_000;

impl Message {
    /// The message as octets; a long multipart reply as several messages, all but the last of which say that more
    /// follow. A single entry that does not fit into a message at all is left out.
    pub fn encode_split(&self, version: Version) -> Vec<Vec<u8>> {
        let Body::MultipartReply { more, reply } = &self.body else { return vec![self.encode(version)] };
        let mut parts = Vec::new();
        let mut pending = vec![reply.clone()];
        while let Some(reply) = pending.pop() {
            let part = Body::MultipartReply { more: true, reply: reply.clone() }.with_xid(self.xid);
            let octets = part.encode(version);
            if octets.len() <= PART_LEN {
                parts.push(octets);
                continue;
            }
            if let Some((first, second)) = halves(reply) {
                pending.push(second);
                pending.push(first);
            } else if octets.len() <= usize::from(u16::MAX) {
                parts.push(octets);
            }
        }
        if let Some(last) = parts.last_mut() {
            // The flags are after the type, whatever the version.
            last[HEADER_LEN + 3] = u8::from(*more);
        }
        parts
    }
}

/// The two halves of a reply that is a list of more than one.
fn halves(reply: MultipartReply) -> Option<(MultipartReply, MultipartReply)> {
    macro_rules! cut {
        ($list:ident, $variant:ident) => {{
            let mut first = $list;
            let second = first.split_off(first.len() / 2);
            (!first.is_empty()).then_some((MultipartReply::$variant(first), MultipartReply::$variant(second)))
        }};
    }
    match reply {
        MultipartReply::Flow(list) => cut!(list, Flow),
        MultipartReply::Table(list) => cut!(list, Table),
        MultipartReply::PortStats(list) => cut!(list, PortStats),
        MultipartReply::Queue(list) => cut!(list, Queue),
        MultipartReply::Group(list) => cut!(list, Group),
        MultipartReply::GroupDesc(list) => cut!(list, GroupDesc),
        MultipartReply::Meter(list) => cut!(list, Meter),
        MultipartReply::MeterConfig(list) => cut!(list, MeterConfig),
        MultipartReply::TableFeatures(list) => cut!(list, TableFeatures),
        MultipartReply::PortDesc(list) => cut!(list, PortDesc),
        MultipartReply::TableDesc(list) => cut!(list, TableDesc),
        MultipartReply::QueueDesc(list) => cut!(list, QueueDesc),
        MultipartReply::FlowMonitor(list) => cut!(list, FlowMonitor),
        MultipartReply::Desc(_)
        | MultipartReply::Aggregate(_)
        | MultipartReply::GroupFeatures(_)
        | MultipartReply::MeterFeatures(_) => None,
    }
}

//! Flows written from what is kept of them as octets, without making values of that first: a controller has hundreds of
//! thousands.

use super::action::put_actions;
use super::instruction::put_apply;
use super::octets::{Put, Reader};
use super::oxm::{self, HeaderStyle};
use super::{Malformed, flow, kind, put_bundle_head, put_message};
use crate::{Action, BundleFlags, BundleId, ErrorCode, FlowMod, FlowModCommand, Match, Version};

/// The octets of actions in OpenFlow 1.5, as they stand in a message or in user data of a packet-in.
pub fn encode_actions(actions: &[Action]) -> Vec<u8> {
    let mut out = Vec::new();
    put_actions(&mut out, Version::Of15, actions);
    out
}

/// Reads what [`encode_actions`] wrote.
///
/// # Errors
/// The first octets that are no action.
pub fn decode_actions(octets: &[u8]) -> Result<Vec<Action>, Malformed> {
    let mut reader = Reader::new(octets, ErrorCode::BAD_ACTION_LEN);
    super::action::read_actions(&mut reader, super::action::Context::new(Version::Of15))
}

/// Writes the fields of a match as OpenFlow 1.5 has them, without the frame that they have in a message.
pub fn encode_match(matching: &Match, out: &mut Vec<u8>) {
    oxm::put_entries(out, HeaderStyle::Oxm(Version::Of15), matching);
}

/// Reads what [`encode_match`] wrote, also what a switch would refuse: a mask on a field that has none.
///
/// # Errors
/// The first octets that are no field.
pub fn decode_match(octets: &[u8]) -> Result<Match, Malformed> {
    let mut r = Reader::new(octets, ErrorCode::BAD_MATCH_LEN);
    let mut matching = Match::any();
    while !r.is_empty() {
        let start = r.clone();
        let entry = oxm::read_any_entry(&mut r)?;
        let entry = entry.ok_or_else(|| start.bad(ErrorCode::BAD_FIELD, "a known field"))?;
        matching.set_masked(entry.field, entry.value, entry.mask);
    }
    Ok(matching)
}

/// A change of one flow, most of it as octets.
#[derive(Clone, Copy, Debug)]
pub struct FlowChange<'a> {
    pub command: FlowModCommand,
    pub table: u8,
    pub priority: u16,
    pub cookie: u64,
    /// As [`encode_match`] writes it.
    pub matching: &'a [u8],
    /// All that the flow does.
    pub actions: &'a [Action],
}

impl FlowChange<'_> {
    /// Writes the change as a message of a bundle of OpenFlow 1.5: the octets of the
    /// [`BundleAdd`](crate::BundleAdd) with the [`FlowMod`] that says the same.
    pub fn put_in_bundle(&self, id: BundleId, flags: BundleFlags, xid: u32, out: &mut Vec<u8>) {
        let Self { command, table, priority, cookie, matching, actions } = *self;
        let head = FlowMod { table: Some(table), priority, cookie, ..FlowMod::empty(command) };
        put_message(out, Version::Of15, xid, |out| {
            put_bundle_head(out, id, flags);
            put_message(out, Version::Of15, xid, |out| {
                flow::put_head(out, Version::Of15, &head);
                oxm::put_framed(out, |out| out.put(matching));
                if !actions.is_empty() {
                    put_apply(out, Version::Of15, actions);
                }
                kind::FLOW_MOD
            });
            kind::BUNDLE_ADD
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Body, BundleAdd, Field, PortNo};

    #[test]
    fn a_match_of_any_field_is_what_it_was_written_as() {
        let fields = [
            Field::ConjId,
            Field::TunId,
            Field::Reg(14),
            Field::Reg(0),
            Field::Metadata,
            Field::InPort,
            Field::PktMark,
            Field::CtState,
            Field::CtMark,
            Field::CtLabel,
            Field::EthSrc,
            Field::EthDst,
            Field::EthType,
            Field::VlanTci,
            Field::Ipv4Src,
            Field::Ipv6Dst,
            Field::IpProto,
            Field::IpTtl,
            Field::IpFrag,
            Field::IpDscp,
            Field::ArpOp,
            Field::ArpTpa,
            Field::ArpSha,
            Field::TcpSrc,
            Field::TcpFlags,
            Field::UdpDst,
            Field::SctpDst,
            Field::Icmp4Type,
            Field::Icmp6Code,
            Field::NdTarget,
            Field::NdSll,
            Field::TunMetadata(0),
        ];
        let mut all = Match::any();
        for field in fields {
            let full = field.full_mask();
            for (value, mask) in [(full / 3, full), (0, full), (1, 1), (full - full / 2, full - full / 2)] {
                let one = Match::any().with_masked(field, value, mask);
                let mut octets = Vec::new();
                encode_match(&one, &mut octets);
                assert_eq!(decode_match(&octets).map_err(|error| error.to_string()), Ok(one), "{octets:x?}");
            }
            all.set(field, full / 5);
        }
        let mut octets = Vec::new();
        encode_match(&all, &mut octets);
        assert_eq!(decode_match(&octets), Ok(all));
    }

    #[test]
    fn a_change_is_written_as_the_message_that_says_the_same() {
        let matches = [
            Match::any(),
            Match::any().with(Field::EthType, 0x800_u16).with_masked(
                Field::Ipv4Dst,
                0x0a00_0000,
                0xff00_0000,
            ),
            Match::any()
                .with(Field::Metadata, 7_u8)
                .with(Field::VlanVid, 0x1005_u16)
                .with(Field::ConjId, 9_u8),
        ];
        let lists = [vec![], vec![Action::output(PortNo(1))], vec![Action::resubmit(8), Action::CtClear]];
        let (id, flags) = (BundleId(3), BundleFlags::ATOMIC_ORDERED);
        for matching in &matches {
            let mut octets = Vec::new();
            encode_match(matching, &mut octets);
            assert_eq!(decode_match(&octets).as_ref(), Ok(matching));
            for actions in &lists {
                for command in
                    [FlowModCommand::Add, FlowModCommand::ModifyStrict, FlowModCommand::DeleteStrict]
                {
                    let add = FlowMod::add(8, 100, matching.clone(), actions.clone(), 0x1234);
                    let message = Body::FlowMod(FlowMod { command, ..add }).with_xid(5);
                    let message = Body::BundleAdd(BundleAdd { id, flags, message: Box::new(message) });
                    let change = FlowChange {
                        command,
                        table: 8,
                        priority: 100,
                        cookie: 0x1234,
                        matching: &octets,
                        actions,
                    };
                    let mut written = Vec::new();
                    change.put_in_bundle(id, flags, 5, &mut written);
                    assert_eq!(written, message.with_xid(5).encode(Version::Of15));
                }
            }
        }
    }
}

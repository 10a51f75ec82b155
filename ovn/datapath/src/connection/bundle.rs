//! Bundles: changes kept until they are committed as one (OpenFlow 1.5.1 section 6.9).
//!
//! A commit is one epoch: no packet is treated between two of its changes, and if one cannot be made
//! all before it are taken back.

use std::time::Instant;

use openflow::{Body, BundleAdd, BundleControl, BundleFlags, BundleKind, ErrorCode, HEADER_LEN, Message};

use super::ConnId;
use crate::limits::{BUNDLE_MESSAGES_MAX, BUNDLES_MAX};
use crate::switch::{Changes, Switch};

/// An open bundle.
#[derive(Debug, Default)]
pub(super) struct Bundle {
    flags: BundleFlags,
    /// No more messages are taken.
    closed: bool,
    /// With the first octets of each, for the error that it may cause.
    messages: Vec<(Message, Box<[u8]>)>,
}

/// Octets of a message that an error carries.
const HEAD_LEN: usize = 64;

impl Switch {
    /// Opens, closes, commits or discards; the reply.
    ///
    /// # Errors
    /// The code to answer with.
    pub(super) fn bundle_control(
        &mut self,
        id: ConnId,
        control: BundleControl,
        xid: u32,
        now: Instant,
    ) -> Result<BundleControl, ErrorCode> {
        let connection = self.connections.get_mut(&id).ok_or(ErrorCode::EPERM)?;
        let bundles = &mut connection.bundles;
        let reply = |kind| Ok(BundleControl { id: control.id, kind, flags: BundleFlags(0) });
        match control.kind {
            BundleKind::OpenRequest => {
                if bundles.contains_key(&control.id) {
                    bundles.remove(&control.id);
                    return Err(ErrorCode::BUNDLE_BAD_ID);
                }
                if bundles.len() >= BUNDLES_MAX {
                    return Err(ErrorCode::OUT_OF_BUNDLES);
                }
                bundles.insert(control.id, Bundle { flags: control.flags, ..Bundle::default() });
                reply(BundleKind::OpenReply)
            }
            BundleKind::CloseRequest => {
                let bundle = bundles.get_mut(&control.id).ok_or(ErrorCode::BUNDLE_BAD_ID)?;
                if bundle.closed {
                    bundles.remove(&control.id);
                    return Err(ErrorCode::BUNDLE_CLOSED);
                }
                if bundle.flags != control.flags {
                    bundles.remove(&control.id);
                    return Err(ErrorCode::BUNDLE_BAD_FLAGS);
                }
                bundle.closed = true;
                reply(BundleKind::CloseReply)
            }
            BundleKind::CommitRequest => {
                let bundle = bundles.remove(&control.id).ok_or(ErrorCode::BUNDLE_BAD_ID)?;
                if bundle.flags != control.flags {
                    return Err(ErrorCode::BUNDLE_BAD_FLAGS);
                }
                self.bundle_commit(id, bundle, xid, now)?;
                reply(BundleKind::CommitReply)
            }
            BundleKind::DiscardRequest => {
                bundles.remove(&control.id).ok_or(ErrorCode::BUNDLE_BAD_ID)?;
                reply(BundleKind::DiscardReply)
            }
            BundleKind::OpenReply
            | BundleKind::CloseReply
            | BundleKind::CommitReply
            | BundleKind::DiscardReply => Err(ErrorCode::BUNDLE_BAD_TYPE),
        }
    }

    /// Keeps a message for the commit. A bundle that is not open is opened.
    ///
    /// # Errors
    /// The code to answer with.
    pub(super) fn bundle_add(&mut self, id: ConnId, add: BundleAdd, frame: &[u8]) -> Result<(), ErrorCode> {
        let connection = self.connections.get_mut(&id).ok_or(ErrorCode::EPERM)?;
        if !matches!(
            add.message.body,
            Body::FlowMod(_) | Body::GroupMod(_) | Body::MeterMod(_) | Body::PacketOut(_)
        ) {
            return Err(ErrorCode::BUNDLE_MSG_UNSUP);
        }
        if !connection.bundles.contains_key(&add.id) && connection.bundles.len() >= BUNDLES_MAX {
            return Err(ErrorCode::OUT_OF_BUNDLES);
        }
        let new = Bundle { flags: add.flags, ..Bundle::default() };
        let bundle = connection.bundles.entry(add.id).or_insert(new);
        let refusal = if bundle.closed {
            Some(ErrorCode::BUNDLE_CLOSED)
        } else if bundle.flags != add.flags {
            Some(ErrorCode::BUNDLE_BAD_FLAGS)
        } else if bundle.messages.len() >= BUNDLE_MESSAGES_MAX {
            Some(ErrorCode::BUNDLE_MSG_TOO_MANY)
        } else {
            None
        };
        if let Some(code) = refusal {
            connection.bundles.remove(&add.id);
            return Err(code);
        }
        // The inner message follows the header of the outer one, the bundle's number and its flags.
        let inner = &frame[(HEADER_LEN + 8).min(frame.len())..];
        bundle.messages.push((*add.message, inner[..inner.len().min(HEAD_LEN)].into()));
        Ok(())
    }

    /// Makes all changes, or none.
    fn bundle_commit(&mut self, id: ConnId, bundle: Bundle, xid: u32, now: Instant) -> Result<(), ErrorCode> {
        let Some(bridge) = self.connections.get(&id).map(|c| c.bridge) else { return Ok(()) };
        let mut changes = Changes::asked_for(id, xid);
        let mut packets = Vec::new();
        for (message, head) in bundle.messages {
            let result = match message.body {
                Body::PacketOut(out) => {
                    packets.push((out, head));
                    continue;
                }
                body => self.change(id, bridge, &body, &mut changes, now),
            };
            if let Err(code) = result {
                self.roll_back(bridge, changes);
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.send_error(code, &head);
                }
                return Err(ErrorCode::BUNDLE_MSG_FAILED);
            }
        }
        self.commit(bridge, changes, now);
        // Packets see the tables as they are afterwards.
        for (out, head) in packets {
            if let Err(code) = self.packet_out(bridge, &out, now)
                && let Some(connection) = self.connections.get_mut(&id)
            {
                connection.send_error(code, &head);
            }
        }
        Ok(())
    }
}

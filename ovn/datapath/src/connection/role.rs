//! Roles of controllers, and what a controller is told unasked (OpenFlow 1.5.1 sections 6.3.6 and 7.3.10).

use openflow::{AsyncKind, AsyncMask, Body, ErrorCode, Role, RoleMessage, RoleStatus, Version};

use super::{ConnId, Connection};
use crate::handover::kept;
use crate::switch::Switch;

/// The bit of the reason "invalid TTL".
const INVALID_TTL: u32 = 1 << 2;

/// Reasons of role statuses.
const PRIMARY_REQUEST: u8 = 0;

impl Switch {
    /// Gives a connection the role that it asks for; where there is a primary one already, that becomes secondary and
    /// is told so.
    ///
    /// # Errors
    /// When a later generation of controllers has spoken before.
    pub(super) fn role_request(&mut self, id: ConnId, asked: RoleMessage) -> Result<RoleMessage, ErrorCode> {
        let connection = self.connections.get_mut(&id).ok_or(ErrorCode::EPERM)?;
        let bridge_id = connection.bridge;
        let bridge = self.bridges.get_mut(&bridge_id).ok_or(ErrorCode::EPERM)?;
        let elects = matches!(asked.role, Role::Primary | Role::Secondary);
        if elects && connection.version != Some(Version::Of10) {
            // Generations go round: half of all numbers are later than one (section 6.3.6).
            let is_older = |last: u64| asked.generation_id.wrapping_sub(last) > u64::MAX / 2;
            if bridge.generation.is_some_and(is_older) {
                return Err(ErrorCode::STALE_ROLE);
            }
            bridge.generation = Some(asked.generation_id);
        }
        let generation_id = bridge.generation.unwrap_or(u64::MAX);
        if asked.role != Role::NoChange {
            connection.role = asked.role;
        }
        let role = connection.role;
        if asked.role == Role::Primary {
            for (other, connection) in &mut self.connections {
                if *other != id && connection.bridge == bridge_id && connection.role == Role::Primary {
                    connection.lose_role(generation_id);
                }
            }
        }
        Ok(RoleMessage { role, generation_id })
    }
}

impl Connection {
    /// Another one is primary now. OpenFlow 1.0 has no message to say it.
    fn lose_role(&mut self, generation_id: u64) {
        self.role = Role::Secondary;
        if self.version.is_some_and(|version| version != Version::Of10) {
            let status = RoleStatus { role: self.role, reason: PRIMARY_REQUEST, generation_id };
            self.send(&Body::RoleStatus(status).with_xid(0));
        }
    }

    /// Whether it wants messages of this kind with this reason.
    pub(super) fn wants(&self, kind: AsyncKind, reason: u8) -> bool {
        let mask = self.masks.mask(kind, self.role == Role::Secondary);
        mask.checked_shr(reason.into()).unwrap_or(0) & 1 != 0
    }
}

/// Which reasons a connection wants to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AsyncMasks {
    /// By the number of the kind.
    primary: [u32; 6],
    secondary: [u32; 6],
}

kept!(AsyncMasks { primary, secondary });

impl Default for AsyncMasks {
    /// Secondary connections hear of ports, the others also of packets and flows, but not of packets whose time to live
    /// is over.
    fn default() -> Self {
        Self { primary: [0x3b, 7, 0x3f, 0, 0, 0], secondary: [0, 7, 0, 0, 0, 0] }
    }
}

impl AsyncMasks {
    const fn mask(&self, kind: AsyncKind, secondary: bool) -> u32 {
        let masks = if secondary { &self.secondary } else { &self.primary };
        masks[kind as usize]
    }

    /// Takes masks as a connection of this version says them.
    pub(super) fn change(&mut self, masks: &[AsyncMask], version: Version) {
        for m in masks {
            let of_role = if m.secondary { &mut self.secondary } else { &mut self.primary };
            let newer = if version < Version::Of14 { newer_reasons(m.kind, m.mask) } else { 0 };
            of_role[m.kind as usize] = m.mask | newer;
        }
    }

    /// Whether packets whose time to live is over are wanted.
    pub(super) const fn wants_invalid_ttl(&self) -> bool {
        self.mask(AsyncKind::PacketIn, false) & INVALID_TTL != 0
    }

    pub(super) fn want_invalid_ttl(&mut self, wanted: bool) {
        let mask = &mut self.primary[AsyncKind::PacketIn as usize];
        *mask = *mask & !INVALID_TTL | if wanted { INVALID_TTL } else { 0 };
    }

    pub(super) fn to_message(self) -> Vec<AsyncMask> {
        let both = AsyncKind::ALL.into_iter().flat_map(|kind| [(kind, true), (kind, false)]);
        both.map(|(kind, secondary)| AsyncMask { kind, secondary, mask: self.mask(kind, secondary) })
            .collect()
    }
}

/// Reasons that came with OpenFlow 1.4, and are called otherwise before it.
const fn newer_reasons(kind: AsyncKind, mask: u32) -> u32 {
    match kind {
        // Action sets, groups and packet-outs are "an action" (1).
        AsyncKind::PacketIn if mask & 2 != 0 => 0x38,
        // Flows that go with a meter, or for room, are "deleted" (2).
        AsyncKind::FlowRemoved if mask & 4 != 0 => 0x30,
        AsyncKind::PacketIn
        | AsyncKind::FlowRemoved
        | AsyncKind::PortStatus
        | AsyncKind::RoleStatus
        | AsyncKind::TableStatus
        | AsyncKind::RequestForward => 0,
    }
}

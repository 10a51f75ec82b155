//! Packets to controllers, with their pipeline's state, and pausing.

use std::sync::Arc;

use openflow::{Controller, Field, Match, MeterId, PacketInReason};
use packet::key::{Slot, slot};

use super::{Paused, Xlate};
use crate::field::slot_of;
use crate::program::{Op, Punt};

/// Fields of the pipeline that a packet-in tells of.
const FIELDS: [Field; 15] = [
    Field::TunId,
    Field::TunSrc,
    Field::TunDst,
    Field::TunIpv6Src,
    Field::TunIpv6Dst,
    Field::TunFlags,
    Field::TunGbpId,
    Field::TunGbpFlags,
    Field::Metadata,
    Field::PktMark,
    Field::CtState,
    Field::CtZone,
    Field::CtMark,
    Field::CtLabel,
    Field::InPort,
];

impl Xlate<'_> {
    /// The `controller` action.
    pub(super) fn controller(&mut self, controller: &Controller) {
        let pause = controller.pause.then(|| Arc::new(self.peek_rest()));
        self.punt(controller.reason, controller.controller_id, &controller.userdata, controller.meter, pause);
        if controller.pause {
            self.take_rest();
        }
    }

    /// A packet-in without userdata.
    pub(super) fn punt_plain(&mut self, reason: PacketInReason, controller_id: u16) {
        self.punt(reason, controller_id, &[], None, None);
    }

    fn punt(
        &mut self,
        reason: PacketInReason,
        controller_id: u16,
        userdata: &[u8],
        meter: Option<MeterId>,
        pause: Option<Arc<Paused>>,
    ) {
        let (table, cookie, ..) = self.position();
        let metadata = self.metadata();
        // Without a meter of its own, the one for all packet-ins, if it is there.
        self.depend(None);
        let meter = self
            .current()
            .and_then(|bridge| bridge.meters.get(&meter.unwrap_or(MeterId::CONTROLLER)))
            .map(|meter| Arc::clone(&meter.gauge));
        self.commit();
        self.emit(Op::Punt(Arc::new(Punt {
            bridge: self.bridge,
            controller_id,
            reason,
            table,
            cookie,
            userdata: userdata.to_vec(),
            metadata,
            meter,
            pause,
        })));
    }

    /// What of the pipeline is not zero. Register and metadata of a packet that came in by a port
    /// are zero at first, so only the tunnel's fields can differ between packets of one megaflow.
    fn metadata(&mut self) -> Match {
        self.look(slot::TUN_SRC, u128::MAX);
        self.look(slot::TUN_DST, u128::MAX);
        let mut metadata = Match::any();
        let mut add = |this: &mut Self, field: Field, slot: Slot| {
            let value = this.see(slot);
            if value != 0 || field == Field::InPort {
                metadata.set(field, value);
            }
        };
        let Some(bridge) = self.current() else { return Match::any() };
        for field in FIELDS {
            if let Some(slot) = slot_of(field, &bridge.tlv) {
                // An IPv6 address has the place of an IPv4 one in its low half.
                let is_v4 = |this: &Self, slot| u32::try_from(this.key.get(slot)).is_ok();
                if matches!(field, Field::TunIpv6Src | Field::TunIpv6Dst) && is_v4(self, slot)
                    || field == Field::TunSrc && !is_v4(self, slot::TUN_SRC)
                    || field == Field::TunDst && !is_v4(self, slot::TUN_DST)
                {
                    continue;
                }
                add(self, field, slot);
            }
        }
        for n in 0..16 {
            add(self, Field::Reg(n), slot::reg(n));
        }
        let present = self.see(slot::TUN_PRESENT) as u64;
        for n in (0..64).filter(|n| present >> n & 1 != 0) {
            if let Some(slot) = bridge.tlv.slot(n) {
                let value = self.see(slot);
                metadata.set(Field::TunMetadata(n), value);
            }
        }
        metadata
    }
}

//! The `ct` action: what the tracker is to do with the packet, and where the packet goes on.

use std::sync::Arc;

use packet::key::{Slot, slot};

use super::Xlate;
use crate::counters::Event;
use crate::flow::CtStep;
use crate::program::{Ct, Op};
use crate::recirc::Frozen;

/// What the tracker finds out.
const FIELDS: [Slot; 9] = [
    slot::CT_STATE,
    slot::CT_ZONE,
    slot::CT_MARK,
    slot::CT_LABEL,
    slot::CT_NW_PROTO,
    slot::CT_NW_SRC,
    slot::CT_NW_DST,
    slot::CT_TP_SRC,
    slot::CT_TP_DST,
];

impl Xlate<'_> {
    /// Sends the packet through the tracker. If the action names a table, a copy with what was found
    /// goes on there; here the packet goes on as if it were not tracked.
    pub(super) fn ct(&mut self, ct: &CtStep, table: u8) {
        let mut request = ct.request.clone();
        if let Some(zone) = &ct.zone {
            request.zone = self.read(zone) as u16;
        }
        let ((mark, mark_bits), (label, label_bits)) = self.marks(ct, table);
        request.mark = (mark as u32, mark_bits as u32);
        request.label = (label, label_bits);
        self.commit();
        let recirc = match ct.table {
            None => None,
            Some(next) => {
                let (stack, set) = (self.stack.clone(), self.set.clone());
                let frozen = Frozen::new(
                    self.bridge,
                    next,
                    &self.key,
                    &self.written,
                    stack,
                    set,
                    self.mirrored.clone(),
                );
                let Some(recirc) = self.view.recircs.number(frozen) else {
                    return self.fail(Event::DropRecirc);
                };
                self.note(|| {
                    format!(
                        "A clone of the packet is forked to recirculate. The forked pipeline will be resumed at \
                         table {next}."
                    )
                });
                Some(recirc)
            }
        };
        self.emit(Op::Ct(Arc::new(Ct { request, recirc })));
        self.tracked = true;
        self.note(|| {
            "Sets the packet to an untracked state, and clears all the conntrack fields.".to_owned()
        });
        self.untrack();
    }

    /// The `ct_clear` action, also where a packet enters another bridge.
    pub(super) fn ct_clear(&mut self) {
        if std::mem::take(&mut self.tracked) {
            self.emit(Op::CtClear);
        }
        self.untrack();
    }

    fn untrack(&mut self) {
        for slot in FIELDS {
            self.store(slot, 0, u128::MAX);
        }
    }

    /// What the nested actions make of mark and label, and which bits of them.
    fn marks(&mut self, ct: &CtStep, table: u8) -> ((u128, u128), (u128, u128)) {
        let slots = [slot::CT_MARK, slot::CT_LABEL];
        for slot in slots {
            self.written.set(slot, 0);
        }
        for step in &*ct.exec {
            self.step(step, table);
        }
        let [mark, label] = slots.map(|slot| {
            let bits = self.written.get(slot);
            (self.key.get(slot) & bits, bits)
        });
        (mark, label)
    }
}

//! VLAN tags during translation.
//!
//! Tags are put on and taken off in the frame at once, in order with the changes before them; only
//! the content of a tag that is there waits to be committed like any other field.

use packet::EtherType;
use packet::key::slot;

use super::Xlate;
use crate::program::Op;

/// The key's bit for "there is a tag".
const PRESENT: u128 = 0x1000;

impl Xlate<'_> {
    /// Whether the packet has a tag now.
    fn is_tagged(&mut self) -> bool {
        self.look(slot::VLAN_TCI, PRESENT);
        self.key.get(slot::VLAN_TCI) & PRESENT != 0
    }

    /// Puts on a tag, at most two in all, with VLAN 0 and priority 0, whatever the tag below says (as Open vSwitch does;
    /// OpenFlow 1.5.1 section 5.8.1 would copy it).
    pub(super) fn push_tag(&mut self, tpid: u16) {
        let outer = self.see(slot::VLAN_TCI);
        let outer_tpid = self.see(slot::VLAN_TPID);
        let has_inner = self.see(slot::INNER_TCI) & PRESENT != 0;
        self.commit();
        if has_inner {
            // There is room for two: the inner one goes, as in Open vSwitch.
            self.emit(Op::PopVlan);
            self.emit(Op::PopVlan);
            self.emit(Op::PushVlan { tpid: outer_tpid as u16, tci: (outer & !PRESENT) as u16 });
        }
        self.emit(Op::PushVlan { tpid, tci: 0 });
        self.tags(PRESENT, u128::from(tpid), outer, outer_tpid);
    }

    /// Takes the outer tag off, if there is one.
    pub(super) fn pop_tag(&mut self) {
        if !self.is_tagged() {
            return;
        }
        let inner = self.see(slot::INNER_TCI);
        let inner_tpid = self.see(slot::INNER_TPID);
        self.commit();
        self.emit(Op::PopVlan);
        self.tags(inner, inner_tpid, 0, 0);
    }

    /// Changes the bits of `mask` in the tag. Writing into a tag that is not there makes one, unless
    /// what is written says that there is none; and then a tag that is there goes.
    pub(super) fn write_tag(&mut self, value: u128, mask: u128) {
        let removes = mask & PRESENT != 0 && value & PRESENT == 0;
        match (self.is_tagged(), removes) {
            (false, true) => {}
            (true, true) => self.pop_tag(),
            (true, false) => self.store(slot::VLAN_TCI, value, mask & !PRESENT),
            (false, false) => {
                self.push_tag(EtherType::VLAN.0);
                if self.failure.is_none() {
                    self.store(slot::VLAN_TCI, value, mask & !PRESENT);
                }
            }
        }
    }

    /// What the key says of tags now; the frame has it already.
    fn tags(&mut self, outer: u128, outer_tpid: u128, inner: u128, inner_tpid: u128) {
        for (slot, value) in [
            (slot::VLAN_TCI, outer),
            (slot::VLAN_TPID, outer_tpid),
            (slot::INNER_TCI, inner),
            (slot::INNER_TPID, inner_tpid),
        ] {
            self.key.set(slot, value);
            self.written.set(slot, u128::MAX);
        }
    }
}

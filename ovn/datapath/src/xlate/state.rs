//! Reading and writing the packet's fields during translation, and what is remembered of it.

use std::collections::BTreeMap;

use openflow::PortNo;
use packet::MacAddr;
use packet::key::{FlowKey, STAGES, Slot, WORDS, WordSet, slot};

use super::{Depends, Xlate};
use crate::Event;
use crate::bridge::{Bridge, BridgeId};
use crate::field::{Place, exists, low_bits};
use crate::limits::PROGRAM_LEN_MAX;
use crate::port::{Port, PortId};
use crate::program::Op;
use crate::recirc::Recircs;

/// What a translation reads of the switch.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub bridges: &'a BTreeMap<BridgeId, Bridge>,
    pub ports: &'a [Option<Box<Port>>],
    pub by_name: &'a BTreeMap<String, PortId>,
    pub recircs: &'a Recircs,
}

impl<'a> View<'a> {
    pub(crate) fn port(&self, id: PortId) -> Option<&'a Port> {
        self.ports.get(id.0 as usize)?.as_deref()
    }
}

/// First word that is part of the frame and not of the pipeline.
const FRAME_WORD: usize = STAGES[0];

impl<'a> Xlate<'a> {
    /// The bridge that the packet is in. `None` if it was removed, which ends the translation.
    pub(super) fn current(&self) -> Option<&'a Bridge> {
        self.view.bridges.get(&self.bridge)
    }

    /// The port of the current bridge with this number.
    pub(super) fn port(&self, number: PortNo) -> Option<(PortId, &'a Port)> {
        let id = *self.current()?.ports.get(&number)?;
        Some((id, self.view.port(id)?))
    }

    /// Notes that a decision depends on these bits of a slot.
    pub(super) fn look(&mut self, slot: Slot, mask: u128) {
        let mask = mask & slot.full_mask();
        let word = usize::from(slot.word);
        if slot.bits > 64 {
            self.looked[word] |= (mask >> 64) as u64 & !self.written[word];
            self.looked[word + 1] |= mask as u64 & !self.written[word + 1];
        } else {
            self.looked[word] |= (mask as u64) << slot.shift & !self.written[word];
        }
    }

    /// Notes that a decision depends on the bits of a mask.
    pub(super) fn look_all(&mut self, mask: &FlowKey) {
        for word in 0..WORDS {
            self.looked[word] |= mask[word] & !self.written[word];
        }
    }

    /// The value of a slot, looked at.
    pub(super) fn see(&mut self, slot: Slot) -> u128 {
        self.look(slot, u128::MAX);
        self.key.get(slot)
    }

    /// The value of a place, looked at.
    pub(super) fn read(&mut self, place: &Place) -> u128 {
        self.look(place.slot, place.mask());
        place.get(&self.key)
    }

    /// Whether the packet has the field of a place.
    pub(super) fn has(&mut self, place: &Place) -> bool {
        let mut looked = FlowKey::ZERO;
        let has = exists(place.prereq, &self.key, &mut looked);
        self.look_all(&looked);
        has
    }

    /// Overwrites the bits of `mask` (counted from the lowest bit of the field). A field that the
    /// packet has not got is left alone.
    pub(super) fn write(&mut self, place: &Place, value: u128, mask: u128) {
        if !self.has(place) {
            return;
        }
        match place.slot {
            slot::IN_PORT if place.bits == 16 => {
                let port = PortNo::from_u16(value as u16);
                self.store(slot::IN_PORT, u128::from(port.0), u128::MAX);
            }
            slot::VLAN_TCI => self.write_tag(value, mask),
            slot::VLAN_VID => self.write_tag(value & 0x1fff, mask & 0x1fff),
            slot::VLAN_PCP => self.write_tag(value << 13, mask << 13),
            _ => self.store(place.slot, value, mask),
        }
        if let Some(option) = place.option {
            self.store(slot::TUN_PRESENT, 1 << option, 1 << option);
        }
    }

    /// Writes all bits of a place with a right-aligned value.
    pub(super) fn write_place(&mut self, place: &Place, value: u128) {
        let value = (value & low_bits(place.bits)) << place.offset;
        self.write(place, value, place.mask());
    }

    /// Overwrites bits of a slot, whatever it is.
    pub(super) fn store(&mut self, slot: Slot, value: u128, mask: u128) {
        self.key.set_masked(slot, value, mask);
        self.written.set_masked(slot, u128::MAX, mask);
        if usize::from(slot.word) >= FRAME_WORD {
            self.dirty.set_masked(slot, u128::MAX, mask);
        }
    }

    /// Makes the frame have what was written.
    pub(super) fn commit(&mut self) {
        let sets: Box<[_]> = (FRAME_WORD..WORDS)
            .filter(|word| self.dirty[*word] != 0)
            .map(|word| WordSet {
                word: word as u8,
                mask: self.dirty[word],
                value: self.key[word] & self.dirty[word],
            })
            .collect();
        if !sets.is_empty() {
            self.dirty = FlowKey::ZERO;
            self.emit(Op::Set(sets));
        }
    }

    /// Appends to the program.
    pub(super) fn emit(&mut self, op: Op) {
        self.n_ops += 1;
        if self.n_ops > PROGRAM_LEN_MAX {
            self.fail(Event::DropProgram);
        } else if let Some(program) = self.programs.last_mut() {
            program.push(op);
        }
    }

    /// Notes what of the current bridge was depended on.
    pub(super) fn depend(&mut self, table: Option<u8>) {
        let depends = self.depends();
        if let Some(table) = table {
            depends.tables[usize::from(table / 64)] |= 1 << (table % 64);
        }
    }

    /// Notes that the address must be behind this port, or behind none that is known, for the next packet to
    /// fare as this one; `again`: that this packet taught it once more. Who looks for an address and teaches
    /// it otherwise afterwards is not to be repeated: both are noted, and never hold together.
    pub(super) fn depend_address(&mut self, vlan: u16, mac: MacAddr, port: Option<PortNo>, again: bool) {
        let addresses = &mut self.depends().addresses;
        let entry = ((vlan, mac), port);
        match addresses.iter_mut().rev().find(|(other, ..)| *other == (vlan, mac)) {
            Some(old) if again => *old = entry,
            Some(old) if *old == entry => {}
            Some(_) | None => addresses.push(entry),
        }
    }

    fn depends(&mut self) -> &mut Depends {
        let bridge = self.bridge;
        let at = self.out.depends.iter().position(|depends| depends.bridge == bridge).unwrap_or_else(|| {
            self.out.depends.push(Depends { bridge, tables: [0; 4], addresses: Vec::new() });
            self.out.depends.len() - 1
        });
        &mut self.out.depends[at]
    }
}

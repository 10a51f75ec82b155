//! Which Geneve options are which `tun_metadata`, and where they lie in the flow key.

use std::collections::BTreeMap;

use openflow::{ErrorCode, TlvMap, TlvTable as TlvTableMessage, TlvTableCommand, TlvTableMod};
use packet::key::{FlowKey, Slot, slot};
use packet::{Geneve, GeneveOption};

/// The options that flows can match on and set.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlvTable {
    by_index: BTreeMap<u8, (TlvMap, Slot)>,
    /// Class and type to index: what receiving looks up.
    by_option: BTreeMap<(u16, u8), u8>,
}

/// The numbers of `tun_metadata` fields.
const FIELDS: u16 = 64;
/// Octets of the longest option that a value holds.
const OPTION_LEN_MAX: u8 = 16;

impl TlvTable {
    /// Where `tun_metadata<index>` lies.
    pub(crate) fn slot(&self, index: u8) -> Option<Slot> {
        self.by_index.get(&index).map(|(_, slot)| *slot)
    }

    /// The table as a controller is told of it.
    pub(crate) fn to_message(&self) -> TlvTableMessage {
        TlvTableMessage {
            max_option_space: slot::TUN_OPT_LEN as u32,
            max_fields: FIELDS,
            maps: self.by_index.values().map(|(map, _)| *map).collect(),
        }
    }

    /// The options in the order of their places in the key: added again in this order they fit again.
    pub(crate) fn maps(&self) -> Vec<TlvMap> {
        let mut maps: Vec<_> = self.by_index.values().collect();
        maps.sort_by_key(|(_, slot)| (slot.word, std::cmp::Reverse(slot.shift)));
        maps.into_iter().map(|(map, _)| *map).collect()
    }

    /// The table after a change, which is made whole or not at all. `used` are the fields that flows
    /// name: their options cannot go.
    ///
    /// # Errors
    /// The code to answer with.
    pub(crate) fn changed(&self, change: &TlvTableMod, used: u64) -> Result<Self, ErrorCode> {
        let mut next = self.clone();
        match change.command {
            TlvTableCommand::Add => change.maps.iter().try_for_each(|map| next.add(*map))?,
            TlvTableCommand::Delete => change.maps.iter().try_for_each(|map| next.delete(*map, used))?,
            TlvTableCommand::Clear => {
                if self.by_index.keys().any(|index| used >> index & 1 != 0) {
                    return Err(ErrorCode::TLV_INVALID_DELETE);
                }
                next = Self::default();
            }
        }
        Ok(next)
    }

    fn add(&mut self, map: TlvMap) -> Result<(), ErrorCode> {
        if map.length == 0 || !map.length.is_multiple_of(4) || map.length > OPTION_LEN_MAX {
            return Err(ErrorCode::TLV_BAD_OPTION_LEN);
        }
        let index = u8::try_from(map.index).ok().filter(|i| u16::from(*i) < FIELDS);
        let index = index.ok_or(ErrorCode::TLV_BAD_FIELD_INDEX)?;
        if self.by_index.contains_key(&index) {
            return Err(ErrorCode::TLV_ALREADY_MAPPED);
        }
        if self.by_option.contains_key(&(map.class, map.kind)) {
            return Err(ErrorCode::TLV_DUP_ENTRY);
        }
        let slot = self.free_slot(usize::from(map.length)).ok_or(ErrorCode::TLV_TABLE_FULL)?;
        self.by_index.insert(index, (map, slot));
        self.by_option.insert((map.class, map.kind), index);
        Ok(())
    }

    fn delete(&mut self, map: TlvMap, used: u64) -> Result<(), ErrorCode> {
        let index = u8::try_from(map.index).ok().filter(|i| self.by_index.contains_key(i));
        let index = index.ok_or(ErrorCode::TLV_BAD_FIELD_INDEX)?;
        if used >> index & 1 != 0 {
            return Err(ErrorCode::TLV_INVALID_DELETE);
        }
        if let Some((old, _)) = self.by_index.remove(&index) {
            self.by_option.remove(&(old.class, old.kind));
        }
        Ok(())
    }

    /// The first room for an option of `len` octets that no other option has.
    fn free_slot(&self, len: usize) -> Option<Slot> {
        let mut taken = FlowKey::ZERO;
        for (_, slot) in self.by_index.values() {
            taken.set(*slot, u128::MAX);
        }
        let places = (0..slot::TUN_OPT_LEN).step_by(4);
        places.filter_map(|offset| slot::tun_option(offset, len)).find(|slot| {
            // Twelve octets take two words whole.
            let whole = Slot { bits: slot.bits.next_multiple_of(64).max(slot.bits), ..*slot };
            taken.get(if slot.bits > 64 { whole } else { *slot }) == 0
        })
    }

    /// Puts the options of a packet into its key. False if there is a critical one that the table
    /// does not have, or one of another length: the packet must not be taken (RFC 8926 section 3.5).
    pub(crate) fn read(&self, geneve: &Geneve<'_>, key: &mut FlowKey) -> bool {
        const CRITICAL: u8 = 0x80;
        for option in geneve.options() {
            let known =
                self.by_option.get(&(option.class, option.ty)).and_then(|i| Some((*i, self.slot(*i)?)));
            match known {
                Some((index, slot)) if usize::from(slot.bits) == option.data.len() * 8 => {
                    let value = option.data.iter().fold(0, |value, octet| value << 8 | u128::from(*octet));
                    key.set(slot, value);
                    key.set_masked(slot::TUN_PRESENT, 1 << index, 1 << index);
                }
                _ if option.ty & CRITICAL != 0 => return false,
                _ => {}
            }
        }
        true
    }

    /// The options that the key has, in the order of their fields; and whether one is critical.
    pub(crate) fn write(&self, key: &FlowKey) -> (Vec<u8>, bool) {
        let present = key.get_u64(slot::TUN_PRESENT);
        let mut out = Vec::new();
        let mut critical = false;
        for (index, (map, slot)) in &self.by_index {
            if present >> index & 1 == 0 {
                continue;
            }
            let value = key.get(*slot).to_be_bytes();
            let data = &value[value.len() - usize::from(map.length)..];
            GeneveOption { class: map.class, ty: map.kind, data }.emit(&mut out);
            critical |= map.kind & 0x80 != 0;
        }
        (out, critical)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use packet::{EtherType, Vni};

    fn add(table: &TlvTable, class: u16, kind: u8, length: u8, index: u16) -> Result<TlvTable, ErrorCode> {
        let maps = vec![TlvMap { class, kind, length, index }];
        table.changed(&TlvTableMod { command: TlvTableCommand::Add, maps }, 0)
    }

    #[test]
    fn an_option_goes_out_as_it_came_in() {
        let table = add(&TlvTable::default(), 0x102, 0x80, 4, 0).unwrap();
        let table = add(&table, 0x103, 0x01, 16, 5).unwrap();
        let options = [0x01, 0x03, 0x01, 4, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
        let options = [&[0x01, 0x02, 0x80, 1, 0, 1, 0, 2][..], &options].concat();
        let vni = Vni::new(1).unwrap();
        let geneve =
            Geneve { oam: false, critical: true, protocol: EtherType::ETHERNET, vni, options: &options };
        let mut key = FlowKey::ZERO;
        assert!(table.read(&geneve, &mut key));
        assert_eq!(key.get(table.slot(0).unwrap()), 0x0001_0002);
        assert_eq!(key.get_u64(slot::TUN_PRESENT), 0b10_0001);
        assert_eq!(table.write(&key), (options.clone(), true));
        assert!(!TlvTable::default().read(&geneve, &mut key), "nobody knows the critical option");
    }

    #[test]
    fn errors_are_those_that_controllers_expect() {
        let table = add(&TlvTable::default(), 0x102, 0x80, 4, 0).unwrap();
        assert_eq!(add(&table, 0x103, 0x80, 4, 0).unwrap_err(), ErrorCode::TLV_ALREADY_MAPPED);
        assert_eq!(add(&table, 0x102, 0x80, 4, 1).unwrap_err(), ErrorCode::TLV_DUP_ENTRY);
        assert_eq!(add(&table, 0x102, 0x81, 5, 1).unwrap_err(), ErrorCode::TLV_BAD_OPTION_LEN);
        assert_eq!(add(&table, 0x102, 0x81, 4, 64).unwrap_err(), ErrorCode::TLV_BAD_FIELD_INDEX);
        let clear = TlvTableMod { command: TlvTableCommand::Clear, maps: Vec::new() };
        assert_eq!(table.changed(&clear, 1).unwrap_err(), ErrorCode::TLV_INVALID_DELETE);
        assert!(table.changed(&clear, 2).unwrap().to_message().maps.is_empty());
    }

    #[test]
    fn the_space_is_shared_without_overlap_until_it_is_full() {
        let mut table = TlvTable::default();
        let lengths = [4, 12, 4, 16, 8];
        let mut taken = FlowKey::ZERO;
        for index in 0u8..64 {
            match add(&table, 1, index, lengths[usize::from(index) % 5], index.into()) {
                Ok(next) => {
                    table = next;
                    let slot = table.slot(index).unwrap();
                    assert_eq!(taken.get(slot), 0);
                    taken.set(slot, u128::MAX);
                }
                Err(error) => assert_eq!(error, ErrorCode::TLV_TABLE_FULL),
            }
        }
        assert!(table.to_message().maps.len() >= 12);
    }
}

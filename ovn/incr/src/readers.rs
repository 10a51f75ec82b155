//! Who reads what: cells to slots, slots to units.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::cell::Cell;

/// The number of a unit inside the engine.
pub(crate) type UnitId = u32;

/// The number of a cell that has readers; four bytes where the cell itself would take eight.
pub(crate) type Slot = u32;

/// Up to this many readers are looked through when one leaves.
const FEW_MAX: usize = 16;

/// A cell is a fingerprint, which is as good a hash as any.
#[derive(Debug, Default)]
struct Same(u64);

impl Hasher for Same {
    fn write(&mut self, octets: &[u8]) {
        debug_assert!(octets.is_empty(), "a cell is one number");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The readers of one cell, each once, in no order.
#[derive(Debug)]
enum Readers {
    One(UnitId),
    Several(Vec<UnitId>),
    /// Those who left are still in the list until they are half of it, so that nobody has to be looked for.
    Many {
        list: Vec<UnitId>,
        gone: HashSet<UnitId>,
    },
}

/// Cells that have readers. A cell without any costs nothing.
#[derive(Debug, Default)]
pub(crate) struct ReaderMap {
    slots: HashMap<Cell, Slot, BuildHasherDefault<Same>>,
    readers: Vec<Option<(Cell, Readers)>>,
    free: Vec<Slot>,
}

impl ReaderMap {
    /// Replaces the cells that `unit` reads and gives back their slots.
    pub(crate) fn replace(&mut self, unit: UnitId, old: &[Slot], cells: &[Cell]) -> Box<[Slot]> {
        let mut new: Vec<Slot> = cells.iter().map(|cell| self.slot(*cell, unit, old)).collect();
        new.sort_unstable();
        for slot in old {
            if new.binary_search(slot).is_err() {
                self.leave(*slot, unit);
            }
        }
        new.into_boxed_slice()
    }

    /// The units that read `cell`, in no order.
    pub(crate) fn of(&self, cell: Cell) -> Vec<UnitId> {
        let Some(slot) = self.slots.get(&cell) else { return Vec::new() };
        match &self.readers[*slot as usize] {
            None => Vec::new(),
            Some((_, Readers::One(unit))) => vec![*unit],
            Some((_, Readers::Several(units))) => units.clone(),
            Some((_, Readers::Many { list, gone })) => {
                list.iter().filter(|unit| !gone.contains(unit)).copied().collect()
            }
        }
    }

    /// The number of cells that somebody reads.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The slot of `cell`, with `unit` among its readers; `old` are the slots, in order, that it reads already.
    fn slot(&mut self, cell: Cell, unit: UnitId, old: &[Slot]) -> Slot {
        if let Some(slot) = self.slots.get(&cell) {
            if old.binary_search(slot).is_err()
                && let Some((_, readers)) = &mut self.readers[*slot as usize]
            {
                readers.join(unit);
            }
            return *slot;
        }
        let entry = Some((cell, Readers::One(unit)));
        let slot = match self.free.pop() {
            Some(slot) => {
                self.readers[slot as usize] = entry;
                slot
            }
            None => {
                self.readers.push(entry);
                Slot::try_from(self.readers.len() - 1).expect("fewer than 2^32 cells fit in memory")
            }
        };
        self.slots.insert(cell, slot);
        slot
    }

    fn leave(&mut self, slot: Slot, unit: UnitId) {
        let Some((cell, readers)) = &mut self.readers[slot as usize] else { return };
        if readers.leave(unit) {
            self.slots.remove(cell);
            self.readers[slot as usize] = None;
            self.free.push(slot);
        }
    }
}

impl Readers {
    /// Adds a unit that is not there.
    fn join(&mut self, unit: UnitId) {
        match self {
            Self::One(other) => *self = Self::Several(vec![*other, unit]),
            Self::Several(units) => {
                units.push(unit);
                if units.len() > FEW_MAX {
                    *self = Self::Many { list: std::mem::take(units), gone: HashSet::new() };
                }
            }
            Self::Many { list, gone } => {
                if !gone.remove(&unit) {
                    list.push(unit);
                }
            }
        }
    }

    /// Removes a unit that is there, and says whether nobody is left.
    fn leave(&mut self, unit: UnitId) -> bool {
        match self {
            Self::One(_) => true,
            Self::Several(units) => {
                units.retain(|other| *other != unit);
                units.is_empty()
            }
            Self::Many { list, gone } => {
                gone.insert(unit);
                if gone.len() * 2 > list.len() {
                    list.retain(|unit| !gone.contains(unit));
                    gone.clear();
                    list.shrink_to(list.len() * 2);
                }
                list.is_empty()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_join_and_leave() {
        let mut map = ReaderMap::default();
        let cell = Cell::new("n", &1);
        let slots: Vec<Box<[Slot]>> = (0..40).map(|unit| map.replace(unit, &[], &[cell])).collect();
        let readers = |map: &ReaderMap| {
            let mut readers = map.of(cell);
            readers.sort_unstable();
            readers
        };
        assert_eq!(readers(&map), (0..40).collect::<Vec<_>>());
        // Who reads on is there once, and so is who left and comes back.
        map.replace(7, &slots[7], &[cell]);
        map.replace(8, &slots[8], &[]);
        assert_eq!(map.of(cell).len(), 39);
        map.replace(8, &[], &[cell]);
        assert_eq!(readers(&map), (0..40).collect::<Vec<_>>());
        for unit in 0..39 {
            map.replace(unit, &slots[unit as usize], &[]);
            assert_eq!(map.of(cell).len(), 39 - unit as usize);
        }
        assert_eq!(map.of(cell), [39]);
        map.replace(39, &slots[39], &[]);
        assert_eq!((map.of(cell), map.len()), (vec![], 0));
    }

    #[test]
    fn slots_of_forgotten_cells_are_used_again() {
        let mut map = ReaderMap::default();
        let mut slots = map.replace(0, &[], &[Cell::new("n", &0)]);
        for n in 1..100 {
            slots = map.replace(0, &slots, &[Cell::new("n", &n)]);
        }
        assert_eq!(map.len(), 1);
        assert!(map.readers.len() <= 2, "two slots take turns");
    }
}

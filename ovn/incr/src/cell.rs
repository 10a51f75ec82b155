//! Cells: what a unit can read, and how reads and changes of them are noted.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};

/// The name of one readable thing: a row, an index entry, "every key of a table".
///
/// It is a 64-bit fingerprint of `(family, part, key)`, so a cell costs eight bytes whatever its key, needs no
/// table of names, and exists for keys that are absent too (reading an absence is a read like any other).
/// Should two cells ever share a fingerprint, a change of one re-runs the readers of both: wasted work, never a
/// wrong result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell(u64);

/// Which aspect of a table or index a cell stands for.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) enum Part {
    /// The value under one key, or the members of one index entry.
    Value,
    /// Whether one index entry has any member.
    Any,
    /// Whether one member is in one index entry.
    Member,
    /// Which keys there are.
    Keys,
    /// Every key and value.
    All,
}

impl Cell {
    /// The cell of `key` in a family of cells of the program's own. [`Table`](crate::Table) and
    /// [`Index`](crate::Index) name their cells themselves; this is for inputs kept in other ways.
    pub fn new(family: &str, key: &impl Hash) -> Self {
        Self::of(Family::new(family), Part::Value, key)
    }

    pub(crate) fn of(family: Family, part: Part, key: &impl Hash) -> Self {
        let mut hasher = Fingerprint(family.0);
        part.hash(&mut hasher);
        key.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// The fingerprint of a table's name, computed once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family(u64);

impl Family {
    pub(crate) fn new(name: &str) -> Self {
        let mut hasher = Fingerprint(0);
        name.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// A multiply-and-rotate hash with a strong finish. It is the same in every run, which keeps the list of units that
/// ran the same in every run.
struct Fingerprint(u64);

impl Fingerprint {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.mix(u64::from_le_bytes(chunk.try_into().expect("chunks_exact gives eight bytes")));
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.mix(u64::from_le_bytes(word) ^ ((rest.len() as u64) << 56));
        }
    }
    fn write_u8(&mut self, n: u8) {
        self.mix(n.into());
    }
    fn write_u32(&mut self, n: u32) {
        self.mix(n.into());
    }
    fn write_u64(&mut self, n: u64) {
        self.mix(n);
    }
    fn write_usize(&mut self, n: usize) {
        self.mix(n as u64);
    }
    fn finish(&self) -> u64 {
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}

/// What one run of a unit has read so far.
///
/// It is handed around as a shared reference, so that a view over the inputs can hold it.
#[derive(Debug, Default)]
pub struct Reads(RefCell<Vec<Cell>>);

impl Reads {
    /// Notes that `cell` was read.
    pub fn note(&self, cell: Cell) {
        let mut cells = self.0.borrow_mut();
        // Loops often read one cell many times in a row; the rest is sorted out at the end of the run.
        if cells.last() != Some(&cell) {
            cells.push(cell);
        }
    }

    /// The cells read, each once, and an empty log again.
    pub(crate) fn take(&self) -> Vec<Cell> {
        let mut cells = std::mem::take(&mut *self.0.borrow_mut());
        cells.sort_unstable();
        cells.dedup();
        cells
    }
}

/// What has changed since the last step.
///
/// Tables and indexes write into it when they are given a value that differs from the one they had.
#[derive(Debug, Default)]
#[must_use = "changes that no step is told of leave units out of date"]
pub struct Touched(Vec<Cell>);

impl Touched {
    /// Notes that what reading `cell` gives has changed.
    pub fn note(&mut self, cell: Cell) {
        self.0.push(cell);
    }

    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take(&mut self) -> Vec<Cell> {
        let mut cells = std::mem::take(&mut self.0);
        cells.sort_unstable();
        cells.dedup();
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_differ_by_family_part_and_key() {
        let (a, b) = (Family::new("a"), Family::new("b"));
        let mut cells = vec![Cell::new("a", &1_u32), Cell::new("a", &2_u32), Cell::new("b", &1_u32)];
        cells.extend([Cell::of(a, Part::Any, &1_u32), Cell::of(b, Part::Member, &(1_u32, 2_u32))]);
        cells.extend(["", "x", "xx", "12345678", "123456789"].map(|name| Cell::new("names", &name)));
        let count = cells.len();
        cells.sort();
        cells.dedup();
        assert_eq!(cells.len(), count);
    }

    #[test]
    fn a_million_cells_do_not_collide() {
        let mut cells: Vec<Cell> = (0..1_000_000_u32).map(|n| Cell::new("n", &n)).collect();
        cells.sort();
        cells.dedup();
        assert_eq!(cells.len(), 1_000_000);
    }

    #[test]
    fn reads_are_kept_once() {
        let reads = Reads::default();
        let (one, two) = (Cell::new("n", &1), Cell::new("n", &2));
        for cell in [one, two, one, one] {
            reads.note(cell);
        }
        assert_eq!(reads.take().len(), 2);
        assert!(reads.take().is_empty());
    }
}

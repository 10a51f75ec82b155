//! What a unit last emitted, in the form in which it is kept and compared.

use crate::program::{Emit, Program};

/// Everything that one run emitted, each thing once and in order.
pub(crate) struct Emitted<P: Program> {
    pub(crate) outputs: Box<[P::Output]>,
    /// Most units have outputs only.
    said: Option<Box<Said<P>>>,
}

struct Said<P: Program> {
    facts: Box<[P::Fact]>,
    units: Box<[P::Unit]>,
}

impl<P: Program> Emitted<P> {
    pub(crate) fn nothing() -> Self {
        Self { outputs: Box::default(), said: None }
    }

    pub(crate) fn facts(&self) -> &[P::Fact] {
        self.said.as_ref().map_or(&[], |said| &said.facts)
    }

    /// The units asked for.
    pub(crate) fn units(&self) -> &[P::Unit] {
        self.said.as_ref().map_or(&[], |said| &said.units)
    }

    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.outputs == other.outputs && self.facts() == other.facts() && self.units() == other.units()
    }
}

impl<P: Program> From<Emit<P>> for Emitted<P> {
    fn from(emit: Emit<P>) -> Self {
        let said = Said { facts: sorted(emit.facts), units: sorted(emit.units) };
        let says_nothing = said.facts.is_empty() && said.units.is_empty();
        Self { outputs: sorted(emit.outputs), said: (!says_nothing).then(|| Box::new(said)) }
    }
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Box<[T]> {
    items.sort_unstable();
    items.dedup();
    items.into_boxed_slice()
}

/// Walks two sorted lists and calls `changed(item, is_new)` for what only one of them has.
pub(crate) fn diff<'a, T: Ord>(old: &'a [T], new: &'a [T], mut changed: impl FnMut(&'a T, bool)) {
    let (mut i, mut j) = (0, 0);
    loop {
        match (old.get(i), new.get(j)) {
            (None, None) => return,
            (Some(a), Some(b)) if a == b => (i, j) = (i + 1, j + 1),
            (Some(a), b) if b.is_none_or(|b| a < b) => {
                changed(a, false);
                i += 1;
            }
            (_, Some(b)) => {
                changed(b, true);
                j += 1;
            }
            (Some(_), None) => unreachable!("an old item without a new one is taken above"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diff_names_what_one_side_lacks() {
        let mut seen = Vec::new();
        diff(&[1, 2, 4, 7], &[2, 3, 4, 5], |item, is_new| seen.push((*item, is_new)));
        assert_eq!(seen, [(1, false), (3, true), (5, true), (7, false)]);
    }
}

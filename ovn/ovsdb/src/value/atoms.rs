//! The elements of a set: sorted, without duplicates.

use super::Atom;
use imbl::OrdSet;
use imbl::ordset::DiffItem;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Sets with more elements are kept in a tree.
const FEW_MAX: usize = 48;

/// The elements of a set, sorted, without duplicates.
///
/// One element, which is what most columns hold, lies in place. Many are kept in a tree that copies share, so that a
/// change of a large set, and the difference of two such sets, cost what the change costs.
#[derive(Clone, Default)]
pub struct Atoms(Repr);

/// Which of these a set is follows from the number of its elements.
#[derive(Clone, Default)]
enum Repr {
    #[default]
    None,
    One(Atom),
    /// Up to [`FEW_MAX`].
    Few(Box<[Atom]>),
    Many(Arc<OrdSet<Atom>>),
}

/// How an element distinguishes two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Removed,
    Added,
}

impl Atoms {
    /// No elements.
    pub const fn new() -> Self {
        Self(Repr::None)
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::None => 0,
            Repr::One(_) => 1,
            Repr::Few(atoms) => atoms.len(),
            Repr::Many(atoms) => atoms.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element of a set of one.
    pub fn only(&self) -> Option<&Atom> {
        match &self.0 {
            Repr::One(atom) => Some(atom),
            Repr::None | Repr::Few(_) | Repr::Many(_) => None,
        }
    }

    /// The elements in order.
    pub fn iter(&self) -> AtomsIter<'_> {
        AtomsIter(match self.few() {
            Ok(atoms) => Iter::Few(atoms.iter()),
            Err(atoms) => Iter::Many(atoms.iter()),
        })
    }

    /// Whether `atom` is an element.
    pub fn contains(&self, atom: &Atom) -> bool {
        match self.few() {
            Ok(atoms) => atoms.binary_search(atom).is_ok(),
            Err(atoms) => atoms.contains(atom),
        }
    }

    /// Says of each element that only one of `self` and `new` has, in order, which one it is. Of large sets that share
    /// most of their elements only a few are looked at.
    pub fn changes<'a>(&'a self, new: &'a Self, mut visit: impl FnMut(&'a Atom, Change)) {
        if let (Repr::Many(old), Repr::Many(new)) = (&self.0, &new.0) {
            for item in old.diff(new) {
                match item {
                    DiffItem::Add(atom) => visit(atom, Change::Added),
                    DiffItem::Remove(atom) => visit(atom, Change::Removed),
                }
            }
            return;
        }
        let (mut old, mut new) = (self.iter().peekable(), new.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (Some(old), Some(new)) => old.cmp(new),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return,
            };
            match order {
                Ordering::Less => old.next().into_iter().for_each(|atom| visit(atom, Change::Removed)),
                Ordering::Greater => new.next().into_iter().for_each(|atom| visit(atom, Change::Added)),
                Ordering::Equal => _ = (old.next(), new.next()),
            }
        }
    }

    /// Adds an element; says whether it is new.
    pub fn insert(&mut self, atom: Atom) -> bool {
        let is_new = !self.contains(&atom);
        if is_new {
            *self = self.union(&atom.into());
        }
        is_new
    }

    /// Takes an element away; says whether it was there.
    pub fn remove(&mut self, atom: &Atom) -> bool {
        let is_old = self.contains(atom);
        if is_old {
            *self = self.without(&atom.clone().into());
        }
        is_old
    }

    /// The elements that `self` or `more` has.
    pub(crate) fn union(&self, more: &Self) -> Self {
        if let Repr::Many(atoms) = &self.0 {
            let mut all = atoms.clone();
            let missing = more.iter().filter(|atom| !atoms.contains(*atom));
            missing.for_each(|atom| _ = Arc::make_mut(&mut all).insert(atom.clone()));
            return Self(Repr::Many(all));
        }
        if let Repr::Many(_) = &more.0 {
            return more.union(self);
        }
        self.iter().chain(more.iter()).cloned().collect()
    }

    /// The elements that `self` has and `gone` has not.
    pub(crate) fn without(&self, gone: &Self) -> Self {
        match &self.0 {
            Repr::Many(atoms) if gone.len() < atoms.len() => {
                let mut left = atoms.clone();
                let present = gone.iter().filter(|atom| atoms.contains(*atom));
                present.for_each(|atom| _ = Arc::make_mut(&mut left).remove(atom));
                Self::from_tree(left)
            }
            Repr::None | Repr::One(_) | Repr::Few(_) | Repr::Many(_) => {
                Self::from_sorted(self.iter().filter(|atom| !gone.contains(atom)).cloned().collect())
            }
        }
    }

    /// The elements that one of `self` and `other` has.
    pub(crate) fn symmetric_difference(&self, other: &Self) -> Self {
        match (&self.0, &other.0) {
            (Repr::Many(atoms), Repr::None | Repr::One(_) | Repr::Few(_)) => {
                let mut result = atoms.clone();
                for atom in other.iter() {
                    let tree = Arc::make_mut(&mut result);
                    if tree.remove(atom).is_none() {
                        tree.insert(atom.clone());
                    }
                }
                Self::from_tree(result)
            }
            (Repr::None | Repr::One(_) | Repr::Few(_), Repr::Many(_)) => other.symmetric_difference(self),
            (
                Repr::None | Repr::One(_) | Repr::Few(_) | Repr::Many(_),
                Repr::None | Repr::One(_) | Repr::Few(_) | Repr::Many(_),
            ) => {
                let mut result = Vec::new();
                self.changes(other, |atom, _| result.push(atom.clone()));
                Self::from_sorted(result)
            }
        }
    }

    /// A set of these elements, which are sorted and distinct.
    pub(crate) fn from_sorted(mut atoms: Vec<Atom>) -> Self {
        debug_assert!(atoms.is_sorted_by(|a, b| a < b), "elements are sorted and distinct");
        Self(match atoms.len() {
            0 => Repr::None,
            1 => atoms.pop().map_or(Repr::None, Repr::One),
            2..=FEW_MAX => Repr::Few(atoms.into()),
            _ => Repr::Many(Arc::new(atoms.into_iter().collect())),
        })
    }

    fn from_tree(atoms: Arc<OrdSet<Atom>>) -> Self {
        match atoms.len() {
            0..=FEW_MAX => Self::from_sorted(atoms.iter().cloned().collect()),
            _ => Self(Repr::Many(atoms)),
        }
    }

    fn few(&self) -> Result<&[Atom], &OrdSet<Atom>> {
        match &self.0 {
            Repr::None => Ok(&[]),
            Repr::One(atom) => Ok(std::slice::from_ref(atom)),
            Repr::Few(atoms) => Ok(atoms),
            Repr::Many(atoms) => Err(atoms),
        }
    }
}

impl From<Atom> for Atoms {
    fn from(atom: Atom) -> Self {
        Self(Repr::One(atom))
    }
}

impl From<Vec<Atom>> for Atoms {
    /// Sorts the elements and drops duplicates.
    fn from(mut atoms: Vec<Atom>) -> Self {
        if !atoms.is_sorted_by(|a, b| a < b) {
            atoms.sort_unstable();
            atoms.dedup();
        }
        Self::from_sorted(atoms)
    }
}

impl FromIterator<Atom> for Atoms {
    /// Sorts the elements and drops duplicates.
    fn from_iter<I: IntoIterator<Item = Atom>>(atoms: I) -> Self {
        atoms.into_iter().collect::<Vec<Atom>>().into()
    }
}

impl PartialEq for Atoms {
    fn eq(&self, other: &Self) -> bool {
        match (self.few(), other.few()) {
            (Ok(a), Ok(b)) => a == b,
            (Err(a), Err(b)) => a.len() == b.len() && a.diff(b).next().is_none(),
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
        }
    }
}

impl Eq for Atoms {}

impl PartialOrd for Atoms {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Atoms {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl Hash for Atoms {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        self.iter().for_each(|atom| atom.hash(state));
    }
}

/// The elements of a set in order.
#[derive(Clone)]
pub struct AtomsIter<'a>(Iter<'a>);

#[derive(Clone)]
enum Iter<'a> {
    Few(std::slice::Iter<'a, Atom>),
    Many(imbl::ordset::Iter<'a, Atom, imbl::shared_ptr::DefaultSharedPtr>),
}

impl AtomsIter<'_> {
    /// Gives nothing.
    pub(super) fn empty() -> Self {
        Self(Iter::Few([].iter()))
    }
}

impl<'a> Iterator for AtomsIter<'a> {
    type Item = &'a Atom;

    fn next(&mut self) -> Option<&'a Atom> {
        match &mut self.0 {
            Iter::Few(atoms) => atoms.next(),
            Iter::Many(atoms) => atoms.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            Iter::Few(atoms) => atoms.size_hint(),
            Iter::Many(atoms) => atoms.size_hint(),
        }
    }
}

impl ExactSizeIterator for AtomsIter<'_> {}

impl<'a> IntoIterator for &'a Atoms {
    type Item = &'a Atom;
    type IntoIter = AtomsIter<'a>;

    fn into_iter(self) -> AtomsIter<'a> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    type Model = BTreeSet<i64>;

    fn atoms(model: &Model) -> Atoms {
        model.iter().map(|n| Atom::from(*n)).collect()
    }

    fn models() -> impl Strategy<Value = Model> {
        // On both sides of the bound between few and many.
        prop_oneof![
            prop::collection::btree_set(0..200i64, 0..4),
            prop::collection::btree_set(0..200i64, 40..60),
            prop::collection::btree_set(0..200i64, 0..180),
        ]
    }

    proptest! {
        #[test]
        fn sets_behave_as_sets(a in models(), b in models()) {
            let (x, y) = (atoms(&a), atoms(&b));
            prop_assert_eq!(x.len(), a.len());
            prop_assert!(x.iter().eq(a.iter().map(|n| Atom::from(*n)).collect::<Vec<_>>().iter()));
            prop_assert_eq!(x == y, a == b);
            prop_assert_eq!(x.cmp(&y), a.iter().cmp(b.iter()));
            prop_assert!(x.union(&y) == atoms(&(&a | &b)));
            prop_assert!(x.without(&y) == atoms(&(&a - &b)));
            prop_assert!(x.symmetric_difference(&y) == atoms(&(&a ^ &b)));
            prop_assert!(a.iter().all(|n| x.contains(&Atom::from(*n))));
            prop_assert!((&b - &a).iter().all(|n| !x.contains(&Atom::from(*n))));
        }

        #[test]
        fn changes_of_a_copy_are_found(a in models(), more in models(), less in models()) {
            let old = atoms(&a);
            let new = old.union(&atoms(&more)).without(&atoms(&less));
            let (mut removed, mut added) = (Vec::new(), Vec::new());
            old.changes(&new, |atom, change| match change {
                Change::Removed => removed.push(atom.clone()),
                Change::Added => added.push(atom.clone()),
            });
            prop_assert!(Atoms::from_sorted(removed) == atoms(&(&a & &less)));
            prop_assert!(Atoms::from_sorted(added) == atoms(&(&(&more - &a) - &less)));
        }
    }

    #[test]
    fn one_element_lies_in_place() {
        assert_eq!(size_of::<Atoms>(), size_of::<Atom>());
    }
}

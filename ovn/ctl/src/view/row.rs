//! One row: what it was, what has become of it.

use ovsdb::{Atom, Datum, Row, Str};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(super) struct RowView {
    pub(super) origin: Origin,
    pub(super) fate: Fate,
    /// What was written, by column.
    pub(super) writes: BTreeMap<Str, Write>,
    /// Columns that nobody else may have changed, with their values in the database.
    pub(super) verified: BTreeMap<Str, Datum>,
}

#[derive(Clone, Debug)]
pub(super) enum Origin {
    /// The row is in the database with these values.
    Database(Arc<Row>),
    /// An earlier command inserted it.
    Inserted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    Deleted,
    /// Nothing refers to it any more; the database drops it by itself.
    Forgotten,
}

/// A column's new value, and how to say it.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) value: Datum,
    pub(super) how: How,
}

#[derive(Clone, Debug)]
pub(super) enum How {
    /// Say the value.
    Replace,
    /// Say what went and what came.
    Mutate {
        /// Elements, keys of a map.
        gone: BTreeSet<Atom>,
        /// Elements, or pairs with their values.
        come: BTreeMap<Atom, Option<Atom>>,
    },
}

impl RowView {
    pub(super) fn existing(row: Arc<Row>) -> Self {
        Self::new(Origin::Database(row), BTreeMap::new())
    }

    pub(super) fn inserted(values: BTreeMap<Str, Datum>) -> Self {
        let writes = values.into_iter().map(|(name, value)| (name, Write { value, how: How::Replace }));
        Self::new(Origin::Inserted, writes.collect())
    }

    fn new(origin: Origin, writes: BTreeMap<Str, Write>) -> Self {
        Self { origin, fate: Fate::Stays, writes, verified: BTreeMap::new() }
    }

    pub(super) fn is_there(&self) -> bool {
        self.fate == Fate::Stays
    }

    pub(super) fn is_new(&self) -> bool {
        matches!(self.origin, Origin::Inserted)
    }

    pub(super) fn delete(&mut self) {
        self.fate = Fate::Deleted;
    }

    pub(super) fn forget(&mut self) {
        self.fate = Fate::Forgotten;
    }

    /// The value in the database of the column at `place`.
    fn stored(&self, place: Option<usize>) -> Option<&Datum> {
        match &self.origin {
            Origin::Database(row) => row.get(place?),
            Origin::Inserted => None,
        }
    }

    /// The value by now.
    pub(super) fn value(&self, place: Option<usize>, column: &str) -> Option<&Datum> {
        self.writes.get(column).map(|write| &write.value).or_else(|| self.stored(place))
    }

    pub(super) fn verify(&mut self, place: Option<usize>, column: &str) {
        if let Some(stored) = self.stored(place).cloned() {
            self.verified.entry(column.into()).or_insert(stored);
        }
    }

    pub(super) fn replace(&mut self, place: Option<usize>, column: &str, current: Datum, value: Datum) {
        if self.stored(place) == Some(&value) {
            self.writes.remove(column);
        } else if current != value || !self.writes.contains_key(column) {
            self.writes.insert(column.into(), Write { value, how: How::Replace });
        }
    }

    pub(super) fn add(&mut self, place: Option<usize>, column: &str, current: Datum, more: &Datum) {
        let mut value = Contents::of(&current);
        let added = Contents::of(more);
        value.0.extend(added.0.iter().map(|(key, value)| (key.clone(), value.clone())));
        let value = value.into_datum(&current);
        self.mutate(place, column, current, value);
    }

    pub(super) fn remove(&mut self, place: Option<usize>, column: &str, current: Datum, less: &Datum) {
        let mut value = Contents::of(&current);
        for (key, expected) in Contents::of(less).0 {
            if expected.is_none() || value.0.get(&key) == Some(&expected) {
                value.0.remove(&key);
            }
        }
        let value = value.into_datum(&current);
        self.mutate(place, column, current, value);
    }

    /// Writes `value`, saying only how it differs from what is in the database.
    fn mutate(&mut self, place: Option<usize>, column: &str, current: Datum, value: Datum) {
        if value == current {
            return;
        }
        let is_replaced = self.writes.get(column).is_some_and(|write| matches!(write.how, How::Replace));
        let how = match self.stored(place) {
            Some(stored) if !is_replaced => {
                let (old, new) = (Contents::of(stored).0, Contents::of(&value).0);
                let gone = old.iter().filter(|&(key, value)| new.get(key) != Some(value));
                let come = new.iter().filter(|&(key, value)| old.get(key) != Some(value));
                How::Mutate {
                    gone: gone.map(|(key, _)| key.clone()).collect(),
                    come: come.map(|(key, value)| (key.clone(), value.clone())).collect(),
                }
            }
            Some(_) | None => How::Replace,
        };
        self.writes.insert(column.into(), Write { value, how });
    }
}

/// A set, or a map, as a map whose values may be absent.
struct Contents(BTreeMap<Atom, Option<Atom>>);

impl Contents {
    fn of(value: &Datum) -> Self {
        Self(match value {
            Datum::Set(atoms) => atoms.iter().map(|atom| (atom.clone(), None)).collect(),
            Datum::Map(pairs) => {
                pairs.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect()
            }
        })
    }

    /// A datum of the same kind as `like`.
    fn into_datum(self, like: &Datum) -> Datum {
        match like {
            Datum::Set(_) => Datum::Set(self.0.into_keys().collect()),
            Datum::Map(_) => {
                Datum::Map(self.0.into_iter().filter_map(|(key, value)| Some((key, value?))).collect())
            }
        }
    }
}

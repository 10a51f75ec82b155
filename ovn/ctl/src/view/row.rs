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

    pub(super) fn replace(&mut self, place: Option<usize>, column: &str, value: Datum) {
        if self.stored(place) == Some(&value) {
            self.writes.remove(column);
        } else {
            self.writes.insert(column.into(), Write { value, how: How::Replace });
        }
    }

    /// Adds elements or pairs; `default` is the value if there is none yet.
    pub(super) fn add(&mut self, place: Option<usize>, column: &str, default: Datum, more: &Datum) {
        self.change(place, column, default, |edit| match more {
            Datum::Set(atoms) => atoms.iter().for_each(|atom| edit.put(atom, None)),
            Datum::Map(pairs) => pairs.iter().for_each(|(key, value)| edit.put(key, Some(value))),
        });
    }

    /// Takes elements, keys or pairs away; `default` is the value if there is none yet.
    pub(super) fn remove(&mut self, place: Option<usize>, column: &str, default: Datum, less: &Datum) {
        self.change(place, column, default, |edit| match less {
            Datum::Set(atoms) => atoms.iter().for_each(|atom| edit.take(atom, None)),
            Datum::Map(pairs) => pairs.iter().for_each(|(key, value)| edit.take(key, Some(value))),
        });
    }

    fn change(
        &mut self,
        place: Option<usize>,
        column: &str,
        default: Datum,
        change: impl FnOnce(&mut Edit<'_>),
    ) {
        let stored = match &self.origin {
            Origin::Database(row) => place.and_then(|place| row.get(place)),
            Origin::Inserted => None,
        };
        let write = self.writes.entry(column.into()).or_insert_with(|| match stored {
            Some(stored) => {
                let how = How::Mutate { gone: BTreeSet::new(), come: BTreeMap::new() };
                Write { value: stored.clone(), how }
            }
            None => Write { value: default, how: How::Replace },
        });
        change(&mut Edit { stored, write });
        if let How::Mutate { gone, come } = &write.how
            && gone.is_empty()
            && come.is_empty()
        {
            self.writes.remove(column);
        }
    }
}

/// Single elements of a set or map on their way in and out.
struct Edit<'a> {
    stored: Option<&'a Datum>,
    write: &'a mut Write,
}

impl Edit<'_> {
    fn put(&mut self, key: &Atom, value: Option<&Atom>) {
        match (&mut self.write.value, value) {
            (Datum::Set(atoms), _) => _ = atoms.insert(key.clone()),
            (Datum::Map(pairs), Some(value)) => match pairs.binary_search_by(|(known, _)| known.cmp(key)) {
                Ok(place) => pairs[place].1 = value.clone(),
                Err(place) => {
                    let mut more = std::mem::take(pairs).into_vec();
                    more.insert(place, (key.clone(), value.clone()));
                    *pairs = more.into();
                }
            },
            (Datum::Map(_), None) => return,
        }
        self.note(key);
    }

    fn take(&mut self, key: &Atom, value: Option<&Atom>) {
        match &mut self.write.value {
            Datum::Set(atoms) => _ = atoms.remove(key),
            Datum::Map(pairs) => {
                if let Ok(place) = pairs.binary_search_by(|(known, _)| known.cmp(key))
                    && value.is_none_or(|value| pairs[place].1 == *value)
                {
                    let mut fewer = std::mem::take(pairs).into_vec();
                    fewer.remove(place);
                    *pairs = fewer.into();
                }
            }
        }
        self.note(key);
    }

    /// Notes how the element or pair of this key differs from the one in the database.
    fn note(&mut self, key: &Atom) {
        let (How::Mutate { gone, come }, Some(stored)) = (&mut self.write.how, self.stored) else { return };
        let (old, new) = ((stored.contains(key), stored.get(key)), &self.write.value);
        let new = (new.contains(key), new.get(key));
        gone.remove(key);
        come.remove(key);
        if old != new {
            if old.0 {
                gone.insert(key.clone());
            }
            if new.0 {
                come.insert(key.clone(), new.1.cloned());
            }
        }
    }
}

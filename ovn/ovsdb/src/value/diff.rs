//! Differences of datums, as `update2` notifications and log records with `_is_diff` carry them.
//!
//! A column of at most one element is replaced whole. Larger sets are sent as their symmetric
//! difference; maps as the pairs whose key only one side has, and the new pairs of keys whose
//! value changed. (RFC 7047 does not know these; upstream: ovsdb-server(7), section 4.1.14.)

use super::{Atom, Datum};
use crate::schema::ColumnType;
use std::cmp::Ordering;

impl Datum {
    /// What to send to someone who has `self` so that they come to have `new`.
    pub fn diff(&self, new: &Self, ty: &ColumnType) -> Self {
        match (self, new) {
            _ if !ty.is_composite() => new.clone(),
            (Self::Set(old), Self::Set(new)) => Self::Set(old.symmetric_difference(new)),
            (Self::Map(old), Self::Map(new)) => Self::Map(map_difference(old, new).into()),
            (Self::Set(_), Self::Map(_)) | (Self::Map(_), Self::Set(_)) => new.clone(),
        }
    }

    /// What one has who had `self` and was sent `diff`: the inverse of [`Datum::diff`]. Any two
    /// datums give a well-formed result, which may exceed the size that the type allows.
    pub fn apply_diff(&self, diff: &Self, ty: &ColumnType) -> Self {
        match (self, diff) {
            _ if !ty.is_composite() => diff.clone(),
            (Self::Set(old), Self::Set(diff)) => Self::Set(old.symmetric_difference(diff)),
            (Self::Map(old), Self::Map(diff)) => Self::Map(map_apply(old, diff).into()),
            (Self::Set(_), Self::Map(_)) | (Self::Map(_), Self::Set(_)) => diff.clone(),
        }
    }
}

fn map_difference(old: &[(Atom, Atom)], new: &[(Atom, Atom)]) -> Vec<(Atom, Atom)> {
    let mut out = Vec::new();
    merge(old, new, by_key, |old, new| match (old, new) {
        (Some(only), None) | (None, Some(only)) => out.push(only.clone()),
        (Some(old), Some(new)) if old.1 != new.1 => out.push(new.clone()),
        (Some(_), Some(_)) | (None, None) => {}
    });
    out
}

fn map_apply(old: &[(Atom, Atom)], diff: &[(Atom, Atom)]) -> Vec<(Atom, Atom)> {
    let mut out = Vec::with_capacity(old.len());
    merge(old, diff, by_key, |old, diff| match (old, diff) {
        (Some(only), None) | (None, Some(only)) => out.push(only.clone()),
        (Some(old), Some(diff)) if old.1 != diff.1 => out.push(diff.clone()),
        (Some(_), Some(_)) | (None, None) => {}
    });
    out
}

fn by_key(a: &(Atom, Atom), b: &(Atom, Atom)) -> Ordering {
    a.0.cmp(&b.0)
}

/// Walks two sorted slices together and calls `visit` once for each distinct key, in order.
fn merge<T>(
    a: &[T],
    b: &[T],
    cmp: impl Fn(&T, &T) -> Ordering,
    mut visit: impl FnMut(Option<&T>, Option<&T>),
) {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (Some(x), Some(y)) => cmp(x, y),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return,
        };
        match order {
            Ordering::Less => visit(a.next(), None),
            Ordering::Greater => visit(None, b.next()),
            Ordering::Equal => visit(a.next(), b.next()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::BaseType;
    use crate::value::AtomType;
    use proptest::prelude::*;

    fn many(value: Option<AtomType>) -> ColumnType {
        ColumnType {
            key: BaseType::from(AtomType::Integer),
            value: value.map(BaseType::from),
            min: 0,
            max: None,
        }
    }

    #[test]
    fn differences_in_table_form() {
        let set = many(None);
        let map = many(Some(AtomType::Integer));
        let optional = ColumnType { max: Some(1), ..many(None) };
        let cases = [
            (&set, Datum::set([1, 2, 3]), Datum::set([2, 4]), Datum::set([1, 3, 4])),
            (&set, Datum::set([1]), Datum::set([1]), Datum::empty_set()),
            (&optional, Datum::set([1]), Datum::empty_set(), Datum::empty_set()),
            (&optional, Datum::set([1]), Datum::set([2]), Datum::set([2])),
            (
                &map,
                Datum::map([(1, 10), (2, 20), (3, 30)]),
                Datum::map([(2, 21), (3, 30), (4, 40)]),
                Datum::map([(1, 10), (2, 21), (4, 40)]),
            ),
        ];
        for (ty, old, new, diff) in cases {
            assert_eq!(old.diff(&new, ty), diff);
            assert_eq!(old.apply_diff(&diff, ty), new);
        }
    }

    fn sets() -> impl Strategy<Value = Datum> {
        prop::collection::vec(0..12i64, 0..8).prop_map(Datum::set)
    }

    fn maps() -> impl Strategy<Value = Datum> {
        prop::collection::vec((0..8i64, 0..3i64), 0..8).prop_map(Datum::map)
    }

    proptest! {
        #[test]
        fn applying_a_difference_gives_the_new_set(old in sets(), new in sets()) {
            let ty = many(None);
            prop_assert_eq!(old.apply_diff(&old.diff(&new, &ty), &ty), new);
        }

        #[test]
        fn applying_a_difference_gives_the_new_map(old in maps(), new in maps()) {
            let ty = many(Some(AtomType::Integer));
            prop_assert_eq!(old.apply_diff(&old.diff(&new, &ty), &ty), new.clone());
            prop_assert_eq!(old.diff(&new, &ty).is_empty(), old == new);
        }
    }
}

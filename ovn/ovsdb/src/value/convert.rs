//! Datums to and from the types of rows in Rust.

use super::{Atom, AtomType, Datum, Real, Str, Uuid};
use std::collections::{BTreeMap, BTreeSet};

/// A datum that does not have the shape that a typed row expects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct WrongDatum {
    /// What the field of the typed row holds.
    pub expected: String,
    /// The datum as text.
    pub found: String,
}

/// A Rust type that one atom gives.
pub trait FromAtom: Sized {
    /// The type of atom that is read.
    const TYPE: AtomType;
    /// The value, if the atom has the type.
    fn from_atom(atom: &Atom) -> Option<Self>;
}

/// A Rust type that one atom holds.
pub trait ToAtom {
    /// The atom that holds this value.
    fn to_atom(&self) -> Atom;
}

/// A Rust type that a datum gives.
pub trait FromDatum: Sized {
    /// The value, or what was expected instead of `datum`.
    fn from_datum(datum: &Datum) -> Result<Self, WrongDatum>;
}

/// A Rust type that a datum holds.
pub trait ToDatum {
    /// The datum that holds this value.
    fn to_datum(&self) -> Datum;
}

macro_rules! atom_type {
    ($rust:ty, $variant:ident, $from:expr, $to:expr) => {
        impl FromAtom for $rust {
            const TYPE: AtomType = AtomType::$variant;

            fn from_atom(atom: &Atom) -> Option<Self> {
                let Atom::$variant(value) = atom else { return None };
                let from: fn(&_) -> $rust = $from;
                Some(from(value))
            }
        }

        impl ToAtom for $rust {
            fn to_atom(&self) -> Atom {
                let to: fn(&$rust) -> _ = $to;
                Atom::from(to(self))
            }
        }

        impl FromDatum for $rust {
            fn from_datum(datum: &Datum) -> Result<Self, WrongDatum> {
                datum
                    .as_scalar()
                    .and_then(Self::from_atom)
                    .ok_or_else(|| wrong(datum, format!("one {}", Self::TYPE)))
            }
        }

        impl ToDatum for $rust {
            fn to_datum(&self) -> Datum {
                Datum::scalar(self.to_atom())
            }
        }
    };
}

atom_type!(i64, Integer, |v| *v, |v| *v);
atom_type!(f64, Real, |v: &Real| v.get(), |v| *v);
atom_type!(bool, Boolean, |v| *v, |v| *v);
atom_type!(Str, String, Str::clone, Str::clone);
atom_type!(String, String, |v: &Str| v.to_string(), String::clone);
atom_type!(Uuid, Uuid, |v| *v, |v| *v);

fn wrong(datum: &Datum, expected: String) -> WrongDatum {
    WrongDatum { expected, found: datum.to_string() }
}

impl<T: FromAtom> FromDatum for Option<T> {
    fn from_datum(datum: &Datum) -> Result<Self, WrongDatum> {
        match datum {
            Datum::Set(atoms) if atoms.is_empty() => Ok(None),
            Datum::Set(_) | Datum::Map(_) => match datum.as_scalar().and_then(T::from_atom) {
                Some(value) => Ok(Some(value)),
                None => Err(wrong(datum, format!("at most one {}", T::TYPE))),
            },
        }
    }
}

impl<T: ToAtom> ToDatum for Option<T> {
    fn to_datum(&self) -> Datum {
        Datum::Set(self.iter().map(T::to_atom).collect())
    }
}

impl<T: FromAtom + Ord> FromDatum for BTreeSet<T> {
    fn from_datum(datum: &Datum) -> Result<Self, WrongDatum> {
        let values = match datum {
            Datum::Set(atoms) => atoms.iter().map(T::from_atom).collect(),
            Datum::Map(_) => None,
        };
        values.ok_or_else(|| wrong(datum, format!("a set of {}", T::TYPE)))
    }
}

impl<T: ToAtom> ToDatum for BTreeSet<T> {
    fn to_datum(&self) -> Datum {
        Datum::set(self.iter().map(T::to_atom))
    }
}

impl<K: FromAtom + Ord, V: FromAtom> FromDatum for BTreeMap<K, V> {
    fn from_datum(datum: &Datum) -> Result<Self, WrongDatum> {
        let pairs = match datum {
            Datum::Set(_) => None,
            Datum::Map(pairs) => {
                pairs.iter().map(|(k, v)| Some((K::from_atom(k)?, V::from_atom(v)?))).collect()
            }
        };
        pairs.ok_or_else(|| wrong(datum, format!("a map from {} to {}", K::TYPE, V::TYPE)))
    }
}

impl<K: ToAtom, V: ToAtom> ToDatum for BTreeMap<K, V> {
    fn to_datum(&self) -> Datum {
        Datum::map(self.iter().map(|(k, v)| (k.to_atom(), v.to_atom())))
    }
}

impl ToDatum for str {
    fn to_datum(&self) -> Datum {
        Datum::scalar(self)
    }
}

impl ToDatum for Datum {
    fn to_datum(&self) -> Datum {
        self.clone()
    }
}

impl FromDatum for Datum {
    fn from_datum(datum: &Datum) -> Result<Self, WrongDatum> {
        Ok(datum.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both_ways<T: FromDatum + ToDatum + PartialEq + std::fmt::Debug>(value: T, text: &str) {
        let datum = value.to_datum();
        assert_eq!(datum.to_json().to_string(), text);
        assert_eq!(T::from_datum(&datum), Ok(value));
    }

    #[test]
    fn values_become_datums_and_come_back() {
        both_ways(5i64, "5");
        both_ways(2.5f64, "2.5");
        both_ways(true, "true");
        both_ways(Str::from("x"), "\"x\"");
        both_ways(Uuid::ZERO, r#"["uuid","00000000-0000-0000-0000-000000000000"]"#);
        both_ways(None::<i64>, r#"["set",[]]"#);
        both_ways(Some(Str::from("x")), "\"x\"");
        both_ways(BTreeSet::from([2i64, 1]), r#"["set",[1,2]]"#);
        both_ways(BTreeMap::from([(Str::from("k"), 1i64)]), r#"["map",[["k",1]]]"#);
    }

    #[test]
    fn wrong_shapes_say_what_was_expected() {
        assert_eq!(
            i64::from_datum(&Datum::set([1, 2])).map_err(|e| e.to_string()),
            Err("expected one integer, found [1, 2]".to_owned())
        );
        assert_eq!(
            Option::<i64>::from_datum(&Datum::scalar("x")).map_err(|e| e.to_string()),
            Err("expected at most one integer, found x".to_owned())
        );
        assert!(BTreeSet::<i64>::from_datum(&Datum::empty_map()).is_err());
        assert!(BTreeMap::<Str, Str>::from_datum(&Datum::empty_set()).is_err());
    }
}

//! Datums: the value of one column of one row.

use super::{Atom, Atoms, AtomsIter, Uuid};
use crate::schema::ColumnType;
use serde_json::Value;
use std::fmt;

/// The value of a column: a set (a scalar is a set of one) or a map. The pairs of a map are sorted by
/// key, without duplicates; the constructors see to it, and who builds one by hand must too.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Datum {
    Set(Atoms),
    Map(Box<[(Atom, Atom)]>),
}

impl Datum {
    /// The set without elements.
    pub const fn empty_set() -> Self {
        Self::Set(Atoms::new())
    }

    /// The map without pairs.
    pub fn empty_map() -> Self {
        Self::Map(Box::default())
    }

    /// The set of one element.
    pub fn scalar(atom: impl Into<Atom>) -> Self {
        Self::Set(atom.into().into())
    }

    /// The set of these elements, sorted, duplicates dropped.
    pub fn set<A: Into<Atom>>(atoms: impl IntoIterator<Item = A>) -> Self {
        Self::Set(atoms.into_iter().map(Into::into).collect())
    }

    /// The map of these pairs, sorted by key; of equal keys the first stays.
    pub fn map<K: Into<Atom>, V: Into<Atom>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut pairs: Vec<(Atom, Atom)> = pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, first| later.0 == first.0);
        Self::Map(pairs.into())
    }

    /// What a column of this type holds that nobody has set: the empty set or map where the type
    /// allows it, else one element with the default of its type.
    pub fn default_for(ty: &ColumnType) -> Self {
        match (&ty.value, ty.min) {
            (None, 0) => Self::empty_set(),
            (None, _) => Self::scalar(ty.key.atom.default_atom()),
            (Some(_), 0) => Self::empty_map(),
            (Some(value), _) => Self::Map([(ty.key.atom.default_atom(), value.atom.default_atom())].into()),
        }
    }

    /// Whether this equals [`Datum::default_for`] of the type.
    pub fn is_default_for(&self, ty: &ColumnType) -> bool {
        match self {
            Self::Set(atoms) if ty.min == 0 => atoms.is_empty(),
            Self::Set(atoms) => atoms.only().is_some_and(Atom::is_default),
            Self::Map(pairs) if ty.min == 0 => pairs.is_empty(),
            Self::Map(pairs) => matches!(&pairs[..], [(k, v)] if k.is_default() && v.is_default()),
        }
    }

    /// The number of elements or pairs.
    pub fn len(&self) -> usize {
        match self {
            Self::Set(atoms) => atoms.len(),
            Self::Map(pairs) => pairs.len(),
        }
    }

    /// Whether there are no elements or pairs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements of a set, or the keys of a map, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Atom> {
        let (atoms, pairs): (AtomsIter<'_>, &[(Atom, Atom)]) = match self {
            Self::Set(atoms) => (atoms.iter(), &[]),
            Self::Map(pairs) => (AtomsIter::empty(), pairs),
        };
        atoms.chain(pairs.iter().map(|(key, _)| key))
    }

    /// The values of a map, in the order of their keys; nothing for a set.
    pub fn values(&self) -> impl Iterator<Item = &Atom> {
        let pairs: &[(Atom, Atom)] = match self {
            Self::Set(_) => &[],
            Self::Map(pairs) => pairs,
        };
        pairs.iter().map(|(_, value)| value)
    }

    /// The only element of a set of one.
    pub fn as_scalar(&self) -> Option<&Atom> {
        match self {
            Self::Set(atoms) => atoms.only(),
            Self::Map(_) => None,
        }
    }

    /// The text of a set of one string.
    pub fn as_str(&self) -> Option<&str> {
        match self.as_scalar() {
            Some(Atom::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The number of a set of one integer.
    pub fn as_integer(&self) -> Option<i64> {
        match self.as_scalar() {
            Some(Atom::Integer(n)) => Some(*n),
            _ => None,
        }
    }

    /// The truth of a set of one boolean.
    pub fn as_boolean(&self) -> Option<bool> {
        match self.as_scalar() {
            Some(Atom::Boolean(b)) => Some(*b),
            _ => None,
        }
    }

    /// The identifier of a set of one UUID.
    pub fn as_uuid(&self) -> Option<Uuid> {
        match self.as_scalar() {
            Some(Atom::Uuid(u)) => Some(*u),
            _ => None,
        }
    }

    /// Whether a set has this element, or a map this key.
    pub fn contains(&self, atom: &Atom) -> bool {
        match self {
            Self::Set(atoms) => atoms.contains(atom),
            Self::Map(pairs) => pairs.binary_search_by(|(key, _)| key.cmp(atom)).is_ok(),
        }
    }

    /// The value of this key of a map.
    pub fn get(&self, key: &Atom) -> Option<&Atom> {
        match self {
            Self::Set(_) => None,
            Self::Map(pairs) => {
                pairs.binary_search_by(|(k, _)| k.cmp(key)).ok().and_then(|i| pairs.get(i)).map(|(_, v)| v)
            }
        }
    }

    /// The value of this key of a map from string to string.
    pub fn get_str(&self, key: &str) -> Option<&str> {
        let Self::Map(pairs) = self else { return None };
        let at = pairs.binary_search_by(|(k, _)| match k {
            Atom::String(k) => (**k).cmp(key),
            Atom::Integer(_) | Atom::Real(_) | Atom::Boolean(_) | Atom::Uuid(_) => std::cmp::Ordering::Less,
        });
        match &pairs.get(at.ok()?)?.1 {
            Atom::String(value) => Some(value),
            Atom::Integer(_) | Atom::Real(_) | Atom::Boolean(_) | Atom::Uuid(_) => None,
        }
    }

    /// The text of the command line tools for a column of type `ty`: `5`, `[a, b]`, `{a=1, b=2}`;
    /// without brackets where the type allows one element and there is one.
    pub fn to_text(&self, ty: &ColumnType) -> String {
        let (open, close, texts): (_, _, Vec<String>) = match self {
            Self::Set(atoms) => ("[", "]", atoms.iter().map(Atom::to_string).collect()),
            Self::Map(pairs) => ("{", "}", pairs.iter().map(|(k, v)| format!("{k}={v}")).collect()),
        };
        let text = texts.join(", ");
        if ty.is_composite() || texts.is_empty() { format!("{open}{text}{close}") } else { text }
    }

    /// The `<value>` of RFC 7047 section 5.1; a set of one is written as its element.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Set(atoms) => match atoms.only() {
                Some(atom) => atom.to_json(),
                None => tagged("set", atoms.iter().map(Atom::to_json).collect()),
            },
            Self::Map(pairs) => tagged(
                "map",
                pairs.iter().map(|(k, v)| Value::Array(vec![k.to_json(), v.to_json()])).collect(),
            ),
        }
    }
}

fn tagged(tag: &str, elements: Vec<Value>) -> Value {
    Value::Array(vec![Value::from(tag), Value::Array(elements)])
}

impl fmt::Display for Datum {
    /// For people, where the type is not at hand; see [`Datum::to_text`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(atoms) => match atoms.only() {
                Some(atom) => write!(f, "{atom}"),
                None => {
                    let texts: Vec<String> = atoms.iter().map(Atom::to_string).collect();
                    write!(f, "[{}]", texts.join(", "))
                }
            },
            Self::Map(pairs) => {
                let texts: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
                write!(f, "{{{}}}", texts.join(", "))
            }
        }
    }
}

impl fmt::Debug for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_text_of_datums() {
        let cases = [
            (Datum::empty_set(), r#"["set",[]]"#, "[]"),
            (Datum::scalar("x"), r#""x""#, "x"),
            (Datum::set(["b", "a", "b"]), r#"["set",["a","b"]]"#, "[a, b]"),
            (Datum::empty_map(), r#"["map",[]]"#, "{}"),
            (
                Datum::map([("k", 2), ("a b", 1), ("k", 3)]),
                r#"["map",[["a b",1],["k",2]]]"#,
                "{\"a b\"=1, k=2}",
            ),
        ];
        for (datum, json, text) in cases {
            assert_eq!(datum.to_json().to_string(), json);
            assert_eq!(datum.to_string(), text);
        }
    }

    #[test]
    fn elements_are_found() {
        let map = Datum::map([("a", "1"), ("b", "2")]);
        assert_eq!(map.get_str("b"), Some("2"));
        assert_eq!(map.get_str("c"), None);
        assert_eq!(map.get(&"a".into()), Some(&"1".into()));
        assert!(map.contains(&"a".into()));
        assert!(Datum::set([1, 2]).contains(&2.into()));
        assert_eq!(Datum::set([1, 2]).as_integer(), None);
        assert_eq!(Datum::scalar(2).as_integer(), Some(2));
    }
}

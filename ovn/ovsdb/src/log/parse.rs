//! What a record of a transaction says, read in one go from its text.
//!
//! The quick reader takes what servers write. Anything else, odd or wrong, goes to the careful one, which reads the
//! same from parsed JSON and has the words for what is wrong.

use crate::error::OvsdbError;
use crate::schema::{BaseType, ColumnType, Layout, TableId, TableLayout};
use crate::value::{Atom, AtomType, Datum, Real, Strings, Uuid};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::fmt;

/// A transaction as its record says it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Record {
    pub(super) rows: Vec<RowRecord>,
    /// Whether columns of rows that exist are differences.
    pub(super) is_diff: bool,
    pub(super) comment: Option<String>,
}

/// One row of it.
#[derive(Debug, PartialEq)]
pub(super) struct RowRecord {
    pub(super) table: TableId,
    pub(super) uuid: Uuid,
    /// The columns by place, in which each atom is as the schema wants it, but not yet the number of them. `None` is
    /// that the row is deleted.
    pub(super) columns: Option<Vec<(usize, Datum)>>,
}

/// Reads the line of JSON of a record.
pub(super) fn parse(layout: &Layout, strings: &Shared, body: &[u8]) -> Result<Record, OvsdbError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let quick =
        RecordSeed(layout, strings).deserialize(&mut json).and_then(|record| json.end().map(|()| record));
    match quick {
        Ok(record) => Ok(record),
        Err(_) => {
            let json: Value = serde_json::from_slice(body)
                .map_err(|error| OvsdbError::new(OvsdbError::SYNTAX, error.to_string()))?;
            careful(layout, &json)
        }
    }
}

fn careful(layout: &Layout, json: &Value) -> Result<Record, OvsdbError> {
    let members = as_object(json, "object expected")?;
    let mut record = Record {
        is_diff: members.get("_is_diff").is_some_and(|json| *json == Value::Bool(true)),
        comment: members.get("_comment").and_then(Value::as_str).map(str::to_owned),
        rows: Vec::new(),
    };
    for (name, rows) in members.iter().filter(|(name, _)| !name.starts_with('_')) {
        let Some(id) = layout.table_id(name) else {
            return Err(OvsdbError::new(OvsdbError::UNKNOWN_TABLE, format!("No table named {name}.")));
        };
        let table = layout.table(id);
        for (uuid, columns) in as_object(rows, "object expected")? {
            let wrong = |_| OvsdbError::new(OvsdbError::SYNTAX, format!("\"{uuid}\" is not a valid UUID"));
            let uuid: Uuid = uuid.parse().map_err(wrong)?;
            let columns = match columns {
                Value::Null => None,
                columns => Some(careful_row(table, as_object(columns, "row must be JSON object")?)?),
            };
            record.rows.push(RowRecord { table: id, uuid, columns });
        }
    }
    Ok(record)
}

fn as_object<'a>(json: &'a Value, words: &str) -> Result<&'a Map<String, Value>, OvsdbError> {
    json.as_object().ok_or_else(|| OvsdbError::syntax(json, words))
}

fn careful_row(table: &TableLayout, columns: &Map<String, Value>) -> Result<Vec<(usize, Datum)>, OvsdbError> {
    let read = |(name, json): (&String, &Value)| {
        let Some(at) = table.column_index(name) else {
            let words = format!("No column {name} in table {}.", table.name);
            return Err(OvsdbError::new(OvsdbError::UNKNOWN_COLUMN, words));
        };
        // A difference may have more elements than either side.
        let ty = ColumnType { min: 0, max: None, ..table.columns[at].1.ty.clone() };
        Ok((at, Datum::from_json(json, &ty, None)?))
    };
    columns.iter().map(read).collect()
}

/// What a key of an object stands for, found without keeping its text.
struct Key<F>(F);

impl<'de, T, F: FnOnce(&str) -> Option<T>> DeserializeSeed<'de> for Key<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<T, F: FnOnce(&str) -> Option<T>> Visitor<'_> for Key<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a known name")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).ok_or_else(|| E::custom("unknown name"))
    }
}

/// Makes a type a seed that visits whatever comes.
macro_rules! seed {
    ($name:ident, $value:ty, $words:literal { $($visit:item)* }) => {
        impl<'de> DeserializeSeed<'de> for $name<'_> {
            type Value = $value;

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<$value, D::Error> {
                deserializer.deserialize_any(self)
            }
        }

        impl<'de> Visitor<'de> for $name<'_> {
            type Value = $value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($words)
            }

            $($visit)*
        }
    };
}

/// The texts that rows have in common, for all the seeds of a record.
pub(super) type Shared = RefCell<Strings>;

struct RecordSeed<'a>(&'a Layout, &'a Shared);

/// A member of a record.
enum Member {
    Table(TableId),
    IsDiff,
    Comment,
    Other,
}

seed!(RecordSeed, Record, "a transaction" {
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
        let mut record = Record::default();
        let member = |name: &str| match name {
            "_is_diff" => Some(Member::IsDiff),
            "_comment" => Some(Member::Comment),
            name if name.starts_with('_') => Some(Member::Other),
            name => self.0.table_id(name).map(Member::Table),
        };
        while let Some(member) = map.next_key_seed(Key(member))? {
            match member {
                Member::IsDiff => record.is_diff = map.next_value()?,
                Member::Comment => record.comment = Some(map.next_value()?),
                Member::Other => _ = map.next_value::<IgnoredAny>()?,
                Member::Table(id) => {
                    map.next_value_seed(RowsSeed { id, table: self.0.table(id), strings: self.1, out: &mut record.rows })?;
                }
            }
        }
        Ok(record)
    }
});

struct RowsSeed<'a> {
    id: TableId,
    table: &'a TableLayout,
    strings: &'a Shared,
    out: &'a mut Vec<RowRecord>,
}

seed!(RowsSeed, (), "the rows of a table" {
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(uuid) = map.next_key_seed(Key(|text: &str| text.parse().ok()))? {
            let columns = map.next_value_seed(RowSeed(self.table, self.strings))?;
            self.out.push(RowRecord { table: self.id, uuid, columns });
        }
        Ok(())
    }
});

struct RowSeed<'a>(&'a TableLayout, &'a Shared);

seed!(RowSeed, Option<Vec<(usize, Datum)>>, "a row or null" {
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut columns = Vec::with_capacity(8);
        while let Some(at) = map.next_key_seed(Key(|name: &str| self.0.column_index(name)))? {
            columns.push((at, map.next_value_seed(DatumSeed(&self.0.columns[at].1.ty, self.1))?));
        }
        Ok(Some(columns))
    }
});

struct DatumSeed<'a>(&'a ColumnType, &'a Shared);

impl DatumSeed<'_> {
    /// A set of one.
    fn scalar<E: Error>(&self, atom: Result<Atom, E>) -> Result<Datum, E> {
        match self.0.is_map() {
            true => Err(E::custom("a map is expected")),
            false => atom.map(Datum::scalar),
        }
    }
}

/// What the first element of an array says about the others.
enum Tag {
    Set,
    Map,
    Uuid,
}

impl Tag {
    fn of(text: &str) -> Option<Self> {
        match text {
            "set" => Some(Self::Set),
            "map" => Some(Self::Map),
            "uuid" => Some(Self::Uuid),
            _ => None,
        }
    }
}

seed!(DatumSeed, Datum, "a value" {
    fn visit_bool<E: Error>(self, value: bool) -> Result<Datum, E> {
        self.scalar(AtomSeed(&self.0.key, None).visit_bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Datum, E> {
        self.scalar(AtomSeed(&self.0.key, None).visit_i64(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Datum, E> {
        self.scalar(AtomSeed(&self.0.key, None).visit_u64(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Datum, E> {
        self.scalar(AtomSeed(&self.0.key, None).visit_f64(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Datum, E> {
        self.scalar(AtomSeed(&self.0.key, None).visit_str(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Datum, A::Error> {
        let tag = seq.next_element_seed(Key(Tag::of))?;
        let datum = match (tag, &self.0.value) {
            (Some(Tag::Uuid), None) => Some(Datum::scalar(uuid(&self.0.key, &mut seq)?)),
            (Some(Tag::Set), None) => seq.next_element_seed(SetSeed(&self.0.key))?,
            (Some(Tag::Map), Some(value)) => seq.next_element_seed(MapSeed(&self.0.key, value, self.1))?,
            (Some(Tag::Uuid | Tag::Set), Some(_)) | (Some(Tag::Map), None) | (None, _) => None,
        };
        end(seq)?;
        datum.ok_or_else(|| A::Error::custom("a value is expected"))
    }
});

/// Nothing follows in an array.
fn end<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    match seq.next_element::<IgnoredAny>()? {
        Some(_) => Err(A::Error::custom("more than is expected")),
        None => Ok(()),
    }
}

/// What follows `"uuid"` in an array.
fn uuid<'de, A: SeqAccess<'de>>(base: &BaseType, seq: &mut A) -> Result<Atom, A::Error> {
    match seq.next_element_seed(Key(|text: &str| text.parse().ok()))? {
        Some(uuid) if base.atom == AtomType::Uuid => checked(base, Atom::Uuid(uuid)),
        Some(_) | None => Err(A::Error::custom("no UUID is expected")),
    }
}

fn checked<E: Error>(base: &BaseType, atom: Atom) -> Result<Atom, E> {
    match base.check(&atom) {
        Ok(()) => Ok(atom),
        Err(error) => Err(E::custom(error)),
    }
}

/// With texts to share it is told that other rows are likely to have the same.
struct AtomSeed<'a>(&'a BaseType, Option<&'a Shared>);

seed!(AtomSeed, Atom, "an atom" {
    fn visit_bool<E: Error>(self, value: bool) -> Result<Atom, E> {
        match self.0.atom {
            AtomType::Boolean => checked(self.0, Atom::Boolean(value)),
            AtomType::Integer | AtomType::Real | AtomType::String | AtomType::Uuid => Err(E::custom("a boolean")),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Atom, E> {
        match self.0.atom {
            AtomType::Integer => checked(self.0, Atom::Integer(value)),
            AtomType::Real => checked(self.0, Atom::Real(Real::new(value as f64))),
            AtomType::Boolean | AtomType::String | AtomType::Uuid => Err(E::custom("a number")),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Atom, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(error) => Err(E::custom(error)),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Atom, E> {
        match self.0.atom {
            AtomType::Real => checked(self.0, Atom::Real(Real::new(value))),
            AtomType::Integer | AtomType::Boolean | AtomType::String | AtomType::Uuid => Err(E::custom("a real")),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Atom, E> {
        match self.0.atom {
            AtomType::String => {
                let shared = self.1.map(|strings| Atom::String(strings.borrow_mut().share(value)));
                checked(self.0, shared.unwrap_or_else(|| Atom::from(value)))
            }
            AtomType::Integer | AtomType::Real | AtomType::Boolean | AtomType::Uuid => Err(E::custom("a string")),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Atom, A::Error> {
        let uuid = match seq.next_element_seed(Key(Tag::of))? {
            Some(Tag::Uuid) => uuid(self.0, &mut seq)?,
            Some(Tag::Set | Tag::Map) | None => return Err(A::Error::custom("an atom is expected")),
        };
        end(seq)?;
        Ok(uuid)
    }
});

struct SetSeed<'a>(&'a BaseType);

seed!(SetSeed, Datum, "the elements of a set" {
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Datum, A::Error> {
        let mut atoms = Vec::new();
        while let Some(atom) = seq.next_element_seed(AtomSeed(self.0, None))? {
            atoms.push(atom);
        }
        let count = atoms.len();
        let datum = Datum::set(atoms);
        if datum.len() == count { Ok(datum) } else { Err(A::Error::custom("set contains duplicate")) }
    }
});

struct MapSeed<'a>(&'a BaseType, &'a BaseType, &'a Shared);

seed!(MapSeed, Datum, "the pairs of a map" {
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Datum, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = seq.next_element_seed(PairSeed(self.0, self.1, self.2))? {
            pairs.push(pair);
        }
        let count = pairs.len();
        let datum = Datum::map(pairs);
        if datum.len() == count { Ok(datum) } else { Err(A::Error::custom("map contains duplicate key")) }
    }
});

struct PairSeed<'a>(&'a BaseType, &'a BaseType, &'a Shared);

seed!(PairSeed, (Atom, Atom), "a key and a value" {
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(Atom, Atom), A::Error> {
        let key = seq.next_element_seed(AtomSeed(self.0, Some(self.2)))?;
        let value = seq.next_element_seed(AtomSeed(self.1, Some(self.2)))?;
        end(seq)?;
        key.zip(value).ok_or_else(|| A::Error::custom("expected 2-element array"))
    }
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DatabaseSchema;
    use proptest::prelude::*;
    use serde_json::json;
    use std::sync::Arc;

    fn layout() -> Layout {
        let columns = json!({
            "i": {"type": {"key": {"type": "integer", "minInteger": 0}}},
            "r": {"type": "real"},
            "b": {"type": "boolean"},
            "s": {"type": {"key": "string", "min": 0, "max": "unlimited"}},
            "u": {"type": {"key": {"type": "uuid", "refTable": "A", "refType": "weak"}, "min": 0, "max": "unlimited"}},
            "m": {"type": {"key": "string", "value": "uuid", "min": 0, "max": "unlimited"}},
        });
        let json = json!({"name": "D", "version": "1.0.0", "tables": {"A": {"columns": columns}}});
        Layout::new(Arc::new(DatabaseSchema::from_json(&json).unwrap()))
    }

    fn atom() -> impl Strategy<Value = Value> {
        prop_oneof![
            (-2..3i64).prop_map(Value::from),
            Just(json!(0.5)),
            Just(json!(1e3)),
            any::<bool>().prop_map(Value::from),
            "[aé\n]{0,2}".prop_map(Value::from),
            Just(json!(["uuid", Uuid::ZERO.to_string()])),
            Just(json!(["uuid", "x"])),
            Just(json!(["named-uuid", "x"])),
            Just(Value::Null),
        ]
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            atom(),
            prop::collection::vec(atom(), 0..3).prop_map(|atoms| json!(["set", atoms])),
            prop::collection::vec((atom(), atom()), 0..3).prop_map(|pairs| json!(["map", pairs])),
            prop::collection::vec(atom(), 0..3).prop_map(Value::from),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn the_quick_reader_takes_nothing_that_the_careful_one_does_not(
            columns in prop::collection::btree_map("[irbsum]", value(), 0..4),
            is_diff in prop::option::of(any::<bool>()),
        ) {
            let layout = layout();
            let mut json = json!({"A": {Uuid::ZERO.to_string(): columns}, "_date": 5, "_comment": "c"});
            if let Some(is_diff) = is_diff {
                json["_is_diff"] = is_diff.into();
            }
            let text = json.to_string();
            let mut quick = serde_json::Deserializer::from_str(&text);
            if let Ok(quick) = RecordSeed(&layout, &Shared::default()).deserialize(&mut quick) {
                prop_assert_eq!(careful(&layout, &json), Ok(quick));
            }
        }
    }

    #[test]
    fn the_quick_reader_takes_what_servers_write() {
        let text = r#"{"A":{"00000000-0000-0000-0000-000000000000":{"b":true,"i":5,"m":["map",[["k",["uuid","00000000-0000-0000-0000-000000000001"]]]],"r":5,"s":["set",["a","b\n"]],"u":["uuid","00000000-0000-0000-0000-000000000002"]},"00000000-0000-0000-0000-000000000001":null},"_date":1,"_is_diff":true}"#;
        let layout = layout();
        let quick = RecordSeed(&layout, &Shared::default())
            .deserialize(&mut serde_json::Deserializer::from_str(text))
            .unwrap();
        assert_eq!(quick.rows.len(), 2);
        assert_eq!(careful(&layout, &serde_json::from_str(text).unwrap()), Ok(quick));
    }
}

//! Mutations: changes that depend on what a column holds. RFC 7047 section 5.1.

use super::condition::{column_type, type_mismatch, unknown_column};
use crate::error::OvsdbError;
use crate::schema::{ColumnId, ColumnType, TableLayout};
use crate::value::{Atom, AtomType, Atoms, Datum, Real, Str, Symbols};
use serde_json::Value;

/// One change of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// The column that changes.
    pub column: Str,
    /// How it changes.
    pub mutator: Mutator,
    /// What is added, taken away, and so on.
    pub arg: Datum,
}

/// How a column changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    /// Adds elements, or pairs whose key is not there yet.
    Insert,
    /// Takes away elements, pairs, or (with a set for a map) keys.
    Delete,
}

impl Mutator {
    const ALL: [Self; 7] = [
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Divide,
        Self::Remainder,
        Self::Insert,
        Self::Delete,
    ];

    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "+=",
            Self::Subtract => "-=",
            Self::Multiply => "*=",
            Self::Divide => "/=",
            Self::Remainder => "%=",
            Self::Insert => "insert",
            Self::Delete => "delete",
        }
    }

    /// The mutator called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mutator| mutator.name() == name)
    }

    /// The type that the argument must have; `None` if columns of type `ty` cannot be changed so.
    fn argument_type(self, ty: &ColumnType) -> Option<ColumnType> {
        match self {
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide => arithmetic_type(ty),
            Self::Remainder if ty.key.atom == AtomType::Integer => arithmetic_type(ty),
            Self::Remainder => None,
            Self::Insert | Self::Delete if ty.is_scalar() => None,
            Self::Insert => Some(ColumnType { min: 0, ..ty.clone() }),
            Self::Delete => Some(ColumnType { min: 0, max: None, ..ty.clone() }),
        }
    }
}

/// The result must satisfy the constraints of the column, the argument need not.
fn arithmetic_type(ty: &ColumnType) -> Option<ColumnType> {
    (ty.key.atom.is_numeric() && !ty.is_map()).then(|| ty.key.atom.into())
}

impl Mutation {
    pub(super) fn from_json(
        json: &Value,
        table: &TableLayout,
        mut symbols: Option<&mut Symbols>,
    ) -> Result<Self, OvsdbError> {
        let Some([Value::String(column), Value::String(mutator), arg]) = json.as_array().map(Vec::as_slice)
        else {
            return Err(OvsdbError::syntax(json, "Parse error in mutation."));
        };
        let Some(id) = table.column_id(column) else {
            return Err(unknown_column(json, column, table));
        };
        if !is_mutable(table, id) {
            let words = format!("Cannot mutate immutable column {column} in table {}.", table.name);
            return Err(OvsdbError::at(OvsdbError::CONSTRAINT, json, words));
        }
        let ty = column_type(table, id);
        let Some(mutator) = Mutator::from_name(mutator) else {
            let words = format!("No mutator named {mutator}.");
            return Err(OvsdbError::new(OvsdbError::UNKNOWN_MUTATOR, words));
        };
        let Some(arg_type) = mutator.argument_type(&ty) else {
            return Err(type_mismatch(json, mutator.name(), column, &ty));
        };
        let arg = match (mutator, Datum::from_json(arg, &arg_type, symbols.as_deref_mut())) {
            // The argument may be a set of the keys to delete.
            (Mutator::Delete, Err(_)) if ty.is_map() => {
                Datum::from_json(arg, &ColumnType { value: None, ..arg_type }, symbols)?
            }
            (_, arg) => arg?,
        };
        Ok(Self { column: column.as_str().into(), mutator, arg })
    }

    /// The `<mutation>`.
    pub fn to_json(&self) -> Value {
        Value::Array(vec![(&*self.column).into(), self.mutator.name().into(), self.arg.to_json()])
    }

    /// The elements that come or go when this is applied to a set of more than one; `None` if that takes more than a
    /// look at the argument.
    pub(crate) fn difference(&self, value: &Datum, ty: &ColumnType) -> Option<Atoms> {
        let (Datum::Set(value), Datum::Set(arg), true) = (value, &self.arg, ty.is_composite()) else {
            return None;
        };
        let matters = |is_there: bool| match self.mutator {
            Mutator::Insert => Some(!is_there),
            Mutator::Delete => Some(is_there),
            Mutator::Add | Mutator::Subtract | Mutator::Multiply | Mutator::Divide | Mutator::Remainder => {
                None
            }
        };
        matters(true)?;
        let comes_or_goes = |atom: &&Atom| matters(value.contains(atom)) == Some(true);
        Some(Atoms::from_sorted(arg.iter().filter(comes_or_goes).cloned().collect()))
    }

    /// What a column of type `ty` holds after this mutation.
    pub fn apply(&self, value: &Datum, ty: &ColumnType) -> Result<Datum, OvsdbError> {
        let result = match self.mutator {
            Mutator::Add | Mutator::Subtract | Mutator::Multiply | Mutator::Divide | Mutator::Remainder => {
                return arithmetic(value, self.mutator, &self.arg, ty);
            }
            Mutator::Insert => insert(value, &self.arg),
            Mutator::Delete => delete(value, &self.arg),
        };
        if ty.allows_len(result.len()) {
            return Ok(result);
        }
        let words = format!("Attempted to store {} elements in {}.", result.len(), ty.describe());
        Err(OvsdbError::new(OvsdbError::CONSTRAINT, words))
    }
}

/// Whether the rows of `table` may change in this column once they exist.
pub(super) fn is_mutable(table: &TableLayout, id: ColumnId) -> bool {
    match id {
        ColumnId::Uuid => false,
        ColumnId::At(at) => table.columns.get(at).is_some_and(|(_, column)| column.mutable),
    }
}

fn arithmetic(value: &Datum, mutator: Mutator, arg: &Datum, ty: &ColumnType) -> Result<Datum, OvsdbError> {
    let Some(arg) = arg.as_scalar() else { return Ok(value.clone()) };
    // As upstream: that a result is out of range is found before that another is not allowed.
    let results = value.keys().map(|atom| calculate(atom, mutator, arg)).collect::<Result<Vec<Atom>, _>>()?;
    results.iter().try_for_each(|result| ty.key.check(result))?;
    let results: Atoms = results.into_iter().collect();
    if results.len() < value.len() {
        let words = format!("Result of \"{}\" operation contains duplicates.", mutator.name());
        return Err(OvsdbError::new(OvsdbError::CONSTRAINT, words));
    }
    Ok(Datum::Set(results))
}

fn calculate(atom: &Atom, mutator: Mutator, arg: &Atom) -> Result<Atom, OvsdbError> {
    let by_zero = matches!(mutator, Mutator::Divide | Mutator::Remainder) && arg.is_default();
    if by_zero {
        return Err(OvsdbError::new(OvsdbError::DOMAIN, "Division by zero."));
    }
    let result = match (atom, arg) {
        (Atom::Integer(a), Atom::Integer(b)) => match mutator {
            Mutator::Add => a.checked_add(*b),
            Mutator::Subtract => a.checked_sub(*b),
            Mutator::Multiply => a.checked_mul(*b),
            Mutator::Divide => a.checked_div(*b),
            // The one overflow, the least integer by -1, has remainder 0.
            Mutator::Remainder => Some(a.wrapping_rem(*b)),
            Mutator::Insert | Mutator::Delete => Some(*a),
        }
        .map(Atom::Integer),
        (Atom::Real(a), Atom::Real(b)) => {
            let (a, b) = (a.get(), b.get());
            let result = match mutator {
                Mutator::Add => a + b,
                Mutator::Subtract => a - b,
                Mutator::Multiply => a * b,
                Mutator::Divide => a / b,
                Mutator::Remainder | Mutator::Insert | Mutator::Delete => a,
            };
            result.is_finite().then(|| Atom::Real(Real::new(result)))
        }
        (Atom::Integer(_) | Atom::Real(_) | Atom::Boolean(_) | Atom::String(_) | Atom::Uuid(_), _) => {
            Some(atom.clone())
        }
    };
    result.ok_or_else(|| {
        OvsdbError::new(
            OvsdbError::RANGE,
            format!("Result of \"{}\" operation is out of range.", mutator.name()),
        )
    })
}

fn insert(value: &Datum, arg: &Datum) -> Datum {
    match (value, arg) {
        (Datum::Set(old), Datum::Set(new)) => Datum::Set(old.union(new)),
        (Datum::Map(old), Datum::Map(new)) => Datum::Map(union(old, new).into()),
        (Datum::Set(_), Datum::Map(_)) | (Datum::Map(_), Datum::Set(_)) => value.clone(),
    }
}

/// Both sorted slices as one; of equal keys, the old pair stays.
fn union(old: &[(Atom, Atom)], new: &[(Atom, Atom)]) -> Vec<(Atom, Atom)> {
    let mut out = Vec::with_capacity(old.len() + new.len());
    let mut rest = old;
    for element in new {
        let (before, after) = rest.split_at(rest.partition_point(|o| o.0 < element.0));
        out.extend_from_slice(before);
        rest = after;
        if rest.first().is_none_or(|o| o.0 != element.0) {
            out.push(element.clone());
        }
    }
    out.extend_from_slice(rest);
    out
}

fn delete(value: &Datum, arg: &Datum) -> Datum {
    match value {
        Datum::Set(atoms) => match arg {
            Datum::Set(gone) => Datum::Set(atoms.without(gone)),
            Datum::Map(_) => value.clone(),
        },
        Datum::Map(pairs) => {
            let goes = |(k, v): &(Atom, Atom)| match arg {
                Datum::Set(_) => arg.contains(k),
                Datum::Map(_) => arg.get(k) == Some(v),
            };
            Datum::Map(pairs.iter().filter(|pair| !goes(pair)).cloned().collect())
        }
    }
}

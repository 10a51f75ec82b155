//! Conditions: which rows an operation or a monitor is about. RFC 7047 section 5.1.

use crate::error::OvsdbError;
use crate::json;
use crate::schema::{ColumnId, ColumnType, TableLayout};
use crate::value::{Atom, AtomType, Datum, Str, Symbols, Uuid};
use serde_json::Value;
use std::cmp::Ordering;

/// A list of clauses. Operations want rows that satisfy all of them, monitors rows that satisfy any.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Condition {
    /// The clauses, in the order they were given.
    pub clauses: Vec<Clause>,
}

/// One test of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clause {
    /// Satisfied by every row, or by none.
    Constant(bool),
    /// Satisfied by rows whose column compares so with `arg`.
    Compare { column: Str, function: Function, arg: Datum },
}

/// How a column is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
    /// The column has all elements of the argument.
    Includes,
    /// The column has no element of the argument.
    Excludes,
}

impl Function {
    const ALL: [Self; 8] = [
        Self::Less,
        Self::LessOrEqual,
        Self::Equal,
        Self::NotEqual,
        Self::GreaterOrEqual,
        Self::Greater,
        Self::Includes,
        Self::Excludes,
    ];

    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::GreaterOrEqual => ">=",
            Self::Greater => ">",
            Self::Includes => "includes",
            Self::Excludes => "excludes",
        }
    }

    /// The function called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }

    /// The type that the argument must have; `None` if columns of type `ty` cannot be compared so.
    fn argument_type(self, ty: &ColumnType) -> Option<ColumnType> {
        match self {
            Self::Equal | Self::NotEqual => Some(ty.clone()),
            Self::Includes if ty.is_scalar() => Some(ty.clone()),
            Self::Includes => Some(ColumnType { min: 0, ..ty.clone() }),
            Self::Excludes if ty.is_scalar() => Some(ty.clone()),
            Self::Excludes => Some(ColumnType { min: 0, max: None, ..ty.clone() }),
            Self::Less | Self::LessOrEqual | Self::GreaterOrEqual | Self::Greater => {
                let ordered = ty.key.atom.is_numeric() && (ty.is_scalar() || ty.is_optional_scalar());
                ordered.then(|| ColumnType { min: 1, ..ty.clone() })
            }
        }
    }

    fn holds(self, value: &Datum, arg: &Datum) -> bool {
        let ordered = |wanted: fn(Ordering) -> bool| match (value.as_scalar(), arg.as_scalar()) {
            (Some(value), Some(arg)) => wanted(value.cmp(arg)),
            (None, _) | (_, None) => false,
        };
        match self {
            Self::Less => ordered(Ordering::is_lt),
            Self::LessOrEqual => ordered(Ordering::is_le),
            Self::Equal => value == arg,
            Self::NotEqual => value != arg,
            Self::GreaterOrEqual => ordered(Ordering::is_ge),
            Self::Greater => ordered(Ordering::is_gt),
            Self::Includes => includes(value, arg),
            Self::Excludes => excludes(value, arg),
        }
    }
}

fn includes(value: &Datum, arg: &Datum) -> bool {
    match arg {
        Datum::Set(atoms) => atoms.iter().all(|atom| value.contains(atom)),
        Datum::Map(pairs) => pairs.iter().all(|(k, v)| value.get(k) == Some(v)),
    }
}

fn excludes(value: &Datum, arg: &Datum) -> bool {
    match arg {
        Datum::Set(atoms) => !atoms.iter().any(|atom| value.contains(atom)),
        Datum::Map(pairs) => !pairs.iter().any(|(k, v)| value.get(k) == Some(v)),
    }
}

impl Clause {
    /// A comparison.
    pub fn compare(column: impl Into<Str>, function: Function, arg: Datum) -> Self {
        Self::Compare { column: column.into(), function, arg }
    }

    fn from_json(
        json: &Value,
        table: &TableLayout,
        symbols: Option<&mut Symbols>,
    ) -> Result<Self, OvsdbError> {
        if let Value::Bool(constant) = json {
            return Ok(Self::Constant(*constant));
        }
        let Some([Value::String(column), Value::String(function), arg]) = json.as_array().map(Vec::as_slice)
        else {
            return Err(OvsdbError::syntax(json, "Parse error in condition."));
        };
        let Some(id) = table.column_id(column) else {
            return Err(unknown_column(json, column, table));
        };
        let ty = column_type(table, id);
        let Some(function) = Function::from_name(function) else {
            let words = format!("No function named {function}.");
            return Err(OvsdbError::new(OvsdbError::UNKNOWN_FUNCTION, words));
        };
        let Some(arg_type) = function.argument_type(&ty) else {
            return Err(type_mismatch(json, function.name(), column, &ty));
        };
        let arg = Datum::from_json(arg, &arg_type, symbols)?;
        Ok(Self::Compare { column: column.as_str().into(), function, arg })
    }

    /// The `<condition>` element.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Constant(constant) => (*constant).into(),
            Self::Compare { column, function, arg } => {
                Value::Array(vec![(&**column).into(), function.name().into(), arg.to_json()])
            }
        }
    }
}

/// The error that `column` is not one of `table`.
pub(super) fn unknown_column(json: &Value, column: &str, table: &TableLayout) -> OvsdbError {
    let words = format!("No column {column} in table {}.", table.name);
    OvsdbError::at(OvsdbError::UNKNOWN_COLUMN, json, words)
}

/// The error that `operator` does not go with the type of `column`.
pub(super) fn type_mismatch(json: &Value, operator: &str, column: &str, ty: &ColumnType) -> OvsdbError {
    let ty = ty.describe();
    let words =
        format!("Type mismatch: \"{operator}\" operator may not be applied to column {column} of type {ty}.");
    OvsdbError::syntax(json, words)
}

/// The type of a column, `_uuid` and `_version` included.
pub(super) fn column_type(table: &TableLayout, id: ColumnId) -> ColumnType {
    match id {
        ColumnId::Uuid => AtomType::Uuid.into(),
        ColumnId::At(at) => {
            table.columns.get(at).map_or_else(|| AtomType::Uuid.into(), |(_, column)| column.ty.clone())
        }
    }
}

impl Condition {
    /// The condition that only the row `uuid` satisfies.
    pub fn row(uuid: Uuid) -> Self {
        Self { clauses: vec![Clause::compare("_uuid", Function::Equal, Datum::scalar(uuid))] }
    }

    /// Reads a `where` member, an array of clauses, for rows of `table`.
    pub fn from_json(
        json: &Value,
        table: &TableLayout,
        mut symbols: Option<&mut Symbols>,
    ) -> Result<Self, OvsdbError> {
        let clauses = json::array(json).and_then(Value::as_array);
        let clauses = clauses.ok_or_else(|| OvsdbError::syntax(json, "array expected"))?;
        let clauses = clauses.iter().map(|clause| Clause::from_json(clause, table, symbols.as_deref_mut()));
        Ok(Self { clauses: clauses.collect::<Result<_, _>>()? })
    }

    /// The `where` member.
    pub fn to_json(&self) -> Value {
        self.clauses.iter().map(Clause::to_json).collect()
    }

    /// The condition ready to test rows of `table`; `None` if it names a column the table lacks.
    pub fn matcher(&self, table: &TableLayout) -> Option<Matcher> {
        let clauses = self.clauses.iter().map(|clause| match clause {
            Clause::Constant(constant) => Some(Test::Constant(*constant)),
            Clause::Compare { column, function, arg } => Some(Test::Compare {
                column: table.column_id(column)?,
                function: *function,
                arg: arg.clone(),
            }),
        });
        Some(Matcher { tests: clauses.collect::<Option<_>>()? })
    }
}

/// A [`Condition`] with its columns found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    tests: Vec<Test>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Constant(bool),
    Compare { column: ColumnId, function: Function, arg: Datum },
}

impl Matcher {
    /// Whether the row satisfies every clause; no clauses are satisfied by every row.
    pub fn all(&self, uuid: Uuid, row: &[Datum]) -> bool {
        self.tests.iter().all(|test| test.holds(uuid, row))
    }

    /// Whether the row satisfies a clause; no clauses are satisfied by every row, as monitors
    /// want it.
    pub fn any(&self, uuid: Uuid, row: &[Datum]) -> bool {
        self.tests.is_empty() || self.tests.iter().any(|test| test.holds(uuid, row))
    }

    /// The only row that can satisfy every clause, if a clause says so.
    pub fn only_row(&self) -> Option<Uuid> {
        self.tests.iter().find_map(|test| match test {
            Test::Compare { column: ColumnId::Uuid, function: Function::Equal | Function::Includes, arg } => {
                arg.as_uuid()
            }
            Test::Compare { .. } | Test::Constant(_) => None,
        })
    }

    /// What a row must hold in the columns `index` to satisfy every clause, if clauses say so for
    /// all of them.
    pub fn index_key(&self, index: &[usize]) -> Option<Vec<Datum>> {
        let wanted = |at: &usize| {
            self.tests.iter().find_map(|test| match test {
                Test::Compare { column: ColumnId::At(column), function: Function::Equal, arg }
                    if column == at =>
                {
                    Some(arg.clone())
                }
                Test::Compare { .. } | Test::Constant(_) => None,
            })
        };
        index.iter().map(wanted).collect()
    }
}

impl Test {
    fn holds(&self, uuid: Uuid, row: &[Datum]) -> bool {
        match self {
            Self::Constant(constant) => *constant,
            Self::Compare { column: ColumnId::Uuid, function, arg } => {
                let is_arg = arg.as_scalar() == Some(&Atom::Uuid(uuid));
                match function {
                    Function::Equal | Function::Includes => is_arg,
                    Function::NotEqual | Function::Excludes => !is_arg,
                    Function::Less | Function::LessOrEqual | Function::GreaterOrEqual | Function::Greater => {
                        false
                    }
                }
            }
            Self::Compare { column: ColumnId::At(at), function, arg } => {
                row.get(*at).is_some_and(|value| function.holds(value, arg))
            }
        }
    }
}

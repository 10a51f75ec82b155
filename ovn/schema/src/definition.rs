//! What a definition file says, in the order it says it: tables, columns, types, documentation.
//!
//! A [`Definition`] is made by [`crate::notation::parse`] and is the source of the schema
//! ([`Definition::to_schema`]) and of the typed rows ([`crate::generate`]).

use ovsdb::{
    Atom, AtomType, BaseType, ColumnSchema, ColumnType, Constraint, DatabaseSchema, OvsdbError, Real,
    RefType, Reference, Str, TableSchema,
};

/// One database.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Name on the wire, such as `OVN_Northbound`.
    pub name: String,
    /// Version of the schema, three numbers.
    pub version: String,
    /// One line about it, possibly empty.
    pub documentation: String,
    /// Tables in the order of the file.
    pub tables: Vec<TableDefinition>,
}

/// One table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableDefinition {
    /// Name on the wire, such as `Logical_Switch`.
    pub name: String,
    /// One line about it, possibly empty.
    pub documentation: String,
    /// Whether rows live without being referred to.
    pub is_root: bool,
    /// Most rows, if there is a limit.
    pub max_rows: Option<u32>,
    /// Columns in the order of the file.
    pub columns: Vec<ColumnDefinition>,
    /// Sets of columns whose values no two rows share.
    pub indexes: Vec<Vec<String>>,
}

/// One column.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDefinition {
    /// Name on the wire.
    pub name: String,
    /// One line about it, possibly empty.
    pub documentation: String,
    /// What it holds.
    pub ty: Type,
    /// Whether the value is lost with the server.
    pub ephemeral: bool,
    /// Whether the value may change after insertion.
    pub mutable: bool,
}

/// What a column holds: one value, a set or (with `value`) a map, and how many members.
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    /// Type of a value, a member or a key.
    pub key: Base,
    /// Type of the values of a map.
    pub value: Option<Base>,
    /// Fewest members, 0 or 1.
    pub min: u32,
    /// Most members; `None` is no limit.
    pub max: Option<u32>,
}

/// The type of one value. Bounds are inclusive; `None` is no bound.
#[derive(Clone, Debug, PartialEq)]
pub enum Base {
    /// A 64-bit number.
    Integer { min: Option<i64>, max: Option<i64> },
    /// A floating-point number.
    Real { min: Option<f64>, max: Option<f64> },
    /// True or false.
    Boolean,
    /// Text; the bounds are of its length in characters.
    String { min: Option<u32>, max: Option<u32> },
    /// One of these strings.
    Enum(Vec<String>),
    /// Any UUID.
    Uuid,
    /// The UUID of a row; a strong reference keeps that row alive and must not dangle.
    Reference { table: String, strong: bool },
}

impl Definition {
    /// The schema of the database, in tables and columns ordered by name.
    ///
    /// # Errors
    /// What [`DatabaseSchema::new`] refuses.
    pub fn to_schema(&self) -> Result<DatabaseSchema, OvsdbError> {
        let tables = self.tables.iter().map(|table| (Str::from(table.name.as_str()), table.to_schema()));
        DatabaseSchema::new(Str::from(self.name.as_str()), Str::from(self.version.as_str()), tables.collect())
    }
}

impl TableDefinition {
    fn to_schema(&self) -> TableSchema {
        let columns = self.columns.iter().map(|column| {
            let schema = ColumnSchema {
                ty: column.ty.to_schema(),
                ephemeral: column.ephemeral,
                mutable: column.mutable,
            };
            (Str::from(column.name.as_str()), schema)
        });
        let index = |columns: &Vec<String>| columns.iter().map(|column| Str::from(column.as_str())).collect();
        TableSchema {
            columns: columns.collect(),
            max_rows: self.max_rows,
            is_root: self.is_root,
            indexes: self.indexes.iter().map(index).collect(),
        }
    }
}

impl Type {
    fn to_schema(&self) -> ColumnType {
        let value = self.value.as_ref().map(Base::to_schema);
        ColumnType { key: self.key.to_schema(), value, min: self.min, max: self.max }
    }
}

impl Base {
    fn to_schema(&self) -> BaseType {
        match self {
            &Self::Integer { min: None, max: None } => AtomType::Integer.into(),
            &Self::Integer { min, max } => {
                let (min, max) = (min.unwrap_or(i64::MIN), max.unwrap_or(i64::MAX));
                constrained(AtomType::Integer, Constraint::IntegerRange { min, max })
            }
            &Self::Real { min: None, max: None } => AtomType::Real.into(),
            &Self::Real { min, max } => {
                let (min, max) = (min.map(Real::new), max.map(Real::new));
                constrained(AtomType::Real, Constraint::RealRange { min, max })
            }
            Self::Boolean => AtomType::Boolean.into(),
            &Self::String { min: None, max: None } => AtomType::String.into(),
            &Self::String { min, max } => {
                let (min, max) = (min.unwrap_or(0), max.unwrap_or(u32::MAX));
                constrained(AtomType::String, Constraint::StringLength { min, max })
            }
            Self::Enum(choices) => {
                let choices = choices.iter().map(|choice| Atom::String(Str::from(choice.as_str())));
                constrained(AtomType::String, Constraint::Enum(choices.collect()))
            }
            Self::Uuid => AtomType::Uuid.into(),
            Self::Reference { table, strong } => {
                let kind = if *strong { RefType::Strong } else { RefType::Weak };
                let reference = Some(Reference { table: Str::from(table.as_str()), kind });
                BaseType { reference, ..AtomType::Uuid.into() }
            }
        }
    }
}

fn constrained(atom: AtomType, constraint: Constraint) -> BaseType {
    BaseType { constraint, ..atom.into() }
}

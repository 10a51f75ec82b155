//! Typed rows: a struct a table, a field a column, and the way from and to the database's values.

use ovsdb::{Datum, FromDatum, Str, ToDatum, Uuid};
use std::collections::BTreeMap;
use std::fmt;

/// A row of one table with a field for each column. Strings are shared, so that a clone is cheap.
pub trait TypedRow: Default + Clone + PartialEq + fmt::Debug {
    /// Name of the table.
    const TABLE: &'static str;
    /// Names of the columns, in the order of the fields.
    const COLUMNS: &'static [&'static str];

    /// Makes the row from its values in the order of [`Self::COLUMNS`].
    ///
    /// # Errors
    /// A value that its column cannot hold, or too few or too many of them.
    fn from_columns(uuid: Uuid, columns: &[Datum]) -> Result<Self, ColumnError> {
        Self::from_cells(Cells::new(Self::TABLE, Self::COLUMNS, uuid, columns, None)?)
    }

    /// Makes the row from the values of some columns; the rest gets its default. `selection` has for each column of
    /// [`Self::COLUMNS`] the place of its value in `columns`.
    ///
    /// # Errors
    /// A value that its column cannot hold, or a place that is not there.
    fn from_selected(
        uuid: Uuid,
        selection: &[Option<usize>],
        columns: &[Datum],
    ) -> Result<Self, ColumnError> {
        Self::from_cells(Cells::new(Self::TABLE, Self::COLUMNS, uuid, columns, Some(selection))?)
    }

    /// Makes the row by taking a cell for each field in order.
    #[doc(hidden)]
    fn from_cells(cells: Cells<'_>) -> Result<Self, ColumnError>;

    /// The columns that differ from their default, for an insertion.
    fn to_row(&self) -> BTreeMap<Str, Datum> {
        Self::default().diff(self)
    }

    /// The columns of `new` that differ from ours, for an update.
    fn diff(&self, new: &Self) -> BTreeMap<Str, Datum>;

    /// The row's UUID.
    fn uuid(&self) -> Uuid;
}

/// A value that does not fit its column; says where it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("table {table}, row {uuid}, column {column}: expected {expected}, found {found}")]
pub struct ColumnError {
    /// Name of the table.
    pub table: &'static str,
    /// The row.
    pub uuid: Uuid,
    /// Name of the column.
    pub column: &'static str,
    /// What the column holds.
    pub expected: String,
    /// What was there instead, at most 60 characters.
    pub found: String,
}

/// The values of a row on their way into the fields.
#[doc(hidden)]
pub struct Cells<'a> {
    table: &'static str,
    names: &'static [&'static str],
    uuid: Uuid,
    values: &'a [Datum],
    selection: Option<&'a [Option<usize>]>,
    next: usize,
}

impl<'a> Cells<'a> {
    fn new(
        table: &'static str,
        names: &'static [&'static str],
        uuid: Uuid,
        values: &'a [Datum],
        selection: Option<&'a [Option<usize>]>,
    ) -> Result<Self, ColumnError> {
        let count = selection.map_or(values.len(), <[_]>::len);
        if count == names.len() {
            return Ok(Cells { table, names, uuid, values, selection, next: 0 });
        }
        let column = names.get(count).or(names.last()).copied().unwrap_or_default();
        let (expected, found) = (format!("{} columns", names.len()), format!("{count}"));
        Err(ColumnError { table, uuid, column, expected, found })
    }

    /// The row's UUID.
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// The value of the next field.
    pub fn take<T: FromDatum + Default>(&mut self) -> Result<T, ColumnError> {
        let field = self.next;
        self.next += 1;
        let place = match self.selection {
            None => field,
            Some(selection) => match selection[field] {
                None => return Ok(T::default()),
                Some(place) => place,
            },
        };
        let error = |expected: String, found: &str| ColumnError {
            table: self.table,
            uuid: self.uuid,
            column: self.names[field],
            expected,
            found: found.chars().take(60).collect(),
        };
        let value = self.values.get(place).ok_or_else(|| error("a value".to_owned(), "no value"))?;
        T::from_datum(value).map_err(|wrong| error(wrong.expected, &wrong.found))
    }
}

/// Adds `new` under `column` unless it equals `old`.
#[doc(hidden)]
pub fn put<T: ToDatum + PartialEq>(row: &mut BTreeMap<Str, Datum>, column: &Str, old: &T, new: &T) {
    if old != new {
        row.insert(column.clone(), new.to_datum());
    }
}

/// Declares the struct of one table: `pub struct Type: "Table" { field: "column" => Type, ... }`.
macro_rules! row {
    (
        $(#[$row_meta:meta])*
        pub struct $row:ident: $table:literal {
            $( $(#[$meta:meta])* $field:ident: $column:literal => $ty:ty, )*
        }
    ) => {
        $(#[$row_meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $row {
            /// The row's UUID.
            pub uuid: Uuid,
            $( $(#[$meta])* pub $field: $ty, )*
        }

        impl $crate::TypedRow for $row {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [&'static str] = &[$($column),*];

            fn from_cells(mut cells: $crate::row::Cells<'_>) -> Result<Self, $crate::ColumnError> {
                Ok(Self { uuid: cells.uuid(), $( $field: cells.take()?, )* })
            }

            fn diff(&self, new: &Self) -> std::collections::BTreeMap<Str, ovsdb::Datum> {
                static NAMES: std::sync::LazyLock<Vec<Str>> = std::sync::LazyLock::new(|| {
                    <$row as $crate::TypedRow>::COLUMNS.iter().copied().map(Str::from).collect()
                });
                let mut names = NAMES.iter();
                let mut row = std::collections::BTreeMap::new();
                $(
                    let name = names.next().expect("as many names as fields");
                    $crate::row::put(&mut row, name, &self.$field, &new.$field);
                )*
                row
            }

            fn uuid(&self) -> Uuid {
                self.uuid
            }
        }
    };
}
pub(crate) use row;

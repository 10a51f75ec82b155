//! A schema made ready for the engine: tables and columns by number, what refers to what.

use super::{ColumnSchema, DatabaseSchema, RefType, TableSchema};
use crate::Row;
use crate::value::{Datum, Str, Uuid};
use std::sync::Arc;

/// A table by its place among the sorted names of its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableId(pub usize);

/// A column as rows and conditions know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColumnId {
    /// `_uuid`, which is the key of the row and not in its columns.
    Uuid,
    /// A place in the row: schema columns in the order of their names, then `_version`.
    At(usize),
}

/// A schema with its tables in order.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The schema that this is made from.
    pub schema: Arc<DatabaseSchema>,
    /// The tables in the order of their names; a [`TableId`] is an index into this.
    pub tables: Vec<TableLayout>,
    by_name: Names<TableId>,
}

/// A table with its columns in order.
#[derive(Clone, Debug)]
pub struct TableLayout {
    /// The name of the table.
    pub name: Str,
    /// See [`TableSchema::is_root`].
    pub is_root: bool,
    /// See [`TableSchema::max_rows`].
    pub max_rows: Option<u32>,
    /// The columns in the order of their names, without `_uuid` and `_version`.
    pub columns: Vec<(Str, ColumnSchema)>,
    /// The places of the columns of each index.
    pub indexes: Vec<Vec<usize>>,
    /// Where rows refer to rows: column, whether by its key or its value, table and kind.
    pub references: Vec<ReferenceAt>,
    by_name: Names<usize>,
    default_row: Arc<Row>,
    /// The columns that do not allow their own default, so that whoever inserts a row has to say what they hold.
    pub(crate) required: Vec<usize>,
}

/// What a name stands for. Names are looked up with each value that is read, so they are ordered by a number first that
/// tells most of them from each other.
#[derive(Clone, Debug)]
struct Names<T>(Vec<(u64, Str, T)>);

impl<T: Copy> Names<T> {
    fn new(names: impl Iterator<Item = (Str, T)>) -> Self {
        let mut names: Vec<(u64, Str, T)> = names.map(|(name, of)| (number_of(&name), name, of)).collect();
        names.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        Self(names)
    }

    fn get(&self, name: &str) -> Option<T> {
        let number = number_of(name);
        let first = self.0.partition_point(|(known, ..)| *known < number);
        let same = self.0[first..].iter().take_while(|(known, ..)| *known == number);
        same.into_iter().find(|(_, known, _)| **known == *name).map(|(.., of)| *of)
    }
}

/// The length of a name and its last four bytes, which differ more often than the first.
fn number_of(name: &str) -> u64 {
    let end = match (name.as_bytes().last_chunk::<4>(), name.as_bytes()) {
        (Some(end), _) => u32::from_le_bytes(*end),
        (None, few) => few.iter().fold(0, |end, byte| end << 8 | u32::from(*byte)),
    };
    (name.len() as u64) << 32 | u64::from(end)
}

/// One place where the rows of a table refer to rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReferenceAt {
    /// The place of the column.
    pub column: usize,
    /// Whether the values of a map refer, rather than its keys or the elements of a set.
    pub by_value: bool,
    /// The table referred to.
    pub table: TableId,
    /// What the reference means.
    pub kind: RefType,
}

impl Layout {
    /// Numbers the tables and columns of `schema`.
    pub fn new(schema: Arc<DatabaseSchema>) -> Self {
        let by_name =
            Names::new(schema.tables.keys().enumerate().map(|(i, name)| (name.clone(), TableId(i))));
        let tables =
            schema.tables.iter().map(|(name, table)| TableLayout::new(name, table, &by_name)).collect();
        Self { schema, tables, by_name }
    }

    /// The number of the table called `name`.
    pub fn table_id(&self, name: &str) -> Option<TableId> {
        self.by_name.get(name)
    }

    /// The table with this number. Panics if `id` comes from another schema with more tables.
    pub fn table(&self, id: TableId) -> &TableLayout {
        &self.tables[id.0]
    }

    /// The table called `name`.
    pub fn table_named(&self, name: &str) -> Option<&TableLayout> {
        self.table_id(name).map(|id| self.table(id))
    }
}

impl TableLayout {
    fn new(name: &Str, table: &TableSchema, tables: &Names<TableId>) -> Self {
        let columns: Vec<(Str, ColumnSchema)> =
            table.columns.iter().map(|(name, column)| (name.clone(), column.clone())).collect();
        let by_name = Names::new(columns.iter().enumerate().map(|(i, (name, _))| (name.clone(), i)));
        let indexes = table
            .indexes
            .iter()
            .map(|index| index.iter().filter_map(|column| by_name.get(column)).collect())
            .collect();
        let references = references(&columns, tables);
        let version = Datum::scalar(Uuid::ZERO);
        let default_row: Arc<Row> =
            columns.iter().map(|(_, column)| Datum::default_for(&column.ty)).chain([version]).collect();
        let refuses = |at: &usize| columns[*at].1.ty.check(&default_row[*at]).is_err();
        let required = (0..columns.len()).filter(refuses).collect();
        Self {
            name: name.clone(),
            is_root: table.is_root,
            max_rows: table.max_rows,
            columns,
            indexes,
            references,
            by_name,
            default_row,
            required,
        }
    }

    /// The place of the schema column called `name`; not for `_uuid` and `_version`.
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.by_name.get(name)
    }

    /// The column called `name`, `_uuid` and `_version` included.
    pub fn column_id(&self, name: &str) -> Option<ColumnId> {
        match name {
            "_uuid" => Some(ColumnId::Uuid),
            "_version" => Some(ColumnId::At(self.version_index())),
            _ => self.column_index(name).map(ColumnId::At),
        }
    }

    /// The name of a column.
    pub fn column_name(&self, id: ColumnId) -> &str {
        match id {
            ColumnId::Uuid => "_uuid",
            ColumnId::At(at) => self.columns.get(at).map_or("_version", |(name, _)| name),
        }
    }

    /// The place of `_version`: after the schema's columns.
    pub fn version_index(&self) -> usize {
        self.columns.len()
    }

    /// The number of datums in a row: the schema's columns and `_version`.
    pub fn row_len(&self) -> usize {
        self.columns.len() + 1
    }

    /// A row in which no column has been set, which all such rows share until they are written to.
    pub fn default_row(&self) -> Arc<Row> {
        self.default_row.clone()
    }
}

fn references(columns: &[(Str, ColumnSchema)], tables: &Names<TableId>) -> Vec<ReferenceAt> {
    let mut out = Vec::new();
    for (i, (_, column)) in columns.iter().enumerate() {
        for (by_value, base) in [(false, Some(&column.ty.key)), (true, column.ty.value.as_ref())] {
            if let Some(reference) = base.and_then(|base| base.reference.as_ref())
                && let Some(table) = tables.get(&reference.table)
            {
                out.push(ReferenceAt { column: i, by_value, table, kind: reference.kind });
            }
        }
    }
    out
}

//! Tables on the terminal: rows of values, and the five formats they are printed in.

mod csv;
mod html;
mod json;
mod list;
mod plain;

pub use json::text as json_text;

use crate::text;
use ovsdb::{ColumnType, Datum};
use serde_json::Value;

/// How tables are laid out (`--format`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// Columns under headings.
    Table,
    /// A line a value.
    List,
    /// An HTML table.
    Html,
    /// Comma-separated values.
    Csv,
    /// One JSON object a table.
    Json,
}

impl TableFormat {
    /// The format of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "table" => Self::Table,
            "list" => Self::List,
            "html" => Self::Html,
            "csv" => Self::Csv,
            "json" => Self::Json,
            _ => return None,
        })
    }
}

/// How a value is written (`--data`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellStyle {
    /// As a command line takes it: quoted where need be, sets in brackets.
    String,
    /// Without quotes and brackets.
    Bare,
    /// As on the wire.
    Json,
}

impl CellStyle {
    /// The style of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::String,
            "bare" => Self::Bare,
            "json" => Self::Json,
            _ => return None,
        })
    }
}

/// How tables look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// Layout.
    pub format: TableFormat,
    /// Values.
    pub cells: CellStyle,
    /// Whether the names of the columns are printed.
    pub headings: bool,
    /// Whether JSON is indented.
    pub pretty: bool,
    /// For [`TableFormat::Table`]: most octets of a value, 0 for no limit; never less than its heading.
    pub max_column_width: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            format: TableFormat::List,
            cells: CellStyle::String,
            headings: true,
            pretty: false,
            max_column_width: 0,
        }
    }
}

/// A table to print.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// When it was made, a line above it.
    pub time: Option<String>,
    /// What it is of, a line above it.
    pub caption: Option<String>,
    /// Names of the columns.
    pub headings: Vec<String>,
    /// Rows, each with a cell for each heading.
    pub rows: Vec<Vec<Cell>>,
}

/// A value in a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// The value of a column.
    Value {
        /// The value.
        value: Datum,
        /// Whether a set of one is written without brackets.
        is_single: bool,
    },
    /// Words, the same in every style.
    Text(String),
    /// JSON that is no value of a column.
    Json(Value),
    /// Nothing: no word, and null in JSON.
    Empty,
}

impl Cell {
    /// The value of a column of this type.
    pub fn new(value: Datum, ty: &ColumnType) -> Self {
        Self::Value { value, is_single: ty.max == Some(1) }
    }

    /// A value of its own.
    pub fn scalar(value: Datum) -> Self {
        Self::Value { value, is_single: true }
    }

    fn text(&self, style: CellStyle) -> String {
        match (self, style) {
            (Self::Value { value, is_single }, CellStyle::String) => text::format(value, *is_single),
            (Self::Value { value, .. }, CellStyle::Bare) => text::format_bare(value),
            (Self::Value { value, .. }, CellStyle::Json) => value.to_json().to_string(),
            (Self::Text(text), _) => text.clone(),
            (Self::Json(json), _) => json.to_string(),
            (Self::Empty, _) => String::new(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Value { value, .. } => value.to_json(),
            Self::Text(text) => text.as_str().into(),
            Self::Json(json) => json.clone(),
            Self::Empty => Value::Null,
        }
    }
}

/// The lines above a table in the formats without a frame.
fn head(table: &Table, out: &mut String) {
    for line in [&table.time, &table.caption].into_iter().flatten() {
        out.push_str(line);
        out.push('\n');
    }
}

/// Prints tables one after the other.
#[derive(Debug)]
pub struct Printer<'s> {
    style: &'s Style,
    printed: usize,
}

impl<'s> Printer<'s> {
    /// A printer that has printed nothing yet.
    pub fn new(style: &'s Style) -> Self {
        Self { style, printed: 0 }
    }

    /// Adds `table` to `out`; a blank line parts it from the one before in the formats that have no frame.
    pub fn print(&mut self, table: &Table, out: &mut String) {
        let separate = self.printed > 0;
        self.printed += 1;
        let format = self.style.format;
        if separate && matches!(format, TableFormat::Table | TableFormat::List | TableFormat::Csv) {
            out.push('\n');
        }
        match format {
            TableFormat::Table => plain::print(table, self.style, out),
            TableFormat::List => list::print(table, self.style, out),
            TableFormat::Html => html::print(table, self.style, out),
            TableFormat::Csv => csv::print(table, self.style, out),
            TableFormat::Json => json::print(table, self.style, out),
        }
    }
}

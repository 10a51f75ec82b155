//! Finding tables, columns and rows by what people write: names cut short, UUIDs, beginnings of UUIDs, names of rows.

mod nb;
mod sb;
mod vswitch;

use crate::context::Context;
use crate::failure::fail;
use crate::{Failure, Program};
use ovsdb::{Atom, AtomType, ColumnSchema, DatabaseSchema, Datum, Str, TableSchema, Uuid};

/// Fewest hexadecimal digits of a UUID that name a row.
const UUID_DIGITS_MIN: usize = 4;

/// One way to name a row of a table, beside its UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identifier {
    /// By the value of a column: `by "name"`.
    Column(&'static str),
    /// By a value in a column that is a map: `by "external_ids:name"`.
    Key(&'static str, &'static str),
    /// A dot, for a table of one row: `as "."`.
    Only,
    /// By naming a row of another table that refers to it: `via "controller" of Bridge with matching "name"`.
    Via {
        /// The other table.
        table: &'static str,
        /// Its column that refers.
        column: &'static str,
        /// Its column that is named.
        matching: &'static str,
        /// The key, where that is a map.
        key: Option<&'static str>,
    },
}

impl Identifier {
    /// As help has it.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Column(column) => format!("by \"{column}\""),
            Self::Key(column, key) => format!("by \"{column}:{key}\""),
            Self::Only => "as \".\"".to_owned(),
            Self::Via { table, column, matching, key } => {
                let key = key.map_or_else(String::new, |key| format!(":{key}"));
                format!("via \"{column}\" of {table} with matching \"{matching}{key}\"")
            }
        }
    }

    /// The columns that are read to find a row of `table`.
    pub(crate) fn needs<'a>(&'a self, table: &'a str) -> (&'a str, Vec<&'a str>) {
        match self {
            Self::Column(column) | Self::Key(column, _) => (table, vec![column]),
            Self::Only => (table, Vec::new()),
            Self::Via { table, column, matching, .. } => (table, vec![column, matching]),
        }
    }
}

/// The ways to name rows of a table.
pub(crate) fn identifiers(program: Program, table: &str) -> &'static [Identifier] {
    let all = match program {
        Program::Nbctl => nb::IDENTIFIERS,
        Program::Sbctl => sb::IDENTIFIERS,
        Program::Vsctl => vswitch::IDENTIFIERS,
    };
    all.iter().find(|(name, _)| *name == table).map_or(&[], |(_, identifiers)| identifiers)
}

/// The table that `name` means: its name, or the beginning of only one.
pub(crate) fn table<'s>(
    schema: &'s DatabaseSchema,
    name: &str,
) -> Result<(&'s Str, &'s TableSchema), Failure> {
    match best(name, schema.tables.keys()) {
        Found::One(table) => Ok((table, &schema.tables[table])),
        Found::None => fail!("unknown table \"{name}\""),
        Found::Many(names) => fail!("\"{name}\" matches multiple table names: {names}"),
    }
}

/// The column of a table that `name` means: its name, or the beginning of only one.
pub(crate) fn column<'s>(
    (table_name, table): (&str, &'s TableSchema),
    name: &str,
) -> Result<(&'s Str, &'s ColumnSchema), Failure> {
    match best(name, table.columns.keys()) {
        Found::One(column) => Ok((column, &table.columns[column])),
        Found::None => fail!("{table_name} does not contain a column whose name matches \"{name}\""),
        Found::Many(names) => {
            fail!("{table_name} contains more than one column whose name matches \"{name}\": {names}")
        }
    }
}

enum Found<'a> {
    None,
    One(&'a Str),
    Many(String),
}

/// Letters count the same in both cases, and so do dashes and underscores; a whole name wins over the beginning of one.
fn best<'a>(wanted: &str, names: impl Iterator<Item = &'a Str>) -> Found<'a> {
    let same =
        |a: u8, b: u8| a.eq_ignore_ascii_case(&b) || (matches!(a, b'-' | b'_') && matches!(b, b'-' | b'_'));
    let begins = |name: &&Str| {
        name.len() >= wanted.len()
            && name.bytes().zip(wanted.bytes()).all(|(a, b)| same(a, b))
            && !wanted.is_empty()
    };
    let matching: Vec<&Str> = names.filter(begins).collect();
    match (&matching[..], matching.iter().find(|name| name.len() == wanted.len())) {
        ([], _) => Found::None,
        ([name], _) | (_, Some(name)) => Found::One(name),
        (names, None) => Found::Many(names.iter().map(|name| &***name).collect::<Vec<_>>().join(", ")),
    }
}

/// The row of a table that `name` means, if there is one.
///
/// # Errors
/// There are several.
pub(crate) fn find_row(context: &Context<'_>, table: &str, name: &str) -> Result<Option<Uuid>, Failure> {
    if let Ok(uuid) = name.parse::<Uuid>()
        && context.view.contains(table, uuid)
    {
        return Ok(Some(uuid));
    }
    if name == "."
        && let Some(uuid) = only_row(context, table)
    {
        return Ok(Some(uuid));
    }
    for identifier in identifiers(context.program, table) {
        if let Some(uuid) = by_identifier(context, table, name, identifier)? {
            return Ok(Some(uuid));
        }
    }
    by_beginning(context, table, name)
}

/// The row of a table that `name` means.
///
/// # Errors
/// There is none, or several.
pub(crate) fn row(context: &Context<'_>, table: &str, name: &str) -> Result<Uuid, Failure> {
    match find_row(context, table, name)? {
        Some(uuid) => Ok(uuid),
        None => fail!("no row \"{name}\" in table {table}"),
    }
}

/// The row of a table that has no other.
fn only_row(context: &Context<'_>, table: &str) -> Option<Uuid> {
    let mut rows = context.view.uuids(table);
    rows.next().filter(|_| rows.next().is_none())
}

fn by_identifier(
    context: &Context<'_>,
    table: &str,
    name: &str,
    identifier: &Identifier,
) -> Result<Option<Uuid>, Failure> {
    match *identifier {
        // A dot is the only row of any table, whether help says so or not.
        Identifier::Only => Ok(None),
        Identifier::Column(column) => by_value(context, table, column, None, name),
        Identifier::Key(column, key) => by_value(context, table, column, Some(key), name),
        Identifier::Via { table: other, column, matching, key } => {
            let referring = by_value(context, other, matching, key, name)?;
            Ok(referring.and_then(|uuid| context.view.value(other, uuid, column).as_uuid()))
        }
    }
}

fn by_value(
    context: &Context<'_>,
    table: &str,
    column: &str,
    key: Option<&str>,
    name: &str,
) -> Result<Option<Uuid>, Failure> {
    let is_text = |column: &ColumnSchema| column.ty.key.atom == AtomType::String && !column.ty.is_map();
    if key.is_none() && !is_uuid_part(name) && context.schema.column(table, column).is_some_and(is_text) {
        // Lines of thousands of commands name thousands of rows.
        return match context.view.named(table, column, name)[..] {
            [] => Ok(None),
            [row] => Ok(Some(row)),
            _ => fail!("multiple rows in {table} match \"{name}\""),
        };
    }
    // A name that is a UUID may be cut short as those of rows may.
    let same = |text: &str| {
        text == name || (is_uuid_part(name) && text.starts_with(name) && text.parse::<Uuid>().is_ok())
    };
    let matches = |uuid: &Uuid| {
        let value = context.view.value(table, *uuid, column);
        match (key, &*value) {
            (Some(key), _) => value.get_str(key).is_some_and(same),
            (None, Datum::Set(atoms)) => match atoms.only() {
                Some(Atom::String(text)) => same(text),
                Some(atom) => atom.to_string() == name,
                None => false,
            },
            (None, Datum::Map(_)) => false,
        }
    };
    let mut rows = context.view.uuids(table).filter(matches);
    match (rows.next(), rows.next()) {
        (Some(_), Some(_)) => fail!("multiple rows in {table} match \"{name}\""),
        (found, _) => Ok(found),
    }
}

fn by_beginning(context: &Context<'_>, table: &str, name: &str) -> Result<Option<Uuid>, Failure> {
    if !is_uuid_part(name) {
        return Ok(None);
    }
    let mut rows = context.view.uuids(table).filter(|uuid| uuid.to_string().starts_with(name));
    match (rows.next(), rows.next()) {
        (Some(one), Some(other)) => {
            fail!("{table} contains 2 or more rows whose UUIDs begin with {name}: at least {one} and {other}")
        }
        (found, _) => Ok(found),
    }
}

/// Whether the text is long enough a part of a UUID to name a row.
fn is_uuid_part(text: &str) -> bool {
    let is_part = |(place, c): (usize, char)| match place {
        8 | 13 | 18 | 23 => c == '-',
        _ => c.is_ascii_hexdigit(),
    };
    text.len() >= UUID_DIGITS_MIN && text.chars().enumerate().all(is_part)
}

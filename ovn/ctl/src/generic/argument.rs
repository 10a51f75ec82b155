//! `COLUMN[:KEY]` and `COLUMN[:KEY]=VALUE`, the arguments of the verbs for any table.

use super::rows::Target;
use crate::Failure;
use crate::context::Context;
use crate::failure::fail;
use crate::text::{is_delimiter, parse_atom, parse_datum, token};
use ovsdb::{BaseType, ColumnSchema, Datum, Str, Uuid};

/// An argument in its parts.
#[derive(Debug)]
pub(super) struct Argument<'s, 'a> {
    /// Name of the column.
    pub(super) name: &'s Str,
    /// The column.
    pub(super) column: &'s ColumnSchema,
    /// The key, as written.
    pub(super) key: Option<String>,
    /// What follows.
    rest: &'a str,
}

/// The name of the column that an argument begins with, as written.
pub(super) fn column_name(argument: &str) -> Result<&str, Failure> {
    let name = &argument[..argument.find(is_delimiter).unwrap_or(argument.len())];
    if name.is_empty() {
        fail!("{argument}: missing column name");
    }
    Ok(name)
}

impl<'s, 'a> Argument<'s, 'a> {
    /// Takes an argument apart as far as the key.
    pub(super) fn parse(target: &Target<'s>, argument: &'a str) -> Result<Self, Failure> {
        let written = column_name(argument)?;
        let (name, column) = target.column(written)?;
        let rest = &argument[written.len()..];
        let Some(rest) = rest.strip_prefix(':') else { return Ok(Self { name, column, key: None, rest }) };
        let (key, rest) = token(rest)?;
        Ok(Self { name, column, key: Some(key), rest })
    }

    /// Nothing may follow.
    pub(super) fn end(&self, argument: &str) -> Result<(), Failure> {
        if self.rest.is_empty() {
            return Ok(());
        }
        fail!("{argument}: trailing garbage \"{}\" in argument", self.rest)
    }

    /// The operator and the value that follow; of operators that begin alike the longest counts.
    pub(super) fn operation(
        &self,
        argument: &str,
        operators: &[&'static str],
    ) -> Result<(&'static str, &'a str), Failure> {
        let following = operators.iter().filter(|operator| self.rest.starts_with(**operator));
        if let Some(operator) = following.max_by_key(|operator| operator.len()) {
            let value = &self.rest[operator.len()..];
            if !value.is_empty() {
                return Ok((operator, value));
            }
        }
        let quoted: Vec<String> = operators.iter().map(|operator| format!("\"{operator}\"")).collect();
        let listed = match &quoted[..] {
            [one] => one.clone(),
            [others @ .., last] => format!("{}, or {last}", others.join(", ")),
            [] => String::new(),
        };
        fail!("{argument}: argument does not end in {listed} followed by a value.")
    }

    /// The type of the values, for an argument with a key.
    pub(super) fn map_value(&self, verb: &str) -> Result<&'s BaseType, Failure> {
        match &self.column.ty.value {
            Some(value) => Ok(value),
            None => fail!("cannot specify key to {verb} for non-map column {}", self.name),
        }
    }
}

/// Does `COLUMN[:KEY]=VALUE` to a row.
pub(crate) fn set_column(
    context: &mut Context<'_>,
    table: &str,
    row: Uuid,
    text: &str,
) -> Result<(), Failure> {
    let schema = context.schema.clone();
    let (name, schema) = crate::identify::table(&schema, table)?;
    let target = Target { name, schema };
    let argument = Argument::parse(&target, text)?;
    let (_, value) = argument.operation(text, &["="])?;
    target.check_mutable(context, row, argument.name, argument.column)?;
    let column = &argument.column.ty;
    match &argument.key {
        Some(key) => {
            let value_type = argument.map_value("set")?;
            let key = parse_atom(key, &column.key, context.symbols)?;
            let value = parse_atom(value, value_type, context.symbols)?;
            context.view.add(table, row, argument.name, &Datum::map([(key, value)]));
        }
        None => {
            let value = parse_datum(value, column, context.symbols)?;
            context.view.set(table, row, argument.name, value);
        }
    }
    Ok(())
}

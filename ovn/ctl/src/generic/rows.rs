//! What the verbs for any table have in common: their table, its rows, and what is read to find them.

use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::identify::{self, identifiers};
use crate::needs::Needs;
use crate::{Failure, Program};
use ovsdb::{ColumnSchema, DatabaseSchema, Str, TableSchema, Uuid};

/// The table that a command names first, and whose rows it names after.
pub(super) struct Target<'s> {
    pub(super) name: &'s Str,
    pub(super) schema: &'s TableSchema,
}

impl<'s> Target<'s> {
    pub(super) fn of(schema: &'s DatabaseSchema, command: &Command) -> Result<Self, Failure> {
        let (name, schema) = identify::table(schema, command.required(0))?;
        Ok(Self { name, schema })
    }

    /// The column that a name means.
    pub(super) fn column(&self, name: &str) -> Result<(&'s Str, &'s ColumnSchema), Failure> {
        identify::column((self.name, self.schema), name)
    }

    /// The row that a name means; `None` where there is none and `--if-exists` was given.
    pub(super) fn row(
        &self,
        context: &Context<'_>,
        command: &Command,
        name: &str,
    ) -> Result<Option<Uuid>, Failure> {
        if command.has("--if-exists") {
            identify::find_row(context, self.name, name)
        } else {
            identify::row(context, self.name, name).map(Some)
        }
    }

    /// Fails for a column whose value never changes, unless the row is a new one.
    pub(super) fn check_mutable(
        &self,
        context: &Context<'_>,
        row: Uuid,
        name: &str,
        column: &ColumnSchema,
    ) -> Result<(), Failure> {
        if column.mutable || context.view.is_new(self.name, row) {
            return Ok(());
        }
        fail!("cannot modify read-only column {name} in table {}", self.name)
    }
}

/// Asks for what is read to find the rows of the command's table.
pub(super) fn prepare_rows(program: Program, command: &Command, needs: &mut Needs) -> Result<(), Failure> {
    let schema = needs.schema.clone();
    let target = Target::of(&schema, command)?;
    needs.columns(target.name, &[]);
    for identifier in identifiers(program, target.name) {
        let (table, columns) = identifier.needs(target.name);
        needs.columns(table, &columns);
    }
    Ok(())
}

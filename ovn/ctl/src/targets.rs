//! Lists of remotes: rows with a target each, in a set of the row that has them. What `set-connection`, `set-manager`
//! and `set-controller` have in common.

use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::view::references;
use ovsdb::{Datum, Str, Uuid};
use std::collections::{BTreeMap, BTreeSet};

/// Methods that a target begins with.
const METHODS: &[&str] = &["tcp:", "ssl:", "unix:", "ptcp:", "pssl:", "punix:"];

/// A set of remotes in one row.
#[derive(Clone, Copy)]
pub(crate) struct Targets<'a> {
    /// The table, row and column that have the set.
    pub(crate) owner: &'a str,
    pub(crate) row: Uuid,
    pub(crate) column: &'a str,
    /// The table of the remotes.
    pub(crate) table: &'a str,
}

impl Targets<'_> {
    /// The remotes.
    pub(crate) fn rows(&self, context: &Context<'_>) -> BTreeSet<Uuid> {
        references(&context.view.value(self.owner, self.row, self.column))
    }

    /// Removes all.
    pub(crate) fn clear(&self, context: &mut Context<'_>) {
        self.replace(context, Vec::new());
    }

    /// Puts new rows in the place of all.
    pub(crate) fn replace(&self, context: &mut Context<'_>, rows: Vec<BTreeMap<Str, Datum>>) {
        context.view.verify(self.owner, self.row, self.column);
        for old in self.rows(context) {
            context.view.forget(self.table, old);
        }
        let mut new = Vec::new();
        for row in rows {
            let uuid = context.fresh();
            context.view.insert(self.table, uuid, row);
            new.push(uuid);
        }
        context.view.set(self.owner, self.row, self.column, Datum::set(new));
    }

    /// Prints the targets, sorted.
    pub(crate) fn print(&self, context: &mut Context<'_>) {
        let mut lines: Vec<String> =
            self.rows(context).into_iter().map(|row| self.target(context, row)).collect();
        lines.sort();
        for line in lines {
            context.print(line);
        }
    }

    /// The target of a remote.
    pub(crate) fn target(&self, context: &Context<'_>, row: Uuid) -> String {
        context.view.value(self.table, row, "target").as_str().unwrap_or_default().to_owned()
    }
}

/// The row of a remote, with the interval of `--inactivity-probe`.
pub(crate) fn remote(context: &mut Context<'_>, command: &Command, target: &str) -> BTreeMap<Str, Datum> {
    if !METHODS.iter().any(|method| target.starts_with(method)) {
        context.warn(context.program.log_module(), format!("target type \"{target}\" is possibly erroneous"));
    }
    let mut row = BTreeMap::from([(Str::from("target"), Datum::scalar(target))]);
    if let Some(probe) = command.option("--inactivity-probe") {
        row.insert("inactivity_probe".into(), Datum::scalar(leading_number(probe)));
    }
    row
}

/// The number that a text begins with, as C's `atoi` has it.
pub(crate) fn leading_number(text: &str) -> i64 {
    let text = text.trim_start();
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text[sign..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |end| end + sign);
    text[..digits].parse().unwrap_or(0)
}

/// Does `action` to the row of the database as a whole.
pub(crate) fn with_global(
    context: &mut Context<'_>,
    column: &'static str,
    table: &'static str,
    action: impl FnOnce(&mut Context<'_>, Targets<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let owner = context.program.global_table();
    let Some(row) = context.view.uuids(owner).next() else { return Ok(()) };
    action(context, Targets { owner, row, column, table })
}

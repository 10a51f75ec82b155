//! `show` of ovn-sbctl and ovs-vsctl: rows inside the rows that refer to them, with the columns that say something.

use crate::context::Context;
use crate::needs::Needs;
use crate::text;
use crate::view::references;
use ovsdb::{Datum, Uuid};
use std::collections::BTreeSet;

/// How the rows of a table are shown.
pub(crate) struct Shown {
    /// The table.
    pub(crate) table: &'static str,
    /// The column that names a row; without one its UUID does, and the table is not named.
    pub(crate) name: Option<&'static str>,
    /// Columns shown where they hold something, in order; those that refer to tables shown have their rows shown.
    pub(crate) columns: &'static [&'static str],
    /// Rows that refer to this one and are shown inside it: their table, the column that names them, the column that
    /// refers.
    pub(crate) referring: Option<(&'static str, &'static str, &'static str)>,
}

/// Asks for what is shown.
pub(crate) fn prepare(shown: &[Shown], needs: &mut Needs) {
    for table in shown {
        needs.columns(table.table, table.columns);
        needs.columns(table.table, table.name.as_slice());
        if let Some((other, name, column)) = table.referring {
            needs.columns(other, &[name, column]);
        }
    }
}

/// Prints the rows of the first table, sorted by name, and all inside them.
pub(crate) fn show(context: &mut Context<'_>, shown: &'static [Shown]) {
    let Some(first) = shown.first() else { return };
    let mut rows: Vec<_> = context.view.uuids(first.table).collect();
    rows.sort_by_key(|row| {
        (first.name.map(|name| context.view.value(first.table, *row, name).into_owned()), *row)
    });
    let mut overview = Overview { shown, seen: BTreeSet::new() };
    for row in rows {
        overview.row(context, first, row, 0);
    }
}

struct Overview {
    shown: &'static [Shown],
    /// Rows on the way to the one being shown, so that no circle is followed.
    seen: BTreeSet<Uuid>,
}

impl Overview {
    fn row(&mut self, context: &mut Context<'_>, table: &Shown, row: Uuid, level: usize) {
        match table.name {
            Some(name) => {
                let name = context.view.value(table.table, row, name).into_owned();
                print(context, level, &format!("{} {}", table.table, text::format(&name, true)));
            }
            None => print(context, level, &row.to_string()),
        }
        if !self.seen.insert(row) {
            return;
        }
        for column in table.columns {
            self.column(context, table, row, column, level + 1);
        }
        if let Some((other, name, column)) = table.referring {
            let refers = |one: &Uuid| references(&context.view.value(other, *one, column)).contains(&row);
            let names = context
                .view
                .uuids(other)
                .filter(refers)
                .map(|one| context.view.value(other, one, name).into_owned());
            let mut names: Vec<Datum> = names.collect();
            names.sort();
            for name in names {
                print(context, level + 1, &format!("{other} {}", text::format(&name, true)));
            }
        }
        self.seen.remove(&row);
    }

    fn column(&mut self, context: &mut Context<'_>, table: &Shown, row: Uuid, column: &str, level: usize) {
        let schema = context.schema.clone();
        let Some(definition) = schema.column(table.table, column) else { return };
        let value = context.view.value(table.table, row, column).into_owned();
        let target = definition.ty.key.reference.as_ref().map(|reference| &*reference.table);
        let target = target.and_then(|target| self.shown.iter().find(|shown| *shown.table == *target));
        if let Some(target) = target {
            for inner in references(&value) {
                if context.view.contains(target.table, inner) {
                    self.row(context, target, inner, level);
                }
            }
        } else if !value.is_default_for(&definition.ty) {
            print(
                context,
                level,
                &format!("{column}: {}", text::format(&value, definition.ty.max == Some(1))),
            );
        }
    }
}

fn print(context: &mut Context<'_>, level: usize, text: &str) {
    context.print(format!("{:width$}{text}", "", width = level * 4));
}

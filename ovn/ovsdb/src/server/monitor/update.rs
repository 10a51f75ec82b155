//! Rows and their changes, written as one monitor is to be told them (RFC 7047 section 4.1.6; ovsdb-server(7),
//! `update2`).

use super::super::changes::{Changes, values};
use super::request::{Encoding, Select, Spec, SpecColumn, TableSpec};
use crate::db::{Difference, RowUpdate, Snapshot};
use crate::json::JsonText;
use crate::{ColumnId, Datum, Layout, TableId, Uuid};
use std::borrow::Cow;
use std::sync::Arc;

/// The encoded `<table-updates>` or `<table-updates2>`, to be shared by all who are told the same.
pub(in crate::server) type Body = Arc<[u8]>;

impl Spec {
    /// Some of all rows, for the reply to a request to monitor: those from `from` on, until the text has `bytes_max`
    /// bytes or so. Gives where to go on, if there is more.
    pub(super) fn initial(
        &self,
        snapshot: &Snapshot,
        from: Cursor,
        bytes_max: usize,
    ) -> (Vec<u8>, Option<Cursor>) {
        let is_wanted = |_, table: &TableSpec| table.select.initial;
        self.some_rows(snapshot, from, bytes_max, is_wanted, |_, table, uuid, row| {
            table.condition.holds(uuid, row).then_some(Update::Initial(row))
        })
    }

    /// Some of the rows that come and go when the conditions of `old` become those of `self`, as [`Spec::initial`].
    pub(super) fn condition_change(
        &self,
        old: &Self,
        snapshot: &Snapshot,
        from: Cursor,
        bytes_max: usize,
    ) -> (Vec<u8>, Option<Cursor>) {
        let before = |id| old.tables.get(&id).map(|table| &table.condition);
        let is_wanted = |id, table: &TableSpec| {
            before(id).is_some_and(|condition| condition.key() != table.condition.key())
        };
        self.some_rows(snapshot, from, bytes_max, is_wanted, |id, table, uuid, row| {
            let was_seen = before(id).is_some_and(|condition| condition.holds(uuid, row));
            match (was_seen, table.condition.holds(uuid, row)) {
                (false, true) => Some(Update::Insert(row)),
                (true, false) => Some(Update::Delete(row)),
                (true, true) | (false, false) => None,
            }
        })
    }

    /// The updates that `pick` has for rows of the tables that are wanted, from `from` on.
    fn some_rows<'a>(
        &self,
        snapshot: &'a Snapshot,
        from: Cursor,
        bytes_max: usize,
        is_wanted: impl Fn(TableId, &TableSpec) -> bool,
        pick: impl Fn(TableId, &TableSpec, Uuid, &'a [Datum]) -> Option<Update<'a>>,
    ) -> (Vec<u8>, Option<Cursor>) {
        let text = JsonText::after(from.before, bytes_max + ROW_BYTES);
        let mut updates = Updates { text, encoding: self.encoding };
        if from.before.is_none() {
            updates.text.raw("{");
        }
        let mut visited = 0;
        let first = from.table.unwrap_or(TableId(0));
        for (id, table) in self.tables.range(first..).filter(|(id, table)| is_wanted(**id, table)) {
            let (after, mut is_open) =
                if from.table == Some(*id) { (from.row, from.is_open) } else { (None, false) };
            for (uuid, row) in snapshot.rows_after(*id, after) {
                visited += 1;
                if let Some(update) = pick(*id, table, uuid, row) {
                    let before = updates.text.len();
                    if !is_open {
                        updates.text.member(&table.name).raw("{");
                    }
                    match updates.row(table, uuid, update) {
                        true => is_open = true,
                        false => updates.text.truncate(before),
                    }
                }
                if updates.text.len() >= bytes_max || visited >= ROWS_PER_PIECE_MAX {
                    let before = updates.text.last();
                    let next = Cursor { table: Some(*id), row: Some(uuid), is_open, before };
                    return (updates.text.into_bytes(), Some(next));
                }
            }
            if is_open {
                updates.text.raw("}");
            }
        }
        (updates.finish(), None)
    }

    /// What changed, if that is of interest here.
    pub(in crate::server) fn changes<'a>(&self, layout: &Layout, changes: &'a Changes) -> Option<Body> {
        let mut updates = Updates::new(self.encoding);
        for (id, rows) in changes {
            if let Some(table) = self.tables.get(id) {
                let update = |(uuid, update): (&Uuid, &'a RowUpdate)| {
                    let seen = |row| values(row).filter(|row| table.condition.holds(*uuid, row));
                    let differences = || update.differences(layout.table(*id));
                    let (old, new) = (seen(update.old.as_ref()), seen(update.new.as_ref()));
                    Update::between(old, new, differences).map(|update| (*uuid, update))
                };
                updates.table(table, rows.iter().filter_map(update));
            }
        }
        updates.finish_if_any()
    }
}

/// Most rows that are looked at for one piece of all rows, whether they are of interest or not.
const ROWS_PER_PIECE_MAX: usize = 10_000;

/// About how long the update of a small transaction is, in bytes.
const UPDATE_BYTES: usize = 1024;

/// About how far the last row of a piece goes beyond its length. Only a guess: most do not.
const ROW_BYTES: usize = 4 << 10;

/// How far the writing of all rows has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    /// The table of the last row.
    table: Option<TableId>,
    row: Option<Uuid>,
    /// Whether a row of this table has been written.
    is_open: bool,
    /// The last byte.
    before: Option<u8>,
}

/// What happened to a row, as far as a monitor sees it.
enum Update<'a> {
    Initial(&'a [Datum]),
    Insert(&'a [Datum]),
    Delete(&'a [Datum]),
    Modify { old: &'a [Datum], new: &'a [Datum], differences: Cow<'a, [Difference]> },
}

impl<'a> Update<'a> {
    /// From what was seen of a row before to what is seen of it now.
    fn between(
        old: Option<&'a [Datum]>,
        new: Option<&'a [Datum]>,
        differences: impl FnOnce() -> Cow<'a, [Difference]>,
    ) -> Option<Self> {
        match (old, new) {
            (None, None) => None,
            (None, Some(new)) => Some(Self::Insert(new)),
            (Some(old), None) => Some(Self::Delete(old)),
            (Some(old), Some(new)) => Some(Self::Modify { old, new, differences: differences() }),
        }
    }
}

struct Updates {
    text: JsonText,
    encoding: Encoding,
}

impl Updates {
    fn new(encoding: Encoding) -> Self {
        let mut text = JsonText::after(None, UPDATE_BYTES);
        text.raw("{");
        Self { text, encoding }
    }

    fn table<'a>(&mut self, table: &TableSpec, rows: impl Iterator<Item = (Uuid, Update<'a>)>) {
        let before = self.text.len();
        self.text.member(&table.name).raw("{");
        let empty = self.text.len();
        for (uuid, update) in rows {
            self.row(table, uuid, update);
        }
        if self.text.len() == empty {
            self.text.truncate(before);
        } else {
            self.text.raw("}");
        }
    }

    /// Writes a row; whether there was something to tell.
    fn row(&mut self, table: &TableSpec, uuid: Uuid, update: Update<'_>) -> bool {
        let before = self.text.len();
        self.text.uuid_member(uuid);
        let written = match self.encoding {
            Encoding::Whole => self.whole(table, uuid, update),
            Encoding::Difference => self.difference(table, uuid, update),
        };
        if !written {
            self.text.truncate(before);
        }
        written
    }

    /// Writes a `<row-update>`, or says that there is nothing to tell.
    fn whole(&mut self, table: &TableSpec, uuid: Uuid, update: Update<'_>) -> bool {
        match update {
            Update::Initial(row) => {
                self.text.raw("{\"new\":");
                self.columns(table, |select| select.initial, |column| Some(value(column, uuid, row)));
            }
            Update::Insert(row) if table.select.insert => {
                self.text.raw("{\"new\":");
                self.columns(table, |select| select.insert, |column| Some(value(column, uuid, row)));
            }
            Update::Delete(row) if table.select.delete => {
                self.text.raw("{\"old\":");
                self.columns(table, |select| select.delete, |column| Some(value(column, uuid, row)));
            }
            Update::Modify { old, new, differences } if table.select.modify => {
                self.text.raw("{\"old\":");
                let changed = |column: &SpecColumn| {
                    difference(column, old, new, &differences).map(|_| value(column, uuid, old))
                };
                if !self.columns(table, |select| select.modify, changed) {
                    return false;
                }
                self.text.raw(",\"new\":");
                self.columns(table, |select| select.modify, |column| Some(value(column, uuid, new)));
            }
            Update::Insert(_) | Update::Delete(_) | Update::Modify { .. } => return false,
        }
        self.text.raw("}");
        true
    }

    /// Writes a `<row-update2>`, or says that there is nothing to tell.
    fn difference(&mut self, table: &TableSpec, uuid: Uuid, update: Update<'_>) -> bool {
        match update {
            Update::Initial(row) => {
                self.text.raw("{\"initial\":");
                self.columns(table, |select| select.initial, |column| unusual(column, uuid, row));
            }
            Update::Insert(row) if table.select.insert => {
                self.text.raw("{\"insert\":");
                self.columns(table, |select| select.insert, |column| unusual(column, uuid, row));
            }
            Update::Delete(_) if table.select.delete => {
                self.text.raw("{\"delete\":null");
            }
            Update::Modify { old, new, differences } if table.select.modify => {
                self.text.raw("{\"modify\":");
                let difference =
                    |column: &SpecColumn| difference(column, old, new, &differences).map(Cow::Borrowed);
                if !self.columns(table, |select| select.modify, difference) {
                    return false;
                }
            }
            Update::Insert(_) | Update::Delete(_) | Update::Modify { .. } => return false,
        }
        self.text.raw("}");
        true
    }

    /// Writes the object of the selected columns that `datum` gives something for; false if there are none.
    fn columns<'a>(
        &mut self,
        table: &TableSpec,
        selected: impl Fn(Select) -> bool,
        datum: impl Fn(&SpecColumn) -> Option<Cow<'a, Datum>>,
    ) -> bool {
        let mut any = false;
        self.text.raw("{");
        for column in table.columns.iter().filter(|column| selected(column.select)) {
            if let Some(datum) = datum(column) {
                self.text.labelled(&column.label).datum(&datum);
                any = true;
            }
        }
        self.text.raw("}");
        any
    }

    fn finish(mut self) -> Vec<u8> {
        self.text.raw("}");
        self.text.into_bytes()
    }

    fn finish_if_any(self) -> Option<Body> {
        (self.text.len() > "{".len()).then(|| self.finish().into())
    }
}

/// What is different in a column of a row.
fn difference<'a>(
    column: &SpecColumn,
    old: &[Datum],
    new: &'a [Datum],
    differences: &'a [Difference],
) -> Option<&'a Datum> {
    match column.at {
        ColumnId::Uuid => None,
        // The last one, `_version`, is none of the schema's.
        ColumnId::At(at) if at + 1 == new.len() => new.get(at).filter(|new| old.get(at) != Some(*new)),
        ColumnId::At(at) => {
            let found = differences.binary_search_by_key(&at, |(at, _)| *at);
            found.ok().and_then(|found| differences.get(found)).map(|(_, datum)| datum)
        }
    }
}

/// The value of a column.
fn value<'a>(column: &SpecColumn, uuid: Uuid, row: &'a [Datum]) -> Cow<'a, Datum> {
    match column.at {
        ColumnId::Uuid => Cow::Owned(Datum::scalar(uuid)),
        ColumnId::At(index) => Cow::Borrowed(&row[index]),
    }
}

/// The value of a column unless it is the default.
fn unusual<'a>(column: &SpecColumn, uuid: Uuid, row: &'a [Datum]) -> Option<Cow<'a, Datum>> {
    Some(value(column, uuid, row)).filter(|datum| !datum.is_default_for(&column.ty))
}

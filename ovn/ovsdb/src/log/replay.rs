//! From a log back to the database.

use super::framing::{Format, Frame, Frames, LogError, Tail};
use super::id::{compacted_id, txn_id};
use super::parse::{self, Record, RowChange, RowRecord};
use super::quick::Memory;
use super::rows::Rows;
use crate::Row;
use crate::db::{Commit, Database, RowUpdate};
use crate::error::OvsdbError;
use crate::schema::{ColumnType, DatabaseSchema, Layout, TableId, TableLayout};
use crate::server::{HISTORY_ROWS_MAX, HISTORY_TXNS_MAX};
use crate::value::{Datum, Uuid, UuidGenerator};
use std::collections::VecDeque;
use std::sync::Arc;

/// Most elements of sets and maps in the rows of a [`Past`]. A row counts each time that it changed, since each time
/// another copy is kept.
const PAST_ELEMENTS_MAX: usize = 4_000_000;
/// What a larger set counts: its copies share all but a path in a tree.
const SET_ELEMENTS_MAX: usize = 128;

/// A database read from a file.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The database as after the last whole record; rows have new versions.
    pub database: Database,
    /// The last transactions.
    pub past: Past,
    /// The number of records, the schema included.
    pub records: usize,
    /// Where the last whole record ends: the next goes here, after the file was cut to this length.
    pub end: usize,
    /// What follows there and was dropped, to be reported.
    pub tail: Option<Tail>,
}

/// The last transactions of a file, as many as a server remembers.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// The id of the state before them.
    pub base: Uuid,
    /// The transactions in order.
    pub transactions: VecDeque<PastTransaction>,
}

/// A transaction read from a file.
#[derive(Clone, Debug)]
pub struct PastTransaction {
    /// Its id, see [`txn_id`].
    pub id: Uuid,
    /// Where its record begins.
    pub offset: usize,
    /// What it changed. Columns that the file does not keep, and versions, are not as they were.
    pub commit: Arc<Commit>,
}

impl Past {
    /// The id of the last state.
    pub fn last(&self) -> Uuid {
        self.transactions.back().map_or(self.base, |last| last.id)
    }
}

/// Reads a whole file. `seed` is that of [`Database::new`].
pub fn replay(octets: &[u8], seed: u64) -> Result<Replayed, LogError> {
    let (whole, offset, tail) = whole_frames(octets)?;
    let Some((first, rest)) = whole.split_first() else { return Err(LogError::Empty) };
    let at_first = |what: String| LogError::Record { offset: first.offset, what };
    let schema = DatabaseSchema::from_text(first.body).map_err(|error| at_first(error.to_string()))?;
    let schema = Arc::new(schema);
    let mut replay = Replay::new(Arc::new(Layout::new(schema.clone())), seed);
    replay.past.base = txn_id(Uuid::ZERO, &first.checksum);
    for (i, frame) in rest.iter().enumerate() {
        let wrong = |error: OvsdbError| LogError::Record { offset: frame.offset, what: error.to_string() };
        let record =
            parse::parse(&replay.layout, &replay.tables, &mut replay.memory, frame.body).map_err(wrong)?;
        let stated = record.comment.as_deref().and_then(compacted_id).filter(|_| i == 0);
        if let Some(id) = stated {
            // What was read so far is the state of this name, and how it came about is not known.
            replay.past.base = id;
            replay.apply(record, None).map_err(wrong)?;
            continue;
        }
        let id = txn_id(replay.past.last(), &frame.checksum);
        if i + HISTORY_TXNS_MAX < rest.len() {
            replay.past.base = id;
            replay.apply(record, None).map_err(wrong)?;
            continue;
        }
        let mut kept = Kept { id, offset: frame.offset, ..Kept::default() };
        replay.apply(record, Some(&mut kept)).map_err(wrong)?;
        replay.past.remember(kept);
    }
    let Replay { tables, past, .. } = replay;
    let tables = tables.into_iter().map(Rows::into_rows).collect();
    let (database, as_read) = Database::load(schema, tables, seed)
        .map_err(|error| LogError::Inconsistent { what: error.to_string() })?;
    let past = if as_read {
        past.into()
    } else {
        // What the transactions led to is not what the database holds: nobody may be told of them.
        Past { base: UuidGenerator::new(seed).generate(), transactions: VecDeque::new() }
    };
    Ok(Replayed { database, past, records: whole.len(), end: offset, tail })
}

fn whole_frames(octets: &[u8]) -> Result<(Vec<Frame<'_>>, usize, Option<Tail>), LogError> {
    let mut frames = Frames::new(octets, Format::Standalone);
    let mut whole = Vec::new();
    while let Some(frame) = frames.next_frame()? {
        whole.push(frame);
    }
    Ok((whole, frames.offset(), frames.tail().cloned()))
}

/// A database under way.
pub(super) struct Replay {
    layout: Arc<Layout>,
    pub(super) tables: Vec<Rows>,
    memory: Memory,
    versions: UuidGenerator,
    past: PastRows,
}

impl Replay {
    pub(super) fn new(layout: Arc<Layout>, seed: u64) -> Self {
        Self {
            tables: layout.tables.iter().map(|_| Rows::new(seed)).collect(),
            memory: Memory::new(&layout),
            layout,
            versions: UuidGenerator::new(seed).fork(),
            past: PastRows::default(),
        }
    }

    /// Follows one transaction; says what it changed to who wants to know.
    pub(super) fn apply(&mut self, record: Record, mut kept: Option<&mut Kept>) -> Result<(), OvsdbError> {
        if let Some(kept) = &mut kept {
            kept.comment = record.comment.unwrap_or_default();
            kept.rows.reserve(record.rows.len());
        }
        for RowRecord { table: id, uuid, change } in record.rows {
            let table = self.layout.table(id);
            let rows = &mut self.tables[id.0];
            let (old, new) = match (rows.get_mut(uuid), change) {
                (Some(_), RowChange::Deleted) => (rows.remove(uuid), None),
                (None, RowChange::Deleted) => {
                    let words = format!("Delete of nonexistent row {uuid} in table {}.", table.name);
                    return Err(OvsdbError::new(OvsdbError::OTHER, words));
                }
                (Some(row), RowChange::Written(columns)) => {
                    let old = kept.is_some().then(|| row.clone());
                    write(table, Arc::make_mut(row), columns, record.is_diff)?;
                    (old, Some(row.clone()))
                }
                (None, RowChange::Written(columns)) => {
                    let mut row = self.memory.fresh(id).clone();
                    write(table, Arc::make_mut(&mut row), columns, false)?;
                    (None, Some(insert(rows, table, uuid, row, &mut self.versions)))
                }
                (_, RowChange::Inserted(row)) => {
                    (None, Some(insert(rows, table, uuid, row, &mut self.versions)))
                }
            };
            if let Some(kept) = &mut kept {
                kept.elements += elements(old.as_deref().or(new.as_deref()));
                kept.rows.push((id, uuid, RowUpdate::new(old, new)));
            }
        }
        Ok(())
    }
}

fn insert(
    rows: &mut Rows,
    table: &TableLayout,
    uuid: Uuid,
    mut row: Arc<Row>,
    versions: &mut UuidGenerator,
) -> Arc<Row> {
    Arc::make_mut(&mut row)[table.version_index()] = Datum::scalar(versions.generate());
    rows.put(uuid, row.clone());
    row
}

/// A [`Past`] under way.
#[derive(Default)]
struct PastRows {
    base: Uuid,
    transactions: VecDeque<Kept>,
    row_count: usize,
    element_count: usize,
}

/// A [`PastTransaction`] under way.
#[derive(Default)]
pub(super) struct Kept {
    id: Uuid,
    offset: usize,
    comment: String,
    /// The rows that changed, in any order.
    rows: Vec<(TableId, Uuid, RowUpdate)>,
    /// The number of elements in them.
    elements: usize,
}

impl PastRows {
    fn last(&self) -> Uuid {
        self.transactions.back().map_or(self.base, |last| last.id)
    }

    fn remember(&mut self, transaction: Kept) {
        self.row_count += transaction.rows.len();
        self.element_count += transaction.elements;
        self.transactions.push_back(transaction);
        while self.transactions.len() > HISTORY_TXNS_MAX
            || self.row_count > HISTORY_ROWS_MAX
            || self.element_count > PAST_ELEMENTS_MAX
        {
            let Some(first) = self.transactions.pop_front() else { break };
            self.row_count -= first.rows.len();
            self.element_count -= first.elements;
            self.base = first.id;
        }
    }
}

impl From<PastRows> for Past {
    fn from(past: PastRows) -> Self {
        Self { base: past.base, transactions: past.transactions.into_iter().map(Into::into).collect() }
    }
}

impl From<Kept> for PastTransaction {
    fn from(kept: Kept) -> Self {
        let Kept { id, offset, comment, mut rows, .. } = kept;
        let mut commit = Commit { comment, ..Commit::default() };
        rows.sort_by_key(|(table, uuid, _)| (*table, *uuid));
        let mut rows = rows.into_iter().peekable();
        while let Some((table, ..)) = rows.peek() {
            let table = *table;
            let of_table = std::iter::from_fn(|| rows.next_if(|(other, ..)| *other == table));
            commit.tables.insert(table, of_table.map(|(_, uuid, update)| (uuid, update)).collect());
        }
        Self { id, offset, commit: Arc::new(commit) }
    }
}

/// The number of elements of a row.
fn elements(row: Option<&Row>) -> usize {
    let weight = |datum: &Datum| match datum {
        Datum::Set(atoms) => atoms.len().min(SET_ELEMENTS_MAX),
        Datum::Map(pairs) => pairs.len(),
    };
    row.map_or(0, |row| row.iter().map(weight).sum())
}

fn write(
    table: &TableLayout,
    row: &mut Row,
    columns: Vec<(usize, Datum)>,
    is_diff: bool,
) -> Result<(), OvsdbError> {
    for (at, datum) in columns {
        let ty = &table.columns[at].1.ty;
        let new = if is_diff && ty.is_composite() { row[at].apply_diff(&datum, ty) } else { datum };
        if !ty.allows_len(new.len()) {
            return Err(wrong_len(&new, ty));
        }
        row[at] = new;
    }
    Ok(())
}

fn wrong_len(datum: &Datum, ty: &ColumnType) -> OvsdbError {
    let words = format!("{} must have {} but {} are present", ty.class(), ty.len_in_words(), datum.len());
    OvsdbError::syntax(&datum.to_json(), words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::encode;
    use serde_json::{Value, json};

    #[test]
    fn changes_of_a_large_set_are_remembered_as_others_are() {
        let columns = json!({"s": {"type": {"key": "integer", "min": 0, "max": "unlimited"}}});
        let schema = json!({"name": "D", "version": "1.0.0", "tables": {"A": {"columns": columns}}});
        let row = |value: Value| json!({"A": {Uuid::ZERO.to_string(): {"s": value}}, "_is_diff": true});
        let mut file = encode(&schema);
        file.extend(encode(&row(json!(["set", (0..10_000).collect::<Vec<_>>()]))));
        for n in 0..500 {
            file.extend(encode(&row(json!(20_000 + n))));
        }
        let replayed = replay(&file, 1).unwrap();
        assert_eq!(replayed.past.transactions.len(), 501);
        assert_eq!(replayed.database.now().row(crate::TableId(0), Uuid::ZERO).unwrap()[0].len(), 10_500);
    }
}

//! From a log back to the database.

use super::framing::{Format, Frame, Frames, LogError, Tail};
use super::id::{compacted_id, txn_id};
use super::parse::{self, Record};
use crate::Row;
use crate::db::{Commit, Database, RowUpdate};
use crate::error::OvsdbError;
use crate::schema::{ColumnType, DatabaseSchema, Layout, TableLayout};
use crate::server::{HISTORY_ROWS_MAX, HISTORY_TXNS_MAX};
use crate::value::{Datum, Strings, Uuid, UuidGenerator};
use imbl::OrdMap;
use serde_json::Value;
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
    let schema: Value = serde_json::from_slice(first.body).map_err(|error| at_first(error.to_string()))?;
    let schema = DatabaseSchema::from_json(&schema).map_err(|error| at_first(error.to_string()))?;
    let schema = Arc::new(schema);
    let mut replay = Replay::new(Arc::new(Layout::new(schema.clone())), seed);
    let mut strings = Strings::default();
    replay.past.base = txn_id(Uuid::ZERO, &first.checksum);
    for (i, frame) in rest.iter().enumerate() {
        let wrong = |error: OvsdbError| LogError::Record { offset: frame.offset, what: error.to_string() };
        let record = parse::parse(&replay.layout, &mut strings, frame.body).map_err(wrong)?;
        let keep = i + HISTORY_TXNS_MAX >= rest.len();
        let stated = record.comment.as_deref().and_then(compacted_id).filter(|_| i == 0);
        let commit = replay.apply(record, keep).map_err(wrong)?;
        match stated {
            Some(id) => replay.restart_past(id),
            None => replay.remember(txn_id(replay.past.last(), &frame.checksum), frame.offset, commit),
        }
    }
    let Replay { tables, mut past, .. } = replay;
    let (database, as_read) = Database::load(schema, tables, seed)
        .map_err(|error| LogError::Inconsistent { what: error.to_string() })?;
    if !as_read {
        // What the transactions led to is not what the database holds: nobody may be told of them.
        past = Past { base: UuidGenerator::new(seed).generate(), transactions: VecDeque::new() };
    }
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
struct Replay {
    layout: Arc<Layout>,
    tables: Vec<OrdMap<Uuid, Arc<Row>>>,
    /// A row of each table in which no column has been set.
    fresh: Vec<Row>,
    versions: UuidGenerator,
    past: Past,
    row_count: usize,
    element_count: usize,
}

impl Replay {
    fn new(layout: Arc<Layout>, seed: u64) -> Self {
        Self {
            tables: vec![OrdMap::new(); layout.tables.len()],
            fresh: layout.tables.iter().map(TableLayout::default_row).collect(),
            layout,
            versions: UuidGenerator::new(seed).fork(),
            past: Past::default(),
            row_count: 0,
            element_count: 0,
        }
    }

    /// Follows one transaction; says what it changed if it is to `keep` that.
    fn apply(&mut self, record: Record, keep: bool) -> Result<Commit, OvsdbError> {
        let mut commit = Commit { comment: record.comment.unwrap_or_default(), ..Commit::default() };
        for row in record.rows {
            let table = self.layout.table(row.table);
            let rows = &mut self.tables[row.table.0];
            let (old, new) = match (rows.get_mut(&row.uuid), row.columns) {
                (Some(_), None) => (rows.remove(&row.uuid), None),
                (None, None) => {
                    let words = format!("Delete of nonexistent row {} in table {}.", row.uuid, table.name);
                    return Err(OvsdbError::new(OvsdbError::OTHER, words));
                }
                (Some(at), Some(columns)) => {
                    let old = keep.then(|| at.clone());
                    write(table, Arc::make_mut(at), columns, record.is_diff)?;
                    (old, keep.then(|| at.clone()))
                }
                (None, Some(columns)) => {
                    let mut new = self.fresh[row.table.0].clone();
                    write(table, &mut new, columns, false)?;
                    new[table.version_index()] = Datum::scalar(self.versions.generate());
                    let new = Arc::new(new);
                    rows.insert(row.uuid, new.clone());
                    (None, Some(new))
                }
            };
            if keep {
                commit.tables.entry(row.table).or_default().insert(row.uuid, RowUpdate::new(old, new));
            }
        }
        Ok(commit)
    }

    /// What was read so far is the state of this name, and how it came about is not known.
    fn restart_past(&mut self, id: Uuid) {
        self.past = Past { base: id, transactions: VecDeque::new() };
        (self.row_count, self.element_count) = (0, 0);
    }

    fn remember(&mut self, id: Uuid, offset: usize, commit: Commit) {
        let (rows, elements) = size(&commit);
        self.row_count += rows;
        self.element_count += elements;
        self.past.transactions.push_back(PastTransaction { id, offset, commit: Arc::new(commit) });
        while self.past.transactions.len() > HISTORY_TXNS_MAX
            || self.row_count > HISTORY_ROWS_MAX
            || self.element_count > PAST_ELEMENTS_MAX
        {
            let Some(first) = self.past.transactions.pop_front() else { break };
            let (rows, elements) = size(&first.commit);
            self.row_count -= rows;
            self.element_count -= elements;
            self.past.base = first.id;
        }
    }
}

/// The number of rows that changed, and of the elements in them.
fn size(commit: &Commit) -> (usize, usize) {
    let weight = |datum: &Datum| match datum {
        Datum::Set(atoms) => atoms.len().min(SET_ELEMENTS_MAX),
        Datum::Map(pairs) => pairs.len(),
    };
    let elements = |update: &RowUpdate| {
        let row = update.old.as_ref().or(update.new.as_ref());
        row.map_or(0, |row| row.iter().map(weight).sum())
    };
    commit.iter().fold((0, 0), |(rows, sum), (_, _, update)| (rows + 1, sum + elements(update)))
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
    use serde_json::json;

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

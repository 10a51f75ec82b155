//! The quick reader of records: from their text straight to typed values and rows. It takes what servers write; of
//! anything else it says nothing, and the careful reader has the words.

use super::parse::{Record, RowChange, RowRecord};
use super::rows::Rows;
use crate::Row;
use crate::json::{is_number, string_end};
use crate::schema::{BaseType, ColumnType, Layout, TableId, TableLayout};
use crate::value::{Atom, AtomType, Atoms, Datum, Real, Strings, Uuid};
use std::borrow::Cow;
use std::sync::Arc;

/// What helps to read many records of one database.
#[derive(Debug)]
pub(super) struct Memory {
    /// The texts that rows have in common.
    strings: Strings,
    /// For each table, what is known of how its rows are written.
    tables: Vec<TableMemory>,
    /// The elements of the set, and the pairs of the map, that is being read.
    atoms: Vec<Atom>,
    pairs: Vec<(Atom, Atom)>,
    /// The tables that the record has named.
    named: Vec<TableId>,
}

#[derive(Debug)]
struct TableMemory {
    /// A row in which no column has been set.
    fresh: Arc<Row>,
    /// Which column came behind each one the last time; the last of all is that which came first.
    follows: Vec<usize>,
}

impl Memory {
    pub(super) fn new(layout: &Layout) -> Self {
        let table = |table: &TableLayout| TableMemory {
            fresh: table.default_row(),
            follows: vec![0; table.columns.len() + 1],
        };
        Self {
            strings: Strings::default(),
            tables: layout.tables.iter().map(table).collect(),
            atoms: Vec::new(),
            pairs: Vec::new(),
            named: Vec::new(),
        }
    }

    /// A row in which no column has been set.
    pub(super) fn fresh(&self, table: TableId) -> &Arc<Row> {
        &self.tables[table.0].fresh
    }
}

/// Reads the line of JSON of a record. `tables` are the rows there are before it.
pub(super) fn record(layout: &Layout, tables: &[Rows], memory: &mut Memory, body: &[u8]) -> Option<Record> {
    let text = std::str::from_utf8(body.strip_suffix(b"\n").unwrap_or(body)).ok()?;
    memory.atoms.clear();
    memory.pairs.clear();
    let mut reader = Reader { text, at: 0, tables, memory };
    let record = reader.record(layout)?;
    (reader.at == text.len()).then_some(record)
}

/// Columns of a row that a record rarely has more of.
const COLUMNS_FEW: usize = 4;

/// Whether no row is named twice. That there are new rows only needs no look: the last of one name takes the place of
/// those before it.
fn are_distinct(rows: &[RowRecord]) -> bool {
    let is_new = |row: &RowRecord| matches!(row.change, RowChange::Inserted(_));
    if rows.len() < 2 || rows.iter().all(is_new) {
        return true;
    }
    let mut uuids: Vec<Uuid> = rows.iter().map(|row| row.uuid).collect();
    uuids.sort_unstable();
    uuids.windows(2).all(|two| two[0] != two[1])
}

struct Reader<'t, 'm> {
    text: &'t str,
    at: usize,
    tables: &'m [Rows],
    memory: &'m mut Memory,
}

impl<'t> Reader<'t, '_> {
    /// Of members with one name the last counts, which only the careful reader knows.
    fn record(&mut self, layout: &Layout) -> Option<Record> {
        let mut record = Record::default();
        self.memory.named.clear();
        self.object(|reader, name| {
            match &*name {
                "_is_diff" => record.is_diff = reader.boolean()?,
                "_comment" => record.comment = Some(reader.string()?.into_owned()),
                "_date" => _ = reader.word()?,
                name => {
                    let id = layout.table_id(name)?;
                    if reader.memory.named.contains(&id) {
                        return None;
                    }
                    reader.memory.named.push(id);
                    reader.rows((id, layout.table(id)), &mut record.rows)?;
                }
            }
            Some(())
        })?;
        Some(record)
    }

    fn rows(&mut self, (id, table): (TableId, &TableLayout), out: &mut Vec<RowRecord>) -> Option<()> {
        let first = out.len();
        self.object(|reader, uuid| {
            let uuid: Uuid = uuid.parse().ok()?;
            let change = if reader.peek()? == b'n' {
                (reader.word()? == "null").then_some(RowChange::Deleted)?
            } else if reader.tables[id.0].contains(uuid) {
                RowChange::Written(reader.written((id, table))?)
            } else {
                RowChange::Inserted(reader.inserted((id, table))?)
            };
            out.push(RowRecord { table: id, uuid, change });
            Some(())
        })?;
        are_distinct(&out[first..]).then_some(())
    }

    fn written(&mut self, table: (TableId, &TableLayout)) -> Option<Vec<(usize, Datum)>> {
        let mut columns: Vec<(usize, Datum)> = Vec::with_capacity(COLUMNS_FEW);
        self.columns(table, |at, datum| {
            let is_new = columns.iter().all(|(written, _)| *written != at);
            is_new.then(|| columns.push((at, datum)))
        })?;
        Some(columns)
    }

    fn inserted(&mut self, (id, table): (TableId, &TableLayout)) -> Option<Arc<Row>> {
        let mut row = self.memory.fresh(id).clone();
        let cells = Arc::make_mut(&mut row);
        self.columns((id, table), |at, datum| {
            let fits = table.columns[at].1.ty.allows_len(datum.len());
            fits.then(|| cells[at] = datum)
        })?;
        Some(row)
    }

    fn columns(
        &mut self,
        (id, table): (TableId, &TableLayout),
        mut write: impl FnMut(usize, Datum) -> Option<()>,
    ) -> Option<()> {
        let mut before = table.columns.len();
        self.list(b'{', b'}', |reader| {
            let at = reader.column((id, table), before)?;
            before = at;
            write(at, reader.datum(&table.columns[at].1.ty)?)
        })
    }

    /// The column whose name, with a colon, is here. Most rows have the same ones in the same order.
    fn column(&mut self, (id, table): (TableId, &TableLayout), before: usize) -> Option<usize> {
        let likely = self.memory.tables[id.0].follows[before];
        let name: Option<&[u8]> = table.columns.get(likely).map(|(name, _)| name.as_bytes());
        let rest = self.rest().strip_prefix(b"\"")?;
        let behind = name.and_then(|name| rest.strip_prefix(name)?.strip_prefix(b"\":"));
        if let Some(behind) = behind {
            self.at = self.text.len() - behind.len();
            return Some(likely);
        }
        let name = self.string()?;
        self.eat(b':')?;
        let at = table.column_index(&name)?;
        self.memory.tables[id.0].follows[before] = at;
        Some(at)
    }

    fn datum(&mut self, ty: &ColumnType) -> Option<Datum> {
        match &ty.value {
            Some(value) => self.map(&ty.key, value),
            None if self.rest().starts_with(b"[\"set\"") => self.set(&ty.key),
            None => self.atom(&ty.key, false).map(Datum::scalar),
        }
    }

    fn set(&mut self, base: &BaseType) -> Option<Datum> {
        self.literal(b"[\"set\",")?;
        self.list(b'[', b']', |reader| {
            let atom = reader.atom(base, false)?;
            reader.memory.atoms.push(atom);
            Some(())
        })?;
        self.eat(b']')?;
        let count = self.memory.atoms.len();
        let atoms: Atoms = self.memory.atoms.drain(..).collect();
        (atoms.len() == count).then_some(Datum::Set(atoms))
    }

    fn map(&mut self, key: &BaseType, value: &BaseType) -> Option<Datum> {
        self.literal(b"[\"map\",")?;
        self.list(b'[', b']', |reader| {
            reader.eat(b'[')?;
            let key = reader.atom(key, true)?;
            reader.eat(b',')?;
            let value = reader.atom(value, true)?;
            reader.memory.pairs.push((key, value));
            reader.eat(b']')
        })?;
        self.eat(b']')?;
        let pairs = &mut self.memory.pairs;
        if !pairs.is_sorted_by(|a, b| a.0 < b.0) {
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
        }
        let is_distinct = pairs.windows(2).all(|two| two[0].0 != two[1].0);
        is_distinct.then(|| Datum::Map(pairs.drain(..).collect()))
    }

    /// `often` says that other rows are likely to have the same text.
    fn atom(&mut self, base: &BaseType, often: bool) -> Option<Atom> {
        let atom = match base.atom {
            AtomType::Integer => Atom::Integer(self.number()?.parse().ok()?),
            AtomType::Real => Atom::Real(Real::new(serde_json::from_str(self.number()?).ok()?)),
            AtomType::Boolean => Atom::Boolean(self.boolean()?),
            AtomType::String => {
                let text = self.string()?;
                let strings = &mut self.memory.strings;
                Atom::String(if often { strings.share(&text) } else { strings.again(&text) })
            }
            AtomType::Uuid => {
                self.literal(b"[\"uuid\",")?;
                let uuid = self.string()?.parse().ok()?;
                self.eat(b']')?;
                Atom::Uuid(uuid)
            }
        };
        base.check(&atom).is_ok().then_some(atom)
    }

    /// An object; `member` reads what belongs to a name.
    fn object(&mut self, mut member: impl FnMut(&mut Self, Cow<'t, str>) -> Option<()>) -> Option<()> {
        self.list(b'{', b'}', |reader| {
            let name = reader.string()?;
            reader.eat(b':')?;
            member(reader, name)
        })
    }

    fn list(&mut self, open: u8, close: u8, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.eat(open)?;
        if self.peek()? == close {
            return self.eat(close);
        }
        loop {
            element(self)?;
            match self.peek()? {
                b',' => self.at += 1,
                byte if byte == close => return self.eat(close),
                _ => return None,
            }
        }
    }

    fn string(&mut self) -> Option<Cow<'t, str>> {
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at;
        let (end, has_escapes) = string_end(self.text.as_bytes(), start)?;
        self.at = end;
        if has_escapes {
            return serde_json::from_str(self.text.get(start..end)?).ok().map(Cow::Owned);
        }
        self.text.get(start + 1..end - 1).map(Cow::Borrowed)
    }

    fn boolean(&mut self) -> Option<bool> {
        match self.word()? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<&'t str> {
        self.word().filter(|word| is_number(word.as_bytes()))
    }

    /// What goes on up to the next sign.
    fn word(&mut self) -> Option<&'t str> {
        let len = self.rest().iter().position(|byte| matches!(byte, b',' | b'}' | b']'))?;
        let word = self.text.get(self.at..self.at + len)?;
        self.at += len;
        Some(word)
    }

    fn literal(&mut self, octets: &[u8]) -> Option<()> {
        self.rest().starts_with(octets).then(|| self.at += octets.len())
    }

    /// What has not been read.
    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn peek(&mut self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }
}

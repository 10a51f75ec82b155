//! The quick reader of records: from their text straight to typed values. It takes what servers write; of anything else
//! it says nothing, and the careful reader has the words.

use super::parse::{Record, RowRecord};
use crate::json::{is_number, string_end};
use crate::schema::{BaseType, ColumnType, Layout, TableId, TableLayout};
use crate::value::{Atom, AtomType, Atoms, Datum, Real, Strings, Uuid};
use std::borrow::Cow;

/// Reads the line of JSON of a record.
pub(super) fn record(layout: &Layout, strings: &mut Strings, body: &[u8]) -> Option<Record> {
    let text = std::str::from_utf8(body).ok()?;
    let mut reader = Reader { text, at: 0, strings };
    let record = reader.record(layout)?;
    reader.space();
    (reader.at == text.len()).then_some(record)
}

/// Columns of a row that a record rarely has more of.
const COLUMNS_FEW: usize = 8;

struct Reader<'t, 's> {
    text: &'t str,
    at: usize,
    /// The texts that rows have in common.
    strings: &'s mut Strings,
}

impl<'t> Reader<'t, '_> {
    fn record(&mut self, layout: &Layout) -> Option<Record> {
        let mut record = Record::default();
        self.object(|reader, name| {
            match &*name {
                "_is_diff" => record.is_diff = reader.boolean()?,
                "_comment" => record.comment = Some(reader.string()?.into_owned()),
                "_date" => _ = reader.word()?,
                name => {
                    let id = layout.table_id(name)?;
                    reader.rows(id, layout.table(id), &mut record.rows)?;
                }
            }
            Some(())
        })?;
        Some(record)
    }

    fn rows(&mut self, id: TableId, table: &TableLayout, out: &mut Vec<RowRecord>) -> Option<()> {
        self.object(|reader, uuid| {
            let uuid: Uuid = uuid.parse().ok()?;
            let columns = if reader.peek()? == b'n' {
                (reader.word()? == "null").then_some(None)?
            } else {
                Some(reader.columns(table)?)
            };
            out.push(RowRecord { table: id, uuid, columns });
            Some(())
        })
    }

    fn columns(&mut self, table: &TableLayout) -> Option<Vec<(usize, Datum)>> {
        let mut columns = Vec::with_capacity(COLUMNS_FEW);
        self.object(|reader, name| {
            let at = table.column_index(&name)?;
            columns.push((at, reader.datum(&table.columns[at].1.ty)?));
            Some(())
        })?;
        Some(columns)
    }

    fn datum(&mut self, ty: &ColumnType) -> Option<Datum> {
        let is_array = self.peek()? == b'[';
        match &ty.value {
            Some(value) if is_array => self.tagged("map", |reader| reader.map(&ty.key, value)),
            Some(_) => None,
            None if is_array => {
                let start = self.at;
                if let Some(set) = self.tagged("set", |reader| reader.set(&ty.key)) {
                    return Some(set);
                }
                self.at = start;
                self.atom(&ty.key, false).map(Datum::scalar)
            }
            None => self.atom(&ty.key, false).map(Datum::scalar),
        }
    }

    fn set(&mut self, base: &BaseType) -> Option<Datum> {
        let mut atoms = Vec::new();
        self.array(|reader| {
            atoms.push(reader.atom(base, false)?);
            Some(())
        })?;
        let count = atoms.len();
        let atoms = Atoms::from(atoms);
        (atoms.len() == count).then_some(Datum::Set(atoms))
    }

    fn map(&mut self, key: &BaseType, value: &BaseType) -> Option<Datum> {
        let mut pairs: Vec<(Atom, Atom)> = Vec::new();
        self.array(|reader| {
            reader.eat(b'[')?;
            let key = reader.atom(key, true)?;
            reader.eat(b',')?;
            pairs.push((key, reader.atom(value, true)?));
            reader.eat(b']')
        })?;
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        let is_distinct = pairs.windows(2).all(|two| two[0].0 != two[1].0);
        is_distinct.then(|| Datum::Map(pairs.into()))
    }

    /// `often` says that other rows are likely to have the same text.
    fn atom(&mut self, base: &BaseType, often: bool) -> Option<Atom> {
        let atom = match base.atom {
            AtomType::Integer => Atom::Integer(self.number()?.parse().ok()?),
            AtomType::Real => Atom::Real(Real::new(serde_json::from_str(self.number()?).ok()?)),
            AtomType::Boolean => Atom::Boolean(self.boolean()?),
            AtomType::String => {
                let text = self.string()?;
                if often { Atom::String(self.strings.share(&text)) } else { Atom::from(&*text) }
            }
            AtomType::Uuid => Atom::Uuid(self.tagged("uuid", |reader| reader.string()?.parse().ok())?),
        };
        base.check(&atom).is_ok().then_some(atom)
    }

    /// An array of a tag and what it says of the other element.
    fn tagged<T>(&mut self, tag: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.eat(b'[')?;
        if self.string()? != tag {
            return None;
        }
        self.eat(b',')?;
        let value = read(self)?;
        self.eat(b']')?;
        Some(value)
    }

    /// An object; `member` reads what belongs to a name.
    fn object(&mut self, mut member: impl FnMut(&mut Self, Cow<'t, str>) -> Option<()>) -> Option<()> {
        self.list(b'{', b'}', |reader| {
            let name = reader.string()?;
            reader.eat(b':')?;
            member(reader, name)
        })
    }

    fn array(&mut self, element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.list(b'[', b']', element)
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
            return serde_json::from_str(&self.text[start..end]).ok().map(Cow::Owned);
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
        self.space();
        let rest = self.text.get(self.at..)?;
        let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
        let word = rest.get(..rest.as_bytes().iter().position(is_end)?)?;
        self.at += word.len();
        Some(word)
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        self.space();
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.as_bytes().get(self.at) {
            self.at += 1;
        }
    }
}

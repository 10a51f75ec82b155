//! The notation of the definition files (`defs/*.tables`): text in, [`Definition`] or the place of the mistake out.
//!
//! ```text
//! # a comment, to the end of the line
//! database NAME VERSION [-- one line about the database]
//!
//! table NAME [root] [max ROWS] [-- one line about the table]
//!   COLUMN  TYPE [ephemeral] [const] [-- one line about the column]
//!   unique(COLUMN, COLUMN...)
//! ```
//!
//! | type | meaning |
//! |---|---|
//! | `BASE` | exactly one |
//! | `BASE?` | none or one |
//! | `{BASE}` | a set; `{BASE}[1..]` has at least one member, `{BASE}[0..4]` at most four |
//! | `{BASE: BASE}` | a map, with the same bounds |
//!
//! `BASE` is `int`, `real`, `bool`, `string` or `uuid`; `int(1..255)`, `real(0..)` and `string(..63)` bound the
//! value or its length; `"up"|"down"` lists the strings allowed; `->Table` refers to a row and keeps it alive,
//! `~>Table` refers weakly. `ephemeral` columns are not kept on disk, `const` ones never change after insertion.
//! A table that is not `root` keeps only rows that something refers to.

use crate::definition::{Base, ColumnDefinition, Definition, TableDefinition, Type};
use std::str::FromStr;

/// A mistake in a definition file: where it is and what would have been right there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: expected {expected}, found {found:?}")]
pub struct NotationError {
    /// Line, from 1.
    pub line: usize,
    /// Octet within the line, from 1.
    pub column: usize,
    /// What was expected there.
    pub expected: &'static str,
    /// What was there, at most 20 characters.
    pub found: String,
}

/// Reads one definition file.
///
/// # Errors
/// The first mistake, with its place.
pub fn parse(text: &str) -> Result<Definition, NotationError> {
    let mut definition: Option<Definition> = None;
    let mut references = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut cursor = Cursor { line: index + 1, text: line, at: 0, references: Vec::new() };
        cursor.skip_blanks();
        if cursor.rest().is_empty() || cursor.rest().starts_with('#') {
            continue;
        }
        let indented = cursor.at > 0;
        match &mut definition {
            None => definition = Some(database(&mut cursor)?),
            Some(definition) if !indented => {
                let start = cursor.clone();
                let table = table(&mut cursor)?;
                if definition.tables.iter().any(|known| known.name == table.name) {
                    return Err(start.error("a table that is not defined yet"));
                }
                definition.tables.push(table);
            }
            Some(definition) => match definition.tables.last_mut() {
                Some(table) => member(&mut cursor, table)?,
                None => return Err(cursor.error("a table before its columns")),
            },
        }
        references.append(&mut cursor.references);
    }
    let Some(definition) = definition else {
        return Err(Cursor { line: 1, text: "", at: 0, references }.error("database NAME VERSION"));
    };
    match references.into_iter().find(|(name, _)| !definition.tables.iter().any(|table| table.name == *name))
    {
        Some((_, error)) => Err(error),
        None => Ok(definition),
    }
}

fn database(cursor: &mut Cursor<'_>) -> Result<Definition, NotationError> {
    cursor.keyword("database", "database NAME VERSION")?;
    let name = cursor.name("the name of the database")?;
    let start = cursor.clone();
    let version = cursor.take_while(|c| c.is_ascii_digit() || c == '.').to_owned();
    if version.split('.').count() != 3 || version.split('.').any(str::is_empty) {
        return Err(start.error("a version of three numbers"));
    }
    Ok(Definition { name, version, documentation: cursor.documentation()?, tables: Vec::new() })
}

fn table(cursor: &mut Cursor<'_>) -> Result<TableDefinition, NotationError> {
    cursor.keyword("table", "table NAME")?;
    let mut table = TableDefinition { name: cursor.name("the name of the table")?, ..Default::default() };
    loop {
        if cursor.eat_word("root") {
            table.is_root = true;
        } else if cursor.eat_word("max") {
            table.max_rows = Some(cursor.number("the largest number of rows")?);
        } else {
            table.documentation = cursor.documentation()?;
            return Ok(table);
        }
    }
}

/// A column or a uniqueness rule.
fn member(cursor: &mut Cursor<'_>, table: &mut TableDefinition) -> Result<(), NotationError> {
    if cursor.eat("unique(") {
        table.indexes.push(unique(cursor, table)?);
        return cursor.documentation().map(drop);
    }
    let start = cursor.clone();
    let name = cursor.name("the name of a column")?;
    if table.columns.iter().any(|known| known.name == name) {
        return Err(start.error("a name that the table does not have yet"));
    }
    let ty = column_type(cursor)?;
    let (mut ephemeral, mut mutable) = (false, true);
    loop {
        if cursor.eat_word("ephemeral") {
            ephemeral = true;
        } else if cursor.eat_word("const") {
            mutable = false;
        } else {
            break;
        }
    }
    let documentation = cursor.documentation()?;
    table.columns.push(ColumnDefinition { name, documentation, ty, ephemeral, mutable });
    Ok(())
}

/// The rest of `unique(COLUMN, COLUMN...)`.
fn unique(cursor: &mut Cursor<'_>, table: &TableDefinition) -> Result<Vec<String>, NotationError> {
    let mut columns = Vec::new();
    loop {
        let start = cursor.clone();
        let column = cursor.name("the name of a column")?;
        if !table.columns.iter().any(|known| known.name == column) {
            return Err(start.error("a column that the table has by now"));
        }
        columns.push(column);
        if cursor.eat(")") {
            return Ok(columns);
        }
        cursor.expect(",", "',' or ')'")?;
    }
}

fn column_type(cursor: &mut Cursor<'_>) -> Result<Type, NotationError> {
    if !cursor.eat("{") {
        let key = base(cursor)?;
        let min = u32::from(!cursor.eat("?"));
        return Ok(Type { key, value: None, min, max: Some(1) });
    }
    let key = base(cursor)?;
    let value = if cursor.eat(":") { Some(base(cursor)?) } else { None };
    cursor.expect("}", "'}'")?;
    let start = cursor.clone();
    let (min, max) = cursor.range('[', ']', "a number of members")?;
    let min = min.unwrap_or(0);
    if min > 1 || max.is_some_and(|max: u32| max < min.max(1)) {
        return Err(start.error("'[MIN..MAX]' with a MIN of 0 or 1 and a MAX not below it"));
    }
    Ok(Type { key, value, min, max })
}

fn base(cursor: &mut Cursor<'_>) -> Result<Base, NotationError> {
    if cursor.eat("->") {
        return Ok(Base::Reference { table: cursor.reference()?, strong: true });
    }
    if cursor.eat("~>") {
        return Ok(Base::Reference { table: cursor.reference()?, strong: false });
    }
    if cursor.rest().starts_with('"') {
        let mut choices = vec![cursor.quoted()?];
        while cursor.eat("|") {
            choices.push(cursor.quoted()?);
        }
        return Ok(Base::Enum(choices));
    }
    let start = cursor.clone();
    match cursor.take_while(|c| c.is_ascii_alphabetic()) {
        "int" => {
            let (min, max) = cursor.range('(', ')', "a number")?;
            Ok(Base::Integer { min, max })
        }
        "real" => {
            let (min, max) = cursor.range('(', ')', "a number")?;
            Ok(Base::Real { min, max })
        }
        "string" => {
            let (min, max) = cursor.range('(', ')', "a length")?;
            Ok(Base::String { min, max })
        }
        "bool" => Ok(Base::Boolean),
        "uuid" => Ok(Base::Uuid),
        _ => Err(start.error("a type: int, real, bool, string, uuid, \"...\", ->TABLE, ~>TABLE or {...}")),
    }
}

/// A place in one line.
#[derive(Clone)]
struct Cursor<'a> {
    line: usize,
    text: &'a str,
    /// Octets consumed; always at a character's start.
    at: usize,
    /// Tables this line refers to, each with the error if there is no such table in the file.
    references: Vec<(String, NotationError)>,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn error(&self, expected: &'static str) -> NotationError {
        let found = self.rest().chars().take(20).collect();
        NotationError { line: self.line, column: self.at + 1, expected, found }
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches(' ').len();
    }

    /// Consumes what `keep` accepts, and blanks after it.
    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += end;
        self.skip_blanks();
        &rest[..end]
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
            self.skip_blanks();
        }
        found
    }

    fn expect(&mut self, token: &str, expected: &'static str) -> Result<(), NotationError> {
        if self.eat(token) { Ok(()) } else { Err(self.error(expected)) }
    }

    /// Consumes a whole word.
    fn eat_word(&mut self, word: &str) -> bool {
        let mut ahead = self.clone();
        let found = ahead.take_while(|c| c.is_ascii_alphanumeric() || c == '_') == word;
        if found {
            self.at = ahead.at;
        }
        found
    }

    fn keyword(&mut self, word: &str, expected: &'static str) -> Result<(), NotationError> {
        if self.eat_word(word) { Ok(()) } else { Err(self.error(expected)) }
    }

    fn name(&mut self, expected: &'static str) -> Result<String, NotationError> {
        let start = self.clone();
        let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            Ok(name.to_owned())
        } else {
            Err(start.error(expected))
        }
    }

    fn reference(&mut self) -> Result<String, NotationError> {
        let start = self.clone();
        let name = self.name("the name of a table")?;
        self.references.push((name.clone(), start.error("a table of this database")));
        Ok(name)
    }

    fn quoted(&mut self) -> Result<String, NotationError> {
        self.expect("\"", "a string in double quotes")?;
        let text = self.take_while(|c| c != '"').to_owned();
        self.expect("\"", "'\"'")?;
        Ok(text)
    }

    fn number<T: FromStr>(&mut self, expected: &'static str) -> Result<T, NotationError> {
        let start = self.clone();
        let digits = self.rest().split("..").next().unwrap_or_default();
        let length =
            digits.find(|c: char| !(c.is_ascii_digit() || c == '-' || c == '.')).unwrap_or(digits.len());
        self.at += length;
        self.skip_blanks();
        digits[..length].parse().map_err(|_| start.error(expected))
    }

    /// `(MIN..MAX)` with either left out, or nothing at all.
    fn range<T: FromStr + PartialOrd>(
        &mut self,
        open: char,
        close: char,
        expected: &'static str,
    ) -> Result<(Option<T>, Option<T>), NotationError> {
        let start = self.clone();
        if !self.eat(open.encode_utf8(&mut [0; 4])) {
            return Ok((None, None));
        }
        let min = if self.rest().starts_with("..") { None } else { Some(self.number(expected)?) };
        self.expect("..", "'..'")?;
        let max = if self.rest().starts_with(close) { None } else { Some(self.number(expected)?) };
        self.expect(close.encode_utf8(&mut [0; 4]), "the end of the range")?;
        match (&min, &max) {
            (Some(min), Some(max)) if min > max => Err(start.error("a range that is not empty")),
            _ => Ok((min, max)),
        }
    }

    /// `-- text` or the end of the line.
    fn documentation(&mut self) -> Result<String, NotationError> {
        if self.eat("--") {
            let text = self.rest().trim_end().to_owned();
            self.at = self.text.len();
            return Ok(text);
        }
        if self.rest().is_empty() || self.rest().starts_with('#') {
            return Ok(String::new());
        }
        Err(self.error("'--' and documentation, or the end of the line"))
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use ovsdb::DatabaseSchema;

    #[test]
    fn a_definition_becomes_a_schema() {
        let text = r#"
# What follows is one database.
database Test 1.2.3 -- of the parser
table A root max 1 -- the root
  name   string const          -- text
  n      int(-1..)?            # no text
  low    {int(..5)}[1..4]
  kind   {"x"|"y": ->B}[0..2] ephemeral
  unique(name, n)
table B
  peer   ~>A?
  index  real(0.5..)
  id     string(1..63)
  flag   bool
  other  {uuid}
"#;
        let schema = parse(text).unwrap().to_schema().unwrap();
        let expected = serde_json::json!({"name": "Test", "version": "1.2.3", "tables": {
            "A": {"isRoot": true, "maxRows": 1, "indexes": [["name", "n"]], "columns": {
                "name": {"type": "string", "mutable": false},
                "n": {"type": {"key": {"type": "integer", "minInteger": -1}, "min": 0}},
                "low": {"type": {"key": {"type": "integer", "maxInteger": 5}, "max": 4}},
                "kind": {"type": {"min": 0, "max": 2,
                    "key": {"type": "string", "enum": ["set", ["x", "y"]]},
                    "value": {"type": "uuid", "refTable": "B"}}}}},
            "B": {"columns": {
                "peer": {"type": {"min": 0, "key": {"type": "uuid", "refTable": "A", "refType": "weak"}}},
                "index": {"type": {"key": {"type": "real", "minReal": 0.5}}},
                "id": {"type": {"key": {"type": "string", "minLength": 1, "maxLength": 63}}},
                "flag": {"type": "boolean"},
                "other": {"type": {"key": "uuid", "min": 0, "max": "unlimited"}}}}}});
        assert_eq!(schema.to_json(), expected);
        assert_eq!(schema.to_text(), expected.to_string());
        assert_eq!(DatabaseSchema::from_text(schema.to_text().as_bytes()).as_ref(), Ok(&schema));
        assert_eq!(DatabaseSchema::from_json(&expected), Ok(schema));
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let cases = [
            ("", "line 1, column 1: expected database NAME VERSION, found \"\""),
            ("table A", "line 1, column 1: expected database NAME VERSION, found \"table A\""),
            ("database X 1.2", "line 1, column 12: expected a version of three numbers, found \"1.2\""),
            (
                "database X 1.2.3\n  a int",
                "line 2, column 3: expected a table before its columns, found \"a int\"",
            ),
            (
                "database X 1.2.3\ntable A\n  a it",
                "line 3, column 5: expected a type: int, real, bool, string, uuid, \"...\", ->TABLE, ~>TABLE or {...}, found \"it\"",
            ),
            (
                "database X 1.2.3\ntable A\n  a int(1..0)",
                "line 3, column 8: expected a range that is not empty, found \"(1..0)\"",
            ),
            (
                "database X 1.2.3\ntable A\n  a int(x..)",
                "line 3, column 9: expected a number, found \"x..)\"",
            ),
            (
                "database X 1.2.3\ntable A\n  a {int}[2..3]",
                "line 3, column 10: expected '[MIN..MAX]' with a MIN of 0 or 1 and a MAX not below it, found \"[2..3]\"",
            ),
            (
                "database X 1.2.3\ntable A\n  a ->B",
                "line 3, column 7: expected a table of this database, found \"B\"",
            ),
            (
                "database X 1.2.3\ntable A\n  a int\n  a int",
                "line 4, column 3: expected a name that the table does not have yet, found \"a int\"",
            ),
            (
                "database X 1.2.3\ntable A\ntable A",
                "line 3, column 1: expected a table that is not defined yet, found \"table A\"",
            ),
            (
                "database X 1.2.3\ntable A\n  unique(b)",
                "line 3, column 10: expected a column that the table has by now, found \"b)\"",
            ),
            ("database X 1.2.3\ntable A\n  a \"x", "line 3, column 7: expected '\"', found \"\""),
            (
                "database X 1.2.3\ntable A\n  a int text",
                "line 3, column 9: expected '--' and documentation, or the end of the line, found \"text\"",
            ),
        ];
        for (text, error) in cases {
            assert_eq!(parse(text).map_err(|error| error.to_string()), Err(error.to_owned()), "{text}");
        }
    }
}

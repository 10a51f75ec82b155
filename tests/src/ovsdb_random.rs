//! Random requests for a database of any schema: valid most of the time, wrong in every way the rest.
//!
//! Every choice is a draw from a [`Dice`], a list of numbers. A short list, or one of zeros, draws the simplest request,
//! so that a tool that makes lists shorter and numbers smaller makes requests simpler.

use std::sync::Arc;

use ovsdb::{
    AtomType, BaseType, ColumnSchema, ColumnType, Constraint, DatabaseSchema, RefType, Str, TableSchema,
};
use serde_json::{Map, Value, json};

use crate::ovsdb_pair::chosen_uuid;

/// How many rows with a known UUID a table has at most.
const ROWS_PER_TABLE: usize = 5;

/// Numbers that decide; zeros when they are used up.
pub struct Dice<'a> {
    numbers: std::slice::Iter<'a, u16>,
}

impl<'a> Dice<'a> {
    /// Draws from `numbers`, in their order.
    pub fn new(numbers: &'a [u16]) -> Self {
        Self { numbers: numbers.iter() }
    }

    /// A number below `count`, which is not zero.
    pub fn below(&mut self, count: usize) -> usize {
        let number = usize::from(self.numbers.next().copied().unwrap_or(0));
        (number * count) >> 16
    }

    /// True once in `count` times; false when the numbers are used up.
    fn once_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1 && count > 1
    }

    fn pick<'b, T>(&mut self, items: &'b [T]) -> &'b T {
        &items[self.below(items.len())]
    }
}

/// What requests are made for.
pub struct Requests {
    schema: Arc<DatabaseSchema>,
    names: Vec<Str>,
}

/// A few tables that refer to each other.
pub type Tables = Vec<Str>;

impl Requests {
    /// Requests for databases of this schema.
    pub fn new(schema: Arc<DatabaseSchema>) -> Self {
        let names = schema.tables.keys().cloned().collect();
        Self { schema, names }
    }

    fn table(&self, name: &str) -> &TableSchema {
        self.schema.table(name).expect("names come from the schema")
    }

    /// A table, and up to three more that it refers to or that refer to it.
    pub fn tables(&self, dice: &mut Dice<'_>) -> Tables {
        let mut tables = vec![dice.pick(&self.names).clone()];
        for _ in 0..3 {
            let near: Vec<&Str> = self
                .names
                .iter()
                .filter(|name| !tables.contains(name))
                .filter(|name| {
                    tables.iter().any(|table| self.refers(table, name) || self.refers(name, table))
                })
                .collect();
            if near.is_empty() {
                break;
            }
            tables.push((*dice.pick(&near)).clone());
        }
        tables
    }

    fn refers(&self, from: &str, to: &str) -> bool {
        let mut bases =
            self.table(from).columns.values().flat_map(|c| [Some(&c.ty.key), c.ty.value.as_ref()]);
        bases.any(|base| base.and_then(|b| b.reference.as_ref()).is_some_and(|r| &*r.table == to))
    }

    /// An operation of a `transact` request.
    pub fn operation(&self, tables: &Tables, dice: &mut Dice<'_>) -> Value {
        let mut draw = Draw { requests: self, tables, dice, spoiled: false };
        let mut operation = match draw.dice.below(100) {
            0..34 => draw.insert(),
            34..50 => draw.update(),
            50..72 => draw.mutate(),
            72..83 => draw.delete(),
            83..89 => draw.select(),
            89..95 => draw.wait(),
            95 => json!({"op": "commit", "durable": draw.dice.once_in(2)}),
            96 => json!({"op": "abort"}),
            97 | 98 => json!({"op": "comment", "comment": *draw.dice.pick(&STRINGS)}),
            _ => json!({"op": "assert", "lock": *draw.dice.pick(&["held", "other"])}),
        };
        if draw.errs(12) {
            draw.spoil(&mut operation);
            // Else it would wait for ever.
            if operation["op"] == "wait" && operation.get("timeout").is_none() {
                operation["timeout"] = json!(0);
            }
        }
        operation
    }

    /// The third parameter of a monitor request: with conditions and one request a table, or, for the method `monitor`,
    /// without.
    pub fn monitor(&self, tables: &Tables, conditions: bool, dice: &mut Dice<'_>) -> Value {
        let mut draw = Draw { requests: self, tables, dice, spoiled: false };
        let mut requests = Map::new();
        for table in tables {
            if draw.dice.once_in(4) {
                continue;
            }
            let mut request = Map::new();
            // All columns are those and the version. The peer gives a row a new one when only weak references to
            // nothing were added, we do not.
            let weak = self.table(table).columns.values().any(|column| {
                let bases = [Some(&column.ty.key), column.ty.value.as_ref()];
                bases.into_iter().flatten().any(|base| base.reference_of(RefType::Weak).is_some())
            });
            if weak || !draw.dice.once_in(4) {
                request.insert("columns".to_owned(), draw.columns(table));
            }
            if draw.dice.once_in(5) {
                let kinds = ["initial", "insert", "delete", "modify"];
                let select = kinds.map(|kind| (kind.to_owned(), json!(!draw.dice.once_in(3))));
                request.insert("select".to_owned(), Value::Object(select.into_iter().collect()));
            }
            if conditions && !draw.dice.once_in(3) {
                request.insert("where".to_owned(), draw.condition(table));
            }
            requests.insert(table.to_string(), json!([request]));
        }
        requests.into()
    }

    /// The third parameter of `monitor_cond_change`.
    pub fn monitor_change(&self, tables: &Tables, dice: &mut Dice<'_>) -> Value {
        let mut draw = Draw { requests: self, tables, dice, spoiled: false };
        let table = draw.any_table();
        let condition = draw.condition(&table);
        json!({ &*table: [{ "where": condition }] })
    }

    /// Operations that read, or with `delete` empty, the tables.
    pub fn whole(tables: &Tables, delete: bool) -> Vec<Value> {
        let op = if delete { "delete" } else { "select" };
        tables.iter().map(|table| json!({"op": op, "table": &**table, "where": []})).collect()
    }
}

const STRINGS: [&str; 9] =
    ["a", "b", "", "abc", "é\u{1f600}", "q\"\\/\n\u{1}", "true", "a longer text", "c,d=e"];
const INTEGERS: [i64; 12] = [0, 1, 2, 3, 7, -1, -6, 100, 4095, 70_000, i64::MAX, i64::MIN];
const REALS: [f64; 9] = [0.0, 1.0, 0.5, 1.5, -0.25, 0.1, 1e10, 1e300, -3.75e-5];
/// For `*=`: the peer crashes when it multiplies a negative integer by zero, and does not see every overflow.
const FACTORS: [i64; 4] = [2, 3, 7, 100];

/// Draws for one request.
struct Draw<'a, 'b> {
    requests: &'a Requests,
    tables: &'a Tables,
    dice: &'a mut Dice<'b>,
    /// Whether something is wrong already: of two things, no one knows which a server names.
    spoiled: bool,
}

impl Draw<'_, '_> {
    /// True about once in `count` times, and once a request.
    fn errs(&mut self, count: usize) -> bool {
        let errs = self.dice.once_in(count) && !self.spoiled;
        self.spoiled |= errs;
        errs
    }

    fn any_table(&mut self) -> Str {
        self.dice.pick(self.tables).clone()
    }

    fn insert(&mut self) -> Value {
        let table = self.any_table();
        let mut operation = json!({"op": "insert", "table": &*table});
        match self.dice.below(10) {
            0..6 => operation["uuid"] = self.row_of(&table).into(),
            6..8 => operation["uuid-name"] = self.name_of(&table).into(),
            8 => {}
            _ => {
                operation["uuid"] = self.row_of(&table).into();
                operation["uuid-name"] = self.name_of(&table).into();
            }
        }
        operation["row"] = self.row(&table, 3);
        operation
    }

    fn update(&mut self) -> Value {
        let table = self.any_table();
        let mut row = Map::new();
        for _ in 0..=self.dice.below(3) {
            let (name, column) = self.column(&table);
            // Mostly what may change.
            if column.mutable || self.errs(8) {
                row.insert(name.to_string(), self.value(&column.ty));
            }
        }
        json!({"op": "update", "table": &*table, "where": self.condition(&table), "row": row})
    }

    fn mutate(&mut self) -> Value {
        let table = self.any_table();
        let mutations: Vec<Value> = (0..=self.dice.below(3)).map(|_| self.mutation(&table)).collect();
        json!({"op": "mutate", "table": &*table, "where": self.condition(&table), "mutations": mutations})
    }

    fn delete(&mut self) -> Value {
        let table = self.any_table();
        json!({"op": "delete", "table": &*table, "where": self.condition(&table)})
    }

    fn select(&mut self) -> Value {
        let table = self.any_table();
        let mut operation = json!({"op": "select", "table": &*table, "where": self.condition(&table)});
        if !self.dice.once_in(2) {
            operation["columns"] = self.columns(&table);
        }
        operation
    }

    fn wait(&mut self) -> Value {
        let table = self.any_table();
        let until = *self.dice.pick(&["!=", "=="]);
        let rows: Vec<Value> = (0..self.dice.below(3)).map(|_| self.row(&table, 6)).collect();
        let mut operation =
            json!({"op": "wait", "table": &*table, "timeout": 0, "until": until, "rows": rows});
        operation["where"] = self.condition(&table);
        if !self.dice.once_in(3) {
            operation["columns"] = self.columns(&table);
        }
        operation
    }

    /// The UUID of a row that there may be.
    fn row_of(&mut self, table: &str) -> String {
        let kind = u16::try_from(1 + self.number_of(table)).expect("schemas have fewer tables");
        chosen_uuid(kind, self.dice.below(ROWS_PER_TABLE))
    }

    /// A name for a new row. Each table has its own: the peer takes a reference to a row of another table under the
    /// UUID of the row itself for one that need not exist.
    fn name_of(&mut self, table: &str) -> String {
        format!("t{}_{}", self.number_of(table), self.dice.below(3))
    }

    fn number_of(&self, table: &str) -> usize {
        let names = &self.requests.names;
        names.iter().position(|name| &**name == table).unwrap_or(names.len())
    }

    fn column(&mut self, table: &str) -> (Str, ColumnSchema) {
        let columns: Vec<_> = self.requests.table(table).columns.iter().collect();
        let (name, column) = self.dice.pick(&columns);
        ((*name).clone(), (*column).clone())
    }

    fn columns(&mut self, table: &str) -> Value {
        let all: Vec<Str> = self.requests.table(table).columns.keys().cloned().collect();
        let mut columns: Vec<&str> =
            all.iter().map(|name| &**name).filter(|_| !self.dice.once_in(3)).collect();
        if self.dice.once_in(4) {
            columns.push("_uuid");
        }
        columns.into()
    }

    /// Values for what must have one, and for about one in `sparse` of the others.
    fn row(&mut self, table: &str, sparse: usize) -> Value {
        let columns: Vec<_> = self.requests.table(table).columns.clone().into_iter().collect();
        let mut row = Map::new();
        for (name, column) in columns {
            let ty = &column.ty;
            let bases = [Some(&ty.key), ty.value.as_ref()];
            let bound =
                bases.iter().flatten().any(|b| b.constraint != Constraint::None || b.reference.is_some());
            let needed = ty.min > 0 && bound;
            if (needed && !self.errs(20)) || self.dice.below(sparse) == 1 {
                row.insert(name.to_string(), self.value(ty));
            }
        }
        row.into()
    }

    fn value(&mut self, ty: &ColumnType) -> Value {
        let (min, max) = (ty.min as usize, ty.max.map_or(usize::MAX, |max| max as usize));
        let count = match self.errs(40) {
            true => self.dice.below(6),
            false => self.dice.below(4).clamp(min, max),
        };
        let mut keys = Vec::new();
        for _ in 0..count {
            let key = self.atom(&ty.key);
            if !keys.contains(&key) || self.errs(100) {
                keys.push(key);
            }
        }
        match &ty.value {
            Some(base) => {
                let pairs: Vec<Value> = keys.into_iter().map(|key| json!([key, self.atom(base)])).collect();
                json!(["map", pairs])
            }
            None if keys.len() == 1 && !self.dice.once_in(10) => keys.remove(0),
            None => json!(["set", keys]),
        }
    }

    fn atom(&mut self, base: &BaseType) -> Value {
        let obeys = !self.errs(40);
        match (&base.constraint, base.atom) {
            (Constraint::Enum(allowed), _) if obeys => {
                let allowed: Vec<_> = allowed.iter().collect();
                self.dice.pick(&allowed).to_json()
            }
            (Constraint::IntegerRange { min, max }, _) if obeys => {
                let near = |n: &&i64| (min..=max).contains(n);
                let mut allowed: Vec<i64> = INTEGERS.iter().filter(near).copied().collect();
                allowed.extend([*min, *max]);
                json!(*self.dice.pick(&allowed))
            }
            (Constraint::RealRange { min, max }, _) if obeys => {
                let bounds = [min, max].into_iter().flatten().map(|bound| bound.get());
                let inside = |r: &f64| min.is_none_or(|m| m.get() <= *r) && max.is_none_or(|m| *r <= m.get());
                let allowed: Vec<f64> = REALS.into_iter().filter(inside).chain(bounds).collect();
                json!(*self.dice.pick(&allowed))
            }
            (Constraint::StringLength { min, max }, _) if obeys => {
                let length = |text: &&str| (*min..=*max).contains(&(text.chars().count() as u32));
                let allowed: Vec<&str> = STRINGS.into_iter().filter(length).collect();
                json!(*self.dice.pick(&allowed))
            }
            (_, AtomType::Integer) => json!(*self.dice.pick(&INTEGERS)),
            (_, AtomType::Real) => json!(*self.dice.pick(&REALS)),
            (_, AtomType::Boolean) => json!(self.dice.once_in(2)),
            (_, AtomType::String) => json!(*self.dice.pick(&STRINGS)),
            (_, AtomType::Uuid) => self.uuid(base),
        }
    }

    fn uuid(&mut self, base: &BaseType) -> Value {
        match (&base.reference, self.dice.below(8)) {
            (Some(reference), 7) => json!(["named-uuid", self.name_of(&reference.table)]),
            (Some(reference), _) => json!(["uuid", self.row_of(&reference.table)]),
            (None, _) => json!(["uuid", chosen_uuid(0xffff, self.dice.below(4))]),
        }
    }

    fn condition(&mut self, table: &str) -> Value {
        match self.dice.below(10) {
            0..6 => json!([["_uuid", "==", ["uuid", self.row_of(table)]]]),
            6 | 7 => json!([]),
            _ => (0..=self.dice.below(2)).map(|_| self.clause(table)).collect(),
        }
    }

    fn clause(&mut self, table: &str) -> Value {
        const FUNCTIONS: [&str; 8] = ["==", "!=", "includes", "excludes", "<", "<=", ">", ">="];
        match self.dice.below(16) {
            14 => return json!(self.dice.once_in(2)),
            15 => return json!(["_uuid", *self.dice.pick(&FUNCTIONS), ["uuid", self.row_of(table)]]),
            _ => {}
        }
        let (name, column) = self.column(table);
        let ordered = column.ty.key.atom.is_numeric() && !column.ty.is_map() && column.ty.max == Some(1);
        let functions = if ordered || self.errs(12) { &FUNCTIONS[..] } else { &FUNCTIONS[..4] };
        let function = *self.dice.pick(functions);
        json!([&*name, function, self.value(&column.ty)])
    }

    fn mutation(&mut self, table: &str) -> Value {
        const ARITHMETIC: [&str; 5] = ["+=", "-=", "*=", "/=", "%="];
        let columns: Vec<_> = self.requests.table(table).columns.clone().into_iter().collect();
        // Mostly what may change in this way.
        let changes = |ty: &ColumnType| !ty.is_scalar() || ty.key.atom.is_numeric();
        let able: Vec<_> =
            columns.iter().filter(|(_, column)| column.mutable && changes(&column.ty)).collect();
        let all = able.is_empty() || self.errs(30);
        let (name, column) = if all { self.dice.pick(&columns) } else { *self.dice.pick(&able) };
        let ty = &column.ty;
        let numeric = ty.key.atom.is_numeric() && !ty.is_map();
        if (numeric && (ty.is_scalar() || self.dice.once_in(2))) || self.errs(40) {
            let mutator = *self.dice.pick(&ARITHMETIC);
            let arg = match (mutator, ty.key.atom) {
                // To the peer's indexes a negative zero, which is what a negative real times zero is, is not zero.
                ("*=", AtomType::Integer | AtomType::Real) => json!(*self.dice.pick(&FACTORS)),
                (_, atom) => self.atom(&atom.into()),
            };
            return json!([&**name, mutator, arg]);
        }
        let mutator = *self.dice.pick(&["insert", "delete"]);
        let arg_type = match ty.is_map() && mutator == "delete" && self.dice.once_in(2) {
            true => ColumnType { value: None, min: 0, ..ty.clone() },
            false => ColumnType { min: 0, ..ty.clone() },
        };
        json!([&**name, mutator, self.value(&arg_type)])
    }

    /// Makes one place of a request wrong, or at least odd.
    fn spoil(&mut self, json: &mut Value) {
        let depth = self.dice.below(6);
        let mut place = json;
        for _ in 0..depth {
            let children = match place {
                Value::Object(members) => members.len(),
                Value::Array(elements) => elements.len(),
                _ => 0,
            };
            if children == 0 {
                break;
            }
            let child = self.dice.below(children);
            place = match place {
                Value::Object(members) => members.values_mut().nth(child),
                Value::Array(elements) => elements.get_mut(child),
                _ => None,
            }
            .expect("the child was counted");
        }
        match (place, self.dice.below(3)) {
            (Value::Object(members), 0) => _ = members.insert("extra".to_owned(), json!(1)),
            (Value::Object(members), 1) => {
                let name = members.keys().nth(self.dice.below(members.len().max(1))).cloned();
                name.map(|name| members.remove(&name));
            }
            (Value::Array(elements), 0) => elements.push(json!("extra")),
            (Value::Array(elements), 1) => _ = elements.pop(),
            (place, _) => *place = self.junk(),
        }
    }

    fn junk(&mut self) -> Value {
        let junk = [
            json!(null),
            json!(true),
            json!(5),
            json!(-1),
            json!(1.5),
            json!(2.0),
            json!("junk"),
            json!("_uuid"),
            json!("_version"),
            json!([]),
            json!({}),
            json!(["set", []]),
            json!(["set", [1, 1]]),
            json!(["set", ["a", "a"]]),
            json!(["set", "a"]),
            json!(["map", []]),
            json!(["map", [["a", "b"], ["a", "c"]]]),
            json!(["map", [["a"]]]),
            json!(["uuid", "junk"]),
            json!(["uuid", chosen_uuid(0xffff, 9)]),
            json!(["named-uuid", "0junk"]),
            json!(["named-uuid", "n9"]),
            json!(1e30),
            json!(u64::MAX),
        ];
        self.dice.pick(&junk).clone()
    }
}

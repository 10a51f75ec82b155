//! Operations straight from the text of a request, without a tree of JSON in between.
//!
//! This takes what clients send all day. Anything else, odd or wrong, goes to the careful reader,
//! [`Operation::from_json`], which takes everything and has the words for what is wrong.

use super::mutation::{Mutation, Mutator, is_mutable};
use super::{Clause, Columns, Condition, Function, Operation, Until};
use crate::json::{Elements, Json};
use crate::schema::{BaseType, ColumnId, ColumnType, Layout, TableId, TableLayout, is_valid_id};
use crate::value::{Atom, AtomType, Atoms, Datum, Real, Str, Strings, Symbols, Uuid};
use std::borrow::Cow;

/// An operation as it is read quickly.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Quick {
    /// [`Operation::Insert`], with the columns already found.
    Insert { table: TableId, uuid: Option<Uuid>, row: Vec<(usize, Datum)> },
    /// Any other.
    Other(Operation),
}

/// Reads all operations of a transaction; `None` if one of them is for the careful reader.
pub(crate) fn operations(
    list: Elements<'_>,
    layout: &Layout,
    symbols: &mut Symbols,
    strings: &mut Strings,
) -> Option<Vec<Quick>> {
    let uuid = ColumnType::from(AtomType::Uuid);
    let mut reader = Reader { layout, uuid: &uuid, symbols, strings };
    list.map(|json| reader.operation(json)).collect()
}

/// Columns of a row that an insert rarely gives more of.
const COLUMNS_FEW: usize = 8;

/// The members of an operation, each once.
#[derive(Default)]
struct Fields<'t> {
    op: Option<Json<'t>>,
    table: Option<Json<'t>>,
    condition: Option<Json<'t>>,
    row: Option<Json<'t>>,
    mutations: Option<Json<'t>>,
    uuid_name: Option<Json<'t>>,
    columns: Option<Json<'t>>,
    until: Option<Json<'t>>,
    rows: Option<Json<'t>>,
    timeout: Option<Json<'t>>,
    comment: Option<Json<'t>>,
    lock: Option<Json<'t>>,
    durable: Option<Json<'t>>,
    /// How many of them there are.
    count: usize,
}

impl<'t> Fields<'t> {
    fn of(json: Json<'t>) -> Option<Self> {
        let mut fields = Self::default();
        for member in json.object()? {
            let (name, value) = member?;
            let field = match name {
                "op" => &mut fields.op,
                "table" => &mut fields.table,
                "where" => &mut fields.condition,
                "row" => &mut fields.row,
                "mutations" => &mut fields.mutations,
                "uuid-name" => &mut fields.uuid_name,
                "columns" => &mut fields.columns,
                "until" => &mut fields.until,
                "rows" => &mut fields.rows,
                "timeout" => &mut fields.timeout,
                "comment" => &mut fields.comment,
                "lock" => &mut fields.lock,
                "durable" => &mut fields.durable,
                _ => return None,
            };
            if field.replace(value).is_some() {
                return None;
            }
            fields.count += 1;
        }
        Some(fields)
    }
}

struct Reader<'a> {
    layout: &'a Layout,
    /// The type of `_uuid` and `_version`.
    uuid: &'a ColumnType,
    symbols: &'a mut Symbols,
    strings: &'a mut Strings,
}

impl<'a> Reader<'a> {
    fn operation(&mut self, json: Json<'_>) -> Option<Quick> {
        let fields = Fields::of(json)?;
        let optional = |field: Option<Json<'_>>| usize::from(field.is_some());
        let (operation, count) = match fields.op?.plain()? {
            "insert" => {
                let operation = self.insert(&fields)?;
                return (fields.count == 3 + optional(fields.uuid_name)).then_some(operation);
            }
            "select" => (self.select(&fields)?, 3 + optional(fields.columns)),
            "update" => (self.update(&fields)?, 4),
            "mutate" => (self.mutate(&fields)?, 4),
            "delete" => (self.delete(&fields)?, 3),
            "wait" => (self.wait(&fields)?, 5 + optional(fields.columns) + optional(fields.timeout)),
            "commit" => (Operation::Commit { durable: boolean(fields.durable?)? }, 2),
            "comment" => (Operation::Comment { comment: string(fields.comment?)?.as_ref().into() }, 2),
            "assert" => (Operation::Assert { lock: id(fields.lock?)?.into() }, 2),
            _ => return None,
        };
        // What the operation does not take is an error.
        (fields.count == count).then_some(Quick::Other(operation))
    }

    fn insert(&mut self, fields: &Fields<'_>) -> Option<Quick> {
        let at = self.layout.table_id(fields.table?.plain()?)?;
        let table = self.layout.table(at);
        let uuid = match fields.uuid_name {
            Some(name) => Some(self.symbols.define(id(name)?, None)?),
            None => None,
        };
        let mut row = Vec::with_capacity(COLUMNS_FEW);
        self.values(fields.row?, table, |at, datum| row.push((at, datum)))?;
        Some(Quick::Insert { table: at, uuid, row })
    }

    fn select(&mut self, fields: &Fields<'_>) -> Option<Operation> {
        let table = self.table(fields)?;
        let condition = self.condition(fields.condition?, table)?;
        let columns = optional(fields.columns, |columns| names(columns, table))?;
        Some(Operation::Select { table: table.name.clone(), condition, columns })
    }

    fn update(&mut self, fields: &Fields<'_>) -> Option<Operation> {
        let table = self.table(fields)?;
        let row = self.row(fields.row?, table)?;
        if !row.keys().all(|name| table.column_id(name).is_some_and(|id| is_mutable(table, id))) {
            return None;
        }
        let condition = self.condition(fields.condition?, table)?;
        Some(Operation::Update { table: table.name.clone(), condition, row })
    }

    fn mutate(&mut self, fields: &Fields<'_>) -> Option<Operation> {
        let table = self.table(fields)?;
        let mutations = fields.mutations?.array()?;
        let mutations = mutations.map(|json| self.mutation(json, table)).collect::<Option<_>>()?;
        let condition = self.condition(fields.condition?, table)?;
        Some(Operation::Mutate { table: table.name.clone(), condition, mutations })
    }

    fn delete(&mut self, fields: &Fields<'_>) -> Option<Operation> {
        let table = self.table(fields)?;
        let condition = self.condition(fields.condition?, table)?;
        Some(Operation::Delete { table: table.name.clone(), condition })
    }

    fn wait(&mut self, fields: &Fields<'_>) -> Option<Operation> {
        let table = self.table(fields)?;
        let condition = self.condition(fields.condition?, table)?;
        let columns = optional(fields.columns, |columns| names(columns, table))?;
        let timeout_ms = optional(fields.timeout, |ms| ms.text().parse::<u64>().ok())?;
        let until = match fields.until?.plain()? {
            "==" => Until::Equal,
            "!=" => Until::NotEqual,
            _ => return None,
        };
        let rows = fields.rows?.array()?.map(|row| self.row(row, table)).collect::<Option<_>>()?;
        Some(Operation::Wait { table: table.name.clone(), condition, columns, until, rows, timeout_ms })
    }

    fn table(&self, fields: &Fields<'_>) -> Option<&'a TableLayout> {
        self.layout.table_named(fields.table?.plain()?)
    }

    fn row(&mut self, json: Json<'_>, table: &TableLayout) -> Option<Columns> {
        let mut row = Columns::new();
        self.values(json, table, |at, datum| _ = row.insert(table.columns[at].0.clone(), datum))?;
        Some(row)
    }

    /// Gives the columns of a row, by place; of a name that comes twice the last one counts.
    fn values(
        &mut self,
        json: Json<'_>,
        table: &TableLayout,
        mut give: impl FnMut(usize, Datum),
    ) -> Option<()> {
        for member in json.object()? {
            let (name, value) = member?;
            let at = table.column_index(name)?;
            let ty = &table.columns[at].1.ty;
            give(at, self.datum(value, ty, (ty.min, ty.max))?);
        }
        Some(())
    }

    fn condition(&mut self, json: Json<'_>, table: &TableLayout) -> Option<Condition> {
        let clauses = json.array()?.map(|clause| self.clause(clause, table));
        Some(Condition { clauses: clauses.collect::<Option<_>>()? })
    }

    fn clause(&mut self, json: Json<'_>, table: &TableLayout) -> Option<Clause> {
        if let Some(constant) = boolean(json) {
            return Some(Clause::Constant(constant));
        }
        let [column, function, arg] = json.array_of()?;
        let (name, ty) = match table.column_id(column.plain()?)? {
            ColumnId::At(at) if at < table.columns.len() => {
                let (name, column) = &table.columns[at];
                (name.clone(), &column.ty)
            }
            ColumnId::At(_) | ColumnId::Uuid => (column.plain()?.into(), self.uuid),
        };
        let function = Function::from_name(function.plain()?)?;
        let bounds = match function {
            Function::Equal | Function::NotEqual => (ty.min, ty.max),
            Function::Includes | Function::Excludes if ty.is_scalar() => (ty.min, ty.max),
            Function::Includes => (0, ty.max),
            Function::Excludes => (0, None),
            Function::Less | Function::LessOrEqual | Function::GreaterOrEqual | Function::Greater => {
                return None;
            }
        };
        let arg = self.datum(arg, ty, bounds)?;
        Some(Clause::Compare { column: name, function, arg })
    }

    fn mutation(&mut self, json: Json<'_>, table: &TableLayout) -> Option<Mutation> {
        let [column, mutator, arg] = json.array_of()?;
        let at = table.column_index(column.plain()?)?;
        let (name, column) = &table.columns[at];
        if !is_mutable(table, ColumnId::At(at)) || column.ty.is_scalar() {
            return None;
        }
        let mutator = Mutator::from_name(mutator.plain()?)?;
        let bounds = match mutator {
            Mutator::Insert => (0, column.ty.max),
            Mutator::Delete => (0, None),
            Mutator::Add | Mutator::Subtract | Mutator::Multiply | Mutator::Divide | Mutator::Remainder => {
                return None;
            }
        };
        let arg = self.datum(arg, &column.ty, bounds)?;
        Some(Mutation { column: name.clone(), mutator, arg })
    }

    /// A value of type `ty`, but with another least and greatest number of elements.
    fn datum(&mut self, json: Json<'_>, ty: &ColumnType, (min, max): (u32, Option<u32>)) -> Option<Datum> {
        let fits =
            |len: usize| u32::try_from(len).is_ok_and(|len| min <= len && max.is_none_or(|max| len <= max));
        let tagged = |tag: &str| match json.array_of::<2>() {
            Some([name, inner]) if name.plain() == Some(tag) => inner.array(),
            Some(_) | None => None,
        };
        if let Some(value) = &ty.value {
            let pairs = tagged("map")?;
            let mut pairs: Vec<(Atom, Atom)> = pairs
                .map(|pair| {
                    let [key, of] = pair.array_of()?;
                    Some((self.atom(key, &ty.key, true)?, self.atom(of, value, true)?))
                })
                .collect::<Option<_>>()?;
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            let distinct = pairs.windows(2).all(|two| two[0].0 != two[1].0);
            return (distinct && fits(pairs.len())).then(|| Datum::Map(pairs.into()));
        }
        let Some(atoms) = tagged("set") else { return Some(Datum::scalar(self.atom(json, &ty.key, false)?)) };
        let mut atoms = atoms.map(|atom| self.atom(atom, &ty.key, false)).collect::<Option<Vec<Atom>>>()?;
        atoms.sort_unstable();
        let distinct = atoms.windows(2).all(|two| two[0] != two[1]);
        (distinct && fits(atoms.len())).then(|| Datum::Set(Atoms::from_sorted(atoms)))
    }

    /// `often` says that other rows are likely to have the same text.
    fn atom(&mut self, json: Json<'_>, base: &BaseType, often: bool) -> Option<Atom> {
        let atom = match base.atom {
            AtomType::Integer => Atom::Integer(json.text().parse().ok()?),
            AtomType::Real => Atom::Real(Real::new(serde_json::from_str(json.text()).ok()?)),
            AtomType::Boolean => Atom::Boolean(boolean(json)?),
            AtomType::String if often => Atom::String(self.strings.share(&string(json)?)),
            AtomType::String => Atom::String(self.strings.again(&string(json)?)),
            AtomType::Uuid => {
                let [tag, text] = json.array_of()?;
                let text = text.plain()?;
                Atom::Uuid(match tag.plain()? {
                    "uuid" => text.parse().ok()?,
                    "named-uuid" if is_valid_id(text) => self.symbols.resolve(text),
                    _ => return None,
                })
            }
        };
        base.check(&atom).is_ok().then_some(atom)
    }
}

/// What `read` makes of a member that may be absent; `None` if it makes nothing of one that is there.
fn optional<'t, T>(field: Option<Json<'t>>, read: impl FnOnce(Json<'t>) -> Option<T>) -> Option<Option<T>> {
    match field {
        Some(json) => read(json).map(Some),
        None => Some(None),
    }
}

/// A string that a database can hold.
fn string<'t>(json: Json<'t>) -> Option<Cow<'t, str>> {
    json.string().filter(|text| !text.contains('\0'))
}

fn boolean(json: Json<'_>) -> Option<bool> {
    match json.text() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn id<'t>(json: Json<'t>) -> Option<&'t str> {
    json.plain().filter(|text| is_valid_id(text))
}

/// Distinct names of columns.
fn names(json: Json<'_>, table: &TableLayout) -> Option<Vec<Str>> {
    let mut names: Vec<Str> = Vec::new();
    for name in json.array()? {
        let name = name.plain()?;
        let known = table.column_index(name).map(|at| table.columns[at].0.clone());
        let name = known.or_else(|| table.column_id(name).map(|_| name.into()))?;
        if names.contains(&name) {
            return None;
        }
        names.push(name);
    }
    Some(names)
}

#[cfg(test)]
mod tests;

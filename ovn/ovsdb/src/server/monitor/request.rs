//! What a client asks to be told: `<monitor-requests>` (RFC 7047 section 4.1.5, ovsdb-server(7) for `where`).

use super::condition::Condition;
use crate::json::{self, Members};
use crate::{AtomType, ColumnId, ColumnType, Layout, OvsdbError, Str, TableId, TableLayout};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A whole request, parsed. Monitors with equal `key` are told the same.
#[derive(Debug)]
pub(in crate::server) struct Spec {
    key: String,
    pub(super) encoding: Encoding,
    pub(super) tables: BTreeMap<TableId, Arc<TableSpec>>,
}

/// How changes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Encoding {
    /// Old and new values (RFC 7047 section 4.1.6).
    Whole,
    /// Differences (ovsdb-server(7), `update2`), and conditions on rows.
    Difference,
}

#[derive(Clone, Debug)]
pub(super) struct TableSpec {
    pub(super) name: Str,
    /// Says which columns are wanted when, in words that are equal if the meaning is.
    columns_key: String,
    pub(super) columns: Vec<SpecColumn>,
    /// Which kinds of change any column is wanted for.
    pub(super) select: Select,
    pub(super) condition: Arc<Condition>,
}

#[derive(Clone, Debug)]
pub(super) struct SpecColumn {
    pub(super) name: Str,
    /// The name as the JSON text of a member begins with it.
    pub(super) label: Box<str>,
    pub(super) at: ColumnId,
    pub(super) ty: ColumnType,
    pub(super) select: Select,
}

/// The kinds of change that something is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Select {
    pub(super) initial: bool,
    pub(super) insert: bool,
    pub(super) delete: bool,
    pub(super) modify: bool,
}

impl Spec {
    /// Parses requests for tables of `layout`.
    pub(in crate::server) fn parse(
        requests: &Value,
        layout: &Layout,
        encoding: Encoding,
    ) -> Result<Self, OvsdbError> {
        let Value::Object(requests) = requests else {
            return Err(OvsdbError::syntax(requests, "monitor-requests must be object"));
        };
        let mut tables = BTreeMap::new();
        for (name, request) in requests {
            let Some(id) = layout.table_id(name) else {
                return Err(OvsdbError::new(OvsdbError::SYNTAX, format!("no table named {name}")));
            };
            tables.insert(id, Arc::new(TableSpec::parse(request, layout.table(id), encoding)?));
        }
        Ok(Self::new(tables, encoding))
    }

    /// The tables of which it sees columns that do not survive the server.
    pub(in crate::server) fn forgetful_tables(&self, layout: &Layout) -> impl Iterator<Item = TableId> {
        let forgetful = |id: TableId, column: &SpecColumn| match column.at {
            ColumnId::Uuid => false,
            ColumnId::At(at) => layout.table(id).columns.get(at).is_none_or(|(_, column)| column.ephemeral),
        };
        let tables = self
            .tables
            .iter()
            .filter(move |(id, table)| table.columns.iter().any(|column| forgetful(**id, column)));
        tables.map(|(id, _)| *id)
    }

    /// The same with other conditions on some tables. A request may change nothing but `where`.
    pub(in crate::server) fn with_conditions(
        &self,
        requests: &Value,
        layout: &Layout,
    ) -> Result<Self, OvsdbError> {
        let failed = |what: String| OvsdbError::new(OvsdbError::SYNTAX, what);
        let Value::Object(requests) = requests else {
            return Err(failed("monitor-cond-change-requests must be object".to_owned()));
        };
        let mut tables = self.tables.clone();
        for (name, request) in requests {
            let Some(id) = layout.table_id(name) else {
                return Err(failed(format!("no table named {name}")));
            };
            let Some(spec) = tables.get_mut(&id) else {
                return Err(failed(format!("no table named {name} in monitor session")));
            };
            let Value::Array(requests) = request else {
                return Err(failed(format!("table {name} no monitor-cond-change JSON array")));
            };
            if requests.is_empty() {
                continue;
            }
            let mut condition = Condition::default();
            for request in requests {
                let mut members = Members::of(request, format!("table {name}"))?;
                if members.optional("columns", json::array)?.is_some() {
                    return Err(OvsdbError::syntax(request, "changing columns is unsupported"));
                }
                // As upstream's server does, the last of several requests for a table is in force.
                condition = Condition::default();
                condition.add(members.optional("where", json::array)?, layout.table(id))?;
                members.finish()?;
            }
            *spec = Arc::new(TableSpec { condition: Arc::new(condition), ..(**spec).clone() });
        }
        Ok(Self::new(tables, self.encoding))
    }

    fn new(tables: BTreeMap<TableId, Arc<TableSpec>>, encoding: Encoding) -> Self {
        let mut key = format!("{encoding:?}");
        for table in tables.values() {
            key.extend(["\n", table.name.as_ref(), "\n", &table.columns_key, "\n", table.condition.key()]);
        }
        Self { key, encoding, tables }
    }

    /// Equal for monitors that are told the same.
    pub(in crate::server) fn key(&self) -> &str {
        &self.key
    }
}

impl TableSpec {
    fn parse(request: &Value, table: &TableLayout, encoding: Encoding) -> Result<Self, OvsdbError> {
        let requests = match request {
            Value::Array(requests) => &requests[..],
            one => std::slice::from_ref(one),
        };
        let mut spec = Self {
            name: table.name.clone(),
            columns_key: String::new(),
            columns: Vec::new(),
            select: Select::NOTHING,
            condition: Arc::default(),
        };
        let mut condition = Condition::default();
        for request in requests {
            let mut members = Members::of(request, format!("table {}", table.name))?;
            let columns = members.optional("columns", json::array)?;
            let select = members.optional("select", json::object)?;
            let clauses = match encoding {
                Encoding::Whole => None,
                Encoding::Difference => members.optional("where", json::array)?,
            };
            members.finish()?;
            let select = select.map_or(Ok(Select::ALL), |select| Select::parse(select, &table.name))?;
            spec.select.add(select);
            match columns {
                Some(columns) => spec.add_columns(columns, table, select)?,
                None => spec.add_all_columns(table, select),
            }
            condition.add(clauses, table)?;
        }
        spec.columns.sort_by(|a, b| a.name.cmp(&b.name));
        for column in &spec.columns {
            spec.columns_key.extend([column.name.as_ref(), column.select.key(), " "]);
        }
        spec.columns_key.push_str(spec.select.key());
        spec.condition = Arc::new(condition);
        Ok(spec)
    }

    fn add_columns(&mut self, names: &Value, table: &TableLayout, select: Select) -> Result<(), OvsdbError> {
        for name in names.as_array().into_iter().flatten() {
            let Value::String(name) = name else {
                return Err(OvsdbError::syntax(names, "array of column names expected"));
            };
            let Some(column) = SpecColumn::find(table, name, select) else {
                return Err(OvsdbError::syntax(names, format!("{name} is not a valid column name")));
            };
            if self.columns.iter().any(|other| other.at == column.at) {
                return Err(OvsdbError::syntax(names, format!("column {name} mentioned more than once")));
            }
            self.columns.push(column);
        }
        Ok(())
    }

    /// Columns that are not named are all but `_uuid`, those that another request names excepted.
    fn add_all_columns(&mut self, table: &TableLayout, select: Select) {
        let names = table.columns.iter().map(|(name, _)| name.as_ref()).chain(["_version"]);
        for column in names.filter_map(|name| SpecColumn::find(table, name, select)) {
            if !self.columns.iter().any(|other| other.at == column.at) {
                self.columns.push(column);
            }
        }
    }
}

impl SpecColumn {
    fn find(table: &TableLayout, name: &str, select: Select) -> Option<Self> {
        let at = table.column_id(name)?;
        let column = match at {
            ColumnId::At(index) => table.columns.get(index),
            ColumnId::Uuid => None,
        };
        let (name, ty) = match column {
            Some((name, column)) => (name.clone(), column.ty.clone()),
            // `_uuid` and `_version`.
            None => (name.into(), ColumnType::from(AtomType::Uuid)),
        };
        let label = format!("\"{name}\":").into();
        Some(Self { name, label, at, ty, select })
    }
}

impl Select {
    const ALL: Self = Self { initial: true, insert: true, delete: true, modify: true };
    const NOTHING: Self = Self { initial: false, insert: false, delete: false, modify: false };

    fn parse(json: &Value, table: &str) -> Result<Self, OvsdbError> {
        let mut members = Members::of(json, format!("table {table} select"))?;
        let mut is = |name| Ok(members.optional(name, Value::as_bool)?.unwrap_or(true));
        let select = Self {
            initial: is("initial")?,
            insert: is("insert")?,
            delete: is("delete")?,
            modify: is("modify")?,
        };
        members.finish()?;
        Ok(select)
    }

    fn add(&mut self, other: Self) {
        self.initial |= other.initial;
        self.insert |= other.insert;
        self.delete |= other.delete;
        self.modify |= other.modify;
    }

    /// Different for each of the sixteen values.
    fn key(self) -> &'static str {
        const KEYS: [&str; 16] =
            [":0", ":1", ":2", ":3", ":4", ":5", ":6", ":7", ":8", ":9", ":a", ":b", ":c", ":d", ":e", ":f"];
        let bits = [self.initial, self.insert, self.delete, self.modify];
        KEYS[bits.iter().fold(0, |n, bit| n << 1 | usize::from(*bit))]
    }
}

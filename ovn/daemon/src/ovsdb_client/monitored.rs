//! What a monitor asks for, and how what it is told is printed.

use ctl::output::{Cell, Printer, Style, Table};
use ovsdb::{AtomType, ColumnType, DatabaseSchema, Datum};
use serde_json::{Value, json};

use super::fatal::Fatal;
use crate::vlog::pattern;

/// One monitored table.
pub(super) struct Monitored {
    pub(super) table: String,
    /// The columns in the order in which they are printed.
    columns: Vec<(String, ColumnType)>,
    /// What `monitor` wants to know about the table.
    pub(super) requests: Value,
}

impl Monitored {
    /// A table of the schema, and of it what each of `args` says: a comma list of columns (none means all) and of the
    /// kinds of change that are not wanted (`!insert`). Errors call the server `server`.
    pub(super) fn new(
        schema: &DatabaseSchema,
        table: &str,
        args: &[String],
        server: &str,
        database: &str,
    ) -> Result<Self, Fatal> {
        let mut monitored =
            Self { table: table.to_owned(), columns: Vec::new(), requests: Value::Array(Vec::new()) };
        let everything = [String::new()];
        let mut requests = Vec::new();
        for arg in if args.is_empty() { &everything } else { args } {
            requests.push(monitored.request(schema, arg, server, database)?);
        }
        monitored.requests = Value::Array(requests);
        Ok(monitored)
    }

    /// Only rows that fit `condition` are wanted.
    pub(super) fn restrict(&mut self, condition: Value) {
        self.requests[0]["where"] = condition;
    }

    fn request(
        &mut self,
        schema: &DatabaseSchema,
        arg: &str,
        server: &str,
        database: &str,
    ) -> Result<Value, Fatal> {
        let mut names: Vec<&str> = Vec::new();
        let mut select = json!({"initial": true, "insert": true, "delete": true, "modify": true});
        let mut is_partial = false;
        for word in arg.split(',').filter(|word| !word.is_empty()) {
            match word.strip_prefix('!') {
                Some(kind @ ("initial" | "insert" | "delete" | "modify")) => {
                    select[kind] = Value::Bool(false);
                    is_partial = true;
                }
                Some(_) | None => names.push(word),
            }
        }
        let own = schema.table(&self.table);
        if names.is_empty() {
            names.extend(own.iter().flat_map(|table| table.columns.keys()).map(|name| &**name));
            names.push("_version");
        }
        for name in &names {
            let ty = match (*name, schema.column(&self.table, name)) {
                ("_uuid" | "_version", _) => ColumnType::from(AtomType::Uuid),
                (_, Some(column)) => column.ty.clone(),
                (_, None) => {
                    let table = &self.table;
                    return Err(Fatal::new(format!(
                        "{server}: table \"{table}\" in {database} does not have a column named \"{name}\""
                    )));
                }
            };
            if self.columns.iter().any(|(known, _)| known == name) {
                return Err(Fatal::new(format!("{server}: column \"{name}\" mentioned multiple times")));
            }
            self.columns.push(((*name).to_owned(), ty));
        }
        let mut request = json!({ "columns": names });
        if is_partial {
            request["select"] = select;
        }
        Ok(request)
    }
}

/// Where updates become tables.
pub(super) struct Screen<'a> {
    printer: Printer<'a>,
    timestamp: bool,
    monitored: &'a [Monitored],
}

impl<'a> Screen<'a> {
    pub(super) fn new(style: &'a Style, timestamp: bool, monitored: &'a [Monitored]) -> Self {
        Self { printer: Printer::new(style), timestamp, monitored }
    }

    /// A notification, if it is one of an update.
    pub(super) fn notification(&mut self, method: &str, params: &Value) -> String {
        let params = params.as_array().map_or(&[][..], Vec::as_slice);
        match (method, params) {
            ("update", [Value::Null, updates]) => self.updates(updates, false),
            ("update2", [Value::Null, updates]) => self.updates2(updates),
            ("update3", [Value::Null, Value::String(last), updates]) => {
                format!("\nlast_id: {last}{}", self.updates2(updates))
            }
            _ => String::new(),
        }
    }

    /// The reply to `monitor_cond_since`.
    pub(super) fn found(&mut self, result: &Value) -> String {
        let (found, last) = (result[0].as_bool().unwrap_or(false), result[1].as_str().unwrap_or_default());
        format!("found: {found}, last_id: {last}\n{}", self.updates2(&result[2]))
    }

    /// Updates as `monitor` gives them; `initial` those of its reply.
    pub(super) fn updates(&mut self, updates: &Value, initial: bool) -> String {
        self.tables(updates, |monitored, uuid, update, rows| {
            let mut row = |kind, uuid: &str, row: &Value| rows.push(monitored.row(kind, uuid, row));
            match (update.get("old"), update.get("new")) {
                (_, Some(new)) if initial => row("initial", uuid, new),
                (None, Some(new)) => row("insert", uuid, new),
                (Some(old), None) => row("delete", uuid, old),
                (Some(old), Some(new)) => {
                    row("old", uuid, old);
                    row("new", "", new);
                }
                (None, None) => {}
            }
        })
    }

    /// Updates as `monitor_cond` gives them.
    pub(super) fn updates2(&mut self, updates: &Value) -> String {
        self.tables(updates, |monitored, uuid, update, rows| {
            let found = ["delete", "initial", "modify", "insert"]
                .into_iter()
                .find_map(|kind| update.get(kind).map(|row| (kind, row)));
            if let Some((kind, row)) = found {
                rows.push(monitored.row(kind, uuid, row));
            }
        })
    }

    fn tables(
        &mut self,
        updates: &Value,
        mut rows_of: impl FnMut(&Monitored, &str, &Value, &mut Vec<Vec<Cell>>),
    ) -> String {
        let mut text = String::new();
        for monitored in self.monitored {
            let Some(update) = updates.get(&monitored.table).and_then(Value::as_object) else { continue };
            let mut rows = Vec::new();
            for (uuid, row) in update {
                rows_of(monitored, uuid, row, &mut rows);
            }
            let own = monitored.columns.iter().map(|(name, _)| name.as_str());
            let table = Table {
                time: self.timestamp.then(|| pattern::time("%Y-%m-%d %H:%M:%S.###", crate::base::wall_ms())),
                caption: (self.monitored.len() > 1).then(|| monitored.table.clone()),
                headings: ["row", "action"].into_iter().chain(own).map(str::to_owned).collect(),
                rows,
            };
            self.printer.print(&table, &mut text);
        }
        text
    }
}

impl Monitored {
    fn row(&self, kind: &str, uuid: &str, row: &Value) -> Vec<Cell> {
        let cell = |(name, ty): &(String, ColumnType)| match row.get(name) {
            Some(json) => match Datum::from_json(json, ty, None) {
                Ok(value) => Cell::new(value, ty),
                // A difference may be what no value is.
                Err(_) => Cell::Json(json.clone()),
            },
            None => Cell::Empty,
        };
        let fixed = [uuid, kind].map(|word| Cell::Text(word.to_owned()));
        fixed.into_iter().chain(self.columns.iter().map(cell)).collect()
    }
}

//! The text of `ovsdb-tool show-log`: as upstream prints it, so that people find their way.

use super::cluster::{ClusterData, ClusterEvent, ClusterFile, short};
use super::framing::{Format, Frames, LogError};
use crate::schema::DatabaseSchema;
use crate::value::{Datum, Uuid};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How much is told of each transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// When it was, and its comment.
    Comments,
    /// Also which rows changed.
    Rows,
    /// Also what is in their columns.
    Columns,
}

/// The records of a file in words, up to the first that is bad, and what is wrong with that.
pub fn show_log(octets: &[u8], detail: Detail) -> (String, Option<LogError>) {
    let mut show = Show { detail, out: String::new(), schema: None, names: BTreeMap::new() };
    let outcome = match Format::of(octets) {
        Some(Format::Clustered) => show.clustered(octets),
        Some(Format::Standalone) | None => show.standalone(octets),
    };
    (show.out, outcome.err())
}

struct Show {
    detail: Detail,
    out: String,
    schema: Option<DatabaseSchema>,
    /// What rows are called: the JSON text of their name, or the beginning of their UUID.
    names: BTreeMap<String, String>,
}

/// Writing to a `String` cannot fail.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => { _ = write!($out, $($arg)*) };
}

impl Show {
    fn standalone(&mut self, octets: &[u8]) -> Result<(), LogError> {
        let mut frames = Frames::new(octets, Format::Standalone);
        let mut number = 0;
        while let Some(frame) = frames.next_frame()? {
            let wrong = |what: String| LogError::Record { offset: frame.offset, what };
            let json: Value = serde_json::from_slice(frame.body).map_err(|error| wrong(error.to_string()))?;
            let object = json.as_object().ok_or_else(|| wrong("not a JSON object".to_owned()))?;
            put!(self.out, "record {number}:");
            match number {
                0 => self.schema(&json),
                _ => self.changes(object),
            }
            self.out.push('\n');
            number += 1;
        }
        match frames.tail() {
            None => Ok(()),
            Some(tail) => {
                Err(LogError::Damaged { offset: tail.offset, what: tail.what.clone(), next_valid: None })
            }
        }
    }

    /// Name, version and checksum of a schema; its columns are known from now on.
    fn schema(&mut self, json: &Value) {
        self.schema = DatabaseSchema::from_json(json).ok();
        let text = |name| json.get(name).and_then(Value::as_str).unwrap_or_default();
        let (name, version, cksum) = (text("name"), text("version"), text("cksum"));
        put!(self.out, " \"{name}\" schema, version=\"{version}\", cksum=\"{cksum}\"\n");
    }

    fn changes(&mut self, transaction: &Map<String, Value>) {
        if let Some(date) = transaction.get("_date").and_then(Value::as_i64) {
            put!(self.out, " {}", date_text(date));
        }
        if let Some(comment) = transaction.get("_comment").and_then(Value::as_str) {
            put!(self.out, " \"{comment}\"");
        }
        if self.detail < Detail::Rows {
            return;
        }
        let is_diff = transaction.get("_is_diff") == Some(&Value::Bool(true));
        for (i, (table, rows)) in transaction.iter().filter(|(name, _)| !name.starts_with('_')).enumerate() {
            if i == 0 {
                self.out.push('\n');
            }
            for (uuid, columns) in rows.as_object().into_iter().flatten() {
                self.row(table, uuid, columns, is_diff);
            }
        }
    }

    fn row(&mut self, table: &str, uuid: &str, columns: &Value, is_diff: bool) {
        let short: String = uuid.chars().take(8).collect();
        let new_name = columns.get("name").map(Value::to_string);
        match (self.names.get(uuid), &new_name) {
            (Some(name), _) => {
                let diff = if is_diff { " diff" } else { "" };
                put!(self.out, "  table {table} row {name} ({short}){diff}:\n");
            }
            (None, Some(name)) => put!(self.out, "  table {table} insert row {name} ({short}):\n"),
            (None, None) => put!(self.out, "  table {table} insert row {short}:\n"),
        }
        if columns.is_null() {
            self.out.push_str("    delete row\n");
            self.names.remove(uuid);
            return;
        }
        match new_name {
            Some(name) => _ = self.names.insert(uuid.to_owned(), name),
            None => _ = self.names.entry(uuid.to_owned()).or_insert(short),
        }
        if self.detail < Detail::Columns {
            return;
        }
        let schema = self.schema.as_ref().and_then(|schema| schema.tables.get(table));
        for (name, json) in columns.as_object().into_iter().flatten() {
            let column = schema.and_then(|schema| schema.columns.get(name.as_str()));
            // What does not have the type, as a difference with too many elements, is shown as it is.
            let datum =
                column.and_then(|column| Some((Datum::from_json(json, &column.ty, None).ok()?, column)));
            let text = datum.map(|(datum, column)| datum.to_text(&column.ty));
            put!(self.out, "    {name}={}\n", text.unwrap_or_else(|| json.to_string()));
        }
    }

    fn clustered(&mut self, octets: &[u8]) -> Result<(), LogError> {
        let file = ClusterFile::parse(octets)?;
        let header = &file.header;
        // The quotes are upstream's.
        put!(self.out, "record 0:\n name: \"{}'\n", header.name);
        put!(
            self.out,
            " local address: \"{}\"\n server_id: {}\n",
            header.local_address,
            short(header.server_id)
        );
        if let Some(id) = header.cluster_id {
            put!(self.out, " cluster_id: {}\n", short(id));
        }
        if !header.remote_addresses.is_empty() {
            put!(self.out, " remote_addresses: {}\n", header.remote_addresses.join(" "));
        }
        if let Some(snapshot) = &header.snapshot {
            put!(self.out, " prev_index: {}\n prev_term: {}\n", snapshot.index, snapshot.term);
            self.servers("prev_servers", &snapshot.servers);
            if let Some(eid) = snapshot.eid {
                put!(self.out, " prev_eid: {}\n", short(eid));
            }
            self.data("prev_", snapshot.data.as_ref());
        }
        self.out.push('\n');
        for (i, (_, record)) in file.records.iter().enumerate() {
            put!(self.out, "record {}:\n", i + 1);
            if let Some(comment) = &record.comment {
                put!(self.out, " comment: \"{comment}\"\n");
            }
            if let Some(term) = record.term {
                put!(self.out, " term: {term}\n");
            }
            self.event(&record.what);
            self.out.push('\n');
        }
        Ok(())
    }

    fn event(&mut self, event: &ClusterEvent) {
        match event {
            ClusterEvent::Entry { index, servers, election_timer, data, eid } => {
                put!(self.out, " index: {index}\n");
                self.servers("servers", servers);
                if let Some(ms) = election_timer {
                    put!(self.out, " election timer: {ms}\n");
                }
                if let Some(eid) = eid {
                    put!(self.out, " eid: {}\n", short(*eid));
                }
                self.data("", data.as_ref());
            }
            ClusterEvent::Term => {}
            ClusterEvent::Vote(server) => put!(self.out, " vote: {}\n", short(*server)),
            ClusterEvent::Leader(server) => put!(self.out, " leader: {}\n", short(*server)),
            ClusterEvent::CommitIndex(index) => put!(self.out, " commit_index: {index}\n"),
            ClusterEvent::Note(note) => put!(self.out, " note: \"{note}\"\n"),
        }
    }

    fn servers(&mut self, name: &str, servers: &BTreeMap<Uuid, String>) {
        if !servers.is_empty() {
            let each = servers.iter().map(|(id, address)| format!("{}(\"{address}\")", short(*id)));
            put!(self.out, " {name}: {}\n", each.collect::<Vec<_>>().join(", "));
        }
    }

    fn data(&mut self, prefix: &str, data: Option<&ClusterData>) {
        let Some(data) = data else { return };
        if let Some(schema) = &data.schema {
            let text = |name| schema.get(name).and_then(Value::as_str).unwrap_or_default();
            let (name, version, cksum) = (text("name"), text("version"), text("cksum"));
            put!(self.out, " {prefix}schema: \"{name}\", version=\"{version}\", cksum=\"{cksum}\"\n");
            self.schema = DatabaseSchema::from_json(schema).ok();
        }
        if let Some(transaction) = data.transaction.as_ref().and_then(Value::as_object) {
            self.changes(transaction);
        }
    }
}

/// Milliseconds since 1970 as `2026-03-04 12:34:56.789`, in UTC. Values below 2^31 were seconds, long ago.
fn date_text(date: i64) -> String {
    let ms = if date.unsigned_abs() < 1 << 31 { date.saturating_mul(1000) } else { date };
    let (days, ms_of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let (seconds, ms) = (ms_of_day / 1000, ms_of_day % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{ms:03}")
}

/// Year, month and day of a number of days since 1970, in the Gregorian calendar. Counts from 1 March of year 0, so
/// that leap days come last in their year.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::encode;
    use serde_json::json;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let cases = [
            (0, "1970-01-01 00:00:00.000"),
            (1_700_000_000_123, "2023-11-14 22:13:20.123"),
            (1_709_164_800_000, "2024-02-29 00:00:00.000"),
            (951_868_799_999, "2000-02-29 23:59:59.999"),
            (1_234_567_890, "2009-02-13 23:31:30.000"),
            (-1, "1969-12-31 23:59:59.000"),
            (i64::MAX, "292278994-08-17 07:12:55.807"),
        ];
        for (ms, text) in cases {
            assert_eq!(date_text(ms), text);
        }
    }

    #[test]
    fn a_log_is_shown_in_upstreams_words() {
        let columns =
            json!({"name": {"type": "string"}, "s": {"type": {"key": "string", "min": 0, "max": 9}}});
        let schema = json!({"name": "D", "version": "1.0.0", "tables": {"A": {"columns": columns}}});
        let (a, b) = ("11111111-2222-3333-4444-555555555555", "22222222-2222-3333-4444-555555555555");
        let records = [
            schema,
            json!({"A": {a: {"name": "n 1", "s": ["set", ["x", "y z"]]}, b: {}}, "_date": 1_700_000_000_123_i64}),
            json!({"A": {a: {"name": "n2", "s": "x"}}, "_is_diff": true, "_comment": "c"}),
            json!({"A": {a: null, b: {"zork": [1]}}}),
        ];
        let file: Vec<u8> = records.iter().flat_map(encode).collect();
        let (text, error) = show_log(&file[..file.len() - 1], Detail::Columns);
        insta::assert_snapshot!(text.replace("\n\n", "\n-\n"), @r#"
        record 0: "D" schema, version="1.0.0", cksum=""
        -
        record 1: 2023-11-14 22:13:20.123
          table A insert row "n 1" (11111111):
            name="n 1"
            s=[x, "y z"]
          table A insert row 22222222:
        -
        record 2: "c"
          table A row "n 1" (11111111) diff:
            name=n2
            s=[x]
        -
        "#);
        insta::assert_snapshot!(error.unwrap(), @"bad record at offset 549: the record is cut short");
        insta::assert_snapshot!(show_log(&file, Detail::Comments).0.replace("\n\n", "\n-\n"), @r#"
        record 0: "D" schema, version="1.0.0", cksum=""
        -
        record 1: 2023-11-14 22:13:20.123
        record 2: "c"
        record 3:
        "#);
    }
}

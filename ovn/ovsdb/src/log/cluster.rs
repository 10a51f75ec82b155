//! Files of clustered databases, read (ovsdb(5), "Clustered Format").
//!
//! The first record says which server of which cluster this is and what was compacted; each later one adds an entry to
//! the Raft log, or something that the server must not forget.

use super::framing::{Format, Frame, Frames, LogError, append_record, encode};
use super::record::{created, snapshot_record};
use super::replay::replay;
use crate::schema::DatabaseSchema;
use crate::value::Uuid;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A file, read whole.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterFile {
    /// The first record.
    pub header: Header,
    /// The others, in order, with the offset of each.
    pub records: Vec<(usize, ClusterRecord)>,
}

/// What the first record says.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Which server's file it is.
    pub server_id: Uuid,
    /// Where that server listens for the others.
    pub local_address: String,
    /// The name of the database.
    pub name: String,
    /// Which cluster; not known yet to who has only asked to join.
    pub cluster_id: Option<Uuid>,
    /// Whom to ask to join.
    pub remote_addresses: Vec<String>,
    /// What was compacted; not there while joining.
    pub snapshot: Option<ClusterSnapshot>,
}

/// What stands for all entries up to one.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterSnapshot {
    /// The term and index of the last such entry.
    pub term: u64,
    pub index: u64,
    /// Addresses by server.
    pub servers: BTreeMap<Uuid, String>,
    /// In milliseconds, if it was ever changed.
    pub election_timer: Option<u64>,
    /// The schema and the transaction that inserts all rows.
    pub data: Option<ClusterData>,
    /// The id of the entry.
    pub eid: Option<Uuid>,
}

/// A change of the database: another schema, a transaction, or both.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterData {
    pub schema: Option<Value>,
    pub transaction: Option<Value>,
}

/// A record behind the first.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterRecord {
    /// Words for people.
    pub comment: Option<String>,
    /// The term it belongs to; a commit index and a note have none.
    pub term: Option<u64>,
    pub what: ClusterEvent,
}

/// What a record tells.
#[derive(Clone, Debug, PartialEq)]
pub enum ClusterEvent {
    /// An entry of the log; it replaces those of the same and higher indexes.
    Entry {
        index: u64,
        servers: BTreeMap<Uuid, String>,
        election_timer: Option<u64>,
        data: Option<ClusterData>,
        eid: Option<Uuid>,
    },
    /// The term began.
    Term,
    /// The server voted.
    Vote(Uuid),
    /// The server learned of a leader.
    Leader(Uuid),
    /// So many entries are committed.
    CommitIndex(u64),
    /// Something to be remembered, for example `left`.
    Note(String),
}

impl ClusterFile {
    /// Reads a file. The end of a record that was not written whole is left out.
    pub fn parse(octets: &[u8]) -> Result<Self, LogError> {
        let mut frames = Frames::new(octets, Format::Clustered);
        let Some(first) = frames.next_frame()? else { return Err(LogError::Empty) };
        let header =
            header(&json(&first)?).map_err(|what| LogError::Record { offset: first.offset, what })?;
        let mut records = Vec::new();
        while let Some(frame) = frames.next_frame()? {
            let record =
                record(&json(&frame)?).map_err(|what| LogError::Record { offset: frame.offset, what })?;
            records.push((frame.offset, record));
        }
        Ok(Self { header, records })
    }

    /// The changes that the log holds, in order, whether committed or not: what a single server is left with when its
    /// cluster is gone for good.
    pub fn changes(&self) -> impl Iterator<Item = &ClusterData> {
        let mut entries: BTreeMap<u64, Option<&ClusterData>> = BTreeMap::new();
        for (_, record) in &self.records {
            if let ClusterEvent::Entry { index, data, .. } = &record.what {
                entries.split_off(index);
                entries.insert(*index, data.as_ref());
            }
        }
        let snapshot = self.header.snapshot.as_ref().and_then(|snapshot| snapshot.data.as_ref());
        snapshot.into_iter().chain(entries.into_values().flatten())
    }

    /// The octets of a standalone file with the same contents. A change of the schema without rows converts them.
    pub fn to_standalone(&self, wall_ms: i64) -> Result<Vec<u8>, LogError> {
        let mut out = Vec::new();
        for change in self.changes() {
            match (&change.schema, &change.transaction) {
                (None, None) => {}
                (Some(schema), Some(rows)) => out = [encode(schema), encode(rows)].concat(),
                (Some(schema), None) if out.is_empty() => out = encode(schema),
                (Some(schema), None) => out = converted(&out, schema, wall_ms)?,
                (None, Some(_)) if out.is_empty() => {
                    return Err(inconsistent("a transaction before the schema"));
                }
                (None, Some(rows)) => out.extend(encode(rows)),
            }
        }
        if out.is_empty() { Err(inconsistent("there is no schema")) } else { Ok(out) }
    }
}

fn inconsistent(what: &str) -> LogError {
    LogError::Inconsistent { what: what.to_owned() }
}

fn converted(file: &[u8], schema: &Value, wall_ms: i64) -> Result<Vec<u8>, LogError> {
    let wrong = |error: crate::OvsdbError| inconsistent(&error.to_string());
    let schema = Arc::new(DatabaseSchema::from_json(schema).map_err(wrong)?);
    let converted = replay(file, 0)?.database.convert(schema.clone(), 0).map_err(wrong)?;
    let mut out = created(&schema);
    append_record(&mut out, &snapshot_record(converted.now(), wall_ms, "converted"));
    Ok(out)
}

fn json(frame: &Frame<'_>) -> Result<Value, LogError> {
    serde_json::from_slice(frame.body)
        .map_err(|error| LogError::Record { offset: frame.offset, what: error.to_string() })
}

fn header(json: &Value) -> Result<Header, String> {
    let object = object(json)?;
    let remotes = object.get("remote_addresses").and_then(Value::as_array);
    let addresses = remotes.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let snapshot = match optional(object, "prev_index", Value::as_u64)? {
        None => None,
        Some(index) => Some(ClusterSnapshot {
            index,
            term: optional(object, "prev_term", Value::as_u64)?.unwrap_or(0),
            servers: servers(object, "prev_servers")?,
            election_timer: optional(object, "prev_election_timer", Value::as_u64)?,
            data: data(object, "prev_data")?,
            eid: optional(object, "prev_eid", uuid)?,
        }),
    };
    Ok(Header {
        server_id: required(object, "server_id", uuid)?,
        local_address: required(object, "local_address", text)?,
        name: required(object, "name", text)?,
        cluster_id: optional(object, "cluster_id", uuid)?,
        remote_addresses: addresses,
        snapshot,
    })
}

fn record(json: &Value) -> Result<ClusterRecord, String> {
    let object = object(json)?;
    let term = optional(object, "term", Value::as_u64)?;
    let what = if let Some(index) = optional(object, "commit_index", Value::as_u64)? {
        ClusterEvent::CommitIndex(index)
    } else if let Some(note) = optional(object, "note", text)? {
        ClusterEvent::Note(note)
    } else if let Some(vote) = optional(object, "vote", uuid)? {
        ClusterEvent::Vote(vote)
    } else if let Some(leader) = optional(object, "leader", uuid)? {
        ClusterEvent::Leader(leader)
    } else if let Some(index) = optional(object, "index", Value::as_u64)? {
        ClusterEvent::Entry {
            index,
            servers: servers(object, "servers")?,
            election_timer: optional(object, "election_timer", Value::as_u64)?,
            data: data(object, "data")?,
            eid: optional(object, "eid", uuid)?,
        }
    } else if term.is_some() {
        ClusterEvent::Term
    } else {
        return Err("the record says nothing that is known".to_owned());
    };
    Ok(ClusterRecord { comment: optional(object, "comment", text)?, term, what })
}

fn object(json: &Value) -> Result<&Map<String, Value>, String> {
    json.as_object().ok_or_else(|| "not a JSON object".to_owned())
}

fn optional<T>(
    object: &Map<String, Value>,
    name: &str,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Result<Option<T>, String> {
    let Some(json) = object.get(name) else { return Ok(None) };
    read(json).map(Some).ok_or_else(|| format!("member '{name}' is of the wrong type"))
}

fn required<T>(
    object: &Map<String, Value>,
    name: &str,
    read: impl FnOnce(&Value) -> Option<T>,
) -> Result<T, String> {
    optional(object, name, read)?.ok_or_else(|| format!("member '{name}' is missing"))
}

fn text(json: &Value) -> Option<String> {
    json.as_str().map(str::to_owned)
}

fn uuid(json: &Value) -> Option<Uuid> {
    json.as_str()?.parse().ok()
}

fn servers(object: &Map<String, Value>, name: &str) -> Result<BTreeMap<Uuid, String>, String> {
    let read = |json: &Value| {
        let members = json.as_object()?.iter();
        members.map(|(server, address)| Some((server.parse().ok()?, address.as_str()?.to_owned()))).collect()
    };
    Ok(optional(object, name, read)?.unwrap_or_default())
}

fn data(object: &Map<String, Value>, name: &str) -> Result<Option<ClusterData>, String> {
    let some = |json: &Value| (!json.is_null()).then(|| json.clone());
    let read = |json: &Value| match json.as_array().map(Vec::as_slice) {
        Some([schema, transaction]) => {
            Some(ClusterData { schema: some(schema), transaction: some(transaction) })
        }
        _ => None,
    };
    optional(object, name, read)
}

/// What is wrong with the files of one cluster, each with its name: `ovsdb-tool check-cluster`. `None` if nothing is.
pub fn check_cluster(files: &[(String, ClusterFile)]) -> Option<String> {
    let mut servers: BTreeMap<Uuid, &str> = BTreeMap::new();
    let mut leaders: BTreeMap<u64, (Uuid, &str)> = BTreeMap::new();
    let mut entries: BTreeMap<(u64, u64), (&ClusterEvent, &str)> = BTreeMap::new();
    for (name, file) in files {
        let header = &file.header;
        if let Some(other) = servers.insert(header.server_id, name) {
            let id = short(header.server_id);
            return Some(format!("Duplicate server ID {id} in {other} and {name}."));
        }
        if let Some((first_name, first)) = files.first()
            && (header.cluster_id, &header.name) != (first.header.cluster_id, &first.header.name)
        {
            return Some(format!("{name} and {first_name} are not of the same cluster and database"));
        }
        for (offset, record) in &file.records {
            let term = record.term.unwrap_or(0);
            match &record.what {
                ClusterEvent::Leader(leader) => {
                    let (known, where_) = *leaders.entry(term).or_insert((*leader, name));
                    if known != *leader {
                        let (a, b) = (short(known), short(*leader));
                        return Some(format!(
                            "term {term} has leader {a} in {where_} and {b} in {name} (record at offset {offset})"
                        ));
                    }
                }
                event @ ClusterEvent::Entry { index, .. } => {
                    let (known, where_) = *entries.entry((term, *index)).or_insert((event, name));
                    if known != event {
                        return Some(format!(
                            "log entry {index} of term {term} differs in {where_} and {name} (record at offset {offset})"
                        ));
                    }
                }
                ClusterEvent::Term
                | ClusterEvent::Vote(_)
                | ClusterEvent::CommitIndex(_)
                | ClusterEvent::Note(_) => {}
            }
        }
    }
    // Of files that are as they were made there is nothing to compare.
    entries.is_empty().then(|| "all logs are empty".to_owned())
}

/// The four digits by which people know servers and clusters.
pub(super) fn short(id: Uuid) -> String {
    let mut text = id.to_string();
    text.truncate(4);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file(records: &[Value]) -> Vec<u8> {
        let magic =
            |octets: Vec<u8>| [b"OVSDB CLUSTER ".as_slice(), &octets[b"OVSDB JSON ".len()..]].concat();
        records.iter().flat_map(|record| magic(encode(record))).collect()
    }

    fn schema(column: &str) -> Value {
        json!({"name": "D", "version": "1.0.0", "tables": {"A": {"columns": {column: {"type": "integer"}}}}})
    }

    fn row(n: u32) -> Value {
        json!({"A": {Uuid::from_u128(n.into()).to_string(): {"x": n}}})
    }

    fn header() -> Value {
        let id = Uuid::from_u128(0xabcd << 112).to_string();
        json!({"server_id": id, "local_address": "tcp:1.2.3.4:5", "name": "D", "cluster_id": id,
            "prev_servers": {&id: "tcp:1.2.3.4:5"}, "prev_term": 1, "prev_index": 1, "prev_eid": id,
            "prev_data": [schema("x"), {}]})
    }

    fn entry(index: u64, schema: Value, rows: Value) -> Value {
        json!({"term": 1, "index": index, "data": [schema, rows], "eid": Uuid::from_u128(index.into()).to_string()})
    }

    fn rows(records: &[Value]) -> String {
        let standalone = ClusterFile::parse(&file(records)).unwrap().to_standalone(5).unwrap();
        let database = replay(&standalone, 1).unwrap().database;
        let rows = database.now().rows(crate::TableId(0));
        let text = rows.map(|(_, row)| row[0].to_string()).collect::<Vec<_>>().join(" ");
        format!("{}: {text}", database.layout().tables[0].columns[0].0)
    }

    #[test]
    fn the_entries_of_the_log_become_records() {
        let other = json!({"term": 1, "vote": Uuid::ZERO.to_string()});
        let all = [
            header(),
            other,
            entry(2, Value::Null, row(1)),
            entry(3, Value::Null, row(2)),
            json!({"commit_index": 3}),
        ];
        assert_eq!(rows(&all), "x: 1 2");
    }

    #[test]
    fn an_entry_that_was_taken_back_leaves_nothing() {
        let all = [
            header(),
            entry(2, Value::Null, row(1)),
            entry(3, Value::Null, row(2)),
            entry(2, Value::Null, row(3)),
        ];
        assert_eq!(rows(&all), "x: 3");
    }

    #[test]
    fn another_schema_brings_its_rows_or_converts_those_there_are() {
        let with_rows = [header(), entry(2, Value::Null, row(1)), entry(3, schema("x"), row(2))];
        assert_eq!(rows(&with_rows), "x: 2");
        let mut more = schema("x");
        more["tables"]["A"]["columns"]["a"] = json!({"type": "string"});
        let without = [header(), entry(2, Value::Null, row(1)), entry(3, more, Value::Null)];
        assert_eq!(rows(&without), "a: \"\"");
    }

    #[test]
    fn files_that_contradict_each_other_are_found() {
        let read = |records: &[Value]| ClusterFile::parse(&file(records)).unwrap();
        let mut second = header();
        second["server_id"] = Uuid::from_u128(7).to_string().into();
        let one = ("one".to_owned(), read(&[header(), entry(2, Value::Null, row(1))]));
        let two = ("two".to_owned(), read(&[second.clone(), entry(2, Value::Null, row(1))]));
        let odd = ("odd".to_owned(), read(&[second, entry(2, Value::Null, row(2))]));
        assert_eq!(check_cluster(&[one.clone(), two]), None);
        assert_eq!(
            check_cluster(&[one.clone(), one.clone()]).as_deref(),
            Some("Duplicate server ID abcd in one and one.")
        );
        let words = check_cluster(&[one, odd]).unwrap();
        assert!(words.starts_with("log entry 2 of term 1 differs in one and odd"), "{words}");
    }
}

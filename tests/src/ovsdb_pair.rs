//! Our database server and the peer's with the same database, asked the same things; what they say is compared.
//!
//! What no two servers can agree on is taken out before: UUIDs that a server chose become names by the request that
//! made the row, row versions become one word, and what is sorted by such UUIDs is sorted again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::ovsdb_wire::Wire;
use crate::process::{Daemon, RunDir, run_ok};

/// Two servers with one database each of the same schema.
pub struct Pair {
    ours: Side,
    peers: Side,
    _daemons: [Daemon; 2],
    _dir: RunDir,
}

/// One of the two servers.
struct Side {
    wire: Wire,
    /// The names of the UUIDs that this server chose.
    names: BTreeMap<String, String>,
}

/// What one server answered to one request: the reply, then the notifications before it.
#[derive(Debug, PartialEq)]
pub struct Answer {
    /// The result or the error.
    pub reply: Result<Value, Value>,
    /// Method and parameters, sorted: a server may tell monitors in any order.
    pub notifications: Vec<String>,
}

impl Pair {
    /// Starts both servers with an empty database of this schema; `peer` is the peer's server.
    pub fn start(schema: &Value, peer: &Path) -> Self {
        let dir = RunDir::default();
        fs::write(dir.path("schema"), schema.to_string()).expect("the run directory is writable");
        for file in ["ours.db", "peers.db"] {
            let mut create = dir.ours("ovsdb-tool");
            create.args(["create", file, "schema"]);
            run_ok(create);
        }
        let mut ours = dir.ours("ovsdb-server");
        ours.args(["ours.db", "--remote=punix:ours.sock", "--unixctl=ours.ctl", "-vconsole:err"]);
        let mut peers = dir.peer(peer);
        peers.args(["peers.db", "--remote=punix:peers.sock", "--unixctl=peers.ctl", "-vconsole:err"]);
        let daemons = [dir.start("ours", ours), dir.start("peers", peers)];
        let side = |socket| {
            dir.wait_for_socket(socket);
            Side { wire: Wire::connect(&dir.path(socket)), names: BTreeMap::new() }
        };
        let (ours, peers) = (side("ours.sock"), side("peers.sock"));
        Self { ours, peers, _daemons: daemons, _dir: dir }
    }

    /// Asks both the same; what each answers, ours first. The error says which server is gone.
    pub fn ask(&mut self, method: &str, params: &Value) -> Result<[Answer; 2], String> {
        let ours = self.ours.wire.send(method, params).map_err(|error| format!("ours: {error}"))?;
        let peers = self.peers.wire.send(method, params).map_err(|error| format!("the peer's: {error}"))?;
        let ours = self.ours.wire.reply(ours).map_err(|error| format!("ours: {error}"))?;
        let peers = self.peers.wire.reply(peers).map_err(|error| format!("the peer's: {error}"))?;
        if let (Ok(Value::Array(ours)), Ok(Value::Array(peers))) = (&ours, &peers) {
            for (ours, peers) in ours.iter().zip(peers) {
                self.name_inserted(ours, peers);
            }
        }
        Ok([self.ours.answer(ours), self.peers.answer(peers)])
    }

    /// Gives a new row one name on both sides.
    fn name_inserted(&mut self, ours: &Value, peers: &Value) {
        let (Some(ours), Some(peers)) = (ours["uuid"][1].as_str(), peers["uuid"][1].as_str()) else { return };
        if ours != peers {
            let name = format!("row-{}", self.ours.names.len());
            self.ours.names.insert(ours.to_owned(), name.clone());
            self.peers.names.insert(peers.to_owned(), name);
        }
    }
}

impl Side {
    fn answer(&mut self, reply: Result<Value, Value>) -> Answer {
        let reply = match reply {
            Ok(mut result) => {
                // The transaction that `monitor_cond_since` found, and the newest: the peer has no history.
                if let Value::Array(elements) = &mut result
                    && let [Value::Bool(_), Value::String(transaction), Value::Object(_)] = &mut elements[..]
                {
                    "newest".clone_into(transaction);
                }
                Ok(self.alike(&result))
            }
            Err(error) => Err(self.alike(&error)),
        };
        let mut notifications: Vec<String> = std::mem::take(&mut self.wire.notifications)
            .into_iter()
            .filter_map(|(method, mut params)| {
                if method == "update3" {
                    params[1] = json!("newest");
                }
                let says_something = without_empty(&mut params);
                says_something.then(|| format!("{method} {}", self.alike(&params)))
            })
            .collect();
        notifications.sort();
        Answer { reply, notifications }
    }

    /// The same value with what both servers may choose taken out.
    fn alike(&self, json: &Value) -> Value {
        match json {
            Value::Null | Value::Bool(_) => json.clone(),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (None, Some(real)) => rounded(real),
                (Some(_), _) | (None, None) => json.clone(),
            },
            Value::String(text) => self.alike_text(text).into(),
            Value::Array(elements) => {
                let mut alike: Vec<Value> = elements.iter().map(|element| self.alike(element)).collect();
                if let [Value::String(tag), Value::Array(members)] = &mut alike[..]
                    && (tag == "set" || tag == "map")
                    && members.iter().any(|member| names_row(member) || names_row(&member[0]))
                {
                    members.sort_by_key(Value::to_string);
                }
                alike.into()
            }
            Value::Object(members) => {
                let mut alike = Map::new();
                for (name, value) in members {
                    let mut value = self.alike(value);
                    match (name.as_str(), &mut value) {
                        ("rows", Value::Array(rows)) => rows.sort_by_key(Value::to_string),
                        ("_version", value) => *value = json!("version"),
                        _ => {}
                    }
                    alike.insert(self.alike_text(name), value);
                }
                alike.into()
            }
        }
    }

    /// Replaces each UUID that a server chose, and times.
    fn alike_text(&self, text: &str) -> String {
        if text.starts_with("\"wait\" timed out after ") {
            // How many milliseconds it took.
            return "\"wait\" timed out".to_owned();
        }
        let mut alike = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.char_indices().map(|(at, _)| at).find(|at| is_uuid(&rest[*at..])) {
            let (before, after) = rest.split_at(at);
            let (uuid, after) = after.split_at(36);
            alike.push_str(before);
            alike.push_str(match self.names.get(uuid) {
                Some(name) => name,
                None if is_chosen_by_test(uuid) => uuid,
                None => "a-uuid",
            });
            rest = after;
        }
        alike.push_str(rest);
        alike
    }
}

/// A real as both show it: the peer writes fifteen digits, whole numbers without a fraction, and a negative zero.
fn rounded(real: f64) -> Value {
    let text = format!("{real:.13e}");
    match text.parse::<f64>() {
        Ok(rounded) if rounded.fract() == 0.0 && rounded.abs() < 1e15 => json!(rounded as i64),
        Ok(_) | Err(_) => text.into(),
    }
}

/// Takes out rows of which nothing that is monitored changed; says whether any is left. The peer tells of such rows when
/// a column changed that only a condition, set by `monitor_cond_change`, is about.
fn without_empty(params: &mut Value) -> bool {
    let Some(Value::Object(tables)) = params.as_array_mut().and_then(|params| params.last_mut()) else {
        return true;
    };
    tables.retain(|_, rows| {
        let Value::Object(rows) = rows else { return true };
        rows.retain(|_, update| *update != json!({"modify": {}}));
        !rows.is_empty()
    });
    !tables.is_empty()
}

/// Whether this is a `["uuid", …]`.
fn names_row(json: &Value) -> bool {
    json[0] == "uuid"
}

fn is_uuid(text: &str) -> bool {
    text.len() >= 36
        && text.bytes().take(36).enumerate().all(|(i, octet)| match i {
            8 | 13 | 18 | 23 => octet == b'-',
            _ => octet.is_ascii_hexdigit(),
        })
}

/// Those of [`chosen_uuid`], and zero.
fn is_chosen_by_test(uuid: &str) -> bool {
    uuid[4..].starts_with("0000-0000-0000-0000-")
}

/// The UUID number `number` of kind `kind`, which no server chooses.
pub fn chosen_uuid(kind: u16, number: usize) -> String {
    format!("{kind:04x}0000-0000-0000-0000-{number:012x}")
}

//! A replica and a server that is played by hand.

use super::*;
use crate::{Atom, Clause, Datum, Function};
use insta::assert_snapshot;
use serde_json::json;
use std::time::Duration;

fn schema() -> Arc<DatabaseSchema> {
    let json = json!({"name": "D", "version": "1.0.0", "tables": {
        "A": {"columns": {
            "name": {"type": "string"},
            "tags": {"type": {"key": "string", "min": 0, "max": "unlimited"}},
            "size": {"type": {"key": "integer", "min": 0, "max": 1}},
            "fresh": {"type": {"key": "integer"}}}},
        "B": {"columns": {"name": {"type": "string"}}}}});
    Arc::new(DatabaseSchema::from_json(&json).unwrap())
}

struct Stage {
    replica: Replica,
    now: Instant,
    /// The requests that have no reply yet, by method.
    open: Vec<(String, Value)>,
}

impl Stage {
    #[expect(clippy::disallowed_methods, reason = "any instant will do as the first")]
    fn new(options: ReplicaOptions) -> Self {
        let columns = |names: &[&str]| names.iter().map(|name| Str::from(*name)).collect();
        let tables = vec![
            MonitorTable {
                table: "A".into(),
                columns: columns(&["size", "name", "tags", "fresh"]),
                condition: Condition::default(),
            },
            MonitorTable {
                table: "B".into(),
                columns: columns(&["name"]),
                condition: Condition {
                    clauses: vec![Clause::compare("name", Function::Equal, Datum::scalar("b"))],
                },
            },
        ];
        Self { replica: Replica::new(schema(), tables, options), now: Instant::now(), open: Vec::new() }
    }

    /// What the replica has to say: messages without the ids of requests, then events.
    fn said(&mut self) -> String {
        let mut lines = Vec::new();
        while let Some(message) = self.replica.poll_output() {
            match message {
                Message::Request { id, method, params } => {
                    lines.push(format!("{method} {params}"));
                    self.open.push((method, id));
                }
                other => lines.push(other.to_string()),
            }
        }
        while let Some(event) = self.replica.poll_event() {
            match event {
                ReplicaEvent::Changes(changes) => lines.extend(changes.iter().map(|change| {
                    let row = |row: &Option<Arc<Row>>| match row {
                        Some(row) => format!("{row:?}"),
                        None => "none".to_owned(),
                    };
                    format!(
                        "{} {}: {} -> {}",
                        change.table,
                        change.uuid.as_u128(),
                        row(&change.old),
                        row(&change.new)
                    )
                })),
                other => lines.push(format!("{other:?}")),
            }
        }
        lines.join("\n")
    }

    /// The server replies to the oldest open request of this method.
    fn reply(&mut self, method: &str, result: Value) -> String {
        self.answer(method, Ok(result))
    }

    fn answer(&mut self, method: &str, result: Result<Value, Value>) -> String {
        let at = self.open.iter().position(|(open, _)| open == method).expect("it was asked for");
        let (_, id) = self.open.remove(at);
        self.replica.handle_message(Message::Reply { id, result }, self.now);
        self.said()
    }

    fn notify(&mut self, method: &str, params: Value) -> String {
        self.replica.handle_message(Message::notification(method, params), self.now);
        self.said()
    }

    fn connect(&mut self) -> String {
        self.open.clear();
        self.replica.connected(self.now);
        self.said()
    }

    /// Connects to a server that has nothing, up to the request for contents.
    fn connect_to_schema(&mut self) -> String {
        self.connect();
        self.reply("get_schema", schema().to_json())
    }
}

fn plain() -> ReplicaOptions {
    ReplicaOptions { check_server: false, probe_interval: None, ..ReplicaOptions::default() }
}

const U1: &str = "00000000-0000-0000-0000-000000000001";
const U2: &str = "00000000-0000-0000-0000-000000000002";
const T1: &str = "00000000-0000-0000-0000-0000000000f1";
const T2: &str = "00000000-0000-0000-0000-0000000000f2";
const ZERO: &str = "00000000-0000-0000-0000-000000000000";

#[test]
fn the_handshake_of_upstream_clients_is_followed() {
    let options = ReplicaOptions { lock: Some("l".into()), ..ReplicaOptions::default() };
    let mut stage = Stage::new(options);
    assert_snapshot!(stage.connect(), @r#"
    lock ["l"]
    get_schema ["_Server"]
    "#);
    assert_snapshot!(stage.reply("lock", json!({"locked": false})), @"Lock(false)");
    assert_snapshot!(stage.reply("get_schema", json!({"name": "_Server", "tables": {}})), @r#"monitor_cond ["_Server",["monid","_Server"],{"Database":[{"columns":["name","model","connected","leader","cid","index"]}]}]"#);
    let row = json!({"name": "D", "model": "standalone", "connected": true, "leader": true});
    assert_snapshot!(stage.reply("monitor_cond", json!({"Database": {U1: {"initial": row}}})), @r#"
    set_db_change_aware [true]
    get_schema ["D"]
    "#);
    assert_snapshot!(stage.reply("get_schema", schema().to_json()), @r#"monitor_cond_since ["D",["monid","D"],{"A":[{"columns":["size","name","tags","fresh"],"where":[]}],"B":[{"columns":["name"],"where":[["name","==","b"]]}]},"00000000-0000-0000-0000-000000000000"]"#);
    let rows = json!({"A": {U1: {"initial": {"name": "a", "tags": ["set", ["x", "y"]], "size": 3}}}});
    assert_snapshot!(stage.reply("monitor_cond_since", json!([false, T1, rows])), @r"
    A 1: none -> [3, a, [x, y], 0]
    Synced
    ");
    assert!(stage.replica.is_synced());
    assert_snapshot!(stage.notify("locked", json!(["l"])), @"Lock(true)");
    assert_snapshot!(stage.notify("stolen", json!(["l"])), @"Lock(false)");
    let gone = json!({"Database": {U1: {"modify": {"connected": false}}}});
    assert_snapshot!(stage.notify("update2", json!([["monid", "_Server"], gone])), @"Lost(NotConnected)");
}

#[test]
fn updates_of_each_kind_change_rows() {
    let mut stage = Stage::new(plain());
    stage.connect_to_schema();
    stage.reply("monitor_cond_since", json!([false, T1, {}]));
    let id = ["monid", "D"];
    let rows =
        json!({"A": {U1: {"insert": {"name": "a", "tags": ["set", ["x", "y"]]}}}, "B": {U2: {"insert": {}}}});
    assert_snapshot!(stage.notify("update3", json!([id, T1, rows])), @r#"
    A 1: none -> [[], a, [x, y], 0]
    B 2: none -> [""]
    "#);
    let rows = json!({"A": {U1: {"modify": {"tags": ["set", ["y", "z"]], "size": 4}}}});
    assert_snapshot!(stage.notify("update3", json!([id, T2, rows])), @"A 1: [[], a, [x, y], 0] -> [4, a, [x, z], 0]");
    let rows = json!({"A": {U1: {"modify": {"size": ["set", []]}}}, "B": {U2: {"delete": null}}});
    assert_snapshot!(stage.notify("update2", json!([id, rows])), @r#"
    A 1: [4, a, [x, z], 0] -> [[], a, [x, z], 0]
    B 2: [""] -> none
    "#);
    let rows = json!({"A": {U1: {"modify": {"name": "a"}}, U2: {"delete": null}}});
    assert_snapshot!(stage.notify("update3", json!([id, T2, rows])), @"");
    assert_snapshot!(stage.notify("update", json!([id, {"A": {U1: {"old": {"name": "a"}, "new": {"name": "q"}}}}])), @"A 1: [[], a, [x, z], 0] -> [[], q, [], 0]");
    assert_snapshot!(stage.notify("update", json!(["other", {"A": {U1: {"old": {}}}}])), @"");
    let row = stage.replica.row("A", U1.parse().unwrap()).unwrap();
    assert_eq!(row[1].as_scalar(), Some(&Atom::from("q")));
    assert_eq!(stage.replica.rows("B").count() + stage.replica.rows("nope").count(), 0);
}

#[test]
fn bad_updates_end_the_connection_and_change_nothing() {
    let id = ["monid", "D"];
    let table = [
        (json!([]), "update3 without id"),
        (json!([id, T2]), "update3 without updates"),
        (json!([id, T2, []]), "table updates are not an object"),
        (json!([id, T2, {"C": {}}]), "update of table C, which was not asked for"),
        (json!([id, T2, {"A": {"x": {}}}]), "update of A row x: not a uuid"),
        (
            json!([id, T2, {"B": {}, "A": {U1: {"insert": {"name": "q"}}, U2: {"modify": {}}}}]),
            "update of A row 00000000-0000-0000-0000-000000000002: modified, but not there",
        ),
        (
            json!([id, T2, {"A": {U1: {"modify": {"name": 1}}}}]),
            "update of A row 00000000-0000-0000-0000-000000000001: column name: syntax \"1\": syntax error: expected string",
        ),
        (json!([id, 7, {"A": {U1: {"delete": null}}}]), "update3: transaction id expected"),
    ];
    for (params, expected) in table {
        let mut stage = Stage::new(plain());
        stage.connect_to_schema();
        stage.reply("monitor_cond_since", json!([false, T1, {"A": {U1: {"initial": {}}}}]));
        let said = stage.notify("update3", params);
        assert_eq!(said, format!("Lost(Protocol({expected:?}))"));
        assert!(stage.replica.is_lost());
        assert_eq!(stage.notify("update3", json!([id, T2, {"A": {U1: {"delete": null}}}])), "", "it is over");
        assert_eq!(stage.replica.rows("A").count(), 1);
    }
}

#[test]
fn after_a_reconnect_only_real_differences_are_told() {
    let mut stage = Stage::new(plain());
    stage.connect_to_schema();
    let rows = json!({"A": {U1: {"initial": {"name": "a"}}, U2: {"initial": {"name": "b"}}}});
    stage.reply("monitor_cond_since", json!([false, T1, rows]));
    stage.replica.disconnected(stage.now);
    assert_snapshot!(stage.said(), @"Lost(Disconnected)");
    assert!(!stage.replica.is_synced());
    assert_eq!(stage.replica.rows("A").count(), 2);

    // The server has forgotten: all is sent, little is new.
    assert_snapshot!(stage.connect_to_schema(), @r#"monitor_cond_since ["D",["monid","D"],{"A":[{"columns":["size","name","tags","fresh"],"where":[]}],"B":[{"columns":["name"],"where":[["name","==","b"]]}]},"00000000-0000-0000-0000-0000000000f1"]"#);
    let rows = json!({"A": {U2: {"initial": {"name": "c"}}, U1: {"initial": {"name": "a"}}}});
    assert_snapshot!(stage.reply("monitor_cond_since", json!([false, T2, rows])), @r"
    A 2: [[], b, [], 0] -> [[], c, [], 0]
    Synced
    ");

    // The server remembers.
    stage.replica.disconnected(stage.now);
    stage.said();
    stage.connect_to_schema();
    let rows = json!({"A": {U2: {"delete": null}}});
    assert_snapshot!(stage.reply("monitor_cond_since", json!([true, T2, rows])), @r"
    A 2: [[], c, [], 0] -> none
    Synced
    ");
}

#[test]
fn a_server_that_knows_less_is_asked_for_less() {
    let mut stage = Stage::new(plain());
    stage.connect();
    let mut less = (*schema()).clone();
    less.tables.remove("B");
    less.tables.get_mut("A").unwrap().columns.remove("fresh");
    assert_snapshot!(stage.reply("get_schema", less.to_json()), @r#"monitor_cond_since ["D",["monid","D"],{"A":[{"columns":["size","name","tags"],"where":[]}]},"00000000-0000-0000-0000-000000000000"]"#);
    let unknown = || Err(json!("unknown method"));
    assert_snapshot!(stage.answer("monitor_cond_since", unknown()), @r#"monitor_cond ["D",["monid","D"],{"A":[{"columns":["size","name","tags"],"where":[]}]}]"#);
    assert_snapshot!(stage.answer("monitor_cond", unknown()), @r#"monitor ["D",["monid","D"],{"A":[{"columns":["size","name","tags"]}]}]"#);
    let rows = json!({"A": {U1: {"new": {"name": "a", "size": ["set", []], "tags": ["set", []]}}}});
    assert_snapshot!(stage.reply("monitor", rows), @r"
    A 1: none -> [[], a, [], 0]
    Synced
    ");
    stage.replica.set_condition("A", Condition { clauses: vec![Clause::Constant(false)] });
    assert_eq!(stage.said(), "", "there are no conditions to change");
    assert!(stage.replica.conditions_are_in_force());
}

#[test]
fn conditions_change_one_request_at_a_time() {
    let mut stage = Stage::new(plain());
    stage.connect_to_schema();
    let named = |name: &str| Condition {
        clauses: vec![Clause::compare("name", Function::Equal, Datum::scalar(name))],
    };
    stage.replica.set_condition("A", named("early"));
    assert_eq!(stage.said(), "", "the contents come first");
    assert_snapshot!(stage.reply("monitor_cond_since", json!([false, T1, {}])), @r#"
    monitor_cond_change [["monid","D"],["monid","D"],{"A":[{"where":[["name","==","early"]]}]}]
    Synced
    "#);
    stage.replica.set_condition("A", named("x"));
    stage.replica.set_condition("A", named("y"));
    stage.replica.set_condition("B", Condition::default());
    stage.replica.set_condition("nope", Condition::default());
    assert!(!stage.replica.conditions_are_in_force());
    assert_eq!(stage.said(), "");
    assert_snapshot!(stage.reply("monitor_cond_change", json!({})), @r#"monitor_cond_change [["monid","D"],["monid","D"],{"A":[{"where":[["name","==","y"]]}],"B":[{"where":[]}]}]"#);
    assert_snapshot!(stage.reply("monitor_cond_change", json!({})), @"");
    assert!(stage.replica.conditions_are_in_force());

    // Cut off while a change is on its way, the replica starts anew with what is wanted now.
    stage.replica.set_condition("A", named("z"));
    stage.replica.disconnected(stage.now);
    stage.said();
    assert_snapshot!(stage.connect_to_schema(), @r#"monitor_cond_since ["D",["monid","D"],{"A":[{"columns":["size","name","tags","fresh"],"where":[["name","==","z"]]}],"B":[{"columns":["name"],"where":[]}]},"00000000-0000-0000-0000-000000000000"]"#);
    stage.reply("monitor_cond_since", json!([false, T1, {}]));
    assert!(stage.replica.conditions_are_in_force());

    // Otherwise it continues with what was agreed, and then asks for the change.
    stage.replica.disconnected(stage.now);
    stage.replica.set_condition("A", named("w"));
    stage.said();
    assert_snapshot!(stage.connect_to_schema(), @r#"monitor_cond_since ["D",["monid","D"],{"A":[{"columns":["size","name","tags","fresh"],"where":[["name","==","z"]]}],"B":[{"columns":["name"],"where":[]}]},"00000000-0000-0000-0000-0000000000f1"]"#);
    assert_snapshot!(stage.reply("monitor_cond_since", json!([true, T1, {}])), @r#"
    monitor_cond_change [["monid","D"],["monid","D"],{"A":[{"where":[["name","==","w"]]}]}]
    Synced
    "#);
}

#[test]
fn transactions_assert_the_lock_and_end_when_the_connection_does() {
    let mut stage = Stage::new(ReplicaOptions { lock: Some("l".into()), ..plain() });
    let transaction = || {
        let mut transaction = Transaction::new();
        transaction.comment("c");
        transaction
    };
    stage.connect_to_schema();
    stage.reply("monitor_cond_since", json!([false, ZERO, {}]));
    stage.replica.transact(transaction());
    assert_snapshot!(stage.said(), @"TxnDone { id: TxnId(1), outcome: NotLocked }");
    stage.reply("lock", json!({"locked": true}));
    stage.replica.transact(transaction());
    assert_snapshot!(stage.said(), @r#"transact ["D",{"lock":"l","op":"assert"},{"comment":"c","op":"comment"}]"#);
    assert_snapshot!(stage.reply("transact", json!([{}, {}])), @"TxnDone { id: TxnId(2), outcome: Committed([Object {}]) }");
    stage.replica.transact(transaction());
    stage.replica.disconnected(stage.now);
    assert_snapshot!(stage.said(), @r"
    Lock(false)
    TxnDone { id: TxnId(3), outcome: TryAgain }
    Lost(Disconnected)
    ");
    stage.replica.set_lock(None);
    stage.replica.transact(transaction());
    assert_snapshot!(stage.said(), @"TxnDone { id: TxnId(4), outcome: TryAgain }");
    assert_snapshot!(stage.connect_to_schema(), @r#"monitor_cond_since ["D",["monid","D"],{"A":[{"columns":["size","name","tags","fresh"],"where":[]}],"B":[{"columns":["name"],"where":[["name","==","b"]]}]},"00000000-0000-0000-0000-000000000000"]"#);
    stage.reply("monitor_cond_since", json!([false, ZERO, {}]));
    stage.replica.set_lock(Some("m".into()));
    stage.replica.set_lock(Some("n".into()));
    assert_snapshot!(stage.said(), @r#"
    lock ["m"]
    unlock ["m"]
    lock ["n"]
    "#);
    assert_snapshot!(stage.reply("lock", json!({"locked": true})), @"");
    assert!(!stage.replica.holds_lock(), "that was the lock before");
    assert_snapshot!(stage.reply("lock", json!({"locked": true})), @"Lock(true)");
}

#[test]
fn another_schema_means_another_start_on_the_same_connection() {
    let mut stage = Stage::new(plain());
    stage.connect_to_schema();
    stage.reply("monitor_cond_since", json!([false, T1, {"B": {U1: {"initial": {"name": "b"}}}}]));
    assert_snapshot!(stage.notify("monitor_canceled", json!([["monid", "D"]])), @r#"
    set_db_change_aware [true]
    get_schema ["D"]
    "#);
    let mut less = (*schema()).clone();
    less.tables.remove("B");
    assert_snapshot!(stage.reply("get_schema", less.to_json()), @r#"monitor_cond_since ["D",["monid","D"],{"A":[{"columns":["size","name","tags","fresh"],"where":[]}]},"00000000-0000-0000-0000-000000000000"]"#);
    assert_snapshot!(stage.reply("monitor_cond_since", json!([false, T2, {}])), @r"
    B 1: [b] -> none
    Synced
    ");
}

#[test]
fn silence_is_asked_about_and_then_given_up() {
    let mut stage = Stage::new(ReplicaOptions { check_server: false, ..ReplicaOptions::default() });
    assert_eq!(stage.replica.poll_timeout(), None);
    stage.connect_to_schema();
    let second = Duration::from_secs(1);
    let start = stage.now;
    assert_eq!(stage.replica.poll_timeout(), Some((start + 5 * second, "ovsdb probe")));
    stage.replica.handle_timeout(start + 4 * second);
    assert_eq!(stage.said(), "");
    stage.replica.handle_timeout(start + 5 * second);
    assert_eq!(stage.said(), "echo []");
    stage.now = start + 6 * second;
    stage.reply("echo", json!([]));
    stage.replica.handle_timeout(start + 11 * second);
    assert_eq!(stage.said(), "echo []");
    stage.replica.handle_timeout(start + 16 * second);
    assert_eq!(stage.said(), "Lost(Silent)");
    assert_eq!(stage.replica.poll_timeout(), None);
    let echo = Message::request(1, "echo", json!(["x"]));
    stage.replica.handle_message(echo.clone(), stage.now);
    assert_eq!(stage.said(), "", "nobody listens any more");
    stage.connect_to_schema();
    stage.replica.handle_message(echo, stage.now);
    stage.replica.handle_message(Message::request("q", "what", json!([])), stage.now);
    assert_snapshot!(stage.said(), @r#"
    {"id":1,"result":["x"],"error":null}
    {"id":"q","error":"unknown method"}
    "#);
}

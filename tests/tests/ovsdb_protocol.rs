//! The protocol of the database server, request by request: a story is told to our server and to the peer's, and what each
//! says to each of up to three clients must be the same. The few stories that end otherwise say why.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Value, json};
use tests::ovsdb::Client as Connection;
use tests::process::{Daemon, RunDir, run_ok};

const SCHEMA: &str = r#"{"name": "T", "version": "1.0.0", "tables": {
    "A": {"isRoot": true, "columns": {"n": {"type": "integer"}, "s": {"type": "string"},
          "v": {"type": {"key": "integer", "min": 0, "max": "unlimited"}}}},
    "B": {"isRoot": true, "columns": {"x": {"type": "integer"}}}}}"#;

/// Rows to begin with; their UUIDs are chosen so that both servers have the same.
const ROWS: &str = r#"["T", {"op": "delete", "table": "A", "where": []}, {"op": "delete", "table": "B", "where": []},
    {"op": "insert", "table": "A", "uuid": "00000000-0000-4000-8000-00000000000a", "row": {"n": 1, "s": "a"}},
    {"op": "insert", "table": "A", "uuid": "00000000-0000-4000-8000-00000000000b", "row": {"n": 2, "s": "b"}},
    {"op": "insert", "table": "B", "uuid": "00000000-0000-4000-8000-00000000000c", "row": {"x": 1}}]"#;

/// The id of the request by which a story knows that a server has said all that it has to say.
const FENCE: &str = "fence";

/// Both servers with an empty database.
struct Stage {
    dir: RunDir,
    _daemons: [Daemon; 2],
}

impl Stage {
    fn new() -> Option<Self> {
        let peer = tests::need("ovsdb-server")?;
        let dir = RunDir::default();
        std::fs::write(dir.path("schema"), SCHEMA).expect("the run directory is writable");
        for file in ["ours.db", "peers.db"] {
            let mut create = dir.ours("ovsdb-tool");
            create.args(["create", file, "schema"]);
            run_ok(create);
        }
        let start = |name: &str, mut server: std::process::Command| {
            server.args([&format!("{name}.db"), &format!("--remote=punix:{name}.sock")]);
            server.args([&format!("--unixctl={name}.ctl"), "-vconsole:err"]);
            let daemon = dir.start(name, server);
            dir.wait_for_socket(&format!("{name}.sock"));
            daemon
        };
        let daemons = [start("ours", dir.ours("ovsdb-server")), start("peers", dir.peer(&peer))];
        Some(Self { dir, _daemons: daemons })
    }

    /// Tells a story to both; what differs, a step a line, ours first.
    fn differences(&self, steps: &[Step]) -> String {
        let [ours, peers] = ["ours.sock", "peers.sock"].map(|socket| tell(&self.dir.path(socket), steps));
        let mut text = String::new();
        for ((step, ours), peers) in steps.iter().zip(ours).zip(peers) {
            if ours != peers {
                text.push_str(&format!(
                    "{step:?}\n  ours  {}\n  peers {}\n",
                    ours.join("\n        "),
                    peers.join("\n        ")
                ));
            }
        }
        text
    }

    /// A story that both servers end alike.
    #[track_caller]
    fn same(&self, story: &str, steps: &[Step]) {
        let differences = self.differences(steps);
        assert!(differences.is_empty(), "{story}:\n{differences}");
    }
}

/// What happens next in a story; a number is that of the client.
#[derive(Clone, Debug)]
enum Step {
    /// A client sends a request with this id, method and parameters.
    Ask(usize, Value, &'static str, Value),
    /// A client sends these octets.
    Send(usize, String),
    /// A client hangs up.
    HangUp(usize),
}

use Step::{Ask, HangUp, Send};

fn ask(client: usize, id: impl Into<Value>, method: &'static str, params: Value) -> Step {
    Ask(client, id.into(), method, params)
}

/// A transaction of the client that monitors nothing.
fn change(operation: Value) -> Step {
    ask(2, "change", "transact", json!(["T", operation]))
}

fn rows() -> Step {
    ask(2, "rows", "transact", serde_json::from_str(ROWS).expect("the rows are JSON"))
}

fn update(r#where: Value, row: Value) -> Step {
    change(json!({"op": "update", "table": "A", "where": r#where, "row": row}))
}

/// What clients hear in each step.
fn tell(socket: &Path, steps: &[Step]) -> Vec<Vec<String>> {
    let mut clients: BTreeMap<usize, Client> = BTreeMap::new();
    let mut names = BTreeMap::new();
    let mut told = Vec::new();
    for step in steps {
        match step {
            Ask(client, id, method, params) => {
                let text = json!({"id": id, "method": method, "params": params}).to_string();
                clients.entry(*client).or_insert_with(|| Client::connect(socket)).send(&text);
            }
            Send(client, text) => {
                clients.entry(*client).or_insert_with(|| Client::connect(socket)).send(text);
            }
            HangUp(client) => clients.remove(client).expect("it is connected").hang_up(),
        }
        told.push(heard(&mut clients, &mut names));
    }
    told
}

/// What all clients hear until each has an answer to a request that is asked after everything else. Two rounds: by the
/// second, what one client did has reached the others.
fn heard(clients: &mut BTreeMap<usize, Client>, names: &mut BTreeMap<String, String>) -> Vec<String> {
    let mut heard = Vec::new();
    for _ in 0..2 {
        for (number, client) in &mut *clients {
            let messages = client.until_fence();
            heard.extend(messages.iter().map(|message| format!("{number}: {}", alike(message, names))));
        }
    }
    // Between the clients there is no order.
    heard.sort_by_key(|line| line.chars().next());
    heard
}

/// A message without what each server chooses: UUIDs become names in the order of their appearance.
fn alike(message: &str, names: &mut BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = message;
    while let Some(first) = rest.chars().next() {
        match rest.get(..36).filter(|text| text.parse::<ovsdb::Uuid>().is_ok()) {
            Some(uuid) if !uuid.starts_with("00000000-") => {
                let number = names.len();
                out.push_str(names.entry(uuid.to_owned()).or_insert_with(|| format!("uuid-{number}")));
                rest = &rest[36..];
            }
            Some(uuid) => {
                out.push_str(uuid);
                rest = &rest[36..];
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

/// A connection, and whether the server ended it.
struct Client {
    connection: Connection,
    is_closed: bool,
}

impl Client {
    fn connect(socket: &Path) -> Self {
        Self { connection: Connection::connect(socket).expect("the server listens"), is_closed: false }
    }

    fn send(&mut self, text: &str) {
        match self.connection.send_text(text) {
            Err(error) if is_end(&error) => {}
            outcome => outcome.expect("the server reads"),
        }
    }

    /// Ends the connection, and waits until the server has seen it.
    fn hang_up(mut self) {
        self.connection.finish().expect("it is connected");
        while self.connection.receive().is_ok() {}
    }

    /// All messages until the answer to the fence, or that the server hung up.
    fn until_fence(&mut self) -> Vec<String> {
        if self.is_closed {
            return Vec::new();
        }
        // The answer to a transaction comes after those to all before it.
        let nothing = json!({"op": "select", "table": "B", "where": [["x", "==", -1]]});
        self.send(&json!({"id": FENCE, "method": "transact", "params": ["T", nothing]}).to_string());
        let mut messages = Vec::new();
        loop {
            match self.connection.receive() {
                Ok(message) if message["id"] == FENCE => return messages,
                Ok(message) => messages.push(message.to_string()),
                Err(error) if is_end(&error) => break,
                Err(error) => panic!("the server is silent: {error}"),
            }
        }
        self.is_closed = true;
        messages.push("hangs up".to_owned());
        messages
    }
}

/// Whether the other side hung up.
fn is_end(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}

fn monitor(columns: Value) -> Step {
    ask(0, "monitor", "monitor_cond", json!(["T", "m", columns]))
}

fn conditions(id: i64, requests: Value) -> Step {
    ask(0, id, "monitor_cond_change", json!(["m", "m", requests]))
}

/// A monitor of the rows of `A` whose `n` is 1.
fn ones() -> Value {
    json!({"A": [{"columns": ["n", "s"], "where": [["n", "==", 1]]}]})
}

#[test]
fn conditions_are_widened_narrowed_and_taken_away() {
    let Some(stage) = Stage::new() else { return };
    stage.same(
        "widened",
        &[
            rows(),
            monitor(ones()),
            conditions(1, json!({"A": [{"where": [["n", "<=", 2]]}]})),
            update(json!([["n", "==", 2]]), json!({"s": "c"})),
        ],
    );
    stage.same(
        "narrowed",
        &[
            rows(),
            monitor(json!({"A": [{"columns": ["n", "s"]}]})),
            conditions(1, json!({"A": [{"where": [["n", "==", 1]]}]})),
            update(json!([["n", "==", 2]]), json!({"s": "c"})),
            update(json!([["n", "==", 1]]), json!({"s": "d"})),
        ],
    );
    stage.same(
        "to nothing, and back",
        &[
            rows(),
            monitor(ones()),
            conditions(1, json!({"A": [{"where": [false]}]})),
            update(json!([]), json!({"s": "c"})),
            conditions(2, json!({"A": [{"where": [true]}]})),
            conditions(3, json!({"A": [{"where": []}]})),
        ],
    );
    stage.same(
        "of several tables",
        &[
            rows(),
            monitor(json!({"A": [{"columns": ["n"], "where": [["n", "==", 1]]}],
                           "B": [{"columns": ["x"], "where": [false]}]})),
            conditions(1, json!({"A": [{"where": [["n", "==", 2]]}], "B": [{"where": [true]}]})),
            conditions(2, json!({"B": [{"where": [false]}]})),
            conditions(3, json!({})),
        ],
    );
    stage.same(
        "on a column that is not shown",
        &[
            rows(),
            monitor(json!({"A": [{"columns": ["s"], "where": [["n", "==", 1]]}]})),
            update(json!([["s", "==", "b"]]), json!({"n": 1})),
            update(json!([]), json!({"n": 7})),
            conditions(1, json!({"A": [{"where": [["n", "==", 7]]}]})),
        ],
    );
    stage.same(
        "of a monitor that wants no insertions",
        &[
            rows(),
            monitor(json!({"A": [{"columns": ["n"], "select": {"initial": false, "insert": false, "delete": false}}]})),
            conditions(1, json!({"A": [{"where": [["n", "==", 1]]}]})),
            conditions(2, json!({"A": [{"where": [true]}]})),
            change(json!({"op": "delete", "table": "A", "where": []})),
        ],
    );
}

#[test]
fn conditions_that_cannot_be_are_refused_and_change_nothing() {
    let Some(stage) = Stage::new() else { return };
    let requests = [
        json!({"Nope": [{"where": [true]}]}),
        json!({"B": [{"where": [true]}]}),
        json!({"A": [{"where": [["nope", "==", 1]]}]}),
        json!({"A": [{"where": [["v", "<", 1]]}]}),
        json!({"A": [{"where": [["n", "==", "x"]]}]}),
        json!([]),
        json!({"A": []}),
        json!({"A": {}}),
        json!({"A": {"where": [true]}}),
        json!({"A": 7}),
        json!({"A": ["x"]}),
        json!({"A": [{"where": 5}]}),
        json!({"A": [{"where": [5]}]}),
        json!({"A": [{"columns": ["n"]}]}),
        json!({"A": [{"columns": ["n"], "where": [true]}]}),
        json!({"A": [{"where": [true], "x": 1}]}),
    ];
    let mut story = vec![rows(), monitor(ones())];
    story.extend((1..).zip(requests).map(|(id, requests)| conditions(id, requests)));
    let params =
        [json!(["m", "m"]), json!(["m"]), json!([]), json!(["m", "m", {"A": [{"where": [true]}]}, 7])];
    story.extend(params.map(|params| ask(0, 100, "monitor_cond_change", params)));
    story.push(update(json!([]), json!({"s": "c"})));
    // Some are taken.
    story.push(conditions(200, json!({"A": [{"where": [true]}, {"where": [false]}]})));
    story.push(conditions(201, json!({"A": [{"where": [["n", "==", 1], true, ["n", "==", 2]]}]})));
    story.push(conditions(202, json!({"A": [{"where": [["v", "includes", ["set", [1]]]]}]})));
    story.push(update(json!([["n", "==", 1]]), json!({"v": ["set", [1]]})));
    stage.same("refused", &story);
}

#[test]
fn monitors_go_by_their_ids() {
    let Some(stage) = Stage::new() else { return };
    let all = json!({"A": [{"where": [true]}]});
    stage.same(
        "an id is changed",
        &[
            rows(),
            monitor(ones()),
            ask(0, 1, "monitor_cond_change", json!(["m", ["n", 2], all])),
            update(json!([]), json!({"s": "c"})),
            ask(0, 2, "monitor_cond_change", json!(["m", "z", all])),
            ask(0, 3, "monitor_cond_change", json!([["n", 2], null, {}])),
            update(json!([]), json!({"s": "d"})),
            ask(0, 4, "monitor_cancel", json!(["m"])),
            ask(0, 5, "monitor_cancel", json!([null])),
            ask(0, 6, "monitor_cancel", json!([["n", 2]])),
            update(json!([]), json!({"s": "e"})),
            monitor(ones()),
            ask(0, 7, "monitor_cond", json!(["T", "k", ones()])),
            ask(0, 8, "monitor_cond_change", json!(["m", "k", all])),
            ask(0, 9, "monitor_cancel", json!(["k"])),
            ask(0, 10, "monitor_cancel", json!(["m"])),
        ],
    );
    stage.same(
        "an id is unknown, or taken",
        &[
            ask(0, 1, "monitor_cond_change", json!(["m", "m", {}])),
            ask(0, 2, "monitor_cancel", json!(["m"])),
            ask(0, 3, "monitor_cancel", json!([])),
            ask(0, 4, "monitor_cancel", json!(["m", "n"])),
            monitor(ones()),
            monitor(ones()),
            ask(0, 5, "monitor", json!(["T", "m", {"A": {}}])),
            ask(1, 6, "monitor_cancel", json!(["m"])),
            ask(1, 7, "monitor_cond_change", json!(["m", "m", {}])),
            ask(0, 8, "monitor_cancel", json!(["m"])),
            ask(0, 9, "monitor_cancel", json!(["m"])),
        ],
    );
    let requests = [
        json!({"Nope": [{}]}),
        json!({"A": [{"columns": ["nope"]}]}),
        json!({"A": [{"columns": ["n", "n"]}]}),
        json!({"A": [{"columns": ["n"]}, {"columns": ["n"]}]}),
        json!({"A": [{"where": [["n", "<", "x"]]}]}),
        json!({"A": [{"select": {"x": true}}]}),
        json!([]),
    ];
    let mut story = vec![rows(), ask(0, 0, "monitor", json!(["Nope", "m", {}]))];
    story.push(ask(0, 0, "monitor", json!(["T", "m", {"A": {"where": [true]}}])));
    story.extend(
        (1..).zip(requests).map(|(id, requests)| ask(0, id, "monitor_cond", json!(["T", "m", requests]))),
    );
    story.push(ask(0, 50, "monitor_cond", json!(["T", {"o": 1}, {}])));
    story.push(ask(0, 51, "monitor_cancel", json!([{"o": 1}])));
    stage.same("wrong requests", &story);
}

#[test]
fn history_is_asked_for_by_transaction() {
    let Some(stage) = Stage::new() else { return };
    let since = |id: i64, monitor: &str, last: Value| {
        ask(0, id, "monitor_cond_since", json!(["T", monitor, ones(), last]))
    };
    // Without a cluster the peer has no history and every id is zero, so that ids are not to be compared.
    let story = [
        rows(),
        since(3, "v", json!("x")),
        since(4, "v", json!(null)),
        ask(0, 5, "monitor_cond_since", json!(["T", "w", ones()])),
        ask(0, 6, "monitor_cond_since", json!(["T", "w", ones(), "00000000-0000-0000-0000-000000000000", 1])),
        ask(0, 7, "monitor_cond_since", json!(["Nope", "w", ones(), "00000000-0000-0000-0000-000000000000"])),
    ];
    stage.same("wrong requests", &story);
    for last in ["00000000-0000-0000-0000-000000000000", "12345678-0000-4000-8000-000000000000"] {
        let [ours, peers] = ["ours.sock", "peers.sock"].map(|socket| {
            let heard = tell(&stage.dir.path(socket), &[rows(), since(1, "m", json!(last))]);
            let reply: Value = serde_json::from_str(&heard[1][0]["0: ".len()..]).expect("a reply");
            (heard[1].len(), reply["result"][0].clone(), reply["result"][2].clone())
        });
        assert_eq!(ours, peers, "{last}");
    }
}

fn wait(client: usize, id: impl Into<Value>, until: &str, n: &[i64], timeout_ms: Option<i64>) -> Step {
    let rows: Vec<Value> = n.iter().map(|n| json!({"n": n})).collect();
    let mut wait =
        json!({"op": "wait", "table": "A", "where": [], "columns": ["n"], "until": until, "rows": rows});
    if let Some(timeout) = timeout_ms {
        wait["timeout"] = timeout.into();
    }
    ask(client, id, "transact", json!(["T", wait, {"op": "comment", "comment": "it waited"}]))
}

#[test]
fn waits_end_by_another_clients_commit_or_at_once() {
    let Some(stage) = Stage::new() else { return };
    let insert = |n: i64| change(json!({"op": "insert", "table": "A", "row": {"n": n}}));
    let clear = change(json!({"op": "delete", "table": "A", "where": []}));
    stage.same(
        "waits",
        &[
            clear.clone(),
            wait(0, 1, "==", &[5], None),
            wait(1, 1, "!=", &[], None),
            insert(5),
            wait(0, 2, "==", &[5], Some(0)),
            wait(0, 3, "!=", &[5], Some(0)),
            wait(0, 4, "==", &[], None),
            wait(0, 5, "==", &[6], Some(60_000)),
            update(json!([]), json!({"n": 6})),
            clear.clone(),
        ],
    );
    stage.same(
        "an id that is still in use",
        &[
            clear,
            wait(0, 1, "==", &[5], None),
            wait(0, 1, "==", &[5], None),
            ask(0, 1, "echo", json!([])),
            ask(0, 1, "transact", json!(["T", {"op": "insert", "table": "A", "row": {"n": 3}}])),
        ],
    );
}

#[test]
fn a_cancelled_transaction_is_answered_as_the_rfc_says() {
    let Some(stage) = Stage::new() else { return };
    let cancel = |client, params: Value| {
        Send(client, json!({"id": null, "method": "cancel", "params": params}).to_string())
    };
    let clear = change(json!({"op": "delete", "table": "A", "where": []}));
    stage.same(
        "what there is not",
        &[
            clear.clone(),
            cancel(0, json!([7])),
            cancel(0, json!([])),
            ask(0, 7, "cancel", json!([8])),
            wait(0, 8, "==", &[5], None),
            cancel(1, json!([8])),
            cancel(0, json!([8, 9])),
            change(json!({"op": "insert", "table": "A", "row": {"n": 5}})),
            cancel(0, json!([8])),
        ],
    );
    // RFC 7047 section 4.1.4: "the reply to the canceled request has the error "canceled"". The peer says nothing at all, so
    // that its clients cannot know whether what they asked for was done.
    let differences = stage.differences(&[
        clear,
        wait(0, "w", "==", &[5], None),
        cancel(0, json!(["w"])),
        cancel(0, json!(["w"])),
    ]);
    assert_eq!(
        differences.lines().skip(1).collect::<Vec<_>>(),
        [r#"  ours  0: {"error":"canceled","id":"w"}"#, "  peers ",]
    );
}

#[test]
fn locks_pass_among_three_clients() {
    let Some(stage) = Stage::new() else { return };
    let lock = |client| ask(client, 1, "lock", json!(["L"]));
    let steal = |client| ask(client, 2, "steal", json!(["L"]));
    let unlock = |client| ask(client, 3, "unlock", json!(["L"]));
    let owns = |client| ask(client, 4, "transact", json!(["T", {"op": "assert", "lock": "L"}]));
    let stories = [
        (
            "in turn",
            vec![lock(0), lock(1), lock(2), lock(0), owns(0), unlock(0), owns(1), unlock(1), unlock(2)],
        ),
        (
            "in turn, by hanging up",
            vec![lock(0), lock(1), lock(2), HangUp(0), owns(1), HangUp(1), owns(2), unlock(2)],
        ),
        (
            "stolen and given back",
            vec![lock(0), lock(1), steal(2), owns(0), owns(2), unlock(2), owns(0), unlock(0), unlock(1)],
        ),
        ("stolen and left", vec![lock(0), steal(2), HangUp(2), owns(0), unlock(0)]),
        (
            "stolen twice",
            vec![lock(0), steal(2), steal(1), steal(1), unlock(1), owns(0), unlock(0), unlock(2)],
        ),
        ("robbed thieves", vec![steal(0), steal(2), lock(1), unlock(2), owns(1), unlock(0), unlock(1)]),
        (
            "robbed thieves ask again",
            vec![steal(0), steal(2), unlock(0), lock(0), unlock(2), owns(0), unlock(0)],
        ),
        ("nobody's", vec![unlock(0), owns(0), lock(0), unlock(0), unlock(0)]),
    ];
    for (story, steps) in stories {
        stage.same(story, &steps);
    }
    let mut story = Vec::new();
    for params in [json!(["x y"]), json!([]), json!([5]), json!(["a", "b"]), json!([""]), json!(["9"])] {
        story.extend(["lock", "steal", "unlock"].map(|method| ask(0, 1, method, params.clone())));
    }
    stage.same("wrong names", &story);
    // The peer tells the owner again whenever one of those who wait leaves.
    let differences = stage.differences(&[lock(0), lock(1), unlock(1), unlock(0)]);
    assert_eq!(
        differences.lines().skip(1).collect::<Vec<_>>(),
        [
            r#"  ours  1: {"error":null,"id":3,"result":{}}"#,
            r#"  peers 0: {"id":null,"method":"locked","params":["L"]}"#,
            r#"        1: {"error":null,"id":3,"result":{}}"#,
        ]
    );
}

#[test]
fn other_methods_answer_alike() {
    let Some(stage) = Stage::new() else { return };
    let story: Vec<Step> = [
        ("set_db_change_aware", json!([true])),
        ("set_db_change_aware", json!([false])),
        ("set_db_change_aware", json!([])),
        ("set_db_change_aware", json!([1])),
        ("set_db_change_aware", json!([true, true])),
        ("get_server_id", json!([])),
        ("get_server_id", json!([1])),
        ("list_dbs", json!([])),
        ("list_dbs", json!([1])),
        ("get_schema", json!([])),
        ("get_schema", json!(["Nope"])),
        ("get_schema", json!([7])),
        ("transact", json!([])),
        ("transact", json!(["T"])),
        ("transact", json!(["Nope", {"op": "comment"}])),
        ("transact", json!([5])),
        ("transact", json!(["T", 5])),
        ("transact", json!(["T", {"op": "nope"}])),
        ("transact", json!(["_Server", {"op": "insert", "table": "Database", "row": {}}])),
        ("convert", json!([])),
        ("convert", json!(["Nope", {}])),
        ("convert", json!(["T", 5])),
        ("convert", json!(["_Server", {}])),
        ("nope", json!([])),
        ("", json!([])),
        ("update", json!([])),
    ]
    .into_iter()
    .map(|(method, params)| ask(0, 1, method, params))
    .collect();
    stage.same("methods", &story);
    let ids = [json!("s"), json!({"a": [1]}), json!([]), json!(true), json!(1.5), json!(-7), json!("")];
    let story: Vec<Step> =
        ids.into_iter().map(|id| ask(0, id, "echo", json!([1, "x", {"b": 1, "a": null}]))).collect();
    stage.same("ids", &story);
    let story: Vec<Step> =
        ["nope", "transact", "echo"].map(|method| ask(0, Value::Null, method, json!(["T"]))).to_vec();
    stage.same("notifications", &story);
}

#[test]
fn what_is_no_message_ends_the_connection() {
    let Some(stage) = Stage::new() else { return };
    for text in [
        r#"{"id": null, "result": [], "error": null}"#,
        r#"{"id": 5}"#,
        "{}",
        "[1]",
        "\"x\"",
        r#"{"id": 1, "method": 5, "params": []}"#,
        r#"{"id": 1,, }"#,
        r#"{"id": 1, "method": "echo", "params": ["\ud800"]}"#,
    ] {
        stage.same(text, &[Send(0, text.to_owned())]);
    }
    for text in [
        r#"{"id": 1, "id": 2, "method": "echo", "params": []}"#,
        "{\"id\": 1, \"method\": \"echo\", \"params\": []}\n\n \t{\"id\": 2, \"method\": \"echo\", \"params\": []}",
    ] {
        stage.same(text, &[Send(0, text.to_owned())]);
    }
    // Ours is more patient: it answers, and lets a reply be that nobody asked for.
    for text in [
        r#"{"id": 1, "method": "echo"}"#,
        r#"{"id": 1, "method": "echo", "params": {"a": 1}}"#,
        r#"{"id": 1, "method": "echo", "params": [], "extra": 1}"#,
        r#"{"id": 1, "method": "echo", "params": [], "error": 1}"#,
        r#"{"id": 7, "result": [], "error": null}"#,
        r#"{"id": 7, "result": null, "error": {"error": "x"}}"#,
    ] {
        let differences = stage.differences(&[Send(0, text.to_owned())]);
        assert!(!differences.contains("ours  0: hangs up"), "{text}: {differences}");
        assert!(differences.contains("peers 0: hangs up"), "{text}: {differences}");
    }
}

//! What survives: the server is killed, its files are damaged, and its clients come back.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use serde_json::{Value, json};
use tests::ovsdb::Client;
use tests::process::{Daemon, Outcome, RunDir, run, run_ok};

const DB: &str = "D";
const ZERO: &str = "00000000-0000-0000-0000-000000000000";

fn schema() -> Value {
    let many = json!({"type": {"key": {"type": "uuid", "refTable": "Half"}, "min": 0, "max": "unlimited"}});
    json!({"name": DB, "version": "1.0.0", "tables": {
        "Writer": {"isRoot": true, "indexes": [["name"]], "columns": {
            "name": {"type": "string"}, "count": {"type": "integer"}, "halves": many}},
        "Half": {"columns": {"n": {"type": "integer"}, "filler": {"type": "string"}}},
        "Status": {"isRoot": true, "columns": {"s": {"type": {"key": "string", "value": "string", "min": 0, "max": 9}, "ephemeral": true}, "k": {"type": "string"}}}}})
}

struct Bench {
    dir: RunDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { dir: RunDir::default() };
        fs::write(bench.dir.path("d.ovsschema"), schema().to_string()).unwrap();
        assert_eq!(bench.tool(&["create", "d.db", "d.ovsschema"]).code, Some(0));
        bench
    }

    fn tool(&self, args: &[&str]) -> Outcome {
        let mut command = self.dir.ours("ovsdb-tool");
        command.args(args);
        run(command)
    }

    fn command(&self) -> std::process::Command {
        let mut command = self.dir.ours("ovsdb-server");
        command.arg("--remote=punix:d.sock").arg("--unixctl=d.ctl").arg(self.dir.path("d.db"));
        command
    }

    fn start(&self) -> Daemon {
        let daemon = self.dir.start("ovsdb-server", self.command());
        self.dir.wait_for_socket("d.sock");
        daemon
    }

    fn client(&self) -> Client {
        Client::connect(&self.dir.path("d.sock")).unwrap()
    }

    fn file(&self) -> PathBuf {
        self.dir.path("d.db")
    }
}

fn insert(name: &str) -> [Value; 2] {
    let half = json!({"op": "insert", "table": "Half", "row": {"n": 1}, "uuid-name": "half"});
    let row = json!({"name": name, "halves": ["named-uuid", "half"]});
    [half, json!({"op": "insert", "table": "Writer", "row": row})]
}

/// What a client asks that wants to see these columns of these tables.
fn watch(since: &str, tables: &[(&str, &[&str])]) -> Value {
    let requests: BTreeMap<&str, Value> =
        tables.iter().map(|(table, columns)| (*table, json!([{"columns": columns}]))).collect();
    json!([DB, "watch", requests, since])
}

const WATCHED: &[(&str, &[&str])] =
    &[("Writer", &["name", "count", "halves"]), ("Half", &["n"]), ("Status", &["k"])];

/// A client's copy of the rows, by what it is told.
#[derive(Default)]
struct Copy {
    rows: BTreeMap<String, Value>,
    last: String,
}

impl Copy {
    /// Comes back; says whether the server knew what was missed.
    fn resume(&mut self, client: &mut Client) -> io::Result<bool> {
        let since = if self.last.is_empty() { ZERO } else { &self.last };
        let reply = client.call("monitor_cond_since", &watch(since, WATCHED))?;
        let found = reply["result"][0].as_bool().unwrap();
        if !found {
            self.rows.clear();
        }
        self.apply(&reply["result"][2]);
        self.last = reply["result"][1].as_str().unwrap().to_owned();
        Ok(found)
    }

    fn notified(&mut self, message: &Value) {
        if message["method"] == "update3" {
            self.last = message["params"][1].as_str().unwrap().to_owned();
            self.apply(&message["params"][2]);
        }
    }

    fn apply(&mut self, updates: &Value) {
        for (table, rows) in updates.as_object().unwrap() {
            for (uuid, update) in rows.as_object().unwrap() {
                let key = format!("{table} {uuid}");
                let (kind, columns) = update.as_object().unwrap().iter().next().unwrap();
                match kind.as_str() {
                    "delete" => assert!(self.rows.remove(&key).is_some(), "{key} was there"),
                    "modify" => {
                        let row =
                            self.rows.get_mut(&key).unwrap_or_else(|| panic!("{key} is changed and unknown"));
                        for (column, value) in columns.as_object().unwrap() {
                            row[column] = if column == "halves" {
                                difference(&row[column], value)
                            } else {
                                value.clone()
                            };
                        }
                    }
                    _ => assert!(self.rows.insert(key, columns.clone()).is_none(), "{uuid} was not there"),
                }
            }
        }
    }

    /// The numbers of the halves of each writer, and its count.
    fn writers(&self) -> BTreeMap<String, (i64, BTreeSet<i64>)> {
        let writers = self.rows.iter().filter(|(key, _)| key.starts_with("Writer"));
        let all = writers.map(|(_, row)| {
            let halves = uuids(&row["halves"]).into_iter().map(|uuid| {
                let half = &self.rows[&format!("Half {uuid}")];
                half["n"].as_i64().unwrap_or(0)
            });
            let name = row["name"].as_str().unwrap_or_default().to_owned();
            (name, (row["count"].as_i64().unwrap_or(0), halves.collect()))
        });
        all.collect()
    }
}

fn uuids(set: &Value) -> BTreeSet<String> {
    let uuid = |atom: &Value| atom[1].as_str().unwrap().to_owned();
    match set[0].as_str() {
        None => BTreeSet::new(),
        Some("set") => set[1].as_array().unwrap().iter().map(uuid).collect(),
        Some(_) => BTreeSet::from([uuid(set)]),
    }
}

fn difference(old: &Value, diff: &Value) -> Value {
    let (old, diff) = (uuids(old), uuids(diff));
    let new = old.symmetric_difference(&diff).map(|uuid| json!(["uuid", uuid]));
    json!(["set", new.collect::<Vec<_>>()])
}

#[test]
fn a_client_that_returns_after_a_restart_gets_only_what_it_missed() {
    let bench = Bench::new();
    let mut server = bench.start();
    let mut copy = Copy::default();
    let mut client = bench.client();
    assert!(!copy.resume(&mut client).unwrap());
    bench.client().transact(DB, &insert("a")).unwrap();
    copy.notified(&client.receive().unwrap());
    let seen = copy.last.clone();
    for name in ["b", "c"] {
        bench.client().transact(DB, &insert(name)).unwrap();
    }
    for restart in ["killed", "compacted and killed", "compacted by the tool"] {
        if restart == "compacted and killed" {
            let mut control = Client::connect(&bench.dir.path("d.ctl")).unwrap();
            assert_eq!(control.call("ovsdb-server/compact", &json!([])).unwrap()["result"], "");
        }
        server.kill();
        if restart == "compacted by the tool" {
            assert_eq!(bench.tool(&["compact", "d.db"]).code, Some(0));
            copy.last = seen.clone();
        }
        server = bench.start();
        let reply = bench.client().call("monitor_cond_since", &watch(&seen, WATCHED)).unwrap();
        let known = restart != "compacted by the tool";
        assert_eq!(reply["result"][0], known, "{restart}: {reply}");
        let writers = reply["result"][2]["Writer"].as_object().unwrap();
        assert_eq!(writers.len(), if known { 2 } else { 3 }, "{restart}: {reply}");
        // Who missed nothing is told nothing, whatever became of the file.
        let newest = reply["result"][1].as_str().unwrap();
        let reply = bench.client().call("monitor_cond_since", &watch(newest, WATCHED)).unwrap();
        assert_eq!(reply["result"], json!([true, newest, {}]), "{restart}");
    }
}

#[test]
fn a_client_that_sees_what_no_file_keeps_starts_anew_where_there_are_such_rows() {
    let bench = Bench::new();
    let mut server = bench.start();
    let tables: &[(&str, &[&str])] = &[("Writer", &["name"]), ("Status", &["s"])];
    let mut client = bench.client();
    client.transact(DB, &insert("a")).unwrap();
    let first = client.call("monitor_cond_since", &watch(ZERO, tables)).unwrap();
    let last = first["result"][1].as_str().unwrap();
    client
        .transact(
            DB,
            &[json!({"op": "insert", "table": "Status", "row": {"k": "x", "s": ["map", [["a", "b"]]]}})],
        )
        .unwrap();
    server.kill();
    server = bench.start();
    // The row came after what the client knows, so that it has no old value of it.
    let missed = bench.client().call("monitor_cond_since", &watch(last, tables)).unwrap();
    assert_eq!(missed["result"][0], true, "{missed}");
    let last = missed["result"][1].as_str().unwrap();
    server.kill();
    let _server = bench.start();
    let again = bench.client().call("monitor_cond_since", &watch(last, tables)).unwrap();
    assert_eq!(again["result"][0], false, "{again}");
    let others = bench.client().call("monitor_cond_since", &watch(last, WATCHED)).unwrap();
    assert_eq!(others["result"][0], true, "{others}");
}

#[test]
fn damage_is_refused_with_its_offset_and_recovered_from() {
    let bench = Bench::new();
    let mut server = bench.start();
    for n in 0..5 {
        bench.client().transact(DB, &insert(&format!("w{n}"))).unwrap();
    }
    server.kill();
    let whole = fs::read(bench.file()).unwrap();
    let starts: Vec<usize> = (0..whole.len()).filter(|at| whole[*at..].starts_with(b"OVSDB JSON ")).collect();
    for (record, at) in [(3, starts[3] + 90), (5, whole.len() - 1), (5, starts[5] + 12)] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(bench.file(), &damaged).unwrap();
        let refused = run(bench.command());
        assert_eq!(refused.code, Some(1));
        for words in [&format!("offset {}", starts[record]), "ovsdb-tool recover"] {
            assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
        }
        assert_eq!(fs::read(bench.file()).unwrap(), damaged, "what is refused is left alone");
        let text = run_ok({
            let mut command = bench.dir.ours("ovsdb-tool");
            command.args(["recover", "d.db"]);
            command
        });
        let saved = bench.dir.path(&format!("d.db.damaged-at-{}", starts[record]));
        assert!(text.contains(&format!("{} whole records", 5 - record)), "{text}");
        let (kept, rest) = (fs::read(bench.file()).unwrap(), fs::read(&saved).unwrap());
        assert_eq!((&kept[..], [kept.clone(), rest].concat()), (&whole[..starts[record]], damaged));
        fs::remove_file(&saved).unwrap();
        let _server = bench.start();
        let rows = bench.client().dump(DB, &[("Writer", &["name"])]).unwrap();
        assert_eq!(rows.len(), record - 1);
    }
    let nothing = bench.tool(&["recover", "d.db"]);
    assert!(nothing.stdout.contains("nothing is to be done"), "{nothing:?}");
}

#[test]
fn a_torn_last_record_is_dropped_and_told() {
    let bench = Bench::new();
    let mut server = bench.start();
    for n in 0..3 {
        bench.client().transact(DB, &insert(&format!("w{n}"))).unwrap();
    }
    server.kill();
    let whole = fs::read(bench.file()).unwrap();
    let last = (0..whole.len()).rev().find(|at| whole[*at..].starts_with(b"OVSDB JSON ")).unwrap();
    for len in [last + 1, last + 30, last + 70, whole.len() - 1] {
        fs::write(bench.file(), &whole[..len]).unwrap();
        let mut server = bench.start();
        let rows = bench.client().dump(DB, &[("Writer", &["name"])]).unwrap();
        assert_eq!(rows.len(), 2);
        server.kill();
        assert!(bench.dir.outputs().contains(&format!("at offset {last}")), "{}", bench.dir.outputs());
        assert_eq!(fs::read(bench.file()).unwrap(), whole[..last]);
    }
}

#[test]
fn the_server_serves_while_it_compacts() {
    let bench = Bench::new();
    let server = bench.start();
    let mut client = bench.client();
    client.transact(DB, &insert("a")).unwrap();
    let filler = "x".repeat(2000);
    let row = json!({"op": "insert", "table": "Status", "row": {"k": filler}});
    for _ in 0..20 {
        client.transact(DB, &vec![row.clone(); 200]).unwrap();
    }
    let mut control = Client::connect(&bench.dir.path("d.ctl")).unwrap();
    let ended = AtomicU64::new(0);
    let count = json!({"op": "mutate", "table": "Writer", "where": [], "mutations": [["count", "+=", 1]]});
    let mut beside = 0;
    for _ in 0..20 {
        // How often a transaction is answered, and on disk, before the compaction that was asked for earlier has ended.
        ended.store(0, Ordering::SeqCst);
        std::thread::scope(|scope| {
            control.send("ovsdb-server/compact", &json!([])).unwrap();
            let control = &mut control;
            let ended = &ended;
            scope.spawn(move || {
                assert_eq!(control.receive().unwrap()["result"], "");
                ended.store(1, Ordering::SeqCst);
            });
            while ended.load(Ordering::SeqCst) == 0 {
                client.transact(DB, std::slice::from_ref(&count)).unwrap();
                beside += 1 - ended.load(Ordering::SeqCst);
            }
        });
        if beside > 0 {
            break;
        }
    }
    assert!(beside > 0, "no transaction was answered during 20 compactions");
    let before = client.dump(DB, &[("Writer", &["name", "count"]), ("Status", &["_uuid"])]).unwrap();
    drop(server);
    let _server = bench.start();
    let after = bench.client().dump(DB, &[("Writer", &["name", "count"]), ("Status", &["_uuid"])]).unwrap();
    assert_eq!((before.len(), before), (4001, after));
}

/// Numbers that look random and follow from the first.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

const WRITERS: usize = 3;
/// Each writer keeps so many halves: with each transaction comes one, and the oldest goes.
const HALVES: i64 = 4;

/// What each writer has asked for, and what of it was acknowledged as being on disk.
#[derive(Default)]
struct Promises {
    asked: [AtomicU64; WRITERS],
    acknowledged: [AtomicU64; WRITERS],
}

/// Writes until the server is gone. Each transaction puts its number in two tables, and takes an old one out of both.
fn write(mut client: Client, writer: usize, promises: &Promises, told: &mpsc::Sender<()>) -> io::Result<()> {
    let name = format!("w{writer}");
    let mut n = promises.acknowledged[writer].load(Ordering::SeqCst) as i64;
    // The last one asked for before the server was killed may have been done or not.
    let rows = client.transact(
        DB,
        &[json!({"op": "select", "table": "Writer", "where": [["name", "==", name]], "columns": ["count"]})],
    )?;
    match rows[0]["rows"][0]["count"].as_i64() {
        Some(count) => n = n.max(count),
        None => {
            _ = client.transact(DB, &[json!({"op": "insert", "table": "Writer", "row": {"name": name}})])?
        }
    }
    loop {
        n += 1;
        promises.asked[writer].store(n as u64, Ordering::SeqCst);
        let own = json!([["name", "==", name]]);
        let old = format!("{:08x}-0000-4000-8000-{:012x}", writer, 0.max(n - HALVES));
        let new = format!("{writer:08x}-0000-4000-8000-{n:012x}");
        let filler = "x".repeat(200);
        let results = client.transact(
            DB,
            &[
                json!({"op": "insert", "table": "Half", "uuid": new, "row": {"n": n, "filler": filler}}),
                json!({"op": "mutate", "table": "Writer", "where": own, "mutations": [
                ["halves", "insert", ["uuid", new]], ["halves", "delete", ["uuid", old]]]}),
                json!({"op": "update", "table": "Writer", "where": own, "row": {"count": n}}),
                json!({"op": "commit", "durable": true}),
            ],
        )?;
        let failed =
            results.as_array().is_none_or(|all| all.iter().any(|result| result.get("error").is_some()));
        assert!(!failed, "{results}");
        promises.acknowledged[writer].store(n as u64, Ordering::SeqCst);
        let _ = told.send(());
    }
}

/// Follows all changes until the server is gone.
fn follow(mut client: Client, copy: &mut Copy, unknown: &mut u64) -> io::Result<()> {
    *unknown += u64::from(!copy.resume(&mut client)?);
    loop {
        copy.notified(&client.receive()?);
    }
}

/// Whether what there is now is what a crash may leave: all that was acknowledged, and of the rest each whole or not at all.
fn check(copy: &Copy, promises: &Promises, round: u64) {
    let writers = copy.writers();
    for writer in 0..WRITERS {
        let acknowledged = promises.acknowledged[writer].load(Ordering::SeqCst) as i64;
        let asked = promises.asked[writer].load(Ordering::SeqCst) as i64;
        let Some((count, halves)) = writers.get(&format!("w{writer}")) else {
            assert_eq!(acknowledged, 0, "round {round}: writer {writer} is lost");
            continue;
        };
        assert!(
            (acknowledged..=asked).contains(count),
            "round {round}: writer {writer} has {count}, acknowledged is {acknowledged}, asked for {asked}"
        );
        let expected: BTreeSet<i64> = (1.max(count - HALVES + 1)..=*count).collect();
        assert_eq!(*halves, expected, "round {round}: writer {writer} is half done");
    }
    let halves = copy.rows.keys().filter(|key| key.starts_with("Half")).count();
    assert_eq!(halves, writers.values().map(|(_, halves)| halves.len()).sum::<usize>(), "round {round}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how long it runs is said in the environment")]
fn nothing_acknowledged_is_lost_however_often_the_server_is_killed() {
    let variable = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let rounds: u64 = variable("OVN_TORTURE_ROUNDS").unwrap_or(30);
    let seed: u64 = variable("OVN_TORTURE_SEED").unwrap_or(u64::from(std::process::id()) + 1);
    eprintln!("OVN_TORTURE_SEED={seed} OVN_TORTURE_ROUNDS={rounds}");
    let mut random = Random(seed);
    let bench = Bench::new();
    let promises = Arc::new(Promises::default());
    let mut follower = Copy::default();
    let mut unknown = 0;
    for round in 0..rounds {
        let mut server = bench.start();
        let mut fresh = Copy::default();
        fresh.resume(&mut bench.client()).unwrap();
        check(&fresh, &promises, round);
        let (told, hears) = mpsc::channel();
        let compacts = random.below(3) == 0;
        std::thread::scope(|scope| {
            let client = bench.client();
            let following = scope.spawn(|| follow(client, &mut follower, &mut unknown));
            for writer in 0..WRITERS {
                let (client, promises, told) = (bench.client(), promises.clone(), told.clone());
                scope.spawn(move || write(client, writer, &promises, &told));
            }
            let acknowledgements = random.below(60);
            let compact_at = random.below(acknowledgements + 1);
            for n in 0..acknowledgements {
                if compacts && n == compact_at {
                    let mut control = Client::connect(&bench.dir.path("d.ctl")).unwrap();
                    control.send("ovsdb-server/compact", &json!([])).unwrap();
                    // Gone with this round.
                    std::mem::forget(control);
                }
                hears.recv_timeout(Duration::from_secs(60)).expect("the server acknowledges");
            }
            for _ in 0..random.below(100_000) {
                std::hint::spin_loop();
            }
            server.kill();
            let ended = following.join().unwrap();
            assert!(ended.is_err());
        });
    }
    let _server = bench.start();
    let mut fresh = Copy::default();
    fresh.resume(&mut bench.client()).unwrap();
    check(&fresh, &promises, rounds);
    unknown += u64::from(!follower.resume(&mut bench.client()).unwrap());
    assert_eq!(follower.rows, fresh.rows, "the follower's copy");
    // Only the first time was there nothing to build on.
    assert_eq!(unknown, 1, "how often the server did not know what was missed");
    let written: u64 = promises.acknowledged.iter().map(|count| count.load(Ordering::SeqCst)).sum();
    eprintln!("{written} durable transactions in {rounds} rounds");
}

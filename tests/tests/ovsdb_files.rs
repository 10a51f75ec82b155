//! Database files that Debian's programs and ours share, and `ovsdb-tool` beside Debian's: the same output and exit codes
//! on the same files.
//!
//! Where the tools may differ, and why:
//! - members of a record are shown in the order of their names, by Debian's in that of a hash;
//! - of a damaged file ours says where the bad record begins and what to do, Debian's only that a checksum is wrong;
//! - `query` refuses what writes, Debian's 3.1 runs it and then fails to write.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tests::need;
use tests::ovsdb::Client;
use tests::process::{Outcome, RunDir, run, run_ok};

/// Column types of every kind, a column that is not kept, references of both kinds.
fn schema() -> Value {
    let set = |atom: &str| json!({"type": {"key": atom, "min": 0, "max": "unlimited"}});
    json!({"name": "Odd", "version": "1.2.3", "cksum": "12345 678", "tables": {
        "A": {"isRoot": true, "indexes": [["name"]], "columns": {
            "name": {"type": "string"},
            "i": {"type": {"key": {"type": "integer", "minInteger": -5, "maxInteger": 500}, "min": 0, "max": 1}},
            "r": set("real"), "s": set("string"), "u": set("uuid"),
            "b": {"type": "boolean", "mutable": false},
            "m": {"type": {"key": "string", "value": "integer", "min": 0, "max": "unlimited"}},
            "few": {"type": {"key": "integer", "min": 0, "max": 3}},
            "gone": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}, "ephemeral": true},
            "kids": {"type": {"key": {"type": "uuid", "refTable": "B"}, "min": 0, "max": "unlimited"}},
            "weak": {"type": {"key": {"type": "uuid", "refTable": "A", "refType": "weak"}, "min": 0, "max": "unlimited"}}}},
        "B": {"columns": {"x": {"type": {"key": {"type": "string", "enum": ["set", ["", "p", "q"]]}}}}}}})
}

const TABLES: &[(&str, &[&str])] =
    &[("A", &["_uuid", "name", "i", "r", "s", "u", "b", "m", "few", "kids", "weak"]), ("B", &["_uuid", "x"])];

/// Transactions that write records of every kind.
fn transactions(whose: Whose) -> Vec<Vec<Value>> {
    let more: &[i64] = if whose == Ours { &[4, 5, 6] } else { &[2, 3, 4] };
    let a = |name: &str| json!([["name", "==", name]]);
    let insert =
        |name: &str, row: Value| json!({"op": "insert", "table": "A", "row": row, "uuid-name": name});
    vec![
        vec![
            json!({"op": "insert", "table": "B", "row": {"x": "p"}, "uuid-name": "kid"}),
            insert(
                "one",
                json!({"name": "one é\n\"x\"", "r": ["set", [0.1, -2, 1e300]], "b": true,
                "kids": ["named-uuid", "kid"], "m": ["map", [["a b", 1], ["", -3]]], "gone": ["map", [["k", "v"]]]}),
            ),
            json!({"op": "comment", "comment": "the first"}),
        ],
        vec![
            insert(
                "two",
                json!({"name": "two", "i": 5, "few": ["set", [1, 2, 3]], "s": ["set", ["x", "y z"]]}),
            ),
            insert(
                "three",
                json!({"name": "three", "weak": ["named-uuid", "two"],
                "u": ["uuid", "00000000-0000-0000-0000-000000000001"]}),
            ),
        ],
        vec![
            json!({"op": "update", "table": "A", "where": a("two"), "row": {"gone": ["map", [["k", "w"]]]}}),
        ],
        vec![
            json!({"op": "mutate", "table": "A", "where": a("two"), "mutations": [["s", "insert", "q"], ["i", "+=", 7]]}),
        ],
        // More elements differ than the column may have: a record of Debian's 3.1 would be one that it cannot read.
        vec![
            json!({"op": "update", "table": "A", "where": a("two"), "row": {"few": ["set", more], "i": ["set", []]}}),
        ],
        vec![
            json!({"op": "update", "table": "A", "where": [], "row": {"m": ["map", [["a b", 2], ["c", 3]]]}}),
        ],
        vec![json!({"op": "delete", "table": "A", "where": a("two")})],
        vec![
            json!({"op": "update", "table": "A", "where": [], "row": {"kids": ["set", []]}}),
            json!({"op": "comment", "comment": "a \"last\" one\nin two lines"}),
        ],
        vec![insert("four", json!({"name": "four"}))],
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Ours,
    Theirs,
}

use Whose::{Ours, Theirs};

/// A run directory, with both tools and both servers.
struct Bench {
    dir: RunDir,
    tool: PathBuf,
    server: PathBuf,
}

impl Bench {
    fn new() -> Option<Self> {
        let (tool, server) = (need("ovsdb-tool")?, need("ovsdb-server")?);
        let bench = Self { dir: RunDir::default(), tool, server };
        fs::write(bench.dir.path("odd.ovsschema"), schema().to_string()).unwrap();
        Some(bench)
    }

    fn tool(&self, whose: Whose, args: &[&str]) -> Outcome {
        let mut command = match whose {
            Ours => self.dir.ours("ovsdb-tool"),
            Theirs => self.dir.peer(&self.tool),
        };
        command.args(args);
        run(command)
    }

    #[track_caller]
    fn tool_ok(&self, whose: Whose, args: &[&str]) -> String {
        let outcome = self.tool(whose, args);
        assert_eq!(outcome.code, Some(0), "{whose:?} {args:?}: {outcome:?}");
        outcome.stdout
    }

    /// Both tools do the same.
    #[track_caller]
    fn same(&self, args: &[&str]) {
        let (ours, theirs) = (self.tool(Ours, args), self.tool(Theirs, args));
        assert_eq!(ours, theirs, "{args:?}");
    }

    /// What a file holds, as one of the tools reads it.
    #[track_caller]
    fn rows(&self, whose: Whose, file: &str) -> Vec<String> {
        let select = |(table, columns): &(&str, &[&str])| json!({"op": "select", "table": table, "where": [], "columns": columns});
        let request: Vec<Value> = std::iter::once(json!("Odd")).chain(TABLES.iter().map(select)).collect();
        let reply = self.tool_ok(whose, &["query", file, &Value::from(request).to_string()]);
        let reply: Value = serde_json::from_str(&reply).unwrap();
        let rows = |result: &Value| {
            result["rows"].as_array().unwrap().iter().map(Value::to_string).collect::<Vec<_>>()
        };
        let mut rows: Vec<String> = reply.as_array().unwrap().iter().flat_map(rows).collect();
        rows.sort();
        rows
    }

    /// Runs a server on a file while `body` has a client.
    fn serve<T>(&self, whose: Whose, file: &str, body: impl FnOnce(&mut Client) -> T) -> T {
        let mut command = match whose {
            Ours => self.dir.ours("ovsdb-server"),
            Theirs => self.dir.peer(&self.server),
        };
        let socket = format!("{whose:?}.sock");
        command.arg(format!("--remote=punix:{}", self.dir.path(&socket).display()));
        command.arg("--unixctl=none").arg(self.dir.path(file));
        let mut daemon = self.dir.start(&format!("{whose:?}"), command);
        self.dir.wait_for_socket(&socket);
        let value = body(&mut Client::connect(&self.dir.path(&socket)).unwrap());
        daemon.kill();
        fs::remove_file(self.dir.path(&socket)).unwrap();
        value
    }

    /// A file of all transactions, written by a server.
    fn written(&self, whose: Whose, file: &str) {
        self.tool_ok(whose, &["create", file, "odd.ovsschema"]);
        self.serve(whose, file, |client| {
            for operations in transactions(whose) {
                let results = client.transact("Odd", &operations).unwrap();
                let failed = results.as_array().unwrap().iter().any(|result| result.get("error").is_some());
                assert!(!failed, "{operations:?}: {results}");
            }
        });
    }

    fn copy(&self, from: &str, to: &str) {
        fs::copy(self.dir.path(from), self.dir.path(to)).unwrap();
    }
}

/// The text of `show-log` with the lines of each row sorted, then the rows of each record.
fn in_order(text: &str) -> Vec<String> {
    let mut records: Vec<Vec<Vec<&str>>> = Vec::new();
    for line in text.lines() {
        if line.starts_with("record ") || records.is_empty() {
            records.push(Vec::new());
        }
        let record = records.last_mut().unwrap();
        if !line.starts_with("    ") || record.is_empty() {
            record.push(Vec::new());
        }
        record.last_mut().unwrap().push(line);
    }
    let row = |mut lines: Vec<&str>| {
        lines[1..].sort_unstable();
        lines.join("\n")
    };
    let record = |rows: Vec<Vec<&str>>| {
        let mut rows: Vec<String> = rows.into_iter().map(row).collect();
        rows[1..].sort_unstable();
        rows.join("\n")
    };
    records.into_iter().map(record).collect()
}

#[test]
fn each_reads_what_the_other_wrote() {
    let Some(bench) = Bench::new() else { return };
    for writer in [Ours, Theirs] {
        let file = format!("{writer:?}.db");
        bench.written(writer, &file);
        let rows = bench.rows(writer, &file);
        assert_eq!(rows.len(), 3, "{rows:?}");
        for reader in [Ours, Theirs] {
            assert_eq!(bench.rows(reader, &file), rows, "{reader:?} reads {writer:?}");
            bench.copy(&file, "served.db");
            let served = bench.serve(reader, "served.db", |client| {
                let change = json!({"op": "update", "table": "A", "where": [["name", "==", "four"]], "row": {"i": 44}});
                client.transact("Odd", &[change]).unwrap();
                client.dump("Odd", TABLES).unwrap()
            });
            assert_eq!(served.len(), rows.len());
            assert_eq!(
                bench.rows(Ours, "served.db"),
                bench.rows(Theirs, "served.db"),
                "{reader:?} served {writer:?}"
            );
            for compacter in [Ours, Theirs] {
                let before = bench.rows(Theirs, "served.db");
                bench.tool_ok(compacter, &["compact", "served.db", "compact.db"]);
                assert_eq!(bench.rows(Ours, "compact.db"), before);
                assert_eq!(bench.rows(Theirs, "compact.db"), before);
                bench.copy("served.db", "inplace.db");
                bench.tool_ok(compacter, &["compact", "inplace.db"]);
                assert_eq!(bench.rows(Theirs, "inplace.db"), before);
            }
        }
    }
}

#[test]
fn each_converts_to_the_same_rows() {
    let Some(bench) = Bench::new() else { return };
    let mut newer = schema();
    newer["version"] = "2.0.0".into();
    newer["tables"]["A"]["columns"]["s"] = json!({"type": {"key": "string", "min": 0, "max": 2}});
    newer["tables"]["A"]["columns"]["new"] = json!({"type": "integer"});
    newer["tables"]["A"]["columns"].as_object_mut().unwrap().remove("u");
    fs::write(bench.dir.path("newer.ovsschema"), newer.to_string()).unwrap();
    newer["tables"]["A"]["columns"]["few"] =
        json!({"type": {"key": {"type": "integer", "maxInteger": 3}, "min": 0, "max": 3}});
    fs::write(bench.dir.path("narrow.ovsschema"), newer.to_string()).unwrap();
    bench.tool_ok(Theirs, &["create", "a.db", "odd.ovsschema"]);
    let row = json!(["Odd", {"op": "insert", "table": "A", "row": {"name": "n", "few": 9, "s": ["set", ["x", "y"]]}}]);
    bench.tool_ok(Theirs, &["transact", "a.db", &row.to_string()]);
    bench.same(&["needs-conversion", "a.db", "newer.ovsschema"]);
    bench.same(&["needs-conversion", "a.db", "odd.ovsschema"]);
    // Ours says where the value is, too.
    let [ours, theirs] =
        [Ours, Theirs].map(|whose| bench.tool(whose, &["convert", "a.db", "narrow.ovsschema"]));
    let words = theirs.stderr.trim_end().rsplit(": ").next().unwrap();
    assert!(
        ours.stderr.contains("Table A column few row ") && ours.stderr.contains(words),
        "{ours:?} {theirs:?}"
    );
    assert_eq!(ours.code, theirs.code);
    let columns =
        json!({"op": "select", "table": "A", "where": [], "columns": ["_uuid", "name", "few", "s", "new"]});
    let select = json!(["Odd", columns]).to_string();
    let mut rows = Vec::new();
    for whose in [Ours, Theirs] {
        bench.copy("a.db", "in-place.db");
        bench.tool_ok(whose, &["convert", "in-place.db", "newer.ovsschema"]);
        let target = format!("{whose:?}.db");
        bench.tool_ok(whose, &["convert", "a.db", "newer.ovsschema", &target]);
        for file in ["in-place.db", &target] {
            bench.same(&["db-version", file]);
            rows.push(bench.tool_ok(Ours, &["query", file, &select]));
            rows.push(bench.tool_ok(Theirs, &["query", file, &select]).replace(", ", ","));
        }
    }
    let parsed: Vec<Value> = rows.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert!(parsed.iter().all(|rows| *rows == parsed[0]), "{rows:?}");
}

#[test]
fn questions_about_files_have_the_same_answers() {
    let Some(bench) = Bench::new() else { return };
    bench.written(Theirs, "a.db");
    bench.written(Ours, "b.db");
    fs::write(bench.dir.path("empty.db"), "").unwrap();
    fs::write(bench.dir.path("broken.ovsschema"), r#"{"name":"x"}"#).unwrap();
    let files = ["a.db", "b.db", "nope.db", "odd.ovsschema", "empty.db"];
    let of_files = [
        "db-name",
        "db-version",
        "db-cksum",
        "db-is-clustered",
        "db-is-standalone",
        "db-cid",
        "db-sid",
        "db-local-address",
        "check-cluster",
    ];
    for command in of_files {
        // Of an empty file, check-cluster says what its parser of headers would.
        for file in files.iter().filter(|file| (command, **file) != ("check-cluster", "empty.db")) {
            bench.same(&[command, file]);
        }
        bench.same(&[command, "a.db", "b.db", "c", "d", "e"]);
    }
    for command in ["schema-name", "schema-version", "schema-cksum"] {
        for schema in ["odd.ovsschema", "nope.ovsschema", "broken.ovsschema"] {
            bench.same(&[command, schema]);
        }
    }
    bench.same(&["create", "a.db", "odd.ovsschema"]);
    bench.same(&["create", "c.db", "nope"]);
    for versions in [
        "1.2.3 < 1.2.4",
        "1.2.3 == 1.2.3",
        "1.2.3 != 1.2.3",
        "1.10.0 <= 1.9.0",
        "2.0.0 >= 1.99.99",
        "1.2.3 > 1.2.3",
        "1.2 < 1.2.3",
        "1.2.3 ! 1.2.3",
        "1.2.3 <",
    ] {
        let args: Vec<&str> = ["compare-versions"].into_iter().chain(versions.split(' ')).collect();
        bench.same(&args);
    }
    for args in [&["nope"][..], &[], &["db-sid"], &["query"]] {
        bench.same(args);
    }
    bench.same(&["cluster-to-standalone", "new.db", "a.db"]);
    let commands = bench.tool_ok(Theirs, &["list-commands"]);
    let ours = bench.tool_ok(Ours, &["list-commands"]);
    for line in commands.lines().filter(|line| !line.contains("needs-conversion")) {
        assert!(ours.lines().any(|our| our == line), "{line}");
    }
}

#[test]
fn logs_are_shown_the_same() {
    let Some(bench) = Bench::new() else { return };
    bench.written(Theirs, "theirs.db");
    bench.written(Ours, "ours.db");
    for file in ["theirs.db", "ours.db"] {
        for args in [
            &["show-log", file][..],
            &["-m", "show-log", file],
            &["-mm", "show-log", file],
            &["show-log", "--more", "--more", file],
        ] {
            let (ours, theirs) = (self::Bench::tool_ok(&bench, Ours, args), bench.tool_ok(Theirs, args));
            assert_eq!(in_order(&ours), in_order(&theirs), "{args:?}");
        }
    }
    // What is whole is shown, then that the rest is not.
    let octets = fs::read(bench.dir.path("theirs.db")).unwrap();
    fs::write(bench.dir.path("cut.db"), &octets[..octets.len() - 5]).unwrap();
    let (ours, theirs) =
        (bench.tool(Ours, &["show-log", "cut.db"]), bench.tool(Theirs, &["show-log", "cut.db"]));
    assert_eq!((ours.code, &ours.stdout), (theirs.code, &theirs.stdout));
    assert!(
        ours.stderr.contains("the record is cut short") && ours.stderr.contains("recover"),
        "{}",
        ours.stderr
    );
}

#[test]
fn transactions_on_files_have_the_same_results() {
    let Some(bench) = Bench::new() else { return };
    bench.tool_ok(Theirs, &["create", "a.db", "odd.ovsschema"]);
    bench.copy("a.db", "b.db");
    let id = "12345678-0000-4000-8000-000000000001";
    let requests = [
        json!(["Odd", {"op": "insert", "table": "A", "row": {"name": "x", "i": 7}, "uuid": id}]),
        json!(["Odd", {"op": "select", "table": "A", "where": [], "columns": ["_uuid", "i"]}]),
        json!(["Odd", {"op": "insert", "table": "A", "row": {"name": "x"}}]),
        json!(["Odd", {"op": "insert", "table": "A", "row": {"i": 501}}]),
        json!(["Odd", {"op": "mutate", "table": "A", "where": [], "mutations": [["i", "+=", 1], ["s", "insert", ["set", ["a", "b"]]]]}]),
        json!(["Odd", {"op": "comment", "comment": "nothing else"}]),
        json!(["Odd", {"op": "nope"}]),
        json!(["Odd"]),
        json!(["Other"]),
        json!({}),
        json!(5),
        json!(["Odd", {"op": "wait", "table": "A", "where": [], "until": "==", "columns": ["name"], "rows": []}]),
        json!(["Odd", {"op": "wait", "timeout": 0, "table": "A", "where": [], "until": "==", "columns": ["name"], "rows": []}]),
    ];
    let values = |outcome: &Outcome| (outcome.code, serde_json::from_str::<Value>(&outcome.stdout).ok());
    for request in &requests {
        let text = request.to_string();
        let (ours, theirs) = (
            bench.tool(Ours, &["transact", "a.db", &text]),
            bench.tool(Theirs, &["transact", "b.db", &text]),
        );
        let inserted = request[1]["op"] == "insert" && request[1].get("uuid").is_none();
        if !(inserted && ours.stdout.contains("[{\"uuid\"")) {
            assert_eq!(values(&ours), values(&theirs), "{text}");
        }
        let writes = text.contains("insert") || text.contains("mutate");
        if !writes {
            let (ours, theirs) =
                (bench.tool(Ours, &["query", "a.db", &text]), bench.tool(Theirs, &["query", "b.db", &text]));
            assert_eq!(values(&ours), values(&theirs), "query {text}");
        }
    }
    assert_eq!(bench.rows(Ours, "b.db"), bench.rows(Theirs, "a.db"));
    let before = fs::read(bench.dir.path("a.db")).unwrap();
    let refused = bench.tool_ok(
        Ours,
        &["query", "a.db", &json!(["Odd", {"op": "delete", "table": "A", "where": []}]).to_string()],
    );
    assert!(refused.contains("not allowed"), "{refused}");
    assert_eq!(fs::read(bench.dir.path("a.db")).unwrap(), before);
}

#[test]
fn a_file_in_use_is_left_alone_and_a_link_stays_one() {
    let Some(bench) = Bench::new() else { return };
    bench.tool_ok(Ours, &["create", "a.db", "odd.ovsschema"]);
    let words =
        |outcome: Outcome| (outcome.code, outcome.stdout, outcome.stderr.lines().last().map(str::to_owned));
    for holder in [Ours, Theirs] {
        bench.serve(holder, "a.db", |_| {
            for args in [
                &["compact", "a.db"][..],
                &["convert", "a.db", "odd.ovsschema"],
                &["transact", "a.db", r#"["Odd"]"#],
                &["query", "a.db", r#"["Odd"]"#],
            ] {
                assert_eq!(words(bench.tool(Ours, args)), words(bench.tool(Theirs, args)), "{args:?}");
            }
        });
    }
    std::os::unix::fs::symlink("a.db", bench.dir.path("link.db")).unwrap();
    bench.tool_ok(Ours, &["compact", "link.db"]);
    assert!(fs::symlink_metadata(bench.dir.path("link.db")).unwrap().is_symlink());
    bench.same(&["db-name", "a.db"]);
}

#[test]
fn a_clustered_file_gives_the_same_standalone_one() {
    let Some(bench) = Bench::new() else { return };
    let mut persistent = schema();
    persistent["tables"]["A"]["columns"]["gone"].as_object_mut().unwrap().remove("ephemeral");
    fs::write(bench.dir.path("odd.ovsschema"), persistent.to_string()).unwrap();
    let address = format!("unix:{}", bench.dir.path("raft.sock").display());
    bench.tool_ok(Theirs, &["create-cluster", "k.db", "odd.ovsschema", &address]);
    bench.copy("k.db", "fresh.db");
    bench.serve(Theirs, "k.db", |client| {
        for operations in transactions(Theirs) {
            client.transact("Odd", &operations).unwrap();
        }
    });
    for file in ["k.db", "fresh.db"] {
        for command in [
            "db-name",
            "db-version",
            "db-cksum",
            "db-cid",
            "db-sid",
            "db-local-address",
            "db-is-clustered",
            "db-is-standalone",
            "check-cluster",
            "compact",
        ] {
            bench.same(&[command, file]);
        }
        for args in [&["show-log", file][..], &["-m", "show-log", file], &["-mm", "show-log", file]] {
            let (ours, theirs) = (bench.tool_ok(Ours, args), bench.tool_ok(Theirs, args));
            assert_eq!(in_order(&ours), in_order(&theirs), "{args:?}");
        }
        let (ours, theirs) = (format!("ours-{file}"), format!("theirs-{file}"));
        bench.tool_ok(Ours, &["cluster-to-standalone", &ours, file]);
        bench.tool_ok(Theirs, &["cluster-to-standalone", &theirs, file]);
        bench.same(&["cluster-to-standalone", &ours, file]);
        let rows = bench.rows(Theirs, &theirs);
        assert_eq!(rows.len(), if file == "k.db" { 3 } else { 0 });
        assert_eq!(bench.rows(Ours, &ours), rows);
        assert_eq!(bench.rows(Theirs, &ours), rows);
    }
    bench.same(&["check-cluster", "k.db", "k.db"]);
    bench.same(&["check-cluster", "ours-k.db"]);
    let refused = bench.tool(Ours, &["create-cluster", "new.db", "odd.ovsschema", "tcp:127.0.0.1:6644"]);
    assert!(refused.code == Some(1) && !Path::new(&bench.dir.path("new.db")).exists(), "{refused:?}");
    let mut server = bench.dir.ours("ovsdb-server");
    server.arg("--unixctl=none").arg(bench.dir.path("k.db"));
    let refused = run(server);
    assert!(refused.stderr.contains("cluster-to-standalone"), "{refused:?}");
}

#[test]
fn the_southbound_database_is_exchanged_too() {
    let Some(bench) = Bench::new() else { return };
    let mut command = bench.dir.ours("ovsdb-tool");
    command.args(["create", "sb.db", "ovn-sb.ovsschema"]);
    run_ok(command);
    bench.same(&["db-version", "sb.db"]);
    let chassis =
        json!(["OVN_Southbound", {"op": "insert", "table": "Chassis", "row": {"name": "a"}}]).to_string();
    bench.same(&["--rbac-role=ovn-controller", "transact", "sb.db", &chassis]);
    bench.tool_ok(Theirs, &["transact", "sb.db", &chassis]);
    bench.same(&["query", "sb.db", &json!(["OVN_Southbound", {"op": "select", "table": "Chassis", "where": [], "columns": ["_uuid", "name", "encaps"]}]).to_string()]);
}

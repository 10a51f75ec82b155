//! A database whose disk is full: nothing that could not be written is seen, everything else goes on.
#![allow(clippy::unwrap_used)] // A test stops where it fails.

use std::process::Command;

use serde_json::{Value, json};
use tests::ovsdb::Client;
use tests::process::{Daemon, RunDir, run_ok};

/// How long files may become, in the kibibytes of `ulimit -f`.
const FILE_KIB_MAX: usize = 64;

/// Starts a server whose files may not become longer: what does not fit is refused in the middle of a record, as by a
/// full disk, but with other words.
fn start(dir: &RunDir) -> Daemon {
    let server = dir.ours("ovsdb-server");
    let mut limited = Command::new("sh");
    let script =
        format!("trap '' XFSZ; ulimit -S -f {}; exec \"$0\" \"$@\"", FILE_KIB_MAX * 1024 / block_bytes());
    limited.args(["-c", &script]).arg(server.get_program()).args(server.get_args());
    limited.args(["nb.db", "--remote=punix:nb.sock", "--unixctl=nb.ctl", "-vconsole:err"]);
    for (key, value) in server.get_envs() {
        if let Some(value) = value {
            limited.env(key, value);
        }
    }
    if let Some(there) = server.get_current_dir() {
        limited.current_dir(there);
    }
    let daemon = dir.start("ovsdb-server", limited);
    dir.wait_for_socket("nb.sock");
    daemon
}

/// The unit of `ulimit -f`, which differs from shell to shell.
fn block_bytes() -> usize {
    let script = "trap '' XFSZ; ulimit -S -f 8; head -c 16384 /dev/zero > \"$0\"; stat -c %s \"$0\"";
    let file = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new("sh").args(["-c", script]).arg(file.path()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse::<usize>().unwrap() / 8
}

/// Lets the files of a server become as long as they like.
fn make_room(server: &Daemon) {
    let mut prlimit = Command::new("prlimit");
    prlimit.arg(format!("--pid={}", server.pid())).arg("--fsize=unlimited:");
    run_ok(prlimit);
}

fn switch(name: &str, length: usize) -> Value {
    let padding = "x".repeat(length);
    json!({"op": "insert", "table": "Logical_Switch", "row": {"name": name, "external_ids": ["map", [["x", padding]]]}})
}

fn names(client: &mut Client) -> Vec<String> {
    client.dump("OVN_Northbound", &[("Logical_Switch", &["name"])]).unwrap()
}

fn rows(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("Logical_Switch {{\"name\":\"{name}\"}}")).collect()
}

#[test]
fn a_full_disk_refuses_what_does_not_fit_and_nothing_else() {
    let dir = RunDir::default();
    let mut create = dir.ours("ovsdb-tool");
    create.args(["create", "nb.db", "ovn-nb.ovsschema"]);
    run_ok(create);
    let server = start(&dir);
    let mut writer = Client::connect(&dir.path("nb.sock")).unwrap();
    let mut watcher = Client::connect(&dir.path("nb.sock")).unwrap();
    let tables = json!({"Logical_Switch": {"columns": ["name"]}});
    watcher.call("monitor", &json!(["OVN_Northbound", "m", tables])).unwrap();

    writer.transact("OVN_Northbound", &[switch("a", 10)]).unwrap();
    for durable in [false, true] {
        let commit = json!({"op": "commit", "durable": durable});
        let refused = writer.transact("OVN_Northbound", &[switch("b", FILE_KIB_MAX << 10), commit]).unwrap();
        let error = &refused[2];
        assert_eq!((&error["error"], &error["io-error"]), (&json!("I/O error"), &json!("File too large")));
        assert!(error["details"].as_str().unwrap().ends_with("nb.db: write failed"), "{error}");
    }
    // What fits is taken, and whoever waits in the same round for what is not is told too.
    let (large, small) = (switch("c", FILE_KIB_MAX << 10), switch("d", 10));
    for what in [large, small] {
        writer.send("transact", &json!(["OVN_Northbound", what])).unwrap();
    }
    let mut failed = Vec::new();
    for _ in 0..2 {
        let reply = writer.receive().unwrap();
        failed.push(reply["result"][1]["error"] == "I/O error");
    }
    assert!(failed[0]);
    if failed[1] {
        writer.transact("OVN_Northbound", &[switch("d", 10)]).unwrap();
    }
    assert_eq!(names(&mut writer), rows(&["a", "d"]));

    make_room(&server);
    writer.transact("OVN_Northbound", &[switch("e", FILE_KIB_MAX << 10)]).unwrap();
    assert_eq!(names(&mut writer), rows(&["a", "d", "e"]));
    // Nobody was told of what was refused.
    let mut told = Vec::new();
    while told.len() < 3 {
        let message = watcher.receive().unwrap();
        let rows = message["params"][1]["Logical_Switch"].as_object().unwrap().clone();
        told.extend(rows.into_iter().map(|(_, row)| row["new"]["name"].as_str().unwrap().to_owned()));
    }
    assert_eq!(told, ["a", "d", "e"]);
    drop(server);

    let mut show = dir.ours("ovsdb-tool");
    show.args(["query", "nb.db"]);
    show.arg(json!(["OVN_Northbound", {"op": "select", "table": "Logical_Switch", "where": [], "columns": ["name"]}]).to_string());
    let text = run_ok(show);
    assert!(["a", "d", "e"].iter().all(|name| text.contains(&format!("\"{name}\""))), "{text}");
    assert!(["b", "c"].iter().all(|name| !text.contains(&format!("\"{name}\""))), "{text}");
}

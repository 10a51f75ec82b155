//! Other people's clients of our database server, and our clients of Debian's.
#![allow(clippy::unwrap_used)] // A test stops where it fails.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests::process::{Daemon, RunDir, run, run_ok};
use tests::{need, root, skip};

/// A python that has `ovs` and `ovsdbapp`: the one that `OVN_PYTHON` names, or Debian's.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("OVN_PYTHON").map_or_else(|| "/usr/bin/python3".into(), PathBuf::from);
    let found = Command::new(&python)
        .args(["-c", "import ovs, ovsdbapp"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    skip("python has no ovs and ovsdbapp (Debian: python3-ovsdbapp)");
    None
}

fn create(dir: &RunDir) {
    let mut create = dir.ours("ovsdb-tool");
    create.args(["create", "nb.db", "ovn-nb.ovsschema"]);
    run_ok(create);
}

/// Starts a server of the northbound database on `nb.sock`: ours, or a peer's.
fn start(dir: &RunDir, peer: Option<&Path>) -> Daemon {
    let mut server = match peer {
        Some(program) => dir.peer(program),
        None => dir.ours("ovsdb-server"),
    };
    server.args(["nb.db", "--remote=punix:nb.sock", "--unixctl=nb.ctl", "-vconsole:err", "--no-chdir"]);
    let _ = std::fs::remove_file(dir.path("nb.sock"));
    let daemon = dir.start("ovsdb-server", server);
    dir.wait_for_socket("nb.sock");
    daemon
}

/// Runs the script of python clients against a server, which is killed and started again when the script asks for it.
fn python_clients(peer: Option<&Path>) {
    let Some(python) = python() else { return };
    let dir = RunDir::default();
    create(&dir);
    let mut server = start(&dir, peer);
    let mut script = dir.peer(&python);
    script
        .arg(root().join("tests/data/ovsdb_clients.py"))
        .arg(format!("unix:{}", dir.path("nb.sock").display()));
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(dir.path("script.out")).unwrap());
    let mut script = script.spawn().unwrap();
    let mut said = Vec::new();
    for line in BufReader::new(script.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line == "restart" {
            server.kill();
            server = start(&dir, peer);
            script.stdin.take().unwrap().write_all(b"go\n").unwrap();
        }
        said.push(line);
    }
    let status = script.wait().unwrap();
    let is_ok = status.success() && said.last().is_some_and(|line| line == "ok");
    assert!(is_ok, "{status}, said {said:?}; {}", dir.outputs());
    assert!(server.alive());
}

#[test]
fn python_clients_cannot_tell_our_server() {
    python_clients(None);
}

#[test]
fn the_script_of_python_clients_holds_for_the_peer_too() {
    let Some(peer) = need("ovsdb-server") else { return };
    python_clients(Some(&peer));
}

#[test]
fn our_clients_work_with_the_peers_server() {
    let Some(peer) = need("ovsdb-server") else { return };
    let dir = RunDir::default();
    create(&dir);
    let mut server = start(&dir, Some(&peer));
    let nbctl = |arguments: &[&str]| {
        let mut command = dir.ours("ovn-nbctl");
        command.args(["--db=unix:nb.sock", "--timeout=60", "--no-leader-only"]).args(arguments);
        command
    };
    run_ok(nbctl(&[
        "ls-add",
        "sw0",
        "--",
        "lsp-add",
        "sw0",
        "p1",
        "--",
        "lsp-set-addresses",
        "p1",
        "unknown",
    ]));
    assert_eq!(
        run_ok(nbctl(&["--bare", "--columns=addresses", "find", "Logical_Switch_Port", "name=p1"])),
        "unknown\n"
    );
    // What the server refuses is told in its words.
    let clash = run(nbctl(&[
        "--id=@x",
        "create",
        "Logical_Switch_Port",
        "name=p1",
        "--",
        "add",
        "Logical_Switch",
        "sw0",
        "ports",
        "@x",
    ]));
    assert!(clash.stderr.contains("to have identical values (p1) for index on column"), "{clash:?}");
    // What they wrote outlives the server, and is found again.
    server.kill();
    let _server = start(&dir, Some(&peer));
    assert!(run_ok(nbctl(&["show"])).contains("port p1"));
    run_ok(nbctl(&["ls-del", "sw0"]));
    assert_eq!(run_ok(nbctl(&["show"])), "");
}

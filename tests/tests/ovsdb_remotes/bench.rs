//! Two servers with the same contents, ours and the peer's, and the clients of both.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tests::process::{Daemon, Outcome, RunDir, run, run_ok};
use tests::{need, wait_for};

/// A server or a client: ours or the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Peer,
}

pub(crate) const SIDES: [Side; 2] = [Side::Ours, Side::Peer];

pub(crate) struct Bench {
    pub(crate) dir: RunDir,
    server: PathBuf,
    client: PathBuf,
    tool: PathBuf,
}

/// A small schema with something of everything, and one of each kind of remote.
pub(crate) const SCHEMA: &str = r#"{"name": "Zoo", "version": "1.2.3", "cksum": "12 34", "tables": {
  "Animal": {"columns": {
      "name": {"type": "string"}, "legs": {"type": {"key": "integer", "min": 0, "max": 1}},
      "weight": {"type": "real"}, "tame": {"type": "boolean"},
      "friends": {"type": {"key": {"type": "uuid", "refTable": "Animal", "refType": "weak"}, "min": 0, "max": "unlimited"}},
      "notes": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}},
      "seen": {"type": "integer", "ephemeral": true}},
    "indexes": [["name"]], "isRoot": true},
  "Cage": {"columns": {
      "animals": {"type": {"key": {"type": "uuid", "refTable": "Animal"}, "min": 0, "max": "unlimited"}},
      "size": {"type": {"key": "integer", "min": 0, "max": "unlimited"}}}, "isRoot": true},
  "Root": {"columns": {
      "targets": {"type": {"key": "string", "min": 0, "max": "unlimited"}},
      "connections": {"type": {"key": {"type": "uuid", "refTable": "Connection"}, "min": 0, "max": "unlimited"}},
      "ssl": {"type": {"key": {"type": "uuid", "refTable": "SSL"}, "min": 0, "max": 1}}},
    "isRoot": true, "maxRows": 1},
  "Connection": {"columns": {
      "target": {"type": "string"}, "max_backoff": {"type": {"key": "integer", "min": 0, "max": 1}},
      "inactivity_probe": {"type": {"key": "integer", "min": 0, "max": 1}},
      "read_only": {"type": "boolean"}, "role": {"type": "string"},
      "other_config": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}},
      "is_connected": {"type": "boolean", "ephemeral": true},
      "status": {"type": {"key": "string", "value": "string", "min": 0, "max": "unlimited"}, "ephemeral": true}},
    "indexes": [["target"]]},
  "SSL": {"columns": {
      "private_key": {"type": "string"}, "certificate": {"type": "string"}, "ca_cert": {"type": "string"},
      "bootstrap_ca_cert": {"type": "boolean"}, "ssl_protocols": {"type": "string"},
      "ssl_ciphers": {"type": "string"}}, "maxRows": 1},
  "RBAC_Role": {"columns": {
      "name": {"type": "string"},
      "permissions": {"type": {"key": "string", "value": {"type": "uuid", "refTable": "RBAC_Permission", "refType": "weak"}, "min": 0, "max": "unlimited"}}},
    "isRoot": true},
  "RBAC_Permission": {"columns": {
      "table": {"type": "string"},
      "authorization": {"type": {"key": "string", "min": 0, "max": "unlimited"}},
      "insert_delete": {"type": "boolean"},
      "update": {"type": {"key": "string", "min": 0, "max": "unlimited"}}},
    "isRoot": true}
}}"#;

impl Bench {
    /// Nothing, after telling so, where the peer is missing.
    pub(crate) fn new() -> Option<Self> {
        let (server, client, tool) = (need("ovsdb-server")?, need("ovsdb-client")?, need("ovsdb-tool")?);
        let dir = RunDir::default();
        std::fs::write(dir.path("zoo.ovsschema"), SCHEMA).unwrap();
        Some(Self { dir, server, client, tool })
    }

    /// A database file with the schema of the zoo.
    pub(crate) fn create(&self, file: &str) {
        let mut tool = self.dir.peer(&self.tool);
        tool.arg("create").arg(self.dir.path(file)).arg(self.dir.path("zoo.ovsschema"));
        run_ok(tool);
    }

    /// The command of a server, to which nothing has been said.
    pub(crate) fn server(&self, side: Side) -> Command {
        match side {
            Side::Ours => self.dir.ours("ovsdb-server"),
            Side::Peer => self.dir.peer(&self.server),
        }
    }

    /// A server of `file` that listens on `NAME.sock` and is controlled by `NAME.ctl`.
    pub(crate) fn serve(&self, side: Side, name: &str, args: &[&str]) -> Daemon {
        let mut command = self.server(side);
        command
            .arg(format!("--remote=punix:{}", self.dir.path(&format!("{name}.sock")).display()))
            .arg(format!("--unixctl={}", self.dir.path(&format!("{name}.ctl")).display()))
            .args(args);
        let daemon = self.dir.start(name, command);
        self.dir.wait_for_socket(&format!("{name}.sock"));
        self.dir.wait_for_socket(&format!("{name}.ctl"));
        daemon
    }

    /// A new database and its server.
    pub(crate) fn zoo(&self, side: Side, name: &str, args: &[&str]) -> Daemon {
        let file = format!("{name}.db");
        self.create(&file);
        let path = self.dir.path(&file);
        let mut all = vec![path.to_str().unwrap()];
        all.extend(args);
        self.serve(side, name, &all)
    }

    /// The method by which the server `name` is reached.
    pub(crate) fn remote(&self, name: &str) -> String {
        format!("unix:{}", self.dir.path(&format!("{name}.sock")).display())
    }

    pub(crate) fn client(&self, side: Side, args: &[&str]) -> Command {
        let mut command = match side {
            Side::Ours => self.dir.ours("ovsdb-client"),
            Side::Peer => self.dir.peer(&self.client),
        };
        command.args(args);
        command
    }

    /// Runs a client to its end; its log lines lose their times, and paths of this run their directory.
    pub(crate) fn ask(&self, side: Side, args: &[&str]) -> Outcome {
        let mut outcome = run(self.client(side, args));
        outcome.stderr = self.plain(&outcome.stderr);
        outcome.stdout = self.plain(&outcome.stdout);
        outcome
    }

    fn plain(&self, text: &str) -> String {
        let dir = self.dir.path("").display().to_string();
        let line = |line: &str| match line.split_once("Z|") {
            Some((_, rest)) => format!("TIME|{rest}\n"),
            None => format!("{line}\n"),
        };
        text.replace(dir.trim_end_matches('/'), "DIR").lines().map(line).collect()
    }

    /// A transaction on the database of the zoo that must succeed, and before any probe is due, whose answer would
    /// wake a server that forgot to send; its results.
    #[track_caller]
    pub(crate) fn transact(&self, remote: &str, operations: &str) -> serde_json::Value {
        let params = format!("[\"Zoo\",{operations}]");
        let text = run_ok(self.client(Side::Peer, &["-t", "30", "transact", remote, &params]));
        let results: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(!text.contains("\"error\""), "{operations}: {text}");
        results
    }

    /// A control command; what it prints, either way.
    pub(crate) fn control(&self, name: &str, words: &[&str]) -> String {
        let mut command = self.dir.ours("ovs-appctl");
        command.arg("-t").arg(self.dir.path(&format!("{name}.ctl"))).args(words);
        let outcome = run(command);
        self.plain(&format!("{}{}", outcome.stdout, outcome.stderr))
    }

    /// Starts a client that goes on until it is ended; its output is `NAME.text` here.
    pub(crate) fn start_client(&self, side: Side, name: &str, args: &[&str]) -> Watcher {
        let path = self.dir.path(&format!("{name}.text"));
        let file = std::fs::File::create(&path).unwrap();
        let mut command = self.client(side, args);
        command.stdin(Stdio::null()).stdout(file).stderr(Stdio::null());
        Watcher { child: command.spawn().unwrap(), path }
    }
}

/// A client that goes on until it is ended.
pub(crate) struct Watcher {
    child: std::process::Child,
    path: PathBuf,
}

impl Watcher {
    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Waits until it has printed something that `contains` says yes to.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, contains: impl Fn(&str) -> bool) -> String {
        wait_for(what, Duration::from_secs(20), || {
            let text = read(&self.path);
            if contains(&text) { Ok(text) } else { Err(text) }
        })
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

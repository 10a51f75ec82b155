//! Daemon mode of `ovn-nbctl` and `ovn-sbctl`: our client with our daemon, ours with upstream's, upstream's with ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use tests::need;
use tests::process::{Daemon, Outcome, RunDir, run, run_ok};

#[derive(Clone, Copy, PartialEq)]
enum Whose {
    Ours,
    Theirs,
}

/// A northbound database and a daemon for it.
struct Stack {
    run: RunDir,
    /// The control socket, as the daemon printed it.
    socket: PathBuf,
    _server: Daemon,
}

impl Stack {
    fn start(daemon: Whose) -> Self {
        let run = RunDir::default();
        let mut serve = run.ours("ovsdb-server");
        serve.arg(format!("--remote=punix:{}", run.path("ovnnb_db.sock").display()));
        serve.args(["--unixctl=none", "-vconsole:off"]).arg(run.path("nb.conf"));
        let mut create = run.ours("ovsdb-tool");
        create.arg("create").arg(run.path("nb.conf")).arg(run.path("nb.ovsschema"));
        let schema = schema::nb::schema().to_json().to_string();
        std::fs::write(run.path("nb.ovsschema"), schema).expect("the run directory is writable");
        run_ok(create);
        let server = run.start("nb", serve);
        run.wait_for_socket("ovnnb_db.sock");
        let mut start = program(&run, daemon, "ovn-nbctl");
        start.args(["--detach", "--pidfile", "--log-file"]);
        let socket = PathBuf::from(run_ok(start).trim_end());
        Self { run, socket, _server: server }
    }

    fn client(&self, whose: Whose, words: &[&str]) -> Outcome {
        let mut client = program(&self.run, whose, "ovn-nbctl");
        client.env("OVN_NB_DAEMON", &self.socket).args(words);
        run(client)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // After a test that went well it has gone already.
        let mut exit = self.run.ours("ovn-appctl");
        exit.arg("-t").arg(&self.socket).arg("exit");
        let _ = exit.output();
    }
}

fn program(run: &RunDir, whose: Whose, name: &str) -> Command {
    match whose {
        Whose::Ours => run.ours(name),
        Whose::Theirs => run.peer(Path::new(name)),
    }
}

#[track_caller]
fn check(daemon: Whose, client: Whose) {
    if (daemon, client) != (Whose::Ours, Whose::Ours) && need("ovn-nbctl").is_none() {
        return;
    }
    let stack = Stack::start(daemon);
    let cases: &[(&[&str], i32, &str, &str)] = &[
        (&["ls-add", "sw0"], 0, "", ""),
        (&["ls-add", "sw0"], 1, "", "ovn-nbctl: sw0: a switch with this name already exists\n"),
        (&["--may-exist", "ls-add", "sw0"], 0, "", ""),
        (&["--bare", "--columns=name", "list", "Logical_Switch"], 0, "sw0\n", ""),
        (&["-f", "csv", "--columns=name", "find", "Logical_Switch", "name=sw0"], 0, "name\nsw0\n", ""),
        (&["lsp-add", "sw0", "p0", "--", "--if-exists", "lsp-del", "p9"], 0, "", ""),
        (&["--oneline", "get", "Logical_Switch", "sw0", "name", "external_ids"], 0, "sw0\\n{}\n", ""),
        (&["nope"], 1, "", "ovn-nbctl: unknown command 'nope'; use --help for help\n"),
        (&["--nope", "ls-list"], 1, "", "ovn-nbctl: unrecognized option '--nope'\n"),
        (&["get", "Logical_Switch", "sw9"], 1, "", "ovn-nbctl: no row \"sw9\" in table Logical_Switch\n"),
    ];
    for (words, code, stdout, stderr) in cases {
        let outcome = stack.client(client, words);
        let expected =
            Outcome { code: Some(*code), stdout: (*stdout).to_owned(), stderr: (*stderr).to_owned() };
        assert_eq!(outcome, expected, "{words:?}");
    }
    let mut direct = stack.run.ours("ovn-nbctl");
    direct.args(["--bare", "--columns=name", "list", "Logical_Switch_Port"]);
    assert_eq!(run_ok(direct), "p0\n", "it is in the database");
    let mut exit = program(&stack.run, client, "ovn-appctl");
    exit.arg("-t").arg(&stack.socket).arg("exit");
    assert_eq!(run_ok(exit), "");
}

#[test]
fn our_client_asks_our_daemon() {
    check(Whose::Ours, Whose::Ours);
}

#[test]
fn our_client_asks_upstreams_daemon() {
    check(Whose::Theirs, Whose::Ours);
}

#[test]
fn upstreams_client_asks_our_daemon() {
    check(Whose::Ours, Whose::Theirs);
}

#[test]
fn a_job_that_waits_lets_others_pass_and_ends_in_time() {
    let stack = Stack::start(Whose::Ours);
    let mut waiter = stack.run.ours("ovn-nbctl");
    waiter.env("OVN_NB_DAEMON", &stack.socket).args(["wait-until", "Logical_Switch", "sw1"]);
    let mut waiter = stack.run.start("waiter", waiter);
    let mut late = stack.run.ours("ovn-appctl");
    late.arg("-t").arg(&stack.socket).args(["run", "--timeout=1", "--", "wait-until", "Logical_Switch", "x"]);
    let outcome = run(late);
    assert!(outcome.stderr.starts_with("timeout expired\n"), "{outcome:?}");
    assert!(waiter.alive(), "{}", stack.run.outputs());
    assert_eq!(stack.client(Whose::Ours, &["ls-add", "sw1"]).code, Some(0));
    assert_eq!(waiter.wait(), Some(0));
}

#[test]
fn without_a_daemon_the_client_says_so() {
    let run_dir = RunDir::default();
    let client = |words: &[&str]| {
        let mut client = run_dir.ours("ovn-sbctl");
        client.env("OVN_SB_DAEMON", "/nowhere.ctl").args(words);
        run(client)
    };
    let outcome = client(&["show"]);
    assert_eq!(outcome.code, Some(1));
    let expected = "ovn-sbctl: /nowhere.ctl: could not connect to ovn-sbctl daemon (No such file or directory); \
                    unset OVN_SB_DAEMON to avoid using daemon\n";
    assert!(outcome.stderr.ends_with(expected), "{outcome:?}");
    let outcome = client(&["--db=unix:/nowhere.sock", "show"]);
    assert!(outcome.stderr.contains("not using ovn-sbctl daemon because of db option"), "{outcome:?}");
}

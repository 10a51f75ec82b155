//! Sessions of `ovn-nbctl`, `ovn-sbctl` and `ovs-vsctl`, recorded from upstream's programs (OVN 23.03, Open vSwitch
//! 3.1), played by either's programs against either's database server: what is printed is the same, octet for octet.
//!
//! `ovn/ctl/tests/sessions.rs` describes the files in `ovn/ctl/tests/data` and plays them in memory.

#![allow(clippy::unwrap_used)] // A test stops where it fails.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use ctl::cli::split_words;
use tests::differential::{masked, without_time};
use tests::process::{Daemon, Outcome, RunDir, run, run_ok};
use tests::{need, root};

#[derive(Clone, Copy, PartialEq)]
enum Whose {
    Ours,
    Theirs,
}

const DATABASES: [(&str, &str); 3] = [
    ("ovnnb_db", "/usr/share/ovn/ovn-nb.ovsschema"),
    ("ovnsb_db", "/usr/share/ovn/ovn-sb.ovsschema"),
    ("db", "/usr/share/openvswitch/vswitch.ovsschema"),
];

/// The programs of a stack and a server for the three databases.
struct Stack {
    run: RunDir,
    clients: Whose,
    _servers: Vec<Daemon>,
}

impl Stack {
    /// `None` where a peer is not installed.
    fn start(clients: Whose, server: Whose) -> Option<Self> {
        let tool = need("ovsdb-tool")?;
        let program = need("ovsdb-server")?;
        for client in ["ovn-nbctl", "ovn-sbctl", "ovs-vsctl"] {
            need(client)?;
        }
        let run = RunDir::default();
        let mut servers = Vec::new();
        for (name, schema) in DATABASES {
            let mut create = run.peer(&tool);
            create.arg("create").arg(run.path(&format!("{name}.conf"))).arg(schema);
            run_ok(create);
            let mut serve = match server {
                Whose::Ours => run.ours("ovsdb-server"),
                Whose::Theirs => run.peer(&program),
            };
            serve.arg(format!("--remote=punix:{}", run.path(&format!("{name}.sock")).display()));
            serve.arg(format!("--unixctl={}", run.path(&format!("{name}.ctl")).display()));
            serve.args(["-vsyslog:off", "-vconsole:warn"]).arg(run.path(&format!("{name}.conf")));
            servers.push(run.start(name, serve));
        }
        for (name, _) in DATABASES {
            run.wait_for_socket(&format!("{name}.sock"));
        }
        Some(Self { run, clients, _servers: servers })
    }

    fn play(&self, command: &str) -> Outcome {
        let words = split_words(command).unwrap();
        let mut client: Command = match self.clients {
            Whose::Ours => self.run.ours(&words[0]),
            // By name alone: some errors begin with the name as it was called.
            Whose::Theirs => self.run.peer(Path::new(&words[0])),
        };
        client.args(&words[1..]);
        run(client)
    }
}

/// How the UUIDs begin that the commands themselves name.
const KNOWN: &[&str] = &["12345678-", "aaaaaaaa-", "aaaa1111"];

/// What a command printed, as sessions have it: of log lines what follows time and number.
fn transcript(outcome: &Outcome) -> Vec<String> {
    let shown = |line: &str| if line.is_empty() { ".".to_owned() } else { masked(line, KNOWN) };
    let mut lines: Vec<String> = outcome.stdout.lines().map(shown).collect();
    lines.extend(outcome.stderr.lines().map(|line| format!("! {}", masked(without_time(line), KNOWN))));
    match outcome.code {
        Some(0) => {}
        code => lines.push(format!("? {}", code.map_or("signal".to_owned(), |code| code.to_string()))),
    }
    lines
}

/// Plays a session; what differs from the recording.
fn differences(stack: &Stack, session: &str) -> String {
    let mut wrong = String::new();
    let mut lines = session.lines().peekable();
    while let Some(line) = lines.next() {
        let (mark, command) = line.split_at(2);
        let mut expected = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with("$ ") && !line.starts_with("~ ")) {
            expected.push(line.to_owned());
        }
        let mut found = transcript(&stack.play(command));
        if mark == "~ " {
            expected.sort();
            found.sort();
        }
        if found != expected {
            let (expected, found) = (expected.join("\n  "), found.join("\n  "));
            writeln!(wrong, "$ {command}\nexpected\n  {expected}\nfound\n  {found}").unwrap();
        }
    }
    wrong
}

fn play(clients: Whose, server: Whose) {
    let mut sessions: Vec<PathBuf> = std::fs::read_dir(root().join("ovn/ctl/tests/data"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    sessions.retain(|path| path.extension().is_some_and(|extension| extension == "session"));
    sessions.sort();
    assert!(sessions.len() > 10, "the sessions are there");
    let mut wrong = String::new();
    for path in sessions {
        let Some(stack) = Stack::start(clients, server) else { return };
        let found = differences(&stack, &std::fs::read_to_string(&path).unwrap());
        if !found.is_empty() {
            writeln!(wrong, "{}\n{found}", path.display()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn our_programs_against_upstreams_server() {
    play(Whose::Ours, Whose::Theirs);
}

#[test]
fn upstreams_programs_against_our_server() {
    play(Whose::Theirs, Whose::Ours);
}

#[test]
fn upstreams_programs_against_upstreams_server() {
    play(Whose::Theirs, Whose::Theirs);
}

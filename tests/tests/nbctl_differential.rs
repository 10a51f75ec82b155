//! Every verb of `ovn-nbctl`, right and wrong, as upstream's program (OVN 23.03) and ours do it: each session of
//! commands is run by theirs on one database server and by ours on another. Exit code, standard output and standard
//! error are the same for each command, and so are the tables at the end.
//!
//! A session in `data/nbctl` has a command a line, without the program's name:
//!
//! ```text
//! # a comment
//! ls-add sw0
//! ~ ls-list                       the lines of the output may come in any order
//! % why: lsp-set-type p x         known to differ, for this reason; the tables are then not compared by it
//! @acl = --bare --columns=_uuid find ACL priority=1
//! acl-del sw0 to-lport {acl}      what the command printed, by each program in its own database
//! ```
//!
//! `data/nbctl.words` makes more commands, by chance but the same in each run: lines of words, where `<NAME>` is one of
//! the words of that name and `[WORD]` may be left out.

#![allow(clippy::unwrap_used)] // A test stops where it fails.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use ctl::cli::split_words;
use ovsdb::Uuid;
use serde_json::Value;
use tests::process::{Daemon, Outcome, RunDir, run, run_ok};
use tests::{need, root};

/// Rounds in which rows learn from the rows that they refer to; references are not nested deeper.
const ROUNDS: usize = 5;

/// Lines that upstream's `show` prints since 24.09 and 25.03, and the release compared with does not.
const LATER: &[&str] = &["        ipv6-lla: ", "        peer: "];

/// A program with a database server of its own.
struct Side {
    run: RunDir,
    client: Client,
    _server: Daemon,
    /// What commands printed, by the name given to it.
    texts: BTreeMap<String, String>,
}

enum Client {
    Ours,
    Theirs,
}

impl Side {
    fn start(client: Client) -> Self {
        let run = RunDir::default();
        let (file, socket) = (run.path("nb.db"), run.path("ovnnb_db.sock"));
        let mut create = run.ours("ovsdb-tool");
        create.arg("create").arg(&file).arg("/usr/share/ovn/ovn-nb.ovsschema");
        run_ok(create);
        let mut serve = run.ours("ovsdb-server");
        serve.arg(format!("--remote=punix:{}", socket.display()));
        serve.arg(format!("--unixctl={}", run.path("nb.ctl").display()));
        serve.args(["-vsyslog:off", "-vconsole:warn"]).arg(file);
        let server = run.start("ovsdb-server", serve);
        run.wait_for_socket("ovnnb_db.sock");
        Self { run, client, _server: server, texts: BTreeMap::new() }
    }

    fn run(&self, words: &[String]) -> Outcome {
        let mut command = match self.client {
            Client::Ours => self.run.ours("ovn-nbctl"),
            // By name alone: some errors begin with the name as it was called.
            Client::Theirs => self.run.peer(Path::new("ovn-nbctl")),
        };
        command.args(words.iter().map(|word| self.filled_in(word)));
        run(command)
    }

    /// The word with the texts in the place of their names.
    fn filled_in(&self, word: &str) -> String {
        let fill =
            |word: String, (name, text): (&String, &String)| word.replace(&format!("{{{name}}}"), text);
        self.texts.iter().fold(word.to_owned(), fill)
    }

    /// All tables, with rows named by what they hold.
    fn dump(&self) -> Vec<String> {
        let mut dump = self.run.peer(Path::new("ovsdb-client"));
        dump.args(["--format=json", "--data=json", "dump"]);
        dump.arg(format!("unix:{}", self.run.path("ovnnb_db.sock").display())).arg("OVN_Northbound");
        canonical(&run_ok(dump))
    }
}

/// The rows of tables as `ovsdb-client dump` prints them, each with names in the place of UUIDs: a name says what the
/// row of that UUID holds.
fn canonical(tables: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for table in tables.lines() {
        let table: Value = serde_json::from_str(table).unwrap();
        let caption = table["caption"].as_str().unwrap().to_owned();
        let headings: Vec<&str> =
            table["headings"].as_array().unwrap().iter().map(|heading| heading.as_str().unwrap()).collect();
        let uuid_at = headings.iter().position(|heading| *heading == "_uuid").unwrap();
        for row in table["data"].as_array().unwrap() {
            let cells = row.as_array().unwrap();
            let uuid = cells[uuid_at][1].as_str().unwrap().to_owned();
            let others = headings.iter().zip(cells).filter(|(heading, _)| **heading != "_uuid");
            let others = others.filter(|(heading, _)| **heading != "_version");
            rows.push((
                uuid,
                caption.clone(),
                others.map(|(heading, cell)| (heading.to_string(), cell.clone())).collect(),
            ));
        }
    }
    let mut names: BTreeMap<String, String> = rows
        .iter()
        .map(|(uuid, caption, _): &(String, String, Vec<(String, Value)>)| (uuid.clone(), caption.clone()))
        .collect();
    let shown = |names: &BTreeMap<String, String>, cells: &[(String, Value)]| {
        let cells: Vec<String> =
            cells.iter().map(|(heading, cell)| format!("{heading}={}", renamed(cell, names))).collect();
        cells.join(" ")
    };
    for _ in 0..ROUNDS {
        names = rows
            .iter()
            .map(|(uuid, caption, cells)| {
                use std::hash::{DefaultHasher, Hash, Hasher};
                let mut hasher = DefaultHasher::new();
                shown(&names, cells).hash(&mut hasher);
                (uuid.clone(), format!("{caption}-{:x}", hasher.finish()))
            })
            .collect();
    }
    let mut lines: Vec<String> =
        rows.iter().map(|(_, caption, cells)| format!("{caption}: {}", shown(&names, cells))).collect();
    lines.sort();
    lines
}

/// A value as text, with names for UUIDs and sets of them in order.
fn renamed(value: &Value, names: &BTreeMap<String, String>) -> String {
    match value {
        Value::String(text) => names.get(text).cloned().unwrap_or_else(|| format!("{text:?}")),
        Value::Array(items) => {
            let mut items: Vec<String> = items.iter().map(|item| renamed(item, names)).collect();
            if items.first().is_some_and(|first| first != "\"uuid\"") {
                items.sort();
            }
            format!("[{}]", items.join(","))
        }
        other => other.to_string(),
    }
}

/// Writes `<uuid>` for UUIDs, and takes time and number from lines of the log.
fn masked(text: &str) -> Vec<String> {
    text.lines().filter(|line| !LATER.iter().any(|later| line.starts_with(later))).map(masked_line).collect()
}

fn masked_line(line: &str) -> String {
    let is_log = line.starts_with("20") && line.split('|').next().is_some_and(|time| time.ends_with('Z'));
    let line = if is_log { line.splitn(3, '|').nth(2).unwrap_or(line) } else { line };
    // Which of two rows with the same index comes first is by chance.
    let mut rest = line.split("  First row, with UUID").next().unwrap_or(line);
    let mut out = String::new();
    while let Some(letter) = rest.chars().next() {
        if rest.get(..36).is_some_and(|part| part.parse::<Uuid>().is_ok()) {
            out.push_str("<uuid>");
            rest = &rest[36..];
        } else {
            out.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    out
}

/// What a command left behind, comparable.
fn shown(outcome: &Outcome, in_any_order: bool) -> String {
    let mut out = masked(&outcome.stdout);
    if in_any_order {
        out.sort();
    }
    let errors = masked(&outcome.stderr);
    let mut text = out.join("\n  ");
    for error in errors {
        write!(text, "\n  ! {error}").unwrap();
    }
    write!(text, "\n  ? {:?}", outcome.code).unwrap();
    text
}

/// Plays a session by both; what differs.
fn differences(session: &str) -> String {
    let (mut theirs, mut ours) = (Side::start(Client::Theirs), Side::start(Client::Ours));
    let mut wrong = String::new();
    let mut excused = false;
    for line in session.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some((name, command)) = line.strip_prefix('@').and_then(|rest| rest.split_once(" = ")) {
            for side in [&mut theirs, &mut ours] {
                let outcome = side.run(&split_words(command).unwrap());
                assert_eq!(outcome.code, Some(0), "{line}: {outcome:?}");
                side.texts.insert(name.to_owned(), outcome.stdout.trim().to_owned());
            }
            continue;
        }
        let excuse = line.strip_prefix("% ").map(|rest| rest.split_once(": ").unwrap());
        let command = excuse.map_or(line, |(_, command)| command);
        let any_order = command.strip_prefix("~ ");
        let words = split_words(any_order.unwrap_or(command)).unwrap();
        let [their, our] = [&theirs, &ours].map(|side| shown(&side.run(&words), any_order.is_some()));
        match (their == our, excuse) {
            (false, None) => writeln!(wrong, "$ {command}\ntheirs\n  {their}\nours\n  {our}").unwrap(),
            (true, Some(_)) => writeln!(wrong, "$ {command}\nno longer differs\n  {our}").unwrap(),
            (true, None) | (false, Some(_)) => {}
        }
        excused |= excuse.is_some();
    }
    let [their, our] = [&theirs, &ours].map(Side::dump);
    if their != our {
        writeln!(wrong, "tables at the end{}", if excused { ", some commands being excused" } else { "" })
            .unwrap();
        for (mark, lines, others) in [("theirs", &their, &our), ("ours", &our, &their)] {
            for line in lines.iter().filter(|line| !others.contains(line)) {
                writeln!(wrong, "{mark} {line}").unwrap();
            }
        }
    }
    wrong
}

/// Plays a session and shows what differs.
#[track_caller]
fn play(name: &str) {
    if ["ovn-nbctl", "ovsdb-client"].into_iter().any(|program| need(program).is_none()) {
        return;
    }
    let path = root().join("tests/tests/data/nbctl").join(name).with_extension("txt");
    let wrong = differences(&std::fs::read_to_string(path).unwrap());
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn commands_by_chance() {
    if ["ovn-nbctl", "ovsdb-client"].into_iter().any(|program| need(program).is_none()) {
        return;
    }
    let text = std::fs::read_to_string(root().join("tests/tests/data/nbctl.words")).unwrap();
    let words = Words::parse(&text);
    let mut chance = Chance(1);
    let mut session: String =
        text.lines().filter_map(|line| line.strip_prefix("! ")).map(|line| format!("{line}\n")).collect();
    for _ in 0..COMMANDS {
        writeln!(session, "~ {}", words.command(&mut chance)).unwrap();
    }
    let wrong = differences(&session);
    assert!(wrong.is_empty(), "{wrong}");
}

/// How many commands are made by chance.
const COMMANDS: usize = 250;

/// Numbers that look random: the linear congruential generator of Knuth's MMIX.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// What commands are made of.
struct Words<'a> {
    /// Words by the name they stand in for.
    lists: BTreeMap<&'a str, Vec<&'a str>>,
    templates: Vec<&'a str>,
}

impl<'a> Words<'a> {
    /// `NAME: WORD|WORD` is a list, a line with `! ` before it a command that comes first, others are templates.
    fn parse(text: &'a str) -> Self {
        let mut words = Self { lists: BTreeMap::new(), templates: Vec::new() };
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with(['#', '!']));
        for line in lines {
            match line.split_once(": ") {
                Some((name, list)) => drop(words.lists.insert(name, list.split('|').collect())),
                None => words.templates.push(line),
            }
        }
        words
    }

    fn command(&self, chance: &mut Chance) -> String {
        let template = self.templates[chance.below(self.templates.len())];
        let mut command = Vec::new();
        for word in template.split(' ') {
            let word = match word.strip_prefix('[') {
                Some(_) if chance.below(3) > 0 => continue,
                Some(rest) => rest.trim_end_matches(']'),
                None => word,
            };
            let word =
                match word.split_once('<').and_then(|(before, rest)| Some((before, rest.strip_suffix('>')?)))
                {
                    Some((before, name)) => {
                        let list = &self.lists[name];
                        format!("{before}{}", list[chance.below(list.len())])
                    }
                    None => word.to_owned(),
                };
            command.push(format!("\"{word}\""));
        }
        command.join(" ")
    }
}

macro_rules! sessions {
    ($($name:ident)*) => {
        const SESSIONS: &[&str] = &[$(stringify!($name)),*];

        $(#[test]
        fn $name() {
            play(stringify!($name));
        })*
    };
}

sessions! { acl_qos balancers chains nat others policies routers routes switches }

#[test]
fn every_verb_of_upstreams_has_a_session() {
    let mut sessions = String::new();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root().join("tests/tests/data/nbctl")).unwrap() {
        let path = entry.unwrap().path();
        names.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
        sessions.push_str(&std::fs::read_to_string(path).unwrap());
    }
    names.sort();
    assert_eq!(names, SESSIONS, "each session is played");
    let words: std::collections::BTreeSet<&str> = sessions.split_whitespace().collect();
    let known = ctl::Program::Nbctl.verbs().iter().map(|verb| verb.name);
    let missing: Vec<&str> = known.filter(|name| !words.contains(name) && !NEWER.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Verbs that came after the release compared with; their session is `ovn/ctl/tests/data/newer/nbctl.session`.
const NEWER: &[&str] = &[
    "lsp-add-localnet-port",
    "lsp-add-router-port",
    "lsp-hc-add",
    "lsp-hc-del",
    "lsp-hc-list",
    "mirror-rule-add",
    "mirror-rule-del",
    "nf-add",
    "nf-del",
    "nf-list",
    "nfg-add",
    "nfg-add-nf",
    "nfg-del",
    "nfg-del-nf",
    "nfg-list",
    "pg-get-ports",
];

//! Sessions of commands that upstream's client and ours run, each on a database server of its own: exit code, standard
//! output and standard error are the same for each command, and so are the tables at the end.
//!
//! A session is a text with a command a line, without the program's name:
//!
//! ```text
//! # a comment
//! ls-add sw0
//! OVN_NBCTL_OPTIONS=--oneline ls-list   with a variable of the environment
//! ~ ls-list                             the lines of the output may come in any order
//! % why: lsp-set-type p x               known to differ, for this reason
//! @acl = --bare --columns=_uuid find ACL priority=1
//! acl-del sw0 to-lport {acl}            what that command printed, by each program in its own database
//! ```
//! UUIDs are masked, and `RUNDIR` stands for the run directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use ctl::Program;
use ctl::cli::split_words;
use ovsdb::Uuid;
use serde_json::Value;

use crate::process::{Daemon, Outcome, RunDir, run, run_ok};
use crate::{executable, need};

/// Rounds in which rows learn from the rows that they refer to; references are not nested deeper.
const ROUNDS: usize = 5;

/// Seconds that a command may take.
const TIMEOUT: &str = "20";

/// Digits of a UUID that are printed of it in places.
const PART: usize = 8;

/// A client and the database that it works on.
pub struct Client {
    /// The client.
    pub program: Program,
    /// Upstream's schema of the database, as installed.
    pub schema: &'static str,
    /// The socket in the run directory that the client connects to by itself.
    pub socket: &'static str,
    /// What lines begin with that upstream prints since releases after the one compared with.
    pub later: &'static [&'static str],
}

/// Plays a session. Panics with what differs; skips where upstream's client is missing.
#[track_caller]
pub fn play(client: &Client, session: &str) {
    if is_missing(client) {
        return;
    }
    let wrong = differences(client, session, &mut Played::default());
    assert!(wrong.is_empty(), "{wrong}");
}

fn is_missing(client: &Client) -> bool {
    [client.program.name(), "ovsdb-client"].into_iter().any(|program| need(program).is_none())
}

/// Plays every session in a folder, side by side, and says which verbs were done and refused in them. Panics with what
/// differs; skips where upstream's client is missing.
#[track_caller]
pub fn play_all(client: &Client, folder: &Path) -> Option<Played> {
    if is_missing(client) {
        return None;
    }
    executable();
    let mut played = Played::default();
    let mut differing = Vec::new();
    std::thread::scope(|scope| {
        let play = |(path, session): (String, String)| {
            scope.spawn(move || {
                let mut played = Played::default();
                (path, differences(client, &session, &mut played), played)
            })
        };
        let started: Vec<_> = sessions(folder).into_iter().map(play).collect();
        for thread in started {
            let (path, wrong, of_session) = thread.join().expect("a session does not panic");
            played.done.extend(of_session.done);
            played.refused.extend(of_session.refused);
            if !wrong.is_empty() {
                differing.push(format!("== {path}\n{wrong}"));
            }
        }
    });
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    Some(played)
}

/// What became of the commands of sessions.
#[derive(Debug, Default)]
pub struct Played {
    done: BTreeSet<&'static str>,
    refused: BTreeSet<&'static str>,
}

impl Played {
    /// Notes what became of a command line: of all its verbs, if it was done, else of its only one.
    fn note(&mut self, client: &Client, line: &str, code: Option<i32>) {
        let words = split_words(line).expect("quotes in sessions are closed");
        let known: BTreeMap<&str, &'static str> =
            client.program.verbs().iter().map(|verb| (verb.name, verb.name)).collect();
        let of_command =
            |command: &[String]| command.iter().find_map(|word| known.get(word.as_str()).copied());
        let mut verbs: BTreeSet<&'static str> =
            words.split(|word| word == "--").filter_map(of_command).collect();
        match (code, verbs.len()) {
            (Some(0), _) => self.done.append(&mut verbs),
            (_, 1) => self.refused.append(&mut verbs),
            (_, _) => {}
        }
    }

    /// The verbs of the client that were never done, and those that were never refused.
    pub fn missing(&self, client: &Client) -> [Vec<&'static str>; 2] {
        [&self.done, &self.refused].map(|there| {
            let verbs = client.program.verbs().iter().map(|verb| verb.name);
            verbs.filter(|name| !there.contains(name)).collect()
        })
    }
}

fn sessions(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).expect("the sessions are there");
    let mut sessions: Vec<(String, String)> = entries
        .map(|entry| {
            let path = entry.expect("the folder is readable").path();
            let session = std::fs::read_to_string(&path).expect("a session is text");
            (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), session)
        })
        .collect();
    sessions.sort();
    sessions
}

#[derive(Clone, Copy)]
enum Whose {
    Ours,
    Theirs,
}

/// Either's client with a database server.
struct Side<'c> {
    client: &'c Client,
    whose: Whose,
    run: RunDir,
    _server: Daemon,
    /// What commands printed, by the name given to it.
    texts: BTreeMap<String, String>,
}

impl<'c> Side<'c> {
    fn start(client: &'c Client, whose: Whose) -> Self {
        let run = RunDir::default();
        let (file, socket) = (run.path("differential.conf"), run.path(client.socket));
        let mut create = run.ours("ovsdb-tool");
        create.arg("create").arg(&file).arg(client.schema);
        run_ok(create);
        let mut serve = run.ours("ovsdb-server");
        serve.arg(format!("--remote=punix:{}", socket.display()));
        serve.args(["--unixctl=none", "-vsyslog:off", "-vconsole:warn"]).arg(file);
        let server = run.start("ovsdb-server", serve);
        run.wait_for_socket(client.socket);
        Self { client, whose, run, _server: server, texts: BTreeMap::new() }
    }

    fn run(&self, line: &str) -> Outcome {
        let words = split_words(line).expect("quotes in sessions are closed");
        let name = self.client.program.name();
        let mut command = match self.whose {
            Whose::Ours => self.run.ours(name),
            // By name alone: some errors begin with the name as it was called.
            Whose::Theirs => self.run.peer(Path::new(name)),
        };
        // What waits for a switch that is not there gives up; sessions may say when.
        command.env("OVS_CTL_TIMEOUT", TIMEOUT);
        let is_variable = |word: &&String| word.starts_with("OVN_") || word.starts_with("OVS_");
        let variables: Vec<&String> = words.iter().take_while(is_variable).collect();
        for (variable, value) in variables.iter().filter_map(|word| word.split_once('=')) {
            command.env(variable, self.filled_in(value));
        }
        command.args(words[variables.len()..].iter().map(|word| self.filled_in(word)));
        let mut outcome = run(command);
        let run_dir = self.run.path("").display().to_string();
        for text in [&mut outcome.stdout, &mut outcome.stderr] {
            *text = text.replace(run_dir.trim_end_matches('/'), "RUNDIR");
        }
        outcome
    }

    /// The word with the texts in the place of their names.
    fn filled_in(&self, word: &str) -> String {
        let run_dir = self.run.path("").display().to_string();
        let word = word.replace("RUNDIR", run_dir.trim_end_matches('/'));
        self.texts.iter().fold(word, |word, (name, text)| word.replace(&format!("{{{name}}}"), text))
    }

    /// All tables, with rows named by what they hold.
    fn dump(&self) -> Vec<String> {
        let mut dump = self.run.peer(Path::new("ovsdb-client"));
        dump.args(["--format=json", "--data=json", "dump"]);
        dump.arg(format!("unix:{}", self.run.path(self.client.socket).display()));
        dump.arg(&*self.client.program.schema().name);
        canonical(&run_ok(dump))
    }
}

/// Plays a session by both; what differs.
fn differences(client: &Client, session: &str, played: &mut Played) -> String {
    let (mut theirs, mut ours) = (Side::start(client, Whose::Theirs), Side::start(client, Whose::Ours));
    let mut wrong = String::new();
    for line in session.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some((name, command)) = line.strip_prefix('@').and_then(|rest| rest.split_once(" = ")) {
            for side in [&mut theirs, &mut ours] {
                let outcome = side.run(command);
                if outcome.code != Some(0) {
                    add(&mut wrong, &format!("{line}: {outcome:?}"));
                }
                side.texts.insert(name.to_owned(), outcome.stdout.trim().to_owned());
            }
            continue;
        }
        let excuse = line.strip_prefix("% ").and_then(|rest| rest.split_once(": "));
        let command = excuse.map_or(line, |(_, command)| command);
        let (command, any_order) = match command.strip_prefix("~ ") {
            Some(command) => (command, true),
            None => (command, false),
        };
        let (their, our) = std::thread::scope(|scope| {
            let their = scope.spawn(|| shown(client, &theirs.run(command), any_order));
            let our = ours.run(command);
            played.note(client, command, our.code);
            (their.join().expect("a command does not panic"), shown(client, &our, any_order))
        });
        match (their == our, excuse) {
            (false, None) => add(&mut wrong, &format!("$ {command}\ntheirs\n  {their}\nours\n  {our}")),
            (true, Some(_)) => add(&mut wrong, &format!("$ {command}\nno longer differs\n  {our}")),
            (true, None) | (false, Some(_)) => {}
        }
    }
    let (their, our) = (theirs.dump(), ours.dump());
    for (mark, lines, others) in [("theirs", &their, &our), ("ours", &our, &their)] {
        for line in lines.iter().filter(|line| !others.contains(line)) {
            add(&mut wrong, &format!("at the end {mark} {line}"));
        }
    }
    wrong
}

fn add(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// What a command left behind, comparable.
fn shown(client: &Client, outcome: &Outcome, in_any_order: bool) -> String {
    let is_later = |line: &&str| client.later.iter().any(|later| line.starts_with(later));
    let mut lines: Vec<String> =
        outcome.stdout.lines().filter(|line| !is_later(line)).map(|line| masked(line, &[])).collect();
    if in_any_order {
        lines.sort();
    }
    // Which of two rows with the same index comes first is by chance.
    let sure = |line: &'_ str| line.split("  First row, with UUID").next().unwrap_or(line).to_owned();
    let errors = outcome.stderr.lines().map(without_time).map(sure);
    lines.extend(errors.map(|line| format!("! {}", masked(&line, &[]))));
    lines.push(format!("? {:?}", outcome.code));
    lines.join("\n  ")
}

/// A line of the log without time and number; other lines as they are.
pub fn without_time(line: &str) -> &str {
    let is_log = line.starts_with("20") && line.split('|').next().is_some_and(|time| time.ends_with('Z'));
    if is_log { line.splitn(3, '|').nth(2).unwrap_or(line) } else { line }
}

/// A line with `<uuid>` for UUIDs, but those that begin with a word of `known`, and for the parts of them that are
/// printed in places.
pub fn masked(line: &str, known: &[&str]) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(letter) = rest.chars().next() {
        let is_uuid = rest.get(..36).is_some_and(|part| part.parse::<Uuid>().is_ok());
        let length = if is_uuid && !known.iter().any(|known| rest.starts_with(known)) {
            36
        } else if out.ends_with("uuid=0x")
            || (out.ends_with("\">") && rest.get(PART..).is_some_and(|after| after.starts_with("</a>")))
        {
            PART
        } else {
            0
        };
        if length > 0 {
            out.push_str("<uuid>");
            rest = &rest[length..];
        } else {
            out.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    out
}

/// A row: its UUID, its table, its other columns.
type DumpedRow = (String, String, Vec<(String, Value)>);

/// The rows of tables as `ovsdb-client dump` prints them, each with names in the place of UUIDs: a name says what the
/// row of that UUID holds.
fn canonical(tables: &str) -> Vec<String> {
    let rows: Vec<DumpedRow> = tables.lines().flat_map(rows_of_table).collect();
    let mut names: BTreeMap<String, String> =
        rows.iter().map(|(uuid, table, _)| (uuid.clone(), table.clone())).collect();
    for _ in 0..ROUNDS {
        let name = |(uuid, table, cells): &DumpedRow| {
            let mut hasher = DefaultHasher::new();
            line_of(cells, &names).hash(&mut hasher);
            (uuid.clone(), format!("{table}-{:x}", hasher.finish()))
        };
        names = rows.iter().map(name).collect();
    }
    let mut lines: Vec<String> =
        rows.iter().map(|(_, table, cells)| format!("{table}:{}", line_of(cells, &names))).collect();
    lines.sort();
    lines
}

fn rows_of_table(table: &str) -> Vec<DumpedRow> {
    let table: Value = serde_json::from_str(table).expect("a dump is JSON, a table a line");
    let array = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let headings: Vec<String> = array(&table["headings"]).iter().map(text).collect();
    let row = |row: &Value| {
        let cells = headings.iter().cloned().zip(array(row));
        let (uuid, others): (Vec<_>, Vec<_>) = cells.partition(|(heading, _)| heading == "_uuid");
        let others = others.into_iter().filter(|(heading, _)| heading != "_version").collect();
        let uuid = uuid.first().map(|(_, cell)| text(&cell[1])).unwrap_or_default();
        (uuid, text(&table["caption"]), others)
    };
    array(&table["data"]).iter().map(row).collect()
}

fn line_of(cells: &[(String, Value)], names: &BTreeMap<String, String>) -> String {
    let mut line = String::new();
    for (heading, cell) in cells {
        write!(line, " {heading}={}", renamed(cell, names)).expect("a String takes any text");
    }
    line
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
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

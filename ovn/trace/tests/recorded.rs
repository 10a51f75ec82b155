//! Recorded traces of real networks: ours must say what upstream's `ovn-trace` says.
//!
//! A network is a folder: `southbound.json` has the rows that upstream's northd made of `network.nbctl` and
//! `network.sbctl`, and `cases.txt` what upstream's `ovn-trace` says of them. Where ours differs, the
//! case says why. With `TRACE_BLESS=1` ours is written down for those cases.

use ovsdb::{Datum, Uuid};
use schema::sb::{self, Tables};
use std::fs;
use std::path::{Path, PathBuf};
use trace::Command;

fn folder(network: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(network)
}

/// The rows of a network.
fn southbound(network: &str) -> Tables {
    let text = fs::read_to_string(folder(network).join("southbound.json")).expect("the rows are there");
    let json: serde_json::Value = serde_json::from_str(&text).expect("the rows are JSON");
    let mut tables = Tables::default();
    for (name, rows) in json.as_object().expect("an object of tables") {
        let table = sb::TableId::from_name(name).expect("a table of the schema");
        let columns = &sb::schema().tables[name.as_str()].columns;
        for row in rows.as_array().expect("an array of rows") {
            let uuid: Uuid = row["_uuid"].as_str().expect("a string").parse().expect("a UUID");
            let values: Vec<Datum> = table
                .columns()
                .iter()
                .map(|column| {
                    let ty = &columns[*column].ty;
                    match row.get(column) {
                        Some(value) => Datum::from_json(value, ty, None).expect("a value of the column"),
                        None => Datum::default_for(ty),
                    }
                })
                .collect();
            tables.replace(name, uuid, Some(&values)).expect("values of the columns");
        }
    }
    tables
}

/// One case: the arguments, why ours differs if it does, and the text.
struct Case {
    arguments: String,
    differs: Option<String>,
    text: String,
}

fn read_cases(text: &str) -> (String, Vec<Case>) {
    let (head, cases) = text.split_once("\n$ ").expect("there is a case");
    let cases = cases
        .split("\n$ ")
        .map(|case| {
            let (arguments, text) = case.split_once('\n').unwrap_or((case, ""));
            let (differs, text) = match text.strip_prefix("differs: ") {
                Some(rest) => {
                    let (why, text) = rest.split_once('\n').unwrap_or((rest, ""));
                    (Some(why.to_owned()), text)
                }
                None => (None, text),
            };
            Case { arguments: arguments.to_owned(), differs, text: text.trim_end().to_owned() }
        })
        .collect();
    (head.to_owned(), cases)
}

/// Words as a shell splits them, with single and double quotes and no escapes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote, mut started) = (String::new(), None, false);
    for c in line.chars() {
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => word.push(c),
            None if c == '\'' || c == '"' => (quote, started) = (Some(c), true),
            None if c == ' ' => {
                if started || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                started = false;
            }
            None => word.push(c),
        }
    }
    if started || !word.is_empty() {
        words.push(word);
    }
    words
}

fn check(network: &str) {
    let tables = southbound(network);
    let path = folder(network).join("cases.txt");
    let text = fs::read_to_string(&path).expect("the cases are there");
    let (mut blessed, cases) = read_cases(&text);
    blessed.push('\n');
    let mut wrong = Vec::new();
    for case in cases {
        let Ok(Command::Trace(request)) = Command::parse(&words(&case.arguments)) else {
            panic!("{}: not a trace", case.arguments);
        };
        let ours = trace::trace(&tables, &request).text;
        let ours = ours.trim_end();
        if ours != case.text {
            wrong.push(format!("$ {}\n--- wanted\n{}\n--- got\n{ours}\n", case.arguments, case.text));
        }
        blessed.push_str(&format!("$ {}\n", case.arguments));
        let text = match case.differs {
            Some(why) => {
                blessed.push_str(&format!("differs: {why}\n"));
                ours
            }
            None => &case.text,
        };
        blessed.push_str(&format!("{text}\n\n"));
    }
    #[expect(clippy::disallowed_methods, reason = "a test may be told to write down what it sees")]
    if std::env::var("TRACE_BLESS").is_ok() {
        fs::write(&path, format!("{}\n", blessed.trim_end())).expect("the cases can be written");
    } else {
        assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
    }
}

#[test]
fn switches_of_upstreams_northd_are_traced_as_upstream_does() {
    check("l2");
}

#[test]
fn actions_do_what_they_do_upstream() {
    check("actions");
}

#[test]
fn routers_of_upstreams_northd_are_traced_as_upstream_does() {
    check("l3");
}

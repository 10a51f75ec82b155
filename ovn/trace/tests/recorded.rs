//! Recorded traces of real networks: ours must say what upstream's `ovn-trace` says.
//!
//! A network is a folder: `southbound.json` has the rows that upstream's northd made of `network.nbctl` and
//! `network.sbctl`, and `cases.txt` what upstream's `ovn-trace` says of them. Where ours differs, the
//! case says why. With `TRACE_BLESS=1` ours is written down for those cases.

mod network;

use network::{folder, southbound, words};
use std::fs;
use trace::Command;

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

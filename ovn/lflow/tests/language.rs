//! The tables of the language: each line of a `.lflow` file is an input and what comes of it.
//!
//! A line is `input => output`, an output that begins with `error: ` is an error. Lines that begin with
//! `##` are comments. To add cases, write `input =>` and run the tests with `LFLOW_BLESS=1`, then
//! read what was filled in.

use lflow::Pipeline;
use lflow::action::{self, Context};
use lflow::error::{Error, ErrorKind};
use lflow::expr::{self, Disjunct, Expr, Ports, Sets};
use lflow::lexer::{Format, Integer};
use std::path::Path;
use std::sync::Arc;

/// The sets and groups that the tables refer to.
struct World;

impl Sets for World {
    fn address_set(&self, name: &str) -> Option<Arc<Vec<Integer>>> {
        let set: Vec<Integer> = match name {
            "set1" => (1..=3).map(|i| Integer::new(0x0a00_0000 + i, Format::Ipv4)).collect(),
            "set2" => vec![Integer::masked(0x0102_0300, 0xffff_ff00, Format::Ipv4)],
            "set3" => vec![Integer::new(1, Format::Ethernet), Integer::new(2, Format::Ethernet)],
            "set4" => Vec::new(),
            "set5" => {
                vec![Integer::new(0x0102_0304, Format::Ipv4), Integer::new(0xfe80 << 112 | 1, Format::Ipv6)]
            }
            _ => return None,
        };
        Some(Arc::new(set))
    }

    fn port_group(&self, name: &str) -> Option<Arc<Vec<Arc<str>>>> {
        match name {
            "pg_empty" => Some(Arc::new(Vec::new())),
            "pg3" => Some(Arc::new(vec!["x".into()])),
            _ => None,
        }
    }
}

/// Ports `p1` to `p9` have the keys 1 to 9, and `p1` is resident.
impl Ports for World {
    fn key(&self, port: &str) -> Option<u32> {
        port.strip_prefix('p')?.parse().ok()
    }

    fn is_chassis_resident(&self, port: &str) -> bool {
        port == "p1"
    }
}

fn check(file: &str, translate: impl Fn(&str) -> Result<String, Error>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file);
    let table = std::fs::read_to_string(&path).expect("the table is there");
    let mut blessed = String::new();
    let mut wrong = Vec::new();
    for (i, line) in table.lines().enumerate() {
        if line.starts_with("##") || line.is_empty() {
            blessed.push_str(line);
            blessed.push('\n');
            continue;
        }
        let (input, wanted) = line.split_once(" =>").unwrap_or_else(|| panic!("{file}:{}: no ` =>'", i + 1));
        let got = match translate(input) {
            Ok(output) => output,
            Err(error) => {
                assert!(input.get(error.span.clone()).is_some(), "{input}: {error:?}");
                format!("error: {error}")
            }
        };
        blessed.push_str(format!("{input} => {got}").trim_end());
        blessed.push('\n');
        if got != wanted.trim() {
            wrong.push(format!("{file}:{}: {input}\n  wanted {}\n  got    {got}", i + 1, wanted.trim()));
        }
    }
    #[expect(clippy::disallowed_methods, reason = "a test may be told to write down what it sees")]
    if std::env::var("LFLOW_BLESS").is_ok() {
        std::fs::write(&path, blessed).expect("the table can be written");
    } else {
        assert!(wrong.is_empty(), "{} wrong lines:\n{}", wrong.len(), wrong.join("\n"));
    }
}

/// Expressions, and how they are printed once predicates are expanded and prerequisites added.
#[test]
fn expressions() {
    check("expressions.lflow", |input| {
        expr::parse(input, &World).map(|parsed| expr::annotate(parsed).to_string())
    });
}

/// Actions in table 10 of an ingress pipeline, how they are printed, and what they imply.
#[test]
fn actions() {
    let context = Context { pipeline: Pipeline::Ingress, table: 10 };
    check("actions.lflow", |input| {
        let parsed = action::parse(input, context)?;
        let printed = action::List(&parsed.actions).to_string();
        Ok(match parsed.prereqs {
            Expr::Boolean(true) => printed,
            prereqs => format!("{printed} if {prereqs}"),
        })
    });
}

/// The flows of a normal form, as tests of fields with `;` between the flows.
fn flows(normal: &[Disjunct]) -> Result<String, ErrorKind> {
    let mut id = 0;
    let matches = expr::to_matches(normal, &World, &mut || {
        id += 1;
        id
    })?;
    let mut lines: Vec<String> = matches
        .iter()
        .map(|flow| {
            let mut parts: Vec<String> = flow
                .matching
                .iter()
                .map(|test| match test.mask == test.field.full_mask() {
                    true => format!("{}={:#x}", test.field, test.value),
                    false => format!("{}={:#x}/{:#x}", test.field, test.value, test.mask),
                })
                .collect();
            parts.extend(
                flow.conjunctions
                    .iter()
                    .map(|c| format!("conjunction({},{}/{})", c.id, c.clause + 1, c.clauses)),
            );
            if parts.is_empty() { "any".to_owned() } else { parts.join(",") }
        })
        .collect();
    lines.sort();
    Ok(if lines.is_empty() { "none".to_owned() } else { lines.join("; ") })
}

/// Expressions and the OpenFlow matches that they become.
#[test]
fn matches() {
    check("matches.lflow", |input| {
        let error = |kind| Error::new(0..input.len(), kind);
        let annotated = expr::annotate(expr::parse(input, &World)?);
        let simple = expr::resolve_conditions(expr::simplify(annotated).map_err(error)?, &World);
        flows(&expr::normalize(&simple).map_err(error)?).map_err(error)
    });
}

//! Every action of the language in a table: how it is printed, what it implies, what it becomes in the switch, or
//! what is wrong with it and where.
//!
//! The tables are `actions/*.txt`, one a family. A case is the actions as they are written, after `>`; what comes of
//! them is below it:
//!
//! ```text
//! > ct_dnat(10.0.0.1, 80);
//!   prints: ct_dnat(10.0.0.1,80);                       (if it is not printed as it was written)
//!   implies: ip
//!   becomes: ct(commit,table=19,zone=...,nat(dst=10.0.0.1:80))
//!   group 1: type=select,...                            (for each group and meter that it needs)
//! > ct_next(both);
//!           ^^^^
//!   "ct_next" action accepts only "dnat" or "snat" parameter.
//! ```
//!
//! `@ router`, `@ egress` and the like say where the following cases stand. To add a case, write its first line and run
//! the test with `ACTIONS_BLESS=1`, then read what was filled in.

use controller::compile::{self, Environment, Features, Group, Meter, Resources};
use controller::tables;
use lflow::action::{self, Context, List};
use lflow::expr::{Expr, Ports};
use lflow::pipeline::Pipeline;
use openflow::{Actions, GroupDesc, GroupId, GroupKind, MeterId, PortNo};
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

/// Ports `p1` to `p9` have the keys 1 to 9, and `p1` is resident.
struct Names;

impl Ports for Names {
    fn key(&self, port: &str) -> Option<u32> {
        port.strip_prefix('p')?.parse().ok()
    }

    fn is_chassis_resident(&self, port: &str) -> bool {
        port == "p1"
    }
}

/// Numbers groups and meters in the order in which they are asked for, and writes them down.
#[derive(Default)]
struct Notes(RefCell<Vec<String>>);

impl Notes {
    fn add(&self, kind: &str, text: impl FnOnce(u32) -> String) -> u32 {
        let mut notes = self.0.borrow_mut();
        let number = notes.iter().filter(|note| note.starts_with(kind)).count() as u32 + 1;
        notes.push(format!("{kind} {number}: {}", text(number)));
        number
    }
}

impl Resources for Notes {
    fn datapath(&self) -> u32 {
        3
    }

    fn cookie(&self) -> u32 {
        0xaaaa_bbbb
    }

    fn group(&self, group: Group) -> Option<GroupId> {
        let Group { selection, buckets } = group;
        let number = self.add("group", |number| {
            let kind = GroupKind::Select;
            let group = GroupDesc { group: GroupId(number), kind, buckets, selection: Some(selection) };
            let text = group.to_string();
            text.split_once(',').map_or(String::new(), |(_, rest)| rest.to_owned())
        });
        Some(GroupId(number))
    }

    fn meter(&self, meter: Meter<'_>) -> Option<MeterId> {
        Some(MeterId(self.add("meter", |_| match meter {
            Meter::Named(name) => format!("{name:?}"),
            Meter::Own(own) => format!("{} kbps, burst {}", own.rate, own.burst),
        })))
    }

    fn has_collectors(&self, set: u32) -> bool {
        set == 1
    }

    fn tunnel_port(&self, port: &str) -> Option<PortNo> {
        (port != "p9").then_some(PortNo(11))
    }
}

/// Where the cases stand, and what the switch can do.
#[derive(Clone, Copy)]
struct Place {
    pipeline: Pipeline,
    table: u8,
    is_switch: bool,
    features: Features,
    controller_meter: Option<MeterId>,
}

impl Place {
    const DEFAULT: Self = Self {
        pipeline: Pipeline::Ingress,
        table: 10,
        is_switch: true,
        features: Features { ct_zero_snat: false, l4_symmetric_hash: false },
        controller_meter: None,
    };

    /// What a line `@ words` says.
    fn parse(words: &str) -> Self {
        let mut place = Self::DEFAULT;
        for word in words.split_whitespace() {
            match word {
                "switch" => {}
                "router" => place.is_switch = false,
                "egress" => place.pipeline = Pipeline::Egress,
                "last-table" => place.table = place.pipeline.tables() - 1,
                "all-features" => {
                    place.features = Features { ct_zero_snat: true, l4_symmetric_hash: true };
                }
                "controller-meter" => place.controller_meter = Some(MeterId(5)),
                other => panic!("{other} is no place"),
            }
        }
        place
    }
}

/// What comes of actions, as the lines below a case.
fn outcome(input: &str, place: Place) -> Vec<String> {
    let context = Context { pipeline: place.pipeline, table: place.table };
    let parsed = match action::parse(input, context) {
        Ok(parsed) => parsed,
        // The first line of an error is the text, which stands above it already.
        Err(error) => return error.render(input).lines().skip(1).map(str::to_owned).collect(),
    };
    let mut lines = Vec::new();
    let printed = List(&parsed.actions).to_string();
    assert_eq!(action::parse(&printed, context).as_ref(), Ok(&parsed), "{input} is printed as {printed}");
    if printed != input {
        lines.push(format!("prints: {printed}"));
    }
    if parsed.prereqs != Expr::Boolean(true) {
        lines.push(format!("implies: {}", parsed.prereqs));
    }
    let notes = Notes::default();
    let env = Environment {
        ports: &Names,
        resources: &notes,
        pipeline: place.pipeline,
        table: place.table,
        is_switch: place.is_switch,
        common_zone: tables::SNAT_ZONE,
        controller_meter: place.controller_meter,
        features: place.features,
    };
    match compile::actions(&parsed.actions, &env) {
        Ok(actions) => {
            let text = Actions(&actions).to_string();
            assert_eq!(openflow::parse_actions(&text).as_ref(), Ok(&actions), "{input} becomes {text}");
            lines.push(format!("becomes: {text}"));
        }
        Err(error) => lines.push(format!("fails: {error}")),
    }
    lines.extend(notes.0.into_inner());
    lines
}

/// Checks a table, or fills it in. A case is a line at the left margin; what belongs to it is indented.
fn check(path: &Path, wrong: &mut Vec<String>) {
    let table = fs::read_to_string(path).expect("the table is there");
    let mut blessed = String::new();
    let mut place = Place::DEFAULT;
    let mut lines = table.lines().peekable();
    while let Some(line) = lines.next() {
        blessed.push_str(line);
        blessed.push('\n');
        if let Some(words) = line.strip_prefix("@ ") {
            place = Place::parse(words);
        }
        let Some(input) = line.strip_prefix("> ") else { continue };
        let mut wanted = Vec::new();
        while let Some(below) = lines.next_if(|below| below.starts_with("  ")) {
            wanted.push(below[2..].to_owned());
        }
        let got = outcome(input, place);
        blessed.extend(got.iter().map(|below| format!("  {below}\n")));
        if got != wanted {
            let (wanted, got) = (wanted.join("\n"), got.join("\n"));
            wrong.push(format!("{}: {input}\nwanted\n{wanted}\ngot\n{got}\n", path.display()));
        }
    }
    #[expect(clippy::disallowed_methods, reason = "a test may be told to write down what it sees")]
    if std::env::var("ACTIONS_BLESS").is_ok() {
        fs::write(path, blessed).expect("the table can be written");
        wrong.clear();
    }
}

fn tables_of_actions() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/actions");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
}

#[test]
fn every_action_is_printed_and_encoded_as_the_tables_say() {
    let mut wrong = Vec::new();
    for path in tables_of_actions() {
        check(&path, &mut wrong);
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

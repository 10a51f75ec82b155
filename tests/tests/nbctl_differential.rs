//! Every verb of `ovn-nbctl`, right and wrong, as upstream's program (OVN 23.03) and ours do it.
//!
//! [`tests::differential`] describes the sessions, which are in `data/nbctl`. `data/nbctl.words` makes more commands, by
//! chance but the same in each run: lines of words, where `<NAME>` is one of the words of that name and `[WORD]` may be
//! left out.

#![allow(clippy::unwrap_used)] // A test stops where it fails.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use ctl::Program;
use tests::differential::{Client, play, play_all};
use tests::root;

const NBCTL: Client = Client {
    program: Program::Nbctl,
    schema: "/usr/share/ovn/ovn-nb.ovsschema",
    socket: "ovnnb_db.sock",
    // Lines that upstream's `show` prints since 24.09 and 25.03, and the release compared with does not.
    later: &["        ipv6-lla: ", "        peer: "],
};

fn sessions() -> PathBuf {
    root().join("tests/tests/data/nbctl")
}

#[test]
fn every_session_is_as_upstreams_and_each_verb_is_done_and_refused_in_one() {
    let Some(played) = play_all(&NBCTL, &sessions()) else { return };
    let [never_done, never_refused] = played.missing(&NBCTL);
    assert_eq!((never_done, never_refused), (NEWER.to_vec(), NEWER.to_vec()));
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

#[test]
fn commands_by_chance() {
    let text = std::fs::read_to_string(root().join("tests/tests/data/nbctl.words")).unwrap();
    let words = Words::parse(&text);
    let mut chance = Chance(1);
    let mut session: String =
        text.lines().filter_map(|line| line.strip_prefix("! ")).map(|line| format!("{line}\n")).collect();
    for _ in 0..COMMANDS {
        writeln!(session, "~ {}", words.command(&mut chance)).unwrap();
    }
    play(&NBCTL, &session);
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

//! What actions become in the tables of `ovn/controller/tests/actions` is what Open vSwitch's `ovs-ofctl` takes.

#![allow(clippy::unwrap_used)] // A test stops where it fails.

use std::fs;

use lflow::expr::{self, NoSets, Ports};
use openflow::{FlowMod, Match};
use tests::process::{RunDir, run};
use tests::{need, root};

struct NoPorts;

impl Ports for NoPorts {
    fn key(&self, _: &str) -> Option<u32> {
        None
    }

    fn is_chassis_resident(&self, _: &str) -> bool {
        false
    }
}

/// A match of packets of which `implied` is true, `None` if there are none.
fn matching(implied: &str) -> Option<Match> {
    let annotated = expr::annotate(expr::parse(implied, &NoSets).unwrap());
    let normal = expr::normalize(&expr::simplify(annotated).unwrap()).unwrap();
    let matches = expr::to_matches(&normal, &NoPorts, &mut || 1).unwrap();
    matches.into_iter().next().map(|found| found.matching)
}

/// The lists of actions in a line of a table: what a case becomes, or the buckets of a group.
fn action_lists(line: &str) -> Vec<&str> {
    if let Some(actions) = line.strip_prefix("  becomes: ") {
        return vec![actions];
    }
    match line.strip_prefix("  group ") {
        Some(group) => {
            group.split(",bucket=").filter_map(|bucket| Some(bucket.split_once("actions=")?.1)).collect()
        }
        None => Vec::new(),
    }
}

#[test]
fn open_vswitch_takes_what_every_action_becomes() {
    let Some(ofctl) = need("ovs-ofctl") else { return };
    let (mut flows, mut cases) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(root().join("ovn/controller/tests/actions")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let (mut case, mut implied) = ("", Some(Match::any()));
        for line in text.lines() {
            if let Some(input) = line.strip_prefix("> ") {
                (case, implied) = (input, Some(Match::any()));
            } else if let Some(text) = line.strip_prefix("  implies: ") {
                implied = matching(text);
            }
            // Observation points from a field are newer than the peer.
            let Some(implied) = implied.as_ref().filter(|_| !line.contains("obs_point_id=NXM")) else {
                continue;
            };
            for actions in action_lists(line) {
                let actions = openflow::parse_actions(actions).unwrap();
                flows.push(FlowMod::add(8, 1, implied.clone(), actions, 0).to_string());
                cases.push(case.to_owned());
            }
        }
    }
    assert!(flows.len() > 200, "{} flows", flows.len());
    let dir = RunDir::default();
    fs::write(dir.path("flows.txt"), flows.join("\n")).unwrap();
    let mut parse = dir.peer(&ofctl);
    parse.args(["-O", "OpenFlow15", "parse-flows"]).arg(dir.path("flows.txt"));
    let outcome = run(parse);
    let number = outcome.stderr.split(':').filter_map(|part| part.parse::<usize>().ok()).next();
    let refused = number.map(|number| (&cases[number - 1], &flows[number - 1]));
    assert_eq!(outcome.code, Some(0), "{}: {refused:?}", outcome.stderr);
}

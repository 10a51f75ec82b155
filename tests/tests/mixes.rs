//! Which parts can be swapped with upstream's: every scenario with every mix of parts, and the README's table of it.

#![allow(clippy::unwrap_used)] // A test stops where it fails.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use tests::lab::Labs;
use tests::{need, need_root, root};

/// Upstream's in place of ours, by the README's name of the mix.
const MIXES: [(&str, &[&str]); 8] = [
    ("nothing", &[]),
    ("`ovsdb-server`", &["ovsdb-server"]),
    ("`ovn-northd`", &["ovn-northd"]),
    ("`ovn-controller`", &["ovn-controller"]),
    ("`ovs-vswitchd`", &["ovs-vswitchd"]),
    ("northd, controller", &["ovn-northd", "ovn-controller"]),
    ("databases, switch", &["ovsdb-server", "ovs-vswitchd"]),
    ("all four", &["ovsdb-server", "ovn-northd", "ovn-controller", "ovs-vswitchd"]),
];

/// The roles of which upstream's part would have to do what it does not do, by scenario.
const ONLY_OURS: [(&str, &[&str]); 8] = [
    ("quickstart", &[]),
    ("routers", &[]),
    ("arp", &[]),
    // 23.03 does not write down which neighbours are in use.
    ("arp-expiry", &["ovn-northd", "ovn-controller"]),
    ("dhcp", &[]),
    ("dns", &[]),
    ("ra", &[]),
    ("acl", &[]),
];

/// Scenarios of which our northd does not do all yet.
const ONLY_THEIRS: [&str; 2] = ["nat", "load-balancer"];

/// Labs of one mix that run beside each other, and two mixes do: they mostly wait.
const JOBS: &str = "4";

/// Whether a scenario is tried with a mix.
fn is_tried(scenario: &str, roles: &[&str]) -> bool {
    let only_ours = ONLY_OURS.iter().find(|(name, _)| *name == scenario).map_or(&[][..], |(_, only)| only);
    let is_ready = !ONLY_THEIRS.contains(&scenario) || roles.contains(&"ovn-northd");
    is_ready && !roles.iter().any(|role| only_ours.contains(role))
}

/// All scenarios, in the order of the README.
fn scenarios() -> impl Iterator<Item = &'static str> {
    ONLY_OURS.iter().map(|(name, _)| *name).chain(ONLY_THEIRS)
}

/// The scenarios that passed with a mix, of those that are tried. None where upstream's parts are not there.
fn passed(labs: &Labs, roles: &[&str]) -> Option<Vec<String>> {
    let file = format!("{}.json", roles.join("+"));
    let mut args: Vec<String> = ["test", "-j", JOBS, "--json", &file].map(str::to_owned).to_vec();
    for role in roles {
        args.extend(["--use".to_owned(), format!("{role}={}", need(role)?.display())]);
    }
    let tried = scenarios().filter(|name| is_tried(name, roles));
    args.extend(tried.map(|name| format!("scenarios/{name}.yaml")));
    let ran = labs.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    println!("{}{}", ran.stdout, ran.stderr);
    let report: Value = serde_json::from_slice(&fs::read(labs.path(&file)).unwrap()).unwrap();
    let reports = report["reports"].as_array().unwrap().iter();
    let name = |report: &Value| {
        let file = report["file"].as_str().unwrap().to_owned();
        file.trim_start_matches("scenarios/").trim_end_matches(".yaml").to_owned()
    };
    Some(reports.filter(|report| report["outcome"] == "passed").map(name).collect())
}

/// The README's table of results.
fn table(passed: &BTreeMap<&str, Vec<String>>) -> String {
    let names = MIXES.map(|(name, _)| name).join(" | ");
    let mut text = format!("| scenario | {names} |\n|---|{}\n", "---|".repeat(MIXES.len()));
    for scenario in scenarios() {
        let cell = |(mix, roles): &(&str, &[&str])| match is_tried(scenario, roles) {
            true if passed[mix].iter().any(|name| name == scenario) => "yes",
            true => "no",
            false => "–",
        };
        text += &format!("| `{scenario}.yaml` | {} |\n", MIXES.each_ref().map(cell).join(" | "));
    }
    text
}

#[test]
fn the_readme_says_which_mixes_pass() {
    let programs = ["ip", "python3"];
    // A peer's switch needs tap devices, which only root can make everywhere.
    if !need_root() || programs.iter().any(|program| need(program).is_none()) {
        return;
    }
    let labs = Labs::default();
    let some = |mixes: &[(&'static str, &[&str])]| -> Option<Vec<_>> {
        mixes.iter().map(|(name, roles)| Some((*name, passed(&labs, roles)?))).collect()
    };
    let (first, second) = MIXES.split_at(MIXES.len() / 2);
    let results = std::thread::scope(|scope| {
        let first = scope.spawn(|| some(first));
        let second = some(second);
        Some([first.join().unwrap()?, second?].concat())
    });
    let Some(results) = results else { return };
    let results: BTreeMap<&str, Vec<String>> = results.into_iter().collect();
    let table = table(&results);
    assert!(!table.contains("| no |"), "what is tried passes:\n{table}");
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains(&format!("\n\n{table}\n")), "the README says otherwise than:\n\n{table}");
    labs.wait_until_gone();
}

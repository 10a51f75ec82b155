//! Scenarios in virtual time: the same files as in namespaces, the same events for the same seed.

#![allow(clippy::unwrap_used)] // A test stops where it fails.

use std::fs;

use tests::lab::Labs;
use tests::process::run;
use tests::root;
use tests::scale::{self, Layout, SCENARIO};

/// A topology and a scenario on a bad fabric, where much depends on chance.
const LOSSY: &str = "\
version: 1
name: lossy
topology: two-chassis
steps:
  - link: {at: [hv1, hv2], set: {loss: 10%, delay: 2ms, jitter: 1ms, duplicate: 5%, reorder: 5%}}
  - flood-ping: {from: vm1, to: vm3, max-lost: 1000, during: [{wait: {for: 500ms}}]}
  - broadcast: {from: vm2, reaches: vm1}
  - kill: {on: hv1, daemon: ovn-controller}
  - restart: {on: hv1, daemon: ovn-controller}
  - restart: {on: hv2, daemon: ovs-vswitchd}
  - nbctl: --wait=hv sync
  - link: {at: [hv1, hv2], set: {}}
  - ping: {from: vm1, to: vm3}
";

fn topology(labs: &Labs) {
    fs::copy(root().join("topologies/two-chassis.yaml"), labs.path("two-chassis.yaml")).unwrap();
}

/// Plays one of the scenarios, which has so many steps; what it says.
#[track_caller]
fn passes(scenario: &str, steps: usize) -> String {
    let labs = Labs::default();
    let file = root().join("scenarios").join(scenario);
    let outcome = run(labs.sandbox(&["test", "--backend", "sim", file.to_str().unwrap()]));
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.stdout, outcome.stderr);
    assert!(outcome.stdout.contains(&format!("passed: {steps} steps")), "{}", outcome.stdout);
    outcome.stdout
}

#[test]
fn quickstart_passes_in_virtual_time() {
    passes("quickstart.yaml", 27);
}

#[test]
fn guests_are_served_in_virtual_time() {
    passes("dhcp.yaml", 18);
    passes("dns.yaml", 14);
    passes("ra.yaml", 22);
    passes("arp.yaml", 21);
    passes("newer-services.yaml", 7);
}

#[test]
fn what_makes_no_sense_keeps_nobody_from_being_served_in_virtual_time() {
    passes("malformed.yaml", 63);
}

#[test]
fn a_thousand_neighbours_age_in_virtual_time() {
    let said = passes("arp-expiry.yaml", 27);
    assert!(said.contains("500 known, 500 forgotten; "), "{said}");
}

#[test]
fn daemons_and_schemas_are_replaced_in_virtual_time() {
    let said = passes("upgrade.yaml", 26);
    assert!(said.contains("rolled back") && said.contains("from 7.20.0 to 7.19.0"), "{said}");
}

#[test]
fn many_chassis_converge_in_virtual_time() {
    let labs = Labs::default();
    fs::write(labs.path("ping.yaml"), SCENARIO).unwrap();
    for layout in [Layout::Flat, Layout::Racks] {
        fs::write(labs.path("scale.yaml"), scale::topology(layout, 20, 3)).unwrap();
        let outcome = run(labs.sandbox(&["test", "--backend", "sim", "ping.yaml"]));
        assert_eq!(outcome.code, Some(0), "{layout:?}: {}{}", outcome.stdout, outcome.stderr);
    }
}

/// Each run is a process of its own, whose maps have other seeds for their hashes.
#[test]
fn one_seed_gives_one_log() {
    let labs = Labs::default();
    topology(&labs);
    fs::write(labs.path("lossy.yaml"), LOSSY).unwrap();
    let events = |seed: &str, file: &str| {
        let arguments = ["test", "--backend", "sim", "--seed", seed, "--events", file, "lossy.yaml"];
        let outcome = run(labs.sandbox(&arguments));
        assert_eq!(outcome.code, Some(0), "{}{}", outcome.stdout, outcome.stderr);
        fs::read_to_string(labs.path(file)).unwrap()
    };
    let first = events("7", "first");
    assert!(first.lines().count() > 1000, "{} events", first.lines().count());
    for again in ["second", "third"] {
        let same = events("7", again);
        let differs = first.lines().zip(same.lines()).find(|(one, other)| one != other);
        assert_eq!((differs, same.len()), (None, first.len()));
    }
    assert_ne!(events("8", "other"), first, "another seed, another world");
}

/// A router that knows nobody of a crowd, and one that is given too little time to forget the silent ones.
#[test]
fn a_crowd_that_is_not_known_as_it_should_be_is_told() {
    let labs = Labs::default();
    fs::copy(root().join("topologies/routed.yaml"), labs.path("routed.yaml")).unwrap();
    let crowd =
        "{at: vm4, hosts: 4, ip: 10.0.1.100, mac: 0e:00:00:00:00:00, gateway: 10.0.1.1, port: lr0-sw1";
    let during = "to: vm1, every: 1s, during: [{clock: {advance: 9s}}]";
    let cases = [
        ("30", "talking: 2", "expected everybody who is silent to be forgotten"),
        ("1", "talking: 0, writes-max: 3", "expected at most 3 rows to be written"),
    ];
    for (age, more, complaint) in cases {
        let steps = format!(
            "\
version: 1
name: crowd
topology: routed
steps:
  - nbctl: --wait=hv set Logical_Router lr0 options:mac_binding_age_threshold={age}
  - crowd: {crowd}, {more}, {during}}}
"
        );
        fs::write(labs.path("crowd.yaml"), steps).unwrap();
        let outcome = run(labs.sandbox(&["test", "--backend", "sim", "crowd.yaml"]));
        assert_eq!(outcome.code, Some(1), "{}{}", outcome.stdout, outcome.stderr);
        assert!(outcome.stdout.contains(complaint), "no {complaint:?} in\n{}", outcome.stdout);
    }
}

#[test]
fn what_is_not_simulated_is_refused_before_anything_runs() {
    let labs = Labs::default();
    topology(&labs);
    let steps = "\
version: 1
name: real things
topology: two-chassis
steps:
  - exec: {on: vm1, do: ip link}
  - capture: {name: c, at: 'hv1:uplink'}
  - ping: {from: hv1, to: hv2}
  - restart: {on: hv1, daemon: ovsdb-server}
";
    fs::write(labs.path("real.yaml"), steps).unwrap();
    let outcome = run(labs.sandbox(&["test", "--backend", "sim", "real.yaml"]));
    assert_eq!(outcome.code, Some(4), "{}{}", outcome.stdout, outcome.stderr);
    for complaint in [
        "exec is not simulated: there are no processes",
        "real.yaml:5:5",
        "nothing is seen at hv1:uplink in sim",
        "real.yaml:6:28",
        "there is no such node here: hv1",
        "real.yaml:7:18",
        "restart is not simulated: its databases live in memory",
        "real.yaml:8:5",
    ] {
        assert!(outcome.stderr.contains(complaint), "no {complaint:?} in\n{}", outcome.stderr);
    }
    let outcome = run(labs.sandbox(&["test", "--seed", "1", "real.yaml"]));
    assert!(outcome.stderr.contains("expected --backend sim"), "{}", outcome.stderr);
}

#[test]
fn time_goes_by_at_once_and_traffic_is_counted() {
    let labs = Labs::default();
    topology(&labs);
    let steps = "\
version: 1
name: traffic
topology: two-chassis
steps:
  - clock: {advance: 300s}
  - traffic: {from: vm1, to: vm3, during: [{clock: {advance: 2s}}]}
  - arp-entry: {port: lr0-sw0, ip: 10.0.0.1, absent: true, for: 60s}
  - link: {at: hv1, set: {loss: 5%}}
  - traffic: {from: vm1, to: vm3, rate: 100, max-lost: 3, during: [{clock: {advance: 2s}}]}
";
    fs::write(labs.path("traffic.yaml"), steps).unwrap();
    let outcome = run(labs.sandbox(&["test", "--backend", "sim", "traffic.yaml"]));
    assert_eq!(outcome.code, Some(1), "{}{}", outcome.stdout, outcome.stderr);
    for said in
        ["300000 ms", "2000 sent, 2000 arrived; 201 words came back", " for 60s ", "expected at most 3 lost"]
    {
        assert!(outcome.stdout.contains(said), "no {said:?} in\n{}", outcome.stdout);
    }
}

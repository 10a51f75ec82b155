//! Sessions of the programs as upstream's (OVN 23.03, Open vSwitch 3.1) printed them, played against our own database
//! server in memory.
//!
//! A session in `tests/data` is a text of commands with what they print:
//!
//! ```text
//! $ ovn-nbctl ls-list            a command; with ~ for $, its lines may come in any order
//! <uuid> (sw0)                   standard output; a dot is an empty line
//! ! ovn-nbctl: an error          standard error; of log lines, what follows the number
//! ? 1                            exit code, if not 0
//! ```
//! UUIDs are written `<uuid>`. `later.txt` lists what the schema of that time did not have. The sessions in `newer` are
//! of OVN at commit 2411e964d (2026-08-04), and of Open vSwitch at d6a632a9b (2026-07-23), with their own schemas.

#![allow(clippy::unwrap_used)] // A session that cannot be played stops the test where it is found.

mod world;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use world::{Printed, World, masked};

/// What a command printed, as sessions have it.
fn transcript(printed: &Printed) -> Vec<String> {
    let mut lines: Vec<String> = masked(&printed.out)
        .lines()
        .map(|line| if line.is_empty() { "." } else { line }.to_owned())
        .collect();
    lines.extend(masked(&printed.error).lines().map(|line| format!("! {line}")));
    if let Some(code) = printed.code.filter(|code| *code != 0) {
        lines.push(format!("? {code}"));
    }
    lines
}

#[track_caller]
fn play(name: &str) {
    play_with(name, &std::fs::read_to_string(data().join("later.txt")).unwrap());
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// Plays a session with our schema without what `later` lists.
#[track_caller]
fn play_with(name: &str, later: &str) {
    let session = std::fs::read_to_string(data().join(name).with_extension("session")).unwrap();
    let mut world = World::new(later);
    let mut wrong = String::new();
    let mut lines = session.lines().peekable();
    while let Some(line) = lines.next() {
        let (mark, command) = line.split_at(2);
        let mut expected = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with("$ ") && !line.starts_with("~ ")) {
            expected.push(line.to_owned());
        }
        let mut found = transcript(&world.run(command));
        if mark == "~ " {
            expected.sort();
            found.sort();
        }
        if found != expected {
            writeln!(
                wrong,
                "$ {command}\nexpected\n  {}\nfound\n  {}",
                expected.join("\n  "),
                found.join("\n  ")
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn bonds_and_their_interfaces() {
    play("bonds");
}

#[test]
fn acls_quality_of_service_and_meters() {
    play_with("newer/acl_qos", "");
}

#[test]
fn load_balancers() {
    play_with("newer/balancers", "");
}

#[test]
fn translations() {
    play_with("newer/nat", "");
}

#[test]
fn verbs_of_newer_upstream() {
    play_with("newer/nbctl", "");
}

#[test]
fn dhcp_groups_mirrors_and_more() {
    play_with("newer/others", "");
}

#[test]
fn routing_policies() {
    play_with("newer/policies", "");
}

#[test]
fn routers_and_their_ports() {
    play_with("newer/routers", "");
}

#[test]
fn static_routes() {
    play_with("newer/routes", "");
}

#[test]
fn limits_of_zones() {
    play_with("newer/zones", "");
}

#[test]
fn bridges_and_their_ports() {
    play("bridges");
}

#[test]
fn chassis_and_bindings() {
    play("chassis");
}

#[test]
fn remotes_and_keys() {
    play("connections");
}

#[test]
fn logical_flows() {
    play("flows");
}

#[test]
fn tables_in_all_formats() {
    play("formats");
}

#[test]
fn rows_listed_and_found() {
    play("lists");
}

#[test]
fn switches_named_by_others() {
    play("names");
}

#[test]
fn command_lines_that_are_wrong() {
    play("options");
}

#[test]
fn addresses_and_types_of_ports() {
    play("ports");
}

#[test]
fn rows_created_and_destroyed() {
    play("records");
}

#[test]
fn sets_and_maps_changed() {
    play("sets");
}

#[test]
fn switches_and_their_ports() {
    play("switches");
}

#[test]
fn values_as_they_are_written() {
    play("values");
}

#[test]
fn rows_that_become_flows() {
    play("vflows");
}

#[test]
fn zones_and_their_timeouts() {
    play("zones");
}

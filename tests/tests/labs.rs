//! Scenarios and labs as users run them: as root and not, with our programs and with the peers', ended politely and killed.
#![allow(clippy::unwrap_used)] // A test stops where it fails.
#![allow(clippy::disallowed_methods)] // Labs run in real time.

use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::time::Duration;

use tests::lab::Labs;
use tests::process::run;
use tests::{need, need_root, wait_for};

const QUICKSTART: &str = "scenarios/quickstart.yaml";

/// Somebody without rights: nobody, on every Linux system.
const NOBODY: u32 = 65_534;

#[test]
fn quickstart_passes() {
    if !need_root() {
        return;
    }
    let labs = Labs::default();
    let report = labs.path("report.json");
    let junit = labs.path("report.xml");
    let shown = labs.ok(&[
        "test",
        QUICKSTART,
        "--json",
        report.to_str().unwrap(),
        "--junit",
        junit.to_str().unwrap(),
    ]);
    assert!(shown.contains("passed"), "{shown}");
    let report: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    assert!(report.to_string().contains("quickstart"));
    assert!(std::fs::read_to_string(junit).unwrap().contains("<testsuite"));
    labs.wait_until_gone();
}

#[test]
fn quickstart_passes_for_an_ordinary_user() {
    if !need_root() {
        return;
    }
    let labs = Labs::default();
    let mut command = labs.sandbox(&["test", QUICKSTART]);
    command.uid(NOBODY).gid(NOBODY).env("HOME", labs.path(""));
    let outcome = run(command);
    assert_eq!(outcome.code, Some(0), "{}\n{}", outcome.stdout, outcome.stderr);
    labs.wait_until_gone();
}

/// The quickstart with one of the peer's programs in place of ours.
fn swapped(role: &str) {
    let Some(program) = need(role) else { return };
    if !need_root() {
        return;
    }
    let labs = Labs::default();
    labs.ok(&["test", QUICKSTART, "--use", &format!("{role}={}", program.display())]);
}

#[test]
fn quickstart_passes_with_debians_ovsdb_server() {
    swapped("ovsdb-server");
}

#[test]
fn quickstart_passes_with_debians_ovn_nbctl() {
    swapped("ovn-nbctl");
}

#[test]
fn quickstart_passes_with_debians_ovs_vswitchd_under_our_controller() {
    swapped("ovs-vswitchd");
}

#[test]
fn quickstart_passes_with_debians_ovn_northd() {
    swapped("ovn-northd");
}

#[test]
fn quickstart_passes_with_debians_ovs_vsctl() {
    swapped("ovs-vsctl");
}

#[test]
fn several_labs_run_side_by_side() {
    if !need_root() {
        return;
    }
    let labs = Labs::default();
    for copy in ["a.yaml", "b.yaml", "c.yaml"] {
        std::fs::copy(labs.path(QUICKSTART), labs.path("scenarios").join(copy)).unwrap();
    }
    labs.ok(&["test", "-j", "3", "scenarios/a.yaml", "scenarios/b.yaml", "scenarios/c.yaml"]);
    labs.wait_until_gone();
}

#[test]
fn our_tools_and_the_real_ones_work_inside_a_lab() {
    if !need_root() {
        return;
    }
    let labs = Labs::default();
    labs.ok(&["up", "topologies/two-chassis.yaml"]);
    let exec = |node: &str, words: &[&str]| labs.ok(&[&["exec", node, "--"], words].concat());
    assert!(
        exec("vm1", &["ls", "/sys/class/net"]).contains("eth0")
            || !exec("vm1", &["ls", "/sys/class/net"]).is_empty()
    );
    let ours: [(&str, &[&str], &str); 5] = [
        ("central", &["ovn-nbctl", "show"], "port vm3"),
        ("central", &["ovn-sbctl", "show"], "Chassis hv2"),
        ("hv1", &["ovs-vsctl", "show"], "Bridge br-int"),
        ("central", &["ovn-trace", "--minimal", "sw0", TRACED], "output(\"vm3\")"),
        ("hv1", &["ovs-appctl", "-t", "ovs-vswitchd", "dpif/show"], "br-int"),
    ];
    for (node, words, expected) in ours {
        let shown = exec(node, words);
        assert!(shown.contains(expected), "{words:?}: {shown}");
    }
    let theirs: [(&str, &str, &[&str], &str); 6] = [
        ("ovn-nbctl", "central", &["show"], "port vm3"),
        ("ovn-sbctl", "central", &["show"], "Port_Binding vm3"),
        ("ovsdb-client", "central", &["list-dbs", "unix:/run/lab/central/ovnnb_db.sock"], "OVN_Northbound"),
        ("ovs-vsctl", "hv1", &["get", "interface", "vm1", "external_ids:iface-id"], "vm1"),
        ("ovs-ofctl", "hv1", &["dump-flows", "br-int"], "table=65"),
        ("ovs-appctl", "hv1", &["-t", "ovs-vswitchd", "version"], "ovs-vswitchd"),
    ];
    for (program, node, words, expected) in theirs {
        let Some(path) = need(program) else { return };
        let shown = exec(node, &[&[path.to_str().unwrap()], words].concat());
        // The newest tables are numbered higher than those of 23.03.
        let found = shown.contains(expected) || (program == "ovs-ofctl" && shown.contains("table=89"));
        assert!(found, "{program} {words:?}: {shown}");
    }
    assert!(labs.ok(&["ls"]).contains("two-chassis"));
    assert!(labs.ok(&["inspect", "--json"]).contains("\"ovs-vswitchd\""));
    assert!(labs.ok(&["logs", "hv1"]).contains("ovn-controller"));
    labs.ok(&["down", "two-chassis"]);
    assert!(!labs.ok(&["ls"]).contains("two-chassis"));
    labs.wait_until_gone();
}

const TRACED: &str = "inport == \"vm1\" && eth.src == 0a:00:00:00:00:01 && eth.dst == 0a:00:00:00:00:03";

#[test]
fn a_lab_killed_at_any_moment_leaves_nothing_behind() {
    if !need_root() {
        return;
    }
    let labs = Labs::default();
    let interfaces = || {
        let mut names: Vec<_> =
            std::fs::read_dir("/sys/class/net").unwrap().flatten().map(|e| e.file_name()).collect();
        names.sort();
        names
    };
    let before = interfaces();
    // From before its first process to long after it is up.
    for delay_ms in [0, 5, 10, 20, 40, 80, 120, 200, 400, 900] {
        let mut up = labs.sandbox(&["test", QUICKSTART]);
        let mut child = up.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        labs.wait_until_gone();
    }
    wait_for("the interfaces of before", Duration::from_secs(20), || {
        let now = interfaces();
        if now == before { Ok(()) } else { Err(format!("{now:?}")) }
    });
}

#[test]
fn the_supervisor_of_a_lab_takes_it_along() {
    if !need_root() {
        return;
    }
    let labs = Labs::default();
    labs.ok(&["up", "topologies/two-chassis.yaml"]);
    let card: serde_json::Value = {
        let text = std::fs::read_to_string(labs.path("labs/two-chassis/card.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let supervisor = i32::try_from(card["supervisor"].as_i64().unwrap()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(supervisor), nix::sys::signal::Signal::SIGKILL)
        .unwrap();
    labs.wait_until_gone();
    labs.ok(&["gc"]);
    assert!(!labs.path("labs/two-chassis").exists());
}

#[test]
fn mistakes_in_files_are_shown_with_their_place() {
    let labs = Labs::default();
    let good = std::fs::read_to_string(labs.path("topologies/two-chassis.yaml")).unwrap();
    let cases = [
        ("unknown key", good.replace("chassis:\n  hv1", "chasis:\n  hv1"), "chasis"),
        ("bad MAC", good.replace("mac: 0a:00:00:00:00:02", "mac: 0a:00:00:00:00:zz"), "0a:00:00:00:00:zz"),
        ("duplicate name", good.replace("  hv2: {", "  hv1: {"), "hv1"),
        ("one address twice", good.replace("172.31.0.2/24", "172.31.0.1/24"), "172.31.0.1"),
    ];
    for (what, text, named) in cases {
        assert_ne!(text, good, "{what}");
        let file = labs.path("topologies/bad.yaml");
        std::fs::write(&file, &text).unwrap();
        let outcome = labs.run(&["validate", "topologies/bad.yaml"]);
        assert_eq!(outcome.code, Some(4), "{what}: {outcome:?}");
        let line = 1 + text.lines().position(|line| line.contains(named)).unwrap();
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains("topologies/bad.yaml:"), "{what}: {said}");
        assert!(said.contains(named), "{what}: {said}");
        let lines: Vec<usize> =
            text.lines().enumerate().filter(|(_, l)| l.contains(named)).map(|(n, _)| n + 1).collect();
        assert!(
            lines.iter().any(|line| said.contains(&format!("bad.yaml:{line}:"))),
            "{what}, line {line}: {said}"
        );
    }
}

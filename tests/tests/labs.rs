//! Labs as users handle them: our tools and the real ones inside, and the end of one whose supervisor is killed.
#![allow(clippy::unwrap_used)] // A test stops where it fails.

use tests::lab::Labs;
use tests::{need, need_root};

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
        // By its bare name it is ours where we have it, and otherwise the host's.
        let bare = exec(node, &[&[program], words].concat());
        assert!(!bare.is_empty(), "{program} {words:?}");
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

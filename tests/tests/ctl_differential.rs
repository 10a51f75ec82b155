//! Every verb of `ovn-sbctl` and `ovs-vsctl` and every verb for any table, right and wrong, with all options and
//! formats, as upstream's programs (OVN 23.03, Open vSwitch 3.1) and ours do it.
//!
//! [`tests::differential`] describes the sessions.

use std::path::PathBuf;

use ctl::Program;
use tests::differential::{Client, play_all, verbs_without_session};
use tests::root;

const SBCTL: Client = Client {
    program: Program::Sbctl,
    schema: "/usr/share/ovn/ovn-sb.ovsschema",
    socket: "ovnsb_db.sock",
    later: &[],
};

const VSCTL: Client = Client {
    program: Program::Vsctl,
    schema: "/usr/share/openvswitch/vswitch.ovsschema",
    socket: "db.sock",
    later: &[],
};

fn folder(name: &str) -> PathBuf {
    root().join("tests/tests/data/ctl").join(name)
}

#[test]
fn every_session_of_sbctl_is_as_upstreams() {
    play_all(&SBCTL, &folder("sbctl"));
}

#[test]
fn every_session_of_vsctl_is_as_upstreams() {
    play_all(&VSCTL, &folder("vsctl"));
}

#[test]
fn every_verb_has_a_session() {
    assert_eq!(verbs_without_session(&SBCTL, &folder("sbctl")), [""; 0]);
    // They came after the release compared with.
    let newer = ["del-zone-limit", "list-zone-limits", "set-zone-limit"];
    assert_eq!(verbs_without_session(&VSCTL, &folder("vsctl")), newer);
}

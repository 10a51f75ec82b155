//! Every verb of `ovn-sbctl` and `ovs-vsctl` and every verb for any table, right and wrong, with all options and
//! formats, as upstream's programs (OVN 23.03, Open vSwitch 3.1) and ours do it.
//!
//! [`tests::differential`] describes the sessions.

use std::path::PathBuf;

use ctl::Program;
use tests::differential::{Client, play_all};
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
fn every_session_of_sbctl_is_as_upstreams_and_each_verb_is_done_and_refused_in_one() {
    let Some(played) = play_all(&SBCTL, &folder("sbctl")) else { return };
    assert_eq!(played.missing(&SBCTL), [[""; 0].to_vec(), Vec::new()]);
}

#[test]
fn every_session_of_vsctl_is_as_upstreams_and_each_verb_is_done_and_refused_in_one() {
    // They came after the release compared with; their session is `ovn/ctl/tests/data/newer/zones.session`.
    let newer = ["del-zone-limit", "list-zone-limits", "set-zone-limit"];
    let Some(played) = play_all(&VSCTL, &folder("vsctl")) else { return };
    assert_eq!(played.missing(&VSCTL), [newer.to_vec(), newer.to_vec()]);
}

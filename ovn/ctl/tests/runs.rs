//! Runs of the programs: what they send, what they wait for, how they end.

#![allow(clippy::unwrap_used)] // A world that cannot be built stops the test where it is found.

mod world;

use serde_json::json;
use std::time::Duration;
use world::{World, masked};

/// The operations that a command line sends, one a line, after others have been run.
#[track_caller]
fn sends(before: &[&str], line: &str) -> String {
    let mut world = World::new("");
    for line in ["ovn-nbctl init", "ovs-vsctl --no-wait init"].iter().chain(before) {
        assert_eq!(world.run(line).error, "", "{line}");
    }
    let operations = world.run(line).operations;
    let lines: Vec<String> = operations.iter().map(|operation| masked(&operation.to_string())).collect();
    lines.join("\n")
}

#[test]
fn a_port_is_added_without_touching_others() {
    insta::assert_snapshot!(sends(&["ovn-nbctl ls-add sw0"], "ovn-nbctl lsp-add sw0 p1"), @r#"
    {"mutations":[["ports","insert",["uuid","<uuid>"]]],"op":"mutate","table":"Logical_Switch","where":[["_uuid","==",["uuid","<uuid>"]]]}
    {"op":"insert","row":{"name":"p1"},"table":"Logical_Switch_Port","uuid":"<uuid>"}
    {"comment":"ovn-nbctl: ovn-nbctl lsp-add sw0 p1","op":"comment"}
    "#);
}

#[test]
fn a_port_is_taken_away_without_touching_others() {
    let before = ["ovn-nbctl ls-add sw0 -- lsp-add sw0 p1 -- lsp-add sw0 p2"];
    insta::assert_snapshot!(sends(&before, "ovn-nbctl lsp-del p1"), @r#"
    {"mutations":[["ports","delete",["uuid","<uuid>"]]],"op":"mutate","table":"Logical_Switch","where":[["_uuid","==",["uuid","<uuid>"]]]}
    {"comment":"ovn-nbctl: ovn-nbctl lsp-del p1","op":"comment"}
    "#);
}

#[test]
fn a_key_is_set_without_touching_others() {
    let before = ["ovn-nbctl ls-add sw0 -- set Logical_Switch sw0 other_config=a=1,b=2"];
    let line = "ovn-nbctl set Logical_Switch sw0 other_config:b=3 other_config:c=4 -- remove Logical_Switch sw0 other_config a";
    insta::assert_snapshot!(sends(&before, line), @r#"
    {"columns":["other_config"],"op":"wait","rows":[{"other_config":["map",[["a","1"],["b","2"]]]}],"table":"Logical_Switch","timeout":0,"until":"==","where":[["_uuid","==",["uuid","<uuid>"]]]}
    {"mutations":[["other_config","delete",["set",["a","b"]]],["other_config","insert",["map",[["b","3"],["c","4"]]]]],"op":"mutate","table":"Logical_Switch","where":[["_uuid","==",["uuid","<uuid>"]]]}
    {"comment":"ovn-nbctl: ovn-nbctl set Logical_Switch sw0 other_config:b=3 other_config:c=4 -- remove Logical_Switch sw0 other_config a","op":"comment"}
    "#);
}

#[test]
fn what_is_there_already_is_not_sent() {
    let before = ["ovn-nbctl ls-add sw0 -- set Logical_Switch sw0 other_config:a=1"];
    for line in [
        "ovn-nbctl --may-exist ls-add sw0",
        "ovn-nbctl set Logical_Switch sw0 other_config:a=1 name=sw0",
        "ovn-nbctl clear Logical_Switch sw0 external_ids",
        "ovn-nbctl set Logical_Switch sw0 name=x -- set Logical_Switch x name=sw0",
        "ovn-nbctl ls-add gone -- ls-del gone",
        "ovn-nbctl --wait=sb ls-list",
        "ovn-nbctl --dry-run ls-add sw1",
        "ovn-nbctl comment nothing",
    ] {
        assert_eq!(sends(&before, line), "", "{line}");
    }
}

#[test]
fn commands_of_a_line_are_one_transaction() {
    let line =
        "ovn-nbctl ls-add sw0 -- lsp-add sw0 p1 -- lsp-set-type p1 localport -- lsp-add sw0 p2 -- lsp-del p2";
    insta::assert_snapshot!(sends(&[], line), @r#"
    {"op":"insert","row":{"name":"sw0","ports":["uuid","<uuid>"]},"table":"Logical_Switch","uuid":"<uuid>"}
    {"op":"insert","row":{"name":"p1","type":"localport"},"table":"Logical_Switch_Port","uuid":"<uuid>"}
    {"comment":"ovn-nbctl: ovn-nbctl ls-add sw0 -- lsp-add sw0 p1 -- lsp-set-type p1 localport -- lsp-add sw0 p2 -- lsp-del p2","op":"comment"}
    "#);
}

#[test]
fn a_bridge_is_added_with_its_port() {
    insta::assert_snapshot!(sends(&[], "ovs-vsctl --no-wait add-br br0"), @r#"
    {"op":"insert","row":{"name":"br0","ports":["uuid","<uuid>"]},"table":"Bridge","uuid":"<uuid>"}
    {"op":"insert","row":{"name":"br0","type":"internal"},"table":"Interface","uuid":"<uuid>"}
    {"mutations":[["bridges","insert",["uuid","<uuid>"]]],"op":"mutate","table":"Open_vSwitch","where":[["_uuid","==",["uuid","<uuid>"]]]}
    {"op":"insert","row":{"interfaces":["uuid","<uuid>"],"name":"br0"},"table":"Port","uuid":"<uuid>"}
    {"comment":"ovs-vsctl: ovs-vsctl --no-wait add-br br0","op":"comment"}
    "#);
}

#[test]
fn the_row_of_the_database_is_made_by_whoever_comes_first() {
    let mut world = World::new("");
    let operations = world.run("ovn-nbctl ls-list").operations;
    let lines: Vec<String> = operations.iter().map(|operation| masked(&operation.to_string())).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"op":"wait","rows":[],"table":"NB_Global","timeout":0,"until":"==","where":[]}
    {"op":"insert","row":{},"table":"NB_Global","uuid":"<uuid>"}
    {"comment":"ovn-nbctl: ovn-nbctl ls-list","op":"comment"}
    "#);
    assert!(world.run("ovn-nbctl ls-list").operations.is_empty());
}

#[test]
fn waits_for_northd_when_asked_to() {
    let mut world = World::new("");
    let client = world.start("ovn-nbctl --wait=sb ls-add sw0 -- ls-list");
    world.pump();
    assert_eq!(masked(&world.printed(client).out), "<uuid> (sw0)\n", "output does not wait");
    assert_eq!(world.printed(client).code, None);
    world.run("ovn-nbctl set NB_Global . hv_cfg=1");
    assert_eq!(world.printed(client).code, None);
    world.run("ovn-nbctl set NB_Global . sb_cfg=1");
    assert_eq!(world.printed(client).code, Some(0));
}

#[test]
fn sync_waits_for_the_chassis_though_nothing_changes() {
    let mut world = World::new("");
    let client = world.start("ovn-nbctl --wait=hv --print-wait-time sync");
    world.pump();
    world.run("ovn-nbctl set NB_Global . sb_cfg=1 nb_cfg_timestamp=1010 sb_cfg_timestamp=1030");
    assert_eq!(world.printed(client).code, None);
    world.run("ovn-nbctl set NB_Global . hv_cfg=1 hv_cfg_timestamp=1070");
    assert_eq!(world.printed(client).code, Some(0));
    insta::assert_snapshot!(world.printed(client).out, @r#"
    Time spent on processing nb_cfg 1:
    	ovn-northd delay before processing:	10ms
    	ovn-northd completion:			20ms
    	ovn-controller(s) completion:		40ms
    "#);
}

#[test]
fn sync_without_wait_is_over_at_once() {
    let mut world = World::new("");
    assert_eq!(world.run("ovn-nbctl sync").code, Some(0));
    assert_eq!(world.run("ovn-nbctl get NB_Global . nb_cfg").out, "0\n");
}

#[test]
fn waits_for_the_switch_and_tells_what_it_could_not_set_up() {
    let mut world = World::new("");
    let client = world.start("ovs-vsctl add-br br0 -- add-port br0 p1 -- add-port br0 p2");
    world.pump();
    assert_eq!(world.printed(client).code, None);
    world.run("ovs-vsctl --no-wait set Interface p1 ofport=-1 error='\"no such device\"' -- set Interface p2 ofport=2");
    assert_eq!(world.printed(client).code, None);
    world.run("ovs-vsctl --no-wait set Open_vSwitch . cur_cfg=1");
    assert_eq!(world.printed(client).code, Some(0));
    insta::assert_snapshot!(world.printed(client).error, @r#"
    ovs-vsctl: Error detected while setting up 'p1': no such device.  See ovs-vswitchd log for details.
    ovs-vsctl: The default log directory is "/var/log/openvswitch".
    "#);
}

#[test]
fn wait_until_holds_back_the_whole_line() {
    let mut world = World::new("");
    let client = world
        .start("ovn-nbctl ls-add sw1 -- wait-until Logical_Switch sw0 other_config:ready=yes -- ls-list");
    world.pump();
    assert_eq!(world.printed(client).operations, Vec::<serde_json::Value>::new());
    world.run("ovn-nbctl ls-add sw0");
    assert_eq!(world.printed(client).code, None);
    world.run("ovn-nbctl set Logical_Switch sw0 other_config:ready=yes");
    assert_eq!(world.printed(client).code, Some(0));
    assert_eq!(masked(&world.printed(client).out), "<uuid> (sw0)\n<uuid> (sw1)\n");
}

#[test]
fn runs_again_on_new_rows_when_someone_was_faster() {
    let mut world = World::new("");
    world.run("ovn-nbctl ls-add sw0 -- set Logical_Switch sw0 other_config=a=1,b=2");
    let client = world
        .start("ovn-nbctl remove Logical_Switch sw0 other_config a -- get Logical_Switch sw0 other_config");
    // The rows have arrived, the transaction is on its way.
    while world.printed(client).operations.is_empty() {
        world.step();
    }
    world.hold(client, true);
    world.run("ovn-nbctl set Logical_Switch sw0 other_config:c=3");
    world.hold(client, false);
    world.pump();
    let printed = world.printed(client);
    assert_eq!((printed.code, printed.out.as_str()), (Some(0), "{b=\"2\", c=\"3\"}\n"));
    assert_eq!(world.run("ovn-nbctl get Logical_Switch sw0 other_config").out, "{b=\"2\", c=\"3\"}\n");
}

#[test]
fn gives_up_in_time() {
    let mut world = World::new("");
    let client = world.start("ovn-nbctl --timeout=5 wait-until Logical_Switch sw0");
    world.pump();
    world.pass(Duration::from_millis(4999));
    assert_eq!(world.printed(client).code, None);
    world.pass(Duration::from_millis(1));
    let printed = world.printed(client);
    assert_eq!(printed.code, Some(142));
    assert_eq!(printed.error, "fatal_signal|WARN|terminating with signal 14 (Alarm clock)\n");
}

#[test]
fn a_connection_that_is_refused_is_the_end() {
    let mut world = World::new("");
    let client = world.start_unconnected("ovn-nbctl --db=unix:/nowhere ls-list");
    world.refuse(client, "No such file or directory");
    let printed = world.printed(client);
    assert_eq!(printed.code, Some(1));
    assert_eq!(
        printed.error,
        "ovn-nbctl: unix:/nowhere: database connection failed (No such file or directory)\n"
    );

    let client = world.start_unconnected("ovs-vsctl --db=unix:/nowhere --retry list-br");
    world.refuse(client, "No such file or directory");
    assert_eq!(world.printed(client).code, None);
}

#[test]
fn rows_are_named_by_the_beginning_of_their_uuid() {
    let mut world = World::new("");
    let row = |uuid: &str, name: &str| json!({"op": "insert", "table": "Logical_Switch", "uuid": uuid, "row": {"name": name}});
    world.transact(
        "OVN_Northbound",
        &json!([
            row("aaaa1111-0000-4000-8000-000000000001", "one"),
            row("aaaa2222-0000-4000-8000-000000000002", "two"),
            row("abcd0000-0000-4000-8000-000000000003", "three"),
            row("abce0000-0000-4000-8000-000000000004", "abcd"),
            row("abcf0000-0000-4000-8000-000000000005", "two"),
        ]),
    );
    let cases = [
        ("aaaa1", "one", ""),
        ("AAAA1111-0000-4000-8000-000000000001", "one", ""),
        ("abcd0", "three", ""),
        ("abcd", "abcd", ""),
        ("aaa", "", "no row \"aaa\" in table Logical_Switch"),
        (
            "aaaa",
            "",
            "Logical_Switch contains 2 or more rows whose UUIDs begin with aaaa: at least \
             aaaa1111-0000-4000-8000-000000000001 and aaaa2222-0000-4000-8000-000000000002",
        ),
        ("two", "", "multiple rows in Logical_Switch match \"two\""),
        ("ABCD0000", "", "no row \"ABCD0000\" in table Logical_Switch"),
    ];
    for (name, found, error) in cases {
        let printed = world.run(&format!("ovn-nbctl get Logical_Switch {name} name"));
        let error = if error.is_empty() { String::new() } else { format!("ovn-nbctl: {error}\n") };
        assert_eq!((printed.out.trim_end(), printed.error), (found, error), "{name}");
    }
}

#[test]
fn columns_that_the_server_does_not_have_are_not_listed() {
    let mut world = World::new("OVN_Northbound Logical_Switch_Port peer");
    world.run("ovn-nbctl ls-add sw0 -- lsp-add sw0 p1");
    let listed = world.run("ovn-nbctl list Logical_Switch_Port").out;
    assert!(!listed.contains("peer") && listed.contains("port_security"), "{listed}");
}

#[test]
fn help_version_and_completion_are_printed_from_the_tables() {
    let mut world = World::new("");
    insta::assert_snapshot!("nbctl_help", world.run("ovn-nbctl --help").out);
    insta::assert_snapshot!("sbctl_help", world.run("ovn-sbctl --help").out);
    insta::assert_snapshot!("vsctl_help", world.run("ovs-vsctl --help").out);
    insta::assert_snapshot!("sbctl_page", ctl::manual::page(ctl::Program::Sbctl).1);
    assert!(world.run("ovs-vsctl --commands").out.contains("[--may-exist] ,add-br,!BRIDGE ?PARENT ?VLAN\n"));
    assert!(world.run("ovn-nbctl --options").out.contains("--timeout=ARG\n-t ARG\n"));
    assert!(world.run("ovn-nbctl --version").out.ends_with("\nDB Schema 7.19.0\n"));
}

#[test]
fn names_of_rows_complete_a_line() {
    let mut world = World::new("");
    world.run("ovn-nbctl ls-add sw0 -- lsp-add sw0 p0 -- lsp-add sw0 p1 -- lr-add r0 -- ls-add 'a b'");
    let mut complete = |line: &str| world.run(&format!("ovn-nbctl __complete '{line}'")).out;
    assert_eq!(complete("ovn-nbctl ls-del "), "sw0\n", "what would need quotes is left out");
    assert_eq!(complete("ovn-nbctl -t 5 lsp-del p"), "p0\np1\n");
    assert_eq!(complete("ovn-nbctl init -- lsp-get-type p1"), "p1\n");
    assert_eq!(complete("ovn-nbctl lr-del x"), "");
    assert_eq!(complete("ovn-nbctl get NB_Global "), ".\n");
    assert_eq!(complete("ovn-nbctl get Logical_Router "), "r0\n");
    assert!(complete("ovn-nbctl lr-d").starts_with("lr-del\t"));
    let count = world.run("ovn-nbctl --bare --columns=name list Logical_Switch").out.lines().count();
    assert_eq!(count, 3, "completion writes nothing");
}

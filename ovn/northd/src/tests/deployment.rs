//! What others see of a northd over time.

use std::time::Duration;

use ovsdb::{Datum, Str, Transaction, Uuid};
use schema::sb;
use serde_json::Value;

use crate::northd::{Db, Status};
use crate::tests::world::{World, without};

const NETWORK: &str = "ls-add sw0; lsp-add sw0 p1; lsp-set-addresses p1 \"00:00:00:00:00:01 10.0.0.1\"
    lsp-add sw0 p2; lsp-set-addresses p2 unknown; ls-add sw1; lsp-add sw1 q1; pg-set pg0 p1 q1; as-set as0 10.0.0.9";

fn cfg(world: &World) -> (i64, i64, i64) {
    let northbound = world.northbound();
    let row = northbound.nb_global.values().next().expect("there is one row");
    (row.nb_cfg, row.sb_cfg, row.hv_cfg)
}

#[test]
fn a_network_appears_in_one_transaction() {
    let mut world = World::new();
    world.take_sent(0, Db::Southbound);
    world.run(NETWORK);
    assert_eq!(world.take_sent(0, Db::Southbound).len(), 1);
    let mut lines = world.text();
    lines.retain(|line| !line.starts_with("flow"));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    datapath Some(1cefb671-5afc-58b9-9562-995dcc308b44) Some("logical-switch") 1 {"logical-switch": "1cefb671-5afc-58b9-9562-995dcc308b44", "name": "sw0"}
    datapath Some(6d2dc098-cc29-58ba-8410-1d93c14aa65d) Some("logical-switch") 2 {"logical-switch": "6d2dc098-cc29-58ba-8410-1d93c14aa65d", "name": "sw1"}
    group sw0 _MC_flood 32768 {"p1", "p2"}
    group sw0 _MC_flood_l2 32772 {"p1", "p2"}
    group sw0 _MC_unknown 32769 {"p2"}
    group sw1 _MC_flood 32768 {"q1"}
    group sw1 _MC_flood_l2 32772 {"q1"}
    names of options: 38 of DHCPv4, 7 of DHCPv6
    port group 1_pg0 {"p1"}
    port group 2_pg0 {"q1"}
    port sw0 "" p1 1 {"00:00:00:00:00:01 10.0.0.1"} {} {} {} None None []
    port sw0 "" p2 2 {"unknown"} {} {} {} None None []
    port sw1 "" q1 1 {} {} {} {} None None []
    set as0 {"10.0.0.9"}
    set pg0_ip4 {"10.0.0.1"}
    set pg0_ip6 {}
    set svc_monitor_mac {"0e:8e:d2:cb:d9:cc", "ba:d9:f5:ab:65:ac"}
    "#);
}

#[test]
fn a_switch_more_changes_the_groups_of_datapaths_and_not_the_flows() {
    let mut world = World::new();
    world.run(NETWORK);
    world.take_sent(0, Db::Southbound);
    world.run("ls-add sw2");
    let sent = world.take_sent(0, Db::Southbound);
    let word = |operation: &Value, key: &str| operation[key].as_str().unwrap_or_default().to_owned();
    // The name of the database and the assertion of the lock come first.
    let operations = sent[0].as_array().expect("parameters are an array").iter().skip(2);
    let operations: Vec<String> = operations
        .map(|operation| format!("{} {}", word(operation, "op"), word(operation, "table")))
        .collect();
    insta::assert_snapshot!(operations.join("\n"), @r"
    insert Datapath_Binding
    mutate Logical_DP_Group
    insert Logical_DP_Group
    update Logical_Flow
    ");
}

#[test]
fn sequence_numbers_arrive_when_what_belongs_to_them_has() {
    let mut world = World::new();
    world.run(&format!("{NETWORK}; sync"));
    assert_eq!(cfg(&world), (1, 1, 1), "without chassis there is nobody to wait for");
    world.chassis("hv1", "geneve", 0);
    world.chassis("hv2", "geneve", 0);
    world.run("sync");
    assert_eq!(cfg(&world), (2, 2, 0), "the new chassis have nothing yet");
    world.chassis("hv1", "geneve", 2);
    world.chassis("hv2", "geneve", 1);
    assert_eq!(cfg(&world), (2, 2, 1));
    world.chassis("hv2", "geneve", 2);
    assert_eq!(cfg(&world), (2, 2, 2));
    world.run("sync");
    world.chassis("hv1", "geneve", 3);
    world.chassis_gone("hv2");
    assert_eq!(cfg(&world), (3, 3, 3), "a chassis that is gone is not waited for");
    let southbound = world.southbound();
    assert_eq!(southbound.sb_global.values().next().map(|row| row.nb_cfg), Some(3));
}

#[test]
fn a_port_is_up_when_its_chassis_says_so() {
    let mut world = World::new();
    world.run(NETWORK);
    let up = |world: &World| {
        let northbound = world.northbound();
        northbound.logical_switch_port.values().find(|row| &*row.name == "p1").and_then(|row| row.up)
    };
    assert_eq!(up(&world), Some(false));
    world.chassis("hv1", "geneve", 0);
    world.bind("p1", "hv1");
    assert_eq!(up(&world), Some(true));
    world.chassis_gone("hv1");
    assert_eq!(up(&world), Some(false));
}

#[test]
fn a_requested_chassis_is_looked_up_when_it_comes() {
    let mut world = World::new();
    world.run(&format!("{NETWORK}; lsp-set-options p1 requested-chassis=hv1"));
    let requested = |world: &World| {
        let southbound = world.southbound();
        let row = southbound.port_binding.values().find(|row| &*row.logical_port == "p1").expect("bound");
        row.requested_chassis.and_then(|chassis| Some(southbound.chassis.get(&chassis)?.name.clone()))
    };
    assert_eq!(requested(&world), None);
    world.chassis("hv1", "geneve", 0);
    assert_eq!(requested(&world), Some(Str::from("hv1")));
    world.chassis_gone("hv1");
    assert_eq!(requested(&world), None);
}

#[test]
fn tunnel_keys_fit_into_vxlan_when_a_chassis_needs_that() {
    let mut world = World::new();
    world.run("ls-add sw0; ls-set sw0 requested-tnl-key=5000; lsp-add sw0 p1; lsp-set-options p1 requested-tnl-key=3000");
    let keys = |world: &World| {
        let southbound = world.southbound();
        let datapath = southbound.datapath_binding.values().next().map(|row| row.tunnel_key);
        (datapath, southbound.port_binding.values().next().map(|row| row.tunnel_key))
    };
    assert_eq!(keys(&world), (Some(5000), Some(3000)));
    world.chassis("hv1", "vxlan", 0);
    assert_eq!(keys(&world), (Some(1), Some(1)));
    let northbound = world.northbound();
    assert_eq!(&*northbound.nb_global.values().next().expect("one row").options["max_tunid"], "4095");
    world.chassis_gone("hv1");
    assert_eq!(keys(&world), (Some(5000), Some(3000)));
}

#[test]
fn what_others_break_is_repaired() {
    let mut world = World::new();
    world.run(NETWORK);
    let text = world.text();
    for table in [
        "Logical_Flow",
        "Multicast_Group",
        "Port_Binding",
        "Address_Set",
        "Port_Group",
        "RBAC_Role",
        "Datapath_Binding",
    ] {
        world.vandalize(table, 3);
        assert_eq!(world.text(), text, "{table}");
    }
    let group = world.southbound().multicast_group.values().next().cloned().expect("there are groups");
    let port = *group.ports.first().expect("groups have ports");
    world.transact("OVN_Southbound", &without("Multicast_Group", group.uuid, "ports", port));
    world.settle();
    assert_eq!(world.text(), text);
}

#[test]
fn what_was_learned_at_a_port_goes_with_it() {
    let mut world = World::new();
    world.run(NETWORK);
    world.learn("p2", "00:00:00:00:00:99");
    world.learn("p1", "00:00:00:00:00:98");
    assert_eq!(world.southbound().fdb.len(), 2);
    world.run("lsp-del p2");
    assert_eq!(world.southbound().fdb.len(), 1);
    world.run("ls-del sw0");
    assert_eq!(world.southbound().fdb.len(), 0);
}

#[test]
fn a_standby_takes_over_without_writing_anything() {
    let mut world = World::new();
    world.run(NETWORK);
    let standby = world.start(7);
    assert_eq!(world.northds[standby].northd.status(), Status::Standby);
    world.run("lsp-add sw1 q2; lsp-del p1; sync");
    assert!(world.northds[standby].sent.is_empty());
    let text = world.text();
    world.kill(0);
    assert_eq!(world.northds[0].northd.status(), Status::Active);
    assert_eq!(world.take_sent(0, Db::Southbound), Vec::<Value>::new());
    assert_eq!(world.text(), text);
    world.run("lsp-add sw0 p3; sync");
    assert_eq!(cfg(&world), (2, 2, 2));
    assert!(world.text().iter().any(|line| line.contains("p3")));
}

#[test]
fn a_lost_connection_leaves_nothing_undone() {
    for db in [Db::Northbound, Db::Southbound] {
        let mut world = World::new();
        world.run(NETWORK);
        world.write("lsp-add sw0 p9; sync");
        world.reconnect(0, db);
        assert!(world.text().iter().any(|line| line.starts_with("port sw0 \"\" p9")), "{db:?}");
        assert_eq!(cfg(&world), (1, 1, 1), "{db:?}");
    }
}

#[test]
fn a_paused_northd_writes_nothing_until_it_is_resumed() {
    let mut world = World::new();
    world.run(NETWORK);
    let text = world.text();
    world.northds[0].northd.pause(true);
    world.settle();
    assert_eq!(world.northds[0].northd.status(), Status::Paused);
    world.run("lsp-add sw0 p9; sync");
    assert_eq!((world.text(), cfg(&world).1), (text, 0));
    world.northds[0].northd.pause(false);
    world.settle();
    assert!(world.text().iter().any(|line| line.contains("p9")));
    assert_eq!(cfg(&world), (1, 1, 1));
}

#[test]
fn a_port_that_becomes_something_else_is_another_port() {
    let mut world = World::new();
    world.run(NETWORK);
    let uuid = |world: &World| {
        let southbound = world.southbound();
        southbound.port_binding.values().find(|row| &*row.logical_port == "p2").map(|row| row.uuid)
    };
    let (vif, _) = (uuid(&world), world.take_sent(0, Db::Southbound));
    world.run("lsp-set-type p2 localnet");
    let localnet = uuid(&world);
    assert_ne!(localnet, vif);
    assert!(world.text().contains(&"group sw0 _MC_flood 32768 {\"p1\", \"p2\"}".to_owned()));
    assert_eq!(world.take_sent(0, Db::Southbound).len(), 1, "groups name the new row at once");
    world.run("lsp-del p2; lsp-add sw1 p2; lsp-set-type p2 localnet");
    assert_ne!(uuid(&world), localnet, "so is one that goes elsewhere");
    assert!(world.text().contains(&"group sw1 _MC_flood 32768 {\"p2\", \"q1\"}".to_owned()));
    assert_eq!(world.take_sent(0, Db::Southbound).len(), 1);
}

#[test]
fn a_refused_transaction_is_tried_again_with_patience() {
    let mut schema = (**sb::schema()).clone();
    schema.tables.get_mut("Address_Set").expect("a table of the schema").max_rows = Some(2);
    let mut world = World::with_southbound(schema.into());
    world.run("as-set as0 10.0.0.1; as-set as1 10.0.0.1; ls-add sw0");
    world.take_sent(0, Db::Southbound);
    let tries = |world: &mut World, millis: u64| {
        world.now += Duration::from_millis(millis);
        world.settle();
        world.take_sent(0, Db::Southbound).len()
    };
    assert_eq!(tries(&mut world, 500), 0, "the first attempt was just now");
    assert_eq!(tries(&mut world, 600), 1);
    assert_eq!((tries(&mut world, 1900), tries(&mut world, 200)), (0, 1), "then it waits twice as long");
    world.chassis("hv1", "geneve", 0);
    assert_eq!(tries(&mut world, 100), 1, "somebody changed rows");
    world.rows.run("as-del as1");
    world.run("");
    assert_eq!(tries(&mut world, 40_000), 1);
    assert_eq!(world.southbound().datapath_binding.len(), 1);
}

/// OVN 23.03's would refuse the transaction with all that is in it.
#[test]
fn an_older_database_is_not_told_of_options_that_it_does_not_take() {
    let options = |world: &World| {
        let southbound = world.southbound();
        let has = |name: &str| southbound.dhcpv6_options.values().any(|row| &*row.name == name);
        (has("fqdn"), has("server_id"))
    };
    assert_eq!(options(&World::new()), (true, true));
    let mut schema = (**sb::schema()).clone();
    schema.tables.get_mut("Port_Binding").expect("a table").columns.remove("mirror_port");
    assert_eq!(options(&World::with_southbound(schema.into())), (false, true));
}

#[test]
fn what_another_northd_left_is_taken_over_or_deleted() {
    let mut world = World::new();
    world.kill(0);
    world.run(NETWORK);
    let southbound = [
        // A switch of ours under another UUID, with a tunnel key to be kept, and a router.
        (
            "Datapath_Binding",
            1,
            vec![("tunnel_key", Datum::scalar(77)), ("external_ids", world.switch_ids("sw0"))],
        ),
        ("Datapath_Binding", 2, vec![("tunnel_key", Datum::scalar(78))]),
        (
            "Port_Binding",
            3,
            vec![
                ("logical_port", Datum::scalar("p1")),
                ("datapath", Datum::scalar(Uuid::from_u128(1))),
                ("tunnel_key", Datum::scalar(99)),
            ],
        ),
        (
            "Port_Binding",
            4,
            vec![
                ("logical_port", Datum::scalar("lrp")),
                ("datapath", Datum::scalar(Uuid::from_u128(2))),
                ("tunnel_key", Datum::scalar(1)),
            ],
        ),
        ("DNS", 5, vec![("datapaths", Datum::scalar(Uuid::from_u128(1)))]),
        (
            "MAC_Binding",
            6,
            vec![("logical_port", Datum::scalar("lrp")), ("datapath", Datum::scalar(Uuid::from_u128(2)))],
        ),
        (
            "Logical_Flow",
            7,
            vec![
                ("logical_datapath", Datum::scalar(Uuid::from_u128(1))),
                ("pipeline", Datum::scalar("ingress")),
                ("match", Datum::scalar("1")),
            ],
        ),
    ];
    let mut transaction = Transaction::new();
    for (table, uuid, row) in southbound {
        let row = row.into_iter().map(|(column, value)| (Str::from(column), value)).collect();
        transaction.insert(table, Uuid::from_u128(uuid), row);
    }
    world.transact("OVN_Southbound", &transaction);
    world.start(1);
    let after = world.southbound();
    assert_eq!((after.dns.len(), after.mac_binding.len()), (0, 0));
    let keys = |world: &World| {
        let text = world.text();
        let lines = text.iter().filter(|line| line.starts_with("datapath") || line.starts_with("port sw"));
        lines.map(|line| line.split(" {").next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    insta::assert_snapshot!(keys(&world).join("\n"), @r#"
    datapath Some(1cefb671-5afc-58b9-9562-995dcc308b44) Some("logical-switch") 77
    datapath Some(6d2dc098-cc29-58ba-8410-1d93c14aa65d) Some("logical-switch") 1
    port sw0 "" p1 99
    port sw0 "" p2 1
    port sw1 "" q1 1
    "#);
    assert!(after.datapath_binding.contains_key(&Uuid::from_u128(1)), "the row stays");
}

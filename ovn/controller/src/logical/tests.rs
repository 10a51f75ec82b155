//! Logical flows, and what changes of rows make of them.

use crate::network::Unit;
use crate::tables::OfTable;
use crate::tests::lab::{Lab, On, uuid};

/// Ingress table 5.
const TABLES: [OfTable; 1] = [OfTable(13)];

fn lab() -> Lab {
    let mut lab = Lab::new();
    for (i, switch) in ["sw0", "sw1", "sw2"].into_iter().enumerate() {
        lab.switch(switch, i as i64 + 1);
        let port = format!("{switch}-p1");
        lab.port(switch, &port, 7, |_| {});
        lab.port(switch, &format!("{switch}-far"), 8, |_| {});
    }
    lab.interface("sw0-p1", Some(20));
    lab.interface("sw1-p1", Some(21));
    lab.step();
    lab
}

#[test]
fn names_become_keys() {
    let mut lab = lab();
    lab.flow(
        "f",
        "inport == \"sw0-p1\" && eth.dst == 00:00:00:00:00:02",
        "outport = \"sw0-far\"; output;",
        On::Switch("sw0"),
    );
    insta::assert_snapshot!(lab.show(&TABLES), @"table=13, priority=50,reg14=0x7,metadata=0x1,dl_dst=00:00:00:00:00:02 actions=set_field:0x8->reg15,resubmit(,52)");
}

#[test]
fn a_flow_that_names_an_unknown_port_waits_for_it() {
    let mut lab = lab();
    lab.flow("f", "inport == \"new\"", "next;", On::Switch("sw0"));
    assert_eq!(lab.show(&TABLES), "");
    insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.port("sw0", "new", 9, |_| {})), @"+ table=13, priority=50,reg14=0x9,metadata=0x1 actions=resubmit(,14)");
}

#[test]
fn a_flow_of_a_group_is_on_its_local_members() {
    let mut lab = lab();
    lab.datapath_group("g", &["sw0", "sw2"]);
    lab.flow("f", "ip4", "next;", On::Group("g"));
    insta::assert_snapshot!(lab.show(&TABLES), @"table=13, priority=50,ip,metadata=0x1 actions=resubmit(,14)");
    insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.interface("sw2-p1", Some(22))), @"+ table=13, priority=50,ip,metadata=0x3 actions=resubmit(,14)");
    insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.datapath_group("g", &["sw1", "sw2"])), @r"
    - table=13, priority=50,ip,metadata=0x1 actions=resubmit(,14)
    + table=13, priority=50,ip,metadata=0x2 actions=resubmit(,14)
    ");
}

#[test]
fn a_flow_about_a_port_of_another_chassis_is_left_out() {
    let mut lab = lab();
    lab.flow("f", "inport == \"sw0-far\"", "next;", On::SwitchWithPort("sw0", "sw0-far"));
    assert_eq!(lab.show(&TABLES), "");
    insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.interface("sw0-far", Some(23))), @"+ table=13, priority=50,reg14=0x8,metadata=0x1 actions=resubmit(,14)");
}

#[test]
fn variables_have_the_values_of_this_chassis() {
    let mut lab = lab();
    lab.flow("f", "ip4.dst == ^vip", "next(^to);", On::Switch("sw0"));
    lab.variables("hv2", &[("vip", "10.0.0.2"), ("to", "7")]);
    assert_eq!(lab.show(&TABLES), "");
    insta::assert_snapshot!(lab.complaints.join("\n"), @r#"
    Logical_Flow 4d03f7f6:
    next(^to);
         ^^^
    Syntax error at `^to' expecting "pipeline" or "table".
    "#);
    let ours = |lab: &mut Lab| lab.variables("hv1", &[("vip", "{10.0.0.1, 10.0.0.3}"), ("to", "6")]);
    insta::assert_snapshot!(lab.difference(&TABLES, ours), @r"
    + table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.1 actions=resubmit(,14)
    + table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.3 actions=resubmit(,14)
    ");
    let other = |lab: &mut Lab| lab.variables("hv1", &[("vip", "10.0.0.1"), ("to", "6"), ("x", "y")]);
    insta::assert_snapshot!(lab.difference(&TABLES, other), @"- table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.3 actions=resubmit(,14)");
    // Who names none of what changes is not computed anew.
    lab.flow("f", "1", "next;", On::Switch("sw0"));
    lab.step();
    lab.variables("hv1", &[]);
    assert_eq!(lab.step(), []);
}

#[test]
fn sets_against_sets_are_conjunctive() {
    let mut lab = lab();
    lab.address_set("a", &["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    lab.flow("f", "ip4.src == $a && ip4.dst == $a", "drop;", On::Switch("sw0"));
    insta::assert_snapshot!(lab.show(&TABLES), @r"
    table=13, priority=50,conj_id=1292040182,ip,metadata=0x1 actions=drop
    table=13, priority=50,ip,metadata=0x1,nw_src=10.0.0.1 actions=conjunction(1292040182,2/2)
    table=13, priority=50,ip,metadata=0x1,nw_src=10.0.0.2 actions=conjunction(1292040182,2/2)
    table=13, priority=50,ip,metadata=0x1,nw_src=10.0.0.3 actions=conjunction(1292040182,2/2)
    table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.1 actions=conjunction(1292040182,1/2)
    table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.2 actions=conjunction(1292040182,1/2)
    table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.3 actions=conjunction(1292040182,1/2)
    ");
    insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.address_set("a", &["10.0.0.1"])), @r"
    - table=13, priority=50,conj_id=1292040182,ip,metadata=0x1 actions=drop
    - table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.1 actions=conjunction(1292040182,1/2)
    - table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.2 actions=conjunction(1292040182,1/2)
    - table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.3 actions=conjunction(1292040182,1/2)
    - table=13, priority=50,ip,metadata=0x1,nw_src=10.0.0.1 actions=conjunction(1292040182,2/2)
    - table=13, priority=50,ip,metadata=0x1,nw_src=10.0.0.2 actions=conjunction(1292040182,2/2)
    - table=13, priority=50,ip,metadata=0x1,nw_src=10.0.0.3 actions=conjunction(1292040182,2/2)
    + table=13, priority=50,ip,metadata=0x1,nw_src=10.0.0.1,nw_dst=10.0.0.1 actions=drop
    ");
}

#[test]
fn a_mask_on_a_field_that_has_none_is_for_the_switch_to_refuse() {
    let mut lab = lab();
    lab.flow(
        "f",
        "ip.proto == 6/7 && ip4.src == {1.1.1.1, 1.1.1.2, 1.1.1.3} && reg0 == {1, 2, 3}",
        "drop;",
        On::Switch("sw0"),
    );
    let flows = lab.show(&TABLES);
    assert!(flows.contains("conj_id="), "{flows}");
}

#[test]
fn a_port_group_has_a_row_for_each_datapath_and_counts_the_ports_that_are_here() {
    let mut lab = lab();
    lab.datapath_group("g", &["sw0", "sw1", "sw2"]);
    lab.flow("f", "inport == @pg && ip4", "next;", On::Group("g"));
    let rows = |lab: &mut Lab| {
        lab.port_group("1_pg", &["sw0-p1", "sw0-far"]);
        lab.port_group("2_pg", &["sw1-p1"]);
    };
    insta::assert_snapshot!(lab.difference(&TABLES, rows), @r"
    + table=13, priority=50,ip,reg14=0x7,metadata=0x1 actions=resubmit(,14)
    + table=13, priority=50,ip,reg14=0x7,metadata=0x2 actions=resubmit(,14)
    ");
    insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.interface("sw0-far", Some(22))), @"+ table=13, priority=50,ip,reg14=0x8,metadata=0x1 actions=resubmit(,14)");
    insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.port_group("2_pg", &[])), @"- table=13, priority=50,ip,reg14=0x7,metadata=0x2 actions=resubmit(,14)");
}

/// `10.0.0.0` and the following ones.
fn addresses(count: u32) -> Vec<String> {
    (0..count).map(|i| std::net::Ipv4Addr::from_bits(0x0a00_0000 + i).to_string()).collect()
}

/// A conjunctive and a plain flow that use a set.
fn lab_with_set(members: &[&str]) -> Lab {
    let mut lab = lab();
    lab.flow("wide", "ip4.src == $a && tcp.dst == {80, 443}", "next;", On::Switch("sw0"));
    lab.flow("plain", "ip4.dst == $a", "drop;", On::Switch("sw1"));
    lab.address_set("a", members);
    lab.step();
    lab
}

#[test]
fn a_member_of_a_large_set_costs_one_member() {
    let all = addresses(10_000);
    let mut members: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut lab = lab_with_set(&members);
    let all = lab.flows.take_changes();
    lab.flows.installed(all);
    for other in ["192.168.0.1", "192.168.0.2"] {
        members.push(other);
        lab.address_set("a", &members);
        let ran = lab.step();
        assert!(
            matches!(ran[..], [Unit::SetChunk(_), Unit::SetChunkOn(..), Unit::SetChunkOn(..)]),
            "{ran:?}"
        );
        let changes = lab.flows.take_changes();
        assert_eq!(changes.len(), 2);
        lab.flows.installed(changes);
    }
    // One from the middle.
    members.remove(5_000);
    lab.address_set("a", &members);
    assert_eq!(lab.step().len(), 3);
    assert_eq!(lab.flows.take_changes().len(), 2);
}

#[test]
fn members_of_a_large_set_come_and_go() {
    let all = addresses(20);
    let members: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut lab = lab_with_set(&members);
    // A flow for each member of each, the ports, the conjunctive match.
    assert_eq!(lab.show(&TABLES).lines().count(), 2 * 20 + 2 + 1);
    insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.address_set("a", &members[1..])), @r"
    - table=13, priority=50,ip,metadata=0x2,nw_dst=10.0.0.0 actions=drop
    - table=13, priority=50,tcp,metadata=0x1,nw_src=10.0.0.0 actions=conjunction(1214941166,1/2)
    ");
    // A member that does not fit is said, and harms nobody else.
    let with_other_family = [&members[1..], &["fe80::1"]].concat();
    assert_eq!(lab.difference(&TABLES, |lab| lab.address_set("a", &with_other_family)), "");
    insta::assert_snapshot!(lab.complaints.join("\n"), @r"
    Logical_Flow 486b87ee: address set a: fe80::1: 128-bit constant is not compatible with 32-bit field ip4.src.
    Logical_Flow a202a064: address set a: fe80::1: 128-bit constant is not compatible with 32-bit field ip4.dst.
    ");
    // A new user of the set asks each chunk of members once.
    lab.flow("new", "ip4.dst == $a", "next;", On::Switch("sw0"));
    let ran = lab.step();
    let chunks = ran.iter().filter(|unit| matches!(unit, Unit::SetChunkOn(..))).count();
    assert_eq!(chunks, 2, "{ran:?}");
}

#[test]
fn a_set_that_becomes_large_or_small_means_the_same() {
    let mut lab = lab();
    lab.flow("f", "ip4.src == $a && ip4.dst == 10.9.9.9", "next;", On::Switch("sw0"));
    let all = addresses(40);
    let members: Vec<&str> = all.iter().map(String::as_str).collect();
    for count in [1, 15, 16, 40, 17, 15, 0] {
        lab.address_set("a", &members[..count]);
        assert_eq!(lab.show(&TABLES).lines().count(), count);
    }
}

#[test]
fn what_equal_actions_ask_for_is_each_flows_own() {
    let mut lab = lab();
    let sticky =
        "commit_lb_aff(vip = \"10.0.0.1:80\", backend = \"10.0.0.2:80\", proto = tcp, timeout = 30);";
    lab.flow("a flow", "ip4.dst == 10.0.0.1", sticky, On::Switch("sw0"));
    lab.flow("another flow", "ip4.dst == 10.0.0.4", sticky, On::Switch("sw0"));
    let flows = lab.show(&TABLES);
    for cookie in ["a flow", "another flow"].map(|flow| uuid("Logical_Flow", flow).first_u32()) {
        assert_eq!(flows.matches(&format!("cookie={cookie:#x}")).count(), 1, "{flows}");
    }
    // The same text in one row, for two datapaths.
    lab.datapath_group("both", &["sw0", "sw1"]);
    lab.flow("a flow", "ip4.dst == 10.0.0.1", "outport = \"sw0-p1\"; next;", On::Group("both"));
    lab.flow("another flow", "ip4.dst == 10.0.0.4", "next;", On::Group("both"));
    insta::assert_snapshot!(lab.show(&TABLES), @r"
    table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.1 actions=set_field:0x7->reg15,resubmit(,14)
    table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.4 actions=resubmit(,14)
    table=13, priority=50,ip,metadata=0x2,nw_dst=10.0.0.1 actions=set_field:0->reg15,resubmit(,14)
    table=13, priority=50,ip,metadata=0x2,nw_dst=10.0.0.4 actions=resubmit(,14)
    ");
}

#[test]
fn flows_that_balance_alike_share_a_group() {
    let mut lab = lab();
    let balance = "ct_lb_mark(backends=10.0.0.2:80,10.0.0.3:80);";
    lab.flow("f", "ip4.dst == 10.0.0.1", balance, On::Switch("sw0"));
    lab.flow("g", "ip4.dst == 10.0.0.4", balance, On::Switch("sw0"));
    let flows = lab.show(&TABLES);
    let groups: Vec<u32> = lab.flows.groups.wanted().map(|(number, _)| number.0).collect();
    let [group] = groups[..] else { panic!("{groups:?}") };
    assert_eq!(flows.matches(&format!("actions=group:{group}")).count(), 2, "{flows}");
    lab.flow("f", "ip4.dst == 10.0.0.1", "drop;", On::Switch("sw0"));
    lab.step();
    assert_eq!(lab.flows.groups.wanted().count(), 1);
    lab.flow("g", "ip4.dst == 10.0.0.4", "drop;", On::Switch("sw0"));
    lab.step();
    assert_eq!(lab.flows.groups.wanted().count(), 0);
}

#[test]
fn a_flow_that_cannot_be_compiled_is_said_and_left_out() {
    let mut lab = lab();
    lab.flow("f", "ip4.src == 1.2.3", "next;", On::Switch("sw0"));
    lab.flow("g", "1", "fly;", On::Switch("sw0"));
    assert_eq!(lab.show(&TABLES), "");
    insta::assert_snapshot!(lab.complaints.join("\n"), @r"
    Logical_Flow 4d03f7f6:
    ip4.src == 1.2.3
               ^^^^^
    Invalid numeric constant.
    Logical_Flow 4d03f7f6:
    fly;
    ^^^
    Syntax error at `fly' expecting action.
    ");
}

#[test]
fn only_what_a_change_concerns_is_computed() {
    let mut lab = lab();
    lab.datapath_group("g", &["sw0", "sw1"]);
    lab.flow("all", "ip4", "next;", On::Group("g"));
    lab.flow("port", "inport == \"sw0-p1\"", "next;", On::Switch("sw0"));
    lab.flow("set", "ip4.src == $a", "next;", On::Switch("sw1"));
    lab.address_set("a", &["10.0.0.1"]);
    lab.group("sw0", "_MC_flood", 32768, &["sw0-p1", "sw0-far"]);
    lab.step();

    // Where a remote port is concerns the port and its groups.
    lab.bind("sw0-far", Some("hv2"));
    let far = uuid("Port_Binding", "sw0-far");
    let group = Unit::MulticastGroup(uuid("Multicast_Group", "sw0 _MC_flood"));
    assert_eq!(lab.step(), [Unit::Port(far), group]);

    // A set concerns the flows that name it.
    lab.address_set("a", &["10.0.0.2"]);
    assert_eq!(lab.step(), [Unit::LogicalFlow(uuid("Logical_Flow", "set"))]);

    // A new flow concerns nobody else.
    lab.flow("new", "ip6", "next;", On::Switch("sw1"));
    assert_eq!(lab.step(), [Unit::LogicalFlow(uuid("Logical_Flow", "new"))]);

    // What is said of a port that nothing here depends on concerns nobody.
    lab.port("sw2", "sw2-p1", 7, |row| row.up = Some(true));
    assert!(lab.step().is_empty());

    // Neither do rows of datapaths that have no port here, but for a look at them.
    lab.flow("elsewhere", "ip4", "next;", On::Switch("sw2"));
    assert_eq!(lab.step(), [Unit::LogicalFlow(uuid("Logical_Flow", "elsewhere"))]);
    assert!(lab.inputs.engine.outputs(&Unit::LogicalFlow(uuid("Logical_Flow", "elsewhere"))).is_empty());
}

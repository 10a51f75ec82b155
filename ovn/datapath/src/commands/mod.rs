//! What operators ask the switch on its control socket: one command a file, arguments in, text out.

mod bfd;
mod conntrack;
mod coverage;
mod dpif;
mod fdb;
mod flow_text;
mod flows;
mod fragments;
mod qos;
mod trace;

use std::time::Instant;

use crate::switch::Switch;

/// A command: the text to answer with, or the text of the error.
pub type Run = fn(&mut Switch, &[&str], Instant) -> Result<String, String>;

/// Name, arguments, least and greatest number of arguments, function; sorted by name.
pub const COMMANDS: &[(&str, &str, usize, usize, Run)] = &[
    ("bfd/set-forwarding", "[INTERFACE] normal|false|true", 1, 2, bfd::set_forwarding),
    ("bfd/show", "[INTERFACE]", 0, 1, bfd::show),
    ("bridge/dump-flows", "[--offload-stats] BRIDGE", 1, 2, flows::dump_rules),
    ("coverage/read-counter", "COUNTER", 1, 1, coverage::read),
    ("coverage/show", "", 0, 0, coverage::show),
    ("dpctl/ct-bkts", "[DATAPATH] [gt=N]", 0, 2, conntrack::buckets),
    ("dpctl/ct-del-limits", "[DATAPATH] zone=N1[,N2]...", 1, 2, conntrack::delete_limits),
    ("dpctl/ct-disable-tcp-seq-chk", "[DATAPATH]", 0, 1, conntrack::ignore_windows),
    ("dpctl/ct-enable-tcp-seq-chk", "[DATAPATH]", 0, 1, conntrack::check_windows),
    ("dpctl/ct-get-limits", "[DATAPATH] [zone=N1[,N2]...]", 0, 2, conntrack::get_limits),
    ("dpctl/ct-get-maxconns", "[DATAPATH]", 0, 1, conntrack::get_max),
    ("dpctl/ct-get-nconns", "[DATAPATH]", 0, 1, conntrack::count),
    ("dpctl/ct-get-tcp-seq-chk", "[DATAPATH]", 0, 1, conntrack::checks_windows),
    (
        "dpctl/ct-set-limits",
        "[DATAPATH] [default=L] [zone=N,limit=L]...",
        1,
        usize::MAX,
        conntrack::set_limits,
    ),
    ("dpctl/ct-set-maxconns", "[DATAPATH] N", 1, 2, conntrack::set_max),
    ("dpctl/ct-stats-show", "[DATAPATH] [zone=N] [verbose]", 0, 4, conntrack::statistics),
    ("dpctl/del-flows", "[DATAPATH]", 0, 1, flows::purge),
    ("dpctl/dump-conntrack", "[-m] [-s] [DATAPATH] [zone=N]", 0, 4, conntrack::dump),
    ("dpctl/dump-dps", "", 0, 0, dpif::datapaths),
    ("dpctl/dump-flows", "[-m] [--names] [DATAPATH] [filter=FLOW] [type=TYPE]", 0, 6, flows::dump),
    ("dpctl/flush-conntrack", "[DATAPATH] [zone=N] [TUPLE] [REPLY-TUPLE]", 0, 4, conntrack::flush),
    ("dpctl/ipf-get-status", "[DATAPATH]", 0, 1, fragments::status),
    ("dpctl/ipf-set-disabled", "[DATAPATH] v4|v6", 1, 2, fragments::disable),
    ("dpctl/ipf-set-enabled", "[DATAPATH] v4|v6", 1, 2, fragments::enable),
    ("dpctl/ipf-set-max-nfrags", "[DATAPATH] N", 1, 2, fragments::set_max),
    ("dpctl/ipf-set-min-frag", "[DATAPATH] v4|v6 N", 2, 3, fragments::set_min),
    ("dpctl/show", "[-s] [DATAPATH]", 0, 2, dpif::show_datapath),
    ("dpif/dump-dps", "", 0, 0, dpif::bridges),
    ("dpif/dump-flows", "[-m] [--names] BRIDGE", 1, 4, flows::dump_bridge),
    ("dpif/show", "", 0, 0, dpif::show),
    ("fdb/add", "BRIDGE PORT VLAN MAC", 4, 4, fdb::add),
    ("fdb/del", "BRIDGE VLAN MAC", 3, 3, fdb::delete),
    ("fdb/flush", "[BRIDGE]", 0, 1, fdb::flush),
    ("fdb/show", "BRIDGE", 1, 1, fdb::show),
    ("fdb/stats-clear", "[BRIDGE]", 0, 1, fdb::clear_stats),
    ("fdb/stats-show", "BRIDGE", 1, 1, fdb::stats),
    ("ofproto/list", "", 0, 0, dpif::list),
    (
        "ofproto/trace",
        "BRIDGE FLOW [PACKET] [-generate] [--names] [--ct-next FLAGS]...",
        1,
        usize::MAX,
        trace::trace,
    ),
    ("qos/show", "INTERFACE", 1, 1, qos::show),
    ("qos/show-types", "INTERFACE", 1, 1, qos::kinds),
    ("revalidator/purge", "", 0, 0, flows::purge),
    ("upcall/show", "", 0, 0, dpif::upcalls),
];

impl Switch {
    /// Runs the command of this name. `None` if there is no such command.
    pub fn command(&mut self, name: &str, args: &[&str], now: Instant) -> Option<Result<String, String>> {
        let (_, usage, least, most, run) = COMMANDS.iter().find(|(other, ..)| *other == name)?;
        if !(*least..=*most).contains(&args.len()) {
            return Some(Err(format!("\"{name}\" command takes {usage}")));
        }
        Some(run(self, args, now))
    }

    /// The bridge of this name, or the error that upstream gives.
    fn bridge_named(&self, name: &str) -> Result<crate::BridgeId, String> {
        let found = self.bridges.iter().find(|(_, bridge)| bridge.name == name);
        found.map(|(id, _)| *id).ok_or_else(|| "no such bridge".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Lab, mac, udp4};
    use openflow::{Action, Field, Match, PortNo};

    #[test]
    fn commands_are_sorted_and_check_their_arguments() {
        assert!(COMMANDS.is_sorted_by_key(|(name, ..)| *name));
        let mut lab = Lab::new(1);
        assert!(lab.switch.command("no/such", &[], lab.now).is_none());
        let error = lab.switch.command("fdb/show", &[], lab.now).unwrap().unwrap_err();
        insta::assert_snapshot!(error, @r#""fdb/show" command takes BRIDGE"#);
        insta::assert_snapshot!(lab.switch.command("fdb/show", &["x"], lab.now).unwrap().unwrap_err(), @"no such bridge");
    }

    #[test]
    fn the_switch_shows_itself() {
        let mut lab = Lab::new(2);
        lab.flow(0, 0, Match::any(), vec![Action::output(PortNo::NORMAL)]);
        let set = Action::set(Field::EthDst, mac(7).to_u64());
        lab.flow(
            0,
            5,
            Match::any().with(Field::EthType, 0x800u16).with(Field::Ipv4Dst, 0x0a00_0003u32),
            vec![set, Action::output(PortNo(2))],
        );
        lab.send(1, &udp4(1, 2, (1, 2), &[]));
        lab.send(1, &udp4(1, 3, (1, 2), &[]));
        let mut run = |name: &str, args: &[&str]| lab.switch.command(name, args, lab.now).unwrap().unwrap();
        insta::assert_snapshot!(run("fdb/show", &["br"]), @r#"
        port  VLAN  MAC                Age
           1     0  02:00:00:00:00:01    0
    "#);
        insta::assert_snapshot!(run("dpif/show", &[]), @r#"
        netdev@ovs-netdev: hit:0 missed:2
          br:
            p1 1/0: (system)
            p2 2/1: (system)
    "#);
        insta::assert_snapshot!(run("dpctl/dump-flows", &["-m", "--names"]), @r#"
        recirc_id(0),in_port(p1),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),eth_type(0x0800),ipv4(dst=10.0.0.2), packets:1, bytes:42, used:0.000s, actions:p2
        recirc_id(0),in_port(p1),eth_type(0x0800),ipv4(dst=10.0.0.3), packets:1, bytes:42, used:0.000s, actions:set(eth(dst=02:00:00:00:00:07)),p2
        2 flows, 2 masks
        "#);
        insta::assert_snapshot!(run("dpctl/dump-flows", &["filter=ip,nw_dst=10.0.0.3"]), @"recirc_id(0),in_port(0),eth_type(0x0800),ipv4(dst=10.0.0.3), packets:1, bytes:42, used:0.000s, actions:set(eth(dst=02:00:00:00:00:07)),1");
        insta::assert_snapshot!(run("dpctl/show", &["-s"]), @r#"
        netdev@ovs-netdev:
          lookups: hit:0 missed:2 lost:0
          flows: 2
          port 0: p1 (system)
            RX packets:2 errors:? dropped:0 overruns:? frame:?
            TX packets:0 errors:? dropped:0 aborted:? carrier:?
            collisions:?
            RX bytes:84  TX bytes:0
          port 1: p2 (system)
            RX packets:0 errors:? dropped:0 overruns:? frame:?
            TX packets:2 errors:? dropped:0 aborted:? carrier:?
            collisions:?
            RX bytes:0  TX bytes:84
        "#);
        insta::assert_snapshot!(run("upcall/show", &[]), @r#"
        netdev@ovs-netdev:
          flows         : (current 2) (limit 65536)
        "#);
        assert_eq!(run("dpif/dump-dps", &[]), "netdev@br\n");
        assert_eq!(run("dpctl/dump-dps", &[]), "netdev@ovs-netdev\n");
        let coverage = run("coverage/show", &[]);
        let (coverage, _) = coverage.rsplit_once("\n").and_then(|(text, _)| text.rsplit_once("\n")).unwrap();
        insta::assert_snapshot!(coverage, @r#"
        Event coverage:
        datapath_upcall                  total: 2
        datapath_megaflow_add            total: 2
        flow_mod                         total: 2
    "#);
        let packet: String = udp4(1, 3, (1, 2), &[]).iter().map(|octet| format!("{octet:02x}")).collect();
        insta::assert_snapshot!(run("ofproto/trace", &["br", "in_port=p1", &packet, "--names"]), @r#"
        Flow: udp,in_port=1,vlan_tci=0x0000,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:03,nw_src=10.0.0.1,nw_dst=10.0.0.3,nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,tp_src=1,tp_dst=2

        bridge("br")
        ------------
         0. ip,nw_dst=10.0.0.3, priority 5
            set_field:02:00:00:00:00:07->eth_dst
            output:2

        Final flow: udp,in_port=1,vlan_tci=0x0000,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:07,nw_src=10.0.0.1,nw_dst=10.0.0.3,nw_tos=0,nw_ecn=0,nw_ttl=64,nw_frag=no,tp_src=1,tp_dst=2
        Megaflow: recirc_id=0,eth,ip,in_port=1,nw_dst=10.0.0.3
        Datapath actions: set(eth(dst=02:00:00:00:00:07)),p2
        "#);
        insta::assert_snapshot!(run("bridge/dump-flows", &["br"]), @r#"
        duration=0s, n_packets=1, n_bytes=42, priority=0,actions=NORMAL
        duration=0s, n_packets=1, n_bytes=42, priority=5,ip,nw_dst=10.0.0.3,actions=set_field:02:00:00:00:00:07->eth_dst,output:2
        "#);
    }

    #[test]
    fn a_trace_is_a_tree_of_what_happened() {
        let mut lab = Lab::new(3);
        for flow in [
            "table=0,priority=50,ip,cookie=0x12,actions=load:5->NXM_NX_REG0[],resubmit(,2),output:3",
            "table=2,tcp,actions=ct(table=3,zone=5)",
            "table=2,udp,actions=clone(load:1->NXM_NX_REG1[],output:1,output:9),resubmit(,4)",
            "table=3,ct_state=+est,actions=ct(commit,zone=5,exec(load:1->NXM_NX_CT_MARK[])),output:2",
            "table=0,priority=1,arp,actions=resubmit(,5)",
            "table=5,actions=drop",
        ] {
            lab.flow_mod(&flow.parse().unwrap()).unwrap();
        }
        let mut run = |args: &[&str]| {
            let text = lab.switch.command("ofproto/trace", args, lab.now).unwrap();
            let text = text.unwrap_or_else(|error| error);
            // What is about one packet and its way is shown above.
            let kept = text.lines().filter(|line| !line.starts_with("Flow") && !line.starts_with("Megaflow"));
            kept.collect::<Vec<_>>().join("\n")
        };
        insta::assert_snapshot!(run(&["br", "in_port=1,tcp", "--ct-next", "est"]), @r#"
bridge("br")
------------
 0. ip, priority 50, cookie 0x12
    set_field:0x5->reg0
    resubmit(,2)
     2. tcp, priority 32768
            ct(table=3,zone=5)
            drop
             -> A clone of the packet is forked to recirculate. The forked pipeline will be resumed at table 3.
             -> Sets the packet to an untracked state, and clears all the conntrack fields.
    output:3

Final flow: tcp,reg0=0x5,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,nw_src=0.0.0.0,nw_dst=0.0.0.0,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,tp_src=0,tp_dst=0,tcp_flags=0
Datapath actions: ct(zone=5),recirc(0x1),2

===============================================================================
recirc(0x1) - resume conntrack with ct_state=est|trk
===============================================================================


bridge("br")
------------
    thaw
        Resuming from table 3
 3. ct_state=+est, priority 32768
    ct(commit,zone=5,exec(set_field:0x1->ct_mark))
    set_field:0x1->ct_mark
     -> Sets the packet to an untracked state, and clears all the conntrack fields.
    output:2

Final flow: recirc_id=0x1,eth,tcp,reg0=0x5,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,nw_src=0.0.0.0,nw_dst=0.0.0.0,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,tp_src=0,tp_dst=0,tcp_flags=0
Datapath actions: ct(commit,zone=5,mark=0x1/0xffffffff),1"#);
        insta::assert_snapshot!(run(&["br", "in_port=1,udp", "-generate"]), @r#"
bridge("br")
------------
 0. ip, priority 50, cookie 0x12
    set_field:0x5->reg0
    resubmit(,2)
     2. udp, priority 32768
            clone(set_field:0x1->reg1,output:1,output:9)
            set_field:0x1->reg1
            output:1
             >> skipping output to input port
            output:9
             >> Nonexistent output port
            resubmit(,4)
         4. No match.
            drop
    output:3

Final flow: udp,reg0=0x5,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,nw_src=0.0.0.0,nw_dst=0.0.0.0,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,tp_src=0,tp_dst=0
Datapath actions: 2"#);
        insta::assert_snapshot!(run(&["br", "in_port=1,arp"]), @r#"
bridge("br")
------------
 0. arp, priority 1
    resubmit(,5)
 5. priority 32768
    drop

Final flow: unchanged
Datapath actions: drop"#);
        insta::assert_snapshot!(run(&["br9", "in_port=1"]), @"br9: unknown bridge");
        insta::assert_snapshot!(run(&["br"]), @"syntax error at br (or the bridge name was omitted)");
    }

    #[test]
    fn addresses_are_given_taken_and_counted() {
        let mut lab = Lab::new(2);
        lab.flow(0, 0, Match::any(), vec![Action::output(PortNo::NORMAL)]);
        let mut run = |name: &str, args: &[&str]| {
            lab.switch.command(name, args, lab.now).unwrap().unwrap_or_else(|error| error)
        };
        assert_eq!(run("fdb/add", &["br", "p1", "0", "02:00:00:00:00:77"]), "");
        insta::assert_snapshot!(run("fdb/add", &["br", "p9", "0", "02:00:00:00:00:77"]), @"software error, odp port is present but no ofp port");
        insta::assert_snapshot!(run("fdb/add", &["br", "p1", "0", "x"]), @"bad MAC address");
        insta::assert_snapshot!(run("fdb/del", &["br", "1", "02:00:00:00:00:77"]), @"could not find static mac entry");
        insta::assert_snapshot!(run("fdb/show", &["br"]), @r"
         port  VLAN  MAC                Age
            1     0  02:00:00:00:00:77  static
        ");
        insta::assert_snapshot!(run("fdb/stats-show", &["br"]), @r#"Statistics for bridge "br":
  Current/maximum MAC entries in the table: 1/8192
  Current static MAC entries in the table : 1
  Total number of learned MAC entries     : 0
  Total number of expired MAC entries     : 0
  Total number of evicted MAC entries     : 0
  Total number of port moved MAC entries  : 0"#);
        assert_eq!(run("fdb/del", &["br", "0", "02:00:00:00:00:77"]), "");
        insta::assert_snapshot!(run("fdb/stats-clear", &[]), @"statistics successfully cleared");
    }
}

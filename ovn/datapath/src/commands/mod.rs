//! What operators ask the switch on its control socket: one command a file, arguments in, text out.

mod bfd;
mod conntrack;
mod coverage;
mod dpif;
mod fdb;
mod flows;
mod fragments;
mod trace;

use std::time::Instant;

use crate::switch::Switch;

/// A command: the text to answer with, or the text of the error.
pub type Run = fn(&mut Switch, &[&str], Instant) -> Result<String, String>;

/// Name, arguments, least and greatest number of arguments, function; sorted by name.
pub const COMMANDS: &[(&str, &str, usize, usize, Run)] = &[
    ("bfd/set-forwarding", "[INTERFACE] normal|false|true", 1, 2, bfd::set_forwarding),
    ("bfd/show", "[INTERFACE]", 0, 1, bfd::show),
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
    ("dpctl/dump-conntrack", "[-m] [-s] [DATAPATH] [zone=N]", 0, 4, conntrack::dump),
    ("dpctl/dump-flows", "[DATAPATH]", 0, 1, flows::dump),
    ("dpctl/flush-conntrack", "[DATAPATH] [zone=N] [TUPLE] [REPLY-TUPLE]", 0, 4, conntrack::flush),
    ("dpctl/ipf-get-status", "[DATAPATH]", 0, 1, fragments::status),
    ("dpctl/ipf-set-disabled", "[DATAPATH] v4|v6", 1, 2, fragments::disable),
    ("dpctl/ipf-set-enabled", "[DATAPATH] v4|v6", 1, 2, fragments::enable),
    ("dpctl/ipf-set-max-nfrags", "[DATAPATH] N", 1, 2, fragments::set_max),
    ("dpctl/ipf-set-min-frag", "[DATAPATH] v4|v6 N", 2, 3, fragments::set_min),
    ("dpif/dump-flows", "BRIDGE", 1, 1, flows::dump_bridge),
    ("dpif/show", "", 0, 0, dpif::show),
    ("fdb/flush", "[BRIDGE]", 0, 1, fdb::flush),
    ("fdb/show", "BRIDGE", 1, 1, fdb::show),
    ("ofproto/list", "", 0, 0, dpif::list),
    ("ofproto/trace", "BRIDGE FLOW [PACKET] [--ct-next=FLAGS]...", 2, usize::MAX, trace::trace),
    ("revalidator/purge", "", 0, 0, flows::purge),
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
        insta::assert_snapshot!(run("dpctl/dump-flows", &[]), @r#"
        in_port=0,eth_src=02:00:00:00:00:01,eth_dst=02:00:00:00:00:02,eth_type=0x800,vlan_tci=0x0,nw_dst=10.0.0.2, packets:1, bytes:42, used:0.000s, actions:p2
        in_port=0,eth_type=0x800,nw_dst=10.0.0.3, packets:1, bytes:42, used:0.000s, actions:set(eth_dst=02:00:00:00:00:07),p2
        2 flows, 2 masks
    "#);
        let coverage = run("coverage/show", &[]);
        let (coverage, _) = coverage.rsplit_once("\n").and_then(|(text, _)| text.rsplit_once("\n")).unwrap();
        insta::assert_snapshot!(coverage, @r#"
        Event coverage:
        datapath_upcall                  total: 2
        datapath_megaflow_add            total: 2
        flow_mod                         total: 2
    "#);
        let packet: String = udp4(1, 3, (1, 2), &[]).iter().map(|octet| format!("{octet:02x}")).collect();
        insta::assert_snapshot!(run("ofproto/trace", &["br", "in_port=1", &packet]), @r#"
        Flow: in_port=1,eth_src=02:00:00:00:00:01,eth_dst=02:00:00:00:00:03,eth_type=0x800,vlan_tci=0x0,nw_src=10.0.0.1,nw_dst=10.0.0.3,nw_proto=17,nw_tos=0x0,nw_ttl=64,nw_frag=0x0,ipv6_label=0x0,tp_src=1,tp_dst=2,tcp_flags=0x0

        bridge("br")
        ------------
         0. ip,nw_dst=10.0.0.3, priority 5: set_field:02:00:00:00:00:07->eth_dst,output:2
            output:2

        Megaflow: in_port=1,eth_type=0x800,nw_dst=10.0.0.3
        Datapath actions: set(eth_dst=02:00:00:00:00:07),p2
    "#);
    }
}

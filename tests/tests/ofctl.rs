//! `ovs-ofctl`, ours and the peer's, with our switch and the peer's: whichever tool changed a switch, both print the same
//! of it.
#![allow(clippy::unwrap_used)] // A test stops where it fails.

use std::path::Path;
use std::time::Duration;

use tests::need;
use tests::process::run;
use tests::switch_pair::{Peer, Switch};

/// Changes that either tool makes, in turn; what they print is compared too, and so is how they end.
const CHANGES: &[&str] = &[
    "-O OpenFlow15 add-group br0 group_id=1,type=select,bucket=weight:5,output:2,bucket=output:p3",
    "add-group br0 group_id=2,type=ff,bucket=watch_port:1,output:1,bucket=watch_group:1,group:1",
    "-O OpenFlow15 insert-buckets br0 group_id=1,command_bucket_id=last,bucket=bucket_id=7,set_field:5->reg0,output:1",
    "-O OpenFlow13 add-group br0 group_id=3,type=all,bucket=mod_dl_src:00:00:00:00:00:01,output:1",
    "-O OpenFlow15 remove-buckets br0 group_id=1,command_bucket_id=0",
    "-O OpenFlow13 add-meter br0 meter=1,pktps,burst,stats,band=type=drop,rate=2,burst_size=3",
    "-O OpenFlow15 add-meter br0 meter=2,kbps,band=type=drop,rate=100",
    "add-flow br0 priority=100,in_port=p1,tcp,nw_dst=10.0.0.0/24,tp_dst=80,actions=mod_dl_dst:00:11:22:33:44:55,resubmit(,8)",
    "-O OpenFlow15 add-flow br0 cookie=0x123,priority=50,in_port=LOCAL,actions=NORMAL",
    "-O OpenFlow13 add-flow br0 table=8,reg0=0x1,metadata=0x5,ip,actions=load:0x7->NXM_NX_REG1[0..15],move:NXM_NX_REG0[0..15]->NXM_NX_REG2[16..31]",
    "add-flow br0 table=8,priority=7,udp,vlan_tci=0x1064/0x1fff,actions=ct(commit,zone=5,table=9,nat(src=1.1.1.1-1.1.1.5:100-200),exec(load:1->NXM_NX_CT_MARK[]))",
    "-O OpenFlow15 add-flow br0 table=9,ip6,ipv6_dst=fe80::/10,idle_timeout=600,hard_timeout=1200,importance=5,send_flow_rem,actions=output:p2,group:1,controller(userdata=01.02,pause)",
    "-O OpenFlow14 add-flow br0 table=9,arp,arp_tpa=1.2.3.4,actions=output:3,set_field:5->reg3,learn(table=10,hard_timeout=5,NXM_OF_VLAN_TCI[0..11],output:NXM_OF_IN_PORT[])",
    "-O OpenFlow15 add-flow br0 table=10,actions=meter:1,clone(set_field:1->reg0,output:1),conjunction(1,1/2)",
    "-O OpenFlow15 add-flow br0 table=11,icmp,actions=bundle_load(eth_src,0,hrw,ofport,NXM_NX_REG0[],members:1,2),multipath(eth_src,50,modulo_n,1,0,NXM_NX_REG0[0..3])",
    "mod-flows br0 table=8,actions=drop",
    "-O OpenFlow15 --strict mod-flows br0 priority=50,in_port=LOCAL,actions=output:p1,p2",
    "-O OpenFlow15 add-flow br0 actions=group:99",
    "-O OpenFlow15 add-group br0 group_id=1,type=all",
    "-O OpenFlow13 add-flow br0 table=3,actions=goto_table:2",
    "-O OpenFlow15 add-flow br0 table=3,ip,nw_frag=later,ip_dscp=10,actions=dec_ttl,note:01.02,exit",
    "del-flows br0 cookie=0x123/-1",
    "--strict del-flows br0 table=8,priority=7,udp,vlan_tci=0x1064/0x1fff",
    "set-frags br0 nx-match",
    "mod-port br0 p3 no-flood",
    "-O OpenFlow15 del-meter br0 meter=2",
    "probe br0",
    "ct-flush br0",
    "ct-flush br0 zone=5 ct_nw_src=10.1.1.1,ct_nw_dst=10.1.1.2,ct_nw_proto=17,ct_tp_src=2,ct_tp_dst=1",
    "ct-flush br0 ct_nw_src=10.1.1.1,ct_nw_proto=1,icmp_type=8,icmp_code=0,icmp_id=10 ct_nw_dst=10.1.1.1",
    "ct-flush br0 zone=x",
    "ct-flush br0 ct_foo=1",
];

/// What both tools must print alike of each switch. Times and numbers of messages are masked.
const QUESTIONS: &[&str] = &[
    "show br0",
    "-O OpenFlow13 show br0",
    "-O OpenFlow15 show br0",
    "dump-flows br0",
    "-O OpenFlow13 dump-flows br0",
    "-O OpenFlow14 dump-flows br0",
    "-O OpenFlow15 dump-flows br0",
    "--no-stats dump-flows br0",
    "--no-stats --names -O OpenFlow15 dump-flows br0",
    "--names dump-flows br0 table=9",
    "--sort --no-stats dump-flows br0 table=9",
    "--rsort=priority --no-stats -O OpenFlow15 dump-flows br0 table=0",
    "dump-flows br0 in_port=p1",
    "-O OpenFlow15 dump-flows br0 table=9,out_port=2",
    "-O OpenFlow15 dump-flows br0 out_group=1",
    "-O OpenFlow15 dump-aggregate br0",
    "dump-aggregate br0 table=9",
    "-O OpenFlow15 dump-group-features br0",
    "-O OpenFlow15 dump-meters br0",
    "-O OpenFlow13 dump-meters br0 meter=1",
    "-O OpenFlow15 meter-stats br0",
    "-O OpenFlow15 meter-features br0",
    "-O OpenFlow15 dump-meters br0 meter=9",
    "dump-ports br0",
    "-O OpenFlow13 dump-ports br0 p2",
    "dump-ports-desc br0",
    "-O OpenFlow15 dump-ports-desc br0 p3",
    "-O OpenFlow13 dump-tables br0",
    "-O OpenFlow15 dump-tables br0",
    "dump-desc br0",
    "queue-stats br0",
    "-O OpenFlow15 queue-stats br0 1 5",
    "queue-get-config br0 p2",
    "-O OpenFlow13 queue-get-config br0 2",
    "-O OpenFlow15 queue-get-config br0",
    "-O OpenFlow13 dump-table-features br0",
    "-O OpenFlow14 dump-table-features br0",
    "-O OpenFlow15 dump-table-features br0",
    "-O OpenFlow15 dump-table-desc br0",
    "parse-flow ip,actions=output:1",
    "parse-flow cookie=5,table=3,tcp6,tp_dst=1,idle_timeout=6,send_flow_rem,actions=dec_ttl,resubmit(,8)",
    "-O OpenFlow13 parse-flow reg0=1,actions=set_field:5->reg1,output:1",
    "-F nxm parse-flow mpls,mpls_label=5,actions=pop_mpls:0x0800",
    "-O OpenFlow15 parse-flow actions=meter:1",
    "parse-flow actions=meter:1",
    "get-frags br0",
    "dump-tlv-map br0",
    "ofp-print 0602000800000000",
    "ofp-print 06000010000000010001000800000040",
    "ofp-print 0618001800000001000000020000000000000000000000ff",
    "ofp-print 041b002000000005000000030000000000000007000000070000000f00000000",
    "ofp-print 04040020000000004f4e46000000077700000003000000000000000000000006",
    "ofp-print 0513002000000000001000000000000000080005000000000008000400\
     0000ab",
    "ofp-print 0512002800000006001000000000000000000005ffffffff00000003001aff020001000400000000",
    "ofp-print 0104001400000000000023200000001500000007",
];

/// What watchers of flows ask for.
const WATCHES: &[&str] = &[
    "-O OpenFlow10 monitor br0 watch:",
    "-O OpenFlow13 monitor br0 watch:out_port=2",
    "-O OpenFlow14 monitor br0 watch:!initial,!actions,table=8",
    "-O OpenFlow15 monitor br0 watch:ip,!modify watch:out_group=1",
];

/// What happens to flows meanwhile. The last is seen by every watcher.
const EVENTS: &[&str] = &[
    "-O OpenFlow15 add-group br0 group_id=1,type=all,bucket=output:1",
    "add-flow br0 table=8,cookie=3,ip,actions=output:2",
    "-O OpenFlow15 mod-flows br0 table=8,ip,actions=output:3",
    "-O OpenFlow15 mod-flows br0 table=8,ip,actions=output:3",
    "-O OpenFlow13 add-flow br0 table=8,priority=4,idle_timeout=300,hard_timeout=400,tcp,actions=output:3",
    "-O OpenFlow15 add-flow br0 table=8,priority=6,udp,actions=group:1",
    "-O OpenFlow15 add-flow br0 table=8,priority=6,udp,actions=group:1,output:2",
    "-O OpenFlow15 del-groups br0 group_id=1",
    "-O OpenFlow13 del-flows br0 table=8,tcp",
    "-O OpenFlow15 add-group br0 group_id=1,type=all,bucket=output:1",
    "-O OpenFlow15 add-flow br0 table=8,cookie=0xe4d,ip,actions=group:1,output:2",
];

/// Groups are in no order, so they are asked for one by one.
const GROUPS: &[&str] = &[
    "-O OpenFlow15 dump-groups br0 ",
    "dump-groups br0 ",
    "-O OpenFlow15 dump-group-stats br0 group_id=",
    "-O OpenFlow13 dump-group-stats br0 group_id=",
];

/// Runs a tool (`None`: ours); what it printed, without what differs each time.
fn tool(switch: &Switch, program: Option<&Path>, line: &str) -> String {
    let mut command = match program {
        None => switch.dir().ours("ovs-ofctl"),
        Some(program) => switch.dir().peer(program),
    };
    command.args(line.split_ascii_whitespace());
    let outcome = run(command);
    let text: String = outcome.stdout.split_inclusive(['\n', ' ', ',']).map(masked).collect();
    format!("[{:?}]\n{text}", outcome.code)
}

/// A word without the time or number in it that changes between two questions.
fn masked(word: &str) -> String {
    let kept = word.trim_start_matches('(');
    for start in ["xid=0x", "duration=", "duration:", "idle_age=", "duration"] {
        if let Some(rest) = kept.strip_prefix(start) {
            let end: String = rest.chars().filter(|c| matches!(c, ',' | '\n' | ' ')).collect();
            return format!("{start}?{end}");
        }
    }
    word.to_owned()
}

#[test]
fn both_tools_print_the_same_of_both_switches() {
    let (Some(switch), Some(ofctl)) = (need("ovs-vswitchd"), need("ovs-ofctl")) else { return };
    let peer = Peer { switch, ofctl };
    let mut wrong = Vec::new();
    for ours in [true, false] {
        let switch = Switch::start(ours, &peer);
        let mut compare = |line: &str| {
            let [one, other] = [None, Some(peer.ofctl.as_path())].map(|program| tool(&switch, program, line));
            if one != other {
                let whose = if ours { "our" } else { "the peer's" };
                wrong.push(format!("## {line}, {whose} switch\nour tool {one}\nthe peer's {other}"));
            }
        };
        // Each change is made by both, so the second finds what the first made: most can be made twice.
        CHANGES.iter().for_each(|line| drop(tool(&switch, None, line)));
        QUESTIONS.iter().for_each(|line| compare(line));
        for group in 1..=3 {
            GROUPS.iter().for_each(|line| compare(&format!("{line}{group}")));
        }
        for line in ["-O OpenFlow15 del-groups br0", "-O OpenFlow15 del-meters br0", "del-flows br0"] {
            tool(&switch, None, line);
        }
        CHANGES.iter().for_each(|line| drop(tool(&switch, Some(&peer.ofctl), line)));
        compare("--no-stats -O OpenFlow15 dump-flows br0");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn both_tools_make_the_same_of_a_switch() {
    let (Some(switch), Some(ofctl)) = (need("ovs-vswitchd"), need("ovs-ofctl")) else { return };
    let peer = Peer { switch, ofctl };
    let switch = Switch::start(true, &peer);
    let [one, other] = [None, Some(peer.ofctl.as_path())].map(|program| {
        for line in
            ["-O OpenFlow15 del-flows br0", "-O OpenFlow15 del-groups br0", "-O OpenFlow15 del-meters br0"]
        {
            tool(&switch, program, line);
        }
        let ends: Vec<String> =
            CHANGES.iter().map(|line| format!("{line}: {}", &tool(&switch, program, line)[..9])).collect();
        let state = ["dump-flows br0 --no-stats", "dump-groups br0", "dump-meters br0"]
            .map(|line| tool(&switch, None, &format!("-O OpenFlow15 {line}")));
        (ends, state)
    });
    assert_eq!(one, other);
}

#[test]
fn both_tools_are_told_the_same_of_flows_by_both_switches() {
    let (Some(switch), Some(ofctl)) = (need("ovs-vswitchd"), need("ovs-ofctl")) else { return };
    let peer = Peer { switch, ofctl };
    let told: Vec<Vec<String>> =
        [true, false].map(|ours| told_of_flows(&Switch::start(ours, &peer), &peer)).into();
    for (at, watch) in WATCHES.iter().enumerate() {
        let all: Vec<&String> = told.iter().flat_map(|of_switch| &of_switch[2 * at..2 * at + 2]).collect();
        assert!(
            all.iter().all(|text| *text == all[0]),
            "{watch}: our switch, our tool and the peer's; its: {all:#?}"
        );
    }
}

/// What our tool and the peer's print for each watch.
fn told_of_flows(switch: &Switch, peer: &Peer) -> Vec<String> {
    tool(switch, None, "add-flow br0 table=8,priority=9,in_port=1,actions=output:2");
    let names: Vec<String> = (0..2 * WATCHES.len()).map(|at| format!("watch{at}")).collect();
    let mut watchers = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let mut command =
            if at % 2 == 0 { switch.dir().ours("ovs-ofctl") } else { switch.dir().peer(&peer.ofctl) };
        command.args(WATCHES[at / 2].split_ascii_whitespace());
        watchers.push(switch.dir().start(name, command));
    }
    let output = |name: &String| {
        let text = std::fs::read_to_string(switch.dir().path(&format!("{name}.out"))).unwrap_or_default();
        text.split_inclusive(['\n', ' ', ',']).map(masked).collect::<String>()
    };
    let wait = |what: &str| {
        tests::wait_for(what, Duration::from_secs(60), || {
            let late: Vec<String> = names.iter().map(output).filter(|text| !text.contains(what)).collect();
            if late.is_empty() { Ok(()) } else { Err(format!("{late:#?}\n{}", switch.dir().outputs())) }
        });
    };
    wait("FLOW_MONITOR reply");
    EVENTS.iter().for_each(|line| drop(tool(switch, None, line)));
    wait("cookie=0xe4d");
    names.iter().map(output).collect()
}

/// Flows whose traces are compared.
const TRACED: &[&str] = &[
    "table=0,priority=50,ip,nw_dst=10.0.0.0/24,cookie=0x12,actions=set_field:5->reg0,resubmit(,2),output:3",
    "table=2,priority=50,tcp,actions=set_field:7->reg1,ct(table=3,zone=5)",
    "table=2,priority=40,udp,actions=clone(set_field:1->reg1,output:1,output:9),goto_table:4",
    "table=2,priority=30,icmp,actions=dec_ttl,push:NXM_NX_REG0[],pop:NXM_NX_REG2[],resubmit(,3),resubmit(,9)",
    "table=3,ct_state=+new+trk,tcp,actions=ct(commit,zone=5,exec(set_field:1->ct_mark)),set_field:00:11:22:33:44:55->eth_dst,output:2",
    "table=3,ct_state=+est,actions=drop",
    "table=3,icmp,actions=output:4,write_metadata:0x7",
    "table=0,priority=20,arp,actions=group:1,clone(set_field:00:00:00:00:00:09->eth_src,output:3)",
    "table=0,priority=1,actions=NORMAL",
];

/// What is traced with them.
const TRACES: &[&[&str]] = &[
    &["br0", "in_port=p1,tcp,nw_dst=10.0.0.5,nw_src=10.0.0.4,tp_dst=80"],
    &["br0", "in_port=1,tcp,nw_dst=10.0.0.5", "--ct-next", "trk,est"],
    &["br0", "in_port=1,udp,nw_dst=10.0.0.5,nw_ttl=64,udp_src=7"],
    &["br0", "in_port=2,icmp,nw_dst=10.0.0.5,nw_ttl=64,icmp_type=8"],
    &["br0", "in_port=1,arp,dl_src=00:00:00:00:00:01,arp_op=1"],
    &["br0", "in_port=1,dl_type=0x1234,dl_src=00:00:00:00:00:01"],
    &["br0", "in_port=1,udp6,dl_vlan=5,dl_src=00:00:00:00:00:01"],
    &[
        "br0",
        "in_port=2",
        "505400000007505400000005080045000028000000004006f97cc0a80001c0a800020008000a0000000000000000500200002e7d0000",
    ],
    &["br9", "in_port=1"],
    &["br0"],
];

#[test]
fn both_switches_trace_alike() {
    let (Some(switch), Some(ofctl)) = (need("ovs-vswitchd"), need("ovs-ofctl")) else { return };
    let peer = Peer { switch, ofctl };
    let [ours, theirs] = [true, false].map(|ours| {
        let mut switch = Switch::start(ours, &peer);
        tool(
            &switch,
            None,
            "-O OpenFlow15 add-group br0 group_id=1,type=all,bucket=output:1,bucket=output:2",
        );
        for flow in TRACED {
            tool(&switch, None, &format!("-O OpenFlow15 add-flow br0 {flow}"));
        }
        let traces = TRACES.iter().map(|trace| {
            let text = switch.command("ofproto/trace", trace);
            // What megaflows look at, and how the datapath's actions are written, is each switch's own; so is that with
            // a packet upstream's learns.
            let own = ["Megaflow:", "Datapath actions:", "recirc(0x", "     -> learned that"];
            let kept = text.lines().filter(|line| !own.iter().any(|own| line.starts_with(own)));
            kept.map(without_recirc).collect::<Vec<_>>().join("\n")
        });
        traces.collect::<Vec<_>>()
    });
    let mut wrong = Vec::new();
    for (trace, (ours, theirs)) in TRACES.iter().zip(ours.iter().zip(&theirs)) {
        if ours != theirs {
            wrong.push(format!("## {trace:?}\nours\n{ours}\ntheirs\n{theirs}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A line without the number that a packet goes on with.
fn without_recirc(line: &str) -> String {
    match line.split_once("recirc_id=") {
        Some((head, rest)) => format!("{head}recirc_id=?{}", rest.trim_start_matches(|c: char| c != ',')),
        None => line.to_owned(),
    }
}

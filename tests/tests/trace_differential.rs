//! Traces of random packets through random networks: ours says what upstream's `ovn-trace` says, word for word.
//!
//! A network is a list of `ovn-nbctl` commands, made from a seed or by hand. Upstream's northd makes its flows in
//! upstream's database server; upstream's `ovn-trace`, as a daemon, and ours read the same rows. Where they may differ,
//! [`ALLOWED`] says why.

#![allow(clippy::unwrap_used)] // What fails here fails its test.

#[path = "trace_differential/acls.rs"]
mod acls;
#[path = "trace_differential/network.rs"]
mod network;
#[path = "trace_differential/packet.rs"]
mod packet;
#[path = "trace_differential/seed.rs"]
mod seed;
#[path = "trace_differential/upstream.rs"]
mod upstream;

use std::fmt::Write as _;
use std::fs;

use network::Network;
use packet::Microflow;
use schema::sb::Tables;
use seed::Seed;
use tests::root;
use upstream::Upstream;

/// How many differences are shown before the rest is only counted.
const SHOWN_MAX: usize = 8;

/// A difference that is known and stays.
struct Allowed {
    /// Why, and whose defect it is.
    why: &'static str,
    /// Whether it explains that the one text became the other.
    explains: fn(&Case<'_>) -> bool,
}

/// One trace, made twice.
struct Case<'a> {
    theirs: &'a str,
    ours: &'a str,
}

impl Case<'_> {
    /// The first lines that differ in more than which of two flows of one priority was taken: what these do follows them.
    fn parting(&self) -> (&str, &str) {
        self.pairs().nth(self.in_common()).unwrap_or_default()
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.theirs.lines().zip(self.ours.lines())
    }

    /// How many lines come before the parting.
    fn in_common(&self) -> usize {
        let same = |(theirs, ours): &(&str, &str)| theirs == ours || outline(theirs) == outline(ours);
        self.pairs().take_while(same).count()
    }

    /// Whether the packet was tracked, then went through a patch port, was not tracked anew, and then met flows for some
    /// state of connections.
    fn parts_by_a_state_from_before_a_patch_port(&self) -> bool {
        let (theirs, ours) = self.parting();
        let before: Vec<&str> = self.theirs.lines().take(self.in_common()).collect();
        let crosses = |line: &&str| line.contains("type \"patch\"") || line.contains("type \"l3gateway\"");
        let Some(crossing) = before.iter().rposition(crosses) else { return false };
        let is_tracked = |line: &&str| line.trim_start().starts_with("ct_");
        let is_tracked_anew = |line: &&str| line.trim_start().starts_with("ct_next(ct_state=");
        before[..crossing].iter().any(is_tracked)
            && !before[crossing..].iter().any(is_tracked_anew)
            && (theirs.contains("ct.") || ours.contains("ct."))
    }

    /// Whether upstream has read all of the packet but its DSCP.
    fn has_lost_the_dscp(&self) -> bool {
        let [theirs, ours] = [self.theirs, self.ours].map(|text| text.lines().next().unwrap_or_default());
        let without = ours.split_once("nw_tos=").map(|(before, after)| {
            format!("{before}nw_tos=0{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
        });
        ours != theirs && without.as_deref() == Some(theirs)
    }
}

/// Where ours differs from upstream's 23.03, and why that is so.
const ALLOWED: &[Allowed] = &[
    Allowed {
        why: "two flows of one priority match and do the same; which of them is taken is nobody's promise",
        explains: |case| without_flows(case.theirs) == without_flows(case.ours),
    },
    Allowed {
        why: "upstream lets a packet go on without hops left; ovn-sb(5) says that its processing ends",
        explains: |case| case.ours.contains("*** TTL underflow") && case.theirs.contains("*** TTL underflow"),
    },
    Allowed {
        why: "upstream's trace makes a TCP packet of an abort in IPv6",
        explains: |case| {
            let is_abort = |line: &&str| line.trim().trim_end_matches(" {") == "sctp_abort";
            let common =
                case.theirs.lines().zip(case.ours.lines()).take_while(|(theirs, ours)| theirs == ours);
            case.theirs.starts_with("# sctp6,") && common.map(|(line, _)| line).any(|line| is_abort(&line))
        },
    },
    Allowed {
        why: "upstream's trace makes neighbour solicitations that nd_ns does not match, for want of a hop limit of 255",
        explains: |case| {
            let (_, ours) = case.parting();
            (ours.contains(" nd_ns") || ours.contains(" nd ||")) && case.theirs.contains("nd_ns {")
        },
    },
    Allowed {
        why: "upstream's trace keeps the connection state across patch ports, where its controller clears it",
        explains: |case| case.parts_by_a_state_from_before_a_patch_port(),
    },
    Allowed {
        why: "upstream's trace lets packets through that are neither IP nor ARP, where its controller has port security drop them",
        explains: |case| case.parting().1.contains("apply_port_sec"),
    },
    Allowed { why: "upstream's trace crashes", explains: |case| case.theirs.ends_with("crashed") },
    Allowed {
        why: "upstream's trace misspells ct_snat_in_czone",
        explains: |case| case.parting().0.contains("ct_snatin_czone"),
    },
    Allowed {
        why: "upstream's trace ends at a forwarding group",
        explains: |case| case.theirs.contains("fwd_group("),
    },
    Allowed {
        why: "upstream's trace says that it does not know dns_lookup; ours says what it assumes",
        explains: |case| case.theirs.contains("*** dns_lookup action not implemented"),
    },
];

/// The lines of a trace; of the flows that were taken only stage and priority.
fn without_flows(text: &str) -> Vec<String> {
    text.lines().map(outline).collect()
}

fn outline(line: &str) -> String {
    let Some((flow, rest)) = line.split_once(", priority ") else { return line.to_owned() };
    let stage = flow.split([':', '(']).next().unwrap_or(flow).trim_end();
    let priority = rest.split(',').next().unwrap_or(rest);
    format!("{stage}, priority {priority}")
}

/// Compares the traces of packets through a network. Gives what is not explained.
fn differences(upstream: &Upstream, network: &Network, seed: &mut Seed, packets: usize) -> Vec<String> {
    let southbound = upstream.southbound();
    let flows = southbound.tables.logical_flow.len();
    assert!(flows > 100, "{flows} logical flows");
    let mut daemon = upstream.trace_daemon();
    let mut wrong = Vec::new();
    let (mut explained, mut without_dscp) = (vec![0; ALLOWED.len()], 0);
    for _ in 0..packets {
        let Microflow { datapath, text } = packet::random(network, seed);
        let plain = vec!["--all".to_owned(), datapath, text];
        let assumed = packet::assumptions(network, seed);
        let words = [&assumed[..], &plain[..]].concat();
        let by_daemon = if assumed.is_empty() { daemon.trace(&plain) } else { None };
        let theirs = by_daemon.unwrap_or_else(|| upstream.trace(&words));
        let mut ours = southbound.with_names(&our_trace(&southbound.tables, &words));
        if (Case { theirs: &theirs, ours: &ours }).has_lost_the_dscp() {
            // Upstream's reader of microflows leaves ip.dscp out, so that an ACL on it does not match a packet described with
            // it. Of the packet without it, both have to say the same.
            without_dscp += 1;
            let words: Vec<String> = words.iter().map(|word| packet::without_dscp(word)).collect();
            ours = southbound.with_names(&our_trace(&southbound.tables, &words));
        }
        if ours == theirs {
            continue;
        }
        let case = Case { theirs: &theirs, ours: &ours };
        match ALLOWED.iter().position(|allowed| (allowed.explains)(&case)) {
            Some(known) => explained[known] += 1,
            None => wrong.push(describe(&words, &case)),
        }
    }
    println!("{without_dscp} of {packets} were compared without the DSCP, which upstream does not read");
    for (allowed, count) in ALLOWED.iter().zip(explained).filter(|(_, count)| *count > 0) {
        println!("{count} of {packets} differ: {}", allowed.why);
    }
    wrong
}

fn our_trace(tables: &Tables, words: &[String]) -> String {
    match trace::Command::parse(words) {
        Ok(trace::Command::Trace(request)) => trace::trace(tables, &request).text,
        other => panic!("{words:?}: {other:?}"),
    }
}

fn describe(words: &[String], case: &Case<'_>) -> String {
    let (theirs, ours) = case.parting();
    let mut text = format!("{words:?}\n  theirs: {theirs}\n  ours:   {ours}\n");
    for (name, whole) in [("theirs", case.theirs), ("ours", case.ours)] {
        write!(text, "--- {name}\n{whole}\n").unwrap();
    }
    text
}

#[track_caller]
fn assert_none(wrong: &[String], network: &Network) {
    assert!(
        wrong.is_empty(),
        "{} differences in the network\n{}\n\n{}",
        wrong.len(),
        network.commands.join("\n"),
        wrong[..wrong.len().min(SHOWN_MAX)].join("\n")
    );
}

#[test]
fn random_packets_in_random_networks_go_the_way_of_upstreams_trace() {
    for number in 0..seed::networks() {
        let mut seed = Seed::new(number);
        let network = network::random(&mut seed);
        let Some(upstream) = Upstream::start(&network) else { return };
        let wrong = differences(&upstream, &network, &mut seed, seed::packets());
        assert_none(&wrong, &network);
    }
}

#[test]
fn random_packets_go_the_way_of_upstreams_trace_where_every_feature_is_in_use() {
    let commands = fs::read_to_string(root().join("tests/tests/data/rich.nbctl")).unwrap();
    let network = Network::read(&commands);
    let Some(upstream) = Upstream::start(&network) else { return };
    let wrong = differences(&upstream, &network, &mut Seed::new(1), seed::packets());
    assert_none(&wrong, &network);
}

#[test]
fn two_flows_of_one_priority_that_do_the_same_are_no_difference() {
    let trace = |flow: &str, action: &str| format!(" 4. ls_in_pre_acl{flow}\n    {action};\n");
    let first = trace(" (northd.c:5806): ip && inport == \"p\", priority 110, uuid 00000001", "next");
    let other = trace(" (northd.c:5909): eth.mcast, priority 110, uuid 00000002", "next");
    let drops = trace(": eth.mcast, priority 110, uuid 00000002", "drop");
    let lower = trace(": eth.mcast, priority 109, uuid 00000002", "next");
    assert_eq!(without_flows(&first), without_flows(&other));
    assert_ne!(without_flows(&first), without_flows(&drops));
    assert_ne!(without_flows(&first), without_flows(&lower));
    // What differs behind them is found behind them.
    let (theirs, ours) = (format!("{first} 5. a: x, priority 1"), format!("{other} 5. b: x, priority 1"));
    assert_eq!(
        Case { theirs: &theirs, ours: &ours }.parting(),
        (" 5. a: x, priority 1", " 5. b: x, priority 1")
    );
}

#[test]
fn a_state_is_an_excuse_only_if_it_came_through_a_patch_port() {
    let packet = "# icmp\n";
    let tracked = "ct_next(ct_state=est|trk)\n";
    let crossing = "    /* output to \"a\", type \"patch\" */\n";
    let excused = |before: &str| {
        let [theirs, ours] = ["ct.est, priority 2", "!ct.trk, priority 1"]
            .map(|flow| format!("{packet}{before} 4. s: {flow}\n"));
        Case { theirs: &theirs, ours: &ours }.parts_by_a_state_from_before_a_patch_port()
    };
    assert!(excused(&format!("{tracked}{crossing}")));
    assert!(!excused(crossing));
    assert!(!excused(&format!("{crossing}{tracked}")));
    assert!(!excused(&format!("{tracked}{crossing}{tracked}")));
}

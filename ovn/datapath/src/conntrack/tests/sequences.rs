//! Conversations and what is said of each packet.

use super::packets::{End, echo, host, icmp, sctp, tcp, udp, unreachable};
use super::*;
use crate::conntrack::{Detail, is_whole};

fn ends(v6: bool) -> (End, End) {
    ((host(v6, 1), 1000), (host(v6, 2), 80))
}

/// Who sends (0 the client), flags, sequence and acknowledgement, octets of data, expected state.
type Step = (usize, &'static str, (u32, u32), usize, &'static str);

fn talk(bed: &mut Bed, steps: &[Step]) {
    for v6 in [false, true] {
        let (client, server) = ends(v6);
        for (at, (who, flags, numbers, len, expected)) in steps.iter().enumerate() {
            let (src, dst) = if *who == 0 { (client, server) } else { (server, client) };
            let frame = tcp(src, dst, flags, *numbers, &vec![7; *len]);
            assert_eq!(bed.state(&commit(), &frame), *expected, "step {at}: {flags} {numbers:?}");
        }
    }
}

const HANDSHAKE: [Step; 3] =
    [(0, "S", (100, 0), 0, "new"), (1, "S.", (500, 101), 0, "est rpl"), (0, ".", (101, 501), 0, "est")];

fn tcp_states(bed: &mut Bed) -> String {
    let detail = Detail { more: true, timeout: true };
    let dump = bed.tracker.dump(None, detail, bed.now);
    let part = |line: &str| Some(line.split_once("timeout=")?.1.to_owned());
    dump.lines().filter(|line| !line.contains("fd00")).filter_map(part).collect()
}

#[test]
fn a_tcp_connection_is_followed_from_syn_to_close() {
    let mut bed = Bed::new();
    talk(&mut bed, &HANDSHAKE[..1]);
    insta::assert_snapshot!(tcp_states(&mut bed), @"30,protoinfo=(state_orig=SYN_SENT,state_reply=CLOSED,wscale_orig=7,wscale_reply=0,flags_orig=WINDOW_SCALE,flags_reply=0)");
    talk(&mut bed, &HANDSHAKE[1..2]);
    insta::assert_snapshot!(tcp_states(&mut bed), @"30,protoinfo=(state_orig=ESTABLISHED,state_reply=SYN_SENT,wscale_orig=7,wscale_reply=7,flags_orig=WINDOW_SCALE,flags_reply=WINDOW_SCALE)");
    talk(&mut bed, &HANDSHAKE[2..]);
    talk(&mut bed, &[(0, "P.", (101, 501), 50, "est"), (1, ".", (501, 151), 900, "est rpl")]);
    insta::assert_snapshot!(tcp_states(&mut bed), @"86400,protoinfo=(state_orig=ESTABLISHED,state_reply=ESTABLISHED,wscale_orig=7,wscale_reply=7,flags_orig=WINDOW_SCALE,flags_reply=WINDOW_SCALE)");
    talk(&mut bed, &[(0, "F.", (151, 1401), 0, "est")]);
    insta::assert_snapshot!(tcp_states(&mut bed), @"900,protoinfo=(state_orig=CLOSING,state_reply=ESTABLISHED,wscale_orig=7,wscale_reply=7,flags_orig=WINDOW_SCALE,flags_reply=WINDOW_SCALE)");
    talk(&mut bed, &[(1, "F.", (1401, 152), 0, "est rpl"), (0, ".", (152, 1402), 0, "est")]);
    insta::assert_snapshot!(tcp_states(&mut bed), @"30,protoinfo=(state_orig=FIN_WAIT_2,state_reply=FIN_WAIT_2,wscale_orig=7,wscale_reply=7,flags_orig=WINDOW_SCALE,flags_reply=WINDOW_SCALE)");
    talk(&mut bed, &[(0, "S", (90_000, 0), 0, "new"), (1, "S.", (7, 90_001), 0, "est rpl")]);
    bed.pass(31);
    assert_eq!(bed.dump(), "", "nobody acknowledged");
}

#[test]
fn what_no_sender_sends_is_invalid() {
    let mut bed = Bed::new();
    for flags in ["SF", "SR", "", "F", "P", "U", "S.", "S.R"] {
        let (client, server) = ends(false);
        assert_eq!(bed.state(&commit(), &tcp(client, server, flags, (1, 1), b"")), "inv", "{flags}");
    }
    talk(&mut bed, &HANDSHAKE);
    let far = 101 + (1000 << 7) + 70_000;
    talk(
        &mut bed,
        &[
            (0, ".", (far, 501), 10, "inv"),
            (0, ".", (101_u32.wrapping_sub(1_000_000), 501), 10, "inv"),
            (0, ".", (101, 501 + 200_000), 10, "inv"),
            (0, "R", (far, 0), 0, "inv"),
            (0, ".", (101, 501), 10, "est"),
        ],
    );
    bed.tracker.check_windows = false;
    talk(&mut bed, &[(0, ".", (far, 501), 10, "est")]);
}

#[test]
fn a_reset_at_the_edge_ends_a_connection() {
    let mut bed = Bed::new();
    talk(&mut bed, &HANDSHAKE);
    talk(&mut bed, &[(1, "R", (501, 0), 0, "est rpl")]);
    insta::assert_snapshot!(tcp_states(&mut bed).split_once(",wscale").unwrap().0, @"30,protoinfo=(state_orig=TIME_WAIT,state_reply=TIME_WAIT");
}

#[test]
fn a_connection_older_than_the_tracker_is_picked_up() {
    let mut bed = Bed::new();
    talk(
        &mut bed,
        &[
            (0, "P.", (7000, 9000), 100, "new"),
            (1, ".", (9000, 7100), 20, "est rpl"),
            (0, ".", (7100, 9020), 1400, "est"),
            (1, ".", (9020, 8500), 0, "est rpl"),
        ],
    );
    insta::assert_snapshot!(tcp_states(&mut bed), @"86400,protoinfo=(state_orig=ESTABLISHED,state_reply=ESTABLISHED,flags_orig=BE_LIBERAL,flags_reply=BE_LIBERAL)");
}

#[test]
fn udp_is_new_until_it_is_answered() {
    let mut bed = Bed::new();
    let (a, b) = ends(false);
    let left = |bed: &mut Bed| {
        let dump = bed.tracker.dump(None, Detail { more: false, timeout: true }, bed.now);
        dump.trim().rsplit_once("timeout=").map(|(_, left)| left.to_owned())
    };
    assert_eq!(bed.state(&look(), &udp(a, b, b"x")), "new");
    assert_eq!(left(&mut bed), None, "nothing was committed");
    for _ in 0..2 {
        assert_eq!(bed.state(&commit(), &udp(a, b, b"x")), "new");
        assert_eq!(left(&mut bed).unwrap(), "60");
    }
    assert_eq!(bed.state(&look(), &udp(b, a, b"x")), "est rpl");
    assert_eq!(left(&mut bed).unwrap(), "30");
    bed.pass(29);
    assert_eq!(bed.state(&look(), &udp(a, b, b"x")), "est");
    bed.pass(29);
    assert_eq!(left(&mut bed).unwrap(), "1");
    assert_eq!(bed.state(&look(), &udp(b, a, b"x")), "est rpl");
    bed.pass(30);
    assert_eq!(bed.state(&look(), &udp(b, a, b"x")), "new");
}

#[test]
fn timeouts_are_those_of_the_zone() {
    let mut bed = Bed::new();
    let (a, b) = ends(false);
    let mut policy = crate::conntrack::TimeoutPolicy::default();
    assert!(policy.set("udp_first", 5));
    assert!(!policy.set("tcp_max_retrans", 5), "the kernel's only");
    bed.tracker.policies.insert(1, policy);
    let other = Request { zone: 2, ..commit() };
    bed.state(&commit(), &udp(a, b, b"x"));
    bed.state(&other, &udp(a, b, b"x"));
    bed.pass(5);
    insta::assert_snapshot!(bed.dump(), @"udp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1000,dport=80),reply=(src=10.0.0.2,dst=10.0.0.1,sport=80,dport=1000),zone=2");
    assert_eq!(bed.tracker.len(), 1);
}

#[test]
fn pings_are_asked_and_answered() {
    for v6 in [false, true] {
        let mut bed = Bed::new();
        let (a, b) = (host(v6, 1), host(v6, 2));
        assert_eq!(bed.state(&commit(), &echo(b, a, 9, true)), "inv", "an answer to nothing");
        assert_eq!(bed.state(&commit(), &echo(a, b, 9, false)), "new");
        assert_eq!(bed.state(&commit(), &echo(a, b, 9, false)), "new");
        assert_eq!(bed.state(&look(), &echo(b, a, 8, true)), "inv", "another identifier");
        assert_eq!(bed.state(&look(), &echo(b, a, 9, true)), "est rpl");
        assert_eq!(bed.state(&look(), &echo(a, b, 9, false)), "est");
        let advert = icmp(a, b, if v6 { 134 } else { 9 }, [0; 4], &[0; 16]);
        assert_eq!(bed.state(&commit(), &advert), "inv", "no conversation");
    }
}

#[test]
fn errors_belong_to_the_connection_that_they_are_about() {
    for v6 in [false, true] {
        let mut bed = Bed::new();
        let (a, b) = ends(v6);
        let there = udp(a, b, &[1; 64]);
        let router = host(v6, 9);
        let error = unreachable(router, a.0, &there, 1000);
        assert_eq!(bed.state(&look(), &error), "inv", "no such connection");
        bed.state(&commit(), &there);
        assert_eq!(bed.state(&look(), &error), "rel rpl");
        assert_eq!(bed.state(&look(), &unreachable(router, b.0, &udp(b, a, &[1; 64]), 1000)), "rel");
        let stranger = unreachable(router, host(v6, 7), &there, 1000);
        assert_eq!(bed.state(&look(), &stranger), "inv", "to someone else");
        let nested = unreachable(router, router, &error, 1000);
        assert_eq!(bed.state(&look(), &nested), "inv", "an error about an error");
    }
}

#[test]
fn an_error_may_hold_eight_octets_of_ipv4_and_a_whole_header_of_ipv6() {
    for (v6, header) in [(false, 20), (true, 40)] {
        let (a, b) = ends(v6);
        let there = tcp(a, b, "S", (1, 0), &[]);
        for len in 0..=24 {
            let mut bed = Bed::new();
            bed.state(&commit(), &there);
            let error = unreachable(host(v6, 9), a.0, &there, header + len);
            let expected = if len >= if v6 { 20 } else { 8 } { "rel rpl" } else { "inv" };
            assert_eq!(bed.state(&look(), &error), expected, "IPv6: {v6}, {len} octets");
        }
    }
}

#[test]
fn errors_are_translated_inside_and_outside() {
    for (v6, len) in [(false, 1000), (false, 28), (true, 1000), (true, 48)] {
        let mut bed = Bed::new();
        let (client, server) = ends(v6);
        let (public, router) = (host(v6, 100), host(v6, 9));
        let snat = nat(Side::Source, (public, public), Some((5000, 5000)));
        let (said, sent) = bed.track(&with(commit(), snat), &udp(client, server, &[1; 64]));
        assert_eq!(said, "new snat");
        assert_eq!(sent, udp((public, 5000), server, &[1; 64]));
        // From outside about what was sent: the client sees what it sent itself.
        let (said, got) = bed.track(&with(look(), existing()), &unreachable(router, public, &sent, len));
        assert_eq!(said, "rel rpl dnat");
        assert_eq!(got, unreachable(router, client.0, &udp(client, server, &[1; 64]), len));
        // From inside about an answer: the server sees its own.
        let answer = udp(server, (public, 5000), &[2; 64]);
        let (_, inside) = bed.track(&with(look(), existing()), &answer);
        assert_eq!(inside, udp(server, client, &[2; 64]));
        let (said, got) =
            bed.track(&with(look(), existing()), &unreachable(client.0, server.0, &inside, len));
        assert_eq!(said, "rel snat");
        assert_eq!(got, unreachable(public, server.0, &answer, len));
    }
}

#[test]
fn a_connection_of_the_other_direction_is_replaced_by_force() {
    let mut bed = Bed::new();
    let (a, b) = ends(false);
    bed.state(&commit(), &udp(a, b, b"x"));
    assert_eq!(bed.state(&commit(), &udp(b, a, b"x")), "est rpl");
    let force = Request { force: true, ..commit() };
    assert_eq!(bed.state(&force, &udp(b, a, b"x")), "new");
    assert_eq!(bed.state(&look(), &udp(a, b, b"x")), "est rpl");
    assert_eq!(bed.tracker.len(), 1);
}

#[test]
fn marks_and_labels_are_set_bit_by_bit() {
    let mut bed = Bed::new();
    let (a, b) = ends(false);
    let label = (1 << 127 | 5, 1 << 127 | 0xff);
    bed.state(&Request { mark: (0x5, 0xf), label, ..commit() }, &udp(a, b, b"x"));
    bed.state(&Request { mark: (0xa0, 0xf0), label: (0, 1), ..commit() }, &udp(a, b, b"x"));
    insta::assert_snapshot!(bed.dump(), @"udp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1000,dport=80),reply=(src=10.0.0.2,dst=10.0.0.1,sport=80,dport=1000),zone=1,mark=165,labels=0x80000000000000000000000000000004");
}

#[test]
fn sctp_is_translated_there_and_back() {
    for v6 in [false, true] {
        let mut bed = Bed::new();
        let (client, server) = ends(v6);
        let public = host(v6, 100);
        let snat = with(commit(), nat(Side::Source, (public, public), Some((5000, 5000))));
        let (said, sent) = bed.track(&snat, &sctp(client, server, b"chunk..."));
        assert_eq!((said.as_str(), sent), ("new snat", sctp((public, 5000), server, b"chunk...")));
        let answer = sctp(server, (public, 5000), b"answer..");
        let (said, got) = bed.track(&with(look(), existing()), &answer);
        assert_eq!((said.as_str(), got), ("est rpl dnat", sctp(server, client, b"answer..")));
        assert!(bed.dump().starts_with("sctp,"));
    }
}

#[test]
fn other_protocols_are_told_apart_by_addresses() {
    let mut bed = Bed::new();
    let gre = |src, dst| super::packets::ip(host(false, src), host(false, dst), packet::IpProto(47), &[0; 8]);
    assert_eq!(bed.state(&commit(), &gre(1, 2)), "new");
    assert_eq!(bed.state(&look(), &gre(2, 1)), "est rpl");
    assert_eq!(bed.state(&look(), &gre(1, 2)), "est");
    assert_eq!(bed.state(&look(), &gre(1, 3)), "new");
    insta::assert_snapshot!(bed.dump(), @"47,orig=(src=10.0.0.1,dst=10.0.0.2,sport=0,dport=0),reply=(src=10.0.0.2,dst=10.0.0.1,sport=0,dport=0),zone=1");
}

/// CVE-2017-9264 and its kin: headers that end too early.
#[test]
fn a_packet_that_is_cut_anywhere_is_invalid() {
    for v6 in [false, true] {
        let (a, b) = ends(v6);
        let mut bed = Bed::new();
        let about = udp(a, b, b"data");
        for request in [commit(), with(commit(), nat(Side::Source, (host(v6, 9), host(v6, 9)), None))] {
            for frame in [
                about.clone(),
                tcp(a, b, "S", (1, 0), b""),
                sctp(a, b, b"chunk..."),
                echo(a.0, b.0, 7, false),
                unreachable(b.0, a.0, &about, 1000),
            ] {
                for len in 0..frame.len() {
                    assert_eq!(bed.state(&request, &frame[..len]), "inv", "{len} of {}", frame.len());
                }
            }
        }
        assert_eq!(bed.tracker.len(), 0);
    }
}

#[test]
fn connections_are_flushed_by_what_is_known_of_them() {
    let flush = |wanted: openflow::CtFlush| {
        let mut bed = Bed::new();
        let server = (host(false, 2), 80);
        for n in 1..=3 {
            let request =
                Request { mark: (n, u32::MAX), label: (u128::from(n) << 80, u128::MAX), ..commit() };
            bed.state(&request, &udp((host(false, n as u8 + 10), 1000), server, b"x"));
        }
        bed.tracker.flush(&wanted, bed.now);
        let dump = bed.dump();
        let marks = dump.lines().filter_map(|line| line.split("mark=").nth(1)?.chars().next());
        marks.collect::<String>()
    };
    let any = openflow::CtFlush::default;
    let tuple = openflow::CtTuple::default;
    assert_eq!(flush(any()), "");
    assert_eq!(flush(openflow::CtFlush { zone: Some(2), ..any() }), "123");
    assert_eq!(flush(openflow::CtFlush { mark: Some(1), mark_mask: Some(1), ..any() }), "2");
    let label = Some(3 << 80);
    assert_eq!(flush(openflow::CtFlush { labels: label, labels_mask: Some(0xff << 80), ..any() }), "12");
    let reply = openflow::CtTuple { dst: Some(host(false, 12)), ..tuple() };
    assert_eq!(flush(openflow::CtFlush { reply: Some(reply), ..any() }), "13");
    let original = openflow::CtTuple { dst_port: Some(81), ..tuple() };
    assert_eq!(flush(openflow::CtFlush { protocol: 17, original: Some(original), ..any() }), "123");
}

#[test]
fn one_packet_may_be_tracked_in_several_zones() {
    let mut bed = Bed::new();
    let (client, server) = ends(false);
    let virtual_server = (host(false, 50), 8080);
    let mut packet = Tracked::default();
    let mut frame = Frame::copy_from(&udp(client, virtual_server, b"x"));
    let dnat = nat(Side::Destination, (server.0, server.0), Some((80, 80)));
    bed.tracker.track(&with(commit(), dnat), &mut packet, &mut frame, None, bed.now);
    assert_eq!((words(packet.state), frame.to_vec()), ("new dnat".into(), udp(client, server, b"x")));
    // Again in the same zone: the connection is found by what it became.
    bed.tracker.track(&look(), &mut packet, &mut frame, None, bed.now);
    assert_eq!(words(packet.state), "new dnat");
    let public = host(false, 100);
    let snat = Request { zone: 2, ..with(commit(), nat(Side::Source, (public, public), None)) };
    bed.tracker.track(&snat, &mut packet, &mut frame, None, bed.now);
    assert_eq!((words(packet.state), frame.to_vec()), ("new snat".into(), udp((public, 1000), server, b"x")));
    let back = |zone| Request { zone, ..with(look(), existing()) };
    let (_, inside) = bed.track(&back(2), &udp(server, (public, 1000), b"y"));
    let (said, home) = bed.track(&back(1), &inside);
    assert_eq!((said.as_str(), home), ("est rpl snat", udp(virtual_server, client, b"y")));
}

#[test]
fn an_address_without_ports_left_makes_the_packet_invalid() {
    let mut bed = Bed::new();
    let server = (host(false, 2), 80);
    let public = host(false, 100);
    let snat = with(commit(), nat(Side::Source, (public, public), Some((5000, 5002))));
    let mut states: Vec<String> = Vec::new();
    for n in 1..=5 {
        let (said, sent) = bed.track(&snat, &udp((host(false, n), 1000), server, b"x"));
        assert!(is_whole(&sent));
        states.push(said);
    }
    assert_eq!(states, ["new snat", "new snat", "new snat", "inv", "inv"]);
    // Another server is another matter.
    assert_eq!(bed.state(&snat, &udp((host(false, 9), 1000), (host(false, 3), 80), b"x")), "new snat");
    assert_eq!(bed.tracker.len(), 4);
}

#[test]
fn without_an_address_only_collisions_are_translated() {
    let mut bed = Bed::new();
    let (a, b, c) = ((host(false, 1), 1000), (host(false, 2), 80), (host(false, 3), 80));
    // Through a virtual address, so that b's answers to a are taken.
    let dnat = with(commit(), nat(Side::Destination, (b.0, b.0), None));
    bed.track(&dnat, &udp(a, c, b"x"));
    let null = Nat { side: Some(Side::Source), ..existing() };
    let (said, sent) = bed.track(&with(commit(), null.clone()), &udp(a, b, b"x"));
    assert_eq!(said, "new snat");
    assert_eq!(sent, udp((a.0, 1001), b, b"x"), "the next port");
    let (_, sent) = bed.track(&with(commit(), null), &udp((a.0, 2000), b, b"x"));
    assert_eq!(sent, udp((a.0, 2000), b, b"x"));
}

#[test]
fn a_persistent_address_is_the_clients_own() {
    let range = (host(false, 100), host(false, 200));
    let persistent = Nat { persistent: true, ..nat(Side::Source, range, None) };
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..4 {
        let mut bed = Bed { tracker: Tracker::new(seed), now: start() };
        for port in 1000..1010 {
            let (_, sent) = bed.track(
                &with(commit(), persistent.clone()),
                &udp((host(false, 1), port), (host(false, 2), 80), b"x"),
            );
            seen.insert(sent[26..30].to_vec());
        }
    }
    assert_eq!(seen.len(), 1);
}

#[test]
fn an_address_of_the_other_family_translates_nothing() {
    let mut bed = Bed::new();
    let (a, b) = ends(true);
    let snat = nat(Side::Source, (host(false, 9), host(false, 9)), None);
    assert_eq!(bed.state(&with(commit(), snat), &udp(a, b, b"x")), "inv");
    assert_eq!(bed.tracker.len(), 0);
}

#[test]
fn a_flood_makes_room_for_itself_and_others_stay() {
    let mut bed = Bed::new();
    bed.tracker.limits.total = 100;
    let (a, b) = ends(false);
    let zone = |zone| Request { zone, ..commit() };
    bed.state(&zone(1), &udp(a, b, b"x"));
    bed.state(&zone(1), &udp(b, a, b"x"));
    bed.state(&zone(2), &udp(a, b, b"x"));
    for port in 1..2000 {
        assert_eq!(bed.state(&zone(3), &tcp((host(false, 9), port), b, "S", (1, 0), b"")), "new");
    }
    assert_eq!((bed.tracker.len(), bed.tracker.len_of(3)), (100, 98));
    assert_eq!(bed.state(&zone(1), &udp(a, b, b"x")), "est", "answered");
    assert_eq!(bed.state(&zone(2), &udp(b, a, b"x")), "est rpl", "in another zone");
    for port in 1..40 {
        bed.state(&zone(2), &udp((a.0, port), b, b"x"));
    }
    assert_eq!(bed.tracker.len_of(2), 40, "others open connections during the flood");
}

#[test]
fn a_full_table_of_answered_connections_takes_no_more() {
    let mut bed = Bed::new();
    bed.tracker.limits.total = 10;
    let b = (host(false, 2), 80);
    for port in 1..=10 {
        let a = (host(false, 1), port);
        bed.state(&commit(), &udp(a, b, b"x"));
        bed.state(&commit(), &udp(b, a, b"x"));
    }
    assert_eq!(bed.state(&commit(), &udp((host(false, 3), 5), b, b"x")), "new");
    assert_eq!(bed.state(&commit(), &udp(b, (host(false, 3), 5), b"x")), "new", "it was not kept");
    bed.pass(30);
    assert_eq!(bed.tracker.len(), 0);
}

#[test]
fn a_connection_takes_less_than_280_octets() {
    assert!(size_of::<crate::conntrack::conn::Conn>() <= 176);
    let mut bed = Bed::new();
    const CONNECTIONS: usize = 1 << 14;
    for n in 0..CONNECTIONS {
        let a = (host(false, (n >> 10) as u8), (n & 1023) as u16 + 1);
        bed.state(&commit(), &udp(a, (host(false, 200), 53), b"x"));
    }
    assert_eq!(bed.tracker.len(), CONNECTIONS);
    let each = bed.tracker.table.octets() / CONNECTIONS;
    assert!(each <= 280, "{each} octets");
    bed.pass(60);
    assert!(bed.tracker.table.octets() < 1000, "they are given back");
}

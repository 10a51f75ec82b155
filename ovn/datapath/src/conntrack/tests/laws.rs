//! What holds for all packets.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::packets::{echo, host, tcp, udp, unreachable};
use super::*;

fn any_nat(v6: bool) -> impl Strategy<Value = Nat> {
    let side = prop_oneof![Just(Side::Source), Just(Side::Destination)];
    let addresses = (100u8..110, 0u8..10);
    let ports = proptest::option::of((1024u16..2000, 0u16..100));
    (side, addresses, ports, any::<bool>()).prop_map(move |(side, (first, more), ports, random)| Nat {
        random,
        ..nat(
            side,
            (host(v6, first), host(v6, first + more)),
            ports.map(|(first, more)| (first, first + more)),
        )
    })
}

fn swapped(frame: &[u8], v6: bool) -> Vec<u8> {
    let mut frame = frame.to_vec();
    let (at, len) = if v6 { (22, 16) } else { (26, 4) };
    let (src, dst) = frame[at..at + 2 * len].split_at_mut(len);
    src.swap_with_slice(dst);
    let l4 = at + 2 * len;
    let (src, dst) = frame[l4..l4 + 4].split_at_mut(2);
    src.swap_with_slice(dst);
    frame
}

proptest! {
    /// An answer to what came out comes back as an answer to what went in.
    #[test]
    fn translation_there_and_back_is_the_identity(
        (v6, nat) in any::<bool>().prop_flat_map(|v6| any_nat(v6).prop_map(move |nat| (v6, nat))),
        port in 1u16..,
        is_tcp: bool,
        payload in vec(any::<u8>(), 0..40),
    ) {
        let mut bed = Bed::new();
        let (a, b) = ((host(v6, 1), port), (host(v6, 2), 80));
        let make = |src, dst, first| match (is_tcp, first) {
            (true, true) => tcp(src, dst, "S", (5, 0), &[]),
            (true, false) => tcp(src, dst, "S.", (9, 6), &[]),
            (false, _) => udp(src, dst, &payload),
        };
        let there = make(a, b, true);
        let (_, sent) = bed.track(&with(commit(), nat), &there);
        prop_assert!(crate::conntrack::is_whole(&sent));
        // Swapping ends leaves all checksums right.
        let answer = swapped(&sent, v6);
        let answer = match is_tcp {
            false => answer,
            true => {
                let l4 = if v6 { 54 } else { 34 };
                let ends = |at: usize| u16::from_be_bytes([answer[at], answer[at + 1]]);
                let addresses = |at: usize| match v6 {
                    false => IpAddr::from(<[u8; 4]>::try_from(&answer[at..at + 4]).unwrap()),
                    true => IpAddr::from(<[u8; 16]>::try_from(&answer[at..at + 16]).unwrap()),
                };
                let (src, dst) = if v6 { (22, 38) } else { (26, 30) };
                make((addresses(src), ends(l4)), (addresses(dst), ends(l4 + 2)), false)
            }
        };
        let (said, back) = bed.track(&with(look(), existing()), &answer);
        prop_assert!(said.starts_with("est rpl"), "{}", said);
        prop_assert_eq!(back, make(b, a, false));
    }

    /// Whatever comes, in whatever order, a connection is there as long as its timeout says, and the
    /// counts of zones are those of the table.
    #[test]
    fn expiry_loses_none_that_lives_and_keeps_none_that_does_not(
        steps in vec((0u8..6, 0u16..3, any::<bool>(), 0u64..25), 1..120),
    ) {
        let mut bed = Bed::new();
        // When each connection expires, by zone and client.
        let mut model: BTreeMap<(u8, u16), (Instant, bool)> = BTreeMap::new();
        for (client, zone, reply, seconds) in steps {
            bed.pass(seconds);
            let now = bed.now;
            model.retain(|_, (expires, _)| *expires > now);
            let (a, b) = ((host(false, client + 1), 1000), (host(false, 200), 53));
            let request = Request { zone, commit: !reply, ..Request::default() };
            let frame = if reply { udp(b, a, b"x") } else { udp(a, b, b"x") };
            let said = bed.state(&request, &frame);
            let known = model.get(&(client, zone)).copied();
            let answered = known.is_some_and(|(_, answered)| answered || reply);
            prop_assert_eq!(said == "new", !answered, "{} {:?}", said, known);
            if known.is_some() || !reply {
                let left = if answered { 30 } else { 60 };
                model.insert((client, zone), (now + Duration::from_secs(left), answered));
            }
            for zone in 0..3 {
                let live = model.keys().filter(|(_, other)| *other == zone).count();
                prop_assert_eq!(bed.tracker.live(Some(zone), now), live);
                prop_assert_eq!(bed.tracker.len_of(zone) as usize, live);
            }
            prop_assert!(bed.tracker.next_deadline().is_none_or(|at| at > now) || !model.is_empty());
        }
    }

    /// Any octets in any place, and any length: no panic, and the frame has the length it had.
    #[test]
    fn no_packet_makes_it_panic(
        which in 0usize..10,
        nat in any_nat(false),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let v6 = which % 2 == 1;
        let (a, b) = ((host(v6, 1), 1000), (host(v6, 2), 80));
        let plain = udp(a, b, &[1; 40]);
        let mut frame = match which / 2 {
            0 => plain,
            1 => tcp(a, b, "S", (1, 0), &[]),
            2 => echo(a.0, b.0, 7, false),
            3 => unreachable(b.0, a.0, &plain, 1000),
            _ => unreachable(b.0, a.0, &tcp(a, b, "P.", (1, 0), &[3; 20]), 28),
        };
        let mut bed = Bed::new();
        bed.track(&with(commit(), nat.clone()), &udp(a, b, &[1; 40]));
        for (at, octet) in flips {
            let at = at.index(frame.len());
            frame[at] = octet;
        }
        let mut short = frame.clone();
        short.truncate(cut.index(frame.len() + 1));
        for octets in [frame, short] {
            for summed in [false, true] {
                let mut packet = Tracked { summed, ..Tracked::default() };
                let mut frame = Frame::copy_from(&octets);
                bed.tracker.track(&with(commit(), nat.clone()), &mut packet, &mut frame, None, bed.now);
                prop_assert_eq!(frame.len(), octets.len());
            }
        }
    }
}

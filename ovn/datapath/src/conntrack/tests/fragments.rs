//! Fragments: put together in any order, cut again, and bounded.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::packets::{host, tcp, udp};
use super::*;
use crate::conntrack::{Cut, Outcome};

/// A whole frame as fragments of at most `len_max` octets of IP packet.
fn fragments(frame: &[u8], len_max: u16, id: u32) -> Vec<Vec<u8>> {
    let pieces = Cut::of(len_max, 40, id).apply(Frame::copy_from(frame));
    pieces.into_iter().map(|piece| piece.to_vec()).collect()
}

/// The same, of IPv4.
pub(crate) fn fragments_of(frame: &[u8], len_max: u16) -> Vec<Vec<u8>> {
    fragments(frame, len_max, 0)
}

fn add(bed: &mut Bed, request: &Request, frame: &[u8]) -> (Outcome, u8, Vec<u8>) {
    let mut packet = Tracked::default();
    let mut frame = Frame::copy_from(frame);
    let outcome = bed.tracker.track(request, &mut packet, &mut frame, None, bed.now);
    (outcome, packet.state, frame.to_vec())
}

fn big(v6: bool, len: usize) -> Vec<u8> {
    let payload: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
    udp((host(v6, 1), 1000), (host(v6, 2), 80), &payload)
}

proptest! {
    /// In whatever order, twice or once: the packet is tracked whole, and leaves as it came.
    #[test]
    fn packets_are_put_together_from_any_order(
        v6: bool,
        len in 1500usize..9000,
        len_max in 1280u16..1500,
        order in vec(any::<Index>(), 20),
        twice in any::<Index>(),
    ) {
        let mut bed = Bed::new();
        let whole = big(v6, len);
        let pieces = fragments(&whole, len_max, 77);
        prop_assert!(pieces.iter().all(|piece| piece.len() <= 14 + usize::from(len_max)));
        let mut left: Vec<_> = pieces.clone();
        for (at, index) in order.iter().enumerate() {
            if left.len() == 1 {
                break;
            }
            let piece = left.remove(index.index(left.len()));
            let (outcome, ..) = add(&mut bed, &commit(), &piece);
            prop_assert_eq!(outcome, Outcome::Held);
            if twice.index(order.len()) == at {
                prop_assert_eq!(add(&mut bed, &commit(), &piece).0, Outcome::Held);
            }
        }
        prop_assert_eq!(bed.tracker.len(), 0);
        let (outcome, state, joined) = add(&mut bed, &commit(), &left[0]);
        let Outcome::Joined(cut) = outcome else { panic!("{outcome:?}") };
        prop_assert_eq!((words(state), &joined), ("new".to_owned(), &whole));
        let again: Vec<Vec<u8>> = cut.apply(Frame::copy_from(&joined)).into_iter().map(|f| f.to_vec()).collect();
        prop_assert_eq!(again, pieces);
        prop_assert_eq!(bed.tracker.fragments.len(), 0);
    }

    /// Any octets: no panic, and the bounds hold.
    #[test]
    fn no_fragment_makes_it_panic(
        v6: bool,
        changes in vec((any::<Index>(), any::<Index>(), any::<u8>(), any::<Index>()), 1..30),
    ) {
        let mut bed = Bed::new();
        bed.tracker.fragments.settings.len_min = [0, 0];
        bed.tracker.fragments.settings.count_max = 8;
        let pieces = fragments(&big(v6, 300), 104, 77);
        for (which, at, octet, cut) in changes {
            let mut piece = pieces[which.index(pieces.len())].clone();
            // Mostly in the headers.
            let at = at.index(70.min(piece.len()));
            piece[at] = octet;
            if octet % 4 == 0 {
                piece.truncate(cut.index(piece.len()));
            }
            if !v6 && piece.len() > 34 {
                piece[24..26].fill(0);
                let sum = packet::checksum::internet(&piece[14..34]);
                piece[24..26].copy_from_slice(&sum.to_be_bytes());
            }
            let (outcome, ..) = add(&mut bed, &commit(), &piece);
            if let Outcome::Joined(cut) = outcome {
                cut.apply(Frame::copy_from(&piece));
            }
            prop_assert!(bed.tracker.fragments.len() <= 8);
        }
    }
}

#[test]
fn a_translated_packet_leaves_in_fragments_that_are_translated() {
    for v6 in [false, true] {
        let mut bed = Bed::new();
        let public = host(v6, 100);
        let request = with(commit(), nat(Side::Source, (public, public), None));
        let mut last = None;
        for piece in fragments(&big(v6, 4000), 1400, 5) {
            last = Some(add(&mut bed, &request, &piece));
        }
        let Some((Outcome::Joined(cut), _, joined)) = last else { panic!() };
        let payload: Vec<u8> = (0..4000).map(|n| (n % 251) as u8).collect();
        let expected = udp((public, 1000), (host(v6, 2), 80), &payload);
        assert_eq!(joined, expected);
        let sent: Vec<Vec<u8>> =
            cut.apply(Frame::copy_from(&joined)).into_iter().map(|f| f.to_vec()).collect();
        assert_eq!(sent, fragments(&expected, 1400, 5));
    }
}

#[test]
fn fragments_that_overlap_take_their_packet_with_them() {
    let mut bed = Bed::new();
    let pieces = fragments(&big(false, 4000), 1400, 5);
    add(&mut bed, &commit(), &pieces[0]);
    let mut overlapping = pieces[1].clone();
    // Eight octets earlier.
    overlapping[21] -= 1;
    overlapping[24..26].fill(0);
    let sum = packet::checksum::internet(&overlapping[14..34]);
    overlapping[24..26].copy_from_slice(&sum.to_be_bytes());
    assert_eq!(add(&mut bed, &commit(), &overlapping).0, Outcome::Held);
    assert_eq!(bed.tracker.fragments.len(), 0);
    for piece in &pieces[1..] {
        assert_eq!(add(&mut bed, &commit(), piece).0, Outcome::Held);
    }
    assert_eq!(bed.tracker.fragments.counts[0].overlapped, 1);
    bed.pass(15);
    assert_eq!((bed.tracker.fragments.len(), bed.tracker.fragments.counts[0].expired), (0, 2));
    assert_eq!(bed.tracker.next_deadline(), None);
}

#[test]
fn small_fragments_and_unwanted_ones_are_invalid() {
    let mut bed = Bed::new();
    let invalid = |bed: &mut Bed, frame: &[u8]| {
        let (outcome, state, _) = add(bed, &commit(), frame);
        outcome == Outcome::Same && words(state) == "inv"
    };
    let pieces = fragments(&big(false, 4000), 1000, 5);
    assert!(invalid(&mut bed, &pieces[0]));
    assert_eq!(bed.tracker.fragments.counts[0].too_small, 1);
    bed.tracker.fragments.settings.len_min = [0, 0];
    assert!(!invalid(&mut bed, &pieces[0]));
    bed.tracker.fragments.settings.enabled = [false, true];
    assert!(invalid(&mut bed, &pieces[0]));
}

#[test]
fn a_flood_of_fragments_is_bounded_and_other_zones_go_on() {
    let mut bed = Bed::new();
    let whole = big(false, 2000);
    let other = Request { zone: 2, ..commit() };
    let pieces = fragments(&whole, 1400, 1);
    assert_eq!(add(&mut bed, &other, &pieces[0]).0, Outcome::Held);
    for n in 0..4_000_u32 {
        let mut piece = pieces[0].clone();
        piece[18..20].copy_from_slice(&(n as u16).to_be_bytes());
        piece[29] = (n >> 16) as u8 + 9;
        piece[24..26].fill(0);
        let sum = packet::checksum::internet(&piece[14..34]);
        piece[24..26].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(add(&mut bed, &commit(), &piece).0, Outcome::Held);
        assert!(bed.tracker.fragments.len() <= 1000);
    }
    assert!(
        matches!(add(&mut bed, &other, &pieces[1]).0, Outcome::Joined(_)),
        "what came before is still there"
    );
}

#[test]
fn ports_of_tcp_are_found_for_the_whole_packet() {
    let mut bed = Bed::new();
    let (a, b) = ((host(false, 1), 1000), (host(false, 2), 80));
    bed.track(&commit(), &tcp(a, b, "S", (1, 0), b""));
    let mut said = Vec::new();
    for piece in fragments(&tcp(a, b, ".", (2, 0), &[5; 3000]), 1400, 9) {
        said.push(add(&mut bed, &look(), &piece));
    }
    assert_eq!(said.len(), 3);
    assert_eq!(words(said[2].1), "est");
}

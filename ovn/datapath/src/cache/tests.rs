//! The caches stay within their bounds, whatever comes.

use std::time::Duration;

use packet::key::slot;

use super::*;
use crate::port::PortId;
use crate::testing::start;

/// A translation that looked at `bits` bits of the source and at the port.
fn translation(bits: u32, port: u32) -> Translation {
    let mut looked = FlowKey::ZERO;
    looked.set(slot::IN_PORT, u128::MAX);
    looked.set(slot::NW_SRC, u128::MAX.checked_shl(128 - bits).unwrap_or(0));
    Translation { ops: [Op::Output(PortId(port))].into(), looked, ..Translation::default() }
}

fn look(cache: &mut Cache, key: &FlowKey, counters: &mut Counters) -> Option<MegaflowId> {
    cache.lookup(key, counters).map(|(megaflow, _)| megaflow)
}

fn key(source: u128) -> FlowKey {
    let mut key = FlowKey::ZERO;
    key.set(slot::NW_SRC, source);
    key
}

#[test]
fn a_packet_belongs_to_the_megaflow_it_agrees_with() {
    let (now, mut counters) = (start(), Counters::default());
    let mut cache = Cache::new(1);
    let wide = cache.insert(&key(0xff << 120), translation(8, 1), 1, now, &mut counters);
    assert_eq!(look(&mut cache, &key(0xff << 120 | 5), &mut counters), Some(wide));
    assert_eq!(look(&mut cache, &key(0xff << 120 | 5), &mut counters), Some(wide), "known exactly now");
    assert_eq!(counters.get(Event::ExactHit), 1);
    assert_eq!(look(&mut cache, &key(0xfe << 120), &mut counters), None);
    cache.forget(wide);
    assert_eq!(look(&mut cache, &key(0xff << 120 | 5), &mut counters), None, "not even by its exact entry");
    assert_eq!((cache.len(), cache.n_masks()), (0, 0));
}

#[test]
fn a_place_that_is_used_again_is_not_taken_for_what_was_there() {
    let (now, mut counters) = (start(), Counters::default());
    let mut cache = Cache::new(1);
    let first = cache.insert(&key(1), translation(128, 1), 1, now, &mut counters);
    look(&mut cache, &key(1), &mut counters);
    cache.forget(first);
    let second = cache.insert(&key(2), translation(128, 2), 1, now, &mut counters);
    assert!(cache.get(first).is_none());
    assert_eq!(look(&mut cache, &key(1), &mut counters), None);
    assert_eq!(look(&mut cache, &key(2), &mut counters), Some(second));
}

#[test]
fn crafted_packets_cannot_make_more_masks_than_there_may_be() {
    // Tuple space explosion (CVE-2019-25076): every packet looks at other bits.
    let (now, mut counters) = (start(), Counters::default());
    let mut cache = Cache::new(1);
    let good = cache.insert(&key(7), translation(100, 1), 1, now, &mut counters);
    for n in 0..2000u32 {
        look(&mut cache, &key(7 + u128::from(n)), &mut counters);
        let mut looked = translation(0, 1);
        looked.looked.set(slot::ETH_DST, u128::from(n) + 1);
        cache.insert(&key(u128::from(n) << 64), looked, 1, now, &mut counters);
        assert!(cache.n_masks() <= MEGAFLOW_MASKS_MAX);
    }
    assert!(cache.get(good).is_some(), "the mask that packets use stays");
    assert!(counters.get(Event::MegaflowEvict) > 1800);
}

#[test]
fn more_flows_than_there_is_room_for_push_out_old_ones() {
    let (now, mut counters) = (start(), Counters::default());
    let mut cache = Cache::new(1);
    for n in 0..MEGAFLOWS_MAX as u128 + 5000 {
        cache.insert(&key(n), translation(128, 1), 1, now, &mut counters);
    }
    assert_eq!(cache.len(), MEGAFLOWS_MAX);
    assert_eq!(counters.get(Event::MegaflowEvict), 5000);
}

#[test]
fn what_is_not_used_goes_and_what_it_counted_is_given_on() {
    let (now, mut counters) = (start(), Counters::default());
    let mut cache = Cache::new(1);
    let old = cache.insert(&key(1), translation(128, 1), 1, now, &mut counters);
    cache.get_mut(old).unwrap().new_packets = 3;
    let later = now + Duration::from_secs(5);
    let new = cache.insert(&key(2), translation(128, 1), 1, later, &mut counters);
    cache.expire(now + MEGAFLOW_IDLE);
    assert!(cache.get(old).is_none() && cache.get(new).is_some());
    let retired = cache.take_retired();
    assert_eq!(retired.iter().map(|flow| flow.new_packets).collect::<Vec<_>>(), [3]);
}

#[test]
fn masks_and_keys_are_shown_as_they_were() {
    let (now, mut counters) = (start(), Counters::default());
    let mut cache = Cache::new(1);
    let id = cache.insert(&key(0xab << 120 | 9), translation(8, 1), 1, now, &mut counters);
    let (shown, mask) = cache.key_of(cache.get(id).unwrap());
    assert_eq!((shown.get(slot::NW_SRC), mask.get(slot::NW_SRC)), (0xab << 120, 0xff << 120));
}

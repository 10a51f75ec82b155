//! Packets that wait until it is known which MAC address their next hop has.
//!
//! The switch has stopped in the middle of the pipeline with them; when the neighbour is known they go on with its
//! address. Upstream: mac-cache.c buffered_packets.

use openflow::PacketIn2;
use packet::MacAddr;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::packet_in::{Hop, NeighborAt};

/// Most packets for one next hop; the oldest goes when there is one more.
const PACKETS_MAX: usize = 4;
/// Most next hops; packets for further ones do not wait, and are lost.
const HOPS_MAX: usize = 1000;
/// How long a next hop is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    hops: BTreeMap<Hop, (Instant, VecDeque<PacketIn2>)>,
}

impl Waiting {
    /// A packet waits.
    pub(crate) fn add(&mut self, hop: Hop, packet: PacketIn2, now: Instant) {
        self.hops.retain(|_, (since, _)| now.saturating_duration_since(*since) < PATIENCE);
        if self.hops.len() >= HOPS_MAX && !self.hops.contains_key(&hop) {
            return;
        }
        let (_, packets) = self.hops.entry(hop).or_insert_with(|| (now, VecDeque::new()));
        if packets.len() >= PACKETS_MAX {
            packets.pop_front();
        }
        packets.push_back(packet);
    }

    /// A neighbour is known: the packets that waited for it, with its address.
    pub(crate) fn known(&mut self, neighbor: NeighborAt) -> impl Iterator<Item = PacketIn2> + use<> {
        let packets = self.hops.remove(&neighbor.hop).map(|(_, packets)| packets).unwrap_or_default();
        packets.into_iter().map(move |packet| addressed(packet, neighbor.mac))
    }

    /// The switch has forgotten them.
    pub(crate) fn clear(&mut self) {
        self.hops.clear();
    }
}

fn addressed(mut packet: PacketIn2, mac: MacAddr) -> PacketIn2 {
    // The destination is the first field of an Ethernet frame.
    for (octet, new) in packet.packet.iter_mut().zip(mac.0) {
        *octet = new;
    }
    packet
}

#[cfg(test)]
mod tests {
    use super::*;
    use openflow::{Match, PacketInReason};
    use std::net::Ipv4Addr;

    fn packet(n: u8) -> PacketIn2 {
        PacketIn2 {
            packet: vec![n; 14],
            full_len: None,
            table: 0,
            cookie: 0,
            reason: PacketInReason::Action,
            metadata: Match::any(),
            userdata: Vec::new(),
            continuation: Some(vec![n]),
        }
    }

    fn hop(n: u32) -> Hop {
        Hop { datapath: 1, port: 1, ip: Ipv4Addr::from(n).into() }
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "tests begin at some time")]
    fn so_many_wait_for_so_long() {
        let (mut waiting, start, mac) = (Waiting::default(), Instant::now(), MacAddr([2; 6]));
        for n in 0..6 {
            waiting.add(hop(1), packet(n), start);
        }
        let known: Vec<PacketIn2> = waiting.known(NeighborAt { hop: hop(1), mac }).collect();
        let last: Vec<u8> = known.iter().map(|packet| packet.packet[13]).collect();
        assert_eq!((last, &known[0].packet[..7]), (vec![2, 3, 4, 5], &[2; 7][..]));
        assert_eq!(waiting.known(NeighborAt { hop: hop(1), mac }).count(), 0);

        for n in 0..2000 {
            waiting.add(hop(n), packet(1), start);
        }
        assert_eq!(waiting.hops.len(), HOPS_MAX);
        waiting.add(hop(5000), packet(1), start + PATIENCE);
        assert_eq!(waiting.hops.len(), 1);
    }
}

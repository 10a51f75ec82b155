//! The network between chassis: each direction between two of them has its delay and its loss.

use std::collections::BTreeMap;
use std::time::Duration;

use datapath::TunnelPacket;

use super::ChassisId;
use super::queue::Random;

/// How good the way from one chassis to another is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// How long a packet is on it.
    pub delay: Duration,
    /// Of a thousand packets so many are lost, chosen by the seed.
    pub loss_permille: u64,
}

impl Default for Way {
    fn default() -> Self {
        Self { delay: Duration::from_micros(200), loss_permille: 0 }
    }
}

/// All ways, and a record of what went into them.
#[derive(Debug)]
pub struct Underlay {
    ways: BTreeMap<(ChassisId, ChassisId), Way>,
    random: Random,
    /// Every packet that a chassis sent, lost or not.
    pub sent: Vec<TunnelPacket>,
}

impl Underlay {
    pub(super) fn new(seed: u64) -> Self {
        Self { ways: BTreeMap::new(), random: Random(seed), sent: Vec::new() }
    }

    /// Sets one direction.
    pub fn set(&mut self, from: ChassisId, to: ChassisId, way: Way) {
        self.ways.insert((from, to), way);
    }

    /// A packet goes: when it arrives, if it does.
    pub(super) fn carry(
        &mut self,
        from: ChassisId,
        to: ChassisId,
        packet: &TunnelPacket,
    ) -> Option<Duration> {
        self.sent.push(packet.clone());
        let way = self.ways.get(&(from, to)).copied().unwrap_or_default();
        (self.random.next() % 1000 >= way.loss_permille).then_some(way.delay)
    }
}

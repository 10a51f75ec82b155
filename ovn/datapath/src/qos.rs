//! Queues of ports: how much may go out through each (tables QoS and Queue of vswitchd.conf.db(5)).
//!
//! A queue is a bucket: packets beyond its `max-rate` are dropped and counted, and so are those beyond the port's. Nothing
//! waits, so what a queue is promised (`min-rate`, `priority`) needs no doing: nobody else can be before it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use openflow::{Band, BandKind, MeterConfig, MeterFlags, MeterId};

use crate::meter::{Gauge, Verdict};

/// What a port asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct QosConfig {
    /// The kind of row, as operators see it.
    pub kind: String,
    pub limit: Limit,
    /// By number; 0 has what is in no other.
    pub queues: BTreeMap<u32, QueueConfig>,
}

/// What one queue asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct QueueConfig {
    pub limit: Limit,
    /// Bits a second that it is promised; told only.
    pub min_rate: Option<u64>,
    /// The code point that its IP packets get.
    pub dscp: Option<u8>,
}

/// How much may pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Limit {
    /// Bits a second; `None` for any number.
    pub max_rate: Option<u64>,
    /// Bits at once; `None` for what passes in a tenth of a second.
    pub burst: Option<u64>,
}

impl Limit {
    /// Full; `None` if all may pass.
    fn gauge(&self, now: Instant) -> Option<Arc<Gauge>> {
        let kbits = |bits: u64| u32::try_from(bits.div_ceil(1000)).unwrap_or(u32::MAX);
        let rate = kbits(self.max_rate?);
        // A bucket that holds no packet would let none pass.
        let burst = kbits(self.burst.unwrap_or(0)).max(rate / 10).max(BURST_KBITS_MIN);
        let band = Band { kind: BandKind::Drop, rate, burst };
        let flags = MeterFlags(MeterFlags::KBPS | MeterFlags::BURST);
        Some(Arc::new(Gauge::new(&MeterConfig { meter: MeterId(0), flags, bands: vec![band] }, now)))
    }
}

/// Kilobits that fit into any bucket: a TCP write of 64 KiB, which crosses the switch as one frame.
const BURST_KBITS_MIN: u32 = 640;

/// The queues of a port.
#[derive(Clone, Debug)]
pub(crate) struct Qos {
    pub config: QosConfig,
    /// Of the whole port.
    gauge: Option<Arc<Gauge>>,
    pub queues: BTreeMap<u32, Queue>,
}

/// A queue and what went through it.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub config: QueueConfig,
    pub created: Instant,
    gauge: Option<Arc<Gauge>>,
    pub counts: QueueCounts,
}

/// Packets and octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct QueueCounts {
    pub packets: u64,
    pub octets: u64,
    /// Packets that were too many.
    pub dropped: u64,
}

impl Qos {
    /// Queues as configured; those that were there before keep their counts.
    pub(crate) fn new(config: &QosConfig, before: Option<&Self>, now: Instant) -> Self {
        let mut configs = config.queues.clone();
        // There is always one for what is in no other.
        configs.entry(0).or_default();
        let queues = configs.into_iter().map(|(number, config)| {
            let old = before.and_then(|before| before.queues.get(&number));
            let (created, counts) =
                old.map_or((now, QueueCounts::default()), |old| (old.created, old.counts));
            (number, Queue { created, counts, gauge: config.limit.gauge(now), config })
        });
        Self { config: config.clone(), gauge: config.limit.gauge(now), queues: queues.collect() }
    }

    /// Whether a packet of so many octets may leave by a queue; one that is not there is queue 0.
    pub(crate) fn passes(&mut self, queue: u32, octets: u64, now: Instant) -> bool {
        let number = if self.queues.contains_key(&queue) { queue } else { 0 };
        let Some(queue) = self.queues.get_mut(&number) else { return true };
        let gauges = [&queue.gauge, &self.gauge];
        let passes = gauges.into_iter().flatten().all(|gauge| gauge.pass(1, octets, now) == Verdict::Pass);
        if passes {
            queue.counts.packets += 1;
            queue.counts.octets += octets;
        } else {
            queue.counts.dropped += 1;
        }
        passes
    }

    /// When each queue began and what went through it, for another process.
    pub(crate) fn counted(&self) -> BTreeMap<u32, (Instant, QueueCounts)> {
        self.queues.iter().map(|(number, queue)| (*number, (queue.created, queue.counts))).collect()
    }

    /// Goes on counting where the queues of another process were.
    pub(crate) fn take(&mut self, counted: BTreeMap<u32, (Instant, QueueCounts)>) {
        for (number, (created, counts)) in counted {
            if let Some(queue) = self.queues.get_mut(&number) {
                (queue.created, queue.counts) = (created, counts);
            }
        }
    }
}

//! Ingress policing: how much a port may send in (`ingress_policing_*` of vswitchd.conf.db(5)). What is too much is
//! dropped and counted; nothing waits.

use std::time::Instant;

use openflow::{Band, BandKind, MeterConfig, MeterFlags, MeterId};
use schema::vswitch::Interface;

use crate::meter::{Gauge, Verdict};

/// Kilobits of a burst if none are given.
const BURST_KBITS: u32 = 8000;
/// Thousands of packets of a burst if none are given.
const BURST_KPACKETS: u32 = 16;

/// What a port may send in; zero rates are no limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policing {
    /// Kilobits a second, and at once.
    pub kbits: (u32, u32),
    /// Packets a second, and at once, in thousands.
    pub kpackets: (u32, u32),
}

impl Policing {
    /// What a row asks for. Without a burst of its own there is a usual one.
    pub(crate) fn read(row: &Interface) -> Self {
        let pair = |rate: i64, burst: i64, usual: u32| {
            let number = |n: i64| u32::try_from(n.max(0)).unwrap_or(u32::MAX);
            (number(rate), if burst <= 0 { usual } else { number(burst) })
        };
        Self {
            kbits: pair(row.ingress_policing_rate, row.ingress_policing_burst, BURST_KBITS),
            kpackets: pair(row.ingress_policing_kpkts_rate, row.ingress_policing_kpkts_burst, BURST_KPACKETS),
        }
    }

    /// The buckets that packets pass, full; none without limits.
    pub(crate) fn gauges(&self, now: Instant) -> Vec<Gauge> {
        let gauge = |unit: u16, (rate, burst): (u32, u32)| {
            let band = Band { kind: BandKind::Drop, rate, burst };
            let flags = MeterFlags(unit | MeterFlags::BURST);
            Gauge::new(&MeterConfig { meter: MeterId(0), flags, bands: vec![band] }, now)
        };
        let thousand = |(rate, burst): (u32, u32)| (rate.saturating_mul(1000), burst.saturating_mul(1000));
        let limits = [(MeterFlags::KBPS, self.kbits), (MeterFlags::PKTPS, thousand(self.kpackets))];
        limits
            .into_iter()
            .filter(|(_, (rate, _))| *rate != 0)
            .map(|(unit, limit)| gauge(unit, limit))
            .collect()
    }
}

/// Whether a packet of so many octets may come in.
pub(crate) fn passes(gauges: &[Gauge], octets: usize, now: Instant) -> bool {
    gauges.iter().all(|gauge| gauge.pass(1, octets as u64, now) == Verdict::Pass)
}

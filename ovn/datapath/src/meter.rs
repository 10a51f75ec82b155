//! Meters: token buckets that packets pass, and what they counted (OpenFlow 1.5.1 section 5.8).
//!
//! Each band is a bucket that fills at its rate up to its burst. A packet takes its size out of every
//! bucket that has as much. Of the bands that had not, the one with the highest rate treats it. Time
//! comes with the packets; a bucket that was not looked at for long is filled when one comes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use openflow::{Band, BandKind, MeterConfig, MeterFlags, MeterId};

use crate::handover::{HandOverError, In, Kept, Out, kept};

/// A meter of a bridge. Its gauge is shared with the programs of megaflows.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    pub config: MeterConfig,
    pub created: Instant,
    pub gauge: Arc<Gauge>,
}

/// The buckets of a meter. Locked only so that a switch can move between threads; nobody waits.
#[derive(Debug)]
pub(crate) struct Gauge {
    id: MeterId,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Packets are counted, and not bits.
    per_packet: bool,
    bands: Vec<Bucket>,
    counted: Counted,
    /// When the buckets were last filled.
    filled: Instant,
}

#[derive(Debug)]
struct Bucket {
    kind: BandKind,
    /// Units a millisecond: bits, or thousandths of packets.
    rate: u64,
    /// What fits.
    depth: u64,
    level: u64,
    counted: Counted,
}

/// Packets and octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub packets: u64,
    pub octets: u64,
}

kept!(Counted { packets, octets });

impl Counted {
    fn add(&mut self, packets: u64, octets: u64) {
        self.packets += packets;
        self.octets += octets;
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    Drop,
    /// The drop precedence rises by so much.
    Remark(u8),
}

impl Meter {
    pub(crate) fn new(config: MeterConfig, created: Instant, now: Instant) -> Self {
        let gauge = Arc::new(Gauge::new(&config, now));
        Self { config, created, gauge }
    }
}

impl Gauge {
    /// With full buckets.
    pub(crate) fn new(config: &MeterConfig, now: Instant) -> Self {
        let per_packet = config.flags.has(MeterFlags::PKTPS);
        let bucket = |band: &Band| {
            // Without a burst of its own a bucket holds what comes in one second.
            let has_burst = config.flags.has(MeterFlags::BURST) && band.burst != 0;
            let depth = u64::from(if has_burst { band.burst } else { band.rate }) * 1000;
            let rate = band.rate.into();
            Bucket { kind: band.kind, rate, depth, level: depth, counted: Counted::default() }
        };
        let bands = config.bands.iter().map(bucket).collect();
        let state = State { per_packet, bands, counted: Counted::default(), filled: now };
        Self { id: config.meter, state: Mutex::new(state) }
    }

    /// The meter that it belongs to.
    pub(crate) fn id(&self) -> MeterId {
        self.id
    }

    /// So many packets with so many octets in all, that stay together, pass at `now`.
    pub(crate) fn pass(&self, packets: u64, octets: u64, now: Instant) -> Verdict {
        let mut state = self.state();
        state.counted.add(packets, octets);
        let millis = state.fill(now);
        let size = if state.per_packet { packets * 1000 } else { octets * 8 };
        let mut hit: Option<&mut Bucket> = None;
        for bucket in &mut state.bands {
            bucket.level = bucket.depth.min(bucket.level.saturating_add(bucket.rate.saturating_mul(millis)));
            match bucket.level.checked_sub(size) {
                Some(left) => bucket.level = left,
                None if hit.as_ref().is_none_or(|hit| bucket.rate > hit.rate) => hit = Some(bucket),
                None => {}
            }
        }
        let Some(bucket) = hit else { return Verdict::Pass };
        bucket.counted.add(packets, octets);
        match bucket.kind {
            BandKind::Drop => Verdict::Drop,
            BandKind::DscpRemark(by) => Verdict::Remark(by),
        }
    }

    /// What came, and what each band treated.
    pub(crate) fn counted(&self) -> (Counted, Vec<Counted>) {
        let state = self.state();
        (state.counted, state.bands.iter().map(|band| band.counted).collect())
    }

    /// How full the buckets are and what was counted, for another process.
    pub(crate) fn put(&self, out: &mut Out) {
        let state = self.state();
        (state.filled, state.counted).put(out);
        let bands: Vec<(u64, Counted)> = state.bands.iter().map(|band| (band.level, band.counted)).collect();
        bands.put(out);
    }

    /// Reads what was written.
    ///
    /// # Errors
    /// When it is of a meter with other bands.
    pub(crate) fn take(&self, from: &mut In<'_>) -> Result<(), HandOverError> {
        let mut state = self.state();
        (state.filled, state.counted) = Kept::read(from)?;
        let bands: Vec<(u64, Counted)> = Kept::read(from)?;
        if bands.len() != state.bands.len() {
            return Err(HandOverError::Damaged("a meter"));
        }
        for (band, (level, counted)) in state.bands.iter_mut().zip(bands) {
            (band.level, band.counted) = (level.min(band.depth), counted);
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whole milliseconds since the last time; what is less is left for the next.
    fn fill(&mut self, now: Instant) -> u64 {
        let millis = now.saturating_duration_since(self.filled).as_millis() as u64;
        self.filled += Duration::from_millis(millis);
        millis
    }
}

/// A type of service whose drop precedence is raised by some steps, up to the highest. Only the
/// assured forwarding classes have one (RFC 2597 section 6).
pub(crate) fn remarked(tos: u8, by: u8) -> u8 {
    let (class, precedence) = (tos >> 5, tos >> 3 & 3);
    if !(1..=4).contains(&class) || precedence == 0 || tos & 4 != 0 {
        return tos;
    }
    tos & !0x18 | precedence.saturating_add(by).min(3) << 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauge(flags: u16, bands: &[(BandKind, u32, u32)], now: Instant) -> Gauge {
        let bands = bands.iter().map(|(kind, rate, burst)| Band { kind: *kind, rate: *rate, burst: *burst });
        let config = MeterConfig { meter: MeterId(1), flags: MeterFlags(flags), bands: bands.collect() };
        Gauge::new(&config, now)
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let now = crate::testing::start();
        let gauge =
            gauge(MeterFlags::PKTPS | MeterFlags::BURST | MeterFlags::STATS, &[(BandKind::Drop, 2, 3)], now);
        let pass = |ms| gauge.pass(1, 51, now + Duration::from_millis(ms)) == Verdict::Pass;
        assert_eq!([0, 0, 0, 0, 0].map(pass), [true, true, true, false, false]);
        assert_eq!([499, 500, 501, 1000].map(pass), [false, true, false, true]);
        // After any time no more than the burst.
        assert_eq!([90_000; 4].map(pass), [true, true, true, false]);
        let (all, bands) = gauge.counted();
        assert_eq!((all.packets, all.octets), (13, 13 * 51));
        assert_eq!(bands, [Counted { packets: 5, octets: 255 }]);
    }

    #[test]
    fn bits_are_measured_without_losing_parts_of_milliseconds() {
        let now = crate::testing::start();
        // 8000 bits a second are an octet a millisecond; the bucket holds a second's.
        let gauge = gauge(MeterFlags::KBPS, &[(BandKind::Drop, 8, 0)], now);
        assert_eq!(gauge.pass(1, 1000, now), Verdict::Pass);
        let passed = (1..=10_000u64)
            .filter(|n| gauge.pass(1, 10, now + Duration::from_micros(n * 300)) == Verdict::Pass)
            .count();
        assert_eq!(passed, 300, "3000 octets in 3000 ms");
    }

    #[test]
    fn of_the_bands_that_are_exceeded_the_fastest_counts() {
        let now = crate::testing::start();
        let bands = [(BandKind::DscpRemark(1), 1, 0), (BandKind::Drop, 3, 0)];
        let gauge = gauge(MeterFlags::PKTPS, &bands, now);
        let verdicts = [(); 5].map(|()| gauge.pass(1, 100, now));
        let remark = Verdict::Remark(1);
        assert_eq!(verdicts, [Verdict::Pass, remark, remark, Verdict::Drop, Verdict::Drop]);
    }

    #[test]
    fn only_assured_forwarding_has_a_drop_precedence() {
        // AF11 to AF12, AF12 to AF13 and no further; best effort, EF and CS1 stay.
        for (tos, by, wanted) in [
            (0x28, 1, 0x30),
            (0x33, 1, 0x3b),
            (0x28, 9, 0x38),
            (0x88, 1, 0x90),
            (0, 1, 0),
            (0xb8, 1, 0xb8),
            (0x20, 1, 0x20),
        ] {
            assert_eq!(remarked(tos, by), wanted, "{tos:#x}");
        }
    }
}

//! The fabric as a state machine: attachments joined like a learning switch.
//!
//! A frame enters by an attachment's `Tx` line (from the node), is sent on by the addresses learned so far, and leaves
//! by the `Rx` lines of the others (to the nodes). Pairs of attachments can be cut from each other. Everything that
//! waits is bounded: by each line's limit, and the address table by [`ADDRESSES_MAX`].

use super::line::{Frame, Line, LineCounters};
use super::random::Random;
use crate::topology::LinkSettings;
use std::cmp::Ordering;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::time::Instant;

/// Learned addresses; when the table is full, new ones are not learned and their frames are flooded.
pub const ADDRESSES_MAX: usize = 8192;

/// An attachment of the fabric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct End(pub usize);

/// A direction, as the node at the attachment sees it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// From the node into the fabric.
    Tx,
    /// From the fabric to the node.
    Rx,
}

/// A frame that the node at `end` is to receive now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub end: End,
    pub frame: Frame,
}

/// What one attachment has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counters {
    pub tx: LineCounters,
    pub rx: LineCounters,
    /// Frames for it that a cut kept away.
    pub cut: u64,
}

/// Attachments, what is on its way between them, and who is cut from whom.
pub struct Fabric {
    seed: u64,
    ends: Vec<Attachment>,
    addresses: HashMap<[u8; 6], End>,
    /// Ordered pairs, from and to, between which nothing passes.
    cuts: BTreeSet<(End, End)>,
    flying: BinaryHeap<Flying>,
    entered: u64,
    ready: VecDeque<Delivery>,
}

struct Attachment {
    tx: Line,
    rx: Line,
    cut: u64,
}

/// A frame inside a line; the heap gives the earliest first, then the one that entered first.
struct Flying {
    time: Instant,
    order: u64,
    end: End,
    side: Side,
    frame: Frame,
}

impl Ord for Flying {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.time, other.order).cmp(&(self.time, self.order))
    }
}

impl PartialOrd for Flying {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Flying {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Flying {}

impl Fabric {
    /// A fabric without attachments.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            ends: Vec::new(),
            addresses: HashMap::new(),
            cuts: BTreeSet::new(),
            flying: BinaryHeap::new(),
            entered: 0,
            ready: VecDeque::new(),
        }
    }

    /// One more attachment, with the same settings in both directions.
    pub fn attach(&mut self, settings: LinkSettings) -> End {
        let end = End(self.ends.len());
        let stream = end.0 as u64 * 2;
        self.ends.push(Attachment {
            tx: Line::new(settings, Random::new(self.seed, stream)),
            rx: Line::new(settings, Random::new(self.seed, stream + 1)),
            cut: 0,
        });
        end
    }

    /// Changes a direction's settings from now on; what is already under way stays as it is.
    pub fn set(&mut self, end: End, side: Side, settings: LinkSettings) {
        self.line(end, side).settings = settings;
    }

    /// A direction's settings.
    pub fn settings(&self, end: End, side: Side) -> LinkSettings {
        match side {
            Side::Tx => self.ends[end.0].tx.settings,
            Side::Rx => self.ends[end.0].rx.settings,
        }
    }

    /// Nothing passes between these two from now on, in either direction.
    pub fn cut(&mut self, a: End, b: End) {
        self.cuts.extend([(a, b), (b, a)]);
    }

    /// Undoes [`Fabric::cut`].
    pub fn heal(&mut self, a: End, b: End) {
        self.cuts.remove(&(a, b));
        self.cuts.remove(&(b, a));
    }

    /// Undoes every cut.
    pub fn heal_all(&mut self) {
        self.cuts.clear();
    }

    /// What an attachment has seen so far.
    pub fn counters(&self, end: End) -> Counters {
        let e = &self.ends[end.0];
        Counters { tx: e.tx.counters, rx: e.rx.counters, cut: e.cut }
    }

    /// A frame that the node at `end` sends.
    pub fn handle_frame(&mut self, end: End, frame: &Frame, now: Instant) {
        self.enter(end, Side::Tx, frame, now);
        self.handle_timeout(now);
    }

    /// Moves everything whose time has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        while self.flying.peek().is_some_and(|f| f.time <= now) {
            let Some(flying) = self.flying.pop() else { return };
            self.line(flying.end, flying.side).has_left();
            match flying.side {
                Side::Tx => self.forward(flying.end, &flying.frame, flying.time),
                Side::Rx => self.ready.push_back(Delivery { end: flying.end, frame: flying.frame }),
            }
        }
    }

    /// The next frame to give to a node.
    pub fn poll_output(&mut self) -> Option<Delivery> {
        self.ready.pop_front()
    }

    /// When [`Fabric::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.flying.peek().map(|f| (f.time, "a frame reaches the end of its line"))
    }

    fn line(&mut self, end: End, side: Side) -> &mut Line {
        let attachment = &mut self.ends[end.0];
        match side {
            Side::Tx => &mut attachment.tx,
            Side::Rx => &mut attachment.rx,
        }
    }

    fn enter(&mut self, end: End, side: Side, frame: &Frame, now: Instant) {
        let attachment = &mut self.ends[end.0];
        let line = match side {
            Side::Tx => &mut attachment.tx,
            Side::Rx => &mut attachment.rx,
        };
        let (flying, entered) = (&mut self.flying, &mut self.entered);
        line.enter(frame, now, |time, frame| {
            *entered += 1;
            flying.push(Flying { time, order: *entered, end, side, frame });
        });
    }

    /// Sends a frame on to those it is for: one attachment if its address is known, else all others.
    fn forward(&mut self, from: End, frame: &Frame, now: Instant) {
        let (Some(destination), Some(source)) = (address(frame, 0), address(frame, 6)) else { return };
        if source[0] & 1 == 0
            && (self.addresses.len() < ADDRESSES_MAX || self.addresses.contains_key(&source))
        {
            self.addresses.insert(source, from);
        }
        match self.addresses.get(&destination) {
            Some(&to) if destination[0] & 1 == 0 => {
                if to != from {
                    self.cross(from, to, frame, now);
                }
            }
            Some(_) | None => {
                for to in (0..self.ends.len()).map(End).filter(|to| *to != from) {
                    self.cross(from, to, frame, now);
                }
            }
        }
    }

    fn cross(&mut self, from: End, to: End, frame: &Frame, now: Instant) {
        if self.cuts.contains(&(from, to)) {
            self.ends[to.0].cut += 1;
        } else {
            self.enter(to, Side::Rx, frame, now);
        }
    }
}

/// The Ethernet address at this offset of a frame; None when the frame is too short.
fn address(frame: &Frame, offset: usize) -> Option<[u8; 6]> {
    frame.get(offset..offset + 6)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::values::{Rate, Ratio, Span};
    use proptest::prelude::*;
    use std::time::Duration;

    fn frame(to: u8, from: u8, tag: u16) -> Frame {
        let mut octets = vec![0, 0, 0, 0, 0, to, 0, 0, 0, 0, 0, from, 8, 0];
        if to == 255 {
            octets[..6].fill(255);
        }
        octets.extend(tag.to_be_bytes());
        octets.into()
    }

    fn tag(frame: &Frame) -> u16 {
        u16::from_be_bytes([frame[14], frame[15]])
    }

    /// Runs until nothing is under way; who received what, and after how many milliseconds.
    fn drain(fabric: &mut Fabric, start: Instant) -> Vec<(usize, u16, u64)> {
        let mut got = Vec::new();
        let mut now = start;
        loop {
            while let Some(d) = fabric.poll_output() {
                got.push((d.end.0, tag(&d.frame), (now - start).as_millis() as u64));
            }
            match fabric.poll_timeout() {
                None => return got,
                Some((time, _)) => now = time,
            }
            fabric.handle_timeout(now);
        }
    }

    fn three(settings: LinkSettings) -> (Fabric, [End; 3], Instant) {
        let mut fabric = Fabric::new(7);
        let ends = [(); 3].map(|()| fabric.attach(settings));
        (fabric, ends, Instant::now())
    }

    #[test]
    fn unknown_and_broadcast_reach_all_others_and_known_addresses_one() {
        let (mut fabric, [a, b, _], now) = three(LinkSettings::default());
        fabric.handle_frame(a, &frame(2, 1, 10), now);
        fabric.handle_frame(b, &frame(1, 2, 11), now);
        fabric.handle_frame(a, &frame(2, 1, 12), now);
        fabric.handle_frame(a, &frame(255, 1, 13), now);
        fabric.handle_frame(a, &frame(1, 1, 14), now);
        assert_eq!(
            drain(&mut fabric, now),
            [(1, 10, 0), (2, 10, 0), (0, 11, 0), (1, 12, 0), (1, 13, 0), (2, 13, 0)]
        );
    }

    #[test]
    fn delay_and_rate_add_up() {
        let (mut fabric, [a, b, c], now) = three(LinkSettings::default());
        fabric.set(a, Side::Tx, LinkSettings { delay: Span::millis(20), ..Default::default() });
        // 16 octets at 12.8 kbit/s take 10 ms each.
        fabric.set(b, Side::Rx, LinkSettings { rate: Some(Rate(12_800)), ..Default::default() });
        fabric.set(c, Side::Rx, LinkSettings { down: true, ..Default::default() });
        for i in 0..3 {
            fabric.handle_frame(a, &frame(255, 1, i), now);
        }
        assert_eq!(drain(&mut fabric, now), [(1, 0, 30), (1, 1, 40), (1, 2, 50)]);
        assert_eq!(fabric.counters(c).rx.refused_while_down, 3);
    }

    #[test]
    fn a_cut_keeps_two_apart_until_it_is_healed() {
        let (mut fabric, [a, b, _], now) = three(LinkSettings::default());
        fabric.cut(a, b);
        fabric.handle_frame(a, &frame(255, 1, 1), now);
        fabric.handle_frame(b, &frame(255, 2, 2), now);
        assert_eq!(drain(&mut fabric, now), [(2, 1, 0), (2, 2, 0)]);
        assert_eq!((fabric.counters(a).cut, fabric.counters(b).cut), (1, 1));
        fabric.heal(b, a);
        fabric.handle_frame(a, &frame(2, 1, 3), now);
        assert_eq!(drain(&mut fabric, now), [(1, 3, 0)]);
    }

    #[test]
    fn a_reordered_frame_is_overtaken() {
        let (mut fabric, [a, b, _], now) = three(LinkSettings::default());
        fabric.handle_frame(b, &frame(1, 2, 0), now);
        drain(&mut fabric, now);
        fabric.set(a, Side::Tx, LinkSettings { reorder: Ratio(1.0), ..Default::default() });
        fabric.handle_frame(a, &frame(2, 1, 1), now);
        fabric.set(a, Side::Tx, LinkSettings::default());
        fabric.handle_frame(a, &frame(2, 1, 2), now);
        assert_eq!(drain(&mut fabric, now), [(1, 2, 0), (1, 1, 5)]);
    }

    #[test]
    fn a_line_holds_no_more_than_its_limit() {
        let (mut fabric, [a, b, _], now) = three(LinkSettings::default());
        let slow = LinkSettings { delay: Span::millis(1), limit: Some(4), ..Default::default() };
        fabric.set(a, Side::Tx, slow);
        for i in 0..10 {
            fabric.handle_frame(a, &frame(2, 1, i), now);
        }
        assert_eq!(drain(&mut fabric, now).len(), 8, "four frames, each to two others");
        assert_eq!(fabric.counters(a).tx.overflowed, 6);
        assert_eq!(fabric.counters(b).rx.left, 4);
    }

    #[test]
    fn runts_are_ignored() {
        let (mut fabric, [a, ..], now) = three(LinkSettings::default());
        fabric.handle_frame(a, &Frame::from([1u8, 2, 3]), now);
        fabric.handle_frame(a, &Frame::from([]), now);
        assert!(drain(&mut fabric, now).is_empty());
    }

    fn any_settings() -> impl Strategy<Value = LinkSettings> {
        let shares = (0.0..1.0f64, 0.0..1.0f64, 0.0..1.0f64, 0.0..1.0f64);
        (0..50u64, 0..50u64, shares, proptest::option::of(1000..1_000_000u64), 1..20u32).prop_map(
            |(delay, jitter, (loss, duplicate, reorder, corrupt), rate, limit)| LinkSettings {
                delay: Span::millis(delay),
                jitter: Span::millis(jitter),
                loss: Ratio(loss),
                duplicate: Ratio(duplicate),
                reorder: Ratio(reorder),
                corrupt: Ratio(corrupt),
                rate: rate.map(Rate),
                limit: Some(limit),
                ..Default::default()
            },
        )
    }

    proptest! {
        #[test]
        fn every_frame_is_accounted_for_and_the_same_seed_gives_the_same_run(
            settings in any_settings(),
            sends in proptest::collection::vec((0..3usize, 0..30u64), 1..60),
        ) {
            let start = Instant::now();
            let run = || {
                let (mut fabric, ends, _) = three(settings);
                let (mut now, mut got) = (start, Vec::new());
                for (i, (from, pause)) in sends.iter().enumerate() {
                    now += Duration::from_millis(*pause);
                    fabric.handle_frame(ends[*from], &frame(255, *from as u8, i as u16), now);
                    while let Some(d) = fabric.poll_output() {
                        got.push((d.end.0, d.frame));
                    }
                    for end in ends {
                        prop_assert!(fabric.ends[end.0].tx.waiting() <= 20 && fabric.ends[end.0].rx.waiting() <= 20);
                    }
                }
                while let Some((time, _)) = fabric.poll_timeout() {
                    fabric.handle_timeout(time);
                    while let Some(d) = fabric.poll_output() {
                        got.push((d.end.0, d.frame));
                    }
                }
                for end in ends {
                    let c = fabric.counters(end);
                    for line in [c.tx, c.rx] {
                        let gone = line.lost + line.overflowed + line.refused_while_down;
                        prop_assert_eq!(line.entered + line.duplicated, line.left + gone);
                    }
                }
                Ok(got)
            };
            prop_assert_eq!(run()?, run()?);
        }

        #[test]
        fn delay_and_jitter_alone_keep_every_frame_in_order_and_in_time(
            delay in 0..50u64, jitter in 0..50u64, pauses in proptest::collection::vec(0..30u64, 1..60),
        ) {
            let (mut fabric, [a, ..], start) = three(LinkSettings::default());
            let (delay, jitter) = (Span::millis(delay), Span::millis(jitter));
            fabric.set(a, Side::Tx, LinkSettings { delay, jitter, ..Default::default() });
            let (mut now, mut sent, mut got) = (start, Vec::new(), Vec::new());
            let mut collect = |fabric: &mut Fabric, now: Instant| {
                while let Some(d) = fabric.poll_output() {
                    if d.end.0 == 1 {
                        got.push((tag(&d.frame), now));
                    }
                }
            };
            for (i, pause) in pauses.iter().enumerate() {
                let next = now + Duration::from_millis(*pause);
                while let Some((time, _)) = fabric.poll_timeout().filter(|(t, _)| *t <= next) {
                    fabric.handle_timeout(time);
                    collect(&mut fabric, time);
                }
                now = next;
                sent.push(now);
                fabric.handle_frame(a, &frame(9, 1, i as u16), now);
                collect(&mut fabric, now);
            }
            while let Some((time, _)) = fabric.poll_timeout() {
                fabric.handle_timeout(time);
                collect(&mut fabric, time);
            }
            prop_assert_eq!(got.len(), sent.len());
            for (i, (tag, time)) in got.iter().enumerate() {
                prop_assert_eq!(*tag as usize, i);
                let late = *time - sent[i];
                prop_assert!(late >= delay.0.saturating_sub(jitter.0) && late <= delay.0 + jitter.0 + jitter.0);
            }
        }

        #[test]
        fn corruption_turns_over_one_bit(octets in proptest::collection::vec(any::<u8>(), 14..100)) {
            let settings = LinkSettings { corrupt: Ratio(1.0), ..Default::default() };
            let mut line = Line::new(settings, Random::new(1, 2));
            let frame: Frame = octets.into();
            let mut left = Vec::new();
            line.enter(&frame, Instant::now(), |_, f| left.push(f));
            let turned: u32 = left[0].iter().zip(frame.iter()).map(|(a, b)| (a ^ b).count_ones()).sum();
            prop_assert_eq!(turned, 1);
        }
    }
}

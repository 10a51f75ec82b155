//! One flow: what it matches, what it does, and what it counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use openflow::{Conjunction, FlowMod, FlowModFlags, Instruction, Match};

use super::{Doing, PackedMatch};

/// A flow of a table. Rules are never changed: a modified flow is a new rule that counts on.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Unique in the switch, and greater than that of every rule made before.
    pub id: u64,
    /// The number that it had when it was added; modifications keep it.
    pub added: u64,
    pub table: u8,
    pub priority: u16,
    pub matching: PackedMatch,
    pub cookie: u64,
    pub idle_timeout: u16,
    pub hard_timeout: u16,
    pub flags: FlowModFlags,
    pub importance: u16,
    pub doing: Arc<Doing>,
    /// Bits of the `tun_metadata` fields that match or instructions name.
    pub options: u64,
    /// It was made by a `learn` action.
    pub learned: bool,
    /// When the flow was added.
    pub created: Instant,
    /// When it was last added or modified: the hard timeout runs from here.
    pub modified: Instant,
    /// Made when there is something to count.
    pub counters: OnceLock<Arc<RuleCounters>>,
}

impl Rule {
    /// What it matches.
    pub(crate) fn matching(&self) -> Match {
        self.matching.unpack()
    }

    /// What it does.
    pub(crate) fn instructions(&self) -> &[Instruction] {
        &self.doing.instructions
    }

    /// Of which conjunctions it is a part; it then does nothing else.
    pub(crate) fn conjunctions(&self) -> &[Conjunction] {
        &self.doing.conjunctions
    }

    /// Where its packets are counted.
    pub(crate) fn counters(&self) -> &Arc<RuleCounters> {
        self.counters.get_or_init(Arc::default)
    }

    /// What it counted.
    pub(crate) fn counted(&self) -> &RuleCounters {
        static NOTHING: RuleCounters = RuleCounters::new();
        self.counters.get().map_or(&NOTHING, Arc::as_ref)
    }

    /// The flow that stands for all packets that no other flow matches.
    pub(crate) fn is_table_miss(&self) -> bool {
        self.priority == 0 && self.matching.is_any()
    }

    /// As `ofproto/trace` shows it: table, match, priority and cookie.
    pub(crate) fn to_text(&self) -> String {
        let Self { table, priority, cookie, .. } = self;
        let matching = self.matching();
        let matching = if matching.is_any() { String::new() } else { format!("{matching}, ") };
        let cookie = if *cookie == 0 { String::new() } else { format!(", cookie {cookie:#x}") };
        format!("{table:2}. {matching}priority {priority}{cookie}")
    }

    /// When the flow goes because no packet came, as far as is known now.
    pub(crate) fn idle_deadline(&self) -> Option<Instant> {
        let (timeout, _) = self.timeouts();
        let since = self.refreshed();
        let last = self.counted().used().map_or(since, |used| used.max(since));
        (timeout != 0).then(|| last + Duration::from_secs(timeout.into()))
    }

    /// When the flow goes in any case.
    pub(crate) fn hard_deadline(&self) -> Option<Instant> {
        let (_, timeout) = self.timeouts();
        (timeout != 0).then(|| self.refreshed() + Duration::from_secs(timeout.into()))
    }

    /// Idle and hard timeout in seconds, as they are now: a connection that ends shortens them.
    pub(crate) fn timeouts(&self) -> (u16, u16) {
        self.counted().shortened().unwrap_or((self.idle_timeout, self.hard_timeout))
    }

    /// When it was last added, modified or learned again.
    pub(crate) fn refreshed(&self) -> Instant {
        self.counted().refreshed().map_or(self.modified, |at| at.max(self.modified))
    }

    /// Whether it is what this flow mod would make of it.
    pub(crate) fn is_as_learned(&self, change: &FlowMod) -> bool {
        self.learned
            && self.counted().shortened().is_none()
            && (self.cookie, self.idle_timeout, self.hard_timeout, self.flags)
                == (change.cookie, change.idle_timeout, change.hard_timeout, change.flags)
            && self.instructions() == change.instructions
    }

    /// The earlier of both.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.idle_deadline(), self.hard_deadline()].into_iter().flatten().min()
    }
}

/// What a flow counted. Shared by the rule and the megaflows that pass through it. Atomic only so
/// that a switch can move between threads; no other thread writes at the same time.
#[derive(Debug, Default)]
pub(crate) struct RuleCounters {
    pub(super) packets: AtomicU64,
    pub(super) octets: AtomicU64,
    /// Milliseconds from `since` to the last packet, plus one; 0 for none.
    pub(super) used: AtomicU64,
    /// The same for when it was last learned.
    pub(super) refreshed: AtomicU64,
    /// What became of the timeouts when the connection ended, plus one: idle and hard, 32 bits each.
    pub(super) shortened: AtomicU64,
    pub(super) since: OnceLock<Instant>,
}

impl RuleCounters {
    /// Nothing was counted.
    const fn new() -> Self {
        Self {
            packets: AtomicU64::new(0),
            octets: AtomicU64::new(0),
            used: AtomicU64::new(0),
            refreshed: AtomicU64::new(0),
            shortened: AtomicU64::new(0),
            since: OnceLock::new(),
        }
    }

    /// Adds packets, the last of which came at `now`.
    pub(crate) fn add(&self, packets: u64, octets: u64, now: Instant) {
        self.packets.fetch_add(packets, Ordering::Relaxed);
        self.octets.fetch_add(octets, Ordering::Relaxed);
        self.used.fetch_max(self.millis(now), Ordering::Relaxed);
    }

    /// The flow was learned again.
    pub(crate) fn refresh(&self, now: Instant) {
        self.refreshed.fetch_max(self.millis(now), Ordering::Relaxed);
    }

    /// The flow with these timeouts has no more than `most` left of each; 0 is for ever, or no bound.
    pub(crate) fn shorten(&self, timeouts: (u16, u16), most: (u16, u16)) {
        let (idle, hard) = self.shortened().unwrap_or(timeouts);
        let less = |timeout: u16, most: u16| match (timeout, most) {
            (timeout, 0) => timeout,
            (0, most) => most,
            (timeout, most) => timeout.min(most),
        };
        let (idle, hard) = (u64::from(less(idle, most.0)), u64::from(less(hard, most.1)));
        self.shortened.store((idle << 32 | hard) + 1, Ordering::Relaxed);
    }

    fn shortened(&self) -> Option<(u16, u16)> {
        let bits = self.shortened.load(Ordering::Relaxed).checked_sub(1)?;
        Some(((bits >> 32) as u16, bits as u16))
    }

    fn refreshed(&self) -> Option<Instant> {
        self.instant(self.refreshed.load(Ordering::Relaxed))
    }

    /// Milliseconds since the first time that was noted, plus one.
    fn millis(&self, now: Instant) -> u64 {
        let since = *self.since.get_or_init(|| now);
        now.saturating_duration_since(since).as_millis() as u64 + 1
    }

    fn instant(&self, millis: u64) -> Option<Instant> {
        Some(*self.since.get()? + Duration::from_millis(millis.checked_sub(1)?))
    }

    pub(crate) fn packets(&self) -> u64 {
        self.packets.load(Ordering::Relaxed)
    }

    pub(crate) fn octets(&self) -> u64 {
        self.octets.load(Ordering::Relaxed)
    }

    /// When the last packet came, if one did.
    pub(crate) fn used(&self) -> Option<Instant> {
        self.instant(self.used.load(Ordering::Relaxed))
    }
}

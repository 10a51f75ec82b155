//! One flow: what it matches, what it does, and what it counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use openflow::{Action, Actions, Conjunction, FlowModFlags, Instruction, Match};

use super::step::Steps;

/// A flow of a table. Rules are never changed: a modified flow is a new rule that counts on.
#[derive(Debug)]
pub(crate) struct Rule {
    /// Unique in the switch, and greater than that of every rule made before.
    pub id: u64,
    pub table: u8,
    pub priority: u16,
    pub matching: Match,
    pub cookie: u64,
    pub idle_timeout: u16,
    pub hard_timeout: u16,
    pub flags: FlowModFlags,
    pub importance: u16,
    pub instructions: Vec<Instruction>,
    /// The instructions, ready to be executed.
    pub steps: Steps,
    /// Of which conjunctions this rule is a part; it then does nothing else.
    pub conjunctions: Box<[Conjunction]>,
    /// Bits of the `tun_metadata` fields that match or instructions name.
    pub options: u64,
    /// When the flow was added.
    pub created: Instant,
    /// When it was last added or modified: the hard timeout runs from here.
    pub modified: Instant,
    pub counters: Arc<RuleCounters>,
}

impl Rule {
    /// The flow that stands for all packets that no other flow matches.
    pub(crate) fn is_table_miss(&self) -> bool {
        self.priority == 0 && self.matching.is_any()
    }

    /// As `ofproto/trace` shows it: table, match, priority, cookie and instructions.
    pub(crate) fn to_text(&self) -> String {
        let Self { table, priority, matching, cookie, .. } = self;
        let matching = if matching.is_any() { String::new() } else { format!("{matching}, ") };
        let cookie = if *cookie == 0 { String::new() } else { format!(", cookie {cookie:#x}") };
        let actions: Vec<Action> = crate::switch::all_actions(&self.instructions);
        format!("{table:2}. {matching}priority {priority}{cookie}: {}", Actions(&actions))
    }

    /// When the flow goes because no packet came, as far as is known now.
    pub(crate) fn idle_deadline(&self) -> Option<Instant> {
        let timeout = Duration::from_secs(self.idle_timeout.into());
        let last = self.counters.used().map_or(self.modified, |used| used.max(self.modified));
        (self.idle_timeout != 0).then(|| last + timeout)
    }

    /// When the flow goes in any case.
    pub(crate) fn hard_deadline(&self) -> Option<Instant> {
        (self.hard_timeout != 0).then(|| self.modified + Duration::from_secs(self.hard_timeout.into()))
    }

    /// The earlier of both.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.idle_deadline(), self.hard_deadline()].into_iter().flatten().min()
    }
}

/// What a flow counted. Shared by the rule and the megaflows that pass through it. Atomic only so
/// that a switch can move between threads; no other thread writes at the same time.
#[derive(Debug)]
pub(crate) struct RuleCounters {
    packets: AtomicU64,
    octets: AtomicU64,
    /// Milliseconds from `since` to the last packet, plus one; 0 for none.
    used: AtomicU64,
    since: Instant,
}

impl RuleCounters {
    /// Nothing counted up to `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Self { packets: AtomicU64::new(0), octets: AtomicU64::new(0), used: AtomicU64::new(0), since: now }
    }

    /// Adds packets, the last of which came at `now`.
    pub(crate) fn add(&self, packets: u64, octets: u64, now: Instant) {
        self.packets.fetch_add(packets, Ordering::Relaxed);
        self.octets.fetch_add(octets, Ordering::Relaxed);
        let used = now.saturating_duration_since(self.since).as_millis() as u64 + 1;
        self.used.fetch_max(used, Ordering::Relaxed);
    }

    pub(crate) fn packets(&self) -> u64 {
        self.packets.load(Ordering::Relaxed)
    }

    pub(crate) fn octets(&self) -> u64 {
        self.octets.load(Ordering::Relaxed)
    }

    /// When the last packet came, if one did.
    pub(crate) fn used(&self) -> Option<Instant> {
        let used = self.used.load(Ordering::Relaxed);
        used.checked_sub(1).map(|ms| self.since + Duration::from_millis(ms))
    }
}

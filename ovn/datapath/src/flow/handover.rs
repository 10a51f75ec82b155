//! Flows for another process: the OpenFlow message that makes them, and what they counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use openflow::{Body, FlowMod, FlowModCommand, Message};

use super::{Rule, RuleCounters};
use crate::handover::{HandOverError, In, Kept, Out, kept};

/// A flow that was handed over.
#[derive(Debug)]
pub(crate) struct KeptRule {
    pub id: u64,
    pub learned: bool,
    pub change: FlowMod,
    pub created: Instant,
    pub modified: Instant,
    /// `None` if it has counted nothing.
    pub counters: Option<Arc<RuleCounters>>,
}

impl Rule {
    /// Writes what [`KeptRule`] reads.
    pub(crate) fn put(&self, out: &mut Out) {
        self.id.put(out);
        self.learned.put(out);
        let change = FlowMod {
            table: Some(self.table),
            priority: self.priority,
            matching: self.matching(),
            instructions: self.instructions().to_vec(),
            cookie: self.cookie,
            idle_timeout: self.idle_timeout,
            hard_timeout: self.hard_timeout,
            flags: self.flags,
            importance: self.importance,
            ..FlowMod::empty(FlowModCommand::Add)
        };
        Body::FlowMod(change).with_xid(0).put(out);
        self.created.put(out);
        self.modified.put(out);
        self.counted().counted().put(out);
    }
}

impl KeptRule {
    /// Reads a flow.
    ///
    /// # Errors
    /// When the octets are none.
    pub(crate) fn read(from: &mut In<'_>) -> Result<Self, HandOverError> {
        let (id, learned) = (u64::read(from)?, bool::read(from)?);
        let Body::FlowMod(change) = Message::read(from)?.body else {
            return Err(HandOverError::Damaged("a flow"));
        };
        let (created, modified) = (Instant::read(from)?, Instant::read(from)?);
        let counted = Counted::read(from)?;
        let counters = (counted != Counted::default()).then(|| {
            let counters = RuleCounters::default();
            counters.set(counted);
            Arc::new(counters)
        });
        Ok(Self { id, learned, change, created, modified, counters })
    }
}

/// What a flow counted, as [`RuleCounters`] has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    packets: u64,
    octets: u64,
    used: u64,
    refreshed: u64,
    shortened: u64,
    since: Option<Instant>,
}

kept!(Counted { packets, octets, used, refreshed, shortened, since });

impl RuleCounters {
    /// As it is now.
    pub(crate) fn counted(&self) -> Counted {
        let Self { packets, octets, used, refreshed, shortened, since } = self;
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counted {
            packets: get(packets),
            octets: get(octets),
            used: get(used),
            refreshed: get(refreshed),
            shortened: get(shortened),
            since: since.get().copied(),
        }
    }

    /// As it was when another process counted.
    pub(crate) fn set(&self, counted: Counted) {
        let Counted { packets, octets, used, refreshed, shortened, since } = counted;
        let all = [
            (&self.packets, packets),
            (&self.octets, octets),
            (&self.used, used),
            (&self.refreshed, refreshed),
            (&self.shortened, shortened),
        ];
        for (counter, value) in all {
            counter.store(value, Ordering::Relaxed);
        }
        if let Some(since) = since {
            // Once it is set it stays.
            let _ = self.since.set(since);
        }
    }
}

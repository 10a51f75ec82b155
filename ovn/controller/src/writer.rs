//! Sends what [`crate::sync`] plans: one transaction a concern at a time, so that one that is refused does not hold up
//! the others. After each one the rows are looked at again, and what is still not as it should be is tried anew.
//!
//! A plan is made only when something has changed that it looks at, see [`Writer::mark`].

use ovsdb::UuidGenerator;
use ovsdb::replica::{Replica, TxnId, TxnOutcome};
use std::time::{Duration, Instant};

use crate::sync::port_binding::Claims;
use crate::sync::{Draft, Rows, bridge, chassis, chassis_private, cleanup, fdb, interface, mac_binding};
use crate::sync::{patch_port, port_binding, tunnel_port};

/// How long a concern whose transaction was refused waits.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// Something to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concern {
    Chassis,
    ChassisPrivate,
    PortBindings,
    LearnedMacs,
    Neighbors,
    Bridge,
    TunnelPorts,
    PatchPorts,
    Interfaces,
    /// Instead of all others, at the end.
    SouthboundCleanup,
    VswitchCleanup,
}

/// Some concerns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Concerns(u16);

impl Concerns {
    /// Every one, whatever changed.
    pub(crate) const ALL: Self = Self(u16::MAX);
    /// Those that look at rows of chassis and their encaps.
    pub(crate) const OF_CHASSIS: Self =
        Self::of(&[Concern::Chassis, Concern::ChassisPrivate, Concern::PortBindings, Concern::TunnelPorts]);
    /// Those that look at what is on this chassis: ports, datapaths, zones.
    pub(crate) const OF_LOCALS: Self =
        Self::of(&[Concern::PortBindings, Concern::Interfaces, Concern::Bridge, Concern::PatchPorts]);
    /// Those that look at what a port is bound to, and whether its flows are in the switch.
    pub(crate) const OF_PORTS: Self = Self::of(&[Concern::PortBindings, Concern::Interfaces]);
    /// Those that say which configuration the switch has.
    pub(crate) const OF_CONFIGURATION: Self = Self::of(&[Concern::ChassisPrivate, Concern::Bridge]);

    pub(crate) const fn of(list: &[Concern]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < list.len() {
            bits |= 1 << list[i] as u16;
            i += 1;
        }
        Self(bits)
    }

    const fn has(self, concern: Concern) -> bool {
        self.0 & 1 << concern as u16 != 0
    }
}

impl Concern {
    /// What is written to the southbound database, in order.
    pub(crate) const SOUTHBOUND: [Self; 5] =
        [Self::Chassis, Self::ChassisPrivate, Self::PortBindings, Self::LearnedMacs, Self::Neighbors];
    /// What is written to the `Open_vSwitch` database, in order.
    pub(crate) const VSWITCH: [Self; 4] =
        [Self::Bridge, Self::TunnelPorts, Self::PatchPorts, Self::Interfaces];

    /// Whether the plan compares with all rows of both databases, so that it makes no sense before they are here: what
    /// has not come yet looks as if it were gone.
    const fn needs_all_rows(self) -> bool {
        match self {
            Self::Chassis | Self::ChassisPrivate | Self::Bridge => false,
            Self::PortBindings
            | Self::LearnedMacs
            | Self::Neighbors
            | Self::TunnelPorts
            | Self::PatchPorts
            | Self::Interfaces
            | Self::SouthboundCleanup
            | Self::VswitchCleanup => true,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Chassis => "chassis",
            Self::ChassisPrivate => "chassis_private",
            Self::PortBindings => "port_bindings",
            Self::LearnedMacs => "learned_macs",
            Self::Neighbors => "neighbors",
            Self::Bridge => "bridge",
            Self::TunnelPorts => "tunnel_ports",
            Self::PatchPorts => "patch_ports",
            Self::Interfaces => "interfaces",
            Self::SouthboundCleanup => "southbound_cleanup",
            Self::VswitchCleanup => "vswitch_cleanup",
        }
    }
}

/// What plans remember between transactions.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) claims: Claims,
    pub(crate) seen: fdb::Seen,
    pub(crate) heard: mac_binding::Heard,
    /// All rows of both databases are here.
    pub(crate) complete: bool,
}

/// The transactions of one database.
#[derive(Debug)]
pub(crate) struct Writer {
    works: Vec<Work>,
}

/// A concern and how far it is.
#[derive(Debug)]
struct Work {
    concern: Concern,
    state: State,
    /// Something may have changed that the plan looks at.
    is_due: bool,
    /// How many plans were made.
    plans: u64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    Sent(TxnId),
    /// It was refused, and is tried again then.
    Refused(Instant),
}

impl Writer {
    pub(crate) fn new(concerns: &[Concern]) -> Self {
        let work = |concern: &Concern| Work { concern: *concern, state: State::Idle, is_due: true, plans: 0 };
        Self { works: concerns.iter().map(work).collect() }
    }

    /// Something has changed that the plans of some concerns look at.
    pub(crate) fn mark(&mut self, concerns: Concerns) {
        for work in &mut self.works {
            work.is_due |= concerns.has(work.concern);
        }
    }

    /// How many plans were made, by the name of the concern.
    pub(crate) fn plans(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.works.iter().map(|work| (work.concern.name(), work.plans))
    }

    /// Sends what is to be written. True if nothing is, nor on its way.
    pub(crate) fn write(
        &mut self,
        replica: &mut Replica,
        rows: &Rows<'_>,
        memory: &mut Memory,
        uuids: &mut UuidGenerator,
    ) -> bool {
        let mut done = true;
        for work in &mut self.works {
            if work.concern.needs_all_rows() && !memory.complete {
                continue;
            }
            match work.state {
                State::Idle => {}
                State::Refused(until) if until <= rows.now.instant => work.state = State::Idle,
                State::Sent(_) | State::Refused(_) => {
                    done = false;
                    continue;
                }
            }
            if !std::mem::take(&mut work.is_due) {
                continue;
            }
            work.plans += 1;
            let mut draft = Draft { txn: ovsdb::Transaction::new(), uuids };
            plan(work.concern, rows, memory, &mut draft);
            if draft.txn.is_empty() {
                continue;
            }
            done = false;
            if replica.is_synced() {
                draft.txn.comment(format!("ovn-controller: {}", work.concern.name()));
                work.state = State::Sent(replica.transact(draft.txn));
            } else {
                work.is_due = true;
            }
        }
        done
    }

    /// A transaction has ended. True if it was one of these.
    pub(crate) fn done(&mut self, id: TxnId, outcome: &TxnOutcome, now: Instant) -> bool {
        let sent = |state: &State| matches!(state, State::Sent(sent) if *sent == id);
        let Some(work) = self.works.iter_mut().find(|work| sent(&work.state)) else {
            return false;
        };
        work.is_due = true;
        work.state = match outcome {
            TxnOutcome::Committed(_) | TxnOutcome::TryAgain => State::Idle,
            TxnOutcome::NotLocked | TxnOutcome::Aborted => State::Refused(now + REFUSED_PAUSE),
            TxnOutcome::Error(error) => {
                tracing::warn!(concern = work.concern.name(), "transaction refused: {error}");
                State::Refused(now + REFUSED_PAUSE)
            }
        };
        true
    }

    /// When something that was refused is to be tried again.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let until = |work: &Work| match work.state {
            State::Refused(until) => Some(until),
            State::Idle | State::Sent(_) => None,
        };
        self.works.iter().filter_map(until).min()
    }
}

fn plan(concern: Concern, rows: &Rows<'_>, memory: &mut Memory, draft: &mut Draft<'_>) {
    match concern {
        Concern::Chassis => chassis::plan(rows, draft),
        Concern::ChassisPrivate => chassis_private::plan(rows, draft),
        Concern::PortBindings => port_binding::plan(rows, &mut memory.claims, draft),
        Concern::LearnedMacs => fdb::plan(rows, &mut memory.seen, draft),
        Concern::Neighbors => mac_binding::plan(rows, &mut memory.heard, draft),
        Concern::Bridge => bridge::plan(rows, memory.complete, draft),
        Concern::TunnelPorts => tunnel_port::plan(rows, draft),
        Concern::PatchPorts => patch_port::plan(rows, draft),
        Concern::Interfaces => interface::plan(rows, draft),
        Concern::SouthboundCleanup => cleanup::southbound(rows, draft),
        Concern::VswitchCleanup => cleanup::vswitch(rows, draft),
    }
}

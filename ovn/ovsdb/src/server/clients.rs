//! All sessions, and which of them have something to send.

use super::monitor::Told;
use super::session::{Queued, Session};
use super::{CloseReason, Output, SESSIONS_MAX, SessionId, SessionOptions};
use crate::probe::{Probe, Verdict};
use crate::rpc::{Frame, Message};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::time::{Duration, Instant};

/// Most outputs among which updates are put at once; beyond, they wait with their sessions.
const OUTPUTS_MAX: usize = 1 << 16;

#[derive(Debug, Default)]
pub(super) struct Clients {
    sessions: BTreeMap<SessionId, Session>,
    /// The number of the last session that began.
    last: u64,
    /// The sessions that [`Session::pop`] would give something of.
    ready: BTreeSet<SessionId>,
    /// The session after which [`Clients::pop`] goes on, so that all have their turn.
    turn: SessionId,
    /// Before this no probe is due. Signs of life only postpone probes, so that it need not follow each of them.
    probes_due: Option<Instant>,
    /// The sessions with monitors that are behind.
    behind: BTreeSet<SessionId>,
    /// Sessions to be dropped, which have missed a message.
    doomed: BTreeMap<SessionId, CloseReason>,
}

impl Clients {
    pub(super) fn open(&mut self, options: &SessionOptions, now: Instant) -> Option<SessionId> {
        if self.sessions.len() >= SESSIONS_MAX {
            return None;
        }
        self.last += 1;
        let id = SessionId(self.last);
        let session = Session::new(options, now);
        self.probes_due = [self.probes_due, session.probe.poll_timeout()].into_iter().flatten().min();
        self.sessions.insert(id, session);
        Some(id)
    }

    pub(super) fn close(&mut self, id: SessionId) -> Option<Session> {
        self.ready.remove(&id);
        self.doomed.remove(&id);
        self.behind.remove(&id);
        self.sessions.remove(&id)
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.get_mut(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.sessions.iter().map(|(id, session)| (*id, session))
    }

    /// Lets a message wait for its turn. One for a session that has ended is dropped; one too many dooms its session.
    pub(super) fn queue(&mut self, id: SessionId, frame: Frame) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        match session.queue(frame) {
            Queued::Waiting if session.has_output() => {
                self.ready.insert(id);
            }
            Queued::Waiting => {}
            Queued::Overflow => {
                self.doomed.insert(id, CloseReason::SlowReader);
            }
        }
    }

    /// As [`Clients::queue`], for a change of what a client monitors.
    pub(super) fn tell(&mut self, id: SessionId, frame: Frame, outputs: &mut VecDeque<Output>) -> Told {
        match self.sessions.get(&id) {
            Some(session) if session.is_slow() => {
                self.set_behind(id, true);
                return Told::Later;
            }
            // Nothing waits that would have to come before it.
            Some(session) if session.wants_output() && outputs.len() < OUTPUTS_MAX => {
                outputs.push_back(Output::Send { session: id, frame });
            }
            Some(_) | None => self.queue(id, frame),
        }
        Told::Now
    }

    /// Says whether a session has monitors that are behind.
    pub(super) fn set_behind(&mut self, id: SessionId, is_behind: bool) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.is_behind = is_behind;
        if is_behind {
            self.behind.insert(id);
        } else {
            self.behind.remove(&id);
        }
    }

    /// A session that is behind and reads again.
    pub(super) fn next_behind(&self) -> Option<SessionId> {
        let reads = |id: &&SessionId| self.sessions.get(id).is_some_and(Session::wants_output);
        self.behind.iter().find(reads).copied()
    }

    /// A session to be dropped, and why.
    pub(super) fn pop_doomed(&mut self) -> Option<(SessionId, CloseReason)> {
        self.doomed.pop_first()
    }

    /// Says that a session is to be dropped.
    pub(super) fn doom(&mut self, id: SessionId, reason: CloseReason) {
        self.doomed.insert(id, reason);
    }

    pub(super) fn set_writable(&mut self, id: SessionId, writable: bool, now: Instant) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.set_writable(writable, now);
        if session.has_output() {
            self.ready.insert(id);
        } else {
            self.ready.remove(&id);
        }
    }

    /// The next message to send. Sessions take turns, a message each.
    pub(super) fn pop(&mut self) -> Option<(SessionId, Frame)> {
        let after = (Bound::Excluded(self.turn), Bound::Unbounded);
        let id = *self.ready.range(after).next().or_else(|| self.ready.first())?;
        self.turn = id;
        let session = self.sessions.get_mut(&id)?;
        let frame = session.pop()?;
        if !session.has_output() {
            self.ready.remove(&id);
        }
        Some((id, frame))
    }

    pub(super) fn set_probe_interval(&mut self, id: SessionId, interval: Option<Duration>, now: Instant) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.probe = Probe::new(interval);
        session.probe.start(now);
        self.probes_due = [self.probes_due, session.probe.poll_timeout()].into_iter().flatten().min();
    }

    pub(super) fn probes_due(&self) -> Option<Instant> {
        self.probes_due
    }

    /// Asks quiet clients whether they live, and dooms those that do not say so.
    pub(super) fn probe(&mut self, now: Instant) {
        if self.probes_due.is_none_or(|due| now < due) {
            return;
        }
        let mut asked = Vec::new();
        for (id, session) in &mut self.sessions {
            match session.probe.handle_timeout(now) {
                Verdict::Quiet => {}
                Verdict::Ask => asked.push(*id),
                Verdict::Dead => {
                    self.doomed.insert(*id, CloseReason::Silent);
                }
            }
        }
        self.probes_due = self.sessions.values().filter_map(|session| session.probe.poll_timeout()).min();
        for id in asked {
            self.queue(id, Frame::from(&Message::request("echo", "echo", json!([]))));
        }
    }
}

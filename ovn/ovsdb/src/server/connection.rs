//! The life of a session: its beginning and end, its time-outs, and what is sent to it.

use super::databases::Forgotten;
use super::{CloseReason, Output, SESSIONS_MAX, Server, SessionId, SessionOptions};
use crate::Str;
use crate::rpc::{Frame, Message};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The server has [`SESSIONS_MAX`] sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server has {SESSIONS_MAX} sessions already")]
pub struct TooManySessions;

impl Server {
    /// A client has connected.
    pub fn open_session(
        &mut self,
        options: &SessionOptions,
        now: Instant,
    ) -> Result<SessionId, TooManySessions> {
        self.clock = Some(now);
        self.clients.open(options, now).ok_or(TooManySessions)
    }

    /// A client has gone, or what it sent was not a message. Its locks pass on; its transactions that wait for
    /// rows are dropped, those that are being written are not.
    pub fn close_session(&mut self, id: SessionId) {
        let Some(session) = self.clients.close(id) else { return };
        for (name, monitor) in session.monitors {
            if let Some(hosted) = self.databases.get_mut(&monitor.database) {
                hosted.groups.leave(&monitor.spec, id, &name);
            }
        }
        for hosted in self.databases.values_mut() {
            hosted.forget_session(id);
        }
        for (lock, owner) in self.locks.close(id) {
            self.send(owner, Frame::from(&Message::notification("locked", json!([lock.as_ref()]))));
        }
    }

    /// From now on a client is asked for a sign of life after this long without one, or never.
    pub fn set_probe_interval(&mut self, id: SessionId, interval: Option<Duration>, now: Instant) {
        self.clients.set_probe_interval(id, interval, now);
    }

    /// The locks that a session holds, and those that it waits for.
    pub fn locks_of(&self, id: SessionId) -> (Vec<Str>, Vec<Str>) {
        self.locks.of(id).partition(|lock| self.locks.owns(lock, id))
    }

    /// The names of the databases, `_Server` among them.
    pub fn database_names(&self) -> impl Iterator<Item = &str> {
        self.databases.keys().map(|name| &**name)
    }

    /// A message from a client.
    pub fn handle_message(&mut self, id: SessionId, message: Message, now: Instant) {
        let Some(session) = self.clients.get_mut(id) else { return };
        session.probe.alive(now);
        self.clock = Some(now);
        match message {
            Message::Request { id: request, method, params } => {
                self.handle_request(id, request, &method, params, now);
            }
            Message::Notification { method, params } if method == "cancel" => self.cancel(id, &params),
            // Only of probes are replies expected, and that they came was all that they had to say.
            Message::Notification { .. } | Message::Reply { .. } => {}
        }
    }

    /// Some bytes came that are not yet a message: a sign of life all the same.
    pub fn handle_activity(&mut self, id: SessionId, now: Instant) {
        if let Some(session) = self.clients.get_mut(id) {
            session.probe.alive(now);
        }
    }

    /// Whether the connection of a session can take more. While it cannot, messages wait here.
    pub fn set_writable(&mut self, id: SessionId, writable: bool, now: Instant) {
        self.clients.set_writable(id, writable, now);
    }

    /// Tells a client of all that it was not told because it read too slowly, in one update a monitor.
    pub(super) fn catch_up(&mut self, id: SessionId) {
        while self.clients.get(id).is_some_and(|session| session.is_behind) {
            self.catch_up_next(id);
        }
    }

    /// As [`Server::catch_up`], for one monitor that has something to tell; or the client is not behind any more.
    fn catch_up_next(&mut self, id: SessionId) {
        let monitors = self.clients.get(id).map(|session| &session.monitors);
        for (key, monitor) in monitors.into_iter().flatten() {
            let Some(hosted) = self.databases.get_mut(&monitor.database) else { continue };
            match hosted.catch_up(id, key, monitor) {
                Ok(Some(frame)) => return self.clients.queue(id, frame),
                Ok(None) => {}
                Err(Forgotten) => {
                    self.clients.doom(id, CloseReason::SlowReader);
                    break;
                }
            }
        }
        self.clients.set_behind(id, false);
    }

    /// Time has come, see [`Server::poll_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.clock = Some(now);
        self.clients.probe(now);
        self.retry_due(now);
    }

    /// When [`Server::handle_timeout`] is due, and why. It may turn out that nothing was.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let probe = self.clients.probes_due().map(|at| (at, "ovsdb probe"));
        let wait = self.databases.values().filter_map(|hosted| hosted.waiting_until()).min();
        let wait = wait.map(|at| (at, "ovsdb wait operation"));
        [probe, wait].into_iter().flatten().min()
    }

    /// The next thing for the shell to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        loop {
            while let Some((session, reason)) = self.clients.pop_doomed() {
                self.close_session(session);
                self.outputs.push_back(Output::Close { session, reason });
            }
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            if let Some((session, frame)) = self.clients.pop() {
                return Some(Output::Send { session, frame });
            }
            // One monitor at a time: what is not told yet takes no memory.
            self.catch_up_next(self.clients.next_behind()?);
        }
    }

    pub(super) fn send(&mut self, session: SessionId, frame: Frame) {
        self.clients.queue(session, frame);
    }

    pub(super) fn reply(&mut self, session: SessionId, id: Value, result: Result<Value, Value>) {
        self.send(session, Frame::from(&Message::Reply { id, result }));
    }
}

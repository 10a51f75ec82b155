//! Monitors: who is told about which rows, and in which words.
//!
//! Monitors of one database that ask for the same are a [`Group`]: what they are told is encoded once and shared.

mod condition;
mod request;
mod text;
mod update;

pub(super) use request::{Encoding, Spec};
pub(super) use update::Body;

use super::SessionId;
use crate::rpc::Frame;
use crate::{Str, Uuid};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// The request that a monitor was made by, which also says how it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// `monitor`, told by `update`.
    Plain,
    /// `monitor_cond`, told by `update2`.
    Cond,
    /// `monitor_cond_since`, told by `update3`.
    CondSince,
}

/// One monitor of one session.
#[derive(Clone, Debug)]
pub(super) struct Monitor {
    pub(super) database: Str,
    pub(super) method: Method,
    pub(super) spec: Arc<Spec>,
}

/// All monitors that are told the same.
#[derive(Debug)]
struct Group {
    spec: Arc<Spec>,
    /// Session, the JSON text of the monitor's id, and how it is told.
    members: BTreeMap<(SessionId, String), Method>,
}

/// The monitors of one database.
#[derive(Debug, Default)]
pub(super) struct Groups {
    by_key: BTreeMap<String, Group>,
    /// What was encoded last for the replies to new monitors, by key. Right until the next change.
    initial: VecDeque<(String, Body)>,
}

/// Most first contents of a database that are kept for the next client that asks for the same.
const INITIAL_KEPT_MAX: usize = 4;

impl Method {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "monitor",
            Self::Cond => "monitor_cond",
            Self::CondSince => "monitor_cond_since",
        }
    }

    pub(super) fn encoding(self) -> Encoding {
        match self {
            Self::Plain => Encoding::Whole,
            Self::Cond | Self::CondSince => Encoding::Difference,
        }
    }

    /// The notification of a change that `txn` is the last transaction of; `id` is the JSON text of the monitor's id.
    pub(super) fn update(self, id: &str, txn: Uuid, body: &Body) -> Frame {
        let head = match self {
            Self::Plain => format!("{{\"id\":null,\"method\":\"update\",\"params\":[{id},"),
            Self::Cond => format!("{{\"id\":null,\"method\":\"update2\",\"params\":[{id},"),
            Self::CondSince => format!("{{\"id\":null,\"method\":\"update3\",\"params\":[{id},\"{txn}\","),
        };
        Frame::shared(head, body.clone(), "]}")
    }

    /// The reply that makes a monitor. `found` says whether `body` holds only what changed.
    pub(super) fn reply(self, id: &Value, found: bool, txn: Uuid, body: Body) -> Frame {
        match self {
            Self::Plain | Self::Cond => {
                Frame::shared(format!("{{\"id\":{id},\"result\":"), body, ",\"error\":null}")
            }
            Self::CondSince => Frame::shared(
                format!("{{\"id\":{id},\"result\":[{found},\"{txn}\","),
                body,
                "],\"error\":null}",
            ),
        }
    }
}

impl Groups {
    /// Adds a monitor; gives what it is to be told by, the one that its equals have if there are any.
    pub(super) fn join(&mut self, spec: Spec, session: SessionId, id: &str, method: Method) -> Arc<Spec> {
        let group = self
            .by_key
            .entry(spec.key().to_owned())
            .or_insert_with(|| Group { spec: Arc::new(spec), members: BTreeMap::new() });
        group.members.insert((session, id.to_owned()), method);
        group.spec.clone()
    }

    pub(super) fn leave(&mut self, spec: &Spec, session: SessionId, id: &str) {
        if let Some(group) = self.by_key.get_mut(spec.key()) {
            group.members.remove(&(session, id.to_owned()));
            if group.members.is_empty() {
                self.by_key.remove(spec.key());
            }
        }
    }

    /// All rows, encoded once for all who ask before the next change.
    pub(super) fn initial(&mut self, spec: &Spec, encode: impl FnOnce() -> Body) -> Body {
        if let Some((_, body)) = self.initial.iter().find(|(key, _)| key == spec.key()) {
            return body.clone();
        }
        let body = encode();
        self.initial.truncate(INITIAL_KEPT_MAX - 1);
        self.initial.push_front((spec.key().to_owned(), body.clone()));
        body
    }

    /// Calls `tell` with each monitor that `encode` has something for.
    pub(super) fn tell(
        &mut self,
        encode: impl Fn(&Spec) -> Option<Body>,
        mut tell: impl FnMut(SessionId, &str, Method, &Body),
    ) {
        self.initial.clear();
        for group in self.by_key.values() {
            if let Some(body) = encode(&group.spec) {
                for ((session, id), method) in &group.members {
                    tell(*session, id, *method, &body);
                }
            }
        }
    }

    /// Forgets all monitors; gives them with their sessions.
    pub(super) fn clear(&mut self) -> BTreeSet<(SessionId, String)> {
        self.initial.clear();
        std::mem::take(&mut self.by_key).into_values().flat_map(|group| group.members.into_keys()).collect()
    }

    #[cfg(test)]
    pub(super) fn group_count(&self) -> usize {
        self.by_key.len()
    }
}

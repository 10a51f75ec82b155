//! Monitors: who is told about which rows, and in which words.
//!
//! Monitors of one database that ask for the same are a [`Group`]: what they are told is encoded once and shared.

mod condition;
mod download;
mod request;
mod update;

pub(super) use download::Contents;
pub(super) use request::{Encoding, Spec};
pub(super) use update::Body;

use super::{HISTORY_TXNS_MAX, SessionId};
use crate::db::Snapshot;
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
    /// What the client calls it.
    pub(super) id: Value,
    pub(super) database: Str,
    pub(super) method: Method,
    pub(super) spec: Arc<Spec>,
}

/// All monitors that are told the same.
#[derive(Debug)]
struct Group {
    spec: Arc<Spec>,
    /// By session and the JSON text of the monitor's id.
    members: BTreeMap<(SessionId, Arc<str>), Member>,
    /// The id of the last monitor that joined: clients of a kind call theirs the same, and share the text.
    last_id: Arc<str>,
}

#[derive(Debug)]
struct Member {
    method: Method,
    /// The number of the last change that it knows of.
    told: u64,
    /// The last transaction that its client has been told of, if what came later is told together when it reads again.
    behind: Option<Uuid>,
}

/// What became of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It will be sent.
    Now,
    /// Too much waits for the client: it will be told of this change together with later ones.
    Later,
}

/// The monitors of one database.
#[derive(Debug, Default)]
pub(super) struct Groups {
    by_key: BTreeMap<String, Group>,
    /// What was encoded last for the replies to new monitors, by key. Right until the next change.
    initial: VecDeque<(String, Contents)>,
    /// The number of the last change.
    changes: u64,
}

/// Most first contents of a database that are kept for the next client that asks for the same.
const INITIAL_KEPT_MAX: usize = 4;

/// After so many changes that are of no interest to a client of `monitor_cond_since` it is told, by an empty update,
/// which transaction was the last, lest the one that it knows of be forgotten before it returns.
const REMINDER_TXNS: u64 = HISTORY_TXNS_MAX as u64 / 4;

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
    pub(super) fn update(self, id: &str, txn: Uuid, contents: Contents) -> Frame {
        let head = match self {
            Self::Plain => format!("{{\"id\":null,\"method\":\"update\",\"params\":[{id},"),
            Self::Cond => format!("{{\"id\":null,\"method\":\"update2\",\"params\":[{id},"),
            Self::CondSince => format!("{{\"id\":null,\"method\":\"update3\",\"params\":[{id},\"{txn}\","),
        };
        contents.into_frame(head, "]}")
    }

    /// The reply that makes a monitor. `found` says whether `contents` are only what changed.
    pub(super) fn reply(self, id: &Value, found: bool, txn: Uuid, contents: Contents) -> Frame {
        let (head, tail) = match self {
            Self::Plain | Self::Cond => (format!("{{\"id\":{id},\"result\":"), ",\"error\":null}"),
            Self::CondSince => (format!("{{\"id\":{id},\"result\":[{found},\"{txn}\","), "],\"error\":null}"),
        };
        contents.into_frame(head, tail)
    }
}

impl Groups {
    /// Adds a monitor; gives what it is to be told by, the one that its equals have if there are any.
    pub(super) fn join(&mut self, spec: Spec, session: SessionId, id: &str, method: Method) -> Arc<Spec> {
        let group = self.by_key.entry(spec.key().to_owned()).or_insert_with(|| Group {
            spec: Arc::new(spec),
            members: BTreeMap::new(),
            last_id: id.into(),
        });
        if *group.last_id != *id {
            group.last_id = id.into();
        }
        group
            .members
            .insert((session, group.last_id.clone()), Member { method, told: self.changes, behind: None });
        group.spec.clone()
    }

    pub(super) fn leave(&mut self, spec: &Spec, session: SessionId, id: &str) {
        if let Some(group) = self.by_key.get_mut(spec.key()) {
            group.members.remove(&(session, id.into()));
            if group.members.is_empty() {
                self.by_key.remove(spec.key());
            }
        }
    }

    /// All rows, encoded once for all who ask before the next change.
    pub(super) fn initial(&mut self, spec: &Arc<Spec>, snapshot: &Snapshot) -> Contents {
        if let Some((_, contents)) = self.initial.iter().find(|(key, _)| key == spec.key()) {
            return contents.clone();
        }
        let contents = Contents::new(spec, snapshot);
        self.initial.truncate(INITIAL_KEPT_MAX - 1);
        self.initial.push_front((spec.key().to_owned(), contents.clone()));
        contents
    }

    /// The last transaction that a monitor has been told of if it is behind, which it is not any more.
    pub(super) fn take_behind(&mut self, spec: &Spec, session: SessionId, id: &str) -> Option<Uuid> {
        let group = self.by_key.get_mut(spec.key())?;
        group.members.get_mut(&(session, id.into()))?.behind.take()
    }

    /// Calls `tell` with a message for each monitor that `encode` has something for, and for those that need a
    /// reminder. `txn` is the last transaction, `before` the one before it. Monitors that are behind are left alone.
    pub(super) fn tell(
        &mut self,
        (before, txn): (Uuid, Uuid),
        encode: impl Fn(&Spec) -> Option<Body>,
        mut tell: impl FnMut(SessionId, Frame) -> Told,
    ) {
        self.initial.clear();
        self.changes += 1;
        let nothing: Body = b"{}".as_slice().into();
        let is_reminder = self.changes.is_multiple_of(REMINDER_TXNS);
        for group in self.by_key.values_mut() {
            let body = encode(&group.spec);
            if body.is_none() && !is_reminder {
                continue;
            }
            // Clients of a kind call their monitors the same: one message is for all of them.
            let mut last: Option<(Method, &Arc<str>, Frame)> = None;
            for ((session, id), member) in
                group.members.iter_mut().filter(|(_, member)| member.behind.is_none())
            {
                let is_forgetful =
                    member.method == Method::CondSince && member.told + REMINDER_TXNS <= self.changes;
                if body.is_none() && !is_forgetful {
                    continue;
                }
                member.told = self.changes;
                let frame = match &last {
                    Some((method, name, frame)) if *method == member.method && Arc::ptr_eq(name, id) => {
                        frame.clone()
                    }
                    Some(_) | None => {
                        let body = body.as_ref().unwrap_or(&nothing).clone();
                        let frame = member.method.update(id, txn, Contents::Whole(body));
                        last = Some((member.method, id, frame.clone()));
                        frame
                    }
                };
                if tell(*session, frame) == Told::Later {
                    member.behind = Some(before);
                }
            }
        }
    }

    /// Forgets all monitors; gives them with their sessions.
    pub(super) fn clear(&mut self) -> BTreeSet<(SessionId, Arc<str>)> {
        self.initial.clear();
        std::mem::take(&mut self.by_key).into_values().flat_map(|group| group.members.into_keys()).collect()
    }

    /// The number of groups of equal monitors.
    pub(super) fn group_count(&self) -> usize {
        self.by_key.len()
    }
}

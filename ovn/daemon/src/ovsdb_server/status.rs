//! How remotes that are rows do, written back into their rows: `is_connected` and `status`. The columns are ephemeral, so
//! that nothing of it reaches the file.

use std::time::{Duration, Instant};

use ovsdb::server::SessionId;
use ovsdb::{Datum, Str};
use serde_json::{Value, json};

use super::Daemon;
use super::remotes::Column;
use crate::base::net::{LinkId, LinkStatus};

/// How often it is looked at.
pub(super) const STATUS_INTERVAL: Duration = Duration::from_millis(2500);

/// What a row says of its remote.
#[derive(Debug, Default, PartialEq, Eq)]
struct Status {
    is_connected: bool,
    pairs: Vec<(&'static str, String)>,
}

impl Daemon {
    /// Writes what has changed, if it is time.
    pub(super) fn report_status(&mut self, now: Instant) {
        if now < self.status_due {
            return;
        }
        self.status_due = now + STATUS_INTERVAL;
        // What could not be served may be possible now.
        self.remotes.look_again();
        let mut operations: Vec<(Str, Vec<Value>)> = Vec::new();
        for remote in self.remotes.configured.keys().filter(|remote| remote.starts_with("db:")) {
            let Ok(column) = Column::find(remote, &self.server) else { continue };
            let Some(database) = remote.trim_start_matches("db:").split(',').next() else { continue };
            let changes = self.changed_rows(&column, now);
            if !changes.is_empty() {
                operations.push((database.into(), changes));
            }
        }
        for (database, operations) in operations {
            if let Err(error) = self.server.transact(&database, &operations, now) {
                tracing::warn!(target: "ovsdb_server", "the status of remotes cannot be written: {error}");
            }
        }
    }

    fn changed_rows(&self, column: &Column<'_>, now: Instant) -> Vec<Value> {
        let mut operations = Vec::new();
        for (table, uuid, target) in column.rows() {
            let status = self.remotes.link(&target).map(|link| self.status(link, now)).unwrap_or_default();
            let mut row = serde_json::Map::new();
            let is_connected = Datum::scalar(status.is_connected);
            let pairs = Datum::map(status.pairs.iter().map(|(key, value)| (*key, value.as_str())));
            for (name, value) in [("is_connected", is_connected), ("status", pairs)] {
                if column.value(table, uuid, name).is_some_and(|present| *present != value) {
                    row.insert(name.to_owned(), value.to_json());
                }
            }
            if !row.is_empty() {
                let name = column.table_name(table);
                let whose = json!([["_uuid", "==", ["uuid", uuid.to_string()]]]);
                operations.push(json!({"op": "update", "table": name, "where": whose, "row": row}));
            }
        }
        operations
    }

    fn status(&self, link: LinkId, now: Instant) -> Status {
        match self.shell.net.status(link) {
            None => Status::default(),
            Some(LinkStatus::Listening { port, connections }) => {
                // Upstream's servers say these two of a listener, whatever happens on it.
                let mut pairs =
                    vec![("sec_since_connect", "0".to_owned()), ("sec_since_disconnect", "0".to_owned())];
                pairs.extend(port.map(|port| ("bound_port", port.to_string())));
                pairs.extend((connections > 1).then(|| ("n_connections", connections.to_string())));
                Status { is_connected: connections > 0, pairs }
            }
            Some(LinkStatus::Connecting { is_connected, connected, disconnected, last_error }) => {
                let seconds = |since: Instant| now.saturating_duration_since(since).as_secs().to_string();
                let state = if is_connected { "ACTIVE" } else { "BACKOFF" };
                let mut pairs = vec![("state", state.to_owned())];
                pairs.extend(connected.map(|since| ("sec_since_connect", seconds(since))));
                pairs.extend(disconnected.map(|since| ("sec_since_disconnect", seconds(since))));
                pairs.extend(last_error.map(|error| ("last_error", error)));
                if let Some(session) = self.session_of(link) {
                    let (held, waiting) = self.server.locks_of(session);
                    for (key, locks) in [("locks_held", held), ("locks_waiting", waiting)] {
                        pairs.extend((!locks.is_empty()).then(|| (key, locks.join(" "))));
                    }
                }
                Status { is_connected, pairs }
            }
        }
    }

    fn session_of(&self, link: LinkId) -> Option<SessionId> {
        let mut conns = self.conns.iter();
        let found = conns.find(|(conn, _)| self.shell.net.link(**conn) == Some(link));
        found.map(|(_, (session, _))| *session)
    }
}

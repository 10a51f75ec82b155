//! `monitor`, `monitor_cond`, `monitor_cond_since`, `monitor_cond_change`, `monitor_cancel` (RFC 7047 sections
//! 4.1.5 to 4.1.7, ovsdb-server(7)).

use super::super::monitor::{Contents, Method, Monitor, Spec};
use super::super::{Server, SessionId};
use super::{Answer, refuse_more, refuse_syntax};
use crate::Uuid;
use crate::rpc::Frame;
use serde_json::{Value, json};

/// Most monitors of one session; one more is refused.
pub const MONITORS_PER_SESSION_MAX: usize = 256;

/// Longest JSON text of the id of a monitor, in bytes. Every update repeats it.
const ID_BYTES_MAX: usize = 1024;

/// The error that there are too few parameters, or too many.
fn invalid<T>(params: &Value) -> Result<T, Value> {
    refuse_syntax(params, "invalid parameters")
}

impl Server {
    pub(super) fn handle_monitor(&mut self, session: SessionId, id: Value, method: &str, params: &Value) {
        let method = match method {
            "monitor" => Method::Plain,
            "monitor_cond" => Method::Cond,
            _ => Method::CondSince,
        };
        match self.monitor(session, &id, method, params) {
            Ok(frame) => self.send(session, frame),
            Err(error) => self.reply(session, id, Err(error)),
        }
    }

    fn monitor(
        &mut self,
        session: SessionId,
        id: &Value,
        method: Method,
        params: &Value,
    ) -> Result<Frame, Value> {
        let database = self.database_name(method.name(), params)?;
        let (name, requests, since) = match (method, params.as_array().map(Vec::as_slice)) {
            // As upstream's server does, whatever else there is is not looked at.
            (Method::Plain | Method::Cond, Some([_, name, requests, ..])) => (name, requests, None),
            (Method::CondSince, Some([_, name, requests, since])) => (name, requests, Some(txn_id(since)?)),
            (Method::Plain | Method::Cond | Method::CondSince, _) => return invalid(params),
        };
        let key = self.new_monitor_key(session, name)?;
        let hosted = self.databases.get_mut(&database).expect("its name was found");
        let spec =
            Spec::parse(requests, hosted.layout(), method.encoding()).map_err(|error| error.to_json())?;
        let spec = hosted.groups.join(spec, session, &key, method);
        let txn = hosted.last_txn();
        let missed = since.and_then(|since| hosted.missed(&spec, since));
        let (found, body) = match missed {
            Some(changes) => {
                let body = spec.changes(hosted.layout(), &changes).unwrap_or_else(|| b"{}".as_slice().into());
                (true, Contents::Whole(body))
            }
            None => (false, hosted.initial(&spec)),
        };
        let session = self.clients.get_mut(session).expect("its monitors were looked up");
        session.monitors.insert(key, Monitor { id: name.clone(), database, method, spec });
        Ok(method.reply(id, found, txn, body))
    }

    pub(super) fn handle_monitor_cond_change(&mut self, session: SessionId, id: Value, params: &Value) {
        let answer = self.monitor_cond_change(session, params);
        self.reply(session, id, answer);
    }

    fn monitor_cond_change(&mut self, session: SessionId, params: &Value) -> Answer {
        let Some([old_name, new_name, requests]) = params.as_array().map(Vec::as_slice) else {
            return invalid(params);
        };
        let old_key = old_name.to_string();
        let client = self.clients.get(session);
        let Some(monitor) = client.and_then(|client| client.monitors.get(&old_key)).cloned() else {
            return refuse_syntax(old_name, "unknown monitor session");
        };
        let new_key =
            if new_name == old_name { old_key.clone() } else { self.new_monitor_key(session, new_name)? };
        // The change is one from what the client knows.
        self.catch_up(session);
        let Monitor { database, method, spec: old, .. } = monitor;
        let hosted = self.databases.get_mut(&database).expect("a database takes its monitors with it");
        let new = old.with_conditions(requests, hosted.layout()).map_err(|error| error.to_json())?;
        hosted.groups.leave(&old, session, &old_key);
        let new = hosted.groups.join(new, session, &new_key, method);
        let update = Contents::change(&new, &old, &hosted.published());
        let txn = hosted.last_txn();
        if let Some(client) = self.clients.get_mut(session) {
            client.monitors.remove(&old_key);
            let id = new_name.clone();
            client.monitors.insert(new_key.clone(), Monitor { id, database, method, spec: new });
        }
        if let Some(update) = update {
            self.send(session, method.update(&new_key, txn, update));
        }
        Ok(json!({}))
    }

    pub(super) fn monitor_cancel(&mut self, session: SessionId, params: &Value) -> Answer {
        let Some([name]) = params.as_array().map(Vec::as_slice) else {
            return Err("invalid parameters".into());
        };
        let key = name.to_string();
        let client = self.clients.get_mut(session);
        let Some(monitor) = client.and_then(|client| client.monitors.remove(&key)) else {
            return Err("unknown monitor".into());
        };
        if let Some(hosted) = self.databases.get_mut(&monitor.database) {
            hosted.groups.leave(&monitor.spec, session, &key);
        }
        Ok(json!({}))
    }

    /// The JSON text of a monitor's id, if the session may have another monitor and this is not the id of one.
    fn new_monitor_key(&self, session: SessionId, name: &Value) -> Result<String, Value> {
        let key = name.to_string();
        if key.len() > ID_BYTES_MAX {
            return refuse_more(format!("a monitor ID may have {ID_BYTES_MAX} bytes"));
        }
        match self.clients.get(session) {
            Some(client) if client.monitors.contains_key(&key) => refuse_syntax(name, "duplicate monitor ID"),
            Some(client) if client.monitors.len() >= MONITORS_PER_SESSION_MAX => {
                refuse_more(format!("a session may have {MONITORS_PER_SESSION_MAX} monitors"))
            }
            Some(_) => Ok(key),
            None => refuse_more("the session has ended"),
        }
    }
}

fn txn_id(value: &Value) -> Result<Uuid, Value> {
    let Value::String(text) = value else { return refuse_syntax(value, "last-txn-id must be string") };
    match text.parse() {
        Ok(txn) => Ok(txn),
        Err(_) => refuse_syntax(value, "last-txn-id must be UUID format."),
    }
}

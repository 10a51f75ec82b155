//! What clients may ask, one method after the other (RFC 7047 section 4.1). The words of errors are upstream's.

mod convert;
mod lock;
mod monitor;

pub use monitor::MONITORS_PER_SESSION_MAX;

use super::{Server, SessionId};
use crate::rpc::Frame;
use crate::{OvsdbError, Str};
use serde_json::{Value, json};
use std::time::Instant;

/// A result, or the error of a reply.
type Answer = Result<Value, Value>;

impl Server {
    pub(super) fn handle_request(
        &mut self,
        session: SessionId,
        id: Value,
        method: &str,
        params: Value,
        now: Instant,
    ) {
        let answer = match method {
            "echo" => Ok(params),
            "list_dbs" => Ok(self.databases.keys().map(|name| name.as_ref()).collect()),
            "get_schema" => match self.get_schema(&params) {
                Ok(schema) => {
                    return self.send(session, Frame::reply(&id.to_string(), schema.as_bytes()));
                }
                Err(error) => Err(error),
            },
            "get_server_id" => Ok(self.id.to_string().into()),
            "set_db_change_aware" => self.set_db_change_aware(session, &params),
            "lock" => self.lock(session, &params),
            "steal" => self.steal(session, &params),
            "unlock" => self.unlock(session, &params),
            "monitor_cancel" => self.monitor_cancel(session, &params),
            // These send more than a reply, or not yet.
            "transact" => return self.handle_transact(session, id, params, now),
            "monitor" | "monitor_cond" | "monitor_cond_since" if self.serves(method) => {
                return self.handle_monitor(session, id, method, &params);
            }
            "monitor_cond_change" if self.serves(method) => {
                return self.handle_monitor_cond_change(session, id, &params);
            }
            "convert" => return self.handle_convert(session, id, &params),
            _ => Err(Value::from("unknown method")),
        };
        self.reply(session, id, answer);
    }

    fn serves(&self, method: &str) -> bool {
        self.monitor_cond || method == "monitor"
    }

    /// The text of the schema.
    fn get_schema(&self, params: &Value) -> Result<String, Value> {
        let name = self.database_name("get_schema", params)?;
        Ok(self.databases[&name].schema().to_text())
    }

    fn set_db_change_aware(&mut self, session: SessionId, params: &Value) -> Answer {
        let Some([Value::Bool(aware)]) = params.as_array().map(Vec::as_slice) else {
            return refuse_syntax(params, "set_db_change_aware: true or false parameter expected");
        };
        if let Some(session) = self.clients.get_mut(session) {
            session.db_change_aware = *aware;
        }
        Ok(json!({}))
    }

    /// The database that the first parameter names.
    pub(super) fn database_name(&self, method: &str, params: &Value) -> Result<Str, Value> {
        let Some(name) = params.get(0).and_then(Value::as_str) else {
            return refuse_syntax(params, format!("{method} request params must begin with <db-name>"));
        };
        match self.databases.get_key_value(name) {
            Some((name, _)) => Ok(name.clone()),
            None => {
                let words = format!("{method} request specifies unknown database {name}");
                Err(OvsdbError::at(OvsdbError::UNKNOWN_DATABASE, params, words).to_json())
            }
        }
    }
}

/// The error that `at` is not what was expected.
pub(super) fn refuse_syntax<T>(at: &Value, words: impl Into<String>) -> Result<T, Value> {
    Err(OvsdbError::syntax(at, words).to_json())
}

/// The error that a bound has been reached.
pub(super) fn refuse_more<T>(words: impl Into<String>) -> Result<T, Value> {
    Err(OvsdbError::new("resources exhausted", words).to_json())
}

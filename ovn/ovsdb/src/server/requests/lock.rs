//! `lock`, `steal`, `unlock` (RFC 7047 sections 4.1.8 to 4.1.10).

use super::super::locks::{LOCKS_PER_SESSION_MAX, LockError};
use super::super::{Server, SessionId};
use super::{Answer, refuse_more, refuse_syntax};
use crate::rpc::{Frame, Message};
use crate::{Str, is_valid_id};
use serde_json::{Value, json};

impl Server {
    pub(super) fn lock(&mut self, session: SessionId, params: &Value) -> Answer {
        let name = self.lock_name("lock", session, params)?;
        let locked = self.locks.lock(&name, session).or_else(|error| refuse("lock", params, error))?;
        Ok(json!({ "locked": locked }))
    }

    pub(super) fn steal(&mut self, session: SessionId, params: &Value) -> Answer {
        let name = self.lock_name("steal", session, params)?;
        let victim = self.locks.steal(&name, session).or_else(|error| refuse("steal", params, error))?;
        if let Some(victim) = victim {
            self.send(victim, Frame::from(&Message::notification("stolen", json!([name.as_ref()]))));
        }
        Ok(json!({ "locked": true }))
    }

    pub(super) fn unlock(&mut self, session: SessionId, params: &Value) -> Answer {
        let name = self.lock_name("unlock", session, params)?;
        let heir = self.locks.unlock(&name, session).or_else(|error| refuse("unlock", params, error))?;
        if let Some(heir) = heir {
            self.send(heir, Frame::from(&Message::notification("locked", json!([name.as_ref()]))));
        }
        Ok(json!({}))
    }

    fn lock_name(&self, method: &str, session: SessionId, params: &Value) -> Result<Str, Value> {
        if self.read_only || self.clients.get(session).is_some_and(|session| session.read_only) {
            return Err("lock and unlock methods not allowed, DB server is read only.".into());
        }
        match params.as_array().map(Vec::as_slice) {
            Some([Value::String(name)]) if is_valid_id(name) => Ok(name.as_str().into()),
            _ => refuse_syntax(params, format!("{method} request params must be <id>")),
        }
    }
}

fn refuse<T>(method: &str, params: &Value, error: LockError) -> Result<T, Value> {
    match error {
        LockError::Already => refuse_syntax(params, format!("must issue \"unlock\" before new \"{method}\"")),
        LockError::Unknown => refuse_syntax(params, "unlock: \"unlock\" without \"lock\" or \"steal\""),
        LockError::TooMany => {
            refuse_more(format!("a session may take part in {LOCKS_PER_SESSION_MAX} locks"))
        }
    }
}

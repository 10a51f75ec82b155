//! The lock that a client wants to hold (RFC 7047 section 4.1.8).

use crate::Str;
use serde_json::{Value, json};

/// The lock asked for, and what is known of it on this connection.
#[derive(Debug, Default)]
pub(super) struct Lock {
    wanted: Option<Str>,
    held: bool,
}

impl Lock {
    pub(super) fn new(wanted: Option<Str>) -> Self {
        Self { wanted, held: false }
    }

    pub(super) fn wanted(&self) -> Option<&Str> {
        self.wanted.as_ref()
    }

    /// True if no lock is asked for, or if it is held.
    pub(super) fn allows_writing(&self) -> bool {
        self.wanted.is_none() || self.held
    }

    pub(super) fn held(&self) -> bool {
        self.held
    }

    /// The parameters of a `lock` or `unlock` request.
    pub(super) fn params(name: &Str) -> Value {
        json!([name.as_ref()])
    }

    /// A notification `locked` or `stolen`, or the reply to `lock`. True if that tells something new.
    pub(super) fn set_held(&mut self, held: bool) -> bool {
        std::mem::replace(&mut self.held, held) != held
    }

    /// Whether a notification is about the lock that is wanted.
    pub(super) fn is_named(&self, params: &Value) -> bool {
        params.get(0).and_then(Value::as_str) == self.wanted.as_deref() && self.wanted.is_some()
    }

    /// Wants another lock, or none, from now on; gives the one wanted until now.
    pub(super) fn replace(&mut self, wanted: Option<Str>) -> Option<Str> {
        self.held = false;
        std::mem::replace(&mut self.wanted, wanted)
    }
}

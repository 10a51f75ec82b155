//! A client of a database server that keeps what the server tells it on its own.

use std::io;
use std::path::Path;

use serde_json::Value;

use crate::ovsdb::Client;

/// A connection to a database server.
pub struct Wire {
    client: Client,
    /// Notifications in the order they came, as method and parameters.
    pub notifications: Vec<(String, Value)>,
}

impl Wire {
    /// Connects to the Unix socket `path`, on which a server listens.
    #[track_caller]
    pub fn connect(path: &Path) -> Self {
        let client = Client::connect(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { client, notifications: Vec::new() }
    }

    /// Sends a request; gives its id.
    ///
    /// # Errors
    /// When the connection has ended.
    pub fn send(&mut self, method: &str, params: &Value) -> io::Result<u64> {
        self.client.send(method, params)
    }

    /// Waits for the reply to the request `id`, a result or an error; what else comes is kept.
    ///
    /// # Errors
    /// When the connection has ended, or nothing comes for long.
    pub fn reply(&mut self, id: u64) -> io::Result<Result<Value, Value>> {
        loop {
            let mut message = self.client.receive()?;
            match message.get("method").and_then(Value::as_str) {
                // An inactivity probe; our next request answers it well enough.
                Some("echo") => {}
                Some(method) => self.notifications.push((method.to_owned(), message["params"].clone())),
                None => {
                    assert_eq!(message["id"], id, "replies come in the order of the requests");
                    let error = message["error"].take();
                    return Ok(if error.is_null() { Ok(message["result"].take()) } else { Err(error) });
                }
            }
        }
    }
}

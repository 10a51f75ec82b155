//! A client of database servers that says and hears plain JSON, one message at a time.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

/// A connection to a server.
pub struct Client {
    stream: UnixStream,
    unread: Vec<u8>,
    messages: VecDeque<Value>,
    request_last: u64,
}

impl Client {
    /// Connects to the socket at `path`; gives up on a server that is silent for half a minute.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream, unread: Vec::new(), messages: VecDeque::new(), request_last: 0 })
    }

    /// Sends a request; gives its id.
    ///
    /// # Errors
    /// When the connection has ended.
    pub fn send(&mut self, method: &str, params: &Value) -> io::Result<u64> {
        self.request_last += 1;
        let request = json!({"id": self.request_last, "method": method, "params": params});
        self.stream.write_all(request.to_string().as_bytes())?;
        Ok(self.request_last)
    }

    /// Sends octets as they are, which may be no message.
    ///
    /// # Errors
    /// When the connection has ended.
    pub fn send_text(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes())
    }

    /// Sends nothing more; the server can.
    ///
    /// # Errors
    /// When the connection has ended.
    pub fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// The next message.
    ///
    /// # Errors
    /// When the connection has ended, or what came is no JSON.
    pub fn receive(&mut self) -> io::Result<Value> {
        loop {
            if let Some(message) = self.messages.pop_front() {
                return Ok(message);
            }
            let mut octets = [0; 1 << 16];
            let count = self.stream.read(&mut octets)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.unread.extend_from_slice(&octets[..count]);
            let mut values = serde_json::Deserializer::from_slice(&self.unread).into_iter::<Value>();
            let mut used = 0;
            while let Some(Ok(message)) = values.next() {
                self.messages.push_back(message);
                used = values.byte_offset();
            }
            self.unread.drain(..used);
        }
    }

    /// The reply to a request. Notifications before it are dropped.
    ///
    /// # Errors
    /// When the connection has ended.
    pub fn call(&mut self, method: &str, params: &Value) -> io::Result<Value> {
        let id = self.send(method, params)?;
        loop {
            let message = self.receive()?;
            if message["id"] == id {
                return Ok(message);
            }
        }
    }

    /// The results of a transaction on a database.
    ///
    /// # Errors
    /// When the connection has ended.
    pub fn transact(&mut self, database: &str, operations: &[Value]) -> io::Result<Value> {
        let mut params = vec![json!(database)];
        params.extend_from_slice(operations);
        Ok(self.call("transact", &params.into())?["result"].take())
    }

    /// All rows of these tables, each with these columns, in the order of their text.
    ///
    /// # Errors
    /// When the connection has ended.
    pub fn dump(&mut self, database: &str, tables: &[(&str, &[&str])]) -> io::Result<Vec<String>> {
        let select = |(table, columns): &(&str, &[&str])| json!({"op": "select", "table": table, "where": [], "columns": columns});
        let operations: Vec<Value> = tables.iter().map(select).collect();
        let results = self.transact(database, &operations)?;
        let mut rows = Vec::new();
        for ((table, _), result) in tables.iter().zip(results.as_array().into_iter().flatten()) {
            let all = result["rows"].as_array().into_iter().flatten();
            rows.extend(all.map(|row| format!("{table} {row}")));
        }
        rows.sort();
        Ok(rows)
    }
}

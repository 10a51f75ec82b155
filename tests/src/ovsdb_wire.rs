//! A plain JSON-RPC client that blocks, for tests that hold two database servers against each other.

use std::io::{self, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

/// How long a server may be silent before a test gives up.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A connection to a database server.
pub struct Wire {
    stream: BufReader<UnixStream>,
    /// What came and was not yet a whole message.
    pending: Vec<u8>,
    next_id: u64,
    /// Notifications in the order they came, as method and parameters.
    pub notifications: Vec<(String, Value)>,
}

impl Wire {
    /// Connects to the Unix socket `path`, on which a server listens.
    #[track_caller]
    pub fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        stream.set_read_timeout(Some(SILENCE_MAX)).expect("a positive timeout is accepted");
        Self { stream: BufReader::new(stream), pending: Vec::new(), next_id: 0, notifications: Vec::new() }
    }

    /// Sends a request; gives its id.
    pub fn send(&mut self, method: &str, params: &Value) -> io::Result<Value> {
        self.next_id += 1;
        let id = json!(self.next_id);
        self.write(&json!({"method": method, "params": params, "id": id}))?;
        Ok(id)
    }

    /// Waits for the reply to the request `id`, a result or an error; what else comes is kept.
    pub fn reply(&mut self, id: &Value) -> io::Result<Result<Value, Value>> {
        loop {
            let mut message = self.read()?;
            match message.get("method").and_then(Value::as_str) {
                Some("echo") => {
                    self.write(&json!({"id": message["id"], "result": message["params"], "error": null}))?;
                }
                Some(method) => self.notifications.push((method.to_owned(), message["params"].clone())),
                None => {
                    assert_eq!(message["id"], *id, "replies come in the order of the requests");
                    let error = message["error"].take();
                    return Ok(if error.is_null() { Ok(message["result"].take()) } else { Err(error) });
                }
            }
        }
    }

    fn write(&mut self, message: &Value) -> io::Result<()> {
        self.stream.get_mut().write_all(message.to_string().as_bytes())
    }

    fn read(&mut self) -> io::Result<Value> {
        loop {
            let mut values = serde_json::Deserializer::from_slice(&self.pending).into_iter::<Value>();
            match values.next() {
                Some(Ok(value)) => {
                    let used = values.byte_offset();
                    self.pending.drain(..used);
                    return Ok(value);
                }
                Some(Err(error)) if !error.is_eof() => return Err(error.into()),
                Some(Err(_)) | None => {}
            }
            let mut octets = [0; 16 << 10];
            let count = self.stream.read(&mut octets)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.pending.extend_from_slice(&octets[..count]);
        }
    }
}

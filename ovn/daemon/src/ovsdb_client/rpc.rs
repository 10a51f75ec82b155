//! One connection to a server.

use std::io;

use ovsdb::rpc::{Framer, MESSAGE_BYTES_MAX, Message};
use serde_json::{Number, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::base::stream::Stream;

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;

pub(super) struct Rpc {
    name: String,
    stream: Stream,
    framer: Framer,
    buffer: Vec<u8>,
    last_id: u64,
}

impl Rpc {
    /// Speaks over `stream`; errors call the server `name`.
    pub(super) fn new(name: &str, stream: Stream) -> Self {
        let framer = Framer::new(MESSAGE_BYTES_MAX);
        Self { name: name.to_owned(), stream, framer, buffer: vec![0; CHUNK], last_id: 0 }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Sends a request and says by which id its reply will be known.
    pub(super) async fn request(&mut self, method: &str, params: Value) -> io::Result<Value> {
        self.last_id += 1;
        let id = Value::from(self.last_id);
        self.send(&Message::request(id.clone(), method, params)).await?;
        Ok(id)
    }

    async fn send(&mut self, message: &Message) -> io::Result<()> {
        self.stream.write_all(message.to_string().as_bytes()).await?;
        self.stream.flush().await
    }

    /// The next message that is not a probe, which is answered. Safe to cancel.
    pub(super) async fn receive(&mut self) -> io::Result<Message> {
        loop {
            while let Some(message) = self.framer.pop() {
                match message {
                    Message::Request { id, method, params } if method == "echo" => {
                        self.send(&Message::Reply { id, result: Ok(params) }).await?;
                    }
                    other => return Ok(other),
                }
            }
            match self.stream.read(&mut self.buffer).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => self.framer.push(&self.buffer[..length]).map_err(|error| {
                    tracing::warn!(target: "jsonrpc", "{}: {error}", self.name);
                    io::Error::from_raw_os_error(nix::libc::EPROTO)
                })?,
            }
        }
    }

    /// Sends a request and waits for its reply; what comes before it is dropped.
    pub(super) async fn call(&mut self, method: &str, params: Value) -> io::Result<Result<Value, Value>> {
        let id = self.request(method, params).await?;
        loop {
            match self.receive().await? {
                Message::Reply { id: of, result } if of == id => return Ok(result),
                Message::Reply { .. } | Message::Request { .. } | Message::Notification { .. } => {}
            }
        }
    }
}

/// The value with numbers such as `1.0` as the integers that they are, which is how upstream reads them.
pub(super) fn plain_numbers(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(real) if number.is_f64() && real.fract() == 0.0 && real.abs() < 1e15 => {
                Value::Number(Number::from(real as i64))
            }
            Some(_) | None => Value::Number(number),
        },
        Value::Array(elements) => elements.into_iter().map(plain_numbers).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, member)| (name, plain_numbers(member))).collect()
        }
        other @ (Value::Null | Value::Bool(_) | Value::String(_)) => other,
    }
}

//! Bytes to messages, however the bytes are cut.
//!
//! The parser is incremental and keeps its own stack: it refuses bad input at its first bad byte, and neither depth nor
//! length of what a peer sends can cost more than the bounds below. Who can do with the text of a message gets that, if it
//! is not too long; the beginning of one that is yet to come whole is kept for it, and numbers out of range and the like are
//! found when it is whole.

use super::{Message, MessageError};
use crate::json::{Scan, Scanned, TEXT_BYTES_MAX, Tape};
use serde_json::{Map, Value};
use std::collections::VecDeque;

mod string;

use string::StringParser;

/// Longest message that a connection accepts unless it asks for another bound, in bytes. The largest honest
/// ones are the first contents of a southbound database: about half a kilobyte a logical flow.
pub const MESSAGE_BYTES_MAX: usize = 512 << 20;

/// Deepest nesting of arrays and objects, the outermost object included; upstream's bound.
pub const NESTING_MAX: usize = 1000;

/// Longest number, in bytes; a longer one cannot be meant as a 64-bit integer or a double.
const NUMBER_BYTES_MAX: usize = 400;

/// What is kept from one message to the next: bytes of a text, and values.
const KEPT_BYTES_MAX: usize = 128 << 10;
const KEPT_VALUES_MAX: usize = 16 << 10;

/// Why a stream is not a sequence of messages. The connection cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// `offset` counts bytes from the start of the message.
    #[error("byte {offset} of message: expected {expected}, found {found:#04x}")]
    Syntax { offset: usize, expected: &'static str, found: u8 },
    #[error("byte {offset} of message: {what}")]
    Value { offset: usize, what: &'static str },
    #[error("byte {offset} of message: input exceeds maximum nesting depth {NESTING_MAX}")]
    Nesting { offset: usize },
    #[error("message is longer than {max} bytes")]
    Length { max: usize },
    #[error(transparent)]
    Message(#[from] MessageError),
}

/// Reads the messages of one connection.
#[derive(Debug)]
pub struct Framer {
    bytes_max: usize,
    /// Bytes of the current message so far.
    offset: usize,
    state: State,
    /// The containers that are open, outermost first.
    open: Vec<Open>,
    ready: VecDeque<Message>,
    /// The message that the last byte completed.
    done: Option<Message>,
    failed: Option<FrameError>,
    /// The values of the message, for who can do with its text, and its text so far if it comes in pieces.
    scan: Scan,
    text: Vec<u8>,
}

/// Who takes the messages of a connection, in order.
pub trait Receiver {
    /// Whether [`Receiver::text`] may say yes.
    const READS_TEXT: bool;

    /// Takes a message by its text, which is valid JSON but for the ranges of its numbers and the surrogates in its
    /// strings; or says no, and it comes as any other.
    fn text(&mut self, text: &Tape<'_>) -> bool;

    /// Takes a message.
    fn message(&mut self, message: Message);
}

impl Receiver for VecDeque<Message> {
    const READS_TEXT: bool = false;

    fn text(&mut self, _text: &Tape<'_>) -> bool {
        false
    }

    fn message(&mut self, message: Message) {
        self.push_back(message);
    }
}

#[derive(Debug)]
enum Open {
    Array(Vec<Value>),
    Object(Map<String, Value>, String),
}

/// What may come next.
#[derive(Debug)]
enum State {
    Between,
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    InKey(StringParser),
    InString(StringParser),
    InNumber(Vec<u8>),
    InWord { word: &'static str, seen: usize },
}

impl Framer {
    /// A framer for a new connection that accepts messages of up to `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            offset: 0,
            state: State::Between,
            open: Vec::new(),
            ready: VecDeque::new(),
            done: None,
            failed: None,
            scan: Scan::default(),
            text: Vec::new(),
        }
    }

    /// Takes the next bytes of the stream. The messages that they complete are given by [`Framer::pop`], those
    /// before an error too. After an error nothing more is accepted and the error is repeated.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        let mut ready = std::mem::take(&mut self.ready);
        let pushed = self.push_to(bytes, &mut ready);
        self.ready = ready;
        pushed
    }

    /// As [`Framer::push`], but gives the messages to `receiver` at once.
    pub fn push_to<R: Receiver>(&mut self, bytes: &[u8], receiver: &mut R) -> Result<(), FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.parse(bytes, receiver).inspect_err(|error| {
            self.failed = Some(error.clone());
            self.open = Vec::new();
            self.state = State::Between;
            (self.scan, self.text) = (Scan::default(), Vec::new());
        })
    }

    /// The next complete message. There are never more waiting than the last [`Framer::push`] completed if each
    /// is followed by popping them all.
    pub fn pop(&mut self) -> Option<Message> {
        self.ready.pop_front()
    }

    fn parse<R: Receiver>(&mut self, mut bytes: &[u8], receiver: &mut R) -> Result<(), FrameError> {
        while !bytes.is_empty() {
            if matches!(self.state, State::Between) {
                if R::READS_TEXT {
                    bytes = self.texts(bytes, receiver)?;
                } else if bytes.len() <= self.bytes_max {
                    bytes = &bytes[whole_messages(bytes, receiver)?..];
                    bytes = after_space(bytes);
                }
            }
            bytes = self.one(bytes, receiver)?;
        }
        Ok(())
    }

    /// Goes on with `bytes` until a message ends, byte by byte; gives what is left.
    fn one<'b, R: Receiver>(
        &mut self,
        mut bytes: &'b [u8],
        receiver: &mut R,
    ) -> Result<&'b [u8], FrameError> {
        while !bytes.is_empty() {
            let room = self.bytes_max - self.offset;
            if room == 0 {
                return Err(FrameError::Length { max: self.bytes_max });
            }
            let used = self.step(&bytes[..bytes.len().min(room)])?;
            self.offset = if matches!(self.state, State::Between) { 0 } else { self.offset + used };
            bytes = &bytes[used..];
            if let Some(message) = self.done.take() {
                receiver.message(message);
                break;
            }
        }
        Ok(bytes)
    }

    /// Gives messages by their text. What is odd goes byte by byte; gives what is left behind that.
    fn texts<'b, R: Receiver>(
        &mut self,
        mut bytes: &'b [u8],
        receiver: &mut R,
    ) -> Result<&'b [u8], FrameError> {
        let bytes_max = self.bytes_max.min(TEXT_BYTES_MAX);
        let mut held = std::mem::take(&mut self.text);
        loop {
            let before = held.len();
            if before > 0 {
                held.extend_from_slice(bytes);
            } else {
                bytes = after_space(bytes);
                // Nothing but an object is a message, and nothing else says where it ends.
                if bytes.first() != Some(&b'{') {
                    return self.one(bytes, receiver);
                }
                self.scan.clear();
            }
            let text = if before > 0 { &held[..] } else { bytes };
            match self.scan.push(text) {
                Scanned::Whole(len) if len <= bytes_max => {
                    self.take_text(&text[..len], receiver)?;
                    bytes = &bytes[len - before..];
                    held.clear();
                    held.shrink_to(KEPT_BYTES_MAX);
                    self.scan.shrink(KEPT_VALUES_MAX);
                }
                Scanned::More if text.len() < bytes_max => {
                    if before == 0 {
                        held.extend_from_slice(bytes);
                    }
                    self.text = held;
                    return Ok(&[]);
                }
                Scanned::Whole(_) | Scanned::More | Scanned::Odd => {
                    self.one(&held[..before], receiver)?;
                    return self.one(bytes, receiver);
                }
            }
        }
    }

    /// Gives a message that is whole.
    fn take_text<R: Receiver>(&mut self, text: &[u8], receiver: &mut R) -> Result<(), FrameError> {
        if self.scan.tape(text).is_some_and(|tape| receiver.text(&tape)) {
            return Ok(());
        }
        match serde_json::from_slice(text) {
            Ok(value) => receiver.message(Message::from_value(value)?),
            Err(_) => _ = self.one(text, receiver)?,
        }
        Ok(())
    }

    /// Consumes some of `bytes`, which is not empty, and says how many; none only when that changes the state.
    fn step(&mut self, bytes: &[u8]) -> Result<usize, FrameError> {
        let offset = self.offset;
        match &mut self.state {
            State::InString(string) => {
                let (used, done) = string.push(bytes, offset)?;
                if let Some(text) = done {
                    self.value(Value::String(text))?;
                }
                Ok(used)
            }
            State::InKey(string) => {
                let (used, done) = string.push(bytes, offset)?;
                if let (Some(text), Some(Open::Object(_, key))) = (done, self.open.last_mut()) {
                    *key = text;
                    self.state = State::Colon;
                }
                Ok(used)
            }
            State::InNumber(digits) => {
                let more = bytes.iter().take_while(|b| is_number_byte(**b)).count();
                let room = NUMBER_BYTES_MAX - digits.len();
                if more > room {
                    return Err(FrameError::Value { offset: offset + room, what: "number is too long" });
                }
                digits.extend_from_slice(&bytes[..more]);
                if more < bytes.len() {
                    let number = serde_json::from_slice(digits).map_err(|_| FrameError::Value {
                        offset: offset + more,
                        what: "not a number within range",
                    })?;
                    self.value(Value::Number(number))?;
                }
                Ok(more)
            }
            State::InWord { word, seen } => {
                if word.as_bytes()[*seen] != bytes[0] {
                    return Err(FrameError::Syntax { offset, expected: word, found: bytes[0] });
                }
                *seen += 1;
                if *seen == word.len() {
                    let value = if *word == "null" { Value::Null } else { Value::Bool(*word == "true") };
                    self.value(value)?;
                }
                Ok(1)
            }
            State::Between
            | State::Value
            | State::ValueOrEnd
            | State::Key
            | State::KeyOrEnd
            | State::Colon
            | State::CommaOrEnd => self.token(bytes),
        }
    }

    /// White space or the first byte of a token.
    fn token(&mut self, bytes: &[u8]) -> Result<usize, FrameError> {
        let byte = bytes[0];
        if is_space(&byte) {
            return Ok(1);
        }
        let in_array = matches!(self.open.last(), Some(Open::Array(_)));
        let expected = match (&self.state, byte) {
            (State::Between, b'{') => return self.open(Open::Object(Map::new(), String::new())),
            (State::Between, _) => "{",
            (State::ValueOrEnd, b']') => return self.close(),
            (State::Value | State::ValueOrEnd, _) => return self.value_start(byte),
            (State::KeyOrEnd, b'}') => return self.close(),
            (State::Key | State::KeyOrEnd, b'"') => {
                return Ok(self.enter(State::InKey(StringParser::default())));
            }
            (State::Key | State::KeyOrEnd, _) => "a member name",
            (State::Colon, b':') => return Ok(self.enter(State::Value)),
            (State::Colon, _) => "\":\"",
            (State::CommaOrEnd, b',') if in_array => return Ok(self.enter(State::Value)),
            (State::CommaOrEnd, b',') => return Ok(self.enter(State::Key)),
            (State::CommaOrEnd, b']') if in_array => return self.close(),
            (State::CommaOrEnd, b'}') if !in_array => return self.close(),
            (State::CommaOrEnd, _) if in_array => "\",\" or \"]\"",
            (State::CommaOrEnd, _) => "\",\" or \"}\"",
            (State::InKey(_) | State::InString(_) | State::InNumber(_) | State::InWord { .. }, _) => {
                unreachable!("handled by step")
            }
        };
        Err(FrameError::Syntax { offset: self.offset, expected, found: byte })
    }

    fn enter(&mut self, state: State) -> usize {
        self.state = state;
        1
    }

    fn value_start(&mut self, byte: u8) -> Result<usize, FrameError> {
        let word = |word| State::InWord { word, seen: 1 };
        let state = match byte {
            b'{' => return self.open(Open::Object(Map::new(), String::new())),
            b'[' => return self.open(Open::Array(Vec::new())),
            b'"' => State::InString(StringParser::default()),
            b't' => word("true"),
            b'f' => word("false"),
            b'n' => word("null"),
            b'-' | b'0'..=b'9' => State::InNumber(vec![byte]),
            found => {
                return Err(FrameError::Syntax { offset: self.offset, expected: "a JSON value", found });
            }
        };
        Ok(self.enter(state))
    }

    fn open(&mut self, container: Open) -> Result<usize, FrameError> {
        if self.open.len() == NESTING_MAX {
            return Err(FrameError::Nesting { offset: self.offset });
        }
        let state = match &container {
            Open::Array(_) => State::ValueOrEnd,
            Open::Object(..) => State::KeyOrEnd,
        };
        self.open.push(container);
        Ok(self.enter(state))
    }

    fn close(&mut self) -> Result<usize, FrameError> {
        let value = match self.open.pop().expect("only an open container is closed") {
            Open::Array(values) => Value::Array(values),
            Open::Object(members, _) => Value::Object(members),
        };
        self.value(value)?;
        Ok(1)
    }

    /// A value is complete: it belongs to the innermost open container, or it is a message.
    fn value(&mut self, value: Value) -> Result<(), FrameError> {
        self.state = State::CommaOrEnd;
        match self.open.last_mut() {
            Some(Open::Array(values)) => values.push(value),
            Some(Open::Object(members, key)) => {
                members.insert(std::mem::take(key), value);
            }
            None => {
                self.state = State::Between;
                self.done = Some(Message::from_value(value)?);
            }
        }
        Ok(())
    }
}

/// Takes the messages that `bytes` begin with and hold whole, which is how most come, and says how long they are. What is
/// cut, too deep or wrong is left to the parser that goes byte by byte.
fn whole_messages<R: Receiver>(bytes: &[u8], receiver: &mut R) -> Result<usize, FrameError> {
    let mut used = 0;
    // Nothing but an object is a message, and nothing else says where it ends.
    let is_object = |rest: &[u8]| rest.iter().find(|byte| !is_space(byte)) == Some(&b'{');
    while is_object(&bytes[used..]) {
        let mut values = serde_json::Deserializer::from_slice(&bytes[used..]).into_iter::<Value>();
        let Some(Ok(value)) = values.next() else { break };
        used += values.byte_offset();
        receiver.message(Message::from_value(value)?);
    }
    Ok(used)
}

fn after_space(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| is_space(byte)).count()..]
}

fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn is_number_byte(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

#[cfg(test)]
mod tests;

//! An encoded message, ready for the wire.

use super::{Framer, Message};
use std::sync::Arc;

/// The bytes of one outgoing message. The bulk of an update to many clients is encoded once and shared: each
/// client's frame adds only the few bytes around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    head: Box<str>,
    shared: Option<(Arc<[u8]>, &'static str)>,
}

impl Frame {
    /// A frame around `body`: `head`, the shared body, `tail`. Together they must be the text of one message.
    pub fn shared(head: String, body: Arc<[u8]>, tail: &'static str) -> Self {
        Self { head: head.into_boxed_str(), shared: Some((body, tail)) }
    }

    /// The pieces of the message, in order; written one after the other they are its bytes.
    pub fn pieces(&self) -> [&[u8]; 3] {
        match &self.shared {
            Some((body, tail)) => [self.head.as_bytes(), body, tail.as_bytes()],
            None => [self.head.as_bytes(), &[], &[]],
        }
    }

    /// The length of the message in bytes.
    pub fn byte_count(&self) -> usize {
        self.pieces().iter().map(|piece| piece.len()).sum()
    }

    /// Appends the bytes of the message.
    pub fn emit(&self, out: &mut Vec<u8>) {
        for piece in self.pieces() {
            out.extend_from_slice(piece);
        }
    }

    /// The message again, for a peer in the same process.
    pub fn to_message(&self) -> Message {
        let mut framer = Framer::new(usize::MAX);
        for piece in self.pieces() {
            framer.push(piece).expect("a frame is made of valid JSON");
        }
        framer.pop().expect("a frame is one whole message")
    }
}

impl From<&Message> for Frame {
    fn from(message: &Message) -> Self {
        Self { head: message.to_string().into_boxed_str(), shared: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_shared_frame_is_the_same_message_as_a_whole_one() {
        let body: Arc<[u8]> = br#"{"T":{}}"#.as_slice().into();
        let head = r#"{"id":null,"method":"update","params":["m","#.to_owned();
        let shared = Frame::shared(head, body, "]}");
        let whole = Frame::from(&Message::notification("update", json!(["m", {"T": {}}])));
        assert_eq!(shared.to_message(), whole.to_message());
        let (mut a, mut b) = (Vec::new(), Vec::new());
        shared.emit(&mut a);
        whole.emit(&mut b);
        assert_eq!(a, b);
        assert_eq!(shared.byte_count(), a.len());
    }
}

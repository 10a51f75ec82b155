//! An encoded message, ready for the wire.

use super::{Framer, Message};
use std::fmt::Debug;
use std::sync::Arc;

/// The bytes of one outgoing message. The bulk of an update to many clients is encoded once and shared: each
/// client's frame adds only the few bytes around it, or nothing.
#[derive(Clone, Debug)]
pub struct Frame {
    head: Arc<[u8]>,
    body: Body,
    tail: &'static str,
}

#[derive(Clone, Debug)]
enum Body {
    Nothing,
    Whole(Arc<[u8]>),
    Pieces(Arc<dyn Pieces>),
}

/// Bytes that several messages share. When the last of them is sent they are free, whoever holds a `Weak` to them: of an
/// `Arc<[u8]>` that would keep the bytes too.
pub type Piece = Arc<Vec<u8>>;

/// The bulk of a message, made piece by piece as it is sent, on whatever thread.
pub trait Pieces: Debug + Send + Sync {
    /// Piece number `index`, counted from 0; nothing after the last. The same whenever it is asked for. Takes time.
    fn piece(&self, index: usize) -> Option<Piece>;

    /// The piece, if it is at hand.
    fn made(&self, index: usize) -> Option<Piece>;
}

/// A message whose bulk is yet to be made.
#[derive(Clone, Copy, Debug)]
pub struct ToBeMade<'a> {
    pub head: &'a [u8],
    pub pieces: &'a Arc<dyn Pieces>,
    pub tail: &'a [u8],
}

/// Up to this length the parts of a message are put together once rather than written one by one for each client.
const TOGETHER_BYTES_MAX: usize = 16 << 10;

impl Frame {
    /// A frame around `body`: `head`, the shared body, `tail`. Together they must be the text of one message.
    pub fn shared(head: String, body: Arc<[u8]>, tail: &'static str) -> Self {
        if body.len() <= TOGETHER_BYTES_MAX {
            let mut text = head.into_bytes();
            text.reserve_exact(body.len() + tail.len());
            text.extend_from_slice(&body);
            text.extend_from_slice(tail.as_bytes());
            return Self { head: text.into(), body: Body::Nothing, tail: "" };
        }
        Self { head: head.into_bytes().into(), body: Body::Whole(body), tail }
    }

    /// The reply to the request with this id; both are JSON texts.
    pub(crate) fn reply(id: &str, result: &[u8]) -> Self {
        let head = [b"{\"id\":", id.as_bytes(), b",\"result\":", result, b",\"error\":null}"].concat();
        Self { head: head.into(), body: Body::Nothing, tail: "" }
    }

    /// As [`Frame::shared`], around a body that is yet to be made.
    pub fn in_pieces(head: String, body: Arc<dyn Pieces>, tail: &'static str) -> Self {
        Self { head: head.into_bytes().into(), body: Body::Pieces(body), tail }
    }

    /// The pieces of the message, in order; written one after the other they are its bytes. `None` if some are yet to
    /// be made.
    pub fn pieces(&self) -> Option<[&[u8]; 3]> {
        match &self.body {
            Body::Nothing => Some([&self.head, &[], &[]]),
            Body::Whole(body) => Some([&self.head, body, self.tail.as_bytes()]),
            Body::Pieces(_) => None,
        }
    }

    /// The bytes before and after what is yet to be made, if something is.
    pub fn to_be_made(&self) -> Option<ToBeMade<'_>> {
        match &self.body {
            Body::Nothing | Body::Whole(_) => None,
            Body::Pieces(pieces) => Some(ToBeMade { head: &self.head, pieces, tail: self.tail.as_bytes() }),
        }
    }

    /// The length of the message in bytes, without what is yet to be made.
    pub fn byte_count(&self) -> usize {
        let body = match &self.body {
            Body::Nothing | Body::Pieces(_) => 0,
            Body::Whole(body) => body.len(),
        };
        self.head.len() + body + self.tail.len()
    }

    /// Appends the bytes of the message, and makes those that are yet to be made.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        match &self.body {
            Body::Nothing => {}
            Body::Whole(body) => out.extend_from_slice(body),
            Body::Pieces(pieces) => {
                for piece in (0..).map_while(|index| pieces.piece(index)) {
                    out.extend_from_slice(&piece);
                }
            }
        }
        out.extend_from_slice(self.tail.as_bytes());
    }

    /// The message again, for a peer in the same process.
    pub fn to_message(&self) -> Message {
        let mut bytes = Vec::new();
        self.emit(&mut bytes);
        let mut framer = Framer::new(usize::MAX);
        framer.push(&bytes).expect("a frame is made of valid JSON");
        framer.pop().expect("a frame is one whole message")
    }
}

impl From<&Message> for Frame {
    fn from(message: &Message) -> Self {
        Self { head: message.to_bytes().into(), body: Body::Nothing, tail: "" }
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

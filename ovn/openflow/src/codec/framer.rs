//! Cutting a stream of octets into messages.

use super::HEADER_LEN;

/// Octets of one message with its header, as it came.
pub type Frame = Vec<u8>;

/// The stream cannot be cut any more; the connection must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a header says that its message has {length} octets")]
pub struct FrameError {
    pub length: usize,
}

/// Holds the octets of a message that is not whole yet: at most 65535 of it, plus what one call brings.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Octets at the start of `buffer` that have been taken.
    taken: usize,
}

impl Framer {
    pub fn new() -> Self {
        Self::default()
    }

    /// The octets that no message was made of yet.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.taken..]
    }

    /// Octets that came in. Take all whole messages with [`Self::next_frame`] before the next call, so that the
    /// buffer stays small.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(octets);
    }

    /// The next whole message.
    ///
    /// # Errors
    /// If a header says less than the length of a header.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let rest = &self.buffer[self.taken..];
        let &[_, _, high, low, ..] = rest else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < HEADER_LEN {
            return Err(FrameError { length });
        }
        let Some(frame) = rest.get(..length) else { return Ok(None) };
        let frame = frame.to_vec();
        self.taken += length;
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_wherever_the_stream_is() {
        let stream: Vec<u8> =
            [[6u8, 0, 0, 8, 0, 0, 0, 1].as_slice(), &[6, 2, 0, 10, 0, 0, 0, 2, 7, 7]].concat();
        for cut in 0..stream.len() {
            let mut framer = Framer::new();
            let mut frames = Vec::new();
            for part in [&stream[..cut], &stream[cut..]] {
                framer.push(part);
                while let Some(frame) = framer.next_frame().unwrap() {
                    frames.push(frame);
                }
            }
            assert_eq!(frames, [stream[..8].to_vec(), stream[8..].to_vec()]);
        }
    }

    #[test]
    fn a_length_below_the_header_ends_the_stream() {
        let mut framer = Framer::new();
        framer.push(&[6, 0, 0, 7, 0, 0, 0, 1]);
        assert_eq!(framer.next_frame(), Err(FrameError { length: 7 }));
    }
}

//! Buffers of frames, used again and again: small ones for what fits a usual MTU, large ones for what a sender left
//! to be segmented.

use packet::{Frame, VirtioHeader};

/// Octets of a frame that a small buffer takes: the usual MTU with headers and tags.
pub(super) const SMALL: usize = 2048;
/// Octets of the longest frame: an IP packet of the largest size, with headers of the link.
pub(super) const LARGE: usize = 65_535 + 64;
/// Buffers kept of each kind; further ones are given back to the system.
const KEPT_MAX: usize = 256;

/// Buffers that wait to be used.
#[derive(Default)]
pub struct Pool {
    small: Vec<Frame>,
    large: Vec<Frame>,
}

impl Pool {
    /// An empty frame with room for `LARGE` or `SMALL` octets.
    pub(super) fn take(&mut self, large: bool) -> Frame {
        let (kept, room) = if large { (&mut self.large, LARGE) } else { (&mut self.small, SMALL) };
        kept.pop().unwrap_or_else(|| Frame::with_room(room))
    }

    /// Takes the buffer of a frame that is no longer needed.
    pub fn give(&mut self, mut frame: Frame) {
        let kept = if frame.recycle(LARGE) {
            &mut self.large
        } else if frame.recycle(SMALL) {
            &mut self.small
        } else {
            return;
        };
        if kept.len() < KEPT_MAX {
            kept.push(frame);
        }
    }
}

/// Which buffers a device is read into: large ones for some time after a large frame came.
#[derive(Default)]
pub(super) struct Sizes {
    large_left: u8,
}

impl Sizes {
    /// Whether the next buffer is to be a large one.
    pub(super) fn large(&self) -> bool {
        self.large_left > 0
    }

    /// A frame of so many octets came.
    pub(super) fn saw(&mut self, octets: usize) {
        self.large_left = if octets > SMALL { u8::MAX } else { self.large_left.saturating_sub(1) };
    }
}

/// Makes of a frame whose buffer was too small, and of what went beyond it, one with a large buffer.
pub(super) fn enlarge(pool: &mut Pool, header: usize, frame: Frame, beyond: &[u8]) -> Frame {
    let mut large = pool.take(true);
    let room = large.room_mut(header);
    let (head, body) = (frame.received_header(header), frame.as_slice());
    let length = head.len() + body.len() + beyond.len();
    if let Some(room) = room.get_mut(..length) {
        let (first, rest) = room.split_at_mut(head.len());
        first.copy_from_slice(head);
        let (second, third) = rest.split_at_mut(body.len());
        second.copy_from_slice(body);
        third.copy_from_slice(beyond);
        large.set_received(header, length);
    }
    pool.give(frame);
    large
}

/// Takes over what the virtio-net header in front of a frame says; false if that cannot be, or there is no frame.
pub(super) fn apply(frame: &mut Frame) -> bool {
    let header = frame.received_header(VirtioHeader::LEN).first_chunk().copied();
    !frame.is_empty() && header.is_some_and(|header| VirtioHeader::apply(&header, frame).is_ok())
}

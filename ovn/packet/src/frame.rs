//! The octets of one frame, with room in front to put headers.

use crate::{EtherType, checksum};

/// A frame that can grow and shrink at its front without moving its octets, as long as the room lasts.
///
/// It also says what its sender left to whoever puts it on a wire: see [`Offload`].
#[derive(Default)]
pub struct Frame {
    octets: Vec<u8>,
    /// Where the frame begins and ends in the buffer; what is around it is room.
    start: usize,
    end: usize,
    /// Place in the buffer from which the transport checksum is still to be summed, and its field's
    /// distance from there.
    partial: Option<(usize, u16)>,
    segments: Option<Segments>,
}

/// Work on a frame that was left to a network card, as `struct virtio_net_hdr` describes it
/// (Virtual I/O Device 1.2 section 5.1.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// The transport checksum is not whole: its field holds the sum over the pseudo header.
    pub partial: Option<Partial>,
    /// The frame is to be cut into several. Then the checksum is partial, too.
    pub segments: Option<Segments>,
}

/// Where a transport checksum is to be summed and stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// First octet that is summed, from the start of the frame.
    pub start: u16,
    /// The field, from `start`.
    pub offset: u16,
}

/// How a frame is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segments {
    /// By which protocol.
    pub kind: SegmentKind,
    /// Octets of payload in each but the last; never 0.
    pub size: u16,
}

/// By which protocol a frame is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentKind {
    /// TCP over IPv4.
    Tcp4,
    /// TCP over IPv6.
    Tcp6,
    /// UDP over either: each piece is a datagram.
    Udp,
}

impl Frame {
    /// Room that receivers leave in front: enough for a Geneve header with 100 octets of options and
    /// for two tags.
    pub const HEADROOM: usize = 128;

    /// A frame whose first octet is at `start` of `octets`; what is before is room for headers.
    ///
    /// # Panics
    /// If `start` is beyond the end of `octets`.
    pub fn with_headroom(octets: Vec<u8>, start: usize) -> Self {
        assert!(start <= octets.len(), "the frame begins inside its buffer");
        let end = octets.len();
        Self { octets, start, end, ..Self::default() }
    }

    /// A copy of these octets, with the usual room in front.
    pub fn copy_from(octets: &[u8]) -> Self {
        let mut buffer = Vec::with_capacity(Self::HEADROOM + octets.len());
        buffer.resize(Self::HEADROOM, 0);
        buffer.extend_from_slice(octets);
        Self::with_headroom(buffer, Self::HEADROOM)
    }

    /// An empty frame with the usual room in front and so many octets behind, to receive into.
    pub fn with_room(octets: usize) -> Self {
        let (start, end) = (Self::HEADROOM, Self::HEADROOM);
        Self { octets: vec![0; Self::HEADROOM + octets], start, end, ..Self::default() }
    }

    /// Makes the frame empty, as [`Frame::with_room`] does, if its buffer has that much room; false
    /// and unchanged otherwise.
    pub fn recycle(&mut self, octets: usize) -> bool {
        let fits = self.octets.len() >= Self::HEADROOM + octets;
        if fits {
            (self.start, self.end) = (Self::HEADROOM, Self::HEADROOM);
            (self.partial, self.segments) = (None, None);
        }
        fits
    }

    /// The room of an empty frame, beginning so many octets in front of it (at most its headroom), so
    /// that a header and the frame are received at one go. [`Frame::set_received`] says what came.
    pub fn room_mut(&mut self, header: usize) -> &mut [u8] {
        &mut self.octets[self.start.saturating_sub(header)..]
    }

    /// After `octets` octets were written into the room, of which the first `header` are no part of the
    /// frame. What goes beyond the room is cut.
    pub fn set_received(&mut self, header: usize, octets: usize) {
        let end = self.start.saturating_sub(header) + octets;
        self.end = end.clamp(self.start, self.octets.len());
    }

    /// So many octets in front of the frame: the header that was received with it.
    pub fn received_header(&self, header: usize) -> &[u8] {
        &self.octets[self.start.saturating_sub(header)..self.start]
    }

    /// Appends octets.
    pub fn extend(&mut self, octets: &[u8]) {
        // What is behind the frame is room and means nothing.
        self.octets.truncate(self.end);
        self.octets.extend_from_slice(octets);
        self.end += octets.len();
    }

    /// Makes room for so many more octets, so that appending does not move what is there.
    pub fn reserve(&mut self, octets: usize) {
        self.octets.truncate(self.end);
        self.octets.reserve(octets);
    }

    /// What was left undone.
    pub fn offload(&self) -> Offload {
        let partial = self.partial.map(|(at, offset)| Partial {
            start: u16::try_from(at.saturating_sub(self.start)).unwrap_or(u16::MAX),
            offset,
        });
        Offload { partial, segments: self.segments }
    }

    /// Says what is left undone. False, and nothing is, if the frame has not got what is to be summed,
    /// or is to be cut without that.
    pub fn set_offload(&mut self, offload: Offload) -> bool {
        (self.partial, self.segments) = (None, None);
        let Some(Partial { start, offset }) = offload.partial else { return offload.segments.is_none() };
        let field = usize::from(start) + usize::from(offset);
        let valid = field + 2 <= self.len() && offload.segments.is_none_or(|segments| segments.size > 0);
        if valid {
            self.partial = Some((self.start + usize::from(start), offset));
            self.segments = offload.segments;
        }
        valid
    }

    /// Whether the transport checksum is still to be summed.
    pub fn is_partial(&self) -> bool {
        self.partial.is_some()
    }

    /// How the frame is to be cut, if it is.
    pub fn segments(&self) -> Option<Segments> {
        self.segments
    }

    /// Octets of the longest frame that comes out when this one is cut; its own if it is not to be.
    pub fn wire_len(&self) -> usize {
        let (Some(segments), Some((at, _))) = (self.segments, self.partial) else { return self.len() };
        let l4_len = match segments.kind {
            SegmentKind::Tcp4 | SegmentKind::Tcp6 => {
                self.octets.get(at + 12).map_or(20, |offset| usize::from(offset >> 4) * 4)
            }
            SegmentKind::Udp => 8,
        };
        self.len().min(at - self.start + l4_len + usize::from(segments.size))
    }

    /// Sums the transport checksum if that was left undone. A frame that is to be cut keeps its own
    /// until then.
    pub fn finish_checksum(&mut self) {
        if self.segments.is_some() {
            return;
        }
        let Some((at, offset)) = self.partial.take() else { return };
        let field = at + usize::from(offset);
        let Some(summed) = self.octets.get(at..self.end).filter(|_| field + 2 <= self.end) else { return };
        // All ones and all zeroes are the same number, and zero would mean "none" to UDP (RFC 768).
        let sum = match checksum::internet(summed) {
            0 => 0xffff,
            sum => sum,
        };
        self.octets[field..field + 2].copy_from_slice(&sum.to_be_bytes());
    }

    /// Octets in the frame.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The octets.
    pub fn as_slice(&self) -> &[u8] {
        &self.octets[self.start..self.end]
    }

    /// The octets, to change.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.octets[self.start..self.end]
    }

    /// Puts `header` in front. Octets move only if there is no room left.
    pub fn push_front(&mut self, header: &[u8]) {
        if header.len() > self.start {
            let room = Self::HEADROOM.max(header.len());
            let moved = |at: usize| at - self.start + room;
            self.partial = self.partial.map(|(at, offset)| (moved(at), offset));
            self.end = moved(self.end);
            self.octets.splice(..self.start, std::iter::repeat_n(0, room));
            self.start = room;
        }
        self.start -= header.len();
        self.octets[self.start..self.start + header.len()].copy_from_slice(header);
    }

    /// Takes `len` octets off the front, or all if there are fewer.
    pub fn pull_front(&mut self, len: usize) {
        self.start = (self.start + len).min(self.end);
    }

    /// Cuts the frame to `len` octets if it is longer.
    pub fn truncate(&mut self, len: usize) {
        self.end = self.end.min(self.start + len);
    }

    /// Puts a VLAN tag behind the addresses. A frame without two whole addresses stays as it is.
    pub fn push_vlan(&mut self, tpid: EtherType, tci: u16) {
        let Some(addresses) = self.as_slice().first_chunk::<12>().copied() else { return };
        let [p0, p1] = tpid.0.to_be_bytes();
        let [t0, t1] = tci.to_be_bytes();
        self.push_front(&[0; 4]);
        let frame = self.as_mut_slice();
        frame[..12].copy_from_slice(&addresses);
        frame[12..16].copy_from_slice(&[p0, p1, t0, t1]);
    }

    /// Takes the outer VLAN tag out; whether there was one.
    pub fn pop_vlan(&mut self) -> bool {
        let Some(head) = self.as_slice().first_chunk::<18>() else { return false };
        if !EtherType(u16::from_be_bytes([head[12], head[13]])).is_vlan() {
            return false;
        }
        self.as_mut_slice().copy_within(0..12, 4);
        self.start += 4;
        true
    }
}

/// Two frames are equal if their octets are, whatever room they have.
impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Frame {}

impl Clone for Frame {
    /// With the room in front, and none behind.
    fn clone(&self) -> Self {
        let octets = self.octets[..self.end].to_vec();
        Self { octets, start: self.start, end: self.end, partial: self.partial, segments: self.segments }
    }
}

impl From<Vec<u8>> for Frame {
    /// Without room in front.
    fn from(octets: Vec<u8>) -> Self {
        Self::with_headroom(octets, 0)
    }
}

impl std::ops::Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Frame(")?;
        self.as_slice().iter().try_for_each(|octet| write!(f, "{octet:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::hex;
    use proptest::prelude::*;

    #[test]
    fn tags_go_in_and_out() {
        let plain = hex("0a0000000002 0a0000000001 0800 45000000");
        let mut frame = Frame::copy_from(&plain);
        frame.push_vlan(EtherType::VLAN, 0x6064);
        assert_eq!(*frame, hex("0a0000000002 0a0000000001 8100 6064 0800 45000000"));
        assert!(frame.pop_vlan());
        assert!(!frame.pop_vlan());
        assert_eq!(*frame, plain);
    }

    #[test]
    fn a_checksum_left_undone_moves_with_the_frame_and_is_finished() {
        // Four octets of "UDP" whose checksum field holds the pseudo header's sum, behind 14 of L2.
        let mut frame = Frame::copy_from(&[[0xff; 14].as_slice(), &[0x12, 0x34, 0x00, 0x10]].concat());
        frame.octets.drain(..Frame::HEADROOM);
        (frame.start, frame.end) = (0, frame.octets.len());
        assert!(
            frame.set_offload(Offload { partial: Some(Partial { start: 14, offset: 2 }), segments: None })
        );
        frame.push_vlan(EtherType::VLAN, 1);
        assert_eq!(frame.offload().partial, Some(Partial { start: 18, offset: 2 }));
        frame.finish_checksum();
        assert_eq!(frame[20..], (!(0x1234_u16 + 0x10)).to_be_bytes());
        assert!(!frame.is_partial());
        let beyond = Offload { partial: Some(Partial { start: 21, offset: 0 }), segments: None };
        assert!(!frame.set_offload(beyond));
        assert_eq!(frame.offload(), Offload::default());
    }

    #[test]
    fn a_buffer_is_received_into_again_and_again() {
        let mut frame = Frame::with_room(100);
        frame.room_mut(10)[..14].copy_from_slice(b"0123456789abcd");
        frame.set_received(10, 14);
        assert_eq!((frame.received_header(10), &*frame), (&b"0123456789"[..], &b"abcd"[..]));
        let copy = frame.clone();
        frame.extend(&[0; 200]);
        assert!(frame.recycle(100) && frame.is_empty());
        assert!(!copy.clone().recycle(100), "a copy has no room behind");
        frame.set_received(10, 5);
        assert!(frame.is_empty(), "less than the header came");
    }

    #[test]
    fn short_frames_have_no_tag() {
        let mut frame = Frame::copy_from(&[1; 11]);
        frame.push_vlan(EtherType::VLAN, 1);
        assert!(!frame.pop_vlan());
        assert_eq!(frame.len(), 11);
    }

    proptest! {
        #[test]
        fn front_grows_and_shrinks_as_a_vector_does(room in 0usize..8, headers in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..8), cut in 0usize..60) {
            let mut frame = Frame::with_headroom(vec![9; room + 4], room);
            let mut model = vec![9; 4];
            for header in headers {
                frame.push_front(&header);
                model.splice(..0, header);
                prop_assert_eq!(&*frame, &model);
            }
            frame.pull_front(cut);
            model.drain(..cut.min(model.len()));
            prop_assert_eq!(&*frame, &model);
        }
    }
}

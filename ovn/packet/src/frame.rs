//! The octets of one frame, with room in front to put headers.

use crate::EtherType;

/// A frame that can grow and shrink at its front without moving its octets, as long as the room lasts.
#[derive(Clone, Default)]
pub struct Frame {
    octets: Vec<u8>,
    start: usize,
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
        Self { octets, start }
    }

    /// A copy of these octets, with the usual room in front.
    pub fn copy_from(octets: &[u8]) -> Self {
        let mut buffer = Vec::with_capacity(Self::HEADROOM + octets.len());
        buffer.resize(Self::HEADROOM, 0);
        buffer.extend_from_slice(octets);
        Self { octets: buffer, start: Self::HEADROOM }
    }

    /// The buffer, to use again for another frame.
    pub fn into_buffer(self) -> Vec<u8> {
        self.octets
    }

    /// Octets in the frame.
    pub fn len(&self) -> usize {
        self.octets.len() - self.start
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The octets.
    pub fn as_slice(&self) -> &[u8] {
        &self.octets[self.start..]
    }

    /// The octets, to change.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.octets[self.start..]
    }

    /// Puts `header` in front. Octets move only if there is no room left.
    pub fn push_front(&mut self, header: &[u8]) {
        if header.len() > self.start {
            let room = Self::HEADROOM.max(header.len());
            self.octets.splice(..self.start, std::iter::repeat_n(0, room));
            self.start = room;
        }
        self.start -= header.len();
        self.octets[self.start..self.start + header.len()].copy_from_slice(header);
    }

    /// Takes `len` octets off the front, or all if there are fewer.
    pub fn pull_front(&mut self, len: usize) {
        self.start = (self.start + len).min(self.octets.len());
    }

    /// Cuts the frame to `len` octets if it is longer.
    pub fn truncate(&mut self, len: usize) {
        self.octets.truncate(self.start + len);
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

impl From<Vec<u8>> for Frame {
    /// Without room in front.
    fn from(octets: Vec<u8>) -> Self {
        Self { octets, start: 0 }
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

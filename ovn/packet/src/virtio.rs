//! The header that Linux puts in front of frames for what was left to a network card
//! (Virtual I/O Device 1.2 section 5.1.6, the legacy layout: numbers in the host's byte order).
//!
//! ```text
//! | flags 1 | segmentation 1 | header length 2 | segment size 2 | checksum start 2 | its offset 2 |
//! ```

use crate::{Frame, Malformed, Offload, Partial, SegmentKind, Segments};

/// Reading and writing of the header.
#[derive(Clone, Copy, Debug)]
pub struct VirtioHeader;

/// The checksum is not whole.
const NEEDS_CSUM: u8 = 1;
/// Beside the kind of segmentation: the first segment keeps "congestion window reduced" for itself,
/// which [`crate::Segmenter`] always does.
const ECN: u8 = 0x80;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
const GSO_UDP_L4: u8 = 5;

impl VirtioHeader {
    /// Octets of the header.
    pub const LEN: usize = 10;

    /// Takes over into a frame what the header in front of it says.
    ///
    /// # Errors
    /// When the header asks for what the frame has not got, or for a segmentation that is unknown.
    pub fn apply(header: &[u8; Self::LEN], frame: &mut Frame) -> Result<(), Malformed> {
        if header[..2] == [0, 0] {
            return Ok(());
        }
        let word = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
        let bad = |offset, what| Malformed { layer: "virtio", offset, what };
        let kind = match header[1] & !ECN {
            0 => None,
            GSO_TCPV4 => Some(SegmentKind::Tcp4),
            GSO_TCPV6 => Some(SegmentKind::Tcp6),
            GSO_UDP_L4 => Some(SegmentKind::Udp),
            _ => return Err(bad(1, "an unknown segmentation")),
        };
        let partial = (header[0] & NEEDS_CSUM != 0).then(|| Partial { start: word(6), offset: word(8) });
        let segments = kind.map(|kind| Segments { kind, size: word(4) });
        if !frame.set_offload(Offload { partial, segments }) {
            return Err(bad(4, "the frame has no such checksum or segments"));
        }
        Ok(())
    }

    /// The header for what a frame leaves undone.
    pub fn for_frame(frame: &Frame) -> [u8; Self::LEN] {
        let mut header = [0; Self::LEN];
        let offload = frame.offload();
        let Some(partial) = offload.partial else { return header };
        header[0] = NEEDS_CSUM;
        header[6..8].copy_from_slice(&partial.start.to_ne_bytes());
        header[8..10].copy_from_slice(&partial.offset.to_ne_bytes());
        let Some(segments) = offload.segments else { return header };
        header[1] = match segments.kind {
            SegmentKind::Tcp4 => GSO_TCPV4,
            SegmentKind::Tcp6 => GSO_TCPV6,
            SegmentKind::Udp => GSO_UDP_L4,
        };
        let headers = frame.wire_len().saturating_sub(segments.size.into());
        header[2..4].copy_from_slice(&u16::try_from(headers).unwrap_or(u16::MAX).to_ne_bytes());
        header[4..6].copy_from_slice(&segments.size.to_ne_bytes());
        header
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_read_is_written_and_nothing_else_is_taken(header: [u8; VirtioHeader::LEN], len in 0usize..100) {
            let mut frame = Frame::copy_from(&vec![0x50; len]);
            match VirtioHeader::apply(&header, &mut frame) {
                Ok(()) => {
                    let written = VirtioHeader::for_frame(&frame);
                    let mut again = Frame::copy_from(&frame);
                    VirtioHeader::apply(&written, &mut again).unwrap();
                    prop_assert_eq!(again.offload(), frame.offload());
                }
                Err(_) => prop_assert_eq!(frame.offload(), Offload::default()),
            }
            frame.finish_checksum();
        }
    }
}

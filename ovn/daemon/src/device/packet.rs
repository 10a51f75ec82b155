//! A packet socket on an interface that exists already: all its frames in, any frame out.
//!
//! Frames come with a virtio-net header (`PACKET_VNET_HDR`), which tells of a checksum that the sending stack left to
//! its network card: over a veth there is no card, so it is finished here. A frame that the stack left to be segmented
//! is longer than any buffer of ours and is dropped and counted; whoever wires a veth to a port turns segmentation off.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sys;

/// Length of `struct virtio_net_hdr`.
const HEADER: usize = 10;
/// `VIRTIO_NET_HDR_F_NEEDS_CSUM`.
const NEEDS_CSUM: u8 = 1;
/// `VIRTIO_NET_HDR_GSO_NONE`.
const GSO_NONE: u8 = 0;

/// An open packet socket.
pub(super) struct PacketSocket {
    fd: OwnedFd,
    unsegmented: AtomicU64,
}

impl PacketSocket {
    /// Opens one on the interface with this index.
    ///
    /// # Errors
    /// What socket(2), bind(2) or setsockopt(2) returned.
    pub(super) fn open(index: u32) -> io::Result<Self> {
        Ok(Self { fd: sys::packet_socket(index)?, unsegmented: AtomicU64::new(0) })
    }

    /// Receives one frame.
    ///
    /// # Errors
    /// `WouldBlock` when none waits.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut header = [0; HEADER];
            let length = sys::receive_two(&self.fd, &mut header, buffer)?;
            let Some(length) = length.checked_sub(HEADER) else { continue };
            if header[1] != GSO_NONE || length > buffer.len() {
                self.unsegmented.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            if header[0] & NEEDS_CSUM != 0 {
                let start = usize::from(u16::from_ne_bytes([header[6], header[7]]));
                let offset = usize::from(u16::from_ne_bytes([header[8], header[9]]));
                finish_checksum(&mut buffer[..length], start, offset);
            }
            return Ok(length);
        }
    }

    /// Sends one frame.
    ///
    /// # Errors
    /// What sending returned.
    pub(super) fn send(&self, frame: &[u8]) -> io::Result<()> {
        sys::send_two(&self.fd, &[0; HEADER], frame)
    }

    /// Frames dropped because they were not segmented.
    pub(super) fn unsegmented(&self) -> u64 {
        self.unsegmented.load(Ordering::Relaxed)
    }
}

impl AsRawFd for PacketSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// Sums the frame from `start` on and stores the complement `offset` octets further, over the pseudo-header's sum that is there.
fn finish_checksum(frame: &mut [u8], start: usize, offset: usize) {
    let Some(at) = start.checked_add(offset).filter(|at| at + 2 <= frame.len()) else { return };
    let mut sum: u32 = 0;
    for pair in frame[start..].chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    // All ones and all zeroes are the same number, and zero would mean "no checksum" to UDP (RFC 768).
    let folded = !u16::try_from(sum).expect("folded to 16 bits");
    let stored = if folded == 0 { 0xffff } else { folded };
    frame[at..at + 2].copy_from_slice(&stored.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_left_to_the_card_is_finished() {
        // Four octets of "UDP" whose checksum field holds the pseudo-header's sum.
        let mut frame = vec![0xff; 2];
        frame.extend([0x12, 0x34, 0x00, 0x10]);
        finish_checksum(&mut frame, 2, 2);
        assert_eq!(frame[4..], (!(0x1234_u16 + 0x10)).to_be_bytes());
        // An offset beyond the frame changes nothing.
        finish_checksum(&mut frame, 60000, 60000);
    }
}

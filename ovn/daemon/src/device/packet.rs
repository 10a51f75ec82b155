//! A packet socket on an interface that exists already: all its frames in, any frame out, in batches.
//!
//! Frames come with a virtio-net header (`PACKET_VNET_HDR`), which tells of checksums and segmentation that the
//! sending stack left to its network card; over a veth there is no card, and whoever gets the frame last does it.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use packet::{EtherType, Frame, VirtioHeader};

use super::pool::{LARGE, Pool, Sizes, apply, enlarge};
use crate::sys::{self, MESSAGES_MAX};

const HEADER: usize = VirtioHeader::LEN;

/// An open packet socket.
pub(super) struct PacketSocket {
    fd: OwnedFd,
    sizes: Sizes,
    /// Where what is longer than a small buffer goes, for each message of a batch.
    beyond: Vec<u8>,
    received: Vec<sys::Received>,
    /// Frames dropped because they had not got what their headers said.
    pub(super) malformed: u64,
}

impl PacketSocket {
    /// Opens one on the interface with this index.
    ///
    /// # Errors
    /// What socket(2), bind(2) or setsockopt(2) returned.
    pub(super) fn open(index: u32) -> io::Result<Self> {
        sys::packet_socket(index).map(Self::from_fd)
    }

    /// One that is open already.
    pub(super) fn from_fd(fd: OwnedFd) -> Self {
        // The pages of `beyond` are taken from the system when a long frame first needs them.
        let beyond = vec![0; LARGE * MESSAGES_MAX];
        Self { fd, sizes: Sizes::default(), beyond, received: Vec::new(), malformed: 0 }
    }

    /// Another descriptor of it.
    pub(super) fn duplicate(&self) -> io::Result<OwnedFd> {
        self.fd.try_clone()
    }

    /// Receives up to `most` frames.
    ///
    /// # Errors
    /// `WouldBlock` when none waits.
    pub(super) fn receive(&mut self, most: usize, pool: &mut Pool, into: &mut Vec<Frame>) -> io::Result<()> {
        let large = self.sizes.large();
        let mut frames: Vec<Frame> = (0..most.min(MESSAGES_MAX)).map(|_| pool.take(large)).collect();
        let result = {
            let beyond = self.beyond.chunks_mut(LARGE);
            let mut parts: Vec<[IoSliceMut<'_>; 2]> = frames
                .iter_mut()
                .zip(beyond)
                .map(|(frame, beyond)| [IoSliceMut::new(frame.room_mut(HEADER)), IoSliceMut::new(beyond)])
                .collect();
            sys::receive_many(&self.fd, &mut parts, &mut self.received)
        };
        let mut frames = frames.into_iter();
        if result.is_ok() {
            for (i, received) in self.received.iter().enumerate() {
                let Some(mut frame) = frames.next() else { break };
                let room_len = frame.room_mut(HEADER).len();
                frame.set_received(HEADER, received.length);
                self.sizes.saw(received.length);
                if let Some(length) = received.length.checked_sub(room_len).filter(|length| *length > 0) {
                    let beyond = &self.beyond[i * LARGE..][..length.min(LARGE)];
                    frame = enlarge(pool, HEADER, frame, beyond);
                }
                // What the header says counts from where the frame begins now.
                if apply(&mut frame) {
                    if let Some((tpid, tci)) = received.tag {
                        frame.push_vlan(EtherType(tpid), tci);
                    }
                    into.push(frame);
                } else {
                    self.malformed += 1;
                    pool.give(frame);
                }
            }
        }
        frames.for_each(|frame| pool.give(frame));
        result
    }

    /// Sends frames that have their headers in front; how many were sent.
    ///
    /// # Errors
    /// Why the first one was not.
    pub(super) fn send(&self, frames: &[Frame]) -> io::Result<usize> {
        let messages: Vec<IoSlice<'_>> =
            frames.iter().take(MESSAGES_MAX).map(|frame| IoSlice::new(frame.as_slice())).collect();
        sys::send_many(&self.fd, &messages)
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for PacketSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

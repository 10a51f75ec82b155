//! A tap: the kernel's end is an ordinary interface, ours is a descriptor of frames with virtio-net headers.
//!
//! The host's stack leaves checksums and segmentation to us, as to a network card, so that a long TCP write crosses
//! the switch as one frame.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use packet::{Frame, VirtioHeader};

use super::pool::{LARGE, Pool, Sizes, apply, enlarge};
use crate::sys;

/// An open tap; it ends with this value.
pub(super) struct Tap {
    fd: OwnedFd,
    sizes: Sizes,
    /// Where what is longer than a small buffer goes.
    beyond: Vec<u8>,
    /// Frames dropped because they had not got what their headers said.
    pub(super) malformed: u64,
}

impl Tap {
    /// Makes a tap called `name`.
    ///
    /// # Errors
    /// What opening `/dev/net/tun` or naming the interface returned, for example that the name is taken.
    pub(super) fn open(name: &str) -> io::Result<Self> {
        sys::tap(name).map(Self::from_fd)
    }

    /// One that is open already.
    pub(super) fn from_fd(fd: OwnedFd) -> Self {
        Self { fd, sizes: Sizes::default(), beyond: vec![0; LARGE], malformed: 0 }
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
        const HEADER: usize = VirtioHeader::LEN;
        for n in 0..most {
            let mut frame = pool.take(self.sizes.large());
            let room = frame.room_mut(HEADER);
            let room_len = room.len();
            let mut parts = [IoSliceMut::new(room), IoSliceMut::new(&mut self.beyond)];
            match nix::sys::uio::readv(&self.fd, &mut parts) {
                Ok(length) => {
                    frame.set_received(HEADER, length);
                    self.sizes.saw(length);
                    if let Some(beyond) = length.checked_sub(room_len).filter(|beyond| *beyond > 0) {
                        frame = enlarge(pool, HEADER, frame, &self.beyond[..beyond]);
                    }
                    if apply(&mut frame) {
                        into.push(frame);
                    } else {
                        self.malformed += 1;
                        pool.give(frame);
                    }
                }
                Err(error) => {
                    pool.give(frame);
                    return if n == 0 { Err(error.into()) } else { Ok(()) };
                }
            }
        }
        Ok(())
    }

    /// Sends one frame that has its header in front.
    ///
    /// # Errors
    /// What writing returned; `WouldBlock` when the interface's queue is full.
    pub(super) fn send(&self, frame: &[u8]) -> io::Result<()> {
        nix::sys::uio::writev(&self.fd, &[IoSlice::new(frame)])?;
        Ok(())
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Tap {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

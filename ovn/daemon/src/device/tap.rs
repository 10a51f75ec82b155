//! A tap: the kernel's end is an ordinary interface, ours is a descriptor of frames. The kernel finishes checksums for us.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use tun_tap::{Iface, Mode};

/// An open tap, without packet information in front of its frames; it ends with this value.
pub(super) struct Tap(Iface);

impl Tap {
    /// Makes a tap called `name`.
    ///
    /// # Errors
    /// What opening `/dev/net/tun` or naming the interface returned, for example that the name is taken.
    pub(super) fn open(name: &str) -> io::Result<Self> {
        let iface = Iface::without_packet_info(name, Mode::Tap)?;
        iface.set_non_blocking()?;
        Ok(Self(iface))
    }

    /// Receives one frame.
    ///
    /// # Errors
    /// `WouldBlock` when none waits.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.recv(buffer)
    }

    /// Sends one frame.
    ///
    /// # Errors
    /// What writing returned; `WouldBlock` when the interface's queue is full.
    pub(super) fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.0.send(frame).map(|_| ())
    }
}

impl AsRawFd for Tap {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

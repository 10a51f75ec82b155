//! The interface behind an attachment: a tap device, or the far end of a virtual cable.

use super::line::Frame;
use crate::sys;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Longest frame read from an interface: 64 KiB, larger than any packet size an interface can have.
const FRAME_MAX: usize = 65_535 + 64;

/// An interface whose frames the fabric carries. Reading and writing never block.
pub enum Port {
    /// A tap device that we hold: the node's interface itself.
    Tap(tun_tap::Iface),
    /// A raw socket on our end of a cable.
    Packet(OwnedFd),
}

/// Room for one frame, reused.
pub struct Buffer(Box<[u8]>);

impl Default for Buffer {
    fn default() -> Self {
        Self(vec![0; FRAME_MAX].into_boxed_slice())
    }
}

impl Port {
    /// The next frame that the node has sent; None when there is none.
    ///
    /// # Errors
    /// Those of the system, such as that the interface is gone or down.
    pub fn receive(&self, buffer: &mut Buffer) -> io::Result<Option<Frame>> {
        let result = match self {
            Self::Tap(tap) => tap.recv(&mut buffer.0).map(|end| 0..end),
            Self::Packet(fd) => sys::packet_receive(fd.as_fd(), &mut buffer.0).map(|r| r.start..r.end),
        };
        match result {
            Ok(range) => Ok(Some(buffer.0[range].into())),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Gives the node a frame. When the interface has no room, or is down, the frame is lost, as on any wire.
    pub fn send(&self, frame: &Frame) -> bool {
        match self {
            Self::Tap(tap) => tap.send(frame).is_ok(),
            Self::Packet(fd) => nix::unistd::write(fd, frame).is_ok(),
        }
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tap(tap) => sys::tap_fd(tap),
            Self::Packet(fd) => fd.as_fd(),
        }
    }
}

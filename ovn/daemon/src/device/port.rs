//! One port of the switch: a descriptor that gives and takes frames.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::libc::{EINVAL, EMSGSIZE, EOPNOTSUPP};
use packet::{Frame, Segmenter, VirtioHeader};

use super::links::{LinkInfo, Links};
use super::packet::PacketSocket;
use super::pool::Pool;
use super::tap::Tap;

/// How a port is wired to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// We make the interface: a tap, or a veth pair where taps are not allowed.
    Ours,
    /// The interface exists.
    Existing,
}

/// Why a port could not be made; the text is what upstream writes into the row.
#[derive(Debug, thiserror::Error)]
#[error("could not open network device {name} ({})", crate::base::os_error(source))]
pub struct OpenError {
    /// The interface's name.
    pub name: String,
    /// What the system said.
    pub source: io::Error,
}

/// An open port.
pub struct Port {
    wire: Wire,
    /// A veth of ours, removed with the port: its index.
    veth: Option<u32>,
}

/// A port on its way from one process to another.
#[derive(Debug)]
pub struct Inherited {
    /// What gives and takes frames.
    pub fd: OwnedFd,
    /// Whether it is a tap; else it is a packet socket.
    pub is_tap: bool,
    /// A veth of ours: its index.
    pub veth: Option<u32>,
}

enum Wire {
    Tap(Tap),
    Packet(PacketSocket),
}

impl Port {
    /// Opens the port called `name`.
    ///
    /// # Errors
    /// When the interface is missing, its name is taken, or the process may not.
    pub async fn open(links: &Links, name: &str, kind: Kind) -> Result<(Self, LinkInfo), OpenError> {
        let failed = |source| OpenError { name: name.to_owned(), source };
        match kind {
            Kind::Existing => open_existing(links, name).await,
            Kind::Ours => match Tap::open(name) {
                Ok(tap) => Ok(Self { wire: Wire::Tap(tap), veth: None }),
                Err(error) if tap_is_forbidden(&error) => open_veth(links, name).await,
                Err(error) => Err(error),
            },
        }
        .map_err(failed)
        .map(async |port| match links.get(name).await {
            Ok(Some(info)) => Ok((port, info)),
            Ok(None) => Err(failed(io::Error::from_raw_os_error(nix::libc::ENODEV))),
            Err(error) => Err(failed(error)),
        })?
        .await
    }

    /// Goes on with a port that another process opened.
    pub fn inherited(inherited: Inherited) -> Self {
        let Inherited { fd, is_tap, veth } = inherited;
        let wire = if is_tap { Wire::Tap(Tap::from_fd(fd)) } else { Wire::Packet(PacketSocket::from_fd(fd)) };
        Self { wire, veth }
    }

    /// Another descriptor of it, for a process that goes on with it.
    ///
    /// # Errors
    /// When there are too many.
    pub fn duplicate(&self) -> io::Result<Inherited> {
        let (fd, is_tap) = match &self.wire {
            Wire::Tap(tap) => (tap.duplicate()?, true),
            Wire::Packet(socket) => (socket.duplicate()?, false),
        };
        Ok(Inherited { fd, is_tap, veth: self.veth })
    }

    /// Receives up to `most` frames, of any length, with what their senders left to be done.
    ///
    /// # Errors
    /// `WouldBlock` when none waits; any other means that the interface is gone.
    pub fn receive(&mut self, most: usize, pool: &mut Pool, into: &mut Vec<Frame>) -> io::Result<()> {
        match &mut self.wire {
            Wire::Tap(tap) => tap.receive(most, pool, into),
            Wire::Packet(socket) => socket.receive(most, pool, into),
        }
    }

    /// Sends frames and empties `frames`. What the kernel refuses is lost, as on any wire: how many were.
    pub fn send(&mut self, frames: &mut Vec<Frame>, pool: &mut Pool) -> u64 {
        let mut lost = 0;
        for frame in frames.iter_mut() {
            let header = VirtioHeader::for_frame(frame);
            frame.push_front(&header);
        }
        match &self.wire {
            Wire::Tap(tap) => {
                for frame in frames.iter() {
                    lost += self.settle(tap.send(frame), frame);
                }
            }
            Wire::Packet(socket) => {
                let mut rest = frames.as_slice();
                while let Some(first) = rest.first() {
                    let sent = match socket.send(rest) {
                        Ok(sent) => sent.max(1),
                        Err(error) => {
                            lost += self.settle(Err(error), first);
                            1
                        }
                    };
                    rest = &rest[sent..];
                }
            }
        }
        frames.drain(..).for_each(|frame| pool.give(frame));
        lost
    }

    /// After a frame was sent or not: 1 if it is lost. One that the kernel cannot finish or cut is sent again as
    /// it should be on a wire.
    fn settle(&self, sent: io::Result<()>, frame: &Frame) -> u64 {
        let refused = match &sent {
            Ok(()) => return 0,
            Err(error) => matches!(error.raw_os_error(), Some(EINVAL | EMSGSIZE | EOPNOTSUPP)),
        };
        if !refused || !frame.is_partial() {
            return 1;
        }
        let mut whole = frame.clone();
        whole.pull_front(VirtioHeader::LEN);
        whole.finish_checksum();
        let mut lost = 0;
        let mut send = |octets: &[u8]| {
            let sent = match &self.wire {
                Wire::Tap(tap) => tap.send(octets).is_ok(),
                Wire::Packet(socket) => socket.send(&[Frame::copy_from(octets)]).is_ok(),
            };
            lost += u64::from(!sent);
        };
        let Some(mut segmenter) = Segmenter::new(&whole) else {
            whole.push_front(&[0; VirtioHeader::LEN]);
            send(&whole);
            return lost;
        };
        let mut segment = vec![0; VirtioHeader::LEN];
        while segmenter.emit(&mut segment) {
            send(&segment);
            segment.truncate(VirtioHeader::LEN);
        }
        lost
    }

    /// Frames dropped on the way in because they had not got what their headers said.
    pub fn malformed(&self) -> u64 {
        match &self.wire {
            Wire::Tap(tap) => tap.malformed,
            Wire::Packet(socket) => socket.malformed,
        }
    }

    /// Closes the port and removes what was made for it.
    pub async fn close(self, links: &Links) {
        if let Some(index) = self.veth {
            // It may be gone already, with the namespace of its other end.
            let _ = links.delete(index).await;
        }
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.wire {
            Wire::Tap(tap) => tap.as_fd(),
            Wire::Packet(socket) => socket.as_fd(),
        }
    }
}

impl AsRawFd for Port {
    fn as_raw_fd(&self) -> RawFd {
        match &self.wire {
            Wire::Tap(tap) => tap.as_raw_fd(),
            Wire::Packet(socket) => socket.as_raw_fd(),
        }
    }
}

/// In a user namespace `/dev/net/tun` is often there but closed to us.
fn tap_is_forbidden(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound)
}

async fn open_existing(links: &Links, name: &str) -> io::Result<Port> {
    let info = links.get(name).await?.ok_or_else(|| io::Error::from_raw_os_error(nix::libc::ENODEV))?;
    // A port is of use only when it is up; whoever gave it to the switch wants that.
    links.set_up(info.index).await?;
    Ok(Port { wire: Wire::Packet(PacketSocket::open(info.index)?), veth: None })
}

/// Our end of the pair carries the frames; the other has the port's name, as a tap would.
async fn open_veth(links: &Links, name: &str) -> io::Result<Port> {
    let ours = our_end(name);
    links.add_veth(name, &ours).await?;
    let info = links.get(&ours).await?.ok_or_else(|| io::Error::from_raw_os_error(nix::libc::ENODEV))?;
    links.set_up(info.index).await?;
    Ok(Port { wire: Wire::Packet(PacketSocket::open(info.index)?), veth: Some(info.index) })
}

/// A name for our end: at most 15 octets (`IFNAMSIZ` - 1), made different for different ports by a hash.
fn our_end(name: &str) -> String {
    // FNV-1a, 32 bits.
    let hash =
        name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let head: String = name.chars().filter(char::is_ascii).take(5).collect();
    format!("{head}.{hash:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_our_ends_fit_and_differ() {
        assert!(our_end("a-very-long-name").len() <= 15);
        assert_ne!(our_end("a-very-long-name"), our_end("a-very-long-nama"));
    }
}

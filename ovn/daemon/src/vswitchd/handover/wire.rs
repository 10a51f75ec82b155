//! What the two processes say to each other: packets of a Unix socket, the first octet of which says what it is.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, bind,
    connect as connect_to, getsockopt, listen as listen_on, sendmsg, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike as _};

use crate::sys;

/// Octets of the longest packet; a socket takes about 200,000.
const PACKET_LEN_MAX: usize = 192 << 10;
/// Octets of the pieces that what is longer is sent in.
pub(super) const PIECE_LEN: usize = 96 << 10;

/// Defines what is said, each with its number.
macro_rules! said {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// What a packet says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Said {
            $($(#[$doc])* $name,)*
        }

        impl Said {
            fn number(self) -> u8 {
                match self {
                    $(Self::$name => $number,)*
                }
            }

            fn of(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

said! {
    /// Both: the format of what follows, four octets. This packet is the same in all formats.
    Hello = 1,
    /// Both: why not, as text.
    Refusal = 2,
    /// New: begin to copy.
    Copy = 3,
    /// Old: a device, with its descriptor.
    Device = 4,
    /// Old: a tunnel's socket, with its descriptor.
    Tunnel = 5,
    /// Old: when it was written, and a part of the switch.
    Part = 6,
    /// Old: that was all for now.
    Copied = 7,
    /// New: stand still, and give the rest.
    Freeze = 8,
    /// Old: when it was written, and an OpenFlow connection, with its descriptor.
    Connection = 9,
    /// Old: a piece of the rest.
    Piece = 10,
    /// Old: when it was written; all pieces are there.
    Rest = 11,
    /// New: everything is here.
    Done = 12,
    /// Old: it is yours.
    Go = 13,
}

/// One packet.
#[derive(Debug)]
pub(super) struct Packet {
    pub said: Said,
    pub octets: Vec<u8>,
    pub descriptor: Option<OwnedFd>,
}

impl Packet {
    pub(super) fn new(said: Said, octets: Vec<u8>) -> Self {
        Self { said, octets, descriptor: None }
    }

    pub(super) fn with(said: Said, octets: Vec<u8>, descriptor: OwnedFd) -> Self {
        Self { said, octets, descriptor: Some(descriptor) }
    }

    /// Says when it was written in front of the rest.
    pub(super) fn stamped(mut self, stamp: Stamp) -> Self {
        self.octets.splice(0..0, stamp.0.to_le_bytes());
        self
    }

    /// When it was written, and what is behind that.
    pub(super) fn stamp(&self) -> Option<(Stamp, &[u8])> {
        let (stamp, rest) = self.octets.split_first_chunk()?;
        Some((Stamp(u64::from_le_bytes(*stamp)), rest))
    }

    pub(super) fn send(&self, socket: &OwnedFd) -> io::Result<()> {
        let number = [self.said.number()];
        let parts = [IoSlice::new(&number), IoSlice::new(&self.octets)];
        let descriptors = self.descriptor.as_ref().map(|fd| [fd.as_raw_fd()]);
        let control: Vec<ControlMessage<'_>> =
            descriptors.iter().map(|fds| ControlMessage::ScmRights(fds)).collect();
        sendmsg::<()>(socket.as_raw_fd(), &parts, &control, MsgFlags::MSG_NOSIGNAL, None)?;
        Ok(())
    }

    /// The next packet.
    ///
    /// # Errors
    /// `UnexpectedEof` at the end, `InvalidData` for one of no meaning.
    pub(super) fn receive(socket: &OwnedFd) -> io::Result<Self> {
        let mut octets = vec![0; PACKET_LEN_MAX];
        let (length, descriptor) = sys::receive_with_descriptor(socket, &mut octets)?;
        octets.truncate(length);
        let number = octets.first().copied().ok_or(io::ErrorKind::UnexpectedEof)?;
        let said = Said::of(number).ok_or(io::ErrorKind::InvalidData)?;
        octets.remove(0);
        Ok(Self { said, octets, descriptor })
    }
}

/// A moment that both processes understand: nanoseconds of the host's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp(u64);

impl Stamp {
    /// This moment, both ways.
    pub(super) fn now() -> (Self, Instant) {
        (Self(sys::monotonic_ns()), Instant::now())
    }

    /// As this process counts time. A moment of the future is now.
    pub(super) fn instant(self) -> Instant {
        let (now, instant) = Self::now();
        let ago = Duration::from_nanos(now.0.saturating_sub(self.0));
        instant.checked_sub(ago).unwrap_or(instant)
    }
}

fn unix_socket(flags: SockFlag) -> io::Result<OwnedFd> {
    let flags = flags | SockFlag::SOCK_CLOEXEC;
    Ok(socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?)
}

/// Listens at `path`, for processes of this user.
pub(super) fn listen(path: &Path) -> io::Result<OwnedFd> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = unix_socket(SockFlag::SOCK_NONBLOCK)?;
    bind(listener.as_raw_fd(), &UnixAddr::new(path)?)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    listen_on(&listener, Backlog::new(1)?)?;
    Ok(listener)
}

/// Connects to a process of this user that listens at `path`. The socket blocks, but not for ever.
pub(super) fn connect(path: &Path) -> io::Result<OwnedFd> {
    let socket = unix_socket(SockFlag::empty())?;
    connect_to(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    check_user(&socket)?;
    Ok(socket)
}

/// The next one that connected.
pub(super) fn accept(listener: &OwnedFd) -> io::Result<OwnedFd> {
    let socket = sys::accept(listener)?;
    check_user(&socket)?;
    Ok(socket)
}

fn check_user(socket: &OwnedFd) -> io::Result<()> {
    let peer = getsockopt(&socket.as_fd(), sockopt::PeerCredentials)?;
    if peer.uid() == nix::unistd::geteuid().as_raw() {
        Ok(())
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// Has calls on the socket wait, at most so long.
pub(super) fn block(socket: &OwnedFd, most: Duration) -> io::Result<()> {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    let flags = OFlag::from_bits_truncate(fcntl(socket, FcntlArg::F_GETFL)?);
    fcntl(socket, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
    let most = TimeVal::milliseconds(i64::try_from(most.as_millis()).unwrap_or(i64::MAX));
    setsockopt(socket, sockopt::SendTimeout, &most)?;
    setsockopt(socket, sockopt::ReceiveTimeout, &most)?;
    Ok(())
}

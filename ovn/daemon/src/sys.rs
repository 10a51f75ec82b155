//! The one file of this crate that may say `unsafe`: process control and sockets that have no safe form elsewhere.
#![allow(unsafe_code)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd as _, OwnedFd, RawFd};
use std::{io, mem};

use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, bind, recvmsg, sendmsg,
};
use nix::unistd::{ForkResult, Pid};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// What [`fork`] returned in which process.
pub(crate) enum Forked {
    /// In the parent: the child's process id.
    Parent(Pid),
    /// In the child.
    Child,
}

/// Forks. Must be called while the process has one thread: before any runtime is started.
///
/// # Errors
/// What fork(2) returns, for example EAGAIN at the limit of processes.
pub(crate) fn fork() -> nix::Result<Forked> {
    // SAFETY: callers run before any thread is spawned (`detach` is the first thing a daemon does), so no lock
    // of another thread can be held forever in the child.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Forked::Parent(child)),
        ForkResult::Child => Ok(Forked::Child),
    }
}

/// Points standard input, output and error at `/dev/null`, as a detached daemon has them.
pub(crate) fn null_stdio(null: &OwnedFd) {
    // A failure leaves the descriptor as it was, which harms nobody.
    let _ = nix::unistd::dup2_stdin(null);
    let _ = nix::unistd::dup2_stdout(null);
    let _ = nix::unistd::dup2_stderr(null);
}

/// A raw packet socket on the interface with this index: non-blocking, promiscuous, with virtio-net headers, without
/// the frames that we send ourselves.
pub(crate) fn packet_socket(index: u32) -> io::Result<OwnedFd> {
    let protocol = i32::from(u16::try_from(libc::ETH_P_ALL).expect("ETH_P_ALL is 3").to_be());
    // Protocol 0 receives nothing until the bind below, so no frame of another interface slips in.
    // SAFETY: plain system call; the descriptor is owned from here on.
    let fd = unsafe {
        libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0)
    };
    let fd = owned(fd)?;
    set(&fd, libc::SOL_PACKET, PACKET_VNET_HDR, &1_i32)?;
    // Kernels before 4.20 lack it; the switch then drops what comes back by its source.
    let _ = set(&fd, libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, &1_i32);
    // Bursts of small frames must fit while the core is busy.
    let _ = set(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &SOCKET_BUFFER);
    let index = i32::try_from(index).map_err(|_| io::Error::from_raw_os_error(libc::ENODEV))?;
    // SAFETY: all-zero is a valid value of these plain C structures.
    let (mut membership, mut address): (libc::packet_mreq, libc::sockaddr_ll) =
        unsafe { (mem::zeroed(), mem::zeroed()) };
    membership.mr_ifindex = index;
    membership.mr_type = u16::try_from(libc::PACKET_MR_PROMISC).expect("PACKET_MR_PROMISC is 1");
    set(&fd, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &membership)?;
    address.sll_family = u16::try_from(libc::AF_PACKET).expect("AF_PACKET is 17");
    address.sll_protocol = u16::try_from(protocol).expect("a protocol has 16 bits");
    address.sll_ifindex = index;
    // SAFETY: the address is a live sockaddr_ll of the length given.
    let bound = unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), length_of(&address)) };
    check(bound)?;
    Ok(fd)
}

/// Receives one message into two buffers. The count may exceed their length when the message was longer.
pub(crate) fn receive_two(fd: &OwnedFd, first: &mut [u8], second: &mut [u8]) -> io::Result<usize> {
    let mut parts = [
        libc::iovec { iov_base: first.as_mut_ptr().cast(), iov_len: first.len() },
        libc::iovec { iov_base: second.as_mut_ptr().cast(), iov_len: second.len() },
    ];
    // SAFETY: all-zero is a valid msghdr, and the parts outlive the call.
    let length = unsafe {
        let mut message: libc::msghdr = mem::zeroed();
        message.msg_iov = parts.as_mut_ptr();
        message.msg_iovlen = parts.len();
        libc::recvmsg(fd.as_raw_fd(), &raw mut message, libc::MSG_TRUNC)
    };
    usize::try_from(length).map_err(|_| io::Error::last_os_error())
}

/// Sends one message out of two buffers.
pub(crate) fn send_two(fd: &OwnedFd, first: &[u8], second: &[u8]) -> io::Result<()> {
    use std::io::IoSlice;
    let parts = [IoSlice::new(first), IoSlice::new(second)];
    nix::sys::uio::writev(fd, &parts)?;
    Ok(())
}

/// A raw socket that sends UDP with headers of our making, never fragmenting on the way.
pub(crate) fn raw_udp_socket(v6: bool) -> io::Result<OwnedFd> {
    let family = if v6 { libc::AF_INET6 } else { libc::AF_INET };
    // SAFETY: plain system call; the descriptor is owned from here on.
    let fd = unsafe {
        libc::socket(family, libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, libc::IPPROTO_UDP)
    };
    let fd = owned(fd)?;
    // It sends only: nothing should queue up on its way in.
    let _ = set(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &1_i32);
    let _ = set(&fd, libc::SOL_SOCKET, libc::SO_SNDBUF, &SOCKET_BUFFER);
    if v6 {
        // The kernel computes the checksum that is six octets into the header.
        set(&fd, libc::IPPROTO_IPV6, libc::IPV6_CHECKSUM, &6_i32)?;
    } else {
        set(&fd, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, &libc::IP_PMTUDISC_DO)?;
    }
    Ok(fd)
}

/// A UDP socket on `port` at every address of one family that tells which address each packet came to.
pub(crate) fn udp_socket(port: u16, v6: bool) -> io::Result<UdpSocket> {
    let family = if v6 { libc::AF_INET6 } else { libc::AF_INET };
    // SAFETY: plain system call; the descriptor is owned from here on.
    let fd = unsafe { libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0) };
    let fd = owned(fd)?;
    let _ = set(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &SOCKET_BUFFER);
    if v6 {
        set(&fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, &1_i32)?;
        set(&fd, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, &1_i32)?;
    } else {
        set(&fd, libc::IPPROTO_IP, libc::IP_PKTINFO, &1_i32)?;
    }
    let address = if v6 {
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))
    } else {
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))
    };
    bind(fd.as_raw_fd(), &SockaddrStorage::from(address))?;
    Ok(UdpSocket::from(fd))
}

/// Sends `header` and `payload` from `local` (unspecified: the kernel's choice) to `remote` on a raw socket.
pub(crate) fn send_to(
    fd: &OwnedFd,
    local: IpAddr,
    remote: IpAddr,
    header: &[u8],
    payload: &[u8],
) -> io::Result<()> {
    use std::io::IoSlice;
    let parts = [IoSlice::new(header), IoSlice::new(payload)];
    let to = SockaddrStorage::from(SocketAddr::new(remote, 0));
    // SAFETY: all-zero is a valid value of these plain C structures.
    let (mut info4, mut info6): (libc::in_pktinfo, libc::in6_pktinfo) =
        unsafe { (mem::zeroed(), mem::zeroed()) };
    let control = match local {
        local if local.is_unspecified() => None,
        IpAddr::V4(local) => {
            info4.ipi_spec_dst.s_addr = u32::from_ne_bytes(local.octets());
            Some(ControlMessage::Ipv4PacketInfo(&info4))
        }
        IpAddr::V6(local) => {
            info6.ipi6_addr.s6_addr = local.octets();
            Some(ControlMessage::Ipv6PacketInfo(&info6))
        }
    };
    sendmsg(fd.as_raw_fd(), &parts, control.as_slice(), MsgFlags::empty(), Some(&to))?;
    Ok(())
}

/// Receives one packet: its length, who sent it, the address it came to.
pub(crate) fn receive_from(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr, IpAddr)> {
    use std::io::IoSliceMut;
    let mut parts = [IoSliceMut::new(buffer)];
    let mut control = nix::cmsg_space!(libc::in_pktinfo, libc::in6_pktinfo);
    let message =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::empty())?;
    let from = message.address.as_ref().and_then(|address| {
        let v4 =
            address.as_sockaddr_in().map(|address| SocketAddr::new(IpAddr::V4(address.ip()), address.port()));
        v4.or_else(|| {
            address.as_sockaddr_in6().map(|address| SocketAddr::new(IpAddr::V6(address.ip()), address.port()))
        })
    });
    let mut to = None;
    for control in message.cmsgs()? {
        match control {
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                to = Some(IpAddr::V4(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes())));
            }
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                to = Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)))
            }
            _ => {}
        }
    }
    match (from, to) {
        (Some(from), Some(to)) => Ok((message.bytes, from, to)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "a packet without addresses")),
    }
}

/// Makes the stack behind the interface `name` finish its checksums and segments itself, since no card will.
pub(crate) fn disable_offloads(name: &str) -> io::Result<()> {
    // SAFETY: plain system call; the descriptor is owned from here on.
    let socket = owned(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })?;
    for command in [ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SUFO] {
        let mut value = EthtoolValue { command, data: 0 };
        // SAFETY: all-zero is a valid ifreq.
        let mut request: libc::ifreq = unsafe { mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes().take(libc::IFNAMSIZ - 1)) {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_data = (&raw mut value).cast();
        // SAFETY: the request names a live value of the layout that SIOCETHTOOL reads for these commands.
        let done = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) };
        // UFO is gone from current kernels; a command that is not supported has nothing to turn off.
        match check(done) {
            Err(error) if error.raw_os_error() != Some(libc::EOPNOTSUPP) => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Has the runtime watch the descriptor that `owner` holds.
pub(crate) fn watch<T: AsRawFd>(owner: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: every `owner` of this crate (a UDP socket, a port) keeps its descriptor open and the same until it is dropped.
    unsafe { AsyncFd::register(owner) }.map_err(io::Error::from)
}

/// As [`watch`], for arriving or for departing bytes alone: the system then wakes nobody for the other.
///
/// # Errors
/// What epoll_ctl(2) returned.
pub(crate) fn watch_for<T: AsRawFd>(owner: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    // SAFETY: as in `watch`.
    unsafe { AsyncFd::register_with_interest(owner, interest) }.map_err(io::Error::from)
}

/// `struct ethtool_value`.
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

const ETHTOOL_STXCSUM: u32 = 0x17;
const ETHTOOL_STSO: u32 = 0x1f;
const ETHTOOL_SUFO: u32 = 0x22;
const ETHTOOL_SGSO: u32 = 0x24;
const SIOCETHTOOL: libc::Ioctl = 0x8946;
const PACKET_VNET_HDR: i32 = 15;
const PACKET_IGNORE_OUTGOING: i32 = 23;
/// Buffer asked for on sockets that carry packets, in bytes.
const SOCKET_BUFFER: i32 = 4 << 20;

fn owned(fd: RawFd) -> io::Result<OwnedFd> {
    check(fd)?;
    // SAFETY: the system call just returned it, so nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn set<T>(fd: &OwnedFd, level: i32, option: i32, value: &T) -> io::Result<()> {
    // SAFETY: the value is live and of the length given.
    let done = unsafe {
        libc::setsockopt(fd.as_raw_fd(), level, option, std::ptr::from_ref(value).cast(), length_of(value))
    };
    check(done)
}

fn length_of<T>(_: &T) -> libc::socklen_t {
    libc::socklen_t::try_from(mem::size_of::<T>()).expect("socket options are small")
}

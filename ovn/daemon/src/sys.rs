//! The one file of this crate that may say `unsafe`: process control and sockets that have no safe form elsewhere.
#![allow(unsafe_code)]

use std::io::{IoSlice, IoSliceMut};
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

/// Gives memory that was freed back to the system: the allocator keeps it otherwise, wherever something that is still
/// in use lies above it. Takes milliseconds.
pub(crate) fn trim_memory() {
    // Other C libraries give back by themselves or not at all.
    #[cfg(target_env = "gnu")]
    // SAFETY: it may be called at any time, by any thread.
    unsafe {
        libc::malloc_trim(0);
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
    // The kernel takes VLAN tags off; with this it says so.
    set(&fd, libc::SOL_PACKET, libc::PACKET_AUXDATA, &1_i32)?;
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

/// A tap with virtio-net headers whose kernel leaves checksums and segmentation to us, non-blocking.
pub(crate) fn tap(name: &str) -> io::Result<OwnedFd> {
    use nix::fcntl::{OFlag, open};
    use nix::sys::stat::Mode;
    let fd = open("/dev/net/tun", OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut request = interface_request(name);
    let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: the request is a live ifreq with a name that ends.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), TUNSETIFF, &raw mut request) })?;
    // Kernels before 6.2 do not know UDP; what a kernel refuses it does itself.
    for offloads in [TUN_OFFLOADS | TUN_UDP_OFFLOADS, TUN_OFFLOADS] {
        // SAFETY: the argument is a number.
        if check(unsafe { libc::ioctl(fd.as_raw_fd(), TUNSETOFFLOAD, offloads) }).is_ok() {
            break;
        }
    }
    Ok(fd)
}

/// The most messages that [`receive_many`] and [`send_many`] take at a time.
pub(crate) const MESSAGES_MAX: usize = 32;

/// One message that [`receive_many`] got.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    /// Octets, cut to what the buffers hold.
    pub(crate) length: usize,
    /// Who sent it and which of our addresses it came to, if the socket tells.
    pub(crate) ends: Option<(IpAddr, IpAddr)>,
    /// ToS and TTL that it came with, if the socket tells.
    pub(crate) tos: u8,
    pub(crate) ttl: u8,
    /// Octets of each datagram but the last, when the kernel joined several (`UDP_GRO`).
    pub(crate) datagram: Option<usize>,
    /// Type and control information of a VLAN tag that the kernel took off (`PACKET_AUXDATA`).
    pub(crate) tag: Option<(u16, u16)>,
}

/// Room for the control messages of one datagram: its address, ToS and TTL and the length of datagrams, each
/// with its header.
const CONTROL_LEN: usize = 128;

/// Receives up to [`MESSAGES_MAX`] messages, each into a pair of buffers, first the one and then the other.
///
/// # Errors
/// `WouldBlock` when none waits.
pub(crate) fn receive_many(
    fd: &impl AsRawFd,
    buffers: &mut [[IoSliceMut<'_>; 2]],
    received: &mut Vec<Received>,
) -> io::Result<()> {
    received.clear();
    let count = buffers.len().min(MESSAGES_MAX);
    // SAFETY: all-zero is a valid value of these plain C structures.
    let (mut messages, mut from): ([libc::mmsghdr; MESSAGES_MAX], [libc::sockaddr_in6; MESSAGES_MAX]) =
        unsafe { (mem::zeroed(), mem::zeroed()) };
    // Words, as control messages are aligned to them.
    let mut control = [[0_u64; CONTROL_LEN / 8]; MESSAGES_MAX];
    for (i, buffer) in buffers.iter_mut().take(count).enumerate() {
        let header = &mut messages[i].msg_hdr;
        // The standard library promises that IoSliceMut has the layout of iovec.
        header.msg_iov = buffer.as_mut_ptr().cast();
        header.msg_iovlen = buffer.len();
        header.msg_name = (&raw mut from[i]).cast();
        header.msg_namelen = length_of(&from[i]);
        header.msg_control = (&raw mut control[i]).cast();
        header.msg_controllen = CONTROL_LEN;
    }
    // SAFETY: `count` messages name live buffers, which outlive the call.
    let got = unsafe {
        libc::recvmmsg(
            fd.as_raw_fd(),
            messages.as_mut_ptr(),
            count as libc::c_uint,
            libc::MSG_DONTWAIT,
            std::ptr::null_mut(),
        )
    };
    let got = usize::try_from(got).map_err(|_| io::Error::last_os_error())?;
    for (message, from) in messages[..got].iter().zip(&from) {
        let mut one = Received {
            length: message.msg_len as usize,
            ends: None,
            tos: 0,
            ttl: 64,
            datagram: None,
            tag: None,
        };
        let to = controls(&message.msg_hdr, &mut one);
        one.ends = address(from).zip(to);
        received.push(one);
    }
    Ok(())
}

/// The address that a message came to; what else its control messages say goes into `received`.
fn controls(header: &libc::msghdr, received: &mut Received) -> Option<IpAddr> {
    let mut to = None;
    // SAFETY: the kernel filled in the control buffer that the header names, and its length.
    let mut at = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !at.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give whole headers inside the buffer or null; of these
        // types the data is what is read here, at no particular alignment.
        unsafe {
            let data = libc::CMSG_DATA(at);
            match ((*at).cmsg_level, (*at).cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info: libc::in_pktinfo = data.cast::<libc::in_pktinfo>().read_unaligned();
                    to = Some(IpAddr::V4(Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes())));
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info: libc::in6_pktinfo = data.cast::<libc::in6_pktinfo>().read_unaligned();
                    to = Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)));
                }
                (libc::IPPROTO_IP, libc::IP_TOS) => received.tos = data.read_unaligned(),
                (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                    received.ttl = u8::try_from(data.cast::<i32>().read_unaligned()).unwrap_or(0);
                }
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
                    received.tos = u8::try_from(data.cast::<i32>().read_unaligned()).unwrap_or(0);
                }
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    received.datagram = usize::try_from(data.cast::<i32>().read_unaligned()).ok();
                }
                (libc::SOL_PACKET, libc::PACKET_AUXDATA) => {
                    let aux = data.cast::<libc::tpacket_auxdata>().read_unaligned();
                    if aux.tp_status & libc::TP_STATUS_VLAN_VALID != 0 {
                        let typed = aux.tp_status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
                        let tpid = if typed { aux.tp_vlan_tpid } else { 0x8100 };
                        received.tag = Some((tpid, aux.tp_vlan_tci));
                    }
                }
                _ => {}
            }
            at = libc::CMSG_NXTHDR(header, at);
        }
    }
    to
}

/// The address in a structure that holds one of either family.
fn address(from: &libc::sockaddr_in6) -> Option<IpAddr> {
    match i32::from(from.sin6_family) {
        libc::AF_INET => {
            // An IPv4 address lies behind the family and the port, where this structure has its flow label.
            Some(IpAddr::V4(Ipv4Addr::from(from.sin6_flowinfo.to_ne_bytes())))
        }
        libc::AF_INET6 => Some(IpAddr::V6(Ipv6Addr::from(from.sin6_addr.s6_addr))),
        _ => None,
    }
}

/// Sends up to [`MESSAGES_MAX`] messages; how many were sent.
///
/// # Errors
/// Why the first one was not.
pub(crate) fn send_many(fd: &impl AsRawFd, messages: &[IoSlice<'_>]) -> io::Result<usize> {
    // SAFETY: all-zero is a valid value of this plain C structure.
    let mut headers: [libc::mmsghdr; MESSAGES_MAX] = unsafe { mem::zeroed() };
    let count = messages.len().min(MESSAGES_MAX);
    for (header, message) in headers.iter_mut().zip(messages) {
        // The standard library promises that IoSlice has the layout of iovec; sending does not write to it.
        header.msg_hdr.msg_iov = std::ptr::from_ref(message).cast_mut().cast();
        header.msg_hdr.msg_iovlen = 1;
    }
    // SAFETY: `count` headers name live buffers, which outlive the call.
    let sent = unsafe {
        libc::sendmmsg(fd.as_raw_fd(), headers.as_mut_ptr(), count as libc::c_uint, libc::MSG_DONTWAIT)
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Sends datagrams of `datagram` octets each, the last perhaps shorter, from `local` (`None`: the kernel's choice)
/// to `remote`; ToS and TTL 0 are the socket's own.
pub(crate) fn send_datagrams(
    socket: &UdpSocket,
    local: Option<IpAddr>,
    remote: SocketAddr,
    (tos, ttl): (u8, u8),
    payload: &[u8],
    datagram: usize,
) -> io::Result<()> {
    // SAFETY: all-zero is a valid value of these plain C structures.
    let (mut info4, mut info6): (libc::in_pktinfo, libc::in6_pktinfo) =
        unsafe { (mem::zeroed(), mem::zeroed()) };
    let (class, hops) = (i32::from(tos), i32::from(ttl));
    let length = u16::try_from(datagram).map_err(|_| io::Error::from_raw_os_error(libc::EMSGSIZE))?;
    let mut control: Vec<ControlMessage<'_>> = Vec::new();
    match local {
        None => {}
        Some(IpAddr::V4(local)) => {
            info4.ipi_spec_dst.s_addr = u32::from_ne_bytes(local.octets());
            control.push(ControlMessage::Ipv4PacketInfo(&info4));
        }
        Some(IpAddr::V6(local)) => {
            info6.ipi6_addr.s6_addr = local.octets();
            control.push(ControlMessage::Ipv6PacketInfo(&info6));
        }
    }
    if payload.len() > datagram {
        control.push(ControlMessage::UdpGsoSegments(&length));
    }
    match (tos, remote.is_ipv6()) {
        (0, _) => {}
        (_, false) => control.push(ControlMessage::Ipv4Tos(&tos)),
        (_, true) => control.push(ControlMessage::Ipv6TClass(&class)),
    }
    match (ttl, remote.is_ipv6()) {
        (0, _) => {}
        (_, false) => control.push(ControlMessage::Ipv4Ttl(&hops)),
        (_, true) => control.push(ControlMessage::Ipv6HopLimit(&hops)),
    }
    let to = SockaddrStorage::from(remote);
    sendmsg(socket.as_raw_fd(), &[IoSlice::new(payload)], &control, MsgFlags::MSG_DONTWAIT, Some(&to))?;
    Ok(())
}

/// A socket that sends tunnel packets: of UDP from a port that the kernel chooses, or of GRE.
pub(crate) fn sending_socket(
    v6: bool,
    dont_fragment: bool,
    checksum: bool,
    gre: bool,
) -> io::Result<UdpSocket> {
    let socket = if gre { gre_socket(v6)? } else { udp_socket(0, v6)? };
    let fd = OwnedFd::from(socket);
    // It sends only: nothing should queue up on its way in.
    let _ = set(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &1_i32);
    let _ = set(&fd, libc::SOL_SOCKET, libc::SO_SNDBUF, &SOCKET_BUFFER);
    if gre {
        refuse_all(&fd)?;
    }
    if !v6 {
        let how = if dont_fragment { libc::IP_PMTUDISC_DO } else { libc::IP_PMTUDISC_DONT };
        set(&fd, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, &how)?;
        if !checksum && !gre {
            set(&fd, libc::SOL_SOCKET, libc::SO_NO_CHECK, &1_i32)?;
        }
    }
    Ok(UdpSocket::from(fd))
}

/// What has the runtime wait for many descriptors at once: an epoll(7) of its own.
pub(crate) struct Readiness(OwnedFd);

impl Readiness {
    /// An empty one.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: plain system call.
        owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }).map(Self)
    }

    /// Has it tell of `token` as long as the descriptor has something to read.
    pub(crate) fn add(&self, fd: &impl AsRawFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        // SAFETY: the event is live; the kernel copies it.
        check(unsafe {
            libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &raw mut event)
        })
    }

    /// The tokens that have something to read now, up to 64 of them, without waiting.
    pub(crate) fn take(&self, tokens: &mut Vec<u64>) -> io::Result<()> {
        const EVENTS: usize = 64;
        tokens.clear();
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        // SAFETY: the array is live and as long as said.
        let got = unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), EVENTS as i32, 0) };
        let got = usize::try_from(got).map_err(|_| io::Error::last_os_error())?;
        tokens.extend(events[..got].iter().map(|event| event.u64));
        Ok(())
    }
}

impl AsRawFd for Readiness {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// A UDP socket on `port` at every address of one family that tells which address each packet came to.
pub(crate) fn udp_socket(port: u16, v6: bool) -> io::Result<UdpSocket> {
    let family = if v6 { libc::AF_INET6 } else { libc::AF_INET };
    // SAFETY: plain system call; the descriptor is owned from here on.
    let fd = unsafe { libc::socket(family, libc::SOCK_DGRAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0) };
    let fd = owned(fd)?;
    if v6 {
        set(&fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, &1_i32)?;
    }
    tell_headers(&fd, v6)?;
    // Kernels before 5.0 lack it and give datagrams one by one.
    let _ = set(&fd, libc::SOL_UDP, libc::UDP_GRO, &1_i32);
    let address = if v6 {
        SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))
    } else {
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))
    };
    bind(fd.as_raw_fd(), &SockaddrStorage::from(address))?;
    Ok(UdpSocket::from(fd))
}

/// A socket for GRE at every address of one family that tells what each packet came with. What it receives begins with
/// the IP header if that is IPv4 (raw(7)). It is sent to and received from as one of UDP is.
pub(crate) fn gre_socket(v6: bool) -> io::Result<UdpSocket> {
    let family = if v6 { libc::AF_INET6 } else { libc::AF_INET };
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: plain system call; the descriptor is owned from here on.
    let fd = owned(unsafe { libc::socket(family, kind, libc::IPPROTO_GRE) })?;
    tell_headers(&fd, v6)?;
    Ok(UdpSocket::from(fd))
}

/// Has a socket receive nothing: every raw socket would get a copy of each packet.
fn refuse_all(fd: &OwnedFd) -> io::Result<()> {
    // BPF_RET | BPF_K: zero octets of any packet are taken.
    let mut filter = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: 0 };
    let program = libc::sock_fprog { len: 1, filter: &raw mut filter };
    set(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

/// Has a socket tell which address each packet came to, and its ToS and TTL.
fn tell_headers(fd: &OwnedFd, v6: bool) -> io::Result<()> {
    let _ = set(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &SOCKET_BUFFER);
    let (level, options) = if v6 {
        (libc::IPPROTO_IPV6, [libc::IPV6_RECVPKTINFO, libc::IPV6_RECVTCLASS, libc::IPV6_RECVHOPLIMIT])
    } else {
        (libc::IPPROTO_IP, [libc::IP_PKTINFO, libc::IP_RECVTOS, libc::IP_RECVTTL])
    };
    options.into_iter().try_for_each(|option| set(fd, level, option, &1_i32))
}

/// Has the runtime watch the descriptor that `owner` holds, for arriving or for departing bytes alone: the system then
/// wakes nobody for the other.
///
/// # Errors
/// What epoll_ctl(2) returned.
pub(crate) fn watch_for<T: AsRawFd>(owner: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    // SAFETY: every `owner` of this crate keeps its descriptor open and the same until it is dropped.
    unsafe { AsyncFd::register_with_interest(owner, interest) }.map_err(io::Error::from)
}

/// Waits for a connection on a listening socket; it does not block if the listener does not.
pub(crate) fn accept(listener: &impl AsRawFd) -> io::Result<OwnedFd> {
    // SAFETY: plain system call; who connected is not asked for.
    owned(unsafe {
        libc::accept4(
            listener.as_raw_fd(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
        )
    })
}

/// Receives one packet of a `SOCK_SEQPACKET` socket into `buffer`, cut to its length, with at most one descriptor.
/// No octets are the end.
///
/// # Errors
/// What recvmsg(2) returned; a packet that is longer than the buffer.
pub(crate) fn receive_with_descriptor(
    socket: &impl AsRawFd,
    buffer: &mut [u8],
) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut control = nix::cmsg_space!(RawFd);
    let mut parts = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
    let mut descriptors = Vec::new();
    for one in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(received) = one {
            // SAFETY: the kernel made these descriptors for this process just now.
            descriptors.extend(received.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    if message.flags.contains(MsgFlags::MSG_TRUNC) {
        return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
    }
    Ok((message.bytes, descriptors.pop()))
}

/// Nanoseconds of the clock that [`std::time::Instant`] counts by, which is the same for all processes of the host.
pub(crate) fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is live; the call cannot fail for this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// A request about the interface of this name, cut to what fits.
fn interface_request(name: &str) -> libc::ifreq {
    // SAFETY: all-zero is a valid ifreq.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes().take(libc::IFNAMSIZ - 1)) {
        *to = from.cast_signed();
    }
    request
}

const TUNSETIFF: libc::Ioctl = 0x4004_54ca;
const TUNSETOFFLOAD: libc::Ioctl = 0x4004_54d0;
/// `TUN_F_CSUM`, `TUN_F_TSO4`, `TUN_F_TSO6`, `TUN_F_TSO_ECN`.
const TUN_OFFLOADS: libc::c_ulong = 0x0f;
/// `TUN_F_USO4`, `TUN_F_USO6`.
const TUN_UDP_OFFLOADS: libc::c_ulong = 0x60;
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

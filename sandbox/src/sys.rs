//! The few system calls that no safe wrapper offers: packet sockets, interface offloads, descriptors
//! that come from elsewhere.
//!
//! This is the only file of the crate with `unsafe`; every block says why it is sound.
#![allow(unsafe_code, reason = "packet sockets and ethtool have no safe wrapper among our dependencies")]

use nix::libc;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use std::io;
use std::mem::{size_of, size_of_val, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use tokio::io::unix::AsyncFd;

/// A descriptor that tasks can wait for, in the runtime of the calling thread.
///
/// # Errors
/// Those of the system.
pub fn watched(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd names the same open descriptor for as long as it lives, which is until the AsyncFd gives
    // it up.
    unsafe { AsyncFd::register(fd) }.map_err(io::Error::from)
}

/// The descriptor of a tap device, to wait for it.
pub fn tap_fd(tap: &tun_tap::Iface) -> BorrowedFd<'_> {
    // SAFETY: the device owns the descriptor, and closes it only when dropped, which the borrow forbids.
    unsafe { BorrowedFd::borrow_raw(tap.as_raw_fd()) }
}

/// Receives octets from a stream, and the descriptors that came with them.
///
/// # Errors
/// Those of the system.
pub fn receive_with_descriptors(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
    descriptors: &mut Vec<OwnedFd>,
) -> io::Result<usize> {
    let mut space = nix::cmsg_space!([i32; 8]);
    let mut parts = [io::IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(received) = control {
            // SAFETY: the kernel has just given us these descriptors; nobody else knows them.
            descriptors.extend(received.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    Ok(message.bytes)
}

/// Every protocol, in the byte order of the wire, as `sockaddr_ll` wants it.
const ALL_PROTOCOLS: u16 = (libc::ETH_P_ALL as u16).to_be();

/// A raw socket on one interface of the calling thread's network namespace: it receives every frame that arrives
/// there (and with `outgoing`, also those that leave), and sends frames as they are. Non-blocking.
///
/// # Errors
/// Those of the system; without the right to raw sockets, `PermissionDenied`.
pub fn packet_socket(ifindex: u32, outgoing: bool) -> io::Result<OwnedFd> {
    let flags = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: a plain system call; protocol 0 receives nothing until the socket is bound.
    let fd = check(unsafe { libc::socket(libc::AF_PACKET, flags, 0) })?;
    // SAFETY: the descriptor was just made and nobody else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    set_option(&fd, libc::SOL_PACKET, libc::PACKET_AUXDATA, 1)?;
    if !outgoing {
        set_option(&fd, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1)?;
    }
    // Room for a burst; what the system grants is enough.
    let _ = set_option(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF, 4 << 20);
    // SAFETY: all-zero is a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = ALL_PROTOCOLS;
    address.sll_ifindex = ifindex as i32;
    // SAFETY: the pointer and the length describe `address`, which lives through the call.
    check(unsafe {
        libc::bind(fd.as_raw_fd(), (&raw const address).cast(), size_of_val(&address) as libc::socklen_t)
    })?;
    Ok(fd)
}

/// A frame that a packet socket gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Where in the buffer the frame begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// It was leaving by the interface, not arriving.
    pub outgoing: bool,
}

/// Octets that [`packet_receive`] keeps free at the start of the buffer, for a VLAN tag.
pub const HEADROOM: usize = 4;

/// Receives one frame into `buffer`. The kernel takes VLAN tags off frames; they are put back.
///
/// # Errors
/// Those of the system; `WouldBlock` when there is no frame.
pub fn packet_receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Received> {
    assert!(buffer.len() > 64, "a buffer for a frame");
    // SAFETY: all-zero is valid for these plain structures.
    let (mut from, mut message): (libc::sockaddr_ll, libc::msghdr) = unsafe { (zeroed(), zeroed()) };
    let body = &mut buffer[HEADROOM..];
    let mut parts = libc::iovec { iov_base: body.as_mut_ptr().cast(), iov_len: body.len() };
    // Aligned for cmsghdr, and large enough for one tpacket_auxdata with its header.
    let mut control = [0u64; 8];
    message.msg_name = (&raw mut from).cast();
    message.msg_namelen = size_of_val(&from) as libc::socklen_t;
    message.msg_iov = &raw mut parts;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    // SAFETY: every pointer in `message` is to a live local of the length given beside it.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) };
    if length < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut received = Received {
        start: HEADROOM,
        end: HEADROOM + length as usize,
        outgoing: from.sll_pkttype == libc::PACKET_OUTGOING,
    };
    // SAFETY: the kernel has filled in `message`, whose control buffer is still alive.
    if let Some((tpid, tci)) = unsafe { vlan_of(&message) }
        && length >= 12
    {
        buffer.copy_within(HEADROOM..HEADROOM + 12, 0);
        buffer[12..14].copy_from_slice(&tpid.to_be_bytes());
        buffer[14..16].copy_from_slice(&tci.to_be_bytes());
        received.start = 0;
    }
    Ok(received)
}

/// The VLAN tag (protocol and tag) that the kernel took off a received frame.
///
/// # Safety
/// `message` must be as `recvmsg` left it, its control buffer alive.
unsafe fn vlan_of(message: &libc::msghdr) -> Option<(u16, u16)> {
    // SAFETY: by the contract above the control messages are well formed and alive; each is read only
    // when its length says that it holds a tpacket_auxdata.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while let Some(cmsg) = header.as_ref() {
            let full = libc::CMSG_LEN(size_of::<libc::tpacket_auxdata>() as u32) as usize;
            if cmsg.cmsg_level == libc::SOL_PACKET
                && cmsg.cmsg_type == libc::PACKET_AUXDATA
                && cmsg.cmsg_len >= full
            {
                let aux: libc::tpacket_auxdata =
                    libc::CMSG_DATA(header).cast::<libc::tpacket_auxdata>().read_unaligned();
                let valid = aux.tp_status & libc::TP_STATUS_VLAN_VALID != 0;
                let tpid_valid = aux.tp_status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
                let tpid = if tpid_valid { aux.tp_vlan_tpid } else { libc::ETH_P_8021Q as u16 };
                return valid.then_some((tpid, aux.tp_vlan_tci));
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    None
}

/// Makes the kernel finish checksums (and cut segments) before a frame leaves by this interface of the calling
/// thread's network namespace. Without it, frames that a packet socket reads carry unfinished checksums.
///
/// # Errors
/// Those of the system.
pub fn transmit_offloads_off(interface: &str) -> io::Result<()> {
    /// `struct ethtool_value` of linux/ethtool.h.
    #[repr(C)]
    struct EthtoolValue {
        command: u32,
        data: u32,
    }
    const ETHTOOL_STXCSUM: u32 = 0x17;
    const SIOCETHTOOL: libc::Ioctl = 0x8946;

    let mut value = EthtoolValue { command: ETHTOOL_STXCSUM, data: 0 };
    // SAFETY: all-zero is a valid ifreq.
    let mut request: libc::ifreq = unsafe { zeroed() };
    if interface.len() >= request.ifr_name.len() {
        return Err(io::Error::other(format!("interface name {interface} is too long")));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_data = (&raw mut value).cast();
    // SAFETY: a plain system call.
    let fd = check(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: the descriptor was just made and nobody else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: `request` points to `value`, and both live through the call.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), SIOCETHTOOL, &raw mut request) })?;
    Ok(())
}

fn set_option(fd: &OwnedFd, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `value`, which lives through the call.
    check(unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    })
    .map(drop)
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

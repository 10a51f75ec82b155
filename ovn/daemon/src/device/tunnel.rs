//! Tunnel packets over UDP: one receiving socket a port and family, and a raw socket that chooses the source port.
//!
//! The source port carries the hash of the inner flow, so that the underlay spreads flows over its paths (RFC 8926
//! section 3.3, RFC 7348 section 5); a plain UDP socket could send from one port only.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;

use tokio::io::unix::AsyncFd;

use crate::sys;

/// A packet to send: everything after the UDP header.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Our address; unspecified lets the kernel choose.
    pub local: IpAddr,
    /// Where it goes.
    pub remote: IpAddr,
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Whether the UDP checksum is computed; it always is over IPv6 (RFC 8200 section 8.1).
    pub checksum: bool,
    /// Tunnel header and inner frame.
    pub payload: &'a [u8],
}

/// Remote ends whose source address is remembered; when there are more, all are asked for anew.
const SOURCES_MAX: usize = 4096;

/// Sends tunnel packets of both families.
pub struct Sender {
    v4: Option<OwnedFd>,
    v6: Option<OwnedFd>,
    /// The address that the kernel's routes choose towards a remote end, needed for the checksum.
    sources: RefCell<HashMap<IpAddr, IpAddr>>,
}

impl Sender {
    /// Opens the raw sockets. A family that the system lacks is left out.
    pub fn open() -> Self {
        Self {
            v4: sys::raw_udp_socket(false).ok(),
            v6: sys::raw_udp_socket(true).ok(),
            sources: RefCell::default(),
        }
    }

    /// Sends one packet.
    ///
    /// # Errors
    /// What sending returned, for example that there is no route, or that it is longer than the path allows.
    pub fn send(&self, packet: &Outgoing<'_>) -> io::Result<()> {
        let length = u16::try_from(packet.payload.len() + 8)
            .map_err(|_| io::Error::from_raw_os_error(nix::libc::EMSGSIZE))?;
        let mut header = [0; 8];
        header[0..2].copy_from_slice(&packet.source_port.to_be_bytes());
        header[2..4].copy_from_slice(&packet.destination_port.to_be_bytes());
        header[4..6].copy_from_slice(&length.to_be_bytes());
        let socket = match packet.remote {
            IpAddr::V4(_) => &self.v4,
            IpAddr::V6(_) => &self.v6,
        };
        let socket = socket.as_ref().ok_or_else(|| io::Error::from_raw_os_error(nix::libc::EAFNOSUPPORT))?;
        let local =
            if packet.local.is_unspecified() { self.source_towards(packet.remote)? } else { packet.local };
        if let (IpAddr::V4(local), IpAddr::V4(remote), true) = (local, packet.remote, packet.checksum) {
            let sum = checksum(local, remote, &header, packet.payload);
            header[6..8].copy_from_slice(&sum.to_be_bytes());
        }
        let sent = sys::send_to(socket, local, packet.remote, &header, packet.payload);
        if sent.is_err() {
            // The address may have been taken from us.
            self.sources.borrow_mut().remove(&packet.remote);
        }
        sent
    }

    /// Which of our addresses the kernel sends from to `remote`.
    fn source_towards(&self, remote: IpAddr) -> io::Result<IpAddr> {
        let mut sources = self.sources.borrow_mut();
        if let Some(source) = sources.get(&remote) {
            return Ok(*source);
        }
        // Connecting a UDP socket sends nothing; it only asks the routes.
        let socket = UdpSocket::bind(SocketAddr::new(unspecified(remote.is_ipv6()), 0))?;
        socket.connect(SocketAddr::new(remote, 9))?;
        let source = socket.local_addr()?.ip();
        if sources.len() >= SOURCES_MAX {
            sources.clear();
        }
        sources.insert(remote, source);
        Ok(source)
    }
}

/// Receives tunnel packets sent to one UDP port.
pub struct Receiver {
    socket: AsyncFd<UdpSocket>,
}

impl Receiver {
    /// Listens on `port` at every address of one family. Must be called inside a runtime.
    ///
    /// # Errors
    /// What binding returned, for example that another switch has the port.
    pub fn open(port: u16, v6: bool) -> io::Result<Self> {
        let socket = sys::udp_socket(port, v6)?;
        Ok(Self { socket: sys::watch(socket)? })
    }

    /// Waits until packets are there, then gives up to `batch` of them to `take`: who sent it, our address, the payload.
    ///
    /// # Errors
    /// What receiving returned.
    pub async fn receive(
        &self,
        buffer: &mut [u8],
        batch: usize,
        mut take: impl FnMut(SocketAddr, IpAddr, &[u8]),
    ) -> io::Result<()> {
        let mut ready = self.socket.readable().await?;
        for _ in 0..batch {
            match ready.try_io(|socket| sys::receive_from(socket.get_ref(), buffer)) {
                Ok(Ok((length, from, to))) => take(from, to, &buffer[..length]),
                Ok(Err(error)) => return Err(error),
                Err(_) => break,
            }
        }
        Ok(())
    }
}

/// The UDP checksum over IPv4 (RFC 768).
fn checksum(local: Ipv4Addr, remote: Ipv4Addr, header: &[u8; 8], payload: &[u8]) -> u16 {
    let mut sum: u64 = 17 + u64::from(u16::from_be_bytes([header[4], header[5]]));
    let mut add = |bytes: &[u8]| {
        for pair in bytes.chunks(2) {
            sum += u64::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
        }
    };
    add(&local.octets());
    add(&remote.octets());
    add(header);
    add(payload);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    match !u16::try_from(sum).expect("folded to 16 bits") {
        0 => 0xffff,
        sum => sum,
    }
}

/// The unspecified address of a family.
pub fn unspecified(v6: bool) -> IpAddr {
    if v6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_with_its_checksum_sums_to_all_ones() {
        let (local, remote) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        let mut header = [0x12, 0x34, 0x17, 0xc1, 0, 11, 0, 0];
        let sum = checksum(local, remote, &header, &[1, 2, 3]);
        header[6..8].copy_from_slice(&sum.to_be_bytes());
        // With the checksum in place the complement of the sum is zero, which is written as all ones.
        assert_eq!(checksum(local, remote, &header, &[1, 2, 3]), 0xffff);
    }
}

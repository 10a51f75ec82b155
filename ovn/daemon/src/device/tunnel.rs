//! Tunnel packets over UDP, several at a time, and over GRE.
//!
//! Packets to one end that differ in their payload alone are given to the kernel as one message (`UDP_SEGMENT`), and
//! come from it so (`UDP_GRO`): a train of 64 costs hardly more than one packet, on every hop that keeps it together.
//!
//! The source port carries the hash of the inner flow, so that the underlay spreads flows over its paths (RFC 8926
//! section 3.3, RFC 7348 section 5). A socket sends from one port, so there are as many as [`LANES`] for each way of
//! sending, each made when it is first needed.

use std::collections::HashMap;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use datapath::{Outer, TunnelKind, TunnelPacket};
use packet::Frame;

use super::pool::{LARGE, Pool};
use crate::sys::{self, MESSAGES_MAX};

/// Different source ports for each way of sending.
const LANES: u16 = 16;
/// Trains that are filled at a time; a further one sends the oldest.
const TRAINS_MAX: usize = 16;

/// What a socket has in common for all that it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Way {
    v6: bool,
    dont_fragment: bool,
    checksum: bool,
    gre: bool,
    lane: u16,
}

/// A train that may still grow.
struct Train {
    /// All but the payload and its length hold for the whole train.
    first: TunnelPacket,
    /// The payloads, if there are several; of one it is that of `first`.
    payload: Vec<u8>,
    count: usize,
}

/// Sends tunnel packets of both families.
#[derive(Default)]
pub struct Sender {
    sockets: HashMap<Way, UdpSocket>,
    trains: Vec<Train>,
    /// Buffers of trains that were sent.
    buffers: Vec<Vec<u8>>,
}

impl Sender {
    /// Takes a packet to send; it may wait for others until [`Sender::flush`]. How many were lost because the kernel
    /// refused them: this one or those before.
    pub fn send(&mut self, packet: TunnelPacket, pool: &mut Pool) -> u64 {
        let same = |train: &Train| same_way(&train.first, &packet);
        let Some(at) = self.trains.iter().position(same) else {
            let lost = if self.trains.len() >= TRAINS_MAX { self.end(0, pool) } else { 0 };
            let payload = self.buffers.pop().unwrap_or_default();
            self.trains.push(Train { first: packet, payload, count: 1 });
            return lost;
        };
        let train = &mut self.trains[at];
        if train.takes(&packet) {
            train.add(packet, pool);
            return 0;
        }
        // Those of one flow keep their order.
        let lost = self.end(at, pool);
        let payload = self.buffers.pop().unwrap_or_default();
        self.trains.push(Train { first: packet, payload, count: 1 });
        lost
    }

    /// Sends all that waits. How many packets the kernel refused.
    pub fn flush(&mut self, pool: &mut Pool) -> u64 {
        let mut lost = 0;
        while !self.trains.is_empty() {
            lost += self.end(0, pool);
        }
        lost
    }

    /// Sends one train.
    fn end(&mut self, at: usize, pool: &mut Pool) -> u64 {
        let mut train = self.trains.remove(at);
        let payload = if train.count > 1 { train.payload.as_slice() } else { train.first.payload.as_slice() };
        let lost = self.transmit(&train.first, payload);
        train.payload.clear();
        self.buffers.push(train.payload);
        pool.give(train.first.payload);
        lost
    }

    fn transmit(&mut self, packet: &TunnelPacket, payload: &[u8]) -> u64 {
        let datagram = packet.datagram_len.max(1);
        if packet.destination_port == TunnelKind::GRE_PORT {
            return self.transmit_each(packet, payload, datagram);
        }
        let whole = self.transmit_as_one(packet, payload, datagram);
        let error = match whole {
            Ok(()) => return 0,
            Err(error) => error,
        };
        let count = payload.len().div_ceil(datagram) as u64;
        let too_much =
            matches!(error.raw_os_error(), Some(nix::libc::EINVAL | nix::libc::EMSGSIZE | nix::libc::EIO));
        if count == 1 || !too_much {
            tracing::debug!(target: "tunnel", "to {}: {error}", packet.remote);
            return count;
        }
        // A device on the way that cannot cut, or datagrams that must become fragments.
        self.transmit_each(packet, payload, datagram)
    }

    /// Sends datagrams one by one.
    fn transmit_each(&mut self, packet: &TunnelPacket, payload: &[u8], datagram: usize) -> u64 {
        let lost = payload.chunks(datagram).map(|one| self.transmit_as_one(packet, one, datagram).is_err());
        lost.map(u64::from).sum()
    }

    fn transmit_as_one(&mut self, packet: &TunnelPacket, payload: &[u8], datagram: usize) -> io::Result<()> {
        let v6 = packet.remote.is_ipv6();
        // Whoever cuts a train must compute checksums, and without one the kernel refuses it.
        let checksum = packet.checksum || v6 || payload.len() > datagram;
        let gre = packet.destination_port == TunnelKind::GRE_PORT;
        let lane = if gre { 0 } else { packet.source_port % LANES };
        let way = Way { v6, dont_fragment: packet.dont_fragment, checksum, gre, lane };
        let socket = match self.sockets.entry(way) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(sys::sending_socket(v6, packet.dont_fragment, checksum, gre)?)
            }
        };
        let remote = SocketAddr::new(packet.remote, packet.destination_port);
        sys::send_datagrams(socket, packet.local, remote, (packet.tos, packet.ttl), payload, datagram)
    }
}

impl Train {
    /// Whether a packet of the same way can follow: all before it are of one length, and it is not longer.
    fn takes(&self, packet: &TunnelPacket) -> bool {
        let len = self.first.payload.len();
        let filled = if self.count > 1 { self.payload.len() } else { len };
        self.first.datagram_len == len
            && packet.datagram_len == packet.payload.len()
            && packet.payload.len() <= len
            && filled == len * self.count
            && self.count < TunnelPacket::TRAIN_MAX
            && filled + len <= TunnelPacket::TRAIN_LEN_MAX
    }

    fn add(&mut self, packet: TunnelPacket, pool: &mut Pool) {
        if self.count == 1 {
            self.payload.extend_from_slice(&self.first.payload);
        }
        self.payload.extend_from_slice(&packet.payload);
        self.count += 1;
        pool.give(packet.payload);
    }
}

/// Whether two packets differ in their payload alone.
fn same_way(a: &TunnelPacket, b: &TunnelPacket) -> bool {
    (a.remote, a.local, a.source_port % LANES, a.destination_port, a.tos, a.ttl, a.checksum, a.dont_fragment)
        == (
            b.remote,
            b.local,
            b.source_port % LANES,
            b.destination_port,
            b.tos,
            b.ttl,
            b.checksum,
            b.dont_fragment,
        )
}

/// Datagrams of one sender that came together.
#[derive(Debug)]
pub struct Datagrams {
    /// The IP header that all of them came with.
    pub outer: Outer,
    /// What follows their UDP headers, one behind the other.
    pub payload: Frame,
    /// Octets of each but the last.
    pub datagram_len: usize,
}

/// Receives tunnel packets sent to one UDP port, or of GRE.
pub struct Receiver {
    socket: UdpSocket,
    received: Vec<sys::Received>,
    /// What comes begins with an IPv4 header.
    with_header: bool,
}

impl Receiver {
    /// Listens on `port`, which may be [`TunnelKind::GRE_PORT`], at every address of one family.
    ///
    /// # Errors
    /// What binding returned, for example that another switch has the port.
    pub fn open(port: u16, v6: bool) -> io::Result<Self> {
        let gre = port == TunnelKind::GRE_PORT;
        let socket = if gre { sys::gre_socket(v6)? } else { sys::udp_socket(port, v6)? };
        Ok(Self { socket, received: Vec::new(), with_header: gre && !v6 })
    }

    /// One that was opened so already.
    pub fn from_fd(fd: OwnedFd, port: u16, v6: bool) -> Self {
        let with_header = port == TunnelKind::GRE_PORT && !v6;
        Self { socket: fd.into(), received: Vec::new(), with_header }
    }

    /// Another descriptor of it.
    ///
    /// # Errors
    /// When there are too many.
    pub fn duplicate(&self) -> io::Result<OwnedFd> {
        self.socket.try_clone().map(OwnedFd::from)
    }

    /// Receives what is there, up to `most` messages.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing.
    pub fn receive(&mut self, most: usize, pool: &mut Pool, into: &mut Vec<Datagrams>) -> io::Result<()> {
        let mut frames: Vec<Frame> = (0..most.min(MESSAGES_MAX)).map(|_| pool.take(true)).collect();
        let mut parts: Vec<[IoSliceMut<'_>; 2]> = frames
            .iter_mut()
            .map(|frame| [IoSliceMut::new(frame.room_mut(0)), IoSliceMut::new(&mut [])])
            .collect();
        let result = sys::receive_many(&self.socket, &mut parts, &mut self.received);
        drop(parts);
        let mut frames = frames.into_iter();
        if result.is_ok() {
            for (received, mut payload) in self.received.iter().zip(frames.by_ref()) {
                payload.set_received(0, received.length.min(LARGE));
                let datagram_len = received.datagram.unwrap_or(received.length).max(1);
                if self.with_header {
                    let words = payload.first().map_or(0, |first| first & 0x0f);
                    payload.pull_front((usize::from(words) * 4).min(payload.len()));
                }
                match received.ends {
                    Some((from, to)) => {
                        let outer = Outer { from, to, tos: received.tos, ttl: received.ttl };
                        into.push(Datagrams { outer, payload, datagram_len });
                    }
                    None => pool.give(payload),
                }
            }
        }
        frames.for_each(|frame| pool.give(frame));
        result
    }
}

impl AsRawFd for Receiver {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

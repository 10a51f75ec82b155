//! What the switch says to the shell that owns devices and sockets, and what it hears from it.

use std::net::IpAddr;

use packet::{Frame, Geneve, MacAddr, Vxlan};

/// An interface of the host through which frames come and go. Numbers are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub u32);

/// What kind of interface to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceKind {
    /// One that exists.
    System,
    /// One to make for the host's own stack.
    Internal,
    /// A tap to make.
    Tap,
    /// One that exists in a test only and that frames are injected into by command.
    Dummy,
}

/// Files in which a dummy device records its frames, in pcap format.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Captures {
    /// Of frames that it receives.
    pub received: Option<String>,
    /// Of frames that it sends; may be the same.
    pub sent: Option<String>,
}

/// What is known of an open device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Its Ethernet address.
    pub mac: MacAddr,
    /// Largest payload of a frame, in octets.
    pub mtu: u32,
    /// Number in the host, if it has one.
    pub ifindex: Option<u32>,
    /// Whether it is set up.
    pub admin_up: bool,
    /// Whether it has a carrier.
    pub carrier: bool,
}

/// Which tunnel protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TunnelKind {
    /// Geneve.
    Geneve,
    /// VXLAN.
    Vxlan,
    /// GRE.
    Gre,
    /// ERSPAN, over GRE.
    Erspan,
}

impl TunnelKind {
    /// Stands in the place of a UDP port for GRE, which is an IP protocol of its own.
    pub const GRE_PORT: u16 = 0;

    /// The UDP port of the protocol.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Geneve => Geneve::PORT,
            Self::Vxlan => Vxlan::PORT,
            Self::Gre | Self::Erspan => Self::GRE_PORT,
        }
    }

    /// As the type of an interface says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Geneve => "geneve",
            Self::Vxlan => "vxlan",
            Self::Gre => "gre",
            Self::Erspan => "erspan",
        }
    }
}

/// The IP header that a tunnel packet came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outer {
    /// Who sent it.
    pub from: IpAddr,
    /// Which of our addresses it came to.
    pub to: IpAddr,
    /// ToS or traffic class.
    pub tos: u8,
    /// TTL or hop limit.
    pub ttl: u8,
}

/// Of a packet of which no more is known.
impl From<(IpAddr, IpAddr)> for Outer {
    fn from((from, to): (IpAddr, IpAddr)) -> Self {
        Self { from, to, tos: 0, ttl: 64 }
    }
}

/// A packet on its way out of the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Departure {
    /// Out of a device.
    Device {
        /// Which.
        device: DeviceId,
        /// The octets.
        frame: Frame,
    },
    /// Through a UDP socket.
    Tunnel(TunnelPacket),
}

/// A tunnel packet to send, or several of one flow that differ in their payload alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunnelPacket {
    /// Our address; `None` lets the kernel choose.
    pub local: Option<IpAddr>,
    /// Where it goes.
    pub remote: IpAddr,
    /// Made from the inner packet, so that one flow takes one path of the underlay.
    pub source_port: u16,
    /// The port of the tunnel protocol, or [`TunnelKind::GRE_PORT`].
    pub destination_port: u16,
    /// Whether the UDP checksum is to be computed.
    pub checksum: bool,
    /// Whether the outer packet may not be fragmented.
    pub dont_fragment: bool,
    /// ToS of the outer packet.
    pub tos: u8,
    /// TTL of the outer packet; 0 is the host's own.
    pub ttl: u8,
    /// Tunnel header and inner frame; of several packets one behind the other.
    pub payload: Frame,
    /// Octets of `payload` in each packet but the last, which has what is left; never 0. At most
    /// [`TunnelPacket::TRAIN_MAX`] packets come together.
    pub datagram_len: usize,
}

impl TunnelPacket {
    /// The most packets in one: what Linux takes at a time with `UDP_SEGMENT`.
    pub const TRAIN_MAX: usize = 64;
    /// The most octets in one: they fit into one IP packet with its headers.
    pub const TRAIN_LEN_MAX: usize = 65_000;

    /// The payloads of its packets.
    pub fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        self.payload.chunks(self.datagram_len.max(1))
    }
}

//! Ports.

use crate::PortNo;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortDesc {
    pub port: PortNo,
    pub hw_addr: [u8; 6],
    /// At most 15 octets (OpenFlow) are kept on the wire.
    pub name: String,
    pub config: PortConfig,
    pub state: PortState,
    /// Feature bits of OpenFlow 1.3: current, advertised, supported, of the peer.
    pub curr: u32,
    pub advertised: u32,
    pub supported: u32,
    pub peer: u32,
    /// Kilobits per second.
    pub curr_speed: u32,
    pub max_speed: u32,
}

/// Bits: port down 1, no receive 4, no flood 0x10, no forward 0x20, no packet-in 0x40.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PortConfig(pub u32);

impl PortConfig {
    pub const PORT_DOWN: u32 = 1;
    pub const NO_RECV: u32 = 4;
    pub const NO_FLOOD: u32 = 0x10;
    pub const NO_FWD: u32 = 0x20;
    pub const NO_PACKET_IN: u32 = 0x40;
    /// The bits that OpenFlow 1.3 and later have.
    pub const LATER: u32 = Self::PORT_DOWN | Self::NO_RECV | Self::NO_FWD | Self::NO_PACKET_IN;
}

/// Bits of OpenFlow 1.3 and later: link down 1, blocked 2, live 4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PortState(pub u32);

impl PortState {
    pub const LINK_DOWN: u32 = 1;
    pub const BLOCKED: u32 = 2;
    pub const LIVE: u32 = 4;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortStatus {
    pub reason: PortStatusReason,
    pub desc: PortDesc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortStatusReason {
    Add,
    Delete,
    Modify,
    Unknown(u8),
}

impl From<u8> for PortStatusReason {
    fn from(n: u8) -> Self {
        match n {
            0 => Self::Add,
            1 => Self::Delete,
            2 => Self::Modify,
            n => Self::Unknown(n),
        }
    }
}

impl From<PortStatusReason> for u8 {
    fn from(reason: PortStatusReason) -> Self {
        match reason {
            PortStatusReason::Add => 0,
            PortStatusReason::Delete => 1,
            PortStatusReason::Modify => 2,
            PortStatusReason::Unknown(n) => n,
        }
    }
}

/// Changes the configuration of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortMod {
    pub port: PortNo,
    /// Must be the port's own.
    pub hw_addr: [u8; 6],
    pub config: PortConfig,
    /// Which bits of `config` count.
    pub mask: PortConfig,
    pub advertise: u32,
}

/// Counters of a port; `u64::MAX` where the switch does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortStats {
    pub port: PortNo,
    pub rx_packets: u64,
    pub tx_packets: u64,
    pub rx_bytes: u64,
    pub tx_bytes: u64,
    pub rx_dropped: u64,
    pub tx_dropped: u64,
    pub rx_errors: u64,
    pub tx_errors: u64,
    pub rx_frame_errors: u64,
    pub rx_over_errors: u64,
    pub rx_crc_errors: u64,
    pub collisions: u64,
    /// Since the port was added; not in OpenFlow 1.0.
    pub duration_sec: u32,
    pub duration_nsec: u32,
}

//! The switch as a whole.

use crate::PortDesc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchFeatures {
    pub datapath_id: u64,
    pub n_buffers: u32,
    pub n_tables: u8,
    /// Which of the connections to the switch this is (from OpenFlow 1.3).
    pub auxiliary_id: u8,
    /// Bits: flow stats 1, table stats 2, port stats 4, group stats 8 (1.0: STP), reassembly 0x20, queue stats 0x40,
    /// 1.0's "ARP match IP" 0x80, port blocked 0x100.
    pub capabilities: u32,
    /// OpenFlow 1.0: bit n stands for action type n; later zero.
    pub actions: u32,
    /// OpenFlow 1.0 only; later asked for by [`crate::MultipartRequest::PortDesc`].
    pub ports: Vec<PortDesc>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SwitchConfig {
    /// 0: fragments are treated like other packets.
    pub flags: u16,
    /// Octets of an unmatched packet that go to the controller; 0: no asynchronous messages at all on service
    /// connections.
    pub miss_send_len: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleMessage {
    pub role: Role,
    /// Not in OpenFlow 1.0.
    pub generation_id: u64,
}

/// A role that a connection has now because of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleStatus {
    pub role: Role,
    /// 0: another connection became primary.
    pub reason: u8,
    pub generation_id: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    NoChange,
    Equal,
    Primary,
    Secondary,
}

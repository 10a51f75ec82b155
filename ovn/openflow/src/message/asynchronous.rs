//! Which messages a connection wants without having asked for them one by one (OpenFlow 1.5.1 section 7.3.10).

/// For one kind of message, and connections of one kind of role: which reasons are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsyncMask {
    pub kind: AsyncKind,
    /// For secondary connections; else for primary ones and those without such a role.
    pub secondary: bool,
    /// Bit n stands for reason n.
    pub mask: u32,
}

/// Messages that come unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AsyncKind {
    PacketIn,
    PortStatus,
    FlowRemoved,
    RoleStatus,
    TableStatus,
    RequestForward,
}

impl AsyncKind {
    /// In the order of their numbers on the wire.
    pub const ALL: [Self; 6] = [
        Self::PacketIn,
        Self::PortStatus,
        Self::FlowRemoved,
        Self::RoleStatus,
        Self::TableStatus,
        Self::RequestForward,
    ];

    /// The reasons that there are.
    pub const fn valid(self) -> u32 {
        match self {
            Self::PacketIn | Self::FlowRemoved => 0x3f,
            Self::PortStatus | Self::RoleStatus => 7,
            Self::TableStatus => 0x18,
            Self::RequestForward => 3,
        }
    }
}

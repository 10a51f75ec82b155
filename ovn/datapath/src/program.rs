//! What translation comes to: a short program over the octets of a frame.
//!
//! A program no longer knows of tables, registers or bridges. The same one serves every packet of a
//! megaflow, so each value in it is either constant or made from bits that the megaflow's mask holds.

use std::net::IpAddr;
use std::sync::Arc;

use openflow::{Match, PacketInReason};
use packet::key::WordSet;

use crate::bridge::BridgeId;
use crate::conntrack::Request;
use crate::device::TunnelKind;
use crate::meter::Gauge;
use crate::port::PortId;
use crate::recirc::Recirc;
use crate::xlate::Paused;

/// One step on a frame.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// The frame as it is now goes out of a device.
    Output(PortId),
    /// The same through a queue of the port.
    Enqueue(PortId, u32),
    /// The frame as it is now goes into a tunnel.
    Tunnel(Arc<Encap>),
    /// The frame as it is now goes to controllers.
    Punt(Arc<Punt>),
    /// Header fields change.
    Set(Box<[WordSet]>),
    /// An outer VLAN tag is put on.
    PushVlan { tpid: u16, tci: u16 },
    /// The outer VLAN tag is taken off.
    PopVlan,
    /// What is beyond so many octets is cut off.
    Truncate(u32),
    /// A copy of the frame goes through these.
    Clone(Box<[Self]>),
    /// Through the connection tracker; perhaps a copy goes through the tables again.
    Ct(Arc<Ct>),
    /// Forgets what the tracker found.
    CtClear,
    /// What exceeds the meter goes no further, or is remarked.
    Meter(Arc<Gauge>),
    /// Goes on with one list for frames of more than `length` octets, with the other for the rest.
    CheckLarger { length: u16, larger: Box<[Self]>, smaller: Box<[Self]> },
}

impl Op {
    /// Whether it changes the frame that comes after it.
    pub(crate) fn changes_frame(&self) -> bool {
        match self {
            Self::Output(_) | Self::Enqueue(..) | Self::Tunnel(_) | Self::Punt(_) | Self::Clone(_) => false,
            Self::Set(_)
            | Self::PushVlan { .. }
            | Self::PopVlan
            | Self::Truncate(_)
            | Self::Ct(_)
            | Self::CtClear
            | Self::Meter(_) => true,
            Self::CheckLarger { larger, smaller, .. } => {
                larger.iter().chain(smaller.iter()).any(Self::changes_frame)
            }
        }
    }

    /// Whether two frames of one key have one key afterwards, and go on in the same ways. A tag that is taken off may
    /// uncover one that the key had no room for; what is cut off may be what its headers count on; meters and lengths
    /// treat equal headers differently.
    pub(crate) fn is_steady(&self) -> bool {
        match self {
            Self::Output(_)
            | Self::Enqueue(..)
            | Self::Tunnel(_)
            | Self::Punt(_)
            | Self::Set(_)
            | Self::Ct(_)
            | Self::CtClear => true,
            Self::PushVlan { .. } | Self::PopVlan | Self::Truncate(_) | Self::Meter(_) => false,
            Self::Clone(nested) => nested.iter().all(Self::is_steady),
            Self::CheckLarger { larger, smaller, .. } => {
                !larger.iter().chain(smaller.iter()).any(Self::changes_frame)
            }
        }
    }

    /// Whether a frame that is still to be cut into segments can go through: what controllers get and
    /// what is shortened must be frames as they are on a wire.
    pub(crate) fn takes_segments(&self) -> bool {
        match self {
            Self::Output(_)
            | Self::Enqueue(..)
            | Self::Tunnel(_)
            | Self::Set(_)
            | Self::PushVlan { .. }
            | Self::PopVlan
            | Self::Ct(_)
            | Self::CtClear
            | Self::Meter(_) => true,
            Self::Punt(_) | Self::Truncate(_) => false,
            Self::Clone(nested) => nested.iter().all(Self::takes_segments),
            Self::CheckLarger { larger, smaller, .. } => {
                larger.iter().chain(smaller.iter()).all(Self::takes_segments)
            }
        }
    }
}

/// A `ct` action.
#[derive(Clone, Debug)]
pub(crate) struct Ct {
    pub request: Request,
    /// Where a copy goes on.
    pub recirc: Option<Arc<Recirc>>,
}

/// How a frame is sent into a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Encap {
    /// The tunnel port.
    pub port: PortId,
    pub kind: TunnelKind,
    /// The address to send from; `None` lets the kernel choose.
    pub local: Option<IpAddr>,
    pub remote: IpAddr,
    pub udp_port: u16,
    pub checksum: bool,
    pub dont_fragment: bool,
    pub tos: u8,
    /// 0: the kernel's own.
    pub ttl: u8,
    /// The header of the tunnel protocol, with options.
    pub header: Box<[u8]>,
}

/// How a frame is sent to controllers.
#[derive(Clone, Debug)]
pub(crate) struct Punt {
    pub bridge: BridgeId,
    pub controller_id: u16,
    pub reason: PacketInReason,
    pub table: u8,
    pub cookie: u64,
    pub userdata: Vec<u8>,
    /// Port and registers.
    pub metadata: Match,
    /// What exceeds it is not sent.
    pub meter: Option<Arc<Gauge>>,
    /// What goes on when a controller resumes it.
    pub pause: Option<Arc<Paused>>,
}

/// Takes needless copies out: what is cloned last need not be a clone.
pub(crate) fn finish(mut ops: Vec<Op>) -> Box<[Op]> {
    while let Some(Op::Clone(nested)) = ops.pop_if(|op| matches!(op, Op::Clone(_))) {
        ops.extend(nested);
    }
    ops.into()
}

//! `put_arp()` and `put_nd()`: a neighbour of a router's port said which MAC address it has.

use openflow::{Field, PacketIn2};
use packet::{Ethernet, MacAddr};
use std::net::IpAddr;

use super::{Reaction, metadata, number};
use crate::tables;

/// A neighbour, by keys of the port that it is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hop {
    pub(crate) datapath: u32,
    pub(crate) port: u32,
    pub(crate) ip: IpAddr,
}

/// Which MAC address it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NeighborAt {
    pub(crate) hop: Hop,
    pub(crate) mac: MacAddr,
}

/// The IP protocol of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// The address that the flow has left in a register.
pub(super) fn address(packet: &PacketIn2, family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(number(packet, Field::Reg(0)).into()),
        Family::V6 => {
            let word = |n: u8| metadata(packet, Field::Reg(n)) & 0xffff_ffff;
            IpAddr::V6((word(0) << 96 | word(1) << 64 | word(2) << 32 | word(3)).into())
        }
    }
}

/// Port and addresses are in the fields that came along and in the packet.
pub(super) fn react(packet: &PacketIn2, family: Family) -> Reaction {
    let Ok((ethernet, _)) = Ethernet::parse(&packet.packet) else { return Reaction::Nothing };
    let (datapath, port) = (number(packet, tables::DATAPATH), number(packet, tables::INPORT));
    let hop = Hop { datapath, port, ip: address(packet, family) };
    let mac = ethernet.src;
    if datapath == 0 || port == 0 || hop.ip.is_unspecified() || mac.is_multicast() || mac == MacAddr::ZERO {
        return Reaction::Nothing;
    }
    Reaction::Neighbor(NeighborAt { hop, mac })
}

//! `put_fdb()`: a MAC address was seen at a port with unknown addresses.

use openflow::PacketIn2;
use packet::{Ethernet, MacAddr};

use super::{Reaction, number};
use crate::tables;

/// Where a MAC address was seen, by keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LearnedAt {
    pub(crate) datapath: u32,
    pub(crate) port: u32,
    pub(crate) mac: MacAddr,
}

/// The datapath and the port are in the fields that came along, the address in the packet.
pub(super) fn react(packet: &PacketIn2) -> Reaction {
    let Ok((ethernet, _)) = Ethernet::parse(&packet.packet) else { return Reaction::Nothing };
    let (datapath, port) = (number(packet, tables::DATAPATH), number(packet, tables::INPORT));
    let learned = LearnedAt { datapath, port, mac: ethernet.src };
    if learned.datapath == 0
        || learned.port == 0
        || learned.mac.is_multicast()
        || learned.mac == MacAddr::ZERO
    {
        return Reaction::Nothing;
    }
    Reaction::Learn(learned)
}

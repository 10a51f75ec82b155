//! Address translation: to what the action says, or not at all, since connections are not in the database.

use super::conntrack::{begin_connection, ports};
use super::{Place, Traced, Walk};
use crate::node::{Kind, Node};
use lflow::action::CtNat;
use openflow::Field;
use std::net::IpAddr;

const SNAT: u8 = 0x40;
const DNAT: u8 = 0x80;

/// Sets the address of one side of a packet.
pub(super) fn set_address(packet: &mut Traced, is_destination: bool, address: IpAddr) {
    let (field, value) = match (address, is_destination) {
        (IpAddr::V4(address), true) => (Field::Ipv4Dst, address.to_bits().into()),
        (IpAddr::V4(address), false) => (Field::Ipv4Src, address.to_bits().into()),
        (IpAddr::V6(address), true) => (Field::Ipv6Dst, address.to_bits()),
        (IpAddr::V6(address), false) => (Field::Ipv6Src, address.to_bits()),
    };
    packet.flow.set(field, value);
}

impl<'n> Walk<'n> {
    pub(super) fn ct_nat(&mut self, place: Place<'n>, nat: &CtNat, packet: &Traced, nodes: &mut Vec<Node>) {
        let is_destination = nat.kind.is_destination();
        if !is_destination && nat.target.is_none() && place.datapath.has_l3_gateway() {
            // Undoing a translation that nobody made.
            return;
        }
        let mut translated = packet.clone();
        begin_connection(&mut translated, packet);
        let name = nat.kind.name();
        let (side, letter) = if is_destination { ("dst", 'd') } else { ("src", 's') };
        let mut title = match nat.target {
            Some(target) => {
                set_address(&mut translated, is_destination, target.address);
                // Of a range, the switch takes whatever is free, and the packet's own port if that is.
                if let (Some((port, None)), Some((src, dst))) = (target.ports, ports(packet)) {
                    translated.flow.set(if is_destination { dst } else { src }, port.into());
                }
                let bit = if is_destination { DNAT } else { SNAT };
                let state = translated.get(Field::CtState) | u128::from(bit);
                translated.flow.set(Field::CtState, state);
                let family = if target.address.is_ipv4() { "ip4" } else { "ip6" };
                format!("{name}({family}.{side}={})", target.address)
            }
            None => format!("{name} /* assuming no un-{letter}nat entry, so no change */"),
        };
        title.push_str(self.track_unless_tracked(&mut translated));
        let children = self.tables(Place { table: nat.table, ..place }, &mut translated);
        nodes.push(Node::new(Kind::Transformation, title).with(children));
    }
}

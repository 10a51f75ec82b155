//! Address translation: to what the action says, or back to what it was for those who remember.

use super::conntrack::{begin_connection, ports};
use super::{Place, Traced, Walk};
use crate::flow_text::ipv4;
use crate::node::{Kind, Node};
use crate::options::CtState;
use crate::tracker::{DNAT, SNAT, Translation};
use lflow::action::{CtNat, NatKind, Zone};
use openflow::Field;
use std::net::{IpAddr, Ipv6Addr};

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
        if self.tracker.is_none()
            && !is_destination
            && nat.target.is_none()
            && place.datapath.has_l3_gateway()
        {
            // Undoing a translation that nobody made.
            return;
        }
        let mut translated = packet.clone();
        begin_connection(&mut translated, packet);
        let title = match self.tracker {
            Some(_) => self.translate_by_memory(place, nat, &mut translated),
            None => {
                let title = translate_by_assumption(nat, &mut translated);
                title + self.track_unless_tracked(&mut translated)
            }
        };
        let children = self.tables(Place { table: nat.table, ..place }, &mut translated);
        nodes.push(Node::new(Kind::Transformation, title).with(children));
    }

    /// Does what the switch would. The result is a title.
    fn translate_by_memory(&mut self, place: Place<'n>, nat: &CtNat, packet: &mut Traced) -> String {
        let named = match nat.kind {
            // The common zone is the one for source translation, as in chassis by default.
            NatKind::Snat | NatKind::DnatInCommonZone | NatKind::SnatInCommonZone => Zone::Snat,
            NatKind::Dnat => Zone::Dnat,
        };
        let zone = super::conntrack::zone(place, Some(named), packet);
        let translation = nat.target.map(|target| Translation {
            is_destination: nat.kind.is_destination(),
            address: target.address,
            port: target.ports.and_then(|(port, last)| last.is_none().then_some(port)),
        });
        let before = packet.clone();
        let state = self.track(zone, true, translation.map(Some), packet).unwrap_or(0);
        format!("{}({}ct_state={})", nat.kind.name(), changed_ends(&before, packet), CtState(state))
    }
}

/// The addresses that a translation changed, each followed by a comma.
pub(super) fn changed_ends(before: &Traced, after: &Traced) -> String {
    let shown = |field: Field| match field {
        Field::Ipv4Src | Field::Ipv4Dst => ipv4(after.get(field)).to_string(),
        _ => Ipv6Addr::from_bits(after.get(field)).to_string(),
    };
    [
        ("ip4.src", Field::Ipv4Src),
        ("ip4.dst", Field::Ipv4Dst),
        ("ip6.src", Field::Ipv6Src),
        ("ip6.dst", Field::Ipv6Dst),
    ]
    .into_iter()
    .filter(|(_, field)| before.get(*field) != after.get(*field))
    .map(|(name, field)| format!("{name}={}, ", shown(field)))
    .collect()
}

/// Does what upstream's trace does, which remembers nothing. The result is a title.
fn translate_by_assumption(nat: &CtNat, packet: &mut Traced) -> String {
    let is_destination = nat.kind.is_destination();
    let name = nat.kind.name();
    let (side, letter) = if is_destination { ("dst", 'd') } else { ("src", 's') };
    let Some(target) = nat.target else {
        return format!("{name} /* assuming no un-{letter}nat entry, so no change */");
    };
    set_address(packet, is_destination, target.address);
    // Of a range, the switch takes whatever is free, and the packet's own port if that is.
    if let (Some((port, None)), Some((src, dst))) = (target.ports, ports(packet)) {
        packet.flow.set(if is_destination { dst } else { src }, port.into());
    }
    let bit = if is_destination { DNAT } else { SNAT };
    let state = packet.get(Field::CtState) | u128::from(bit);
    packet.flow.set(Field::CtState, state);
    let family = if target.address.is_ipv4() { "ip4" } else { "ip6" };
    format!("{name}({family}.{side}={})", target.address)
}

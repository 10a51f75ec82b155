//! Actions on another packet than the one at hand.

use super::{Place, Traced, Walk};
use crate::node::{Kind, Node};
use lflow::action::{Action, Replacement};
use openflow::Field;

/// What a packet loses when it becomes one of another protocol: all above Ethernet and VLAN.
const ABOVE_LINK: &[Field] = &[
    Field::Ipv4Src,
    Field::Ipv4Dst,
    Field::Ipv6Src,
    Field::Ipv6Dst,
    Field::Ipv6Label,
    Field::IpProto,
    Field::IpTtl,
    Field::IpFrag,
    Field::IpDscp,
    Field::IpEcn,
    Field::TcpSrc,
    Field::TcpDst,
    Field::TcpFlags,
    Field::UdpSrc,
    Field::UdpDst,
    Field::SctpSrc,
    Field::SctpDst,
    Field::Icmp4Type,
    Field::Icmp4Code,
    Field::Icmp6Type,
    Field::Icmp6Code,
    Field::NdTarget,
    Field::NdSll,
    Field::NdTll,
];

impl<'n> Walk<'n> {
    pub(super) fn clone_packet(
        &mut self,
        place: Place<'n>,
        actions: &[Action],
        packet: &Traced,
        nodes: &mut Vec<Node>,
    ) {
        let children = self.actions_to_the_end(place, actions, &mut packet.clone());
        nodes.push(Node::new(Kind::Transformation, "clone").with(children));
    }

    pub(super) fn replace_packet(
        &mut self,
        place: Place<'n>,
        kind: Replacement,
        actions: &[Action],
        packet: &Traced,
        nodes: &mut Vec<Node>,
    ) {
        let mut other = match kind {
            Replacement::Arp => arp_request(packet),
            Replacement::NdNa | Replacement::NdNaRouter => neighbour_advertisement(packet),
        };
        let children = self.actions_to_the_end(place, actions, &mut other);
        nodes.push(Node::new(Kind::Transformation, kind.name()).with(children));
    }
}

fn arp_request(packet: &Traced) -> Traced {
    let mut arp = packet.clone();
    for &field in ABOVE_LINK {
        arp.flow.set(field, 0);
    }
    arp.flow.set(Field::EthType, 0x0806);
    arp.flow.set(Field::ArpOp, 1);
    arp.flow.set(Field::ArpSha, packet.get(Field::EthSrc));
    arp.flow.set(Field::ArpSpa, packet.get(Field::Ipv4Src));
    arp.flow.set(Field::ArpTpa, packet.get(Field::Ipv4Dst));
    arp
}

/// An answer to a neighbour solicitation.
fn neighbour_advertisement(packet: &Traced) -> Traced {
    let mut answer = packet.clone();
    for &field in ABOVE_LINK {
        answer.flow.set(field, 0);
    }
    let dst = packet.get(Field::EthDst);
    let target = packet.get(Field::NdTarget);
    answer.flow.set(Field::EthDst, packet.get(Field::EthSrc));
    answer.flow.set(Field::EthSrc, dst);
    answer.flow.set(Field::EthType, 0x86dd);
    answer.flow.set(Field::IpProto, 58);
    answer.flow.set(Field::IpTtl, 255);
    answer.flow.set(Field::Ipv6Dst, packet.get(Field::Ipv6Src));
    answer.flow.set(Field::Ipv6Src, target);
    answer.flow.set(Field::Icmp6Type, 136);
    answer.flow.set(Field::NdTarget, target);
    answer.flow.set(Field::NdTll, dst);
    answer
}

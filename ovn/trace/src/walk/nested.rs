//! Actions on another packet than the one at hand.

use super::conntrack::ETH_IPV4;
use super::{Place, Traced, Walk};
use crate::fields::ABOVE_LINK;
use crate::node::{Kind, Node};
use lflow::action::{Action, Replacement};
use openflow::Field;

const IP_ICMP: u128 = 1;
const IP_TCP: u128 = 6;
const IP_ICMP6: u128 = 58;
const IP_SCTP: u128 = 132;
const TCP_RST: u128 = 4;
const ICMP4_UNREACHABLE: u128 = 3;
const HOST_UNREACHABLE: u128 = 1;
const ICMP6_UNREACHABLE: u128 = 1;
const PROHIBITED: u128 = 1;

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
        let (name, other) = match kind {
            Replacement::Arp => (kind.name(), Some(arp_request(packet))),
            Replacement::NdNs => (kind.name(), Some(neighbour_solicitation(packet))),
            Replacement::NdNa | Replacement::NdNaRouter => {
                (kind.name(), Some(neighbour_advertisement(packet)))
            }
            Replacement::Icmp4 | Replacement::Icmp4Error => ("icmp4", Some(icmp4_unreachable(packet))),
            Replacement::Icmp6 | Replacement::Icmp6Error => ("icmp6", Some(icmp6_unreachable(packet))),
            Replacement::TcpReset => (kind.name(), Some(tcp_reset(packet))),
            Replacement::SctpAbort => (kind.name(), Some(sctp_abort(packet))),
            Replacement::Reject => rejection(packet),
        };
        let Some(mut other) = other else { return };
        let children = self.actions_to_the_end(place, actions, &mut other);
        nodes.push(Node::new(Kind::Transformation, name).with(children));
    }
}

/// What tells the sender that its packet is not welcome, `None` to what tells that itself: two hosts would go on
/// for ever.
fn rejection(packet: &Traced) -> (&'static str, Option<Traced>) {
    let is_v4 = packet.get(Field::EthType) == ETH_IPV4;
    let (name, answer, is_answer) = match packet.get(Field::IpProto) {
        IP_TCP => ("tcp_reset", tcp_reset(packet), packet.get(Field::TcpFlags) == TCP_RST),
        IP_SCTP => ("sctp_abort", sctp_abort(packet), packet.get(Field::TcpFlags) == TCP_RST),
        protocol if is_v4 => {
            let is_answer = protocol == IP_ICMP && packet.get(Field::Icmp4Type) == ICMP4_UNREACHABLE;
            ("icmp4", icmp4_unreachable(packet), is_answer)
        }
        protocol => {
            let is_answer = protocol == IP_ICMP6 && packet.get(Field::Icmp6Type) == ICMP6_UNREACHABLE;
            ("icmp6", icmp6_unreachable(packet), is_answer)
        }
    };
    (name, (!is_answer).then(|| turned(answer)))
}

/// The packet with its ends exchanged.
fn turned(mut packet: Traced) -> Traced {
    for (src, dst) in
        [(Field::EthSrc, Field::EthDst), (Field::Ipv4Src, Field::Ipv4Dst), (Field::Ipv6Src, Field::Ipv6Dst)]
    {
        let (from, to) = (packet.get(src), packet.get(dst));
        packet.flow.set(src, to);
        packet.flow.set(dst, from);
    }
    packet
}

/// A packet between the same ends as another one, of another protocol.
fn with_protocol(packet: &Traced, protocol: u128) -> Traced {
    const ENDS: &[Field] = &[Field::Ipv4Src, Field::Ipv4Dst, Field::Ipv6Src, Field::Ipv6Dst];
    let mut other = packet.clone();
    for &field in ABOVE_LINK.iter().filter(|field| !ENDS.contains(field)) {
        other.flow.set(field, 0);
    }
    other.flow.set(Field::IpProto, protocol);
    other.flow.set(Field::IpTtl, 255);
    other
}

fn icmp4_unreachable(packet: &Traced) -> Traced {
    let mut icmp = with_protocol(packet, IP_ICMP);
    icmp.flow.set(Field::Icmp4Type, ICMP4_UNREACHABLE);
    icmp.flow.set(Field::Icmp4Code, HOST_UNREACHABLE);
    icmp
}

fn icmp6_unreachable(packet: &Traced) -> Traced {
    let mut icmp = with_protocol(packet, IP_ICMP6);
    icmp.flow.set(Field::Icmp6Type, ICMP6_UNREACHABLE);
    icmp.flow.set(Field::Icmp6Code, PROHIBITED);
    icmp
}

fn tcp_reset(packet: &Traced) -> Traced {
    let mut reset = with_protocol(packet, IP_TCP);
    for port in [Field::TcpSrc, Field::TcpDst] {
        reset.flow.set(port, packet.get(port));
    }
    reset.flow.set(Field::TcpFlags, TCP_RST);
    reset
}

fn sctp_abort(packet: &Traced) -> Traced {
    let mut abort = with_protocol(packet, IP_SCTP);
    for port in [Field::SctpSrc, Field::SctpDst] {
        abort.flow.set(port, packet.get(port));
    }
    // No field tells an abort from other packets, but it must not be answered: flags, which only TCP has, mark it.
    abort.flow.set(Field::TcpFlags, TCP_RST);
    abort
}

/// A question for the MAC address of the packet's destination, to all that may have that address.
fn neighbour_solicitation(packet: &Traced) -> Traced {
    let mut question = with_protocol(packet, IP_ICMP6);
    let target = packet.get(Field::Ipv6Dst);
    // The last three octets of the address are those of its solicited-node multicast address (RFC 4291 section 2.7.1)
    // and so of the MAC address that goes with it (RFC 2464 section 7).
    question.flow.set(Field::EthDst, 0x3333_ff00_0000 | target & 0xff_ffff);
    question.flow.set(Field::EthType, 0x86dd);
    question.flow.set(Field::Icmp6Type, 135);
    question.flow.set(Field::NdTarget, target);
    question.flow.set(Field::NdSll, packet.get(Field::EthSrc));
    question
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

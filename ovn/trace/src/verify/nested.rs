//! Actions on another packet than the one at hand, which is made after it: an answer, a question, a complaint.

use super::explore::{Explorer, Place, State};
use super::flows::Test;
use super::values::Value;
use crate::fields::ABOVE_LINK;
use lflow::action::{Action, Replacement};
use openflow::Field;

const ENDS: &[Field] = &[Field::Ipv4Src, Field::Ipv4Dst, Field::Ipv6Src, Field::Ipv6Dst];

const TCP: u128 = 6;
const SCTP: u128 = 132;
const ICMP4: u128 = 1;
const ICMP6: u128 = 58;
const RESET: u128 = 4;

impl<'n> Explorer<'n> {
    pub(super) fn replace(&mut self, place: Place, kind: Replacement, actions: &[Action], state: &State) {
        let mut packet = state.clone();
        packet.shape.is_copy = true;
        packet.shape.made = Some(kind.name());
        if kind == Replacement::Reject {
            // An answer of SCTP is an abort.
            let is_answer = state.shape.made.is_some();
            self.reject(place, actions, packet, is_answer);
            return;
        }
        match kind {
            Replacement::Arp => arp_request(&mut packet),
            Replacement::NdNs => self.neighbour_solicitation(&mut packet),
            Replacement::NdNa | Replacement::NdNaRouter => neighbour_advertisement(&mut packet),
            Replacement::Icmp4 | Replacement::Icmp4Error => unreachable_v4(&mut packet),
            Replacement::Icmp6 | Replacement::Icmp6Error => unreachable_v6(&mut packet),
            Replacement::TcpReset => tcp_reset(&mut packet),
            Replacement::SctpAbort => sctp_abort(&mut packet),
            Replacement::Reject => {}
        }
        self.actions(place, actions, packet);
    }

    /// Tells the sender that its packet is not welcome, unless the packet tells that itself.
    fn reject(&mut self, place: Place, actions: &[Action], packet: State, is_answer: bool) {
        let whole = |field: Field, value| Test::Equal { field, value, mask: field.full_mask() };
        let v4 = whole(Field::EthType, 0x0800);
        let is_abort = Test::Always(is_answer);
        type Make = fn(&mut State);
        let kinds: [(Test, Test, Make); 4] = [
            (whole(Field::IpProto, TCP), whole(Field::TcpFlags, RESET), tcp_reset),
            (whole(Field::IpProto, SCTP), is_abort, sctp_abort),
            (v4, Test::All(vec![whole(Field::IpProto, ICMP4), whole(Field::Icmp4Type, 3)]), unreachable_v4),
            (
                Test::Always(true),
                Test::All(vec![whole(Field::IpProto, ICMP6), whole(Field::Icmp6Type, 1)]),
                unreachable_v6,
            ),
        ];
        let mut rest = packet;
        for (is_kind, is_answer, make) in kinds {
            let is_kind = self.holds(&is_kind, &rest);
            let (these, others) = self.split(rest, is_kind);
            rest = others;
            let is_answer = self.holds(&is_answer, &these);
            let (_, mut these) = self.split(these, is_answer);
            if these.set.is_empty() {
                continue;
            }
            make(&mut these);
            for (src, dst) in [
                (Field::EthSrc, Field::EthDst),
                (Field::Ipv4Src, Field::Ipv4Dst),
                (Field::Ipv6Src, Field::Ipv6Dst),
            ] {
                let (from, to) = (these.shape.values.get(src), these.shape.values.get(dst));
                these.shape.values.set(src, to);
                these.shape.values.set(dst, from);
            }
            self.actions(place, actions, these);
        }
    }

    /// A question for the MAC address of the packet's destination, to all that may have that address.
    fn neighbour_solicitation(&mut self, packet: &mut State) {
        let values = &mut packet.shape.values;
        let (sender, target) = (values.get(Field::EthSrc), values.get(Field::Ipv6Dst));
        let low = values.bits(Field::Ipv6Dst, 0, 24).unwrap_or_default();
        with_protocol(ICMP6, packet);
        let values = &mut packet.shape.values;
        // RFC 4291 section 2.7.1 and RFC 2464 section 7.
        values.set_constant(Field::EthDst, 0x3333_ff00_0000);
        values.set_bits(Field::EthDst, 0, &low);
        values.set_constant(Field::EthType, 0x86dd);
        values.set_constant(Field::Icmp6Type, 135);
        values.set(Field::NdTarget, target);
        values.set(Field::NdSll, sender);
    }
}

fn clear(fields: impl Iterator<Item = Field>, packet: &mut State) {
    fields.for_each(|field| packet.shape.values.set(field, Value::Constant(0)));
}

/// A packet between the same ends as another one, of another protocol.
fn with_protocol(protocol: u128, packet: &mut State) {
    clear(ABOVE_LINK.iter().copied().filter(|field| !ENDS.contains(field)), packet);
    packet.shape.values.set_constant(Field::IpProto, protocol);
    packet.shape.values.set_constant(Field::IpTtl, 255);
}

fn unreachable_v4(packet: &mut State) {
    with_protocol(ICMP4, packet);
    packet.shape.values.set_constant(Field::Icmp4Type, 3);
    packet.shape.values.set_constant(Field::Icmp4Code, 1);
}

fn unreachable_v6(packet: &mut State) {
    with_protocol(ICMP6, packet);
    packet.shape.values.set_constant(Field::Icmp6Type, 1);
    packet.shape.values.set_constant(Field::Icmp6Code, 1);
}

fn tcp_reset(packet: &mut State) {
    let ports = [Field::TcpSrc, Field::TcpDst].map(|field| (field, packet.shape.values.get(field)));
    with_protocol(TCP, packet);
    ports.into_iter().for_each(|(field, value)| packet.shape.values.set(field, value));
    packet.shape.values.set_constant(Field::TcpFlags, RESET);
}

fn sctp_abort(packet: &mut State) {
    let ports = [Field::SctpSrc, Field::SctpDst].map(|field| (field, packet.shape.values.get(field)));
    with_protocol(SCTP, packet);
    ports.into_iter().for_each(|(field, value)| packet.shape.values.set(field, value));
}

fn arp_request(packet: &mut State) {
    let of =
        [(Field::ArpSha, Field::EthSrc), (Field::ArpSpa, Field::Ipv4Src), (Field::ArpTpa, Field::Ipv4Dst)];
    let copied = of.map(|(to, from)| (to, packet.shape.values.get(from)));
    clear(ABOVE_LINK.iter().copied(), packet);
    packet.shape.values.set_constant(Field::EthType, 0x0806);
    packet.shape.values.set_constant(Field::ArpOp, 1);
    copied.into_iter().for_each(|(to, value)| packet.shape.values.set(to, value));
}

/// An answer to a neighbour solicitation.
fn neighbour_advertisement(packet: &mut State) {
    let of = [
        (Field::EthDst, Field::EthSrc),
        (Field::EthSrc, Field::EthDst),
        (Field::Ipv6Dst, Field::Ipv6Src),
        (Field::Ipv6Src, Field::NdTarget),
        (Field::NdTarget, Field::NdTarget),
        (Field::NdTll, Field::EthDst),
    ];
    let copied = of.map(|(to, from)| (to, packet.shape.values.get(from)));
    clear(ABOVE_LINK.iter().copied(), packet);
    for (field, value) in
        [(Field::EthType, 0x86dd), (Field::IpProto, ICMP6), (Field::IpTtl, 255), (Field::Icmp6Type, 136)]
    {
        packet.shape.values.set_constant(field, value);
    }
    copied.into_iter().for_each(|(to, value)| packet.shape.values.set(to, value));
}

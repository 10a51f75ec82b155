//! What connection tracking remembers from one packet of a trace to the next.
//!
//! Zones are those that a chassis has: one a port of a switch, two a router (destination and source translation). A
//! connection begins with `new`, which it stays until a packet of the other direction came, as in the switch.
//! Microflows do not say all that a tracker looks at: TCP's sequence numbers and flags, ICMP's identifiers and the packet
//! that an ICMP error quotes are not there, so nothing is invalid, all pings between two hosts are one connection,
//! and an error is related to any connection of the host that it is sent to.

use lflow::expr::{Microflow, Packet};
use openflow::Field;
use ovsdb::Uuid;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The most connections of a zone. One more, and the oldest is forgotten.
const CONNECTIONS_MAX: usize = 1024;

pub(crate) const NEW: u8 = 0x01;
pub(crate) const ESTABLISHED: u8 = 0x02;
const RELATED: u8 = 0x04;
const REPLY: u8 = 0x08;
pub(crate) const TRACKED: u8 = 0x20;
pub(crate) const SNAT: u8 = 0x40;
pub(crate) const DNAT: u8 = 0x80;

const ETH_IPV4: u128 = 0x0800;
const ETH_IPV6: u128 = 0x86dd;

/// Where connections are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Zone {
    /// A switch's port, by its key.
    Port(Uuid, u32),
    /// A router's zone for destination translation, and for all else.
    Dnat(Uuid),
    /// A router's zone for source translation.
    Snat(Uuid),
}

/// The ends of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tuple {
    ether: u128,
    protocol: u128,
    source: (u128, u128),
    destination: (u128, u128),
}

impl Tuple {
    /// `None` of what is not tracked.
    fn of(flow: &Microflow) -> Option<Self> {
        let get = |field| flow.field(field);
        let (source, destination) = addresses(flow)?;
        let (source_port, destination_port) =
            ports(flow).map_or((0, 0), |(source, destination)| (get(source), get(destination)));
        Some(Self {
            ether: get(Field::EthType),
            protocol: get(Field::IpProto),
            source: (get(source), source_port),
            destination: (get(destination), destination_port),
        })
    }

    fn turned(&self) -> Self {
        Self { source: self.destination, destination: self.source, ..self.clone() }
    }
}

/// The fields of a packet's addresses.
fn addresses(flow: &Microflow) -> Option<(Field, Field)> {
    match flow.field(Field::EthType) {
        ETH_IPV4 => Some((Field::Ipv4Src, Field::Ipv4Dst)),
        ETH_IPV6 => Some((Field::Ipv6Src, Field::Ipv6Dst)),
        _ => None,
    }
}

/// The fields of the ports of a packet's protocol.
pub(crate) fn ports(flow: &Microflow) -> Option<(Field, Field)> {
    match flow.field(Field::IpProto) {
        6 => Some((Field::TcpSrc, Field::TcpDst)),
        17 => Some((Field::UdpSrc, Field::UdpDst)),
        132 => Some((Field::SctpSrc, Field::SctpDst)),
        _ => None,
    }
}

/// One connection of one zone.
#[derive(Clone, Debug)]
struct Connection {
    /// Of the packet that began it, as it came.
    original: Tuple,
    /// Of an answer, as it comes: with the addresses that the first packet got by translation.
    reply: Tuple,
    mark: u128,
    label: u128,
    is_answered: bool,
}

/// A change of one end of the packets that begin a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Translation {
    pub(crate) is_destination: bool,
    pub(crate) address: IpAddr,
    /// `None` leaves the port as it is.
    pub(crate) port: Option<u16>,
}

/// The connections of all zones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tracker {
    zones: BTreeMap<Zone, Vec<Connection>>,
}

impl Tracker {
    /// Says of a packet what is known of its connection, in the packet: state, mark, label and who began it.
    ///
    /// With `translate`, what its connection's translation makes of it is done to it.
    pub(crate) fn track(&mut self, zone: Zone, flow: &mut Microflow, translate: bool) -> u8 {
        let Some(tuple) = Tuple::of(flow) else { return 0 };
        let mut state = TRACKED;
        let connections = self.zones.entry(zone).or_default();
        let found = connections.iter_mut().find(|known| known.original == tuple || known.reply == tuple);
        let Some(connection) = found else {
            state |= self.related(zone, flow, &tuple).unwrap_or(NEW);
            describe(flow, state, &tuple, 0, 0);
            return state;
        };
        let is_reply = connection.original != tuple;
        connection.is_answered |= is_reply;
        state |= match (is_reply, connection.is_answered) {
            (true, _) => ESTABLISHED | REPLY,
            (false, true) => ESTABLISHED,
            (false, false) => NEW,
        };
        let other = if is_reply { connection.original.turned() } else { connection.reply.turned() };
        state |= if other.source == tuple.source { 0 } else { SNAT };
        state |= if other.destination == tuple.destination { 0 } else { DNAT };
        describe(flow, state, &connection.original, connection.mark, connection.label);
        if translate {
            set_ends(flow, &other);
        }
        state
    }

    /// Remembers a packet's connection, if it is not known yet. The packet gets the translation.
    pub(crate) fn commit(&mut self, zone: Zone, flow: &mut Microflow, translation: Option<Translation>) {
        let Some(original) = Tuple::of(flow) else { return };
        let connections = self.zones.entry(zone).or_default();
        if connections.iter().any(|known| known.original == original || known.reply == original) {
            return;
        }
        let mut translated = original.clone();
        if let Some(Translation { is_destination, address, port }) = translation {
            let end = if is_destination { &mut translated.destination } else { &mut translated.source };
            end.0 = match address {
                IpAddr::V4(address) => address.to_bits().into(),
                IpAddr::V6(address) => address.to_bits(),
            };
            end.1 = port.map_or(end.1, u128::from);
        }
        set_ends(flow, &translated);
        if connections.len() >= CONNECTIONS_MAX {
            connections.remove(0);
        }
        let reply = translated.turned();
        connections.push(Connection { original, reply, mark: 0, label: 0, is_answered: false });
    }

    /// Whether a packet's connection is remembered.
    pub(crate) fn knows(&self, zone: Zone, flow: &Microflow) -> bool {
        let connections = self.zones.get(&zone).map_or(&[][..], Vec::as_slice);
        Tuple::of(flow).is_some_and(|tuple| {
            connections.iter().any(|known| known.original == tuple || known.reply == tuple)
        })
    }

    /// Gives the connection of a packet, as it is after translation or before, the packet's mark and label.
    pub(crate) fn label(&mut self, zone: Zone, flow: &Microflow) {
        let Some(tuple) = Tuple::of(flow) else { return };
        let connections = self.zones.entry(zone).or_default();
        let is_it = |known: &&mut Connection| {
            [&known.original, &known.reply]
                .into_iter()
                .any(|known| *known == tuple || known.turned() == tuple)
        };
        if let Some(connection) = connections.iter_mut().find(is_it) {
            connection.mark = flow.field(Field::CtMark);
            connection.label = flow.field(Field::CtLabel);
        }
    }

    /// The state of an ICMP error that somebody gets who has a connection.
    fn related(&self, zone: Zone, flow: &Microflow, tuple: &Tuple) -> Option<u8> {
        let is_error = match tuple.protocol {
            1 => matches!(flow.field(Field::Icmp4Type), 3 | 4 | 5 | 11 | 12),
            58 => matches!(flow.field(Field::Icmp6Type), 1..=4),
            _ => false,
        };
        let connections = self.zones.get(&zone).filter(|_| is_error)?;
        let host = tuple.destination.0;
        connections.iter().find_map(|known| {
            if known.original.source.0 == host {
                Some(RELATED | REPLY)
            } else {
                (known.reply.source.0 == host).then_some(RELATED)
            }
        })
    }
}

/// Writes what is known of a packet's connection into it.
fn describe(flow: &mut Microflow, state: u8, original: &Tuple, mark: u128, label: u128) {
    flow.set(Field::CtState, state.into());
    flow.set(Field::CtMark, mark);
    flow.set(Field::CtLabel, label);
    flow.set(Field::CtNwProto, original.protocol);
    let (source, destination) = match original.ether {
        ETH_IPV4 => (Field::CtNwSrc, Field::CtNwDst),
        _ => (Field::CtIpv6Src, Field::CtIpv6Dst),
    };
    flow.set(source, original.source.0);
    flow.set(destination, original.destination.0);
    flow.set(Field::CtTpSrc, original.source.1);
    flow.set(Field::CtTpDst, original.destination.1);
}

fn set_ends(flow: &mut Microflow, ends: &Tuple) {
    if let Some((source, destination)) = addresses(flow) {
        flow.set(source, ends.source.0);
        flow.set(destination, ends.destination.0);
    }
    if let Some((source, destination)) = ports(flow) {
        flow.set(source, ends.source.1);
        flow.set(destination, ends.destination.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::CtState;
    use lflow::expr::{NoSets, Ports, parse_microflow};

    struct NoPorts;

    impl Ports for NoPorts {
        fn key(&self, _: &str) -> Option<u32> {
            None
        }

        fn is_chassis_resident(&self, _: &str) -> bool {
            true
        }
    }

    const ZONE: Zone = Zone::Dnat(Uuid::ZERO);

    fn packet(text: &str) -> Microflow {
        parse_microflow(text, &NoSets, &NoPorts).expect("a microflow")
    }

    fn ends(flow: &Microflow) -> String {
        let Tuple { source, destination, .. } = Tuple::of(flow).expect("it is IP");
        format!("{:x}:{} > {:x}:{}", source.0, source.1, destination.0, destination.1)
    }

    fn state(tracker: &mut Tracker, flow: &mut Microflow) -> String {
        CtState(tracker.track(ZONE, flow, true)).to_string()
    }

    #[test]
    fn a_connection_is_new_until_it_is_answered() {
        let mut tracker = Tracker::default();
        let there = "ip4.src == 0.0.0.1 && ip4.dst == 0.0.0.2 && tcp.src == 7 && tcp.dst == 80";
        let back = "ip4.src == 0.0.0.2 && ip4.dst == 0.0.0.1 && tcp.src == 80 && tcp.dst == 7";
        assert_eq!(state(&mut tracker, &mut packet(back)), "new|trk");
        tracker.commit(ZONE, &mut packet(there), None);
        assert_eq!(state(&mut tracker, &mut packet(there)), "new|trk");
        assert_eq!(state(&mut tracker, &mut packet(back)), "est|rpl|trk");
        assert_eq!(state(&mut tracker, &mut packet(there)), "est|trk");
        let mut elsewhere = packet(there);
        assert_eq!(tracker.track(Zone::Snat(Uuid::ZERO), &mut elsewhere, true), NEW | TRACKED);
        let error = "ip4.src == 0.0.0.9 && ip4.dst == 0.0.0.1 && icmp4.type == 3 && icmp4.code == 1";
        assert_eq!(state(&mut tracker, &mut packet(error)), "rel|rpl|trk");
    }

    #[test]
    fn a_translation_is_undone_on_the_way_back() {
        let mut tracker = Tracker::default();
        let mut first = packet("ip4.src == 0.0.0.1 && ip4.dst == 0.0.0.9 && udp.src == 7 && udp.dst == 53");
        let to = Translation { is_destination: true, address: [0, 0, 0, 2].into(), port: Some(5353) };
        tracker.commit(ZONE, &mut first, Some(to));
        assert_eq!(ends(&first), "1:7 > 2:5353");
        let mut back = packet("ip4.src == 0.0.0.2 && ip4.dst == 0.0.0.1 && udp.src == 5353 && udp.dst == 7");
        assert_eq!(state(&mut tracker, &mut back), "est|rpl|trk|snat");
        assert_eq!(ends(&back), "9:53 > 1:7");
        assert_eq!(back.field(Field::CtNwDst), 9);
        let mut again = packet("ip4.src == 0.0.0.1 && ip4.dst == 0.0.0.9 && udp.src == 7 && udp.dst == 53");
        assert_eq!(state(&mut tracker, &mut again), "est|trk|dnat");
        assert_eq!(ends(&again), "1:7 > 2:5353");
    }

    #[test]
    fn marks_stay_with_the_connection_and_the_oldest_is_forgotten_when_there_are_too_many() {
        let mut tracker = Tracker::default();
        let numbered =
            |n: usize| packet(&format!("ip4.src == 0.0.0.1 && ip4.dst == 0.0.0.2 && tcp.src == {n}"));
        let mut first = numbered(1);
        tracker.commit(ZONE, &mut first, None);
        first.set(Field::CtMark, 5);
        tracker.label(ZONE, &first);
        let mut again = numbered(1);
        tracker.track(ZONE, &mut again, false);
        assert_eq!(again.field(Field::CtMark), 5);
        for n in 2..=CONNECTIONS_MAX + 1 {
            tracker.commit(ZONE, &mut numbered(n), None);
        }
        let mut again = numbered(1);
        tracker.track(ZONE, &mut again, false);
        assert_eq!(again.field(Field::CtMark), 0);
        assert_eq!(tracker.zones[&ZONE].len(), CONNECTIONS_MAX);
    }
}

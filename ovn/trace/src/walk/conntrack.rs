//! Connection tracking. What the tracker knows is not in the database, so the user says it, or it is
//! assumed that every packet is part of an established connection.

use super::assign::write;
use super::{Place, Traced, Walk};
use crate::node::{Kind, Node};
use crate::options::CtState;
use lflow::action::{CtNext, CtOriginal, Tracking, Zone};
use lflow::symbols::FieldRef;
use openflow::Field;

const TRACKED: u8 = 0x20;
const TRACKED_ESTABLISHED: u8 = 0x22;

pub(super) const ETH_IPV4: u128 = 0x0800;
pub(super) const ETH_IPV6: u128 = 0x86dd;

pub(super) fn clear(packet: &mut Traced) {
    for field in [
        Field::CtState,
        Field::CtMark,
        Field::CtLabel,
        Field::CtNwProto,
        Field::CtNwSrc,
        Field::CtNwDst,
        Field::CtIpv6Src,
        Field::CtIpv6Dst,
        Field::CtTpSrc,
        Field::CtTpDst,
    ] {
        packet.flow.set(field, 0);
    }
}

/// The fields of the ports of the packet's protocol.
pub(super) fn ports(packet: &Traced) -> Option<(Field, Field)> {
    match packet.get(Field::IpProto) {
        6 => Some((Field::TcpSrc, Field::TcpDst)),
        17 => Some((Field::UdpSrc, Field::UdpDst)),
        132 => Some((Field::SctpSrc, Field::SctpDst)),
        _ => None,
    }
}

/// What the tracker would say of the packet that began the connection: it is this one.
pub(super) fn begin_connection(tracked: &mut Traced, packet: &Traced) {
    let mut set = |field, value| tracked.flow.set(field, value);
    set(Field::CtNwProto, packet.get(Field::IpProto));
    match packet.get(Field::EthType) {
        ETH_IPV4 => {
            set(Field::CtNwSrc, packet.get(Field::Ipv4Src));
            set(Field::CtNwDst, packet.get(Field::Ipv4Dst));
        }
        ETH_IPV6 => {
            set(Field::CtIpv6Src, packet.get(Field::Ipv6Src));
            set(Field::CtIpv6Dst, packet.get(Field::Ipv6Dst));
        }
        _ => {}
    }
    if let Some((src, dst)) = ports(packet) {
        set(Field::CtTpSrc, packet.get(src));
        set(Field::CtTpDst, packet.get(dst));
    }
}

impl<'n> Walk<'n> {
    /// What the tracker says this time, and a remark if that is an assumption.
    pub(super) fn next_ct_state(&mut self) -> (u8, &'static str) {
        match self.ct.pop_front() {
            Some(state) => (state, ""),
            None => (TRACKED_ESTABLISHED, " /* default (use --ct to customize) */"),
        }
    }

    /// The state of a packet that an action tracks besides what else it does, unless it has been tracked already.
    pub(super) fn track_unless_tracked(&mut self, packet: &mut Traced) -> &'static str {
        let state = packet.get(Field::CtState) as u8;
        if state & TRACKED != 0 {
            return "";
        }
        let (found, remark) = self.next_ct_state();
        packet.flow.set(Field::CtState, (state | found).into());
        remark
    }

    pub(super) fn ct_next(
        &mut self,
        place: Place<'n>,
        tracking: Tracking,
        next: &CtNext,
        packet: &Traced,
        nodes: &mut Vec<Node>,
    ) {
        let mut tracked = packet.clone();
        begin_connection(&mut tracked, packet);
        let title = match tracking {
            Tracking::Track => {
                let (state, remark) = self.next_ct_state();
                tracked.flow.set(Field::CtState, state.into());
                format!("ct_next(ct_state={}{remark})", CtState(state))
            }
            Tracking::CommitNat => {
                let remark = self.track_unless_tracked(&mut tracked);
                format!("ct_commit_nat /* assuming no un-nat entry, so no change */{remark}")
            }
            Tracking::CommitToZone => {
                let remark = self.track_unless_tracked(&mut tracked);
                format!("ct_commit_to_zone({}){remark}", next.zone.map_or("dnat", Zone::name))
            }
        };
        let children = self.tables(Place { table: next.table, ..place }, &mut tracked);
        nodes.push(Node::new(Kind::Transformation, title).with(children));
    }
}

/// Of the packet that began the connection, which is this one if it is not known to be another.
pub(super) fn original(what: CtOriginal, result: &FieldRef, packet: &mut Traced) {
    let value = match what {
        CtOriginal::Ipv4Destination => packet.get(Field::CtNwDst),
        CtOriginal::Ipv6Destination => packet.get(Field::CtIpv6Dst),
        CtOriginal::DestinationPort => packet.get(Field::CtTpDst),
        CtOriginal::Protocol => packet.get(Field::CtNwProto),
    };
    write(result, value, packet);
}

pub(super) fn state_save(result: &FieldRef, packet: &mut Traced, nodes: &mut Vec<Node>) {
    let state = packet.get(Field::CtState) as u8;
    let saved = if state & TRACKED != 0 { state } else { 0 };
    write(result, saved.into(), packet);
    nodes.push(Node::new(Kind::Action, format!("/* {result} = {saved}; */")));
}

//! Connection tracking. What the tracker knows is not in the database, so the user says it, or it is
//! assumed that every packet is part of an established connection.

use super::{Place, Traced, Walk};
use crate::node::{Kind, Node};
use crate::options::CtState;
use lflow::action::CtNext;
use openflow::Field;
use std::net::IpAddr;

const TRACKED_ESTABLISHED: u8 = 0x22;
const DNAT: u8 = 0x80;

pub(super) fn clear(packet: &mut Traced) {
    for field in [Field::CtState, Field::CtMark, Field::CtLabel] {
        packet.flow.set(field, 0);
    }
}

impl<'n> Walk<'n> {
    /// What the tracker says this time, and a remark if that is an assumption.
    fn next_ct_state(&mut self) -> (u8, &'static str) {
        match self.ct.pop_front() {
            Some(state) => (state, ""),
            None => (TRACKED_ESTABLISHED, " /* default (use --ct to customize) */"),
        }
    }

    pub(super) fn ct_next(
        &mut self,
        place: Place<'n>,
        next: &CtNext,
        packet: &Traced,
        nodes: &mut Vec<Node>,
    ) {
        let (state, remark) = self.next_ct_state();
        let mut tracked = packet.clone();
        tracked.flow.set(Field::CtState, state.into());
        let title = format!("ct_next(ct_state={}{remark})", CtState(state));
        let children = self.tables(Place { table: next.table, ..place }, &mut tracked);
        nodes.push(Node::new(Kind::Transformation, title).with(children));
    }

    /// Load balancing of an established connection: where to is what `--lb-dst` says.
    pub(super) fn ct_lb_mark(&mut self, place: Place<'n>, packet: &Traced, nodes: &mut Vec<Node>) {
        let (mut state, remark) = self.next_ct_state();
        let mut tracked = packet.clone();
        if let Some((address, port)) = self.options.lb_dst {
            match address {
                IpAddr::V4(address) => tracked.flow.set(Field::Ipv4Dst, address.to_bits().into()),
                IpAddr::V6(address) => tracked.flow.set(Field::Ipv6Dst, address.to_bits()),
            }
            let field = match tracked.get(Field::IpProto) {
                6 => Some(Field::TcpDst),
                17 => Some(Field::UdpDst),
                132 => Some(Field::SctpDst),
                _ => None,
            };
            if let Some(field) = field.filter(|_| port != 0) {
                tracked.flow.set(field, port.into());
            }
            state |= DNAT;
        }
        tracked.flow.set(Field::CtState, state.into());
        let children = self.tables(Place { table: place.table + 1, ..place }, &mut tracked);
        nodes.push(Node::new(Kind::Transformation, format!("ct_lb_mark{remark}")).with(children));
    }
}

//! What the controller makes of a packet: an answer to it, as far as a microflow can be one.

use super::check::set_result;
use super::{Traced, assign::write};
use crate::node::{Kind, Node};
use lflow::action::{Action, DhcpRelay, PutOptions, RelayDirection};
use lflow::symbols::FieldRef;
use openflow::Field;

const REQUEST: &str = "/* We assume that this packet is DHCPDISCOVER or DHCPREQUEST. */";
const RESPONSE: &str = "/* We assume that this packet is DHCPOFFER or DHCPACK and DHCP broadcast flag is set. Dest IP is \
    set to broadcast. Dest MAC is set to broadcast but in real network this is unicast which is extracted from DHCP \
    header. */";

/// `bit = put_dhcp_opts(...);` and the one for IPv6. `action` is the whole.
pub(super) fn put(action: &Action, put: &PutOptions, packet: &mut Traced, nodes: &mut Vec<Node>) {
    nodes.push(Node::new(Kind::Error, REQUEST));
    put_options(action, put, packet, nodes);
}

/// `bit = put_nd_ra_opts(...);` and, after a remark, those of DHCP.
pub(super) fn put_options(action: &Action, put: &PutOptions, packet: &mut Traced, nodes: &mut Vec<Node>) {
    let text = action.to_string();
    let call = text.split_once(" = ").map_or("", |(_, call)| call);
    nodes.push(Node::new(Kind::Effect, call.trim_end_matches(';')));
    set_result(&put.result, packet, nodes);
}

pub(super) fn relay(relay: &DhcpRelay, packet: &mut Traced, nodes: &mut Vec<Node>) {
    match relay.direction {
        RelayDirection::Request => nodes.push(Node::new(Kind::Error, REQUEST)),
        RelayDirection::Response => {
            nodes.push(Node::new(Kind::Error, RESPONSE));
            packet.flow.set(Field::Ipv4Dst, u32::MAX.into());
            packet.flow.set(Field::EthDst, Field::EthDst.full_mask());
        }
    }
    set_result(&relay.result, packet, nodes);
}

/// What a query asks is not part of a microflow.
pub(super) fn dns_lookup(result: &FieldRef, packet: &mut Traced, nodes: &mut Vec<Node>) {
    write(result, 0, packet);
    nodes.push(Node::new(Kind::Error, "/* We assume that this packet is no DNS query that OVN answers. */"));
}

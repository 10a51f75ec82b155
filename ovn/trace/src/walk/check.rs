//! Questions that a switch answers by what it has seen before, or by what the database says.

use super::assign::{is_visible, write};
use super::{Place, Traced, load_balance, port_security};
use crate::network::Network;
use crate::node::{Kind, Node};
use lflow::action::{Check, CheckPktLarger};
use lflow::symbols::FieldRef;

/// What connections and senders did before is not in the database, so it is assumed that they did nothing.
pub(super) fn check(
    place: Place<'_>,
    check: Check,
    result: &FieldRef,
    network: &Network,
    packet: &mut Traced,
    nodes: &mut Vec<Node>,
) {
    match check {
        Check::InPortSecurity => port_security::check_in(place, result, packet),
        Check::OutPortSecurity => port_security::check_out(place, result, packet),
        Check::LbHairpin => {
            load_balance::check_hairpin(result, load_balance::Way::There, network, packet, nodes)
        }
        Check::LbHairpinReply => {
            load_balance::check_hairpin(result, load_balance::Way::Back, network, packet, nodes)
        }
        Check::EcmpNextHopMac | Check::EcmpNextHop | Check::LbAffinity => write(result, 0, packet),
    }
}

/// A microflow has no size: it is small.
pub(super) fn packet_size(check: &CheckPktLarger, packet: &mut Traced) {
    write(&check.result, 0, packet);
}

/// Sets a bit, and says so where it can be seen.
pub(super) fn set_result(result: &FieldRef, packet: &mut Traced, nodes: &mut Vec<Node>) {
    if is_visible(result) {
        nodes.push(Node::new(Kind::Effect, format!("{result} = 1")));
    }
    write(result, 1, packet);
}

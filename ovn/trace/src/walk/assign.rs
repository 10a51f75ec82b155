//! Fields are set, copied, exchanged, pushed and popped; hops are counted.

use super::{Flow, Place, Traced};
use crate::flow_text;
use crate::network::Network;
use crate::node::{Kind, Node};
use lflow::action::{Constant, Exchange, Load, LoadOvnField, Move};
use lflow::expr;
use lflow::symbols::FieldRef;
use openflow::Field;

/// The value of some bits.
pub(super) fn read(field: &FieldRef, packet: &Traced) -> u128 {
    match field.openflow() {
        Some((source, low, bits)) => {
            let ones = u128::MAX.checked_shr(128 - u32::from(bits)).unwrap_or(0);
            packet.get(source) >> low & ones
        }
        None => 0,
    }
}

/// Sets some bits.
pub(super) fn write(field: &FieldRef, value: u128, packet: &mut Traced) {
    if let Some((target, low, bits)) = field.openflow() {
        packet.flow.set_bits(target, low, bits, value);
    }
}

/// Whether a change of the field can be seen from outside: registers are nobody's business.
pub(super) fn is_visible(field: &FieldRef) -> bool {
    match field.openflow() {
        Some((Field::Reg(_) | Field::XReg(_) | Field::XXReg(_), ..)) | None => false,
        Some(_) => true,
    }
}

pub(super) fn load(
    place: Place<'_>,
    load: &Load,
    network: &Network,
    packet: &mut Traced,
    nodes: &mut Vec<Node>,
) {
    if is_visible(&load.field) {
        nodes.push(Node::new(Kind::Effect, load.to_string().trim_end_matches(';')));
    }
    let (value, mask) = match &load.value {
        Constant::Integer(integer) => (integer.value, integer.mask),
        Constant::String(name) => {
            (expr::port_key(name, &network.names(place.datapath)).unwrap_or(0).into(), None)
        }
    };
    let mask = mask.unwrap_or(u128::MAX);
    let value = read(&load.field, packet) & !mask | value & mask;
    write(&load.field, value, packet);
}

/// The field is none of the packet's, so that is all there is to it.
pub(super) fn load_ovn_field(load: &LoadOvnField, nodes: &mut Vec<Node>) {
    nodes.push(Node::new(Kind::Effect, load.to_string().trim_end_matches(';')));
}

pub(super) fn copy(_: Place<'_>, copy: &Move, packet: &mut Traced, nodes: &mut Vec<Node>) {
    let value = read(&copy.from, packet);
    if is_visible(&copy.to) {
        nodes.push(Node::new(Kind::Effect, format!("{} = {}", copy.to, flow_text::value(&copy.from, value))));
    }
    write(&copy.to, value, packet);
}

pub(super) fn exchange(exchange: &Exchange, packet: &mut Traced, nodes: &mut Vec<Node>) {
    let (left, right) = (read(&exchange.left, packet), read(&exchange.right, packet));
    for (field, value, from) in
        [(&exchange.left, right, &exchange.right), (&exchange.right, left, &exchange.left)]
    {
        if is_visible(field) {
            nodes.push(Node::new(Kind::Effect, format!("{field} = {}", flow_text::value(from, value))));
        }
        write(field, value, packet);
    }
}

pub(super) fn push(field: &FieldRef, packet: &mut Traced, nodes: &mut Vec<Node>) {
    let value = read(field, packet);
    packet.stack.push((value, field.bits));
    nodes.push(Node::new(Kind::Effect, format!("push({field}) -> {value:#x}")));
}

pub(super) fn pop(field: &FieldRef, packet: &mut Traced, nodes: &mut Vec<Node>) {
    let shown = match packet.stack.pop() {
        Some((value, _)) => {
            write(field, value, packet);
            format!("{value:#x}")
        }
        None => "/* empty stack */".to_owned(),
    };
    nodes.push(Node::new(Kind::Effect, format!("pop({field}) <- {shown}")));
}

/// One hop less. A packet that has none left goes no further, as ovn-sb(5) has it.
pub(super) fn decrement_ttl(packet: &mut Traced, nodes: &mut Vec<Node>) -> Flow {
    if !matches!(packet.get(Field::EthType), 0x0800 | 0x86dd) {
        nodes.push(Node::new(Kind::Error, "*** TTL decrement of non-IP packet"));
        return Flow::On;
    }
    let ttl = packet.get(Field::IpTtl);
    if ttl <= 1 {
        nodes.push(Node::new(Kind::Error, "*** TTL underflow"));
        return Flow::Halt;
    }
    nodes.push(Node::new(Kind::Effect, "ip.ttl--"));
    packet.flow.set(Field::IpTtl, ttl - 1);
    Flow::On
}

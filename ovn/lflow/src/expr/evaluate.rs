//! Whether an expression is true of a packet.

use super::{Comparison, Expr, Ports, Relation, Value, port_key};
use crate::symbols::Body;
use openflow::Field;

/// The fields of a packet and its metadata.
pub trait Packet {
    /// The value of a field, zero if the packet does not have it.
    fn field(&self, field: Field) -> u128;
}

/// Whether `expr`, as it was parsed or at any later step, is true of `packet`.
///
/// A comparison is true only of packets that have the symbol's prerequisites. A port that is not
/// known to `ports` is equal to nothing.
pub fn evaluate(expr: &Expr, packet: &dyn Packet, ports: &dyn Ports) -> bool {
    match expr {
        Expr::Boolean(truth) => *truth,
        Expr::And(terms) => terms.iter().all(|term| evaluate(term, packet, ports)),
        Expr::Or(terms) => terms.iter().any(|term| evaluate(term, packet, ports)),
        Expr::ChassisResident { port, negated } => ports.is_chassis_resident(port) != *negated,
        Expr::Comparison(comparison) => compare(comparison, packet, ports),
    }
}

fn compare(comparison: &Comparison, packet: &dyn Packet, ports: &dyn Ports) -> bool {
    let Comparison { field, relation, value } = comparison;
    let mut symbol = field.symbol;
    if let (Some(expansion), Value::Integer { value, .. }) = (symbol.expansion(), value) {
        let positive = (value & 1 == 1) == (*relation == Relation::Eq);
        // The expansion is negated as an expression, so that its prerequisites still hold.
        return match positive {
            true => evaluate(expansion, packet, ports),
            false => evaluate(&expansion.clone().negated(), packet, ports),
        };
    }
    loop {
        if symbol.prerequisites().is_some_and(|prereqs| !evaluate(prereqs, packet, ports)) {
            return false;
        }
        match symbol.body {
            Body::Subfield { parent, .. } => match crate::symbols::table().get(parent) {
                Some(parent) => symbol = parent,
                None => return false,
            },
            Body::Integer { .. } | Body::String(_) | Body::Predicate(_) | Body::Ovn(_) => break,
        }
    }
    let Some((source, low, _)) = field.openflow() else { return false };
    let actual = packet.field(source) >> low;
    match value {
        Value::String(name) => port_key(name, ports)
            .is_some_and(|key| (actual == u128::from(key)) == (*relation == Relation::Eq)),
        Value::Integer { value, mask } => match relation {
            Relation::Eq => actual & mask == *value,
            Relation::Ne => actual & mask != *value,
            Relation::Lt => actual & mask < *value,
            Relation::Le => actual & mask <= *value,
            Relation::Gt => actual & mask > *value,
            Relation::Ge => actual & mask >= *value,
        },
    }
}

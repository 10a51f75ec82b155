//! An expression that describes one packet.

use super::normalize::{Alternatives, normalize};
use super::{
    Comparison, Expr, Packet, Ports, Relation, Sets, Value, annotate, parse, port_key, resolve_conditions,
    simplify,
};
use crate::error::{Error, ErrorKind};
use crate::symbols::FieldRef;
use openflow::{Field, Match};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A packet as the fields that it has; all others are zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Microflow {
    /// Narrow fields only, as matches keep them, and no zeros.
    fields: BTreeMap<Field, u128>,
}

impl Packet for Microflow {
    fn field(&self, field: Field) -> u128 {
        pieces(field)
            .iter()
            .fold(0, |value, &(piece, low)| value | self.fields.get(&piece).copied().unwrap_or(0) << low)
    }
}

impl Microflow {
    /// Sets `bits` bits of a field, from `low` up, to the lowest bits of `value`.
    pub fn set_bits(&mut self, field: Field, low: u16, bits: u16, value: u128) {
        let mask = crate::symbols::ones(bits) << low;
        let value = (self.field(field) & !mask) | (value << low & mask);
        self.set(field, value);
    }

    /// The narrow fields that are not zero.
    pub fn fields(&self) -> impl Iterator<Item = (Field, u128)> {
        self.fields.iter().map(|(field, value)| (*field, *value))
    }

    /// Sets a field.
    pub fn set(&mut self, field: Field, value: u128) {
        for &(piece, low) in &pieces(field) {
            match value >> low & piece.full_mask() {
                0 => self.fields.remove(&piece),
                part => self.fields.insert(piece, part),
            };
        }
    }
}

/// The narrow fields that a field consists of, with the bit at which each begins.
fn pieces(field: Field) -> Vec<(Field, u16)> {
    match field {
        Field::XReg(n) => vec![(Field::Reg(2 * n), 32), (Field::Reg(2 * n + 1), 0)],
        Field::XXReg(n) => (0..4).map(|i| (Field::Reg(4 * n + i), 96 - 32 * u16::from(i))).collect(),
        narrow => vec![(narrow, 0)],
    }
}

/// The packet that an expression describes, as ovn-trace(8) understands it: bits that the expression says
/// nothing of are zero.
///
/// # Errors
/// If it is no expression, or describes no packet, or more than one that differ in more than unsaid
/// bits.
pub fn parse_microflow(source: &str, sets: &dyn Sets, ports: &dyn Ports) -> Result<Microflow, Error> {
    let error = |kind| Error::new(0..source.len(), kind);
    let annotated = annotate(parse(source, sets)?);
    let simple = resolve_conditions(simplify(annotated.clone()).map_err(error)?, ports);
    let normal = normalize(&simple).map_err(error)?;
    let [disjunct] = &normal[..] else {
        return Err(error(match normal.is_empty() {
            true => ErrorKind::Contradictory,
            false => ErrorKind::Ambiguous(annotated.to_string()),
        }));
    };
    let mut matching = Match::any();
    for clause in &disjunct.clauses {
        let Some((field, low, _)) = FieldRef::whole(clause.symbol).openflow() else { continue };
        let (value, mask) = match &clause.alternatives {
            Alternatives::Integers(set) => set.first().copied().unwrap_or((0, 0)),
            Alternatives::Strings(names) => {
                let key = names.first().and_then(|name| port_key(name, ports));
                (key.unwrap_or(0).into(), field.full_mask())
            }
        };
        if clause.alternatives.len() > 1 {
            return Err(error(ErrorKind::Ambiguous(annotated.to_string())));
        }
        matching.constrain(field, value << low, mask << low).map_err(|_| error(ErrorKind::Contradictory))?;
    }
    let mut flow = Microflow::default();
    for field in matching.iter() {
        flow.set(field.field, field.value);
    }
    Ok(flow)
}

/// The ports that an expression, as it was parsed, compares `inport` with.
pub fn inports(expr: &Expr) -> BTreeSet<Arc<str>> {
    match expr {
        Expr::Boolean(_) | Expr::ChassisResident { .. } => BTreeSet::new(),
        Expr::And(terms) | Expr::Or(terms) => terms.iter().flat_map(inports).collect(),
        Expr::Comparison(Comparison { field, relation: Relation::Eq, value: Value::String(name) })
            if field.symbol.name == "inport" =>
        {
            [name.clone()].into()
        }
        Expr::Comparison(_) => BTreeSet::new(),
    }
}

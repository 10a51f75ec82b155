//! Match expressions: what a logical flow says of the packets that it is for.
//!
//! An expression goes through these steps on its way to OpenFlow:
//!
//! 1. [`parse()`]: text to tree, with type checks. Sets and groups are replaced by what they contain.
//! 2. [`annotate`]: predicates and subfields are replaced by fields, prerequisites are added.
//! 3. [`simplify`]: `!=`, `<` and the like become disjunctions of masked equalities; constants fold.
//! 4. [`resolve_conditions`]: `is_chassis_resident()` becomes 0 or 1.
//! 5. [`normalize`]: a disjunction of conjunctions, of which each term is about one symbol.
//! 6. [`to_matches`]: OpenFlow matches, conjunctive ones where that saves flows.
//!
//! Most expressions need none of the steps 2 to 5, see [`Plain`].
//!
//! Sets that are large and change often can be left open on the way, see [`OpenSets`].
//!
//! Every step keeps the meaning, which is what [`evaluate`] says of any of these forms; tests hold
//! each step to that. Depth is bounded by the parser, size by [`SIZE_MAX`].

mod annotate;
mod evaluate;
mod format;
mod matches;
mod microflow;
mod normalize;
mod open;
mod parse;
mod plain;
mod simplify;
#[cfg(test)]
mod tests;

pub use annotate::annotate;
pub use evaluate::{Packet, evaluate};
pub use matches::{Conjunction, LogicalMatch, to_matches};
pub use microflow::{Microflow, inports, parse_microflow};
pub use normalize::{Alternatives, Clause, Disjunct, normalize};
pub use open::{OpenMatches, OpenPart, OpenSets, member_matches};
pub use parse::{NESTING_MAX, parse};
pub use plain::Plain;
pub use simplify::{depends_on_chassis, resolve_conditions, simplify};

pub(crate) use annotate::refers_to_nominal;
pub use parse::Values;
pub(crate) use parse::{Constants, constants, parse_builtin};
pub(crate) use plain::Says;

use crate::lexer::Integer;
use crate::symbols::FieldRef;
use std::sync::Arc;

/// The most comparisons that one expression may expand to. One that needs more is refused.
pub const SIZE_MAX: usize = 1 << 18;

/// How a comparison compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Relation {
    /// How it is written.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }

    /// The relation that holds exactly when this one does not.
    #[must_use]
    pub const fn negated(self) -> Self {
        match self {
            Self::Eq => Self::Ne,
            Self::Ne => Self::Eq,
            Self::Lt => Self::Ge,
            Self::Le => Self::Gt,
            Self::Gt => Self::Le,
            Self::Ge => Self::Lt,
        }
    }

    /// The relation with its sides exchanged.
    #[must_use]
    pub const fn turned(self) -> Self {
        match self {
            Self::Eq | Self::Ne => self,
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
        }
    }
}

/// What a field is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Relative to the lowest bit of the field reference; `mask` has no bits outside of it, and `value`
    /// none outside of `mask`. A mask with gaps only with `==` and `!=`.
    Integer {
        value: u128,
        mask: u128,
    },
    String(Arc<str>),
}

/// One comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    pub field: FieldRef,
    pub relation: Relation,
    pub value: Value,
}

/// An expression.
///
/// A disjunction or conjunction has two or more terms, none of its own kind, where the functions of
/// this module made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    Boolean(bool),
    Comparison(Comparison),
    And(Vec<Self>),
    Or(Vec<Self>),
    /// `is_chassis_resident("port")`, or that it is not.
    ChassisResident {
        port: Arc<str>,
        negated: bool,
    },
}

impl Expr {
    /// The conjunction of `terms`: nested ones are joined, and one term is itself.
    pub fn and(terms: impl IntoIterator<Item = Self>) -> Self {
        let mut terms = terms.into_iter();
        let Some(first) = terms.next() else { return Self::Boolean(true) };
        let Some(second) = terms.next() else { return first };
        let mut joined = Vec::with_capacity(2 + terms.size_hint().0);
        for term in [first, second].into_iter().chain(terms) {
            match term {
                Self::And(inner) => joined.extend(inner),
                other => joined.push(other),
            }
        }
        Self::And(joined)
    }

    /// The disjunction of `terms`: nested ones are joined, and one term is itself.
    pub fn or(terms: impl IntoIterator<Item = Self>) -> Self {
        let mut terms = terms.into_iter();
        let Some(first) = terms.next() else { return Self::Boolean(false) };
        let Some(second) = terms.next() else { return first };
        let mut joined = Vec::with_capacity(2 + terms.size_hint().0);
        for term in [first, second].into_iter().chain(terms) {
            match term {
                Self::Or(inner) => joined.extend(inner),
                other => joined.push(other),
            }
        }
        Self::Or(joined)
    }

    /// What is true exactly when `self` is not.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Boolean(truth) => Self::Boolean(!truth),
            Self::Comparison(c) => Self::Comparison(Comparison { relation: c.relation.negated(), ..c }),
            Self::And(terms) => Self::or(terms.into_iter().map(Self::negated)),
            Self::Or(terms) => Self::and(terms.into_iter().map(Self::negated)),
            Self::ChassisResident { port, negated } => Self::ChassisResident { port, negated: !negated },
        }
    }

    pub(crate) fn equality(field: FieldRef, value: u128, mask: u128) -> Self {
        let value = Value::Integer { value: value & mask, mask };
        Self::Comparison(Comparison { field, relation: Relation::Eq, value })
    }
}

/// What `$name` and `@name` stand for.
pub trait Sets {
    /// The constants of an address set, `None` if there is no such set.
    fn address_set(&self, name: &str) -> Option<Arc<Vec<Integer>>>;

    /// The names of the ports of a port group, `None` if there is no such group.
    fn port_group(&self, name: &str) -> Option<Arc<Vec<Arc<str>>>>;
}

/// No sets and no groups.
pub struct NoSets;

impl Sets for NoSets {
    fn address_set(&self, _: &str) -> Option<Arc<Vec<Integer>>> {
        None
    }

    fn port_group(&self, _: &str) -> Option<Arc<Vec<Arc<str>>>> {
        None
    }
}

/// What the names of ports stand for, to whoever evaluates or compiles an expression.
pub trait Ports {
    /// The tunnel key of a port or multicast group of the flow's datapath, `None` if there is none.
    fn key(&self, port: &str) -> Option<u32>;

    /// Whether the port is on this chassis.
    fn is_chassis_resident(&self, port: &str) -> bool;
}

/// The key that a port's name stands for as a value of `inport` and `outport`: 0, which is no port, for the
/// empty name and for `none`. `None` if there is no such port.
pub fn port_key(name: &str, ports: &dyn Ports) -> Option<u32> {
    match name {
        "" | "none" => Some(0),
        name => ports.key(name),
    }
}

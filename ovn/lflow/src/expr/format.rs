//! Expression to text, which parses to the same expression.
//!
//! All numbers are hexadecimal, as upstream prints them where a message shows an expression.

use super::{Comparison, Expr, Relation, Value};
use crate::lexer;
use crate::symbols::{FieldRef, ones};
use std::fmt;

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(truth) => write!(f, "{}", u8::from(*truth)),
            Self::Comparison(comparison) => comparison.fmt(f),
            Self::And(terms) => terms_between(f, terms, " && "),
            Self::Or(terms) => terms_between(f, terms, " || "),
            Self::ChassisResident { port, negated } => {
                f.write_str(if *negated { "!" } else { "" })?;
                f.write_str("is_chassis_resident(")?;
                lexer::write_quoted(f, port)?;
                f.write_str(")")
            }
        }
    }
}

fn terms_between(f: &mut fmt::Formatter<'_>, terms: &[Expr], operator: &str) -> fmt::Result {
    for (i, term) in terms.iter().enumerate() {
        if i > 0 {
            f.write_str(operator)?;
        }
        match term {
            Expr::And(_) | Expr::Or(_) => write!(f, "({term})")?,
            Expr::Boolean(_) | Expr::Comparison(_) | Expr::ChassisResident { .. } => write!(f, "{term}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (field, value, mask) = match &self.value {
            Value::String(name) => {
                write!(f, "{} {} ", self.field, self.relation.text())?;
                return lexer::write_quoted(f, name);
            }
            Value::Integer { value, mask } => narrowed(self.field, *value, *mask),
        };
        if let (1, 1, Relation::Eq | Relation::Ne) = (field.bits, mask, self.relation) {
            let positive = (value == 1) == (self.relation == Relation::Eq);
            return write!(f, "{}{field}", if positive { "" } else { "!" });
        }
        write!(f, "{field} {} ", self.relation.text())?;
        write_hex(f, value)?;
        if mask != ones(field.bits) {
            f.write_str("/")?;
            write_hex(f, mask)?;
        }
        Ok(())
    }
}

/// Zero is "0", as upstream prints it.
fn write_hex(f: &mut fmt::Formatter<'_>, n: u128) -> fmt::Result {
    if n == 0 { f.write_str("0") } else { write!(f, "{n:#x}") }
}

/// Bits of a field rather than a mask, where the mask is one run of bits and the field may be cut.
fn narrowed(field: FieldRef, value: u128, mask: u128) -> (FieldRef, u128, u128) {
    let shift = mask.trailing_zeros() as u16;
    let bits = mask.count_ones() as u16;
    let one_run = mask != 0 && mask >> shift == ones(bits);
    if !one_run || bits == field.bits {
        return (field, value, mask);
    }
    (FieldRef { low: field.low + shift, bits, ..field }, value >> shift, mask >> shift)
}

//! Text to expression.

use super::{Comparison, Expr, NoSets, Relation, Sets, Value};
use crate::cursor::Cursor;
use crate::error::{Error, ErrorKind, ValueKind};
use crate::lexer::{Format, Integer, Punct, Token};
use crate::symbols::{Body, FieldRef, Level, ones};
use std::ops::Range;
use std::sync::Arc;

/// How deep parentheses may be nested.
pub const NESTING_MAX: usize = 100;

/// How many terms there is room for at first, which is enough for most.
const TERMS: usize = 4;

/// Parses a match expression.
///
/// # Errors
/// If it is not one; the error points at the place, with upstream's wording.
pub fn parse(source: &str, sets: &dyn Sets) -> Result<Expr, Error> {
    let mut parser = Parser { cursor: Cursor::new(source)?, sets, depth: 0, negated: false };
    let expr = parser.expression()?;
    parser.cursor.expect_end()?;
    Ok(expr)
}

/// Parses an expression of the symbol table.
pub(crate) fn parse_builtin(text: &'static str) -> Expr {
    parse(text, &NoSets).expect("a test parses every expression of the symbol table")
}

/// A constant, or a set of them.
pub(crate) struct Constants {
    pub(crate) values: Values,
    pub(crate) in_curlies: bool,
    pub(crate) span: Range<usize>,
}

/// One or more constants of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    Integers(Vec<Integer>),
    Strings(Vec<Arc<str>>),
}

impl Values {
    fn is_empty(&self) -> bool {
        match self {
            Self::Integers(integers) => integers.is_empty(),
            Self::Strings(strings) => strings.is_empty(),
        }
    }

    fn kind(&self) -> ValueKind {
        match self {
            Self::Integers(_) => ValueKind::Integer,
            Self::Strings(_) => ValueKind::String,
        }
    }
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    sets: &'a dyn Sets,
    /// How many parentheses are open.
    depth: usize,
    /// Whether the number of `!` around this place is odd.
    negated: bool,
}

impl Parser<'_> {
    /// Terms with `&&` or `||` between them.
    fn expression(&mut self) -> Result<Expr, Error> {
        let first = self.term()?;
        for (operator, other) in [(Punct::And, Punct::Or), (Punct::Or, Punct::And)] {
            if !self.cursor.is(operator) {
                continue;
            }
            let mut terms = Vec::with_capacity(TERMS);
            join(&mut terms, first, operator);
            while self.cursor.accept(operator)? {
                join(&mut terms, self.term()?, operator);
            }
            if self.cursor.is(other) {
                return Err(self.cursor.error(ErrorKind::MixedAndOr));
            }
            return Ok(if operator == Punct::And { Expr::And(terms) } else { Expr::Or(terms) });
        }
        Ok(first)
    }

    fn term(&mut self) -> Result<Expr, Error> {
        if !self.cursor.accept(Punct::Not)? {
            return self.primary(false);
        }
        self.negated = !self.negated;
        let operand = self.primary(true)?;
        self.negated = !self.negated;
        Ok(operand.negated())
    }

    /// `after_not`: a `!` stands directly before.
    fn primary(&mut self, after_not: bool) -> Result<Expr, Error> {
        if self.cursor.is(Punct::LParen) {
            if self.depth >= NESTING_MAX {
                return Err(self.cursor.error(ErrorKind::TooDeep));
            }
            self.cursor.advance()?;
            self.depth += 1;
            let inner = self.expression()?;
            self.cursor.expect(Punct::RParen)?;
            self.depth -= 1;
            return Ok(inner);
        }
        if matches!(self.cursor.token(), Token::Id(_)) {
            if self.cursor.peek() == Some(Punct::LParen) {
                return self.function();
            }
            return self.field_first(after_not);
        }
        self.constant_first(after_not)
    }

    /// `is_chassis_resident("port")`, the only function.
    fn function(&mut self) -> Result<Expr, Error> {
        if !self.cursor.is_id("is_chassis_resident") {
            return Err(self.cursor.error(ErrorKind::UnknownFunction));
        }
        self.cursor.advance()?;
        self.cursor.expect(Punct::LParen)?;
        let port = self.cursor.expect_string()?.into();
        self.cursor.expect(Punct::RParen)?;
        Ok(Expr::ChassisResident { port, negated: false })
    }

    /// `field`, `field == constant`.
    fn field_first(&mut self, after_not: bool) -> Result<Expr, Error> {
        let start = self.cursor.span().start;
        let field = self.field()?;
        if self.relation().is_some() {
            if after_not {
                return Err(self.cursor.error(ErrorKind::NotNeedsParentheses));
            }
            let relation = self.expect_relation()?;
            if let Some(comparison) = self.one_constant(&field, relation)? {
                return Ok(comparison);
            }
            let constants = self.constants()?;
            return self.comparison(field, start, relation, &constants);
        }
        if field.symbol.is_string() || self.cursor.is(Punct::Equals) {
            return Err(self.cursor.expecting("relational operator"));
        }
        if field.bits > 1 && !self.negated {
            return Err(Error::new(self.cursor.since(start), ErrorKind::ExplicitTestRequired));
        }
        let (relation, value) = if field.bits == 1 { (Relation::Eq, 1) } else { (Relation::Ne, 0) };
        let constants = Constants {
            values: Values::Integers(vec![Integer::new(value, Format::Decimal)]),
            in_curlies: false,
            span: self.cursor.since(start),
        };
        self.comparison(field, start, relation, &constants)
    }

    /// The comparison with a constant that nothing is to be said against, as nearly always; nothing is read otherwise.
    fn one_constant(&mut self, field: &FieldRef, relation: Relation) -> Result<Option<Expr>, Error> {
        if relation != Relation::Eq || (self.negated && field.symbol.level() == Level::Nominal) {
            return Ok(None);
        }
        let value = match self.cursor.token() {
            Token::Integer(integer) => {
                let fits = !field.symbol.is_string() && integer.bits <= field.symbol.bits();
                // Of predicates there is more to say.
                if !fits || field.symbol.is_predicate() {
                    return Ok(None);
                }
                value_of(field, integer)
            }
            Token::String(name) if field.symbol.is_string() => Value::String((&**name).into()),
            _ => return Ok(None),
        };
        self.cursor.advance()?;
        Ok(Some(Expr::Comparison(Comparison { field: *field, relation, value })))
    }

    /// `0`, `1`, `constant == field`, `constant < field < constant`.
    fn constant_first(&mut self, after_not: bool) -> Result<Expr, Error> {
        if let &Token::Integer(Integer {
            value: value @ (0 | 1), mask: None, format: Format::Decimal, ..
        }) = self.cursor.token()
            && self.cursor.peek().and_then(relation_of).is_none()
        {
            self.cursor.advance()?;
            return Ok(Expr::Boolean(value == 1));
        }
        let first = self.constants()?;
        let relation_span = self.cursor.span();
        let left = self.expect_relation()?;
        let start = self.cursor.span().start;
        let field = self.field()?;
        if after_not {
            return Err(Error::new(relation_span, ErrorKind::NotNeedsParentheses));
        }
        if self.relation().is_none() {
            return self.comparison(field, start, left.turned(), &first);
        }
        let right = self.expect_relation()?;
        let second = self.constants()?;
        match (left, right) {
            (Relation::Lt | Relation::Le, Relation::Lt | Relation::Le)
            | (Relation::Gt | Relation::Ge, Relation::Gt | Relation::Ge) => {}
            _ => return Err(Error::new(self.cursor.since(first.span.start), ErrorKind::RangeForm)),
        }
        let low = self.comparison(field, start, left.turned(), &first)?;
        let high = self.comparison(field, start, right, &second)?;
        Ok(Expr::and([low, high]))
    }

    /// A field that packets have.
    fn field(&mut self) -> Result<FieldRef, Error> {
        let name = self.cursor.span();
        let field = self.cursor.expect_field()?;
        match field.symbol.body {
            Body::Ovn(_) => Err(self.cursor.expecting_at(name, "field name")),
            Body::Integer { .. } | Body::String(_) | Body::Subfield { .. } | Body::Predicate(_) => Ok(field),
        }
    }

    fn relation(&self) -> Option<Relation> {
        match self.cursor.token() {
            Token::Punct(punct) => relation_of(*punct),
            _ => None,
        }
    }

    fn expect_relation(&mut self) -> Result<Relation, Error> {
        let relation = self.relation().ok_or_else(|| self.cursor.expecting("relational operator"))?;
        self.cursor.advance()?;
        Ok(relation)
    }

    fn constants(&mut self) -> Result<Constants, Error> {
        constants(&mut self.cursor, self.sets)
    }

    /// One comparison for each constant, after all checks.
    fn comparison(
        &self,
        field: FieldRef,
        start: usize,
        relation: Relation,
        constants: &Constants,
    ) -> Result<Expr, Error> {
        let span = start.min(constants.span.start)..self.cursor.since(start).end.max(constants.span.end);
        let error = |kind| Err(Error::new(span.clone(), kind));
        check_type(&field, constants)?;
        check_relation(&field, relation, constants).or_else(error)?;
        check_level(&field, relation, constants, self.negated).or_else(error)?;

        let compare = |value| Expr::Comparison(Comparison { field, relation, value });
        let join = |terms: &mut dyn Iterator<Item = Expr>| {
            if relation == Relation::Ne { Expr::and(terms) } else { Expr::or(terms) }
        };
        Ok(match &constants.values {
            Values::Integers(integers) => {
                join(&mut integers.iter().map(|integer| compare(value_of(&field, integer))))
            }
            Values::Strings(strings) => {
                join(&mut strings.iter().map(|name| compare(Value::String(name.clone()))))
            }
        })
    }
}

/// Adds a term to those that have `operator` between them; if it has that too, its terms.
fn join(terms: &mut Vec<Expr>, term: Expr, operator: Punct) {
    match term {
        Expr::And(inner) if operator == Punct::And => terms.extend(inner),
        Expr::Or(inner) if operator == Punct::Or => terms.extend(inner),
        term => terms.push(term),
    }
}

/// The bits of a constant that the field has.
fn value_of(field: &FieldRef, integer: &Integer) -> Value {
    let all = ones(field.bits);
    let mask = integer.mask.unwrap_or(all) & all;
    Value::Integer { value: integer.value & mask, mask }
}

fn relation_of(punct: Punct) -> Option<Relation> {
    match punct {
        Punct::Eq => Some(Relation::Eq),
        Punct::Ne => Some(Relation::Ne),
        Punct::Lt => Some(Relation::Lt),
        Punct::Le => Some(Relation::Le),
        Punct::Gt => Some(Relation::Gt),
        Punct::Ge => Some(Relation::Ge),
        _ => None,
    }
}

/// A constant, `$set`, `@group`, or several of them in braces, with or without commas between.
pub(crate) fn constants(cursor: &mut Cursor<'_>, sets: &dyn Sets) -> Result<Constants, Error> {
    let start = cursor.span().start;
    let in_curlies = cursor.accept(Punct::LCurly)?;
    let mut values = None;
    loop {
        constant(cursor, sets, &mut values)?;
        if !in_curlies {
            break;
        }
        cursor.accept(Punct::Comma)?;
        if cursor.accept(Punct::RCurly)? {
            break;
        }
    }
    let values = values.expect("the loop ran at least once, and each turn leaves some values or an error");
    Ok(Constants { values, in_curlies, span: cursor.since(start) })
}

/// Adds one constant, or those of one set, to `values`, whose kind the first of them decides.
fn constant(cursor: &mut Cursor<'_>, sets: &dyn Sets, values: &mut Option<Values>) -> Result<(), Error> {
    match cursor.token() {
        Token::Integer(integer) => match values {
            None => *values = Some(Values::Integers(vec![*integer])),
            Some(Values::Integers(integers)) => integers.push(*integer),
            Some(Values::Strings(_)) => return Err(cursor.expecting("string")),
        },
        Token::String(text) => match values {
            None => *values = Some(Values::Strings(vec![(&**text).into()])),
            Some(Values::Strings(strings)) => strings.push((&**text).into()),
            Some(Values::Integers(_)) => return Err(cursor.expecting("integer")),
        },
        Token::AddressSet(name) => match (sets.address_set(name), &mut *values) {
            (None, _) => return Err(cursor.expecting("address set name")),
            (Some(set), None) => *values = Some(Values::Integers(set.to_vec())),
            (Some(set), Some(Values::Integers(integers))) => integers.extend_from_slice(&set),
            (Some(_), Some(Values::Strings(_))) => return Err(cursor.expecting("string")),
        },
        Token::PortGroup(name) => match (sets.port_group(name), &mut *values) {
            (None, _) => return Err(cursor.expecting("port group name")),
            (Some(group), None) => *values = Some(Values::Strings(group.to_vec())),
            (Some(group), Some(Values::Strings(strings))) => strings.extend_from_slice(&group),
            (Some(_), Some(Values::Integers(_))) => return Err(cursor.expecting("integer")),
        },
        Token::End | Token::Id(_) | Token::Template(_) | Token::Punct(_) => {
            return Err(cursor.expecting("constant"));
        }
    }
    cursor.advance()
}

/// Whether the constants are of the field's kind and fit its symbol.
fn check_type(field: &FieldRef, constants: &Constants) -> Result<(), Error> {
    let error = |kind| Err(Error::new(constants.span.clone(), kind));
    let kind = if field.symbol.is_string() { ValueKind::String } else { ValueKind::Integer };
    let name = || field.symbol.name.to_owned();
    if kind != constants.values.kind() {
        return error(ErrorKind::KindMismatch { kind, field: name(), constant: constants.values.kind() });
    }
    if let Values::Integers(integers) = &constants.values {
        let widest = integers.iter().map(|integer| integer.bits).max().unwrap_or(0);
        let field_bits = field.symbol.bits();
        if widest > field_bits {
            return error(ErrorKind::ConstantTooWide { constant_bits: widest, field_bits, field: name() });
        }
    }
    Ok(())
}

/// Whether the relation makes sense with these constants.
fn check_relation(field: &FieldRef, relation: Relation, constants: &Constants) -> Result<(), ErrorKind> {
    if matches!(relation, Relation::Eq | Relation::Ne) {
        return Ok(());
    }
    let level = field.symbol.level();
    if constants.in_curlies {
        Err(ErrorKind::RelationWithSet)
    } else if constants.values.is_empty() {
        Err(ErrorKind::RelationWithEmptySet)
    } else if level != Level::Ordinal {
        Err(ErrorKind::RelationWithLevel { level: level.name(), field: field.symbol.name.to_owned() })
    } else if matches!(&constants.values, Values::Integers(i) if i.iter().any(|i| i.mask.is_some())) {
        Err(ErrorKind::RelationWithMask)
    } else {
        Ok(())
    }
}

/// Whether a nominal symbol is only tested for being something, not for not being it.
fn check_level(
    field: &FieldRef,
    relation: Relation,
    constants: &Constants,
    negated: bool,
) -> Result<(), ErrorKind> {
    if field.symbol.level() != Level::Nominal || constants.values.is_empty() {
        return Ok(());
    }
    let name = field.symbol.name.to_owned();
    if field.symbol.is_predicate() {
        let Values::Integers(integers) = &constants.values else { return Ok(()) };
        let positive = |value: u128| (value & 1 == 1) ^ (relation == Relation::Ne) ^ negated;
        return match integers.iter().all(|integer| positive(integer.value)) {
            true => Ok(()),
            false => Err(ErrorKind::NominalPredicateNegated { field: name }),
        };
    }
    let wanted = if negated { Relation::Ne } else { Relation::Eq };
    if relation == wanted { Ok(()) } else { Err(ErrorKind::NominalFieldNegated { field: name }) }
}

//! Text to actions.

use super::{
    Action, assign, conntrack, fdb, flow, log, missing, nested, packet_in, port_security, queue, stack, ttl,
};
use crate::cursor::Cursor;
use crate::error::{Error, ErrorKind};
use crate::expr::{self, Expr, NoSets};
use crate::lexer::{Punct, Token};
use crate::pipeline::Pipeline;
use crate::symbols::{Body, FieldRef, Symbol};

/// How deep actions may be nested in others.
pub const NESTING_MAX: usize = 32;

/// Where the actions stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    pub pipeline: Pipeline,
    /// The table of the flow, below [`Pipeline::tables`].
    pub table: u8,
}

/// Actions and what they imply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Empty for `drop;`.
    pub actions: Vec<Action>,
    /// What must be true of a packet for the actions to make sense, to be added to the flow's match before
    /// [`expr::annotate`]. A flow that sets `tcp.dst` is for TCP only.
    pub prereqs: Expr,
}

/// Parses the actions of a logical flow.
///
/// # Errors
/// If the text is not a list of actions, each with a `;`, or has an action that cannot stand there,
/// or one that is not implemented.
pub fn parse(source: &str, context: Context) -> Result<Parsed, Error> {
    let mut parser =
        Parser { cursor: Cursor::new(source)?, context, depth: 0, scope: Scope::Packet, prereqs: Vec::new() };
    let actions = parser.actions(&Token::End)?;
    Ok(Parsed { actions, prereqs: Expr::and(parser.prereqs) })
}

/// What actions may assign to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The packet and its metadata.
    Packet,
    /// The mark and label of the connection that is being committed.
    Connection,
}

pub(super) struct Parser<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) context: Context,
    depth: usize,
    scope: Scope,
    prereqs: Vec<Expr>,
}

impl Parser<'_> {
    /// Actions up to `end`, which stays the current token.
    fn actions(&mut self, end: &Token) -> Result<Vec<Action>, Error> {
        if self.cursor.is_id("drop") && self.cursor.peek() == Token::Punct(Punct::Semicolon) {
            self.cursor.advance()?;
            self.cursor.advance()?;
            return if self.cursor.token() == end { Ok(Vec::new()) } else { Err(self.end_expected(end)) };
        }
        let mut actions = Vec::new();
        while self.cursor.token() != end {
            actions.push(self.action()?);
            self.cursor.expect(Punct::Semicolon)?;
        }
        Ok(actions)
    }

    fn end_expected(&self, end: &Token) -> Error {
        self.cursor.expecting(match end {
            Token::Punct(punct) => format!("`{punct}'"),
            _ => "end of input".to_owned(),
        })
    }

    /// Actions in braces. What they imply is told to `inner_prereqs`, not added to what the whole implies.
    pub(super) fn braces(&mut self, scope: Scope) -> Result<(Vec<Action>, Vec<Expr>), Error> {
        if self.depth >= NESTING_MAX {
            return Err(self.cursor.error(ErrorKind::ActionsTooDeep));
        }
        self.cursor.expect(Punct::LCurly)?;
        let outer_prereqs = std::mem::take(&mut self.prereqs);
        let outer_scope = std::mem::replace(&mut self.scope, scope);
        self.depth += 1;
        let actions = self.actions(&Token::Punct(Punct::RCurly))?;
        self.depth -= 1;
        self.scope = outer_scope;
        let inner_prereqs = std::mem::replace(&mut self.prereqs, outer_prereqs);
        self.cursor.expect(Punct::RCurly)?;
        Ok((actions, inner_prereqs))
    }

    /// One action without its `;`.
    fn action(&mut self) -> Result<Action, Error> {
        let Token::Id(name) = self.cursor.token() else { return Err(self.cursor.unexpected()) };
        let name = name.clone();
        if let Token::Punct(Punct::Equals | Punct::Exchange | Punct::LSquare) = self.cursor.peek() {
            return assign::parse(self);
        }
        if self.scope == Scope::Connection {
            return Err(self.cursor.expecting("field assignment"));
        }
        let start = self.cursor.clone();
        self.cursor.advance()?;
        match name.as_str() {
            "output" => Ok(Action::Output),
            "next" => flow::parse_next(self),
            "ip.ttl" => ttl::parse(self),
            "push" => stack::parse(self, Action::Push, Access::Read),
            "pop" => stack::parse(self, Action::Pop, Access::Write),
            "ct_clear" => Ok(Action::CtClear),
            "ct_next" => conntrack::parse_next(self),
            "ct_commit" => conntrack::parse_commit(self),
            "ct_lb_mark" => conntrack::parse_lb_mark(self),
            "clone" => nested::parse_clone(self),
            "put_fdb" => fdb::parse_put(self),
            "set_queue" => queue::parse(self),
            "log" => log::parse(self),
            "handle_svc_check" => packet_in::parse_handle_svc_check(self),
            _ => match nested::Replacement::from_name(&name) {
                Some(kind) => nested::parse_replace(self, kind),
                None if missing::STATEMENTS.contains(&name.as_str()) => {
                    Err(start.error(ErrorKind::NotImplemented { action: name }))
                }
                None => Err(start.expecting("action")),
            },
        }
    }

    /// `name(...)` on the right of `result =`, at its name. `None` if no function has that name.
    pub(super) fn function(&mut self, result: FieldRef) -> Result<Option<Action>, Error> {
        let Token::Id(name) = self.cursor.token() else { return Ok(None) };
        let name = name.clone();
        let action = match name.as_str() {
            "check_in_port_sec" => port_security::parse(self, &name, result, Action::CheckInPortSec)?,
            "check_out_port_sec" => port_security::parse(self, &name, result, Action::CheckOutPortSec)?,
            "get_fdb" => fdb::parse_get(self, result)?,
            "lookup_fdb" => fdb::parse_lookup(self, result)?,
            _ if missing::FUNCTIONS.contains(&name.as_str()) => {
                return Err(self.cursor.error(ErrorKind::NotImplemented { action: name }));
            }
            _ => return Ok(None),
        };
        Ok(Some(action))
    }

    /// Adds what a field implies.
    pub(super) fn imply_field(&mut self, field: &FieldRef) {
        let mut next: Option<&Symbol> = Some(field.symbol);
        while let Some(symbol) = next {
            if let Some(text) = symbol.prereqs() {
                self.imply(text);
            }
            next = match symbol.body {
                Body::Subfield { parent, .. } => crate::symbols::table().get(parent),
                Body::Integer { .. } | Body::String(_) | Body::Predicate(_) | Body::Ovn(_) => None,
            };
        }
    }

    /// Adds an expression of the language itself.
    pub(super) fn imply(&mut self, text: &'static str) {
        let expr =
            expr::parse(text, &NoSets).expect("prerequisites are expressions, as a test of the table shows");
        self.imply_all(vec![expr]);
    }

    pub(super) fn imply_all(&mut self, exprs: Vec<Expr>) {
        for expr in exprs {
            if !self.prereqs.contains(&expr) {
                self.prereqs.push(expr);
            }
        }
    }

    /// A field of a wanted kind, adding what it implies.
    pub(super) fn operand(&mut self, wanted: Operand, access: Access) -> Result<FieldRef, Error> {
        let start = self.cursor.span().start;
        let field = self.cursor.expect_field()?;
        self.check(field, wanted, access).map_err(|kind| Error::new(self.cursor.since(start), kind))?;
        self.imply_field(&field);
        Ok(field)
    }

    /// Whether a field can be used in some way.
    pub(super) fn check(&self, field: FieldRef, wanted: Operand, access: Access) -> Result<(), ErrorKind> {
        let symbol = field.symbol;
        let name = || symbol.name.to_owned();
        if symbol.is_predicate() {
            return Err(ErrorKind::PredicateAsLvalue { field: name() });
        }
        if access == Access::Write && !self.is_modifiable(symbol) {
            return Err(ErrorKind::NotModifiable { field: name() });
        }
        match wanted {
            Operand::Any => Ok(()),
            Operand::String if symbol.is_string() => Ok(()),
            Operand::String => Err(ErrorKind::StringRequired { field: name() }),
            Operand::Bits(_) if symbol.is_string() => Err(ErrorKind::NumericRequired { field: name() }),
            Operand::Bits(bits) if bits == field.bits => Ok(()),
            Operand::Bits(wanted) => Err(ErrorKind::WidthRequired {
                bits: field.bits,
                field: name(),
                low: field.low,
                high: field.low + field.bits - 1,
                wanted,
            }),
        }
    }

    fn is_modifiable(&self, symbol: &Symbol) -> bool {
        let of_connection = symbol.name.starts_with("ct_mark") || symbol.name.starts_with("ct_label");
        of_connection == (self.scope == Scope::Connection) && symbol.is_modifiable()
    }
}

/// What a field must be.
#[derive(Clone, Copy)]
pub(super) enum Operand {
    Any,
    String,
    /// An integer of so many bits.
    Bits(u16),
}

/// What is done to a field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

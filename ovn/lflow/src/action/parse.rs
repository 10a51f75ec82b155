//! Text to actions.

use super::conntrack::Tracking;
use super::dhcp::RelayDirection;
use super::fdb::FdbScope;
use super::neighbor::NeighborProtocol;
use super::{
    Action, Check, CtOriginal, LbKind, NatKind, Replacement, assign, check, conntrack, dhcp, ecmp, fdb,
    flood, flow, load_balance, log, meter, nat, neighbor, nested, packet_in, packet_size, queue,
    router_advertisement, sample, select, stack, ttl,
};
use crate::cursor::Cursor;
use crate::error::{Error, ErrorKind};
use crate::expr::{self, Expr};
use crate::lexer::{Punct, Token};
use crate::pipeline::Pipeline;
use crate::symbols::{Body, FieldRef, Symbol};
use std::sync::Arc;

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
/// If the text is not a list of actions, each with a `;`, or has an action that cannot stand there.
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
    fn actions(&mut self, end: &Token<'_>) -> Result<Vec<Action>, Error> {
        if self.cursor.is_id("drop") && self.cursor.peek() == Some(Punct::Semicolon) {
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

    fn end_expected(&self, end: &Token<'_>) -> Error {
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
        let &Token::Id(name) = self.cursor.token() else { return Err(self.cursor.unexpected()) };
        if let Some(Punct::Equals | Punct::Exchange | Punct::LSquare) = self.cursor.peek() {
            return assign::parse(self);
        }
        if self.scope == Scope::Connection {
            return Err(self.cursor.expecting("field assignment"));
        }
        let span = self.cursor.span();
        self.cursor.advance()?;
        match self.statement(name)? {
            Some(action) => Ok(action),
            None => Err(self.cursor.expecting_at(span, "action")),
        }
    }

    /// What begins with its name, after that. `None` if nothing has that name.
    fn statement(&mut self, name: &str) -> Result<Option<Action>, Error> {
        let action = match name {
            "output" => Action::Output,
            "next" => flow::parse_next(self)?,
            "ip.ttl" => ttl::parse(self)?,
            "push" => stack::parse(self, Action::Push, Access::Read)?,
            "pop" => stack::parse(self, Action::Pop, Access::Write)?,
            "ct_clear" => Action::CtClear,
            "ct_next" => conntrack::parse_next(self, Tracking::Track)?,
            "ct_commit" => conntrack::parse_commit(self)?,
            "ct_commit_nat" => conntrack::parse_next(self, Tracking::CommitNat)?,
            "ct_commit_to_zone" => conntrack::parse_next(self, Tracking::CommitToZone)?,
            "ct_snat_to_vip" => Action::CtSnatToVip,
            "clone" => nested::parse_clone(self)?,
            "get_arp" => neighbor::parse_get(self, NeighborProtocol::Arp)?,
            "get_nd" => neighbor::parse_get(self, NeighborProtocol::Nd)?,
            "put_arp" => neighbor::parse_put(self, NeighborProtocol::Arp)?,
            "put_nd" => neighbor::parse_put(self, NeighborProtocol::Nd)?,
            "mac_cache_use" => Action::MacCacheUse,
            "put_fdb" => fdb::parse_put(self)?,
            "commit_ecmp_nh" => ecmp::parse(self)?,
            "commit_lb_aff" => load_balance::parse_commit_affinity(self)?,
            "fwd_group" => select::parse_forward_group(self)?,
            "set_queue" => queue::parse(self)?,
            "set_meter" => meter::parse(self)?,
            "log" => log::parse(self)?,
            "sample" => sample::parse(self)?,
            "mirror" => flood::parse_mirror(self)?,
            "flood_remote" => Action::FloodRemote,
            "handle_svc_check" => packet_in::parse_handle_svc_check(self)?,
            "handle_bfd_msg" => packet_in::parse_handle_bfd_msg(self)?,
            "handle_dhcpv6_reply" => Action::HandleDhcpv6Reply,
            "igmp" => Action::Igmp,
            "bind_vport" => packet_in::parse_bind_vport(self)?,
            "trigger_event" => packet_in::parse_trigger_event(self)?,
            _ => return self.statement_of_a_kind(name),
        };
        Ok(Some(action))
    }

    /// Those of which there are several kinds.
    fn statement_of_a_kind(&mut self, name: &str) -> Result<Option<Action>, Error> {
        if let Some(kind) = Replacement::from_name(name) {
            return nested::parse_replace(self, kind).map(Some);
        }
        if let Some(kind) = NatKind::from_name(name) {
            return nat::parse(self, kind).map(Some);
        }
        match LbKind::from_name(name) {
            Some(kind) => load_balance::parse(self, kind).map(Some),
            None => Ok(None),
        }
    }

    /// `name(...)` on the right of `result =`, at its name. `None` if no function has that name.
    pub(super) fn function(&mut self, result: FieldRef) -> Result<Option<Action>, Error> {
        let &Token::Id(name) = self.cursor.token() else { return Ok(None) };
        if let Some(check) = Check::from_name(name) {
            return check::parse(self, check, result).map(Some);
        }
        if let Some(what) = CtOriginal::from_name(name) {
            return conntrack::parse_original(self, what, result).map(Some);
        }
        let action = match name {
            "ct_state_save" => conntrack::parse_state_save(self, result)?,
            "select" => select::parse_select(self, result)?,
            "lookup_arp" => neighbor::parse_lookup(self, NeighborProtocol::Arp, true, result)?,
            "lookup_arp_ip" => neighbor::parse_lookup(self, NeighborProtocol::Arp, false, result)?,
            "lookup_nd" => neighbor::parse_lookup(self, NeighborProtocol::Nd, true, result)?,
            "lookup_nd_ip" => neighbor::parse_lookup(self, NeighborProtocol::Nd, false, result)?,
            "chk_evpn_arp" => neighbor::parse_chk_evpn_arp(self, result)?,
            "get_fdb" => fdb::parse_get(self, FdbScope::Local, result)?,
            "get_remote_fdb" => fdb::parse_get(self, FdbScope::Remote, result)?,
            "lookup_fdb" => fdb::parse_lookup(self, result)?,
            "check_pkt_larger" => packet_size::parse(self, result)?,
            "put_dhcp_opts" => dhcp::parse_put4(self, result)?,
            "put_dhcpv6_opts" => dhcp::parse_put6(self, result)?,
            "dhcp_relay_req_chk" => dhcp::parse_relay(self, RelayDirection::Request, result)?,
            "dhcp_relay_resp_chk" => dhcp::parse_relay(self, RelayDirection::Response, result)?,
            "put_nd_ra_opts" => router_advertisement::parse(self, result)?,
            "dns_lookup" => packet_in::parse_dns_lookup(self, result)?,
            _ => return Ok(None),
        };
        Ok(Some(action))
    }

    /// At the name of a function: checks the field for its result, and goes past the name and `(`.
    pub(super) fn begin_function(&mut self, result: FieldRef, wanted: Operand) -> Result<(), Error> {
        let span = self.cursor.span();
        self.check(result, wanted, Access::Write).map_err(|kind| Error::new(span, kind))?;
        self.imply_field(&result);
        self.cursor.advance()?;
        self.cursor.expect(Punct::LParen)
    }

    /// At the name of a function that has no parameters, to after its `)`.
    pub(super) fn without_parameters(
        &mut self,
        name: &'static str,
        result: FieldRef,
        wanted: Operand,
    ) -> Result<(), Error> {
        self.begin_function(result, wanted)?;
        if self.cursor.accept(Punct::RParen)? {
            Ok(())
        } else {
            Err(self.cursor.error(ErrorKind::NoParameters { action: name }))
        }
    }

    /// The table after the current one, for an action that goes on there by itself.
    pub(super) fn next_table(&self, action: &'static str) -> Result<u8, Error> {
        let table = self.context.table + 1;
        if table < self.context.pipeline.tables() {
            Ok(table)
        } else {
            Err(self.cursor.error(ErrorKind::NotInLastTable { action }))
        }
    }

    /// A decimal number of 16 bits; `what` it is, for the error.
    pub(super) fn u16_parameter(&mut self, what: &'static str) -> Result<u16, Error> {
        let start = self.cursor.clone();
        let number = self.cursor.accept_int()?.and_then(|number| u16::try_from(number).ok());
        number.ok_or_else(|| start.expecting(what))
    }

    /// `true` or `false`, with quotes or without.
    pub(super) fn boolean(&mut self) -> Result<bool, Error> {
        let truth = match self.cursor.token() {
            Token::Id(word) => word.parse().ok(),
            Token::String(word) => word.parse().ok(),
            _ => None,
        };
        let Some(truth) = truth else { return Err(self.cursor.expecting("true or false")) };
        self.cursor.advance()?;
        Ok(truth)
    }

    /// The name of a logical port, as a string.
    pub(super) fn port_name(&mut self) -> Result<Arc<str>, Error> {
        let Token::String(_) = self.cursor.token() else {
            return Err(self.cursor.expecting("port name string"));
        };
        Ok(self.cursor.expect_string()?.into())
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
        // Nearly always it is the name of a predicate.
        let expr = match crate::symbols::table().get(text).filter(|symbol| symbol.is_predicate()) {
            Some(predicate) => Expr::equality(FieldRef::whole(predicate), 1, 1),
            None => expr::parse_builtin(text),
        };
        if !self.prereqs.contains(&expr) {
            self.prereqs.push(expr);
        }
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
        match (&symbol.body, wanted) {
            (Body::Predicate(_), _) => return Err(ErrorKind::PredicateAsLvalue { field: name() }),
            (Body::Ovn(_), Operand::Constant) if field.is_whole() && self.scope == Scope::Packet => {
                return Ok(());
            }
            (Body::Ovn(_), _) => return Err(ErrorKind::ConstantRequired { field: name() }),
            (Body::Integer { .. } | Body::String(_) | Body::Subfield { .. }, _) => {}
        }
        if access == Access::Write && !self.is_modifiable(symbol) {
            return Err(ErrorKind::NotModifiable { field: name() });
        }
        match wanted {
            Operand::Any | Operand::Constant => Ok(()),
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
    /// Anything that a constant can be assigned to.
    Constant,
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

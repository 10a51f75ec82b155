//! Actions: what a logical flow does with the packets that match it.
//!
//! Each family of actions is a file: what it means, how it is parsed, how it is printed. [`Action`] lists
//! them all, and everything that handles actions matches on it without a wildcard, so that a new one is
//! not forgotten anywhere. Names of the language that have no variant yet are listed in [`missing`];
//! they are an error that names the action, never skipped.
//!
//! Facts: ovn-sb(5), `Logical_Flow`, column `actions`.

pub mod assign;
pub mod conntrack;
pub mod fdb;
pub mod flow;
pub mod log;
mod missing;
pub mod nested;
pub mod packet_in;
mod parse;
pub mod port_security;
pub mod queue;
pub mod stack;
pub mod ttl;

#[cfg(test)]
mod tests;

pub use assign::{Constant, Exchange, Load, Move};
pub use conntrack::{CtCommit, CtNext, Zone};
pub use fdb::{GetFdb, LookupFdb, PutFdb};
pub use flow::Next;
pub use log::{Log, Severity, Verdict};
pub use nested::Replacement;
pub use parse::{Context, NESTING_MAX, Parsed, parse};

use crate::symbols::FieldRef;
use std::fmt;

/// One action. No actions at all is `drop;`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `output;`: into the egress pipeline of `outport`, or from there out of it.
    Output,
    /// `next;`: on to another table.
    Next(Next),
    /// `field = constant;`
    Load(Load),
    /// `field = field;`
    Move(Move),
    /// `field <-> field;`
    Exchange(Exchange),
    /// `push(field);`
    Push(FieldRef),
    /// `pop(field);`
    Pop(FieldRef),
    /// `ip.ttl--;`: the packet ends here if that leaves zero.
    DecrementTtl,
    /// `ct_clear;`: the packet is as if it had never been tracked.
    CtClear,
    /// `ct_next;`: track, then the next table.
    CtNext(CtNext),
    /// `ct_commit;`, `ct_commit { ... };`: remember the connection.
    CtCommit(CtCommit),
    /// `ct_lb_mark;`: track with the address translation of an existing connection, then the next table.
    CtLbMark,
    /// `clone { ... };`: do this to a copy.
    Clone(Vec<Self>),
    /// `arp { ... };` and the like: do this to another packet made after this one.
    Replace(Replacement, Vec<Self>),
    /// `put_fdb(port, mac);`
    PutFdb(PutFdb),
    /// `port = get_fdb(mac);`
    GetFdb(GetFdb),
    /// `bit = lookup_fdb(port, mac);`
    LookupFdb(LookupFdb),
    /// `bit = check_in_port_sec();`: 1 if port security of `inport` refuses the packet.
    CheckInPortSec(FieldRef),
    /// `bit = check_out_port_sec();`: 1 if port security of `outport` refuses the packet.
    CheckOutPortSec(FieldRef),
    /// `set_queue(n);`
    SetQueue(u32),
    /// `log(...);`
    Log(Log),
    /// `handle_svc_check(port);`
    HandleSvcCheck(FieldRef),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output => f.write_str("output;"),
            Self::Next(next) => write!(f, "{next}"),
            Self::Load(load) => write!(f, "{load}"),
            Self::Move(r#move) => write!(f, "{move}"),
            Self::Exchange(exchange) => write!(f, "{exchange}"),
            Self::Push(field) => write!(f, "push({field});"),
            Self::Pop(field) => write!(f, "pop({field});"),
            Self::DecrementTtl => f.write_str("ip.ttl--;"),
            Self::CtClear => f.write_str("ct_clear;"),
            Self::CtNext(next) => write!(f, "{next}"),
            Self::CtCommit(commit) => write!(f, "{commit}"),
            Self::CtLbMark => f.write_str("ct_lb_mark;"),
            Self::Clone(actions) => write!(f, "clone {{ {} }};", List(actions)),
            Self::Replace(kind, actions) => write!(f, "{kind} {{ {} }};", List(actions)),
            Self::PutFdb(put) => write!(f, "{put}"),
            Self::GetFdb(get) => write!(f, "{get}"),
            Self::LookupFdb(lookup) => write!(f, "{lookup}"),
            Self::CheckInPortSec(result) => write!(f, "{result} = check_in_port_sec();"),
            Self::CheckOutPortSec(result) => write!(f, "{result} = check_out_port_sec();"),
            Self::SetQueue(id) => write!(f, "set_queue({id});"),
            Self::Log(log) => write!(f, "{log}"),
            Self::HandleSvcCheck(port) => write!(f, "handle_svc_check({port});"),
        }
    }
}

/// Actions, as they are written one after the other; `drop;` if there are none.
pub struct List<'a>(pub &'a [Action]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("drop;");
        }
        for (i, action) in self.0.iter().enumerate() {
            write!(f, "{}{action}", if i > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

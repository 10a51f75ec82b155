//! Logical actions to OpenFlow actions, one file a family, named as in `lflow::action`.
//!
//! Pure: what an action needs to know of the chassis comes as an [`Environment`]. The tables are those of
//! [`crate::tables`]; what a controller does with a packet that an action hands to it is in `packet_in`, one file a protocol.

mod assign;
mod check;
pub(crate) mod conntrack;
mod dhcp;
mod domain_names;
mod ecmp;
mod fdb;
mod flood;
pub(crate) mod learn;
mod load_balance;
mod log;
mod meter;
mod nat;
mod neighbor;
mod packet_size;
pub mod punt;
mod router_advertisement;
mod sample;
mod select;

use lflow::action::{Action as Logical, Next, SetMeter};
use lflow::expr::Ports;
use lflow::pipeline::Pipeline;
use lflow::symbols::FieldRef;
use openflow::{Action, Bucket, GroupId, MeterId, PortNo, SelectionMethod, Subfield};

use crate::tables::{self, OfTable};
use punt::Opcode;

/// What surrounds the flow that is compiled.
pub struct Environment<'a> {
    /// Keys of the ports and groups of the flow's datapath.
    pub ports: &'a dyn Ports,
    /// What is to be found and made in the switch.
    pub resources: &'a dyn Resources,
    /// Where the flow stands.
    pub pipeline: Pipeline,
    /// Its table there; the language refuses actions that would go on beyond the last.
    pub table: u8,
    /// Whether the datapath is a switch; a router has zones of its own for address translation.
    pub is_switch: bool,
    /// The zone for address translation of sources and destinations in one.
    pub common_zone: Subfield,
    /// The meter that limits what the flow hands to the controller, if any.
    pub controller_meter: Option<MeterId>,
    pub features: Features,
}

/// What the switch can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// Translate a source to nothing, so that connections with the same addresses do not get in each other's way.
    pub ct_zero_snat: bool,
    /// Hash the two directions of a connection to the same.
    pub l4_symmetric_hash: bool,
}

/// What actions need besides what all flows of a stage have in common. `None` leaves the action out.
pub trait Resources {
    /// The key of the datapath.
    fn datapath(&self) -> u32;

    /// The cookie of the flow.
    fn cookie(&self) -> u32;

    /// The number of a group like this one.
    fn group(&self, group: Group) -> Option<GroupId>;

    /// The number of a meter.
    fn meter(&self, meter: Meter<'_>) -> Option<MeterId>;

    /// Whether there is a set of collectors of that number.
    fn has_collectors(&self, set: u32) -> bool;

    /// The tunnel to the chassis of a logical port.
    fn tunnel_port(&self, port: &str) -> Option<PortNo>;
}

/// One of several buckets, by hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Group {
    pub selection: SelectionMethod,
    pub buckets: Vec<Bucket>,
}

/// Which meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meter<'a> {
    /// One of the southbound table `Meter`.
    Named(&'a str),
    /// One of the flow's own.
    Own(SetMeter),
}

/// Why an action has no translation here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The language promises that the operand is a field of the packet or its metadata.
    #[error("{field} is not a field that a switch can change")]
    NotAField {
        /// As it is written.
        field: String,
    },
    /// A name among the fields of a hash.
    #[error("{field} is not a field to hash")]
    HashField {
        /// As it is written.
        field: String,
    },
    /// An option whose value cannot be put on the wire.
    #[error("{option} does not fit its option")]
    OptionValue {
        /// As it is written.
        option: String,
    },
    /// Both sides of a copy have the same width by the language's rules.
    #[error("{from} and {to} have different widths")]
    Widths {
        /// Where from, as it is written.
        from: String,
        /// Where to, as it is written.
        to: String,
    },
}

/// Translates the actions of one flow. No actions drop the packet.
///
/// # Errors
/// When an operand is not what the language promises; the flow is left out then.
pub fn actions(logical: &[Logical], env: &Environment<'_>) -> Result<Vec<Action>, CompileError> {
    let mut out = Vec::with_capacity(logical.len());
    for action in logical {
        one(action, env, &mut out)?;
    }
    Ok(out)
}

fn one(action: &Logical, env: &Environment<'_>, out: &mut Vec<Action>) -> Result<(), CompileError> {
    match action {
        Logical::Output => out.push(resubmit(output_table(env.pipeline))),
        Logical::Next(Next { pipeline, table, from: _ }) => {
            out.push(resubmit(tables::of_stage(*pipeline, *table)))
        }
        Logical::Load(load) => assign::load(load, env, out)?,
        Logical::Move(assignment) => assign::copy(&assignment.from, &assignment.to, out)?,
        Logical::Exchange(exchange) => assign::exchange(exchange, out)?,
        Logical::Push(field) => out.push(Action::Push(subfield(field)?)),
        Logical::Pop(field) => out.push(Action::Pop(subfield(field)?)),
        Logical::DecrementTtl => out.push(Action::DecTtl { controllers: None }),
        Logical::LoadOvnField(load) => punt::load_ovn_field(load, env, out),
        Logical::CtClear => out.push(Action::CtClear),
        Logical::CtNext(tracking, next) => conntrack::next(*tracking, *next, env, out),
        Logical::CtCommit(commit) => conntrack::commit(commit, env, out)?,
        Logical::CtNat(nat) => nat::translate(nat, env, out),
        Logical::CtSnatToVip => nat::to_vip(out),
        Logical::CtLb(lb) => load_balance::balance(lb, env, out)?,
        Logical::CtOriginal(what, result) => conntrack::original(*what, result, out)?,
        Logical::CtStateSave(result) => conntrack::state_save(result, out)?,
        Logical::Select(select) => select::select(select, env, out)?,
        Logical::ForwardGroup(group) => select::forward(group, env, out)?,
        Logical::Clone(nested) => out.push(Action::Clone(actions(nested, env)?)),
        Logical::Replace(kind, nested) => punt::replace(*kind, &actions(nested, env)?, env, out),
        Logical::GetNeighbor(get) => neighbor::get(get, out)?,
        Logical::PutNeighbor(put) => neighbor::put(put, env, out)?,
        Logical::LookupNeighbor(lookup) => neighbor::lookup(lookup, out)?,
        Logical::ChkEvpnArp(check) => neighbor::check_evpn(check, out)?,
        Logical::MacCacheUse => out.push(resubmit(tables::MAC_CACHE_USE)),
        Logical::PutFdb(put) => fdb::put(put, env, out)?,
        Logical::GetFdb(get) => fdb::get(get, out)?,
        Logical::LookupFdb(lookup) => fdb::lookup(lookup, out)?,
        Logical::Check(check, result) => check::check(*check, result, out)?,
        Logical::CheckPktLarger(check) => packet_size::check(check, out)?,
        Logical::CommitEcmpNh(commit) => ecmp::commit(commit, out),
        Logical::CommitLbAff(commit) => load_balance::commit_affinity(commit, env, out),
        Logical::PutDhcpOpts(put) => dhcp::put4(put, env, out)?,
        Logical::PutDhcpv6Opts(put) => dhcp::put6(put, env, out)?,
        Logical::DhcpRelay(relay) => dhcp::relay(relay, env, out)?,
        Logical::PutNdRaOpts(put) => router_advertisement::put(put, env, out)?,
        Logical::DnsLookup(result) => punt::ask(Opcode::DnsLookup, result, &[], env, out)?,
        Logical::SetQueue(id) => out.push(Action::SetQueue(*id)),
        Logical::SetMeter(meter) => meter::set(meter, env, out),
        Logical::Log(log) => log::punt(log, env, out),
        Logical::Sample(sample) => sample::sample(sample, env, out)?,
        Logical::Mirror(port) => flood::mirror(port, env, out),
        Logical::FloodRemote => flood::remote(out),
        Logical::HandleSvcCheck(port) => punt::handle_svc_check(port, env, out)?,
        Logical::HandleBfdMsg => out.push(punt::controller(Opcode::BfdMsg, &[], env.controller_meter)),
        Logical::HandleDhcpv6Reply => {
            out.push(punt::controller(Opcode::Dhcp6Server, &[], env.controller_meter))
        }
        Logical::Igmp => out.push(punt::controller(Opcode::Igmp, &[], env.controller_meter)),
        Logical::BindVport(bind) => punt::bind_vport(bind, env, out)?,
        Logical::TriggerEvent(trigger) => punt::trigger_event(trigger, env, out)?,
    }
    Ok(())
}

fn output_table(pipeline: Pipeline) -> OfTable {
    match pipeline {
        Pipeline::Ingress => tables::OUTPUT_LARGE_PKT_DETECT,
        Pipeline::Egress => tables::SAVE_INPORT,
    }
}

/// `resubmit(,table)`.
pub fn resubmit(table: OfTable) -> Action {
    Action::resubmit(table.number())
}

/// The bits of a field that a logical name stands for.
fn subfield(field: &FieldRef) -> Result<Subfield, CompileError> {
    let (field, low, bits) =
        field.openflow().ok_or_else(|| CompileError::NotAField { field: field.to_string() })?;
    Ok(Subfield::new(field, low, bits))
}

/// Does `body` with other fields holding `arguments`, and puts back what these fields held: upstream's way to call a table.
///
/// All arguments are read before the first is written, since one may be where another is to go.
fn with_arguments(
    arguments: &[(Subfield, Subfield)],
    out: &mut Vec<Action>,
    body: impl FnOnce(&mut Vec<Action>) -> Result<(), CompileError>,
) -> Result<(), CompileError> {
    let moved: Vec<&(Subfield, Subfield)> = arguments.iter().filter(|(from, to)| from != to).collect();
    out.extend(moved.iter().map(|(_, to)| Action::Push(*to)));
    out.extend(moved.iter().rev().map(|(from, _)| Action::Push(*from)));
    out.extend(moved.iter().map(|(_, to)| Action::Pop(*to)));
    body(out)?;
    out.extend(moved.iter().rev().map(|(_, to)| Action::Pop(*to)));
    Ok(())
}

//! The interpreter: from table to table, from pipeline to pipeline.
//!
//! [`Walk::table`] finds the flow that a packet matches and does its actions; what an action does is
//! in the file of its family. A `next;` that ends a flow goes on in the same loop, so that only what
//! branches (output, clone, connection tracking) recurses, and depth and number of the tables visited
//! are bounded: flows that run in circles end in an error of the trace.

mod assign;
mod check;
mod conntrack;
mod dhcp;
mod fdb;
mod flood;
mod load_balance;
mod nat;
mod neighbor;
mod nested;
mod output;
mod port_security;
mod select;

use crate::flow_text::describe;
use crate::network::{Datapath, Network};
use crate::node::{self, Kind, Node};
use crate::options::Options;
use lflow::Pipeline;
use lflow::action::{self, Action, Context, Log, Next};
use lflow::expr::{self, Expr, Microflow, Packet};
use openflow::Field;
use schema::sb::LogicalFlow;
use std::collections::VecDeque;
use std::net::IpAddr;

/// How many tables a packet and its copies may visit.
const TABLES_MAX: usize = 4096;
/// How deep outputs, copies and trackings may nest.
const DEPTH_MAX: usize = 64;

/// A form of the trace in text.
type Form = fn(&[Node]) -> String;

/// Traces a packet from the beginning of a datapath's ingress pipeline, and prints what happened.
pub(crate) fn run(network: &Network<'_>, datapath: &Datapath, flow: Microflow, options: &Options) -> String {
    let mut text = format!("# {}\n", describe(&flow));
    let mut walk =
        Walk { network, options, ct: options.ct.clone(), lb_dst: options.lb_dst, visited: 0, depth: 0 };
    let mut packet = Traced { flow, stack: Vec::new() };
    if packet.key(Field::Reg(14)) == 0 {
        network.warn("microflow does not specify ingress port".to_owned());
    }
    let nodes = [walk.ingress(datapath, &mut packet)];

    let wanted = [
        (options.detailed, "# Detailed trace.\n", node::detailed as Form),
        (options.summary, "# Summary trace.\n", node::summary),
        (options.minimal, "# Minimal trace.\n", node::minimal),
    ];
    let count = wanted.iter().filter(|(wanted, ..)| *wanted).count();
    if count == 0 {
        text.push_str(&node::detailed(&nodes));
    }
    for (_, banner, form) in wanted.into_iter().filter(|(wanted, ..)| *wanted) {
        text.push_str(if count > 1 { banner } else { "" });
        text.push_str(&form(&nodes));
    }
    text
}

/// The packet on its way.
#[derive(Clone)]
struct Traced {
    flow: Microflow,
    /// What was pushed: value and width.
    stack: Vec<(u128, u16)>,
}

impl Traced {
    fn get(&self, field: Field) -> u128 {
        self.flow.field(field)
    }

    /// A register that holds the key of a port.
    fn key(&self, register: Field) -> u32 {
        self.get(register) as u32
    }

    fn inport(&self) -> u32 {
        self.key(Field::Reg(14))
    }

    fn outport(&self) -> u32 {
        self.key(Field::Reg(15))
    }

    /// The copy that another pipeline gets: registers do not cross over, except for the ports.
    fn crossing(&self) -> Self {
        let mut flow = self.flow.clone();
        for n in (0..16).filter(|n| !matches!(n, 14 | 15)) {
            flow.set(Field::Reg(n), 0);
        }
        Self { flow, stack: Vec::new() }
    }
}

/// Where a packet is.
#[derive(Clone, Copy)]
struct Place<'n> {
    datapath: &'n Datapath,
    pipeline: Pipeline,
    table: u8,
}

impl Place<'_> {
    fn context(&self) -> Context {
        Context { pipeline: self.pipeline, table: self.table }
    }
}

/// Whether actions go on after one.
enum Flow {
    On,
    /// The packet is gone.
    Halt,
}

/// What becomes of a packet in a table.
enum Visit {
    /// It is done with.
    Done(Node),
    /// It goes on in another table of the pipeline, with the node of the flow that sent it, if that is to be shown.
    Next(Option<Node>, u8),
}

struct Walk<'n> {
    network: &'n Network<'n>,
    options: &'n Options,
    /// What the next trackings find.
    ct: VecDeque<u8>,
    /// The backend that a load balancer is to choose.
    lb_dst: Option<(IpAddr, u16)>,
    visited: usize,
    depth: usize,
}

impl<'n> Walk<'n> {
    /// The whole ingress pipeline of a datapath.
    fn ingress(&mut self, datapath: &'n Datapath, packet: &mut Traced) -> Node {
        self.pipeline(datapath, Pipeline::Ingress, 0, packet)
    }

    /// A pipeline from some table on.
    fn pipeline(
        &mut self,
        datapath: &'n Datapath,
        pipeline: Pipeline,
        table: u8,
        packet: &mut Traced,
    ) -> Node {
        let title = match pipeline {
            Pipeline::Ingress => {
                let inport = datapath.port_name(packet.inport());
                // A packet of no port is shown as one of a port without name.
                let inport = if inport.is_empty() { "(unnamed)" } else { inport };
                format!("ingress(dp=\"{}\", inport=\"{inport}\")", datapath.friendly)
            }
            Pipeline::Egress => {
                format!(
                    "egress(dp=\"{}\", outport=\"{}\")",
                    datapath.friendly,
                    datapath.port_name(packet.outport())
                )
            }
        };
        let children = self.tables(Place { datapath, pipeline, table }, packet);
        Node::new(Kind::Pipeline, title).with(children)
    }

    /// One table, and those that it leads to.
    fn tables(&mut self, mut place: Place<'n>, packet: &mut Traced) -> Vec<Node> {
        if self.depth >= DEPTH_MAX {
            return vec![Node::new(Kind::Error, format!("*** nested more than {DEPTH_MAX} deep, giving up"))];
        }
        self.depth += 1;
        let mut nodes: Vec<Node> = Vec::new();
        loop {
            self.visited += 1;
            if self.visited > TABLES_MAX {
                let message = format!("*** more than {TABLES_MAX} tables visited, giving up");
                nodes.push(Node::new(Kind::Error, message));
                break;
            }
            match self.table(place, packet) {
                Visit::Next(node, table) => {
                    nodes.extend(node);
                    place.table = table;
                }
                Visit::Done(last) => {
                    nodes.push(last);
                    break;
                }
            }
        }
        self.depth -= 1;
        let tail = |(i, node): (usize, Node)| if i == 0 { node } else { node.tail() };
        nodes.into_iter().enumerate().map(tail).collect()
    }

    /// One table: finds the flow and does what it says.
    fn table(&mut self, place: Place<'n>, packet: &mut Traced) -> Visit {
        let flows = self.network.flows(place.datapath, place.pipeline, place.table);
        for row in flows.iter() {
            let Some(actions) = self.matched(place, row, packet) else { continue };
            // Flows that only hand on every packet are not worth a line.
            if let [Action::Next(next)] = actions[..]
                && is_true(&row.r#match)
                && is_next_table(next)
            {
                return Visit::Next(None, next.table);
            }
            let (children, next) = self.actions(place, &actions, packet);
            let node = Node::new(Kind::Table, self.flow_line(place, row)).with(children);
            return match next {
                Some(next) => Visit::Next(Some(node), next.table),
                None => Visit::Done(node),
            };
        }
        let stage = flows.iter().find_map(|row| row.external_ids.get("stage-name"));
        let stage = stage.map(|stage| format!("{stage}: ")).unwrap_or_default();
        let line = format!("{:2}. {stage}no match (implicit drop)", place.table);
        Visit::Done(Node::new(Kind::Table, line))
    }

    /// The actions of a flow if it matches the packet.
    ///
    /// A flow that no controller could read either is left out, with a warning.
    fn matched(&self, place: Place<'n>, row: &LogicalFlow, packet: &Traced) -> Option<Vec<Action>> {
        let names = self.network.names(place.datapath);
        let variables = |name: &str| self.template_variable(name);
        let text = lflow::template::expand(&row.r#match, variables);
        let parsed = match expr::parse(&text, &names) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.network.warn(format!("{}: parsing expression failed ({error})", row.r#match));
                return None;
            }
        };
        if !expr::evaluate(&parsed, &packet.flow, &names) {
            return None;
        }
        let text = lflow::template::expand(&row.actions, variables);
        match action::parse(&text, place.context()) {
            Ok(parsed) => expr::evaluate(&parsed.prereqs, &packet.flow, &names).then_some(parsed.actions),
            Err(error) => {
                self.network.warn(format!("{}: parsing actions failed ({error})", row.actions));
                None
            }
        }
    }

    /// The value of a template variable, if all chassis agree on it.
    fn template_variable(&self, name: &str) -> Option<String> {
        let rows = self.network.tables().chassis_template_var.values();
        let mut values = rows.filter_map(|row| row.variables.get(name));
        let first = values.next()?;
        values.all(|value| value == first).then(|| first.to_string())
    }

    /// The flow, as a line of the detailed form.
    fn flow_line(&self, place: Place<'n>, row: &LogicalFlow) -> String {
        let mut line = format!("{:2}. ", place.table);
        let id = |key: &str| row.external_ids.get(key).map(|value| &**value);
        match (id("stage-name"), id("source")) {
            (Some(stage), Some(source)) => line.push_str(&format!("{stage} ({source}): ")),
            (Some(stage), None) => line.push_str(&format!("{stage}: ")),
            (None, Some(source)) => line.push_str(&format!("({source}): ")),
            (None, None) => {}
        }
        let matched = self.network.friendly(place.datapath, &row.r#match);
        line.push_str(&format!("{matched}, priority {}, uuid {:08x}", row.priority, row.uuid.first_u32()));
        line
    }

    /// Does actions one by one. If the last one is to go on in another table of the same pipeline, that is left
    /// to the caller.
    fn actions(
        &mut self,
        place: Place<'n>,
        actions: &[Action],
        packet: &mut Traced,
    ) -> (Vec<Node>, Option<Next>) {
        let mut nodes = Vec::new();
        if actions.is_empty() {
            nodes.push(Node::new(Kind::Action, "drop;"));
        }
        for (i, action) in actions.iter().enumerate() {
            let text = self.network.friendly(place.datapath, &action.to_string());
            nodes.push(Node::new(Kind::Action, text));
            match action {
                Action::Next(next) if i + 1 == actions.len() && next.pipeline == place.pipeline => {
                    return (nodes, Some(*next));
                }
                _ => {}
            }
            if let Flow::Halt = self.action(place, action, packet, &mut nodes) {
                break;
            }
        }
        (nodes, None)
    }

    /// Actions to the end, wherever they lead.
    fn actions_to_the_end(&mut self, place: Place<'n>, actions: &[Action], packet: &mut Traced) -> Vec<Node> {
        let (mut nodes, next) = self.actions(place, actions, packet);
        if let Some(next) = next {
            nodes.extend(self.tables(Place { table: next.table, ..place }, packet));
        }
        nodes
    }

    fn action(
        &mut self,
        place: Place<'n>,
        action: &Action,
        packet: &mut Traced,
        nodes: &mut Vec<Node>,
    ) -> Flow {
        match action {
            Action::Output => self.output(place, packet, nodes),
            Action::Next(next) => self.next(place, *next, packet, nodes),
            Action::Load(load) => assign::load(place, load, self.network, packet, nodes),
            Action::Move(r#move) => assign::copy(place, r#move, packet, nodes),
            Action::Exchange(exchange) => assign::exchange(exchange, packet, nodes),
            Action::Push(field) => assign::push(field, packet, nodes),
            Action::Pop(field) => assign::pop(field, packet, nodes),
            Action::DecrementTtl => return assign::decrement_ttl(packet, nodes),
            Action::LoadOvnField(load) => assign::load_ovn_field(load, nodes),
            Action::CtClear => conntrack::clear(packet),
            Action::CtNext(tracking, next) => self.ct_next(place, *tracking, next, packet, nodes),
            Action::CtNat(nat) => self.ct_nat(place, nat, packet, nodes),
            Action::CtSnatToVip => load_balance::snat_to_vip(self.network, packet, nodes),
            Action::CtLb(lb) => self.ct_lb(place, lb, packet, nodes),
            Action::CtOriginal(what, result) => conntrack::original(*what, result, packet),
            Action::CtStateSave(result) => conntrack::state_save(result, packet, nodes),
            Action::Select(select) => self.select(place, select, packet, nodes),
            Action::ForwardGroup(group) => self.forward_group(place, group, packet, nodes),
            Action::Clone(actions) => self.clone_packet(place, actions, packet, nodes),
            Action::Replace(kind, actions) => self.replace_packet(place, *kind, actions, packet, nodes),
            Action::GetNeighbor(get) => neighbor::get(place, get, self.network, packet, nodes),
            Action::LookupNeighbor(lookup) => neighbor::lookup(place, lookup, self.network, packet, nodes),
            Action::ChkEvpnArp(check) => neighbor::check_evpn(check, packet, nodes),
            Action::GetFdb(get) => fdb::get(place, get, self.network, packet, nodes),
            Action::LookupFdb(lookup) => fdb::lookup(place, lookup, self.network, packet, nodes),
            Action::Check(check, result) => check::check(place, *check, result, self.network, packet, nodes),
            Action::CheckPktLarger(check) => check::packet_size(check, packet),
            Action::PutDhcpOpts(put) | Action::PutDhcpv6Opts(put) => dhcp::put(action, put, packet, nodes),
            Action::PutNdRaOpts(put) => dhcp::put_options(action, put, packet, nodes),
            Action::DhcpRelay(relay) => dhcp::relay(relay, packet, nodes),
            Action::DnsLookup(result) => dhcp::dns_lookup(result, packet, nodes),
            Action::Log(log) => nodes.push(log_node(place, log, packet)),
            Action::Mirror(port) => self.mirror(place, port, packet, nodes),
            Action::FloodRemote => nodes.push(Node::new(Kind::Remark, "/* Flood to all remote chassis */")),
            // What these change is not in the packet, and not in what the database says of the network now.
            Action::CtCommit(_)
            | Action::PutNeighbor(_)
            | Action::PutFdb(_)
            | Action::MacCacheUse
            | Action::CommitEcmpNh(_)
            | Action::CommitLbAff(_)
            | Action::SetQueue(_)
            | Action::SetMeter(_)
            | Action::Sample(_)
            | Action::HandleSvcCheck(_)
            | Action::HandleBfdMsg
            | Action::HandleDhcpv6Reply
            | Action::Igmp
            | Action::BindVport(_)
            | Action::TriggerEvent(_) => {}
        }
        Flow::On
    }

    /// A `next;` that actions follow, or one into the other pipeline.
    fn next(&mut self, place: Place<'n>, next: Next, packet: &mut Traced, nodes: &mut Vec<Node>) {
        if next.pipeline == place.pipeline {
            nodes.extend(self.tables(Place { table: next.table, ..place }, packet));
        } else {
            nodes.push(self.pipeline(place.datapath, next.pipeline, next.table, packet));
        }
    }
}

/// Whether an expression says nothing but that it is true.
fn is_true(text: &str) -> bool {
    matches!(expr::parse(text, &expr::NoSets), Ok(Expr::Boolean(true)))
}

/// Whether this is a plain `next;`.
fn is_next_table(next: Next) -> bool {
    next.pipeline == next.from.pipeline && next.table == next.from.table + 1
}

fn log_node(place: Place<'_>, log: &Log, packet: &Traced) -> Node {
    let direction = match place.pipeline {
        Pipeline::Ingress => "IN",
        Pipeline::Egress => "OUT",
    };
    let name = log.name.as_deref().unwrap_or("<unnamed>");
    let text = format!(
        "LOG: ACL name={name}, direction={direction}, verdict={}, severity={}, packet=\"{}\"",
        log.verdict.name(),
        log.severity.name(),
        describe(&packet.flow)
    );
    Node::new(Kind::Transformation, text)
}

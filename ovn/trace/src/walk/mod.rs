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
pub(crate) mod nearest;
mod neighbor;
mod nested;
mod output;
pub(crate) mod port_security;
mod select;

use crate::about::{About, Hop};
use crate::flow_text::describe;
use crate::network::{Datapath, Names, Network, Reading, Want};
use crate::node::{Kind, Node};
use crate::options::Options;
use crate::tracker::Tracker;
use lflow::Pipeline;
use lflow::action::{Action, Context, Log, Next};
use lflow::expr::{self, Expr, Microflow, Packet};
use nearest::{Passed, nearest};
use openflow::Field;
use ovsdb::Uuid;
use schema::sb::LogicalFlow;
use std::collections::VecDeque;
use std::net::IpAddr;

/// How many tables a packet and its copies may visit.
const TABLES_MAX: usize = 4096;
/// How deep outputs, copies and trackings may nest.
const DEPTH_MAX: usize = 64;

/// What became of a packet.
#[derive(Debug)]
pub(crate) struct Journey {
    /// The packet as it came.
    pub(crate) flow: Microflow,
    /// All that happened, from the ingress pipeline on.
    pub(crate) root: Node,
    /// Where it arrived.
    pub(crate) deliveries: Vec<Delivery>,
}

/// A packet that left the network of logical pipelines.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) datapath: Uuid,
    /// Key of the port.
    pub(crate) port: u32,
    /// The port's name, as it is shown.
    pub(crate) name: String,
    /// The packet that left.
    pub(crate) flow: Microflow,
}

/// Traces a packet from the beginning of a datapath's ingress pipeline.
///
/// `tracker` remembers the packets before, if there is one. With `record`, nodes know what the longer forms show.
pub(crate) fn run(
    network: &Network,
    datapath: &Datapath,
    flow: Microflow,
    options: &Options,
    tracker: &mut Option<Tracker>,
    record: bool,
) -> Journey {
    let mut walk = Walk {
        network,
        options,
        ct: options.ct.clone(),
        tracker: tracker.take(),
        lb_dst: options.lb_dst,
        record,
        path: Vec::new(),
        deliveries: Vec::new(),
        visited: 0,
        depth: 0,
    };
    let mut packet = Traced { flow: flow.clone(), stack: Vec::new(), chassis: None };
    if packet.key(Field::Reg(14)) == 0 {
        network.warn("microflow does not specify ingress port".to_owned());
    }
    if record {
        network.need(Want::Chassis);
        packet.chassis = datapath.port(packet.inport()).and_then(output::chassis);
    }
    let root = walk.ingress(datapath, &mut packet);
    *tracker = walk.tracker;
    Journey { flow, root, deliveries: walk.deliveries }
}

/// The packet on its way.
#[derive(Clone)]
pub(crate) struct Traced {
    pub(crate) flow: Microflow,
    /// What was pushed: value and width.
    stack: Vec<(u128, u16)>,
    /// Where it is, as far as that is known and recorded.
    chassis: Option<Uuid>,
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
        Self { flow, stack: Vec::new(), chassis: self.chassis }
    }
}

/// Where a packet is.
#[derive(Clone, Copy)]
pub(crate) struct Place<'n> {
    pub(crate) datapath: &'n Datapath,
    pub(crate) pipeline: Pipeline,
    pub(crate) table: u8,
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
    network: &'n Network,
    options: &'n Options,
    /// What the next trackings find.
    ct: VecDeque<u8>,
    /// What was tracked before, if that is remembered.
    tracker: Option<Tracker>,
    /// The backend that a load balancer is to choose.
    lb_dst: Option<(IpAddr, u16)>,
    /// Whether nodes are to know more than upstream's forms show.
    record: bool,
    /// The flows that the packet at hand has passed, if that is recorded.
    path: Vec<Passed<'n>>,
    deliveries: Vec<Delivery>,
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
        let hop = self.record.then(|| About::Hop(self.hop(datapath, pipeline, packet)));
        let children = self.tables(Place { datapath, pipeline, table }, packet);
        Node::new(Kind::Pipeline, title).about(hop).with(children)
    }

    /// One table, and those that it leads to.
    fn tables(&mut self, mut place: Place<'n>, packet: &mut Traced) -> Vec<Node> {
        if self.depth >= DEPTH_MAX {
            return vec![Node::new(Kind::Error, format!("*** nested more than {DEPTH_MAX} deep, giving up"))];
        }
        self.depth += 1;
        let passed = self.path.len();
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
        // Another copy of the packet has not passed these.
        self.path.truncate(passed);
        let tail = |(i, node): (usize, Node)| if i == 0 { node } else { node.tail() };
        nodes.into_iter().enumerate().map(tail).collect()
    }

    /// One table: finds the flow and does what it says.
    fn table(&mut self, place: Place<'n>, packet: &mut Traced) -> Visit {
        let stage = self.network.stage(place.datapath, place.pipeline, place.table);
        let names = self.network.names(place.datapath);
        for i in stage.candidates(&packet.flow, place.datapath) {
            let reading = stage.reading(&stage.flows[i], self.network, &names);
            let Some(actions) = self.matched(place, &reading, packet, &names) else { continue };
            // Flows that only hand on every packet are not worth a line.
            if let ([Action::Next(next)], Ok(Expr::Boolean(true))) = (actions, &reading.matched)
                && is_next_table(*next)
            {
                return Visit::Next(None, next.table);
            }
            let shown = reading.shown(self.network, place.datapath);
            let about = self.record.then(|| About::visit(place, &reading.row, &shown, actions, packet));
            let line = flow_line(place, &reading.row, &shown.matched);
            let passed = self.path.len();
            if self.record {
                let before = packet.flow.clone();
                let stage_name = reading.row.external_ids.get("stage-name").map_or("", |name| &**name);
                let (table, matched, priority) = (place.table, &shown.matched, reading.row.priority);
                let line = format!("{table} {stage_name}: {matched} (priority {priority})");
                self.path.push(Passed { stage: stage.clone(), datapath: place.datapath, before, line });
            }
            let (mut children, next) = self.actions(place, actions, Some(&shown.actions), packet);
            if self.options.ovs {
                children.insert(0, Node::new(Kind::OpenFlow(reading.row.uuid.first_u32()), ""));
            }
            let about = about.map(|about| match (actions.is_empty(), &reading.matched) {
                (true, Ok(matched)) => {
                    let here = (&*stage, place.datapath);
                    about.dropped(nearest::explain(
                        &self.path[..passed],
                        here,
                        matched,
                        self.network,
                        &packet.flow,
                    ))
                }
                (_, _) => about.changed(place.datapath, packet, &children),
            });
            let node = Node::new(Kind::Table, line).about(about).with(children);
            return match next {
                Some(next) => Visit::Next(Some(node), next.table),
                None => Visit::Done(node),
            };
        }
        let stage_name = stage.flows.iter().find_map(|row| row.external_ids.get("stage-name"));
        let shown = stage_name.map(|stage| format!("{stage}: ")).unwrap_or_default();
        let line = format!("{:2}. {shown}no match (implicit drop)", place.table);
        let about = self.record.then(|| About::Miss {
            pipeline: place.pipeline,
            flow: packet.flow.clone(),
            table: place.table,
            stage: stage_name.cloned(),
            near: nearest(&stage, place.datapath, self.network, &packet.flow, false),
        });
        Visit::Done(Node::new(Kind::Table, line).about(about))
    }

    /// The actions of a flow if it matches the packet.
    ///
    /// A flow that no controller could read either is left out, with a warning.
    fn matched<'r>(
        &self,
        place: Place<'n>,
        reading: &'r Reading,
        packet: &Traced,
        names: &Names<'_>,
    ) -> Option<&'r [Action]> {
        match &reading.matched {
            Ok(parsed) if !expr::evaluate(parsed, &packet.flow, names) => return None,
            Ok(_) => {}
            Err(error) => {
                let text = &reading.row.r#match;
                self.network.warn(format!("{text}: parsing expression failed ({error})"));
                return None;
            }
        }
        match reading.actions(place.context(), names) {
            Ok(parsed) => expr::evaluate(&parsed.prereqs, &packet.flow, names).then_some(&parsed.actions[..]),
            Err(error) => {
                let text = &reading.row.actions;
                self.network.warn(format!("{text}: parsing actions failed ({error})"));
                None
            }
        }
    }

    /// What is known of a pipeline that a packet enters.
    fn hop(&self, datapath: &Datapath, pipeline: Pipeline, packet: &Traced) -> Hop {
        let name = |key: u32| (key != 0).then(|| datapath.port_name(key).to_owned());
        let chassis = packet.chassis.and_then(|uuid| self.network.tables().chassis.get(&uuid));
        Hop {
            uuid: datapath.uuid,
            datapath: datapath.friendly.clone(),
            is_router: datapath.is_router,
            pipeline,
            inport: name(packet.inport()),
            outport: name(packet.outport()).filter(|_| pipeline == Pipeline::Egress),
            chassis: chassis.map(|row| row.name.clone()),
            tunnel: None,
        }
    }

    /// Does actions one by one. If the last one is to go on in another table of the same pipeline, that is left
    /// to the caller. `texts` are the actions as they are shown, if they have been written before.
    fn actions(
        &mut self,
        place: Place<'n>,
        actions: &[Action],
        texts: Option<&[String]>,
        packet: &mut Traced,
    ) -> (Vec<Node>, Option<Next>) {
        let mut nodes = Vec::new();
        if actions.is_empty() {
            nodes.push(Node::new(Kind::Action, "drop;"));
        }
        for (i, action) in actions.iter().enumerate() {
            let text = texts.and_then(|texts| texts.get(i)).cloned();
            let text = text.unwrap_or_else(|| self.network.friendly(place.datapath, &action.to_string()));
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
        let (mut nodes, next) = self.actions(place, actions, None, packet);
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
            Action::CtCommit(commit) => self.ct_commit(place, commit, packet),
            // What these change is not in the packet, and not in what the database says of the network now.
            Action::PutNeighbor(_)
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

/// The flow, as a line of the detailed form.
fn flow_line(place: Place<'_>, row: &LogicalFlow, matched: &str) -> String {
    let mut line = format!("{:2}. ", place.table);
    let id = |key: &str| row.external_ids.get(key).map(|value| &**value);
    match (id("stage-name"), id("source")) {
        (Some(stage), Some(source)) => line.push_str(&format!("{stage} ({source}): ")),
        (Some(stage), None) => line.push_str(&format!("{stage}: ")),
        (None, Some(source)) => line.push_str(&format!("({source}): ")),
        (None, None) => {}
    }
    line.push_str(&format!("{matched}, priority {}, uuid {:08x}", row.priority, row.uuid.first_u32()));
    line
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

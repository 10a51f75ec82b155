//! A tracer and its copy of the southbound database, which holds what traces have looked at and follows it live.
//!
//! ```text
//!              rows wanted                 changes
//!  request ──► Tracer ──────► conditions ──► server ──► Replica ──► Tracer ──► what happened
//!                ▲                                                    │
//!                └────────────── again, until nothing is wanted ──────┘
//! ```

use crate::network::Want;
use crate::options::Request;
use crate::tracer::{Outcome, Traced, Tracer};
use ovsdb::replica::{LostReason, MonitorTable, Replica, ReplicaEvent, ReplicaOptions};
use ovsdb::rpc::Message;
use ovsdb::{Clause, Condition, Datum, Function, Str, ToDatum, Uuid};
use schema::sb::{self, TableId, Tables};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

/// The most requests that wait for rows at once. Further ones are refused.
pub const WAITING_MAX: usize = 256;

/// The columns that traces read, by table. Of other tables none is.
const COLUMNS: &[(TableId, &[&str])] = &[
    (TableId::AddressSet, &["name", "addresses"]),
    (TableId::Chassis, &["name", "encaps"]),
    (TableId::ChassisTemplateVar, &["chassis", "variables"]),
    (TableId::DatapathBinding, &["tunnel_key", "type", "nb_uuid", "external_ids"]),
    (TableId::Encap, &["type", "ip"]),
    (TableId::Fdb, &["mac", "dp_key", "port_key"]),
    (TableId::LoadBalancer, &["vips"]),
    (TableId::LogicalDpGroup, &["datapaths"]),
    (
        TableId::LogicalFlow,
        &[
            "logical_datapath",
            "logical_dp_group",
            "pipeline",
            "table_id",
            "priority",
            "match",
            "actions",
            "external_ids",
        ],
    ),
    (TableId::MacBinding, &["logical_port", "ip", "mac", "datapath"]),
    (TableId::MulticastGroup, &["datapath", "name", "tunnel_key", "ports"]),
    (
        TableId::PortBinding,
        &[
            "logical_port",
            "type",
            "options",
            "datapath",
            "tunnel_key",
            "chassis",
            "port_security",
            "external_ids",
        ],
    ),
    (TableId::PortGroup, &["name", "ports"]),
    (TableId::StaticMacBinding, &["logical_port", "ip", "mac", "override_dynamic_mac", "datapath"]),
];

/// A request, by the number it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobId(u64);

/// What the shell has to do.
#[derive(Debug)]
pub enum ServiceOutput {
    /// Send a message to the database's server.
    Send(Message),
    /// Close the connection, call [`Service::disconnected`], and connect anew.
    Reconnect(LostReason),
    /// A request is done.
    Done(JobId, Box<Traced>),
}

/// A tracer without its sockets.
pub struct Service {
    replica: Replica,
    tracer: Tracer,
    wanted: BTreeSet<Want>,
    /// What of that the conditions that are asked for do not say yet.
    news: BTreeSet<Want>,
    waiting: VecDeque<(JobId, Request)>,
    jobs: u64,
    lost: VecDeque<LostReason>,
    done: VecDeque<(JobId, Box<Traced>)>,
    warnings: Vec<String>,
}

impl Service {
    /// A tracer without a connection.
    pub fn new(options: ReplicaOptions) -> Self {
        let monitors: Vec<MonitorTable> = COLUMNS
            .iter()
            .map(|(table, columns)| {
                let condition = conditions(&BTreeSet::new(), &Tables::default()).remove(table);
                MonitorTable { condition: condition.unwrap_or_default(), ..table.monitor_columns(columns) }
            })
            .collect();
        Self {
            tracer: Tracer::partial(Tables::with_monitors(&monitors)),
            replica: Replica::new(sb::schema().clone(), monitors, options),
            wanted: BTreeSet::new(),
            news: BTreeSet::new(),
            waiting: VecDeque::new(),
            jobs: 0,
            lost: VecDeque::new(),
            done: VecDeque::new(),
            warnings: Vec::new(),
        }
    }

    /// A connection to the server is there.
    pub fn connected(&mut self, now: Instant) {
        self.replica.connected(now);
    }

    /// The connection has ended.
    pub fn disconnected(&mut self, now: Instant) {
        self.replica.disconnected(now);
        self.take_events();
    }

    /// A message from the server. [`Service::work`] is to be called when all that have come are handed over.
    pub fn handle_message(&mut self, message: Message, now: Instant) {
        self.replica.handle_message(message, now);
        self.take_events();
    }

    /// Time has come, see [`Service::poll_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.replica.handle_timeout(now);
        self.take_events();
    }

    /// When [`Service::handle_timeout`] is due, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.replica.poll_timeout()
    }

    /// Whether the copy is that of the server.
    pub fn is_synced(&self) -> bool {
        self.replica.is_synced()
    }

    /// Asks for a trace; `None` if too many wait already. [`Service::work`] is to be called after that.
    pub fn request(&mut self, request: Request) -> Option<JobId> {
        if self.waiting.len() >= WAITING_MAX {
            return None;
        }
        self.jobs += 1;
        let id = JobId(self.jobs);
        self.waiting.push_back((id, request));
        Some(id)
    }

    /// Does what can be done with the rows that are there.
    pub fn work(&mut self) {
        if !self.replica.is_synced() {
            return;
        }
        // A group of datapaths that came may have flows that are wanted.
        self.ask();
        if !self.replica.conditions_are_in_force() {
            return;
        }
        for want in std::mem::take(&mut self.news) {
            self.tracer.provide(want);
        }
        for _ in 0..self.waiting.len() {
            let Some((id, request)) = self.waiting.pop_front() else { break };
            match self.tracer.trace(&request) {
                Outcome::Done(traced) => self.done.push_back((id, Box::new(traced))),
                Outcome::Wants(wants) => {
                    self.wanted.extend(wants.iter().cloned());
                    self.news.extend(wants);
                    self.waiting.push_back((id, request));
                }
            }
        }
        self.ask();
    }

    /// The next thing for the shell to do.
    pub fn poll_output(&mut self) -> Option<ServiceOutput> {
        if let Some(reason) = self.lost.pop_front() {
            return Some(ServiceOutput::Reconnect(reason));
        }
        if let Some((id, traced)) = self.done.pop_front() {
            return Some(ServiceOutput::Done(id, traced));
        }
        self.replica.poll_output().map(ServiceOutput::Send)
    }

    /// What was odd about rows that came since the last call.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    fn ask(&mut self) {
        let conditions = conditions(&self.wanted, self.tracer.tables());
        self.replica
            .set_conditions(conditions.into_iter().map(|(table, condition)| (table.name(), condition)));
    }

    fn take_events(&mut self) {
        while let Some(event) = self.replica.poll_event() {
            match event {
                ReplicaEvent::Changes(changes) => {
                    for change in &changes {
                        if let Err(error) = self.tracer.apply(change) {
                            self.warnings.push(format!("row ignored: {error}"));
                        }
                    }
                }
                ReplicaEvent::Lost(reason) => self.lost.push_back(reason),
                ReplicaEvent::Synced | ReplicaEvent::Lock(_) | ReplicaEvent::TxnDone { .. } => {}
            }
        }
    }
}

/// Which rows of each table are to be copied, so that what is wanted is there.
fn conditions(wanted: &BTreeSet<Want>, tables: &Tables) -> BTreeMap<TableId, Condition> {
    let mut clauses: BTreeMap<TableId, Vec<Clause>> =
        COLUMNS.iter().map(|(table, _)| (*table, Vec::new())).collect();
    let mut want = |table: TableId, clause: Clause| clauses.entry(table).or_default().push(clause);
    want(TableId::DatapathBinding, Clause::Constant(true));
    for wanted in wanted {
        match wanted {
            Want::Datapath(uuid) => {
                for table in [
                    TableId::MacBinding,
                    TableId::MulticastGroup,
                    TableId::PortBinding,
                    TableId::StaticMacBinding,
                ] {
                    want(table, is("datapath", uuid.to_datum()));
                }
                want(TableId::LogicalDpGroup, includes("datapaths", *uuid));
                want(TableId::LogicalFlow, is("logical_datapath", Some(*uuid).to_datum()));
                if let Some(row) = tables.datapath_binding.get(uuid) {
                    want(TableId::Fdb, is("dp_key", row.tunnel_key.to_datum()));
                }
            }
            Want::Port(name) => want(TableId::PortBinding, is("logical_port", name.to_datum())),
            Want::AddressSet(name) => want(TableId::AddressSet, is("name", name.to_datum())),
            Want::PortGroup(name) => want(TableId::PortGroup, is("name", name.to_datum())),
            Want::Templates => want(TableId::ChassisTemplateVar, Clause::Constant(true)),
            Want::LoadBalancers => want(TableId::LoadBalancer, Clause::Constant(true)),
            Want::Chassis => {
                want(TableId::Chassis, Clause::Constant(true));
                want(TableId::Encap, Clause::Constant(true));
            }
        }
    }
    for group in tables.logical_dp_group.values() {
        want(TableId::LogicalFlow, is("logical_dp_group", Some(group.uuid).to_datum()));
    }
    let condition = |(table, mut clauses): (TableId, Vec<Clause>)| {
        // No clause at all would mean every row.
        if clauses.is_empty() {
            clauses.push(Clause::Constant(false));
        }
        (table, Condition { clauses })
    };
    clauses.into_iter().map(condition).collect()
}

fn is(column: &str, arg: Datum) -> Clause {
    Clause::Compare { column: Str::from(column), function: Function::Equal, arg }
}

fn includes(column: &str, member: Uuid) -> Clause {
    let arg = BTreeSet::from([member]).to_datum();
    Clause::Compare { column: Str::from(column), function: Function::Includes, arg }
}

//! The daemon's core: two replicas go in, two streams of transactions come out.
//!
//! ```text
//!            changes                 outputs                 transaction
//! northbound -------> inputs, units -------> southbound plan -----------> southbound
//!     ^                   ^                      ^                            |
//!     |                   +-- keys, chassis -----+-- rows there are ----------+ changes
//!     +------------------------ northbound plan: options, sb_cfg, hv_cfg, up -+
//! ```
//!
//! All changes that have come are taken at once and answered by one transaction a database; while one is on its way,
//! the next is not begun. A northd without the lock computes all the same, so that it can take over at once, and writes
//! nothing.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ovsdb::replica::{LostReason, Replica, ReplicaEvent, ReplicaOptions, RowChange, TxnId, TxnOutcome};
use ovsdb::rpc::Message;
use schema::{nb, sb};

use crate::inputs::Inputs;
use crate::network::Unit;
use crate::sync::global::Globals;
use crate::sync::port_state::PortStates;
use crate::sync::{Plan, Southbound, leftover};

/// The lock that the one northd that writes has in the southbound database.
pub const LOCK: &str = "ovn_northd";

/// The two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Db {
    /// `OVN_Northbound`: what is wanted.
    Northbound,
    /// `OVN_Southbound`: what that comes to.
    Southbound,
}

/// How a northd behaves.
#[derive(Clone, Debug, Default)]
pub struct NorthdOptions {
    /// Decides about everything that is made up (MAC addresses).
    pub seed: u64,
    /// Whether only the leaders of clusters will do.
    pub leader_only: bool,
    /// Whether to begin paused.
    pub is_paused: bool,
}

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send a message to a database's server.
    Send(Db, Message),
    /// Close the connection to a database's server, call [`Northd::disconnected`], and connect anew.
    Reconnect(Db, LostReason),
}

/// What a northd is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It has the lock and writes.
    Active,
    /// Another one has the lock.
    Standby,
    /// It was told not to ask for the lock.
    Paused,
}

/// A northd without its sockets.
pub struct Northd {
    north: Side,
    south: Side,
    nb_tables: nb::Tables,
    sb_tables: sb::Tables,
    pub(crate) inputs: Inputs,
    pub(crate) southbound: Southbound,
    globals: Globals,
    port_states: PortStates,
    pub(crate) is_paused: bool,
    /// `nb_cfg` of the southbound transaction on its way.
    nb_cfg_sent: Option<i64>,
    is_pending: bool,
    /// The time of the last call.
    now: Option<Instant>,
    /// When something ends because time has gone by.
    ageing_at: Option<Instant>,
    lost: VecDeque<(Db, LostReason)>,
    /// The units that ran when any last did, at most [`Northd::LAST_RUN_MAX`] of them.
    pub(crate) last_run: Vec<Unit>,
}

/// One database.
struct Side {
    replica: Replica,
    /// Whether the copy has been complete once.
    is_known: bool,
    in_flight: Option<TxnId>,
    /// When to write again after the server refused what was written.
    retry_at: Option<Instant>,
    /// How long was waited for that, until something is accepted.
    waited: Option<Duration>,
}

impl Northd {
    /// The longest time between two attempts to write what the server refuses.
    pub const RETRY_MAX: Duration = Duration::from_secs(32);
    /// How many units are remembered as those that ran last.
    pub const LAST_RUN_MAX: usize = 1000;
    const RETRY_MIN: Duration = Duration::from_secs(1);
    /// The time to another attempt if somebody has changed rows since: that may be what was in the way.
    const RETRY_CHANGED: Duration = Duration::from_millis(50);

    /// A northd without connections.
    pub fn new(options: &NorthdOptions) -> Self {
        let (nb_monitors, sb_monitors) = (northbound_monitors(), southbound_monitors());
        let replica_options =
            |lock| ReplicaOptions { lock, leader_only: options.leader_only, ..Default::default() };
        let lock = (!options.is_paused).then(|| LOCK.into());
        Self {
            nb_tables: nb::Tables::with_monitors(&nb_monitors),
            sb_tables: sb::Tables::with_monitors(&sb_monitors),
            north: Side::new(Replica::new(nb::schema().clone(), nb_monitors, replica_options(None))),
            south: Side::new(Replica::new(sb::schema().clone(), sb_monitors, replica_options(lock))),
            inputs: Inputs::default(),
            southbound: Southbound::default(),
            globals: Globals::new(options.seed),
            port_states: PortStates::default(),
            is_paused: options.is_paused,
            nb_cfg_sent: None,
            is_pending: false,
            now: None,
            ageing_at: None,
            lost: VecDeque::new(),
            last_run: Vec::new(),
        }
    }

    /// A connection to a database's server is there.
    pub fn connected(&mut self, db: Db, now: Instant) {
        self.now = Some(now);
        self.side(db).replica.connected(now);
    }

    /// The connection to a database's server has ended.
    pub fn disconnected(&mut self, db: Db, now: Instant) {
        self.now = Some(now);
        self.side(db).replica.disconnected(now);
        self.is_pending = true;
    }

    /// A message from a database's server. It is acted upon by [`Northd::handle_timeout`], which is due at once; the
    /// shell hands over all messages it has before it calls that.
    pub fn handle_message(&mut self, db: Db, message: Message, now: Instant) {
        self.now = Some(now);
        self.side(db).replica.handle_message(message, now);
        self.is_pending = true;
    }

    /// Time has come, see [`Northd::poll_timeout`]. `wall_ms` is the time for people, in milliseconds since 1970.
    pub fn handle_timeout(&mut self, now: Instant, wall_ms: i64) {
        self.now = Some(now);
        for db in [Db::Northbound, Db::Southbound] {
            self.side(db).replica.handle_timeout(now);
            self.side(db).retry_at.take_if(|at| *at <= now);
        }
        self.is_pending = false;
        self.take_events(now);
        if self.north.is_known && self.south.is_known {
            self.compute();
            self.write(wall_ms);
            self.ageing_at = self.next_ageing(now, wall_ms);
        }
    }

    /// When [`Northd::handle_timeout`] is due, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let pending = self.now.filter(|_| self.is_pending).map(|now| (now, "database changes"));
        let probes = [&self.north, &self.south].into_iter().filter_map(|side| side.replica.poll_timeout());
        let retries = [&self.north, &self.south].into_iter().filter_map(|side| side.retry_at);
        let ageing = self.ageing_at.map(|at| (at, "neighbours that nobody used"));
        let probes = probes.chain(ageing);
        probes.chain(retries.map(|at| (at, "refused transaction"))).chain(pending).min_by_key(|(at, _)| *at)
    }

    /// The next thing for the shell to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        if let Some((db, reason)) = self.lost.pop_front() {
            return Some(Output::Reconnect(db, reason));
        }
        let north = self.north.replica.poll_output().map(|message| Output::Send(Db::Northbound, message));
        north.or_else(|| Some(Output::Send(Db::Southbound, self.south.replica.poll_output()?)))
    }

    /// Whether it writes, waits or is paused.
    pub fn status(&self) -> Status {
        match (self.is_paused, self.south.replica.holds_lock()) {
            (true, _) => Status::Paused,
            (false, true) => Status::Active,
            (false, false) => Status::Standby,
        }
    }

    /// Whether the copy of a database is complete and kept so.
    pub fn is_synced(&self, db: Db) -> bool {
        match db {
            Db::Northbound => self.north.replica.is_synced(),
            Db::Southbound => self.south.replica.is_synced(),
        }
    }

    /// Stops writing and gives up the lock, or the other way round.
    pub fn pause(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
        self.south.replica.set_lock((!is_paused).then(|| LOCK.into()));
        self.is_pending = true;
    }

    /// Compares all rows with what they should be, at the next occasion.
    pub fn mark_all(&mut self) {
        self.southbound.mark_all();
        self.port_states.mark_all();
        self.globals.mark();
        self.is_pending = true;
    }

    fn side(&mut self, db: Db) -> &mut Side {
        match db {
            Db::Northbound => &mut self.north,
            Db::Southbound => &mut self.south,
        }
    }

    fn take_events(&mut self, now: Instant) {
        for db in [Db::Northbound, Db::Southbound] {
            while let Some(event) = self.side(db).replica.poll_event() {
                match event {
                    ReplicaEvent::Synced => self.side(db).is_known = true,
                    ReplicaEvent::Changes(changes) => self.take_changes(db, &changes, now),
                    ReplicaEvent::Lock(true) => {
                        tracing::info!("{LOCK} lock acquired, this northd is now active")
                    }
                    ReplicaEvent::Lock(false) => {
                        tracing::info!("{LOCK} lock lost, this northd is now on standby")
                    }
                    ReplicaEvent::TxnDone { id, outcome } => self.transaction_done(db, id, &outcome, now),
                    ReplicaEvent::Lost(reason) => self.lost.push_back((db, reason)),
                }
            }
        }
    }

    fn take_changes(&mut self, db: Db, changes: &[RowChange], now: Instant) {
        if let Some(at) = &mut self.side(db).retry_at {
            *at = (now + Self::RETRY_CHANGED).min(*at);
        }
        match db {
            Db::Northbound => self.northbound_changes(changes),
            Db::Southbound => self.southbound_changes(changes),
        }
    }

    fn northbound_changes(&mut self, changes: &[RowChange]) {
        for change in changes {
            match self.nb_tables.apply(change) {
                Ok(Some(change)) => {
                    self.inputs.northbound(&change);
                    match &change {
                        nb::Change::NbGlobal(delta) => self.globals.found_north(delta),
                        nb::Change::LogicalSwitchPort(delta) => self.port_states.found_port(delta),
                        _ => {}
                    }
                }
                Ok(None) => {}
                Err(error) => tracing::warn!("northbound row ignored: {error}"),
            }
        }
    }

    fn southbound_changes(&mut self, changes: &[RowChange]) {
        let is_datapath = |change: &&RowChange| &*change.table == sb::TableId::DatapathBinding.name();
        let (first, rest): (Vec<&RowChange>, Vec<&RowChange>) = changes.iter().partition(is_datapath);
        for change in first.into_iter().chain(rest) {
            match self.sb_tables.apply(change) {
                Ok(Some(change)) => {
                    self.inputs.southbound(&change);
                    self.southbound.found(&change);
                    match &change {
                        sb::Change::SbGlobal(delta) => self.globals.found_south(delta),
                        sb::Change::ChassisPrivate(delta) => self.globals.found_chassis_private(delta),
                        sb::Change::Chassis(delta) => {
                            self.globals.found_chassis(delta);
                            self.port_states.found_chassis(delta);
                        }
                        sb::Change::PortBinding(delta) => self.port_states.found_binding(delta),
                        _ => {}
                    }
                }
                Ok(None) => {}
                Err(error) => tracing::warn!("southbound row ignored: {error}"),
            }
        }
    }

    fn transaction_done(&mut self, db: Db, id: TxnId, outcome: &TxnOutcome, now: Instant) {
        let side = self.side(db);
        if side.in_flight != Some(id) {
            return;
        }
        side.in_flight = None;
        match outcome {
            TxnOutcome::Committed(_) => {
                side.waited = None;
                if db == Db::Southbound
                    && let Some(nb_cfg) = self.nb_cfg_sent.take()
                {
                    self.globals.set_done(nb_cfg);
                }
                return;
            }
            TxnOutcome::TryAgain | TxnOutcome::NotLocked | TxnOutcome::Aborted => {}
            TxnOutcome::Error(error) => {
                tracing::warn!(?db, "transaction refused: {error}");
                let wait = side.waited.map_or(Self::RETRY_MIN, |waited| (waited * 2).min(Self::RETRY_MAX));
                (side.retry_at, side.waited) = (Some(now + wait), Some(wait));
            }
        }
        self.nb_cfg_sent = None;
        match db {
            Db::Northbound => self.port_states.mark_all(),
            Db::Southbound => self.southbound.mark_all(),
        }
        self.globals.mark();
    }

    fn compute(&mut self) {
        let step = self.inputs.step();
        let ran = self.inputs.engine.last_run();
        if !ran.is_empty() {
            tracing::debug!(ran = ran.len(), added = step.added.len(), removed = step.removed.len(), "units");
            self.last_run = ran.iter().take(Self::LAST_RUN_MAX).copied().collect();
        }
        self.southbound.want(step);
        self.globals.set_key_max(self.inputs.datapath_key_max());
        for complaint in self.southbound.take_new_complaints() {
            tracing::warn!("{complaint}");
        }
    }

    /// When something is due because time has gone by. Not while a transaction is on its way, whose end is an event.
    fn next_ageing(&mut self, now: Instant, wall_ms: i64) -> Option<Instant> {
        let next_ms = self.southbound.next_ms()?;
        let wait = Duration::from_millis(u64::try_from(next_ms.saturating_sub(wall_ms)).unwrap_or(0));
        // A time so far off that it cannot be told is none.
        now.checked_add(wait).filter(|_| self.status() == Status::Active && self.south.can_write())
    }

    fn write(&mut self, wall_ms: i64) {
        if self.status() != Status::Active {
            return;
        }
        let is_old = self.southbound.next_ms().is_some_and(|next| next <= wall_ms);
        let is_dirty = self.southbound.is_dirty() || self.globals.is_south_dirty();
        if self.south.can_write() && (is_dirty || is_old) {
            let mut plan = Plan::default();
            self.southbound.plan(&mut plan);
            let limit = self.inputs.network.global.peek(&()).and_then(|global| global.neighbors_removed_max);
            let limit = limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
            self.southbound.plan_ageing(wall_ms, limit, &mut plan);
            self.globals.plan_south(wall_ms, &mut plan);
            if self.south.send(plan) {
                self.nb_cfg_sent = Some(self.globals.nb_cfg());
            } else {
                self.globals.set_done(self.globals.nb_cfg());
            }
            self.is_pending = true;
        }
        if self.north.can_write() && (self.port_states.is_dirty() || self.globals.is_north_dirty()) {
            let mut plan = Plan::default();
            self.globals.plan_north(wall_ms, &mut plan);
            self.port_states.plan(self.southbound.ports(), &mut plan);
            self.north.send(plan);
            self.is_pending = true;
        }
    }
}

impl Side {
    fn new(replica: Replica) -> Self {
        Self { replica, is_known: false, in_flight: None, retry_at: None, waited: None }
    }

    fn can_write(&self) -> bool {
        self.in_flight.is_none() && self.replica.is_synced() && self.retry_at.is_none()
    }

    /// Sends what was planned, if anything was, and says so.
    fn send(&mut self, plan: Plan) -> bool {
        if plan.is_empty() {
            return false;
        }
        let replica = &self.replica;
        let transaction = plan.transaction(|table, column| replica.serves(table, column));
        if transaction.is_empty() {
            return false;
        }
        self.in_flight = Some(self.replica.transact(transaction));
        true
    }
}

/// The northbound tables that something is computed from.
fn northbound_monitors() -> Vec<ovsdb::replica::MonitorTable> {
    use nb::TableId;
    [
        TableId::NbGlobal,
        TableId::LogicalSwitch,
        TableId::LogicalSwitchPort,
        TableId::AddressSet,
        TableId::PortGroup,
        TableId::Acl,
        TableId::LogicalRouter,
        TableId::LogicalRouterPort,
        TableId::LogicalRouterStaticRoute,
        TableId::StaticMacBinding,
        TableId::GatewayChassis,
        TableId::HaChassis,
        TableId::HaChassisGroup,
        TableId::DhcpOptions,
        TableId::Dns,
    ]
    .map(TableId::monitor)
    .into()
}

/// The southbound tables that are written, and what is read back; of what changes often, only the columns that count.
fn southbound_monitors() -> Vec<ovsdb::replica::MonitorTable> {
    use sb::TableId;
    let mut monitors: Vec<_> = [
        TableId::SbGlobal,
        TableId::DatapathBinding,
        TableId::PortBinding,
        TableId::MulticastGroup,
        TableId::LogicalFlow,
        TableId::LogicalDpGroup,
        TableId::AddressSet,
        TableId::PortGroup,
        TableId::RbacRole,
        TableId::RbacPermission,
        TableId::ChassisPrivate,
        TableId::HaChassis,
        TableId::HaChassisGroup,
        TableId::StaticMacBinding,
        TableId::DhcpOptions,
        TableId::Dhcpv6Options,
        TableId::Dns,
    ]
    .map(TableId::monitor)
    .into();
    monitors.push(TableId::Chassis.monitor_columns(&["name", "hostname", "other_config"]));
    monitors.push(TableId::Encap.monitor_columns(&["type"]));
    monitors.push(TableId::MacBinding.monitor_columns(&["logical_port", "ip", "timestamp", "datapath"]));
    monitors.push(TableId::LearnedRoute.monitor_columns(&["logical_port", "datapath"]));
    monitors.push(TableId::Fdb.monitor_columns(&["dp_key", "port_key"]));
    // Of leftovers only that they are there; without any column the server would not tell even that.
    monitors.extend(leftover::TABLES.iter().map(|table| table.monitor_columns(&table.columns()[..1])));
    monitors
}

//! The controller as a state machine: messages in, messages out.
//!
//! Work is done when outputs are asked for ([`Controller::poll_output`]), on all that came in since, so that many changes
//! cost one computation and one bundle. An advance goes through these steps:
//!
//! 1. rows that changed become inputs, 2. units run, 3. flows that differ go to the switch in one bundle,
//! 4. rows that should be otherwise are written.

use ovsdb::replica::{MonitorTable, Replica, ReplicaEvent, ReplicaOptions, RowChange};
use ovsdb::{Str, Uuid, UuidGenerator, rpc};
use schema::tables::Delta;
use schema::{TypedRow as _, sb, vswitch};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use crate::advertise::Advertiser;
use crate::conditions::Scope;
use crate::events::{Keys, Link, Now, Options, Output};
use crate::flow_table::FlowTable;
use crate::host::{self, Host};
use crate::inputs::Inputs;
use crate::model::{Complaint, Config};
use crate::names::NameIndex;
use crate::network::{Local, Outputs};
use crate::ofctrl::{self, Ofctrl, Xids};
use crate::pinctrl::{Learned, Pinctrl};
use crate::sync::{Embodied, Rows};
use crate::uses::Uses;
use crate::writer::{Concern, Concerns, Memory, Writer};

/// So many flows in one round are many.
const BUSY: usize = 10_000;

/// See the module's documentation.
pub struct Controller {
    options: Options,
    vswitch: Replica,
    southbound: Replica,
    pub(crate) vswitch_rows: vswitch::Tables,
    /// All but logical flows.
    pub(crate) southbound_rows: sb::Tables,
    flow_columns: FlowColumns,
    /// Each database was complete once.
    pub(crate) vswitch_synced: bool,
    pub(crate) southbound_synced: bool,
    /// The rows of the southbound database that were last asked for.
    scope: Scope,
    /// All of them were here once.
    southbound_settled: bool,
    pub(crate) config: Option<Config>,
    pub(crate) inputs: Inputs,
    /// Their generation whose local ports and datapaths were last acted upon.
    seen: u64,
    pub(crate) flows: FlowTable,
    pub(crate) ofctrl: Ofctrl,
    pub(crate) pinctrl: Pinctrl,
    /// Which neighbours are in use.
    uses: Uses,
    /// Where names are that guests ask for.
    names: NameIndex,
    advertiser: Advertiser,
    xids: Xids,
    vswitch_writer: Writer,
    southbound_writer: Writer,
    memory: Memory,
    uuids: UuidGenerator,
    /// What the shell was last told to use.
    keys: Option<Keys>,
    /// Targets that links were last told.
    targets: BTreeMap<Link, Str>,
    /// Links that are connected.
    pub(crate) connected: BTreeMap<Link, bool>,
    /// Local ports whose flows the switch has.
    installed: BTreeMap<Uuid, Local>,
    /// What the round on its way embodies.
    on_its_way: Option<Snapshot>,
    /// What the switch embodies.
    embodied: Option<Embodied>,
    /// Zones were read back from the bridge.
    zones_restored: bool,
    pub(crate) pending: Pending,
    leaving: Leaving,
    /// What comes in waits until it is told to go on.
    is_paused: bool,
    /// See [`Self::take_busy`].
    was_busy: bool,
    output: VecDeque<Output>,
}

/// What must be done at the next advance.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Rows about this host changed.
    host: bool,
    /// Something that flows depend on changed.
    flows: bool,
    /// What is here changed, so that other rows may concern us.
    scope: bool,
    /// A plan is due, see [`Writer::mark`].
    rows: bool,
}

/// Whether this program is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    No,
    /// What was made is being taken away.
    CleaningUp,
    Done,
}

/// What a round of changes brings to the switch.
#[derive(Clone, Debug, PartialEq)]
struct Snapshot {
    /// Nothing while rows are missing.
    nb_cfg: Option<i64>,
    /// Local ports with all their flows.
    locals: BTreeMap<Uuid, Local>,
}

impl Controller {
    /// A controller that knows nothing yet; its first output connects it to the `Open_vSwitch` database.
    pub fn new(options: Options) -> Self {
        let (vswitch_monitors, southbound_monitors) = (monitors::vswitch(), monitors::southbound());
        let target = options.vswitch.clone();
        let mut controller = Self {
            vswitch_rows: vswitch::Tables::with_monitors(&vswitch_monitors),
            southbound_rows: sb::Tables::with_monitors(&southbound_monitors),
            flow_columns: FlowColumns::of(&southbound_monitors),
            vswitch: Replica::new(vswitch::schema().clone(), vswitch_monitors, ReplicaOptions::default()),
            southbound: Replica::new(sb::schema().clone(), southbound_monitors, ReplicaOptions::default()),
            vswitch_synced: false,
            southbound_synced: false,
            scope: Scope::default(),
            southbound_settled: false,
            config: None,
            inputs: Inputs::default(),
            seen: 0,
            flows: FlowTable::default(),
            ofctrl: Ofctrl::new(),
            pinctrl: Pinctrl::default(),
            uses: Uses::default(),
            advertiser: Advertiser::new(options.seed),
            names: NameIndex::default(),
            xids: Xids::default(),
            vswitch_writer: Writer::new(&Concern::VSWITCH),
            southbound_writer: Writer::new(&Concern::SOUTHBOUND),
            memory: Memory::default(),
            uuids: UuidGenerator::new(options.seed),
            keys: None,
            targets: BTreeMap::new(),
            connected: BTreeMap::new(),
            installed: BTreeMap::new(),
            on_its_way: None,
            embodied: None,
            zones_restored: false,
            pending: Pending::default(),
            leaving: Leaving::No,
            is_paused: false,
            was_busy: false,
            output: VecDeque::new(),
            options,
        };
        controller.connect(Link::Vswitch, Some(target));
        controller
    }

    /// A connection is there.
    pub fn connected(&mut self, link: Link, now: Now) {
        self.connected.insert(link, true);
        match link {
            Link::Vswitch => self.vswitch.connected(now.instant),
            Link::Southbound => self.southbound.connected(now.instant),
            Link::Flows => self.ofctrl.connected(&mut self.xids),
            Link::Packets => self.pinctrl.connected(&mut self.xids),
        }
    }

    /// A connection is gone.
    pub fn disconnected(&mut self, link: Link, now: Now) {
        self.connected.insert(link, false);
        match link {
            Link::Vswitch => self.vswitch.disconnected(now.instant),
            // Flows stay: the switch goes on by itself.
            Link::Southbound => self.southbound.disconnected(now.instant),
            Link::Flows => {
                self.ofctrl.disconnected(&mut self.flows);
                self.on_its_way = None;
            }
            Link::Packets => self.pinctrl.disconnected(),
        }
        self.mark(Concerns::ALL);
    }

    /// A message from a database.
    pub fn handle_ovsdb(&mut self, link: Link, message: rpc::Message, now: Now) {
        match link {
            Link::Vswitch => self.vswitch.handle_message(message, now.instant),
            Link::Southbound => self.southbound.handle_message(message, now.instant),
            Link::Flows | Link::Packets => debug_assert!(false, "{link:?} speaks OpenFlow"),
        }
    }

    /// A message from the switch.
    pub fn handle_openflow(&mut self, link: Link, message: openflow::Message, now: Now) {
        match link {
            Link::Flows => {
                if let Some(event) = self.ofctrl.handle(message, &mut self.flows, &mut self.xids) {
                    self.flows_event(event, now);
                }
            }
            Link::Packets => {
                let names = self.names.of(&self.southbound_rows);
                let learned = self.pinctrl.handle(message, &names, now.instant, &mut self.xids);
                let Some(learned) = learned else { return };
                let concern = match learned {
                    Learned::Mac(at) => {
                        self.memory.seen.add(at.datapath, at.mac, at.port);
                        Concern::LearnedMacs
                    }
                    Learned::Neighbor(neighbor) => {
                        self.memory.heard.add(neighbor);
                        Concern::Neighbors
                    }
                };
                self.mark(Concerns::of(&[concern]));
            }
            Link::Vswitch | Link::Southbound => debug_assert!(false, "{link:?} speaks OVSDB"),
        }
    }

    /// Time has come, see [`Self::poll_timeout`].
    pub fn handle_timeout(&mut self, now: Now) {
        self.vswitch.handle_timeout(now.instant);
        self.southbound.handle_timeout(now.instant);
        // A claim may have been put off until now; what was refused is due by itself.
        self.mark(Concerns::of(&[Concern::PortBindings]));
    }

    /// When [`Self::handle_timeout`] is due, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let refused = [self.vswitch_writer.poll_timeout(), self.southbound_writer.poll_timeout()];
        let refused = refused.into_iter().flatten().min().map(|at| (at, "transaction refused"));
        let claim = self.memory.claims.next().map(|at| (at, "claim put off"));
        let uses = self.uses.poll_timeout().map(|at| (at, "use of neighbours"));
        let advertisement = self.advertiser.next().map(|at| (at, "router advertisement"));
        [self.vswitch.poll_timeout(), self.southbound.poll_timeout(), refused, claim, uses, advertisement]
            .into_iter()
            .flatten()
            .min()
    }

    /// The program is asked to end. `restart`: another one takes over, and what was made stays. Ends with
    /// [`Output::Exit`].
    pub fn exit(&mut self, restart: bool) {
        tracing::info!(
            "Exiting ovn-controller, resource cleanup: {}",
            if restart { "False (--restart)" } else { "True" }
        );
        if restart || self.config.is_none() {
            self.leave();
        } else if self.leaving == Leaving::No {
            self.leaving = Leaving::CleaningUp;
            self.vswitch_writer = Writer::new(&[Concern::VswitchCleanup]);
            self.southbound_writer = Writer::new(&[Concern::SouthboundCleanup]);
            self.mark(Concerns::ALL);
        }
    }

    /// Whether many flows have come to the switch since the last call: what was needed on the way has been freed, and is
    /// worth giving back to the system.
    pub fn take_busy(&mut self) -> bool {
        std::mem::take(&mut self.was_busy)
    }

    fn leave(&mut self) {
        if self.leaving != Leaving::Done {
            self.leaving = Leaving::Done;
            self.output.push_back(Output::Exit);
        }
    }

    /// What the shell is to do next; `None` until something comes in.
    pub fn poll_output(&mut self, now: Now) -> Option<Output> {
        self.next_output().or_else(|| {
            self.advance(now);
            self.next_output()
        })
    }

    /// Changes of flows for [`Link::Flows`], as octets of OpenFlow 1.5: what [`Self::poll_output`] would give next as
    /// messages, for who writes them anyway. `is_full`: that link does not take more now, so that neither gives any.
    pub fn poll_changes(&mut self, is_full: bool) -> Option<Vec<u8>> {
        self.ofctrl.set_full(is_full);
        self.ofctrl.poll_changes()
    }

    fn next_output(&mut self) -> Option<Output> {
        if let Some(output) = self.output.pop_front() {
            return Some(output);
        }
        for (link, replica) in [(Link::Vswitch, &mut self.vswitch), (Link::Southbound, &mut self.southbound)]
        {
            if let Some(message) = replica.poll_output() {
                return Some(Output::SendOvsdb { link, message });
            }
        }
        if let Some(message) = self.ofctrl.poll_output(&mut self.xids) {
            return Some(Output::SendOpenflow { link: Link::Flows, message });
        }
        let message = self.pinctrl.poll_output()?;
        Some(Output::SendOpenflow { link: Link::Packets, message })
    }

    /// Stops to act upon what comes in, or goes on. Connections live on.
    pub(crate) fn pause(&mut self, paused: bool) {
        self.is_paused = paused;
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Takes all that has come in, and does what is to be done about it.
    fn advance(&mut self, now: Now) {
        if self.is_paused && self.leaving == Leaving::No {
            return;
        }
        self.take_events(now);
        if std::mem::take(&mut self.pending.host) {
            self.host_changed();
        }
        if std::mem::take(&mut self.pending.flows) {
            self.compute();
        }
        if std::mem::take(&mut self.pending.scope) {
            self.follow_scope();
        }
        let settled = self.settle();
        if self.uses.is_due(now.instant) {
            self.ofctrl.ask_uses(&mut self.xids);
        }
        self.begin_round(settled);
        if std::mem::take(&mut self.pending.rows) {
            self.write(now);
        }
        let due = self.advertiser.poll(&self.southbound_rows, &self.inputs, now.instant);
        self.pinctrl.send(due, &mut self.xids);
    }

    fn take_events(&mut self, now: Now) {
        while let Some(event) = self.vswitch.poll_event() {
            self.replica_event(Link::Vswitch, event, now);
        }
        while let Some(event) = self.southbound.poll_event() {
            self.replica_event(Link::Southbound, event, now);
        }
    }

    fn replica_event(&mut self, link: Link, event: ReplicaEvent, now: Now) {
        match event {
            ReplicaEvent::Changes(changes) => self.rows_changed(link, &changes),
            ReplicaEvent::Synced => {
                let (synced, name) = match link {
                    Link::Vswitch => (&mut self.vswitch_synced, "Open_vSwitch"),
                    Link::Southbound | Link::Flows | Link::Packets => {
                        (&mut self.southbound_synced, "OVN_Southbound")
                    }
                };
                *synced = true;
                tracing::info!(database = name, "synchronized");
                self.pending = Pending { host: true, flows: true, scope: true, rows: true };
                self.mark(Concerns::ALL);
            }
            ReplicaEvent::TxnDone { id, outcome } => {
                let writer = match link {
                    Link::Vswitch => &mut self.vswitch_writer,
                    Link::Southbound | Link::Flows | Link::Packets => &mut self.southbound_writer,
                };
                self.pending.rows |= writer.done(id, &outcome, now.instant);
            }
            ReplicaEvent::Lost(reason) => {
                if self.connected.get(&link) == Some(&true) {
                    tracing::warn!(?link, "giving up the connection: {reason}");
                    self.output.push_back(Output::Reconnect { link });
                }
            }
            ReplicaEvent::Lock(_) => {}
        }
    }

    fn rows_changed(&mut self, link: Link, changes: &[RowChange]) {
        for change in changes {
            let complaint = match link {
                Link::Vswitch => self.vswitch_rows.apply(change).map(|change| {
                    if let Some(change) = change {
                        self.vswitch_changed(&change);
                    }
                }),
                Link::Southbound | Link::Flows | Link::Packets if change.table == self.flow_columns.table => {
                    self.flow_columns.read(change).map(|change| self.southbound_changed(&change))
                }
                Link::Southbound | Link::Flows | Link::Packets => {
                    self.southbound_rows.apply(change).map(|change| {
                        if let Some(change) = change {
                            self.southbound_changed(&change);
                        }
                    })
                }
            };
            if let Err(error) = complaint {
                tracing::warn!("a row is left as it was: {error}");
            }
        }
    }

    fn vswitch_changed(&mut self, change: &vswitch::Change) {
        if let vswitch::Change::Bridge(delta) = change
            && let (Some(old), Some(new)) = (&delta.old, &delta.new)
            && old.ports == new.ports
            && (vswitch::Bridge { external_ids: new.external_ids.clone(), ..(**old).clone() }) == **new
        {
            // As after each configuration that we report there.
            return self.mark(Concerns::of(&[Concern::Bridge]));
        }
        if let vswitch::Change::Interface(delta) = change
            && let (Some(old), Some(new)) = (&delta.old, &delta.new)
            && host::asks_the_same(old, new)
        {
            // As when we say there that flows are installed.
            return self.mark(Concerns::of(&[Concern::Interfaces]));
        }
        self.pending.host = true;
        self.mark(Concerns::ALL);
    }

    fn southbound_changed(&mut self, change: &sb::Change) {
        // A port that comes or goes is told by the inputs; of others it counts who has it.
        let was_ours = matches!(change, sb::Change::PortBinding(delta) if self.inputs.is_here(delta));
        self.inputs.southbound(change);
        if let sb::Change::PortBinding(delta) = change {
            self.advertiser.found(delta);
        }
        self.pending.flows = true;
        match change {
            sb::Change::Chassis(_) => {
                // Our own row may have come or gone.
                self.pending.host = true;
                self.mark(Concerns::OF_CHASSIS);
            }
            sb::Change::Encap(_) => self.mark(Concerns::OF_CHASSIS),
            sb::Change::ChassisPrivate(_) => self.mark(Concerns::of(&[Concern::ChassisPrivate])),
            sb::Change::PortBinding(_) if was_ours => self.mark(Concerns::OF_PORTS),
            sb::Change::Fdb(_) => self.mark(Concerns::of(&[Concern::LearnedMacs])),
            sb::Change::Dns(_) | sb::Change::DatapathBinding(_) => self.names.forget(),
            sb::Change::MacBinding(_) => self.mark(Concerns::of(&[Concern::Neighbors])),
            // Plans look at no rows of other tables.
            _ => {}
        }
    }

    /// Something has changed that the plans of some concerns look at.
    fn mark(&mut self, concerns: Concerns) {
        self.vswitch_writer.mark(concerns);
        self.southbound_writer.mark(concerns);
        // Who is leaving looks at everything.
        if self.leaving == Leaving::CleaningUp {
            self.vswitch_writer.mark(Concerns::ALL);
            self.southbound_writer.mark(Concerns::ALL);
        }
        self.pending.rows = true;
    }

    /// How many plans were made of the rows that we write, by what they are about.
    pub(crate) fn plans(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.vswitch_writer.plans().chain(self.southbound_writer.plans())
    }

    /// Settings, the bridge or its ports have changed, or who we are.
    fn host_changed(&mut self) {
        self.pending.flows = true;
        self.pending.scope = true;
        self.mark(Concerns::ALL);
        self.follow_keys();
        let Some(switch) = self.vswitch_rows.open_vswitch.values().next().cloned() else { return };
        let (config, complaints) =
            Config::parse(&switch, self.options.system_id.as_deref(), &self.options.hostname);
        if config != self.config {
            complain(&complaints);
        }
        let Some(config) = config else {
            self.config = None;
            return;
        };
        let row = self.southbound_rows.chassis.values().find(|row| row.name == config.system_id);
        self.inputs.identity(&config, row.map(|row| row.uuid));
        let bridge = host::bridge(&self.vswitch_rows, &config.bridge).cloned();
        if let Some(bridge) = &bridge
            && self.vswitch_synced
            && !std::mem::replace(&mut self.zones_restored, true)
        {
            self.inputs.restore_zones(&bridge.external_ids);
        }
        self.inputs.host(Host::read(&self.vswitch_rows, &config.bridge));
        if let Some(bridge) = &bridge {
            let kind = host::datapath_type(bridge, config.bridge_datapath_type.as_ref());
            let collectors = host::collectors(&self.vswitch_rows, bridge.uuid);
            self.inputs.switch(host::features(&self.vswitch_rows, &kind), &collectors);
        }
        self.connect(Link::Southbound, config.remote.clone());
        let switch =
            bridge.is_some_and(|bridge| bridge.datapath_id.is_some()).then(|| self.switch_target(&config));
        self.connect(Link::Flows, switch.clone());
        self.connect(Link::Packets, switch);
        self.config = Some(config);
    }

    /// Tells the shell of keys before it is told to connect with them.
    fn follow_keys(&mut self) {
        let keys = host::keys(&self.vswitch_rows);
        if keys != self.keys {
            self.keys.clone_from(&keys);
            self.output.push_back(Output::UseKeys(keys));
        }
    }

    /// Where the integration bridge listens. Only once the switch has made it, so that nobody knocks in vain.
    fn switch_target(&self, config: &Config) -> Str {
        let in_its_place = || format!("unix:{}/{}.mgmt", self.options.switch_run_dir, config.bridge).into();
        config.bridge_remote.clone().unwrap_or_else(in_its_place)
    }

    fn connect(&mut self, link: Link, target: Option<Str>) {
        if self.targets.get(&link) == target.as_ref() {
            return;
        }
        match target {
            Some(target) => {
                self.targets.insert(link, target.clone());
                self.output.push_back(Output::Connect { link, target });
            }
            None => {
                self.targets.remove(&link);
                self.output.push_back(Output::Disconnect { link });
            }
        }
    }

    /// Whether all rows are here that flows are made from. Before that, flows that are there must stay.
    fn is_complete(&self) -> bool {
        self.vswitch_synced && self.southbound_settled && self.config.is_some()
    }

    /// Asks for the rows that concern us as things are now.
    fn follow_scope(&mut self) {
        let Some(config) = &self.config else { return };
        let scope = Scope::of(config, &self.inputs);
        if scope != self.scope {
            scope.apply(&mut self.southbound);
            self.scope = scope;
        }
    }

    /// Whether all rows are here that concern us.
    fn settle(&mut self) -> bool {
        let settled = self.config.is_some() && self.southbound.conditions_are_in_force();
        if settled && !std::mem::replace(&mut self.southbound_settled, true) {
            // The first flows can be made.
            self.compute();
        }
        settled
    }

    /// Runs what has to run again, and notes how flows change by that.
    fn compute(&mut self) {
        let complete = self.is_complete();
        if std::mem::replace(&mut self.memory.complete, complete) != complete {
            self.mark(Concerns::ALL);
        }
        let step = self.inputs.step(complete);
        if self.inputs.generation() != self.seen {
            self.seen = self.inputs.generation();
            self.pending.scope = true;
            self.uses.set_age(self.inputs.neighbor_age());
            self.advertiser.moved();
            self.mark(Concerns::OF_LOCALS);
        }
        let (added, removed) = (Outputs::of(step.added), Outputs::of(step.removed));
        complain(&added.complaints);
        complain(&self.inputs.take_complaints());
        self.flows.apply(added.flows, removed.flows);
        let numbers = self.inputs.network.groups.get_mut();
        self.flows.groups.apply(added.groups, removed.groups, numbers);
        let numbers = self.inputs.network.numbers_of_meters.get_mut();
        self.flows.meters.apply(added.meters, removed.meters, numbers);
    }

    /// Sends to the switch what it lacks. Rows have to be `settled` for flows to be those of all that is to be.
    fn begin_round(&mut self, settled: bool) {
        if !self.ofctrl.is_ready() || !self.is_complete() || self.leaving != Leaving::No {
            return;
        }
        let nb_cfg = self.southbound_rows.sb_global.values().next().map_or(0, |row| row.nb_cfg);
        let mut locals: BTreeMap<Uuid, Local> =
            self.inputs.claimed().map(|(port, local)| (port.uuid, local.clone())).collect();
        if !settled {
            locals.retain(|port, local| self.installed.get(port) == Some(local));
        }
        let snapshot = Snapshot { nb_cfg: settled.then_some(nb_cfg), locals };
        let zones: Vec<u16> = std::iter::from_fn(|| self.inputs.zones.next_flush()).collect();
        let embodied = self.embodied.map(|embodied| embodied.nb_cfg);
        let up_to_date = (!settled || embodied == snapshot.nb_cfg) && self.installed == snapshot.locals;
        if self.ofctrl.is_fresh() || self.flows.is_dirty() || !zones.is_empty() || !up_to_date {
            self.ofctrl.start_round(&mut self.flows, zones, &mut self.xids);
            self.on_its_way = Some(snapshot);
        }
    }

    fn flows_event(&mut self, event: ofctrl::Event, now: Now) {
        match event {
            ofctrl::Event::GeneveField(field) => {
                self.inputs.geneve_field(field);
                self.pending.flows = true;
            }
            ofctrl::Event::RoundDone { changes } => {
                self.was_busy |= changes >= BUSY;
                let Some(snapshot) = self.on_its_way.take() else { return };
                if self.installed != snapshot.locals {
                    self.installed = snapshot.locals;
                    self.mark(Concerns::OF_PORTS);
                }
                let embodied = self.embodied.map(|embodied| embodied.nb_cfg);
                if let Some(nb_cfg) = snapshot.nb_cfg.filter(|nb_cfg| embodied != Some(*nb_cfg)) {
                    self.embodied = Some(Embodied { nb_cfg, at_ms: now.wall_ms });
                    self.mark(Concerns::OF_CONFIGURATION);
                }
            }
            ofctrl::Event::Uses { flows, is_last } => {
                let used = self.uses.heard(&flows, is_last);
                if !used.is_empty() {
                    self.memory.heard.used(used);
                    self.mark(Concerns::of(&[Concern::Neighbors]));
                }
            }
            ofctrl::Event::RoundFailed => self.on_its_way = None,
            ofctrl::Event::Broken(why) => {
                tracing::warn!("connecting to the switch anew: {why}");
                self.on_its_way = None;
                self.output.push_back(Output::Reconnect { link: Link::Flows });
            }
        }
    }

    /// Writes what should be otherwise.
    fn write(&mut self, now: Now) {
        let Some(config) = &self.config else { return };
        let rows = Rows {
            config,
            sb: &self.southbound_rows,
            vswitch: &self.vswitch_rows,
            inputs: &self.inputs,
            installed: &self.installed,
            embodied: self.embodied,
            now,
        };
        let (memory, uuids) = (&mut self.memory, &mut self.uuids);
        let mut done = true;
        if self.vswitch_synced {
            done &= self.vswitch_writer.write(&mut self.vswitch, &rows, memory, uuids);
        }
        if self.southbound_synced {
            done &= self.southbound_writer.write(&mut self.southbound, &rows, memory, uuids);
        }
        if self.leaving == Leaving::CleaningUp && done {
            self.leave();
        }
    }
}

/// How rows of logical flows are read. They are nearly all there is, and nobody looks at them again once the inputs have
/// them, so that they are not kept.
struct FlowColumns {
    table: Str,
    places: Option<Vec<Option<usize>>>,
}

impl FlowColumns {
    fn of(monitors: &[MonitorTable]) -> Self {
        let table = Str::from(sb::LogicalFlow::TABLE);
        let monitor = monitors.iter().find(|monitor| monitor.table == table);
        let columns = monitor.map_or(&[][..], |monitor| &monitor.columns[..]);
        Self { table, places: schema::tables::places(sb::LogicalFlow::COLUMNS, columns) }
    }

    /// The change without the row that was.
    fn read(&self, change: &RowChange) -> Result<sb::Change, schema::ColumnError> {
        let values = change.new.as_ref().map(|row| &row[..]);
        let new = schema::tables::typed(change.uuid, values, self.places.as_ref())?;
        Ok(sb::Change::LogicalFlow(Delta { uuid: change.uuid, old: None, new: new.map(Arc::new) }))
    }
}

fn complain(complaints: &[Complaint]) {
    for complaint in complaints {
        tracing::warn!("{complaint}");
    }
}

/// The tables and columns that are asked for.
mod monitors {
    use ovsdb::replica::MonitorTable;
    use schema::{sb, vswitch};

    pub(super) fn vswitch() -> Vec<MonitorTable> {
        use vswitch::TableId as T;
        vec![
            T::OpenVSwitch.monitor_columns(&[
                "external_ids",
                "other_config",
                "bridges",
                "datapaths",
                "iface_types",
            ]),
            T::Bridge.monitor_columns(&[
                "name",
                "ports",
                "fail_mode",
                "datapath_type",
                "datapath_id",
                "other_config",
                "external_ids",
            ]),
            T::Port.monitor_columns(&["name", "interfaces", "external_ids"]),
            T::Interface.monitor_columns(&["name", "type", "options", "ofport", "external_ids"]),
            T::Datapath.monitor_columns(&["capabilities"]),
            T::FlowSampleCollectorSet.monitor_columns(&["id", "bridge"]),
            T::Ssl.monitor_columns(&["private_key", "certificate", "ca_cert", "bootstrap_ca_cert"]),
        ]
    }

    pub(super) fn southbound() -> Vec<MonitorTable> {
        use sb::TableId as T;
        let flow = [
            "logical_datapath",
            "logical_dp_group",
            "pipeline",
            "table_id",
            "priority",
            "match",
            "actions",
            "tags",
            "controller_meter",
        ];
        vec![
            T::SbGlobal.monitor_columns(&["nb_cfg"]),
            T::Chassis.monitor(),
            T::ChassisPrivate.monitor(),
            T::Encap.monitor(),
            T::DatapathBinding.monitor_columns(&["tunnel_key", "external_ids"]),
            T::LogicalDpGroup.monitor(),
            T::LogicalFlow.monitor_columns(&flow),
            T::PortBinding.monitor(),
            T::MulticastGroup.monitor(),
            T::AddressSet.monitor_columns(&["name", "addresses"]),
            T::PortGroup.monitor(),
            T::Fdb.monitor(),
            T::HaChassisGroup.monitor_columns(&["ha_chassis"]),
            T::HaChassis.monitor_columns(&["chassis", "priority"]),
            T::MacBinding.monitor(),
            T::StaticMacBinding.monitor(),
            T::LoadBalancer.monitor(),
            T::Meter.monitor(),
            T::MeterBand.monitor(),
            T::ChassisTemplateVar.monitor(),
            T::Dns.monitor_columns(&["records", "datapaths", "options"]),
        ]
    }
}

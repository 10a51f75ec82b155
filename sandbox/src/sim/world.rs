//! The parts of a world, and what can be done to it from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use northd::northd::{Db, Northd, NorthdOptions};
use ovsdb::UuidGenerator;
use packet::MacAddr;
use schema::{nb, sb};

use super::agenda::Agenda;
use super::chassis::Chassis;
use super::database::DatabaseNode;
use super::dns::Resolver;
use super::guest::{Guest, Program, ProgramId};
use super::ping::Ping;
use super::queue::Queue;
use super::tool::Mailbox;
use super::traffic::{Sink, Source};
use super::{CONTROL_DELAY, ChassisId, Client, Delivery, GUEST_DELAY, GuestId, Part};
use crate::fabric::Fabric;
use crate::text::values::Cidr;
use crate::tools::capture::Capture;
use crate::tools::dns::{Answer, Question};
use crate::tools::echo::Report;
use crate::tools::ping::Plan;
use crate::tools::traffic;
use crate::topology::LinkSettings;

/// Where frames are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// Every attachment of the fabric, in the order in which they were made.
    Underlay,
    /// The interface of a guest.
    Guest(GuestId),
}

/// What is told of each event: the time since the beginning, and a line.
pub type Tell = Box<dyn FnMut(Duration, &str)>;

/// A deployment. See the module's documentation.
pub struct World {
    pub(super) queue: Queue<Delivery>,
    pub(super) agenda: Agenda<Part>,
    /// Who may have something to say since the last look.
    pub(super) touched: BTreeSet<Part>,
    pub(super) central: DatabaseNode,
    pub(super) northd: Northd,
    pub(super) northd_runs: bool,
    /// How many there were.
    northds: u64,
    pub(super) chassis: Vec<Chassis>,
    pub(super) guests: Vec<Guest>,
    /// The wire between chassis.
    pub fabric: Fabric,
    pub(super) watches: Vec<(Watched, Capture)>,
    pub(super) tools: BTreeMap<u64, Mailbox>,
    pub(super) opened: u64,
    pub(super) uuids: UuidGenerator,
    pub(super) tell: Option<Tell>,
    pub(super) events: u64,
    seed: u64,
}

impl World {
    /// Empty databases and a northd; `start` is where its time begins.
    pub fn new(seed: u64, start: Instant) -> Self {
        let queue = Queue::new(start);
        let mut world = Self {
            queue,
            agenda: Agenda::default(),
            touched: BTreeSet::new(),
            central: DatabaseNode::new(seed.wrapping_add(1), &[nb::schema(), sb::schema()]),
            northd: northd(seed.wrapping_add(2)),
            northd_runs: false,
            northds: 0,
            chassis: Vec::new(),
            guests: Vec::new(),
            fabric: Fabric::new(seed.wrapping_add(3)),
            watches: Vec::new(),
            tools: BTreeMap::new(),
            opened: 0,
            uuids: UuidGenerator::new(seed.wrapping_add(4)),
            tell: None,
            events: 0,
            seed,
        };
        world.start_northd();
        world
    }

    /// Has every event told from now on.
    pub fn tell_events(&mut self, tell: Tell) {
        self.tell = Some(tell);
    }

    /// How much has happened so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Adds a chassis with this address on the fabric, and these settings where it is attached. Its database has what
    /// `ovs-vsctl` is told first: who it is and where the southbound database is.
    pub fn add_chassis(&mut self, name: &str, ip: IpAddr, link: LinkSettings) -> ChassisId {
        let row = super::chassis::first_row(name, ip);
        self.add_described_chassis(name, ip, link, &row)
    }

    /// Adds a chassis whose empty database is filled by these operations.
    ///
    /// # Panics
    /// When they do not fit the schema.
    pub fn add_described_chassis(
        &mut self,
        name: &str,
        ip: IpAddr,
        link: LinkSettings,
        operations: &[serde_json::Value],
    ) -> ChassisId {
        let id = ChassisId(self.chassis.len());
        let end = self.fabric.attach(link);
        let seed = self.seed.wrapping_add((id.0 as u64 + 1) * 100);
        let mut chassis = Chassis::new(name, ip, end, seed, self.queue.now());
        chassis.database.operate("Open_vSwitch", operations, self.queue.now());
        self.chassis.push(chassis);
        self.queue.push(CONTROL_DELAY, Delivery::Connect(Client::Switch(id)));
        self.touched.insert(Part::Chassis(id));
        self.drain();
        id
    }

    /// Starts a guest. Its switch hears nothing of it until a row says so, as [`World::plug`] writes it.
    pub fn add_guest(&mut self, chassis: ChassisId, name: &str, mac: MacAddr, ips: &[Cidr]) -> GuestId {
        self.add_routed_guest(chassis, name, mac, ips, None, crate::topology::GUEST_MTU)
    }

    /// The same, with a way out of its networks.
    pub fn add_routed_guest(
        &mut self,
        chassis: ChassisId,
        name: &str,
        mac: MacAddr,
        ips: &[Cidr],
        gateway: Option<IpAddr>,
        mtu: u16,
    ) -> GuestId {
        let id = GuestId(self.guests.len());
        let seed = self.seed.wrapping_add((id.0 as u64 + 1) << 32);
        self.guests.push(Guest::new((name, chassis), mac, (ips, gateway, mtu), seed, self.queue.now()));
        self.chassis[chassis.0].guests.insert(name.to_owned(), id);
        id
    }

    /// A chassis.
    pub fn chassis(&self, id: ChassisId) -> &Chassis {
        &self.chassis[id.0]
    }

    /// A guest.
    pub fn guest(&self, id: GuestId) -> &Guest {
        &self.guests[id.0]
    }

    /// Sees frames from now on, until [`World::unwatch`].
    pub fn watch(&mut self, watched: Watched) -> Capture {
        let interfaces = match watched {
            Watched::Underlay => self.chassis.iter().map(|chassis| chassis.name.clone()).collect(),
            Watched::Guest(id) => vec![self.guests[id.0].name.clone()],
        };
        let capture = Capture::new(interfaces);
        self.watches.push((watched, capture.clone()));
        capture
    }

    /// Ends a watch.
    pub fn unwatch(&mut self, capture: &Capture) {
        self.watches.retain(|(_, other)| !other.is(capture));
        capture.end();
    }

    pub(super) fn see(&self, watched: Watched, interface: u32, outgoing: bool, octets: &[u8]) {
        for (_, capture) in self.watches.iter().filter(|(at, _)| *at == watched) {
            let time = Duration::from_millis(u64::try_from(self.queue.wall_ms()).unwrap_or_default());
            let micros = Duration::from_micros(u64::from(self.queue.elapsed().subsec_micros() % 1000));
            capture.add_at(time + micros, interface, outgoing, octets.into());
        }
    }

    /// The present for people, in milliseconds since 1970.
    pub fn wall_ms(&self) -> i64 {
        self.queue.wall_ms()
    }

    /// The time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.queue.elapsed()
    }

    /// A guest begins to ping an address.
    pub fn start_ping(&mut self, from: GuestId, plan: Plan) -> ProgramId {
        let now = self.queue.now();
        let id = self.guests[from.0].start(|stack, id| Program::Ping(Ping::new(stack, id, plan, now)));
        self.touched.insert(Part::Guest(from));
        self.drain();
        id
    }

    /// A program sends nothing more; what comes still counts.
    pub fn stop_program(&mut self, from: GuestId, id: ProgramId) {
        self.guests[from.0].stop(id);
        self.touched.insert(Part::Guest(from));
        self.drain();
    }

    /// What a ping has seen, and whether it waits for nothing more after it was stopped.
    pub fn ping_report(&self, from: GuestId, id: ProgramId) -> Option<(&Report, bool)> {
        match self.guests[from.0].program(id)? {
            Program::Ping(ping) => Some((ping.report(), ping.is_over())),
            Program::Source(_) | Program::Sink(_) | Program::Resolver(_) => None,
        }
    }

    /// Traffic begins: who sends, and who receives.
    pub fn start_traffic(&mut self, from: GuestId, to: GuestId, plan: traffic::Plan) -> [ProgramId; 2] {
        let now = self.queue.now();
        let sink = self.guests[to.0].start(|stack, _| Program::Sink(Sink::new(stack, plan)));
        let source =
            self.guests[from.0].start(|stack, id| Program::Source(Source::new(stack, id, plan, now)));
        self.touched.extend([Part::Guest(from), Part::Guest(to)]);
        self.drain();
        [source, sink]
    }

    /// How traffic went so far, and whether its connection is there.
    pub fn traffic_report(
        &self,
        from: GuestId,
        to: GuestId,
        [source, sink]: [ProgramId; 2],
    ) -> Option<(traffic::Report, bool)> {
        let programs = (self.guests[from.0].program(source)?, self.guests[to.0].program(sink)?);
        let (Program::Source(source), Program::Sink(sink)) = programs else { return None };
        let (arrivals, speech) = (sink.arrivals.clone(), source.speech.clone());
        Some((traffic::Report { sent: source.sent, arrivals, speech }, source.is_connected()))
    }

    /// A guest begins to ask a server for a name, again after each `again` without an answer.
    pub fn start_resolver(
        &mut self,
        from: GuestId,
        server: SocketAddr,
        question: Question,
        again: Duration,
    ) -> ProgramId {
        let now = self.queue.now();
        let asked = (server, question, again);
        let resolver = |stack: &mut _, id| Program::Resolver(Resolver::new(stack, id, asked, now));
        let id = self.guests[from.0].start(resolver);
        self.touched.insert(Part::Guest(from));
        self.drain();
        id
    }

    /// The answer that has come.
    pub fn resolved(&self, from: GuestId, id: ProgramId) -> Option<Answer> {
        match self.guests[from.0].program(id)? {
            Program::Resolver(resolver) => resolver.answer.clone(),
            Program::Ping(_) | Program::Source(_) | Program::Sink(_) => None,
        }
    }

    /// A program of a guest ends.
    pub fn end_program(&mut self, guest: GuestId, id: ProgramId) {
        self.guests[guest.0].end(id);
    }

    /// A guest sends any frame.
    pub fn send(&mut self, from: GuestId, frame: Vec<u8>) {
        self.see(Watched::Guest(from), 0, true, &frame);
        self.queue.push(GUEST_DELAY, Delivery::FromGuest(from, frame));
    }

    /// Northd dies.
    pub fn kill_northd(&mut self) {
        for db in [Db::Northbound, Db::Southbound] {
            self.central.close(Client::Northd(db));
        }
        self.northd_runs = false;
        self.touched.insert(Part::Central);
        self.drain();
    }

    /// A northd that knows nothing is started.
    pub fn start_northd(&mut self) {
        self.northds += 1;
        self.northd = northd(self.seed.wrapping_add(2 + (self.northds << 40)));
        self.northd_runs = true;
        for db in [Db::Northbound, Db::Southbound] {
            self.queue.push(CONTROL_DELAY, Delivery::Connect(Client::Northd(db)));
        }
        self.touched.insert(Part::Northd);
        self.drain();
    }

    /// Whether northd runs.
    pub fn northd_runs(&self) -> bool {
        self.northd_runs
    }

    /// Whether the controller of a chassis runs, and whether its switch does.
    pub fn runs(&self, id: ChassisId) -> (bool, bool) {
        (self.chassis[id.0].controller_runs, self.chassis[id.0].switch_runs)
    }

    /// The controller of a chassis dies.
    pub fn kill_controller(&mut self, id: ChassisId) {
        let chassis = &mut self.chassis[id.0];
        chassis.database.close(Client::Controller(id, controller::Link::Vswitch));
        self.central.close(Client::Controller(id, controller::Link::Southbound));
        for wire in std::mem::take(&mut chassis.conns).into_values() {
            chassis.switch.switch_mut().openflow_closed(wire.conn);
        }
        chassis.replace_controller();
        chassis.controller_runs = false;
        self.touched.extend([Part::Central, Part::Chassis(id)]);
        self.drain();
    }

    /// A controller that knows nothing is started on a chassis.
    pub fn start_controller(&mut self, id: ChassisId) {
        self.chassis[id.0].controller_runs = true;
        self.touched.insert(Part::Chassis(id));
        self.drain();
    }

    /// The controller of a chassis dies, and a fresh one is started at once.
    pub fn crash_controller(&mut self, id: ChassisId) {
        self.kill_controller(id);
        self.start_controller(id);
    }

    /// The switch of a chassis dies, with its flows and connections.
    pub fn kill_switch(&mut self, id: ChassisId) {
        let now = self.now();
        let chassis = &mut self.chassis[id.0];
        chassis.database.close(Client::Switch(id));
        chassis.database.close(Client::Heir(id));
        let links: Vec<_> = std::mem::take(&mut chassis.conns).into_keys().collect();
        chassis.replace_switch();
        for link in links {
            self.chassis[id.0].controller.disconnected(link, now);
            self.begin(id, link, super::RECONNECT_DELAY);
        }
        self.touched.insert(Part::Chassis(id));
        self.drain();
    }

    /// A switch that knows nothing is started on a chassis.
    pub fn start_switch(&mut self, id: ChassisId) {
        self.chassis[id.0].switch_runs = true;
        self.queue.push(CONTROL_DELAY, Delivery::Connect(Client::Switch(id)));
        self.touched.insert(Part::Chassis(id));
        self.drain();
    }
}

fn northd(seed: u64) -> Northd {
    Northd::new(&NorthdOptions { seed, ..NorthdOptions::default() })
}

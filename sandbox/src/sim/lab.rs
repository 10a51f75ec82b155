//! A world made of a topology, driven by tokio's clock.
//!
//! The clock is stopped: it jumps to the next timer when nobody has anything to do. [`Sim::drive`] sleeps until
//! something happens in the world, lets its time catch up, and wakes those who wait for something in it. Timers count
//! whole milliseconds, the world microseconds: what a step does upon something happens up to a millisecond later.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use ovsdb::rpc::Message;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::world::Tell;
use super::{ChassisId, GuestId, HungUp, Line, ProgramId, Site, Watched, World, stack};
use crate::db::client::{Database, Server};
use crate::db::rows;
use crate::fabric::{End, Side};
use crate::lab::capture::Place;
use crate::lab::chassis::{self, Description};
use crate::lab::daemons::Daemon;
use crate::lab::guest::GUEST_INTERFACE;
use crate::lab::process::Ended;
use crate::lab::start::{self, START_MAX};
use crate::lab::upgrade::Upgraded;
use crate::text::values::Name;
use crate::tools::capture::Capture;
use crate::tools::dns::{Answer, Question};
use crate::tools::echo::Report;
use crate::tools::ping::{Plan, Until};
use crate::tools::traffic;
use crate::topology::check::CENTRAL;
use crate::topology::{Attach, Chassis, Guest, LinkSettings, Remote, Topology};

/// How long it takes to start a daemon.
const RESTART: Duration = Duration::from_millis(10);

/// A lab in virtual time.
pub struct Sim {
    pub topology: Topology,
    world: RefCell<World>,
    nodes: RefCell<BTreeMap<String, Node>>,
    /// Something was done to the world, so that the next thing may happen sooner.
    poked: Notify,
    /// Time has gone on in the world.
    turned: Notify,
    born: Instant,
    tools: Cell<u64>,
    seed: u64,
}

/// A node of the lab, as its topology has it.
#[derive(Clone)]
pub enum Node {
    Central,
    Chassis(ChassisId, Chassis),
    Guest(GuestId, Guest),
}

/// A connection to a database, from outside the network.
pub(crate) struct Connection {
    sim: Rc<Sim>,
    line: Line,
}

/// A question under way, which is asked no more when this is dropped.
struct Asking {
    sim: Rc<Sim>,
    from: GuestId,
    id: ProgramId,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.sim.with(|world| world.end_program(self.from, self.id));
    }
}

impl Sim {
    /// The world of a topology, at its beginning.
    ///
    /// # Errors
    /// What of the topology is not simulated.
    pub fn new(topology: Topology, seed: u64, tell: Option<Tell>) -> Result<Rc<Self>> {
        if topology.central.southbound == Remote::Tcp {
            bail!(
                "a Southbound database that feels the fabric's faults is not simulated: \
                   expected `central: {{southbound: unix}}`, or --backend netns"
            );
        }
        let born = Instant::now();
        let mut world = World::new(seed, born.into_std());
        if let Some(tell) = tell {
            world.tell_events(tell);
        }
        let this = Rc::new(Self {
            world: RefCell::new(world),
            nodes: RefCell::new([(CENTRAL.to_owned(), Node::Central)].into()),
            poked: Notify::new(),
            turned: Notify::new(),
            born,
            tools: Cell::new(0),
            seed,
            topology,
        });
        this.fill()?;
        Ok(this)
    }

    /// Writes what the topology says into the databases.
    fn fill(&self) -> Result<()> {
        let northbound = rows::northbound(&self.topology.northbound)?;
        let southbound = json!({ "op": "insert", "table": "SB_Global", "row": {} });
        self.with(|world| {
            world.operate(Site::Central, "OVN_Northbound", &northbound);
            world.operate(Site::Central, "OVN_Southbound", &[southbound]);
        });
        for (name, chassis) in &self.topology.chassis {
            let guests = self.topology.guests.iter().filter(|(_, guest)| guest.chassis == *name);
            let description = Description {
                name,
                chassis,
                southbound: "unix:/run/ovn/ovnsb_db.sock".to_owned(),
                guests: guests.clone().map(|(name, guest)| (name, guest, Attach::Veth)).collect(),
                underlay_bridge: false,
            };
            let link = chassis.link.unwrap_or(self.topology.underlay.link);
            let (ip, operations) = (chassis.address.addr, description.operations());
            let id = self.with(|world| world.add_described_chassis(name.as_str(), ip, link, &operations));
            self.nodes.borrow_mut().insert(name.to_string(), Node::Chassis(id, chassis.clone()));
            for (name, guest) in guests {
                self.make_guest(id, name, guest)?;
            }
        }
        Ok(())
    }

    fn make_guest(&self, chassis: ChassisId, name: &Name, guest: &Guest) -> Result<()> {
        if guest.ip.len() > stack::ADDRESSES_MAX {
            bail!("{name} has {} addresses: expected at most {}", guest.ip.len(), stack::ADDRESSES_MAX);
        }
        let id = self.with(|world| {
            let (mac, gateway) = (guest.mac.0, guest.gateway);
            world.add_routed_guest(chassis, name.as_str(), mac, &guest.ip, gateway, guest.mtu)
        });
        self.nodes.borrow_mut().insert(name.to_string(), Node::Guest(id, guest.clone()));
        Ok(())
    }

    /// Waits until every guest's port is up.
    ///
    /// # Errors
    /// Those that are not in time.
    pub async fn start(self: &Rc<Self>) -> Result<()> {
        let ports = start::ports_to_come(&self.topology);
        Ok(start::ports_up(&self.northbound(), &ports, Instant::now() + START_MAX).await?)
    }

    /// Lets time go on in the world as it does for everybody else; never ends.
    pub async fn drive(&self) {
        loop {
            let next = self.world.borrow().next_at();
            let due = async {
                match next {
                    Some(at) => tokio::time::sleep_until(Instant::from_std(at)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.poked.notified() => {}
                () = due => {}
            }
            self.world.borrow_mut().run_to(Instant::now().into_std());
            self.turned.notify_waiters();
        }
    }

    /// Does something to the world, as it is by now.
    fn with<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        let mut world = self.world.borrow_mut();
        world.run_to(Instant::now().into_std());
        let result = act(&mut world);
        self.poked.notify_one();
        result
    }

    /// Waits until `look` finds what it looks for, which changes nothing that others could see.
    async fn until<T>(
        &self,
        deadline: Option<Instant>,
        mut look: impl FnMut(&mut World) -> Option<T>,
    ) -> Option<T> {
        loop {
            let turned = self.turned.notified();
            tokio::pin!(turned);
            turned.as_mut().enable();
            if let Some(found) = look(&mut self.world.borrow_mut()) {
                return Some(found);
            }
            match deadline {
                Some(deadline) => tokio::time::timeout_at(deadline, turned).await.ok()?,
                None => turned.await,
            }
        }
    }

    /// Virtual time since the lab began.
    pub fn age(&self) -> Duration {
        self.born.elapsed()
    }

    /// How much has happened so far.
    pub fn events(&self) -> u64 {
        self.world.borrow().events()
    }

    /// The present of the world in milliseconds since 1970.
    pub(crate) fn wall_ms(&self) -> i64 {
        self.world.borrow().wall_ms()
    }

    /// A number for something that is started in it, never the same.
    pub(crate) fn draw(&self) -> u64 {
        self.tools.set(self.tools.get() + 1);
        self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(self.tools.get())
    }

    /// A node by name.
    ///
    /// # Errors
    /// When there is none; names the ones there are.
    pub fn node(&self, name: &str) -> Result<Node> {
        let nodes = self.nodes.borrow();
        let known = || nodes.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        nodes
            .get(name)
            .cloned()
            .ok_or_else(|| anyhow!("there is no node called {name}: expected one of {}", known()))
    }

    /// All nodes by name.
    pub fn all_nodes(&self) -> Vec<(String, Node)> {
        self.nodes.borrow().iter().map(|(name, node)| (name.clone(), node.clone())).collect()
    }

    fn guest(&self, name: &str) -> Result<GuestId> {
        match self.node(name)? {
            Node::Guest(id, _) => Ok(id),
            Node::Central | Node::Chassis(..) => bail!("{name} is not a guest: only guests do that in sim"),
        }
    }

    pub(crate) fn chassis(&self, name: &str) -> Result<ChassisId> {
        match self.node(name)? {
            Node::Chassis(id, _) => Ok(id),
            Node::Central | Node::Guest(..) => bail!("{name} is not a chassis"),
        }
    }

    pub fn northbound(self: &Rc<Self>) -> Database {
        Database { schema: schema::nb::schema(), server: Server::Simulated(self.clone(), Site::Central) }
    }

    pub fn southbound(self: &Rc<Self>) -> Database {
        Database { schema: schema::sb::schema(), server: Server::Simulated(self.clone(), Site::Central) }
    }

    /// The switch database of a chassis.
    ///
    /// # Errors
    /// When there is no such chassis.
    pub fn switch(self: &Rc<Self>, chassis: &str) -> Result<Database> {
        let site = Site::Chassis(self.chassis(chassis)?);
        Ok(Database { schema: schema::vswitch::schema(), server: Server::Simulated(self.clone(), site) })
    }

    /// The rows of the southbound database.
    pub fn southbound_rows(&self) -> schema::sb::Tables {
        self.with(|world| world.southbound())
    }

    pub(crate) fn connect(self: &Rc<Self>, site: Site) -> Option<Connection> {
        let line = self.with(|world| world.open_line(site))?;
        Some(Connection { sim: self.clone(), line })
    }

    /// Adds a guest while time goes on; its port may come up later.
    ///
    /// # Errors
    /// When its name is taken or there is no such chassis.
    pub async fn add_guest(self: &Rc<Self>, name: &Name, guest: &Guest) -> Result<()> {
        if self.node(name.as_str()).is_ok() {
            bail!("there is a node called {name} already");
        }
        self.make_guest(self.chassis(guest.chassis.as_str())?, name, guest)?;
        let operations: Vec<Value> = chassis::add_guest(name, guest, Attach::Veth);
        self.switch(guest.chassis.as_str())?.transact(operations, Instant::now() + START_MAX).await.map(drop)
    }

    /// Begins to record frames.
    ///
    /// # Errors
    /// When there is no such place.
    pub fn watch(&self, place: &Place) -> Result<Capture> {
        let watched = match place {
            Place::Underlay => Watched::Underlay,
            Place::Interface { node, interface } => {
                if interface != GUEST_INTERFACE {
                    bail!(
                        "in sim there is nothing at {place}: expected underlay, or {GUEST_INTERFACE} of a guest"
                    );
                }
                Watched::Guest(self.guest(node)?)
            }
        };
        Ok(self.with(|world| world.watch(watched)))
    }

    /// Ends a recording.
    pub fn unwatch(&self, capture: &Capture) {
        self.with(|world| world.unwatch(capture));
    }

    /// A guest sends a frame.
    ///
    /// # Errors
    /// When there is no such guest.
    pub fn send(&self, from: &str, octets: Vec<u8>) -> Result<()> {
        let from = self.guest(from)?;
        self.with(|world| world.send(from, octets));
        Ok(())
    }

    /// A guest pings until the end that was asked for.
    ///
    /// # Errors
    /// When there is no such guest.
    pub async fn ping(&self, from: &str, plan: Plan, until: Until) -> Result<Report> {
        let from = self.guest(from)?;
        let id = self.with(|world| world.start_ping(from, plan));
        let to_the_end = !matches!(until, Until::InARow(..));
        match until {
            Until::InARow(wanted, deadline) => {
                let enough = |world: &mut World| {
                    let (report, _) = world.ping_report(from, id)?;
                    (report.in_a_row >= wanted).then_some(())
                };
                self.until(Some(deadline), enough).await;
            }
            Until::Time(deadline) => tokio::time::sleep_until(deadline).await,
            // Whoever could have told is gone: that is the end as well.
            Until::Told(mut told) => drop(told.wait_for(|told| *told).await),
        }
        self.with(|world| world.stop_program(from, id));
        if to_the_end {
            // Those that may still be answered.
            let over = |world: &mut World| world.ping_report(from, id)?.1.then_some(());
            self.until(None, over).await;
        }
        self.with(|world| {
            let report = world.ping_report(from, id).map(|(report, _)| report.clone());
            world.end_program(from, id);
            report.context("the ping died")
        })
    }

    /// A guest asks a server for a name until there is an answer, or until `end`.
    ///
    /// # Errors
    /// When there is no such guest.
    pub async fn ask(
        self: &Rc<Self>,
        from: &str,
        server: SocketAddr,
        question: Question,
        again: Duration,
        end: Instant,
    ) -> Result<Option<Answer>> {
        let from = self.guest(from)?;
        let id = self.with(|world| world.start_resolver(from, server, question, again));
        let asking = Asking { sim: self.clone(), from, id };
        Ok(self.until(Some(end), |world| world.resolved(asking.from, asking.id)).await)
    }

    /// Begins traffic; the connection is there when this returns.
    ///
    /// # Errors
    /// When there are no such guests, or the connection is not there in time.
    pub async fn start_traffic(
        self: &Rc<Self>,
        from: &str,
        to: &str,
        plan: traffic::Plan,
    ) -> Result<Traffic> {
        let (from, to) = (self.guest(from)?, self.guest(to)?);
        if from == to {
            bail!("traffic from a guest to itself");
        }
        let ids = self.with(|world| world.start_traffic(from, to, plan));
        let traffic = Traffic { sim: self.clone(), from, to, ids };
        let connected = |world: &mut World| {
            let (report, connected) = world.traffic_report(from, to, ids)?;
            (connected || report.speech.broken.is_some()).then_some(connected)
        };
        match self.until(Some(Instant::now() + traffic::PATIENCE), connected).await {
            Some(true) => Ok(traffic),
            Some(false) | None => bail!("no connection in time"),
        }
    }

    /// Where a node is attached to the fabric.
    ///
    /// # Errors
    /// When it is not.
    fn end_of(&self, name: &str) -> Result<End> {
        let id = self.chassis(name).with_context(|| format!("{name} is not attached to the fabric"))?;
        Ok(self.world.borrow().chassis(id).end)
    }

    /// Changes what the fabric does at a node.
    ///
    /// # Errors
    /// When it is not attached to it.
    pub fn set_link(&self, name: &str, side: Side, settings: LinkSettings) -> Result<()> {
        let end = self.end_of(name)?;
        self.with(|world| world.fabric.set(end, side, settings));
        Ok(())
    }

    /// Cuts a node from all others.
    ///
    /// # Errors
    /// When it is not attached to the fabric.
    pub fn cut(&self, name: &str) -> Result<()> {
        let end = self.end_of(name)?;
        let chassis: Vec<String> = self.topology.chassis.keys().map(ToString::to_string).collect();
        for other in chassis.iter().filter(|other| *other != name) {
            let other = self.end_of(other)?;
            self.with(|world| world.fabric.cut(end, other));
        }
        Ok(())
    }

    /// Undoes all cuts.
    pub fn heal_all(&self) {
        self.with(|world| world.fabric.heal_all());
    }

    /// Whether a daemon runs.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn runs(&self, node: &str, daemon: Daemon) -> Result<bool> {
        Ok(match daemon {
            Daemon::Northd => self.world.borrow().northd_runs(),
            Daemon::Controller => self.world.borrow().runs(self.chassis(node)?).0,
            Daemon::Vswitchd => self.world.borrow().runs(self.chassis(node)?).1,
            Daemon::NorthboundServer | Daemon::SouthboundServer | Daemon::SwitchServer => true,
        })
    }

    /// Ends a daemon, or starts it.
    ///
    /// # Errors
    /// When it already is as it should be, or is one that is not simulated so.
    pub fn set_running(&self, node: &str, daemon: Daemon, run: bool) -> Result<()> {
        if self.runs(node, daemon)? == run {
            bail!(
                "{daemon} {} on {node}{}",
                if run { "runs" } else { "does not run" },
                if run { " already" } else { "" }
            );
        }
        match daemon {
            Daemon::Northd if run => self.with(World::start_northd),
            Daemon::Northd => self.with(World::kill_northd),
            Daemon::Controller | Daemon::Vswitchd => {
                let id = self.chassis(node)?;
                self.with(|world| match (daemon, run) {
                    (Daemon::Controller, true) => world.start_controller(id),
                    (Daemon::Controller, false) => world.kill_controller(id),
                    (_, true) => world.start_switch(id),
                    (_, false) => world.kill_switch(id),
                });
            }
            Daemon::NorthboundServer | Daemon::SouthboundServer | Daemon::SwitchServer => {
                bail!("{daemon} cannot be ended in sim")
            }
        }
        Ok(())
    }
    /// Has a switch hand over to another, which ends before it is done when it is broken; why it did not take over.
    ///
    /// # Errors
    /// When it is no switch that runs.
    pub async fn succeed(
        &self,
        node: &str,
        daemon: Daemon,
        is_broken: bool,
    ) -> Result<std::result::Result<(), String>> {
        let id = self.chassis(node)?;
        if daemon != Daemon::Vswitchd || !self.runs(node, daemon)? {
            bail!("{daemon} on {node} does not hand over: expected ovs-vswitchd that runs");
        }
        self.with(|world| world.begin_succession(id, is_broken));
        let over = self.until(Some(Instant::now() + START_MAX), |world| world.succession(id)).await;
        over.with_context(|| format!("{daemon} on {node} did not hand over in time"))
    }

    /// Replaces a daemon; by one that ends at once, if it is broken: then the old one comes back.
    ///
    /// # Errors
    /// When it does not run, or is not replaced in sim.
    pub async fn upgrade(&self, node: &str, daemon: Daemon, is_broken: bool) -> Result<Upgraded> {
        if daemon == Daemon::Vswitchd {
            return Ok(match self.succeed(node, daemon, is_broken).await? {
                Ok(()) => Upgraded::Done(Ended::Exited(0)),
                Err(why) => Upgraded::RolledBack(why),
            });
        }
        self.set_running(node, daemon, false)?;
        tokio::time::sleep(RESTART).await;
        if is_broken {
            // The one that ends at once, and then the old one.
            tokio::time::sleep(RESTART).await;
        }
        self.set_running(node, daemon, true)?;
        Ok(match is_broken {
            true => Upgraded::RolledBack("the new one ended".to_owned()),
            false => Upgraded::Done(Ended::Exited(0)),
        })
    }
}

/// Traffic under way.
pub struct Traffic {
    sim: Rc<Sim>,
    from: GuestId,
    to: GuestId,
    ids: [ProgramId; 2],
}

impl Traffic {
    /// Sends no more, waits for what is on its way, and says how it went.
    ///
    /// # Errors
    /// When a guest is gone.
    pub async fn end(self) -> Result<traffic::Report> {
        let (from, to, ids) = (self.from, self.to, self.ids);
        self.sim.with(|world| world.stop_program(from, ids[0]));
        let whole = |world: &mut World| {
            let (report, _) = world.traffic_report(from, to, ids)?;
            (report.lost() == 0 && report.speech.is_whole()).then_some(())
        };
        self.sim.until(Some(Instant::now() + traffic::PATIENCE), whole).await;
        let report = self.sim.with(|world| world.traffic_report(from, to, ids));
        Ok(report.context("a guest is gone")?.0)
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.sim.with(|world| {
            world.end_program(self.from, self.ids[0]);
            world.end_program(self.to, self.ids[1]);
        });
    }
}

impl Connection {
    /// Says something.
    pub(crate) fn send(&self, message: Message) {
        self.sim.with(|world| world.say_on(self.line, message));
    }

    /// The next message. May be given up at any time: nothing is lost.
    ///
    /// # Errors
    /// The server has hung up.
    pub(crate) async fn receive(&self) -> Result<Message, HungUp> {
        let heard = self.sim.until(None, |world| world.hear_on(self.line).transpose()).await;
        heard.unwrap_or(Err(HungUp))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.sim.with(|world| world.close_line(self.line));
    }
}

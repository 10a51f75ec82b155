//! How time goes on: deliveries and deadlines that are due, then whatever the cores want done.

use std::time::{Duration, Instant};

use controller::{Now, Output as ControllerOutput};
use northd::northd::Output as NorthdOutput;
use packet::Frame;

use super::database::Said;
use super::world::Watched;
use super::{
    CONTROL_DELAY, ChassisId, Client, Delivery, GUEST_DELAY, GuestId, Part, RECONNECT_DELAY, Site,
    UNDERLAY_DELAY, World, tool, underlay,
};
use crate::fabric::line;

/// Deadlines that are met at one instant before that counts as a core that asks for the past for ever.
const ROUNDS_MAX: usize = 1000;

impl World {
    /// Lets so much time go by.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// Lets time go by until something is so, but no longer than `limit`; whether it is.
    pub fn run_until(&mut self, limit: Duration, mut is_so: impl FnMut(&Self) -> bool) -> bool {
        let end = self.queue.now() + limit;
        loop {
            if is_so(self) {
                return true;
            }
            if !self.step(end) {
                return false;
            }
        }
    }

    /// Lets time go by until this instant.
    pub fn run_to(&mut self, end: Instant) {
        while self.step(end) {}
    }

    /// When something happens next.
    pub fn next_at(&self) -> Option<Instant> {
        self.agenda.first().map(|(at, _)| at).into_iter().chain(self.queue.next_at()).min()
    }

    /// Goes to what is due next and does it all; false when that is after `end`, which is the present then.
    ///
    /// # Panics
    /// When a core wants to be called now for ever, which is a bug in it.
    fn step(&mut self, end: Instant) -> bool {
        let Some(at) = self.next_at().filter(|at| *at <= end) else {
            self.queue.advance(end);
            return false;
        };
        self.queue.advance(at);
        for _ in 0..ROUNDS_MAX {
            while let Some(delivery) = self.queue.pop() {
                self.deliver(delivery);
            }
            self.meet_deadlines();
            self.drain();
            if self.next_at().is_none_or(|next| next > self.queue.now()) {
                return true;
            }
        }
        panic!("time stands still at {:?}: {:?}", self.elapsed(), self.agenda.first());
    }

    pub(super) fn now(&self) -> Now {
        Now { instant: self.queue.now(), wall_ms: self.queue.wall_ms() }
    }

    fn meet_deadlines(&mut self) {
        let now = self.now();
        let is_due = |timeout: Option<(Instant, &str)>| timeout.is_some_and(|(at, _)| at <= now.instant);
        while let Some((_, part)) = self.agenda.first().filter(|(at, _)| *at <= now.instant) {
            self.agenda.set(part, None);
            self.touched.insert(part);
            match part {
                Part::Central => self.central.handle_timeout(now.instant),
                Part::Northd => self.northd.handle_timeout(now.instant, now.wall_ms),
                Part::Fabric => self.fabric.handle_timeout(now.instant),
                // It does what is due when it is drained.
                Part::Guest(_) => {}
                Part::Chassis(id) => {
                    let chassis = &mut self.chassis[id.0];
                    chassis.database.handle_timeout(now.instant);
                    if chassis.switch_runs && is_due(chassis.switch.poll_timeout()) {
                        chassis.switch.handle_timeout(now.instant);
                    }
                    if let Some(heir) = &mut chassis.heir {
                        heir.handle_timeout(now.instant);
                    }
                    if chassis.controller_runs && is_due(chassis.controller.poll_timeout()) {
                        chassis.controller.handle_timeout(now);
                    }
                }
            }
        }
    }

    fn deliver(&mut self, delivery: Delivery) {
        self.happened(&delivery);
        let now = self.now();
        match delivery {
            Delivery::Connect(client) => self.connect(client),
            Delivery::ConnectBridge(id, link) => self.connect_bridge(id, link),
            Delivery::ToServer(site, session, message) => {
                self.touched.insert(tool::part_of(site));
                self.server(site).handle(session, message, now.instant);
            }
            Delivery::FromServer(site, session, message) => {
                if let Some(client) = self.server(site).client(session) {
                    self.client_hears(client, message);
                }
            }
            Delivery::HungUp(site, session) => match self.server(site).hung_up(session) {
                Some(Client::Tool(_, id)) => self.tool_loses(id),
                Some(client) => self.reconnect(client),
                None => {}
            },
            Delivery::ToBridge(id, wire, octets) => {
                self.touched.insert(Part::Chassis(id));
                let chassis = &mut self.chassis[id.0];
                if let Some(conn) = chassis.conn_of(wire) {
                    chassis.switch.switch_mut().openflow_input(conn, &octets, now.instant);
                }
            }
            Delivery::Copy(id) => self.copy(id),
            Delivery::FromBridge(id, wire, octets) => {
                self.touched.insert(Part::Chassis(id));
                let chassis = &mut self.chassis[id.0];
                for (link, message) in chassis.openflow_said(wire, &octets) {
                    chassis.controller.handle_openflow(link, message, now);
                }
            }
            Delivery::Underlay(id, frame) => self.arrive(id, &frame),
            Delivery::FromGuest(id, frame) => {
                let guest = &self.guests[id.0];
                self.touched.insert(Part::Chassis(guest.chassis));
                let chassis = &mut self.chassis[guest.chassis.0];
                if let Some(device) = chassis.devices.get(&guest.name) {
                    let frame = Frame::copy_from(&frame);
                    chassis.switch.switch_mut().receive(*device, [frame], now.instant);
                }
            }
            Delivery::ToGuest(id, frame) => {
                self.see(Watched::Guest(id), 0, false, &frame);
                self.touched.insert(Part::Guest(id));
                self.guests[id.0].hear(&frame);
            }
        }
    }

    fn client_hears(&mut self, client: Client, message: ovsdb::rpc::Message) {
        let now = self.now();
        match client {
            Client::Northd(db) => {
                self.touched.insert(Part::Northd);
                self.northd.handle_message(db, message, now.instant);
            }
            Client::Switch(id) => {
                self.touched.insert(Part::Chassis(id));
                self.chassis[id.0].switch.database_message(message, now.instant);
            }
            Client::Heir(id) => {
                self.touched.insert(Part::Chassis(id));
                if let Some(heir) = &mut self.chassis[id.0].heir {
                    heir.hears(message, now.instant);
                }
            }
            Client::Controller(id, link) => {
                self.touched.insert(Part::Chassis(id));
                self.chassis[id.0].controller.handle_ovsdb(link, message, now);
            }
            Client::Tool(_, id) => self.tool_hears(id, message),
        }
    }

    /// A frame of the fabric arrives at a chassis. What cannot be read there, or is for somebody else, is lost.
    fn arrive(&mut self, id: ChassisId, frame: &line::Frame) {
        let chassis = &mut self.chassis[id.0];
        let arrived = underlay::read(id, frame).ok().flatten().filter(|arrived| arrived.to == chassis.ip);
        if let Some(arrived) = arrived.filter(|_| chassis.switch_runs) {
            self.touched.insert(Part::Chassis(id));
            let ends = (arrived.from, arrived.to);
            let payload = Frame::copy_from(arrived.payload);
            let now = self.queue.now();
            let switch = self.chassis[id.0].switch.switch_mut();
            switch.tunnel_datagrams(arrived.port, ends, payload, arrived.payload.len().max(1), now);
        }
    }

    /// Does what all want done that were touched. Whatever that brings about is a later delivery.
    pub(super) fn drain(&mut self) {
        while let Some(part) = self.touched.pop_first() {
            let at = match part {
                Part::Central => {
                    self.drain_server(Site::Central);
                    self.central.poll_timeout()
                }
                Part::Northd => {
                    self.drain_northd();
                    self.northd.poll_timeout().filter(|_| self.northd_runs).map(|(at, _)| at)
                }
                Part::Chassis(id) => {
                    self.drain_server(Site::Chassis(id));
                    self.drain_controller(id);
                    self.drain_switch(id);
                    self.drain_heir(id);
                    self.chassis[id.0].poll_timeout()
                }
                Part::Fabric => {
                    self.drain_fabric();
                    self.fabric.poll_timeout().map(|(at, _)| at)
                }
                Part::Guest(id) => self.drain_guest(id),
            };
            self.agenda.set(part, at);
        }
    }

    fn drain_northd(&mut self) {
        while let Some(output) = self.northd.poll_output().filter(|_| self.northd_runs) {
            match output {
                NorthdOutput::Send(db, message) => self.say(Client::Northd(db), message),
                NorthdOutput::Reconnect(db, _) => self.reconnect(Client::Northd(db)),
            }
        }
    }

    fn drain_guest(&mut self, id: GuestId) -> Option<Instant> {
        let now = self.queue.now();
        for frame in self.guests[id.0].work(now) {
            self.see(Watched::Guest(id), 0, true, &frame);
            self.queue.push(GUEST_DELAY, Delivery::FromGuest(id, frame));
        }
        self.guests[id.0].poll_timeout()
    }

    fn drain_fabric(&mut self) {
        while let Some(delivery) = self.fabric.poll_output() {
            let Some(to) = self.chassis.iter().position(|chassis| chassis.end == delivery.end) else {
                continue;
            };
            self.see(Watched::Underlay, delivery.end.0 as u32, false, &delivery.frame);
            self.queue.push(UNDERLAY_DELAY, Delivery::Underlay(ChassisId(to), delivery.frame));
        }
    }

    fn drain_server(&mut self, site: Site) {
        while let Some(said) = self.server(site).poll() {
            match said {
                Said::Message(session, message) => {
                    self.queue.push(CONTROL_DELAY, Delivery::FromServer(site, session, message));
                }
                Said::HungUp(session) => {
                    self.queue.push(CONTROL_DELAY, Delivery::HungUp(site, session));
                }
            }
        }
    }

    fn drain_controller(&mut self, id: ChassisId) {
        let now = self.now();
        while self.chassis[id.0].controller_runs
            && let Some(output) = self.chassis[id.0].controller.poll_output(now)
        {
            match output {
                // There is no TLS in this world.
                ControllerOutput::UseKeys(_) => {}
                ControllerOutput::Connect { link, target } => self.aim(id, link, target),
                ControllerOutput::Disconnect { link } => {
                    self.chassis[id.0].targets.remove(&link);
                    self.end(id, link);
                }
                ControllerOutput::Reconnect { link } => {
                    self.end(id, link);
                    self.begin(id, link, RECONNECT_DELAY);
                }
                ControllerOutput::SendOvsdb { link, message } => {
                    self.say(Client::Controller(id, link), message);
                }
                ControllerOutput::SendOpenflow { link, message } => {
                    self.say_openflow(id, link, &message);
                }
                ControllerOutput::Exit => unreachable!("nobody asks it to"),
            }
        }
    }
}

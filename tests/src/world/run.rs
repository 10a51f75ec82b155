//! How time goes on: deliveries and deadlines that are due, then whatever the cores want done.

use std::time::{Duration, Instant};

use controller::{Now, Output as ControllerOutput};
use northd::northd::Output as NorthdOutput;
use packet::Frame;

use super::database::Said;
use super::{CONTROL_DELAY, ChassisId, Client, Delivery, RECONNECT_DELAY, Site, World};

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
        let mut rounds = 0;
        loop {
            if is_so(self) {
                return true;
            }
            let Some(at) = self.next_at().filter(|at| *at <= end) else {
                self.queue.advance(end);
                return false;
            };
            rounds = if at > self.queue.now() { 0 } else { rounds + 1 };
            assert!(rounds < ROUNDS_MAX, "time stands still at {:?}: {:?}", self.elapsed(), self.deadlines());
            self.queue.advance(at);
            while let Some(delivery) = self.queue.pop() {
                self.deliver(delivery);
            }
            self.meet_deadlines();
            self.drain();
        }
    }

    pub(super) fn now(&self) -> Now {
        Now { instant: self.queue.now(), wall_ms: self.queue.wall_ms() }
    }

    fn next_at(&self) -> Option<Instant> {
        self.deadlines().into_iter().map(|(at, _)| at).chain(self.queue.next_at()).min()
    }

    fn deadlines(&self) -> Vec<(Instant, &'static str)> {
        let mut deadlines: Vec<_> = self.northd.poll_timeout().into_iter().collect();
        deadlines.extend(self.central.poll_timeout().map(|at| (at, "central database")));
        for chassis in &self.chassis {
            deadlines.extend(chassis.switch.poll_timeout());
            deadlines.extend(chassis.controller.poll_timeout());
            deadlines.extend(chassis.database.poll_timeout().map(|at| (at, "database of a chassis")));
        }
        deadlines
    }

    fn meet_deadlines(&mut self) {
        let now = self.now();
        let is_due = |timeout: Option<(Instant, &str)>| timeout.is_some_and(|(at, _)| at <= now.instant);
        self.central.handle_timeout(now.instant);
        if is_due(self.northd.poll_timeout()) {
            self.northd.handle_timeout(now.instant, now.wall_ms);
        }
        for chassis in &mut self.chassis {
            chassis.database.handle_timeout(now.instant);
            if is_due(chassis.switch.poll_timeout()) {
                chassis.switch.handle_timeout(now.instant);
            }
            if is_due(chassis.controller.poll_timeout()) {
                chassis.controller.handle_timeout(now);
            }
        }
    }

    fn deliver(&mut self, delivery: Delivery) {
        let line = self.describe(&delivery);
        self.trace.push(format!("{} {line}", self.elapsed().as_micros()));
        let now = self.now();
        match delivery {
            Delivery::Connect(client) => self.connect(client),
            Delivery::ConnectBridge(id, link) => self.connect_bridge(id, link),
            Delivery::ToServer(site, session, message) => {
                self.server(site).handle(session, message, now.instant);
            }
            Delivery::FromServer(site, session, message) => match self.server(site).client(session) {
                Some(Client::Northd(db)) => self.northd.handle_message(db, message, now.instant),
                Some(Client::Switch(id)) => self.chassis[id.0].switch.database_message(message, now.instant),
                Some(Client::Controller(id, link)) => {
                    self.chassis[id.0].controller.handle_ovsdb(link, message, now);
                }
                None => {}
            },
            Delivery::ToBridge(id, conn, octets) => {
                self.chassis[id.0].switch.switch_mut().openflow_input(conn, &octets, now.instant);
            }
            Delivery::FromBridge(id, conn, octets) => {
                let chassis = &mut self.chassis[id.0];
                for (link, message) in chassis.openflow_said(conn, &octets) {
                    chassis.controller.handle_openflow(link, message, now);
                }
            }
            Delivery::Tunnel(id, packet) => {
                let from = packet.local.expect("the way was found by it");
                let switch = self.chassis[id.0].switch.switch_mut();
                let port = packet.destination_port;
                let ends = (from, packet.remote);
                switch.tunnel_datagrams(port, ends, packet.payload, packet.datagram_len, now.instant);
            }
            Delivery::FromGuest(id, frame) => {
                let guest = &self.guests[id.0];
                let chassis = &mut self.chassis[guest.chassis.0];
                if let Some(device) = chassis.devices.get(&guest.name) {
                    let frame = Frame::copy_from(&frame);
                    chassis.switch.switch_mut().receive(*device, [frame], now.instant);
                }
            }
            Delivery::ToGuest(id, frame) => {
                for answer in self.guests[id.0].hear(&frame) {
                    self.send(id, answer);
                }
            }
        }
    }

    /// Does what all cores want done. Whatever that brings about is a later delivery.
    pub(super) fn drain(&mut self) {
        self.drain_server(Site::Central);
        while let Some(output) = self.northd.poll_output() {
            match output {
                NorthdOutput::Send(db, message) => self.say(Client::Northd(db), message),
                NorthdOutput::Reconnect(db, _) => self.reconnect(Client::Northd(db)),
            }
        }
        for id in (0..self.chassis.len()).map(ChassisId) {
            self.drain_server(Site::Chassis(id));
            self.drain_controller(id);
            self.drain_switch(id);
        }
    }

    fn drain_server(&mut self, site: Site) {
        while let Some(said) = self.server(site).poll() {
            match said {
                Said::Message(session, message) => {
                    self.queue.push(CONTROL_DELAY, Delivery::FromServer(site, session, message));
                }
                Said::HungUp(client) => self.reconnect(client),
            }
        }
    }

    fn drain_controller(&mut self, id: ChassisId) {
        let now = self.now();
        while let Some(output) = self.chassis[id.0].controller.poll_output(now) {
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

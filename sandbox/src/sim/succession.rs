//! A switch that takes another's place, as `ovs-vswitchd` does when it is replaced: it reads the database, takes flows
//! and connections part by part while the other goes on, and then, at one instant, the rest.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use controller::Link;
use datapath::vswitchd::Output;
use datapath::{ConnId, Copying, DeviceId, HandOverError, Vswitchd};
use ovsdb::rpc::Message;

use super::{CONTROL_DELAY, ChassisId, Client, Delivery, Part, World};

/// How long one part of the copy takes.
const PART_PACE: Duration = Duration::from_micros(100);

/// The switch that is to take over.
pub(super) struct Heir {
    switch: Vswitchd,
    devices: BTreeMap<String, DeviceId>,
    /// Once it knows the database, the copy is under way.
    copying: Option<Copying>,
    /// It ends when it has the copy.
    is_broken: bool,
}

impl Heir {
    pub(super) fn new(seed: u64, is_broken: bool) -> Self {
        Self { switch: Vswitchd::new(seed), devices: BTreeMap::new(), copying: None, is_broken }
    }

    pub(super) fn connected(&mut self, now: Instant) {
        self.switch.database_connected(now);
    }

    pub(super) fn disconnected(&mut self, now: Instant) {
        self.switch.database_disconnected(now);
    }

    pub(super) fn hears(&mut self, message: Message, now: Instant) {
        self.switch.database_message(message, now);
    }

    /// When it is to be called next. Once it takes the copy it only waits for that.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.switch.poll_timeout().filter(|_| self.copying.is_none()).map(|(at, _)| at)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.switch.handle_timeout(now);
        }
    }

    /// Devices are those of the switch whose place it takes.
    fn open_devices(&mut self, old: &Vswitchd, now: Instant) {
        while let Some(output) = self.switch.poll_output() {
            match output {
                Output::OpenDevice { id, name, .. } => {
                    match old.devices().find(|(other, ..)| *other == name.as_str()) {
                        Some((_, _, info)) => {
                            self.devices.insert(name, id);
                            self.switch.device_opened(id, info, now);
                        }
                        None => self.switch.device_failed(id, "No such device", now),
                    }
                }
                Output::ChangeDevice { .. }
                | Output::CloseDevice { .. }
                | Output::Listen { .. }
                | Output::Unlisten { .. }
                | Output::OpenTunnel { .. }
                | Output::CloseTunnel { .. } => {}
            }
        }
    }
}

impl World {
    /// Another switch is started to take the place of the one that runs; one that is broken ends before it has done so.
    /// How it went is told by [`World::succession`].
    pub fn begin_succession(&mut self, id: ChassisId, is_broken: bool) {
        let chassis = &mut self.chassis[id.0];
        let seed = chassis.next_seed();
        chassis.heir = Some(Heir::new(seed, is_broken));
        chassis.succession = Ok(());
        self.queue.push(CONTROL_DELAY, Delivery::Connect(Client::Heir(id)));
    }

    /// How the last succession went, or why there was none; none while it is under way.
    pub fn succession(&self, id: ChassisId) -> Option<Result<(), String>> {
        let chassis = &self.chassis[id.0];
        chassis.heir.is_none().then(|| chassis.succession.clone())
    }

    pub(super) fn drain_heir(&mut self, id: ChassisId) {
        let now = self.queue.now();
        let chassis = &mut self.chassis[id.0];
        let Some(heir) = &mut chassis.heir else { return };
        heir.open_devices(&chassis.switch, now);
        if heir.copying.is_none() && heir.switch.is_synced() {
            heir.switch.take_over(now);
            heir.open_devices(&chassis.switch, now);
            heir.copying = Some(chassis.switch.switch().begin_copy());
            self.queue.push(PART_PACE, Delivery::Copy(id));
        }
        while let Some(message) =
            self.chassis[id.0].heir.as_mut().and_then(|heir| heir.switch.poll_database())
        {
            self.say(Client::Heir(id), message);
        }
    }

    /// The next part of the copy, or after the last one the rest.
    pub(super) fn copy(&mut self, id: ChassisId) {
        let now = self.queue.now();
        let chassis = &mut self.chassis[id.0];
        let Some(heir) = &mut chassis.heir else { return };
        let Some(copying) = &mut heir.copying else { return };
        let taken = match chassis.switch.switch_mut().copy_part(copying, now) {
            Some(part) => heir.switch.switch_mut().take_part(&part, now).map(|()| true),
            None => Ok(false),
        };
        match taken {
            Ok(true) => self.queue.push(PART_PACE, Delivery::Copy(id)),
            Ok(false) if heir.is_broken => self.keep_on(id, "the new one ended".to_owned()),
            Ok(false) => self.succeed(id),
            Err(error) => self.keep_on(id, error.to_string()),
        }
    }

    /// The old switch goes on as if nothing had been.
    pub(super) fn keep_on(&mut self, id: ChassisId, why: String) {
        let chassis = &mut self.chassis[id.0];
        chassis.heir = None;
        chassis.succession = Err(why);
        chassis.switch.switch_mut().end_copy();
        chassis.database.close(Client::Heir(id));
        self.touched.insert(Part::Chassis(id));
    }

    /// The new switch takes the rest, and everything with it.
    fn succeed(&mut self, id: ChassisId) {
        // What it wanted done so far it has done itself.
        self.drain_switch(id);
        let now = self.queue.now();
        let chassis = &mut self.chassis[id.0];
        let Some(mut heir) = chassis.heir.take() else { return };
        let conns: Vec<_> = chassis.conns.iter().map(|(link, wire)| (*link, wire.conn)).collect();
        let taken = match take_rest(&mut chassis.switch, &mut heir, &conns, now) {
            Ok(taken) => taken,
            Err(error) => return self.keep_on(id, error.to_string()),
        };
        chassis.switch = heir.switch;
        chassis.devices = heir.devices;
        chassis.database.succeed(Client::Switch(id), Client::Heir(id));
        self.touched.insert(Part::Chassis(id));
        for (link, taken) in taken {
            match (taken, self.chassis[id.0].conns.get_mut(&link)) {
                (Some(conn), Some(wire)) => wire.conn = conn,
                // It was in the middle of something.
                (None, _) | (_, None) => self.reconnect_bridge(id, link),
            }
        }
    }
}

/// What the connections are called from now on; none of one that cannot be handed over.
type Taken = Vec<(Link, Option<ConnId>)>;

fn take_rest(
    old: &mut Vswitchd,
    heir: &mut Heir,
    conns: &[(Link, ConnId)],
    now: Instant,
) -> Result<Taken, HandOverError> {
    let mut taken = Vec::new();
    for (link, conn) in conns {
        let conn = match old.switch().put_connection(*conn, now) {
            Some(kept) => heir.switch.switch_mut().take_connection(&kept, now)?.map(|(conn, _)| conn),
            None => None,
        };
        taken.push((*link, conn));
    }
    if let Some(copying) = &heir.copying {
        let rest = old.switch_mut().copy_rest(copying, now);
        heir.switch.switch_mut().take_part(&rest, now)?;
    }
    Ok(taken)
}

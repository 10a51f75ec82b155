//! A chassis: its own `Open_vSwitch` database, the switch and the controller.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use controller::{Controller, Link, Options};
use datapath::{ConnId, DeviceId, DeviceInfo, DeviceKind, Vswitchd};
use openflow::{Framer, Message, Version};
use ovsdb::Str;
use packet::MacAddr;
use schema::vswitch;
use serde_json::{Value, json};

use super::database::DatabaseNode;
use super::succession::Heir;
use super::{GuestId, WireId};
use crate::fabric::End;

/// A chassis.
pub struct Chassis {
    /// Its name in the southbound database.
    pub name: String,
    /// Its address on the underlay.
    pub ip: IpAddr,
    /// The server of `Open_vSwitch`.
    pub(super) database: DatabaseNode,
    /// The switch.
    pub switch: Vswitchd,
    /// Whether the switch is connected to its database, or tries to be. One that does not run is a fresh one.
    pub(super) switch_runs: bool,
    pub(super) controller: Controller,
    /// Whether the controller does anything. One that does not run is a fresh one.
    pub(super) controller_runs: bool,
    /// Where it is attached to the fabric.
    pub end: End,
    /// Guests by the name of their interfaces, which is their own.
    pub(super) guests: BTreeMap<String, GuestId>,
    /// What the controller wants to be connected to.
    pub(super) targets: BTreeMap<Link, Str>,
    pub(super) conns: BTreeMap<Link, Wire>,
    /// Open devices by the name of the interface.
    pub(super) devices: BTreeMap<String, DeviceId>,
    /// When the bridge has taken the last OpenFlow message that is on its way to it.
    pub(super) bridge_free_at: Instant,
    /// The switch that is to take the place of the present one.
    pub(super) heir: Option<Heir>,
    /// How that ended the last time.
    pub(super) succession: Result<(), String>,
    /// How many controllers and switches there were.
    replaced: u64,
    seed: u64,
}

/// A connection of the controller to the bridge.
pub(super) struct Wire {
    pub(super) id: WireId,
    /// What the switch calls it.
    pub(super) conn: ConnId,
    /// What the controller has heard of a message.
    pub(super) framer: Framer,
}

/// The operation that `ovs-vsctl` is told first: who the chassis is and where the southbound database is.
pub(super) fn first_row(name: &str, ip: IpAddr) -> Vec<Value> {
    let pairs = [
        ("system-id", name.to_owned()),
        ("ovn-remote", "tcp:172.31.0.254:6642".to_owned()),
        ("ovn-encap-type", "geneve".to_owned()),
        ("ovn-encap-ip", ip.to_string()),
    ];
    let pairs: Vec<Value> = pairs.iter().map(|(key, value)| json!([key, value])).collect();
    vec![json!({ "op": "insert", "table": "Open_vSwitch", "row": { "external_ids": ["map", pairs] } })]
}

impl Chassis {
    /// A chassis with an empty database.
    pub(super) fn new(name: &str, ip: IpAddr, end: End, seed: u64, now: Instant) -> Self {
        Self {
            name: name.to_owned(),
            ip,
            database: DatabaseNode::new(seed, &[vswitch::schema()]),
            switch: Vswitchd::new(seed),
            switch_runs: true,
            controller: controller(name, seed),
            controller_runs: true,
            end,
            guests: BTreeMap::new(),
            targets: BTreeMap::new(),
            conns: BTreeMap::new(),
            devices: BTreeMap::new(),
            bridge_free_at: now,
            heir: None,
            succession: Ok(()),
            replaced: 0,
            seed,
        }
    }

    /// A seed for what replaces something.
    pub(super) fn next_seed(&mut self) -> u64 {
        self.replaced += 1;
        self.seed.wrapping_add(self.replaced << 32)
    }

    /// Another controller, which knows nothing, takes the place of the present one.
    pub(super) fn replace_controller(&mut self) {
        let seed = self.next_seed();
        self.controller = controller(&self.name, seed);
        self.targets.clear();
    }

    /// Another switch, which knows nothing and is not started yet, takes the place of the present one.
    pub(super) fn replace_switch(&mut self) {
        self.switch = Vswitchd::new(self.next_seed());
        self.switch_runs = false;
        self.heir = None;
        self.devices.clear();
    }

    /// When something of it is to be called next.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let controller = self.controller.poll_timeout().filter(|_| self.controller_runs);
        let switch = self.switch.poll_timeout().filter(|_| self.switch_runs);
        let timeouts = controller.into_iter().chain(switch).map(|(at, _)| at);
        let heir = self.heir.as_ref().and_then(Heir::poll_timeout);
        timeouts.chain(heir).chain(self.database.poll_timeout()).min()
    }

    /// The rows of the switch.
    pub fn rows(&self) -> vswitch::Tables {
        let mut tables = vswitch::Tables::default();
        self.database.read("Open_vSwitch", |table, uuid, row| {
            let columns = vswitch::TableId::from_name(table).expect("a table of the schema").columns();
            tables.replace(table, uuid, Some(&row(columns))).expect("rows follow the schema");
        });
        tables
    }

    /// Answers to the wish for a device: those of guests exist, and internal ones are made.
    pub(super) fn open_device(&mut self, id: DeviceId, name: &str, kind: DeviceKind, now: Instant) {
        let exists = match kind {
            DeviceKind::System => self.guests.contains_key(name),
            DeviceKind::Internal | DeviceKind::Tap => true,
            DeviceKind::Dummy => false,
        };
        if exists {
            self.devices.insert(name.to_owned(), id);
            self.switch.device_opened(id, device_info(id), now);
        } else {
            self.switch.device_failed(id, "No such device", now);
        }
    }

    /// The messages that octets from the bridge complete.
    pub(super) fn openflow_said(&mut self, wire: WireId, octets: &[u8]) -> Vec<(Link, Message)> {
        let found = self.conns.iter_mut().find(|(_, other)| other.id == wire);
        let Some((link, wire)) = found else { return Vec::new() };
        wire.framer.push(octets);
        let mut messages = Vec::new();
        while let Some(frame) = wire.framer.next_frame().expect("the switch frames well") {
            let message =
                Message::decode(Version::Of15, &frame).expect("the controller knows what it asked for");
            messages.push((*link, message));
        }
        messages
    }

    /// The connection that the switch knows by this name.
    pub(super) fn wire_of(&self, conn: ConnId) -> Option<(Link, WireId)> {
        self.conns.iter().find(|(_, wire)| wire.conn == conn).map(|(link, wire)| (*link, wire.id))
    }

    /// What the switch calls a connection, while there is one.
    pub(super) fn conn_of(&self, wire: WireId) -> Option<ConnId> {
        self.conns.values().find(|other| other.id == wire).map(|wire| wire.conn)
    }
}

/// What an open device is like.
pub(super) fn device_info(id: DeviceId) -> DeviceInfo {
    let [.., high, low] = id.0.to_be_bytes();
    let mac = MacAddr([2, 0, 0, 1, high, low]);
    DeviceInfo { mac, mtu: 1500, ifindex: Some(100 + id.0), admin_up: true, carrier: true }
}

fn controller(name: &str, seed: u64) -> Controller {
    Controller::new(Options {
        system_id: None,
        hostname: name.into(),
        vswitch: "unix:/run/openvswitch/db.sock".into(),
        switch_run_dir: "/run/openvswitch".into(),
        seed,
    })
}

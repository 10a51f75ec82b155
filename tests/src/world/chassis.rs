//! A chassis: its own `Open_vSwitch` database, the switch and the controller.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use controller::{Controller, Link, Options};
use datapath::{ConnId, DeviceId, DeviceInfo, DeviceKind, Vswitchd};
use openflow::{Framer, Message, Version};
use ovsdb::{Str, Transaction, Uuid};
use packet::MacAddr;
use schema::TypedRow as _;
use schema::vswitch::{self, OpenVSwitch};

use super::database::DatabaseNode;
use super::queue::Queue;

/// The row of `Open_vSwitch`, the same in every database.
pub(super) const ROOT: Uuid = Uuid::from_u128(1);

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
    pub(super) controller: Controller,
    /// What the controller wants to be connected to.
    pub(super) targets: BTreeMap<Link, Str>,
    pub(super) conns: BTreeMap<Link, (ConnId, Framer)>,
    /// Open devices by the name of the interface.
    pub(super) devices: BTreeMap<String, DeviceId>,
    /// When the bridge has taken the last OpenFlow message that is on its way to it.
    pub(super) bridge_free_at: Instant,
    /// How many controllers there were.
    controllers: u64,
    seed: u64,
}

impl Chassis {
    /// A chassis whose database says what `ovs-vsctl` is told first: who it is and where the southbound database is.
    pub(super) fn new<T>(name: &str, ip: IpAddr, seed: u64, queue: &Queue<T>) -> Self {
        let mut database = DatabaseNode::new(seed, &[vswitch::schema()]);
        let settings = [
            ("system-id", name.to_owned()),
            ("ovn-remote", "tcp:172.31.0.254:6642".to_owned()),
            ("ovn-encap-type", "geneve".to_owned()),
            ("ovn-encap-ip", ip.to_string()),
        ];
        let external_ids = settings.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        let mut transaction = Transaction::new();
        let row = OpenVSwitch { external_ids, ..OpenVSwitch::default() };
        transaction.insert(OpenVSwitch::TABLE, ROOT, row.to_row());
        database.transact("Open_vSwitch", &transaction, queue.now());
        Self {
            name: name.to_owned(),
            ip,
            database,
            switch: Vswitchd::new(seed),
            controller: controller(name, seed),
            targets: BTreeMap::new(),
            conns: BTreeMap::new(),
            devices: BTreeMap::new(),
            bridge_free_at: queue.now(),
            controllers: 1,
            seed,
        }
    }

    /// Another controller, which knows nothing, takes the place of the present one.
    pub(super) fn replace_controller(&mut self) {
        self.controllers += 1;
        self.controller = controller(&self.name, self.seed + (self.controllers << 32));
        self.targets.clear();
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

    /// Answers to the wish for a device: those of `guests` exist, and internal ones are made.
    pub(super) fn open_device<T>(
        &mut self,
        id: DeviceId,
        name: &str,
        kind: DeviceKind,
        guests: &[&str],
        queue: &Queue<T>,
    ) {
        let exists = match kind {
            DeviceKind::System => guests.contains(&name),
            DeviceKind::Internal | DeviceKind::Tap => true,
            DeviceKind::Dummy => false,
        };
        if exists {
            self.devices.insert(name.to_owned(), id);
            self.switch.device_opened(id, device_info(id), queue.now());
        } else {
            self.switch.device_failed(id, "No such device", queue.now());
        }
    }

    /// The messages that octets from the bridge complete.
    pub(super) fn openflow_said(&mut self, conn: ConnId, octets: &[u8]) -> Vec<(Link, Message)> {
        let found = self.conns.iter_mut().find(|(_, (id, _))| *id == conn);
        let Some((link, (_, framer))) = found else { return Vec::new() };
        framer.push(octets);
        let mut messages = Vec::new();
        while let Some(frame) = framer.next_frame().expect("the switch frames well") {
            let message =
                Message::decode(Version::Of15, &frame).expect("the controller knows what it asked for");
            messages.push((*link, message));
        }
        messages
    }

    /// The link that a connection belongs to.
    pub(super) fn link_of(&self, conn: ConnId) -> Option<Link> {
        self.conns.iter().find(|(_, (id, _))| *id == conn).map(|(link, _)| *link)
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

//! The switch with a real database server, an operator who writes rows, and devices that answer as
//! the test says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use openflow::{Action, Match, PortNo};
use ovsdb::db::Database;
use ovsdb::replica::{Replica, ReplicaEvent, ReplicaOptions, TxnOutcome};
use ovsdb::server::{Output as ServerOutput, Server, SessionId, SessionOptions, Storage};
use ovsdb::{Datum, Mutator, Str, Transaction, Uuid, UuidGenerator};
use packet::{Frame, MacAddr};
use schema::TypedRow;
use schema::vswitch::{self, Bridge, Interface, OpenVSwitch, Port, Tables};

use super::{Output, Vswitchd};
use crate::testing::{broadcast, start};
use crate::{Departure, DeviceId, DeviceInfo};

struct World {
    now: Instant,
    server: Server,
    switch: Vswitchd,
    switch_session: SessionId,
    operator: Replica,
    operator_session: SessionId,
    rows: Tables,
    uuids: UuidGenerator,
    root: Uuid,
    /// Devices that cannot be opened, and why.
    broken: BTreeMap<&'static str, &'static str>,
    /// Devices that are not answered for yet.
    slow: BTreeSet<&'static str>,
    open: BTreeMap<String, DeviceId>,
    log: Vec<Output>,
    outcomes: Vec<TxnOutcome>,
}

fn info(id: DeviceId) -> DeviceInfo {
    DeviceInfo {
        mac: MacAddr([2, 0, 0, 0, 1, id.0 as u8]),
        mtu: 1500,
        ifindex: Some(100 + id.0),
        admin_up: true,
        carrier: true,
    }
}

impl World {
    /// With the one row of Open_vSwitch, and the switch connected.
    fn new() -> Self {
        let now = start();
        let mut server = Server::new(1);
        server.add_database(Database::new(vswitch::schema().clone(), 2), Storage::Memory).unwrap();
        let options = SessionOptions { probe_interval: None, ..SessionOptions::default() };
        let switch_session = server.open_session(&options, now).unwrap();
        let operator_session = server.open_session(&options, now).unwrap();
        let quiet = ReplicaOptions { probe_interval: None, ..ReplicaOptions::default() };
        let mut operator = Replica::new(vswitch::schema().clone(), vswitch::monitor_all(), quiet);
        let mut switch = Vswitchd::new(1);
        switch.database_connected(now);
        operator.connected(now);
        let mut uuids = UuidGenerator::new(3);
        let root = uuids.generate();
        let mut world = Self {
            now,
            server,
            switch,
            switch_session,
            operator,
            operator_session,
            rows: Tables::default(),
            uuids,
            root,
            broken: BTreeMap::new(),
            slow: BTreeSet::new(),
            open: BTreeMap::new(),
            log: Vec::new(),
            outcomes: Vec::new(),
        };
        world.settle();
        let mut txn = Transaction::new();
        txn.insert(OpenVSwitch::TABLE, root, OpenVSwitch::default().to_row());
        world.write(txn);
        world
    }

    /// Moves messages and answers until nothing moves.
    fn settle(&mut self) {
        loop {
            let mut moved = false;
            while let Some(message) = self.switch.poll_database() {
                self.server.handle_message(self.switch_session, message, self.now);
                moved = true;
            }
            while let Some(message) = self.operator.poll_output() {
                self.server.handle_message(self.operator_session, message, self.now);
                moved = true;
            }
            while let Some(output) = self.server.poll_output() {
                moved = true;
                let ServerOutput::Send { session, frame } = output else { panic!("{output:?}") };
                if session == self.switch_session {
                    self.switch.database_message(frame.to_message(), self.now);
                } else {
                    self.operator.handle_message(frame.to_message(), self.now);
                }
            }
            while let Some(event) = self.operator.poll_event() {
                match event {
                    ReplicaEvent::Changes(changes) => {
                        for change in &changes {
                            self.rows.apply(change).unwrap();
                        }
                    }
                    ReplicaEvent::TxnDone { outcome, .. } => self.outcomes.push(outcome),
                    ReplicaEvent::Synced | ReplicaEvent::Lock(_) | ReplicaEvent::Lost(_) => {}
                }
            }
            while let Some(output) = self.switch.poll_output() {
                moved = true;
                self.answer(&output);
                self.log.push(output);
            }
            if !moved {
                break;
            }
        }
    }

    fn answer(&mut self, output: &Output) {
        match output {
            Output::OpenDevice { id, name, .. } => {
                if let Some(error) = self.broken.get(name.as_str()) {
                    self.switch.device_failed(*id, error, self.now);
                } else if !self.slow.contains(name.as_str()) {
                    self.open.insert(name.clone(), *id);
                    self.switch.device_opened(*id, info(*id), self.now);
                }
            }
            Output::CloseDevice { id } => self.open.retain(|_, other| other != id),
            Output::ChangeDevice { .. }
            | Output::Listen { .. }
            | Output::Unlisten { .. }
            | Output::OpenTunnel { .. }
            | Output::CloseTunnel { .. } => {}
        }
    }

    fn write(&mut self, txn: Transaction) {
        self.operator.transact(txn);
        self.settle();
        let outcome = self.outcomes.pop().unwrap();
        assert!(matches!(outcome, TxnOutcome::Committed(_)), "{outcome:?}");
    }

    /// What every ovs-vsctl command does besides its own.
    fn next_cfg(&self, txn: &mut Transaction) {
        txn.mutate(OpenVSwitch::TABLE, self.root, "next_cfg", Mutator::Add, Datum::scalar(1));
    }

    /// `ovs-vsctl add-br`
    fn add_br(&mut self, name: &str, change: impl FnOnce(&mut Bridge)) {
        let [bridge, port, interface] = [(); 3].map(|()| self.uuids.generate());
        let mut row = Bridge { name: name.into(), ports: [port].into(), ..Bridge::default() };
        change(&mut row);
        let mut txn = Transaction::new();
        txn.insert(Bridge::TABLE, bridge, row.to_row());
        let local = Interface { name: name.into(), r#type: "internal".into(), ..Interface::default() };
        self.insert_port(&mut txn, port, interface, local);
        let bridges: BTreeSet<Uuid> = [bridge].into();
        txn.mutate(
            OpenVSwitch::TABLE,
            self.root,
            "bridges",
            Mutator::Insert,
            ovsdb::ToDatum::to_datum(&bridges),
        );
        self.next_cfg(&mut txn);
        self.write(txn);
    }

    fn insert_port(&self, txn: &mut Transaction, port: Uuid, interface: Uuid, row: Interface) {
        let name = row.name.clone();
        txn.insert(Interface::TABLE, interface, row.to_row());
        txn.insert(
            Port::TABLE,
            port,
            Port { name, interfaces: [interface].into(), ..Port::default() }.to_row(),
        );
    }

    /// `ovs-vsctl add-port`
    fn add_port(&mut self, bridge: &str, name: &str, change: impl FnOnce(&mut Interface)) {
        let [port, interface] = [(); 2].map(|()| self.uuids.generate());
        let bridge = self.rows.bridge.values().find(|row| &*row.name == bridge).unwrap().uuid;
        let mut row = Interface { name: name.into(), ..Interface::default() };
        change(&mut row);
        let mut txn = Transaction::new();
        self.insert_port(&mut txn, port, interface, row);
        let ports: BTreeSet<Uuid> = [port].into();
        txn.mutate(Bridge::TABLE, bridge, "ports", Mutator::Insert, ovsdb::ToDatum::to_datum(&ports));
        self.next_cfg(&mut txn);
        self.write(txn);
    }

    /// `ovs-vsctl del-port`
    fn del_port(&mut self, name: &str) {
        let port = self.rows.port.values().find(|row| &*row.name == name).unwrap().uuid;
        let bridge = self.rows.bridge.values().find(|row| row.ports.contains(&port)).unwrap().uuid;
        let mut txn = Transaction::new();
        let ports: BTreeSet<Uuid> = [port].into();
        txn.mutate(Bridge::TABLE, bridge, "ports", Mutator::Delete, ovsdb::ToDatum::to_datum(&ports));
        self.next_cfg(&mut txn);
        self.write(txn);
    }

    fn interface(&self, name: &str) -> &Interface {
        self.rows.interface.values().find(|row| &*row.name == name).unwrap()
    }

    fn change_interface(&mut self, name: &str, change: impl FnOnce(&mut Interface)) {
        let old = self.interface(name).clone();
        let mut new = old.clone();
        change(&mut new);
        let mut txn = Transaction::new();
        txn.update(Interface::TABLE, old.uuid, old.diff(&new));
        self.next_cfg(&mut txn);
        self.write(txn);
    }

    fn is_done(&self) -> bool {
        let root = &self.rows.open_vswitch[&self.root];
        root.cur_cfg == root.next_cfg
    }

    /// Number, state of the link and error of each interface.
    fn show(&self) -> String {
        let mut lines: Vec<String> = self
            .rows
            .interface
            .values()
            .map(|row| {
                let ofport = row.ofport.map_or("-".to_owned(), |n| n.to_string());
                let link = row.link_state.as_deref().unwrap_or("-");
                format!("{} {ofport} {link} {}", row.name, row.error.as_deref().unwrap_or(""))
            })
            .collect();
        lines.sort();
        lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
    }

    /// The devices that a frame comes out of.
    fn send(&mut self, name: &str, frame: &[u8]) -> Vec<String> {
        let id = self.open[name];
        self.switch.switch_mut().receive(id, [Frame::copy_from(frame)], self.now);
        let mut departures = Vec::new();
        self.switch.switch_mut().take_departures(&mut departures);
        let name_of = |id: &DeviceId| self.open.iter().find(|(_, other)| *other == id).unwrap().0.clone();
        departures
            .iter()
            .map(|departure| match departure {
                Departure::Device { device, .. } => name_of(device),
                Departure::Tunnel(packet) => packet.remote.to_string(),
            })
            .collect()
    }
}

fn options(pairs: &[(&str, &str)]) -> BTreeMap<Str, Str> {
    pairs.iter().map(|(key, value)| (Str::from(*key), Str::from(*value))).collect()
}

#[test]
fn ports_get_numbers_and_the_operator_learns_that_it_is_done() {
    let mut world = World::new();
    world.add_br("br0", |_| {});
    world.add_port("br0", "eth0", |_| {});
    world.add_port("br0", "tap0", |row| row.r#type = "tap".into());
    world.add_port("br0", "eth1", |row| row.ofport_request = Some(77));
    assert!(world.is_done());
    insta::assert_snapshot!(world.show(), @r#"
        br0 65534 up
        eth0 1 up
        eth1 77 up
        tap0 2 up
    "#);
    let root = &world.rows.open_vswitch[&world.root];
    assert!(root.iface_types.iter().any(|kind| &**kind == "geneve"));
    assert_eq!(world.rows.bridge.values().next().unwrap().datapath_id.as_deref(), Some("0000020000000100"));
    let eth0 = world.interface("eth0");
    assert_eq!(
        (eth0.mac_in_use.as_deref(), eth0.mtu, eth0.ifindex),
        (Some("02:00:00:00:01:01"), Some(1500), Some(101))
    );
    assert_eq!(
        world.send("eth0", &broadcast(1)),
        ["tap0", "eth1", "br0"],
        "a bridge without fail_mode learns"
    );
}

#[test]
fn what_fails_says_why_and_the_rest_goes_on() {
    let mut world = World::new();
    world.broken.insert("gone0", "could not open network device gone0 (No such device)");
    world.add_br("br0", |_| {});
    world.add_port("br0", "gone0", |_| {});
    world.add_port("br0", "odd0", |row| row.r#type = "lisp".into());
    world.add_port("br0", "t0", |row| row.r#type = "geneve".into());
    world.add_port("br0", "t1", |row| {
        row.r#type = "geneve".into();
        row.options = options(&[("remote_ip", "10.0.0.2"), ("key", "flow")]);
    });
    world.add_port("br0", "t2", |row| {
        row.r#type = "geneve".into();
        row.options = options(&[("remote_ip", "10.0.0.2"), ("key", "flow")]);
    });
    world.add_port("br0", "eth0", |_| {});
    assert!(world.is_done());
    insta::assert_snapshot!(world.show(), @r#"
        br0 65534 up
        eth0 3 up
        gone0 -1 - could not open network device gone0 (No such device)
        odd0 -1 - could not open network device odd0 (Address family not supported by protocol)
        t0 -1 - t0: geneve type requires valid 'remote_ip' argument
        t1 2 up
        t2 -1 - could not add network device t2 to ofproto (File exists)
    "#);
    assert!(world.log.contains(&Output::OpenTunnel { udp_port: 6081 }));

    // It appears, and is tried again.
    world.broken.clear();
    world.switch.links_changed(world.now);
    world.settle();
    assert_eq!(world.interface("gone0").ofport, Some(4));
    assert_eq!(world.interface("gone0").error, None);

    // And a wrong option is set right.
    world.change_interface("t0", |row| row.options = options(&[("remote_ip", "10.0.0.3")]));
    assert_eq!((world.interface("t0").ofport, world.interface("t0").error.as_deref()), (Some(5), None));
    world.del_port("t1");
    world.change_interface("eth0", |_| {});
    assert_eq!(world.interface("t2").error, None, "the other with its addresses is gone");
}

#[test]
fn cur_cfg_waits_for_devices_that_are_slow() {
    let mut world = World::new();
    world.add_br("br0", |_| {});
    world.slow.insert("eth0");
    world.add_port("br0", "eth0", |_| {});
    world.add_port("br0", "eth1", |_| {});
    assert!(!world.is_done());
    assert_eq!((world.interface("eth1").ofport, world.interface("eth0").ofport), (Some(2), None));
    let opened = world.log.iter().find_map(|output| match output {
        Output::OpenDevice { id, name, .. } if name == "eth0" => Some(*id),
        _ => None,
    });
    let id = opened.unwrap();
    world.switch.device_opened(id, info(id), world.now);
    world.settle();
    assert!(world.is_done());
    assert_eq!(world.interface("eth0").ofport, Some(1), "numbers do not depend on who answers first");
}

#[test]
fn numbers_survive_a_restart_of_the_switch() {
    let mut world = World::new();
    world.add_br("br0", |_| {});
    for name in ["a", "b", "c", "d"] {
        world.add_port("br0", name, |_| {});
    }
    world.del_port("a");
    world.del_port("c");
    world.add_port("br0", "e", |_| {});
    let before = world.show();
    insta::assert_snapshot!(before, @r#"
        b 2 up
        br0 65534 up
        d 4 up
        e 5 up
    "#);
    // A new switch on the same database.
    world.server.close_session(world.switch_session);
    let options = SessionOptions { probe_interval: None, ..SessionOptions::default() };
    world.switch_session = world.server.open_session(&options, world.now).unwrap();
    world.switch = Vswitchd::new(9);
    world.open.clear();
    world.switch.database_connected(world.now);
    world.settle();
    assert_eq!(world.show(), before);
    world.add_port("br0", "f", |_| {});
    assert_eq!(world.interface("f").ofport, Some(1));
}

#[test]
fn removed_bridges_take_their_ports_and_sockets_along() {
    let mut world = World::new();
    world.add_br("br0", |_| {});
    world.add_br("br1", |_| {});
    world.add_port("br1", "eth0", |_| {});
    let conn = world.switch.openflow_accepted("br1", world.now).unwrap();
    let id = world.open["eth0"];
    let br0 = world.rows.bridge.values().find(|row| &*row.name == "br0").unwrap().uuid;
    let mut txn = Transaction::new();
    let row = &world.rows.open_vswitch[&world.root];
    let only = OpenVSwitch { bridges: [br0].into(), ..OpenVSwitch::clone(row) };
    txn.update(OpenVSwitch::TABLE, world.root, row.diff(&only));
    world.log.clear();
    world.write(txn);
    assert!(world.log.contains(&Output::CloseDevice { id }));
    assert!(world.log.contains(&Output::Unlisten { bridge: "br1".to_owned() }));
    let outputs: Vec<_> =
        std::iter::from_fn(|| world.switch.switch_mut().openflow_output(conn)).take(3).collect();
    assert_eq!(outputs.last(), Some(&crate::ConnOutput::Close("the bridge was removed")));
    assert!(world.switch.openflow_accepted("br1", world.now).is_none());
    assert_eq!(world.open.keys().collect::<Vec<_>>(), ["br0"]);
}

#[test]
fn secure_bridges_pass_nothing_until_flows_say_so() {
    let mut world = World::new();
    world.add_br("br-int", |row| row.fail_mode = Some("secure".into()));
    world.add_port("br-int", "eth0", |_| {});
    world.add_port("br-int", "eth1", |_| {});
    assert!(world.send("eth0", &broadcast(1)).is_empty());
    let id = world.switch.bridges["br-int"].id;
    let mut changes = crate::switch::Changes::default();
    let flow = openflow::FlowMod::add(0, 1, Match::any(), vec![Action::output(PortNo(2))], 0);
    world.switch.switch.flow_mod(id, &flow, false, &mut changes, world.now).unwrap();
    assert_eq!(world.send("eth0", &broadcast(1)), ["eth1"]);
    let row = world.rows.bridge.values().next().unwrap().clone();
    let standalone = Bridge { fail_mode: None, ..Bridge::clone(&row) };
    let mut txn = Transaction::new();
    txn.update(Bridge::TABLE, row.uuid, row.diff(&standalone));
    world.write(txn);
    assert_eq!(world.send("eth0", &broadcast(1)), ["eth1", "br-int"], "flows went, and the bridge learns");
}

#[test]
fn links_go_down_and_counters_are_written_from_time_to_time() {
    let mut world = World::new();
    world.add_br("br0", |_| {});
    world.add_port("br0", "eth0", |_| {});
    world.add_port("br0", "eth1", |_| {});
    world.send("eth0", &broadcast(1));
    let id = world.open["eth1"];
    world.switch.device_changed(id, DeviceInfo { carrier: false, ..info(id) }, world.now);
    world.settle();
    let eth1 = world.interface("eth1");
    assert_eq!(
        (eth1.link_state.as_deref(), eth1.admin_state.as_deref(), eth1.link_resets),
        (Some("down"), Some("up"), Some(1))
    );
    let (at, why) = world.switch.poll_timeout().unwrap();
    assert_eq!(why, "flow cache upkeep");
    world.now = at + Duration::from_secs(5);
    world.switch.handle_timeout(world.now);
    world.settle();
    assert_eq!(world.interface("eth1").statistics.get("tx_packets"), Some(&1));
    assert_eq!(world.interface("eth0").statistics.get("rx_bytes"), Some(&60));
}

#[test]
fn a_second_switch_waits_for_the_lock() {
    let mut world = World::new();
    let options = SessionOptions { probe_interval: None, ..SessionOptions::default() };
    let first = std::mem::replace(&mut world.switch, Vswitchd::new(2));
    let first_session = world.switch_session;
    world.switch_session = world.server.open_session(&options, world.now).unwrap();
    world.switch.database_connected(world.now);
    world.settle();
    assert!(first.is_active() && !world.switch.is_active());
    assert!(world.log.is_empty());
    // The first one ends, and the second takes over.
    world.server.close_session(first_session);
    world.settle();
    world.add_br("br0", |_| {});
    assert!(world.switch.is_active());
    assert_eq!(world.interface("br0").ofport, Some(65534));
}

#[test]
fn patch_ports_lead_from_bridge_to_bridge() {
    let mut world = World::new();
    world.add_br("br0", |_| {});
    world.add_br("br1", |_| {});
    world.add_port("br0", "eth0", |_| {});
    world.add_port("br1", "eth1", |_| {});
    let mut patch = |bridge: &str, name: &str, peer: &str| {
        world.add_port(bridge, name, |row| {
            row.r#type = "patch".into();
            row.options = options(&[("peer", peer)]);
        });
    };
    patch("br0", "p0", "p1");
    patch("br1", "p1", "p0");
    assert_eq!(world.send("eth0", &broadcast(1)), ["eth1", "br1", "br0"]);
    assert_eq!(world.interface("p0").error, None);
    world.del_port("p1");
    assert_eq!(world.send("eth0", &broadcast(1)), ["br0"]);
    let error = world.interface("p0").error.clone();
    assert_eq!(error.as_deref(), Some("No usable peer 'p1' exists in 'system' datapath."));
}

#[test]
fn mirrors_of_the_database_copy_and_count() {
    let mut world = World::new();
    world.add_br("br0", |_| {});
    for name in ["eth0", "eth1", "span"] {
        world.add_port("br0", name, |_| {});
    }
    assert_eq!(world.send("eth0", &broadcast(1)), ["eth1", "span", "br0"]);
    let port =
        |world: &World, name: &str| world.rows.port.values().find(|row| &*row.name == name).unwrap().uuid;
    let row = vswitch::Mirror {
        name: "m".into(),
        select_dst_port: [port(&world, "eth1")].into(),
        output_port: Some(port(&world, "span")),
        ..vswitch::Mirror::default()
    };
    let mirror = world.uuids.generate();
    let bridge = world.rows.bridge.values().next().unwrap().uuid;
    let mut txn = Transaction::new();
    txn.insert(vswitch::Mirror::TABLE, mirror, row.to_row());
    let mirrors: BTreeSet<Uuid> = [mirror].into();
    txn.mutate(Bridge::TABLE, bridge, "mirrors", Mutator::Insert, ovsdb::ToDatum::to_datum(&mirrors));
    world.next_cfg(&mut txn);
    world.write(txn);
    assert!(world.is_done());
    assert_eq!(world.send("eth0", &broadcast(1)), ["eth1", "span", "br0"], "as a copy, and not flooded");
    assert_eq!(world.send("eth1", &broadcast(2)), ["eth0", "br0"], "it is not copied, and not flooded there");
    assert!(world.send("span", &broadcast(3)).is_empty(), "the port is for copies only");
    world.now += Duration::from_secs(30);
    world.switch.handle_timeout(world.now);
    world.settle();
    let counted = &world.rows.mirror.values().next().unwrap().statistics;
    assert_eq!((counted.get("tx_packets"), counted.get("tx_bytes")), (Some(&1), Some(&60)));
    world.del_port("span");
    assert_eq!(world.send("eth0", &broadcast(1)), ["eth1", "br0"], "nowhere for copies to go");
}

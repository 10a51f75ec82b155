//! A controller with two database servers and a switch, all in this thread.

mod switch;

pub(crate) use switch::Switch;

use controller::{Controller, Link, Now, Options, Output};
use openflow::{Framer, Version};
use ovsdb::db::Database;
use ovsdb::rpc::Message;
use ovsdb::server::{self, Server, SessionId, SessionOptions, Storage};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

pub(crate) struct Bed {
    pub(crate) controller: Controller,
    pub(crate) vswitch: Db,
    pub(crate) southbound: Db,
    pub(crate) switch: Switch,
    pub(crate) now: Now,
    /// Links that the controller wants, and those that are there.
    pub(crate) wanted: BTreeMap<Link, String>,
    pub(crate) up: BTreeSet<Link>,
    /// Links that cannot be made.
    pub(crate) cut: BTreeSet<Link>,
    /// The switch reads no changes of flows.
    pub(crate) is_full: bool,
    pub(crate) reconnections: usize,
    /// Keys that it wants to use.
    pub(crate) keys: Option<controller::Keys>,
    pub(crate) exited: bool,
}

/// A database server with the controller's session, and one of ours.
pub(crate) struct Db {
    server: Server,
    name: &'static str,
    controller: Option<SessionId>,
    admin: SessionId,
    /// What the controller has yet to hear.
    unheard: Vec<Message>,
}

impl Bed {
    /// A host whose database says what a package's scripts say, and an empty southbound database.
    pub(crate) fn new() -> Self {
        let instant = Instant::now();
        let mut bed = Self {
            controller: Controller::new(Self::options(1)),
            vswitch: Db::new(schema::vswitch::schema(), "Open_vSwitch", instant),
            southbound: Db::new(schema::sb::schema(), "OVN_Southbound", instant),
            switch: Switch::default(),
            now: Now { instant, wall_ms: 1_000_000 },
            wanted: BTreeMap::new(),
            up: BTreeSet::new(),
            cut: BTreeSet::new(),
            is_full: false,
            reconnections: 0,
            keys: None,
            exited: false,
        };
        bed.vswitch.transact(json!([{"op": "insert", "table": "Open_vSwitch", "row": {
            "external_ids": ["map", [
                ["system-id", "hv1"], ["ovn-remote", "tcp:10.0.0.9:6642"],
                ["ovn-encap-type", "geneve"], ["ovn-encap-ip", "10.0.0.1"],
            ]],
            "iface_types": ["set", ["geneve", "system"]],
        }}]));
        bed.southbound.transact(json!([{"op": "insert", "table": "SB_Global", "row": {"nb_cfg": 0}}]));
        bed
    }

    fn options(seed: u64) -> Options {
        Options {
            system_id: None,
            hostname: "host1".into(),
            vswitch: "unix:/db.sock".into(),
            switch_run_dir: "/run".into(),
            seed,
        }
    }

    /// The same with a logical switch sw0 that has these ports, keys from 1.
    pub(crate) fn with_ports(ports: &[&str]) -> Self {
        let mut bed = Self::new();
        bed.logical_switch(0, ports);
        bed
    }

    /// A logical switch with ports and a logical flow of its own.
    pub(crate) fn logical_switch(&mut self, number: usize, ports: &[&str]) {
        let name = format!("sw{number}");
        let switch = json!({"tunnel_key": number + 1, "external_ids": ["map", [
            ["name", name], ["logical-switch", "0"],
        ]]});
        let flow = json!({
            "logical_datapath": ["named-uuid", "sw"], "pipeline": "ingress", "table_id": 0, "priority": 50,
            "match": "1", "actions": "next;",
        });
        let mut rows = vec![
            json!({"op": "insert", "table": "Datapath_Binding", "uuid-name": "sw", "row": switch}),
            json!({"op": "insert", "table": "Logical_Flow", "row": flow}),
        ];
        for (i, name) in ports.iter().enumerate() {
            rows.push(json!({"op": "insert", "table": "Port_Binding", "row": {
                "logical_port": name, "datapath": ["named-uuid", "sw"], "tunnel_key": i + 1, "up": false,
            }}));
        }
        self.southbound.transact(rows.into());
    }

    /// Another controller in the place of the present one.
    pub(crate) fn replace(&mut self) {
        for link in std::mem::take(&mut self.wanted).into_keys() {
            self.break_link(link);
        }
        self.controller = Controller::new(Self::options(2));
        self.exited = false;
    }

    /// Passes on messages until nobody has anything to say.
    pub(crate) fn settle(&mut self) {
        self.settle_watched(|_| {});
    }

    /// The same with a look at everything after each step.
    pub(crate) fn settle_watched(&mut self, mut look: impl FnMut(&mut Self)) {
        let steps = [Self::controller_says, Self::databases_say, Self::switch_says, Self::switch_configures];
        for _ in 0..10_000 {
            let mut said = false;
            for step in steps {
                said |= step(self);
                look(self);
            }
            if !said {
                return;
            }
        }
        panic!("they never stop talking");
    }

    pub(crate) fn advance(&mut self, duration: Duration) {
        self.now.instant += duration;
        self.now.wall_ms += i64::try_from(duration.as_millis()).unwrap();
        while let Some((at, _)) = self.controller.poll_timeout() {
            if at > self.now.instant {
                break;
            }
            self.controller.handle_timeout(self.now);
            self.settle();
        }
        self.settle();
    }

    /// A link breaks. It comes back at the next chance unless it is cut.
    pub(crate) fn break_link(&mut self, link: Link) {
        if !self.up.remove(&link) {
            return;
        }
        match link {
            Link::Vswitch => self.vswitch.close(),
            Link::Southbound => self.southbound.close(),
            Link::Flows | Link::Packets => self.switch.disconnect(link),
        }
        self.controller.disconnected(link, self.now);
    }

    fn connect(&mut self, link: Link) {
        if self.cut.contains(&link) || !self.up.insert(link) {
            return;
        }
        match link {
            Link::Vswitch => self.vswitch.open(self.now.instant),
            Link::Southbound => self.southbound.open(self.now.instant),
            Link::Flows | Link::Packets => self.switch.connect(link),
        }
        self.controller.connected(link, self.now);
    }

    fn controller_says(&mut self) -> bool {
        let mut said = false;
        for link in self.wanted.keys().copied().collect::<Vec<_>>() {
            if !self.up.contains(&link) && !self.cut.contains(&link) {
                self.connect(link);
                said = true;
            }
        }
        while let Some(output) = self.next_output() {
            said = true;
            match output {
                Output::UseKeys(keys) => self.keys = keys,
                Output::Connect { link, target } => {
                    self.break_link(link);
                    self.wanted.insert(link, target.to_string());
                    self.connect(link);
                }
                Output::Disconnect { link } => {
                    self.wanted.remove(&link);
                    self.break_link(link);
                }
                Output::Reconnect { link } => {
                    self.reconnections += 1;
                    self.break_link(link);
                }
                Output::SendOvsdb { link: Link::Vswitch, message } => {
                    self.vswitch.hear(message, self.now.instant)
                }
                Output::SendOvsdb { message, .. } => self.southbound.hear(message, self.now.instant),
                Output::SendOpenflow { link, message } => self.switch.hear(link, message),
                Output::Exit => self.exited = true,
            }
        }
        said
    }

    /// What the controller does next. Changes of flows come as octets.
    fn next_output(&mut self) -> Option<Output> {
        let mut framer = Framer::default();
        if let Some(octets) = self.controller.poll_changes(self.is_full) {
            framer.push(&octets);
        }
        while let Some(frame) = framer.next_frame().unwrap() {
            self.switch.hear(Link::Flows, openflow::Message::decode(Version::Of15, &frame).unwrap());
        }
        self.controller.poll_output(self.now)
    }

    fn databases_say(&mut self) -> bool {
        let mut said = false;
        for link in [Link::Vswitch, Link::Southbound] {
            let db = if link == Link::Vswitch { &mut self.vswitch } else { &mut self.southbound };
            for message in db.say() {
                said = true;
                self.controller.handle_ovsdb(link, message, self.now);
            }
        }
        said
    }

    fn switch_says(&mut self) -> bool {
        let mut said = false;
        while let Some((link, message)) = self.switch.say() {
            said = true;
            self.controller.handle_openflow(link, message, self.now);
        }
        said
    }

    /// What a switch writes into its database: that bridges are there, and numbers of ports.
    fn switch_configures(&mut self) -> bool {
        let bridges = self.vswitch.rows("Bridge", &["_uuid", "datapath_id"]);
        let mut operations = Vec::new();
        for bridge in bridges.iter().filter(|row| row["datapath_id"] == json!(["set", []])) {
            operations
                .push(json!({"op": "update", "table": "Bridge", "where": [["_uuid", "==", bridge["_uuid"]]],
                                   "row": {"datapath_id": "0000000000000001"}}));
        }
        for interface in self.vswitch.rows("Interface", &["_uuid", "name", "ofport"]) {
            if interface["ofport"] == json!(["set", []]) {
                let name = interface["name"].as_str().unwrap();
                let port = if name == "br-int" { 65534 } else { self.switch.number(name) };
                operations.push(json!({"op": "update", "table": "Interface",
                                       "where": [["_uuid", "==", interface["_uuid"]]], "row": {"ofport": port}}));
            }
        }
        let any = !operations.is_empty();
        if any {
            self.vswitch.transact(operations.into());
        }
        any
    }

    /// An interface for a logical port appears on the bridge.
    pub(crate) fn plug(&mut self, port: &str) {
        let name = format!("v-{port}");
        self.vswitch.transact(json!([
            {"op": "insert", "table": "Interface", "uuid-name": "i",
             "row": {"name": name, "external_ids": ["map", [["iface-id", port]]]}},
            {"op": "insert", "table": "Port", "uuid-name": "p",
             "row": {"name": name, "interfaces": ["named-uuid", "i"]}},
            {"op": "mutate", "table": "Bridge", "where": [["name", "==", "br-int"]],
             "mutations": [["ports", "insert", ["set", [["named-uuid", "p"]]]]]},
        ]));
    }

    /// And disappears.
    pub(crate) fn unplug(&mut self, port: &str) {
        let rows = self.vswitch.rows("Port", &["_uuid", "name"]);
        let uuid = rows.iter().find(|row| row["name"] == format!("v-{port}")).unwrap()["_uuid"].clone();
        self.vswitch.transact(json!([
            {"op": "mutate", "table": "Bridge", "where": [["name", "==", "br-int"]],
             "mutations": [["ports", "delete", ["set", [uuid]]]]},
        ]));
    }

    /// Another chassis registers.
    pub(crate) fn chassis(&mut self, name: &str, ip: &str) {
        self.southbound.transact(json!([
            {"op": "insert", "table": "Encap", "uuid-name": "e",
             "row": {"type": "geneve", "ip": ip, "chassis_name": name, "options": ["map", [["csum", "true"]]]}},
            {"op": "insert", "table": "Chassis", "uuid-name": "c",
             "row": {"name": name, "hostname": name, "encaps": ["named-uuid", "e"]}},
        ]));
    }

    /// Changes a setting of the chassis.
    pub(crate) fn setting(&mut self, key: &str, value: &str) {
        self.vswitch.transact(json!([{"op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [
            ["external_ids", "delete", ["set", [key]]],
            ["external_ids", "insert", ["map", [[key, value]]]],
        ]}]));
    }

    /// What the controller writes.
    pub(crate) fn all_rows(&mut self) -> Vec<Value> {
        let southbound = ["Chassis", "Chassis_Private", "Encap", "Port_Binding", "FDB"];
        let vswitch = ["Bridge", "Port", "Interface"];
        let southbound = southbound.iter().flat_map(|table| self.southbound.rows(table, &[]));
        let mut rows: Vec<Value> = southbound.collect();
        rows.extend(vswitch.iter().flat_map(|table| self.vswitch.rows(table, &[])));
        rows.sort_by_key(Value::to_string);
        rows
    }

    /// A column of the port binding of that name.
    pub(crate) fn binding(&mut self, port: &str, column: &str) -> Value {
        let rows = self.southbound.rows("Port_Binding", &["logical_port", column]);
        rows.iter().find(|row| row["logical_port"] == port).unwrap()[column].clone()
    }

    /// `external_ids` of the interface of a port.
    pub(crate) fn interface_ids(&mut self, port: &str) -> Value {
        let rows = self.vswitch.rows("Interface", &["name", "external_ids"]);
        rows.iter().find(|row| row["name"] == format!("v-{port}")).unwrap()["external_ids"].clone()
    }
}

impl Db {
    fn new(schema: &std::sync::Arc<ovsdb::DatabaseSchema>, name: &'static str, now: Instant) -> Self {
        let mut server = Server::new(7);
        server.add_database(Database::new(schema.clone(), 3), Storage::Memory).unwrap();
        let admin = server.open_session(&Self::options(), now).unwrap();
        Self { server, name, controller: None, admin, unheard: Vec::new() }
    }

    fn options() -> SessionOptions {
        SessionOptions { probe_interval: None, ..SessionOptions::default() }
    }

    fn open(&mut self, now: Instant) {
        self.controller = Some(self.server.open_session(&Self::options(), now).unwrap());
    }

    fn close(&mut self) {
        self.unheard.clear();
        if let Some(session) = self.controller.take() {
            self.server.close_session(session);
        }
    }

    fn hear(&mut self, message: Message, now: Instant) {
        if let Some(session) = self.controller {
            self.server.handle_message(session, message, now);
        }
    }

    /// Messages for the controller.
    pub(crate) fn say(&mut self) -> Vec<Message> {
        self.drain();
        std::mem::take(&mut self.unheard)
    }

    /// A transaction of somebody else's, which must go well. Messages for the controller wait.
    pub(crate) fn transact(&mut self, operations: Value) -> Value {
        let mut params = vec![json!(self.name)];
        params.extend(operations.as_array().unwrap().iter().cloned());
        let request = Message::request(1, "transact", params.into());
        let now = Instant::now();
        self.server.handle_message(self.admin, request, now);
        let reply = self.drain().expect("a reply");
        let refused = reply.as_array().unwrap().iter().find(|result| result.get("error").is_some());
        assert!(refused.is_none(), "{refused:?}: {operations}");
        reply
    }

    /// Takes what the server says; gives the last reply to us.
    fn drain(&mut self) -> Option<Value> {
        let mut reply = None;
        while let Some(output) = self.server.poll_output() {
            let server::Output::Send { session, frame } = output else { continue };
            let message = frame.to_message();
            match message {
                Message::Reply { result, .. } if session == self.admin => reply = Some(result.unwrap()),
                message if Some(session) == self.controller => self.unheard.push(message),
                _ => {}
            }
        }
        reply
    }

    /// All rows of a table; without `columns` with all of them.
    pub(crate) fn rows(&mut self, table: &str, columns: &[&str]) -> Vec<Value> {
        let mut select = json!({"op": "select", "table": table, "where": []});
        if !columns.is_empty() {
            select["columns"] = json!(columns);
        }
        let reply = self.transact(json!([select]));
        reply[0]["rows"].as_array().unwrap().clone()
    }

    /// The only row of a table.
    pub(crate) fn row(&mut self, table: &str, columns: &[&str]) -> Value {
        let rows = self.rows(table, columns);
        assert_eq!(rows.len(), 1, "rows of {table}");
        rows[0].clone()
    }

    /// Changes rows.
    pub(crate) fn update(&mut self, table: &str, name: &str, row: Value) {
        let key = if table == "Port_Binding" { "logical_port" } else { "name" };
        self.transact(json!([{"op": "update", "table": table, "where": [[key, "==", name]], "row": row}]));
    }
}

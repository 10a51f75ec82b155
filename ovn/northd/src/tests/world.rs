//! Two databases, their server, any number of northds, and whoever else writes: in one thread, with a clock of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ovsdb::db::Database;
use ovsdb::rpc::Message;
use ovsdb::server::{Output as ServerOutput, Server, SessionId, SessionOptions, Storage};
use ovsdb::{DatabaseSchema, Datum, Mutator, Str, Transaction, Uuid};
use schema::{TypedRow, nb, sb};
use serde_json::Value;

use crate::northd::{Db, Northd, NorthdOptions, Output};
use crate::sync::content_uuid;
use crate::sync::logical_flow::row_id;
use crate::tests::fixture::Rows;

pub(crate) struct World {
    server: Server,
    pub(crate) northds: Vec<Member>,
    /// Whoever else writes.
    other: SessionId,
    replies: BTreeMap<u64, Value>,
    requests: u64,
    pub(crate) rows: Rows,
    told: Rows,
    pub(crate) now: Instant,
    pub(crate) wall_ms: i64,
}

/// A northd and its connections.
pub(crate) struct Member {
    pub(crate) northd: Northd,
    sessions: BTreeMap<Db, SessionId>,
    /// The transactions that it sent, as JSON.
    pub(crate) sent: Vec<(Db, Value)>,
}

const DBS: [(Db, &str); 2] = [(Db::Northbound, "OVN_Northbound"), (Db::Southbound, "OVN_Southbound")];

impl World {
    /// Empty databases and one northd.
    pub(crate) fn new() -> Self {
        Self::with_southbound(sb::schema().clone())
    }

    /// The same with another schema for the southbound database.
    #[expect(clippy::disallowed_methods, reason = "the clock of the test has to begin somewhere")]
    pub(crate) fn with_southbound(southbound: Arc<DatabaseSchema>) -> Self {
        let now = Instant::now();
        let mut server = Server::new(1);
        for schema in [nb::schema().clone(), southbound] {
            let database = Database::new(schema, 2);
            server.add_database(database, Storage::Memory).expect("the first of its name");
        }
        let options = SessionOptions { probe_interval: None, ..Default::default() };
        let other = server.open_session(&options, now).expect("the first session");
        let (replies, rows, told) = (BTreeMap::new(), Rows::default(), Rows::default());
        let mut world =
            Self { server, northds: vec![], other, replies, requests: 0, rows, told, now, wall_ms: 1000 };
        let mut init = Transaction::new();
        init.insert("NB_Global", Uuid::from_u128(1), world.rows.global.to_row());
        world.transact("OVN_Northbound", &init);
        world.start(1);
        world
    }

    /// Starts another northd.
    pub(crate) fn start(&mut self, seed: u64) -> usize {
        let mut northd = Northd::new(&NorthdOptions { seed, ..Default::default() });
        let mut sessions = BTreeMap::new();
        for (db, _) in DBS {
            let options = SessionOptions { probe_interval: None, ..Default::default() };
            sessions.insert(db, self.server.open_session(&options, self.now).expect("few sessions"));
            northd.connected(db, self.now);
        }
        self.northds.push(Member { northd, sessions, sent: Vec::new() });
        self.settle();
        self.northds.len() - 1
    }

    /// A northd dies.
    pub(crate) fn kill(&mut self, index: usize) {
        for session in self.northds.remove(index).sessions.into_values() {
            self.server.close_session(session);
        }
        self.settle();
    }

    /// A connection of a northd breaks, with whatever was on its way, and is made again.
    pub(crate) fn reconnect(&mut self, index: usize, db: Db) {
        let options = SessionOptions { probe_interval: None, ..Default::default() };
        let session = self.server.open_session(&options, self.now).expect("few sessions");
        let member = &mut self.northds[index];
        let old = member.sessions.insert(db, session).expect("northds are connected to both");
        member.northd.disconnected(db, self.now);
        member.northd.connected(db, self.now);
        self.server.close_session(old);
        self.settle();
    }

    /// Changes northbound rows by a script, and waits until nothing happens any more.
    pub(crate) fn run(&mut self, script: &str) {
        self.write(script);
        self.settle();
    }

    /// Changes northbound rows by a script, and lets northds begin to act upon it.
    pub(crate) fn write(&mut self, script: &str) {
        self.rows.run(script);
        let transaction = self.rows.transaction_since(&self.told);
        self.told = self.rows.clone();
        if !transaction.is_empty() {
            self.transact("OVN_Northbound", &transaction);
        }
        self.round();
    }

    /// A transaction of somebody else's, which must succeed.
    pub(crate) fn transact(&mut self, database: &str, transaction: &Transaction) {
        self.requests += 1;
        let request = Message::request(self.requests, "transact", transaction.to_params(database));
        self.server.handle_message(self.other, request, self.now);
        self.deliver();
        let reply = self.replies.remove(&self.requests).expect("transactions are answered at once");
        let failed = reply.as_array().into_iter().flatten().find(|result| result.get("error").is_some());
        assert!(failed.is_none(), "{failed:?} of {:?}", transaction.operations);
    }

    /// Lets everybody talk until nobody has anything to say. Time goes on by a millisecond a round.
    pub(crate) fn settle(&mut self) {
        for _ in 0..100 {
            if self.round() {
                return;
            }
        }
        panic!(
            "they talk for ever: {:?}",
            self.northds.iter().map(|member| member.sent.last()).collect::<Vec<_>>()
        );
    }

    /// Lets everybody say what they have to say now; whether that was nothing.
    fn round(&mut self) -> bool {
        let mut is_quiet = !self.deliver();
        self.now += Duration::from_millis(1);
        self.wall_ms += 1;
        for member in &mut self.northds {
            member.northd.handle_timeout(self.now, self.wall_ms);
            while let Some(output) = member.northd.poll_output() {
                is_quiet = false;
                let Output::Send(db, message) = output else { continue };
                if let Message::Request { method, params, .. } = &message
                    && method == "transact"
                {
                    member.sent.push((db, params.clone()));
                }
                self.server.handle_message(member.sessions[&db], message, self.now);
            }
        }
        is_quiet
    }

    /// The transactions that a northd sent to a database since the last call.
    pub(crate) fn take_sent(&mut self, index: usize, db: Db) -> Vec<Value> {
        let (wanted, rest) =
            std::mem::take(&mut self.northds[index].sent).into_iter().partition(|(to, _)| *to == db);
        self.northds[index].sent = rest;
        let wanted: Vec<(Db, Value)> = wanted;
        wanted.into_iter().map(|(_, params)| params).collect()
    }

    /// The `external_ids` by which a datapath says that it is a switch's.
    pub(crate) fn switch_ids(&self, name: &str) -> Datum {
        let uuid = self.rows.switches.values().find(|row| &*row.name == name).map(|row| row.uuid.to_string());
        Datum::map([("logical-switch", uuid.unwrap_or_default())])
    }

    /// Takes what the server has to say to those it concerns, and says whether that was anything.
    fn deliver(&mut self) -> bool {
        let mut outputs = VecDeque::new();
        while let Some(output) = self.server.poll_output() {
            outputs.push_back(output);
        }
        let is_some = !outputs.is_empty();
        for output in outputs {
            let ServerOutput::Send { session, frame } = output else { panic!("{output:?}") };
            let message = frame.to_message();
            if session == self.other {
                if let Message::Reply { id, result } = message
                    && let Some(id) = id.as_u64()
                {
                    self.replies.insert(id, result.expect("transact is answered with results"));
                }
                continue;
            }
            for member in &mut self.northds {
                let db = member.sessions.iter().find(|(_, other)| **other == session).map(|(db, _)| *db);
                if let Some(db) = db {
                    member.northd.handle_message(db, message.clone(), self.now);
                }
            }
        }
        is_some
    }

    /// The southbound rows.
    pub(crate) fn southbound(&self) -> sb::Tables {
        let mut tables = sb::Tables::default();
        self.read("OVN_Southbound", |table, uuid, row| {
            let columns = sb::TableId::from_name(table).expect("a table of the schema").columns();
            tables.replace(table, uuid, Some(&row(columns))).expect("rows follow the schema");
        });
        tables
    }

    /// The northbound rows.
    pub(crate) fn northbound(&self) -> nb::Tables {
        let mut tables = nb::Tables::default();
        self.read("OVN_Northbound", |table, uuid, row| {
            let columns = nb::TableId::from_name(table).expect("a table of the schema").columns();
            tables.replace(table, uuid, Some(&row(columns))).expect("rows follow the schema");
        });
        tables
    }

    fn read(&self, database: &str, mut each: impl FnMut(&str, Uuid, &dyn Fn(&[&str]) -> Vec<Datum>)) {
        let (_, snapshot) = self.server.newest(database).expect("it is served");
        for table in &snapshot.layout().tables {
            let id = snapshot.layout().table_id(&table.name).expect("a table of the layout");
            for (uuid, row) in snapshot.rows(id) {
                let place = |name: &str| table.column_index(name).expect("a column of the layout");
                each(&table.name, uuid, &|columns| {
                    columns.iter().map(|name| row[place(name)].clone()).collect()
                });
            }
        }
    }

    /// A chassis comes (or says that it has `nb_cfg`).
    pub(crate) fn chassis(&mut self, name: &str, encap: &str, nb_cfg: i64) {
        let id = |kind: &str| content_uuid(&[kind.as_bytes(), name.as_bytes()]);
        let text = |text: &str| Datum::scalar(Str::from(text));
        let mut transaction = Transaction::new();
        if self.southbound().chassis.contains_key(&id("chassis")) {
            let row = [("nb_cfg", Datum::scalar(nb_cfg)), ("nb_cfg_timestamp", Datum::scalar(self.wall_ms))];
            let row = row.map(|(column, value)| (Str::from(column), value));
            transaction.update("Chassis_Private", id("private"), row.into());
        } else {
            let encaps = [("type", text(encap)), ("ip", text(name)), ("chassis_name", text(name))];
            transaction.insert("Encap", id("encap"), encaps.map(|(k, v)| (Str::from(k), v)).into());
            let row = [("name", text(name)), ("encaps", Datum::scalar(id("encap")))];
            transaction.insert("Chassis", id("chassis"), row.map(|(k, v)| (Str::from(k), v)).into());
            let row = [("name", text(name)), ("chassis", Datum::scalar(id("chassis")))];
            transaction.insert("Chassis_Private", id("private"), row.map(|(k, v)| (Str::from(k), v)).into());
        }
        self.transact("OVN_Southbound", &transaction);
        self.settle();
    }

    /// A chassis goes.
    pub(crate) fn chassis_gone(&mut self, name: &str) {
        let id = |kind: &str| content_uuid(&[kind.as_bytes(), name.as_bytes()]);
        let mut transaction = Transaction::new();
        transaction.delete("Chassis", id("chassis"));
        transaction.delete("Chassis_Private", id("private"));
        self.transact("OVN_Southbound", &transaction);
        self.settle();
    }

    /// A chassis takes a port and says that it is up.
    pub(crate) fn bind(&mut self, port: &str, chassis: &str) {
        let southbound = self.southbound();
        let chassis = southbound.chassis.values().find(|row| &*row.name == chassis).map(|row| row.uuid);
        let Some(port) = southbound.port_binding.values().find(|row| &*row.logical_port == port) else {
            return;
        };
        let row = [("chassis", Datum::set(chassis)), ("up", Datum::scalar(chassis.is_some()))];
        let mut transaction = Transaction::new();
        transaction.update("Port_Binding", port.uuid, row.map(|(k, v)| (Str::from(k), v)).into());
        self.transact("OVN_Southbound", &transaction);
        self.settle();
    }

    /// Somebody learns a MAC address at a port.
    pub(crate) fn learn(&mut self, port: &str, mac: &str) {
        let southbound = self.southbound();
        let Some(port) = southbound.port_binding.values().find(|row| &*row.logical_port == port) else {
            return;
        };
        let datapath = &southbound.datapath_binding[&port.datapath];
        let known = |row: &&Arc<sb::Fdb>| &*row.mac == mac && row.dp_key == datapath.tunnel_key;
        let mut transaction = Transaction::new();
        if let Some(row) = southbound.fdb.values().find(known) {
            transaction.delete("FDB", row.uuid);
        }
        let row = sb::Fdb {
            mac: mac.into(),
            dp_key: datapath.tunnel_key,
            port_key: port.tunnel_key,
            ..Default::default()
        };
        self.requests += 1;
        transaction.insert("FDB", content_uuid(&[b"fdb", &self.requests.to_be_bytes()]), row.to_row());
        self.transact("OVN_Southbound", &transaction);
        self.settle();
    }

    /// Somebody sees a neighbour of a router port.
    pub(crate) fn neighbor(&mut self, port: &str, ip: &str) {
        let southbound = self.southbound();
        let Some(port) = southbound.port_binding.values().find(|row| &*row.logical_port == port) else {
            return;
        };
        let mut transaction = Transaction::new();
        let same = |row: &&Arc<sb::MacBinding>| row.logical_port == port.logical_port && &*row.ip == ip;
        match southbound.mac_binding.values().find(same) {
            Some(row) => {
                let seen = (Str::from("timestamp"), Datum::scalar(self.wall_ms));
                transaction.update("MAC_Binding", row.uuid, [seen].into());
            }
            None => {
                let row = sb::MacBinding {
                    logical_port: port.logical_port.clone(),
                    ip: ip.into(),
                    mac: "00:00:00:00:00:99".into(),
                    timestamp: self.wall_ms,
                    datapath: port.datapath,
                    ..Default::default()
                };
                self.requests += 1;
                let uuid = content_uuid(&[b"neighbor", &self.requests.to_be_bytes()]);
                transaction.insert("MAC_Binding", uuid, row.to_row());
            }
        }
        self.transact("OVN_Southbound", &transaction);
        self.settle();
    }

    /// Time goes by: northds are woken when they asked to be, and at the end.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let due = self.northds.iter().filter_map(|member| Some(member.northd.poll_timeout()?.0)).min();
            let next = due.unwrap_or(end).clamp(self.now, end);
            self.wall_ms += i64::try_from((next - self.now).as_millis()).expect("not for ever");
            self.now = next;
            self.settle();
            if self.now >= end {
                return;
            }
        }
    }

    /// Somebody deletes the `n`th row of a southbound table, counted round, with what refers to it.
    pub(crate) fn vandalize(&mut self, table: &'static str, n: usize) {
        let mut rows = Vec::new();
        self.read("OVN_Southbound", |name, uuid, _| rows.extend((name == table).then_some(uuid)));
        let Some(uuid) = rows.get(n % rows.len().max(1)).copied() else { return };
        let mut transaction = Transaction::new();
        transaction.delete(table, uuid);
        if table == "Datapath_Binding" {
            let southbound = self.southbound();
            for row in southbound.port_binding.values().filter(|row| row.datapath == uuid) {
                transaction.delete("Port_Binding", row.uuid);
            }
            for row in southbound.multicast_group.values().filter(|row| row.datapath == uuid) {
                transaction.delete("Multicast_Group", row.uuid);
            }
            for row in southbound.logical_flow.values().filter(|row| row.logical_datapath == Some(uuid)) {
                transaction.delete("Logical_Flow", row.uuid);
            }
            for row in southbound.mac_binding.values().filter(|row| row.datapath == uuid) {
                transaction.delete("MAC_Binding", row.uuid);
            }
            for row in southbound.static_mac_binding.values().filter(|row| row.datapath == uuid) {
                transaction.delete("Static_MAC_Binding", row.uuid);
            }
            for row in southbound.dns.values().filter(|row| row.datapaths.contains(&uuid)) {
                transaction.delete("DNS", row.uuid);
            }
        }
        self.transact("OVN_Southbound", &transaction);
        self.settle();
    }

    /// The southbound rows that northd writes, a line each, with names for UUIDs.
    pub(crate) fn text(&self) -> Vec<String> {
        let tables = self.southbound();
        let datapath = |uuid: &Uuid| {
            tables.datapath_binding.get(uuid).map_or("?".into(), |row| row.external_ids["name"].clone())
        };
        let port =
            |uuid: &Uuid| tables.port_binding.get(uuid).map_or("?".into(), |row| row.logical_port.clone());
        let mut lines = Vec::new();
        for row in tables.datapath_binding.values() {
            lines.push(format!(
                "datapath {:?} {:?} {} {:?}",
                row.nb_uuid, row.r#type, row.tunnel_key, row.external_ids
            ));
        }
        for row in tables.dns.values() {
            let datapaths: Vec<Str> = row.datapaths.iter().map(datapath).collect();
            lines.push(format!(
                "dns {datapaths:?} {:?} {:?} {:?}",
                row.records, row.options, row.external_ids
            ));
        }
        let (v4, v6) = (tables.dhcp_options.len(), tables.dhcpv6_options.len());
        lines.push(format!("names of options: {v4} of DHCPv4, {v6} of DHCPv6"));
        for row in tables.port_binding.values() {
            let (requested, others) = (row.requested_chassis, &row.requested_additional_chassis);
            let chassis = |uuid: &Uuid| tables.chassis.get(uuid).map_or("?".into(), |row| row.name.clone());
            let requested: Vec<Str> = requested.iter().chain(others).map(chassis).collect();
            lines.push(format!(
                "port {} {:?} {} {} {:?} {:?} {:?} {:?} {:?} {:?} {requested:?}{}",
                datapath(&row.datapath),
                row.r#type,
                row.logical_port,
                row.tunnel_key,
                row.mac,
                row.port_security,
                row.options,
                row.external_ids,
                row.parent_port,
                row.tag,
                row.ha_chassis_group.map(|group| group_text(&tables, group)).unwrap_or_default(),
            ));
        }
        for row in tables.multicast_group.values() {
            let ports: BTreeSet<Str> = row.ports.iter().map(port).collect();
            lines.push(format!(
                "group {} {} {} {ports:?}",
                datapath(&row.datapath),
                row.name,
                row.tunnel_key
            ));
        }
        for row in tables.logical_flow.values() {
            let group = row.logical_dp_group.and_then(|group| tables.logical_dp_group.get(&group));
            let members = group.into_iter().flat_map(|group| &group.datapaths).chain(&row.logical_datapath);
            let names: BTreeSet<Str> = members.map(datapath).collect();
            let id = row_id(row);
            lines.push(format!(
                "flow {names:?} {} {} {} {} {id}",
                row.table_id, row.priority, row.r#match, row.actions
            ));
        }
        lines.extend(tables.address_set.values().map(|row| format!("set {} {:?}", row.name, row.addresses)));
        lines
            .extend(tables.port_group.values().map(|row| format!("port group {} {:?}", row.name, row.ports)));
        lines.extend(tables.static_mac_binding.values().map(|row| {
            format!("mac {} {} {} {}", datapath(&row.datapath), row.logical_port, row.ip, row.mac)
        }));
        lines.extend(
            tables.fdb.values().map(|row| format!("fdb {} {} {}", row.dp_key, row.port_key, row.mac)),
        );
        lines.sort();
        lines
    }
}

/// The chassis of a gateway.
fn group_text(tables: &sb::Tables, group: Uuid) -> String {
    let group = &tables.ha_chassis_group[&group];
    let member = |uuid: &Uuid| {
        let row = &tables.ha_chassis[uuid];
        let chassis = row.chassis.and_then(|chassis| Some(tables.chassis.get(&chassis)?.name.clone()));
        format!("{chassis:?} {} {:?}", row.priority, row.external_ids)
    };
    let members: BTreeSet<String> = group.ha_chassis.iter().map(member).collect();
    format!(" by {} {members:?}", group.name)
}

/// One mutation that takes a member from a set, for tests that meddle.
pub(crate) fn without(table: &str, uuid: Uuid, column: &str, member: Uuid) -> Transaction {
    let mut transaction = Transaction::new();
    transaction.mutate(table, uuid, column, Mutator::Delete, Datum::scalar(member));
    transaction
}

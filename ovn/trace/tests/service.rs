//! A tracer beside a server: only what a trace enters is copied, and it follows the database.

mod network;

use network::{rows, southbound};
use ovsdb::db::{Caller, Database, Outcome};
use ovsdb::replica::ReplicaOptions;
use ovsdb::server::{Output, Server, SessionId, SessionOptions, Storage};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;
use trace::service::{Service, ServiceOutput};
use trace::{Command, Northbound};

const PING: &str = r#"inport == "p1" && eth.src == 00:00:00:00:01:01 && eth.dst == 00:00:00:00:ff:01 && ip4.src == 10.0.0.11 && ip4.dst == 20.0.0.11 && ip.ttl == 64 && icmp4.type == 8"#;
const LOCAL: &str = r#"inport == "p1" && eth.src == 00:00:00:00:01:01 && eth.dst == 00:00:00:00:01:02 && ip4.src == 10.0.0.11 && ip4.dst == 10.0.0.12 && ip.ttl == 64 && icmp4.type == 8"#;

/// A server of the recorded routed network, and a tracer connected to it.
struct World {
    server: Server,
    session: SessionId,
    core: Service,
    now: Instant,
    /// How many rows came, by table.
    rows: BTreeMap<String, usize>,
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "the clock of the test has to begin somewhere")]
    fn new() -> Self {
        let now = Instant::now();
        let mut database = Database::new(schema::sb::schema().clone(), 1);
        let mut inserts = Vec::new();
        for (table, rows) in rows("l3").as_object().expect("an object of tables") {
            for row in rows.as_array().expect("an array of rows") {
                let mut row = row.as_object().expect("an object of columns").clone();
                let uuid = row.remove("_uuid").expect("each row has one");
                row.remove("_version");
                // What these refer to is not recorded.
                for column in ["gateway_chassis", "ha_chassis_group", "load_balancers", "dns_records"] {
                    row.remove(column);
                }
                inserts.push(json!({ "op": "insert", "table": table, "uuid": uuid, "row": row }));
            }
        }
        let outcome = database.transact(&inserts, Caller::default(), 0);
        let Outcome::Done { results, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(results.iter().find(|result| result.get("error").is_some()), None);
        let mut server = Server::new(1);
        server.add_database(database, Storage::Memory).expect("the first of its name");
        let options = SessionOptions { probe_interval: None, ..Default::default() };
        let session = server.open_session(&options, now).expect("the first session");
        let options = ReplicaOptions { probe_interval: None, ..Default::default() };
        let mut core = Service::new(options);
        core.connected(now);
        Self { server, session, core, now, rows: BTreeMap::new() }
    }

    /// Another client's transaction.
    fn transact(&mut self, operation: Value) {
        let options = SessionOptions { probe_interval: None, ..Default::default() };
        let other = self.server.open_session(&options, self.now).expect("few sessions");
        let request = ovsdb::rpc::Message::request(1, "transact", json!(["OVN_Southbound", operation]));
        self.server.handle_message(other, request, self.now);
        self.settle();
        self.server.close_session(other);
    }

    /// Lets both talk until a trace is done, or nobody has anything to say.
    fn settle(&mut self) -> Option<String> {
        loop {
            let mut is_quiet = true;
            self.core.work();
            while let Some(output) = self.core.poll_output() {
                is_quiet = false;
                match output {
                    ServiceOutput::Send(message) => {
                        self.server.handle_message(self.session, message, self.now);
                    }
                    ServiceOutput::Done(_, traced) => {
                        return Some(traced.into_output(&Northbound::default()).text);
                    }
                    ServiceOutput::Reconnect(reason) => panic!("{reason}"),
                }
            }
            while let Some(output) = self.server.poll_output() {
                let Output::Send { session, frame } = output else { panic!("{output:?}") };
                if session == self.session {
                    is_quiet = false;
                    let message = frame.to_message();
                    self.count(&message.to_value());
                    self.core.handle_message(message, self.now);
                }
            }
            if is_quiet {
                return None;
            }
        }
    }

    fn count(&mut self, message: &Value) {
        let updates = match message["method"].as_str() {
            Some("update2" | "update3") => message["params"].as_array().and_then(|params| params.last()),
            _ => message["result"].get(2),
        };
        for (table, rows) in updates.and_then(Value::as_object).into_iter().flatten() {
            *self.rows.entry(table.clone()).or_default() += rows.as_object().map_or(0, serde_json::Map::len);
        }
    }

    fn trace(&mut self, arguments: &[&str]) -> String {
        let Ok(Command::Trace(request)) = Command::parse(arguments) else { panic!("{arguments:?}") };
        self.core.request(request).expect("nobody waits");
        self.settle().expect("a trace comes to an end")
    }
}

/// What the tracer says that has all rows.
fn whole(arguments: &[&str]) -> String {
    let Ok(Command::Trace(request)) = Command::parse(arguments) else { panic!("{arguments:?}") };
    trace::trace(&southbound("l3"), &request).text
}

#[test]
fn only_the_datapaths_that_a_packet_enters_are_copied() {
    let mut world = World::new();
    let arguments = ["--all", "sw0", LOCAL];
    assert_eq!(world.trace(&arguments), whole(&arguments));
    let all = southbound("l3");
    let ports = all.port_binding.values().filter(|row| row.logical_port.contains('p')).count();
    assert!(world.rows["Logical_Flow"] < all.logical_flow.len() * 2 / 3, "{:?}", world.rows);
    assert!(world.rows["Port_Binding"] < ports, "{:?}", world.rows);
    assert_eq!(world.rows.get("Load_Balancer"), None);

    // What is there is not asked for again.
    let before = world.rows.clone();
    assert_eq!(world.trace(&arguments), whole(&arguments));
    assert_eq!(world.rows, before);
    let arguments = ["--all", PING];
    assert_eq!(world.trace(&arguments), whole(&arguments));
    assert_ne!(world.rows, before);
}

#[test]
fn every_recorded_case_is_the_same_beside_a_server() {
    let text = std::fs::read_to_string(network::folder("l3").join("cases.txt")).expect("the cases are there");
    let mut world = World::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let arguments = network::words(line);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        assert_eq!(world.trace(&arguments), whole(&arguments), "{line}");
    }
}

#[test]
fn a_change_of_the_database_shows_in_the_next_trace() {
    let mut world = World::new();
    let minimal = |world: &mut World| {
        let text = world.trace(&["--minimal", "sw0", LOCAL]);
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>().join("\n")
    };
    let before = minimal(&mut world);
    assert!(before.ends_with("output(\"p2\");\n}") || before.contains("output(\"p2\")"), "{before}");

    // The flow that sends packets to p2 drops them, and does again what it did.
    let flow = southbound("l3");
    let flow = flow
        .logical_flow
        .values()
        .find(|row| row.r#match.contains("eth.dst == 00:00:00:00:01:02") && row.actions.contains("output"))
        .expect("p2 is reached");
    let id = json!([["_uuid", "==", ["uuid", flow.uuid.to_string()]]]);
    let update = |actions: &str| json!({ "op": "update", "table": "Logical_Flow", "where": id, "row": { "actions": actions } });
    world.transact(update("drop;"));
    assert!(!minimal(&mut world).contains("output"), "the flow drops");
    world.transact(update(&flow.actions));
    assert_eq!(minimal(&mut world), before);
    world.transact(json!({ "op": "delete", "table": "Logical_Flow", "where": id }));
    assert!(!minimal(&mut world).contains("output(\"p2\")"), "the flow is gone");

    // A port of another name.
    let mut world = World::new();
    minimal(&mut world);
    let row = json!({ "external_ids": ["map", [["name", "friendly"]]] });
    let name = json!([["logical_port", "==", "p2"]]);
    world.transact(json!({ "op": "update", "table": "Port_Binding", "where": name, "row": row }));
    assert!(minimal(&mut world).contains("output(\"friendly\")"));
}

#[test]
fn too_many_traces_are_refused_and_those_that_wait_are_done_when_the_server_is_there() {
    let mut core = Service::new(ReplicaOptions::default());
    let Ok(Command::Trace(request)) = Command::parse(&["sw0", "ip4"]) else { panic!("it is a trace") };
    for _ in 0..trace::service::WAITING_MAX {
        assert!(core.request(request.clone()).is_some());
    }
    assert!(core.request(request).is_none());
}

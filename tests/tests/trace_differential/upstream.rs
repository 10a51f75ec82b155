//! Upstream's database server, northd and trace daemon.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use ovsdb::{Datum, Uuid};
use schema::sb::{self, LogicalFlow, Tables};
use serde_json::{Value, json};
use tests::ovsdb::Client;
use tests::process::{Daemon, RunDir, run, run_ok};
use tests::{need, wait_for};

use crate::network::Network;

/// Long enough for a machine that does much else besides.
const PATIENCE: Duration = Duration::from_secs(120);

/// Upstream's databases with a network in them, and what northd made of it.
pub(crate) struct Upstream {
    run: RunDir,
    _daemons: Vec<Daemon>,
}

impl Upstream {
    /// `None` where a peer is not installed.
    pub(crate) fn start(network: &Network) -> Option<Self> {
        let northd = need("ovn-northd")?;
        Self::start_with(network, |run| run.peer(&northd))
    }

    /// The same with our northd in upstream's databases.
    pub(crate) fn start_with_our_northd(network: &Network) -> Option<Self> {
        Self::start_with(network, |run| run.ours("ovn-northd"))
    }

    fn start_with(network: &Network, northd: impl FnOnce(&RunDir) -> Command) -> Option<Self> {
        let [tool, server] = ["ovsdb-tool", "ovsdb-server"].map(need);
        let (tool, server) = (tool?, server?);
        need("ovn-nbctl")?;
        need("ovn-sbctl")?;
        need("ovn-trace")?;
        let run = RunDir::default();
        let mut daemons = vec![run.peer_databases(&tool, &server)];
        run_ok(client(&run, "ovn-nbctl", &["init".to_owned()]));
        run_ok(client(&run, "ovn-sbctl", &["init".to_owned()]));
        configure(&run, "ovn-nbctl", &network.commands);
        let mut translate = northd(&run);
        translate.arg(format!("--ovnnb-db={}", remote(&run))).arg(format!("--ovnsb-db={}", remote(&run)));
        translate.arg(format!("--unixctl={}", run.path("northd.ctl").display())).arg("-vconsole:warn");
        daemons.push(run.start("northd", translate));
        let sync = ["--timeout=60", "--wait=sb", "sync"].map(str::to_owned);
        wait_for("northd's flows", PATIENCE, || match run_outcome(&run, &sync) {
            (Some(0), _) => Ok(()),
            (_, error) => Err(error),
        });
        // Northd removes learned rows that it finds without a port, so these come last.
        configure(&run, "ovn-sbctl", &network.learned);
        Some(Self { run, _daemons: daemons })
    }

    /// The rows that a trace reads.
    pub(crate) fn southbound(&self) -> Southbound {
        let mut client = Client::connect(&self.run.path("db.sock")).unwrap();
        let select = |table: &sb::TableId| json!({"op": "select", "table": table.name(), "where": []});
        let known = tables_of_peer();
        let operations: Vec<Value> = known.iter().map(select).collect();
        let reply = client.transact("OVN_Southbound", &operations).unwrap();
        let mut tables = Tables::default();
        for (table, result) in known.iter().zip(reply.as_array().unwrap()) {
            let columns = &sb::schema().tables[table.name()].columns;
            for row in result["rows"].as_array().unwrap_or_else(|| panic!("{}: {result}", table.name())) {
                let uuid: Uuid = row["_uuid"][1].as_str().unwrap().parse().unwrap();
                let value = |column: &&str| {
                    let ty = &columns[*column].ty;
                    match row.get(*column) {
                        Some(value) => Datum::from_json(value, ty, None).unwrap(),
                        None => Datum::default_for(ty),
                    }
                };
                let values: Vec<Datum> = table.columns().iter().map(value).collect();
                tables.replace(table.name(), uuid, Some(&values)).unwrap();
            }
        }
        Southbound::new(tables)
    }

    /// A trace daemon that has read the database. It cannot be told what to assume.
    pub(crate) fn trace_daemon(&self) -> TraceDaemon {
        let mut command = self.trace_command();
        command.args(["--detach", "--no-chdir"]);
        command.arg(format!("--pidfile={}", self.run.path("trace.pid").display()));
        command.arg(format!("--unixctl={}", self.run.path("trace.ctl").display()));
        run_ok(command);
        self.run.wait_for_socket("trace.ctl");
        TraceDaemon { client: Some(Client::connect(&self.run.path("trace.ctl")).unwrap()) }
    }

    /// A trace that is a program of its own.
    pub(crate) fn trace(&self, words: &[String]) -> String {
        let mut command = self.trace_command();
        command.args(words);
        let outcome = run(command);
        if outcome.code == Some(0) { outcome.stdout } else { format!("{}crashed", outcome.stdout) }
    }

    fn trace_command(&self) -> Command {
        let mut command = self.run.peer("ovn-trace".as_ref());
        command.arg(format!("--db={}", remote(&self.run))).arg("-vconsole:off");
        command
    }
}

/// The rows of a database, with flows in upstream's order.
///
/// Of several flows of a table and priority upstream's trace takes the first one in its table of hashes, ours the one with
/// the lowest UUID; so flows get other UUIDs, in the order of the first.
pub(crate) struct Southbound {
    pub(crate) tables: Tables,
    /// The UUIDs that flows had.
    names: Vec<Uuid>,
}

impl Southbound {
    fn new(mut tables: Tables) -> Self {
        // A table of hashes grows when there are more than two rows for each of its chains.
        let mask = (1u32 << tables.logical_flow.len().max(1).ilog2()) - 1;
        let mut flows: Vec<Arc<LogicalFlow>> = tables.logical_flow.values().cloned().collect();
        flows.sort_by_key(|flow| (flow.uuid.first_u32() & mask, flow.uuid));
        let names = flows.iter().map(|flow| flow.uuid).collect();
        tables.logical_flow = Default::default();
        for (number, flow) in flows.into_iter().enumerate() {
            let uuid = Uuid::from_u128((number as u128) << 96);
            tables.logical_flow.insert(uuid, Arc::new(LogicalFlow { uuid, ..(*flow).clone() }));
        }
        Self { tables, names }
    }

    /// A trace with the UUIDs that flows had.
    pub(crate) fn with_names(&self, trace: &str) -> String {
        let mut parts = trace.split("uuid ");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let number = part.get(..8).and_then(|digits| usize::from_str_radix(digits, 16).ok());
            match number.and_then(|number| self.names.get(number)) {
                Some(name) => text.push_str(&format!("uuid {:08x}{}", name.first_u32(), &part[8..])),
                None => text.push_str(&format!("uuid {part}")),
            }
        }
        text
    }
}

/// Upstream's trace as a daemon. It ends with its test.
pub(crate) struct TraceDaemon {
    /// Nothing after a packet that was too much for it.
    client: Option<Client>,
}

impl TraceDaemon {
    /// What it says of a packet; nothing if that was the end of it.
    pub(crate) fn trace(&mut self, words: &[String]) -> Option<String> {
        let reply = self.client.as_mut()?.call("trace", &json!(words));
        let Ok(reply) = reply else {
            self.client = None;
            return None;
        };
        match (&reply["result"], &reply["error"]) {
            (Value::String(text), _) | (_, Value::String(text)) => Some(text.clone()),
            _ => Some(reply.to_string()),
        }
    }
}

impl Drop for TraceDaemon {
    fn drop(&mut self) {
        if let Some(client) = &mut self.client {
            // It closes the connection instead of an answer.
            let _ = client.call("exit", &json!([]));
        }
    }
}

/// The tables that a trace reads, as far as upstream's schema has them.
fn tables_of_peer() -> Vec<sb::TableId> {
    let text = fs::read_to_string("/usr/share/ovn/ovn-sb.ovsschema").unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    trace::TABLES.iter().copied().filter(|table| schema["tables"].get(table.name()).is_some()).collect()
}

fn remote(run: &RunDir) -> String {
    format!("unix:{}", run.path("db.sock").display())
}

fn client(run: &RunDir, program: &str, words: &[String]) -> Command {
    let mut client = run.peer(program.as_ref());
    client.arg(format!("--db={}", remote(run))).arg("--no-leader-only").args(words);
    client
}

fn run_outcome(dir: &RunDir, words: &[String]) -> (Option<i32>, String) {
    let outcome = run(client(dir, "ovn-nbctl", words));
    (outcome.code, outcome.stderr)
}

/// Runs commands, all in one transaction.
fn configure(run: &RunDir, program: &str, commands: &[String]) {
    let mut words = Vec::new();
    for command in commands {
        words.push("--".to_owned());
        words.extend(ctl::cli::split_words(command).unwrap());
    }
    if !words.is_empty() {
        run_ok(client(run, program, &words));
    }
}

//! A network that was never made: northd computes in this process what the southbound database would be.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use northd::northd::{Db, Northd, NorthdOptions, Output};
use ovsdb::db::{Caller, Database, Outcome};
use ovsdb::server::{Output as ServerOutput, Server, SessionId, SessionOptions, Storage};
use ovsdb::{Str, Uuid};
use schema::sb::{Chassis, Encap};
use schema::{nb, sb};

use super::source;

/// Nothing that northd computes takes more rounds of question and answer than this.
const ROUNDS_MAX: usize = 1000;

/// A network as a topology has it.
pub struct Plan {
    /// The operations that make the northbound rows.
    pub northbound: Vec<serde_json::Value>,
    /// Chassis with the address where their tunnels end.
    pub chassis: Vec<(String, String)>,
    /// The chassis of each logical port that somebody's interface is.
    pub ports: Vec<(String, String)>,
}

/// What the databases would be.
pub(super) struct Computed {
    pub(super) southbound: sb::Tables,
    pub(super) northbound: nb::Tables,
}

impl Plan {
    /// Has northd compute it.
    pub(super) fn compute(&self) -> anyhow::Result<Computed> {
        let mut server = Server::new(1);
        for (schema, operations) in [
            (nb::schema(), self.northbound.clone()),
            (sb::schema(), vec![serde_json::json!({ "op": "insert", "table": "SB_Global", "row": {} })]),
        ] {
            let mut database = Database::new(schema.clone(), 2);
            let results = match database.transact(&operations, Caller::default(), 0) {
                Outcome::Done { results, .. } => results,
                Outcome::Blocked { .. } => bail!("rows of {}: they wait for others", schema.name),
            };
            let failed = results.iter().find(|result| result.get("error").is_some());
            ensure!(
                failed.is_none(),
                "rows of {}: {}",
                schema.name,
                failed.unwrap_or(&serde_json::Value::Null)
            );
            server.add_database(database, Storage::Memory)?;
        }
        converse(&mut server)?;
        let newest = |name: &str| server.newest(name).map(|(_, snapshot)| snapshot);
        let (Some(northbound), Some(southbound)) = (newest("OVN_Northbound"), newest("OVN_Southbound"))
        else {
            bail!("the databases are served no more");
        };
        let mut southbound = source::southbound(southbound);
        self.put_chassis(&mut southbound);
        Ok(Computed { southbound, northbound: source::northbound(northbound) })
    }

    /// What the controllers would write: chassis, and where each port is.
    fn put_chassis(&self, tables: &mut sb::Tables) {
        let mut chassis: BTreeMap<&str, Uuid> = BTreeMap::new();
        for (n, (name, address)) in (1u128..).zip(&self.chassis) {
            let (uuid, encap) = (Uuid::from_u128(2 * n), Uuid::from_u128(2 * n + 1));
            let row = Encap {
                uuid: encap,
                r#type: "geneve".into(),
                ip: address.as_str().into(),
                chassis_name: name.as_str().into(),
                ..Encap::default()
            };
            tables.encap.insert(encap, row.into());
            let row =
                Chassis { uuid, name: name.as_str().into(), encaps: [encap].into(), ..Chassis::default() };
            tables.chassis.insert(uuid, row.into());
            chassis.insert(name, uuid);
        }
        let homes: BTreeMap<Str, Uuid> = self
            .ports
            .iter()
            .filter_map(|(port, name)| Some((Str::from(port.as_str()), *chassis.get(name.as_str())?)))
            .collect();
        for row in tables.port_binding.values_mut() {
            if let Some(home) = homes.get(&row.logical_port) {
                std::sync::Arc::make_mut(row).chassis = Some(*home);
            }
        }
    }
}

/// Lets a northd and the server of its databases talk until neither has anything to say.
fn converse(server: &mut Server) -> anyhow::Result<()> {
    let mut now = Instant::now();
    let mut northd = Northd::new(&NorthdOptions { seed: 1, ..NorthdOptions::default() });
    let mut sessions: BTreeMap<Db, SessionId> = BTreeMap::new();
    for db in [Db::Northbound, Db::Southbound] {
        let options = SessionOptions { probe_interval: None, ..SessionOptions::default() };
        sessions.insert(db, server.open_session(&options, now)?);
        northd.connected(db, now);
    }
    for _ in 0..ROUNDS_MAX {
        let mut is_quiet = true;
        while let Some(output) = server.poll_output() {
            let ServerOutput::Send { session, frame } = output else { continue };
            is_quiet = false;
            let to = sessions.iter().find(|(_, known)| **known == session).map(|(db, _)| *db);
            if let Some(db) = to {
                northd.handle_message(db, frame.to_message(), now);
            }
        }
        // Time goes on by itself, so that nobody waits for it.
        now += Duration::from_millis(1);
        northd.handle_timeout(now, crate::base::wall_ms());
        while let Some(output) = northd.poll_output() {
            is_quiet = false;
            match output {
                Output::Send(db, message) => server.handle_message(sessions[&db], message, now),
                Output::Reconnect(_, reason) => bail!("northd: {reason}"),
            }
        }
        if is_quiet {
            return Ok(());
        }
    }
    bail!("northd does not come to an end")
}

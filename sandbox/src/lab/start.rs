//! How a lab comes up: everything at once that does not depend on something else.
//!
//! ```text
//! central:      namespace ─► NB server ─► rows ─┬─► northd ────────────┐
//!                        └─► SB server ─────────┤                      ├─► every guest's port is up
//! each chassis: namespace ─► uplink ────────────┼─► controller ────────┘
//!                        ├─► db server ─► rows ─► switch ─► bridge ────┘
//! each guest:   namespace ─► cable ──────────────┘
//! ```

use super::chassis::{Description, INTEGRATION, UNDERLAY_BRIDGE};
use super::daemons::Daemon;
use super::keeper::THIS_EXECUTABLE;
use super::netns::Netns;
use super::supervisor::NAMES_DIR;
use super::world::{Kind, Lab, Node};
use crate::db::client::{Database, Record};
use crate::db::rows;
use crate::text::values::Name;
use crate::topology::check::{CENTRAL, switches};
use crate::topology::{Attach, Chassis, Guest, Role, Topology};
use anyhow::{Context, Result, anyhow, bail};
use futures::future::{try_join, try_join_all};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long a lab may take to be up; what it waits for then is said.
pub const START_MAX: Duration = Duration::from_secs(60);

/// Pause between looks at a file that is to come.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// How long a database is asked for what is only good to know.
const ASK_MAX: Duration = Duration::from_secs(1);

impl Lab {
    /// Makes everything, until every guest's port is up.
    ///
    /// # Errors
    /// What could not be made, or what was waited for in vain, or which daemon died.
    pub async fn start(self: &Rc<Self>) -> Result<()> {
        let deadline = Instant::now() + START_MAX;
        self.make_programs()?;
        let nodes = async {
            let chassis = self.topology.chassis.iter().map(|(name, c)| self.start_chassis(name, c, deadline));
            try_join(self.start_central(deadline), try_join_all(chassis)).await?;
            self.wait_ports_up(&ports_to_come(&self.topology), deadline).await?;
            // Without ports nothing above needs northd and the controllers; they must live all the same.
            self.wait_started(deadline).await
        };
        tokio::select! {
            result = nodes => result,
            crash = self.wait_crash() => bail!("{crash}"),
        }
    }

    /// Waits until every daemon has written its process id, which it does once its options have been understood and
    /// its files opened.
    async fn wait_started(&self, deadline: Instant) -> Result<()> {
        let nodes: Vec<Rc<Node>> = self.nodes.borrow().values().cloned().collect();
        for (node, daemon) in
            nodes.iter().flat_map(|node| node.daemons().into_iter().map(move |(d, _)| (node, d)))
        {
            let pidfile = self.files.pidfile(&node.name, daemon);
            while !pidfile.exists() {
                if Instant::now() > deadline {
                    bail!("{daemon} on {} did not write {} in time", node.name, pidfile.display());
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
        Ok(())
    }

    /// The directory in which every program is found by its name, for the lab and for nodes that have their own.
    fn make_programs(&self) -> Result<()> {
        let this = fs::read_link(THIS_EXECUTABLE).context("looking for this executable")?;
        let own = self.topology.chassis.keys().filter(|c| self.files.own_programs.contains(c.as_str()));
        for node in std::iter::once(CENTRAL).chain(own.map(Name::as_str)) {
            let (dir, stack) = (self.files.programs(node), self.stack_of(node));
            fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
            for role in Role::ALL {
                let target = match stack.get(role) {
                    Some(foreign) => foreign,
                    None if self.own.contains(&role) => this.as_path(),
                    // The host's program of that name, if there is one, is found instead.
                    None => continue,
                };
                if !target.exists() {
                    bail!("{} for {role} does not exist", target.display());
                }
                symlink(target, dir.join(role.program())).context("linking a program")?;
            }
            symlink(&this, dir.join("ovn")).context("linking a program")?;
        }
        Ok(())
    }

    /// A node with its namespace and directories.
    pub(super) async fn make_node(self: &Rc<Self>, name: &str, kind: Kind) -> Result<Rc<Node>> {
        let logs = self.files.logs(name);
        fs::create_dir_all(&logs).with_context(|| format!("making {}", logs.display()))?;
        let netns = Netns::create(name, Some(Path::new(NAMES_DIR))).await?;
        let end = match &kind {
            Kind::Central => match self.topology.central.address {
                Some(address) => {
                    Some(self.attach(&netns, address, self.topology.underlay.link, false).await?)
                }
                None => None,
            },
            Kind::Chassis(c) => {
                let link = c.link.unwrap_or(self.topology.underlay.link);
                let bridged = self.needs_underlay_bridge(name);
                Some(self.attach(&netns, c.address, link, bridged).await?)
            }
            Kind::Guest(_) => None,
        };
        let present = match &kind {
            Kind::Guest(guest) => self.attachment(guest) == Attach::Veth,
            Kind::Central | Kind::Chassis(_) => true,
        };
        let node = Rc::new(Node {
            name: name.to_owned(),
            kind,
            netns,
            end,
            present: watch::Sender::new(present),
            services: Default::default(),
            upgraded: Default::default(),
        });
        self.nodes.borrow_mut().insert(name.to_owned(), node.clone());
        Ok(node)
    }

    async fn start_central(self: &Rc<Self>, deadline: Instant) -> Result<()> {
        let node = self.make_node(CENTRAL, Kind::Central).await?;
        let (nb, sb) = (self.northbound(), self.southbound());
        self.write_database(CENTRAL, Daemon::NorthboundServer, nb.schema)?;
        self.write_database(CENTRAL, Daemon::SouthboundServer, sb.schema)?;
        try_join(
            self.start_daemon(&node, Daemon::NorthboundServer),
            self.start_daemon(&node, Daemon::SouthboundServer),
        )
        .await?;
        try_join(
            async {
                nb.transact(rows::northbound(&self.topology.northbound)?, deadline)
                    .await
                    .context("filling the Northbound database")
            },
            async {
                // As upstream's `ovn-sbctl init`, on which its controllers rely: one that finds the database
                // without this row may crash.
                let row = json!({ "op": "insert", "table": "SB_Global", "row": {} });
                sb.transact(vec![row], deadline).await.context("filling the Southbound database")?;
                self.southbound_ready.send_replace(true);
                Ok(())
            },
        )
        .await?;
        self.start_daemon(&node, Daemon::Northd).await
    }

    fn write_database(&self, node: &str, daemon: Daemon, schema: &ovsdb::DatabaseSchema) -> Result<()> {
        let path = self.files.database(node, daemon).ok_or_else(|| anyhow!("{daemon} serves no database"))?;
        fs::write(&path, ovsdb::log::created(schema)).with_context(|| format!("writing {}", path.display()))
    }

    async fn start_chassis(self: &Rc<Self>, name: &Name, chassis: &Chassis, deadline: Instant) -> Result<()> {
        let switch = self.switch(name.as_str());
        let node = self.make_node(name.as_str(), Kind::Chassis(chassis.clone())).await?;
        self.write_database(name.as_str(), Daemon::SwitchServer, switch.schema)?;
        let guests: Vec<(&Name, &Guest)> =
            self.topology.guests.iter().filter(|(_, g)| g.chassis == *name).collect();
        // The switch finds the cables when it starts.
        try_join(
            self.start_daemon(&node, Daemon::SwitchServer),
            try_join_all(guests.iter().map(|(n, g)| self.make_guest(&node, n, g))),
        )
        .await?;
        let description = Description {
            name,
            chassis,
            southbound: self.files.southbound_remote(&self.topology),
            guests: guests.iter().map(|(n, g)| (*n, *g, self.attachment(g))).collect(),
            underlay_bridge: self.needs_underlay_bridge(name.as_str()),
        };
        switch
            .transact(description.operations(), deadline)
            .await
            .with_context(|| format!("filling {name}'s database"))?;
        self.follow_devices(&node).await?;
        self.start_daemon(&node, Daemon::Vswitchd).await?;
        self.wait_switch(name.as_str(), deadline).await?;
        for (guest, _) in &guests {
            self.wait_present(&*self.node(guest.as_str())?, deadline).await?;
        }
        if description.underlay_bridge {
            self.move_address(&node, chassis.address, UNDERLAY_BRIDGE).await?;
        }
        let mut ready = self.southbound_ready.subscribe();
        // Central has said why when it was not ready in time.
        let _ = tokio::time::timeout_at(deadline, ready.wait_for(|ready| *ready)).await;
        self.start_daemon(&node, Daemon::Controller).await
    }

    /// Waits until the switch has done what its database says.
    pub(super) async fn wait_switch(&self, chassis: &str, deadline: Instant) -> Result<()> {
        let mut seen = String::from("nothing yet");
        let switch = self.switch(chassis);
        let done = switch.wait(&[("Open_vSwitch", &["next_cfg", "cur_cfg"])], deadline, |rows| {
            let rows = rows.of("Open_vSwitch");
            let row = rows.first()?;
            let (next, current) = (row.get("next_cfg").as_integer()?, row.get("cur_cfg").as_integer()?);
            seen = format!("cur_cfg {current} of next_cfg {next}");
            (current >= next).then_some(())
        });
        match done.await {
            Some(()) => Ok(()),
            None => bail!(
                "{chassis}'s switch did not make {INTEGRATION} and its ports in time; last seen: {seen}"
            ),
        }
    }

    /// Waits until logical switch ports are up: claimed, and their flows in place.
    pub async fn wait_ports_up(&self, ports: &[String], deadline: Instant) -> Result<()> {
        let Err(down) = ports_up(&self.northbound(), ports, deadline).await else { return Ok(()) };
        let errors = self.interface_errors().await;
        bail!("{down}{errors}")
    }

    /// What switches say about interfaces that they could not make, in words.
    async fn interface_errors(&self) -> String {
        let mut words = String::new();
        for chassis in self.topology.chassis.keys() {
            let tables: [(&str, &[&str]); 1] = [("Interface", &["name", "error"])];
            let switch = self.switch(chassis.as_str());
            let found = switch.wait(&tables, Instant::now() + ASK_MAX, |rows| {
                let failed = rows.of("Interface").into_iter().filter(|row| !row.text("error").is_empty());
                Some(failed.map(|row| format!("; {chassis}: {}", row.text("error"))).collect::<String>())
            });
            words += &found.await.unwrap_or_default();
        }
        words
    }
}

/// Logical switch ports that did not come up.
#[derive(Clone, Debug, thiserror::Error)]
#[error("these logical switch ports did not come up in time: {}", .0.join(", "))]
pub struct Down(pub Vec<String>);

/// Waits until logical switch ports are up: claimed, and their flows in place.
///
/// # Errors
/// Those that are not by the deadline.
pub async fn ports_up(northbound: &Database, ports: &[String], deadline: Instant) -> Result<(), Down> {
    let mut down: Vec<String> = ports.to_vec();
    let done = northbound.wait(&[("Logical_Switch_Port", &["name", "up"])], deadline, |rows| {
        let rows = rows.of("Logical_Switch_Port");
        let is_up = |row: &&Record<'_>| row.get("up").as_boolean() == Some(true);
        let up: BTreeSet<&str> = rows.iter().filter(is_up).map(|row| row.text("name")).collect();
        down = ports.iter().filter(|p| !up.contains(p.as_str())).cloned().collect();
        down.is_empty().then_some(())
    });
    match done.await {
        Some(()) => Ok(()),
        None => Err(Down(down)),
    }
}

/// The ports of guests of a topology that it makes itself; one that is to be made later cannot be waited for.
pub fn ports_to_come(topology: &Topology) -> Vec<String> {
    let made = switches(topology);
    let ports = topology.guests.iter().map(|(name, guest)| guest.port_name(name).to_owned());
    ports.filter(|port| made.contains_key(port)).collect()
}

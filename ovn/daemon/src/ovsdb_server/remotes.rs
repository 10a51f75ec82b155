//! What the server listens on and connects to: `--remote` options, and the targets that a column names (`db:DB,TABLE,COLUMN`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ovsdb::db::Snapshot;
use ovsdb::server::Server;
use ovsdb::{Atom, Datum};

use crate::base::net::{LinkId, Net};
use crate::base::target::{BadTarget, Target};

/// The remotes as configured, and the links that serve them now.
#[derive(Debug, Default)]
pub(super) struct Remotes {
    /// `--remote` options and `add-remote` commands, as written.
    configured: BTreeSet<String>,
    active: BTreeMap<String, LinkId>,
}

impl Remotes {
    /// Adds a remote; it is served from the next [`Remotes::update`] on.
    ///
    /// # Errors
    /// When it makes no sense.
    pub(super) fn add(&mut self, remote: &str, run_dir: &Path) -> Result<(), BadTarget> {
        if !remote.starts_with("db:") {
            Target::parse(remote, run_dir)?;
        } else if remote.split(',').count() != 3 {
            return Err(BadTarget { text: remote.to_owned(), why: "expected db:DATABASE,TABLE,COLUMN" });
        }
        self.configured.insert(remote.to_owned());
        Ok(())
    }

    /// Removes a remote; whether it was there.
    pub(super) fn remove(&mut self, remote: &str) -> bool {
        self.configured.remove(remote)
    }

    /// The remotes as configured, a line each.
    pub(super) fn list(&self) -> String {
        self.configured.iter().map(|remote| format!("{remote}\n")).collect()
    }

    /// Whether any remote is a column.
    pub(super) fn follow_databases(&self) -> bool {
        self.configured.iter().any(|remote| remote.starts_with("db:"))
    }

    /// Starts serving what is wanted now and stops what is not. One that cannot be served is told and left out.
    pub(super) async fn update(&mut self, server: &Server, net: &mut Net, run_dir: &Path) {
        let wanted = self.wanted(server);
        let stale: Vec<String> =
            self.active.keys().filter(|remote| !wanted.contains(*remote)).cloned().collect();
        for remote in stale {
            if let Some(link) = self.active.remove(&remote) {
                net.drop_link(link);
            }
        }
        for remote in wanted {
            if self.active.contains_key(&remote) {
                continue;
            }
            match serve(&remote, net, run_dir).await {
                Ok(link) => {
                    self.active.insert(remote, link);
                }
                Err(why) => tracing::error!(target: "ovsdb_server", "{remote}: {why}"),
            }
        }
    }

    fn wanted(&self, server: &Server) -> BTreeSet<String> {
        let mut wanted = BTreeSet::new();
        for remote in &self.configured {
            match remote.strip_prefix("db:").map(|column| column.split(',').collect::<Vec<_>>()).as_deref() {
                Some([database, table, column]) => {
                    if let Some(snapshot) = server.published(database) {
                        wanted.extend(targets(snapshot, table, column));
                    }
                }
                Some(_) | None => {
                    wanted.insert(remote.clone());
                }
            }
        }
        wanted
    }
}

/// The targets in a column: its strings, or the `target` of each row that it refers to.
fn targets(snapshot: &Snapshot, table: &str, column: &str) -> Vec<String> {
    let layout = snapshot.layout();
    let Some(table_id) = layout.table_id(table) else { return Vec::new() };
    let Some(index) = layout.table(table_id).column_index(column) else { return Vec::new() };
    let referred = layout.schema.column(table, column).and_then(|column| column.ty.key.reference.as_ref());
    let referred = referred.and_then(|reference| layout.table_id(&reference.table));
    let mut found = Vec::new();
    for (_, row) in snapshot.rows(table_id) {
        let Datum::Set(atoms) = &row[index] else { continue };
        for atom in atoms {
            match (atom, referred) {
                (Atom::String(target), _) => found.push(target.to_string()),
                (Atom::Uuid(uuid), Some(referred)) => {
                    let Some(index) = layout.table(referred).column_index("target") else { continue };
                    if let Some(row) = snapshot.row(referred, *uuid)
                        && let Datum::Set(target) = &row[index]
                        && let Some(Atom::String(target)) = target.only()
                    {
                        found.push(target.to_string());
                    }
                }
                (Atom::Uuid(_) | Atom::Integer(_) | Atom::Real(_) | Atom::Boolean(_), _) => {}
            }
        }
    }
    found
}

async fn serve(remote: &str, net: &mut Net, run_dir: &Path) -> anyhow::Result<LinkId> {
    match Target::parse(remote, run_dir)? {
        Target::Active(active) => Ok(net.connect(vec![active])),
        Target::Passive(passive) => {
            let (link, port) = net.listen(&passive).await?;
            if let Some(port) = port {
                // Scripts read the port of "ptcp:0" off this line.
                tracing::info!(target: "ovsdb_server", "{remote}: listening on port {port}");
            }
            Ok(link)
        }
    }
}

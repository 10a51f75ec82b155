//! What the server listens on and connects to: `--remote` options, and what columns name (`db:DB,TABLE,COLUMN`),
//! followed live; and its keys, which may be named by columns too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use ovsdb::db::Snapshot;
use ovsdb::server::{Server, SessionOptions};
use ovsdb::{Atom, Datum, Str, TableId, Uuid};

use super::Daemon;
use crate::base::net::{ConnId, LinkId, Net};
use crate::base::options::Own;
use crate::base::target::Target;
use crate::base::tls::TlsConfig;

/// Silence after which a client is asked for a sign of life, unless its remote says otherwise.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);

/// How the clients of one remote are served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RemoteOptions {
    /// Milliseconds, 0 for never.
    pub(super) inactivity_probe: Option<u64>,
    /// Milliseconds.
    pub(super) max_backoff: Option<u64>,
    pub(super) read_only: bool,
    pub(super) role: Str,
}

/// The remotes as configured, and the links that serve them now.
#[derive(Debug, Default)]
pub(super) struct Remotes {
    /// `--remote` options and `add-remote` commands, as written.
    pub(super) configured: BTreeMap<String, RemoteOptions>,
    /// Options about TLS in their order.
    tls: Vec<(&'static str, String)>,
    active: BTreeMap<String, Served>,
    /// Targets that cannot be served, which has been told.
    failed: BTreeSet<String>,
    /// The states of the databases at the last look, unless it is to be looked anyway.
    seen: Option<Vec<(Str, u64)>>,
}

#[derive(Debug)]
struct Served {
    link: LinkId,
    options: RemoteOptions,
}

impl Remotes {
    pub(super) fn set_tls(&mut self, own: &Own) {
        let is_tls = |name: &str| crate::base::options::TLS.iter().any(|option| option.long == name);
        let given = own.options.iter().filter(|(name, _)| is_tls(name));
        self.tls = given.map(|(name, value)| (*name, value.clone().unwrap_or_default())).collect();
    }

    /// Adds a remote; it is served from the next [`Daemon::follow`] on.
    ///
    /// # Errors
    /// When it is a column that does not exist.
    pub(super) fn add(&mut self, remote: &str, server: &Server) -> Result<(), String> {
        if remote.starts_with("db:") {
            Column::find(remote, server)?;
        }
        self.configured.entry(remote.to_owned()).or_default();
        self.seen = None;
        Ok(())
    }

    /// Removes a remote; whether it was there.
    pub(super) fn remove(&mut self, remote: &str) -> bool {
        self.seen = None;
        self.configured.remove(remote).is_some()
    }

    /// The remotes as configured, a line each.
    pub(super) fn list(&self) -> String {
        self.configured.keys().map(|remote| format!("{remote}\n")).collect()
    }

    /// Whether any remote is a column, whose rows say how it does.
    pub(super) fn follow_databases(&self) -> bool {
        self.configured.keys().any(|remote| remote.starts_with("db:"))
    }

    /// Looks again at the next [`Daemon::follow`], at what could not be served too.
    pub(super) fn look_again(&mut self) {
        self.seen = None;
    }

    /// The link that serves `target` now.
    pub(super) fn link(&self, target: &str) -> Option<LinkId> {
        self.active.get(target).map(|served| served.link)
    }

    /// The databases that remotes or keys are in, and their states.
    fn states(&self, server: &Server) -> Vec<(Str, u64)> {
        let values = self.configured.keys().chain(self.tls.iter().map(|(_, value)| value));
        let names = values.filter_map(|value| value.strip_prefix("db:")?.split(',').next());
        let names: BTreeSet<&str> = names.collect();
        let state = |name| Some((Str::from(name), server.newest(name)?.0));
        names.into_iter().filter_map(state).collect()
    }

    fn wanted(&self, server: &Server) -> BTreeMap<String, RemoteOptions> {
        let mut wanted = BTreeMap::new();
        for (remote, options) in &self.configured {
            if !remote.starts_with("db:") {
                wanted.insert(remote.clone(), options.clone());
            } else if let Ok(column) = Column::find(remote, server) {
                column.targets(&mut wanted);
            }
        }
        wanted
    }

    fn keys(&self, server: &Server) -> TlsConfig {
        let mut config = TlsConfig::default();
        for (name, value) in &self.tls {
            if !value.starts_with("db:") {
                config.set(name, value);
                continue;
            }
            // The first word that a row has; without one it is as if the option was not given.
            let column = Column::find(value, server).ok();
            if let Some(value) = column.and_then(|column| column.strings().next()) {
                config.set(name, &value);
            }
        }
        config
    }

    /// How a client of `link` is served.
    pub(super) fn session_options(&self, link: LinkId, conn: ConnId, net: &Net) -> SessionOptions {
        let served = self.active.values().find(|served| served.link == link);
        let options = served.map(|served| served.options.clone()).unwrap_or_default();
        SessionOptions {
            read_only: options.read_only,
            probe_interval: options.probe_interval(net.is_local(conn)),
            role: options.role,
            identity: net.identity(conn),
        }
    }
}

impl RemoteOptions {
    /// The kernel tells when a process of this host ends, however busy it was before.
    fn probe_interval(&self, is_local: bool) -> Option<Duration> {
        match self.inactivity_probe {
            Some(0) => None,
            Some(ms) => Some(Duration::from_millis(ms)),
            None if is_local => None,
            None => Some(PROBE_INTERVAL),
        }
    }
}

impl Daemon {
    /// Starts serving what is wanted now and stops what is not, if a database has changed that says so. What cannot be
    /// served is told once and tried again now and then.
    pub(super) async fn follow(&mut self) {
        let states = Some(self.remotes.states(&self.server));
        if self.remotes.seen == states {
            return;
        }
        self.remotes.seen = states;
        self.shell.net.tls.configure(self.remotes.keys(&self.server));
        let wanted = self.remotes.wanted(&self.server);
        self.stop_unwanted(&wanted);
        for (target, options) in wanted {
            if let Some(served) = self.remotes.active.get_mut(&target) {
                if served.options != options {
                    served.options = options;
                    let link = served.link;
                    self.apply(link);
                }
                continue;
            }
            match serve(&target, &mut self.shell.net, &self.run_dir).await {
                Ok(link) => {
                    self.remotes.failed.remove(&target);
                    self.remotes.active.insert(target, Served { link, options });
                    self.apply(link);
                }
                Err(why) => {
                    if self.remotes.failed.insert(target.clone()) {
                        tracing::error!(target: "ovsdb_jsonrpc_server", "{target}: {why}");
                    }
                }
            }
        }
    }

    /// Ends what is not wanted any more, or wanted otherwise than its clients are served.
    fn stop_unwanted(&mut self, wanted: &BTreeMap<String, RemoteOptions>) {
        let is_stale = |target: &String, served: &Served| match wanted.get(target) {
            Some(options) => {
                options.read_only != served.options.read_only || options.role != served.options.role
            }
            None => true,
        };
        let stale: Vec<String> = self
            .remotes
            .active
            .iter()
            .filter(|(target, served)| is_stale(target, served))
            .map(|(target, _)| target.clone())
            .collect();
        for target in stale {
            if let Some(served) = self.remotes.active.remove(&target) {
                self.end_sessions(|net, conn| net.link(conn) == Some(served.link));
                self.shell.net.drop_link(served.link);
            }
        }
    }

    /// Ends the connections that `which` picks.
    pub(super) fn end_sessions(&mut self, which: impl Fn(&Net, ConnId) -> bool) {
        let conns: Vec<ConnId> =
            self.conns.keys().copied().filter(|conn| which(&self.shell.net, *conn)).collect();
        for conn in conns {
            self.forget(conn);
            self.shell.net.close(conn);
        }
    }

    /// Applies what the options of a link say to the connections that are there.
    fn apply(&mut self, link: LinkId) {
        let Some(served) = self.remotes.active.values().find(|served| served.link == link) else { return };
        if let Some(ms) = served.options.max_backoff {
            self.shell.net.set_backoff_max(link, Duration::from_millis(ms));
        }
        for (conn, (session, _)) in &self.conns {
            if self.shell.net.link(*conn) == Some(link) {
                let interval = served.options.probe_interval(self.shell.net.is_local(*conn));
                self.server.set_probe_interval(*session, interval, Instant::now());
            }
        }
    }
}

/// A column that exists.
pub(super) struct Column<'a> {
    snapshot: Snapshot,
    table: TableId,
    index: usize,
    name: &'a str,
}

impl<'a> Column<'a> {
    /// The column of `db:DB,TABLE,COLUMN`.
    ///
    /// # Errors
    /// What does not exist, in upstream's words.
    pub(super) fn find(text: &'a str, server: &'a Server) -> Result<Self, String> {
        let parts: Vec<&str> = text.trim_start_matches("db:").splitn(3, ',').collect();
        let [database, table_name, name] = parts[..] else {
            return Err(format!("\"{text}\": invalid syntax"));
        };
        let snapshot = server.published(database);
        let snapshot = snapshot.ok_or_else(|| format!("\"{text}\": no database named {database}"))?;
        let layout = snapshot.layout();
        let table = layout.table_id(table_name);
        let table = table.ok_or_else(|| format!("\"{text}\": no table named {table_name}"))?;
        let missing = || format!("\"{text}\": table \"{table_name}\" has no column \"{name}\"");
        let index = layout.table(table).column_index(name).ok_or_else(missing)?;
        Ok(Self { snapshot, table, index, name })
    }

    fn atoms(&self) -> impl Iterator<Item = &Atom> {
        let index = self.index;
        self.snapshot.rows(self.table).flat_map(move |(_, row)| row[index].keys())
    }

    /// The words in it that are not empty.
    fn strings(&self) -> impl Iterator<Item = String> {
        self.atoms().filter_map(|atom| match atom {
            Atom::String(text) if !text.is_empty() => Some(text.to_string()),
            Atom::String(_) | Atom::Uuid(_) | Atom::Integer(_) | Atom::Real(_) | Atom::Boolean(_) => None,
        })
    }

    /// The rows that it refers to: their table, UUID and `target`.
    pub(super) fn rows(&self) -> Vec<(TableId, Uuid, String)> {
        let layout = self.snapshot.layout();
        let table = &layout.table(self.table).name;
        let reference =
            layout.schema.column(table, self.name).and_then(|column| column.ty.key.reference.as_ref());
        let Some(referred) = reference.and_then(|reference| layout.table_id(&reference.table)) else {
            return Vec::new();
        };
        let row = |atom: &Atom| match atom {
            Atom::Uuid(uuid) => {
                Some((referred, *uuid, self.value(referred, *uuid, "target")?.as_str()?.to_owned()))
            }
            Atom::String(_) | Atom::Integer(_) | Atom::Real(_) | Atom::Boolean(_) => None,
        };
        self.atoms().filter_map(row).collect()
    }

    pub(super) fn table_name(&self, table: TableId) -> &str {
        &self.snapshot.layout().table(table).name
    }

    /// What a column of a row holds.
    pub(super) fn value(&self, table: TableId, uuid: Uuid, column: &str) -> Option<&Datum> {
        let index = self.snapshot.layout().table(table).column_index(column)?;
        Some(&self.snapshot.row(table, uuid)?[index])
    }

    fn targets(&self, wanted: &mut BTreeMap<String, RemoteOptions>) {
        for target in self.strings() {
            wanted.entry(target).or_default();
        }
        for (table, uuid, target) in self.rows() {
            let value = |column| self.value(table, uuid, column);
            let number = |column| value(column)?.as_integer().and_then(|number| u64::try_from(number).ok());
            let options = RemoteOptions {
                inactivity_probe: number("inactivity_probe"),
                max_backoff: number("max_backoff"),
                read_only: value("read_only").and_then(Datum::as_boolean) == Some(true),
                role: value("role").and_then(Datum::as_str).unwrap_or_default().into(),
            };
            wanted.insert(target, options);
        }
    }
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

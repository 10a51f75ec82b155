//! Databases that are copies of another server's: relays (`relay:DB:TARGET`), and backups of an active server
//! (`--sync-from`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ovsdb::db::Database;
use ovsdb::follow::{Event, Follower, PROBE_INTERVAL, Progress, Rows};
use ovsdb::rpc::{Framer, MESSAGE_BYTES_MAX};
use ovsdb::server::SessionId;
use ovsdb::{DatabaseSchema, Str};
use serde_json::Value;

use super::Daemon;
use crate::base::net::{ConnId, LinkId, Net};
use crate::base::target::Active;

/// The copies that this server keeps, and what it was told about the active server.
#[derive(Default)]
pub(super) struct Copies {
    by_link: BTreeMap<LinkId, Copy>,
    /// Forwarded transactions: who waits for them.
    waiting: BTreeMap<(LinkId, u64), (SessionId, Value)>,
    /// `--sync-from`.
    pub(super) active: Option<String>,
    /// `--sync-exclude-tables`, as database and table.
    pub(super) exclude: BTreeSet<(Str, Str)>,
    /// Whether this server is a backup now.
    pub(super) is_backup: bool,
    backup_probe: Option<Duration>,
    relay_probe: Option<Duration>,
}

struct Copy {
    follower: Follower,
    is_relay: bool,
    conn: Option<(ConnId, Framer)>,
}

impl Copies {
    /// `DB:TABLE` parts of a comma list; what is none is passed over, as upstream does.
    pub(super) fn set_exclude(&mut self, text: &str) {
        let pairs = text.split(',').filter_map(|part| part.trim().split_once(':'));
        self.exclude = pairs.map(|(database, table)| (database.into(), table.into())).collect();
    }

    /// The same, written.
    pub(super) fn excluded(&self) -> String {
        let pairs = self.exclude.iter().map(|(database, table)| format!("{database}:{table}"));
        pairs.collect::<Vec<_>>().join(",")
    }

    /// What `sync-status` says.
    pub(super) fn status(&self) -> String {
        if !self.is_backup {
            return "state: active\n".to_owned();
        }
        let active = self.active.as_deref().unwrap_or_default();
        let backups: Vec<&Follower> =
            self.by_link.values().filter(|copy| !copy.is_relay).map(|copy| &copy.follower).collect();
        let is = |wanted: fn(&Progress) -> bool| backups.iter().any(|backup| wanted(backup.progress()));
        let what = if is(|progress| matches!(progress, Progress::Failed(_))) {
            format!("Replication to ({active}) failed\n")
        } else if backups.is_empty() || is(|progress| *progress != Progress::Following) {
            format!("connecting: {active}")
        } else {
            let names: Vec<&str> = backups.iter().map(|backup| &**backup.database()).collect();
            let exclude = match self.excluded() {
                none if none.is_empty() => none,
                some => format!("\nexclude: {some}"),
            };
            format!("replicating: {active}\ndatabase: {}{exclude}", names.join(", "))
        };
        format!("state: backup\n{what}")
    }

    /// What the active server said could not be written here: its next updates would not fit.
    pub(super) fn not_written(&mut self, database: &str, why: &str) {
        let backups = self.by_link.values_mut().filter(|copy| !copy.is_relay);
        for copy in backups.filter(|copy| **copy.follower.database() == *database) {
            copy.follower.fail(why);
        }
    }

    fn of_conn(&mut self, conn: ConnId) -> Option<&mut Copy> {
        self.by_link.values_mut().find(|copy| copy.conn.as_ref().is_some_and(|(id, _)| *id == conn))
    }

    /// A connection of ours is there; whether it is one to follow.
    pub(super) fn connected(&mut self, link: LinkId, conn: ConnId, now: Instant) -> bool {
        let Some(copy) = self.by_link.get_mut(&link) else { return false };
        copy.conn = Some((conn, Framer::new(MESSAGE_BYTES_MAX)));
        copy.follower.connected(now);
        true
    }

    /// Bytes came; whether they were for a follower.
    pub(super) fn received(&mut self, conn: ConnId, bytes: &[u8], net: &mut Net, now: Instant) -> bool {
        let Some(copy) = self.of_conn(conn) else { return false };
        let Some((_, framer)) = &mut copy.conn else { return false };
        let pushed = framer.push(bytes);
        while let Some(message) = framer.pop() {
            copy.follower.handle_message(message, now);
        }
        if let Err(error) = pushed {
            tracing::warn!(target: "jsonrpc", "ending a connection whose bytes make no sense: {error}");
            net.hang_up(conn);
        }
        true
    }

    /// When [`Daemon::run_copies`] is due at the latest.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.by_link.values().filter_map(|copy| copy.follower.poll_timeout()).min()
    }
}

impl Daemon {
    /// Serves `relay:DB:TARGET[,TARGET]` from now on; the database is there once its source has said what it is.
    ///
    /// # Errors
    /// When the text makes no sense.
    pub(super) fn add_relay(&mut self, text: &str) -> anyhow::Result<()> {
        let rest = text.strip_prefix("relay:").context("a relay is expected")?;
        let (database, source) = rest.split_once(':').context("expected relay:DATABASE:TARGET")?;
        let targets = Active::parse_list(source, &self.run_dir)?;
        if self.is_served(database) {
            anyhow::bail!("ovsdb error: {database}: a database of this name is served already");
        }
        let follower = Follower::new(database, self.server.id(), BTreeSet::new());
        self.start_copy(follower, true, targets);
        Ok(())
    }

    pub(super) fn is_served(&self, database: &str) -> bool {
        let is_relayed = |copy: &Copy| copy.is_relay && **copy.follower.database() == *database;
        self.files.contains_key(database) || self.copies.by_link.values().any(is_relayed)
    }

    /// The relays there are, by database.
    pub(super) fn relays(&self) -> Vec<Str> {
        let relays = self.copies.by_link.values().filter(|copy| copy.is_relay);
        relays.map(|copy| copy.follower.database().clone()).collect()
    }

    /// Ends a relay; whether there was one.
    pub(super) fn remove_relay(&mut self, database: &str) -> bool {
        let is_it = |copy: &Copy| copy.is_relay && **copy.follower.database() == *database;
        let found = self.copies.by_link.iter().find(|(_, copy)| is_it(copy)).map(|(link, _)| *link);
        let Some(link) = found else { return false };
        self.stop_copy(link);
        self.server.remove_database(database);
        true
    }

    fn start_copy(&mut self, mut follower: Follower, is_relay: bool, targets: Vec<Active>) {
        let probe = if is_relay { self.copies.relay_probe } else { self.copies.backup_probe };
        follower.set_probe_interval(Some(probe.unwrap_or(PROBE_INTERVAL)), Instant::now());
        let link = self.shell.net.connect(targets);
        self.copies.by_link.insert(link, Copy { follower, is_relay, conn: None });
    }

    fn stop_copy(&mut self, link: LinkId) {
        self.lost(link);
        self.copies.by_link.remove(&link);
        self.shell.net.drop_link(link);
    }

    /// Becomes a backup of the active server, or starts anew with what was set since. Clients are disconnected, since
    /// they may write no more.
    pub(super) fn become_backup(&mut self) -> Result<(), String> {
        let active =
            self.copies.active.clone().ok_or("Unable to connect: active server is not specified.\n")?;
        let targets = Active::parse_list(&active, &self.run_dir).map_err(|error| error.to_string())?;
        self.stop_backup();
        self.copies.is_backup = true;
        self.server.set_read_only(true);
        self.end_sessions(|_, _| true);
        for database in self.files.keys().cloned().collect::<Vec<_>>() {
            let excluded = self.copies.exclude.iter().filter(|(of, _)| *of == database);
            let exclude = excluded.map(|(_, table)| table.clone()).collect();
            let follower = Follower::new(&database, self.server.id(), exclude);
            self.start_copy(follower, false, targets.clone());
        }
        Ok(())
    }

    /// Becomes active: clients may write.
    pub(super) fn become_active(&mut self) {
        if self.copies.is_backup {
            self.stop_backup();
            self.copies.is_backup = false;
            self.server.set_read_only(false);
            self.end_sessions(|_, _| true);
        }
    }

    fn stop_backup(&mut self) {
        let backups: Vec<LinkId> =
            self.copies.by_link.iter().filter(|(_, copy)| !copy.is_relay).map(|(link, _)| *link).collect();
        for link in backups {
            self.stop_copy(link);
        }
    }

    /// A connection is gone; whether it was one to follow.
    pub(super) fn lost_copy(&mut self, conn: ConnId) -> bool {
        let is_it = |copy: &Copy| copy.conn.as_ref().is_some_and(|(id, _)| *id == conn);
        let found = self.copies.by_link.iter().find(|(_, copy)| is_it(copy)).map(|(link, _)| *link);
        if let Some(link) = found {
            self.lost(link);
        }
        found.is_some()
    }

    fn lost(&mut self, link: LinkId) {
        let Some(copy) = self.copies.by_link.get_mut(&link) else { return };
        copy.conn = None;
        copy.follower.disconnected();
        if copy.is_relay {
            let database = copy.follower.database().clone();
            self.server.set_connected(&database, false);
        }
        self.run_copy(link, Instant::now());
    }

    /// Forwards a client's transaction to the source of a relay.
    pub(super) fn forward(&mut self, database: &str, session: SessionId, id: Value, params: Value) {
        let is_it = |copy: &Copy| copy.is_relay && **copy.follower.database() == *database;
        let Some((link, copy)) = self.copies.by_link.iter_mut().find(|(_, copy)| is_it(copy)) else { return };
        let link = *link;
        match copy.follower.forward(params) {
            Ok(ticket) => {
                self.copies.waiting.insert((link, ticket), (session, id));
                // At once: the source has nothing to say that would wake this server before it hears of it.
                self.send_to_source(link);
            }
            Err(error) => self.server.forwarded(session, id, Err(error)),
        }
    }

    /// Carries out what followers have to say.
    pub(super) fn run_copies(&mut self, now: Instant) {
        let links: Vec<LinkId> = self.copies.by_link.keys().copied().collect();
        for link in links {
            if let Some(copy) = self.copies.by_link.get_mut(&link) {
                copy.follower.handle_timeout(now);
            }
            self.run_copy(link, now);
        }
    }

    fn run_copy(&mut self, link: LinkId, now: Instant) {
        while let Some(event) = self.copies.by_link.get_mut(&link).and_then(|copy| copy.follower.poll_event())
        {
            match event {
                Event::Schema(schema) => self.on_schema(link, &schema),
                Event::Rows(rows) => self.write_copy(link, &rows, now),
                Event::Forwarded(ticket, result) => {
                    if let Some((session, id)) = self.copies.waiting.remove(&(link, ticket)) {
                        self.server.forwarded(session, id, result);
                    }
                }
                Event::Reconnect => {
                    let conn = self.copies.by_link.get(&link).and_then(|copy| copy.conn.as_ref());
                    if let Some((conn, _)) = conn {
                        self.shell.net.hang_up(*conn);
                    }
                }
            }
        }
        self.send_to_source(link);
    }

    /// Sends what a follower has to say to the other server.
    fn send_to_source(&mut self, link: LinkId) {
        let Some(Copy { follower, conn: Some((conn, _)), .. }) = self.copies.by_link.get_mut(&link) else {
            return;
        };
        while let Some(message) = follower.poll_output() {
            self.shell.net.send(*conn, message.to_string().into_bytes());
        }
    }

    fn on_schema(&mut self, link: LinkId, theirs: &Arc<DatabaseSchema>) {
        let Some(copy) = self.copies.by_link.get_mut(&link) else { return };
        let database = copy.follower.database().clone();
        let ours = self.server.published(&database).map(|snapshot| Arc::clone(&snapshot.layout().schema));
        let ours = match ours {
            Some(ours) if !copy.is_relay || ours == *theirs => ours,
            None if !copy.is_relay => return copy.follower.fail("the database is served no more"),
            Some(_) | None => {
                self.server.remove_database(&database);
                copy.follower.forget();
                let empty = Database::new(Arc::clone(theirs), crate::base::random_seed());
                if let Err(error) = self.server.add_relay(empty) {
                    return copy.follower.fail(&error.to_string());
                }
                Arc::clone(theirs)
            }
        };
        if let Some(missing) = missing(theirs, &ours) {
            let words = format!("Schema version mismatch: {missing} cannot be replicated");
            tracing::warn!(target: "replication", "{words}");
            return copy.follower.fail(&words);
        }
        copy.follower.monitor(theirs, &ours);
    }

    fn write_copy(&mut self, link: LinkId, rows: &Rows, now: Instant) {
        let Some(copy) = self.copies.by_link.get_mut(&link) else { return };
        let database = copy.follower.database().clone();
        let Some((_, present)) = self.server.newest(&database) else { return };
        let written = copy.follower.operations(present, rows).and_then(|operations| {
            let results =
                self.server.transact(&database, &operations, now).map_err(|error| error.to_string())?;
            match results.iter().find(|result| result.get("error").is_some()) {
                Some(error) => Err(error.to_string()),
                None => Ok(()),
            }
        });
        match written {
            Ok(()) if rows.is_first() && copy.is_relay => self.server.set_connected(&database, true),
            Ok(()) => {}
            Err(error) => {
                tracing::error!(target: "replication", "{database}: the copy cannot be kept: {error}");
                copy.follower.fail(&error);
            }
        }
    }

    /// Commands about copies.
    pub(super) fn on_copy_command(&mut self, name: &str, arg: &str) -> Result<String, String> {
        match name {
            "sync-status" => return Ok(self.copies.status()),
            "get-active-ovsdb-server" => return Ok(self.copies.active.clone().unwrap_or_default()),
            "get-sync-exclude-tables" => return Ok(self.copies.excluded()),
            "set-active-ovsdb-server" => self.copies.active = Some(arg.to_owned()),
            "set-sync-exclude-tables" => self.copies.set_exclude(arg),
            "connect-active-ovsdb-server" => {
                // That there is no active server is no error to upstream's command.
                return Ok(self.become_backup().err().unwrap_or_default());
            }
            "disconnect-active-ovsdb-server" => self.become_active(),
            "set-active-ovsdb-server-probe-interval" | "set-relay-source-probe-interval" => {
                let is_relay = name == "set-relay-source-probe-interval";
                // That it is no number is no error to upstream's command either.
                return Ok(self.set_copy_probe(is_relay, arg).err().unwrap_or_default());
            }
            other => return Err(format!("\"{other}\" is not for this server")),
        }
        // Another active server counts from the next "connect" on, other tables at once.
        if self.copies.is_backup && name == "set-sync-exclude-tables" {
            self.become_backup()?;
        }
        Ok(String::new())
    }

    fn set_copy_probe(&mut self, is_relay: bool, arg: &str) -> Result<(), String> {
        let wrong = |_| "Invalid probe interval, integer value expected".to_owned();
        let ms: i32 = arg.parse().map_err(wrong)?;
        // Less than a second is taken for a mistake, as upstream does; 0 is never.
        let interval =
            u64::try_from(ms).ok().filter(|ms| *ms > 0).map(|ms| Duration::from_millis(ms.max(1000)));
        match is_relay {
            true => self.copies.relay_probe = interval,
            false => self.copies.backup_probe = interval,
        }
        for copy in self.copies.by_link.values_mut().filter(|copy| copy.is_relay == is_relay) {
            copy.follower.set_probe_interval(interval, Instant::now());
        }
        Ok(())
    }
}

/// A table or column of `theirs` that `ours` lacks.
fn missing(theirs: &DatabaseSchema, ours: &DatabaseSchema) -> Option<String> {
    theirs.tables.iter().find_map(|(name, table)| match ours.table(name) {
        None => Some(format!("table {name}")),
        Some(own) => {
            let column = table.columns.keys().find(|column| own.column(column).is_none())?;
            Some(format!("column {column} of table {name}"))
        }
    })
}

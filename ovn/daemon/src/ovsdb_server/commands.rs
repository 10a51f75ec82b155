//! Control commands of the database server; replies are upstream's.

use std::path::Path;
use std::time::Instant;

use super::Daemon;
use super::file::DbFile;
use crate::base::shell;
use crate::base::unixctl::{Command, Spec, spec};

/// The commands.
pub(super) const COMMANDS: &[Spec] = &[
    spec("coverage/read-counter", "COUNTER", 1, 1),
    spec("coverage/show", "", 0, 0),
    spec("memory/show", "", 0, 0),
    spec("ovsdb-server/add-db", "DB", 1, 1),
    spec("ovsdb-server/add-remote", "REMOTE", 1, 1),
    spec("ovsdb-server/compact", "", 0, 1),
    spec("ovsdb-server/connect-active-ovsdb-server", "", 0, 0),
    spec("ovsdb-server/disable-monitor-cond", "", 0, 0),
    spec("ovsdb-server/disconnect-active-ovsdb-server", "", 0, 0),
    spec("ovsdb-server/get-active-ovsdb-server", "", 0, 0),
    spec("ovsdb-server/get-db-storage-status", "DB", 1, 1),
    spec("ovsdb-server/get-sync-exclude-tables", "", 0, 0),
    spec("ovsdb-server/list-dbs", "", 0, 0),
    spec("ovsdb-server/list-remotes", "", 0, 0),
    spec("ovsdb-server/memory-trim-on-compaction", "on|off", 1, 1),
    spec("ovsdb-server/perf-counters-clear", "", 0, 0),
    spec("ovsdb-server/perf-counters-show", "", 0, 0),
    spec("ovsdb-server/reconnect", "", 0, 0),
    spec("ovsdb-server/reload", "", 0, 0),
    spec("ovsdb-server/remove-db", "DB", 1, 1),
    spec("ovsdb-server/remove-remote", "REMOTE", 1, 1),
    spec("ovsdb-server/set-active-ovsdb-server", "", 1, 1),
    spec("ovsdb-server/set-active-ovsdb-server-probe-interval", "", 1, 1),
    spec("ovsdb-server/set-relay-source-probe-interval", "", 1, 1),
    spec("ovsdb-server/set-sync-exclude-tables", "", 0, 1),
    spec("ovsdb-server/sync-status", "", 0, 0),
    spec("ovsdb-server/tlog-list", "", 0, 0),
    spec("ovsdb-server/tlog-set", "DB:TABLE on|off", 2, 2),
];

/// Done, with nothing to say.
const DONE: Result<String, String> = Ok(String::new());

impl Daemon {
    /// Runs a command; whether the server is to stop.
    pub(super) async fn on_command(&mut self, command: Command) -> bool {
        if command.name == "exit" {
            command.reply(DONE);
            return true;
        }
        let arg = command.args.first().cloned().unwrap_or_default();
        let name = command.name.strip_prefix("ovsdb-server/").unwrap_or(command.name);
        let outcome = match name {
            "add-db" | "remove-db" | "add-remote" | "remove-remote" => match self.refuse_by_config() {
                None => self.change(name, &arg),
                Some(refused) => Err(refused),
            },
            "coverage/show" => Ok(self.coverage.show(Instant::now())),
            "coverage/read-counter" => self.coverage.read(&arg),
            "memory/show" => Ok(self.memory()),
            "compact" if arg.starts_with('_') => Err("cannot compact built-in databases".to_owned()),
            "compact" if !arg.is_empty() && !self.files.contains_key(arg.as_str()) => {
                Err("no database by that name".to_owned())
            }
            "compact" => {
                self.compact_on_command(command);
                return false;
            }
            "disable-monitor-cond" => {
                self.server.set_monitor_cond(false);
                self.end_sessions(|_, _| true);
                DONE
            }
            "get-db-storage-status" if self.server.published(&arg).is_none() => {
                Err("Failed to find the database.".to_owned())
            }
            "get-db-storage-status" => {
                let failure = self.files.get(arg.as_str()).and_then(DbFile::failure);
                Ok(format!("status: {}", failure.unwrap_or("ok")))
            }
            "list-dbs" => Ok(self.server.database_names().map(|name| format!("{name}\n")).collect()),
            "list-remotes" => Ok(self.remotes.list()),
            // Memory that is free goes back by itself.
            "memory-trim-on-compaction" if arg == "on" || arg == "off" => DONE,
            "memory-trim-on-compaction" => Err("invalid argument".to_owned()),
            "perf-counters-show" => Ok("performance counter is not supported on this platform".to_owned()),
            "perf-counters-clear" => DONE,
            "reconnect" => {
                self.end_sessions(|_, _| true);
                DONE
            }
            "reload" => self.reload().map(|()| String::new()).map_err(|error| format!("{error:#}")),
            "tlog-list" => Ok(self.traced.list(&self.server)),
            "tlog-set" => {
                let state = command.args.get(1).map_or("", String::as_str);
                self.traced.set(&arg, state, &self.server).map(|()| String::new())
            }
            _ => self.on_copy_command(name, &arg),
        };
        self.remotes.look_again();
        command.reply(outcome);
        false
    }

    /// What there is in memory, and how much that takes.
    fn memory(&self) -> String {
        let usage = self.server.usage();
        let usage: Vec<String> = usage.into_iter().map(|(name, count)| format!("{name}:{count}")).collect();
        format!("{} {}", usage.join(" "), shell::memory())
    }

    fn change(&mut self, name: &str, arg: &str) -> Result<String, String> {
        match name {
            "add-db" => {
                self.add_named_database(arg).map(|()| String::new()).map_err(|error| error.to_string())
            }
            "remove-db" if arg.starts_with('_') => Err("Cannot remove reserved database.".to_owned()),
            "remove-db" if self.remove_named_database(arg) => DONE,
            "remove-db" => Err("Failed to find the database.".to_owned()),
            "add-remote" => self.remotes.add(arg, &self.server).map(|()| String::new()),
            _ if self.remotes.remove(arg) => DONE,
            _ => Err("no such remote".to_owned()),
        }
    }

    /// What is said to who would change what a file says.
    fn refuse_by_config(&self) -> Option<String> {
        let path = self.config_file.as_ref()?;
        Some(format!("Update the {} and use ovsdb-server/reload instead", path.display()))
    }

    /// A database by its file, which is below the directory of databases unless it is absolute.
    pub(super) fn add_named_database(&mut self, name: &str) -> anyhow::Result<()> {
        if name.starts_with("relay:") {
            return self.add_relay(name);
        }
        let path = crate::base::paths::below(&super::PROGRAM.family.db_dir(), name);
        if self.files.values().any(|file| file.path() == Path::new(&path)) {
            anyhow::bail!("ovsdb error: {}: already open", path.display());
        }
        self.add_database(&path)
    }
}

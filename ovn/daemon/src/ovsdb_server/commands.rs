//! Control commands of the database server.

use std::path::Path;

use super::Daemon;
use crate::base::unixctl::{Command, Spec, spec};

/// The commands.
pub(super) const COMMANDS: &[Spec] = &[
    spec("ovsdb-server/add-db", "DB", 1, 1),
    spec("ovsdb-server/add-remote", "REMOTE", 1, 1),
    spec("ovsdb-server/compact", "", 0, 1),
    spec("ovsdb-server/list-dbs", "", 0, 0),
    spec("ovsdb-server/list-remotes", "", 0, 0),
    spec("ovsdb-server/remove-db", "DB", 1, 1),
    spec("ovsdb-server/remove-remote", "REMOTE", 1, 1),
    spec("ovsdb-server/sync-status", "", 0, 0),
];

impl Daemon {
    /// Runs a command; whether the server is to stop.
    pub(super) async fn on_command(&mut self, command: Command) -> bool {
        let arg = command.args.first().cloned().unwrap_or_default();
        let outcome = match command.name {
            "exit" => {
                command.reply(Ok(String::new()));
                return true;
            }
            "ovsdb-server/add-db" => {
                self.add_database(Path::new(&arg)).map(|()| String::new()).map_err(|error| error.to_string())
            }
            "ovsdb-server/remove-db" => match self.files.remove(arg.as_str()) {
                Some(_) => {
                    self.server.remove_database(&arg);
                    Ok(String::new())
                }
                None => Err("Failed to find the database.".to_owned()),
            },
            "ovsdb-server/add-remote" => self
                .remotes
                .add(&arg, &self.run_dir)
                .map(|()| String::new())
                .map_err(|error| error.to_string()),
            "ovsdb-server/remove-remote" => match self.remotes.remove(&arg) {
                true => Ok(String::new()),
                false => Err("no such remote".to_owned()),
            },
            "ovsdb-server/compact" => {
                self.compact_on_command(command);
                return false;
            }
            "ovsdb-server/list-dbs" => Ok(self.files.keys().map(|name| format!("{name}\n")).collect()),
            "ovsdb-server/list-remotes" => Ok(self.remotes.list()),
            "ovsdb-server/sync-status" => Ok("state: active\n".to_owned()),
            other => Err(format!("\"{other}\" is not for this server")),
        };
        self.remotes.update(&self.server, &mut self.shell.net, &self.run_dir).await;
        command.reply(outcome);
        false
    }
}

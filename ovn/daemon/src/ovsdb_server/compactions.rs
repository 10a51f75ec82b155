//! The compactions under way, and the control commands that wait for them.

use std::collections::BTreeSet;

use ovsdb::Str;
use tokio::sync::mpsc;

use super::compaction::{self, Copy};
use super::coverage::Event as Counted;
use super::file::FileError;
use super::{Daemon, wall_ms};
use crate::base::unixctl::Command;

/// A compaction that a thread has come to the end of, well or not.
pub(super) struct Compacted {
    database: Str,
    /// Which life of the file it was begun in.
    generation: u64,
    copy: Result<Copy, FileError>,
}

/// At most one a database.
pub(super) struct Compactions {
    sender: mpsc::UnboundedSender<Compacted>,
    receiver: mpsc::UnboundedReceiver<Compacted>,
    waiting: Vec<Waiting>,
}

/// A command that is answered once these databases are compacted.
struct Waiting {
    databases: BTreeSet<Str>,
    errors: Vec<String>,
    command: Command,
}

impl Default for Compactions {
    fn default() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self { sender, receiver, waiting: Vec::new() }
    }
}

impl Compactions {
    /// Waits for the end of a compaction. May be given up at any time.
    pub(super) async fn next(&mut self) -> Compacted {
        match self.receiver.recv().await {
            Some(compacted) => compacted,
            // The sender is in `self`, so that the channel is never closed.
            None => std::future::pending().await,
        }
    }
}

impl Daemon {
    /// Begins to write the state of a database as a fresh file, unless that is under way.
    pub(super) fn compact(&mut self, database: &str) {
        let Some(snapshot) = self.server.published(database) else { return };
        let transactions = self.server.remembered(database);
        let Some(file) = self.files.get_mut(database) else { return };
        let name = snapshot.layout().schema.name.clone();
        let Some(plan) = file.begin_compaction(snapshot, transactions, wall_ms()) else { return };
        let (generation, sender) = (file.generation(), self.compactions.sender.clone());
        std::thread::spawn(move || {
            let copy = compaction::write(plan);
            // The receiver is gone when the server ends: then the old file is as good.
            let _ = sender.send(Compacted { database: name, generation, copy });
        });
    }

    /// Goes on with the copy. When that fails the old file goes on, and the log tells.
    pub(super) fn compacted(&mut self, compacted: Compacted) {
        let Compacted { database, generation, copy } = compacted;
        let outcome = match (self.files.get_mut(&database), copy) {
            (Some(file), copy) => file.end_compaction(generation, copy),
            (None, Ok(copy)) => {
                copy.discard();
                Ok(())
            }
            (None, Err(error)) => Err(error),
        };
        let error = outcome.err().map(|error| error.to_string());
        if let Some(error) = &error {
            tracing::warn!(target: "ovsdb_file", "compacting failed: {error}");
        }
        if error.is_none() {
            self.coverage.count(Counted::FileCompacted);
        }
        for waiting in &mut self.compactions.waiting {
            if waiting.databases.remove(&database) {
                waiting.errors.extend(error.clone());
            }
        }
        for done in self.compactions.waiting.extract_if(.., |waiting| waiting.databases.is_empty()) {
            let outcome =
                if done.errors.is_empty() { Ok(String::new()) } else { Err(done.errors.join("\n")) };
            done.command.reply(outcome);
        }
    }

    /// Compacts the database that the command names, or all when it names none, and answers it then.
    pub(super) fn compact_on_command(&mut self, command: Command) {
        let only = command.args.first().map(String::as_str);
        let databases: BTreeSet<Str> =
            self.files.keys().filter(|name| only.is_none_or(|only| &***name == only)).cloned().collect();
        if databases.is_empty() {
            return command.reply(Err("not a database of this server".to_owned()));
        }
        for database in &databases {
            self.compact(database);
        }
        self.compactions.waiting.push(Waiting { databases, errors: Vec::new(), command });
    }
}

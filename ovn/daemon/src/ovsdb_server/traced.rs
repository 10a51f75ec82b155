//! `tlog-set` and `tlog-list`: changes of chosen tables go to the log.

use std::collections::BTreeSet;

use ovsdb::db::Commit;
use ovsdb::server::Server;
use ovsdb::{Layout, Str};

/// The tables whose changes are logged, as database and table.
#[derive(Debug, Default)]
pub(super) struct Traced(BTreeSet<(Str, Str)>);

impl Traced {
    /// Logs changes of `DB:TABLE` from now on, or does not.
    ///
    /// # Errors
    /// What does not exist.
    pub(super) fn set(&mut self, which: &str, state: &str, server: &Server) -> Result<(), String> {
        let (database, table) = which.split_once(':').ok_or("invalid DB:TABLE argument")?;
        let snapshot = server.published(database).ok_or("no such database")?;
        snapshot.layout().table_id(table).ok_or("no such table")?;
        let key = (Str::from(database), Str::from(table));
        match state {
            "on" => drop(self.0.insert(key)),
            "off" => drop(self.0.remove(&key)),
            _ => return Err("invalid command argument".to_owned()),
        }
        Ok(())
    }

    /// Every table and whether its changes are logged.
    pub(super) fn list(&self, server: &Server) -> String {
        let mut text = String::from("database        table                       logging\n");
        text.push_str("--------        -----                       -------\n");
        for database in server.database_names() {
            text.push_str(&format!("{database:<16} \n"));
            let Some(snapshot) = server.published(database) else { continue };
            for table in &snapshot.layout().tables {
                let is_on = self.0.contains(&(Str::from(database), table.name.clone()));
                text.push_str(&format!(
                    "                {:<27} {}\n",
                    table.name,
                    if is_on { "ON" } else { "OFF" }
                ));
            }
        }
        text
    }

    /// Logs what a transaction changed in the chosen tables.
    pub(super) fn log(&self, database: &Str, layout: &Layout, commit: &Commit) {
        if self.0.is_empty() {
            return;
        }
        for (id, uuid, update) in commit.iter() {
            let table = &layout.table(id).name;
            if self.0.contains(&(database.clone(), table.clone())) {
                let what = match (&update.old, &update.new) {
                    (None, _) => "inserted",
                    (Some(_), None) => "deleted",
                    (Some(_), Some(_)) => "modified",
                };
                tracing::info!(target: "ovsdb_transaction", "table:{table},op:{what},uuid:{uuid}");
            }
        }
    }
}

//! Which server and which database a subcommand works on.

use std::io;

use ovsdb::Uuid;
use serde_json::{Value, json};

use super::fatal::Fatal;
use super::rpc::Rpc;
use super::{Client, Need, PROGRAM};
use crate::base::stream::{self, Listener, Stream};
use crate::base::target::{Active, Target};

/// A server, the database on it that is meant (empty if none is needed), and how many arguments said so.
pub(super) struct Found {
    pub(super) rpc: Rpc,
    pub(super) database: String,
    pub(super) used: usize,
}

impl Client {
    pub(super) fn default_remote(&self) -> String {
        format!("unix:{}", PROGRAM.family.run_dir().join("db.sock").display())
    }

    /// Connects to the server that the first argument names, if it names one and more than `min` arguments are there,
    /// or else to the default one; and finds out which database is meant, if one is needed and none is `known`.
    pub(super) fn open(
        &self,
        min: usize,
        need: Need,
        args: &[String],
        known: Option<&str>,
    ) -> Result<Found, Fatal> {
        let is_remote =
            |text: &String| text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.contains(':');
        let given = args.first().filter(|first| args.len() > min && is_remote(first));
        let mut used = usize::from(given.is_some());
        let remote = given.map_or_else(|| self.default_remote(), Clone::clone);
        let (remotes, cluster) = split(&remote);
        if let [remote] = remotes.as_slice() {
            let stream = self.connect(remote)?;
            let mut rpc = Rpc::new(remote, stream);
            let database = match (need, known) {
                (Need::Database, None) => self.choose_database(&mut rpc, min, args, &mut used)?,
                (Need::Database | Need::Server, known) => known.unwrap_or_default().to_owned(),
            };
            return Ok(Found { rpc, database, used });
        }
        let database = match (need, known) {
            (Need::Database, None) if args.len() - used > min => {
                used += 1;
                args[used - 1].clone()
            }
            (Need::Database, None) => {
                return Err(Fatal::new("database name is required with multiple remotes"));
            }
            (Need::Database | Need::Server, known) => known.unwrap_or_default().to_owned(),
        };
        for remote in &remotes {
            if let Some(rpc) = self.accept(remote, &database, cluster) {
                return Ok(Found { rpc, database, used });
            }
        }
        Err(Fatal::new("no servers were available"))
    }

    fn choose_database(
        &self,
        rpc: &mut Rpc,
        min: usize,
        args: &[String],
        used: &mut usize,
    ) -> Result<String, Fatal> {
        let names = self.databases(rpc)?;
        if args.len() - *used > min && names.contains(&args[*used]) {
            *used += 1;
            return Ok(args[*used - 1].clone());
        }
        if names.iter().any(|name| name == "Open_vSwitch") {
            return Ok("Open_vSwitch".to_owned());
        }
        let mut own = names.into_iter().filter(|name| !name.starts_with('_'));
        match (own.next(), own.next()) {
            (Some(only), None) => Ok(only),
            (Some(_) | None, _) => {
                Err(Fatal::new("could not find a default database, please specify a database name"))
            }
        }
    }

    /// One of many servers, if it is there and its state of `database` will do.
    fn accept(&self, remote: &str, database: &str, cluster: Option<Uuid>) -> Option<Rpc> {
        let stream = self.connect(remote).ok()?;
        let mut rpc = Rpc::new(remote, stream);
        if database.is_empty() {
            return Some(rpc);
        }
        let row = self.database_row(&mut rpc, database).ok()??;
        if cluster.is_some_and(|cluster| row["cid"] != json!(["uuid", cluster.to_string()])) {
            return None;
        }
        let will_do = row["model"] == "standalone"
            || (row["connected"] == true && (row["leader"] == true || !self.options.leader_only));
        will_do.then_some(rpc)
    }

    /// What the server says about one of its databases.
    pub(super) fn database_row(&self, rpc: &mut Rpc, database: &str) -> Result<Option<Value>, Fatal> {
        let select = json!({"op": "select", "table": "Database", "where": [["name", "==", database]]});
        let result = self.call(rpc, "transact", json!(["_Server", select]))?;
        Ok(result[0]["rows"].get(0).cloned())
    }

    fn connect(&self, remote: &str) -> Result<Stream, Fatal> {
        self.runtime.block_on(async {
            let target = Target::parse(remote, &PROGRAM.family.run_dir());
            if let Ok(Target::Passive(passive)) = target {
                let words = |error: io::Error| {
                    Fatal::system(format!("failed to connect or listen to \"{remote}\""), &error)
                };
                let listener = Listener::bind(&passive).await.map_err(words)?;
                tracing::info!(target: "ovsdb_client", "{remote}: waiting for connection...");
                let failed =
                    |error| Fatal::system(format!("failed to accept connection on \"{remote}\""), &error);
                return listener.accept(&self.tls).await.map_err(failed);
            }
            let words = |error: io::Error| {
                let listen = match error.raw_os_error() {
                    Some(nix::libc::EAFNOSUPPORT) => " or listen",
                    Some(_) | None => "",
                };
                Fatal::system(format!("failed to connect{listen} to \"{remote}\""), &error)
            };
            connect(remote, self).await.map_err(words)
        })
    }
}

/// Connects once.
pub(super) async fn connect(remote: &str, client: &Client) -> io::Result<Stream> {
    // A method that nobody knows is to the system what an unknown family of addresses is.
    let unknown = |_| io::Error::from_raw_os_error(nix::libc::EAFNOSUPPORT);
    let target = Active::parse(remote, &PROGRAM.family.run_dir()).map_err(unknown)?;
    stream::connect(&target, &client.tls).await
}

/// The servers of a comma list, and the cluster that it asks for (`cid:UUID`).
fn split(text: &str) -> (Vec<&str>, Option<Uuid>) {
    let mut remotes = Vec::new();
    let mut cluster = None;
    for part in text.split(',').filter(|part| !part.is_empty()) {
        match part.strip_prefix("cid:") {
            Some(uuid) => cluster = uuid.parse().ok(),
            None => remotes.push(part),
        }
    }
    (remotes, cluster)
}

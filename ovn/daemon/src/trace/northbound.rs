//! The northbound database, read once: only what says who asked for a flow.

use std::time::Instant;

use anyhow::{Context as _, bail};
use ovsdb::replica::{Replica, ReplicaEvent, ReplicaOptions};
use ovsdb::rpc::{Framer, MESSAGE_BYTES_MAX};
use schema::nb;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trace::Northbound;

use super::source::Source;
use super::{PROGRAM, Setting, once};
use crate::base::stream::Stream;
use crate::base::target::Active;

/// What the user says to go without.
const NONE: &str = "none";

/// The rows that flows are made for. Without a server there are none; that is told only if the user named it.
pub(super) async fn read(setting: &Setting) -> Northbound {
    let run_dir = PROGRAM.family.run_dir();
    let named = setting.northbound.clone();
    // The rows of a file may be older than those that a server has now.
    let is_live = matches!(setting.source, Source::Live(..));
    let default = || {
        let socket = run_dir.join("ovnnb_db.sock");
        is_live.then(|| std::env::var("OVN_NB_DB").unwrap_or_else(|_| format!("unix:{}", socket.display())))
    };
    let Some(remote) = named.clone().or_else(default).filter(|remote| remote != NONE) else {
        return Northbound::default();
    };
    match download(&remote, setting).await {
        Ok(northbound) => northbound,
        Err(error) => {
            if named.is_some() {
                tracing::warn!(target: "ovntrace", "{error:#}");
            }
            Northbound::default()
        }
    }
}

async fn download(remote: &str, setting: &Setting) -> anyhow::Result<Northbound> {
    let targets = Active::parse_list(remote, &PROGRAM.family.run_dir())?;
    let stream = once::connect(&targets, &setting.tls, remote).await?;
    copy(stream).await.with_context(|| remote.to_owned())
}

async fn copy(mut stream: Stream) -> anyhow::Result<Northbound> {
    let monitors = Northbound::monitors();
    let mut tables = nb::Tables::with_monitors(&monitors);
    let mut replica = Replica::new(nb::schema().clone(), monitors, ReplicaOptions::default());
    let mut framer = Framer::new(MESSAGE_BYTES_MAX);
    let mut buffer = vec![0; 64 << 10];
    replica.connected(Instant::now());
    loop {
        let mut out = Vec::new();
        while let Some(message) = replica.poll_output() {
            out.extend(message.to_string().into_bytes());
        }
        stream.write_all(&out).await?;
        stream.flush().await?;
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            bail!("the server closed the connection");
        }
        framer.push(&buffer[..length])?;
        while let Some(message) = framer.pop() {
            replica.handle_message(message, Instant::now());
        }
        while let Some(event) = replica.poll_event() {
            match event {
                ReplicaEvent::Changes(changes) => {
                    for change in &changes {
                        tables.apply(change)?;
                    }
                }
                ReplicaEvent::Synced => return Ok(Northbound::new(&tables)),
                ReplicaEvent::Lost(reason) => bail!("the database cannot be read: {reason}"),
                ReplicaEvent::Lock(_) | ReplicaEvent::TxnDone { .. } => {}
            }
        }
    }
}

//! A question about all packets: needs all rows, where a trace needs few.

use std::time::Instant;

use anyhow::{Context as _, bail};
use ovsdb::replica::{Replica, ReplicaEvent, ReplicaOptions};
use ovsdb::rpc::{Framer, MESSAGE_BYTES_MAX};
use schema::sb::{self, Tables};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trace::Question;

use super::source::{Source, read_file};
use super::{Setting, once};
use crate::base::options::Own;
use crate::base::stream::Stream;

/// The word for any port.
const ANY: &str = "any";

/// The question of a command line, if it is one about all packets.
pub(super) fn question(own: &Own) -> anyhow::Result<Option<Question>> {
    let drops = own.has("dropped");
    if !drops && !own.has("all-packets") {
        return Ok(None);
    }
    let (from, to, of) = match &own.operands[..] {
        [from, to] => (from, to, None),
        [from, to, of] => (from, to, Some(of.clone())),
        _ => bail!("two ports and at most one expression are required (use --help for help)"),
    };
    let from = (from != ANY).then(|| from.clone());
    Ok(Some(Question { from, to: to.clone(), of, drops }))
}

/// The answer in words.
pub(super) fn answer(setting: &Setting, question: &Question) -> anyhow::Result<String> {
    let tables = match &setting.source {
        Source::Live(targets, db) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let stream = once::connect(targets, &setting.tls, db).await?;
                copy(stream, setting.leader_only).await.with_context(|| db.clone())
            })?
        }
        Source::File(path) => read_file(path)?,
        Source::Topology(plan) => plan.compute()?.southbound,
    };
    Ok(trace::verify(&tables, question))
}

/// All rows that a trace can read.
async fn copy(mut stream: Stream, leader_only: bool) -> anyhow::Result<Tables> {
    let monitors: Vec<_> = trace::TABLES.iter().map(|table| table.monitor()).collect();
    let mut tables = Tables::with_monitors(&monitors);
    let options = ReplicaOptions { leader_only, ..ReplicaOptions::default() };
    let mut replica = Replica::new(sb::schema().clone(), monitors, options);
    let mut framer = Framer::new(MESSAGE_BYTES_MAX);
    let mut buffer = vec![0; 256 << 10];
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
                ReplicaEvent::Synced => return Ok(tables),
                ReplicaEvent::Lost(reason) => bail!("the database cannot be read: {reason}"),
                ReplicaEvent::Lock(_) | ReplicaEvent::TxnDone { .. } => {}
            }
        }
    }
}

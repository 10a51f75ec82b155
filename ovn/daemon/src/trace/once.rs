//! One trace, and the process ends.

use std::time::Instant;

use anyhow::{Context as _, bail};
use ovsdb::replica::ReplicaOptions;
use ovsdb::rpc::{Framer, MESSAGE_BYTES_MAX};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trace::service::{Service, ServiceOutput};
use trace::{Northbound, Outcome, Request, Traced, Tracer};

use super::source::{Source, read_file};
use super::{Setting, warn};
use crate::base::stream::{self, Stream};
use crate::base::target::Active;

/// The text of a trace.
pub(super) fn answer(setting: &Setting, request: Request) -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (traced, northbound) = match &setting.source {
        Source::Live(targets, db) => (runtime.block_on(live(setting, targets, db, request))?, None),
        Source::File(path) => (whole(&read_file(path)?, &request)?, None),
        Source::Topology(plan) => {
            let computed = plan.compute()?;
            let northbound = Northbound::new(&computed.northbound);
            (whole(&computed.southbound, &request)?, Some(northbound))
        }
    };
    Ok(runtime.block_on(setting.finish(traced, northbound)))
}

/// A trace through rows that are all there.
fn whole(tables: &schema::sb::Tables, request: &Request) -> anyhow::Result<Traced> {
    match Tracer::new(tables).trace(request) {
        Outcome::Done(traced) => Ok(traced),
        Outcome::Wants(wants) => bail!("rows are missing: {wants:?}"),
    }
}

/// A trace through the database of a server, of which only what is looked at is read. Of several servers it is the first
/// that can be reached and will do.
async fn live(setting: &Setting, targets: &[Active], db: &str, request: Request) -> anyhow::Result<Traced> {
    let mut failure = None;
    for target in targets {
        let traced = match connect(std::slice::from_ref(target), &setting.tls, db).await {
            Ok(stream) => converse(setting, stream, request.clone()).await.with_context(|| db.to_owned()),
            Err(error) => Err(error),
        };
        match traced {
            Ok(traced) => return Ok(traced),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| anyhow::anyhow!("{db}: no remote is given")))
}

/// Connects to the first of several servers that can be reached.
pub(super) async fn connect(
    targets: &[Active],
    tls: &crate::base::tls::Tls,
    db: &str,
) -> anyhow::Result<Stream> {
    let mut failure = "no remote is given".to_owned();
    for target in targets {
        match stream::connect(target, tls).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = crate::base::os_error(&error),
        }
    }
    bail!("{db}: database connection failed ({failure})")
}

async fn converse(setting: &Setting, mut stream: Stream, request: Request) -> anyhow::Result<Traced> {
    let leader_only = setting.leader_only;
    let mut core = Service::new(ReplicaOptions { leader_only, ..ReplicaOptions::default() });
    let mut framer = Framer::new(MESSAGE_BYTES_MAX);
    let mut buffer = vec![0; 256 << 10];
    core.connected(Instant::now());
    core.request(request).context("there is one request")?;
    loop {
        core.work();
        warn(&core.take_warnings());
        let mut out = Vec::new();
        while let Some(output) = core.poll_output() {
            match output {
                ServiceOutput::Send(message) => out.extend(message.to_string().into_bytes()),
                ServiceOutput::Reconnect(reason) => bail!("the database cannot be read: {reason}"),
                ServiceOutput::Done(_, traced) => return Ok(*traced),
            }
        }
        stream.write_all(&out).await?;
        stream.flush().await?;
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            bail!("the server closed the connection");
        }
        framer.push(&buffer[..length])?;
        while let Some(message) = framer.pop() {
            core.handle_message(message, Instant::now());
        }
    }
}

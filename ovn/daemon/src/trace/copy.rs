//! Rows of a database, read once.

use std::time::Instant;

use anyhow::bail;
use ovsdb::replica::{Replica, ReplicaEvent, RowChange};
use ovsdb::rpc::{Framer, MESSAGE_BYTES_MAX};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::base::stream::Stream;

/// Gives `apply` every row that the replica monitors; returns once it has had them all.
///
/// # Errors
/// A connection that ends before, a database that cannot be read, or what `apply` says of a row.
pub(super) async fn copy(
    mut stream: Stream,
    mut replica: Replica,
    mut apply: impl FnMut(&RowChange) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
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
                ReplicaEvent::Changes(changes) => changes.iter().try_for_each(&mut apply)?,
                ReplicaEvent::Synced => return Ok(()),
                ReplicaEvent::Lost(reason) => bail!("the database cannot be read: {reason}"),
                ReplicaEvent::Lock(_) | ReplicaEvent::TxnDone { .. } => {}
            }
        }
    }
}

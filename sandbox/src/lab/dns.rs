//! Questions of names from a node, by its kernel's sockets.

use super::netns::Netns;
use crate::tools::dns::{Answer, Question};
use anyhow::{Context, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// Asks a server, again after each `again` without an answer, until `end`. None when there was no answer.
///
/// # Errors
/// When the node has no sockets. That the server cannot be reached is no error.
pub async fn ask(
    node: &Netns,
    server: SocketAddr,
    question: Question,
    again: Duration,
    end: Instant,
) -> Result<Option<Answer>> {
    // Who drops this future wants no more questions to be asked.
    let (_end, ended) = oneshot::channel::<()>();
    let asking = async move {
        let any: IpAddr = match server.ip() {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).await.context("opening a socket")?;
        // Not connected: who refuses it does not end it.
        let mut buffer = vec![0; 65_536];
        while Instant::now() < end {
            // Unreachable, for example: there will be no answer.
            let _ = socket.send_to(&question.octets(), server).await;
            let next = (Instant::now() + again).min(end);
            while let Ok(received) = timeout_at(next, socket.recv_from(&mut buffer)).await {
                let Ok((length, from)) = received else { continue };
                if let Some(answer) = question.answer(&buffer[..length]).filter(|_| from == server) {
                    return Ok(Some(answer));
                }
            }
        }
        Ok(None)
    };
    node.run(move |_| async move {
        tokio::select! {
            answer = asking => answer,
            _ = ended => Ok(None),
        }
    })
    .await?
}

//! Frames of an interface of a node: seen and sent.

use super::capture::Capture;
use crate::lab::netns::Netns;
use crate::sys;
use anyhow::{Context, Result};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, oneshot};

/// Longest frame that is captured whole.
const FRAME_MAX: usize = 65_535 + 64;

/// Ends the sniffing when dropped.
pub struct Sniffing {
    _end: oneshot::Sender<()>,
}

/// Adds every frame of an interface to a capture, until the result is dropped. When this returns, the next frame is
/// already seen.
///
/// # Errors
/// When there is no such interface.
pub async fn sniff(node: &Netns, interface: &str, capture: Capture, number: u32) -> Result<Sniffing> {
    let (end, ended) = oneshot::channel();
    let (ready, is_ready) = oneshot::channel();
    let name = interface.to_owned();
    // Its answer is that it has ended, which nobody asks.
    drop(
        node.start(move |net| async move {
            let opened = async {
                let socket =
                    sys::packet_socket(net.index(&name).await?, true).context("opening a packet socket")?;
                sys::watched(socket).context("waiting for a packet socket")
            };
            match opened.await {
                Ok(socket) => {
                    let _ = ready.send(Ok(()));
                    tokio::select! {
                        () = follow(&socket, &capture, number) => {}
                        _ = ended => {}
                    }
                    capture.end();
                }
                Err(e) => drop(ready.send(Err(e))),
            }
        })
        .await,
    );
    is_ready.await.context("the node is gone")?.with_context(|| format!("{}:{interface}", node.name()))?;
    Ok(Sniffing { _end: end })
}

async fn follow(socket: &AsyncFd<OwnedFd>, capture: &Capture, number: u32) {
    let mut buffer = vec![0; FRAME_MAX].into_boxed_slice();
    loop {
        let received =
            socket.async_io(Interest::READABLE, |fd| sys::packet_receive(fd.as_fd(), &mut buffer)).await;
        match received {
            Ok(r) => capture.add(number, r.outgoing, Arc::from(&buffer[r.start..r.end])),
            // Down for now.
            Err(e) if e.raw_os_error() == Some(nix::libc::ENETDOWN) => {}
            Err(_) => return,
        }
    }
}

/// A socket by which frames leave an interface of a node, as they are. It is closed in the node's thread, since that takes
/// the system some milliseconds.
pub struct Sender(mpsc::Sender<(Vec<u8>, oneshot::Sender<io::Result<()>>)>);

/// Opens one.
///
/// # Errors
/// When there is no such interface.
pub async fn sender(node: &Netns, interface: &str) -> Result<Sender> {
    let (frames, mut queue) = mpsc::channel::<(Vec<u8>, oneshot::Sender<io::Result<()>>)>(1);
    let (ready, is_ready) = oneshot::channel();
    let name = interface.to_owned();
    // Its answer is that it has ended, which nobody asks.
    drop(
        node.start(move |net| async move {
            let socket = async {
                sys::packet_socket(net.index(&name).await?, false).context("opening a packet socket")
            };
            match socket.await {
                Ok(socket) => {
                    let _ = ready.send(Ok(()));
                    while let Some((octets, done)) = queue.recv().await {
                        let _ = done.send(nix::unistd::write(&socket, &octets).map(drop).map_err(Into::into));
                    }
                }
                Err(e) => drop(ready.send(Err(e))),
            }
        })
        .await,
    );
    is_ready.await.context("the node is gone")?.with_context(|| format!("{}:{interface}", node.name()))?;
    Ok(Sender(frames))
}

impl Sender {
    /// Sends a frame.
    ///
    /// # Errors
    /// When the interface takes none.
    pub async fn send(&self, octets: Vec<u8>) -> Result<()> {
        let (done, is_done) = oneshot::channel();
        let sent = async {
            self.0.send((octets, done)).await.ok()?;
            is_done.await.ok()
        };
        sent.await.context("the node is gone")?.context("sending a frame")
    }
}

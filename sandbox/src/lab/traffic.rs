//! Traffic between two nodes, by their kernels' sockets.

use super::netns::Netns;
use crate::tools::traffic::{Arrivals, PATIENCE, Plan, Report, Speech, WORD_EVERY};
use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

/// Traffic that goes on until [`Traffic::end`].
pub struct Traffic {
    /// Ends who sends, and then who receives.
    stop: watch::Sender<bool>,
    close: watch::Sender<bool>,
    source: oneshot::Receiver<Result<(u64, Speech)>>,
    arrivals: Arc<Mutex<Arrivals>>,
}

/// Where the receiver listens.
#[derive(Clone, Copy)]
struct Ports {
    datagrams: SocketAddr,
    connection: SocketAddr,
}

/// Starts traffic; the connection is there when this returns.
///
/// # Errors
/// When there are no sockets, or nobody takes the connection in time.
pub async fn start(from: &Netns, to: &Netns, plan: Plan) -> Result<Traffic> {
    let (stop, stopped) = watch::channel(false);
    let (close, closed) = watch::channel(false);
    let arrivals = Arc::new(Mutex::new(Arrivals::default()));
    let noted = arrivals.clone();
    let ports = to.run(move |_| sink(plan, noted, closed)).await??;
    let stream = async move {
        let socket = TcpStream::connect(ports.connection);
        tokio::time::timeout(PATIENCE, socket).await.context("no connection in time")?.context("connecting")
    };
    let (ready, is_ready) = oneshot::channel();
    let source = from
        .start(move |_| async move {
            match stream.await {
                Ok(stream) => {
                    let _ = ready.send(Ok(()));
                    source(plan, ports, stream, stopped).await
                }
                Err(e) => {
                    let _ = ready.send(Err(e));
                    bail!("it did not begin")
                }
            }
        })
        .await;
    is_ready.await.context("the node is gone")??;
    Ok(Traffic { stop, close, source, arrivals })
}

impl Traffic {
    /// Sends no more, waits for what is on its way, and says how it went.
    ///
    /// # Errors
    /// When who sends could not.
    pub async fn end(self) -> Result<Report> {
        self.stop.send_replace(true);
        let (sent, speech) = self.source.await.context("who sends is gone")??;
        let end = Instant::now() + PATIENCE;
        let arrivals = || self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).clone();
        while arrivals().received < sent && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.close.send_replace(true);
        Ok(Report { sent, arrivals: arrivals(), speech })
    }
}

/// Opens the sockets of who receives, and serves them until told.
async fn sink(
    plan: Plan,
    arrivals: Arc<Mutex<Arrivals>>,
    mut closed: watch::Receiver<bool>,
) -> Result<Ports> {
    let datagrams = UdpSocket::bind((plan.to, 0)).await.context("opening a socket")?;
    let listener = TcpListener::bind((plan.to, 0)).await.context("opening a socket")?;
    let ports = Ports { datagrams: datagrams.local_addr()?, connection: listener.local_addr()? };
    let serve = async move {
        let mut buffer = vec![0; 65_536];
        loop {
            if let Ok(length) = datagrams.recv(&mut buffer).await {
                arrivals.lock().unwrap_or_else(PoisonError::into_inner).note(&buffer[..length]);
            }
        }
    };
    tokio::task::spawn_local(async move {
        tokio::select! {
            () = serve => {}
            () = echo(listener) => {}
            _ = closed.wait_for(|closed| *closed) => {}
        }
    });
    Ok(ports)
}

/// Takes one connection and says back what it hears.
async fn echo(listener: TcpListener) {
    if let Ok((mut stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let (mut from, mut to) = stream.split();
        // The one at the other end sees and says what goes wrong.
        let _ = tokio::io::copy(&mut from, &mut to).await;
    }
    std::future::pending().await
}

/// Sends datagrams and says words until told; then waits for the words that are still to come back.
async fn source(
    plan: Plan,
    ports: Ports,
    stream: TcpStream,
    mut stopped: watch::Receiver<bool>,
) -> Result<(u64, Speech)> {
    let socket = UdpSocket::bind((plan.from, 0)).await.context("opening a socket")?;
    let _ = stream.set_nodelay(true);
    let (mut from, mut to) = stream.into_split();
    let (began, mut sent, mut speech) = (Instant::now(), 0, Speech::default());
    let mut ticks = tokio::time::interval(Duration::from_millis(1));
    let mut words = tokio::time::interval(WORD_EVERY);
    let mut buffer = vec![0; 4096];
    let mut end = None;
    while end.is_none_or(|end| !speech.is_whole() && Instant::now() < end) {
        tokio::select! {
            at = ticks.tick() => {
                while end.is_none() && sent < plan.due(at - began) {
                    // What the kernel does not take is lost, and counted as such.
                    let _ = socket.send_to(&plan.datagram(sent), ports.datagrams).await;
                    sent += 1;
                }
            }
            _ = words.tick(), if end.is_none() && speech.broken.is_none() => {
                if let Err(e) = to.write_all(&speech.word()).await {
                    speech.breaks(e.to_string());
                }
            }
            heard = from.read(&mut buffer), if speech.broken.is_none() => match heard {
                Ok(0) => speech.breaks("the other end closed it"),
                Ok(length) => speech.hear(&buffer[..length]),
                Err(e) => speech.breaks(e.to_string()),
            },
            // Whoever could have told is gone: that is the end as well.
            _ = stopped.wait_for(|stopped| *stopped), if end.is_none() => end = Some(Instant::now() + PATIENCE),
        }
    }
    Ok((sent, speech))
}

//! Byte streams for the cores: one [`Net`] a daemon holds every listener and connection, and turns them into [`Event`]s.
//!
//! ```text
//!  sockets ──reader task──► bounded channel ──► Net::next ──► the daemon's loop ──► core
//!  sockets ◄─writer task─── queue (counted) ◄── Net::send ◄────────────────────────┘
//! ```
//! The channel is bounded, so a core that is busy slows its peers instead of collecting their bytes. A peer that does
//! not read is dropped once more than [`QUEUE_BYTES_MAX`] bytes wait for it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::target::{Active, Passive};

/// Bytes that may wait for one peer before it is dropped.
pub const QUEUE_BYTES_MAX: usize = 512 << 20;
/// Bytes that may wait for one peer before [`Net::is_full`] says so; [`Event::Drained`] follows at half of it.
pub const QUEUE_BYTES_FULL: usize = 1 << 20;
/// Events that may wait for the core before readers pause.
const EVENTS_MAX: usize = 256;
/// Most bytes one event carries.
const CHUNK: usize = 64 << 10;
/// Connections one daemon accepts; further ones are closed at once.
pub const CONNECTIONS_MAX: usize = 8192;
/// First pause before connecting again; doubled up to [`BACKOFF_MAX`].
const BACKOFF_MIN: Duration = Duration::from_millis(5);
/// Longest pause before connecting again.
const BACKOFF_MAX: Duration = Duration::from_secs(8);

/// One connection, as long as it lasts. Never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// One thing that the daemon connects to or listens on, for as long as it wants to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// What happened on the wire.
#[derive(Debug)]
pub enum Event {
    /// A peer connected to a listener.
    Accepted(LinkId, ConnId),
    /// A link that connects has connected.
    Connected(LinkId, ConnId),
    /// Bytes arrived.
    Received(ConnId, Vec<u8>),
    /// A peer that left more than [`QUEUE_BYTES_FULL`] unread has read most of it.
    Drained(ConnId),
    /// The connection is gone. Nothing more comes of it.
    Closed(ConnId),
}

enum Internal {
    Stream(LinkId, Stream, Origin),
    Failed(LinkId),
    Received(ConnId, Vec<u8>),
    Drained(ConnId),
    Closed(ConnId),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Accepted,
    Connected,
}

/// A connected socket.
pub(crate) enum Stream {
    /// Of the Unix domain.
    Unix(UnixStream),
    /// Of TCP.
    Tcp(TcpStream),
}

struct Conn {
    link: LinkId,
    writer: mpsc::UnboundedSender<Arc<[u8]>>,
    queue: Arc<Queue>,
    reader: JoinHandle<()>,
    is_local: bool,
}

/// What waits for one peer.
#[derive(Default)]
struct Queue {
    bytes: AtomicUsize,
    /// Whether somebody wants to hear when most of it is written.
    watched: AtomicBool,
}

enum Link {
    Listening(JoinHandle<()>),
    Connecting {
        targets: Vec<Active>,
        next: usize,
        backoff: Duration,
        attempt: Option<JoinHandle<()>>,
        conn: Option<ConnId>,
    },
}

/// Every listener and connection of one daemon.
pub struct Net {
    sender: mpsc::Sender<Internal>,
    receiver: mpsc::Receiver<Internal>,
    links: BTreeMap<LinkId, Link>,
    conns: BTreeMap<ConnId, Conn>,
    next_id: u64,
}

impl Default for Net {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(EVENTS_MAX);
        Self { sender, receiver, links: BTreeMap::new(), conns: BTreeMap::new(), next_id: 1 }
    }
}

impl Net {
    /// Starts listening. Returns the link and, for TCP, the port.
    ///
    /// # Errors
    /// What bind(2) or listen(2) returned.
    pub async fn listen(&mut self, at: &Passive) -> io::Result<(LinkId, Option<u16>)> {
        let link = LinkId(self.fresh());
        let sender = self.sender.clone();
        let (task, port) = match at {
            Passive::Unix(path) => {
                let listener = bind_unix(path)?;
                let task = tokio::spawn(async move {
                    while let Ok((stream, _)) = listener.accept().await {
                        if sender
                            .send(Internal::Stream(link, Stream::Unix(stream), Origin::Accepted))
                            .await
                            .is_err()
                        {
                            break;
                        }
                    }
                });
                (task, None)
            }
            Passive::Tcp(address) => {
                let listener = TcpListener::bind(address).await?;
                let port = listener.local_addr()?.port();
                let task = tokio::spawn(async move {
                    while let Ok((stream, _)) = listener.accept().await {
                        if sender
                            .send(Internal::Stream(link, Stream::Tcp(stream), Origin::Accepted))
                            .await
                            .is_err()
                        {
                            break;
                        }
                    }
                });
                (task, Some(port))
            }
        };
        self.links.insert(link, Link::Listening(task));
        Ok((link, port))
    }

    /// Connects to one of `targets`, and again whenever the connection is lost, until [`Net::drop_link`].
    pub fn connect(&mut self, targets: Vec<Active>) -> LinkId {
        let link = LinkId(self.fresh());
        self.links.insert(
            link,
            Link::Connecting { targets, next: 0, backoff: Duration::ZERO, attempt: None, conn: None },
        );
        self.attempt(link);
        link
    }

    /// Stops listening or connecting, and closes what came of it.
    pub fn drop_link(&mut self, link: LinkId) {
        match self.links.remove(&link) {
            Some(Link::Listening(task)) => task.abort(),
            Some(Link::Connecting { attempt: Some(attempt), .. }) => attempt.abort(),
            Some(Link::Connecting { attempt: None, .. }) | None => {}
        }
        let conns: Vec<ConnId> =
            self.conns.iter().filter(|(_, conn)| conn.link == link).map(|(id, _)| *id).collect();
        for conn in conns {
            self.close(conn);
        }
    }

    /// Queues bytes for a peer. A peer that is gone, or does not read, loses them with its connection.
    pub fn send(&mut self, conn: ConnId, bytes: impl Into<Arc<[u8]>>) {
        let bytes = bytes.into();
        let Some(peer) = self.conns.get(&conn) else { return };
        let queued = peer.queue.bytes.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
        if queued > QUEUE_BYTES_MAX {
            tracing::warn!(target: "jsonrpc", "dropping a peer that left {queued} bytes unread");
            self.hang_up(conn);
            return;
        }
        // The writer ends only together with the connection, whose end is an event of its own.
        let _ = peer.writer.send(bytes);
    }

    /// Whether the peer is a process of this host, whose end is noticed without asking.
    pub fn is_local(&self, conn: ConnId) -> bool {
        self.conns.get(&conn).is_some_and(|peer| peer.is_local)
    }

    /// Whether so much waits for a peer that it should be left alone until [`Event::Drained`], which then follows.
    pub fn is_full(&self, conn: ConnId) -> bool {
        let Some(peer) = self.conns.get(&conn) else { return false };
        let full = peer.queue.bytes.load(Ordering::Relaxed) > QUEUE_BYTES_FULL;
        if full {
            peer.queue.watched.store(true, Ordering::Relaxed);
        }
        full
    }

    /// Closes a connection from our side; no event follows. What was queued is still written.
    pub fn close(&mut self, conn: ConnId) {
        let Some(peer) = self.conns.remove(&conn) else { return };
        peer.reader.abort();
        self.lost(peer.link, conn);
    }

    /// Closes a connection from our side as if the peer had: an event follows.
    pub fn hang_up(&mut self, conn: ConnId) {
        if let Some(peer) = self.conns.get(&conn) {
            peer.reader.abort();
            let sender = self.sender.clone();
            tokio::spawn(async move {
                let _ = sender.send(Internal::Closed(conn)).await;
            });
        }
    }

    /// Waits for the next event. Safe to cancel.
    pub async fn next(&mut self) -> Event {
        loop {
            // The sender in `self` keeps the channel open.
            let Some(internal) = self.receiver.recv().await else { std::future::pending().await };
            if let Some(event) = self.handle(internal) {
                return event;
            }
        }
    }

    /// The next event, if one waits already.
    pub fn try_next(&mut self) -> Option<Event> {
        while let Ok(internal) = self.receiver.try_recv() {
            if let Some(event) = self.handle(internal) {
                return Some(event);
            }
        }
        None
    }

    fn handle(&mut self, internal: Internal) -> Option<Event> {
        match internal {
            Internal::Stream(link, stream, origin) => self.adopt(link, stream, origin),
            Internal::Failed(link) => {
                self.attempt(link);
                None
            }
            Internal::Received(conn, bytes) => {
                self.conns.contains_key(&conn).then_some(Event::Received(conn, bytes))
            }
            Internal::Drained(conn) => self.conns.contains_key(&conn).then_some(Event::Drained(conn)),
            Internal::Closed(conn) => {
                let peer = self.conns.remove(&conn)?;
                self.lost(peer.link, conn);
                Some(Event::Closed(conn))
            }
        }
    }

    fn adopt(&mut self, link: LinkId, stream: Stream, origin: Origin) -> Option<Event> {
        if !self.links.contains_key(&link)
            || (origin == Origin::Accepted && self.conns.len() >= CONNECTIONS_MAX)
        {
            return None;
        }
        let id = ConnId(self.fresh());
        let is_local = matches!(stream, Stream::Unix(_));
        let conn = match stream {
            Stream::Unix(stream) => {
                let (read, write) = stream.into_split();
                self.spawn(link, id, read, write)
            }
            Stream::Tcp(stream) => {
                // Requests are small and wait for answers.
                let _ = stream.set_nodelay(true);
                let (read, write) = stream.into_split();
                self.spawn(link, id, read, write)
            }
        };
        self.conns.insert(id, Conn { is_local, ..conn });
        if let Some(Link::Connecting { backoff, attempt, conn, .. }) = self.links.get_mut(&link) {
            (*backoff, *attempt, *conn) = (Duration::ZERO, None, Some(id));
        }
        Some(match origin {
            Origin::Accepted => Event::Accepted(link, id),
            Origin::Connected => Event::Connected(link, id),
        })
    }

    fn spawn(
        &self,
        link: LinkId,
        id: ConnId,
        read: impl AsyncRead + Send + Unpin + 'static,
        write: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Conn {
        let (writer, queue) = mpsc::unbounded_channel();
        let state = Arc::new(Queue::default());
        tokio::spawn(write_all(id, write, queue, Arc::clone(&state), self.sender.clone()));
        let reader = tokio::spawn(read_all(id, read, self.sender.clone()));
        Conn { link, writer, queue: state, reader, is_local: false }
    }

    /// A connection of `link` is gone: connect again if that is the link's business.
    fn lost(&mut self, link: LinkId, lost: ConnId) {
        if let Some(Link::Connecting { conn, .. }) = self.links.get_mut(&link)
            && *conn == Some(lost)
        {
            *conn = None;
            self.attempt(link);
        }
    }

    fn attempt(&mut self, link: LinkId) {
        let sender = self.sender.clone();
        let Some(Link::Connecting { targets, next, backoff, attempt, .. }) = self.links.get_mut(&link) else {
            return;
        };
        if targets.is_empty() {
            return;
        }
        let target = targets[*next % targets.len()].clone();
        *next += 1;
        let pause = *backoff;
        *backoff = (*backoff * 2).clamp(BACKOFF_MIN, BACKOFF_MAX);
        *attempt = Some(tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let outcome = match connect(&target).await {
                Ok(stream) => Internal::Stream(link, stream, Origin::Connected),
                Err(error) => {
                    tracing::debug!(target: "reconnect", "{target}: connection attempt failed ({error})");
                    Internal::Failed(link)
                }
            };
            let _ = sender.send(outcome).await;
        }));
    }

    fn fresh(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

/// Connects once.
pub(crate) async fn connect(target: &Active) -> io::Result<Stream> {
    match target {
        Active::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
        Active::Tcp(address) => TcpStream::connect(address).await.map(Stream::Tcp),
    }
}

async fn read_all(conn: ConnId, mut stream: impl AsyncRead + Unpin, sender: mpsc::Sender<Internal>) {
    let mut buffer = vec![0; CHUNK];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(length) => {
                if sender.send(Internal::Received(conn, buffer[..length].to_vec())).await.is_err() {
                    return;
                }
            }
        }
    }
    let _ = sender.send(Internal::Closed(conn)).await;
}

async fn write_all(
    conn: ConnId,
    mut stream: impl AsyncWrite + Unpin,
    mut waiting: mpsc::UnboundedReceiver<Arc<[u8]>>,
    queue: Arc<Queue>,
    sender: mpsc::Sender<Internal>,
) {
    while let Some(bytes) = waiting.recv().await {
        // The reader sees a broken connection too, and reports it.
        if stream.write_all(&bytes).await.is_err() {
            break;
        }
        let left = queue.bytes.fetch_sub(bytes.len(), Ordering::Relaxed) - bytes.len();
        if left <= QUEUE_BYTES_FULL / 2 && queue.watched.swap(false, Ordering::Relaxed) {
            let _ = sender.send(Internal::Drained(conn)).await;
        }
    }
}

/// Listens at `path` with mode 0750, as upstream does, in place of a stale socket.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt as _;
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o750))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn until<T>(net: &mut Net, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        loop {
            let event =
                tokio::time::timeout(Duration::from_secs(10), net.next()).await.expect("an event in time");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    }

    #[tokio::test]
    async fn bytes_go_both_ways_and_a_lost_link_connects_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.sock");
        let (mut server, mut client) = (Net::default(), Net::default());
        // The client comes first and has to wait for the server.
        let link = client.connect(vec![Active::Unix(path.clone())]);
        let (listener, _) = server.listen(&Passive::Unix(path)).await.unwrap();
        for round in 0..2_u8 {
            let at_client = until(&mut client, |event| match event {
                Event::Connected(of, conn) if of == link => Some(conn),
                _ => None,
            })
            .await;
            let at_server = until(&mut server, |event| match event {
                Event::Accepted(of, conn) if of == listener => Some(conn),
                _ => None,
            })
            .await;
            client.send(at_client, vec![round; 3]);
            let got = until(&mut server, |event| match event {
                Event::Received(conn, bytes) if conn == at_server => Some(bytes),
                _ => None,
            })
            .await;
            assert_eq!(got, vec![round; 3]);
            server.close(at_server);
            until(&mut client, |event| {
                matches!(event, Event::Closed(conn) if conn == at_client).then_some(())
            })
            .await;
        }
    }
}

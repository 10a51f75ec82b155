//! Byte streams for the cores: one [`Net`] a daemon holds every listener and connection, and turns them into [`Event`]s.
//!
//! ```text
//!  sockets ──reader task──► bounded channel ──► Net::next ──► the daemon's loop ──► core
//!  sockets ◄───────────────────── outbox ◄── Net::send ◄───────────────────────────┘
//!     ▲                             │ what a socket does not take at once, or is yet to be made
//!     └───────writer task◄──────────┘
//! ```
//! What is sent is written when the daemon's loop comes back to [`Net::next`], at once for all of the round. A round that
//! told something to many peers is followed by a [`REST`], after which they get what came meanwhile by one system call
//! each; only who has asked for something is answered at once.
//! What is encrypted is read and written by [`threads`] of its own, from the handshake on.
//! The channel is bounded, so a core that is busy slows its peers instead of collecting their bytes. A peer that does
//! not read is dropped once more than [`QUEUE_BYTES_MAX`] bytes wait for it.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::socket::{self, Outbox, Outgoing, Plain, Socket, Writer, write_all};
use super::stream::{self, Listener, Stream};
use super::target::{Active, Passive};
use super::tls::{self, Tls, TlsSocket, threads};

/// Bytes that may wait for one peer before it is dropped.
pub const QUEUE_BYTES_MAX: usize = 512 << 20;
/// Bytes that may wait for one peer before [`Net::is_full`] says so; [`Event::Drained`] follows at half of it.
pub const QUEUE_BYTES_FULL: usize = 1 << 20;
/// Events that may wait for the core before readers pause.
const EVENTS_MAX: usize = 256;
/// When a round tells something to more peers than this, a [`REST`] follows.
const PEERS_FEW: usize = 16;
/// How long peers that only listen wait, after many were told something, for what comes next. A thousand commits a
/// second, each told to a hundred clients, would else be a hundred thousand system calls.
const REST: Duration = Duration::from_millis(1);
/// The same where telling everybody took long: twice as long as that, and no more than this.
const REST_MAX: Duration = Duration::from_millis(10);
/// Connections one daemon accepts; further ones are closed at once.
pub const CONNECTIONS_MAX: usize = 8192;
/// How long a peer may take to read what is left for it when a connection is closed from our side.
const LINGER: Duration = Duration::from_secs(5);
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
    Failed(LinkId, String),
    Received(ConnId, Vec<u8>),
    Drained(ConnId),
    Closed(ConnId),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Accepted,
    Connected,
}

struct Conn {
    link: LinkId,
    outbox: Outbox,
    reader: JoinHandle<()>,
    writer: JoinHandle<()>,
    /// Whether it has said something since it was last written to.
    has_asked: bool,
    /// Whether it is among [`Net::resting`].
    rests: bool,
    is_local: bool,
    identity: Option<Arc<str>>,
}

enum Link {
    Listening { task: JoinHandle<()>, port: Option<u16> },
    Connecting(Box<Connecting>),
}

struct Connecting {
    targets: Vec<Active>,
    next: usize,
    backoff: Duration,
    backoff_max: Duration,
    attempt: Option<JoinHandle<()>>,
    conn: Option<ConnId>,
    /// When the present connection began, and when the last one ended.
    connected: Option<Instant>,
    disconnected: Option<Instant>,
    last_error: Option<String>,
}

/// How a link does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkStatus {
    /// It listens.
    Listening {
        /// The port, for TCP.
        port: Option<u16>,
        /// Connections that came of it and are there.
        connections: usize,
    },
    /// It connects.
    Connecting {
        /// Whether there is a connection.
        is_connected: bool,
        /// When the last connection began.
        connected: Option<Instant>,
        /// When the last connection ended.
        disconnected: Option<Instant>,
        /// Why the last attempt failed.
        last_error: Option<String>,
    },
}

/// Every listener and connection of one daemon.
pub struct Net {
    /// Keys and certificates of all that speak TLS.
    pub tls: Tls,
    sender: mpsc::Sender<Internal>,
    receiver: mpsc::Receiver<Internal>,
    links: BTreeMap<LinkId, Link>,
    conns: BTreeMap<ConnId, Conn>,
    /// The connections that something was sent to since the last [`Net::flush`].
    unflushed: Vec<ConnId>,
    /// Those of them that wait for the end of the rest, which is there if many were told something not long ago.
    resting: Vec<ConnId>,
    rest_end: Option<Instant>,
    next_id: u64,
}

impl Default for Net {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(EVENTS_MAX);
        Self {
            tls: Tls::default(),
            sender,
            receiver,
            links: BTreeMap::new(),
            conns: BTreeMap::new(),
            unflushed: Vec::new(),
            resting: Vec::new(),
            rest_end: None,
            next_id: 1,
        }
    }
}

impl Net {
    /// Starts listening. Returns the link and, for TCP, the port.
    ///
    /// # Errors
    /// What bind(2) or listen(2) returned.
    pub async fn listen(&mut self, at: &Passive) -> io::Result<(LinkId, Option<u16>)> {
        let link = LinkId(self.fresh());
        let listener = Listener::bind(at).await?;
        let port = listener.port();
        let sender = self.sender.clone();
        let is_tls = listener.is_tls();
        let accept = listener.accept_all(self.tls.clone(), move |stream| {
            let sender = sender.clone();
            async move { sender.send(Internal::Stream(link, stream, Origin::Accepted)).await.is_ok() }
        });
        let task = if is_tls { threads::spawn(accept) } else { tokio::spawn(accept) };
        self.links.insert(link, Link::Listening { task, port });
        Ok((link, port))
    }

    /// Connects to one of `targets`, and again whenever the connection is lost, until [`Net::drop_link`].
    pub fn connect(&mut self, targets: Vec<Active>) -> LinkId {
        let link = LinkId(self.fresh());
        let connecting = Connecting {
            targets,
            next: 0,
            backoff: Duration::ZERO,
            backoff_max: BACKOFF_MAX,
            attempt: None,
            conn: None,
            connected: None,
            disconnected: None,
            last_error: None,
        };
        self.links.insert(link, Link::Connecting(Box::new(connecting)));
        self.attempt(link);
        link
    }

    /// Sets the longest pause before connecting again.
    pub fn set_backoff_max(&mut self, link: LinkId, longest: Duration) {
        if let Some(Link::Connecting(connecting)) = self.links.get_mut(&link) {
            connecting.backoff_max = longest.max(BACKOFF_MIN);
        }
    }

    /// How a link does; nothing once it is dropped.
    pub fn status(&self, link: LinkId) -> Option<LinkStatus> {
        Some(match self.links.get(&link)? {
            Link::Listening { port, .. } => LinkStatus::Listening {
                port: *port,
                connections: self.conns.values().filter(|conn| conn.link == link).count(),
            },
            Link::Connecting(connecting) => LinkStatus::Connecting {
                is_connected: connecting.conn.is_some(),
                connected: connecting.connected,
                disconnected: connecting.disconnected,
                last_error: connecting.last_error.clone(),
            },
        })
    }

    /// Stops listening or connecting, and closes what came of it.
    pub fn drop_link(&mut self, link: LinkId) {
        match self.links.remove(&link) {
            Some(Link::Listening { task, .. }) => task.abort(),
            Some(Link::Connecting(connecting)) => {
                if let Some(attempt) = connecting.attempt {
                    attempt.abort();
                }
            }
            None => {}
        }
        let conns: Vec<ConnId> =
            self.conns.iter().filter(|(_, conn)| conn.link == link).map(|(id, _)| *id).collect();
        for conn in conns {
            self.close(conn);
        }
    }

    /// Queues bytes for a peer, to be written by [`Net::flush`]. A peer that is gone, or does not read, loses them with
    /// its connection. Says whether [`Net::is_full`] may be the case.
    pub fn send(&mut self, conn: ConnId, what: impl Into<Outgoing>) -> bool {
        let Some(peer) = self.conns.get_mut(&conn) else { return false };
        let is_answer = peer.has_asked && std::mem::take(&mut peer.rests);
        if peer.outbox.push(what.into()) || is_answer {
            self.unflushed.push(conn);
        }
        let queued = peer.outbox.waiting().bytes();
        if queued > QUEUE_BYTES_MAX {
            tracing::warn!(target: "jsonrpc", "dropping a peer that left {queued} bytes unread");
            self.hang_up(conn);
        }
        queued > QUEUE_BYTES_FULL
    }

    /// Writes all that was sent.
    pub fn flush(&mut self) {
        let told = self.unflushed.len() + self.resting.len();
        if told == 0 {
            self.rest_end = None;
            return;
        }
        let begun = Instant::now();
        for conn in self.unflushed.drain(..).chain(self.resting.drain(..)) {
            if let Some(peer) = self.conns.get_mut(&conn) {
                (peer.has_asked, peer.rests) = (false, false);
                peer.outbox.flush();
            }
        }
        let end = Instant::now();
        self.rest_end = (told > PEERS_FEW).then(|| end + (2 * (end - begun)).clamp(REST, REST_MAX));
    }

    /// Writes what was sent in a round. During a rest only who has asked gets anything.
    fn flush_round(&mut self) {
        if self.rest_end.is_none_or(|end| end <= Instant::now()) {
            return self.flush();
        }
        for conn in self.unflushed.drain(..) {
            let Some(peer) = self.conns.get_mut(&conn) else { continue };
            if std::mem::take(&mut peer.has_asked) {
                peer.outbox.flush();
            } else {
                peer.rests = true;
                self.resting.push(conn);
            }
        }
    }

    /// What comes first: something from the tasks, or the end of a rest that peers wait for (nothing).
    async fn internal(&mut self) -> Option<Internal> {
        let rest_end = self.rest_end.filter(|_| !self.resting.is_empty());
        // The sender in `self` keeps the channel open.
        let received = self.receiver.recv();
        let Some(rest_end) = rest_end else { return received.await };
        tokio::select! {
            biased;
            received = received => received,
            () = tokio::time::sleep_until(rest_end.into()) => None,
        }
    }

    /// Whether the peer is a process of this host, whose end is noticed without asking.
    pub fn is_local(&self, conn: ConnId) -> bool {
        self.conns.get(&conn).is_some_and(|peer| peer.is_local)
    }

    /// The common name in the certificate that the peer has shown, if it speaks TLS and has one.
    pub fn identity(&self, conn: ConnId) -> Option<Arc<str>> {
        self.conns.get(&conn)?.identity.clone()
    }

    /// The link that a connection came of.
    pub fn link(&self, conn: ConnId) -> Option<LinkId> {
        self.conns.get(&conn).map(|peer| peer.link)
    }

    /// Whether so much waits for a peer that it should be left alone until [`Event::Drained`], which then follows.
    pub fn is_full(&mut self, conn: ConnId) -> bool {
        let Some(peer) = self.conns.get_mut(&conn) else { return false };
        if peer.outbox.waiting().bytes() <= QUEUE_BYTES_FULL {
            return false;
        }
        peer.outbox.flush();
        !peer.outbox.waiting().has_at_most(QUEUE_BYTES_FULL)
    }

    /// Another descriptor of a connection's socket, for a process that goes on with it. `None` if something waits to be
    /// written, or the connection is encrypted.
    pub fn duplicate(&mut self, conn: ConnId) -> Option<OwnedFd> {
        let peer = self.conns.get_mut(&conn)?;
        peer.outbox.flush();
        peer.outbox.duplicate()
    }

    /// Goes on with a connection that another process accepted, as one of the listener `link`.
    ///
    /// # Errors
    /// When it cannot be watched.
    pub fn adopt_accepted(&mut self, link: LinkId, stream: UnixStream) -> io::Result<ConnId> {
        let socket = Socket::new(Plain::Unix(stream))?;
        let id = ConnId(self.fresh());
        let conn = self.spawn(link, id, Arc::new(socket));
        self.conns.insert(id, Conn { is_local: true, ..conn });
        Ok(id)
    }

    /// Closes a connection from our side; no event follows. What was queued is still written, if the peer reads it.
    pub fn close(&mut self, conn: ConnId) {
        let Some(mut peer) = self.conns.remove(&conn) else { return };
        peer.outbox.flush();
        peer.reader.abort();
        if peer.outbox.waiting().bytes() > 0 {
            tokio::spawn(async move {
                tokio::time::sleep(LINGER).await;
                peer.writer.abort();
            });
        }
        self.lost(peer.link, conn);
    }

    /// Closes a connection from our side as if the peer had: an event follows. What was queued is lost.
    pub fn hang_up(&mut self, conn: ConnId) {
        if let Some(peer) = self.conns.get(&conn) {
            peer.reader.abort();
            peer.writer.abort();
            let sender = self.sender.clone();
            tokio::spawn(async move {
                let _ = sender.send(Internal::Closed(conn)).await;
            });
        }
    }

    /// Waits for the next event. Safe to cancel.
    pub async fn next(&mut self) -> Event {
        self.flush_round();
        loop {
            match self.internal().await {
                Some(internal) => {
                    if let Some(event) = self.handle(internal) {
                        return event;
                    }
                }
                None => self.flush(),
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
            Internal::Failed(link, why) => {
                if let Some(Link::Connecting(connecting)) = self.links.get_mut(&link) {
                    connecting.last_error = Some(why);
                }
                self.attempt(link);
                None
            }
            Internal::Received(conn, bytes) => {
                self.conns.get_mut(&conn)?.has_asked = true;
                Some(Event::Received(conn, bytes))
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
        let plain = match stream {
            Stream::Unix(stream) => stream.into_std().map(Plain::Unix),
            Stream::Tcp(stream) => stream.into_std().map(Plain::Tcp),
            Stream::Tls(stream) => {
                let conn = self.spawn_tls(link, id, *stream);
                return Some(self.adopted(link, id, conn, origin));
            }
        };
        match plain.and_then(Socket::new) {
            Ok(socket) => {
                let conn = self.spawn(link, id, Arc::new(socket));
                Some(self.adopted(link, id, Conn { is_local, ..conn }, origin))
            }
            Err(error) => {
                tracing::warn!(target: "jsonrpc", "a new connection cannot be watched ({error})");
                self.lost(link, id);
                None
            }
        }
    }

    fn adopted(&mut self, link: LinkId, id: ConnId, conn: Conn, origin: Origin) -> Event {
        self.conns.insert(id, conn);
        if let Some(Link::Connecting(connecting)) = self.links.get_mut(&link) {
            connecting.backoff = Duration::ZERO;
            connecting.attempt = None;
            connecting.conn = Some(id);
            connecting.connected = Some(Instant::now());
            connecting.last_error = None;
        }
        match origin {
            Origin::Accepted => Event::Accepted(link, id),
            Origin::Connected => Event::Connected(link, id),
        }
    }

    fn spawn(&self, link: LinkId, id: ConnId, socket: Arc<Socket>) -> Conn {
        let (outbox, items, waiting) = Outbox::new(Some(socket.clone()));
        let sender = self.sender.clone();
        let writer = tokio::spawn(write_all(Writer::new(socket.clone()), items, async move |length| {
            if waiting.wrote(length, QUEUE_BYTES_FULL / 2) {
                let _ = sender.send(Internal::Drained(id)).await;
            }
        }));
        let reader = tokio::spawn(read_all(id, self.sender.clone(), async move || socket.read().await));
        Conn { link, outbox, reader, writer, has_asked: false, rests: false, is_local: false, identity: None }
    }

    /// What is encrypted is read and written by tasks on threads of their own.
    fn spawn_tls(&self, link: LinkId, id: ConnId, stream: TlsSocket) -> Conn {
        let identity = tls::identity(&stream).map(Arc::from);
        let (outbox, items, waiting) = Outbox::new(None);
        let (mut read, write) = tokio::io::split(stream);
        let sender = self.sender.clone();
        let writer = threads::spawn(write_all(write, items, async move |length| {
            if waiting.wrote(length, QUEUE_BYTES_FULL / 2) {
                let _ = sender.send(Internal::Drained(id)).await;
            }
        }));
        let sender = self.sender.clone();
        let reader = threads::spawn(read_all(id, sender, async move || socket::read(&mut read).await));
        Conn { link, outbox, reader, writer, has_asked: false, rests: false, is_local: false, identity }
    }

    /// A connection of `link` is gone: connect again if that is the link's business.
    fn lost(&mut self, link: LinkId, lost: ConnId) {
        if let Some(Link::Connecting(connecting)) = self.links.get_mut(&link)
            && connecting.conn == Some(lost)
        {
            connecting.conn = None;
            connecting.disconnected = Some(Instant::now());
            connecting.last_error = Some("End of file".to_owned());
            self.attempt(link);
        }
    }

    fn attempt(&mut self, link: LinkId) {
        let sender = self.sender.clone();
        let tls = self.tls.clone();
        let Some(Link::Connecting(connecting)) = self.links.get_mut(&link) else { return };
        let Connecting { targets, next, backoff, backoff_max, attempt, .. } = &mut **connecting;
        if targets.is_empty() {
            return;
        }
        let target = targets[*next % targets.len()].clone();
        *next += 1;
        let pause = *backoff;
        *backoff = (*backoff * 2).max(BACKOFF_MIN).min(*backoff_max);
        let is_tls = matches!(target, Active::Tls(_));
        let task = async move {
            tokio::time::sleep(pause).await;
            let outcome = match stream::connect(&target, &tls).await {
                Ok(stream) => Internal::Stream(link, stream, Origin::Connected),
                Err(error) => {
                    tracing::debug!(target: "reconnect", "{target}: connection attempt failed ({error})");
                    Internal::Failed(link, super::os_error(&error))
                }
            };
            let _ = sender.send(outcome).await;
        };
        *attempt = Some(if is_tls { threads::spawn(task) } else { tokio::spawn(task) });
    }

    fn fresh(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

async fn read_all(
    conn: ConnId,
    sender: mpsc::Sender<Internal>,
    mut read: impl AsyncFnMut() -> io::Result<Vec<u8>>,
) {
    while let Ok(bytes) = read().await {
        if bytes.is_empty() {
            break;
        }
        if sender.send(Internal::Received(conn, bytes)).await.is_err() {
            return;
        }
    }
    let _ = sender.send(Internal::Closed(conn)).await;
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
            client.flush();
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

    #[tokio::test]
    async fn many_that_listen_get_everything_in_order_and_who_asks_is_answered() {
        const ROUNDS: u8 = 50;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.sock");
        let mut server = Net::default();
        server.listen(&Passive::Unix(path.clone())).await.unwrap();
        let mut clients: Vec<UnixStream> = Vec::new();
        let mut conns = Vec::new();
        for _ in 0..2 * PEERS_FEW {
            clients.push(UnixStream::connect(&path).unwrap());
            conns.push(
                until(&mut server, |event| match event {
                    Event::Accepted(_, conn) => Some(conn),
                    _ => None,
                })
                .await,
            );
        }
        let asks = std::thread::spawn(move || {
            use std::io::{Read as _, Write as _};
            for round in 0..ROUNDS {
                clients[0].write_all(&[round]).unwrap();
                clients[0].read_exact(&mut [0]).unwrap();
            }
            let mut heard = vec![0; usize::from(ROUNDS)];
            for client in &mut clients[1..] {
                client.read_exact(&mut heard).unwrap();
                assert!(heard.iter().copied().eq(0..ROUNDS));
            }
        });
        let mut received = 0;
        while received < ROUNDS {
            let bytes = until(&mut server, |event| match event {
                Event::Received(_, bytes) => Some(bytes),
                _ => None,
            })
            .await;
            received += u8::try_from(bytes.len()).unwrap();
            for conn in &conns {
                server.send(*conn, bytes.clone());
            }
        }
        let gone = until(&mut server, |event| matches!(event, Event::Closed(_)).then_some(()));
        gone.await;
        asks.join().unwrap();
    }
}

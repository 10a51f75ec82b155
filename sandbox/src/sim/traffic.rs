//! Traffic between simulated guests: who sends, and who receives.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use smoltcp::iface::SocketHandle;
use smoltcp::socket::{tcp, udp};
use smoltcp::wire::IpEndpoint;

use super::stack::Stack;
use crate::tools::traffic::{Arrivals, Plan, Speech, WORD_EVERY};

/// Datagrams that wait for the stack or for the program; more are lost.
const WAITING_MAX: usize = 256;
/// Octets of a connection that wait in either direction.
const STREAM_MAX: usize = 16 << 10;
/// Where the receiver listens.
const PORT: u16 = 7000;

/// The two sockets of either side.
struct Sockets {
    datagrams: SocketHandle,
    connection: SocketHandle,
}

impl Sockets {
    fn open(stack: &mut Stack, plan: Plan, port: u16) -> Self {
        let buffer = || {
            let octets = vec![0; WAITING_MAX * (plan.size + 64)];
            udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; WAITING_MAX], octets)
        };
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(port).expect("a fresh socket and a port");
        let datagrams = stack.open(socket);
        let buffer = || tcp::SocketBuffer::new(vec![0; STREAM_MAX]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.set_nagle_enabled(false);
        Self { datagrams, connection: stack.open(socket) }
    }

    fn close(self, stack: &mut Stack) {
        stack.close(self.datagrams);
        stack.close(self.connection);
    }
}

/// Who receives, and says back what it hears.
pub(super) struct Sink {
    sockets: Sockets,
    pub(super) arrivals: Arrivals,
}

impl Sink {
    pub(super) fn new(stack: &mut Stack, plan: Plan) -> Self {
        let sockets = Sockets::open(stack, plan, PORT);
        let listener = stack.socket::<tcp::Socket<'static>>(sockets.connection);
        listener.listen(PORT).expect("a fresh socket and a port");
        Self { sockets, arrivals: Arrivals::default() }
    }

    pub(super) fn work(&mut self, stack: &mut Stack) {
        let socket = stack.socket::<udp::Socket<'static>>(self.sockets.datagrams);
        while let Ok((datagram, _)) = socket.recv() {
            self.arrivals.note(datagram);
        }
        let socket = stack.socket::<tcp::Socket<'static>>(self.sockets.connection);
        let mut octets = [0; 1024];
        while socket.can_send() && socket.can_recv() {
            let room = (socket.send_capacity() - socket.send_queue()).min(octets.len());
            let Ok(length @ 1..) = socket.recv_slice(&mut octets[..room]) else { return };
            // There is room for as much.
            let _ = socket.send_slice(&octets[..length]);
        }
    }

    pub(super) fn close(self, stack: &mut Stack) {
        self.sockets.close(stack);
    }
}

/// Who sends.
pub(super) struct Source {
    plan: Plan,
    sockets: Sockets,
    began: Instant,
    /// When the next word is said; none when nothing is sent any more.
    next_word: Option<Instant>,
    connected: bool,
    pub(super) sent: u64,
    pub(super) speech: Speech,
}

impl Source {
    /// `number` tells its ports from those of others on the guest.
    pub(super) fn new(stack: &mut Stack, number: u16, plan: Plan, now: Instant) -> Self {
        let port = 49_152 + number % 16_384;
        let sockets = Sockets::open(stack, plan, port);
        let mut this = Self {
            plan,
            sockets,
            began: now,
            next_word: Some(now),
            connected: false,
            sent: 0,
            speech: Speech::default(),
        };
        if let Err(e) = stack.connect(this.sockets.connection, (plan.to, PORT), (plan.from, port)) {
            this.speech.breaks(e.to_string());
        }
        this
    }

    /// Nothing is sent any more.
    pub(super) fn stop(&mut self) {
        self.next_word = None;
    }

    /// Whether the connection is there.
    pub(super) fn is_connected(&self) -> bool {
        self.connected
    }

    pub(super) fn work(&mut self, stack: &mut Stack, now: Instant) {
        let socket = stack.socket::<tcp::Socket<'static>>(self.sockets.connection);
        if !self.connected && socket.may_send() {
            (self.connected, self.began, self.next_word) = (true, now, Some(now));
        }
        if !self.connected {
            return;
        }
        while self.speech.broken.is_none()
            && let Some(at) = self.next_word.filter(|at| *at <= now)
        {
            self.next_word = Some(at + WORD_EVERY);
            match socket.send_slice(&self.speech.word()) {
                Ok(8) => {}
                Ok(_) => self.speech.breaks("nobody takes what is said"),
                Err(e) => self.speech.breaks(e.to_string()),
            }
        }
        let mut octets = [0; 1024];
        while let Ok(length @ 1..) = socket.recv_slice(&mut octets) {
            self.speech.hear(&octets[..length]);
        }
        if !socket.may_send() {
            self.speech.breaks("the connection ended");
        }
        let to = IpEndpoint::new(self.plan.to.into(), PORT);
        let socket = stack.socket::<udp::Socket<'static>>(self.sockets.datagrams);
        while self.next_word.is_some() && self.sent < self.plan.due(now - self.began) {
            // Without room it is lost, and counted as such.
            let _ = socket.send_slice(&self.plan.datagram(self.sent), to);
            self.sent += 1;
        }
    }

    pub(super) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let next_word = self.next_word.filter(|_| self.connected)?;
        let next =
            now + Duration::from_micros(1_000_000 / self.plan.rate.max(1)).max(Duration::from_micros(100));
        Some(next_word.min(next))
    }

    pub(super) fn close(self, stack: &mut Stack) {
        self.sockets.close(stack);
    }
}

/// The end of a connection.
pub(super) type End = (IpAddr, u16);

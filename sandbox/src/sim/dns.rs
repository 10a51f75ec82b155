//! A simulated guest that asks for a name.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use smoltcp::iface::SocketHandle;
use smoltcp::socket::udp;
use smoltcp::wire::IpEndpoint;

use super::stack::Stack;
use crate::tools::dns::{Answer, Question};

/// Answers that wait for the program; more are lost.
const WAITING_MAX: usize = 8;
/// Octets that the answers have room for.
const OCTETS_MAX: usize = 4096;

/// Who asks.
pub(super) struct Resolver {
    socket: SocketHandle,
    server: SocketAddr,
    question: Question,
    again: Duration,
    /// When it asks next; never again after an answer.
    next: Option<Instant>,
    pub(super) answer: Option<Answer>,
}

impl Resolver {
    /// One that asks at once, and again after each `again` without an answer. `number` tells its port from others'.
    pub(super) fn new(
        stack: &mut Stack,
        number: u16,
        (server, question, again): (SocketAddr, Question, Duration),
        now: Instant,
    ) -> Self {
        let buffer =
            || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; WAITING_MAX], vec![0; OCTETS_MAX]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(32_768 + number % 16_384).expect("a fresh socket and a port");
        Self { socket: stack.open(socket), server, question, again, next: Some(now), answer: None }
    }

    pub(super) fn work(&mut self, stack: &mut Stack, now: Instant) {
        let socket = stack.socket::<udp::Socket<'static>>(self.socket);
        while let Ok((datagram, from)) = socket.recv() {
            let IpEndpoint { addr, port } = from.endpoint;
            if (IpAddr::from(addr), port) == (self.server.ip(), self.server.port())
                && let Some(answer) = self.question.answer(datagram)
            {
                (self.answer, self.next) = (Some(answer), None);
            }
        }
        if self.next.is_some_and(|at| at <= now) {
            self.next = Some(now + self.again);
            let to = IpEndpoint::new(self.server.ip().into(), self.server.port());
            // Without room it is lost, and asked again.
            let _ = socket.send_slice(&self.question.octets(), to);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    pub(super) fn close(self, stack: &mut Stack) {
        stack.close(self.socket);
    }
}

//! A ping from a simulated guest: the same books as a real one's.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use smoltcp::iface::SocketHandle;
use smoltcp::socket::icmp::{self, PacketBuffer, PacketMetadata};

use super::stack::Stack;
use crate::tools::echo::{Books, Report};
use crate::tools::ping::Plan;

/// Requests or answers that wait for the stack or for the program; more are lost.
const WAITING_MAX: usize = 128;

/// A ping under way.
pub(super) struct Ping {
    plan: Plan,
    books: Books,
    socket: SocketHandle,
    /// When the next request goes out; none after it was stopped.
    next: Option<Instant>,
}

impl Ping {
    /// A ping whose first request goes out at once.
    pub(super) fn new(stack: &mut Stack, id: u16, plan: Plan, now: Instant) -> Self {
        let buffer = || {
            let octets = vec![0; WAITING_MAX * (plan.size + 64)];
            PacketBuffer::new(vec![PacketMetadata::EMPTY; WAITING_MAX], octets)
        };
        let mut socket = icmp::Socket::new(buffer(), buffer());
        socket.bind(icmp::Endpoint::Ident(id)).expect("a fresh socket, and no identifier is 0");
        let socket = stack.open(socket);
        Self { plan, books: Books::new(id, plan.patience, now), socket, next: Some(now) }
    }

    /// No more requests; answers still count.
    pub(super) fn stop(&mut self) {
        self.next = None;
    }

    /// Lets go of what it has of the stack.
    pub(super) fn close(self, stack: &mut Stack) {
        stack.close(self.socket);
    }

    /// What it has seen.
    pub(super) fn report(&self) -> &Report {
        &self.books.report
    }

    /// Whether it was stopped and waits for nothing more.
    pub(super) fn is_over(&self) -> bool {
        self.next.is_none() && self.books.waiting() == 0
    }

    /// Takes answers, sends what is due, gives up what has waited too long.
    pub(super) fn work(&mut self, stack: &mut Stack, now: Instant) {
        let socket = stack.socket::<icmp::Socket<'static>>(self.socket);
        while let Ok((message, from)) = socket.recv() {
            // Others who answer with our numbers are no business of ours.
            if IpAddr::from(from) == self.plan.to {
                self.books.answer_message(self.plan.to, message, now);
            }
        }
        while let Some(at) = self.next.filter(|at| *at <= now) {
            self.next = Some(at + self.plan.interval);
            let request = self.books.request(self.plan.to, self.plan.size, now);
            // Without room it is lost, and no answer will come.
            let _ = socket.send_slice(&request, self.plan.to.into());
        }
        self.books.expire(now);
    }

    /// When there will be something to do.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        // A moment later than the last one in which an answer would have counted.
        let gives_up = self.books.patience_ends().map(|at| at + Duration::from_micros(1));
        self.next.into_iter().chain(gives_up).min()
    }
}

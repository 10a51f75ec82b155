//! A guest: a network stack, and the programs that run on it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Instant;

use packet::MacAddr;

use super::ChassisId;
use super::dns::Resolver;
use super::ping::Ping;
use super::stack::Stack;
use super::traffic::{Sink, Source};
use crate::text::values::Cidr;

/// Names a program of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProgramId(pub(super) u16);

/// What runs on a guest.
pub(super) enum Program {
    Ping(Ping),
    Source(Source),
    Sink(Sink),
    Resolver(Resolver),
}

impl Program {
    fn work(&mut self, stack: &mut Stack, now: Instant) {
        match self {
            Self::Ping(ping) => ping.work(stack, now),
            Self::Source(source) => source.work(stack, now),
            Self::Sink(sink) => sink.work(stack),
            Self::Resolver(resolver) => resolver.work(stack, now),
        }
    }

    fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        match self {
            Self::Ping(ping) => ping.poll_timeout(),
            Self::Source(source) => source.poll_timeout(now),
            Self::Sink(_) => None,
            Self::Resolver(resolver) => resolver.poll_timeout(),
        }
    }

    fn close(self, stack: &mut Stack) {
        match self {
            Self::Ping(ping) => ping.close(stack),
            Self::Source(source) => source.close(stack),
            Self::Sink(sink) => sink.close(stack),
            Self::Resolver(resolver) => resolver.close(stack),
        }
    }
}

/// A guest.
pub struct Guest {
    /// Name of the guest, and of its interface at the switch.
    pub name: String,
    /// The chassis that it runs on.
    pub chassis: ChassisId,
    /// Its Ethernet address.
    pub mac: MacAddr,
    /// Its addresses.
    pub ips: Vec<Cidr>,
    stack: Stack,
    /// Those that were started; bounded by the steps that start them.
    programs: BTreeMap<ProgramId, Program>,
    started: u16,
}

impl Guest {
    pub(super) fn new(
        (name, chassis): (&str, ChassisId),
        mac: MacAddr,
        net: (&[Cidr], Option<IpAddr>, u16),
        seed: u64,
        now: Instant,
    ) -> Self {
        Self {
            name: name.to_owned(),
            chassis,
            mac,
            ips: net.0.to_vec(),
            stack: Stack::new(mac, net, seed, now),
            programs: BTreeMap::new(),
            started: 0,
        }
    }

    /// The first address.
    pub fn ip(&self) -> Option<IpAddr> {
        self.ips.first().map(|cidr| cidr.addr)
    }

    /// Starts a program.
    pub(super) fn start(&mut self, program: impl FnOnce(&mut Stack, u16) -> Program) -> ProgramId {
        self.started = self.started.wrapping_add(1);
        let id = ProgramId(self.started);
        let program = program(&mut self.stack, id.0);
        self.programs.insert(id, program);
        id
    }

    /// Ends a program.
    pub(super) fn end(&mut self, id: ProgramId) {
        if let Some(program) = self.programs.remove(&id) {
            program.close(&mut self.stack);
        }
    }

    pub(super) fn program(&self, id: ProgramId) -> Option<&Program> {
        self.programs.get(&id)
    }

    /// A program sends nothing more.
    pub(super) fn stop(&mut self, id: ProgramId) {
        match self.programs.get_mut(&id) {
            Some(Program::Ping(ping)) => ping.stop(),
            Some(Program::Source(source)) => source.stop(),
            Some(Program::Sink(_) | Program::Resolver(_)) | None => {}
        }
    }

    /// A frame came.
    pub(super) fn hear(&mut self, frame: &[u8]) {
        self.stack.receive(frame);
    }

    /// Does what is to be done now; the frames that it sends.
    pub(super) fn work(&mut self, now: Instant) -> Vec<Vec<u8>> {
        self.stack.work(now);
        for program in self.programs.values_mut() {
            program.work(&mut self.stack, now);
        }
        self.stack.work(now);
        std::iter::from_fn(|| self.stack.poll_output()).collect()
    }

    /// When there will be something to do.
    pub(super) fn poll_timeout(&mut self) -> Option<Instant> {
        let now = self.stack.now();
        let programs = self.programs.values().filter_map(|program| program.poll_timeout(now)).min();
        self.stack.poll_timeout().into_iter().chain(programs).min()
    }
}

//! What each step does to the packet and the stack of levels.

use std::sync::Arc;

use openflow::{MeterId, PacketInReason};
use packet::key::slot;

use super::{Level, Xlate};
use crate::counters::Event;
use crate::field::Place;
use crate::flow::{Skipped, Step, Steps};
use crate::limits::STACK_LEN_MAX;
use crate::program::Op;

impl Xlate<'_> {
    pub(super) fn step(&mut self, step: &Step, table: u8) {
        match step {
            Step::Output(port) => self.output(*port),
            Step::OutputField(port) => {
                let number = self.read(port) as u32;
                let number = match port.bits {
                    16 => openflow::PortNo::from_u16(number as u16),
                    _ => openflow::PortNo(number),
                };
                self.output(number);
            }
            Step::OutputTrunc { port, max_len } => self.output_truncated(*port, *max_len),
            Step::Set { dst, value, mask } => self.write(dst, *value, *mask),
            Step::Copy { src, dst } => {
                if self.has(src) {
                    let value = self.read(src);
                    self.write_place(dst, value);
                }
            }
            Step::Push(src) => {
                if self.stack.len() * size_of::<u128>() >= STACK_LEN_MAX {
                    return self.fail(Event::DropStack);
                }
                let value = self.read(src);
                self.stack.push((value, src.bits));
            }
            Step::Pop(dst) => match self.stack.pop() {
                Some((value, _)) => self.write_place(dst, value),
                None => self.warn(|| "the stack is empty".to_owned()),
            },
            Step::Resubmit { in_port, table: next, with_ct } => {
                self.resubmit(*in_port, *with_ct, next.unwrap_or(table), table);
            }
            Step::PushVlan(tpid) => self.push_tag(*tpid),
            Step::PopVlan => self.pop_tag(),
            Step::DecTtl(controllers) => self.dec_ttl(controllers),
            Step::Clone(steps) => self.clone_with(Arc::clone(steps)),
            Step::Ct(ct) => self.ct(ct, table),
            Step::CtClear => self.ct_clear(),
            Step::Controller(controller) => self.controller(controller),
            Step::CheckLarger { length, dst } => self.fork(*length, dst),
            Step::Bundle(bundle) => self.bundle(bundle),
            Step::Group(group) => self.group(*group),
            Step::Meter(meter) => self.meter(*meter),
            Step::Learn(learn) => self.learn(learn),
            Step::FinTimeout { idle, hard } => self.fin_timeout(*idle, *hard),
            Step::Queue(queue) => self.queue(queue.unwrap_or(0)),
            Step::Enqueue { port, queue } => self.enqueue(*port, *queue),
            Step::Multipath { multipath, dst } => self.multipath(multipath, dst),
            Step::DeleteOption(place) => self.delete_option(place),
            Step::Exit => {
                let floor = self.copy_floor();
                self.levels.truncate(floor);
            }
            Step::ClearSet => self.set.clear(),
            Step::WriteSet(actions) => self.write_set(actions),
            Step::Goto(next) => {
                let (.., depth, _) = self.position();
                self.table_lookup(None, *next, depth);
            }
            Step::Skip(skipped) => self.skip(*skipped),
        }
    }

    /// The packet has not got this option of its tunnel any more.
    fn resubmit(&mut self, in_port: Option<openflow::PortNo>, with_ct: bool, next: u8, table: u8) {
        // Only going back can go on for ever: tables are finite in number.
        let (.., depth, _) = self.position();
        let in_port = in_port.filter(|port| *port != openflow::PortNo::IN_PORT);
        self.lookup_as(in_port, with_ct, next, depth + u16::from(next <= table));
    }

    /// Executes steps on a copy.
    pub(super) fn clone_with(&mut self, steps: Steps) {
        let (table, cookie, depth, miss) = self.position();
        self.begin_copy();
        if self.failure.is_none() {
            self.push_steps(steps, table, cookie, depth, miss);
        }
    }

    fn dec_ttl(&mut self, controllers: &[u16]) {
        let ttl = slot::NW_TTL;
        let is_ip = {
            let ethertype = self.see(slot::ETH_TYPE) as u16;
            packet::EtherType(ethertype).is_ip()
        };
        if !is_ip {
            return;
        }
        match self.see(ttl) {
            0 | 1 => {
                for id in controllers {
                    self.punt_plain(PacketInReason::InvalidTtl, *id);
                }
                // The packet goes no further in this list; what called it goes on, as in Open vSwitch.
                if let Some(Level::Steps { steps, next, .. }) = self.levels.last_mut() {
                    *next = steps.len();
                }
            }
            hops => self.store(ttl, hops - 1, u128::MAX),
        }
    }

    fn enqueue(&mut self, port: openflow::PortNo, queue: u32) {
        let before = self.key.get(slot::SKB_PRIORITY) as u32;
        self.queue(queue);
        self.output(port);
        self.queue(before);
    }

    fn delete_option(&mut self, place: &Place) {
        self.store(place.slot, 0, u128::MAX);
        if let Some(option) = place.option {
            self.store(slot::TUN_PRESENT, 0, 1 << option);
        }
    }

    /// Outputs that follow go through this queue, and flows that follow can look at its number.
    fn queue(&mut self, queue: u32) {
        self.store(slot::SKB_PRIORITY, u128::from(queue), u128::MAX);
    }

    /// What of a megaflow's packets exceeds the meter goes no further.
    fn meter(&mut self, id: MeterId) {
        self.depend(None);
        match self.current().and_then(|bridge| bridge.meters.get(&id)) {
            Some(meter) => {
                let gauge = Arc::clone(&meter.gauge);
                // A remark must find the frame as the tables left it.
                self.commit();
                self.emit(Op::Meter(gauge));
            }
            None => self.warn(|| format!("meter {} is not there", id.0)),
        }
    }

    fn skip(&mut self, skipped: Skipped) {
        let event = match skipped {
            Skipped::Sample => Event::SampleSkipped,
            Skipped::Nothing => return,
        };
        self.out.events.push(event);
        self.note(|| format!("({})", event.name()));
    }
}

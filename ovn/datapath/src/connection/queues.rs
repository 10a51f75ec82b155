//! Queues of ports, as controllers ask for them.

use std::time::Instant;

use openflow::{ErrorCode, PortNo, QueueDesc, QueueStats};

use super::duration;
use crate::bridge::BridgeId;
use crate::port::Port;
use crate::qos::Queue;
use crate::switch::Switch;

/// The queues of a port, or the one that is asked for.
fn queues_of(port: &Port, asked: u32) -> impl Iterator<Item = (&u32, &Queue)> {
    let queues = port.qos.iter().flat_map(|qos| &qos.queues);
    queues.filter(move |(number, _)| asked == ALL || asked == **number)
}

/// The number that stands for all queues.
const ALL: u32 = u32::MAX;

impl Switch {
    /// What went through queues.
    ///
    /// # Errors
    /// `QUEUE_BAD_PORT` for a port that is not there, `QUEUE_BAD_QUEUE` for a queue that no port has.
    pub(super) fn queue_stats(
        &self,
        bridge: BridgeId,
        port: PortNo,
        queue: u32,
        now: Instant,
    ) -> Result<Vec<QueueStats>, ErrorCode> {
        let mut found = Vec::new();
        for port in self.asked_ports(bridge, port)? {
            for (number, queue) in queues_of(port, queue) {
                let (duration_sec, duration_nsec) = duration(now.saturating_duration_since(queue.created));
                let counts = &queue.counts;
                found.push(QueueStats {
                    port: port.number,
                    queue: *number,
                    tx_bytes: counts.octets,
                    tx_packets: counts.packets,
                    tx_errors: counts.dropped,
                    duration_sec,
                    duration_nsec,
                });
            }
        }
        if queue != ALL && found.is_empty() { Err(ErrorCode::QUEUE_BAD_QUEUE) } else { Ok(found) }
    }

    /// What queues are given.
    ///
    /// # Errors
    /// As [`Switch::queue_stats`].
    pub(super) fn queue_descs(
        &self,
        bridge: BridgeId,
        port: PortNo,
        queue: u32,
    ) -> Result<Vec<QueueDesc>, ErrorCode> {
        let mut found = Vec::new();
        for port in self.asked_ports(bridge, port)? {
            // Rates are told as parts of the port's, and no port says a rate of its own.
            found.extend(queues_of(port, queue).map(|(number, _)| QueueDesc {
                port: port.number,
                queue: *number,
                min_rate: None,
                max_rate: None,
            }));
        }
        if queue != ALL && found.is_empty() { Err(ErrorCode::QUEUE_BAD_QUEUE) } else { Ok(found) }
    }

    fn asked_ports(&self, bridge: BridgeId, asked: PortNo) -> Result<Vec<&Port>, ErrorCode> {
        let ports = self.ports_of(bridge).map(|(_, port)| port);
        let found: Vec<&Port> = ports.filter(|port| asked == PortNo::ANY || port.number == asked).collect();
        if found.is_empty() && asked != PortNo::ANY { Err(ErrorCode::QUEUE_BAD_PORT) } else { Ok(found) }
    }
}

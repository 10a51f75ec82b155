//! A switch that tracks connections, hearing frames.

use std::time::{Duration, Instant};

use datapath::{DeviceId, Switch};
use packet::Frame;

/// Everything goes through connection tracking with fragments put together, is translated both ways, and comes out of the
/// other port.
const FLOWS: &[&str] = &[
    "table=0,priority=2,ip,in_port=1,actions=ct(table=1,zone=1,nat)",
    "table=0,priority=2,ip,in_port=2,actions=ct(table=1,zone=1,nat)",
    "table=0,priority=2,ipv6,actions=ct(table=1,zone=2,nat)",
    "table=0,priority=1,actions=NORMAL",
    "table=1,priority=3,ct_state=+new+trk,tcp,in_port=1,tp_dst=21,actions=ct(commit,zone=1,alg=ftp,nat(src=10.9.9.1-10.9.9.3)),output:2",
    "table=1,priority=3,ct_state=+new+trk,udp,in_port=1,tp_dst=69,actions=ct(commit,zone=1,alg=tftp),output:2",
    "table=1,priority=2,ct_state=+new+trk,ip,in_port=1,actions=ct(commit,zone=1,nat(src=10.9.9.1-10.9.9.3:1000-1001),exec(set_field:7->ct_mark)),output:2",
    "table=1,priority=1,in_port=1,actions=output:2",
    "table=1,priority=1,in_port=2,actions=ct(commit,force,zone=1,exec(set_field:1->ct_label)),output:1",
];

/// Frames, each after two octets that say how long it is (low 11 bits), by which port it comes (the next) and how long
/// after the last one (the others, doubling): whatever they are, each leaves as a bounded number of frames, and what is
/// remembered of them ages.
pub(super) fn frames(octets: &[u8]) {
    let mut now = Instant::now();
    let mut switch = switch(now);
    let mut rest = octets;
    let mut departures = Vec::new();
    while let Some((&[high, low], after)) = rest.split_first_chunk() {
        let head = u16::from_be_bytes([high, low]);
        let (frame, after) = after.split_at(usize::from(head & 0x7ff).min(after.len()));
        rest = after;
        now += Duration::from_millis(1 << (head >> 12));
        let port = 1 + u32::from(head >> 11 & 1);
        switch.receive(DeviceId(port), [Frame::copy_from(frame)], now);
        switch.take_departures(&mut departures);
        assert!(departures.len() <= 512, "one frame became {} frames", departures.len());
        departures.clear();
        if switch.poll_timeout().is_some_and(|(at, _)| at <= now) {
            switch.handle_timeout(now);
        }
    }
    switch.handle_timeout(now + Duration::from_secs(100_000));
}

/// A switch of these flows.
pub(super) fn switch(now: Instant) -> Switch {
    crate::switch_core::switch_of(2, FLOWS, now)
}

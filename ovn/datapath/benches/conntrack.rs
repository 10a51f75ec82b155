//! What connection tracking costs: `cargo bench -p datapath --bench conntrack`, with the number of
//! connections if another than a million.
//!
//! Packets of one connection through two flows, and through 30 tables with four looks at the tracker,
//! one of which commits; new connections; the memory that all of them take. Times are the processor's, of this
//! thread alone.

use std::time::{Duration, Instant};

use datapath::{ConnKind, ConnOutput, DeviceId, PortKind, PortSpec, Switch};
use openflow::{Action, Body, Ct, Field, FlowMod, Match, PortNo, Version, Versions, ZoneSource};
use packet::{EtherType, Ethernet, Frame, IpProto, Ipv4, MacAddr, Pseudo, Udp};

const PACKETS: u32 = 300_000;
/// Frames that come in together.
const BATCH: usize = 32;

fn frame(n: u32) -> Vec<u8> {
    let (src, dst) = ((0x0a00_0000 + (n >> 14)).into(), [192, 0, 2, 1].into());
    let udp = Udp::for_payload((n & 0x3fff) as u16 + 1024, 53, Pseudo::V4(src, dst), &[0; 18]);
    let mut out = Vec::new();
    let mac = |n| MacAddr([2, 0, 0, 0, 0, n]);
    Ethernet { dst: mac(2), src: mac(1), ethertype: EtherType::IPV4 }.emit(&mut out);
    Ipv4::new(src, dst, IpProto::UDP, udp.len).emit(&mut out);
    udp.emit(&mut out);
    out.extend([0; 18]);
    out
}

fn switch(flows: &[FlowMod], now: Instant) -> Switch {
    let mut switch = Switch::new(1);
    let bridge = switch.add_bridge("br", 1);
    for n in 1..=2 {
        let spec = PortSpec::new(n, &format!("p{n}"), PortKind::Device(DeviceId(n)));
        switch.add_port(bridge, spec, now).expect("the number is free");
    }
    let conn = switch.openflow_connected(bridge, ConnKind::Service, Versions::of(&[Version::Of15]), now);
    let hello = Body::Hello(Versions::of(&[Version::Of15])).with_xid(1).encode(Version::Of15);
    switch.openflow_input(conn, &hello, now);
    for flow in flows {
        switch.openflow_input(conn, &Body::FlowMod(flow.clone()).with_xid(2).encode(Version::Of15), now);
    }
    while let Some(output) = switch.openflow_output(conn) {
        assert!(matches!(output, ConnOutput::Send(_)), "the connection stays");
    }
    switch
}

fn flow(table: u8, actions: Vec<Action>) -> FlowMod {
    FlowMod::add(table, 1, Match::any().with(Field::EthType, 0x0800u16), actions, 0)
}

fn out() -> Action {
    Action::output(PortNo(2))
}

fn ct(zone: u16, table: u8, commit: bool) -> Action {
    let zone = ZoneSource::Immediate(zone);
    Action::Ct(Box::new(Ct { commit, force: false, zone, table: Some(table), alg: 0, actions: vec![] }))
}

/// 30 tables; the tracker is asked in four of them.
fn pipeline() -> Vec<FlowMod> {
    let tables = 0..30;
    tables
        .map(|table| match table {
            29 => flow(table, vec![out()]),
            5 | 20 => flow(table, vec![ct(u16::from(table), table + 1, false)]),
            10 | 25 => flow(table, vec![ct(u16::from(table) - 5, table + 1, true)]),
            _ => flow(table, vec![Action::resubmit(table + 1)]),
        })
        .collect()
}

/// Time of this thread on a processor.
fn processor() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0))
}

fn resident_kib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Sends packets in batches; nanoseconds a packet.
fn send(switch: &mut Switch, count: u32, now: Instant, packet: &dyn Fn(u32) -> Vec<u8>) -> u64 {
    let mut departures = Vec::new();
    let mut sent = 0;
    let mut spent = Duration::ZERO;
    for first in (0..count).step_by(BATCH) {
        let frames: Vec<Frame> =
            (first..first + BATCH as u32).map(|n| Frame::copy_from(&packet(n))).collect();
        let before = processor();
        switch.receive(DeviceId(1), frames, now);
        switch.take_departures(&mut departures);
        spent += processor() - before;
        sent += departures.len();
    }
    assert!(sent >= count as usize, "{sent} came out");
    spent.as_nanos() as u64 / u64::from(count)
}

/// Another switch takes all over, while packets of a thousand connections pass: what each side does beside its work,
/// and for how long both stand still.
fn hand_over(old: &mut Switch, connections: u32, now: Instant) {
    let mut new = switch(&[], now);
    let (mut copy, mut take, mut octets) = (Duration::ZERO, Duration::ZERO, 0);
    let mut copying = old.begin_copy();
    loop {
        let before = processor();
        let Some(part) = old.copy_part(&mut copying, now) else { break };
        copy += processor() - before;
        octets += part.len();
        let before = processor();
        new.take_part(&part, now).expect("it is one of ours");
        take += processor() - before;
    }
    send(old, 1000, now, &frame);
    let before = processor();
    let rest = old.copy_rest(&copying, now);
    new.take_part(&rest, now).expect("it is one of ours");
    let still = processor() - before;
    old.end_copy();
    let each = |time: Duration| time.as_nanos() as u64 / u64::from(connections);
    let (copy, take, octets) = (each(copy), each(take), octets as u64 / u64::from(connections));
    println!("{:<20} {copy:>6} ns to copy and {take} ns to take each, {octets} octets each", "handing over");
    println!("{:<20} {still:>6.1?} with {} octets", "standing still", rest.len());
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock and its arguments")]
fn main() {
    let now = Instant::now();
    let connections = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    let one = frame(0);
    for (name, flows) in
        [("two flows", vec![flow(0, vec![out()]), flow(1, vec![])]), ("30 tables, ct 4", pipeline())]
    {
        let mut switch = switch(&flows, now);
        send(&mut switch, 1000, now, &|_| one.clone());
        let each = send(&mut switch, PACKETS, now, &|_| one.clone());
        println!("{name:<20} {each:>6} ns a packet");
    }
    let mut switch = switch(&[flow(0, vec![ct(1, 1, true)]), flow(1, vec![out()])], now);
    send(&mut switch, 1000, now, &frame);
    let before = resident_kib();
    let each = send(&mut switch, connections, now, &frame);
    let octets = (resident_kib() - before) * 1024 / u64::from(connections);
    println!("{:<20} {each:>6} ns a connection, {octets} octets each", "new connections");
    hand_over(&mut switch, connections, now);
    let later = now + Duration::from_secs(61);
    let before = processor();
    let count = |switch: &mut Switch| switch.command("dpctl/ct-get-nconns", &[], later);
    while count(&mut switch) != Some(Ok("0\n".to_owned())) {
        switch.handle_timeout(later);
    }
    let each = (processor() - before).as_nanos() as u64 / u64::from(connections);
    println!("{:<20} {each:>6} ns a connection", "expiry");
}

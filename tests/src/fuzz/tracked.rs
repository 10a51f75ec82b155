//! Conversations through a switch that tracks connections, made well enough to get past the checks at the door: pieces of
//! datagrams, and the text of FTP control connections.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use datapath::{Departure, DeviceId, Switch};
use packet::{EtherType, Ethernet, Extensions, Frame, IpProto, Ipv4, Ipv6, MacAddr, Pseudo, Tcp, TcpFlags};

use super::switch::switch;

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// Pieces of datagrams, four octets each: which datagram (family, id, side) and whether more follow; where in it, in
/// units of eight octets; how long; what is in it. No more octets leave than came, every frame that leaves is a
/// packet, and in the end nothing is held.
pub(super) fn fragments(octets: &[u8]) {
    let mut now = Instant::now();
    let mut switch = switch(now);
    let (mut received, mut sent) = (0, 0);
    for piece in octets.as_chunks::<4>().0 {
        let [which, offset, len, content] = *piece;
        let frame = fragment(which, offset, &vec![content; usize::from(len)]);
        received += payload_len(&frame);
        now += Duration::from_millis(u64::from(which >> 6) * 500);
        for (_, frame) in through(&mut switch, u32::from(which >> 1 & 1) + 1, frame, now) {
            sent += payload_len(&frame);
        }
        assert!(sent <= received, "{sent} octets of payload left, {received} came");
    }
    switch.handle_timeout(now + Duration::from_secs(100_000));
}

fn fragment(which: u8, offset: u8, content: &[u8]) -> Vec<u8> {
    let more_fragments = which & 0x10 != 0;
    let (src, dst) = if which & 2 == 0 { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
    let id = u16::from(which >> 2 & 3);
    let mut frame = Vec::new();
    let ethertype = if which & 1 == 0 { EtherType::IPV4 } else { EtherType::IPV6 };
    Ethernet { dst: MacAddr([2, 0, 0, 0, 0, 2]), src: MacAddr([2, 0, 0, 0, 0, 1]), ethertype }
        .emit(&mut frame);
    if which & 1 == 0 {
        let mut ip = Ipv4::new(src, dst, IpProto::UDP, content.len() as u16);
        (ip.id, ip.more_fragments, ip.fragment_offset) = (id, more_fragments, offset.into());
        ip.emit(&mut frame);
    } else {
        let of = |v4: Ipv4Addr| Ipv6Addr::from(0xfd00 << 112 | u128::from(v4.to_bits()));
        Ipv6::new(of(src), of(dst), IpProto::FRAGMENT, content.len() as u16 + 8).emit(&mut frame);
        let place = u16::from(offset) << 3 | u16::from(more_fragments);
        frame.extend([IpProto::UDP.0, 0]);
        frame.extend(place.to_be_bytes());
        frame.extend(u32::from(id).to_be_bytes());
    }
    frame.extend(content);
    frame
}

/// Octets after the IP header, and after the fragment header of IPv6. Frames that are no packets end the run.
fn payload_len(frame: &[u8]) -> usize {
    let (ethernet, packet) = Ethernet::parse(frame).expect("a frame");
    if ethernet.ethertype == EtherType::IPV4 {
        let (ip, payload) = Ipv4::parse(packet).unwrap_or_else(|error| panic!("{error} in {packet:02x?}"));
        assert_eq!(packet::checksum::internet(&packet[..ip.header_len()]), 0, "the sum of the header");
        return payload.len();
    }
    let (ip, payload) = Ipv6::parse(packet).unwrap_or_else(|error| panic!("{error} in {packet:02x?}"));
    Extensions::parse(ip.next_header, payload).expect("whole headers").1.len()
}

/// The text of an FTP control connection whose client is translated: two octets say who sends (1), whether the segment
/// is the next, one sent before, or one that leaves a gap (2 bits), and its length; then its text. What leaves has
/// right checksums, whatever was rewritten.
pub(super) fn ftp(octets: &[u8]) {
    let mut talk = Talk::open();
    let mut rest = octets;
    while let Some((&[head, len], after)) = rest.split_first_chunk() {
        let (text, after) = after.split_at(usize::from(len).min(after.len()));
        rest = after;
        let side = usize::from(head & 1);
        let old = talk.sides[side].sequence;
        let sequence = match head >> 1 & 3 {
            2 => old.wrapping_sub(u32::from(head >> 3)),
            3 => old.wrapping_add(u32::from(head >> 3)),
            _ => old,
        };
        talk.send(side, sequence, TcpFlags::ACK | TcpFlags::PSH, text);
        talk.sides[side].sequence = sequence.wrapping_add(text.len() as u32);
    }
}

/// A connection between client (0) and server (1), as either sees it.
struct Talk {
    switch: Switch,
    now: Instant,
    sides: [Side; 2],
    /// The client as the server sees it.
    translated: (Ipv4Addr, u16),
}

#[derive(Clone, Copy)]
struct Side {
    /// Next to send.
    sequence: u32,
    /// Next expected.
    acknowledgment: u32,
}

impl Talk {
    fn open() -> Self {
        let now = Instant::now();
        let sides = [Side { sequence: 1000, acknowledgment: 0 }, Side { sequence: 5000, acknowledgment: 0 }];
        let mut talk = Self { switch: switch(now), now, sides, translated: (CLIENT, 40_000) };
        for (side, flags) in [(0, TcpFlags::SYN), (1, TcpFlags::SYN | TcpFlags::ACK), (0, TcpFlags::ACK)] {
            let sequence = talk.sides[side].sequence;
            talk.send(side, sequence, flags, &[]);
            talk.sides[side].sequence += u32::from(flags.contains(TcpFlags::SYN));
        }
        assert_ne!(talk.translated.0, CLIENT, "the connection is translated");
        talk
    }

    fn send(&mut self, side: usize, sequence: u32, flags: TcpFlags, text: &[u8]) {
        let (src, dst) = match side {
            0 => ((CLIENT, 40_000), (SERVER, 21)),
            _ => ((SERVER, 21), self.translated),
        };
        let tcp = Tcp {
            src: src.1,
            dst: dst.1,
            sequence,
            acknowledgment: self.sides[side].acknowledgment,
            flags,
            window: 60_000,
            checksum: 0,
            urgent: 0,
            options: Vec::new(),
        };
        let tcp = tcp.with_checksum(Pseudo::V4(src.0, dst.0), text);
        let mut frame = Vec::new();
        let macs = [MacAddr([2, 0, 0, 0, 0, 1]), MacAddr([2, 0, 0, 0, 0, 2])];
        Ethernet { dst: macs[1 - side], src: macs[side], ethertype: EtherType::IPV4 }.emit(&mut frame);
        Ipv4::new(src.0, dst.0, IpProto::TCP, (Tcp::LEN + text.len()) as u16).emit(&mut frame);
        tcp.emit(&mut frame);
        frame.extend(text);
        self.now += Duration::from_millis(1);
        for (port, frame) in through(&mut self.switch, side as u32 + 1, frame, self.now) {
            self.arrived(port, &frame);
        }
    }

    fn arrived(&mut self, port: u32, frame: &[u8]) {
        let (_, packet) = Ethernet::parse(frame).expect("a frame");
        let (ip, segment) = Ipv4::parse(packet).unwrap_or_else(|error| panic!("{error} in {packet:02x?}"));
        assert_eq!(packet::checksum::internet(&packet[..ip.header_len()]), 0, "the sum of {packet:02x?}");
        assert_eq!(
            Pseudo::V4(ip.src, ip.dst).checksum(IpProto::TCP, segment),
            0,
            "the sum of {segment:02x?}"
        );
        let (tcp, text) = Tcp::parse(segment).expect("a segment");
        if port == 2 {
            self.translated = (ip.src, tcp.src);
        }
        let len = text.len() as u32 + u32::from(tcp.flags.contains(TcpFlags::SYN));
        self.sides[if port == 2 { 1 } else { 0 }].acknowledgment = tcp.sequence.wrapping_add(len);
    }
}

/// Sends a frame in by a port; what leaves, by port.
fn through(switch: &mut Switch, port: u32, frame: Vec<u8>, now: Instant) -> Vec<(u32, Vec<u8>)> {
    switch.receive(DeviceId(port), [Frame::from(frame)], now);
    let mut departures = Vec::new();
    switch.take_departures(&mut departures);
    if switch.poll_timeout().is_some_and(|(at, _)| at <= now) {
        switch.handle_timeout(now);
    }
    let left = departures.into_iter().filter_map(|departure| match departure {
        Departure::Device { device, frame } => Some((device.0, frame.as_slice().to_vec())),
        Departure::Tunnel(_) => None,
    });
    left.collect()
}

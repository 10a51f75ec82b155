//! Packets that begin as those of a protocol do and then make no sense. Pure; the same seed gives the same packets.

use super::frame::{self, Ends, link_local};
use crate::fabric::random::Random;
use packet::{
    Dhcp4, Dhcp6, Dns, DnsName, Icmp6, MacAddr, Neighbor, Pseudo, RouterAdvertisement, RouterOption,
};
use std::net::{Ipv4Addr, Ipv6Addr};

/// What they are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Dhcp,
    Dhcp6,
    Dns,
    /// Neighbours asked for, and advertised.
    Nd,
    /// Routers asked for, and advertised.
    Ra,
}

/// Who sends them, and to whom those go that do not go to all.
#[derive(Clone, Copy, Debug)]
pub struct Parties {
    pub mac: MacAddr,
    pub ip: Ipv4Addr,
    pub to_mac: MacAddr,
    pub to_ip: Ipv4Addr,
}

/// Octets of the longest that is made.
const FRAME_MAX: usize = 1400;
/// Defects of one packet.
const DEFECTS_MAX: u64 = 3;

/// Makes packets, without end.
pub struct Maker {
    random: Random,
    kind: Kind,
    parties: Parties,
}

/// A message of a protocol, and how it travels.
struct Message {
    octets: Vec<u8>,
    ends: Ends,
    wrapped: Wrapped,
}

enum Wrapped {
    Udp(u16, u16),
    Icmp6(u8),
}

impl Maker {
    pub fn new(kind: Kind, parties: Parties, seed: u64) -> Self {
        Self { random: Random::new(seed, kind as u64), kind, parties }
    }

    /// The next frame.
    pub fn frame(&mut self) -> Vec<u8> {
        let Message { mut octets, ends, wrapped } = self.message();
        for _ in 0..=self.random.below(DEFECTS_MAX) {
            self.spoil(&mut octets);
        }
        let mut frame = match wrapped {
            Wrapped::Udp(from, to) => frame::udp(ends, (from, to), &octets),
            Wrapped::Icmp6(ty) => {
                // The first four octets of the message are in its header.
                octets.resize(octets.len().max(4), 0);
                let (data, body) = octets.split_first_chunk().expect("four octets at least");
                frame::icmp6(ends, ty, *data, body)
            }
        };
        // The headers around it are wrong sometimes; whom it is for is not.
        if self.random.below(8) == 0 {
            let mut packet = frame.split_off(14);
            self.spoil(&mut packet);
            frame.extend(packet);
        }
        frame.truncate(FRAME_MAX);
        frame
    }

    /// One defect.
    fn spoil(&mut self, octets: &mut Vec<u8>) {
        let place = self.random.below(octets.len() as u64 + 1) as usize;
        match self.random.below(6) {
            0 => octets.truncate(place),
            1 => {
                octets.truncate(place);
                self.noise(octets, 200);
            }
            2 => self.noise(octets, 200),
            3 => {
                octets.clear();
                self.noise(octets, 300);
            }
            // What says a length or a number is most wrong where it is least or most.
            defect => {
                let extreme = if defect == 4 { 0 } else { 0xff };
                octets.get_mut(place).into_iter().for_each(|octet| *octet = extreme);
            }
        }
    }

    fn noise(&mut self, octets: &mut Vec<u8>, max: u64) {
        for _ in 0..self.random.below(max + 1) {
            octets.push(self.random.draw() as u8);
        }
    }

    /// A message that makes sense.
    fn message(&mut self) -> Message {
        let Parties { mac, ip, to_mac, to_ip } = self.parties;
        let mut octets = Vec::new();
        let group = |last: u8| MacAddr([0x33, 0x33, 0, 0, 0, last]);
        let to_group = |last: u8| Pseudo::V6(link_local(mac), Ipv6Addr::from(all(last)));
        match self.kind {
            Kind::Dhcp => {
                discover(mac, self.random.draw() as u32, &mut octets);
                let to_all = Pseudo::V4(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
                let ends = Ends { src: mac, dst: MacAddr::BROADCAST, ip: to_all };
                let wrapped = Wrapped::Udp(Dhcp4::CLIENT_PORT, Dhcp4::SERVER_PORT);
                Message { octets, ends, wrapped }
            }
            Kind::Dhcp6 => {
                solicit(mac, self.random.draw() as u8, &mut octets);
                let servers = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);
                let ip = Pseudo::V6(link_local(mac), servers);
                let ends = Ends { src: mac, dst: MacAddr([0x33, 0x33, 0, 1, 0, 2]), ip };
                let wrapped = Wrapped::Udp(Dhcp6::CLIENT_PORT, Dhcp6::SERVER_PORT);
                Message { octets, ends, wrapped }
            }
            Kind::Dns => {
                query(self.random.draw() as u16, &mut octets);
                let ends = Ends { src: mac, dst: to_mac, ip: Pseudo::V4(ip, to_ip) };
                Message { octets, ends, wrapped: Wrapped::Udp(1053, Dns::PORT) }
            }
            Kind::Nd => {
                let asks = self.random.below(2) == 0;
                let (source_link, target_link) = (Some(mac).filter(|_| asks), Some(mac).filter(|_| !asks));
                octets.extend(if asks { [0; 4] } else { [0x20, 0, 0, 0] });
                Neighbor { target: link_local(to_mac), source_link, target_link }.emit(&mut octets);
                let ty = if asks { Icmp6::NEIGHBOR_SOLICITATION } else { Icmp6::NEIGHBOR_ADVERTISEMENT };
                let ends = Ends { src: mac, dst: group(1), ip: to_group(1) };
                Message { octets, ends, wrapped: Wrapped::Icmp6(ty) }
            }
            Kind::Ra if self.random.below(2) == 0 => {
                octets.extend([0; 4]);
                octets.extend([1, 1]);
                octets.extend(mac.0);
                let ends = Ends { src: mac, dst: group(2), ip: to_group(2) };
                Message { octets, ends, wrapped: Wrapped::Icmp6(Icmp6::ROUTER_SOLICITATION) }
            }
            Kind::Ra => {
                advertisement(mac, &mut octets);
                let ends = Ends { src: mac, dst: group(1), ip: to_group(1) };
                Message { octets, ends, wrapped: Wrapped::Icmp6(Icmp6::ROUTER_ADVERTISEMENT) }
            }
        }
    }
}

/// All nodes, or all routers, of a link.
fn all(last: u8) -> [u8; 16] {
    let mut octets = [0; 16];
    (octets[0], octets[1], octets[15]) = (0xff, 2, last);
    octets
}

fn discover(mac: MacAddr, xid: u32, out: &mut Vec<u8>) {
    let client = [&[1][..], &mac.0].concat();
    let message = Dhcp4 {
        op: Dhcp4::REQUEST,
        hops: 0,
        xid,
        secs: 0,
        flags: 0,
        ciaddr: Ipv4Addr::UNSPECIFIED,
        yiaddr: Ipv4Addr::UNSPECIFIED,
        siaddr: Ipv4Addr::UNSPECIFIED,
        giaddr: Ipv4Addr::UNSPECIFIED,
        chaddr: mac,
        options: vec![
            (Dhcp4::MESSAGE_TYPE, &[Dhcp4::DISCOVER]),
            (61, &client),
            (Dhcp4::REQUESTED_ADDRESS, &[10, 0, 0, 1]),
            (Dhcp4::USER_CLASS, b"iPXE"),
            (55, &[1, 3, 6, 15, 26, 121]),
        ],
    };
    message.emit(out);
}

fn solicit(mac: MacAddr, number: u8, out: &mut Vec<u8>) {
    let client = [&[0, 3, 0, 1][..], &mac.0].concat();
    let options = vec![
        (Dhcp6::CLIENT_ID, &client[..]),
        (Dhcp6::IA_NA, &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        (Dhcp6::FQDN, b"\x01\x03vm1\0"),
        (Dhcp6::USER_CLASS, b"\0\x04iPXE"),
        (6, &[0, 23, 0, 24]),
    ];
    Dhcp6 { kind: Dhcp6::SOLICIT, transaction: [0, 0, number], options }.emit(out);
}

fn query(id: u16, out: &mut Vec<u8>) {
    let name = DnsName::from_text("vm1.ovn.org").expect("it is a name");
    let questions = vec![packet::DnsQuestion { name, ty: Dns::A, class: Dns::IN }];
    Dns { id, flags: Dns::RECURSION_DESIRED, questions, ..Dns::default() }.emit(out);
}

/// What follows the first four octets of one that offers nothing.
fn advertisement(mac: MacAddr, out: &mut Vec<u8>) {
    let mut message = Vec::new();
    let options = vec![RouterOption::SourceLink(mac), RouterOption::Other(99, vec![0; 14])];
    let said = RouterAdvertisement {
        hop_limit: 0,
        flags: 0,
        lifetime: 0,
        reachable_ms: 0,
        retransmit_ms: 0,
        options,
    };
    said.emit(&mut message);
    out.extend(&message[4..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTIES: Parties = Parties {
        mac: MacAddr([2, 0, 0, 0, 0, 1]),
        ip: Ipv4Addr::new(10, 0, 0, 1),
        to_mac: MacAddr([2, 0, 0, 0, 0, 2]),
        to_ip: Ipv4Addr::new(10, 0, 0, 2),
    };

    /// How many of a thousand packets no reader of the protocol takes.
    fn refused(kind: Kind) -> usize {
        let mut maker = Maker::new(kind, PARTIES, 1);
        let good = |frame: &[u8]| {
            let (_, _, segment) = frame::read(frame)?;
            let udp = packet::Udp::parse(segment).map_or(&[][..], |(_, payload)| payload);
            Some(match kind {
                Kind::Dhcp => Dhcp4::parse(udp).is_ok(),
                Kind::Dhcp6 => Dhcp6::parse(udp).is_ok(),
                Kind::Dns => Dns::parse(udp).is_ok(),
                Kind::Nd => Neighbor::parse(segment.get(8..)?).is_ok(),
                Kind::Ra => RouterAdvertisement::parse(segment).is_ok(),
            })
        };
        (0..1000).map(|_| maker.frame()).filter(|frame| good(frame) != Some(true)).count()
    }

    #[test]
    fn the_same_seed_makes_the_same_packets_and_most_make_no_sense() {
        for kind in [Kind::Dhcp, Kind::Dhcp6, Kind::Dns, Kind::Nd, Kind::Ra] {
            let frames = |seed| {
                let mut maker = Maker::new(kind, PARTIES, seed);
                (0..100).map(|_| maker.frame()).collect::<Vec<_>>()
            };
            assert_eq!(frames(7), frames(7));
            assert_ne!(frames(7), frames(8));
            assert!(frames(7).iter().all(|frame| (14..=FRAME_MAX).contains(&frame.len())));
            assert!(refused(kind) > 500, "{kind:?}: {}", refused(kind));
        }
    }
}

//! The Ethernet side of a guest: who has which address (ARP, RFC 826; neighbour discovery, RFC 4861), and packets that
//! wait until that is known.
//!
//! Smoltcp has this too, but asks for one neighbour a second and drops what waits; guests of a lab do neither.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use packet::{
    Arp, EtherType, Ethernet, Icmp6, IpProto, Ipv4, Ipv6, MacAddr, Malformed, Neighbor, Pseudo,
    RouterAdvertisement, RouterOption,
};

use super::stack::ADDRESSES_MAX;
use crate::text::values::Cidr;
use crate::tools::frame::link_local;

/// Neighbours that are remembered; beyond this the one with the lowest address is forgotten.
const NEIGHBOURS_MAX: usize = 1024;
/// Packets that wait for one neighbour; beyond this the oldest is dropped.
const WAITING_MAX: usize = 100;
/// How often a neighbour is asked for before what waits for it is dropped.
const QUESTIONS: u8 = 3;
/// Between two questions; as the guests of a lab in namespaces are set.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// What is known of a neighbour.
enum Entry {
    Known(MacAddr),
    Asked { times: u8, again: Instant, waiting: VecDeque<Vec<u8>> },
}

/// An Ethernet interface with addresses.
pub(super) struct Neighbours {
    mac: MacAddr,
    ips: Vec<Cidr>,
    gateway: Option<IpAddr>,
    /// The last router that said it is a way out.
    router: Option<IpAddr>,
    entries: BTreeMap<IpAddr, Entry>,
    frames: VecDeque<Vec<u8>>,
    /// Addresses made of what routers said, for the stack above.
    made: VecDeque<Cidr>,
}

impl Neighbours {
    pub(super) fn new(mac: MacAddr, ips: Vec<Cidr>, gateway: Option<IpAddr>) -> Self {
        Self {
            mac,
            ips,
            gateway,
            router: None,
            entries: BTreeMap::new(),
            frames: VecDeque::new(),
            made: VecDeque::new(),
        }
    }

    /// The next frame to send.
    pub(super) fn poll_output(&mut self) -> Option<Vec<u8>> {
        self.frames.pop_front()
    }

    /// The next address that follows from what a router said (RFC 4862 section 5.5.3). Nobody else is asked whether it is
    /// theirs.
    pub(super) fn poll_address(&mut self) -> Option<Cidr> {
        self.made.pop_front()
    }

    /// When neighbours that do not answer are asked again.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let again = |entry: &Entry| match entry {
            Entry::Asked { again, .. } => Some(*again),
            Entry::Known(_) => None,
        };
        self.entries.values().filter_map(again).min()
    }

    /// Asks again, or gives up.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let is_due = |entry: &Entry| matches!(entry, Entry::Asked { again, .. } if *again <= now);
        let due: Vec<IpAddr> =
            self.entries.iter().filter(|(_, entry)| is_due(entry)).map(|(ip, _)| *ip).collect();
        for ip in due {
            match self.entries.get_mut(&ip) {
                Some(Entry::Asked { times, again, .. }) if *times < QUESTIONS => {
                    *times += 1;
                    *again = now + ASK_AGAIN;
                    self.ask(ip);
                }
                Some(_) | None => drop(self.entries.remove(&ip)),
            }
        }
    }

    /// Sends an IP packet, now or when it is known where to. Without a way it is dropped.
    pub(super) fn send(&mut self, packet: Vec<u8>, now: Instant) {
        let Some(to) = destination(&packet) else { return };
        if let Some(group) = self.group(to) {
            return self.frame(group, &packet);
        }
        let Some(hop) = self.hop(to) else { return };
        match self.entries.get_mut(&hop) {
            Some(Entry::Known(mac)) => {
                let mac = *mac;
                self.frame(mac, &packet);
            }
            Some(Entry::Asked { waiting, .. }) => {
                waiting.push_back(packet);
                if waiting.len() > WAITING_MAX {
                    waiting.pop_front();
                }
            }
            None => {
                let waiting = [packet].into();
                self.remember(hop, Entry::Asked { times: 1, again: now + ASK_AGAIN, waiting });
                self.ask(hop);
            }
        }
    }

    /// A frame comes; the IP packet in it, if it is for this guest. What makes no sense is dropped.
    pub(super) fn receive(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        self.understand(frame).ok().flatten()
    }

    fn understand(&mut self, frame: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
        let (ethernet, rest) = Ethernet::parse(frame)?;
        if ethernet.dst != self.mac && !ethernet.dst.is_multicast() {
            return Ok(None);
        }
        match ethernet.ethertype {
            EtherType::ARP => {
                self.hear_arp(&Arp::parse(rest)?.0);
                Ok(None)
            }
            // Without what the link layer padded.
            EtherType::IPV4 => {
                let (ip, payload) = Ipv4::parse(rest)?;
                Ok(rest.get(..ip.header_len() + payload.len()).map(<[u8]>::to_vec))
            }
            EtherType::IPV6 => {
                let (ip, payload) = Ipv6::parse(rest)?;
                if ip.next_header == IpProto::ICMP6 && self.hear_icmp6(&ip, payload)? {
                    return Ok(None);
                }
                Ok(rest.get(..Ipv6::LEN + payload.len()).map(<[u8]>::to_vec))
            }
            _ => Ok(None),
        }
    }

    fn hear_arp(&mut self, arp: &Arp) {
        let for_us = self.has(arp.tpa.into());
        let known = self.entries.contains_key(&arp.spa.into());
        if !arp.spa.is_unspecified() && (for_us || known) {
            self.learn(arp.spa.into(), arp.sha);
        }
        if for_us && arp.operation == Arp::REQUEST {
            let reply =
                Arp { operation: Arp::REPLY, sha: self.mac, spa: arp.tpa, tha: arp.sha, tpa: arp.spa };
            self.say_arp(arp.sha, &reply);
        }
    }

    fn say_arp(&mut self, dst: MacAddr, arp: &Arp) {
        let mut out = Vec::new();
        Ethernet { dst, src: self.mac, ethertype: EtherType::ARP }.emit(&mut out);
        arp.emit(&mut out);
        self.frames.push_back(out);
    }

    /// Whether it was about neighbours.
    fn hear_icmp6(&mut self, ip: &Ipv6, message: &[u8]) -> Result<bool, Malformed> {
        let (Icmp6 { ty, .. }, body) = Icmp6::parse(message)?;
        if ty == Icmp6::ROUTER_ADVERTISEMENT && ip.hop_limit == 255 {
            self.hear_router(ip.src, &RouterAdvertisement::parse(message)?);
            return Ok(true);
        }
        if ty != Icmp6::NEIGHBOR_SOLICITATION && ty != Icmp6::NEIGHBOR_ADVERTISEMENT {
            return Ok(false);
        }
        let neighbor = Neighbor::parse(body)?.0;
        let target: IpAddr = neighbor.target.into();
        if ty == Icmp6::NEIGHBOR_ADVERTISEMENT {
            if let Some(mac) = neighbor.target_link.filter(|_| self.entries.contains_key(&target)) {
                self.learn(target, mac);
            }
        } else if self.has(target) {
            if let Some(mac) = neighbor.source_link.filter(|_| !ip.src.is_unspecified()) {
                self.learn(ip.src.into(), mac);
            }
            self.advertise(neighbor.target, ip.src);
        }
        Ok(true)
    }

    /// Remembers the way out, and makes addresses of the prefixes of which hosts are to; prefixes of 64 bits, as those of Ethernet are (RFC 2464
    /// section 5).
    fn hear_router(&mut self, router: Ipv6Addr, said: &RouterAdvertisement) {
        match said.lifetime {
            0 => self.router = self.router.filter(|known| *known != router),
            _ => self.router = Some(router.into()),
        }
        for option in &said.options {
            let RouterOption::Prefix { length: 64, flags, prefix, .. } = option else { continue };
            let mut octets = link_local(self.mac).octets();
            octets[..8].copy_from_slice(&prefix.octets()[..8]);
            let cidr = Cidr { addr: Ipv6Addr::from(octets).into(), prefix_len: 64 };
            let is_known = self.has(cidr.addr) || self.ips.len() > ADDRESSES_MAX;
            if flags & RouterAdvertisement::AUTONOMOUS != 0 && !is_known {
                self.ips.push(cidr);
                self.made.push_back(cidr);
            }
        }
    }

    /// Tells who asked, or everybody when it has no address yet, that `target` is here.
    fn advertise(&mut self, target: Ipv6Addr, asker: Ipv6Addr) {
        let (to, solicited) = match asker.is_unspecified() {
            true => (Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1), 0),
            false => (asker, 0x4000_0000_u32),
        };
        let flags = (solicited | 0x2000_0000).to_be_bytes();
        let mac = self.group(to.into()).or_else(|| match self.entries.get(&to.into()) {
            Some(Entry::Known(mac)) => Some(*mac),
            Some(Entry::Asked { .. }) | None => None,
        });
        if let Some(mac) = mac {
            let about = Neighbor { target, source_link: None, target_link: Some(self.mac) };
            self.say_icmp6(mac, (target, to), Icmp6::NEIGHBOR_ADVERTISEMENT, flags, about);
        }
    }

    /// Sends a message of RFC 4861 section 4.3 or 4.4.
    fn say_icmp6(
        &mut self,
        dst: MacAddr,
        (from, to): (Ipv6Addr, Ipv6Addr),
        ty: u8,
        data: [u8; 4],
        about: Neighbor,
    ) {
        let mut body = Vec::new();
        about.emit(&mut body);
        let mut out = Vec::new();
        Ethernet { dst, src: self.mac, ethertype: EtherType::IPV6 }.emit(&mut out);
        let length = u16::try_from(Icmp6::LEN + body.len()).expect("a short message");
        Ipv6 { hop_limit: 255, ..Ipv6::new(from, to, IpProto::ICMP6, length) }.emit(&mut out);
        Icmp6 { ty, code: 0, checksum: 0, data }.with_checksum(Pseudo::V6(from, to), &body).emit(&mut out);
        out.extend(body);
        self.frames.push_back(out);
    }

    fn ask(&mut self, ip: IpAddr) {
        let from = self.source(ip);
        match (from, ip) {
            (Some(IpAddr::V4(spa)), IpAddr::V4(tpa)) => {
                let question = Arp { operation: Arp::REQUEST, sha: self.mac, spa, tha: MacAddr::ZERO, tpa };
                self.say_arp(MacAddr::BROADCAST, &question);
            }
            (Some(IpAddr::V6(from)), IpAddr::V6(target)) => {
                // RFC 4291 section 2.7.1
                let [.., a, b, c] = target.octets();
                let group =
                    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]));
                let mac = MacAddr([0x33, 0x33, 0xff, a, b, c]);
                let about = Neighbor { target, source_link: Some(self.mac), target_link: None };
                self.say_icmp6(mac, (from, group), Icmp6::NEIGHBOR_SOLICITATION, [0; 4], about);
            }
            (Some(IpAddr::V4(_)), IpAddr::V6(_)) | (Some(IpAddr::V6(_)), IpAddr::V4(_)) | (None, _) => {}
        }
    }

    fn learn(&mut self, ip: IpAddr, mac: MacAddr) {
        let before = self.entries.remove(&ip);
        self.remember(ip, Entry::Known(mac));
        if let Some(Entry::Asked { waiting, .. }) = before {
            waiting.iter().for_each(|packet| self.frame(mac, packet));
        }
    }

    fn remember(&mut self, ip: IpAddr, entry: Entry) {
        if self.entries.len() >= NEIGHBOURS_MAX {
            self.entries.pop_first();
        }
        self.entries.insert(ip, entry);
    }

    fn frame(&mut self, dst: MacAddr, packet: &[u8]) {
        let ethertype =
            if packet.first().is_some_and(|b| b >> 4 == 6) { EtherType::IPV6 } else { EtherType::IPV4 };
        let mut out = Vec::with_capacity(packet.len() + 14);
        Ethernet { dst, src: self.mac, ethertype }.emit(&mut out);
        out.extend(packet);
        self.frames.push_back(out);
    }

    fn has(&self, ip: IpAddr) -> bool {
        self.ips.iter().any(|cidr| cidr.addr == ip)
    }

    /// Our address to speak to `ip` from: of its network, or the first of its family.
    fn source(&self, ip: IpAddr) -> Option<IpAddr> {
        let near = self.ips.iter().find(|cidr| cidr.contains(ip));
        let same = || self.ips.iter().find(|cidr| cidr.addr.is_ipv4() == ip.is_ipv4());
        near.or_else(same).map(|cidr| cidr.addr)
    }

    /// The neighbour to which packets for `to` go.
    fn hop(&self, to: IpAddr) -> Option<IpAddr> {
        if self.ips.iter().any(|cidr| cidr.contains(to)) {
            return Some(to);
        }
        let ways = self.gateway.into_iter().chain(self.router);
        ways.into_iter().find(|way| way.is_ipv4() == to.is_ipv4())
    }

    /// The Ethernet address of a group (RFC 1112 section 6.4, RFC 2464 section 7), or of everybody.
    fn group(&self, to: IpAddr) -> Option<MacAddr> {
        match to {
            IpAddr::V4(v4) if v4.is_broadcast() || self.is_all_of_a_network(v4) => Some(MacAddr::BROADCAST),
            IpAddr::V4(v4) if v4.is_multicast() => {
                let [_, a, b, c] = v4.octets();
                Some(MacAddr([1, 0, 0x5e, a & 0x7f, b, c]))
            }
            IpAddr::V6(v6) if v6.is_multicast() => {
                let [.., a, b, c, d] = v6.octets();
                Some(MacAddr([0x33, 0x33, a, b, c, d]))
            }
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        }
    }

    fn is_all_of_a_network(&self, ip: Ipv4Addr) -> bool {
        self.ips.iter().any(|cidr| {
            let host = u32::MAX.checked_shr(cidr.prefix_len.into()).unwrap_or(0);
            cidr.prefix_len < 31 && cidr.contains(ip.into()) && u32::from(ip) & host == host
        })
    }
}

/// Where an IP packet goes.
fn destination(packet: &[u8]) -> Option<IpAddr> {
    match packet.first()? >> 4 {
        4 => Some(IpAddr::from(<[u8; 4]>::try_from(packet.get(16..20)?).ok()?)),
        6 => Some(IpAddr::from(<[u8; 16]>::try_from(packet.get(24..40)?).ok()?)),
        _ => None,
    }
}

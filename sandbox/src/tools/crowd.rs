//! Many hosts behind one interface: each has addresses of its own, tells them once, answers who asks for them, and some go
//! on talking to somebody behind their router. Pure.

use std::collections::VecDeque;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use packet::{Arp, EtherType, Ethernet, Icmp4, IpProto, Ipv4, MacAddr, Malformed};

/// Hosts that a crowd has at most.
pub const HOSTS_MAX: u32 = 10_000;
/// Between two hosts that make themselves known: fewer a second than a controller takes from one port.
const ANNOUNCE_EVERY: Duration = Duration::from_millis(2);
/// What marks our requests among others.
const MAGIC: &[u8; 8] = b"incrowds";

/// Who a crowd is and what it does.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Addresses of the first host; those of the others count up from there.
    pub mac: MacAddr,
    pub ip: Ipv4Addr,
    /// How many there are, at most [`HOSTS_MAX`].
    pub hosts: u32,
    /// Their router.
    pub gateway: Ipv4Addr,
    /// So many of them, from the first on, talk.
    pub talking: u32,
    /// Whom they talk to.
    pub to: Ipv4Addr,
    /// How often each of them does.
    pub every: Duration,
}

impl Plan {
    /// The address of a host, counted from 0.
    pub fn ip_of(&self, host: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.ip.to_bits().wrapping_add(host))
    }

    fn mac_of(&self, host: u32) -> MacAddr {
        MacAddr::from_u64(self.mac.to_u64().wrapping_add(host.into()))
    }

    /// Which host has this address.
    pub fn host_of(&self, ip: Ipv4Addr) -> Option<u32> {
        let host = ip.to_bits().wrapping_sub(self.ip.to_bits());
        (host < self.hosts).then_some(host)
    }
}

/// What those who talk have seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub sent: u64,
    pub answered: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sent, {} answered", self.sent, self.answered)
    }
}

/// A crowd.
#[derive(Debug)]
pub struct Crowd {
    plan: Plan,
    router: Option<MacAddr>,
    /// The next host that asks for the router, and when.
    announcing: Option<(u32, Instant)>,
    /// When the next one talks.
    talking: Option<Instant>,
    report: Report,
    out: VecDeque<Vec<u8>>,
}

impl Crowd {
    /// A crowd that makes itself known from now on, one host after the other.
    pub fn new(plan: Plan, now: Instant) -> Self {
        let announcing = Some((0, now));
        Self {
            plan,
            router: None,
            announcing,
            talking: None,
            report: Report::default(),
            out: VecDeque::new(),
        }
    }

    /// All hosts make themselves known again.
    pub fn announce(&mut self, now: Instant) {
        self.announcing = Some((0, now));
    }

    /// Those who talk begin to do so.
    pub fn talk(&mut self, now: Instant) {
        self.talking = Some(now).filter(|_| self.plan.talking > 0);
    }

    /// Nobody talks any more; answers still count.
    pub fn stop(&mut self) {
        self.talking = None;
    }

    /// Whether the router has said where it is.
    pub fn knows_router(&self) -> bool {
        self.router.is_some()
    }

    /// What those who talk have seen so far.
    pub fn report(&self) -> Report {
        self.report
    }

    /// A frame came to the interface. What makes no sense, or is for nobody here, is dropped.
    pub fn handle_frame(&mut self, frame: &[u8]) {
        // It is no host's.
        let _ = self.understand(frame);
    }

    fn understand(&mut self, frame: &[u8]) -> Result<(), Malformed> {
        let (ethernet, rest) = Ethernet::parse(frame)?;
        match ethernet.ethertype {
            EtherType::ARP => self.hear_arp(&Arp::parse(rest)?.0),
            EtherType::IPV4 => {
                let (ip, payload) = Ipv4::parse(rest)?;
                let host = self.plan.host_of(ip.dst);
                if let Some(host) = host.filter(|_| ip.proto == IpProto::ICMP && !ip.is_fragment()) {
                    let (icmp, body) = Icmp4::parse(payload)?;
                    self.hear_icmp(host, (ethernet.src, ip.src), icmp, body);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn hear_arp(&mut self, arp: &Arp) {
        let Some(host) = self.plan.host_of(arp.tpa) else { return };
        if arp.operation == Arp::REQUEST {
            self.say_arp(host, Arp::REPLY, arp.sha, (arp.sha, arp.spa));
        } else if arp.operation == Arp::REPLY && arp.spa == self.plan.gateway {
            self.router = Some(arp.sha);
        }
    }

    fn hear_icmp(&mut self, host: u32, from: (MacAddr, Ipv4Addr), icmp: Icmp4, body: &[u8]) {
        if icmp.ty == Icmp4::ECHO_REQUEST {
            self.say_icmp(host, from, Icmp4::ECHO_REPLY, icmp.data, body);
        } else if icmp.ty == Icmp4::ECHO_REPLY && from.1 == self.plan.to && body.starts_with(MAGIC) {
            self.report.answered += 1;
        }
    }

    fn say_arp(&mut self, host: u32, operation: u16, dst: MacAddr, (tha, tpa): (MacAddr, Ipv4Addr)) {
        let (sha, spa) = (self.plan.mac_of(host), self.plan.ip_of(host));
        let mut out = Vec::with_capacity(Ethernet::LEN + Arp::LEN);
        Ethernet { dst, src: sha, ethertype: EtherType::ARP }.emit(&mut out);
        Arp { operation, sha, spa, tha, tpa }.emit(&mut out);
        self.out.push_back(out);
    }

    fn say_icmp(&mut self, host: u32, to: (MacAddr, Ipv4Addr), ty: u8, data: [u8; 4], body: &[u8]) {
        let Ok(length) = u16::try_from(Icmp4::LEN + body.len()) else { return };
        let mut out = Vec::new();
        Ethernet { dst: to.0, src: self.plan.mac_of(host), ethertype: EtherType::IPV4 }.emit(&mut out);
        Ipv4::new(self.plan.ip_of(host), to.1, IpProto::ICMP, length).emit(&mut out);
        Icmp4 { ty, code: 0, checksum: 0, data }.with_checksum(body).emit(&mut out);
        out.extend(body);
        self.out.push_back(out);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((host, at)) = self.announcing.filter(|(_, at)| *at <= now) {
            let next = host + 1;
            self.announcing = (next < self.plan.hosts).then_some((next, at + ANNOUNCE_EVERY));
            let about = |ip| (MacAddr::ZERO, ip);
            if host == 0 {
                self.say_arp(host, Arp::REQUEST, MacAddr::BROADCAST, about(self.plan.gateway));
            }
            // RFC 5227 section 3: an announcement asks for the own address.
            self.say_arp(host, Arp::REQUEST, MacAddr::BROADCAST, about(self.plan.ip_of(host)));
        }
        while let Some(at) = self.talking.filter(|at| *at <= now) {
            self.talking =
                Some(at + (self.plan.every / self.plan.talking.max(1)).max(Duration::from_micros(1)));
            let Some(router) = self.router else { continue };
            let host = (self.report.sent % u64::from(self.plan.talking.max(1))) as u32;
            let [a, b] = (self.report.sent as u16).to_be_bytes();
            self.report.sent += 1;
            self.say_icmp(host, (router, self.plan.to), Icmp4::ECHO_REQUEST, [0, 1, a, b], MAGIC);
        }
    }

    /// When there is something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.announcing.map(|(_, at)| at).into_iter().chain(self.talking).min()
    }

    /// The next frame that somebody sends.
    pub fn poll_output(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::decode::decode;

    fn plan() -> Plan {
        Plan {
            mac: MacAddr::from_u64(0x0e00_0000_00ff),
            ip: Ipv4Addr::new(10, 1, 0, 255),
            hosts: 3,
            gateway: Ipv4Addr::new(10, 1, 255, 254),
            talking: 2,
            to: Ipv4Addr::new(10, 0, 0, 1),
            every: Duration::from_secs(1),
        }
    }

    fn said(crowd: &mut Crowd) -> String {
        let frames = std::iter::from_fn(|| crowd.poll_output());
        frames.map(|frame| decode(&frame).text + "\n").collect()
    }

    fn arp(operation: u16, sha: MacAddr, spa: Ipv4Addr, tpa: Ipv4Addr) -> Vec<u8> {
        let mut out = Vec::new();
        Ethernet { dst: MacAddr::BROADCAST, src: sha, ethertype: EtherType::ARP }.emit(&mut out);
        Arp { operation, sha, spa, tha: MacAddr::ZERO, tpa }.emit(&mut out);
        out
    }

    #[test]
    fn hosts_make_themselves_known_answer_and_talk() {
        let start = Instant::now();
        let (plan, router) = (plan(), MacAddr::from_u64(0xaa));
        let mut crowd = Crowd::new(plan, start);
        crowd.handle_timeout(start);
        assert_eq!(crowd.poll_timeout(), Some(start + ANNOUNCE_EVERY));
        crowd.handle_timeout(start + ANNOUNCE_EVERY * 2);
        insta::assert_snapshot!(said(&mut crowd), @r"
        0e:00:00:00:00:ff > ff:ff:ff:ff:ff:ff | ARP, Request who-has 10.1.255.254 tell 10.1.0.255
        0e:00:00:00:00:ff > ff:ff:ff:ff:ff:ff | ARP, Request who-has 10.1.0.255 tell 10.1.0.255
        0e:00:00:00:01:00 > ff:ff:ff:ff:ff:ff | ARP, Request who-has 10.1.1.0 tell 10.1.1.0
        0e:00:00:00:01:01 > ff:ff:ff:ff:ff:ff | ARP, Request who-has 10.1.1.1 tell 10.1.1.1
        ");
        assert_eq!(crowd.poll_timeout(), None);
        crowd.handle_frame(&arp(Arp::REPLY, router, plan.gateway, plan.ip_of(1)));
        crowd.handle_frame(&arp(Arp::REQUEST, router, plan.gateway, plan.ip_of(2)));
        crowd.handle_frame(&arp(Arp::REQUEST, router, plan.gateway, plan.ip_of(3)));
        insta::assert_snapshot!(said(&mut crowd), @"0e:00:00:00:01:01 > 00:00:00:00:00:aa | ARP, Reply 10.1.1.1 is-at 0e:00:00:00:01:01");
        crowd.talk(start);
        crowd.handle_timeout(start + Duration::from_millis(1400));
        insta::assert_snapshot!(said(&mut crowd), @r"
        0e:00:00:00:00:ff > 00:00:00:00:00:aa | IP 10.1.0.255 > 10.0.0.1, ICMP, ttl 64, length 16 | ICMP echo request, id 1, seq 0
        0e:00:00:00:01:00 > 00:00:00:00:00:aa | IP 10.1.1.0 > 10.0.0.1, ICMP, ttl 64, length 16 | ICMP echo request, id 1, seq 1
        0e:00:00:00:00:ff > 00:00:00:00:00:aa | IP 10.1.0.255 > 10.0.0.1, ICMP, ttl 64, length 16 | ICMP echo request, id 1, seq 2
        ");
        crowd.stop();
        assert_eq!((crowd.poll_timeout(), crowd.report()), (None, Report { sent: 3, answered: 0 }));
    }

    #[test]
    fn answers_count_and_questions_are_answered() {
        let (plan, now) = (plan(), Instant::now());
        let mut crowd = Crowd::new(plan, now);
        let mut frame = |ty, body: &[u8]| {
            let mut out = Vec::new();
            Ethernet { dst: plan.mac_of(1), src: plan.mac, ethertype: EtherType::IPV4 }.emit(&mut out);
            let length = (Icmp4::LEN + body.len()) as u16;
            Ipv4::new(plan.to, plan.ip_of(1), IpProto::ICMP, length).emit(&mut out);
            Icmp4 { ty, code: 0, checksum: 0, data: [0, 1, 0, 7] }.with_checksum(body).emit(&mut out);
            out.extend(body);
            crowd.handle_frame(&out);
            said(&mut crowd)
        };
        assert_eq!(frame(Icmp4::ECHO_REPLY, MAGIC), "");
        assert_eq!(frame(Icmp4::ECHO_REPLY, b"another"), "");
        insta::assert_snapshot!(frame(Icmp4::ECHO_REQUEST, b"x"), @"0e:00:00:00:01:00 > 0e:00:00:00:00:ff | IP 10.1.1.0 > 10.0.0.1, ICMP, ttl 64, length 9 | ICMP echo reply, id 1, seq 7");
        crowd.handle_frame(&[0; 7]);
        assert_eq!(crowd.report().answered, 1);
    }
}

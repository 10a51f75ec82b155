//! A guest: one Ethernet interface that resolves by ARP, sends ICMP echo requests and answers both.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use packet::{Arp, EtherType, Ethernet, Icmp4, IpProto, Ipv4, MacAddr, Malformed};

use super::ChassisId;

/// A guest and what has come to it.
#[derive(Debug)]
pub struct Guest {
    /// Name of the guest, of its interface and of its logical port.
    pub name: String,
    /// The chassis that it runs on.
    pub chassis: ChassisId,
    /// Its Ethernet address.
    pub mac: MacAddr,
    /// Its IPv4 address.
    pub ip: Ipv4Addr,
    neighbors: BTreeMap<Ipv4Addr, MacAddr>,
    /// Echo requests that wait for the address of a neighbor.
    waiting: BTreeMap<Ipv4Addr, Vec<u16>>,
    /// Sequence numbers of echo requests that were answered, by who did.
    pub answered: BTreeSet<(Ipv4Addr, u16)>,
    /// Every frame that came, for it or not.
    pub heard: Vec<Vec<u8>>,
}

impl Guest {
    pub(super) fn new(name: &str, chassis: ChassisId, mac: MacAddr, ip: Ipv4Addr) -> Self {
        Self {
            name: name.to_owned(),
            chassis,
            mac,
            ip,
            neighbors: BTreeMap::new(),
            waiting: BTreeMap::new(),
            answered: BTreeSet::new(),
            heard: Vec::new(),
        }
    }

    /// What it sends to ping `to`: the request, or a question for the address of `to` first.
    pub(super) fn ping(&mut self, to: Ipv4Addr, seq: u16) -> Vec<u8> {
        if let Some(mac) = self.neighbors.get(&to) {
            return self.echo(*mac, to, Icmp4::ECHO_REQUEST, echo_data(seq), b"ping");
        }
        self.waiting.entry(to).or_default().push(seq);
        self.arp(MacAddr::BROADCAST, Arp::REQUEST, MacAddr::ZERO, to)
    }

    /// A frame comes; what it sends upon that. Others' frames and those that make no sense are only noted.
    pub(super) fn hear(&mut self, frame: &[u8]) -> Vec<Vec<u8>> {
        self.heard.push(frame.to_vec());
        self.understand(frame).unwrap_or_default()
    }

    fn understand(&mut self, frame: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
        let (ethernet, rest) = Ethernet::parse(frame)?;
        if ethernet.dst != self.mac && !ethernet.dst.is_multicast() {
            return Ok(Vec::new());
        }
        match ethernet.ethertype {
            EtherType::ARP => Ok(self.hear_arp(&Arp::parse(rest)?.0)),
            EtherType::IPV4 => self.hear_ipv4(ethernet.src, rest),
            _ => Ok(Vec::new()),
        }
    }

    fn hear_arp(&mut self, arp: &Arp) -> Vec<Vec<u8>> {
        if arp.tpa != self.ip {
            return Vec::new();
        }
        self.neighbors.insert(arp.spa, arp.sha);
        if arp.operation == Arp::REQUEST {
            return vec![self.arp(arp.sha, Arp::REPLY, arp.sha, arp.spa)];
        }
        let waiting = self.waiting.remove(&arp.spa).unwrap_or_default();
        let request = |seq: u16| self.echo(arp.sha, arp.spa, Icmp4::ECHO_REQUEST, echo_data(seq), b"ping");
        waiting.into_iter().map(request).collect()
    }

    fn hear_ipv4(&mut self, from: MacAddr, octets: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
        let (ipv4, rest) = Ipv4::parse(octets)?;
        if ipv4.dst != self.ip || ipv4.proto != IpProto::ICMP {
            return Ok(Vec::new());
        }
        let (icmp, body) = Icmp4::parse(rest)?;
        if icmp.with_checksum(body).checksum != icmp.checksum {
            return Ok(Vec::new());
        }
        match icmp.ty {
            Icmp4::ECHO_REQUEST => Ok(vec![self.echo(from, ipv4.src, Icmp4::ECHO_REPLY, icmp.data, body)]),
            Icmp4::ECHO_REPLY => {
                let [_, _, high, low] = icmp.data;
                self.answered.insert((ipv4.src, u16::from_be_bytes([high, low])));
                Ok(Vec::new())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn arp(&self, dst: MacAddr, operation: u16, tha: MacAddr, tpa: Ipv4Addr) -> Vec<u8> {
        let mut frame = Vec::new();
        Ethernet { dst, src: self.mac, ethertype: EtherType::ARP }.emit(&mut frame);
        Arp { operation, sha: self.mac, spa: self.ip, tha, tpa }.emit(&mut frame);
        frame
    }

    fn echo(&self, dst: MacAddr, to: Ipv4Addr, ty: u8, data: [u8; 4], body: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        Ethernet { dst, src: self.mac, ethertype: EtherType::IPV4 }.emit(&mut frame);
        let length = u16::try_from(Icmp4::LEN + body.len()).expect("bodies are short");
        Ipv4::new(self.ip, to, IpProto::ICMP, length).emit(&mut frame);
        Icmp4 { ty, code: 0, checksum: 0, data }.with_checksum(body).emit(&mut frame);
        frame.extend(body);
        frame
    }
}

/// Identifier 1 and the sequence number.
fn echo_data(seq: u16) -> [u8; 4] {
    let [high, low] = seq.to_be_bytes();
    [0, 1, high, low]
}

/// A frame in the words of tcpdump.
pub(super) fn describe(frame: &[u8]) -> String {
    let inner = |frame: &[u8]| -> Result<String, Malformed> {
        let (ethernet, rest) = Ethernet::parse(frame)?;
        Ok(match ethernet.ethertype {
            EtherType::ARP => format!("{ethernet}: {}", Arp::parse(rest)?.0),
            EtherType::IPV4 => {
                let (ipv4, rest) = Ipv4::parse(rest)?;
                let icmp = (ipv4.proto == IpProto::ICMP).then(|| Icmp4::parse(rest)).transpose()?;
                let icmp = icmp.map(|(icmp, _)| icmp.to_string()).unwrap_or_default();
                format!("{ethernet}: {} > {} {icmp}", ipv4.src, ipv4.dst)
            }
            _ => format!("{ethernet}, length {}", frame.len()),
        })
    };
    inner(frame).unwrap_or_else(|error| error.to_string())
}

//! The IP packet that a flow handed over, and frames in answer to it.

use packet::{EtherType, Ethernet, Extensions, Icmp6, IpProto, Ipv4, Ipv6, MacAddr, Pseudo, Udp, VlanTag};

/// An IP packet in its frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct IpPacket<'a> {
    pub(super) ends: Ends,
    /// The protocol above IP and its extension headers.
    pub(super) upper: IpProto,
    /// From the IP header on, without what the link layer padded.
    pub(super) whole: &'a [u8],
    /// What follows the IP headers; nothing in a fragment that is not the first.
    pub(super) body: &'a [u8],
}

/// Between whom a packet goes, and in which VLAN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) src_mac: MacAddr,
    pub(super) dst_mac: MacAddr,
    /// The type of the outermost tag and what it says.
    pub(super) tag: Option<(EtherType, u16)>,
    pub(super) ip: Pseudo,
}

impl<'a> IpPacket<'a> {
    /// Reads a frame; `None` of what is no whole IP packet below at most one tag.
    pub(super) fn parse(frame: &'a [u8]) -> Option<Self> {
        let (ethernet, rest) = Ethernet::parse(frame).ok()?;
        let (tag, ethertype, rest) = if ethernet.ethertype.is_vlan() {
            let (tag, rest) = VlanTag::parse(rest).ok()?;
            (Some((ethernet.ethertype, tag.tci())), tag.ethertype, rest)
        } else {
            (None, ethernet.ethertype, rest)
        };
        let (ip, upper, length, body) = match ethertype {
            EtherType::IPV4 => {
                let (ip, body) = Ipv4::parse(rest).ok()?;
                let first = if ip.fragment_offset == 0 { body } else { &[] };
                (Pseudo::V4(ip.src, ip.dst), ip.proto, ip.header_len() + body.len(), first)
            }
            EtherType::IPV6 => {
                let (ip, body) = Ipv6::parse(rest).ok()?;
                let (extensions, first) = Extensions::parse(ip.next_header, body).ok()?;
                let first = if extensions.upper == IpProto::FRAGMENT { &[] } else { first };
                (Pseudo::V6(ip.src, ip.dst), extensions.upper, Ipv6::LEN + body.len(), first)
            }
            _ => return None,
        };
        let ends = Ends { src_mac: ethernet.src, dst_mac: ethernet.dst, tag, ip };
        Some(Self { ends, upper, whole: rest.get(..length)?, body })
    }
}

impl Ends {
    /// The way back.
    pub(super) fn turned(self) -> Self {
        let ip = match self.ip {
            Pseudo::V4(src, dst) => Pseudo::V4(dst, src),
            Pseudo::V6(src, dst) => Pseudo::V6(dst, src),
        };
        Self { src_mac: self.dst_mac, dst_mac: self.src_mac, ip, ..self }
    }

    /// A frame that carries `body`, which has its checksum; `None` if it is too long for a packet.
    pub(super) fn frame(self, proto: IpProto, hop_limit: u8, body: &[u8]) -> Option<Vec<u8>> {
        let length = u16::try_from(body.len()).ok()?;
        let ethertype = match self.ip {
            Pseudo::V4(..) => EtherType::IPV4,
            Pseudo::V6(..) => EtherType::IPV6,
        };
        let mut out = Vec::with_capacity(Ethernet::LEN + VlanTag::LEN + Ipv6::LEN + body.len());
        let outer = self.tag.map_or(ethertype, |(tpid, _)| tpid);
        Ethernet { dst: self.dst_mac, src: self.src_mac, ethertype: outer }.emit(&mut out);
        if let Some((_, tci)) = self.tag {
            out.extend(tci.to_be_bytes());
            out.extend(ethertype.0.to_be_bytes());
        }
        match self.ip {
            // The total length is of 16 bits, too.
            Pseudo::V4(..) if body.len() > usize::from(u16::MAX) - Ipv4::LEN => return None,
            Pseudo::V4(src, dst) => {
                Ipv4 { ttl: hop_limit, ..Ipv4::new(src, dst, proto, length) }.emit(&mut out);
            }
            Pseudo::V6(src, dst) => {
                Ipv6 { hop_limit, ..Ipv6::new(src, dst, proto, length) }.emit(&mut out);
            }
        }
        out.extend(body);
        Some(out)
    }

    /// A frame with a datagram.
    pub(super) fn udp(self, src: u16, dst: u16, hop_limit: u8, payload: &[u8]) -> Option<Vec<u8>> {
        let mut datagram = Vec::with_capacity(Udp::LEN + payload.len());
        Udp::for_payload(src, dst, self.ip, payload).emit(&mut datagram);
        datagram.extend(payload);
        self.frame(IpProto::UDP, hop_limit, &datagram)
    }

    /// A frame with a whole ICMPv6 message that lacks its checksum.
    pub(super) fn advertisement(self, message: &[u8]) -> Option<Vec<u8>> {
        let mut message = message.to_vec();
        let checksum = self.ip.checksum(IpProto::ICMP6, &message);
        message.get_mut(2..4)?.copy_from_slice(&checksum.to_be_bytes());
        self.frame(IpProto::ICMP6, 255, &message)
    }

    /// A frame with a message of neighbour discovery, which only counts when no router has touched it (RFC 4861
    /// section 7.1). `None` for IPv4.
    pub(super) fn icmp6(self, ty: u8, data: [u8; 4], body: impl FnOnce(&mut Vec<u8>)) -> Option<Vec<u8>> {
        let Pseudo::V6(..) = self.ip else { return None };
        let mut rest = Vec::new();
        body(&mut rest);
        let mut message = Vec::with_capacity(Icmp6::LEN + rest.len());
        Icmp6 { ty, code: 0, checksum: 0, data }.with_checksum(self.ip, &rest).emit(&mut message);
        message.extend(rest);
        self.frame(IpProto::ICMP6, 255, &message)
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use openflow::{Match, PacketIn2, PacketInReason};

    /// Octets from hexadecimal text; blanks are skipped.
    pub(crate) fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    /// From 10.0.0.1 (fd00::1) at 02:...:01 to 10.0.0.2 (fd00::2) at 02:...:02.
    pub(crate) fn ends(v6: bool) -> Ends {
        let mac = |n| MacAddr([2, 0, 0, 0, 0, n]);
        let v6_address = |n| std::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, n);
        let ip = if v6 {
            Pseudo::V6(v6_address(1), v6_address(2))
        } else {
            Pseudo::V4([10, 0, 0, 1].into(), [10, 0, 0, 2].into())
        };
        Ends { src_mac: mac(1), dst_mac: mac(2), tag: None, ip }
    }

    /// A packet that came in by port 3 of datapath 7.
    pub(crate) fn packet_in(packet: Vec<u8>, userdata: Vec<u8>) -> PacketIn2 {
        let metadata = Match::any().with(crate::tables::DATAPATH, 7u32).with(crate::tables::INPORT, 3u32);
        let reason = PacketInReason::Action;
        PacketIn2 {
            packet,
            full_len: None,
            table: 0,
            cookie: 0,
            reason,
            metadata,
            userdata,
            continuation: None,
        }
    }

    /// What a frame says, layer by layer, on one line.
    pub(crate) fn describe(frame: &[u8]) -> String {
        let (ethernet, rest) = Ethernet::parse(frame).unwrap();
        let (mut text, mut ethertype, mut rest) = (ethernet.to_string(), ethernet.ethertype, rest);
        if ethertype.is_vlan() {
            let (tag, inner) = VlanTag::parse(rest).unwrap();
            text += &format!("; vlan {}", tag.vid);
            (ethertype, rest) = (tag.ethertype, inner);
        }
        let (pseudo, proto, body) = if ethertype == EtherType::IPV4 {
            let (ip, body) = Ipv4::parse(rest).unwrap();
            text += &format!("; {ip}");
            (Pseudo::V4(ip.src, ip.dst), ip.proto, body)
        } else {
            let (ip, body) = Ipv6::parse(rest).unwrap();
            text += &format!("; {ip}");
            (Pseudo::V6(ip.src, ip.dst), ip.next_header, body)
        };
        let sum = match proto {
            IpProto::ICMP => packet::checksum::internet(body),
            IpProto::SCTP => 0,
            // A right sum gives zero, which UDP writes as all ones.
            IpProto::UDP => !pseudo.checksum(proto, body),
            _ => pseudo.checksum(proto, body),
        };
        assert_eq!(sum, 0, "the checksum of {proto}");
        text += "; ";
        text += &match proto {
            IpProto::ICMP => {
                let (icmp, quote) = packet::Icmp4::parse(body).unwrap();
                format!("{icmp}, data {:?}, {} octets quoted", icmp.data, quote.len())
            }
            IpProto::ICMP6 => {
                let (icmp, quote) = packet::Icmp6::parse(body).unwrap();
                format!("{icmp}, data {:?}, {} octets quoted", icmp.data, quote.len())
            }
            IpProto::TCP => packet::Tcp::parse(body).unwrap().0.to_string(),
            IpProto::SCTP => {
                let (sctp, chunks) = packet::Sctp::parse(body).unwrap();
                assert_eq!(sctp.with_checksum(chunks).checksum, sctp.checksum);
                format!("{sctp}, chunks {chunks:?}")
            }
            IpProto::UDP => packet::Udp::parse(body).unwrap().0.to_string(),
            other => other.to_string(),
        };
        text
    }
}

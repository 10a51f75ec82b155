//! Tunnel packets as frames of the fabric, and back.

use std::net::IpAddr;

use datapath::TunnelPacket;
use packet::{EtherType, Ethernet, IpProto, Ipv4, Ipv6, MacAddr, Malformed, Pseudo, Udp};

use super::ChassisId;

/// The Ethernet address of a chassis on the fabric.
fn address(id: ChassisId) -> MacAddr {
    let [.., high, low] = id.0.to_be_bytes();
    MacAddr([2, 0, 0, 2, high, low])
}

/// The frames of a tunnel packet, one for each datagram in it; none when its ends are of two families.
pub(super) fn frames((from, src): (ChassisId, IpAddr), to: ChassisId, packet: &TunnelPacket) -> Vec<Vec<u8>> {
    let Some(pseudo) = Pseudo::new(src, packet.remote) else { return Vec::new() };
    let one = |payload: &[u8]| {
        let mut out = Vec::with_capacity(64 + payload.len());
        let mut udp = Udp::for_payload(packet.source_port, packet.destination_port, pseudo, payload);
        if !packet.checksum {
            udp.checksum = 0;
        }
        let ethernet = |ethertype| Ethernet { dst: address(to), src: address(from), ethertype };
        match (src, packet.remote) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                ethernet(EtherType::IPV4).emit(&mut out);
                Ipv4::new(src, dst, IpProto::UDP, udp.len).emit(&mut out);
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                ethernet(EtherType::IPV6).emit(&mut out);
                Ipv6::new(src, dst, IpProto::UDP, udp.len).emit(&mut out);
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
        }
        udp.emit(&mut out);
        out.extend(payload);
        Some(out)
    };
    packet.datagrams().filter_map(one).collect()
}

/// A tunnel datagram as it arrives.
pub(super) struct Arrived<'a> {
    pub(super) from: IpAddr,
    pub(super) to: IpAddr,
    pub(super) port: u16,
    pub(super) payload: &'a [u8],
}

/// Reads a frame of the fabric that chassis `id` receives; none if it is for somebody else or is no UDP.
pub(super) fn read(id: ChassisId, frame: &[u8]) -> Result<Option<Arrived<'_>>, Malformed> {
    let (ethernet, rest) = Ethernet::parse(frame)?;
    if ethernet.dst != address(id) {
        return Ok(None);
    }
    let (from, to, proto, rest): (IpAddr, IpAddr, _, _) = match ethernet.ethertype {
        EtherType::IPV4 => {
            let (ip, rest) = Ipv4::parse(rest)?;
            (ip.src.into(), ip.dst.into(), ip.proto, rest)
        }
        EtherType::IPV6 => {
            let (ip, rest) = Ipv6::parse(rest)?;
            (ip.src.into(), ip.dst.into(), ip.next_header, rest)
        }
        _ => return Ok(None),
    };
    if proto != IpProto::UDP {
        return Ok(None);
    }
    let (udp, payload) = Udp::parse(rest)?;
    Ok(Some(Arrived { from, to, port: udp.dst, payload }))
}

//! `sctp_abort { ... }`: ends an association (RFC 9260 sections 3.3.7 and 8.4).

use openflow::PacketIn2;
use packet::{Cursor, IpProto, Malformed, Sctp};

use super::ip::{Ends, IpPacket};
use super::{Reaction, send_instead};

const HOP_LIMIT: u8 = 63;
const INIT: u8 = 1;
const ABORT: u8 = 6;
/// The verification tag is the sender's own: its peer has none that we know.
const REFLECTED: u8 = 1;

/// The abort goes between the packet's ends as they are; the nested actions turn them.
pub(super) fn react(packet: &PacketIn2, actions: &[u8]) -> Reaction {
    let Some(ip) = IpPacket::parse(&packet.packet) else { return Reaction::Malformed };
    answer(packet, actions, &ip, ip.ends)
}

/// The abort goes from and to `ends`. Another abort is not answered.
pub(super) fn answer(packet: &PacketIn2, actions: &[u8], ip: &IpPacket<'_>, ends: Ends) -> Reaction {
    let read = (ip.upper == IpProto::SCTP).then(|| abort(ip.body));
    let body = match read {
        None | Some(Err(_)) => return Reaction::Malformed,
        Some(Ok(None)) => return Reaction::Nothing,
        Some(Ok(Some(body))) => body,
    };
    let out =
        ends.frame(IpProto::SCTP, HOP_LIMIT, &body).and_then(|frame| send_instead(packet, frame, actions));
    out.map_or(Reaction::Nothing, Reaction::Send)
}

/// What answers `octets`, which are an SCTP packet: nothing if they abort themselves.
fn abort(octets: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
    let (header, chunks) = Sctp::parse(octets)?;
    let mut c = Cursor::new("sctp chunk", chunks);
    let [kind, _flags] = c.array()?;
    let _length = c.u16()?;
    if kind == ABORT {
        return Ok(None);
    }
    // Whoever begins says by which tag it wants to be addressed.
    let (verification_tag, flags) = if kind == INIT {
        let initiate_tag = c.u32()?;
        c.take(12)?;
        if header.verification_tag == 0 { (initiate_tag, 0) } else { (header.verification_tag, REFLECTED) }
    } else {
        (header.verification_tag, REFLECTED)
    };
    let chunk = [ABORT, flags, 0, 4];
    let mut body = Vec::with_capacity(Sctp::LEN + chunk.len());
    let header = Sctp { src: header.dst, dst: header.src, verification_tag, checksum: 0 };
    header.with_checksum(&chunk).emit(&mut body);
    body.extend(chunk);
    Ok(Some(body))
}

#[cfg(test)]
mod tests {
    use super::super::ip::testing::{describe, ends, hex, packet_in};
    use super::*;

    fn said(text: &str) -> String {
        let frame = ends(false).frame(IpProto::SCTP, 64, &hex(text)).unwrap();
        match react(&packet_in(frame, Vec::new()), &[]) {
            Reaction::Send(out) => describe(&out.packet),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_tag_is_the_one_that_the_sender_knows() {
        let init = "8007 1389 00000000 00000000 01000014 01020304 0001a000 000a000a 00000005";
        insta::assert_snapshot!(said(init), @"02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4; IP 10.0.0.1 > 10.0.0.2, SCTP, ttl 63, length 16; 5001 > 32775: sctp, tag 0x01020304, chunks [6, 0, 0, 4]");
        insta::assert_snapshot!(said("8007 1389 0a0b0c0d 00000000 00000010"), @"02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4; IP 10.0.0.1 > 10.0.0.2, SCTP, ttl 63, length 16; 5001 > 32775: sctp, tag 0x0a0b0c0d, chunks [6, 1, 0, 4]");
        insta::assert_snapshot!(said("8007 1389 0a0b0c0d 00000000 06000004"), @"Nothing");
        insta::assert_snapshot!(said(&init[..52]), @"Malformed");
        insta::assert_snapshot!(said("8007 1389 0a0b0c0d 00000000"), @"Malformed");
    }
}

//! Helpers: protocols that announce further connections, and say addresses in their messages.

use std::net::IpAddr;

use packet::key::Layout;
use packet::{Frame, IpProto, Pseudo, checksum};

use super::conn::{Conn, Side};
use super::expect::Expected;
use super::ftp::{self, Announced, Message};
use super::key::{Addr, ConnKey, tcp_header_len};
use crate::handover::kept;

/// A protocol that is looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Helper {
    Ftp,
    Tftp,
}

kept!(Helper => Ftp, Tftp);

impl Helper {
    /// By the port that the `alg` of a `ct` action says.
    pub(crate) fn from_port(port: u16) -> Option<Self> {
        match port {
            21 => Some(Self::Ftp),
            69 => Some(Self::Tftp),
            _ => None,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ftp => "ftp",
            Self::Tftp => "tftp",
        }
    }

    /// Whether connections of a protocol can have it.
    pub(super) fn fits(self, proto: IpProto) -> bool {
        match self {
            Self::Ftp => proto == IpProto::TCP,
            Self::Tftp => proto == IpProto::UDP,
        }
    }
}

/// By how much one direction's sequence numbers were moved, as its messages grew or shrank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Skew {
    /// The direction that was rewritten.
    pub reply: bool,
    /// Before the last rewritten message, and from its end on.
    before: i32,
    after: i32,
    /// The last number, as its sender counts, that is not moved by `after`.
    at: u32,
}

kept!(Skew { reply, before, after, at });

impl Skew {
    fn is_zero(&self) -> bool {
        self.before == 0 && self.after == 0
    }

    /// By how much to move a number that its sender counts so.
    fn of(&self, sequence: u32) -> i32 {
        if sequence.wrapping_sub(self.at) as i32 > 0 { self.after } else { self.before }
    }

    /// By how much a number was moved that the receiver acknowledges so.
    fn of_acknowledged(&self, number: u32) -> i32 {
        let unmoved = number.wrapping_sub(self.after as u32);
        if unmoved.wrapping_sub(self.at) as i32 > 0 { self.after } else { self.before }
    }

    /// A message at `sequence` grew by `octets`.
    fn grow(&mut self, reply: bool, sequence: u32, octets: i32) {
        // Sent again, a message grows again, but not what follows it.
        let is_news = self.is_zero() || sequence.wrapping_sub(self.at) as i32 > 0;
        if octets != 0 && is_news {
            *self =
                Self { reply, before: self.after, after: self.after.saturating_add(octets), at: sequence };
        }
    }

    /// Moves the sequence number or the acknowledgement of a segment of one direction.
    pub(super) fn apply(&self, frame: &mut [u8], layout: &Layout, reply: bool) {
        let at = layout.l4_at as usize;
        let Some(header) = frame.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<20>()) else { return };
        let place = if reply == self.reply { 4 } else { 8 };
        let Some(field) = header[place..].first_chunk::<4>() else { return };
        let old = u32::from_be_bytes(*field);
        let new = if reply == self.reply {
            old.wrapping_add_signed(self.of(old))
        } else {
            old.wrapping_sub(self.of_acknowledged(old) as u32)
        };
        if self.is_zero() || old == new {
            return;
        }
        header[place..place + 4].copy_from_slice(&new.to_be_bytes());
        if layout.partial {
            // The sum is only over the pseudo header yet.
            return;
        }
        let sum = u16::from_be_bytes([header[16], header[17]]);
        let sum = checksum::update(sum, &old.to_be_bytes(), &new.to_be_bytes());
        header[16..18].copy_from_slice(&sum.to_be_bytes());
    }
}

/// What a message of a connection with a helper brings about.
#[derive(Debug)]
pub(super) enum Finding {
    Nothing,
    /// It is wrong, or says an address that is not the sender's: the packet is invalid.
    Wrong,
    /// A connection of this key (but for its source port) is to be expected, and the message
    /// says this address instead, in this place of the payload.
    Expect {
        key: ConnKey,
        expected: Expected,
        rewrite: Option<(std::ops::Range<usize>, String)>,
    },
}

/// Looks into a packet of a connection that has a helper.
pub(super) fn look(helper: Helper, conn: &Conn, frame: &[u8], layout: &Layout, reply: bool) -> Finding {
    match helper {
        // The request; what answers comes from another port.
        Helper::Tftp if !reply => expect(conn, false, conn.reply_key.dst_port, conn.key.src_port, None),
        Helper::Tftp => Finding::Nothing,
        Helper::Ftp => {
            let segment = &frame[layout.l4_at as usize..layout.l3_end as usize];
            let payload = segment.get(tcp_header_len(segment)..).unwrap_or_default();
            match ftp::read(payload, reply) {
                Message::Other => Finding::Nothing,
                Message::Malformed => Finding::Wrong,
                Message::Announces(announced) => ftp_expect(conn, payload, &announced, reply),
            }
        }
    }
}

fn ftp_expect(conn: &Conn, payload: &[u8], announced: &Announced, reply: bool) -> Finding {
    // The sender's address as it says it, and as the other end knows it.
    let (own, known) =
        if reply { (conn.reply_key.src, conn.key.dst) } else { (conn.key.src, conn.reply_key.dst) };
    let (own, known) = (own.ip(conn.key.v6), known.ip(conn.key.v6));
    let mut rewrite = None;
    if let Some((address, place)) = &announced.address {
        // Data for third parties is how servers are made to attack them.
        if *address != own && *address != known {
            return Finding::Wrong;
        }
        if *address != known {
            let with_commas = payload.get(place.clone()).is_some_and(|text| text.contains(&b','));
            rewrite = Some((place.clone(), ftp::write(known, with_commas)));
        }
    }
    expect(conn, reply, announced.port, announced.port, rewrite)
}

/// The connection that the other end will open, to a port that `reply`'s sender has as `inside`.
fn expect(
    conn: &Conn,
    reply: bool,
    port: u16,
    inside: u16,
    rewrite: Option<(std::ops::Range<usize>, String)>,
) -> Finding {
    // It goes as the packets of the other direction do, and is translated as they are.
    let way = if reply { conn.key } else { conn.reply_key };
    let (src, dst) =
        if reply { (conn.reply_key.dst, conn.reply_key.src) } else { (conn.key.dst, conn.key.src) };
    let nat = match conn.nat {
        None => None,
        Some(_) if dst != way.dst || inside != port => Some((Side::Destination, dst, inside)),
        Some(_) if src != way.src => Some((Side::Source, src, port)),
        Some(_) => None,
    };
    let key = ConnKey { src_port: 0, dst_port: port, ..way };
    let expected = Expected { parent: conn.key, mark: conn.mark, label: conn.label, nat };
    Finding::Expect { key, expected, rewrite }
}

/// The reply key of an expected connection.
pub(super) fn reply_key(key: &ConnKey, nat: Option<(Side, Addr, u16)>) -> ConnKey {
    let reply = key.reversed();
    match nat {
        None => reply,
        Some((Side::Source, addr, _)) => ConnKey { dst: addr, ..reply },
        Some((Side::Destination, addr, port)) => ConnKey { src: addr, src_port: port, ..reply },
    }
}

/// Replaces a part of a TCP segment's payload. Lengths and checksums are made right. By how many
/// octets it grew, or `None` if it would be longer than a packet can be.
pub(super) fn replace(
    frame: &mut Frame,
    layout: &Layout,
    place: std::ops::Range<usize>,
    text: &str,
) -> Option<i32> {
    let (l3, l4, end) = (layout.l3_at as usize, layout.l4_at as usize, layout.l3_end as usize);
    let start = l4 + tcp_header_len(frame.get(l4..)?.get(..20)?);
    // Padding of the link layer is left behind.
    let packet = frame.get(..end)?;
    let mut octets = Vec::with_capacity(end + text.len());
    octets.extend_from_slice(packet.get(..start + place.start)?);
    octets.extend_from_slice(text.as_bytes());
    octets.extend_from_slice(packet.get(start + place.end..)?);
    let v6 = packet.get(l3)? >> 4 == 6;
    let len = octets.len() - l3 - if v6 { 40 } else { 0 };
    let len = u16::try_from(len).ok()?.to_be_bytes();
    let address = |at: usize, len: usize| -> Option<IpAddr> {
        let octets = packet.get(l3 + at..l3 + at + len)?;
        Some(match len {
            4 => <[u8; 4]>::try_from(octets).ok()?.into(),
            _ => <[u8; 16]>::try_from(octets).ok()?.into(),
        })
    };
    let pseudo = if v6 {
        octets[l3 + 4..l3 + 6].copy_from_slice(&len);
        Pseudo::new(address(8, 16)?, address(24, 16)?)
    } else {
        octets[l3 + 2..l3 + 4].copy_from_slice(&len);
        octets[l3 + 10..l3 + 12].fill(0);
        let sum = checksum::internet(&octets[l3..l4]);
        octets[l3 + 10..l3 + 12].copy_from_slice(&sum.to_be_bytes());
        Pseudo::new(address(12, 4)?, address(16, 4)?)
    };
    octets[l4 + 16..l4 + 18].fill(0);
    let sum = pseudo?.checksum(IpProto::TCP, &octets[l4..]);
    octets[l4 + 16..l4 + 18].copy_from_slice(&sum.to_be_bytes());
    let grown = octets.len() as i32 - end as i32;
    *frame = Frame::copy_from(&octets);
    Some(grown)
}

/// Notes that a message at `sequence` grew.
pub(super) fn note_growth(conn: &mut Conn, reply: bool, sequence: u32, octets: i32) {
    if let Some(extra) = &mut conn.extra {
        extra.skew.grow(reply, sequence, octets);
    }
}

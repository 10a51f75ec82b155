//! What FTP's control connection says of data connections (RFC 959, RFC 2428).
//!
//! ```text
//! client: PORT 10,0,0,1,4,210        server: 227 Entering Passive Mode (10,0,0,2,4,210)
//! client: EPRT |2|fd00::1|1234|      server: 229 Entering Extended Passive Mode (|||1234|)
//! ```
//! A message that is cut, or says an address or port that cannot be, is no announcement.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

/// Who will open the data connection, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Announced {
    /// The address that was said, and its place in the message; `EPSV` says none.
    pub address: Option<(IpAddr, Range<usize>)>,
    /// Never 0.
    pub port: u16,
}

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// It says nothing of data connections.
    Other,
    /// It begins as one that does, and is wrong.
    Malformed,
    Announces(Announced),
}

/// A message longer than this announces nothing: the longest that does has 70 octets.
const MESSAGE_LEN_MAX: usize = 128;

/// Reads a message of the server, or of the client.
pub(super) fn read(payload: &[u8], server: bool) -> Message {
    let line = &payload[..payload.len().min(MESSAGE_LEN_MAX)];
    let starts =
        |prefix: &str| line.get(..prefix.len()).is_some_and(|s| s.eq_ignore_ascii_case(prefix.as_bytes()));
    let announced = match server {
        false if starts("PORT ") => commas(line, 5),
        false if starts("EPRT ") => extended(line, 5),
        true if starts("227 ") => commas(line, 4),
        true if starts("229 ") => {
            let open = line.iter().position(|octet| *octet == b'(');
            open.and_then(|open| extended(line, open + 1))
        }
        true | false => return Message::Other,
    };
    announced.map_or(Message::Malformed, Message::Announces)
}

/// Six numbers between commas, the first digit after `from` begins them.
fn commas(line: &[u8], from: usize) -> Option<Announced> {
    let start = from + line.get(from..)?.iter().position(u8::is_ascii_digit)?;
    let mut numbers = [0_u8; 6];
    let mut at = start;
    let mut address_end = start;
    for (which, number) in numbers.iter_mut().enumerate() {
        if which > 0 {
            (line.get(at) == Some(&b',')).then_some(())?;
            at += 1;
        }
        let digits = digits_at(line, at);
        *number = digits.parse().ok()?;
        at += digits.len();
        if which == 3 {
            address_end = at;
        }
    }
    ends(line, at)?;
    let [a, b, c, d, high, low] = numbers;
    let address = Some((Ipv4Addr::new(a, b, c, d).into(), start..address_end));
    let port = u16::from_be_bytes([high, low]);
    (port != 0).then_some(Announced { address, port })
}

/// Family, address and port between delimiters; the server leaves the first two empty.
fn extended(line: &[u8], from: usize) -> Option<Announced> {
    let delimiter =
        *line.get(from).filter(|octet| octet.is_ascii_graphic() && !octet.is_ascii_alphanumeric())?;
    let mut fields = Vec::with_capacity(3);
    let mut at = from + 1;
    for _ in 0..3 {
        let len = line.get(at..)?.iter().position(|octet| *octet == delimiter)?;
        fields.push(at..at + len);
        at += len + 1;
    }
    let text = |range: &Range<usize>| std::str::from_utf8(&line[range.clone()]).ok();
    let [family, address, port] = fields.try_into().ok()?;
    let port: u16 = text(&port)?.parse().ok().filter(|port| *port != 0)?;
    let ip = match text(&family)? {
        "" if address.is_empty() => None,
        "1" => Some(text(&address)?.parse::<Ipv4Addr>().ok()?.into()),
        "2" => Some(text(&address)?.parse::<std::net::Ipv6Addr>().ok()?.into()),
        _ => return None,
    };
    Some(Announced { address: ip.map(|ip| (ip, address)), port })
}

fn digits_at(line: &[u8], at: usize) -> &str {
    let rest = line.get(at..).unwrap_or_default();
    let len = rest.iter().take_while(|octet| octet.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..len]).unwrap_or_default()
}

/// A number ends with the message's line, not with the segment: more digits might follow in the next.
fn ends(line: &[u8], at: usize) -> Option<()> {
    line.get(at).map(|_| ())
}

/// An address as a message of this kind says it.
pub(super) fn write(address: IpAddr, with_commas: bool) -> String {
    let text = address.to_string();
    if with_commas { text.replace('.', ",") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str, server: bool) -> String {
        match read(line.as_bytes(), server) {
            Message::Other => "other".to_owned(),
            Message::Malformed => "malformed".to_owned(),
            Message::Announces(Announced { address: None, port }) => format!("{port}"),
            Message::Announces(Announced { address: Some((ip, at)), port }) => {
                format!("{ip} {port} ({})", &line[at])
            }
        }
    }

    #[test]
    fn announcements_are_read() {
        for (line, server, expected) in [
            ("PORT 10,0,0,1,4,210\r\n", false, "10.0.0.1 1234 (10,0,0,1)"),
            ("port 10,0,0,1,255,255\r\n", false, "10.0.0.1 65535 (10,0,0,1)"),
            ("227 Entering Passive Mode (10,0,0,2,0,21).\r\n", true, "10.0.0.2 21 (10,0,0,2)"),
            ("227 =10,0,0,2,0,21\r\n", true, "10.0.0.2 21 (10,0,0,2)"),
            ("EPRT |1|10.0.0.1|1234|\r\n", false, "10.0.0.1 1234 (10.0.0.1)"),
            ("EPRT !2!fd00::1!1234!\r\n", false, "fd00::1 1234 (fd00::1)"),
            ("229 Entering Extended Passive Mode (|||1234|)\r\n", true, "1234"),
            ("PORT 10,0,0,1,4,210\r\n", true, "other"),
            ("227 (10,0,0,1,4,210)\r\n", false, "other"),
            ("USER x\r\n", false, "other"),
            ("PORT 10,0,0,1,4,210", false, "malformed"),
            ("PORT 10,0,0,1,4,256\r\n", false, "malformed"),
            ("PORT 10,0,0,1,0,0\r\n", false, "malformed"),
            ("PORT 10,0,0,1,4\r\n", false, "malformed"),
            ("PORT \r\n", false, "malformed"),
            ("EPRT |3|10.0.0.1|1234|\r\n", false, "malformed"),
            ("EPRT |1|10.0.0.1|99999|\r\n", false, "malformed"),
            ("EPRT |2|10.0.0.1|1234|\r\n", false, "malformed"),
            ("EPRT |1|10.0.0.1|1234", false, "malformed"),
            ("229 no ports\r\n", true, "malformed"),
        ] {
            assert_eq!(said(line, server), expected, "{line:?}");
        }
    }

    /// CVE-2026-34956: a message of more than 255 octets.
    #[test]
    fn messages_of_every_length_are_read_or_refused() {
        for len in (0..300).chain([65_535]) {
            for (line, server) in [("PORT ", false), ("EPRT |2|", false), ("229 (", true), ("227 ", true)] {
                for fill in ["1", ",", "1,", "|", "|1", ":", "f:"] {
                    let text = format!("{line}{}", fill.repeat(len));
                    read(text.as_bytes(), server);
                }
            }
        }
    }
}

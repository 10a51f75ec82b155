//! A ping's books: which echo requests went out, which answers came back, what was lost. Pure.

use packet::{Icmp4, Icmp6, IpProto, Ipv4};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Requests without an answer that are remembered; beyond this the oldest counts as lost.
pub const WAITING_MAX: usize = 65_536;
/// Lost requests of which the time is remembered.
const LOST_REMEMBERED: usize = 1000;

/// The books of one ping.
#[derive(Clone, Debug)]
pub struct Books {
    identifier: u16,
    /// An answer later than this counts as none.
    patience: Duration,
    began: Instant,
    next: u64,
    waiting: BTreeMap<u64, Instant>,
    /// Lost ones whose answer may still come.
    given_up: BTreeSet<u64>,
    pub report: Report,
}

/// What a ping has seen.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Report {
    pub sent: u64,
    pub received: u64,
    /// Answers to requests that had their answer already.
    pub duplicates: u64,
    pub lost: u64,
    /// Of the lost ones, those whose answer came too late.
    pub late: u64,
    /// When the first lost ones were sent, in milliseconds since the ping began.
    pub lost_at_ms: Vec<f64>,
    pub rtt_min_us: u64,
    pub rtt_max_us: u64,
    pub rtt_sum_us: u64,
    /// Answers in a row, up to now.
    pub in_a_row: u64,
}

impl Report {
    /// Mean round trip time in microseconds; 0 without an answer.
    pub fn rtt_mean_us(&self) -> u64 {
        self.rtt_sum_us.checked_div(self.received).unwrap_or(0)
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} sent, {} answered", self.sent, self.received)?;
        if self.lost > 0 {
            let times: Vec<String> = self.lost_at_ms.iter().take(5).map(|ms| format!("{ms:.0}")).collect();
            let more = if self.lost > 5 { ".." } else { "" };
            write!(f, ", {} lost (sent after {}{more} ms)", self.lost, times.join(", "))?;
        }
        if self.late > 0 {
            write!(f, ", {} of them only late", self.late)?;
        }
        if self.duplicates > 0 {
            write!(f, ", {} twice", self.duplicates)?;
        }
        if self.received > 0 {
            let (min, mean, max) = (self.rtt_min_us, self.rtt_mean_us(), self.rtt_max_us);
            write!(f, ", round trip {min}/{mean}/{max} us")?;
        }
        Ok(())
    }
}

/// What marks our requests among others with the same identifier.
const MAGIC: &[u8; 8] = b"sandping";

impl Books {
    /// New books; `identifier` tells this ping's answers from those of others in the same namespace.
    pub fn new(identifier: u16, patience: Duration, now: Instant) -> Self {
        Self {
            identifier,
            patience,
            began: now,
            next: 0,
            waiting: BTreeMap::new(),
            given_up: BTreeSet::new(),
            report: Report::default(),
        }
    }

    /// The next request as an ICMP message, `size` octets after the header (at least 16).
    pub fn request(&mut self, to: IpAddr, size: usize, now: Instant) -> Vec<u8> {
        let sequence = self.next;
        self.next += 1;
        self.report.sent += 1;
        self.waiting.insert(sequence, now);
        if self.waiting.len() > WAITING_MAX
            && let Some((oldest, sent)) = self.waiting.pop_first()
        {
            self.lose(oldest, sent);
        }
        let mut body = MAGIC.to_vec();
        body.extend(sequence.to_be_bytes());
        body.resize(size.max(16), 0xa5);
        let [a, b] = self.identifier.to_be_bytes();
        let [c, d] = (sequence as u16).to_be_bytes();
        let data = [a, b, c, d];
        let mut out = Vec::new();
        match to {
            IpAddr::V4(_) => {
                Icmp4 { ty: Icmp4::ECHO_REQUEST, code: 0, checksum: 0, data }
                    .with_checksum(&body)
                    .emit(&mut out);
            }
            // The kernel fills in the checksum of ICMPv6.
            IpAddr::V6(_) => Icmp6 { ty: Icmp6::ECHO_REQUEST, code: 0, checksum: 0, data }.emit(&mut out),
        }
        out.extend(body);
        out
    }

    /// What a raw socket received: for IPv4 with the header, for IPv6 without. True when it answers a request of
    /// ours.
    pub fn answer(&mut self, from: IpAddr, octets: &[u8], now: Instant) -> bool {
        match from {
            IpAddr::V4(_) => match Ipv4::parse(octets) {
                Ok((ip, message)) if ip.proto == IpProto::ICMP => self.answer_message(from, message, now),
                Ok(_) | Err(_) => false,
            },
            IpAddr::V6(_) => self.answer_message(from, octets, now),
        }
    }

    /// The same for what comes without a header.
    pub fn answer_message(&mut self, from: IpAddr, message: &[u8], now: Instant) -> bool {
        let Some(sequence) = self.sequence_of(from, message) else { return false };
        let Some(sent) = self.waiting.remove(&sequence) else {
            if self.given_up.remove(&sequence) {
                self.report.late += 1;
            } else if sequence < self.next {
                self.report.duplicates += 1;
            }
            return false;
        };
        let rtt = now.saturating_duration_since(sent);
        if rtt > self.patience {
            self.lose(sequence, sent);
            self.given_up.remove(&sequence);
            self.report.late += 1;
            return false;
        }
        let us = rtt.as_micros() as u64;
        let report = &mut self.report;
        report.rtt_min_us = if report.received == 0 { us } else { report.rtt_min_us.min(us) };
        report.rtt_max_us = report.rtt_max_us.max(us);
        report.rtt_sum_us += us;
        report.received += 1;
        report.in_a_row += 1;
        true
    }

    /// Requests that have waited too long are lost.
    pub fn expire(&mut self, now: Instant) {
        while let Some((&sequence, &sent)) = self.waiting.first_key_value() {
            if now.saturating_duration_since(sent) <= self.patience {
                return;
            }
            self.waiting.remove(&sequence);
            self.lose(sequence, sent);
        }
    }

    /// Requests that may still be answered.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// When the oldest of them is given up.
    pub fn patience_ends(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|(_, sent)| *sent + self.patience)
    }

    fn lose(&mut self, sequence: u64, sent: Instant) {
        self.given_up.insert(sequence);
        if self.given_up.len() > WAITING_MAX {
            self.given_up.pop_first();
        }
        self.report.lost += 1;
        self.report.in_a_row = 0;
        if self.report.lost_at_ms.len() < LOST_REMEMBERED {
            self.report.lost_at_ms.push(sent.saturating_duration_since(self.began).as_secs_f64() * 1e3);
        }
    }

    fn sequence_of(&self, from: IpAddr, octets: &[u8]) -> Option<u64> {
        let (is_reply, data, body) = match from {
            IpAddr::V4(_) => {
                let (icmp, body) = Icmp4::parse(octets).ok()?;
                (icmp.ty == Icmp4::ECHO_REPLY, icmp.data, body)
            }
            IpAddr::V6(_) => {
                let (icmp, body) = Icmp6::parse(octets).ok()?;
                (icmp.ty == Icmp6::ECHO_REPLY, icmp.data, body)
            }
        };
        let mine = u16::from_be_bytes([data[0], data[1]]) == self.identifier && body.starts_with(MAGIC);
        (is_reply && mine).then(|| body.get(8..16)?.try_into().ok().map(u64::from_be_bytes))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TO: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    /// The answer to a request, as a raw socket gives it.
    fn reply(request: &[u8]) -> Vec<u8> {
        let (_, body) = Icmp4::parse(request).unwrap();
        let (mut icmp, _) = Icmp4::parse(request).unwrap();
        icmp.ty = Icmp4::ECHO_REPLY;
        let me = "10.0.0.1".parse().unwrap();
        let IpAddr::V4(to) = TO else { unreachable!() };
        let mut out = Vec::new();
        Ipv4::new(to, me, IpProto::ICMP, request.len() as u16).emit(&mut out);
        icmp.with_checksum(body).emit(&mut out);
        out.extend(body);
        out
    }

    #[test]
    fn answers_duplicates_and_losses_are_counted() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut books = Books::new(7, Duration::from_millis(100), start);
        let requests: Vec<_> = (0..4).map(|i| books.request(TO, 56, at(i * 10))).collect();
        assert!(books.answer(TO, &reply(&requests[0]), at(2)));
        assert!(books.answer(TO, &reply(&requests[1]), at(14)));
        assert!(!books.answer(TO, &reply(&requests[1]), at(15)), "the second answer to one request");
        assert!(!books.answer(TO, &reply(&requests[2]), at(200)), "too late");
        books.expire(at(131));
        let text = "4 sent, 2 answered, 2 lost (sent after 20, 30 ms), 1 of them only late, 1 twice, round trip 2000/3000/4000 us";
        assert_eq!(books.report.to_string(), text);
        assert_eq!(books.waiting(), 0);
    }

    #[test]
    fn other_traffic_is_not_taken_for_answers() {
        let now = Instant::now();
        let mut books = Books::new(7, Duration::from_secs(1), now);
        let request = books.request(TO, 0, now);
        assert!(!books.answer(TO, &request, now));
        assert!(!books.answer(TO, &[], now));
        let other = Books::new(8, Duration::from_secs(1), now).request(TO, 56, now);
        assert!(!books.answer(TO, &reply(&other), now));
        assert_eq!(books.report.received, 0);
        assert!(books.answer(TO, &reply(&request), now));
    }

    #[test]
    fn memory_is_bounded() {
        let now = Instant::now();
        let mut books = Books::new(7, Duration::from_secs(1), now);
        for _ in 0..WAITING_MAX + 5 {
            books.request(TO, 0, now);
        }
        assert_eq!((books.waiting(), books.report.lost), (WAITING_MAX, 5));
    }
}

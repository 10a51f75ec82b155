//! Traffic from one guest to another, and its books: datagrams at a rate, each of which counts, and a connection that is
//! to stay, whose other end says back whatever it hears. Pure.

use std::net::IpAddr;
use std::time::Duration;

/// Between two words on the connection.
pub const WORD_EVERY: Duration = Duration::from_millis(10);
/// Longer a connection is not waited for, nor datagrams and words that are still on their way at the end.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Datagrams that are told apart; a traffic that sends more ends there.
const NUMBERS_MAX: u64 = 10_000_000;

/// What goes from where to where.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Address of who sends.
    pub from: IpAddr,
    /// Address of who receives.
    pub to: IpAddr,
    /// Datagrams a second.
    pub rate: u64,
    /// Octets of a datagram's payload, at least 8.
    pub size: usize,
}

impl Plan {
    /// How many datagrams are to be sent so long after the beginning.
    pub fn due(&self, after: Duration) -> u64 {
        let due = after.as_micros() * u128::from(self.rate) / 1_000_000;
        u64::try_from(due).unwrap_or(u64::MAX).min(NUMBERS_MAX)
    }

    /// The payload of a datagram.
    pub fn datagram(&self, number: u64) -> Vec<u8> {
        let mut octets = number.to_be_bytes().to_vec();
        octets.resize(self.size.max(8), 0xa5);
        octets
    }
}

/// Datagrams that have arrived.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    seen: Vec<bool>,
    pub received: u64,
    pub twice: u64,
}

impl Arrivals {
    /// One has arrived. What none of ours can be is not counted.
    pub fn note(&mut self, datagram: &[u8]) {
        let number = datagram.first_chunk().map(|octets| u64::from_be_bytes(*octets));
        let Some(number) = number.filter(|number| *number < NUMBERS_MAX) else { return };
        let place = number as usize;
        if self.seen.len() <= place {
            self.seen.resize(place + 1, false);
        }
        match std::mem::replace(&mut self.seen[place], true) {
            true => self.twice += 1,
            false => self.received += 1,
        }
    }

    /// The first of the datagrams below `sent` that have not arrived.
    fn missing(&self, sent: u64) -> Vec<u64> {
        (0..sent).filter(|n| !self.seen.get(*n as usize).is_some_and(|seen| *seen)).take(5).collect()
    }
}

/// What is said on the connection: numbers, which must come back in order.
#[derive(Clone, Debug, Default)]
pub struct Speech {
    pub said: u64,
    pub echoed: u64,
    begun: Vec<u8>,
    /// Why it has ended before its time.
    pub broken: Option<String>,
}

impl Speech {
    /// The next word to say.
    pub fn word(&mut self) -> [u8; 8] {
        self.said += 1;
        self.said.to_be_bytes()
    }

    /// Something has come back.
    pub fn hear(&mut self, octets: &[u8]) {
        for octet in octets {
            self.begun.push(*octet);
            if let Ok(word) = <[u8; 8]>::try_from(self.begun.as_slice()) {
                self.begun.clear();
                self.echoed += 1;
                if u64::from_be_bytes(word) != self.echoed {
                    self.breaks("another word came back than was said");
                }
            }
        }
    }

    /// It has ended; the first reason counts.
    pub fn breaks(&mut self, why: impl Into<String>) {
        self.broken.get_or_insert_with(|| why.into());
    }

    /// Whether nothing is to come back any more.
    pub fn is_whole(&self) -> bool {
        self.echoed == self.said || self.broken.is_some()
    }
}

/// How it went.
#[derive(Clone, Debug)]
pub struct Report {
    pub sent: u64,
    pub arrivals: Arrivals,
    pub speech: Speech,
}

impl Report {
    /// Datagrams that have not arrived.
    pub fn lost(&self) -> u64 {
        self.sent.saturating_sub(self.arrivals.received)
    }

    /// What is wrong with the connection, if anything is.
    pub fn broken(&self) -> Option<String> {
        let Speech { said, echoed, broken, .. } = &self.speech;
        let silent =
            || (echoed < said).then(|| format!("{} of {said} words did not come back", said - echoed));
        broken.clone().or_else(silent)
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} sent, {} arrived", self.sent, self.arrivals.received)?;
        if self.lost() > 0 {
            let first: Vec<String> =
                self.arrivals.missing(self.sent).iter().map(|number| format!("#{number}")).collect();
            write!(f, ", {} lost ({}..)", self.lost(), first.join(", "))?;
        }
        if self.arrivals.twice > 0 {
            write!(f, ", {} twice", self.arrivals.twice)?;
        }
        match self.broken() {
            Some(why) => write!(f, "; the connection: {why}"),
            None => write!(f, "; {} words came back", self.speech.echoed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let here = "10.0.0.1".parse().unwrap();
        let plan = Plan { from: here, to: here, rate: 1000, size: 0 };
        assert_eq!(plan.due(Duration::from_micros(2500)), 2);
        let mut arrivals = Arrivals::default();
        for number in [0, 1, 3, 3] {
            arrivals.note(&plan.datagram(number));
        }
        arrivals.note(b"short");
        arrivals.note(&u64::MAX.to_be_bytes());
        let mut speech = Speech::default();
        let words = [speech.word(), speech.word()].concat();
        speech.hear(&words[..9]);
        let mut report = Report { sent: 5, arrivals, speech };
        let text =
            "5 sent, 3 arrived, 2 lost (#2, #4..), 1 twice; the connection: 1 of 2 words did not come back";
        assert_eq!(report.to_string(), text);
        report.speech.hear(&words[9..]);
        assert_eq!(report.broken(), None);
        report.speech.hear(&[0; 8]);
        assert_eq!(report.broken().unwrap(), "another word came back than was said");
    }
}

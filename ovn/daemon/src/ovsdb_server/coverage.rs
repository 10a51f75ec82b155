//! `coverage/show` and `coverage/read-counter`: what happened how often.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A client connected.
    SessionOpened,
    /// A client was dropped.
    SessionDropped,
    /// Bytes came from a client.
    BytesReceived,
    /// A message was sent to a client.
    MessageSent,
    /// A transaction changed a database that has a file.
    TransactionApplied,
    /// Records were written together.
    FileWritten,
    /// The system promised that what was written is on disk.
    FileSynced,
    /// Records could not be written.
    FileFailed,
    /// A file was compacted.
    FileCompacted,
    /// A transaction was forwarded to the source of a relay.
    Forwarded,
}

impl Event {
    const ALL: [Self; 10] = [
        Self::SessionOpened,
        Self::SessionDropped,
        Self::BytesReceived,
        Self::MessageSent,
        Self::TransactionApplied,
        Self::FileWritten,
        Self::FileSynced,
        Self::FileFailed,
        Self::FileCompacted,
        Self::Forwarded,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::SessionOpened => "session_opened",
            Self::SessionDropped => "session_dropped",
            Self::BytesReceived => "bytes_received",
            Self::MessageSent => "message_sent",
            Self::TransactionApplied => "transaction_applied",
            Self::FileWritten => "file_written",
            Self::FileSynced => "file_synced",
            Self::FileFailed => "file_failed",
            Self::FileCompacted => "file_compacted",
            Self::Forwarded => "forwarded",
        }
    }
}

type Totals = [u64; Event::ALL.len()];

/// How far apart samples are, about; but where nothing happened for longer there are none.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(5);
/// The time that rates go back at most.
const PAST_MAX: Duration = Duration::from_secs(3600);

/// The counts.
pub(super) struct Coverage {
    totals: Totals,
    /// What they were, oldest first: at most two for each [`SAMPLE_INTERVAL`] in [`PAST_MAX`].
    samples: VecDeque<(Instant, Totals)>,
    /// When something may have been counted last.
    ticked: Instant,
}

impl Coverage {
    /// Nothing has happened yet.
    pub(super) fn new(now: Instant) -> Self {
        Self { totals: Totals::default(), samples: VecDeque::from([(now, Totals::default())]), ticked: now }
    }

    /// To be called before what happens `now` is counted.
    pub(super) fn tick(&mut self, now: Instant) {
        let age = |taken: Instant| now.saturating_duration_since(taken);
        if age(self.ticked) >= SAMPLE_INTERVAL {
            // What was counted happened then, and nothing since.
            self.samples.push_back((self.ticked, self.totals));
        }
        if self.samples.back().is_none_or(|(taken, _)| age(*taken) >= SAMPLE_INTERVAL) {
            self.samples.push_back((now, self.totals));
        }
        // The last one of those that are too old says how it was all the time since.
        while self.samples.get(1).is_some_and(|(taken, _)| age(*taken) >= PAST_MAX) {
            self.samples.pop_front();
        }
        self.ticked = now;
    }

    /// Something has happened.
    pub(super) fn count(&mut self, event: Event) {
        self.totals[event as usize] += 1;
    }

    /// The reply to `coverage/show`.
    pub(super) fn show(&mut self, now: Instant) -> String {
        self.tick(now);
        let seen = Event::ALL.into_iter().filter(|event| self.totals[*event as usize] > 0);
        let seen: Vec<Event> = seen.collect();
        let mut hasher = DefaultHasher::new();
        for event in &seen {
            (event.name(), self.totals[*event as usize].ilog2()).hash(&mut hasher);
        }
        let mut text = format!(
            "Event coverage, avg rate over last: 5 seconds, last minute, last hour,  hash={:08x}:\n",
            hasher.finish() >> 32
        );
        for event in &seen {
            let rate = |seconds| self.rate(*event, Duration::from_secs(seconds), now);
            let (name, total) = (event.name(), self.totals[*event as usize]);
            let (last, minute, hour) = (rate(5), rate(60), rate(3600));
            let _ =
                writeln!(text, "{name:<24} {last:5.1}/sec {minute:9.3}/sec {hour:13.4}/sec   total: {total}");
        }
        let _ = writeln!(text, "{} events never hit", Event::ALL.len() - seen.len());
        text
    }

    /// How often an event happened, by its name.
    pub(super) fn read(&self, name: &str) -> Result<String, String> {
        let event = Event::ALL.into_iter().find(|event| event.name() == name);
        let total = event.map(|event| self.totals[event as usize]);
        total.map(|total| format!("{total}\n")).ok_or_else(|| "No such counter".to_owned())
    }

    /// How often a second something happened in a time that ends `now`.
    /// Samples are few enough to be looked through.
    fn rate(&self, event: Event, time: Duration, now: Instant) -> f64 {
        let before =
            self.samples.iter().rev().find(|(taken, _)| now.saturating_duration_since(*taken) >= time);
        let before = before.map_or(0, |(_, totals)| totals[event as usize]);
        (self.totals[event as usize] - before) as f64 / time.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    #[test]
    fn rates_are_those_of_the_last_seconds_minute_and_hour() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut coverage = Coverage::new(start);
        for second in 0..7200 {
            coverage.tick(at(second));
            coverage.count(Event::MessageSent);
            if second == 7100 {
                coverage.count(Event::Forwarded);
            }
        }
        assert!(coverage.samples.len() <= 722);
        let shown = coverage.show(at(7200));
        assert_snapshot!(shown.lines().skip(1).collect::<Vec<_>>().join("\n"), @r#"
    message_sent               1.0/sec     1.000/sec        1.0000/sec   total: 7200
    forwarded                  0.0/sec     0.000/sec        0.0003/sec   total: 1
    8 events never hit
    "#);
        // Then an hour of silence, in which nobody asks for a sample.
        let shown = coverage.show(at(10_800));
        assert_snapshot!(shown.lines().nth(1).unwrap_or_default(), @"message_sent               0.0/sec     0.000/sec        0.0000/sec   total: 7200");
        assert_eq!(coverage.read("message_sent"), Ok("7200\n".to_owned()));
        assert_eq!(coverage.read("nope"), Err("No such counter".to_owned()));
    }
}

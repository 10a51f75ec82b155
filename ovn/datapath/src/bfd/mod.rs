//! Bidirectional Forwarding Detection over ports: one session a port, which says whether the other end
//! of a tunnel still hears us (RFC 5880, asynchronous mode without echo, RFC 5881 for the addresses).
//!
//! A session is driven by packets and time: [`Session::receive`], [`Session::poll_timeout`],
//! [`Session::poll_transmit`]. It never goes up by itself, and it goes down when nothing was heard for
//! the other end's interval times its multiplier.

mod config;
mod handover;
mod show;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use packet::key::mix;
use packet::{Bfd, BfdDiagnostic, BfdState};

pub(crate) use config::BfdConfig;

/// While a session is not up, packets are sent no more often (RFC 5880 section 6.8.3).
const SLOW: Duration = Duration::from_secs(1);

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    config: BfdConfig,
    state: BfdState,
    diagnostic: BfdDiagnostic,
    discriminator: u32,
    /// What the other end said last.
    remote: Remote,
    /// We asked for new intervals and wait for an answer.
    polling: bool,
    /// The other end asked: the next packet answers.
    answer: bool,
    /// The interval that is advertised as wished for.
    min_tx: Duration,
    sent: Option<Instant>,
    send_at: Instant,
    /// When the session goes down if nothing is heard.
    detect_at: Option<Instant>,
    /// How often "forwarding" changed.
    flaps: u64,
    /// What an operator says instead of what was found.
    forced: Option<bool>,
    /// Makes intervals differ.
    jitter: u64,
}

/// What the other end said.
#[derive(Clone, Copy, Debug)]
struct Remote {
    state: BfdState,
    diagnostic: BfdDiagnostic,
    discriminator: u32,
    min_tx: Duration,
    min_rx: Duration,
    multiplier: u8,
    poll: bool,
    finale: bool,
}

impl Default for Remote {
    /// Before anything was heard (RFC 5880 section 6.8.1).
    fn default() -> Self {
        Self {
            state: BfdState::Down,
            diagnostic: BfdDiagnostic::NONE,
            discriminator: 0,
            min_tx: Duration::ZERO,
            min_rx: Duration::from_millis(1),
            multiplier: 0,
            poll: false,
            finale: false,
        }
    }
}

impl Session {
    /// A session that begins now. The discriminator is unlike that of any other session of the switch,
    /// and not 0.
    pub(crate) fn new(config: BfdConfig, discriminator: u32, now: Instant) -> Self {
        Self {
            min_tx: SLOW.max(config.min_tx),
            config,
            state: BfdState::Down,
            diagnostic: BfdDiagnostic::NONE,
            discriminator,
            remote: Remote::default(),
            polling: false,
            answer: false,
            sent: None,
            send_at: now,
            detect_at: None,
            flaps: 0,
            forced: None,
            jitter: discriminator.into(),
        }
    }

    /// Takes another configuration; the other end is told of new intervals.
    pub(crate) fn configure(&mut self, config: BfdConfig, now: Instant) {
        if config == self.config {
            return;
        }
        let intervals = (config.min_tx, config.min_rx) != (self.config.min_tx, self.config.min_rx);
        let path_down = config.path_down && !self.config.path_down;
        self.config = config;
        if path_down {
            self.diagnostic = BfdDiagnostic::CONCATENATED_PATH_DOWN;
        } else if !self.config.path_down && self.diagnostic == BfdDiagnostic::CONCATENATED_PATH_DOWN {
            self.diagnostic = BfdDiagnostic::NONE;
        }
        if intervals {
            self.polling = true;
        }
        self.choose_min_tx();
        self.send_at = now;
    }

    pub(crate) fn config(&self) -> &BfdConfig {
        &self.config
    }

    /// Says what the operator wants believed; `None` is what was found.
    pub(crate) fn force(&mut self, forwarding: Option<bool>) {
        let before = self.forwarding();
        self.forced = forwarding;
        self.count_flap(before);
    }

    /// Whether packets can be expected to get through.
    pub(crate) fn forwarding(&self) -> bool {
        self.forced.unwrap_or_else(|| {
            let path_down =
                [BfdDiagnostic::CONCATENATED_PATH_DOWN, BfdDiagnostic::REVERSE_CONCATENATED_PATH_DOWN]
                    .contains(&self.remote.diagnostic);
            self.state == BfdState::Up && !path_down && !self.config.path_down
        })
    }

    /// A packet came (RFC 5880 section 6.8.6). One that is for another session changes nothing.
    pub(crate) fn receive(&mut self, packet: &Bfd, now: Instant) {
        if packet.your_discriminator != 0 && packet.your_discriminator != self.discriminator {
            return;
        }
        let before = self.forwarding();
        self.remote = Remote {
            state: packet.state,
            diagnostic: packet.diagnostic,
            discriminator: packet.my_discriminator,
            min_tx: Duration::from_micros(packet.min_tx.into()),
            min_rx: Duration::from_micros(packet.min_rx.into()),
            multiplier: packet.multiplier,
            poll: packet.poll,
            finale: packet.finale,
        };
        if packet.finale {
            self.polling = false;
        }
        let next = match (self.state, packet.state) {
            (BfdState::AdminDown, _) => BfdState::AdminDown,
            (BfdState::Init | BfdState::Up, BfdState::AdminDown) => {
                self.diagnostic = BfdDiagnostic::NEIGHBOR_DOWN;
                BfdState::Down
            }
            (BfdState::Down, BfdState::AdminDown | BfdState::Up) => BfdState::Down,
            (BfdState::Down, BfdState::Down) => BfdState::Init,
            (BfdState::Down, BfdState::Init) => BfdState::Up,
            (BfdState::Init, BfdState::Down) => BfdState::Init,
            (BfdState::Init, BfdState::Init | BfdState::Up) => BfdState::Up,
            (BfdState::Up, BfdState::Init | BfdState::Up) => BfdState::Up,
            (BfdState::Up, BfdState::Down) => {
                self.diagnostic = BfdDiagnostic::NEIGHBOR_DOWN;
                BfdState::Down
            }
        };
        if packet.poll {
            self.answer = true;
            self.send_at = now;
        }
        self.enter(next, now);
        self.detect_at = Some(now + self.detection_time());
        // A shorter interval holds at once.
        self.send_at = self.send_at.min(now + self.tx_interval());
        self.count_flap(before);
    }

    /// When something is due.
    pub(crate) fn poll_timeout(&self) -> Instant {
        let detect_at = self.detect_at.filter(|_| self.state > BfdState::Down);
        detect_at.map_or(self.send_at, |at| at.min(self.send_at))
    }

    /// What is to be sent now, if it is time (RFC 5880 section 6.8.7).
    pub(crate) fn poll_transmit(&mut self, now: Instant) -> Option<Bfd> {
        self.detect(now);
        if self.send_at > now {
            return None;
        }
        let finale = std::mem::take(&mut self.answer);
        let packet = Bfd {
            diagnostic: self.diagnostic,
            state: self.state,
            poll: self.polling && !finale,
            finale,
            multiplier: self.config.multiplier,
            my_discriminator: self.discriminator,
            your_discriminator: self.remote.discriminator,
            min_tx: micros(self.min_tx),
            min_rx: micros(self.config.min_rx),
        };
        self.sent = Some(now);
        self.send_at = now + self.jittered(self.tx_interval());
        // An end that wants no packets gets none, but for answers (section 6.8.7).
        (finale || !self.remote.min_rx.is_zero()).then_some(packet)
    }

    /// Goes down if nothing was heard for too long (section 6.8.4).
    fn detect(&mut self, now: Instant) {
        if self.state <= BfdState::Down || self.detect_at.is_none_or(|at| at > now) {
            return;
        }
        let before = self.forwarding();
        self.diagnostic = BfdDiagnostic::EXPIRED;
        // What was said is of no more worth.
        self.remote = Remote { multiplier: self.remote.multiplier, ..Remote::default() };
        self.enter(BfdState::Down, now);
        self.count_flap(before);
    }

    fn enter(&mut self, next: BfdState, now: Instant) {
        if next == self.state {
            return;
        }
        if next == BfdState::Up {
            self.diagnostic = if self.config.path_down {
                BfdDiagnostic::CONCATENATED_PATH_DOWN
            } else {
                BfdDiagnostic::NONE
            };
        }
        let was_up = self.state == BfdState::Up;
        self.state = next;
        if was_up != (next == BfdState::Up) {
            self.choose_min_tx();
            self.polling = next == BfdState::Up;
        }
        self.send_at = now;
    }

    /// The interval to advertise: slow unless the session is up.
    fn choose_min_tx(&mut self) {
        let slow = if self.state == BfdState::Up { Duration::ZERO } else { SLOW };
        self.min_tx = self.config.min_tx.max(slow);
    }

    /// Between our packets: neither end's wish is exceeded.
    pub(crate) fn tx_interval(&self) -> Duration {
        self.min_tx.max(self.remote.min_rx)
    }

    /// Between the other end's packets.
    fn rx_interval(&self) -> Duration {
        self.config.min_rx.max(self.remote.min_tx)
    }

    fn detection_time(&self) -> Duration {
        self.rx_interval() * u32::from(self.remote.multiplier)
    }

    /// 75 to 100 percent of an interval, and at most 90 with a multiplier of 1 (section 6.8.7).
    fn jittered(&mut self, interval: Duration) -> Duration {
        self.jitter = mix(self.jitter, 1);
        let span = if self.config.multiplier == 1 { 15 } else { 25 };
        interval * (75 + (self.jitter >> 32) as u32 % (span + 1)) / 100
    }

    fn count_flap(&mut self, before: bool) {
        self.flaps += u64::from(before != self.forwarding());
    }
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

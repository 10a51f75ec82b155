//! One client: what it has asked for and what waits to be sent to it.

use super::monitor::Monitor;
use crate::Str;
use crate::probe::Probe;
use crate::rpc::Frame;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// Most bytes that wait for a client that reads slowly. When there are more and yet another message comes, the
/// session is closed; a client that returns with its last transaction gets what it missed.
pub const OUTPUT_BYTES_MAX: usize = 128 << 20;

/// When so many bytes wait for a client that does not read, changes of what it monitors wait elsewhere, as differences
/// between states of the database: once it reads again it is told of all of them in one update.
pub const UPDATE_BYTES_MAX: usize = 1 << 20;

/// What a message in the queue costs besides its bytes.
const FRAME_OVERHEAD_BYTES: usize = 64;

/// How a session is served.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// Whether transactions that write, locks and conversion are refused.
    pub read_only: bool,
    /// After this long without a sign of life the client is asked for one, and after as long again dropped. None
    /// for a Unix socket, whose end is always noticed.
    pub probe_interval: Option<Duration>,
    /// The role that limits what the client may write; empty for no limit.
    pub role: Str,
    /// The common name of the client's certificate, by which its role knows it.
    pub identity: Option<Str>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            read_only: false,
            probe_interval: Some(Duration::from_secs(5)),
            role: Str::default(),
            identity: None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) read_only: bool,
    pub(super) role: Str,
    pub(super) identity: Option<Str>,
    /// Whether the client wants to be told when databases come, go and change, rather than to be disconnected.
    pub(super) db_change_aware: bool,
    pub(super) probe: Probe,
    /// By the JSON text of the id that the client gave.
    pub(super) monitors: BTreeMap<String, Monitor>,
    /// The JSON texts of the ids of transactions that have no reply yet.
    pub(super) in_flight: BTreeSet<String>,
    queue: VecDeque<Frame>,
    queued_bytes: usize,
    pub(super) queue_bytes_max: usize,
    pub(super) update_bytes_max: usize,
    /// Whether one of its monitors is behind.
    pub(super) is_behind: bool,
    /// Whether the connection can take more.
    writable: bool,
}

/// What became of a message for a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Queued {
    Waiting,
    /// The client reads too slowly.
    Overflow,
}

impl Session {
    pub(super) fn new(options: &SessionOptions, now: Instant) -> Self {
        let mut probe = Probe::new(options.probe_interval);
        probe.start(now);
        Self {
            read_only: options.read_only,
            role: options.role.clone(),
            identity: options.identity.clone(),
            db_change_aware: false,
            probe,
            monitors: BTreeMap::new(),
            in_flight: BTreeSet::new(),
            queue: VecDeque::new(),
            queued_bytes: 0,
            queue_bytes_max: OUTPUT_BYTES_MAX,
            update_bytes_max: UPDATE_BYTES_MAX,
            is_behind: false,
            writable: true,
        }
    }

    pub(super) fn queue(&mut self, frame: Frame) -> Queued {
        if self.queued_bytes > self.queue_bytes_max {
            return Queued::Overflow;
        }
        self.queued_bytes += frame.byte_count() + FRAME_OVERHEAD_BYTES;
        self.queue.push_back(frame);
        Queued::Waiting
    }

    /// Whether it could take more than waits for it.
    pub(super) fn wants_output(&self) -> bool {
        self.writable && self.queue.is_empty()
    }

    /// The length of what waits for it.
    pub(super) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// Whether changes are rather told together later.
    pub(super) fn is_slow(&self) -> bool {
        !self.writable && self.queued_bytes > self.update_bytes_max
    }

    /// The next message, if the connection can take one.
    pub(super) fn pop(&mut self) -> Option<Frame> {
        if !self.writable {
            return None;
        }
        let frame = self.queue.pop_front()?;
        self.queued_bytes -= frame.byte_count() + FRAME_OVERHEAD_BYTES;
        Some(frame)
    }

    pub(super) fn set_writable(&mut self, writable: bool, now: Instant) {
        self.writable = writable;
        if writable {
            // The client has read: it lives, whatever it has said.
            self.probe.alive(now);
        }
    }

    /// Whether [`Session::pop`] would give something.
    pub(super) fn has_output(&self) -> bool {
        self.writable && !self.queue.is_empty()
    }
}

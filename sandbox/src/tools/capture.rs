//! A capture: the frames seen so far, for assertions, and for those who write them down as they come.

use super::pcapng::Captured;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;

/// Octets that a capture keeps; the oldest frames go first, and are counted.
pub const OCTETS_MAX: usize = 64 << 20;

/// A capture. Clones are the same one.
#[derive(Clone)]
pub struct Capture {
    pub interfaces: Arc<[String]>,
    store: Arc<Mutex<Store>>,
    more: Arc<Notify>,
}

#[derive(Default)]
struct Store {
    frames: VecDeque<Captured>,
    octets: usize,
    /// Frames that were let go for room.
    gone: u64,
    /// Nothing more will come.
    ended: bool,
}

impl Capture {
    pub fn new(interfaces: Vec<String>) -> Self {
        Self { interfaces: interfaces.into(), store: Arc::default(), more: Arc::default() }
    }

    /// Adds a frame, as seen now.
    pub fn add(&self, interface: u32, outgoing: bool, octets: Arc<[u8]>) {
        let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        self.add_at(time, interface, outgoing, octets);
    }

    /// Adds a frame as seen so long after the beginning of 1970.
    pub fn add_at(&self, time: Duration, interface: u32, outgoing: bool, octets: Arc<[u8]>) {
        let mut store = self.lock();
        store.octets += octets.len();
        store.frames.push_back(Captured { interface, time, outgoing, octets });
        while store.octets > OCTETS_MAX
            && let Some(oldest) = store.frames.pop_front()
        {
            store.octets -= oldest.octets.len();
            store.gone += 1;
        }
        drop(store);
        self.more.notify_waiters();
    }

    /// Whether the other is the same one.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.store, &other.store)
    }

    /// Nothing more will come.
    pub fn end(&self) {
        self.lock().ended = true;
        self.more.notify_waiters();
    }

    /// The frames that are kept.
    pub fn frames(&self) -> Vec<Captured> {
        self.lock().frames.iter().cloned().collect()
    }

    /// The frames from number `from` on (counted from the first ever), the number after the last, and whether more
    /// may come.
    pub fn since(&self, from: u64) -> (Vec<Captured>, u64, bool) {
        let store = self.lock();
        let skip = from.saturating_sub(store.gone) as usize;
        let frames = store.frames.iter().skip(skip).cloned().collect();
        (frames, store.gone + store.frames.len() as u64, !store.ended)
    }

    /// Returns when there is more than before number `from`, or nothing will come.
    pub async fn changed(&self, from: u64) {
        loop {
            let notified = self.more.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if self.has_more(from) {
                return;
            }
            notified.await;
        }
    }

    fn has_more(&self, from: u64) -> bool {
        let store = self.lock();
        store.ended || store.gone + store.frames.len() as u64 > from
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        // A writer that panicked has not left a frame half written.
        self.store.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_keeps_the_newest_within_its_bound() {
        let capture = Capture::new(vec!["a".into()]);
        let big: Arc<[u8]> = vec![0; OCTETS_MAX / 4].into();
        for _ in 0..6 {
            capture.add(0, true, big.clone());
        }
        assert_eq!(capture.frames().len(), 4);
        let (frames, next, more) = capture.since(5);
        assert_eq!((frames.len(), next, more), (1, 6, true));
        capture.end();
        assert!(!capture.since(6).2);
    }
}

//! All rows that a monitor sees when it begins, written piece by piece as its clients read them.
//!
//! The first contents of a large database are a hundred megabytes. They are never held whole: a [`Download`] holds the
//! rows as they were and writes each piece when a client is ready for it, on whatever thread that is. Clients that
//! ask for the same share the pieces as long as they read at about the same pace.

use super::request::Spec;
use super::update::{Body, Cursor};
use crate::db::Snapshot;
use crate::rpc::Pieces;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// About how long a piece is, in bytes. Beyond 128 KiB the allocator would ask the system for the memory of each.
const PIECE_BYTES: usize = 112 << 10;

/// How many pieces are kept for clients that read more slowly than the quickest.
const PIECES_KEPT_MAX: usize = 4;

/// The first contents of a monitor.
#[derive(Clone, Debug)]
pub(in crate::server) enum Contents {
    Whole(Body),
    Pieces(Arc<Download>),
}

impl Contents {
    /// What `spec` sees of `snapshot`.
    pub(in crate::server) fn new(spec: &Arc<Spec>, snapshot: &Snapshot) -> Self {
        match spec.initial(snapshot, Cursor::default(), PIECE_BYTES) {
            (text, None) => Self::Whole(text.into()),
            (text, Some(next)) => {
                let mut state = State { starts: vec![Cursor::default()], ..State::default() };
                state.add(text.into(), Some(next));
                let (spec, snapshot) = (spec.clone(), snapshot.clone());
                Self::Pieces(Arc::new(Download { spec, snapshot, state: Mutex::new(state) }))
            }
        }
    }
}

#[derive(Debug)]
pub(in crate::server) struct Download {
    spec: Arc<Spec>,
    snapshot: Snapshot,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Where each piece begins, as far as that is known.
    starts: Vec<Cursor>,
    /// The pieces written so far, as long as somebody has them.
    written: Vec<Weak<[u8]>>,
    /// The last ones that were written.
    kept: VecDeque<Arc<[u8]>>,
}

impl State {
    fn add(&mut self, piece: Arc<[u8]>, next: Option<Cursor>) {
        self.written.push(Arc::downgrade(&piece));
        self.starts.extend(next);
        self.keep(piece);
    }

    fn keep(&mut self, piece: Arc<[u8]>) {
        self.kept.truncate(PIECES_KEPT_MAX - 1);
        self.kept.push_front(piece);
    }

    fn made(&self, index: usize) -> Option<Arc<[u8]>> {
        self.written.get(index).and_then(Weak::upgrade)
    }
}

impl Pieces for Download {
    fn piece(&self, index: usize) -> Option<Arc<[u8]>> {
        // A panic elsewhere leaves a state that is as good as before.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(piece) = state.made(index) {
                return Some(piece);
            }
            let at = index.min(state.written.len());
            let start = *state.starts.get(at)?;
            let (text, next) = self.spec.initial(&self.snapshot, start, PIECE_BYTES);
            let piece: Arc<[u8]> = text.into();
            if at == state.written.len() {
                state.add(piece.clone(), next);
            } else {
                state.written[at] = Arc::downgrade(&piece);
                state.keep(piece.clone());
            }
            if at == index {
                return Some(piece);
            }
        }
    }

    fn made(&self, index: usize) -> Option<Arc<[u8]>> {
        // Who has to wait here may as well wait elsewhere.
        self.state.try_lock().ok()?.made(index)
    }
}

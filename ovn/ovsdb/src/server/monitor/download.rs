//! All rows that a monitor sees when it begins, or that come and go when its conditions change, written piece by piece
//! as its clients read them.
//!
//! The first contents of a large database are a hundred megabytes. They are never held whole: a [`Download`] holds the
//! rows as they were and writes each piece when a client is ready for it, on whatever thread that is. Clients that
//! ask for the same share the pieces as long as they read at about the same pace.

use super::request::Spec;
use super::update::{Body, Cursor};
use crate::db::Snapshot;
use crate::rpc::{Frame, Piece, Pieces};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// About how long a piece is, in bytes. Beyond 128 KiB the allocator would ask the system for the memory of each.
const PIECE_BYTES: usize = 112 << 10;

/// How many pieces are kept for clients that read more slowly than the quickest.
const PIECES_KEPT_MAX: usize = 4;

/// The first contents of a monitor, or what it sees otherwise with other conditions.
#[derive(Clone, Debug)]
pub(in crate::server) enum Contents {
    Whole(Body),
    Pieces(Arc<Download>),
}

impl Contents {
    /// What `spec` sees of `snapshot`.
    pub(in crate::server) fn new(spec: &Arc<Spec>, snapshot: &Snapshot) -> Self {
        Self::of(Source { spec: spec.clone(), before: None, snapshot: snapshot.clone() })
    }

    /// What comes and goes for `spec` that was `before`. Nothing if that is sure at once: it is for a small database.
    pub(in crate::server) fn change(
        spec: &Arc<Spec>,
        before: &Arc<Spec>,
        snapshot: &Snapshot,
    ) -> Option<Self> {
        let before = Some(before.clone());
        match Self::of(Source { spec: spec.clone(), before, snapshot: snapshot.clone() }) {
            Self::Whole(body) if *body == *b"{}" => None,
            contents => Some(contents),
        }
    }

    /// The message that has `head` before it and `tail` behind it.
    pub(super) fn into_frame(self, head: String, tail: &'static str) -> Frame {
        match self {
            Self::Whole(body) => Frame::shared(head, body, tail),
            Self::Pieces(download) => Frame::in_pieces(head, download, tail),
        }
    }

    fn of(source: Source) -> Self {
        match source.write(Cursor::default()) {
            (text, None) => Self::Whole(text.into()),
            (text, Some(next)) => {
                let mut state = State { starts: vec![Cursor::default()], ..State::default() };
                state.add(Arc::new(text), Some(next));
                Self::Pieces(Arc::new(Download { source, state: Mutex::new(state) }))
            }
        }
    }
}

#[derive(Debug)]
pub(in crate::server) struct Download {
    source: Source,
    state: Mutex<State>,
}

/// What is to be written.
#[derive(Debug)]
struct Source {
    spec: Arc<Spec>,
    /// What the monitor was, if only the difference is to be written.
    before: Option<Arc<Spec>>,
    snapshot: Snapshot,
}

impl Source {
    /// A piece of it, and where the next one begins.
    fn write(&self, from: Cursor) -> (Vec<u8>, Option<Cursor>) {
        match &self.before {
            None => self.spec.initial(&self.snapshot, from, PIECE_BYTES),
            Some(before) => self.spec.condition_change(before, &self.snapshot, from, PIECE_BYTES),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// Where each piece begins, as far as that is known.
    starts: Vec<Cursor>,
    /// The pieces written so far, as long as somebody has them.
    written: Vec<Weak<Vec<u8>>>,
    /// The last ones that were written.
    kept: VecDeque<Piece>,
}

impl State {
    fn add(&mut self, piece: Piece, next: Option<Cursor>) {
        self.written.push(Arc::downgrade(&piece));
        self.starts.extend(next);
        self.keep(piece);
    }

    fn keep(&mut self, piece: Piece) {
        self.kept.truncate(PIECES_KEPT_MAX - 1);
        self.kept.push_front(piece);
    }

    fn made(&self, index: usize) -> Option<Piece> {
        self.written.get(index).and_then(Weak::upgrade)
    }
}

impl Pieces for Download {
    fn piece(&self, index: usize) -> Option<Piece> {
        // A panic elsewhere leaves a state that is as good as before.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(piece) = state.made(index) {
                return Some(piece);
            }
            let at = index.min(state.written.len());
            let start = *state.starts.get(at)?;
            let (text, next) = self.source.write(start);
            let piece = Arc::new(text);
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

    fn made(&self, index: usize) -> Option<Piece> {
        // Who has to wait here may as well wait elsewhere.
        self.state.try_lock().ok()?.made(index)
    }
}

//! Named locks (RFC 7047 sections 4.1.8 to 4.1.10): one name space for the whole server.
//!
//! A lock is a queue of sessions whose first one owns it. As upstream's server does, a session that a lock was
//! stolen from stays in the queue and gets it back when the thief lets go, unless it had stolen the lock itself.

use super::SessionId;
use crate::Str;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Most locks that one session may hold or wait for; one more is refused.
pub const LOCKS_PER_SESSION_MAX: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Locks {
    queues: BTreeMap<Str, VecDeque<Waiter>>,
    /// The names that each session holds or waits for.
    names: BTreeMap<SessionId, BTreeSet<Str>>,
}

/// A session in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Waiter {
    session: SessionId,
    /// Whether it came by stealing.
    stole: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum LockError {
    /// The session already holds or waits for this lock.
    Already,
    /// The session neither holds nor waits for this lock.
    Unknown,
    TooMany,
}

impl Locks {
    /// Queues `session` for the lock; true if it owns it at once.
    pub(super) fn lock(&mut self, name: &Str, session: SessionId) -> Result<bool, LockError> {
        self.enlist(name, session)?;
        let queue = self.queues.entry(name.clone()).or_default();
        queue.push_back(Waiter { session, stole: false });
        Ok(queue.len() == 1)
    }

    /// Makes `session` the owner; gives the session that owned it until now, which may have to unlock for nothing.
    pub(super) fn steal(&mut self, name: &Str, session: SessionId) -> Result<Option<SessionId>, LockError> {
        self.enlist(name, session)?;
        let queue = self.queues.entry(name.clone()).or_default();
        let victim = queue.front().copied();
        if victim.is_some_and(|victim| victim.stole) {
            queue.pop_front();
        }
        queue.push_front(Waiter { session, stole: true });
        Ok(victim.map(|victim| victim.session))
    }

    /// Takes `session` out of the queue; gives the session that owns the lock by that.
    pub(super) fn unlock(&mut self, name: &Str, session: SessionId) -> Result<Option<SessionId>, LockError> {
        if !self.names.get_mut(&session).is_some_and(|names| names.remove(name)) {
            return Err(LockError::Unknown);
        }
        Ok(self.leave(name, session))
    }

    /// Forgets a session; gives the locks that pass to others, with their new owners.
    pub(super) fn close(&mut self, session: SessionId) -> Vec<(Str, SessionId)> {
        let names = self.names.remove(&session).unwrap_or_default();
        let heir = |name: Str| self.leave(&name, session).map(|owner| (name, owner));
        names.into_iter().filter_map(heir).collect()
    }

    /// The locks that `session` holds or waits for.
    pub(super) fn of(&self, session: SessionId) -> impl Iterator<Item = Str> {
        self.names.get(&session).into_iter().flatten().cloned()
    }

    /// Whether `session` owns the lock now.
    pub(super) fn owns(&self, name: &str, session: SessionId) -> bool {
        self.queues.get(name).and_then(VecDeque::front).is_some_and(|owner| owner.session == session)
    }

    fn enlist(&mut self, name: &Str, session: SessionId) -> Result<(), LockError> {
        let names = self.names.entry(session).or_default();
        if names.contains(name) {
            return Err(LockError::Already);
        }
        if names.len() >= LOCKS_PER_SESSION_MAX {
            return Err(LockError::TooMany);
        }
        names.insert(name.clone());
        Ok(())
    }

    fn leave(&mut self, name: &Str, session: SessionId) -> Option<SessionId> {
        let queue = self.queues.get_mut(name)?;
        let owned = queue.front().is_some_and(|owner| owner.session == session);
        queue.retain(|waiter| waiter.session != session);
        let heir = queue.front().map(|heir| heir.session);
        if heir.is_none() {
            self.queues.remove(name);
        }
        heir.filter(|_| owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: SessionId = SessionId(1);
    const B: SessionId = SessionId(2);
    const C: SessionId = SessionId(3);

    #[test]
    fn a_lock_passes_to_the_next_in_the_queue_and_back_to_the_one_it_was_stolen_from() {
        let mut locks = Locks::default();
        let l: Str = "L".into();
        assert_eq!(locks.lock(&l, A), Ok(true));
        assert_eq!(locks.lock(&l, A), Err(LockError::Already));
        assert_eq!(locks.lock(&l, B), Ok(false));
        assert_eq!(locks.steal(&l, C), Ok(Some(A)));
        assert!(locks.owns("L", C) && !locks.owns("L", A));
        assert_eq!(locks.unlock(&l, C), Ok(Some(A)));
        assert_eq!(locks.unlock(&l, C), Err(LockError::Unknown));
        assert_eq!(locks.unlock(&l, B), Ok(None), "a waiter that leaves changes nothing");
        assert_eq!(locks.lock(&l, B), Ok(false));
        assert_eq!(locks.close(A), [(l.clone(), B)]);
        assert_eq!(locks.close(B), []);
        assert_eq!(locks.close(C), []);
        assert!(locks.queues.is_empty() && locks.names.is_empty());
    }

    #[test]
    fn a_thief_that_is_robbed_is_out_of_the_queue_until_it_asks_again() {
        let mut locks = Locks::default();
        let l: Str = "L".into();
        assert_eq!(locks.lock(&l, A), Ok(true));
        assert_eq!(locks.steal(&l, B), Ok(Some(A)));
        assert_eq!(locks.steal(&l, C), Ok(Some(B)));
        assert_eq!(locks.unlock(&l, C), Ok(Some(A)));
        assert_eq!(locks.unlock(&l, A), Ok(None), "not for the one who was robbed");
        assert_eq!(locks.lock(&l, B), Err(LockError::Already));
        assert_eq!(locks.unlock(&l, B), Ok(None));
        assert_eq!(locks.lock(&l, B), Ok(true));
    }

    #[test]
    fn a_session_may_take_part_in_a_bounded_number_of_locks() {
        let mut locks = Locks::default();
        for i in 0..LOCKS_PER_SESSION_MAX {
            assert_eq!(locks.lock(&i.to_string().into(), A), Ok(true));
        }
        assert_eq!(locks.lock(&"x".into(), A), Err(LockError::TooMany));
        assert_eq!(locks.unlock(&"0".into(), A), Ok(None));
        assert_eq!(locks.lock(&"x".into(), A), Ok(true));
    }
}

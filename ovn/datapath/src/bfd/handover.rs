//! A session for another process, so that the other end does not notice. The configuration is the database's.

use packet::{BfdDiagnostic, BfdState};

use super::{Remote, Session};
use crate::handover::{HandOverError, In, Kept, Out, kept};

kept!(Remote { state, diagnostic, discriminator, min_tx, min_rx, multiplier, poll, finale });

impl Session {
    /// Writes it.
    pub(crate) fn put(&self, out: &mut Out) {
        let Self { config: _, state, diagnostic, discriminator, remote, polling, answer, .. } = self;
        (*state, *diagnostic, *discriminator).put(out);
        remote.put(out);
        (*polling, *answer, self.min_tx).put(out);
        (self.sent, self.send_at, self.detect_at).put(out);
        (self.flaps, self.forced, self.jitter).put(out);
    }

    /// Reads what was written; the session of this process goes on with it, if there is one.
    ///
    /// # Errors
    /// When the octets are none of it.
    pub(crate) fn take(session: Option<&mut Self>, from: &mut In<'_>) -> Result<(), HandOverError> {
        let (state, diagnostic, discriminator) = <(BfdState, BfdDiagnostic, u32)>::read(from)?;
        let remote = Remote::read(from)?;
        let (polling, answer, min_tx) = Kept::read(from)?;
        let (sent, send_at, detect_at) = Kept::read(from)?;
        let (flaps, forced, jitter) = Kept::read(from)?;
        if let Some(session) = session {
            let config = session.config.clone();
            *session = Self {
                config,
                state,
                diagnostic,
                discriminator,
                remote,
                polling,
                answer,
                min_tx,
                sent,
                send_at,
                detect_at,
                flaps,
                forced,
                jitter,
            };
        }
        Ok(())
    }
}

//! The tracker for another process. Fragments that wait for others are not handed over.

use super::Tracker;
use crate::handover::{HandOverError, In, Kept, Out};

impl Tracker {
    /// Begins a copy: what changes from now on is noted. Writes what the copy begins with.
    pub(crate) fn begin_copy(&mut self, out: &mut Out) {
        self.table.note_changes(true);
        self.beginning.put(out);
        self.seed.put(out);
    }

    /// The copy is done, or given up.
    pub(crate) fn end_copy(&mut self) {
        self.table.note_changes(false);
    }

    /// Writes connections from a place on, at most so many; where to go on, if there are more.
    pub(crate) fn put_connections(&self, from: u32, most: u32, out: &mut Out) -> Option<u32> {
        self.table.put_places(from, most, out)
    }

    /// Writes what changed since the copy began, and everything else.
    pub(crate) fn put_rest(&self, out: &mut Out) {
        let Self { table, expectations, fragments, limits, policies: _, check_windows, seed: _, beginning } =
            self;
        beginning.put(out);
        limits.put(out);
        table.put_changes(out);
        expectations.put(out);
        fragments.settings.put(out);
        check_windows.put(out);
    }

    /// Reads what [`Self::begin_copy`] wrote; there are no connections then.
    ///
    /// # Errors
    /// When the octets are none of it.
    pub(crate) fn take_beginning(&mut self, from: &mut In<'_>) -> Result<(), HandOverError> {
        self.beginning = Kept::read(from)?;
        let seed = u64::read(from)?;
        self.seed = seed;
        let now = self
            .beginning
            .map_or(0, |beginning| from.now().saturating_duration_since(beginning).as_millis() as u64);
        self.table.begin_taking(now, seed);
        Ok(())
    }

    /// Reads what [`Self::put_connections`] wrote.
    ///
    /// # Errors
    /// When the octets are none of it.
    pub(crate) fn take_connections(&mut self, from: &mut In<'_>) -> Result<(), HandOverError> {
        self.table.take_places(from)
    }

    /// All connections of the copy are here, and there is time to put them in order.
    pub(crate) fn sort_connections(&mut self) {
        self.table.sort();
    }

    /// Reads what [`Self::put_rest`] wrote. Policies are the database's.
    ///
    /// # Errors
    /// When the octets are none of it.
    pub(crate) fn take_rest(&mut self, from: &mut In<'_>) -> Result<(), HandOverError> {
        self.beginning = Kept::read(from)?;
        self.limits = Kept::read(from)?;
        self.table.take_changes(from)?;
        self.expectations = Kept::read(from)?;
        self.fragments.settings = Kept::read(from)?;
        self.check_windows = Kept::read(from)?;
        Ok(())
    }
}

//! Lists of connections without memory of their own: the neighbours are numbers beside each connection.

/// No connection.
pub(super) const NONE: u32 = u32::MAX;

/// The neighbours of one connection in one list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    before: u32,
    after: u32,
}

impl Default for Link {
    fn default() -> Self {
        Self { before: NONE, after: NONE }
    }
}

/// A list, oldest first.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    first: u32,
    last: u32,
    pub len: u32,
}

impl Default for List {
    fn default() -> Self {
        Self { first: NONE, last: NONE, len: 0 }
    }
}

impl List {
    /// The oldest.
    pub(super) fn first(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    /// The one behind `place`.
    pub(super) fn after(links: &[Link], place: u32) -> Option<u32> {
        let after = links[place as usize].after;
        (after != NONE).then_some(after)
    }

    /// Appends one that is in no list.
    pub(super) fn push(&mut self, links: &mut [Link], place: u32) {
        links[place as usize] = Link { before: self.last, after: NONE };
        match self.last {
            NONE => self.first = place,
            last => links[last as usize].after = place,
        }
        self.last = place;
        self.len += 1;
    }

    /// Takes one out that is in this list.
    pub(super) fn remove(&mut self, links: &mut [Link], place: u32) {
        let Link { before, after } = links[place as usize];
        match before {
            NONE => self.first = after,
            before => links[before as usize].after = after,
        }
        match after {
            NONE => self.last = before,
            after => links[after as usize].before = before,
        }
        self.len -= 1;
    }
}

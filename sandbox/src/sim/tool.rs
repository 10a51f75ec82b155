//! Clients of the databases that are started for a moment, by what steps of a scenario ask for.

use std::collections::VecDeque;

use ovsdb::rpc::Message;

use super::{CONTROL_DELAY, Client, Delivery, Part, Site, World};

/// What a server has said to a client that has not listened yet.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    heard: VecDeque<Message>,
    hung_up: bool,
}

/// A connection of such a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    site: Site,
    id: u64,
}

impl Line {
    fn client(self) -> Client {
        Client::Tool(self.site, self.id)
    }
}

impl World {
    /// Connects to a server; none while it does not run.
    pub fn open_line(&mut self, site: Site) -> Option<Line> {
        self.opened += 1;
        let line = Line { site, id: self.opened };
        let now = self.queue.now();
        if !self.server(site).open(line.client(), now) {
            return None;
        }
        self.tools.insert(line.id, Mailbox::default());
        self.touched.insert(part_of(site));
        self.drain();
        Some(line)
    }

    /// Hangs up.
    pub fn close_line(&mut self, line: Line) {
        self.tools.remove(&line.id);
        self.server(line.site).close(line.client());
        self.touched.insert(part_of(line.site));
        self.drain();
    }

    /// Says something to the server.
    pub fn say_on(&mut self, line: Line, message: Message) {
        if let Some(session) = self.server(line.site).session(line.client()) {
            self.queue.push(CONTROL_DELAY, Delivery::ToServer(line.site, session, message));
        }
    }

    /// The next thing the server has said; an error when it has hung up and nothing is left.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn hear_on(&mut self, line: Line) -> Result<Option<Message>, HungUp> {
        let Some(mailbox) = self.tools.get_mut(&line.id) else { return Err(HungUp) };
        match mailbox.heard.pop_front() {
            None if mailbox.hung_up => Err(HungUp),
            message => Ok(message),
        }
    }

    pub(super) fn tool_hears(&mut self, id: u64, message: Message) {
        if let Some(mailbox) = self.tools.get_mut(&id) {
            mailbox.heard.push_back(message);
        }
    }

    pub(super) fn tool_loses(&mut self, id: u64) {
        if let Some(mailbox) = self.tools.get_mut(&id) {
            mailbox.hung_up = true;
        }
    }
}

/// The server has closed the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the database server closed the connection")]
pub struct HungUp;

pub(super) fn part_of(site: Site) -> Part {
    match site {
        Site::Central => Part::Central,
        Site::Chassis(id) => Part::Chassis(id),
    }
}

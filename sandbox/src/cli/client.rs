//! The commands' side of a lab: starting one, and asking one that runs.

use crate::lab::boot::{Boot, Event, Order};
use crate::lab::control::{Reply, Request};
use crate::lab::home::{self, Found};
use crate::lab::keeper::{KEEPER, THIS_EXECUTABLE};
use crate::sys;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

/// A lab that this command has started. Dropping it ends the lab, unless it was detached.
pub(super) struct Started {
    keeper: Child,
    events: BufReader<UnixStream>,
}

impl Started {
    /// Starts a lab; how it goes is told by [`Started::event`].
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn start(boot: &Boot) -> Result<Self> {
        let (mine, theirs) = UnixStream::pair().context("making a connection")?;
        let keeper = Command::new(THIS_EXECUTABLE)
            .args(["sandbox", KEEPER, boot.name.as_str(), &boot.topology.name])
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .spawn()
            .context("starting the lab's keeper")?;
        let mut started = Self { keeper, events: BufReader::new(mine) };
        started.say(boot)?;
        Ok(started)
    }

    /// What the lab says next; None when it has ended.
    pub(super) fn event(&mut self) -> Option<Event> {
        let mut line = String::new();
        // A connection that breaks is an end as well.
        match self.events.read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => serde_json::from_str(&line).ok(),
        }
    }

    /// Lets the lab live on without this command.
    ///
    /// # Errors
    /// When it has ended.
    pub(super) fn detach(&mut self) -> Result<()> {
        self.say(&Order::Detach)
    }

    /// Waits until the lab has ended and nothing is left of it.
    pub(super) fn wait(mut self) {
        drop(self.events);
        let _ = self.keeper.wait();
    }

    fn say(&mut self, what: &impl serde::Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(what).context("talking to the lab")?;
        line.push(b'\n');
        self.events.get_mut().write_all(&line).context("talking to the lab")
    }
}

/// A running lab by name; without one, the only lab there is.
///
/// # Errors
/// When there is none, or several and no name.
pub(super) fn find(name: Option<&str>) -> Result<Found> {
    let alive: Vec<Found> = home::list().into_iter().filter(|found| found.alive).collect();
    let names = || alive.iter().map(|found| found.name.as_str()).collect::<Vec<_>>().join(", ");
    match (name, alive.as_slice()) {
        (_, []) => bail!("no lab is running (ovn sandbox up FILE makes one)"),
        (None, [one]) => Ok(one.clone()),
        (None, _) => bail!("several labs are running: name one of {} with --lab", names()),
        (Some(name), _) => match alive.iter().find(|found| found.name == name) {
            Some(found) => Ok(found.clone()),
            None => bail!("no lab called {name} is running: there is {}", names()),
        },
    }
}

/// A connection to a running lab.
pub(super) struct Asked {
    stream: UnixStream,
}

impl Asked {
    /// Connects.
    ///
    /// # Errors
    /// When the lab does not answer.
    pub(super) fn connect(lab: &Found) -> Result<Self> {
        let socket = lab.dir.join("control");
        let stream =
            UnixStream::connect(&socket).with_context(|| format!("connecting to {}", socket.display()))?;
        Ok(Self { stream })
    }

    /// Asks, and waits for the answer with the descriptors that came with it.
    ///
    /// # Errors
    /// What the lab says is wrong, or that it has ended.
    pub(super) fn ask(&mut self, request: &Request) -> Result<(Reply, Vec<OwnedFd>)> {
        let mut line = serde_json::to_vec(request).context("asking the lab")?;
        line.push(b'\n');
        self.stream.write_all(&line).context("asking the lab")?;
        let (mut text, mut descriptors) = (Vec::new(), Vec::new());
        while !text.ends_with(b"\n") {
            // One octet at a time: what follows the line is not ours to take.
            let mut buffer = [0];
            let read = sys::receive_with_descriptors(self.stream.as_fd(), &mut buffer, &mut descriptors)
                .context("hearing from the lab")?;
            if read == 0 {
                bail!("the lab has ended");
            }
            text.extend(&buffer[..read]);
        }
        match serde_json::from_slice(&text).context("understanding the lab")? {
            Reply::Error(error) => bail!("{error}"),
            reply => Ok((reply, descriptors)),
        }
    }

    /// The connection, for what follows an answer.
    pub(super) fn into_stream(self) -> UnixStream {
        self.stream
    }
}

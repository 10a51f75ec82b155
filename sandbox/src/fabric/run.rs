//! Carries real frames: a thread that waits for interfaces and deadlines, and asks the core what to do.

use super::core::{Counters, End, Fabric, Side};
use super::port::{Buffer, Port};
use crate::topology::LinkSettings;
use anyhow::{Context, Result};
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc;
use std::time::Instant;

/// Frames read from one interface before the others have their turn.
const BURST: usize = 64;

/// A frame seen at an attachment.
#[derive(Clone, Debug)]
pub struct Seen {
    pub end: End,
    /// `Tx`: the node sent it. `Rx`: the node was given it.
    pub side: Side,
    pub frame: super::line::Frame,
}

/// Is told of frames; must not block.
type Watcher = Box<dyn FnMut(&Seen) + Send>;

type Order = Box<dyn FnOnce(&mut Carrier) + Send>;

/// The running fabric. The thread ends when this is dropped.
pub struct Running {
    orders: mpsc::Sender<Order>,
    /// A pipe: an octet in it wakes the thread.
    wake: OwnedFd,
}

/// What the thread owns.
struct Carrier {
    core: Fabric,
    ports: Vec<Attached>,
    /// Told of every frame at every attachment.
    watchers: Vec<(u64, Watcher)>,
    buffer: Buffer,
}

struct Attached {
    port: Port,
    gone: bool,
}

impl Running {
    /// Starts a fabric without attachments.
    ///
    /// # Errors
    /// When the system has no thread or descriptor left.
    pub fn start(seed: u64) -> Result<Self> {
        let (woken, wake) =
            nix::unistd::pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).context("making a pipe")?;
        let (orders, queue) = mpsc::channel();
        let carrier = Carrier {
            core: Fabric::new(seed),
            ports: Vec::new(),
            watchers: Vec::new(),
            buffer: Buffer::default(),
        };
        std::thread::Builder::new()
            .name("fabric".into())
            .stack_size(256 << 10)
            .spawn(move || carry(carrier, &woken, &queue))
            .context("starting the fabric's thread")?;
        Ok(Self { orders, wake })
    }

    /// Attaches an interface.
    pub async fn attach(&self, port: Port, settings: LinkSettings) -> End {
        self.ask(move |c| {
            c.ports.push(Attached { port, gone: false });
            c.core.attach(settings)
        })
        .await
    }

    /// A direction's settings.
    pub async fn settings(&self, end: End, side: Side) -> LinkSettings {
        self.ask(move |c| c.core.settings(end, side)).await
    }

    /// Changes a direction's settings.
    pub async fn set(&self, end: End, side: Side, settings: LinkSettings) {
        self.ask(move |c| c.core.set(end, side, settings)).await;
    }

    /// Cuts two attachments from each other, or joins them again.
    pub async fn cut(&self, a: End, b: End, cut: bool) {
        self.ask(move |c| if cut { c.core.cut(a, b) } else { c.core.heal(a, b) }).await;
    }

    /// Undoes every cut.
    pub async fn heal_all(&self) {
        self.ask(|c| c.core.heal_all()).await;
    }

    /// What an attachment has seen.
    pub async fn counters(&self, end: End) -> Counters {
        self.ask(move |c| c.core.counters(end)).await
    }

    /// Tells `watcher` of every frame from now on, on the fabric's own thread, until [`Running::unwatch`].
    pub async fn watch(&self, id: u64, watcher: impl FnMut(&Seen) + Send + 'static) {
        self.ask(move |c| c.watchers.push((id, Box::new(watcher)))).await;
    }

    /// Ends a watch.
    pub fn unwatch(&self, id: u64) {
        self.order(Box::new(move |c| c.watchers.retain(|(other, _)| *other != id)));
    }

    async fn ask<T: Send + 'static>(&self, order: impl FnOnce(&mut Carrier) -> T + Send + 'static) -> T {
        let (answer, answered) = tokio::sync::oneshot::channel();
        self.order(Box::new(move |carrier| drop(answer.send(order(carrier)))));
        answered.await.expect("the fabric's thread runs as long as this handle lives")
    }
}

impl Running {
    fn order(&self, order: Order) {
        // The thread is there as long as we are.
        let _ = self.orders.send(order);
        // A full pipe wakes as well.
        let _ = nix::unistd::write(&self.wake, &[1]);
    }
}

fn carry(mut carrier: Carrier, woken: &OwnedFd, queue: &mpsc::Receiver<Order>) {
    loop {
        let (asked, readable) = carrier.wait(woken);
        if asked {
            // The pipe ends with the handle, and then nobody needs the fabric any more.
            if nix::unistd::read(woken, &mut [0; 64]) == Ok(0) {
                return;
            }
            while let Ok(order) = queue.try_recv() {
                order(&mut carrier);
            }
        }
        let now = Instant::now();
        carrier.core.handle_timeout(now);
        carrier.deliver();
        for end in readable {
            carrier.read(end, now);
        }
    }
}

impl Carrier {
    /// Waits for an octet in the pipe, a frame, or the core's deadline: whether the pipe is ready, and who else is.
    fn wait(&self, woken: &OwnedFd) -> (bool, Vec<End>) {
        let until = self.core.poll_timeout().map(|(at, _)| at.saturating_duration_since(Instant::now()));
        let mut fds = Vec::with_capacity(1 + self.ports.len());
        fds.push(PollFd::new(woken.as_fd(), PollFlags::POLLIN));
        // An interface that is gone would always be ready.
        let alive = self.ports.iter().enumerate().filter(|(_, port)| !port.gone);
        let ends: Vec<End> = alive.clone().map(|(i, _)| End(i)).collect();
        fds.extend(alive.map(|(_, port)| PollFd::new(port.port.as_fd(), PollFlags::POLLIN)));
        if ppoll(&mut fds, until.map(TimeSpec::from_duration), None).is_err() {
            return (false, Vec::new());
        }
        let ready = |fd: &PollFd<'_>| fd.revents().is_some_and(|r| !r.is_empty());
        let readable = fds[1..].iter().zip(ends).filter(|(fd, _)| ready(fd)).map(|(_, end)| end).collect();
        (ready(&fds[0]), readable)
    }

    fn read(&mut self, end: End, now: Instant) {
        for _ in 0..BURST {
            match self.ports[end.0].port.receive(&mut self.buffer) {
                Ok(Some(frame)) => {
                    self.tell(end, Side::Tx, &frame);
                    self.core.handle_frame(end, &frame, now);
                    self.deliver();
                }
                Ok(None) => return,
                // It is down: said once, and frames come again when it is up.
                Err(e) if e.raw_os_error() == Some(nix::libc::ENETDOWN) => return,
                Err(_) => {
                    self.ports[end.0].gone = true;
                    return;
                }
            }
        }
    }

    fn deliver(&mut self) {
        while let Some(delivery) = self.core.poll_output() {
            if self.ports[delivery.end.0].port.send(&delivery.frame) {
                self.tell(delivery.end, Side::Rx, &delivery.frame);
            }
        }
    }

    fn tell(&mut self, end: End, side: Side, frame: &super::line::Frame) {
        if self.watchers.is_empty() {
            return;
        }
        let seen = Seen { end, side, frame: frame.clone() };
        for (_, watcher) in &mut self.watchers {
            watcher(&seen);
        }
    }
}

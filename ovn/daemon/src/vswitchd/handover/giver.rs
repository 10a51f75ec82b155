//! The side of the process that runs: it copies itself while it works on, stands still for the rest, and ends.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use datapath::vswitchd::Vswitchd;
use datapath::{Copying, FORMAT};
use serde_json::json;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::super::Daemon;
use super::wire::{self, PIECE_LEN, Packet, Said, Stamp};
use crate::base::unixctl::file_at;
use crate::sys;

/// How long this process stands still at most for each packet of the other.
const STANDSTILL_MAX: Duration = Duration::from_secs(10);
/// How often what peers have sent is looked for before standing still.
const LAST_LOOKS: usize = 4;

/// A switch that waits for another to take over.
pub(in super::super) struct Giver {
    path: PathBuf,
    /// Device and inode of the socket.
    file: Option<(u64, u64)>,
    listener: AsyncFd<OwnedFd>,
    heir: Option<Heir>,
}

/// The one that takes over.
struct Heir {
    socket: AsyncFd<OwnedFd>,
    /// It speaks our format.
    greeted: bool,
    copying: Option<Copying>,
    /// All of the copy is sent, but for what is in the queue.
    copied: bool,
    /// What waits to be sent.
    queue: VecDeque<Packet>,
}

impl Giver {
    /// Offers to hand over, in this run directory.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub(in super::super) fn open(run_dir: &Path) -> io::Result<Self> {
        let path = super::socket_in(run_dir);
        let listener = sys::watch_for(wire::listen(&path)?, Interest::READABLE)?;
        Ok(Self { file: file_at(&path), path, listener, heir: None })
    }

    /// Waits until [`Daemon::hand_over`] has something to do. Safe to cancel.
    pub(in super::super) async fn ready(this: Option<&Self>) {
        let Some(giver) = this else { return std::future::pending().await };
        let watched = match &giver.heir {
            None => giver.listener.readable().await.map(drop),
            Some(heir) if heir.is_listening() => heir.socket.readable().await.map(drop),
            Some(heir) => heir.socket.writable().await.map(drop),
        };
        // The runtime ends.
        if watched.is_err() {
            std::future::pending().await
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        let socket = self.listener.try_io(Interest::READABLE, wire::accept)?;
        let socket = sys::watch_for(socket, Interest::READABLE | Interest::WRITABLE)?;
        self.heir =
            Some(Heir { socket, greeted: false, copying: None, copied: false, queue: VecDeque::new() });
        Ok(())
    }
}

impl Drop for Giver {
    fn drop(&mut self) {
        // The one that took over may offer itself there already.
        if file_at(&self.path) == self.file {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Heir {
    /// Whether it is up to the other to say something.
    fn is_listening(&self) -> bool {
        self.queue.is_empty() && (self.copying.is_none() || self.copied)
    }

    /// Sends one packet, the next part of the copy if nothing else waits.
    fn write(&mut self, core: &mut Vswitchd) -> io::Result<()> {
        if self.queue.is_empty()
            && !self.copied
            && let Some(copying) = &mut self.copying
        {
            let (stamp, now) = Stamp::now();
            self.queue.push_back(match core.switch_mut().copy_part(copying, now) {
                Some(part) => Packet::new(Said::Part, part).stamped(stamp),
                None => {
                    self.copied = true;
                    Packet::new(Said::Copied, Vec::new())
                }
            });
        }
        let Some(packet) = self.queue.front() else { return Ok(()) };
        self.socket.try_io(Interest::WRITABLE, |socket| packet.send(socket))?;
        self.queue.pop_front();
        Ok(())
    }
}

impl Daemon {
    /// Begins to offer this switch to the next one that is started.
    pub(in super::super) fn offer(&mut self) -> Result<String, String> {
        if self.giver.is_none() {
            let run_dir = super::super::PROGRAM.family.run_dir();
            let giver = Giver::open(&run_dir).map_err(|error| crate::base::os_error(&error))?;
            self.giver = Some(giver);
        }
        Ok(String::new())
    }

    /// Does the next thing for the process that takes over; whether it has taken over.
    pub(in super::super) async fn hand_over(&mut self) -> bool {
        let Some(giver) = &mut self.giver else { return false };
        let done = match &mut giver.heir {
            None => giver.accept().map(|()| false),
            Some(heir) if heir.is_listening() => {
                let said = heir.socket.try_io(Interest::READABLE, Packet::receive);
                match said {
                    Ok(packet) => self.heir_said(&packet).await,
                    Err(error) => Err(error),
                }
            }
            Some(heir) => heir.write(&mut self.core).map(|()| false),
        };
        match done {
            Ok(done) => done,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(error) => {
                // Who only looks whether this is offered says nothing.
                let heir = self.giver.as_ref().and_then(|giver| giver.heir.as_ref());
                if heir.is_some_and(|heir| heir.greeted) {
                    tracing::warn!(target: "hand_over", "not handed over: {}", crate::base::os_error(&error));
                }
                self.keep_on();
                false
            }
        }
    }

    /// Works on as if nothing had been.
    fn keep_on(&mut self) {
        self.core.switch_mut().end_copy();
        if let Some(giver) = &mut self.giver {
            giver.heir = None;
        }
    }

    async fn heir_said(&mut self, packet: &Packet) -> io::Result<bool> {
        let Some(heir) = self.giver.as_mut().and_then(|giver| giver.heir.as_mut()) else { return Ok(false) };
        match packet.said {
            Said::Hello if packet.octets == FORMAT.to_le_bytes() => {
                heir.greeted = true;
                heir.queue.push_back(Packet::new(Said::Hello, FORMAT.to_le_bytes().into()));
            }
            Said::Hello => {
                let why = format!("this switch hands over in format {FORMAT} only");
                heir.queue.push_back(Packet::new(Said::Refusal, why.into_bytes()));
            }
            Said::Copy if heir.greeted => {
                let queue = self.descriptors()?;
                let Some(heir) = self.giver.as_mut().and_then(|giver| giver.heir.as_mut()) else {
                    return Ok(false);
                };
                heir.queue = queue;
                (heir.copying, heir.copied) = (Some(self.core.switch().begin_copy()), false);
            }
            Said::Freeze if heir.greeted => return self.stand_still().await,
            Said::Refusal => {
                let why = String::from_utf8_lossy(&packet.octets).into_owned();
                return Err(io::Error::other(why));
            }
            Said::Copy
            | Said::Freeze
            | Said::Device
            | Said::Tunnel
            | Said::Part
            | Said::Copied
            | Said::Connection
            | Said::Piece
            | Said::Rest
            | Said::Done
            | Said::Go => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(false)
    }

    /// Devices and sockets of tunnels, for the other process.
    fn descriptors(&self) -> io::Result<VecDeque<Packet>> {
        let mut queue = VecDeque::new();
        for (name, id, info) in self.core.devices() {
            let Some(inherited) = self.devices.duplicate(id)? else { continue };
            let about = json!({
                "name": name,
                "tap": inherited.is_tap,
                "veth": inherited.veth,
                "mac": info.mac.to_string(),
                "mtu": info.mtu,
                "ifindex": info.ifindex,
                "admin_up": info.admin_up,
                "carrier": info.carrier,
            });
            queue.push_back(Packet::with(Said::Device, about.to_string().into_bytes(), inherited.fd));
        }
        for (udp_port, v6, socket) in self.devices.duplicate_tunnels()? {
            let about = json!({ "udp_port": udp_port, "v6": v6 });
            queue.push_back(Packet::with(Said::Tunnel, about.to_string().into_bytes(), socket));
        }
        Ok(queue)
    }

    /// Gives the rest, and everything with it once the other has it.
    async fn stand_still(&mut self) -> io::Result<bool> {
        for _ in 0..LAST_LOOKS {
            // What peers have sent up to here was sent to this process.
            tokio::task::yield_now().await;
            while let Some(event) = self.shell.net.try_next() {
                self.on_net(&event);
            }
            self.drain().await;
        }
        let began = Instant::now();
        self.shell.net.flush();
        let copying = self.giver.as_mut().and_then(|giver| giver.heir.as_mut()?.copying.take());
        let Some(heir) = self.giver.as_ref().and_then(|giver| giver.heir.as_ref()) else { return Ok(false) };
        let copying = copying.ok_or(io::ErrorKind::InvalidData)?;
        let socket = heir.socket.get_ref();
        wire::block(socket, STANDSTILL_MAX)?;
        let (stamp, now) = Stamp::now();
        for (octets, descriptor) in self.management.hand_over(&self.core, &mut self.shell.net, now) {
            Packet::with(Said::Connection, octets, descriptor).stamped(stamp).send(socket)?;
        }
        let rest = self.core.switch_mut().copy_rest(&copying, now);
        for piece in rest.chunks(PIECE_LEN) {
            Packet::new(Said::Piece, piece.to_vec()).send(socket)?;
        }
        Packet::new(Said::Rest, Vec::new()).stamped(stamp).send(socket)?;
        let answer = Packet::receive(socket)?;
        if answer.said != Said::Done {
            return Err(io::Error::other(String::from_utf8_lossy(&answer.octets).into_owned()));
        }
        // From here on it is the other's; should it not hear this, it sees us end.
        let _ = Packet::new(Said::Go, Vec::new()).send(socket);
        tracing::info!(target: "hand_over", "handed over; stood still for {:.1?}", began.elapsed());
        Ok(true)
    }
}

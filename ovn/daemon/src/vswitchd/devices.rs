//! The open devices and tunnel sockets of the switch, and the frames that wait in them.
//!
//! One epoll tells which of them have something. The daemon then reads a batch of each, gives it to the switch, and
//! what leaves is collected by device and goes out in batches, too. A switch that is busy lets the kernel's queues
//! fill, which then drop, as on any wire.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;

use datapath::{Captures, Departure, DeviceId, DeviceInfo, DeviceKind};
use packet::{Frame, MacAddr};
use tokio::io::unix::AsyncFd;

use super::handover::Inheritance;
use crate::device::tunnel::{Datagrams, Receiver, Sender};
use crate::device::{
    Dummies, DummyDevices, Inherited, Kind, LinkChange, LinkInfo, Links, OpenError, Pool, Port,
};
use crate::sys::{self, Readiness};

/// Frames read from a device before another has its turn.
const BATCH: usize = 32;
/// Frames that wait to leave by one device before they are sent.
const OUT_MAX: usize = 64;

/// What happened.
pub(super) enum Arrival {
    /// Some device or socket has something: see [`Devices::ready`].
    Ready,
    /// The state of a device changed.
    Changed(DeviceId, DeviceInfo),
    /// Other interfaces of the host came or changed: one that was missing may be there now.
    LinksChanged,
}

/// What a device or socket gave.
pub(super) enum Batch {
    /// Frames by a device; they are in the buffer given.
    Frames(DeviceId),
    /// Datagrams on a tunnel's UDP port.
    Datagrams(u16, Vec<Datagrams>),
    /// A device gives nothing any more.
    Lost(DeviceId),
    /// Nothing after all.
    Nothing,
}

struct Open {
    port: Port,
    name: String,
    /// What is to leave by it.
    out: Vec<Frame>,
}

struct Listener {
    receiver: Receiver,
    udp_port: u16,
    v6: bool,
}

/// Every open device and socket.
pub(super) struct Devices {
    links: Links,
    open: BTreeMap<DeviceId, Open>,
    by_name: BTreeMap<String, DeviceId>,
    /// By a number that tells them from each other and from devices.
    listeners: BTreeMap<u64, Listener>,
    next_listener: u64,
    sender: Sender,
    pool: Pool,
    readiness: AsyncFd<Readiness>,
    tokens: Vec<u64>,
    /// Devices that have something to send.
    sending: Vec<DeviceId>,
    dummies: DummyDevices,
    replaced: Dummies,
    /// What is used instead of opening anew.
    pub(super) inheritance: Inheritance,
}

/// Tokens from here on are listeners, those below are devices.
const LISTENERS: u64 = 1 << 32;

impl Devices {
    /// Opens the table of interfaces. Some kinds of devices are replaced by dummies.
    ///
    /// # Errors
    /// When netlink is not to be had.
    pub(super) fn open(replaced: Dummies) -> io::Result<Self> {
        Ok(Self {
            links: Links::open()?,
            open: BTreeMap::new(),
            by_name: BTreeMap::new(),
            listeners: BTreeMap::new(),
            next_listener: LISTENERS,
            sender: Sender::default(),
            pool: Pool::default(),
            readiness: sys::watch_for(Readiness::new()?, tokio::io::Interest::READABLE)?,
            tokens: Vec::new(),
            sending: Vec::new(),
            dummies: DummyDevices::default(),
            replaced,
            inheritance: Inheritance::default(),
        })
    }

    /// Opens a device.
    ///
    /// # Errors
    /// Why it cannot be opened, in the words for its row.
    pub(super) async fn add(
        &mut self,
        id: DeviceId,
        name: &str,
        kind: DeviceKind,
        captures: &Captures,
    ) -> Result<DeviceInfo, OpenError> {
        let kind = match (kind, self.replaced) {
            (DeviceKind::Dummy, Dummies::Asked | Dummies::System)
            | (DeviceKind::System, Dummies::System)
            | (_, Dummies::All) => return Ok(self.dummies.add(id, name, captures)),
            (DeviceKind::System, _) => Kind::Existing,
            (DeviceKind::Internal | DeviceKind::Tap, _) => Kind::Ours,
            (DeviceKind::Dummy, Dummies::Off) => {
                let source = io::Error::from_raw_os_error(nix::libc::EAFNOSUPPORT);
                return Err(OpenError { name: name.to_owned(), source });
            }
        };
        let (port, info) = match self.inheritance.devices.remove(name) {
            Some((inherited, info)) => (Port::inherited(inherited), info),
            None => {
                let (port, info) = Port::open(&self.links, name, kind).await?;
                (port, device_info(&info))
            }
        };
        let failed = |source| OpenError { name: name.to_owned(), source };
        self.readiness.get_ref().add(&port, id.0.into()).map_err(failed)?;
        self.open.insert(id, Open { port, name: name.to_owned(), out: Vec::new() });
        self.by_name.insert(name.to_owned(), id);
        Ok(info)
    }

    /// Another descriptor of a device, for a process that goes on with it. `None` for a dummy, which is made anew.
    ///
    /// # Errors
    /// When there are too many.
    pub(super) fn duplicate(&self, id: DeviceId) -> io::Result<Option<Inherited>> {
        self.open.get(&id).map(|open| open.port.duplicate()).transpose()
    }

    /// The same of the sockets of tunnels, with their ports and whether they are of IPv6.
    ///
    /// # Errors
    /// When there are too many.
    pub(super) fn duplicate_tunnels(&self) -> io::Result<Vec<(u16, bool, OwnedFd)>> {
        let duplicate = |one: &Listener| Ok((one.udp_port, one.v6, one.receiver.duplicate()?));
        self.listeners.values().map(duplicate).collect()
    }

    /// Closes a device and removes what was made for it.
    pub(super) async fn remove(&mut self, id: DeviceId) {
        if self.dummies.remove(id) {
            return;
        }
        let Some(open) = self.open.remove(&id) else { return };
        if self.by_name.get(&open.name) == Some(&id) {
            self.by_name.remove(&open.name);
        }
        // A descriptor that is closed leaves the epoll by itself.
        open.port.close(&self.links).await;
    }

    /// Sets the largest payload and the Ethernet address of a device, where given. A device that refuses keeps its own,
    /// and the log tells. Gives its state afterwards; none for one that has left the namespace.
    pub(super) async fn configure(
        &mut self,
        id: DeviceId,
        mtu: Option<u32>,
        mac: Option<MacAddr>,
    ) -> Option<DeviceInfo> {
        let dummy = self.dummies.change(id, |info| {
            info.mtu = mtu.unwrap_or(info.mtu);
            info.mac = mac.unwrap_or(info.mac);
        });
        if dummy.is_some() {
            return dummy;
        }
        let name = &self.open.get(&id)?.name;
        let index = self.links.get(name).await.ok()??.index;
        if let Some(mtu) = mtu
            && let Err(error) = self.links.set_mtu(index, mtu).await
        {
            tracing::warn!(target: "netdev_linux", "{name}: cannot set the MTU: {error}");
        }
        if let Some(mac) = mac
            && let Err(error) = self.links.set_mac(index, mac).await
        {
            tracing::warn!(target: "netdev_linux", "{name}: cannot set the Ethernet address: {error}");
        }
        self.links.get(name).await.ok()?.as_ref().map(device_info)
    }

    /// Listens on exactly these UDP ports, for both families. A port that is taken is told and left out.
    pub(super) fn listen(&mut self, ports: impl IntoIterator<Item = u16>) {
        let wanted: std::collections::BTreeSet<u16> = ports.into_iter().collect();
        self.listeners.retain(|_, listener| wanted.contains(&listener.udp_port));
        let have: Vec<u16> = self.listeners.values().map(|listener| listener.udp_port).collect();
        for udp_port in wanted.into_iter().filter(|port| !have.contains(port)) {
            for v6 in [false, true] {
                let token = self.next_listener;
                let inherited = self.inheritance.tunnels.remove(&(udp_port, v6));
                let opened = match inherited {
                    Some(socket) => Ok(Receiver::from_fd(socket, udp_port, v6)),
                    None => Receiver::open(udp_port, v6),
                };
                let opened = opened.and_then(|receiver| {
                    self.readiness.get_ref().add(&receiver, token)?;
                    Ok(receiver)
                });
                match opened {
                    Ok(receiver) => {
                        self.next_listener += 1;
                        self.listeners.insert(token, Listener { receiver, udp_port, v6 });
                    }
                    // A host without IPv6 has no tunnels over it either.
                    Err(error) if v6 => {
                        tracing::debug!(target: "tunnel", "UDP port {udp_port} over IPv6: {error}")
                    }
                    Err(error) => {
                        tracing::warn!(target: "tunnel", "cannot listen on UDP port {udp_port}: {error}")
                    }
                }
            }
        }
    }

    /// Waits for what comes next. Safe to cancel.
    pub(super) async fn next(&mut self) -> Arrival {
        loop {
            tokio::select! {
                _ = self.readiness.readable() => return Arrival::Ready,
                change = self.links.next_change() => match change {
                    LinkChange::Changed(info) => {
                        return match self.by_name.get(&info.name) {
                            Some(id) => Arrival::Changed(*id, device_info(&info)),
                            None => Arrival::LinksChanged,
                        };
                    }
                    // Guests' interfaces are moved to their own namespace; the port works on there.
                    LinkChange::Gone { .. } => {}
                },
            }
        }
    }

    /// The devices and sockets that have something now, by tokens for [`Devices::receive`].
    pub(super) fn ready(&mut self) -> Vec<u64> {
        let mut tokens = std::mem::take(&mut self.tokens);
        tokens.clear();
        // Only when nothing is left the runtime may wait again: it is not told twice of one thing.
        let _ = self.readiness.try_io(tokio::io::Interest::READABLE, |readiness| {
            readiness.take(&mut tokens)?;
            if tokens.is_empty() { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        tokens
    }

    /// Gives the room of tokens back.
    pub(super) fn done(&mut self, tokens: Vec<u64>) {
        self.tokens = tokens;
    }

    /// Reads a batch from what a token stands for; frames go to `frames`.
    pub(super) fn receive(&mut self, token: u64, frames: &mut Vec<Frame>) -> Batch {
        if let Some(listener) = self.listeners.get_mut(&token) {
            let mut datagrams = Vec::new();
            if let Err(error) = listener.receiver.receive(BATCH, &mut self.pool, &mut datagrams) {
                let family = if listener.v6 { 6 } else { 4 };
                tracing::debug!(target: "tunnel", "UDP port {} (IPv{family}): {error}", listener.udp_port);
            }
            return Batch::Datagrams(listener.udp_port, datagrams);
        }
        let Some(id) = u32::try_from(token).ok().map(DeviceId) else { return Batch::Nothing };
        let Some(open) = self.open.get_mut(&id) else { return Batch::Nothing };
        match open.port.receive(BATCH, &mut self.pool, frames) {
            Ok(()) => Batch::Frames(id),
            // An interface that is down has nothing to read; it may come up again.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock || is_down(&error) => Batch::Nothing,
            Err(_) => Batch::Lost(id),
        }
    }

    /// Takes a packet that is to leave; it may wait until [`Devices::flush`]. How many packets the kernel refused, this
    /// one or others before it: they are lost, as on any wire.
    pub(super) fn send(&mut self, departure: Departure) -> u64 {
        match departure {
            Departure::Device { device, frame } => {
                let frame = match self.dummies.send(device, frame, &mut self.pool) {
                    Ok(()) => return 0,
                    Err(frame) => frame,
                };
                let Some(open) = self.open.get_mut(&device) else {
                    self.pool.give(frame);
                    return 1;
                };
                if open.out.is_empty() {
                    self.sending.push(device);
                }
                open.out.push(frame);
                if open.out.len() < OUT_MAX {
                    return 0;
                }
                self.sending.retain(|other| *other != device);
                open.port.send(&mut open.out, &mut self.pool)
            }
            Departure::Tunnel(packet) => self.sender.send(packet, &mut self.pool),
        }
    }

    /// The dummy devices.
    pub(super) fn dummies(&mut self) -> &mut DummyDevices {
        &mut self.dummies
    }

    /// Sends all that waits to leave. How many packets the kernel refused.
    pub(super) fn flush(&mut self) -> u64 {
        let mut lost = self.sender.flush(&mut self.pool);
        for device in self.sending.drain(..) {
            if let Some(open) = self.open.get_mut(&device) {
                lost += open.port.send(&mut open.out, &mut self.pool);
            }
        }
        lost
    }
}

fn is_down(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(nix::libc::ENETDOWN))
}

fn device_info(info: &LinkInfo) -> DeviceInfo {
    DeviceInfo {
        mac: info.mac,
        mtu: info.mtu,
        ifindex: Some(info.index),
        admin_up: info.admin_up,
        carrier: info.carrier,
    }
}

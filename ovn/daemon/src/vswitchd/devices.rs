//! The open devices and tunnel sockets of the switch, and the frames that wait in them.
//!
//! One task a device waits until frames are there, reads a batch and hands it over through a bounded channel: a switch
//! that is busy lets the kernel's queues fill, which then drop, as on any wire.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use datapath::{Departure, DeviceId, DeviceInfo, DeviceKind, TunnelPacket};
use packet::{Frame, MacAddr};
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::device::tunnel::{Outgoing, Receiver, Sender, unspecified};
use crate::device::{Kind, LinkChange, LinkInfo, Links, OpenError, Port};
use crate::sys;

/// Frames read from a device before the switch gets them.
const BATCH: usize = 32;
/// Batches that wait for the switch; further ones stay in the kernel.
const BATCHES_MAX: usize = 64;
/// Longest frame read, in bytes: that of a tunnel packet of the largest IP size.
const FRAME_BYTES_MAX: usize = 65_536 + 64;

/// What came in.
pub(super) enum Arrival {
    /// Frames by a device.
    Frames(DeviceId, Vec<Frame>),
    /// Datagrams for tunnels.
    Datagrams(Vec<Datagram>),
    /// A device gives nothing any more.
    Lost(DeviceId),
    /// The state of a device changed.
    Changed(DeviceId, DeviceInfo),
    /// Other interfaces of the host came or changed: one that was missing may be there now.
    LinksChanged,
}

/// One datagram for a tunnel.
pub(super) struct Datagram {
    /// The UDP port it came to.
    pub(super) udp_port: u16,
    /// Who sent it.
    pub(super) from: IpAddr,
    /// Our address that it was sent to.
    pub(super) to: IpAddr,
    /// What follows the UDP header.
    pub(super) payload: Frame,
}

struct Open {
    port: Arc<AsyncFd<Port>>,
    name: String,
    task: JoinHandle<()>,
}

/// Every open device and socket.
pub(super) struct Devices {
    links: Links,
    open: BTreeMap<DeviceId, Open>,
    by_name: BTreeMap<String, DeviceId>,
    tunnels: BTreeMap<u16, Vec<JoinHandle<()>>>,
    raw: Sender,
    sender: mpsc::Sender<Arrival>,
    receiver: mpsc::Receiver<Arrival>,
}

impl Devices {
    /// Opens the table of interfaces and the sending sockets.
    ///
    /// # Errors
    /// When netlink is not to be had.
    pub(super) fn open() -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(BATCHES_MAX);
        Ok(Self {
            links: Links::open()?,
            open: BTreeMap::new(),
            by_name: BTreeMap::new(),
            tunnels: BTreeMap::new(),
            raw: Sender::open(),
            sender,
            receiver,
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
    ) -> Result<DeviceInfo, OpenError> {
        let kind = match kind {
            DeviceKind::System => Kind::Existing,
            DeviceKind::Internal | DeviceKind::Tap => Kind::Ours,
            DeviceKind::Dummy => {
                let source = io::Error::from_raw_os_error(nix::libc::EAFNOSUPPORT);
                return Err(OpenError { name: name.to_owned(), source });
            }
        };
        let (port, info) = Port::open(&self.links, name, kind).await?;
        let failed = |source| OpenError { name: name.to_owned(), source };
        let port = Arc::new(sys::watch(port).map_err(failed)?);
        let task = tokio::spawn(read_frames(id, Arc::clone(&port), self.sender.clone()));
        self.open.insert(id, Open { port, name: name.to_owned(), task });
        self.by_name.insert(name.to_owned(), id);
        Ok(device_info(&info))
    }

    /// Closes a device and removes what was made for it.
    pub(super) async fn remove(&mut self, id: DeviceId) {
        let Some(open) = self.open.remove(&id) else { return };
        if self.by_name.get(&open.name) == Some(&id) {
            self.by_name.remove(&open.name);
        }
        open.task.abort();
        // The task drops its share of the port when it ends; only then the port is closed.
        let _ = open.task.await;
        if let Some(port) = Arc::into_inner(open.port) {
            port.into_inner().close(&self.links).await;
        }
    }

    /// Sets the largest payload and the Ethernet address of a device, where given. A device that refuses keeps its own,
    /// and the log tells. Gives its state afterwards; none for one that has left the namespace.
    pub(super) async fn configure(
        &self,
        id: DeviceId,
        mtu: Option<u32>,
        mac: Option<MacAddr>,
    ) -> Option<DeviceInfo> {
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
        self.tunnels.retain(|port, tasks| {
            let keep = wanted.contains(port);
            if !keep {
                tasks.iter().for_each(JoinHandle::abort);
            }
            keep
        });
        for port in wanted {
            if self.tunnels.contains_key(&port) {
                continue;
            }
            let mut tasks = Vec::new();
            for v6 in [false, true] {
                match Receiver::open(port, v6) {
                    Ok(receiver) => {
                        tasks.push(tokio::spawn(read_datagrams(port, receiver, v6, self.sender.clone())))
                    }
                    // A host without IPv6 has no tunnels over it either.
                    Err(error) if v6 => {
                        tracing::debug!(target: "tunnel", "UDP port {port} over IPv6: {error}")
                    }
                    Err(error) => {
                        tracing::warn!(target: "tunnel", "cannot listen on UDP port {port}: {error}")
                    }
                }
            }
            self.tunnels.insert(port, tasks);
        }
    }

    /// Waits for what comes next. Safe to cancel.
    pub(super) async fn next(&mut self) -> Arrival {
        loop {
            tokio::select! {
                Some(arrival) = self.receiver.recv() => return arrival,
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

    /// What has come already, if anything has.
    pub(super) fn try_next(&mut self) -> Option<Arrival> {
        self.receiver.try_recv().ok()
    }

    /// Sends a packet. What the kernel refuses is lost, as on any wire; the caller counts it.
    ///
    /// # Errors
    /// What the kernel said.
    pub(super) fn send(&self, departure: &Departure) -> io::Result<()> {
        match departure {
            Departure::Device { device, frame } => match self.open.get(device) {
                Some(open) => open.port.get_ref().send(frame.as_slice()),
                None => Err(io::Error::from_raw_os_error(nix::libc::ENODEV)),
            },
            Departure::Tunnel(packet) => self.raw.send(&outgoing(packet)),
        }
    }
}

fn outgoing(packet: &TunnelPacket) -> Outgoing<'_> {
    Outgoing {
        local: packet.local.unwrap_or_else(|| unspecified(packet.remote.is_ipv6())),
        remote: packet.remote,
        source_port: packet.source_port,
        destination_port: packet.destination_port,
        checksum: packet.checksum,
        payload: packet.payload.as_slice(),
    }
}

async fn read_frames(id: DeviceId, port: Arc<AsyncFd<Port>>, sender: mpsc::Sender<Arrival>) {
    let mut buffer = vec![0; FRAME_BYTES_MAX];
    loop {
        let Ok(mut ready) = port.readable().await else { break };
        let mut frames = Vec::new();
        let mut failure = None;
        while frames.len() < BATCH {
            match ready.try_io(|port| port.get_ref().receive(&mut buffer)) {
                Ok(Ok(length)) => frames.push(Frame::copy_from(&buffer[..length])),
                Ok(Err(error)) => {
                    failure = Some(error);
                    break;
                }
                Err(_) => break,
            }
        }
        if !frames.is_empty() && sender.send(Arrival::Frames(id, frames)).await.is_err() {
            return;
        }
        match failure {
            // An interface that is down has nothing to read; it may come up again.
            Some(error) if is_down(&error) => tokio::task::yield_now().await,
            Some(_) => break,
            None => {}
        }
    }
    let _ = sender.send(Arrival::Lost(id)).await;
}

fn is_down(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(nix::libc::ENETDOWN))
}

async fn read_datagrams(udp_port: u16, receiver: Receiver, v6: bool, sender: mpsc::Sender<Arrival>) {
    let mut buffer = vec![0; FRAME_BYTES_MAX];
    loop {
        let mut batch = Vec::new();
        let take = |from: SocketAddr, to: IpAddr, bytes: &[u8]| {
            batch.push(Datagram { udp_port, from: from.ip(), to, payload: Frame::copy_from(bytes) });
        };
        if let Err(error) = receiver.receive(&mut buffer, BATCH, take).await {
            // ICMP errors about what was sent come back here; they concern one packet only.
            tracing::debug!(target: "tunnel", "UDP port {udp_port} (IPv{}): {error}", if v6 { 6 } else { 4 });
        }
        if !batch.is_empty() && sender.send(Arrival::Datagrams(batch)).await.is_err() {
            return;
        }
    }
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

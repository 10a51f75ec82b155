//! The side of the process that takes over: it reads the database, takes the copy and then the rest, and goes on.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use datapath::{ConnId, DeviceInfo, FORMAT};
use serde_json::Value;

use super::super::Daemon;
use super::wire::{self, Packet, Said};
use crate::base::shell::Happening;
use crate::device::Inherited;

/// How long the other process may take for each packet.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// How long the database server may take.
const DATABASE_MAX: Duration = Duration::from_secs(60);
/// Octets of the rest; more is refused.
const REST_LEN_MAX: usize = 1 << 30;

/// What another process gave and nobody has claimed yet.
#[derive(Default)]
pub(in super::super) struct Inheritance {
    /// Devices by name.
    pub devices: BTreeMap<String, (Inherited, DeviceInfo)>,
    /// Sockets of tunnels by port and family.
    pub tunnels: BTreeMap<(u16, bool), OwnedFd>,
}

/// Takes the place of the switch that offers its own in this run directory, if one does. Afterwards `daemon` only has to
/// serve.
///
/// # Errors
/// When it cannot be; the other works on then.
pub(in super::super) async fn take_over(daemon: &mut Daemon, run_dir: &Path) -> anyhow::Result<()> {
    let Ok(socket) = wire::connect(&super::socket_in(run_dir)) else { return Ok(()) };
    wire::block(&socket, ANSWER_MAX)?;
    let taken = take(daemon, &socket).await;
    if let Err(error) = &taken {
        // It may be gone, or have said why itself.
        let _ = Packet::new(Said::Refusal, format!("{error:#}").into_bytes()).send(&socket);
    }
    taken.context("cannot take over from the switch that runs")
}

async fn take(daemon: &mut Daemon, socket: &OwnedFd) -> anyhow::Result<()> {
    Packet::new(Said::Hello, FORMAT.to_le_bytes().into()).send(socket)?;
    expect(Packet::receive(socket)?, Said::Hello)?;
    daemon.learn_configuration().await?;
    Packet::new(Said::Copy, Vec::new()).send(socket)?;
    take_copy(daemon, socket).await?;
    let began = Instant::now();
    Packet::new(Said::Freeze, Vec::new()).send(socket)?;
    let connections = take_rest(daemon, socket)?;
    Packet::new(Said::Done, Vec::new()).send(socket)?;
    match Packet::receive(socket) {
        Ok(packet) => {
            expect(packet, Said::Go)?;
        }
        // It ended, so nobody else has what is ours now.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        Err(error) => return Err(error.into()),
    }
    tracing::info!(target: "hand_over", "took over within {:.1?}", began.elapsed());
    daemon.go_on(connections).await;
    Ok(())
}

/// The packet, if it says what it should.
fn expect(packet: Packet, wanted: Said) -> anyhow::Result<Packet> {
    if packet.said == Said::Refusal {
        bail!("{}", String::from_utf8_lossy(&packet.octets));
    }
    if packet.said != wanted {
        bail!("{:?} instead of {wanted:?}", packet.said);
    }
    Ok(packet)
}

/// Devices first, then flows and connections.
async fn take_copy(daemon: &mut Daemon, socket: &OwnedFd) -> anyhow::Result<()> {
    let mut configured = false;
    loop {
        let packet = Packet::receive(socket)?;
        match packet.said {
            Said::Device => daemon.devices.inheritance.take_device(packet)?,
            Said::Tunnel => daemon.devices.inheritance.take_tunnel(packet)?,
            Said::Copied => return Ok(()),
            Said::Hello
            | Said::Refusal
            | Said::Copy
            | Said::Part
            | Said::Freeze
            | Said::Connection
            | Said::Piece
            | Said::Rest
            | Said::Done
            | Said::Go => {
                let packet = expect(packet, Said::Part)?;
                if !configured {
                    configured = true;
                    daemon.core.take_over(Instant::now());
                    daemon.drain().await;
                }
                let (stamp, part) = packet.stamp().context("a packet without time")?;
                daemon.core.switch_mut().take_part(part, stamp.instant())?;
            }
        }
    }
}

/// Takes the rest; the OpenFlow connections with their bridges.
fn take_rest(daemon: &mut Daemon, socket: &OwnedFd) -> anyhow::Result<Vec<(ConnId, String, UnixStream)>> {
    let mut connections = Vec::new();
    let mut rest = Vec::new();
    loop {
        let mut packet = Packet::receive(socket)?;
        match packet.said {
            Said::Connection => {
                let descriptor = packet.descriptor.take().context("a connection without descriptor")?;
                let (stamp, octets) = packet.stamp().context("a packet without time")?;
                let taken = daemon.core.switch_mut().take_connection(octets, stamp.instant())?;
                connections.extend(taken.map(|(id, bridge)| (id, bridge, UnixStream::from(descriptor))));
            }
            Said::Piece if rest.len() < REST_LEN_MAX => rest.append(&mut packet.octets),
            Said::Piece => bail!("more than {REST_LEN_MAX} octets"),
            Said::Hello
            | Said::Refusal
            | Said::Copy
            | Said::Device
            | Said::Tunnel
            | Said::Part
            | Said::Copied
            | Said::Freeze
            | Said::Rest
            | Said::Done
            | Said::Go => {
                let packet = expect(packet, Said::Rest)?;
                let (stamp, _) = packet.stamp().context("a packet without time")?;
                daemon.core.switch_mut().take_part(&rest, stamp.instant())?;
                return Ok(connections);
            }
        }
    }
}

impl Inheritance {
    fn take_device(&mut self, packet: Packet) -> anyhow::Result<()> {
        let about: Value = serde_json::from_slice(&packet.octets)?;
        let fd = packet.descriptor.context("a device without descriptor")?;
        let number = |key: &str| about[key].as_u64().and_then(|number| u32::try_from(number).ok());
        let is = |key: &str| about[key].as_bool().unwrap_or(false);
        let info = DeviceInfo {
            mac: about["mac"].as_str().and_then(|mac| mac.parse().ok()).unwrap_or_default(),
            mtu: number("mtu").unwrap_or(0),
            ifindex: number("ifindex"),
            admin_up: is("admin_up"),
            carrier: is("carrier"),
        };
        let inherited = Inherited { fd, is_tap: is("tap"), veth: number("veth") };
        let name = about["name"].as_str().context("a device without name")?;
        self.devices.insert(name.to_owned(), (inherited, info));
        Ok(())
    }

    fn take_tunnel(&mut self, packet: Packet) -> anyhow::Result<()> {
        let about: Value = serde_json::from_slice(&packet.octets)?;
        let fd = packet.descriptor.context("a tunnel without descriptor")?;
        let udp_port = about["udp_port"].as_u64().and_then(|port| u16::try_from(port).ok());
        let udp_port = udp_port.context("a tunnel without port")?;
        self.tunnels.insert((udp_port, about["v6"].as_bool().unwrap_or(false)), fd);
        Ok(())
    }
}

impl Daemon {
    /// Reads all of the database that the switch looks at.
    async fn learn_configuration(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + DATABASE_MAX;
        while !self.core.is_synced() {
            self.drain().await;
            let deadline = self.core.poll_timeout().map_or(until, |(at, _)| at.min(until));
            match self.shell.next(Some(deadline)).await {
                Happening::Net(event) => self.on_net(&event),
                Happening::Deadline if Instant::now() >= until => bail!("the database does not answer"),
                Happening::Deadline => self.core.handle_timeout(Instant::now()),
                Happening::Command(command) => command.reply(Err("taking over".to_owned())),
                Happening::Terminate => bail!("told to stop"),
            }
        }
        Ok(())
    }

    /// The switch is ours: its management sockets are made, and its connections go on.
    async fn go_on(&mut self, connections: Vec<(ConnId, String, UnixStream)>) {
        for bridge in std::mem::take(&mut self.unheard) {
            self.management.listen(&bridge, &mut self.shell.net).await;
        }
        for (id, bridge, stream) in connections {
            if let Err(error) = self.management.adopt(id, &bridge, stream, &mut self.shell.net) {
                tracing::warn!(target: "hand_over", "an OpenFlow connection to {bridge} is lost: {error}");
                self.core.switch_mut().openflow_closed(id);
            }
        }
        // What nobody claimed is not ours to keep.
        self.devices.inheritance = Inheritance::default();
        self.taking_over = false;
    }
}

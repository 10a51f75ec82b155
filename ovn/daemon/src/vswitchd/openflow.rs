//! The management sockets of the bridges (`RUNDIR/BRIDGE.mgmt`) and the OpenFlow connections to them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Instant;

use datapath::vswitchd::Vswitchd;
use datapath::{ConnId as OfConn, ConnOutput};

use crate::base::net::{ConnId, Event, LinkId, Net};
use crate::base::target::Passive;

/// Every management socket and its connections.
pub(super) struct Management {
    run_dir: PathBuf,
    bridges: BTreeMap<LinkId, String>,
    conns: BTreeMap<ConnId, OfConn>,
    sockets: BTreeMap<OfConn, ConnId>,
    /// Connections whose peer has not read what was written; the switch keeps the rest.
    full: BTreeSet<OfConn>,
}

impl Management {
    /// Without sockets.
    pub(super) fn new(run_dir: PathBuf) -> Self {
        Self {
            run_dir,
            bridges: BTreeMap::new(),
            conns: BTreeMap::new(),
            sockets: BTreeMap::new(),
            full: BTreeSet::new(),
        }
    }

    /// Takes connections to a bridge from now on. A socket that cannot be made is told; the bridge works without.
    pub(super) async fn listen(&mut self, bridge: &str, net: &mut Net) {
        let path = self.run_dir.join(format!("{bridge}.mgmt"));
        match net.listen(&Passive::Unix(path.clone())).await {
            Ok((link, _)) => {
                self.bridges.insert(link, bridge.to_owned());
            }
            Err(error) => tracing::error!(target: "bridge", "{}: {error}", path.display()),
        }
    }

    /// Takes none any more.
    pub(super) fn unlisten(&mut self, bridge: &str, core: &mut Vswitchd, net: &mut Net) {
        let links: Vec<LinkId> =
            self.bridges.iter().filter(|(_, name)| *name == bridge).map(|(link, _)| *link).collect();
        // What the switch still says to its connections comes first.
        self.write(core, net);
        for link in links {
            self.bridges.remove(&link);
            net.drop_link(link);
        }
        // The path may be taken by now by a bridge of the same name, so a failure is of no interest.
        let _ = std::fs::remove_file(self.run_dir.join(format!("{bridge}.mgmt")));
    }

    /// The connections that another process can go on with: what it has to know of them, and their sockets.
    pub(super) fn hand_over(&self, core: &Vswitchd, net: &mut Net, now: Instant) -> Vec<(Vec<u8>, OwnedFd)> {
        let whole = |(socket, conn): (&ConnId, &OfConn)| {
            Some((core.switch().put_connection(*conn, now)?, net.duplicate(*socket)?))
        };
        self.conns.iter().filter_map(whole).collect()
    }

    /// Goes on with a connection of another process, which the switch knows already.
    ///
    /// # Errors
    /// When the socket cannot be watched, or nothing listens for the bridge.
    pub(super) fn adopt(
        &mut self,
        conn: OfConn,
        bridge: &str,
        stream: UnixStream,
        net: &mut Net,
    ) -> io::Result<()> {
        let link = self.bridges.iter().find(|(_, name)| *name == bridge).map(|(link, _)| *link);
        let socket = net.adopt_accepted(link.ok_or(io::ErrorKind::NotFound)?, stream)?;
        self.conns.insert(socket, conn);
        self.sockets.insert(conn, socket);
        Ok(())
    }

    /// Handles an event if it is about one of these connections; whether it was.
    pub(super) fn handle(&mut self, event: &Event, core: &mut Vswitchd, net: &mut Net, now: Instant) -> bool {
        match event {
            Event::Accepted(link, socket) => {
                let Some(bridge) = self.bridges.get(link) else { return false };
                match core.openflow_accepted(bridge, now) {
                    Some(conn) => {
                        self.conns.insert(*socket, conn);
                        self.sockets.insert(conn, *socket);
                    }
                    None => net.close(*socket),
                }
                true
            }
            Event::Received(socket, bytes) => match self.conns.get(socket) {
                Some(conn) => {
                    core.switch_mut().openflow_input(*conn, bytes, now);
                    true
                }
                None => false,
            },
            Event::Drained(socket) => match self.conns.get(socket) {
                Some(conn) => {
                    self.full.remove(conn);
                    true
                }
                None => false,
            },
            Event::Closed(socket) => match self.conns.remove(socket) {
                Some(conn) => {
                    self.forget(conn);
                    core.switch_mut().openflow_closed(conn);
                    true
                }
                None => false,
            },
            Event::Connected(..) => false,
        }
    }

    /// Writes what the switch has for its controllers.
    pub(super) fn write(&mut self, core: &mut Vswitchd, net: &mut Net) {
        let pending: Vec<OfConn> =
            core.switch().openflow_pending().filter(|conn| !self.full.contains(conn)).collect();
        for conn in pending {
            self.write_one(conn, core, net);
        }
    }

    fn write_one(&mut self, conn: OfConn, core: &mut Vswitchd, net: &mut Net) {
        let Some(socket) = self.sockets.get(&conn).copied() else { return };
        while let Some(output) = core.switch_mut().openflow_output(conn) {
            match output {
                ConnOutput::Send(octets) => {
                    net.send(socket, octets);
                    if net.is_full(socket) {
                        self.full.insert(conn);
                        return;
                    }
                }
                ConnOutput::Close(reason) => {
                    tracing::info!(target: "rconn", "closing an OpenFlow connection: {reason}");
                    self.conns.remove(&socket);
                    self.forget(conn);
                    net.close(socket);
                    core.switch_mut().openflow_closed(conn);
                    return;
                }
            }
        }
    }

    fn forget(&mut self, conn: OfConn) {
        self.sockets.remove(&conn);
        self.full.remove(&conn);
    }
}

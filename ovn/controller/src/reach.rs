//! Which datapaths concern this chassis: those with a port here, and those that packets get to from there through
//! routers without leaving the chassis.
//!
//! A *resident* is a port that is here for itself. A *door* is a port of a router or one that leads to a router; on its
//! other side is its peer. Whether one goes through a door depends on where the router's gateway is: what is only to be
//! done there does not concern other chassis. Upstream: local_data.c add_local_datapath, need_add_peer_to_local.

use incr::Touched;
use ovsdb::{Str, Uuid};
use std::collections::{BTreeMap, BTreeSet};

use crate::gateways::Gateways;
use crate::model::{LogicalPort, PortKind};
use crate::network::Network;
use lflow::pipeline::DatapathKind;

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    residents: BTreeMap<Uuid, BTreeSet<Uuid>>,
    /// The datapath of each resident.
    homes: BTreeMap<Uuid, Uuid>,
    /// Doors by datapath.
    doors: BTreeMap<Uuid, BTreeSet<Uuid>>,
    local: BTreeSet<Uuid>,
    is_settled: bool,
}

impl Reach {
    /// A port is a resident of a datapath, or of none.
    pub(crate) fn set_home(&mut self, port: Uuid, home: Option<Uuid>) {
        let old = match home {
            Some(home) => self.homes.insert(port, home),
            None => self.homes.remove(&port),
        };
        if old == home {
            return;
        }
        if let Some(old) = old {
            remove(&mut self.residents, old, port);
            self.is_settled &= self.residents.contains_key(&old);
        }
        if let Some(home) = home {
            let residents = self.residents.entry(home).or_default();
            self.is_settled &= !residents.is_empty();
            residents.insert(port);
        }
    }

    /// A port of a datapath is a door, or no longer, or another one.
    pub(crate) fn set_door(&mut self, port: Uuid, datapath: Uuid, present: bool) {
        if present {
            self.doors.entry(datapath).or_default().insert(port);
        } else {
            remove(&mut self.doors, datapath, port);
        }
        self.is_settled = false;
    }

    /// What doors lead to may have changed.
    pub(crate) fn unsettle(&mut self) {
        self.is_settled = false;
    }

    /// Residents by datapath.
    pub(crate) fn residents(&self) -> impl Iterator<Item = &Uuid> {
        self.residents.values().flatten()
    }

    /// Doors of a datapath.
    pub(crate) fn doors(&self, datapath: Uuid) -> impl Iterator<Item = &Uuid> {
        self.doors.get(&datapath).into_iter().flatten()
    }

    /// Datapaths that concern this chassis.
    pub(crate) fn local(&self) -> &BTreeSet<Uuid> {
        &self.local
    }

    /// Finds out anew which datapaths concern this chassis if that may have changed; says which begin to (true) or cease
    /// to. It costs the datapaths that are near, so that it is only done when a first port comes, a last one goes, or a
    /// door changes.
    pub(crate) fn settle(
        &mut self,
        net: &mut Network,
        touched: &mut Touched,
        gateways: &Gateways,
    ) -> Vec<(Uuid, bool)> {
        if std::mem::replace(&mut self.is_settled, true) {
            return Vec::new();
        }
        let mut local: BTreeSet<Uuid> = self.residents.keys().copied().collect();
        let mut unvisited: Vec<Uuid> = local.iter().copied().collect();
        while let Some(datapath) = unvisited.pop() {
            for door in self.doors(datapath) {
                let Some(beyond) = behind(net, gateways, *door) else { continue };
                if local.insert(beyond) {
                    unvisited.push(beyond);
                }
            }
        }
        let mut changes: Vec<(Uuid, bool)> = local.difference(&self.local).map(|new| (*new, true)).collect();
        changes.extend(self.local.difference(&local).map(|old| (*old, false)));
        for &(datapath, is_local) in &changes {
            net.local_datapaths.set(touched, datapath, is_local.then_some(()));
        }
        self.local = local;
        changes
    }
}

fn remove(sets: &mut BTreeMap<Uuid, BTreeSet<Uuid>>, key: Uuid, member: Uuid) {
    if let Some(set) = sets.get_mut(&key) {
        set.remove(&member);
        if set.is_empty() {
            sets.remove(&key);
        }
    }
}

/// The datapath behind a door, if one goes through.
fn behind(net: &Network, gateways: &Gateways, door: Uuid) -> Option<Uuid> {
    let port = net.ports.peek(&door)?;
    let peer = net.ports.peek(net.ports_by_name.peek(port.kind.peer()?).next()?)?;
    if peer.kind.peer() != Some(&port.name) {
        return None;
    }
    let goes = match (&port.kind, &peer.kind) {
        (PortKind::L3Gateway { .. }, PortKind::L3Gateway { .. }) => {
            net.hosted.peek(&door).is_some() && net.hosted.peek(&peer.uuid).is_some()
        }
        (PortKind::Patch { redirect, .. }, PortKind::Patch { redirect: of_peer, .. }) => {
            goes_through(net, gateways, port, redirect.as_ref(), of_peer.as_ref())
        }
        _ => false,
    };
    goes.then_some(peer.datapath)
}

/// Whether one goes through a patch port of which, or of whose peer, some things are only done on a gateway chassis.
fn goes_through(
    net: &Network,
    gateways: &Gateways,
    port: &LogicalPort,
    own: Option<&Str>,
    of_peer: Option<&Str>,
) -> bool {
    let find = |name: &Str| net.ports.peek(net.ports_by_name.peek(name).next()?);
    let group = |port: &LogicalPort| match port.kind {
        PortKind::ChassisRedirect { group, always, .. } => Some((group, always)),
        _ => None,
    };
    let (of_own, of_peer) = match (own, of_peer) {
        (None, None) => return true,
        (own, of_peer) => {
            (own.and_then(find).and_then(|p| group(p)), of_peer.and_then(find).and_then(|p| group(p)))
        }
    };
    let is_switch =
        net.datapaths.peek(&port.datapath).is_some_and(|datapath| datapath.kind == DatapathKind::Switch);
    match (of_own, of_peer) {
        (_, Some((group, _))) if is_switch => gateways.is_member(group),
        (Some((_, false)), _) => true,
        (Some((group, true)), _) => gateways.is_member(group),
        (None, _) => false,
    }
}

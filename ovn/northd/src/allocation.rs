//! Which row has which tunnel key: what rows ask for, what the southbound database has, and the ranges.

use std::collections::{BTreeMap, BTreeSet};

use incr::Touched;
use ovsdb::{Str, Uuid};
use schema::sb;
use schema::tables::Delta;

use crate::keys::KeySpace;
use crate::model::{Switch, SwitchPort};
use crate::network::Network;

/// Tunnel keys of datapaths, and of ports on each datapath.
pub struct Allocation {
    datapaths: KeySpace,
    ports: BTreeMap<Uuid, KeySpace>,
    /// Datapaths of which ports came, went or changed.
    unsettled: BTreeSet<Uuid>,
    /// Where each port has, or would have, its key.
    places: BTreeMap<Uuid, Place>,
    ports_by_name: BTreeMap<Str, Uuid>,
    /// Northbound UUID and key of each row of `Datapath_Binding`.
    bound_datapaths: BTreeMap<Uuid, (Uuid, u32)>,
    /// The reverse: row by northbound UUID.
    bindings: BTreeMap<Uuid, Uuid>,
    /// Row, datapath and key of each port of `Port_Binding`.
    bound_ports: BTreeMap<Str, (Uuid, Uuid, u32)>,
    vxlan_encaps: BTreeSet<Uuid>,
    vxlan_counts: bool,
    /// Ports and datapaths whose key must be forgotten.
    gone: BTreeSet<Uuid>,
}

#[derive(Default)]
struct Place {
    /// The datapath that refers to the port.
    datapath: Option<Uuid>,
    /// Name and requested key of the row, if it is there and takes part.
    row: Option<(Str, Option<u32>)>,
    /// The datapath in whose space the port is.
    placed: Option<Uuid>,
}

impl Default for Allocation {
    fn default() -> Self {
        Self {
            datapaths: KeySpace::new(1..=Switch::KEY_MAX, Switch::KEY_REQUESTED_MAX),
            ports: BTreeMap::new(),
            unsettled: BTreeSet::new(),
            places: BTreeMap::new(),
            ports_by_name: BTreeMap::new(),
            bound_datapaths: BTreeMap::new(),
            bindings: BTreeMap::new(),
            bound_ports: BTreeMap::new(),
            vxlan_encaps: BTreeSet::new(),
            vxlan_counts: true,
            gone: BTreeSet::new(),
        }
    }
}

impl Allocation {
    /// The largest key of a port where VXLAN is in use: 12 bits, half of which are for groups.
    const PORT_KEY_MAX_VXLAN: u32 = 2047;

    /// A switch or router came, changed or went: its name and the key that it asks for.
    pub fn datapath(&mut self, uuid: Uuid, row: Option<(&Str, Option<u32>)>) {
        match row {
            Some((name, requested)) => {
                self.datapaths.want(uuid, name, requested);
                let bound = self.bindings.get(&uuid).and_then(|row| self.bound_datapaths.get(row));
                self.datapaths.persisted(uuid, bound.map(|(_, key)| *key));
            }
            None => {
                self.datapaths.forget(uuid);
                self.gone.insert(uuid);
            }
        }
    }

    /// A port came, changed or went: its name and the key that it asks for, if it takes part.
    pub fn port(&mut self, uuid: Uuid, row: Option<(Str, Option<u32>)>) {
        let place = self.places.entry(uuid).or_default();
        if let Some((name, _)) = &place.row
            && self.ports_by_name.get(name) == Some(&uuid)
        {
            self.ports_by_name.remove(name);
        }
        place.row = row;
        if let Some((name, _)) = &place.row {
            self.ports_by_name.insert(name.clone(), uuid);
        }
        self.place(uuid);
    }

    /// A port is on another datapath, or on none any more.
    pub fn port_moved(&mut self, uuid: Uuid, datapath: Option<Uuid>) {
        self.places.entry(uuid).or_default().datapath = datapath;
        self.place(uuid);
    }

    /// A row of `Datapath_Binding` came, changed or went.
    pub fn datapath_binding(&mut self, delta: &Delta<sb::DatapathBinding>) {
        if let Some((northbound, _)) = self.bound_datapaths.remove(&delta.uuid)
            && self.bindings.get(&northbound) == Some(&delta.uuid)
        {
            self.bindings.remove(&northbound);
            self.datapaths.persisted(northbound, None);
        }
        let Some(row) = &delta.new else { return };
        let (Some(northbound), Ok(key)) = (northbound_id(row), u32::try_from(row.tunnel_key)) else { return };
        self.bound_datapaths.insert(delta.uuid, (northbound, key));
        self.bindings.insert(northbound, delta.uuid);
        self.datapaths.persisted(northbound, Some(key));
    }

    /// A row of `Port_Binding` came, changed or went.
    pub fn port_binding(&mut self, delta: &Delta<sb::PortBinding>) {
        let old_name = delta.old.as_ref().map(|row| &row.logical_port);
        let new_name = delta.new.as_ref().map(|row| &row.logical_port);
        if let Some(name) = old_name
            && self.bound_ports.get(name).is_some_and(|(row, _, _)| *row == delta.uuid)
        {
            self.bound_ports.remove(name);
        }
        if let Some(row) = &delta.new
            && let Ok(key) = u32::try_from(row.tunnel_key)
        {
            self.bound_ports.insert(row.logical_port.clone(), (delta.uuid, row.datapath, key));
        }
        for name in BTreeSet::from([old_name, new_name]).into_iter().flatten() {
            if let Some(port) = self.ports_by_name.get(name).copied() {
                self.bind(port);
            }
        }
    }

    /// A row of `Encap` came, changed or went.
    pub fn encap(&mut self, delta: &Delta<sb::Encap>) {
        match &delta.new {
            Some(row) if &*row.r#type == "vxlan" => self.vxlan_encaps.insert(delta.uuid),
            Some(_) | None => self.vxlan_encaps.remove(&delta.uuid),
        };
    }

    /// Whether chassis with VXLAN narrow the ranges.
    pub fn vxlan_counts(&mut self, counts: bool) {
        self.vxlan_counts = counts;
    }

    /// Whether keys must fit into VXLAN's header.
    pub fn is_vxlan(&self) -> bool {
        self.vxlan_counts && !self.vxlan_encaps.is_empty()
    }

    /// The largest key of a datapath now.
    pub fn datapath_key_max(&self) -> u32 {
        if self.is_vxlan() { Switch::KEY_MAX_VXLAN } else { Switch::KEY_MAX }
    }

    /// Gives keys and writes them where units read them.
    pub fn settle(&mut self, network: &mut Network, touched: &mut Touched) {
        let port_key_max = if self.is_vxlan() { Self::PORT_KEY_MAX_VXLAN } else { SwitchPort::KEY_MAX };
        let limit = if self.is_vxlan() { Switch::KEY_MAX_VXLAN } else { Switch::KEY_REQUESTED_MAX };
        if self.datapaths.set_range(1..=self.datapath_key_max(), limit) {
            self.unsettled.extend(self.ports.keys());
        }
        for row in std::mem::take(&mut self.gone) {
            network.datapath_keys.set(touched, row, None);
            network.port_keys.set(touched, row, None);
        }
        for (datapath, assignment) in self.datapaths.settle() {
            network.datapath_keys.set(touched, datapath, Some(assignment));
        }
        for datapath in std::mem::take(&mut self.unsettled) {
            let Some(space) = self.ports.get_mut(&datapath) else { continue };
            space.set_range(1..=port_key_max, port_key_max);
            for (port, assignment) in space.settle() {
                network.port_keys.set(touched, port, Some(assignment));
            }
            if space.is_empty() {
                self.ports.remove(&datapath);
            }
        }
    }

    /// Puts a port into the space of its datapath and out of any other.
    fn place(&mut self, uuid: Uuid) {
        let Some(place) = self.places.get_mut(&uuid) else { return };
        let target = place.datapath.filter(|_| place.row.is_some());
        if let Some(old) = place.placed.filter(|old| target != Some(*old)) {
            if let Some(space) = self.ports.get_mut(&old) {
                space.forget(uuid);
            }
            self.unsettled.insert(old);
            self.gone.insert(uuid);
        }
        place.placed = target;
        if let (Some(datapath), Some((name, requested))) = (target, &place.row) {
            let max = SwitchPort::KEY_MAX;
            let space = self.ports.entry(datapath).or_insert_with(|| KeySpace::new(1..=max, max));
            space.want(uuid, name, *requested);
            self.gone.remove(&uuid);
            self.unsettled.insert(datapath);
            self.bind(uuid);
        } else if place.datapath.is_none() && place.row.is_none() {
            self.places.remove(&uuid);
        }
    }

    /// Tells the space of a port which key the southbound database has for it.
    fn bind(&mut self, uuid: Uuid) {
        let Some(Place { placed: Some(datapath), row: Some((name, _)), .. }) = self.places.get(&uuid) else {
            return;
        };
        let key = self.bound_ports.get(name).and_then(|(_, bound, key)| {
            let (northbound, _) = self.bound_datapaths.get(bound)?;
            (northbound == datapath).then_some(*key)
        });
        if let Some(space) = self.ports.get_mut(datapath) {
            space.persisted(uuid, key);
            self.unsettled.insert(*datapath);
        }
    }
}

/// The switch or router that a datapath was made from, by its own column or, with older northds, by `external_ids`.
pub fn northbound_id(row: &sb::DatapathBinding) -> Option<Uuid> {
    let by_id = || {
        ["logical-switch", "logical-router"].iter().find_map(|key| row.external_ids.get(*key)?.parse().ok())
    };
    row.nb_uuid.or_else(by_id)
}

//! What the names in a logical flow mean on a datapath; what is looked up is noted as read.

use incr::Reads;
use lflow::expr::{Ports, Sets};
use lflow::lexer::Integer;
use ovsdb::{Str, Uuid};
use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use crate::model::PortKind;
use crate::network::Network;

/// Ports and groups of a datapath, for a unit.
pub(super) struct Names<'a> {
    pub(super) net: &'a Network,
    pub(super) reads: &'a Reads,
    pub(super) datapath: Uuid,
    /// Something was asked for that need not be the same for another flow or datapath.
    pub(super) asked: Cell<bool>,
}

impl Ports for Names<'_> {
    fn key(&self, port: &str) -> Option<u32> {
        self.ask();
        self.net.keys.first(self.reads, &(self.datapath, port.into())).copied()
    }

    fn is_chassis_resident(&self, port: &str) -> bool {
        self.ask();
        let port = self.net.ports_by_name.first(self.reads, &port.into());
        port.is_some_and(|port| {
            self.net.locals.get(self.reads, port).is_some() || self.net.hosted.get(self.reads, port).is_some()
        })
    }
}

impl<'a> Names<'a> {
    pub(super) fn new(net: &'a Network, reads: &'a Reads, datapath: Uuid) -> Self {
        Self { net, reads, datapath, asked: Cell::new(false) }
    }

    pub(super) fn ask(&self) -> &Self {
        self.asked.set(true);
        self
    }

    /// Whether an address set is there and large.
    pub(super) fn is_large(&self, set: &str) -> bool {
        self.net.large_sets.get(self.reads, &set.into()).is_some()
    }

    /// The text with the values of this chassis's variables.
    pub(super) fn expand(&self, text: &Str) -> Str {
        let value = |name: &str| self.net.variables.get(self.reads, &name.into()).map(ToString::to_string);
        match lflow::template::expand(text, value) {
            Cow::Borrowed(_) => text.clone(),
            Cow::Owned(expanded) => expanded.into(),
        }
    }
}

/// Address sets and port groups, for a unit.
pub(super) struct TrackedSets<'a> {
    pub(super) names: &'a Names<'a>,
    pub(super) used: Cell<bool>,
}

impl Sets for TrackedSets<'_> {
    fn address_set(&self, name: &str) -> Option<Arc<Vec<Integer>>> {
        self.used.set(true);
        self.names.net.address_sets.get(self.names.reads, &name.into()).cloned()
    }

    /// A group has a row for each datapath, whose name begins with the key of that. Members on other chassis are
    /// left out: what enters or leaves at them does so there.
    fn port_group(&self, name: &str) -> Option<Arc<Vec<Arc<str>>>> {
        self.used.set(true);
        let Names { net, reads, datapath, .. } = *self.names;
        let key = net.datapaths.get(reads, &datapath).map(|datapath| datapath.key);
        let of_datapath = key.and_then(|key| net.port_groups.get(reads, &format!("{key}_{name}").into()));
        let members = of_datapath.or_else(|| net.port_groups.get(reads, &name.into()))?;
        let here = members.iter().filter(|member| !is_elsewhere(net, reads, &Str::from(&***member)));
        Some(Arc::new(here.cloned().collect()))
    }
}

/// Whether a port is an interface on another chassis, so that no packet of it comes by here.
pub(super) fn is_elsewhere(net: &Network, reads: &Reads, name: &Str) -> bool {
    let Some(port) = net.port_named(reads, name) else { return false };
    match port.kind {
        PortKind::Vif | PortKind::Container { .. } => net.locals.get(reads, &port.uuid).is_none(),
        PortKind::Localport
        | PortKind::Localnet { .. }
        | PortKind::Patch { .. }
        | PortKind::L3Gateway { .. }
        | PortKind::ChassisRedirect { .. }
        | PortKind::Other => false,
    }
}

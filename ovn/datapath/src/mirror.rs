//! Mirrors: copies of a bridge's packets (ovs-vswitchd.conf.db(5), table Mirror).

use std::collections::BTreeSet;
use std::sync::Arc;

use openflow::PortNo;

use crate::group::GroupCounters;

/// Which packets are copied, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorConfig {
    /// Name, for the operator.
    pub name: String,
    /// Whatever enters or leaves.
    pub all: bool,
    /// What enters by these ports.
    pub src: BTreeSet<PortNo>,
    /// What leaves by these ports.
    pub dst: BTreeSet<PortNo>,
    /// Of these VLANs only; empty for any.
    pub vlans: BTreeSet<u16>,
    /// Where copies go.
    pub out: MirrorOut,
    /// No more octets of each packet than this.
    pub snaplen: Option<u32>,
}

/// Where copies go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MirrorOut {
    /// Out of this port, which carries nothing else.
    Port(PortNo),
    /// Out of every port that carries this VLAN, in it.
    Vlan(u16),
}

/// A mirror of a bridge.
#[derive(Clone, Debug)]
pub(crate) struct Mirror {
    pub config: MirrorConfig,
    /// As of a group without buckets.
    pub counters: Arc<GroupCounters>,
}

impl Mirror {
    pub(crate) fn new(config: MirrorConfig) -> Self {
        Self { config, counters: GroupCounters::new(0) }
    }

    /// Whether a port is for its copies only.
    pub(crate) fn is_out(&self, port: PortNo) -> bool {
        self.config.out == MirrorOut::Port(port)
    }
}

//! What a trace still has to see of the database.
//!
//! A tracer either has all rows, or it begins with the datapaths alone and says what else it wants: the shell
//! fetches that and traces again. A trace is quick and enters few datapaths, so that this is far less work than to
//! download and read a database of which nearly all is never looked at.

use ovsdb::{Str, Uuid};

/// Some rows of the southbound database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Want {
    /// Flows, ports, multicast groups, neighbours and forwarding entries of a datapath.
    Datapath(Uuid),
    /// The port of that name, wherever it is.
    Port(Str),
    /// The address set of that name.
    AddressSet(Str),
    /// The port group of that name.
    PortGroup(Str),
    /// The variables of all chassis.
    Templates,
    /// All load balancers.
    LoadBalancers,
    /// All chassis and how to reach them.
    Chassis,
}

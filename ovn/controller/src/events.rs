//! What comes into the controller and what goes out.

use ovsdb::{Str, rpc};
use std::time::Instant;

/// A peer of the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// The `Open_vSwitch` database of this host.
    Vswitch,
    /// The southbound database.
    Southbound,
    /// The integration bridge, for flows.
    Flows,
    /// The integration bridge, for packets.
    Packets,
}

/// The files of TLS that the table `SSL` of the `Open_vSwitch` database names, all in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Path of our key.
    pub private_key: Str,
    /// Path of our certificate.
    pub certificate: Str,
    /// Path of the certificates of those who may sign for others.
    pub ca_cert: Str,
    /// Whether the first server that is met may write that file.
    pub bootstrap_ca_cert: bool,
}

/// What the shell does for the controller.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Connections that are made from now on use these keys; without any, those of the command line.
    UseKeys(Option<Keys>),
    /// Connects `link` to `target` (`unix:PATH`, `tcp:IP:PORT`, `ssl:IP:PORT`; several with commas between) and keeps it
    /// connected. Said again with another target, the link moves there.
    Connect { link: Link, target: Str },
    /// Closes `link` and leaves it so.
    Disconnect { link: Link },
    /// Closes the present connection of `link`, which has gone wrong, and connects again after a pause.
    Reconnect { link: Link },
    /// A message for [`Link::Vswitch`] or [`Link::Southbound`].
    SendOvsdb { link: Link, message: rpc::Message },
    /// A message for [`Link::Flows`] or [`Link::Packets`], which speak OpenFlow 1.5.
    SendOpenflow { link: Link, message: openflow::Message },
    /// All that was to be cleaned up is: the process may end.
    Exit,
}

/// What is known when the program starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name of the chassis, if the command line gives it; else the database does.
    pub system_id: Option<Str>,
    /// The name of the host.
    pub hostname: Str,
    /// Where the `Open_vSwitch` database is.
    pub vswitch: Str,
    /// Directory of the switch's sockets (`BRIDGE.mgmt`).
    pub switch_run_dir: Str,
    /// Of whatever is chosen at random: UUIDs, addresses.
    pub seed: u64,
}

/// A time of day beside the time that deadlines are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    pub instant: Instant,
    /// Milliseconds since 1970.
    pub wall_ms: i64,
}

//! Restart without loss: a new switch takes the place of the one that runs.
//!
//! ```text
//!  new ──Hello──► old                       either refuses a format that it does not know
//!  new ──Copy───► old, which works on:      descriptors of devices and tunnels, flows, connections
//!  new ──Freeze─► old, which stands still:  OpenFlow connections, what changed since
//!  new ──Done───► old ──Go──► new           the old one ends; until here it works on if anything fails
//! ```
//! `ovs-appctl exit --hand-over` makes the old one listen at [`SOCKET`] in the run directory; the next one that is
//! started there finds it. Meanwhile frames wait in the kernel's queues: both have the same taps and sockets. Only a
//! process of the same user is let in.

mod giver;
mod taker;
mod wire;

pub(super) use giver::Giver;
pub(super) use taker::{Inheritance, take_over};

use std::path::{Path, PathBuf};

/// The socket's name in the run directory.
const SOCKET: &str = "ovs-vswitchd.hand-over";

/// Where one that wants to hand over listens.
fn socket_in(run_dir: &Path) -> PathBuf {
    run_dir.join(SOCKET)
}

/// Whether one that runs waits for another to take over.
pub(super) fn is_offered(run_dir: &Path) -> bool {
    wire::connect(&socket_in(run_dir)).is_ok()
}

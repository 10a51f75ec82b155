//! What a delivery looks like in the trace.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::guest::describe;
use super::{Delivery, World};

impl World {
    /// One line. Messages between processes are long, so only a digest of them is told.
    pub(super) fn describe(&self, delivery: &Delivery) -> String {
        match delivery {
            Delivery::Connect(client) => format!("{client:?} connects"),
            Delivery::ConnectBridge(id, link) => format!("{link:?} of {} connects", self.chassis[id.0].name),
            Delivery::ToServer(site, session, message) => {
                format!("{session} > {site:?}: {}", digest(message.to_string().as_bytes()))
            }
            Delivery::FromServer(site, session, message) => {
                format!("{site:?} > {session}: {}", digest(message.to_string().as_bytes()))
            }
            Delivery::ToBridge(id, conn, octets) => {
                format!("{conn:?} > {}: {}", self.chassis[id.0].name, digest(octets))
            }
            Delivery::FromBridge(id, conn, octets) => {
                format!("{} > {conn:?}: {}", self.chassis[id.0].name, digest(octets))
            }
            Delivery::Tunnel(id, packet) => {
                format!("tunnel > {}: {}", self.chassis[id.0].name, digest(packet.payload.as_slice()))
            }
            Delivery::FromGuest(id, frame) => format!("{} > {}", self.guests[id.0].name, describe(frame)),
            Delivery::ToGuest(id, frame) => format!("> {} {}", self.guests[id.0].name, describe(frame)),
        }
    }
}

/// Length and a hash that is the same in every run.
fn digest(octets: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    octets.hash(&mut hasher);
    format!("{} octets {:016x}", octets.len(), hasher.finish())
}

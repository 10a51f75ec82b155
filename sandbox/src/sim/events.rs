//! What is told of a delivery.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::{Delivery, World};
use crate::tools::decode;

impl World {
    /// Something arrives somewhere.
    pub(super) fn happened(&mut self, delivery: &Delivery) {
        self.events += 1;
        let Some(mut tell) = self.tell.take() else { return };
        tell(self.elapsed(), &self.describe(delivery));
        self.tell = Some(tell);
    }

    /// One line. Messages between processes are long, so only a digest of them is told.
    fn describe(&self, delivery: &Delivery) -> String {
        match delivery {
            Delivery::Connect(client) => format!("{client:?} connects"),
            Delivery::ConnectBridge(id, link) => format!("{link:?} of {} connects", self.chassis[id.0].name),
            Delivery::ToServer(site, session, message) => {
                format!("{session} > {site:?}: {}", digest(message.to_string().as_bytes()))
            }
            Delivery::FromServer(site, session, message) => {
                format!("{site:?} > {session}: {}", digest(message.to_string().as_bytes()))
            }
            Delivery::HungUp(site, session) => format!("{site:?} hangs up on {session}"),
            Delivery::ToBridge(id, wire, octets) => {
                format!("{wire:?} > {}: {}", self.chassis[id.0].name, digest(octets))
            }
            Delivery::Copy(id) => format!("{} hands over a part", self.chassis[id.0].name),
            Delivery::FromBridge(id, wire, octets) => {
                format!("{} > {wire:?}: {}", self.chassis[id.0].name, digest(octets))
            }
            Delivery::Underlay(id, frame) => {
                format!("underlay > {}: {}", self.chassis[id.0].name, decode::decode(frame).text)
            }
            Delivery::FromGuest(id, frame) => {
                format!("{} > {}", self.guests[id.0].name, decode::decode(frame).text)
            }
            Delivery::ToGuest(id, frame) => {
                format!("> {}: {}", self.guests[id.0].name, decode::decode(frame).text)
            }
        }
    }
}

/// Length and a hash that is the same in every run.
fn digest(octets: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    octets.hash(&mut hasher);
    format!("{} octets {:016x}", octets.len(), hasher.finish())
}

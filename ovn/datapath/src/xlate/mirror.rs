//! Copies for mirrors: of packets as they came in, and as they leave. A mirror gets one copy of a packet at most.

use std::sync::Arc;

use openflow::PortNo;
use packet::MacAddr;
use packet::key::slot;

use super::{Credit, Xlate};
use crate::mirror::{Mirror, MirrorConfig, MirrorOut};
use crate::program::Op;

impl Xlate<'_> {
    /// The packet came in by its port.
    pub(super) fn mirror_ingress(&mut self) {
        if self.has_mirrors() {
            let port = self.in_port();
            self.mirror(|config| config.all || config.src.contains(&port));
        }
    }

    /// The packet leaves by a port, as it is now.
    pub(super) fn mirror_egress(&mut self, port: PortNo) {
        if self.has_mirrors() {
            self.mirror(|config| config.all || config.dst.contains(&port));
        }
    }

    fn has_mirrors(&mut self) -> bool {
        self.depend(None);
        self.current().is_some_and(|bridge| !bridge.mirrors.is_empty())
    }

    /// Whether a port carries copies of a mirror, and nothing else.
    pub(super) fn is_mirror_out(&self, port: PortNo) -> bool {
        self.current().is_some_and(|bridge| bridge.mirrors.iter().any(|mirror| mirror.is_out(port)))
    }

    fn mirror(&mut self, selects: impl Fn(&MirrorConfig) -> bool) {
        let Some(bridge) = self.current() else { return };
        for (at, mirror) in (0..).zip(&bridge.mirrors) {
            let place = (self.bridge, at);
            if selects(&mirror.config) && !self.mirrored.contains(&place) {
                self.mirror_to(mirror, place);
            }
        }
    }

    fn mirror_to(&mut self, mirror: &Mirror, place: (crate::bridge::BridgeId, u32)) {
        let tci = self.see(slot::VLAN_TCI) as u16;
        let in_port = self.in_port();
        let vlan = match self.port(in_port) {
            Some((_, port)) => port.vlans.incoming(tci),
            None => Some(tci & 0x0fff),
        };
        let Some(vlan) = vlan else { return };
        let config = &mirror.config;
        if !config.vlans.is_empty() && !config.vlans.contains(&vlan) {
            return;
        }
        // Before the copy goes, which leaves by a port too.
        self.mirrored.push(place);
        self.note(|| format!("mirrored by {}", config.name));
        self.out.credits.push(Credit::Group(Arc::clone(&mirror.counters)));
        self.begin_copy();
        if self.failure.is_some() {
            return;
        }
        let floor = self.levels.len();
        if let Some(len) = config.snaplen {
            self.emit(Op::Truncate(len));
        }
        match config.out {
            MirrorOut::Port(port) => self.normal_output(port, tci, vlan),
            MirrorOut::Vlan(wanted) => {
                let dst = MacAddr::from_u64(self.see(slot::ETH_DST) as u64);
                let ports: Vec<PortNo> =
                    self.current().into_iter().flat_map(|bridge| bridge.ports.keys().copied()).collect();
                for port in ports {
                    // What bridges tell each other must not spread by copies.
                    if !dst.is_reserved_multicast() && !self.is_mirror_out(port) {
                        self.normal_output(port, tci, wanted);
                    }
                }
            }
        }
        self.run(floor - 1);
    }
}

//! The NORMAL action: what a learning bridge does (IEEE 802.1D section 7.7).

use openflow::{PortConfig, PortNo};
use packet::key::slot;
use packet::{EtherType, MacAddr};

use super::{Effect, Xlate};
use crate::counters::Event;

/// The bit of a key's tag that says that there is one.
const TAGGED: u16 = 0x1000;

impl Xlate<'_> {
    pub(super) fn normal(&mut self) {
        let src = MacAddr::from_u64(self.see(slot::ETH_SRC) as u64);
        let dst = MacAddr::from_u64(self.see(slot::ETH_DST) as u64);
        let tci = self.see(slot::VLAN_TCI) as u16;
        let in_port = self.in_port();
        self.depend(None);
        // Only the beginning of a tag that is not looked at: its VLAN is not known. So it is of two tags once the outer
        // one is taken off, where one is looked at.
        if tci & TAGGED == 0 && EtherType(self.see(slot::ETH_TYPE) as u16).is_vlan() {
            self.warn(|| "partial VLAN tag, dropping".to_owned());
            return self.out.events.push(Event::DropNormal);
        }
        if self.is_mirror_out(in_port) {
            self.note(|| {
                "dropping packet received on port, which is reserved exclusively for mirroring".to_owned()
            });
            return self.out.events.push(Event::DropNormal);
        }
        // A packet that a controller made came in by no port and may be in any VLAN.
        let vlan = match self.port(in_port) {
            Some((_, port)) => port.vlans.incoming(tci),
            None if matches!(in_port, PortNo::CONTROLLER | PortNo::NONE) => Some(tci & 0x0fff),
            None => {
                self.warn(|| "no input bundle, dropping".to_owned());
                return self.out.events.push(Event::DropNormal);
            }
        };
        let Some(vlan) = vlan.filter(|_| !dst.is_reserved_multicast()) else {
            self.note(|| {
                "packet is of no VLAN of its port or has reserved destination MAC, dropping".to_owned()
            });
            return self.out.events.push(Event::DropNormal);
        };
        if !src.is_multicast() && self.port(in_port).is_some() {
            let again = self.taught(vlan, src).is_some();
            self.out.effects.push(Effect::Learn { bridge: self.bridge, vlan, mac: src, port: in_port });
            self.depend_address(vlan, src, Some(in_port), again);
        }
        let known = if dst.is_multicast() { None } else { self.learned(vlan, dst) };
        match known {
            Some(port) if port == in_port => {
                self.note(|| "learned port is input port, dropping".to_owned());
                self.out.events.push(Event::DropNormal);
            }
            Some(port) => {
                self.note(|| "forwarding to learned port".to_owned());
                self.normal_output(port, tci, vlan);
            }
            None => {
                self.note(|| "no learned MAC for destination, flooding".to_owned());
                self.normal_flood(in_port, tci, vlan);
            }
        }
    }

    /// Behind which port an address is; what this packet taught counts already.
    fn learned(&mut self, vlan: u16, mac: MacAddr) -> Option<PortNo> {
        self.taught(vlan, mac).or_else(|| {
            let known = self.current()?.fdb.lookup(vlan, mac);
            self.depend_address(vlan, mac, known, false);
            known
        })
    }

    /// Behind which port this packet showed an address to be.
    fn taught(&self, vlan: u16, mac: MacAddr) -> Option<PortNo> {
        let here = (self.bridge, vlan, mac);
        self.out.effects.iter().rev().find_map(|effect| {
            let Effect::Learn { bridge, vlan, mac, port } = *effect else { return None };
            ((bridge, vlan, mac) == here).then_some(port)
        })
    }

    fn normal_flood(&mut self, in_port: PortNo, tci: u16, vlan: u16) {
        let Some(bridge) = self.current() else { return };
        for (&number, id) in &bridge.ports {
            let Some(port) = self.view.port(*id) else { continue };
            let takes_floods = port.config.0 & PortConfig::NO_FLOOD == 0 && !self.is_mirror_out(number);
            if number != in_port && takes_floods {
                self.normal_output(number, tci, vlan);
            }
        }
    }

    /// Sends out of one port with the tag that its VLANs ask for; afterwards the packet is as before.
    pub(super) fn normal_output(&mut self, number: PortNo, tci: u16, vlan: u16) {
        let Some((_, port)) = self.port(number) else { return };
        let Some(leaving) = port.vlans.outgoing(vlan) else { return };
        let wanted = match leaving {
            // A tag with VLAN 0 carries a priority only; it is not passed on, as in Open vSwitch.
            0 => 0,
            vid => tci & 0xe000 | 0x1000 | vid,
        };
        if wanted == tci {
            return self.output_to(number);
        }
        self.begin_copy();
        if self.failure.is_none() {
            let floor = self.levels.len();
            self.write_tag(wanted.into(), 0xffff);
            self.output_to(number);
            // What the output led to (a patch port's bridge) comes before the next port.
            self.run(floor - 1);
        }
    }
}

//! The NORMAL action: what a learning bridge does (IEEE 802.1D section 7.7).

use openflow::{PortConfig, PortNo};
use packet::MacAddr;
use packet::key::slot;

use super::{Effect, Xlate};
use crate::counters::Event;
use crate::port::Vlans;

impl Xlate<'_> {
    pub(super) fn normal(&mut self) {
        let src = MacAddr::from_u64(self.see(slot::ETH_SRC) as u64);
        let dst = MacAddr::from_u64(self.see(slot::ETH_DST) as u64);
        let tci = self.see(slot::VLAN_TCI) as u16;
        let in_port = self.in_port();
        self.depend(None, true);
        // A packet that a controller made came in by no port and may be in any VLAN.
        let vlan = match self.port(in_port) {
            Some((_, port)) => port.vlans.incoming(tci),
            None => Some(tci & 0x0fff),
        };
        let Some(vlan) = vlan.filter(|_| !dst.is_reserved_multicast()) else {
            self.note(|| "NORMAL: dropped".to_owned());
            return self.out.events.push(Event::DropNormal);
        };
        if !src.is_multicast() && self.port(in_port).is_some() {
            self.out.effects.push(Effect::Learn { bridge: self.bridge, vlan, mac: src, port: in_port });
        }
        let known =
            self.current().and_then(|bridge| bridge.fdb.lookup(vlan, dst)).filter(|_| !dst.is_multicast());
        match known {
            Some(port) if port == in_port => {
                self.note(|| "NORMAL: learned port is the input port, dropped".to_owned());
                self.out.events.push(Event::DropNormal);
            }
            Some(port) => {
                self.note(|| format!("NORMAL: forwarding to learned port {port}"));
                self.normal_output(port, tci, vlan);
            }
            None => {
                self.note(|| "NORMAL: no learned MAC for destination, flooding".to_owned());
                self.normal_flood(in_port, tci, vlan);
            }
        }
    }

    fn normal_flood(&mut self, in_port: PortNo, tci: u16, vlan: u16) {
        let Some(bridge) = self.current() else { return };
        for (&number, id) in &bridge.ports {
            let Some(port) = self.view.port(*id) else { continue };
            if number != in_port && port.config.0 & PortConfig::NO_FLOOD == 0 {
                self.normal_output(number, tci, vlan);
            }
        }
    }

    /// Sends out of one port with the tag that its VLANs ask for; afterwards the packet is as before.
    fn normal_output(&mut self, number: PortNo, tci: u16, vlan: u16) {
        let Some((_, port)) = self.port(number) else { return };
        let Some(leaving) = port.vlans.outgoing(vlan) else { return };
        let wanted = match leaving {
            // A tag with VLAN 0 carries a priority, which trunks keep.
            0 if tci & 0x1fff == 0x1000 && port.vlans != Vlans::default() => Some(0),
            0 if tci & 0x1fff == 0x1000 => Some(tci),
            0 => Some(0),
            vid if tci & 0x1fff == 0x1000 | vid => Some(tci),
            vid => Some(tci & 0xe000 | 0x1000 | vid),
        };
        match wanted.filter(|wanted| *wanted != tci) {
            None => self.output_to(number),
            Some(wanted) => {
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
    }
}

//! What a switch wants done: devices, packets, OpenFlow, rows.

use datapath::vswitchd::Output;
use datapath::{ConnOutput, Departure};

use super::chassis::device_info;
use super::world::Watched;
use super::{CONTROL_DELAY, ChassisId, Client, Delivery, GUEST_DELAY, Part, World, underlay};
use crate::fabric::line::Frame;

impl World {
    pub(super) fn drain_switch(&mut self, id: ChassisId) {
        if !self.chassis[id.0].switch_runs {
            return;
        }
        while let Some(output) = self.chassis[id.0].switch.poll_output() {
            self.carry_out(id, output);
        }
        while let Some(message) = self.chassis[id.0].switch.poll_database() {
            self.say(Client::Switch(id), message);
        }
        if self.chassis[id.0].switch.poll_database_lost().is_some() {
            self.reconnect(Client::Switch(id));
        }
        let mut departures = Vec::new();
        self.chassis[id.0].switch.switch_mut().take_departures(&mut departures);
        for departure in departures {
            self.depart(id, departure);
        }
        let pending: Vec<_> = self.chassis[id.0].switch.switch().openflow_pending().collect();
        for conn in pending {
            let wire = self.chassis[id.0].wire_of(conn);
            while let Some(output) = self.chassis[id.0].switch.switch_mut().openflow_output(conn) {
                match (output, wire) {
                    (ConnOutput::Send(octets), Some((_, wire))) => {
                        self.queue.push(CONTROL_DELAY, Delivery::FromBridge(id, wire, octets));
                    }
                    (ConnOutput::Send(_), None) => {}
                    (ConnOutput::Close(_), wire) => {
                        wire.into_iter().for_each(|(link, _)| self.reconnect_bridge(id, link));
                        break;
                    }
                }
            }
        }
    }

    fn carry_out(&mut self, id: ChassisId, output: Output) {
        let now = self.queue.now();
        let chassis = &mut self.chassis[id.0];
        match output {
            Output::OpenDevice { id: device, name, kind, .. } => {
                chassis.open_device(device, &name, kind, now);
            }
            Output::ChangeDevice { id: device, .. } => {
                chassis.switch.device_changed(device, device_info(device), now);
            }
            Output::CloseDevice { id: device } => chassis.devices.retain(|_, other| *other != device),
            // Sockets are always there, and the bridge itself refuses when it is not.
            Output::Listen { .. }
            | Output::Unlisten { .. }
            | Output::OpenTunnel { .. }
            | Output::CloseTunnel { .. } => {}
        }
    }

    fn depart(&mut self, id: ChassisId, departure: Departure) {
        match departure {
            Departure::Device { device, frame } => {
                let chassis = &self.chassis[id.0];
                let name = chassis.devices.iter().find(|(_, other)| **other == device).map(|(name, _)| name);
                // What goes to the host's own stack is of no interest.
                if let Some(guest) = name.and_then(|name| chassis.guests.get(name)) {
                    let delivery = Delivery::ToGuest(*guest, frame.as_slice().to_vec());
                    self.queue.push(GUEST_DELAY, delivery);
                }
            }
            Departure::Tunnel(packet) => {
                let Some(to) = self.chassis.iter().position(|chassis| chassis.ip == packet.remote) else {
                    return;
                };
                let chassis = &self.chassis[id.0];
                // The host fills in its address.
                let (end, from) = (chassis.end, packet.local.unwrap_or(chassis.ip));
                for frame in underlay::frames((id, from), ChassisId(to), &packet) {
                    let frame: Frame = frame.into();
                    self.see(Watched::Underlay, end.0 as u32, true, &frame);
                    self.fabric.handle_frame(end, &frame, self.queue.now());
                    self.touched.insert(Part::Fabric);
                }
            }
        }
    }
}

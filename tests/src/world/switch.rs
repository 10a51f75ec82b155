//! What a switch wants done: devices, packets, OpenFlow, rows.

use datapath::vswitchd::Output;
use datapath::{ConnOutput, Departure};

use super::chassis::device_info;
use super::{CONTROL_DELAY, ChassisId, Client, Delivery, GUEST_DELAY, GuestId, World};

impl World {
    pub(super) fn drain_switch(&mut self, id: ChassisId) {
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
            while let Some(output) = self.chassis[id.0].switch.switch_mut().openflow_output(conn) {
                match output {
                    ConnOutput::Send(octets) => {
                        self.queue.push(CONTROL_DELAY, Delivery::FromBridge(id, conn, octets));
                    }
                    ConnOutput::Close(_) => {
                        let link = self.chassis[id.0].link_of(conn);
                        link.into_iter().for_each(|link| self.reconnect_bridge(id, link));
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
                let guests = self.guests.iter().filter(|guest| guest.chassis == id);
                let guests: Vec<&str> = guests.map(|guest| guest.name.as_str()).collect();
                chassis.open_device(device, &name, kind, &guests, &self.queue);
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
                let devices = &self.chassis[id.0].devices;
                let name = devices.iter().find(|(_, other)| **other == device).map(|(name, _)| name);
                let is_it = |name: &String| {
                    self.guests.iter().position(|guest| guest.chassis == id && guest.name == *name)
                };
                // What goes to the host's own stack is of no interest.
                if let Some(guest) = name.and_then(is_it) {
                    let delivery = Delivery::ToGuest(GuestId(guest), frame.as_slice().to_vec());
                    self.queue.push(GUEST_DELAY, delivery);
                }
            }
            Departure::Tunnel(mut packet) => {
                let Some(to) = self.chassis.iter().position(|chassis| chassis.ip == packet.remote) else {
                    return;
                };
                // The host fills in its address.
                packet.local = packet.local.or(Some(self.chassis[id.0].ip));
                if let Some(delay) = self.underlay.carry(id, ChassisId(to), &packet) {
                    self.queue.push(delay, Delivery::Tunnel(ChassisId(to), packet));
                }
            }
        }
    }
}

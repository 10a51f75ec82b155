//! Out of the ingress pipeline into the egress pipeline of a port, or of each port of a group; out of that to the port, and
//! through a patch port to the next datapath.

use super::act::{Done, clear_tracking};
use super::explore::{Event, Explorer, Place, State};
use super::flows::Test;
use super::sets::Set;
use super::values::Value;
use crate::network::Port;
use openflow::Field;

const INPORT: Field = Field::Reg(14);
const OUTPORT: Field = Field::Reg(15);
const LOOPBACK: Test = Test::Equal { field: Field::Reg(10), value: 1, mask: 1 };

impl<'n> Explorer<'n> {
    pub(super) fn output(&mut self, place: Place, state: State) -> Done {
        let sent = self.by_port(OUTPORT, place, &state, |explorer, state, key| {
            if place.is_egress {
                explorer.output_to_port(place, key, state)
            } else {
                explorer.output_to_egress(place, key, state)
            }
        });
        Done::sent(state, sent)
    }

    /// Splits packets by the port or group whose key a register holds; those of none are left out.
    pub(super) fn by_port(
        &mut self,
        register: Field,
        place: Place,
        state: &State,
        mut each: impl FnMut(&mut Self, State, u32) -> Set,
    ) -> Set {
        if let Some(key) = state.shape.values.constant(register) {
            return each(self, state.clone(), key as u32);
        }
        let mut all = Set::NONE;
        for key in self.datapath(place).keys() {
            let of = self.equal(register, key.into(), state);
            let set = self.sets.and(state.set, of);
            if !set.is_empty() {
                let part = each(self, State { set, ..state.clone() }, key);
                all = self.sets.or(all, part);
            }
        }
        all
    }

    fn output_to_egress(&mut self, place: Place, key: u32, state: State) -> Set {
        let datapath = self.datapath(place);
        if let Some(port) = datapath.port(key) {
            let Some(port) = self.distributed(place, port) else { return Set::NONE };
            return self.egress(place, port.key, state);
        }
        let Some(group) = datapath.groups.get(&key) else { return Set::NONE };
        let mut sent = Set::NONE;
        for &member in &group.ports {
            let mut copy = state.clone();
            copy.shape.is_copy |= group.ports.len() > 1;
            let part = self.egress(place, member, copy);
            sent = self.sets.or(sent, part);
        }
        sent
    }

    /// The port that stands behind one that is bound to a gateway chassis; any other one is itself.
    fn distributed(&self, place: Place, port: &'n Port) -> Option<&'n Port> {
        if &*port.row.r#type != "chassisredirect" {
            return Some(port);
        }
        let behind = self.network.port_by_name(port.row.options.get("distributed-port")?)?;
        (behind.datapath == self.datapath(place).uuid).then_some(behind)
    }

    /// Into the egress pipeline of one port, unless the packets came from there and do not ask to go back.
    fn egress(&mut self, place: Place, outport: u32, state: State) -> Set {
        let came_from_there = self.equal(INPORT, outport.into(), &state);
        let may_go_back = self.holds(&LOOPBACK, &state);
        let omitted = self.sets.minus(came_from_there, may_go_back);
        let (_, mut state) = self.split(state, omitted);
        let sent = state.set;
        if self.ends_elsewhere(place, outport) {
            return sent;
        }
        cross(&mut state);
        state.shape.values.set(OUTPORT, Value::Constant(outport.into()));
        let hops = place.hops + u16::from(place.is_egress);
        self.enter(Place { hops, is_egress: true, table: 0, ..place }, state);
        sent
    }

    /// Whether packets for a port can only leave the network there, or be dropped before, and nobody asks for that.
    fn ends_elsewhere(&mut self, place: Place, outport: u32) -> bool {
        let datapath = self.datapath(place);
        let leads_on = |port: &Port| matches!(&*port.row.r#type, "patch" | "l3gateway" | "chassisredirect");
        !self.goal.drops
            && (datapath.uuid, outport) != self.goal.to
            && datapath.port(outport).is_some_and(|port| !leads_on(port))
            && !self.compiled(place.datapath).egress_branches
    }

    fn output_to_port(&mut self, place: Place, key: u32, mut state: State) -> Set {
        let datapath = self.datapath(place);
        let sent = state.set;
        let Some(port) = datapath.port(key) else { return Set::NONE };
        if (datapath.uuid, key) == self.goal.to {
            self.events.push((Event::Arrived, state.clone()));
        }
        let peer = match &*port.row.r#type {
            "patch" | "l3gateway" => {
                port.row.options.get("peer").and_then(|peer| self.network.port_by_name(peer))
            }
            _ => None,
        };
        if let Some(peer) = peer
            && let Some(datapath) = self.number(peer.datapath)
        {
            cross(&mut state);
            clear_tracking(&mut state);
            state.shape.values.set(INPORT, Value::Constant(peer.key.into()));
            state.shape.values.set(OUTPORT, Value::Constant(0));
            self.enter(Place { hops: place.hops + 1, datapath, is_egress: false, table: 0 }, state);
        }
        sent
    }

    /// A copy goes through the egress pipeline of another port.
    pub(super) fn mirror(&mut self, place: Place, port: &str, state: &State) {
        let Some(port) = self.network.port_by_name(port) else { return };
        if port.datapath != self.datapath(place).uuid {
            return;
        }
        let mut copy = state.clone();
        copy.shape.is_copy = true;
        copy.shape.values.set(INPORT, Value::Constant(0));
        copy.shape.values.set(OUTPORT, Value::Constant(port.key.into()));
        let hops = place.hops + u16::from(place.is_egress);
        self.enter(Place { hops, is_egress: true, table: 0, ..place }, copy);
    }
}

/// Registers do not cross over to another pipeline, except for the ports.
fn cross(state: &mut State) {
    for n in 0..14 {
        state.shape.values.set(Field::Reg(n), Value::Constant(0));
    }
    state.shape.stack.clear();
}

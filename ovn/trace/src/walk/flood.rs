//! Copies to elsewhere.

use super::{Place, Traced, Walk};
use crate::node::{Kind, Node};
use lflow::Pipeline;
use openflow::Field;

impl<'n> Walk<'n> {
    /// A copy goes through the egress pipeline of another port.
    pub(super) fn mirror(&mut self, place: Place<'n>, port: &str, packet: &Traced, nodes: &mut Vec<Node>) {
        let here = self.network.port_by_name(port).filter(|port| port.datapath == place.datapath.uuid);
        let Some(port) = here else {
            nodes.push(Node::new(Kind::Error, "/* omitting output because no target port found. */"));
            return;
        };
        let mut copy = packet.clone();
        copy.flow.set(Field::Reg(14), 0);
        copy.flow.set(Field::Reg(15), port.key.into());
        let children = self.tables(Place { pipeline: Pipeline::Egress, table: 0, ..place }, &mut copy);
        nodes.push(Node::new(Kind::Transformation, "clone").with(children));
    }
}

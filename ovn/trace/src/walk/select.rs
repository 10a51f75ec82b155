//! One of several: the user says which, or it is the first one.

use super::assign::write;
use super::{Place, Traced, Walk};
use crate::node::{Kind, Node};
use lflow::action::{ForwardGroup, Select};
use openflow::Field;

impl<'n> Walk<'n> {
    pub(super) fn select(
        &mut self,
        place: Place<'n>,
        select: &Select,
        packet: &Traced,
        nodes: &mut Vec<Node>,
    ) {
        let asked = self.options.select_id;
        let found = select.values.iter().find(|(value, _)| Some(*value) == asked);
        let (value, remark) = match (found, select.values.first()) {
            (Some((value, _)), _) => (*value, ""),
            (None, Some((value, _))) => (*value, " /* First of several. Use --select-id to specify. */"),
            (None, None) => return,
        };
        let mut selected = packet.clone();
        write(&select.result, value.into(), &mut selected);
        let title = format!("select: {} = {value}{remark}", select.result);
        let children = self.tables(Place { table: select.table, ..place }, &mut selected);
        nodes.push(Node::new(Kind::Transformation, title).with(children));
    }

    /// Out of the first of the ports that is there.
    pub(super) fn forward_group(
        &mut self,
        place: Place<'n>,
        group: &ForwardGroup,
        packet: &Traced,
        nodes: &mut Vec<Node>,
    ) {
        let names = self.network.names(place.datapath);
        let key = group.child_ports.iter().find_map(|port| lflow::expr::port_key(port, &names));
        let Some(key) = key else {
            nodes.push(Node::new(Kind::Error, "*** no child port of the group is there"));
            return;
        };
        let mut chosen = packet.clone();
        chosen.flow.set(Field::Reg(15), key.into());
        self.output(place, &chosen, nodes);
    }
}

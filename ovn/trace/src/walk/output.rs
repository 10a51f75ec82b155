//! `output;`: out of the ingress pipeline into the egress pipeline of a port, or of each port of a group; out
//! of the egress pipeline to the port, and through a patch port to the next datapath.

use super::{Delivery, Place, Traced, Walk};
use crate::about::{About, Hop, Tunnel};
use crate::network::Port;
use crate::node::{Kind, Node};
use lflow::Pipeline;
use openflow::Field;
use ovsdb::Uuid;
use schema::sb::Chassis;

/// `flags.loopback`.
const LOOPBACK: u128 = 1;

impl<'n> Walk<'n> {
    pub(super) fn output(&mut self, place: Place<'n>, packet: &Traced, nodes: &mut Vec<Node>) {
        match place.pipeline {
            Pipeline::Ingress => self.output_to_egress(place, packet, nodes),
            Pipeline::Egress => self.output_to_port(place, packet, nodes),
        }
    }

    fn output_to_egress(&mut self, place: Place<'n>, packet: &Traced, nodes: &mut Vec<Node>) {
        let key = packet.outport();
        if key == 0 {
            nodes.push(Node::new(Kind::Error, "*** output to null logical port"));
        } else if let Some(port) = place.datapath.port(key) {
            let at = chassis(port);
            let Some(port) = self.distributed(place, port, nodes) else { return };
            match goes_back(packet, port.key) {
                Some(remark) => nodes.push(remark),
                None => nodes.push(self.egress(place, port.key, at, packet)),
            }
        } else if let Some(group) = place.datapath.groups.get(&key) {
            let mut members = Vec::new();
            for &member in &group.ports {
                members.push(match goes_back(packet, member) {
                    // It is no packet of its own.
                    Some(remark) => self.egress_node(place, member, packet).with(vec![remark]),
                    None => {
                        let at = place.datapath.port(member).and_then(chassis);
                        self.egress(place, member, at, packet).of_many()
                    }
                });
            }
            let title = format!("multicast(dp=\"{}\", mcgroup=\"{}\")", place.datapath.friendly, group.name);
            nodes.push(Node::new(Kind::Pipeline, title).with(members));
        } else {
            nodes.push(Node::new(Kind::Error, format!("*** unknown port or multicast group {key}")));
        }
    }

    /// The port that stands behind a port which is bound to a gateway chassis; any other one is itself.
    fn distributed(&self, place: Place<'n>, port: &'n Port, nodes: &mut Vec<Node>) -> Option<&'n Port> {
        let kind = &*port.row.r#type;
        if kind != "chassisredirect" {
            return Some(port);
        }
        let name = port.row.options.get("distributed-port");
        let behind = name.and_then(|name| self.network.port_by_name(name));
        let Some(behind) = behind.filter(|behind| behind.datapath == place.datapath.uuid) else {
            let message = format!(
                "*** output to type \"{kind}\" port \"{}\" with no or invalid distributed port",
                port.friendly
            );
            nodes.push(Node::new(Kind::Error, message));
            return None;
        };
        let remark = format!(
            "/* Replacing type \"{kind}\" outport \"{}\" with distributed port \"{}\". */",
            port.friendly, behind.friendly
        );
        nodes.push(Node::new(Kind::Remark, remark));
        Some(behind)
    }

    fn egress_node(&self, place: Place<'n>, outport: u32, packet: &Traced) -> Node {
        let title = format!(
            "egress(dp=\"{}\", inport=\"{}\", outport=\"{}\")",
            place.datapath.friendly,
            place.datapath.port_name(packet.inport()),
            place.datapath.port_name(outport)
        );
        Node::new(Kind::Pipeline, title)
    }

    /// The egress pipeline of one port, on the chassis that `at` names if the port is on one.
    fn egress(&mut self, place: Place<'n>, outport: u32, at: Option<Uuid>, packet: &Traced) -> Node {
        let mut crossing = packet.crossing();
        crossing.flow.set(Field::Reg(15), outport.into());
        let mut hop = None;
        if self.record {
            let tunnel = self.tunnel(place, outport, at, packet);
            crossing.chassis = at.or(packet.chassis);
            let at = self.hop(place.datapath, Pipeline::Egress, &crossing);
            hop = Some(About::Hop(Hop { tunnel, ..at }));
        }
        let node = self.egress_node(place, outport, packet).about(hop);
        let first = Place { pipeline: Pipeline::Egress, table: 0, ..place };
        node.with(self.tables(first, &mut crossing))
    }

    /// How a packet gets to the chassis of a port, if that is another one.
    fn tunnel(&self, place: Place<'n>, outport: u32, at: Option<Uuid>, packet: &Traced) -> Option<Tunnel> {
        let (from, to) = (packet.chassis?, at?);
        if from == to {
            return None;
        }
        let tables = self.network.tables();
        let (from, to) = (tables.chassis.get(&from)?, tables.chassis.get(&to)?);
        let end = |row: &Chassis, kind: Option<&str>| {
            let encaps = row.encaps.iter().filter_map(|uuid| tables.encap.get(uuid));
            // What a chassis has of both, it uses Geneve.
            let mut encaps: Vec<_> =
                encaps.filter(|row| kind.is_none_or(|kind| *kind == *row.r#type)).collect();
            encaps.sort_by_key(|row| (&*row.r#type != "geneve", row.ip.clone()));
            encaps.first().map(|row| (row.r#type.clone(), row.ip.clone()))
        };
        let (kind, address) = end(to, None).unwrap_or_default();
        let (_, own) = end(from, Some(&*kind)).unwrap_or_default();
        Some(Tunnel {
            kind,
            from: (from.name.clone(), own),
            to: (to.name.clone(), address),
            datapath: place.datapath.key,
            inport: packet.inport(),
            outport,
        })
    }

    fn output_to_port(&mut self, place: Place<'n>, packet: &Traced, nodes: &mut Vec<Node>) {
        let key = packet.outport();
        let Some(port) = place.datapath.port(key) else {
            let message = match key {
                0 => "*** output to null logical port".to_owned(),
                key => format!("*** unknown port or multicast group {key}"),
            };
            nodes.push(Node::new(Kind::Error, message));
            return;
        };
        let remark = format!("/* output to \"{}\", type \"{}\" */", port.friendly, port.row.r#type);
        let delivery = self.record.then(|| About::Delivery {
            port: port.friendly.clone(),
            kind: port.row.r#type.clone(),
            network: port.row.options.get("network_name").cloned(),
            flow: packet.flow.clone(),
        });
        let peer = self.peer(port);
        let node = Node::new(Kind::Remark, remark);
        nodes.push(node.about(delivery.filter(|_| peer.is_none())));
        match peer {
            None => {
                self.deliveries.push(Delivery {
                    datapath: place.datapath.uuid,
                    port: port.key,
                    name: port.friendly.clone(),
                    flow: packet.flow.clone(),
                });
                nodes.push(Node::new(Kind::Effect, format!("output(\"{}\")", port.friendly)));
            }
            Some(peer) => {
                let Some(datapath) = self.network.datapath(peer.datapath) else { return };
                let mut crossing = packet.crossing();
                super::conntrack::clear(&mut crossing);
                crossing.flow.set(Field::Reg(14), peer.key.into());
                crossing.flow.set(Field::Reg(15), 0);
                nodes.push(self.ingress(datapath, &mut crossing));
            }
        }
    }

    /// The other end of a patch port.
    fn peer(&self, port: &Port) -> Option<&'n Port> {
        match &*port.row.r#type {
            "patch" | "l3gateway" => self.network.port_by_name(port.row.options.get("peer")?),
            _ => None,
        }
    }
}

/// The chassis that a port is on. Most kinds of ports are on every one.
pub(super) fn chassis(port: &Port) -> Option<Uuid> {
    match &*port.row.r#type {
        "" | "l2gateway" | "l3gateway" | "chassisredirect" | "vtep" | "virtual" | "external" => {
            port.row.chassis
        }
        _ => None,
    }
}

/// The remark that a packet does not leave by the port that it came in by, unless it asks for that.
fn goes_back(packet: &Traced, outport: u32) -> Option<Node> {
    let loopback = packet.get(Field::Reg(10)) & LOOPBACK != 0;
    (outport == packet.inport() && !loopback).then(|| {
        let remark = "/* omitting output because inport == outport && !flags.loopback */";
        Node::new(Kind::Remark, remark)
    })
}

//! The form for people: where the packet was, what happened to it and who asked for that. What changed nothing is counted.

use crate::about::{About, Changed, Failed, Hop, Near, Tunnel, Visit};
use crate::flow_text::describe;
use crate::node::{Kind, Node};
use crate::northbound::Northbound;
use crate::walk::Journey;
use std::fmt::Write as _;

/// Writes down packets.
pub(crate) fn text(journeys: &[Journey], northbound: &Northbound) -> String {
    let mut out = String::new();
    for (i, journey) in journeys.iter().enumerate() {
        if journeys.len() > 1 {
            line(&mut out, 0, &format!("{}packet {}", if i > 0 { "\n" } else { "" }, i + 1));
        }
        let mut writer =
            Writer { out: &mut out, northbound, quiet: 0, drops: Vec::new(), place: String::new(), level: 0 };
        line(writer.out, 0, &describe(&journey.flow));
        writer.node(&journey.root, 0);
        let drops = std::mem::take(&mut writer.drops);
        verdict(&mut out, journey, &drops);
    }
    out
}

fn verdict(out: &mut String, journey: &Journey, drops: &[String]) {
    let mut told: Vec<String> =
        journey.deliveries.iter().map(|arrived| format!("delivered to \"{}\"", arrived.name)).collect();
    told.extend(drops.iter().cloned());
    if told.is_empty() {
        told.push("goes nowhere".to_owned());
    }
    line(out, 0, &format!("=> {}", told.join(", ")));
}

fn line(out: &mut String, level: usize, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{:1$}{text}", "", 4 * level);
}

struct Writer<'a> {
    out: &'a mut String,
    northbound: &'a Northbound,
    /// Flows that only handed the packet on, since the last line.
    quiet: usize,
    drops: Vec<String>,
    /// The pipeline that is being written, and how far it is indented.
    place: String,
    level: usize,
}

impl Writer<'_> {
    fn line(&mut self, level: usize, text: &str) {
        if self.quiet > 0 {
            let s = if self.quiet == 1 { "" } else { "s" };
            let quiet = std::mem::take(&mut self.quiet);
            line(self.out, level, &format!("({quiet} stage{s} changed nothing)"));
        }
        line(self.out, level, text);
    }

    fn nodes(&mut self, nodes: &[Node], level: usize) {
        nodes.iter().for_each(|node| self.node(node, level));
    }

    fn node(&mut self, node: &Node, level: usize) {
        match (node.about.as_deref(), node.kind) {
            (Some(About::Hop(hop)), _) => {
                // The way of one packet is a list; only that of its copies is a tree.
                let level = if node.of_many { level } else { self.level };
                let place = format!("{} {}", hop.datapath, hop.pipeline);
                let outside =
                    (std::mem::replace(&mut self.place, place), std::mem::replace(&mut self.level, level));
                self.flush(level + 1);
                self.hop(hop, level);
                self.nodes(&node.children, level + 1);
                self.flush(level + 1);
                (self.place, self.level) = outside;
            }
            (Some(About::Visit(visit)), _) if visit.is_quiet => self.quiet += 1,
            (Some(About::Visit(visit)), _) => {
                self.visit(visit, level);
                for (i, child) in node.children.iter().enumerate() {
                    self.node(child, level + 1);
                    // What a flow ends with goes on as the flow's own pipeline does, all else is about another packet.
                    let inside = if i + 1 == node.children.len() { level } else { level + 2 };
                    if child.about.is_none() && child.kind == Kind::Transformation {
                        self.nodes(&child.children, inside);
                    }
                }
            }
            (Some(About::Miss { table, stage, near, .. }), _) => {
                let stage = stage.as_deref().unwrap_or("");
                self.line(level, &format!("{table:2} {stage}: no flow matches, the packet is dropped"));
                self.near(near, level + 1);
                self.drops.push(format!("dropped in {stage} of {}", self.place));
            }
            (Some(About::Delivery { port, kind, network, flow }), _) => {
                let to = match network {
                    Some(network) => format!("\"{port}\", to the physical network {network}"),
                    None if kind.is_empty() => format!("\"{port}\""),
                    None => format!("\"{port}\", a {kind} port"),
                };
                self.line(level, &format!("-> {to}: {}", describe(flow)));
            }
            (None, Kind::Pipeline) => {
                self.line(level, &node.text);
                self.nodes(&node.children, level + 1);
            }
            (None, Kind::Transformation | Kind::Error | Kind::Remark) => self.line(level, &node.text),
            // The flow's line has its actions, and the packet what they did.
            (None, Kind::Action | Kind::Effect | Kind::Table | Kind::OpenFlow(_)) => {}
        }
    }

    /// Says how many flows were left out at the end.
    fn flush(&mut self, level: usize) {
        if self.quiet > 0 {
            let s = if self.quiet == 1 { "" } else { "s" };
            let quiet = std::mem::take(&mut self.quiet);
            line(self.out, level, &format!("({quiet} stage{s} changed nothing)"));
        }
    }

    fn hop(&mut self, hop: &Hop, level: usize) {
        let kind = if hop.is_router { "router" } else { "switch" };
        let mut text = format!("{kind} {}, {}", hop.datapath, hop.pipeline);
        if let Some(port) = &hop.inport {
            text.push_str(&format!(", from \"{port}\""));
        }
        if let Some(port) = &hop.outport {
            text.push_str(&format!(", to \"{port}\""));
        }
        if let Some(chassis) = &hop.chassis {
            text.push_str(&format!(", on {chassis}"));
        }
        if let Some(tunnel) = &hop.tunnel {
            self.tunnel(tunnel, level);
        }
        self.line(level, &text);
    }

    fn tunnel(&mut self, tunnel: &Tunnel, level: usize) {
        let end = |(name, address): &(ovsdb::Str, ovsdb::Str)| match address.is_empty() {
            true => name.to_string(),
            false => format!("{name} ({address})"),
        };
        let kind = if tunnel.kind.is_empty() { "tunnel" } else { &*tunnel.kind };
        let Tunnel { from, to, datapath, inport, outport, .. } = tunnel;
        self.line(
            level,
            &format!(
                "~~ {kind} from {} to {}: datapath {datapath}, port {inport} to {outport}",
                end(from),
                end(to)
            ),
        );
    }

    fn visit(&mut self, visit: &Visit, level: usize) {
        let stage = visit.stage.as_deref().unwrap_or("");
        let head = format!("{:2} {stage}: {} (priority {})", visit.table, visit.matched, visit.priority);
        self.line(level, &head);
        let actions = if visit.actions.is_empty() { "drop;".to_owned() } else { visit.actions.join(" ") };
        self.line(level + 1, &format!("does {actions}"));
        for Changed { field, before, after } in &visit.changes {
            self.line(level + 1, &format!("{field} was {before}, is {after}"));
        }
        if let Some(hint) = &visit.hint {
            for row in self.northbound.responsible(hint) {
                let name = if row.name.is_empty() { row.uuid.to_string() } else { row.name.clone() };
                self.line(level + 1, &format!("asked for by {} {name}", row.table));
            }
        }
        if let Some(drop) = &visit.drop {
            if let Some(decided) = &drop.decided {
                self.line(level + 1, &format!("decided by {decided}"));
            }
            self.near(&drop.near, level + 1);
            self.drops.push(format!("dropped in {stage} of {}", self.place));
        }
    }

    fn near(&mut self, near: &[Near], level: usize) {
        for Near { priority, matched, actions, failed, .. } in near {
            self.line(level, &format!("nearly: {matched} (priority {priority}), which does {actions}"));
            failed.iter().for_each(|failed| self.line(level + 1, &because(failed)));
        }
    }
}

/// Why a flow did not match.
pub(crate) fn because((term, has): &Failed) -> String {
    match has {
        Some(has) => format!("but not {term}: {has}"),
        None => format!("but not {term}"),
    }
}

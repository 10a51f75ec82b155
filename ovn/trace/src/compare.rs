//! Where two packets part.

use crate::about::{About, Visit};
use crate::flow_text::describe;
use crate::network::Network;
use crate::node::Node;
use crate::pretty::because;
use crate::walk::{Delivery, Journey, nearest};
use lflow::expr::Microflow;
use ovsdb::Uuid;

/// One step of a packet, in the order in which they were made.
enum Step<'a> {
    Pipeline(&'a str),
    Visit(&'a Visit),
    Miss { stage: &'a str, flow: &'a Microflow },
}

impl Step<'_> {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Step::Pipeline(a), Step::Pipeline(b)) => a == b,
            (Step::Visit(a), Step::Visit(b)) => a.uuid == b.uuid,
            (Step::Miss { stage: a, .. }, Step::Miss { stage: b, .. }) => a == b,
            (Step::Pipeline(_) | Step::Visit(_) | Step::Miss { .. }, _) => false,
        }
    }

    fn text(&self) -> String {
        match self {
            Step::Pipeline(title) => format!("goes on in {title}"),
            Step::Visit(visit) => {
                let does =
                    if visit.actions.is_empty() { "drop;".to_owned() } else { visit.actions.join(" ") };
                let stage = visit.stage.as_deref().unwrap_or("");
                format!(
                    "{:2} {stage}: {} (priority {}) does {does}",
                    visit.table, visit.matched, visit.priority
                )
            }
            Step::Miss { stage, .. } => format!("no flow of {stage} matches, the packet is dropped"),
        }
    }

    fn flow(&self) -> Option<&Microflow> {
        match self {
            Step::Pipeline(_) => None,
            Step::Visit(visit) => Some(&visit.before),
            Step::Miss { flow, .. } => Some(flow),
        }
    }
}

/// Says where two packets part and why.
pub(crate) fn text(a: &Journey, b: &Journey, network: &Network) -> String {
    let mut text = format!("A: {}\nB: {}\n", describe(&a.flow), describe(&b.flow));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    steps(&a.root, None, &mut ours);
    steps(&b.root, None, &mut theirs);
    let same = ours.iter().zip(&theirs).take_while(|(a, b)| a.1.is_same(&b.1)).count();
    let shared = ours[..same].iter().filter(|(_, step)| !matches!(step, Step::Pipeline(_))).count();
    let s = if shared == 1 { "" } else { "s" };
    match (ours.get(same), theirs.get(same)) {
        (None, None) => text.push_str(&format!("all in common: {shared} flow{s}\n")),
        (at, bt) => {
            text.push_str(&format!("in common: {shared} flow{s}"));
            let pipeline = ours[..same].iter().rev().find_map(|(_, step)| match step {
                Step::Pipeline(title) => Some(*title),
                Step::Visit(_) | Step::Miss { .. } => None,
            });
            text.push_str(&pipeline.map(|title| format!(", then they part in {title}")).unwrap_or_default());
            text.push('\n');
            for (name, own, other) in [("A", at, bt), ("B", bt, at)] {
                let Some((datapath, step)) = own else {
                    text.push_str(&format!("{name}: ends here\n"));
                    continue;
                };
                text.push_str(&format!("{name}: {}\n", step.text()));
                // The flow that the other packet met and this one did not.
                if let (Some((_, Step::Visit(visit))), Some(flow)) = (other, step.flow())
                    && let Some(datapath) = datapath.and_then(|uuid| network.datapath(uuid))
                {
                    let row = network.tables().logical_flow.get(&visit.uuid);
                    let failed = row.map(|row| nearest::failed(&row.r#match, datapath, network, flow));
                    for failed in failed.unwrap_or_default() {
                        text.push_str(&format!("    {}\n", because(&failed)));
                    }
                }
            }
        }
    }
    for (name, journey) in [("A", a), ("B", b)] {
        let ports: Vec<String> =
            journey.deliveries.iter().map(|Delivery { name, .. }| format!("\"{name}\"")).collect();
        let where_to = if ports.is_empty() { "nobody".to_owned() } else { ports.join(", ") };
        text.push_str(&format!("=> {name} is delivered to {where_to}\n"));
    }
    text
}

fn steps<'a>(node: &'a Node, mut datapath: Option<Uuid>, out: &mut Vec<(Option<Uuid>, Step<'a>)>) {
    match node.about.as_deref() {
        Some(About::Hop(hop)) => {
            datapath = Some(hop.uuid);
            out.push((datapath, Step::Pipeline(&node.text)));
        }
        Some(About::Visit(visit)) => out.push((datapath, Step::Visit(visit))),
        Some(About::Miss { stage, flow, .. }) => {
            out.push((datapath, Step::Miss { stage: stage.as_deref().unwrap_or(""), flow }));
        }
        Some(About::Delivery { .. }) | None => {}
    }
    node.children.iter().for_each(|child| steps(child, datapath, out));
}

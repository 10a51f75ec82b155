//! The form for programs: an object for each packet with the tree of what happened, where the packet arrived and where
//! it was dropped.

use crate::about::{About, Near, Visit};
use crate::flow_text::describe;
use crate::node::{Kind, Node};
use crate::northbound::Northbound;
use crate::walk::Journey;
use serde_json::{Map, Value, json};

/// Writes down packets, or why there are none, as one line.
pub(crate) fn text(journeys: &[Journey], error: Option<&str>, northbound: &Northbound) -> String {
    let packets: Vec<Value> = journeys.iter().map(|journey| packet(journey, northbound)).collect();
    let mut all = json!({ "packets": packets });
    if let Some(error) = error {
        all["error"] = error.trim_end().into();
    }
    format!("{all}\n")
}

fn packet(journey: &Journey, northbound: &Northbound) -> Value {
    let arrived = |delivery: &crate::walk::Delivery| json!({ "port": delivery.name, "datapath": delivery.datapath.to_string(), "packet": describe(&delivery.flow) });
    let mut drops = Vec::new();
    collect_drops(&journey.root, &mut drops, northbound);
    json!({
        "packet": describe(&journey.flow),
        "delivered": journey.deliveries.iter().map(arrived).collect::<Vec<_>>(),
        "dropped": drops,
        "trace": node(&journey.root, northbound),
    })
}

fn collect_drops(of: &Node, out: &mut Vec<Value>, northbound: &Northbound) {
    match of.about.as_deref() {
        Some(About::Miss { .. }) => out.push(about_only(of, northbound)),
        Some(About::Visit(visit)) if visit.drop.is_some() => out.push(about_only(of, northbound)),
        Some(About::Visit(_) | About::Hop(_) | About::Delivery { .. }) | None => {}
    }
    of.children.iter().for_each(|child| collect_drops(child, out, northbound));
}

fn about_only(of: &Node, northbound: &Northbound) -> Value {
    let mut object = Map::new();
    if let Some(about) = of.about.as_deref() {
        put(about, northbound, &mut object);
    }
    object.into()
}

fn node(of: &Node, northbound: &Northbound) -> Value {
    let kind = match of.kind {
        Kind::Pipeline => "pipeline",
        Kind::Transformation => "transformation",
        Kind::Table => "table",
        Kind::Action => "action",
        Kind::Remark => "remark",
        Kind::Effect => "effect",
        Kind::Error => "error",
        Kind::OpenFlow(_) => "openflow",
    };
    let mut object = Map::new();
    object.insert("kind".to_owned(), kind.into());
    object.insert("text".to_owned(), of.text.as_str().into());
    if let Some(about) = of.about.as_deref() {
        put(about, northbound, &mut object);
    }
    if !of.children.is_empty() {
        let children: Vec<Value> = of.children.iter().map(|child| node(child, northbound)).collect();
        object.insert("children".to_owned(), children.into());
    }
    object.into()
}

fn put(about: &About, northbound: &Northbound, object: &mut Map<String, Value>) {
    let more = match about {
        About::Hop(hop) => json!({
            "datapath": hop.datapath,
            "router": hop.is_router,
            "pipeline": hop.pipeline.name(),
            "inport": hop.inport,
            "outport": hop.outport,
            "chassis": hop.chassis.as_deref(),
            "tunnel": hop.tunnel.as_ref().map(|tunnel| json!({
                "type": &*tunnel.kind,
                "from": { "chassis": &*tunnel.from.0, "ip": &*tunnel.from.1 },
                "to": { "chassis": &*tunnel.to.0, "ip": &*tunnel.to.1 },
                "datapath_key": tunnel.datapath,
                "inport_key": tunnel.inport,
                "outport_key": tunnel.outport,
            })),
        }),
        About::Visit(visit) => flow(visit, northbound),
        About::Miss { pipeline, table, stage, near, .. } => json!({
            "pipeline": pipeline.name(),
            "table": table,
            "stage": stage.as_deref(),
            "nearest": near.iter().map(nearest).collect::<Vec<_>>(),
        }),
        About::Delivery { port, kind, network, flow } => json!({
            "port": port,
            "type": &**kind,
            "network": network.as_deref(),
            "packet": describe(flow),
        }),
    };
    if let Value::Object(more) = more {
        object.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
}

fn flow(visit: &Visit, northbound: &Northbound) -> Value {
    let changes = visit
        .changes
        .iter()
        .map(|changed| json!({ "field": changed.field, "before": changed.before, "after": changed.after }));
    let rows = visit.hint.as_deref().map(|hint| northbound.responsible(hint)).unwrap_or_default();
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| json!({ "table": row.table, "uuid": row.uuid.to_string(), "name": row.name }))
        .collect();
    json!({
        "pipeline": visit.pipeline.name(),
        "table": visit.table,
        "stage": visit.stage.as_deref(),
        "priority": visit.priority,
        "uuid": visit.uuid.to_string(),
        "match": visit.matched,
        "actions": visit.actions,
        "source": visit.source.as_deref(),
        "stage_hint": visit.hint.as_deref(),
        "changes": changes.collect::<Vec<_>>(),
        "northbound": (!rows.is_empty()).then_some(rows),
        "decided": visit.drop.as_ref().and_then(|drop| drop.decided.as_deref()),
        "nearest": visit.drop.as_ref().map(|drop| drop.near.iter().map(nearest).collect::<Vec<_>>()),
    })
}

fn nearest(near: &Near) -> Value {
    let failed = near.failed.iter().map(|(term, has)| json!({ "term": term, "packet": has }));
    json!({
        "priority": near.priority,
        "uuid": near.uuid.to_string(),
        "match": near.matched,
        "actions": near.actions,
        "failed": failed.collect::<Vec<_>>(),
    })
}

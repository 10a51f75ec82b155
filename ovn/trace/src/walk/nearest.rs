//! Why a packet was dropped: the flows that came nearest to matching it, and what kept them from that.

use crate::about::{Drop, Failed, Near};
use crate::flow_text;
use crate::network::{self, Datapath, Network, Stage};
use lflow::action::{self, Context};
use lflow::expr::{self, Expr, Microflow, Packet as _};
use lflow::pipeline::Pipeline;
use openflow::Field;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::rc::Rc;

/// How many flows are told of.
const NEAR_MAX: usize = 3;
/// How many flows of a table are looked at, the first ones.
const LOOKED_AT_MAX: usize = 20_000;

/// A flow on the way of a packet.
pub(super) struct Passed<'n> {
    pub(super) stage: Rc<Stage>,
    pub(super) datapath: &'n Datapath,
    /// The packet that it matched.
    pub(super) before: Microflow,
    /// The flow, as a line.
    pub(super) line: String,
}

/// Why a flow dropped a packet. If its match is only about what flows before it wrote into registers, the last one that
/// wrote there had the choice, else the flow itself.
pub(super) fn explain(
    path: &[Passed<'_>],
    here: (&Stage, &Datapath),
    matched: &Expr,
    network: &Network,
    flow: &Microflow,
) -> Drop {
    let mut looked_at = BTreeSet::new();
    collect(matched, &mut looked_at);
    let is_register = |field: &Field| matches!(field, Field::Reg(_) | Field::XReg(_) | Field::XXReg(_));
    if looked_at.is_empty() || !looked_at.iter().all(is_register) {
        return Drop { decided: None, near: nearest(here.0, here.1, network, flow, true) };
    }
    let after = path.iter().skip(1).map(|passed| &passed.before).chain([flow]);
    let wrote = |(passed, after): &(&Passed<'_>, &Microflow)| {
        looked_at.iter().any(|field| passed.before.field(*field) != after.field(*field))
    };
    let wrote = path.iter().zip(after).filter(wrote).last();
    // What it wrote may be what was there.
    match wrote.map(|(passed, _)| passed).or(path.last()) {
        None => Drop { decided: None, near: nearest(here.0, here.1, network, flow, true) },
        Some(passed) => Drop {
            decided: Some(passed.line.clone()),
            near: nearest(&passed.stage, passed.datapath, network, &passed.before, true),
        },
    }
}

/// The fields that an expression looks at.
fn collect(expr: &Expr, fields: &mut BTreeSet<Field>) {
    match expr {
        Expr::Comparison(comparison) => {
            fields.extend(comparison.field.openflow().map(|(field, ..)| field));
        }
        Expr::And(terms) | Expr::Or(terms) => terms.iter().for_each(|term| collect(term, fields)),
        Expr::Boolean(_) | Expr::ChassisResident { .. } => {}
    }
}

/// The flows of a table that came nearest to matching: fewest terms failed, of those the most terms. With
/// `after_drop` those that drop packets are left out, since they would have made no difference.
pub(super) fn nearest(
    stage: &Stage,
    datapath: &Datapath,
    network: &Network,
    flow: &Microflow,
    after_drop: bool,
) -> Vec<Near> {
    let mut found = Vec::new();
    for (i, row) in stage.flows.iter().take(LOOKED_AT_MAX).enumerate() {
        let terms = network::terms(&row.r#match);
        let failed = terms.iter().filter(|term| is_false(term, datapath, network, flow)).count();
        if failed > 0 && !(after_drop && is_drop(&row.actions)) {
            found.push((failed, Reverse(terms.len()), i));
        }
    }
    found.sort_unstable();
    found.truncate(NEAR_MAX);
    let near = |(.., i): (_, _, usize)| {
        let row = &stage.flows[i];
        Near {
            priority: row.priority,
            uuid: row.uuid,
            matched: network.friendly(datapath, &row.r#match),
            actions: network.friendly(datapath, &row.actions),
            failed: failed(&row.r#match, datapath, network, flow),
        }
    };
    found.into_iter().map(near).collect()
}

/// The terms of a match that are not true of a packet.
pub(crate) fn failed(matched: &str, datapath: &Datapath, network: &Network, flow: &Microflow) -> Vec<Failed> {
    let names = network.names(datapath);
    let terms = network::terms(matched).into_iter().map(str::trim);
    let failed = terms.filter(|term| is_false(term, datapath, network, flow));
    let explain = |term| {
        let has = expr::parse(term, &names).ok().and_then(|term| value(&term, flow, datapath));
        (network.friendly(datapath, term), has)
    };
    failed.map(explain).collect()
}

/// Whether a term is not true of a packet. What is no term is not false either.
fn is_false(term: &str, datapath: &Datapath, network: &Network, flow: &Microflow) -> bool {
    let names = network.names(datapath);
    expr::parse(term.trim(), &names).is_ok_and(|parsed| !expr::evaluate(&parsed, flow, &names))
}

fn is_drop(actions: &str) -> bool {
    let context = Context { pipeline: Pipeline::Ingress, table: 0 };
    action::parse(actions, context).is_ok_and(|parsed| parsed.actions.is_empty())
}

/// What a packet has in the one field that an expression is about.
fn value(term: &Expr, flow: &Microflow, datapath: &Datapath) -> Option<String> {
    let field = fields(term)?;
    let (source, low, bits) = field.openflow()?;
    let ones = u128::MAX.checked_shr(128 - u32::from(bits)).unwrap_or(0);
    let value = flow.field(source) >> low & ones;
    let shown = match source {
        Field::Reg(14 | 15) => flow_text::field_value(source, value, datapath),
        _ => flow_text::value(&field, value),
    };
    Some(format!("{field} is {shown}"))
}

/// The field that all comparisons of an expression are about, if there is just one.
fn fields(term: &Expr) -> Option<lflow::symbols::FieldRef> {
    match term {
        Expr::Comparison(comparison) => Some(comparison.field),
        Expr::Boolean(_) | Expr::ChassisResident { .. } => None,
        Expr::And(terms) | Expr::Or(terms) => {
            let mut all = terms.iter().map(fields);
            let first = all.next()??;
            all.all(|other| other == Some(first)).then_some(first)
        }
    }
}

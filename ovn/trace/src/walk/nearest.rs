//! Why a packet was dropped: the flows that came nearest to matching it, and what kept them from that.

use crate::about::{Failed, Near};
use crate::flow_text;
use crate::network::{self, Datapath, Network, Stage};
use lflow::action::{self, Context};
use lflow::expr::{self, Expr, Microflow, Packet as _};
use lflow::pipeline::Pipeline;
use openflow::Field;
use std::cmp::Reverse;

/// How many flows are told of.
const NEAR_MAX: usize = 3;
/// How many flows of a table are looked at, the first ones.
const LOOKED_AT_MAX: usize = 20_000;

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
        // A flow that only hands packets to one that drops them is asked about there.
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
        Field::Reg(14 | 15) => match u32::try_from(value).map(|key| datapath.name_of(key)) {
            Ok(Some(name)) => format!("\"{name}\""),
            Ok(None) | Err(_) if value == 0 => "\"\"".to_owned(),
            Ok(None) | Err(_) => value.to_string(),
        },
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

//! What the packets of a logical flow are, from text to normal form.

use lflow::expr::{self, Disjunct, Expr, OpenMatches, OpenSets, Plain};
use ovsdb::{Str, Uuid};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use super::cache::{ActionText, Actions, CACHE_MAX};
use super::names::{Names, TrackedSets};
use crate::model::{Complaint, LogicalFlow};
use crate::network::Network;

/// A logical flow between its text and a datapath.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) actions: Rc<Actions>,
    pub(super) matching: Rc<Matching>,
}

/// What the packets are.
#[derive(Debug)]
pub(super) enum Matching {
    /// All is known, and simple.
    Plain(Plain),
    /// All is known.
    Closed(Vec<Disjunct>),
    /// Large address sets are left open.
    Open(OpenMatches),
}

impl Matching {
    /// Whether the sets that are left open are large still, to whoever asks.
    fn is_good(&self, names: &Names<'_>) -> bool {
        match self {
            Self::Plain(_) | Self::Closed(_) => true,
            Self::Open(open) => open.open().iter().all(|set| names.is_large(set)),
        }
    }
}

/// Text to normal form.
pub(super) fn prepare(
    net: &Network,
    names: &Names<'_>,
    row: Uuid,
    flow: &Arc<LogicalFlow>,
) -> Result<Prepared, Complaint> {
    let is_of_group = flow.datapath_group.is_some();
    if is_of_group {
        let mut cache = net.parsed.borrow_mut();
        let known = cache.prepared(row, flow).filter(|known| known.matching.is_good(names)).cloned();
        if let Some(known) = known {
            cache.stats.match_hits += 1;
            return Ok(known);
        }
    }
    let complain = |source: &Str, error: &lflow::Error| {
        Complaint(format!("Logical_Flow {:08x}:\n{}", flow.cookie, error.render(source)))
    };
    let matching = names.expand(&flow.matching);
    let text = ActionText { text: names.expand(&flow.actions), pipeline: flow.pipeline, table: flow.table };
    let actions = net.parsed.borrow_mut().actions(&text).map_err(|error| complain(&text.text, &error))?;
    let (found, is_shared) = prepare_match(names, &matching, &actions.parsed.prereqs)
        .map_err(|error| complain(&matching, &error))?;
    let prepared = Prepared { actions, matching: Rc::new(found) };
    // What has variables depends on them.
    if is_of_group && is_shared && matching == flow.matching && text.text == flow.actions {
        let mut cache = net.parsed.borrow_mut();
        if cache.prepared.len() >= CACHE_MAX {
            cache.prepared.clear();
        }
        cache.prepared.insert(row, (flow.clone(), prepared.clone()));
    }
    Ok(prepared)
}

/// The match of a flow, and whether it is the same for whoever has the same text.
fn prepare_match(names: &Names<'_>, text: &str, prereqs: &Expr) -> Result<(Matching, bool), lflow::Error> {
    let too_large = |kind: lflow::ErrorKind| lflow::Error::new(0..text.len(), kind);
    let normalize = |annotated: Expr| {
        let expr = expr::simplify(annotated).map_err(too_large)?;
        expr::normalize(&expr::resolve_conditions(expr, names)).map_err(too_large)
    };
    let sets = TrackedSets { names, used: Cell::new(false) };
    let is_large = |name: &str| names.is_large(name);
    let open = OpenSets::new(&sets, &is_large);
    let matching = expr::parse(text, &open)?;
    if open.open().is_empty()
        && let Some(plain) = Plain::of(&[&matching, prereqs])
    {
        return Ok((Matching::Plain(plain), !sets.used.get()));
    }
    let annotated = expr::annotate(Expr::and([matching, prereqs.clone()]));
    let is_shared = !sets.used.get() && !expr::depends_on_chassis(&annotated);
    if open.open().is_empty() {
        return Ok((Matching::Closed(normalize(annotated)?), is_shared));
    }
    if open.can_stay_open(&annotated) {
        return Ok((Matching::Open(OpenMatches::new(normalize(annotated)?, &open)), is_shared));
    }
    let matching = expr::parse(text, &sets)?;
    let annotated = expr::annotate(Expr::and([matching, prereqs.clone()]));
    Ok((Matching::Closed(normalize(annotated)?), false))
}

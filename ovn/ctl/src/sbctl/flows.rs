//! Logical flows in the order they are printed: by datapath, half of the pipeline, table, priority.

use crate::Failure;
use crate::context::Context;
use crate::failure::fail;
use crate::identify;
use crate::needs::Needs;
use ovsdb::{Str, Uuid};
use schema::TypedRow;
use schema::sb::{DatapathBinding, LogicalDpGroup, LogicalFlow};
use std::cmp::Reverse;
use std::collections::BTreeMap;

pub(super) const GROUP: &str = "Logical flow commands";

/// Asks for flows with these columns beside those that order them, and for datapaths.
pub(super) fn prepare(columns: &[&str], needs: &mut Needs) {
    let ordering =
        ["logical_datapath", "logical_dp_group", "pipeline", "table_id", "priority", "external_ids"];
    needs.columns(LogicalFlow::TABLE, &ordering);
    needs.columns(LogicalFlow::TABLE, columns);
    needs.columns(LogicalDpGroup::TABLE, &["datapaths"]);
    prepare_datapaths(needs);
}

/// Asks for datapaths and their names.
pub(super) fn prepare_datapaths(needs: &mut Needs) {
    needs.columns(DatapathBinding::TABLE, &["external_ids", "nb_uuid"]);
}

/// Flows of one datapath and half of the pipeline.
pub(super) struct Half {
    /// The datapath as it is printed: names and UUID.
    pub(super) datapath: String,
    /// `ingress` or `egress`.
    pub(super) pipeline: Str,
    /// The flows in order.
    pub(super) flows: Vec<LogicalFlow>,
}

/// The datapath that a name means, if there is one.
pub(super) fn datapath(context: &Context<'_>, name: &str) -> Result<Option<Uuid>, Failure> {
    identify::find_row(context, DatapathBinding::TABLE, name)
}

/// The flows that `wanted` wants, of one datapath or of all.
pub(super) fn halves(
    context: &Context<'_>,
    only: Option<Uuid>,
    wanted: impl Fn(&LogicalFlow) -> bool,
) -> Result<Vec<Half>, Failure> {
    let datapaths: BTreeMap<Uuid, DatapathBinding> = context
        .view
        .rows::<DatapathBinding>()?
        .into_iter()
        .map(|datapath| (datapath.uuid, datapath))
        .collect();
    let mut halves = BTreeMap::new();
    for flow in context.view.rows::<LogicalFlow>()?.into_iter().filter(wanted) {
        for datapath in of_flow(context, &flow)? {
            let Some(row) = datapaths.get(&datapath).filter(|_| only.is_none_or(|only| only == datapath))
            else {
                continue;
            };
            let name = row.external_ids.get("name").cloned().unwrap_or_default();
            let half = halves.entry((name, datapath, Reverse(flow.pipeline.clone()))).or_insert_with(|| {
                Half { datapath: describe(row), pipeline: flow.pipeline.clone(), flows: Vec::new() }
            });
            half.flows.push(flow.clone());
        }
    }
    let mut halves: Vec<Half> = halves.into_values().collect();
    for half in &mut halves {
        half.flows.sort_by(|a, b| order(a).cmp(&order(b)));
    }
    Ok(halves)
}

fn order(flow: &LogicalFlow) -> impl Ord + '_ {
    (flow.table_id, Reverse(flow.priority), &flow.r#match, &flow.actions, flow.uuid)
}

fn of_flow(context: &Context<'_>, flow: &LogicalFlow) -> Result<Vec<Uuid>, Failure> {
    let mut datapaths = Vec::from_iter(flow.logical_datapath);
    if let Some(group) = flow.logical_dp_group
        && let Some(group) = context.view.row::<LogicalDpGroup>(group)?
    {
        datapaths.extend(group.datapaths);
    }
    Ok(datapaths)
}

fn describe(datapath: &DatapathBinding) -> String {
    format!("{} ({})", names(datapath), datapath.uuid)
}

/// The names of a datapath.
pub(super) fn names(datapath: &DatapathBinding) -> String {
    let names = ["name", "name2"].into_iter().filter_map(|key| datapath.external_ids.get(key));
    names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" aka ")
}

/// The name of a flow's stage.
pub(super) fn stage_name(flow: &LogicalFlow) -> &str {
    flow.external_ids.get("stage-name").map_or("", |name| name)
}

/// The beginning of a flow's UUID, written with or without `0x`.
pub(super) struct Beginning<'a>(&'a str);

impl<'a> Beginning<'a> {
    /// # Errors
    /// The text is no beginning of a UUID.
    pub(super) fn parse(text: &'a str) -> Result<Self, Failure> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let is_part = |(place, c): (usize, char)| match place {
            8 | 13 | 18 | 23 => c == '-',
            0..36 => c.is_ascii_hexdigit(),
            _ => false,
        };
        if digits.is_empty() || !digits.chars().enumerate().all(is_part) {
            fail!("{text} is not a UUID or the beginning of a UUID");
        }
        Ok(Self(digits))
    }

    /// Whether the UUID begins so. Zeros at the beginning do not count: cookies are printed without them.
    pub(super) fn matches(&self, uuid: Uuid) -> bool {
        uuid.to_string().trim_start_matches('0').starts_with(self.0.trim_start_matches('0'))
    }
}

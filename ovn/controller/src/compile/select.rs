//! One of several, by a group of the switch.

use lflow::action::{ForwardGroup, Select};
use openflow::{Action, Bucket, Field, SelectionMethod, Subfield};

use super::load_balance::bucket;
use super::{CompileError, Environment, Group, output_table, resubmit, subfield};
use crate::tables;

/// Hash in the datapath over addresses and ports, the same in both directions.
const L4_SYMMETRIC: u64 = 1 << 32;

/// `field = select(...);`
pub(super) fn select(
    select: &Select,
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    let result = subfield(&select.result)?;
    let next = tables::of_stage(env.pipeline, select.table);
    let mut buckets = Vec::new();
    for (id, &(value, weight)) in (0..).zip(&select.values) {
        buckets.push(bucket(id, weight, vec![Action::set_bits(result, value), resubmit(next)]));
    }
    let param = if env.features.l4_symmetric_hash { L4_SYMMETRIC } else { 0 };
    group(hash(select.hash_fields.as_deref(), param)?, buckets, env, out);
    Ok(())
}

/// `fwd_group(...);`: nothing if one of its ports is not there.
pub(super) fn forward(
    forward: &ForwardGroup,
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    let outport = Subfield::new(tables::OUTPORT, 0, 16);
    let mut buckets = Vec::new();
    for (id, port) in (0..).zip(&forward.child_ports) {
        let Some(key) = env.ports.key(port) else { return Ok(()) };
        let actions = vec![Action::set_bits(outport, key), resubmit(output_table(env.pipeline))];
        let mut bucket = bucket(id, 1, actions);
        if forward.liveness {
            let Some(tunnel) = env.resources.tunnel_port(port) else { return Ok(()) };
            bucket.watch_port = tunnel;
        }
        buckets.push(bucket);
    }
    group(hash(None, 0)?, buckets, env, out);
    Ok(())
}

/// How a group chooses: by some fields, or as the datapath hashes packets anyway.
pub(super) fn hash(fields: Option<&str>, param: u64) -> Result<SelectionMethod, CompileError> {
    let Some(names) = fields else {
        return Ok(SelectionMethod { method: "dp_hash".to_owned(), param, fields: Vec::new() });
    };
    let mut fields = Vec::new();
    for name in names.split(',').map(str::trim) {
        let field: Field = name.parse().map_err(|_| CompileError::HashField { field: name.to_owned() })?;
        fields.push((field, field.full_mask()));
    }
    Ok(SelectionMethod { method: "hash".to_owned(), param: 0, fields })
}

/// Hands the packet to a group. One without buckets would drop it, which is what no action does too.
pub(super) fn group(
    selection: SelectionMethod,
    buckets: Vec<Bucket>,
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) {
    if !buckets.is_empty() {
        out.extend(env.resources.group(Group { selection, buckets }).map(Action::Group));
    }
}

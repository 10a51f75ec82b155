//! Load balancing: a group of backends, and flows that are learned for senders that stay with theirs.

use lflow::action::{Backend, CommitLbAff, CtLb, LbKind, LbSnat, NatTarget};
use openflow::{Action, Bucket, BucketId, Ct, Field, GroupId, Learn, Nat, NatKind, PortNo, SetField};
use std::net::IpAddr;

use super::conntrack::{in_zone, recirculation, zone};
use super::learn::{copies, loads, matches, number, ports};
use super::select::{group, hash};
use super::{CompileError, Environment, nat};
use crate::tables;

/// Every backend has the same weight.
const WEIGHT: u16 = 100;

/// `ct_lb_mark;`, `ct_lb_mark(backends=...);` and the like.
pub(super) fn balance(lb: &CtLb, env: &Environment<'_>, out: &mut Vec<Action>) -> Result<(), CompileError> {
    let ct = Ct { table: recirculation(lb.table, env), ..in_zone(zone(None, env)) };
    if lb.backends.is_empty() {
        let actions = vec![Action::Nat(Nat::existing())];
        out.push(Action::Ct(Box::new(Ct { actions, ..ct })));
        return Ok(());
    }
    let is_here = |backend: &Backend| match &backend.logical_port {
        Some(port) => env.ports.is_chassis_resident(port),
        None => true,
    };
    let mut buckets = Vec::new();
    for (i, backend) in lb.backends.iter().enumerate().filter(|(_, backend)| is_here(backend)) {
        let id = u32::try_from(i).unwrap_or(u32::MAX);
        let commit = Ct { commit: true, actions: commit_actions(lb, backend), ..ct.clone() };
        buckets.push(bucket(id, WEIGHT, vec![Action::Ct(Box::new(commit))]));
    }
    let selection = hash(lb.hash_fields.as_deref(), 0)?;
    group(selection, buckets, env, out);
    Ok(())
}

pub(super) fn bucket(id: u32, weight: u16, actions: Vec<Action>) -> Bucket {
    Bucket { id: BucketId(id), weight, watch_port: PortNo::ANY, watch_group: GroupId::ANY, actions }
}

/// Translate the destination, and say in the connection's mark or label that this is so.
fn commit_actions(lb: &CtLb, backend: &Backend) -> Vec<Action> {
    const NATTED: u128 = 1 << 1;
    const SKIP_SNAT: u128 = 1 << 2;
    const FORCE_SNAT: u128 = 1 << 3;
    let field = match lb.kind {
        LbKind::Label => Field::CtLabel,
        LbKind::Mark | LbKind::MarkLocal => Field::CtMark,
    };
    let set = |bit: u128| Action::SetField(SetField::masked(field, bit, bit));
    let ports = (backend.port != 0).then_some((backend.port, None));
    let target = NatTarget { address: backend.address, ports };
    let mut actions = vec![Action::Nat(nat::to(NatKind::Dst, target)), set(NATTED)];
    actions.extend(lb.snat.map(|snat| match snat {
        LbSnat::Skip => set(SKIP_SNAT),
        LbSnat::Force => set(FORCE_SNAT),
    }));
    actions
}

/// `commit_lb_aff(...);`: a flow that tells the backend to the sender's next connections, while they keep coming.
pub(super) fn commit_affinity(commit: &CommitLbAff, env: &Environment<'_>, out: &mut Vec<Action>) {
    let (ether, src, dst, backend) = match commit.vip {
        IpAddr::V4(_) => (tables::ETH_IPV4, Field::Ipv4Src, Field::Ipv4Dst, tables::LB_AFF_BACKEND_IP4),
        IpAddr::V6(_) => (tables::ETH_IPV6, Field::Ipv6Src, Field::Ipv6Dst, tables::LB_AFF_BACKEND_IP6),
    };
    let mut specs = vec![
        copies(tables::DATAPATH, tables::DATAPATH),
        matches(Field::EthType, ether),
        copies(src, src),
        matches(dst, number(commit.vip)),
    ];
    if let Some((port, protocol)) = commit.service {
        specs.push(matches(Field::IpProto, protocol.number()));
        specs.push(matches(ports(protocol).1, port));
    }
    specs.push(loads(tables::FLAG_LB_AFF_SESSION, 1_u8));
    specs.push(loads(backend, number(commit.backend)));
    if commit.backend_port != 0 {
        specs.push(loads(tables::LB_AFF_BACKEND_PORT, commit.backend_port));
    }
    out.push(Action::Learn(Box::new(Learn {
        table: tables::CHK_LB_AFFINITY.number(),
        cookie: env.resources.cookie().into(),
        idle_timeout: commit.timeout_seconds,
        delete_learned: true,
        specs,
        ..Learn::default()
    })));
}

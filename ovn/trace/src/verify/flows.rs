//! The flows of a datapath, ready to be asked for the packets that match them, and what later tables still look at.

use super::sets::{Set, Sets};
use super::values::{Given, Values, equal, known, pieces};
use crate::network::{Datapath, Network};
use lflow::Pipeline;
use lflow::action::{Action, Context};
use lflow::expr::{self, Comparison, Expr, Relation, port_key};
use lflow::symbols::FieldRef;
use openflow::Field;
use schema::sb::LogicalFlow;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

/// The highest number that a table may have.
const TABLE_LAST: u8 = 63;

/// What an expression asks of narrow fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Always(bool),
    All(Vec<Self>),
    Any(Vec<Self>),
    Equal { field: Field, value: u128, mask: u128 },
    Not(Box<Self>),
}

impl Test {
    /// Whether it holds, where that is the same for all packets.
    pub(super) fn known(&self, values: &Values, given: &Given) -> Option<bool> {
        match self {
            Self::Always(truth) => Some(*truth),
            Self::All(tests) => combine(tests, values, given, false),
            Self::Any(tests) => combine(tests, values, given, true),
            Self::Equal { field, value, mask } => known(*field, &values.get(*field), *value, *mask, given),
            Self::Not(test) => test.known(values, given).map(|truth| !truth),
        }
    }

    /// The packets for which it holds.
    pub(super) fn set(&self, values: &Values, sets: &mut Sets) -> Set {
        match self {
            Self::Always(true) => Set::ALL,
            Self::Always(false) => Set::NONE,
            Self::All(tests) => {
                let mut all = Set::ALL;
                for test in tests {
                    let part = test.set(values, sets);
                    all = sets.and(all, part);
                    if all.is_empty() {
                        break;
                    }
                }
                all
            }
            Self::Any(tests) => {
                let parts = tests.iter().map(|test| test.set(values, sets)).collect();
                sets.or_all(parts)
            }
            Self::Equal { field, value, mask } => equal(*field, &values.get(*field), *value, *mask, sets),
            Self::Not(test) => {
                let set = test.set(values, sets);
                sets.not(set)
            }
        }
    }

    fn reads(&self, reads: &mut Reads) {
        match self {
            Self::Always(_) => {}
            Self::All(tests) | Self::Any(tests) => tests.iter().for_each(|test| test.reads(reads)),
            Self::Equal { field, mask, .. } => *reads.entry(*field).or_default() |= mask,
            Self::Not(test) => test.reads(reads),
        }
    }
}

/// The truth of several tests, of which one that is `decisive` decides.
fn combine(tests: &[Test], values: &Values, given: &Given, decisive: bool) -> Option<bool> {
    let mut open = false;
    for test in tests {
        match test.known(values, given) {
            Some(truth) if truth == decisive => return Some(decisive),
            Some(_) => {}
            None => open = true,
        }
    }
    (!open).then_some(!decisive)
}

/// Which bits of narrow fields are looked at.
pub(super) type Reads = BTreeMap<Field, u128>;

/// One flow.
pub(super) struct Flow {
    pub(super) row: Arc<LogicalFlow>,
    pub(super) test: Test,
    pub(super) actions: Rc<[Action]>,
    /// The fields that the test is about.
    pub(super) tested: Vec<Field>,
}

/// The flows of one pipeline of a datapath.
pub(super) struct Stages {
    /// By table, the ones to try first at the front.
    tables: Vec<Rc<[Flow]>>,
    /// By table, what this one and the later ones look at.
    reads: Vec<Rc<Reads>>,
}

impl Stages {
    /// `below` is what is looked at after the last table.
    fn new(tables: Vec<Rc<[Flow]>>, mut below: Reads) -> Self {
        let mut reads: Vec<Rc<Reads>> = Vec::new();
        for table in tables.iter().rev() {
            table.iter().for_each(|flow| flow_reads(flow, &mut below));
            reads.push(Rc::new(below.clone()));
        }
        reads.reverse();
        Self { tables, reads }
    }

    pub(super) fn table(&self, table: u8) -> Rc<[Flow]> {
        self.tables.get(usize::from(table)).cloned().unwrap_or_else(|| Rc::from([]))
    }

    /// What is looked at from a table on; nothing after the last one.
    pub(super) fn reads(&self, table: u8) -> Rc<Reads> {
        self.reads.get(usize::from(table)).cloned().unwrap_or_default()
    }
}

/// Both pipelines of a datapath.
pub(super) struct Compiled {
    ingress: Stages,
    egress: Stages,
    /// Whether what is on its way to a port may lead to other packets, or go elsewhere.
    pub(super) egress_branches: bool,
}

impl Compiled {
    pub(super) fn new(network: &Network, datapath: &Datapath, texts: &mut Texts) -> Self {
        let [ingress, egress]: [Vec<Rc<[Flow]>>; 2] = [Pipeline::Ingress, Pipeline::Egress].map(|pipeline| {
            let table = |table| compile_table(network, datapath, Context { pipeline, table }, texts);
            (0..=TABLE_LAST).map(table).collect()
        });
        // A way back into the other pipeline, or to an earlier table, makes everything worth keeping.
        let all = |tables: &[Rc<[Flow]>]| {
            let mut reads = Reads::new();
            tables.iter().flat_map(|table| table.iter()).for_each(|flow| flow_reads(flow, &mut reads));
            reads
        };
        let both = merged(all(&ingress), &all(&egress));
        let goes_back = |tables: &[Rc<[Flow]>]| {
            tables.iter().flat_map(|table| table.iter()).any(|flow| goes_back(&flow.actions))
        };
        let egress_branches =
            egress.iter().flat_map(|table| table.iter()).any(|flow| branches(&flow.actions));
        let start =
            |tables: &[Rc<[Flow]>], across: Reads| if goes_back(tables) { both.clone() } else { across };
        let from = start(&egress, Reads::new());
        let egress = Stages::new(egress, from);
        // What connection tracking said crosses over, registers do not.
        let crossing = egress.reads(0);
        let crossing = crossing.iter().filter(|(field, _)| !matches!(field, Field::Reg(_)));
        let from = start(&ingress, crossing.map(|(field, mask)| (*field, *mask)).collect());
        let ingress = Stages::new(ingress, from);
        Self { ingress, egress, egress_branches }
    }

    pub(super) fn stages(&self, pipeline: Pipeline) -> &Stages {
        match pipeline {
            Pipeline::Ingress => &self.ingress,
            Pipeline::Egress => &self.egress,
        }
    }
}

fn merged(mut left: Reads, right: &Reads) -> Reads {
    for (field, mask) in right {
        *left.entry(*field).or_default() |= mask;
    }
    left
}

fn flow_reads(flow: &Flow, reads: &mut Reads) {
    flow.test.reads(reads);
    flow.actions.iter().for_each(|action| action_reads(action, reads));
}

fn goes_back(actions: &[Action]) -> bool {
    actions.iter().any(|action| {
        if let Action::Next(next) = action {
            next.pipeline != next.from.pipeline || next.table <= next.from.table
        } else if let Action::Clone(inner) | Action::Replace(_, inner) = action {
            goes_back(inner)
        } else {
            false
        }
    })
}

/// Whether actions may do anything but send their packet on, or out of the port that it is for.
fn branches(actions: &[Action]) -> bool {
    goes_back(actions) || !actions.iter().all(goes_straight)
}

fn goes_straight(action: &Action) -> bool {
    let is_kept = |field: &FieldRef| field.openflow().is_some_and(|(field, ..)| field != Field::Reg(15));
    match action {
        Action::Load(load) => is_kept(&load.field),
        Action::Move(r#move) => is_kept(&r#move.to),
        Action::Check(_, result) | Action::CtStateSave(result) => is_kept(result),
        Action::Next(_)
        | Action::Output
        | Action::CtNext(..)
        | Action::CtCommit(_)
        | Action::CtNat(_)
        | Action::CtLb(_)
        | Action::CtClear
        | Action::DecrementTtl
        | Action::SetQueue(_)
        | Action::SetMeter(_)
        | Action::Log(_)
        | Action::Sample(_) => true,
        // Others may do more.
        _ => false,
    }
}

/// Parsed actions by their text and place, for the many datapaths that share them.
pub(super) type Texts = HashMap<(Arc<str>, Pipeline, u8), Option<(Rc<[Action]>, Expr)>>;

fn compile_table(network: &Network, datapath: &Datapath, context: Context, texts: &mut Texts) -> Rc<[Flow]> {
    let stage = network.stage(datapath, context.pipeline, context.table);
    let names = network.names(datapath);
    let flow = |row: &Arc<LogicalFlow>| {
        let reading = stage.reading(row, network, &names);
        let matched = simple(reading.matched.as_ref().ok()?.clone(), &names)?;
        if matched == Expr::Boolean(false) {
            return None;
        }
        let key = (row.actions.clone(), context.pipeline, context.table);
        let parsed = texts.entry(key).or_insert_with(|| {
            let parsed = reading.actions(context, &names).ok()?;
            Some((parsed.actions.clone().into(), parsed.prereqs.clone()))
        });
        let (actions, prereqs) = parsed.as_ref()?;
        let test = match simple(prereqs.clone(), &names)? {
            Expr::Boolean(true) => test(&matched, &names),
            prereqs => Test::All(vec![test(&matched, &names), test(&prereqs, &names)]),
        };
        let mut reads = Reads::new();
        test.reads(&mut reads);
        let tested = reads.into_keys().collect();
        Some(Flow { row: row.clone(), test, actions: actions.clone(), tested })
    };
    // A flow that no controller could read either is left out.
    stage.flows.iter().filter_map(flow).collect()
}

/// An expression with nothing but equalities.
pub(super) fn simple(parsed: Expr, ports: &dyn expr::Ports) -> Option<Expr> {
    Some(expr::resolve_conditions(expr::simplify(expr::annotate(parsed)).ok()?, ports))
}

pub(super) fn test(expr: &Expr, ports: &dyn expr::Ports) -> Test {
    match expr {
        Expr::Boolean(truth) => Test::Always(*truth),
        Expr::And(terms) => Test::All(terms.iter().map(|term| test(term, ports)).collect()),
        Expr::Or(terms) => Test::Any(terms.iter().map(|term| test(term, ports)).collect()),
        Expr::ChassisResident { port, negated } => Test::Always(ports.is_chassis_resident(port) != *negated),
        Expr::Comparison(comparison) => comparison_test(comparison, ports),
    }
}

fn comparison_test(comparison: &Comparison, ports: &dyn expr::Ports) -> Test {
    let Some((field, low, _)) = comparison.field.openflow() else { return Test::Always(false) };
    let (value, mask) = match &comparison.value {
        expr::Value::Integer { value, mask } => (value << low, mask << low),
        expr::Value::String(name) => match port_key(name, ports) {
            Some(key) => (key.into(), field.full_mask()),
            // A port that is not known is equal to nothing, and different from nothing.
            None => return Test::Always(false),
        },
    };
    let mut parts: Vec<Test> = Vec::new();
    let mut offset = 0;
    for (piece, _, bits) in pieces(field, 0, field.bits()) {
        let ones = piece.full_mask();
        let (value, mask) = (value >> offset & ones, mask >> offset & ones);
        offset += bits;
        if mask != 0 {
            parts.push(Test::Equal { field: piece, value, mask });
        }
    }
    let equal = if parts.len() == 1 { parts.remove(0) } else { Test::All(parts) };
    match comparison.relation {
        Relation::Eq => equal,
        // Names only: numbers are compared by equality here.
        Relation::Ne | Relation::Lt | Relation::Le | Relation::Gt | Relation::Ge => {
            Test::Not(Box::new(equal))
        }
    }
}

fn read(reads: &mut Reads, field: &FieldRef) {
    let Some((field, low, bits)) = field.openflow() else { return };
    for (piece, low, bits) in pieces(field, low, bits) {
        let ones = u128::MAX >> (128 - u32::from(bits.max(1)));
        *reads.entry(piece).or_default() |= ones << low;
    }
}

/// What an action looks at in registers and what else is not part of the packet. Ports always count.
fn action_reads(action: &Action, reads: &mut Reads) {
    match action {
        Action::Move(r#move) => read(reads, &r#move.from),
        Action::Exchange(exchange) => {
            [&exchange.left, &exchange.right].into_iter().for_each(|f| read(reads, f))
        }
        Action::Push(field) => read(reads, field),
        Action::Clone(inner) | Action::Replace(_, inner) => {
            inner.iter().for_each(|action| action_reads(action, reads));
        }
        Action::GetNeighbor(get) => [&get.port, &get.ip].into_iter().for_each(|f| read(reads, f)),
        Action::LookupNeighbor(lookup) => {
            let of = [Some(&lookup.port), Some(&lookup.ip), lookup.mac.as_ref()];
            of.into_iter().flatten().for_each(|f| read(reads, f));
        }
        Action::GetFdb(get) => read(reads, &get.mac),
        Action::LookupFdb(lookup) => [&lookup.port, &lookup.mac].into_iter().for_each(|f| read(reads, f)),
        Action::ChkEvpnArp(check) => read(reads, &check.ip),
        Action::CtOriginal(..) | Action::CtStateSave(_) | Action::CtSnatToVip | Action::Check(..) => {
            for field in [Field::CtState, Field::CtNwDst, Field::CtIpv6Dst, Field::CtTpDst, Field::CtNwProto]
            {
                reads.insert(field, field.full_mask());
            }
        }
        // These keep the flags of an earlier tracking.
        Action::CtNext(..) | Action::CtNat(_) | Action::CtLb(_) => {
            reads.insert(Field::CtState, Field::CtState.full_mask());
        }
        // Whether a packet may go back where it came from.
        Action::Output | Action::ForwardGroup(_) => {
            *reads.entry(Field::Reg(10)).or_default() |= 1;
        }
        Action::Next(_)
        | Action::Load(_)
        | Action::Pop(_)
        | Action::DecrementTtl
        | Action::LoadOvnField(_)
        | Action::CtClear
        | Action::CtCommit(_)
        | Action::Select(_)
        | Action::PutNeighbor(_)
        | Action::MacCacheUse
        | Action::PutFdb(_)
        | Action::CheckPktLarger(_)
        | Action::CommitEcmpNh(_)
        | Action::CommitLbAff(_)
        | Action::PutDhcpOpts(_)
        | Action::PutDhcpv6Opts(_)
        | Action::DhcpRelay(_)
        | Action::PutNdRaOpts(_)
        | Action::DnsLookup(_)
        | Action::SetQueue(_)
        | Action::SetMeter(_)
        | Action::Log(_)
        | Action::Sample(_)
        | Action::Mirror(_)
        | Action::FloodRemote
        | Action::HandleSvcCheck(_)
        | Action::HandleBfdMsg
        | Action::HandleDhcpv6Reply
        | Action::Igmp
        | Action::BindVport(_)
        | Action::TriggerEvent(_) => {}
    }
}

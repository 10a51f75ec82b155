//! Logical flows to OpenFlow flows, a datapath at a time.
//!
//! While a step lasts, equal actions are parsed once, and become OpenFlow once for all datapaths of a kind, unless they
//! name a port or something else that differs. The match of a flow of a group of datapaths is parsed once too, unless it
//! depends on more than itself: on small address sets, port groups or where a port is. Matches of single datapaths are
//! nearly all different, and are not kept. Names of ports become keys for each datapath.
//!
//! Large address sets stay open: a flow says that it uses them, and what each member adds is a unit of its own.

use incr::{Emit, Reads};
use lflow::action::{self, Action as LogicalAction, Context, Parsed};
use lflow::expr::{self, Disjunct, Expr, LogicalMatch, OpenMatches, OpenSets, Plain, Ports, Sets};
use lflow::lexer::Integer;
use lflow::pipeline::{DatapathKind, Pipeline};
use openflow::{Action, GroupId, MeterId, PortNo, Subfield};
use ovsdb::{Str, Uuid};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use crate::compile::{self, Environment, Features, Group, Meter, Resources};
use crate::flow::{ConjunctionOwner, Flow, FlowAction, FlowKey};
use crate::groups::Numbered;
use crate::meters::{Limit, MeterName};
use crate::model::{Complaint, Datapath, LogicalFlow, PortKind};
use crate::network::{Fact, MemberId, Network, Output, Unit};
use crate::tables;

/// Most texts that are kept of either kind; one more empties the cache.
const CACHE_MAX: usize = 16 * 1024;

/// Texts that were parsed, with what they mean.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    /// Logical flows of groups, by row.
    prepared: HashMap<Uuid, (Arc<LogicalFlow>, Prepared)>,
    actions: HashMap<ActionText, Rc<Actions>>,
    /// Actions of OpenFlow that differ from datapath to datapath, so that flows that do the same share them.
    lists: HashSet<Arc<[Action]>>,
    stats: CacheStats,
    /// Those of the last step in which anything was parsed.
    last: CacheStats,
}

/// What the cache did in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CacheStats {
    /// Texts of actions that were asked for, and those of them that were there.
    pub(crate) actions: u64,
    pub(crate) action_hits: u64,
    /// The same of matches of groups of datapaths.
    pub(crate) matches: u64,
    pub(crate) match_hits: u64,
}

impl Cache {
    /// Forgets everything: between steps the memory is of no use.
    pub(crate) fn clear(&mut self) {
        let stats = std::mem::take(&mut self.stats);
        let last = if stats.actions > 0 { stats } else { self.last };
        *self = Self { last, ..Self::default() };
    }

    /// What was found in the cache in the last step that asked it.
    pub(crate) fn last(&self) -> CacheStats {
        self.last
    }

    /// What was made of a logical flow of a group, if that is still the row.
    fn prepared(&mut self, row: Uuid, flow: &Arc<LogicalFlow>) -> Option<&Prepared> {
        self.stats.matches += 1;
        let (known, prepared) = self.prepared.get(&row)?;
        Arc::ptr_eq(known, flow).then_some(prepared)
    }

    fn actions(&mut self, text: &ActionText) -> Result<Rc<Actions>, lflow::Error> {
        self.stats.actions += 1;
        if let Some(parsed) = self.actions.get(text) {
            self.stats.action_hits += 1;
            return Ok(parsed.clone());
        }
        let context = Context { pipeline: text.pipeline, table: text.table };
        let parsed = action::parse(&text.text, context)?;
        let parsed = Rc::new(Actions { parsed, compiled: RefCell::default() });
        if self.actions.len() >= CACHE_MAX {
            self.actions.clear();
        }
        self.actions.insert(text.clone(), parsed.clone());
        Ok(parsed)
    }

    /// The actions as all flows of the step share them that do the same.
    fn share(&mut self, actions: Vec<Action>) -> Arc<[Action]> {
        if let Some(shared) = self.lists.get(&actions[..]) {
            return shared.clone();
        }
        if self.lists.len() >= CACHE_MAX {
            self.lists.clear();
        }
        let shared: Arc<[Action]> = actions.into();
        self.lists.insert(shared.clone());
        shared
    }
}

/// What the meaning of actions depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ActionText {
    text: Str,
    pipeline: Pipeline,
    table: u8,
}

/// Actions between their text and a datapath.
#[derive(Debug)]
struct Actions {
    parsed: Parsed,
    /// As OpenFlow, where that is the same on all datapaths of a kind. There are few kinds.
    compiled: RefCell<Vec<Compiled>>,
}

/// What actions may depend on without asking for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    is_switch: bool,
    common_zone: Subfield,
    features: Features,
}

/// Actions of OpenFlow, with the groups that they name.
#[derive(Clone, Debug)]
struct Compiled {
    kind: Kind,
    actions: Arc<[Action]>,
    groups: Vec<Numbered>,
}

/// A logical flow between its text and a datapath.
#[derive(Clone, Debug)]
struct Prepared {
    actions: Rc<Actions>,
    matching: Rc<Matching>,
}

/// What the packets are.
#[derive(Debug)]
enum Matching {
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

/// A logical flow: on its datapath, or asking for it on each of its group that is local.
pub(crate) fn flows(net: &Network, reads: &Reads, row: Uuid, emit: &mut Emit<Network>) {
    let Some(flow) = net.logical_flows.get(reads, &row) else { return };
    if let Some(datapath) = flow.datapath {
        on_datapath(net, reads, row, flow, datapath, emit);
    }
    if let Some(group) = flow.datapath_group {
        for &datapath in net.local_members.get(reads, &group) {
            emit.unit(Unit::LogicalFlowOn(row, datapath));
        }
    }
}

/// A logical flow of a group on one member.
pub(crate) fn flows_on(net: &Network, reads: &Reads, row: Uuid, datapath: Uuid, emit: &mut Emit<Network>) {
    if let Some(flow) = net.logical_flows.get(reads, &row) {
        on_datapath(net, reads, row, flow, datapath, emit);
    }
}

fn on_datapath(
    net: &Network,
    reads: &Reads,
    row: Uuid,
    flow: &Arc<LogicalFlow>,
    datapath: Uuid,
    emit: &mut Emit<Network>,
) {
    let Some(info) = net.local_datapath(reads, datapath) else { return };
    if flow.port.as_ref().is_some_and(|port| is_elsewhere(net, reads, port)) {
        return;
    }
    let place = FlowPlace { names: &Names::new(net, reads, datapath), row, flow, datapath: info };
    let result = prepare(net, place.names, row, flow).and_then(|prepared| place.flows(&prepared, emit));
    if let Err(complaint) = result {
        emit.output(Output::Complaint(complaint));
    }
}

/// What a member of a large address set adds to a logical flow on a datapath. What is wrong with the flow itself is
/// said elsewhere.
pub(crate) fn member_flows(
    net: &Network,
    reads: &Reads,
    member: MemberId,
    row: Uuid,
    datapath: Uuid,
    emit: &mut Emit<Network>,
) {
    let Some(member) = net.set_members.get(reads, &member) else { return };
    let (Some(flow), Some(info)) = (net.logical_flows.get(reads, &row), net.local_datapath(reads, datapath))
    else {
        return;
    };
    let place = FlowPlace { names: &Names::new(net, reads, datapath), row, flow, datapath: info };
    let Ok(prepared) = prepare(net, place.names, row, flow) else { return };
    let Matching::Open(open) = &*prepared.matching else { return };
    let matches = open.member(&member.set, &member.constant, place.names);
    let result = matches
        .map_err(|error| {
            place.complaint(&format!("address set {}: {}: {error}", member.set, member.constant))
        })
        .and_then(|matches| place.emit(&prepared.actions, matches, open.ids(), emit));
    if let Err(complaint) = result {
        emit.output(Output::Complaint(complaint));
    }
}

/// Whether a port is an interface on another chassis, so that no packet of it comes by here.
fn is_elsewhere(net: &Network, reads: &Reads, name: &Str) -> bool {
    let Some(port) = net.port_named(reads, name) else { return false };
    match port.kind {
        PortKind::Vif | PortKind::Container { .. } => net.locals.get(reads, &port.uuid).is_none(),
        PortKind::Localport
        | PortKind::Localnet { .. }
        | PortKind::Patch { .. }
        | PortKind::L3Gateway { .. }
        | PortKind::ChassisRedirect { .. }
        | PortKind::Other => false,
    }
}

/// Text to normal form.
fn prepare(
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

/// A logical flow on one datapath.
struct FlowPlace<'a> {
    names: &'a Names<'a>,
    row: Uuid,
    flow: &'a Arc<LogicalFlow>,
    datapath: &'a Datapath,
}

impl FlowPlace<'_> {
    fn complaint(&self, error: &dyn std::fmt::Display) -> Complaint {
        Complaint(format!("Logical_Flow {:08x}: {error}", self.flow.cookie))
    }

    /// Normal form to flows.
    fn flows(&self, prepared: &Prepared, emit: &mut Emit<Network>) -> Result<(), Complaint> {
        let (matches, ids) = match &*prepared.matching {
            Matching::Plain(plain) => (Ok(plain.to_matches(self.names)), 0),
            Matching::Closed(normal) => {
                let mut ids = 0;
                let mut next_id = || {
                    ids += 1;
                    ids - 1
                };
                (expr::to_matches(normal, self.names, &mut next_id), ids)
            }
            Matching::Open(open) => {
                let (flow, datapath) = (self.row, self.names.datapath);
                let sets: BTreeSet<&Arc<str>> = open.open().iter().collect();
                for set in sets {
                    emit.fact(Fact::SetUser { set: (&**set).into(), flow, datapath });
                }
                (open.fixed(self.names), open.ids())
            }
        };
        self.emit(&prepared.actions, matches.map_err(|error| self.complaint(&error))?, ids, emit)
    }

    /// Matches to flows. Conjunction ids are below `ids`.
    fn emit(
        &self,
        actions: &Actions,
        matches: Vec<LogicalMatch>,
        ids: u32,
        emit: &mut Emit<Network>,
    ) -> Result<(), Complaint> {
        if matches.is_empty() {
            return Ok(());
        }
        let flow = self.flow;
        let actions = self.actions(actions, emit)?;
        let owner = ConjunctionOwner { flow: self.row, datapath: self.datapath.key, count: ids };
        for found in matches {
            let mut matching = found.matching;
            matching.set(tables::DATAPATH, self.datapath.key);
            let is_conjunctive =
                !found.conjunctions.is_empty() || matching.exact(openflow::Field::ConjId).is_some();
            let action = if found.conjunctions.is_empty() {
                FlowAction::Actions(actions.clone())
            } else {
                FlowAction::Conjunctions(found.conjunctions)
            };
            let key = FlowKey::new(tables::of_stage(flow.pipeline, flow.table), flow.priority, matching);
            let conjunctive = is_conjunctive.then_some(owner);
            emit.output(Output::Flow(Arc::new(Flow { key, cookie: flow.cookie, action, conjunctive })));
        }
        Ok(())
    }

    /// The actions, after the groups and meters that they name.
    fn actions(&self, actions: &Actions, emit: &mut Emit<Network>) -> Result<Arc<[Action]>, Complaint> {
        let Names { net, reads, .. } = *self.names;
        let kind = Kind {
            is_switch: self.datapath.kind == DatapathKind::Switch,
            common_zone: self.datapath.common_zone(),
            features: net.features.get(reads, &()).copied().unwrap_or_default(),
        };
        if self.flow.controller_meter.is_none()
            && let Some(known) = actions.compiled.borrow().iter().find(|known| known.kind == kind)
        {
            emit_groups(&known.groups, emit);
            return Ok(known.actions.clone());
        }
        self.names.asked.set(false);
        let needs = Needs { place: self, groups: RefCell::default(), meters: RefCell::default() };
        let compiled = self.compile(&actions.parsed.actions, kind, &needs)?;
        let groups: Vec<Numbered> = needs.groups.into_inner().into_iter().collect();
        emit_groups(&groups, emit);
        let datapath = self.names.datapath;
        for (number, name) in needs.meters.into_inner() {
            match name {
                MeterName::Named(meter) => emit.fact(Fact::MeterUser { meter, flow: self.row, datapath }),
                MeterName::Own { flow: _, meter } => {
                    emit.output(Output::Meter(number, Arc::new(Limit::of_action(meter))));
                }
            }
        }
        if self.names.asked.get() {
            return Ok(net.parsed.borrow_mut().share(compiled));
        }
        let shared: Arc<[Action]> = compiled.into();
        actions.compiled.borrow_mut().push(Compiled { kind, actions: shared.clone(), groups });
        Ok(shared)
    }

    fn compile(
        &self,
        actions: &[LogicalAction],
        kind: Kind,
        needs: &Needs<'_>,
    ) -> Result<Vec<Action>, Complaint> {
        let named = self.flow.controller_meter.as_deref();
        let env = Environment {
            ports: self.names,
            resources: needs,
            pipeline: self.flow.pipeline,
            table: self.flow.table,
            is_switch: kind.is_switch,
            common_zone: kind.common_zone,
            controller_meter: named.and_then(|name| needs.meter(Meter::Named(name))),
            features: kind.features,
        };
        compile::actions(actions, &env).map_err(|error| self.complaint(&error))
    }
}

fn emit_groups(groups: &[Numbered], emit: &mut Emit<Network>) {
    for (number, group) in groups {
        emit.output(Output::Group(*number, group.clone()));
    }
}

/// What a flow needs in the switch besides itself.
struct Needs<'a> {
    place: &'a FlowPlace<'a>,
    groups: RefCell<BTreeMap<GroupId, Arc<Group>>>,
    meters: RefCell<BTreeMap<MeterId, MeterName>>,
}

impl Resources for Needs<'_> {
    fn datapath(&self) -> u32 {
        self.place.names.ask();
        self.place.datapath.key
    }

    fn cookie(&self) -> u32 {
        self.place.names.ask();
        self.place.flow.cookie
    }

    fn group(&self, group: Group) -> Option<GroupId> {
        let (number, group) = self.place.names.net.groups.borrow_mut().number(group);
        self.groups.borrow_mut().insert(number, group);
        Some(number)
    }

    /// What is limited by a name that nobody has is not limited.
    fn meter(&self, meter: Meter<'_>) -> Option<MeterId> {
        let Names { net, reads, .. } = *self.place.names.ask();
        let (number, name) = match meter {
            Meter::Named(name) => {
                let name = Str::from(name);
                (*net.meter_numbers.get(reads, &name)?, MeterName::Named(name))
            }
            Meter::Own(meter) => {
                let name = MeterName::Own { flow: self.place.row, meter };
                (net.numbers_of_meters.borrow_mut().number(&name)?, name)
            }
        };
        self.meters.borrow_mut().insert(number, name);
        Some(number)
    }

    fn has_collectors(&self, set: u32) -> bool {
        let Names { net, reads, .. } = *self.place.names.ask();
        net.collectors.get(reads, &set).is_some()
    }

    fn tunnel_port(&self, port: &str) -> Option<PortNo> {
        let Names { net, reads, .. } = *self.place.names.ask();
        let port = net.ports_by_name.first(reads, &port.into())?;
        let place = net.places.get(reads, port)?;
        crate::physical::remote::tunnel_to(net, reads, place).map(|tunnel| tunnel.ofport)
    }
}

/// Ports and groups of a datapath, for a unit.
struct Names<'a> {
    net: &'a Network,
    reads: &'a Reads,
    datapath: Uuid,
    /// Something was asked for that need not be the same for another flow or datapath.
    asked: Cell<bool>,
}

impl Ports for Names<'_> {
    fn key(&self, port: &str) -> Option<u32> {
        self.ask();
        self.net.keys.first(self.reads, &(self.datapath, port.into())).copied()
    }

    fn is_chassis_resident(&self, port: &str) -> bool {
        self.ask();
        let port = self.net.ports_by_name.first(self.reads, &port.into());
        port.is_some_and(|port| {
            self.net.locals.get(self.reads, port).is_some() || self.net.hosted.get(self.reads, port).is_some()
        })
    }
}

impl<'a> Names<'a> {
    fn new(net: &'a Network, reads: &'a Reads, datapath: Uuid) -> Self {
        Self { net, reads, datapath, asked: Cell::new(false) }
    }

    fn ask(&self) -> &Self {
        self.asked.set(true);
        self
    }

    /// Whether an address set is there and large.
    fn is_large(&self, set: &str) -> bool {
        self.net.large_sets.get(self.reads, &set.into()).is_some()
    }

    /// The text with the values of this chassis's variables.
    fn expand(&self, text: &Str) -> Str {
        let value = |name: &str| self.net.variables.get(self.reads, &name.into()).map(ToString::to_string);
        match lflow::template::expand(text, value) {
            Cow::Borrowed(_) => text.clone(),
            Cow::Owned(expanded) => expanded.into(),
        }
    }
}

/// Address sets and port groups, for a unit.
struct TrackedSets<'a> {
    names: &'a Names<'a>,
    used: Cell<bool>,
}

impl Sets for TrackedSets<'_> {
    fn address_set(&self, name: &str) -> Option<Arc<Vec<Integer>>> {
        self.used.set(true);
        self.names.net.address_sets.get(self.names.reads, &name.into()).cloned()
    }

    /// A group has a row for each datapath, whose name begins with the key of that. Members on other chassis are
    /// left out: what enters or leaves at them does so there.
    fn port_group(&self, name: &str) -> Option<Arc<Vec<Arc<str>>>> {
        self.used.set(true);
        let Names { net, reads, datapath, .. } = *self.names;
        let key = net.datapaths.get(reads, &datapath).map(|datapath| datapath.key);
        let of_datapath = key.and_then(|key| net.port_groups.get(reads, &format!("{key}_{name}").into()));
        let members = of_datapath.or_else(|| net.port_groups.get(reads, &name.into()))?;
        let here = members.iter().filter(|member| !is_elsewhere(net, reads, &Str::from(&***member)));
        Some(Arc::new(here.cloned().collect()))
    }
}

#[cfg(test)]
mod tests {
    use crate::network::Unit;
    use crate::tables::OfTable;
    use crate::tests::lab::{Lab, On, uuid};

    /// Ingress table 5.
    const TABLES: [OfTable; 1] = [OfTable(13)];

    fn lab() -> Lab {
        let mut lab = Lab::new();
        for (i, switch) in ["sw0", "sw1", "sw2"].into_iter().enumerate() {
            lab.switch(switch, i as i64 + 1);
            let port = format!("{switch}-p1");
            lab.port(switch, &port, 7, |_| {});
            lab.port(switch, &format!("{switch}-far"), 8, |_| {});
        }
        lab.interface("sw0-p1", Some(20));
        lab.interface("sw1-p1", Some(21));
        lab.step();
        lab
    }

    #[test]
    fn names_become_keys() {
        let mut lab = lab();
        lab.flow(
            "f",
            "inport == \"sw0-p1\" && eth.dst == 00:00:00:00:00:02",
            "outport = \"sw0-far\"; output;",
            On::Switch("sw0"),
        );
        insta::assert_snapshot!(lab.show(&TABLES), @"table=13, priority=50,reg14=0x7,metadata=0x1,dl_dst=00:00:00:00:00:02 actions=set_field:0x8->reg15,resubmit(,52)");
    }

    #[test]
    fn a_flow_that_names_an_unknown_port_waits_for_it() {
        let mut lab = lab();
        lab.flow("f", "inport == \"new\"", "next;", On::Switch("sw0"));
        assert_eq!(lab.show(&TABLES), "");
        insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.port("sw0", "new", 9, |_| {})), @"+ table=13, priority=50,reg14=0x9,metadata=0x1 actions=resubmit(,14)");
    }

    #[test]
    fn a_flow_of_a_group_is_on_its_local_members() {
        let mut lab = lab();
        lab.datapath_group("g", &["sw0", "sw2"]);
        lab.flow("f", "ip4", "next;", On::Group("g"));
        insta::assert_snapshot!(lab.show(&TABLES), @"table=13, priority=50,ip,metadata=0x1 actions=resubmit(,14)");
        insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.interface("sw2-p1", Some(22))), @"+ table=13, priority=50,ip,metadata=0x3 actions=resubmit(,14)");
        insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.datapath_group("g", &["sw1", "sw2"])), @r"
        - table=13, priority=50,ip,metadata=0x1 actions=resubmit(,14)
        + table=13, priority=50,ip,metadata=0x2 actions=resubmit(,14)
        ");
    }

    #[test]
    fn a_flow_about_a_port_of_another_chassis_is_left_out() {
        let mut lab = lab();
        lab.flow("f", "inport == \"sw0-far\"", "next;", On::SwitchWithPort("sw0", "sw0-far"));
        assert_eq!(lab.show(&TABLES), "");
        insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.interface("sw0-far", Some(23))), @"+ table=13, priority=50,reg14=0x8,metadata=0x1 actions=resubmit(,14)");
    }

    #[test]
    fn variables_have_the_values_of_this_chassis() {
        let mut lab = lab();
        lab.flow("f", "ip4.dst == ^vip", "next(^to);", On::Switch("sw0"));
        lab.variables("hv2", &[("vip", "10.0.0.2"), ("to", "7")]);
        assert_eq!(lab.show(&TABLES), "");
        insta::assert_snapshot!(lab.complaints.join("\n"), @r#"
        Logical_Flow 4d03f7f6:
        next(^to);
             ^^^
        Syntax error at `^to' expecting "pipeline" or "table".
        "#);
        let ours = |lab: &mut Lab| lab.variables("hv1", &[("vip", "{10.0.0.1, 10.0.0.3}"), ("to", "6")]);
        insta::assert_snapshot!(lab.difference(&TABLES, ours), @r"
        + table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.1 actions=resubmit(,14)
        + table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.3 actions=resubmit(,14)
        ");
        let other = |lab: &mut Lab| lab.variables("hv1", &[("vip", "10.0.0.1"), ("to", "6"), ("x", "y")]);
        insta::assert_snapshot!(lab.difference(&TABLES, other), @"- table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.3 actions=resubmit(,14)");
        // Who names none of what changes is not computed anew.
        lab.flow("f", "1", "next;", On::Switch("sw0"));
        lab.step();
        lab.variables("hv1", &[]);
        assert_eq!(lab.step(), []);
    }

    #[test]
    fn sets_against_sets_are_conjunctive() {
        let mut lab = lab();
        lab.address_set("a", &["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
        lab.flow("f", "ip4.src == $a && ip4.dst == $a", "drop;", On::Switch("sw0"));
        insta::assert_snapshot!(lab.show(&TABLES), @r"
        table=13, priority=50,conj_id=1292040182,ip,metadata=0x1 actions=drop
        table=13, priority=50,ip,metadata=0x1,nw_src=10.0.0.1 actions=conjunction(1292040182,2/2)
        table=13, priority=50,ip,metadata=0x1,nw_src=10.0.0.2 actions=conjunction(1292040182,2/2)
        table=13, priority=50,ip,metadata=0x1,nw_src=10.0.0.3 actions=conjunction(1292040182,2/2)
        table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.1 actions=conjunction(1292040182,1/2)
        table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.2 actions=conjunction(1292040182,1/2)
        table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.3 actions=conjunction(1292040182,1/2)
        ");
        insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.address_set("a", &["10.0.0.1"])), @r"
        - table=13, priority=50,conj_id=1292040182,ip,metadata=0x1 actions=drop
        - table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.1 actions=conjunction(1292040182,1/2)
        - table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.2 actions=conjunction(1292040182,1/2)
        - table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.3 actions=conjunction(1292040182,1/2)
        - table=13, priority=50,ip,metadata=0x1,nw_src=10.0.0.1 actions=conjunction(1292040182,2/2)
        - table=13, priority=50,ip,metadata=0x1,nw_src=10.0.0.2 actions=conjunction(1292040182,2/2)
        - table=13, priority=50,ip,metadata=0x1,nw_src=10.0.0.3 actions=conjunction(1292040182,2/2)
        + table=13, priority=50,ip,metadata=0x1,nw_src=10.0.0.1,nw_dst=10.0.0.1 actions=drop
        ");
    }

    #[test]
    fn a_port_group_has_a_row_for_each_datapath_and_counts_the_ports_that_are_here() {
        let mut lab = lab();
        lab.datapath_group("g", &["sw0", "sw1", "sw2"]);
        lab.flow("f", "inport == @pg && ip4", "next;", On::Group("g"));
        let rows = |lab: &mut Lab| {
            lab.port_group("1_pg", &["sw0-p1", "sw0-far"]);
            lab.port_group("2_pg", &["sw1-p1"]);
        };
        insta::assert_snapshot!(lab.difference(&TABLES, rows), @r"
        + table=13, priority=50,ip,reg14=0x7,metadata=0x1 actions=resubmit(,14)
        + table=13, priority=50,ip,reg14=0x7,metadata=0x2 actions=resubmit(,14)
        ");
        insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.interface("sw0-far", Some(22))), @"+ table=13, priority=50,ip,reg14=0x8,metadata=0x1 actions=resubmit(,14)");
        insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.port_group("2_pg", &[])), @"- table=13, priority=50,ip,reg14=0x7,metadata=0x2 actions=resubmit(,14)");
    }

    /// `10.0.0.0` and the following ones.
    fn addresses(count: u32) -> Vec<String> {
        (0..count).map(|i| std::net::Ipv4Addr::from_bits(0x0a00_0000 + i).to_string()).collect()
    }

    /// A conjunctive and a plain flow that use a set.
    fn lab_with_set(members: &[&str]) -> Lab {
        let mut lab = lab();
        lab.flow("wide", "ip4.src == $a && tcp.dst == {80, 443}", "next;", On::Switch("sw0"));
        lab.flow("plain", "ip4.dst == $a", "drop;", On::Switch("sw1"));
        lab.address_set("a", members);
        lab.step();
        lab
    }

    #[test]
    fn a_member_of_a_large_set_costs_one_member() {
        let all = addresses(10_000);
        let mut members: Vec<&str> = all.iter().map(String::as_str).collect();
        let mut lab = lab_with_set(&members);
        let before = lab.flows.len();
        members.push("192.168.0.1");
        lab.address_set("a", &members);
        let ran = lab.step();
        assert!(
            matches!(ran[..], [Unit::SetMember(_), Unit::SetMemberOn(..), Unit::SetMemberOn(..)]),
            "{ran:?}"
        );
        assert_eq!(lab.flows.len(), before + 2);
    }

    #[test]
    fn members_of_a_large_set_come_and_go() {
        let all = addresses(20);
        let members: Vec<&str> = all.iter().map(String::as_str).collect();
        let mut lab = lab_with_set(&members);
        // A flow for each member of each, the ports, the conjunctive match.
        assert_eq!(lab.show(&TABLES).lines().count(), 2 * 20 + 2 + 1);
        insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.address_set("a", &members[1..])), @r"
        - table=13, priority=50,ip,metadata=0x2,nw_dst=10.0.0.0 actions=drop
        - table=13, priority=50,tcp,metadata=0x1,nw_src=10.0.0.0 actions=conjunction(1214941166,1/2)
        ");
        // A member that does not fit is said, and harms nobody else.
        let with_other_family = [&members[1..], &["fe80::1"]].concat();
        assert_eq!(lab.difference(&TABLES, |lab| lab.address_set("a", &with_other_family)), "");
        insta::assert_snapshot!(lab.complaints.join("\n"), @r"
        Logical_Flow 486b87ee: address set a: fe80::1: 128-bit constant is not compatible with 32-bit field ip4.src.
        Logical_Flow a202a064: address set a: fe80::1: 128-bit constant is not compatible with 32-bit field ip4.dst.
        ");
        // A new user of the set asks each member once.
        lab.flow("new", "ip4.dst == $a", "next;", On::Switch("sw0"));
        let ran = lab.step();
        let flows = ran.iter().filter(|unit| matches!(unit, Unit::SetMemberOn(..))).count();
        assert_eq!(flows, 20, "{ran:?}");
    }

    #[test]
    fn a_set_that_becomes_large_or_small_means_the_same() {
        let mut lab = lab();
        lab.flow("f", "ip4.src == $a && ip4.dst == 10.9.9.9", "next;", On::Switch("sw0"));
        let all = addresses(40);
        let members: Vec<&str> = all.iter().map(String::as_str).collect();
        for count in [1, 15, 16, 40, 17, 15, 0] {
            lab.address_set("a", &members[..count]);
            assert_eq!(lab.show(&TABLES).lines().count(), count);
        }
    }

    #[test]
    fn what_equal_actions_ask_for_is_each_flows_own() {
        let mut lab = lab();
        let sticky =
            "commit_lb_aff(vip = \"10.0.0.1:80\", backend = \"10.0.0.2:80\", proto = tcp, timeout = 30);";
        lab.flow("a flow", "ip4.dst == 10.0.0.1", sticky, On::Switch("sw0"));
        lab.flow("another flow", "ip4.dst == 10.0.0.4", sticky, On::Switch("sw0"));
        let flows = lab.show(&TABLES);
        for cookie in ["a flow", "another flow"].map(|flow| uuid("Logical_Flow", flow).first_u32()) {
            assert_eq!(flows.matches(&format!("cookie={cookie:#x}")).count(), 1, "{flows}");
        }
        // The same text in one row, for two datapaths.
        lab.datapath_group("both", &["sw0", "sw1"]);
        lab.flow("a flow", "ip4.dst == 10.0.0.1", "outport = \"sw0-p1\"; next;", On::Group("both"));
        lab.flow("another flow", "ip4.dst == 10.0.0.4", "next;", On::Group("both"));
        insta::assert_snapshot!(lab.show(&TABLES), @r"
        table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.1 actions=set_field:0x7->reg15,resubmit(,14)
        table=13, priority=50,ip,metadata=0x1,nw_dst=10.0.0.4 actions=resubmit(,14)
        table=13, priority=50,ip,metadata=0x2,nw_dst=10.0.0.1 actions=set_field:0->reg15,resubmit(,14)
        table=13, priority=50,ip,metadata=0x2,nw_dst=10.0.0.4 actions=resubmit(,14)
        ");
    }

    #[test]
    fn flows_that_balance_alike_share_a_group() {
        let mut lab = lab();
        let balance = "ct_lb_mark(backends=10.0.0.2:80,10.0.0.3:80);";
        lab.flow("f", "ip4.dst == 10.0.0.1", balance, On::Switch("sw0"));
        lab.flow("g", "ip4.dst == 10.0.0.4", balance, On::Switch("sw0"));
        let flows = lab.show(&TABLES);
        let groups: Vec<u32> = lab.flows.groups.wanted().map(|(number, _)| number.0).collect();
        let [group] = groups[..] else { panic!("{groups:?}") };
        assert_eq!(flows.matches(&format!("actions=group:{group}")).count(), 2, "{flows}");
        lab.flow("f", "ip4.dst == 10.0.0.1", "drop;", On::Switch("sw0"));
        lab.step();
        assert_eq!(lab.flows.groups.wanted().count(), 1);
        lab.flow("g", "ip4.dst == 10.0.0.4", "drop;", On::Switch("sw0"));
        lab.step();
        assert_eq!(lab.flows.groups.wanted().count(), 0);
    }

    #[test]
    fn a_flow_that_cannot_be_compiled_is_said_and_left_out() {
        let mut lab = lab();
        lab.flow("f", "ip4.src == 1.2.3", "next;", On::Switch("sw0"));
        lab.flow("g", "1", "fly;", On::Switch("sw0"));
        assert_eq!(lab.show(&TABLES), "");
        insta::assert_snapshot!(lab.complaints.join("\n"), @r"
        Logical_Flow 4d03f7f6:
        ip4.src == 1.2.3
                   ^^^^^
        Invalid numeric constant.
        Logical_Flow 4d03f7f6:
        fly;
        ^^^
        Syntax error at `fly' expecting action.
        ");
    }

    #[test]
    fn only_what_a_change_concerns_is_computed() {
        let mut lab = lab();
        lab.datapath_group("g", &["sw0", "sw1"]);
        lab.flow("all", "ip4", "next;", On::Group("g"));
        lab.flow("port", "inport == \"sw0-p1\"", "next;", On::Switch("sw0"));
        lab.flow("set", "ip4.src == $a", "next;", On::Switch("sw1"));
        lab.address_set("a", &["10.0.0.1"]);
        lab.group("sw0", "_MC_flood", 32768, &["sw0-p1", "sw0-far"]);
        lab.step();

        // Where a remote port is concerns the port and its groups.
        lab.bind("sw0-far", Some("hv2"));
        let far = uuid("Port_Binding", "sw0-far");
        let group = Unit::MulticastGroup(uuid("Multicast_Group", "sw0 _MC_flood"));
        assert_eq!(lab.step(), [Unit::Port(far), group]);

        // A set concerns the flows that name it.
        lab.address_set("a", &["10.0.0.2"]);
        assert_eq!(lab.step(), [Unit::LogicalFlow(uuid("Logical_Flow", "set"))]);

        // A new flow concerns nobody else.
        lab.flow("new", "ip6", "next;", On::Switch("sw1"));
        assert_eq!(lab.step(), [Unit::LogicalFlow(uuid("Logical_Flow", "new"))]);

        // What is said of a port that nothing here depends on concerns nobody.
        lab.port("sw2", "sw2-p1", 7, |row| row.up = Some(true));
        assert!(lab.step().is_empty());

        // Neither do rows of datapaths that have no port here, but for a look at them.
        lab.flow("elsewhere", "ip4", "next;", On::Switch("sw2"));
        assert_eq!(lab.step(), [Unit::LogicalFlow(uuid("Logical_Flow", "elsewhere"))]);
        assert!(lab.inputs.engine.outputs(&Unit::LogicalFlow(uuid("Logical_Flow", "elsewhere"))).is_empty());
    }
}

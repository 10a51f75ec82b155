//! The actions of a logical flow on a datapath, with what they need in the switch.

use incr::Emit;
use lflow::action::Action as LogicalAction;
use lflow::pipeline::DatapathKind;
use openflow::{Action, GroupId, MeterId, PortNo};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::FlowPlace;
use super::cache::{Actions, Compiled, Kind};
use super::names::Names;
use crate::compile::{self, Environment, Group, Meter, Resources};
use crate::groups::Numbered;
use crate::meters::{Limit, MeterName};
use crate::model::Complaint;
use crate::network::{Fact, Network, Output};
use ovsdb::Str;

impl FlowPlace<'_> {
    /// The actions, after the groups and meters that they name.
    pub(super) fn actions(
        &self,
        actions: &Actions,
        emit: &mut Emit<Network>,
    ) -> Result<Arc<[Action]>, Complaint> {
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

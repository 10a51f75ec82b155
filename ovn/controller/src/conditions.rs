//! Which rows of the southbound database concern this chassis: monitor conditions.
//!
//! Of tables with much in them only the rows of local datapaths are asked for, unless `ovn-monitor-all` is set. What
//! makes a datapath local is the port of a local interface, so ports of those names are asked for too. The rows that
//! come by that may make further datapaths local: conditions follow until nothing changes any more. Only then do the
//! flows embody the configuration ([`crate::controller`]).
//!
//! Upstream: ovn-controller.c, `update_sb_monitors`. Logical flows of groups of datapaths are all asked for, as there,
//! because whether a group is local would only be known after a further round.

use ovsdb::replica::Replica;
use ovsdb::{Clause, Condition, Datum, Function, Str, Uuid};
use schema::sb::TableId;
use std::collections::{BTreeMap, BTreeSet};

use crate::inputs::Inputs;
use crate::model::Config;

/// What conditions are made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Everything is asked for; the rest does not matter.
    everything: bool,
    /// The name of our chassis.
    name: Str,
    /// The row of our chassis.
    chassis: Option<Uuid>,
    /// Names that local interfaces have for their logical ports.
    ports: BTreeSet<Str>,
    /// Local datapaths with their keys.
    datapaths: BTreeMap<Uuid, u32>,
}

impl Scope {
    pub(crate) fn of(config: &Config, inputs: &Inputs) -> Self {
        if config.monitor_all {
            return Self { everything: true, ..Self::default() };
        }
        Self {
            everything: false,
            name: config.system_id.clone(),
            chassis: inputs.chassis_row(),
            ports: inputs.interface_names().cloned().collect(),
            datapaths: inputs.local_datapaths().collect(),
        }
    }

    /// Asks for these rows from now on.
    pub(crate) fn apply(&self, southbound: &mut Replica) {
        for (table, clauses) in self.clauses() {
            let clauses = if self.everything { vec![Clause::Constant(true)] } else { clauses };
            southbound.set_condition(table.name(), Condition { clauses });
        }
    }

    fn clauses(&self) -> [(TableId, Vec<Clause>); 9] {
        let is = |column: &'static str, value: Datum| Clause::compare(column, Function::Equal, value);
        let here = |column| self.datapaths.keys().map(move |uuid| is(column, Datum::scalar(*uuid)));
        let with = |uuid: &Uuid| Clause::compare("datapaths", Function::Includes, Datum::scalar(*uuid));
        let keys = self.datapaths.values().map(|key| is("dp_key", Datum::scalar(i64::from(*key))));
        let any = |column| Clause::compare(column, Function::NotEqual, Datum::empty_set());

        let mut ports = vec![any("parent_port")];
        ports.extend(self.chassis.map(|row| is("chassis", Datum::scalar(row))));
        ports.extend(self.ports.iter().map(|name| is("logical_port", Datum::scalar(name.clone()))));
        ports.extend(here("datapath"));
        // What is behind a router's port is told by the port's peer, and gateways may make datapaths local by themselves.
        ports.extend(["patch", "chassisredirect"].map(|kind| is("type", Datum::scalar(Str::from(kind)))));
        let on_us = Datum::map([(Str::from("l3gateway-chassis"), self.name.clone())]);
        ports.push(Clause::compare("options", Function::Includes, on_us));
        let mut flows = vec![any("logical_dp_group")];
        flows.extend(here("logical_datapath"));
        // A list without clauses would ask for all rows.
        let none = || std::iter::once(Clause::Constant(false));
        [
            (TableId::ChassisPrivate, vec![is("name", Datum::scalar(self.name.clone()))]),
            (TableId::ChassisTemplateVar, vec![is("chassis", Datum::scalar(self.name.clone()))]),
            (TableId::PortBinding, ports),
            (TableId::LogicalFlow, flows),
            (TableId::MulticastGroup, none().chain(here("datapath")).collect()),
            (TableId::Fdb, none().chain(keys).collect()),
            (TableId::MacBinding, none().chain(here("datapath")).collect()),
            (TableId::Dns, none().chain(self.datapaths.keys().map(with)).collect()),
            (TableId::StaticMacBinding, none().chain(here("datapath")).collect()),
        ]
    }
}

//! What is known of a step of a trace beyond the text that upstream's forms show.

use crate::network::Shown;
use crate::walk::{Place, Traced};
use lflow::Pipeline;
use lflow::action::Action;
use lflow::expr::{Microflow, Packet as _};
use openflow::Field;
use ovsdb::{Str, Uuid};
use schema::sb::LogicalFlow;
use std::collections::BTreeSet;

/// What is known of a node.
#[derive(Clone, Debug)]
pub(crate) enum About {
    /// A packet enters a pipeline.
    Hop(Hop),
    /// A flow matched.
    Visit(Box<Visit>),
    /// No flow matched.
    Miss { pipeline: Pipeline, table: u8, stage: Option<Str>, near: Vec<Near>, flow: Microflow },
    /// The packet left by a port.
    Delivery { port: String, kind: Str, network: Option<Str>, flow: Microflow },
}

/// A pipeline that a packet enters.
#[derive(Clone, Debug)]
pub(crate) struct Hop {
    pub(crate) uuid: Uuid,
    /// The datapath's name, as it is shown.
    pub(crate) datapath: String,
    pub(crate) is_router: bool,
    pub(crate) pipeline: Pipeline,
    pub(crate) inport: Option<String>,
    pub(crate) outport: Option<String>,
    /// The name of the chassis, where that is known.
    pub(crate) chassis: Option<Str>,
    /// How the packet came to that chassis, if it was on another one.
    pub(crate) tunnel: Option<Tunnel>,
}

/// The way from one chassis to another.
#[derive(Clone, Debug)]
pub(crate) struct Tunnel {
    /// The protocol; empty if the chassis says none.
    pub(crate) kind: Str,
    /// Name and address of both ends.
    pub(crate) from: (Str, Str),
    pub(crate) to: (Str, Str),
    /// What the header says: the datapath, the port that the packet came in by and that it leaves by.
    pub(crate) datapath: u32,
    pub(crate) inport: u32,
    pub(crate) outport: u32,
}

/// A flow that matched.
#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) pipeline: Pipeline,
    pub(crate) table: u8,
    pub(crate) stage: Option<Str>,
    pub(crate) priority: i64,
    pub(crate) uuid: Uuid,
    /// Match and actions, as they are shown.
    pub(crate) matched: String,
    pub(crate) actions: Vec<String>,
    /// The beginning of the northbound row's UUID.
    pub(crate) hint: Option<Str>,
    /// The part of the database's writer that made it.
    pub(crate) source: Option<Str>,
    /// Whether it only hands the packet on.
    pub(crate) is_quiet: bool,
    /// The packet that the flow matched.
    pub(crate) before: Microflow,
    /// What the actions changed: before and after.
    pub(crate) changes: Vec<(Field, u128, u128)>,
    /// If it drops the packet: the flows that would not have, and came nearest to matching.
    pub(crate) near: Option<Vec<Near>>,
}

/// A term that is not true of a packet, and what the packet has instead where that is one field.
pub(crate) type Failed = (String, Option<String>);

/// A flow that nearly matched.
#[derive(Clone, Debug)]
pub(crate) struct Near {
    pub(crate) priority: i64,
    pub(crate) uuid: Uuid,
    pub(crate) matched: String,
    pub(crate) actions: String,
    pub(crate) failed: Vec<Failed>,
}

impl About {
    /// A flow that matched a packet, of which nothing is done yet.
    pub(crate) fn visit(
        place: Place<'_>,
        row: &LogicalFlow,
        shown: &Shown,
        actions: &[Action],
        packet: &Traced,
    ) -> Box<Visit> {
        let id = |key: &str| row.external_ids.get(key).cloned();
        Box::new(Visit {
            pipeline: place.pipeline,
            table: place.table,
            stage: id("stage-name"),
            priority: row.priority,
            uuid: row.uuid,
            matched: shown.matched.clone(),
            actions: shown.actions.clone(),
            hint: id("stage-hint"),
            source: id("source"),
            is_quiet: matches!(actions, [Action::Next(next)] if next.pipeline == next.from.pipeline),
            before: packet.flow.clone(),
            changes: Vec::new(),
            near: None,
        })
    }
}

impl Visit {
    /// The flow dropped the packet.
    pub(crate) fn dropped(mut self: Box<Self>, near: Vec<Near>) -> About {
        self.near = Some(near);
        About::Visit(self)
    }

    /// The actions made this of the packet.
    pub(crate) fn changed(mut self: Box<Self>, packet: &Traced) -> About {
        let before = &self.before;
        let fields: BTreeSet<Field> = before.fields().chain(packet.flow.fields()).map(|(f, _)| f).collect();
        let change = |field: Field| (field, before.field(field), packet.flow.field(field));
        self.changes = fields.into_iter().map(change).filter(|(_, old, new)| old != new).collect();
        About::Visit(self)
    }
}

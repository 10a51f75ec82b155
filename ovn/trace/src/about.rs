//! What is known of a step of a trace beyond the text that upstream's forms show.

use crate::flow_text;
use crate::network::{Datapath, Shown};
use crate::node::{Kind, Node};
use crate::walk::{Place, Traced};
use lflow::Pipeline;
use lflow::action::{Action, Next};
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
    /// Whether it only hands the packet on, as it was.
    pub(crate) is_quiet: bool,
    /// The packet that the flow matched.
    pub(crate) before: Microflow,
    /// What the actions changed.
    pub(crate) changes: Vec<Changed>,
    /// If it drops the packet, why.
    pub(crate) drop: Option<Drop>,
}

/// A field that actions changed, as text.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    pub(crate) field: String,
    pub(crate) before: String,
    pub(crate) after: String,
}

/// Why a flow dropped a packet.
#[derive(Clone, Debug)]
pub(crate) struct Drop {
    /// The flow before that made the packet match, as a line, if there is one.
    pub(crate) decided: Option<String>,
    /// The flows beside the one that decided which came nearest to matching, and drop nothing.
    pub(crate) near: Vec<Near>,
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
            is_quiet: !actions.is_empty() && actions.iter().all(is_pure),
            before: packet.flow.clone(),
            changes: Vec::new(),
            drop: None,
        })
    }
}

impl Visit {
    /// The flow dropped the packet.
    pub(crate) fn dropped(mut self: Box<Self>, drop: Drop) -> About {
        self.drop = Some(drop);
        About::Visit(self)
    }

    /// The actions made this of the packet, with these remarks.
    pub(crate) fn changed(
        mut self: Box<Self>,
        datapath: &Datapath,
        packet: &Traced,
        remarks: &[Node],
    ) -> About {
        let (before, after) = (&self.before, &packet.flow);
        let fields: BTreeSet<Field> = before.fields().chain(after.fields()).map(|(field, _)| field).collect();
        let shown = |flow: &Microflow, field| flow_text::field_value(field, flow.field(field), datapath);
        let changed = fields.into_iter().filter(|field| before.field(*field) != after.field(*field));
        self.changes = changed
            .map(|field| Changed {
                field: flow_text::name(field),
                before: shown(before, field),
                after: shown(after, field),
            })
            .collect();
        let is_text = |node: &Node| matches!(node.kind, Kind::Action | Kind::Effect | Kind::OpenFlow(_));
        self.is_quiet &= self.changes.is_empty() && remarks.iter().all(is_text);
        About::Visit(self)
    }
}

/// Whether an action does nothing but look, or set fields of the packet, or hand it on in its pipeline.
fn is_pure(action: &Action) -> bool {
    let stays = |next: &Next| next.pipeline == next.from.pipeline;
    let goes_on = matches!(action, Action::Next(next) if stays(next));
    goes_on
        || matches!(
            action,
            Action::Load(_)
                | Action::Move(_)
                | Action::Exchange(_)
                | Action::Push(_)
                | Action::Pop(_)
                | Action::CtClear
                | Action::CtOriginal(..)
                | Action::CtStateSave(_)
                | Action::GetNeighbor(_)
                | Action::LookupNeighbor(_)
                | Action::GetFdb(_)
                | Action::LookupFdb(_)
                | Action::Check(..)
                | Action::CheckPktLarger(_)
                | Action::MacCacheUse
        )
}

//! Logical flows whose large address sets stay open: a flow says as a fact what each member is to add, and what a few
//! members add to one flow is a unit of its own, which looks at no text and no names.

use incr::{Emit, Reads};
use lflow::expr::{self, OpenMatches, OpenPart};
use openflow::Action;
use ovsdb::{Str, Uuid};
use std::collections::BTreeSet;
use std::sync::Arc;

use super::prepare::Prepared;
use super::{FlowPlace, Shared};
use crate::model::Complaint;
use crate::network::{ChunkId, Fact, Network, Output};

/// A logical flow on a datapath, but for the members of large address sets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpenFlow {
    shared: Shared,
    actions: Arc<[Action]>,
    parts: Vec<OpenPart>,
}

impl OpenFlow {
    /// The sets whose members it waits for, each once.
    pub(crate) fn sets(&self) -> BTreeSet<Str> {
        self.parts.iter().map(|part| Str::from(part.set())).collect()
    }
}

impl FlowPlace<'_> {
    /// Says what members of open sets are to add.
    pub(super) fn leave_open(
        &self,
        prepared: &Prepared,
        open: &OpenMatches,
        emit: &mut Emit<Network>,
    ) -> Result<(), Complaint> {
        let parts = open.parts(self.names).map_err(|error| self.complaint(&error))?;
        if parts.is_empty() {
            return Ok(());
        }
        let actions = self.actions(&prepared.actions, emit)?;
        let form = Arc::new(OpenFlow { shared: self.shared(open.ids()), actions, parts });
        emit.fact(Fact::OpenFlow { flow: self.row, datapath: self.names.datapath, form });
        Ok(())
    }
}

/// What a few members of a large address set add to a logical flow on a datapath.
pub(crate) fn chunk_flows(
    net: &Network,
    reads: &Reads,
    chunk: ChunkId,
    flow: Uuid,
    datapath: Uuid,
    emit: &mut Emit<Network>,
) {
    let Some(chunk) = net.set_chunks.get(reads, &chunk) else { return };
    let Some(OpenFlow { shared, actions, parts }) =
        net.open_flows.first(reads, &(flow, datapath)).map(|form| &**form)
    else {
        return;
    };
    for member in &chunk.members {
        match expr::member_matches(parts, &chunk.set, member) {
            Ok(matches) => matches.into_iter().for_each(|found| emit.output(shared.flow(found, actions))),
            Err(error) => {
                let (cookie, set) = (shared.cookie, &chunk.set);
                let complaint = format!("Logical_Flow {cookie:08x}: address set {set}: {member}: {error}");
                emit.output(Output::Complaint(Complaint(complaint)));
            }
        }
    }
}

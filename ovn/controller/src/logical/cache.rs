//! What was made of texts, for as long as a step lasts.

use lflow::action::{self, Context, Parsed};
use lflow::pipeline::Pipeline;
use openflow::{Action, Subfield};
use ovsdb::{Str, Uuid};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::prepare::Prepared;
use crate::compile::Features;
use crate::groups::Numbered;
use crate::model::LogicalFlow;

/// Most texts that are kept of either kind; one more empties the cache.
pub(super) const CACHE_MAX: usize = 16 * 1024;

/// Texts that were parsed, with what they mean.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    /// Logical flows of groups, by row.
    pub(super) prepared: HashMap<Uuid, (Arc<LogicalFlow>, Prepared)>,
    actions: HashMap<ActionText, Rc<Actions>>,
    /// Actions of OpenFlow that differ from datapath to datapath, so that flows that do the same share them.
    lists: HashSet<Arc<[Action]>>,
    pub(super) stats: CacheStats,
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
    pub(super) fn prepared(&mut self, row: Uuid, flow: &Arc<LogicalFlow>) -> Option<&Prepared> {
        self.stats.matches += 1;
        let (known, prepared) = self.prepared.get(&row)?;
        Arc::ptr_eq(known, flow).then_some(prepared)
    }

    pub(super) fn actions(&mut self, text: &ActionText) -> Result<Rc<Actions>, lflow::Error> {
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
    pub(super) fn share(&mut self, actions: Vec<Action>) -> Arc<[Action]> {
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
pub(super) struct ActionText {
    pub(super) text: Str,
    pub(super) pipeline: Pipeline,
    pub(super) table: u8,
}

/// Actions between their text and a datapath.
#[derive(Debug)]
pub(super) struct Actions {
    pub(super) parsed: Parsed,
    /// As OpenFlow, where that is the same on all datapaths of a kind. There are few kinds.
    pub(super) compiled: RefCell<Vec<Compiled>>,
}

/// What actions may depend on without asking for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) is_switch: bool,
    pub(super) common_zone: Subfield,
    pub(super) features: Features,
}

/// Actions of OpenFlow, with the groups that they name.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    pub(super) kind: Kind,
    pub(super) actions: Arc<[Action]>,
    pub(super) groups: Vec<Numbered>,
}

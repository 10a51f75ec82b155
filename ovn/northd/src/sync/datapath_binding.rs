//! `Datapath_Binding`: a row a logical switch, known by the switch's UUID, which a new row takes for its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ovsdb::Uuid;
use schema::sb;
use schema::tables::Delta;

use crate::allocation::northbound_id;
use crate::output::DatapathRow;
use crate::sync::mirror::Mirror;
use crate::sync::plan::{Plan, fresh_uuid};

/// The datapaths. A row of which nobody knows where it comes from has no key, and is not wanted.
#[derive(Default)]
pub struct Datapaths {
    mirror: Mirror<Option<Uuid>, Arc<DatapathRow>, sb::DatapathBinding>,
    /// UUIDs of rows that the plan at hand inserts, by northbound UUID.
    planned: BTreeMap<Uuid, Uuid>,
}

impl Datapaths {
    /// A row should be, or should no longer be.
    pub fn want(&mut self, row: &Arc<DatapathRow>, present: bool) {
        let key = Some(row.uuid);
        if present {
            self.mirror.want(key, Some(row.clone()));
        } else if self.mirror.wanted(&key) == Some(row) {
            self.mirror.want(key, None);
        }
    }

    /// A row came, changed or went.
    pub fn found(&mut self, delta: &Delta<sb::DatapathBinding>) {
        self.mirror.found(delta, northbound_id);
    }

    /// The southbound row of a switch, present or planned.
    pub fn southbound(&self, northbound: Uuid) -> Option<Uuid> {
        let present = self.mirror.row(&Some(northbound)).map(|(uuid, _)| uuid);
        present.or_else(|| self.planned.get(&northbound).copied())
    }

    /// The switch of a southbound row.
    pub fn northbound(&self, southbound: Uuid) -> Option<Uuid> {
        *self.mirror.key_of(southbound)?
    }

    /// Compares what may differ. Gives the rows that are deleted.
    pub fn plan(&mut self, plan: &mut Plan) -> BTreeSet<Uuid> {
        let mut deleted = BTreeSet::new();
        self.planned.clear();
        for key in self.mirror.take_dirty() {
            let wanted = self.mirror.wanted(&key).cloned();
            for (uuid, _) in self.mirror.rows(&key).skip(usize::from(wanted.is_some())) {
                plan.delete::<sb::DatapathBinding>(uuid);
                deleted.insert(uuid);
            }
            let Some(wanted) = wanted else { continue };
            match self.mirror.row(&key) {
                Some((uuid, row)) => plan.update(uuid, &**row, &fill(row, &wanted)),
                None => {
                    let uuid = fresh_uuid(wanted.uuid, |uuid| self.mirror.is_taken(uuid));
                    plan.insert(uuid, &fill(&sb::DatapathBinding::default(), &wanted));
                    self.planned.insert(wanted.uuid, uuid);
                }
            }
        }
        deleted
    }

    /// Compares everything at the next plan.
    pub fn mark_all(&mut self) {
        self.mirror.mark_all();
    }

    /// Whether something may differ.
    pub fn is_dirty(&self) -> bool {
        self.mirror.is_dirty()
    }
}

fn fill(row: &sb::DatapathBinding, wanted: &DatapathRow) -> sb::DatapathBinding {
    sb::DatapathBinding {
        tunnel_key: wanted.key.into(),
        r#type: Some(wanted.kind.name().into()),
        nb_uuid: Some(wanted.uuid),
        external_ids: wanted.external_ids.clone(),
        ..row.clone()
    }
}

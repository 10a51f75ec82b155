//! `RBAC_Role` and `RBAC_Permission`: what the role `ovn-controller` may write, for databases that ask for it.
//!
//! Upstream: rbac_perm_cfg in ovn-northd.c.

use std::collections::{BTreeMap, BTreeSet};

use ovsdb::{Str, Uuid};
use schema::sb;
use schema::tables::Delta;

use crate::sync::content_uuid;
use crate::sync::mirror::Mirror;
use crate::sync::plan::{Plan, fresh_uuid};

/// The name of the role.
const ROLE: &str = "ovn-controller";

/// Table, columns of which one must be the client's name, whether rows may be made and deleted, columns that may
/// be changed.
type Permission = (&'static str, &'static [&'static str], bool, &'static [&'static str]);

const PERMISSIONS: &[Permission] = &[
    ("BFD", &[""], false, &["status"]),
    (
        "Chassis",
        &["name"],
        true,
        &["nb_cfg", "external_ids", "encaps", "vtep_logical_switches", "other_config", "transport_zones"],
    ),
    ("Chassis_Private", &["name"], true, &["nb_cfg", "nb_cfg_timestamp", "chassis", "external_ids"]),
    ("Controller_Event", &[""], true, &["chassis", "event_info", "event_type", "seq_num"]),
    ("Encap", &["chassis_name"], true, &["type", "options", "ip"]),
    ("FDB", &[""], true, &["dp_key", "mac", "port_key", "timestamp"]),
    ("IGMP_Group", &[""], true, &["address", "protocol", "chassis", "datapath", "ports"]),
    ("Learned_Route", &[""], true, &["datapath", "logical_port", "ip_prefix", "nexthop", "external_ids"]),
    ("MAC_Binding", &[""], true, &["logical_port", "ip", "mac", "datapath", "timestamp"]),
    (
        "Port_Binding",
        &[""],
        false,
        &["chassis", "additional_chassis", "encap", "additional_encap", "up", "virtual_parent", "options"],
    ),
    ("Service_Monitor", &[""], false, &["status"]),
];

/// The role and its permissions, each known by its table.
pub struct Rbac {
    permissions: Mirror<Str, (), sb::RbacPermission>,
    roles: Mirror<Str, (), sb::RbacRole>,
}

impl Default for Rbac {
    fn default() -> Self {
        let mut rbac = Self { permissions: Mirror::default(), roles: Mirror::default() };
        for (table, ..) in PERMISSIONS {
            rbac.permissions.want((*table).into(), Some(()));
        }
        rbac.roles.want(ROLE.into(), Some(()));
        rbac
    }
}

impl Rbac {
    /// A permission came, changed or went.
    pub fn found_permission(&mut self, delta: &Delta<sb::RbacPermission>) {
        self.permissions.found(delta, |row| row.table.clone());
        self.roles.mark(ROLE.into());
    }

    /// A role came, changed or went.
    pub fn found_role(&mut self, delta: &Delta<sb::RbacRole>) {
        self.roles.found(delta, |row| row.name.clone());
    }

    /// Compares what may differ.
    pub fn plan(&mut self, plan: &mut Plan) {
        for table in self.permissions.take_dirty() {
            let wanted = PERMISSIONS.iter().find(|(name, ..)| **name == *table);
            for (uuid, _) in self.permissions.rows(&table).skip(usize::from(wanted.is_some())) {
                plan.delete::<sb::RbacPermission>(uuid);
            }
            let Some(permission) = wanted else { continue };
            match self.permissions.row(&table) {
                Some((uuid, row)) => {
                    plan.update(uuid, &**row, &sb::RbacPermission { uuid, ..row_of(permission) })
                }
                None => plan.insert(self.permission_uuid(permission.0), &row_of(permission)),
            }
        }
        for name in self.roles.take_dirty() {
            let is_ours = self.roles.wanted(&name).is_some();
            for (uuid, _) in self.roles.rows(&name).skip(usize::from(is_ours)) {
                plan.delete::<sb::RbacRole>(uuid);
            }
            if !is_ours {
                continue;
            }
            let entries =
                PERMISSIONS.iter().map(|(table, ..)| (Str::from(*table), self.permission_uuid(table)));
            let permissions: BTreeMap<Str, Uuid> = entries.collect();
            match self.roles.row(&name) {
                Some((uuid, row)) => {
                    plan.update(uuid, &**row, &sb::RbacRole { permissions, ..(**row).clone() })
                }
                None => {
                    let uuid = fresh_uuid(content_uuid(&[b"role", name.as_bytes()]), |uuid| {
                        self.roles.is_taken(uuid)
                    });
                    plan.insert(uuid, &sb::RbacRole { name, permissions, ..Default::default() });
                }
            }
        }
    }

    /// Compares everything at the next plan.
    pub fn mark_all(&mut self) {
        self.permissions.mark_all();
        self.roles.mark_all();
    }

    /// Whether something may differ.
    pub fn is_dirty(&self) -> bool {
        self.permissions.is_dirty() || self.roles.is_dirty()
    }

    /// The row of a permission, present or to be inserted.
    fn permission_uuid(&self, table: &str) -> Uuid {
        let present = self.permissions.row(&table.into()).map(|(uuid, _)| uuid);
        let preferred = content_uuid(&[b"permission", table.as_bytes()]);
        present.unwrap_or_else(|| fresh_uuid(preferred, |uuid| self.permissions.is_taken(uuid)))
    }
}

fn row_of((table, authorization, insert_delete, update): &Permission) -> sb::RbacPermission {
    let set = |words: &[&str]| -> BTreeSet<Str> { words.iter().map(|word| Str::from(*word)).collect() };
    sb::RbacPermission {
        table: (*table).into(),
        authorization: set(authorization),
        insert_delete: *insert_delete,
        update: set(update),
        ..Default::default()
    }
}

//! `Chassis_Private`: which configuration our switch has.

use schema::TypedRow;
use schema::sb::ChassisPrivate;

use super::{Draft, Rows};

pub(crate) fn plan(rows: &Rows<'_>, draft: &mut Draft<'_>) {
    let Some(chassis) = rows.chassis() else { return };
    let old = rows.sb.chassis_private.values().find(|row| row.name == rows.config.system_id);
    let mut wanted = old.map(|row| (**row).clone()).unwrap_or_default();
    wanted.name = rows.config.system_id.clone();
    wanted.chassis = Some(chassis.uuid);
    if let Some(embodied) = rows.embodied
        && wanted.nb_cfg != embodied.nb_cfg
    {
        wanted.nb_cfg = embodied.nb_cfg;
        wanted.nb_cfg_timestamp = embodied.at_ms;
    }
    match old {
        Some(old) => drop(draft.txn.update(ChassisPrivate::TABLE, old.uuid, old.diff(&wanted))),
        None => {
            let uuid = draft.uuids.generate();
            draft.txn.insert(ChassisPrivate::TABLE, uuid, wanted.to_row());
        }
    }
}

//! Changes of meters.

use std::time::Instant;

use openflow::{ErrorCode, MeterConfig, MeterId, MeterMod, MeterModCommand};

use super::changes::Undo;
use super::{ChangeError, Changes, Switch};
use crate::bridge::BridgeId;
use crate::limits::{BANDS_MAX, METERS_MAX};
use crate::meter::Meter;

impl Switch {
    /// Executes one meter mod. A meter that is changed counts anew, from full buckets.
    ///
    /// # Errors
    /// The code to answer with.
    pub(crate) fn meter_mod(
        &mut self,
        id: BridgeId,
        change: &MeterMod,
        changes: &mut Changes,
        now: Instant,
    ) -> Result<(), ChangeError> {
        let bridge = self.bridges.get(&id).ok_or(ErrorCode::EPERM)?;
        let old = bridge.meters.get(&change.meter);
        match change.command {
            MeterModCommand::Delete => return self.meter_delete(id, change.meter, changes),
            MeterModCommand::Add if old.is_some() => return Err(ErrorCode::METER_EXISTS),
            MeterModCommand::Add if bridge.meters.len() >= METERS_MAX as usize => {
                return Err(ErrorCode::OUT_OF_METERS);
            }
            MeterModCommand::Modify if old.is_none() => return Err(ErrorCode::UNKNOWN_METER),
            MeterModCommand::Add | MeterModCommand::Modify => {}
        }
        let is_special = matches!(change.meter, MeterId::CONTROLLER | MeterId::SLOWPATH);
        if change.meter.0 == 0 || change.meter.0 > METERS_MAX && !is_special {
            return Err(ErrorCode::INVALID_METER);
        }
        if change.bands.len() > BANDS_MAX {
            return Err(ErrorCode::OUT_OF_BANDS);
        }
        let config = MeterConfig { meter: change.meter, flags: change.flags, bands: change.bands.clone() };
        let created = old.map_or(now, |old| old.created);
        self.meter_set(id, change.meter, Some(Meter::new(config, created, now)), changes);
        Ok(())
    }

    /// Removes a meter, or all, with the flows that pass it.
    fn meter_delete(
        &mut self,
        id: BridgeId,
        meter: MeterId,
        changes: &mut Changes,
    ) -> Result<(), ChangeError> {
        let bridge = self.bridges.get(&id).ok_or(ErrorCode::EPERM)?;
        let gone: Vec<MeterId> = match meter {
            MeterId::ALL => bridge.meters.keys().copied().collect(),
            meter => bridge.meters.contains_key(&meter).then_some(meter).into_iter().collect(),
        };
        for meter in gone {
            self.remove_measured_by(id, meter, changes);
            self.meter_set(id, meter, None, changes);
        }
        Ok(())
    }

    fn meter_set(&mut self, id: BridgeId, meter: MeterId, new: Option<Meter>, changes: &mut Changes) {
        let version = self.next_version();
        let Some(bridge) = self.bridges.get_mut(&id) else { return };
        bridge.version = version;
        let old = match new {
            Some(new) => bridge.meters.insert(meter, new),
            None => bridge.meters.remove(&meter),
        };
        changes.note(Undo::Meter(meter, old));
    }
}

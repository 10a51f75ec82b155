//! Changes of meters.

use std::time::Instant;

use openflow::{BandKind, ErrorCode, MeterConfig, MeterId, MeterMod, MeterModCommand};

use super::changes::Undo;
use super::{ChangeError, Changes, Switch};
use crate::bridge::{BridgeId, Meter};

impl Switch {
    /// Executes one meter mod: meters are kept and shown, packets are not measured yet.
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
        let bridge = self.bridges.get_mut(&id).ok_or(ErrorCode::EPERM)?;
        let exists = bridge.meters.contains_key(&change.meter);
        match change.command {
            MeterModCommand::Delete if change.meter == MeterId::ALL => {
                for (meter, old) in std::mem::take(&mut bridge.meters) {
                    changes.note(Undo::Meter(meter, Some(old)));
                }
                return Ok(());
            }
            MeterModCommand::Delete => {
                if let Some(old) = bridge.meters.remove(&change.meter) {
                    changes.note(Undo::Meter(change.meter, Some(old)));
                }
                return Ok(());
            }
            MeterModCommand::Add if exists => return Err(ErrorCode::METER_EXISTS),
            MeterModCommand::Modify if !exists => return Err(ErrorCode::UNKNOWN_METER),
            MeterModCommand::Add | MeterModCommand::Modify => {}
        }
        if change.meter.0 == 0 || change.meter > MeterId::MAX {
            return Err(ErrorCode::INVALID_METER);
        }
        if change.bands.iter().any(|band| band.kind != BandKind::Drop) {
            return Err(ErrorCode::METER_BAD_BAND);
        }
        let config = MeterConfig { meter: change.meter, flags: change.flags, bands: change.bands.clone() };
        let old = bridge.meters.insert(change.meter, Meter { config, created: now });
        changes.note(Undo::Meter(change.meter, old));
        Ok(())
    }
}

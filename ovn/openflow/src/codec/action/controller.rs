//! `controller`: NXAST_CONTROLLER and NXAST_CONTROLLER2, which has properties.

use super::super::octets::{Put, Reader, Result};
use super::super::prop::{put_prop, put_prop_u8, put_prop_u16, put_prop_u32, read_prop};
use crate::{Action, Controller, ErrorCode, MeterId, PacketInReason};

/// Numbers of properties.
mod prop {
    pub(super) const MAX_LEN: u16 = 0;
    pub(super) const CONTROLLER_ID: u16 = 1;
    pub(super) const REASON: u16 = 2;
    pub(super) const USERDATA: u16 = 3;
    pub(super) const PAUSE: u16 = 4;
    pub(super) const METER_ID: u16 = 5;
}

/// The first form, without userdata.
pub(super) fn read_v1(r: &mut Reader<'_>) -> Result<Action> {
    let (max_len, controller_id, reason) = (r.u16()?, r.u16()?, PacketInReason::from(r.u8()?));
    r.skip(1)?;
    Ok(Action::Controller(Controller { max_len, controller_id, reason, ..Controller::default() }))
}

pub(super) fn read(r: &mut Reader<'_>) -> Result<Controller> {
    let mut controller = Controller::default();
    r.zeros(6)?;
    let mut r = r.clone().with_short(ErrorCode::BAD_PROP_LEN);
    while !r.is_empty() {
        let start = r.clone();
        let (kind, mut body) = read_prop(&mut r)?;
        match kind {
            prop::MAX_LEN => controller.max_len = body.u16()?,
            prop::CONTROLLER_ID => controller.controller_id = body.u16()?,
            prop::REASON => controller.reason = body.u8()?.into(),
            prop::USERDATA => controller.userdata = body.rest().to_vec(),
            prop::PAUSE => controller.pause = true,
            prop::METER_ID => controller.meter = Some(MeterId(body.u32()?)),
            _ => return Err(start.bad(ErrorCode::BAD_PROP_TYPE, "a known property")),
        }
    }
    Ok(controller)
}

/// Only what differs from the default is said.
pub(super) fn put(out: &mut Vec<u8>, c: &Controller) {
    let default = Controller::default();
    out.zeros(6);
    if c.max_len != default.max_len {
        put_prop_u16(out, prop::MAX_LEN, c.max_len);
    }
    if c.controller_id != default.controller_id {
        put_prop_u16(out, prop::CONTROLLER_ID, c.controller_id);
    }
    if c.reason != default.reason {
        put_prop_u8(out, prop::REASON, c.reason.into());
    }
    if !c.userdata.is_empty() {
        put_prop(out, prop::USERDATA, |o| o.put(&c.userdata));
    }
    if c.pause {
        put_prop(out, prop::PAUSE, |_| {});
    }
    if let Some(meter) = c.meter {
        put_prop_u32(out, prop::METER_ID, meter.0);
    }
}

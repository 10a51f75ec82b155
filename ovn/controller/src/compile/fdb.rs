//! Learned MAC addresses: asked of a table, told to the controller.

use lflow::action::{GetFdb, LookupFdb, PutFdb};
use openflow::{Action, Field, Subfield};

use super::punt::{self, Opcode};
use super::{CompileError, Environment, resubmit, subfield, with_arguments};
use crate::tables;

/// `put_fdb(port, mac);`: the controller writes it down.
pub(super) fn put(put: &PutFdb, env: &Environment<'_>, out: &mut Vec<Action>) -> Result<(), CompileError> {
    let arguments = [
        (subfield(&put.port)?, Subfield::whole(tables::INPORT)),
        (subfield(&put.mac)?, Subfield::whole(Field::EthSrc)),
    ];
    with_arguments(&arguments, out, |out| {
        out.push(punt::controller(Opcode::PutFdb, &[], env.controller_meter));
        Ok(())
    })
}

/// `port = get_fdb(mac);`: the table leaves the key in the output port.
pub(super) fn get(get: &GetFdb, out: &mut Vec<Action>) -> Result<(), CompileError> {
    let (port, outport) = (subfield(&get.port)?, Subfield::whole(tables::OUTPORT));
    with_arguments(&[(subfield(&get.mac)?, Subfield::whole(Field::EthDst))], out, |out| {
        out.push(Action::set(tables::OUTPORT, 0_u32));
        out.push(resubmit(tables::GET_FDB));
        Ok(())
    })?;
    if port != outport {
        out.push(Action::copy(outport, port));
    }
    Ok(())
}

/// `bit = lookup_fdb(port, mac);`
pub(super) fn lookup(lookup: &LookupFdb, out: &mut Vec<Action>) -> Result<(), CompileError> {
    let arguments = [
        (subfield(&lookup.port)?, Subfield::whole(tables::INPORT)),
        (subfield(&lookup.mac)?, Subfield::whole(Field::EthSrc)),
    ];
    out.push(Action::set_bits(tables::FLAG_LOOKUP_FDB, 0_u8));
    with_arguments(&arguments, out, |out| {
        out.push(resubmit(tables::LOOKUP_FDB));
        Ok(())
    })?;
    out.push(Action::copy(tables::FLAG_LOOKUP_FDB, subfield(&lookup.result)?));
    Ok(())
}

//! Learned MAC addresses: asked of a table, told to the controller.

use lflow::action::{FdbScope, GetFdb, LookupFdb, PutFdb};
use openflow::{Action, Field, Subfield};

use super::punt::{self, Opcode};
use super::{CompileError, Environment, check, resubmit, subfield, with_arguments};
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

/// `port = get_fdb(mac);`, `port = get_remote_fdb(mac);`: the table leaves the key in an output port.
pub(super) fn get(get: &GetFdb, out: &mut Vec<Action>) -> Result<(), CompileError> {
    let (table, answer) = match get.scope {
        FdbScope::Local => (tables::GET_FDB, tables::OUTPORT),
        FdbScope::Remote => (tables::GET_REMOTE_FDB, tables::REMOTE_OUTPORT),
    };
    let (port, found) = (subfield(&get.port)?, Subfield::whole(answer));
    with_arguments(&[(subfield(&get.mac)?, Subfield::whole(Field::EthDst))], out, |out| {
        out.push(Action::set(answer, 0_u32));
        out.push(resubmit(table));
        Ok(())
    })?;
    if port != found {
        out.push(Action::copy(found, port));
    }
    Ok(())
}

/// `bit = lookup_fdb(port, mac);`
pub(super) fn lookup(lookup: &LookupFdb, out: &mut Vec<Action>) -> Result<(), CompileError> {
    let arguments = [
        (subfield(&lookup.port)?, Subfield::whole(tables::INPORT)),
        (subfield(&lookup.mac)?, Subfield::whole(Field::EthSrc)),
    ];
    let flag = tables::FLAG_LOOKUP_FDB;
    with_arguments(&arguments, out, |out| {
        check::ask(tables::LOOKUP_FDB, flag, flag, out);
        Ok(())
    })?;
    out.push(Action::copy(flag, subfield(&lookup.result)?));
    Ok(())
}

//! Neighbours: asked of a table, told to the controller.

use lflow::action::{ChkEvpnArp, GetNeighbor, LookupNeighbor, NeighborProtocol, PutNeighbor};
use openflow::{Action, Field, Subfield};

use super::punt::{self, Opcode};
use super::{CompileError, Environment, check, resubmit, subfield, with_arguments};
use crate::tables;

/// Where the table that knows MAC addresses wants the IP address.
fn next_hop(protocol: NeighborProtocol) -> Field {
    match protocol {
        NeighborProtocol::Arp => Field::Reg(0),
        NeighborProtocol::Nd => Field::XXReg(1),
    }
}

/// Where the table that knows senders and the controller want the IP address.
fn sender(protocol: NeighborProtocol) -> Field {
    match protocol {
        NeighborProtocol::Arp => Field::Reg(0),
        NeighborProtocol::Nd => Field::XXReg(0),
    }
}

/// `get_arp(port, ip);`, `get_nd(port, ip);`
pub(super) fn get(get: &GetNeighbor, out: &mut Vec<Action>) -> Result<(), CompileError> {
    let arguments = [
        (subfield(&get.port)?, Subfield::whole(tables::OUTPORT)),
        (subfield(&get.ip)?, Subfield::whole(next_hop(get.protocol))),
    ];
    with_arguments(&arguments, out, |out| {
        out.push(Action::set(Field::EthDst, 0_u8));
        out.push(resubmit(tables::MAC_BINDING));
        Ok(())
    })
}

/// `put_arp(port, ip, mac);`, `put_nd(port, ip, mac);`
pub(super) fn put(
    put: &PutNeighbor,
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    let opcode = match put.protocol {
        NeighborProtocol::Arp => Opcode::PutArp,
        NeighborProtocol::Nd => Opcode::PutNd,
    };
    let arguments = [
        (subfield(&put.port)?, Subfield::whole(tables::INPORT)),
        (subfield(&put.ip)?, Subfield::whole(sender(put.protocol))),
        (subfield(&put.mac)?, Subfield::whole(Field::EthSrc)),
    ];
    with_arguments(&arguments, out, |out| {
        out.push(punt::controller(opcode, &[], env.controller_meter));
        Ok(())
    })
}

/// `bit = lookup_arp(port, ip, mac);` and the like. The answer is a flag, which is copied once everything else is as it was.
pub(super) fn lookup(lookup: &LookupNeighbor, out: &mut Vec<Action>) -> Result<(), CompileError> {
    let flag = tables::FLAG_LOOKUP_MAC;
    match &lookup.mac {
        Some(mac) => {
            let arguments = [
                (subfield(&lookup.port)?, Subfield::whole(tables::INPORT)),
                (subfield(&lookup.ip)?, Subfield::whole(sender(lookup.protocol))),
                (subfield(mac)?, Subfield::whole(Field::EthSrc)),
            ];
            with_arguments(&arguments, out, |out| {
                check::ask(tables::MAC_LOOKUP, flag, flag, out);
                Ok(())
            })?;
        }
        None => {
            let arguments = [
                (subfield(&lookup.port)?, Subfield::whole(tables::OUTPORT)),
                (subfield(&lookup.ip)?, Subfield::whole(next_hop(lookup.protocol))),
            ];
            with_arguments(&arguments, out, |out| {
                let eth_dst = Subfield::whole(Field::EthDst);
                out.push(Action::Push(eth_dst));
                check::ask(tables::MAC_BINDING, flag, flag, out);
                out.push(Action::Pop(eth_dst));
                Ok(())
            })?;
        }
    }
    out.push(Action::copy(flag, subfield(&lookup.result)?));
    Ok(())
}

/// `bit = chk_evpn_arp(ip);`
pub(super) fn check_evpn(ask: &ChkEvpnArp, out: &mut Vec<Action>) -> Result<(), CompileError> {
    let ip = subfield(&ask.ip)?;
    let wanted = if ip.bits == 32 { Field::Reg(0) } else { Field::XXReg(0) };
    let flag = tables::FLAG_EVPN_LOOKUP;
    with_arguments(&[(ip, Subfield::whole(wanted))], out, |out| {
        check::ask(tables::EVPN_ARP_LOOKUP, flag, flag, out);
        Ok(())
    })?;
    out.push(Action::copy(flag, subfield(&ask.result)?));
    Ok(())
}

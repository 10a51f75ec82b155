//! Packets from tunnels: the ingress pipeline ran where they come from, so they go to the ports of this chassis.
//!
//! Writes table 0. Upstream: physical.c put_decapsulation, physical_run.

use incr::{Emit, Reads};
use openflow::{Action, Field, Match, PortNo, Subfield};

use super::{Sink, steps};
use crate::model::EncapKind;
use crate::network::Network;
use crate::tables;

pub(crate) fn flows(net: &Network, reads: &Reads, port: PortNo, emit: &mut Emit<Network>) {
    let mut sink = Sink { emit, cookie: 0 };
    let from = || Match::any().with(Field::InPort, port.0);
    match net.tunnels.get(reads, &port) {
        None => {}
        Some(EncapKind::Geneve) => {
            let Some(&field) = net.geneve_field.get(reads, &()) else { return };
            let (outport, inport) = steps::option_parts(field);
            let actions = vec![
                Action::copy(steps::VNI, Subfield::new(tables::DATAPATH, 0, steps::VNI.bits)),
                Action::copy(inport, Subfield::new(tables::INPORT, 0, inport.bits)),
                Action::copy(outport, Subfield::new(tables::OUTPORT, 0, outport.bits)),
                steps::go(tables::LOCAL_OUTPUT),
            ];
            sink.flow(tables::PHY_TO_LOG, 100, from(), actions);
        }
        Some(EncapKind::Vxlan) => {
            let (datapath, outport) = (steps::VXLAN_DATAPATH, steps::VXLAN_PORT);
            let set_datapath = Action::copy(datapath, Subfield::new(tables::DATAPATH, 0, datapath.bits));
            let actions = vec![
                set_datapath.clone(),
                Action::copy(outport, Subfield::new(tables::OUTPORT, 0, outport.bits)),
                steps::go(tables::LOCAL_OUTPUT),
            ];
            sink.flow(tables::PHY_TO_LOG, 100, from(), actions);
            // A multicast group has one bit less.
            let group = Subfield::new(outport.field, outport.offset, outport.bits - 1);
            let is_group = u128::from(steps::VXLAN_MULTICAST) << outport.offset;
            let actions = vec![
                set_datapath,
                Action::set_bits(Subfield::new(tables::OUTPORT, 15, 1), 1_u8),
                Action::copy(group, Subfield::new(tables::OUTPORT, 0, group.bits)),
                steps::go(tables::LOCAL_OUTPUT),
            ];
            sink.flow(
                tables::PHY_TO_LOG,
                105,
                from().with_masked(outport.field, is_group, is_group),
                actions,
            );
        }
    }
}

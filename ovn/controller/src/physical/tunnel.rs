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

#[cfg(test)]
mod tests {
    use crate::host::TunnelPort;
    use crate::model::EncapKind;
    use crate::tables;
    use crate::tests::lab::Lab;

    #[test]
    fn packets_from_tunnels_go_to_local_ports() {
        let mut lab = Lab::new();
        let remote = std::net::IpAddr::from([10, 0, 0, 4]);
        let plug = |lab: &mut Lab| {
            let tunnel = TunnelPort { kind: EncapKind::Vxlan, chassis: "hv4".into(), remote };
            lab.rows.host.tunnels.insert(PortNo(104), tunnel);
            lab.rows.host.tunnels.remove(&PortNo(102));
            lab.interface("nobody", None);
        };
        insta::assert_snapshot!(lab.difference(&[tables::PHY_TO_LOG], plug), @r"
        - table=0, priority=100,in_port=102 actions=move:NXM_NX_TUN_ID[0..23]->OXM_OF_METADATA[0..23],move:NXM_NX_TUN_METADATA0[16..30]->NXM_NX_REG14[0..14],move:NXM_NX_TUN_METADATA0[0..15]->NXM_NX_REG15[0..15],resubmit(,56)
        + table=0, priority=100,in_port=104 actions=move:NXM_NX_TUN_ID[0..11]->OXM_OF_METADATA[0..11],move:NXM_NX_TUN_ID[12..23]->NXM_NX_REG15[0..11],resubmit(,56)
        + table=0, priority=105,tun_id=0x800000/0x800000,in_port=104 actions=move:NXM_NX_TUN_ID[0..11]->OXM_OF_METADATA[0..11],set_field:0x8000/0x8000->reg15,move:NXM_NX_TUN_ID[12..22]->NXM_NX_REG15[0..10],resubmit(,56)
        ");
    }

    use openflow::PortNo;
}

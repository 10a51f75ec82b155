//! Ports of other chassis: through a tunnel, or through the fabric if the switch has a localnet port here.
//!
//! Writes table 54 (into the tunnel) or 56 (to the localnet port). Upstream: physical.c put_remote_port_redirect_overlay,
//! put_remote_port_redirect_bridged.

use incr::Reads;
use openflow::Action;

use super::{Sink, steps, to};
use crate::model::{Datapath, EncapKind, LogicalPort};
use crate::network::{Network, Place, Tunnel};
use crate::tables;

pub(super) fn flows(
    net: &Network,
    reads: &Reads,
    port: &LogicalPort,
    datapath: &Datapath,
    sink: &mut Sink<'_>,
) {
    let Some(place) = net.places.get(reads, &port.uuid) else { return };
    if let Some(localnet) = net.localnets.first(reads, &port.datapath) {
        let Some(localnet) = net.ports.get(reads, localnet) else { return };
        let actions = vec![Action::set(tables::OUTPORT, localnet.key), steps::go(tables::LOCAL_OUTPUT)];
        return sink.flow(tables::LOCAL_OUTPUT, 100, to(datapath, port.key), actions);
    }
    let Some(tunnel) = tunnel_to(net, reads, place) else { return };
    let Some(mut actions) = encapsulate(net, reads, datapath, port.key, tunnel) else { return };
    actions.push(steps::go(tables::REMOTE_VTEP_OUTPUT));
    sink.flow(tables::REMOTE_OUTPUT, 100, to(datapath, port.key), actions);
}

/// The tunnel that leads to a place, to its own address if it has one.
pub(crate) fn tunnel_to<'a>(net: &'a Network, reads: &Reads, place: &Place) -> Option<&'a Tunnel> {
    let tunnels = net.chassis_tunnels.get(reads, &place.chassis)?;
    let own = tunnels.iter().find(|tunnel| place.encap == Some(tunnel.remote));
    own.or_else(|| tunnels.first())
}

/// Sends a packet for a port or group into a tunnel; not possible while the switch has no field for Geneve's option.
pub(super) fn encapsulate(
    net: &Network,
    reads: &Reads,
    datapath: &Datapath,
    outport: u32,
    tunnel: &Tunnel,
) -> Option<Vec<Action>> {
    match tunnel.kind {
        EncapKind::Geneve => {
            let field = *net.geneve_field.get(reads, &())?;
            Some(steps::geneve(datapath, outport, field, tunnel))
        }
        EncapKind::Vxlan => Some(steps::vxlan(datapath, outport, tunnel)),
    }
}

#[cfg(test)]
mod tests {
    use crate::host::TunnelPort;
    use crate::model::EncapKind;
    use crate::tables;
    use crate::tests::lab::Lab;
    use openflow::PortNo;

    const TABLES: [tables::OfTable; 1] = [tables::REMOTE_OUTPUT];

    fn lab() -> Lab {
        let mut lab = Lab::new();
        lab.switch("sw0", 1);
        lab.port("sw0", "p1", 7, |_| {});
        lab.interface("p1", Some(2));
        lab.port("sw0", "far", 8, |_| {});
        lab
    }

    #[test]
    fn a_port_of_another_chassis_is_behind_a_tunnel() {
        let mut lab = lab();
        insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.bind("far", Some("hv2"))), @"+ table=54, priority=100,reg15=0x8,metadata=0x1 actions=set_field:0x1/0xffffff->tun_id,set_field:0x8->tun_metadata0,move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30],output:102,resubmit(,55)");
        insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.bind("far", Some("hv3"))), @r"
        - table=54, priority=100,reg15=0x8,metadata=0x1 actions=set_field:0x1/0xffffff->tun_id,set_field:0x8->tun_metadata0,move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30],output:102,resubmit(,55)
        + table=54, priority=100,reg15=0x8,metadata=0x1 actions=set_field:0x1/0xffffff->tun_id,set_field:0x8->tun_metadata0,move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30],output:103,resubmit(,55)
        ");
        insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.bind("far", None)), @"- table=54, priority=100,reg15=0x8,metadata=0x1 actions=set_field:0x1/0xffffff->tun_id,set_field:0x8->tun_metadata0,move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30],output:103,resubmit(,55)");
    }

    #[test]
    fn of_a_switch_without_a_port_here_nothing_is_known() {
        let mut lab = lab();
        lab.switch("sw1", 2);
        lab.port("sw1", "else", 8, |_| {});
        assert_eq!(lab.difference(&TABLES, |lab| lab.bind("else", Some("hv2"))), "");
    }

    #[test]
    fn vxlan_has_room_for_half_of_it() {
        let mut lab = lab();
        lab.chassis("hv4");
        let remote = std::net::IpAddr::from([10, 0, 0, 4]);
        let tunnel = TunnelPort { kind: EncapKind::Vxlan, chassis: "hv4".into(), remote };
        lab.rows.host.tunnels.insert(PortNo(104), tunnel);
        lab.interface("nobody", None);
        insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.bind("far", Some("hv4"))), @"+ table=54, priority=100,reg15=0x8,metadata=0x1 actions=set_field:0x8001/0xffffff->tun_id,output:104,resubmit(,55)");
    }

    #[test]
    fn a_switch_without_room_for_the_option_sends_nothing() {
        let mut lab = lab();
        lab.inputs.geneve_field(None);
        assert_eq!(lab.difference(&TABLES, |lab| lab.bind("far", Some("hv2"))), "");
        insta::assert_snapshot!(lab.difference(&TABLES, |lab| lab.inputs.geneve_field(Some(3))), @"+ table=54, priority=100,reg15=0x8,metadata=0x1 actions=set_field:0x1/0xffffff->tun_id,set_field:0x8->tun_metadata3,move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA3[16..30],output:102,resubmit(,55)");
    }
}

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
pub(super) fn tunnel_to<'a>(net: &'a Network, reads: &Reads, place: &Place) -> Option<&'a Tunnel> {
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

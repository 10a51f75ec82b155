//! Sequences of actions that several features share.

use openflow::{Action, Field, PortNo, Subfield};

use crate::model::Datapath;
use crate::network::{Tunnel, ZoneIds};
use crate::tables::{self, OfTable};

/// `resubmit(,table)`.
pub(super) fn go(table: OfTable) -> Action {
    Action::resubmit(table.number())
}

/// Sets the zones that connections are tracked in; zero, for none, is left alone.
pub(super) fn set_zones(zones: ZoneIds) -> impl Iterator<Item = Action> {
    let of_router = |zone: u16, field: Subfield| (zone != 0).then(|| Action::set(field.field, zone));
    let own = (zones.port != 0).then(|| Action::set_bits(tables::PORT_ZONE, zones.port));
    let dnat = of_router(zones.dnat, tables::DNAT_ZONE);
    own.into_iter().chain(dnat).chain(of_router(zones.snat, tables::SNAT_ZONE))
}

/// Makes a packet one of the logical pipeline's, from a port.
pub(super) fn enter(datapath: &Datapath, port: u32) -> [Action; 2] {
    [Action::set(tables::DATAPATH, datapath.key), Action::set(tables::INPORT, port)]
}

/// The bits of Geneve's option that hold the key of the output port.
const OPTION_OUTPORT: (u16, u16) = (0, 16);
/// Those that hold the key of the input port.
const OPTION_INPORT: (u16, u16) = (16, 15);

/// The bits of the tunnel's network identifier.
pub(super) const VNI: Subfield = Subfield::new(Field::TunId, 0, 24);

/// The parts of Geneve's option for a field of that number, which hold the keys of output and input port.
pub(super) fn option_parts(field: u8) -> (Subfield, Subfield) {
    let part = |(offset, bits)| Subfield::new(Field::TunMetadata(field), offset, bits);
    (part(OPTION_OUTPORT), part(OPTION_INPORT))
}

/// Sends a packet for `outport` into a Geneve tunnel.
pub(super) fn geneve(datapath: &Datapath, outport: u32, field: u8, tunnel: &Tunnel) -> Vec<Action> {
    let (_, inport) = option_parts(field);
    let whole_option = Subfield::new(Field::TunMetadata(field), 0, 32);
    vec![
        Action::set_bits(VNI, datapath.key),
        Action::set_bits(whole_option, outport),
        Action::copy(Subfield::new(tables::INPORT, 0, inport.bits), inport),
        Action::output(tunnel.ofport),
    ]
}

/// The bits of VXLAN's network identifier that hold the datapath's and the port's key.
pub(super) const VXLAN_DATAPATH: Subfield = Subfield::new(Field::TunId, 0, 12);
pub(super) const VXLAN_PORT: Subfield = Subfield::new(Field::TunId, 12, 12);
/// Set in the port's bits if they mean a multicast group.
pub(super) const VXLAN_MULTICAST: u32 = 0x800;

/// Sends a packet for `outport` into a VXLAN tunnel, whose header has no room for the input port.
pub(super) fn vxlan(datapath: &Datapath, outport: u32, tunnel: &Tunnel) -> Vec<Action> {
    let port = if outport >= tables::MULTICAST_KEY_MIN {
        outport & 0x7ff | VXLAN_MULTICAST
    } else {
        outport & 0x7ff
    };
    vec![Action::set_bits(VNI, datapath.key & 0xfff | port << 12), Action::output(tunnel.ofport)]
}

/// Looks the packet up in `table` as if it came from nowhere, so that it may leave by the port it came from.
pub(super) fn from_nowhere(table: OfTable) -> Vec<Action> {
    let in_port = Subfield::whole(Field::InPort16);
    let nowhere = PortNo::NONE.to_u16().unwrap_or(u16::MAX);
    vec![Action::Push(in_port), Action::set(Field::InPort16, nowhere), go(table), Action::Pop(in_port)]
}

/// A VLAN identifier as the field holds it, with the bit that says that there is a tag.
pub(super) const fn vlan_vid(tag: u16) -> u16 {
    tag | 0x1000
}

//! What is done with packets that flows hand to the controller, one file a protocol.
//!
//! Pure: a packet with what the flow said about it gives a reaction. The opcodes are those of
//! [`crate::compile::punt`], which writes them into flows.

mod acl_log;
mod nd_na;
mod put_fdb;

use openflow::{Action, Field, Match, PacketIn2, PacketOut, PortNo, SetField, decode_actions};

use crate::compile::punt::Opcode;
use crate::tables;
pub(crate) use put_fdb::LearnedAt;

/// What comes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    Nothing,
    /// A MAC address was seen at a port.
    Learn(LearnedAt),
    Send(PacketOut),
}

/// Does what the flow asked for. What makes no sense comes to nothing.
pub(crate) fn react(packet: &PacketIn2) -> Reaction {
    let Some((opcode, arguments)) = Opcode::parse(&packet.userdata) else { return Reaction::Nothing };
    match opcode {
        Opcode::PutFdb => put_fdb::react(packet),
        Opcode::Log => acl_log::react(packet, arguments),
        Opcode::NdNa => nd_na::react(packet, arguments, nd_na::Sender::Host),
        Opcode::NdNaRouter => nd_na::react(packet, arguments, nd_na::Sender::Router),
        // Of features to come.
        Opcode::Arp
        | Opcode::PutArp
        | Opcode::PutDhcpOpts
        | Opcode::PutNd
        | Opcode::PutDhcpv6Opts
        | Opcode::DnsLookup
        | Opcode::PutNdRaOpts
        | Opcode::NdNs
        | Opcode::Icmp
        | Opcode::TcpReset
        | Opcode::Icmp4Error
        | Opcode::Event
        | Opcode::Igmp
        | Opcode::BindVport
        | Opcode::HandleSvcCheck
        | Opcode::Dhcp6Server
        | Opcode::Icmp6Error
        | Opcode::Reject
        | Opcode::BfdMsg
        | Opcode::SctpAbort
        | Opcode::DhcpRelayReqChk
        | Opcode::DhcpRelayRespChk
        | Opcode::PutIcmp4InnerIp4Src
        | Opcode::Unknown(_) => {
            tracing::debug!(?opcode, "nothing is done with a packet");
            Reaction::Nothing
        }
    }
}

/// The value of a register or field that came with the packet; what is zero does not come.
fn metadata(packet: &PacketIn2, field: Field) -> u128 {
    packet.metadata.get(field).map_or(0, |f| f.value)
}

/// Sends `frame` in place of the packet that came in: the logical fields are as they were, then the actions that came
/// along are done. `None` if these are not what a flow of ours has.
fn send_instead(packet: &PacketIn2, frame: Vec<u8>, actions: &[u8]) -> Option<PacketOut> {
    let nested = decode_actions(actions).ok()?;
    let mut all = logical_fields(&packet.metadata);
    all.extend(nested);
    Some(PacketOut::new(PortNo::CONTROLLER, all, frame))
}

/// Sets the fields that make the packet one of its place in the logical network.
fn logical_fields(metadata: &Match) -> Vec<Action> {
    let is_logical = |field: Field| field == tables::DATAPATH || matches!(field, Field::Reg(_));
    let set = |f: openflow::MatchField| Action::SetField(SetField::masked(f.field, f.value, f.mask));
    metadata.iter().filter(|f| is_logical(f.field)).map(set).collect()
}

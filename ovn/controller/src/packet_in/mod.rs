//! What is done with packets that flows hand to the controller, one file a protocol.
//!
//! Pure: a packet with what the flow said about it gives a reaction. The opcodes are those of
//! [`crate::compile::punt`], which writes them into flows.

mod acl_log;
mod arp;
mod dhcp4;
mod dhcp6;
mod dns;
mod flow_text;
mod icmp;
mod icmp4_inner;
mod ip;
mod nd_na;
mod nd_ns;
mod nd_ra;
mod put_fdb;
mod put_neighbor;
mod question;
mod reject;
mod sctp_abort;
mod tcp_reset;

use openflow::{Action, Field, Match, PacketIn2, PacketOut, PortNo, SetField, decode_actions};

use std::collections::BTreeMap;

use crate::compile::punt::Opcode;
use crate::tables;
pub(crate) use dns::{Known, Names};
pub(crate) use nd_ra::unasked;
pub(crate) use put_fdb::LearnedAt;
use put_neighbor::Family;
pub(crate) use put_neighbor::{Hop, NeighborAt};

/// What comes of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    Nothing,
    /// The octets are not what the flow took them for.
    Malformed,
    /// A MAC address was seen at a port.
    Learn(LearnedAt),
    /// A neighbour has a MAC address.
    Neighbor(NeighborAt),
    Send(PacketOut),
    /// The packet goes on where it waited.
    Resume {
        packet: PacketIn2,
        /// Its octets are not what the flow took them for.
        is_malformed: bool,
    },
    /// A neighbour is asked for; the packet waits until it is known.
    Ask {
        hop: Hop,
        question: PacketOut,
    },
}

/// Whether an answer is made of the packet, which is work that guests can ask for as often as they like.
pub(crate) fn is_answered(packet: &PacketIn2) -> bool {
    match Opcode::parse(&packet.userdata).map(|(opcode, _)| opcode) {
        None
        | Some(
            Opcode::Arp
            | Opcode::NdNs
            | Opcode::PutArp
            | Opcode::PutNd
            | Opcode::PutFdb
            | Opcode::Log
            | Opcode::Event
            | Opcode::Igmp
            | Opcode::BindVport
            | Opcode::HandleSvcCheck
            | Opcode::BfdMsg
            | Opcode::Unknown(_),
        ) => false,
        Some(
            Opcode::NdNa
            | Opcode::NdNaRouter
            | Opcode::PutDhcpOpts
            | Opcode::PutDhcpv6Opts
            | Opcode::DnsLookup
            | Opcode::PutNdRaOpts
            | Opcode::Icmp
            | Opcode::TcpReset
            | Opcode::Icmp4Error
            | Opcode::Dhcp6Server
            | Opcode::Icmp6Error
            | Opcode::Reject
            | Opcode::SctpAbort
            | Opcode::DhcpRelayReqChk
            | Opcode::DhcpRelayRespChk
            | Opcode::PutIcmp4InnerIp4Src,
        ) => true,
    }
}

/// The frame that is sent, or that goes on, for a packet which a flow handed over. `None` when it ends here: it made no
/// sense, or was only to be noted. These names are known everywhere.
pub fn reply(packet: &PacketIn2, names: &BTreeMap<String, String>) -> Option<Vec<u8>> {
    struct Everywhere<'a>(&'a BTreeMap<String, String>);
    impl Names for Everywhere<'_> {
        fn find(&self, _: u32, name: &str) -> Option<Known<'_>> {
            self.0.get(name).map(|value| Known { value, is_owned: false })
        }
    }
    match react(packet, &Everywhere(names)) {
        Reaction::Send(out) | Reaction::Ask { question: out, .. } => Some(out.packet),
        Reaction::Resume { packet, .. } => Some(packet.packet),
        Reaction::Nothing | Reaction::Malformed | Reaction::Learn(_) | Reaction::Neighbor(_) => None,
    }
}

/// Does what the flow asked for. What makes no sense comes to nothing.
pub(crate) fn react(packet: &PacketIn2, names: &dyn Names) -> Reaction {
    let Some((opcode, arguments)) = Opcode::parse(&packet.userdata) else { return Reaction::Nothing };
    match opcode {
        Opcode::PutFdb => put_fdb::react(packet),
        Opcode::Log => acl_log::react(packet, arguments),
        Opcode::NdNa => nd_na::react(packet, arguments, nd_na::Sender::Host),
        Opcode::NdNaRouter => nd_na::react(packet, arguments, nd_na::Sender::Router),
        Opcode::Arp => arp::react(packet, arguments),
        Opcode::NdNs => nd_ns::react(packet, arguments),
        Opcode::PutArp => put_neighbor::react(packet, Family::V4),
        Opcode::PutNd => put_neighbor::react(packet, Family::V6),
        Opcode::Icmp => icmp::react(packet, arguments, icmp::About::Destination),
        Opcode::Icmp4Error | Opcode::Icmp6Error => icmp::react(packet, arguments, icmp::About::Any),
        Opcode::TcpReset => tcp_reset::react(packet, arguments),
        Opcode::SctpAbort => sctp_abort::react(packet, arguments),
        Opcode::Reject => reject::react(packet, arguments),
        Opcode::PutDhcpOpts => dhcp4::react(packet, arguments),
        Opcode::PutDhcpv6Opts => dhcp6::react(packet, arguments),
        Opcode::DnsLookup => dns::react(packet, arguments, names),
        Opcode::PutNdRaOpts => nd_ra::react(packet, arguments),
        Opcode::PutIcmp4InnerIp4Src => icmp4_inner::react(packet, arguments),
        // Of features to come.
        Opcode::Event
        | Opcode::Igmp
        | Opcode::BindVport
        | Opcode::HandleSvcCheck
        | Opcode::Dhcp6Server
        | Opcode::BfdMsg
        | Opcode::DhcpRelayReqChk
        | Opcode::DhcpRelayRespChk
        | Opcode::Unknown(_) => {
            tracing::debug!(?opcode, "nothing is done with a packet");
            Reaction::Nothing
        }
    }
}

/// The logical port that the packet came in by, with its datapath, by keys.
pub(crate) fn origin(packet: &PacketIn2) -> (u32, u32) {
    (number(packet, tables::DATAPATH), number(packet, tables::INPORT))
}

/// The value of a register or field that came with the packet; what is zero does not come.
fn metadata(packet: &PacketIn2, field: Field) -> u128 {
    packet.metadata.get(field).map_or(0, |f| f.value)
}

/// The same as a number of 32 bits.
fn number(packet: &PacketIn2, field: Field) -> u32 {
    u32::try_from(metadata(packet, field)).unwrap_or(0)
}

/// Asks with `frame` for the next hop that the flow has left in a register, behind the packet's output port.
fn ask(packet: &PacketIn2, frame: Vec<u8>, actions: &[u8], family: Family) -> Reaction {
    let Some(question) = send_instead(packet, frame, actions) else { return Reaction::Nothing };
    let (datapath, port) = (number(packet, tables::DATAPATH), number(packet, tables::OUTPORT));
    Reaction::Ask { hop: Hop { datapath, port, ip: put_neighbor::address(packet, family) }, question }
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

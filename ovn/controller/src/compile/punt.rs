//! Actions that hand the packet to this controller: what is to be done travels along as user data.

use lflow::action::{BindVport, Event, LoadOvnField, Replacement, TriggerEvent};
use lflow::symbols::{FieldRef, OvnField};
use openflow::{Action, Controller, MeterId, Subfield, encode_actions};

use super::dhcp::long_option;
use super::{CompileError, Environment, subfield, with_arguments};
use crate::tables;

macro_rules! opcodes {
    ($($(#[$doc:meta])+ $name:ident = $number:literal,)*) => {
        /// What the controller does with a packet. Only this program emits and reads the numbers; they are upstream's
        /// so that a dump reads the same.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Opcode {
            $($(#[$doc])+ $name,)*
            /// One of another version.
            Unknown(u32),
        }

        impl Opcode {
            const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its number on the wire.
            pub const fn number(self) -> u32 {
                match self {
                    $(Self::$name => $number,)*
                    Self::Unknown(number) => number,
                }
            }
        }
    };
}

opcodes! {
    /// Ask for an IPv4 address, then do the nested actions.
    Arp = 0,
    /// Write down where an IPv4 address is.
    PutArp = 1,
    /// Answer DHCPv4.
    PutDhcpOpts = 2,
    /// Advertise a neighbour.
    NdNa = 3,
    /// Write down where an IPv6 address is.
    PutNd = 4,
    /// Answer DHCPv6.
    PutDhcpv6Opts = 5,
    /// Answer a DNS query.
    DnsLookup = 6,
    /// Write a line to the log.
    Log = 7,
    /// Answer a router solicitation.
    PutNdRaOpts = 8,
    /// Ask for an IPv6 address, then do the nested actions.
    NdNs = 9,
    /// Say that a destination cannot be reached, by ICMP of either version.
    Icmp = 10,
    /// Reset a connection.
    TcpReset = 11,
    /// Advertise a neighbour that is a router.
    NdNaRouter = 12,
    /// Say what is wrong with an IPv4 packet, quoting all of it that fits.
    Icmp4Error = 14,
    /// Write an event down.
    Event = 15,
    /// Keep track of multicast groups.
    Igmp = 16,
    /// A virtual port is behind another one now.
    BindVport = 17,
    /// A service answered a health check.
    HandleSvcCheck = 18,
    /// A server answered a router that asked for a prefix.
    Dhcp6Server = 19,
    /// Say what is wrong with an IPv6 packet, quoting all of it that fits.
    Icmp6Error = 20,
    /// Say by whatever suits the protocol that a packet is not welcome.
    Reject = 22,
    /// A message of bidirectional forwarding detection.
    BfdMsg = 23,
    /// Abort an association.
    SctpAbort = 24,
    /// Write down where a MAC address is.
    PutFdb = 25,
    /// Relay what a DHCP client says.
    DhcpRelayReqChk = 28,
    /// Relay what a DHCP server says.
    DhcpRelayRespChk = 29,
    /// Set the source of the packet that an ICMPv4 error quotes.
    PutIcmp4InnerIp4Src = 30,
}

impl Opcode {
    /// Splits user data into what is to be done and its arguments; nothing when it is too short to be ours.
    pub fn parse(userdata: &[u8]) -> Option<(Self, &[u8])> {
        let (header, body) = userdata.split_first_chunk::<HEADER>()?;
        let number = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
        let known = Self::ALL.iter().copied().find(|opcode| opcode.number() == number);
        Some((known.unwrap_or(Self::Unknown(number)), body))
    }
}

/// The opcode and four octets of padding.
const HEADER: usize = 8;

/// `controller(...)` for `opcode` with `body`; the pipeline goes on with the packet.
pub(super) fn controller(opcode: Opcode, body: &[u8], meter: Option<MeterId>) -> Action {
    Action::Controller(Controller { userdata: userdata(opcode, body), meter, ..Controller::default() })
}

fn userdata(opcode: Opcode, body: &[u8]) -> Vec<u8> {
    let mut userdata = Vec::with_capacity(HEADER + body.len());
    userdata.extend(opcode.number().to_be_bytes());
    userdata.extend([0; 4]);
    userdata.extend(body);
    userdata
}

/// `controller(pause,...)` for `opcode` with `body`; the pipeline goes on when the controller has done its part.
fn waiting(opcode: Opcode, body: &[u8], env: &Environment<'_>) -> Action {
    let (userdata, meter) = (userdata(opcode, body), env.controller_meter);
    Action::Controller(Controller { userdata, pause: true, meter, ..Controller::default() })
}

/// Waits for the controller, which sets the bit `result`. Its field and place come before the rest of `body`.
pub(super) fn ask(
    opcode: Opcode,
    result: &FieldRef,
    body: &[u8],
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    let bit = subfield(result)?;
    let id = bit.field.oxm().or_else(|| bit.field.nxm());
    let id = id.ok_or_else(|| CompileError::NotAField { field: result.to_string() })?;
    let length = bit.field.octets() as u32;
    let header = u32::from(id.class) << 16 | u32::from(id.field) << 9 | length;
    let mut all = Vec::with_capacity(8 + body.len());
    all.extend(header.to_be_bytes());
    all.extend(u32::from(bit.offset).to_be_bytes());
    all.extend(body);
    out.push(waiting(opcode, &all, env));
    Ok(())
}

/// `arp { ... };` and the like: the nested actions travel as OpenFlow. What asks for an address waits, since the
/// pipeline goes on with the packet that needs it.
pub(super) fn replace(kind: Replacement, nested: &[Action], env: &Environment<'_>, out: &mut Vec<Action>) {
    let (opcode, pause) = match kind {
        Replacement::Arp => (Opcode::Arp, true),
        Replacement::NdNs => (Opcode::NdNs, true),
        Replacement::NdNa => (Opcode::NdNa, false),
        Replacement::NdNaRouter => (Opcode::NdNaRouter, false),
        Replacement::Icmp4 | Replacement::Icmp6 => (Opcode::Icmp, false),
        Replacement::Icmp4Error => (Opcode::Icmp4Error, false),
        Replacement::Icmp6Error => (Opcode::Icmp6Error, false),
        Replacement::TcpReset => (Opcode::TcpReset, false),
        Replacement::SctpAbort => (Opcode::SctpAbort, false),
        Replacement::Reject => (Opcode::Reject, false),
    };
    let body = encode_actions(nested);
    out.push(if pause {
        waiting(opcode, &body, env)
    } else {
        controller(opcode, &body, env.controller_meter)
    });
}

/// Says that a note is of this kind; then the field's number and padding.
const MAGIC: [u8; 4] = *b"ovn\0";

/// A field of the packet that the controller makes, as nested actions tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Icmp4FragMtu(u16),
    Icmp6FragMtu(u32),
}

/// Reads a note; `None` if it is not ours.
pub(crate) fn note(octets: &[u8]) -> Option<Note> {
    let (number, value) = octets.strip_prefix(&MAGIC)?.split_first_chunk::<4>()?;
    match number {
        [0, 0, ..] => value.first_chunk().map(|mtu| Note::Icmp4FragMtu(u16::from_be_bytes(*mtu))),
        [0, 1, ..] => value.first_chunk().map(|mtu| Note::Icmp6FragMtu(u32::from_be_bytes(*mtu))),
        _ => None,
    }
}

/// `icmp4.frag_mtu = n;` and the like. A field of the packet that the controller makes is a note to it; one of the
/// packet at hand is its to change.
pub(super) fn load_ovn_field(load: &LoadOvnField, env: &Environment<'_>, out: &mut Vec<Action>) {
    let note = |number: u16, value: &[u8]| {
        let number = number.to_be_bytes();
        Action::Note([&MAGIC[..], &number[..], &[0; 2], value].concat())
    };
    out.push(match load.field {
        OvnField::Icmp4FragMtu => note(0, &(load.value as u16).to_be_bytes()),
        OvnField::Icmp6FragMtu => note(1, &load.value.to_be_bytes()),
        OvnField::Icmp4InnerIp4Src => waiting(Opcode::PutIcmp4InnerIp4Src, &load.value.to_be_bytes(), env),
    });
}

/// `handle_svc_check(port);`
pub(super) fn handle_svc_check(
    port: &FieldRef,
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    about(port, Opcode::HandleSvcCheck, &[], env, out)
}

/// `bind_vport("port", parent);`: nothing if there is no such port.
pub(super) fn bind_vport(
    bind: &BindVport,
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    let Some(key) = env.ports.key(&bind.vport) else { return Ok(()) };
    about(&bind.parent, Opcode::BindVport, &key.to_be_bytes(), env, out)
}

/// Hands a copy of the packet to the controller, with `port` as its input port.
fn about(
    port: &FieldRef,
    opcode: Opcode,
    body: &[u8],
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    with_arguments(&[(subfield(port)?, Subfield::whole(tables::INPORT))], out, |out| {
        out.push(controller(opcode, body, env.controller_meter));
        Ok(())
    })
}

/// `trigger_event(...);`
pub(super) fn trigger_event(
    trigger: &TriggerEvent,
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    let event: u32 = match trigger.event {
        Event::EmptyLbBackends => 0,
    };
    let mut body = event.to_be_bytes().to_vec();
    for option in &trigger.options {
        body.extend(long_option(option)?);
    }
    out.push(controller(Opcode::Event, &body, env.controller_meter));
    Ok(())
}

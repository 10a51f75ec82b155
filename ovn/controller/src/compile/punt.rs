//! Actions that hand the packet to this controller: what is to be done travels along as user data.

use lflow::action::Replacement;
use lflow::symbols::FieldRef;
use openflow::{Action, Controller, MeterId, Subfield, encode_actions};

use super::{CompileError, Environment, subfield, with_arguments};
use crate::tables;

/// What the controller does with a packet. Only this program emits and reads the numbers; they are upstream's so
/// that a dump reads the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// Ask for an address, then do the nested actions.
    Arp,
    /// Advertise a neighbour.
    NdNa,
    /// Write a line to the log.
    Log,
    /// Advertise a neighbour that is a router.
    NdNaRouter,
    /// A service answered a health check.
    HandleSvcCheck,
    /// Write down where a MAC address is.
    PutFdb,
    /// One of another version.
    Unknown(u32),
}

impl Opcode {
    /// Its number on the wire.
    pub const fn number(self) -> u32 {
        match self {
            Self::Arp => 0,
            Self::NdNa => 3,
            Self::Log => 7,
            Self::NdNaRouter => 12,
            Self::HandleSvcCheck => 18,
            Self::PutFdb => 25,
            Self::Unknown(number) => number,
        }
    }

    /// Splits user data into what is to be done and its arguments; nothing when it is too short to be ours.
    pub fn parse(userdata: &[u8]) -> Option<(Self, &[u8])> {
        let (header, body) = userdata.split_first_chunk::<HEADER>()?;
        let number = u32::from_be_bytes([header[0], header[1], header[2], header[3]]);
        let known = [Self::Arp, Self::NdNa, Self::Log, Self::NdNaRouter, Self::HandleSvcCheck, Self::PutFdb];
        let opcode =
            known.into_iter().find(|opcode| opcode.number() == number).unwrap_or(Self::Unknown(number));
        Some((opcode, body))
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

/// `arp { ... };` and the like: the nested actions travel as OpenFlow. An ARP request waits, since the pipeline
/// goes on with the packet that asked for it.
pub(super) fn replace(kind: Replacement, nested: &[Action], env: &Environment<'_>, out: &mut Vec<Action>) {
    let (opcode, pause) = match kind {
        Replacement::Arp => (Opcode::Arp, true),
        Replacement::NdNa => (Opcode::NdNa, false),
        Replacement::NdNaRouter => (Opcode::NdNaRouter, false),
    };
    let userdata = userdata(opcode, &encode_actions(nested));
    out.push(Action::Controller(Controller {
        userdata,
        pause,
        meter: env.controller_meter,
        ..Controller::default()
    }));
}

/// `handle_svc_check(port);`
pub(super) fn handle_svc_check(
    port: &FieldRef,
    env: &Environment<'_>,
    out: &mut Vec<Action>,
) -> Result<(), CompileError> {
    with_arguments(&[(subfield(port)?, Subfield::whole(tables::INPORT))], out, |out| {
        out.push(controller(Opcode::HandleSvcCheck, &[], env.controller_meter));
        Ok(())
    })
}

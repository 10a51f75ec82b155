//! Actions that wait for an answer: a bit of the packet's metadata tells the flow whether there is one, and the packet
//! that goes on is then the answer.
//!
//! ```text
//! | header of the bit's field 4 | place of the bit 4 | of the action ... |
//! ```

use openflow::{Field, OxmId, PacketIn2};
use packet::{Cursor, Malformed};

use super::Reaction;

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// This frame goes on in place of the question.
    Frame(Vec<u8>),
    /// Others may know: the packet goes on as it is.
    NotOurs,
}

/// Asks `answer`, which gets the rest of the arguments, and lets the packet go on. What nobody can understand goes on
/// as what nobody answers.
pub(super) fn answered(
    packet: &PacketIn2,
    arguments: &[u8],
    answer: impl FnOnce(&[u8]) -> Result<Answer, Malformed>,
) -> Reaction {
    let Some((field, bit, rest)) = result(arguments) else { return Reaction::Nothing };
    let answer = answer(rest);
    let mut packet = PacketIn2 { userdata: Vec::new(), ..packet.clone() };
    let is_malformed = answer.is_err();
    if let Err(why) = &answer {
        tracing::debug!("a question that makes no sense: {why}");
    }
    let value = match answer {
        Ok(Answer::Frame(frame)) => {
            packet.packet = frame;
            1
        }
        Ok(Answer::NotOurs) | Err(_) => 0,
    };
    packet.metadata.set_masked(field, value << bit, 1 << bit);
    Reaction::Resume { packet, is_malformed }
}

/// The bit that tells how it went.
fn result(arguments: &[u8]) -> Option<(Field, u32, &[u8])> {
    let mut c = Cursor::new("arguments", arguments);
    let (class, rest) = (c.u16().ok()?, c.u16().ok()?);
    let bit = c.u32().ok()?;
    let field = Field::from_oxm(OxmId { class, field: (rest >> 9) as u8, vendor: 0 })?;
    (bit < u32::from(field.bits())).then_some((field, bit, c.rest()))
}

/// The error of what is no packet of the protocol.
pub(super) fn malformed(layer: &'static str, what: &'static str) -> Malformed {
    Malformed { layer, offset: 0, what }
}

#[cfg(test)]
pub(super) mod testing {
    use super::super::ip::testing::{describe, packet_in};
    use super::*;

    /// The bit 3 of register 0, as the compiler writes it.
    pub(crate) const RESULT: [u8; 8] = [0, 1, 0xde, 0x10, 0, 0, 0, 99];

    /// What goes on, and whether the flow is told that it is the answer.
    pub(crate) fn outcome(
        frame: Vec<u8>,
        react: impl FnOnce(&PacketIn2, &[u8]) -> Reaction,
        rest: &[u8],
    ) -> (String, Vec<u8>) {
        let asked = packet_in(frame.clone(), vec![1]);
        match react(&asked, &[&RESULT[..], rest].concat()) {
            Reaction::Resume { packet, is_malformed } => {
                let bit = packet.metadata.get(Field::Reg(0)).expect("the bit is there");
                assert_eq!(bit.mask, 8);
                let text = match (bit.value, is_malformed) {
                    (8, false) => describe(&packet.packet),
                    (0, false) => "not ours".to_owned(),
                    (0, true) => "malformed".to_owned(),
                    other => format!("{other:?}"),
                };
                assert!(bit.value == 8 || packet.packet == frame);
                (text, packet.packet)
            }
            other => (format!("{other:?}"), Vec::new()),
        }
    }
}

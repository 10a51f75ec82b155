//! Instructions: type 16 bits, length 16 bits, body. OpenFlow 1.5.1 section 7.2.4; there is no meter in 1.5, where
//! it became an action.

use super::action::{Context, put_actions, read_actions};
use super::octets::{Put, Reader, Result};
use crate::{Action, ErrorCode, Instruction, MeterId, Version};

/// Instructions until the end, in the order of execution, each kind once.
pub(super) fn read_instructions(r: &mut Reader<'_>, version: Version) -> Result<Vec<Instruction>> {
    let mut instructions: Vec<Instruction> = Vec::new();
    while !r.is_empty() {
        let start = r.clone();
        let (kind, length) = (r.u16()?, usize::from(r.u16()?));
        if length < 8 || length % 8 != 0 {
            return Err(start.bad(ErrorCode::BAD_INST_LEN, "a length that is a multiple of 8"));
        }
        let mut body = r.sub(length - 4)?.with_short(ErrorCode::BAD_INST_LEN);
        let instruction = read_one(&start, kind, &mut body, version)?;
        body.end("an instruction of its exact length")?;
        if instructions.iter().any(|i| rank(i) == rank(&instruction)) {
            return Err(start.bad(ErrorCode::DUP_INST, "each instruction once"));
        }
        instructions.push(instruction);
    }
    instructions.sort_by_key(rank);
    instructions.retain(|i| !matches!(i, Instruction::Apply(actions) if actions.is_empty()));
    Ok(instructions)
}

fn read_one(start: &Reader<'_>, kind: u16, r: &mut Reader<'_>, version: Version) -> Result<Instruction> {
    Ok(match kind {
        1 => {
            let table = r.u8()?;
            r.skip(3)?;
            if table == 255 {
                return Err(start.bad(ErrorCode::BAD_INST_TABLE_ID, "a table"));
            }
            Instruction::GotoTable(table)
        }
        2 => {
            r.skip(4)?;
            Instruction::WriteMetadata { value: r.u64()?, mask: r.u64()? }
        }
        3 => {
            r.skip(4)?;
            Instruction::Write(read_actions(r, Context::new(version))?)
        }
        4 => {
            r.skip(4)?;
            Instruction::Apply(read_actions(r, Context::new(version))?)
        }
        5 => {
            r.skip(4)?;
            Instruction::ClearActions
        }
        6 if version < Version::Of15 => Instruction::Meter(MeterId(r.u32()?)),
        0xffff => return Err(start.bad(ErrorCode::BAD_INST_EXPERIMENTER, "no experimenter's instruction")),
        _ => return Err(start.bad(ErrorCode::UNKNOWN_INST, "a known instruction")),
    })
}

/// The order of execution.
const fn rank(instruction: &Instruction) -> u8 {
    match instruction {
        Instruction::Meter(_) => 0,
        Instruction::Apply(_) => 1,
        Instruction::ClearActions => 2,
        Instruction::Write(_) => 3,
        Instruction::WriteMetadata { .. } => 4,
        Instruction::GotoTable(_) => 5,
    }
}

pub(super) fn put_instructions(out: &mut Vec<u8>, version: Version, instructions: &[Instruction]) {
    let has_meter = instructions.iter().any(|instruction| matches!(instruction, Instruction::Meter(_)));
    if version == Version::Of15 && has_meter {
        for instruction in &joined_meter(instructions) {
            put_one(out, version, instruction);
        }
    } else {
        for instruction in instructions {
            put_one(out, version, instruction);
        }
    }
}

/// In OpenFlow 1.5 the meter is the first of the applied actions.
fn joined_meter(instructions: &[Instruction]) -> Vec<Instruction> {
    let mut meter = None;
    let mut joined = Vec::with_capacity(instructions.len());
    for instruction in instructions {
        match instruction {
            Instruction::Meter(id) => meter = Some(Action::Meter(*id)),
            Instruction::Apply(actions) => {
                joined.push(Instruction::Apply(
                    meter.take().into_iter().chain(actions.iter().cloned()).collect(),
                ));
            }
            other => joined.push(other.clone()),
        }
    }
    if let Some(meter) = meter {
        joined.insert(0, Instruction::Apply(vec![meter]));
    }
    joined
}

fn put_one(out: &mut Vec<u8>, version: Version, instruction: &Instruction) {
    let start = out.len();
    let kind = match instruction {
        Instruction::GotoTable(_) => 1,
        Instruction::WriteMetadata { .. } => 2,
        Instruction::Write(_) => 3,
        Instruction::Apply(_) => 4,
        Instruction::ClearActions => 5,
        Instruction::Meter(_) => 6,
    };
    out.put_u16(kind);
    out.put_u16(0);
    match instruction {
        Instruction::GotoTable(table) => out.put(&[*table, 0, 0, 0]),
        Instruction::WriteMetadata { value, mask } => {
            out.zeros(4);
            out.put_u64(*value);
            out.put_u64(*mask);
        }
        Instruction::Write(actions) | Instruction::Apply(actions) => {
            out.zeros(4);
            put_actions(out, version, actions);
        }
        Instruction::ClearActions => out.zeros(4),
        Instruction::Meter(meter) => out.put_u32(meter.0),
    }
    out.patch_len(start + 2, start);
}

/// The instruction that applies actions, as [`put_instructions`] writes it.
pub(super) fn put_apply(out: &mut Vec<u8>, version: Version, actions: &[Action]) {
    let start = out.len();
    out.put_u16(4);
    out.zeros(6);
    put_actions(out, version, actions);
    out.patch_len(start + 2, start);
}

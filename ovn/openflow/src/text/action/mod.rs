//! Actions as ovs-actions(7) writes them; one file a family holds how it is printed and how it is read.

mod basic;
mod bundle;
mod controller;
mod ct;
mod fields;
mod learn;
mod sample;

use super::error::{Error, Result};
use super::split::{at_commas, call};
use super::style::{Style, Styled};
use super::value::parse_number;
use crate::{Action, Instruction, MAX_ACTION_DEPTH, MeterId};
use std::fmt;

/// A list of actions, separated by commas; `drop` if there are none.
pub struct Actions<'a>(pub &'a [Action]);

impl fmt::Display for Actions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Style::default().of(self.0))
    }
}

impl fmt::Display for Styled<'_, [Action]> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.value.is_empty() {
            return f.write_str("drop");
        }
        for (i, action) in self.value.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            action.write(f, &self.style)?;
        }
        Ok(())
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &Style::default())
    }
}

impl Action {
    fn write(&self, f: &mut fmt::Formatter<'_>, style: &Style<'_>) -> fmt::Result {
        match self {
            Self::SetField(set) => fields::write_set(f, set, style),
            Self::CopyField { src, dst } => fields::write_move(f, *src, *dst),
            Self::Push(bits) => fields::write_stack(f, "push", *bits),
            Self::Pop(bits) => fields::write_stack(f, "pop", *bits),
            Self::CheckPktLarger { length, dst } => fields::write_check_pkt_larger(f, *length, *dst),
            Self::DeleteField(field) => write!(f, "delete_field:{field}"),
            Self::Ct(ct) => ct::write(f, ct, style),
            Self::Nat(nat) => ct::write_nat(f, nat),
            Self::Clone(actions) => write!(f, "clone({})", style.of(actions.as_slice())),
            Self::Controller(c) => controller::write(f, c),
            Self::Learn(learn) => learn::write(f, learn),
            Self::Sample(sample) => sample::write(f, sample, style),
            Self::Bundle(b) => bundle::write(f, b, style),
            Self::Multipath(m) => bundle::write_multipath(f, m),
            Self::Output { .. }
            | Self::OutputTrunc { .. }
            | Self::OutputReg { .. }
            | Self::Group(_)
            | Self::SetQueue(_)
            | Self::PopQueue
            | Self::Enqueue { .. }
            | Self::PushVlan(_)
            | Self::PopVlan
            | Self::PushMpls(_)
            | Self::PopMpls(_)
            | Self::DecMplsTtl
            | Self::DecTtl { .. }
            | Self::Meter(_)
            | Self::Resubmit { .. }
            | Self::Conjunction(_)
            | Self::CtClear
            | Self::Note(_)
            | Self::Exit
            | Self::FinTimeout { .. } => basic::write(f, self, style),
        }
    }
}

/// Reads a list of actions; `drop` is the empty one.
///
/// # Errors
/// If a part is not an action, or actions are nested deeper than [`MAX_ACTION_DEPTH`].
pub fn parse_actions(text: &str) -> Result<Vec<Action>> {
    parse_list(text, 0)
}

fn parse_list(text: &str, depth: usize) -> Result<Vec<Action>> {
    if depth > MAX_ACTION_DEPTH {
        return Err(Error::new(text, "less nesting of actions"));
    }
    let mut actions = Vec::new();
    for part in at_commas(text) {
        if part == "drop" {
            continue;
        }
        parse_one(part, depth, &mut actions)?;
    }
    Ok(actions)
}

/// Reads one word; a few stand for several actions.
fn parse_one(text: &str, depth: usize, out: &mut Vec<Action>) -> Result<()> {
    let action = match call(text) {
        Some(("ct", arguments)) => ct::parse(arguments, depth)?,
        Some(("clone", arguments)) => Action::Clone(parse_list(arguments, depth + 1)?),
        Some(("controller", arguments)) => controller::parse(arguments)?,
        Some(("learn", arguments)) => learn::parse(arguments)?,
        Some(("sample", arguments)) => sample::parse(arguments)?,
        Some((name @ ("bundle" | "bundle_load"), arguments)) => bundle::parse(name, arguments)?,
        Some(("multipath", arguments)) => bundle::parse_multipath(arguments)?,
        Some(("nat", arguments)) => ct::parse_nat(arguments)?,
        Some(_) | None => match text {
            "ct" => ct::parse("", depth)?,
            "nat" => ct::parse_nat("")?,
            _ => match fields::parse(text, out)? {
                fields::Parsed::One(action) => action,
                fields::Parsed::Several => return Ok(()),
                fields::Parsed::NotMine => basic::parse(text)?,
            },
        },
    };
    out.push(action);
    Ok(())
}

/// Applied actions stand by themselves; other instructions have their names.
pub(super) fn instructions_text(instructions: &[Instruction], style: Style<'_>) -> String {
    if instructions.is_empty() {
        return "drop".to_owned();
    }
    let one = |instruction: &Instruction| match instruction {
        Instruction::Meter(meter) => format!("meter:{}", meter.0),
        Instruction::Apply(actions) => style.of(actions.as_slice()).to_string(),
        Instruction::ClearActions => "clear_actions".to_owned(),
        Instruction::Write(actions) => format!("write_actions({})", style.of(actions.as_slice())),
        Instruction::WriteMetadata { value, mask: u64::MAX } => format!("write_metadata:{value:#x}"),
        Instruction::WriteMetadata { value, mask } => format!("write_metadata:{value:#x}/{mask:#x}"),
        Instruction::GotoTable(table) => format!("goto_table:{table}"),
    };
    instructions.iter().map(one).collect::<Vec<_>>().join(",")
}

/// As it stands in a flow's text.
impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&instructions_text(std::slice::from_ref(self), Style::default()))
    }
}

pub(super) fn parse_instructions(text: &str) -> Result<Vec<Instruction>> {
    let mut applied = Vec::new();
    let mut after = Vec::new();
    for part in at_commas(text) {
        let bad = || Error::new(part, "an instruction");
        let long = |n: &str| parse_number(n).and_then(|n| u64::try_from(n).ok()).ok_or_else(bad);
        if let Some(("write_actions", arguments)) = call(part) {
            after.push(Instruction::Write(parse_list(arguments, 1)?));
        } else if part == "clear_actions" {
            after.push(Instruction::ClearActions);
        } else if let Some(table) = part.strip_prefix("goto_table:") {
            after.push(Instruction::GotoTable(table.parse().map_err(|_| bad())?));
        } else if let Some(metadata) = part.strip_prefix("write_metadata:") {
            let (value, mask) = metadata.split_once('/').map_or((metadata, None), |(v, m)| (v, Some(m)));
            let mask = mask.map_or(Ok(u64::MAX), long)?;
            after.push(Instruction::WriteMetadata { value: long(value)?, mask });
        } else if part != "drop" {
            parse_one(part, 0, &mut applied)?;
        }
    }
    let apply = (!applied.is_empty()).then_some(Instruction::Apply(applied));
    Ok(apply.into_iter().chain(after).collect())
}

/// A number that fits, of what `what` names.
fn number<T: TryFrom<u128>>(text: &str, what: &str) -> Result<T> {
    let fits = parse_number(text).and_then(|n| T::try_from(n).ok());
    fits.ok_or_else(|| Error::new(text, &format!("a number ({what})")))
}

fn meter(text: &str) -> Result<MeterId> {
    Ok(MeterId(number(text, "meter")?))
}

//! Whole flows: `cookie=0x5, table=8, priority=100,in_port=1 actions=resubmit(,9)`.

use super::action::{instructions_text, parse_instructions};
use super::error::{Error, Result};
use super::matching::{parse_part, parts};
use super::split::{at_commas, key_value};
use super::style::{Style, Styled};
use super::value::parse_number;
use crate::{FlowMod, FlowModCommand, FlowModFlags, FlowStats, GroupId, Instruction, Match};
use std::fmt;
use std::str::FromStr;

/// The priority of flows that do not say one.
pub(super) const DEFAULT_PRIORITY: u16 = 32768;

/// The flags in the order of text.
pub(super) const FLAGS: [(&str, u16); 5] = [
    ("send_flow_rem", FlowModFlags::SEND_FLOW_REM),
    ("check_overlap", FlowModFlags::CHECK_OVERLAP),
    ("reset_counts", FlowModFlags::RESET_COUNTS),
    ("no_packet_counts", FlowModFlags::NO_PACKET_COUNTS),
    ("no_byte_counts", FlowModFlags::NO_BYTE_COUNTS),
];

/// Priority and match, as one word.
pub(super) fn head(priority: u16, matching: &Match, style: Style<'_>) -> String {
    let priority = (priority != DEFAULT_PRIORITY).then(|| format!("priority={priority}"));
    priority.into_iter().chain(parts(matching, style)).collect::<Vec<_>>().join(",")
}

fn write_tail(
    f: &mut fmt::Formatter<'_>,
    head: &str,
    instructions: &[Instruction],
    style: Style<'_>,
) -> fmt::Result {
    if !head.is_empty() {
        write!(f, "{head} ")?;
    }
    write!(f, "actions={}", instructions_text(instructions, style))
}

/// As `ovs-ofctl --no-stats dump-flows` writes a flow, and `add-flow` reads it; the command is not said.
impl fmt::Display for FlowMod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.cookie, self.cookie_mask) {
            (0, 0) => {}
            (cookie, 0) => write!(f, "cookie={cookie:#x}, ")?,
            (cookie, u64::MAX) => write!(f, "cookie={cookie:#x}/-1, ")?,
            (cookie, mask) => write!(f, "cookie={cookie:#x}/{mask:#x}, ")?,
        }
        if let Some(table) = self.table {
            write!(f, "table={table}, ")?;
        }
        write_options(f, self.idle_timeout, self.hard_timeout, self.flags, self.importance)?;
        let style = Style::default();
        write_tail(f, &head(self.priority, &self.matching, style), &self.instructions, style)
    }
}

fn write_options(
    f: &mut fmt::Formatter<'_>,
    idle: u16,
    hard: u16,
    flags: FlowModFlags,
    importance: u16,
) -> fmt::Result {
    if idle != 0 {
        write!(f, "idle_timeout={idle}, ")?;
    }
    if hard != 0 {
        write!(f, "hard_timeout={hard}, ")?;
    }
    for (name, bit) in FLAGS {
        if flags.has(bit) {
            write!(f, "{name} ")?;
        }
    }
    if importance != 0 {
        write!(f, "importance={importance}, ")?;
    }
    Ok(())
}

/// As `ovs-ofctl dump-flows` writes a flow, without the space before it.
impl fmt::Display for FlowStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Style::default().of(self))
    }
}

impl fmt::Display for Styled<'_, FlowStats> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (flow, style) = (self.value, self.style);
        if style.without_stats {
            if flow.cookie != 0 {
                write!(f, "cookie={:#x}, ", flow.cookie)?;
            }
            if flow.table != 0 {
                write!(f, "table={}, ", flow.table)?;
            }
        } else {
            write!(f, "cookie={:#x}, ", flow.cookie)?;
            write!(f, "duration={}, ", duration_text(flow.duration_sec, flow.duration_nsec))?;
            write!(f, "table={}, n_packets={}, n_bytes={}, ", flow.table, flow.packets, flow.bytes)?;
        }
        write_options(f, flow.idle_timeout, flow.hard_timeout, flow.flags, flow.importance)?;
        if let Some(age) = flow.idle_age.filter(|_| !style.without_stats) {
            write!(f, "idle_age={age}, ")?;
        }
        write_tail(f, &head(flow.priority, &flow.matching, style), &flow.instructions, style)
    }
}

/// Seconds, with milliseconds if there are any.
pub(super) fn duration_text(seconds: u32, nanoseconds: u32) -> String {
    match nanoseconds / 1_000_000 {
        0 => format!("{seconds}s"),
        millis => format!("{seconds}.{millis:03}s"),
    }
}

/// Reads a flow as `ovs-ofctl add-flow` does: an addition to table 0 with priority 32768 unless it says otherwise.
impl FromStr for FlowMod {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut flow = Self { table: Some(0), ..Self::empty(FlowModCommand::Add) };
        let (head, actions) = match find_actions(text) {
            Some((head, actions)) => (head, Some(actions)),
            None => (text, None),
        };
        parse_head(&mut flow, head)?;
        flow.instructions = parse_instructions(actions.ok_or_else(|| Error::new(text, "actions="))?)?;
        Ok(flow)
    }
}

impl FlowMod {
    /// Reads the flows that a request means, as `ovs-ofctl del-flows` does: every table and no actions unless said.
    ///
    /// # Errors
    /// If it is not a match, or has actions.
    pub fn parse_filter(command: FlowModCommand, text: &str) -> Result<Self> {
        let mut flow = Self { priority: DEFAULT_PRIORITY, ..Self::empty(command) };
        parse_head(&mut flow, text)?;
        Ok(flow)
    }
}

/// Splits at `actions=`, which may come after a comma or a space.
fn find_actions(text: &str) -> Option<(&str, &str)> {
    let at = text.find("actions=").or_else(|| text.find("action="))?;
    let (head, rest) = text.split_at(at);
    Some((head, rest.split_once('=')?.1))
}

fn parse_head(flow: &mut FlowMod, head: &str) -> Result<()> {
    flow.priority = DEFAULT_PRIORITY;
    for part in at_commas(head).flat_map(str::split_ascii_whitespace) {
        let (key, value) = key_value(part);
        if !parse_option(flow, key, value)? {
            parse_part(&mut flow.matching, key, value)?;
        }
    }
    Ok(())
}

/// What is said of a flow beside its match.
fn parse_option(flow: &mut FlowMod, key: &str, value: Option<&str>) -> Result<bool> {
    let Some(value) = value else {
        let Some((_, bit)) = FLAGS.iter().find(|(name, _)| *name == key) else { return Ok(false) };
        flow.flags.0 |= bit;
        return Ok(true);
    };
    let bad = || Error::new(value, &format!("a value of {key}"));
    let number = || parse_number(value).ok_or_else(bad);
    let short = || number().and_then(|n| u16::try_from(n).map_err(|_| bad()));
    match key {
        "priority" => flow.priority = short()?,
        "idle_timeout" => flow.idle_timeout = short()?,
        "hard_timeout" => flow.hard_timeout = short()?,
        "importance" => flow.importance = short()?,
        "table" => flow.table = Some(u8::try_from(number()?).map_err(|_| bad())?).filter(|&t| t != 255),
        "cookie" => (flow.cookie, flow.cookie_mask) = parse_cookie(value).ok_or_else(bad)?,
        "out_port" => flow.out_port = super::value::parse_port_no(value).ok_or_else(bad)?,
        "out_group" => flow.out_group = GroupId(u32::try_from(number()?).map_err(|_| bad())?),
        // What dumps say of a flow's life is read over.
        "duration" | "n_packets" | "n_bytes" | "idle_age" | "hard_age" => {}
        _ => return Ok(false),
    }
    Ok(true)
}

/// A number, or a number and a mask; -1 as a mask is all bits.
fn parse_cookie(value: &str) -> Option<(u64, u64)> {
    let number = |text: &str| u64::try_from(parse_number(text)?).ok();
    match value.split_once('/') {
        Some((cookie, "-1")) => Some((number(cookie)?, u64::MAX)),
        Some((cookie, mask)) => Some((number(cookie)?, number(mask)?)),
        None => Some((number(value)?, 0)),
    }
}

impl FromStr for Match {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut matching = Self::any();
        for part in at_commas(text) {
            let (key, value) = key_value(part);
            parse_part(&mut matching, key, value)?;
        }
        Ok(matching)
    }
}

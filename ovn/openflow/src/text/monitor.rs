//! Flow monitors as `ovs-ofctl monitor` reads them: `table=1,out_port=2,!initial,tcp`.

use super::error::{Error, Result};
use super::matching::parse_part;
use super::split::{at_commas, key_value};
use super::value::{parse_number, parse_port_no};
use crate::{FlowMonitor, GroupId, Match, MonitorCommand, MonitorFlags, PortNo};

/// Words that take a flag away.
const WITHOUT: [(&str, u16); 6] = [
    ("!initial", MonitorFlags::INITIAL),
    ("!add", MonitorFlags::ADD),
    ("!delete", MonitorFlags::DELETE),
    ("!modify", MonitorFlags::MODIFY),
    ("!actions", MonitorFlags::ACTIONS),
    ("!own", MonitorFlags::OWN),
];

impl FlowMonitor {
    /// Reads a monitor of all that happens to flows, but for what the text takes away.
    ///
    /// # Errors
    /// If a part is no such word, and no part of a match.
    pub fn parse(id: u32, text: &str) -> Result<Self> {
        let mut monitor = Self {
            id,
            command: MonitorCommand::Add,
            flags: MonitorFlags(MonitorFlags::ALL),
            out_port: PortNo::ANY,
            out_group: GroupId::ANY,
            table: None,
            matching: Match::any(),
        };
        for part in at_commas(text).filter(|part| !part.is_empty()) {
            let (key, value) = key_value(part);
            if let Some((_, flag)) = WITHOUT.iter().find(|(word, _)| *word == key) {
                monitor.flags.0 &= !flag;
                continue;
            }
            let bad = || Error::new(part, &format!("a value of {key}"));
            let number = || value.and_then(parse_number).ok_or_else(bad);
            match key {
                "table" => {
                    monitor.table = Some(u8::try_from(number()?).map_err(|_| bad())?).filter(|&t| t != 255)
                }
                "out_port" => monitor.out_port = value.and_then(parse_port_no).ok_or_else(bad)?,
                "out_group" => monitor.out_group = GroupId(u32::try_from(number()?).map_err(|_| bad())?),
                _ => parse_part(&mut monitor.matching, key, value)?,
            }
        }
        Ok(monitor)
    }
}

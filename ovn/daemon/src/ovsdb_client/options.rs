//! The command line of `ovsdb-client`.

use std::time::Duration;

use ctl::output::{CellStyle, Style, TableFormat};

use super::fatal::Fatal;
use super::{PROGRAM, help};
use crate::base::getopt::{Opt, Takes, opt, short};
use crate::base::options::{self, Common, Own, Request, TLS};
use crate::base::shell;

const OWN: [Opt; 24] = [
    opt("timestamp", Takes::Nothing),
    opt("force", Takes::Nothing),
    short('t', "timeout", Takes::Value),
    opt("db-change-aware", Takes::Nothing),
    opt("no-db-change-aware", Takes::Nothing),
    opt("leader-only", Takes::Nothing),
    opt("no-leader-only", Takes::Nothing),
    short('f', "format", Takes::Value),
    short('d', "data", Takes::Value),
    opt("no-headings", Takes::Nothing),
    opt("pretty", Takes::Nothing),
    opt("bare", Takes::Nothing),
    opt("max-column-width", Takes::Value),
    TLS[0],
    TLS[1],
    TLS[2],
    TLS[3],
    TLS[4],
    TLS[5],
    TLS[6],
    TLS[7],
    TLS[8],
    opt("record", Takes::Maybe),
    opt("replay", Takes::Maybe),
];

/// What the options say.
pub(super) struct Options {
    pub(super) common: Common,
    pub(super) own: Own,
    /// How tables and JSON look.
    pub(super) style: Style,
    /// Whether tables of `monitor` say when they were printed.
    pub(super) timestamp: bool,
    /// Whether `restore` goes on when schemas differ.
    pub(super) force: bool,
    /// The time after which the program gives up.
    pub(super) timeout: Option<Duration>,
    /// Whether to say `set_db_change_aware`; without a choice, a server that refuses is taken as it is.
    pub(super) change_aware: Option<bool>,
    /// Whether of a cluster only the leader will do.
    pub(super) leader_only: bool,
}

/// What the command line asks for.
pub(super) enum Asked {
    Print(String),
    Run(Box<Options>, Vec<String>),
}

impl Options {
    pub(super) fn parse(args: &[String]) -> Result<Asked, Fatal> {
        let request = options::parse(PROGRAM, &OWN, args).map_err(|error| Fatal::new(error.to_string()))?;
        let (common, mut own) = match request {
            Request::Help => return Ok(Asked::Print(help::TEXT.to_owned())),
            Request::Version => return Ok(Asked::Print(format!("{}\n", shell::version(PROGRAM.name)))),
            Request::Run(common, own) => (common, own),
        };
        let operands = std::mem::take(&mut own.operands);
        let variable = std::env::var("OVS_CTL_TIMEOUT").ok();
        let mut options = Self {
            common,
            style: Style { format: TableFormat::Table, ..Style::default() },
            timestamp: own.has("timestamp"),
            force: own.has("force"),
            timeout: variable.and_then(|text| text.parse().ok()).map(Duration::from_secs),
            change_aware: None,
            leader_only: true,
            own: Own::default(),
        };
        for (name, value) in &own.options {
            options.take(name, value.as_deref().unwrap_or(""))?;
        }
        options.timeout = options.timeout.filter(|timeout| !timeout.is_zero());
        options.own = own;
        Ok(Asked::Run(Box::new(options), operands))
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), Fatal> {
        match name {
            "timeout" => {
                let seconds = value.parse::<u32>().ok().filter(|seconds| *seconds > 0);
                let invalid = || Fatal::new(format!("value {value} on -t or --timeout is invalid"));
                self.timeout = Some(Duration::from_secs(seconds.ok_or_else(invalid)?.into()));
            }
            "db-change-aware" => self.change_aware = Some(true),
            "no-db-change-aware" => self.change_aware = Some(false),
            "leader-only" => self.leader_only = true,
            "no-leader-only" => self.leader_only = false,
            "format" => {
                let unknown = || Fatal::new(format!("unknown output format \"{value}\""));
                self.style.format = TableFormat::from_name(value).ok_or_else(unknown)?;
            }
            "data" => {
                let unknown = || Fatal::new(format!("unknown data format \"{value}\""));
                self.style.cells = CellStyle::from_name(value).ok_or_else(unknown)?;
            }
            "no-headings" => self.style.headings = false,
            "pretty" => self.style.pretty = true,
            "bare" => {
                self.style.format = TableFormat::List;
                self.style.cells = CellStyle::Bare;
                self.style.headings = false;
            }
            "max-column-width" => self.style.max_column_width = value.parse().unwrap_or(0),
            "record" | "replay" => return Err(Fatal::new(format!("--{name} is not supported"))),
            // Those without a value of their own were looked for before; those of TLS are read when they are used.
            _ => {}
        }
        Ok(())
    }
}

//! What a verb works with: the rows, the names of new ones, and where its output goes.

use crate::Program;
use crate::cli::Wait;
use crate::openflow::SwitchFlows;
use crate::output::Table;
use crate::symbols::Symbols;
use crate::view::View;
use crate::vsctl::BridgeCache;
use ovsdb::{DatabaseSchema, Uuid};
use std::sync::Arc;

/// The world of the commands of one line, and the output of the one that runs.
#[derive(Debug)]
pub struct Context<'a> {
    /// The program.
    pub program: Program,
    /// Our schema of its database.
    pub schema: Arc<DatabaseSchema>,
    /// The rows.
    pub view: &'a mut View,
    /// Names for rows, and new UUIDs.
    pub symbols: &'a mut Symbols,
    /// Whether a column is in the server's schema too: those that are not are left out of output.
    pub served: &'a dyn Served,
    /// Flows of the switches that were asked for.
    pub flows: &'a SwitchFlows,
    /// The bridges as ovs-vsctl's verbs see them.
    pub(crate) bridges: &'a mut BridgeCache,
    /// What to wait for after the transaction.
    pub wait: Wait,
    /// What the verbs want beside changes to rows.
    pub wishes: &'a mut Wishes,
    /// What the verb prints.
    pub output: Output,
}

/// Which tables and columns the server has.
pub trait Served: std::fmt::Debug {
    /// Whether the server has the column.
    fn column(&self, table: &str, column: &str) -> bool;
}

/// What a verb prints: text, or a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// The text.
    pub text: String,
    /// The table; if there is one it is printed instead.
    pub table: Option<Table>,
}

/// Who a line of the log is from, by the names of upstream's modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogModule {
    /// The verbs for any table.
    DbCtlBase,
    /// Signals, of which a time-out is one.
    FatalSignal,
    /// ovn-nbctl.
    Nbctl,
    /// What ovn-nbctl and ovn-sbctl have in common.
    OvnDbctl,
    /// The connection to the database.
    OvsdbIdl,
    /// ovn-sbctl.
    Sbctl,
    /// The reading of endpoints, all of whose messages are errors.
    SocketUtil,
    /// Words of an environment variable.
    Svec,
    /// ovs-vsctl.
    Vsctl,
}

impl LogModule {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DbCtlBase => "db_ctl_base",
            Self::FatalSignal => "fatal_signal",
            Self::Nbctl => "nbctl",
            Self::OvnDbctl => "ovn_dbctl",
            Self::OvsdbIdl => "ovsdb_idl",
            Self::Sbctl => "sbctl",
            Self::SocketUtil => "socket_util",
            Self::Svec => "svec",
            Self::Vsctl => "vsctl",
        }
    }

    /// How its messages are marked.
    pub const fn level(self) -> &'static str {
        match self {
            Self::SocketUtil => "ERR",
            Self::DbCtlBase
            | Self::FatalSignal
            | Self::Nbctl
            | Self::OvnDbctl
            | Self::OvsdbIdl
            | Self::Sbctl
            | Self::Svec
            | Self::Vsctl => "WARN",
        }
    }
}

/// What verbs want beside changes to rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Run all commands again when rows have changed; commit nothing now (`wait-until`).
    pub try_again: bool,
    /// Raise the configuration number even where nothing else changes (`sync`).
    pub force_next_cfg: bool,
    /// Warnings for the log: module and text.
    pub warnings: Vec<(LogModule, String)>,
    /// Interfaces that were added, for ovs-vsctl to look at after the switch has taken them up.
    pub interfaces_added: Vec<(Uuid, String)>,
}

impl Context<'_> {
    /// Adds a line to the output.
    pub fn print(&mut self, line: impl AsRef<str>) {
        self.output.text.push_str(line.as_ref());
        self.output.text.push('\n');
    }

    /// A UUID for a new row.
    pub fn fresh(&mut self) -> Uuid {
        self.symbols.fresh()
    }

    /// Logs a warning.
    pub fn warn(&mut self, module: LogModule, text: String) {
        self.wishes.warnings.push((module, text));
    }
}

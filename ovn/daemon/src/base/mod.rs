//! What every daemon and client of the house stands on, before it knows what it is for.

pub mod detach;
pub mod getopt;
pub mod net;
pub mod options;
pub mod paths;
pub mod pidfile;
pub mod shell;
pub mod target;
pub mod unixctl;

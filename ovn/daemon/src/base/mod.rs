//! What every daemon and client of the house stands on, before it knows what it is for.

pub mod detach;
pub mod getopt;
pub mod net;
pub mod options;
pub mod paths;
pub mod peers;
pub mod pidfile;
pub mod shell;
pub mod target;
pub mod unixctl;

/// The text of an operating-system error without Rust's `(os error N)`, as upstream prints it.
pub fn os_error(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((text, _)) => text.to_owned(),
        None => text,
    }
}

//! What every daemon and client of the house stands on, before it knows what it is for.

pub mod detach;
pub mod getopt;
pub mod net;
pub mod options;
pub mod paths;
pub mod peers;
pub mod pidfile;
pub mod shell;
pub(crate) mod socket;
pub mod stream;
pub mod target;
pub mod tls;
pub mod unixctl;

/// The text of an operating-system error without Rust's `(os error N)`, as upstream prints it.
pub fn os_error(error: &std::io::Error) -> String {
    if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
        return "Protocol error".to_owned();
    }
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((text, _)) => text.to_owned(),
        None => text,
    }
}

/// A number that no earlier run has used, from the system's randomness: the seed of a core's generators.
pub fn random_seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// The wall clock, in milliseconds since 1970.
pub fn wall_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

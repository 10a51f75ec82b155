//! The `vlog/*` control commands.

use super::Vlog;
use super::state::State;
use crate::base::unixctl::{Spec, spec};

/// The commands.
pub const COMMANDS: &[Spec] = &[
    spec("vlog/close", "", 0, 0),
    spec("vlog/disable-rate-limit", "[module]...", 0, usize::MAX),
    spec("vlog/enable-rate-limit", "[module]...", 0, usize::MAX),
    spec("vlog/list", "", 0, 0),
    spec("vlog/list-pattern", "", 0, 0),
    spec("vlog/reopen", "", 0, 0),
    spec("vlog/set", "{spec | PATTERN:destination:pattern}", 1, usize::MAX),
];

/// Runs `command` if it is one of [`COMMANDS`].
pub fn run(vlog: &Vlog, command: &str, args: &[String]) -> Option<Result<String, String>> {
    let outcome = match command {
        "vlog/close" => {
            vlog.close();
            Ok(())
        }
        "vlog/disable-rate-limit" | "vlog/enable-rate-limit" => {
            vlog.limit(command == "vlog/enable-rate-limit");
            Ok(())
        }
        "vlog/list" => return Some(Ok(vlog.with_state(State::list))),
        "vlog/list-pattern" => return Some(Ok(vlog.with_state(State::list_patterns))),
        "vlog/reopen" => vlog.reopen(),
        "vlog/set" => args.iter().try_for_each(|spec| vlog.set(spec)).map_err(|error| error.to_string()),
        _ => return None,
    };
    Some(outcome.map(|()| String::new()))
}

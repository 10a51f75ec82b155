//! The `vlog/*` control commands.

use super::Vlog;

/// Name, usage, fewest and most arguments of each command.
pub const COMMANDS: &[(&str, &str, usize, usize)] = &[
    ("vlog/close", "", 0, 0),
    ("vlog/disable-rate-limit", "[module]...", 0, usize::MAX),
    ("vlog/enable-rate-limit", "[module]...", 0, usize::MAX),
    ("vlog/list", "", 0, 0),
    ("vlog/list-pattern", "", 0, 0),
    ("vlog/reopen", "", 0, 0),
    ("vlog/set", "{spec | PATTERN:destination:pattern}", 1, usize::MAX),
];

/// Runs `command` if it is one of [`COMMANDS`].
pub fn run(vlog: &Vlog, command: &str, args: &[String]) -> Option<Result<String, String>> {
    let done = |()| String::new();
    Some(match command {
        "vlog/close" => {
            vlog.close();
            Ok(String::new())
        }
        "vlog/disable-rate-limit" => Ok(done(vlog.limit(false))),
        "vlog/enable-rate-limit" => Ok(done(vlog.limit(true))),
        "vlog/list" => Ok(vlog.with_state(super::state::State::list)),
        "vlog/list-pattern" => Ok(vlog.with_state(super::state::State::list_patterns)),
        "vlog/reopen" => vlog.reopen().map(done),
        "vlog/set" => {
            args.iter().try_for_each(|spec| vlog.set(spec)).map(done).map_err(|error| error.to_string())
        }
        _ => return None,
    })
}

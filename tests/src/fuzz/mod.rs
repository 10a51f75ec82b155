//! What fuzzing does with the octets of one input: thin calls of public functions, and what must be true of the answers.
//!
//! The targets of `tests/fuzz` call these, and `tests/tests/seeds.rs` plays every seed through them. A function here
//! panics where a promise is broken; refused input is no breach.

mod command_line;
mod database;
mod guests;
mod language;
mod openflow;
mod packet;
mod server;
mod switch;
mod tracked;

/// A way in for octets from outside.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is that of its binary and of the folder of its seeds.
    pub name: &'static str,
    /// Takes the octets of one input.
    pub run: fn(&[u8]),
}

/// Every target, in the order of their names.
pub const TARGETS: &[Target] = &[
    Target { name: "asked", run: guests::asked },
    Target { name: "command_line", run: command_line::lines },
    Target { name: "flow_text", run: openflow::text },
    Target { name: "frame", run: packet::frame },
    Target { name: "fragments", run: tracked::fragments },
    Target { name: "ftp", run: tracked::ftp },
    Target { name: "geneve", run: packet::geneve },
    Target { name: "json", run: database::value },
    Target { name: "log", run: database::log },
    Target { name: "logical_action", run: language::action },
    Target { name: "logical_match", run: language::matching },
    Target { name: "microflow", run: language::microflow },
    Target { name: "openflow", run: openflow::stream },
    Target { name: "replica", run: server::replica },
    Target { name: "rpc", run: server::stream },
    Target { name: "schema", run: database::schema },
    Target { name: "server", run: server::sessions },
    Target { name: "services", run: packet::services },
    Target { name: "switch", run: switch::frames },
    Target { name: "transaction", run: database::transaction },
];

/// Runs a target.
///
/// # Panics
/// When there is none of that name, or when a promise is broken.
pub fn run(name: &str, octets: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.unwrap_or_else(|| panic!("{name} is a target")).run)(octets);
}

/// The input as lines of text, as many as are worth the time; nothing if it is no text.
fn lines(octets: &[u8]) -> impl Iterator<Item = &str> {
    std::str::from_utf8(octets).unwrap_or_default().lines().take(64)
}

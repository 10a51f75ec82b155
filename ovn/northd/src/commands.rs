//! The commands of the control socket, as functions of the core: words in, text out.
//!
//! Those of upstream's ovn-northd, as far as they mean something here, and two of our own, `northd/complaints` and
//! `northd/last-run`.

use std::fmt::Write as _;

use crate::northd::{Db, Northd, Status};

/// Name, usage, fewest and most arguments of each command.
pub const COMMANDS: &[(&str, &str, usize, usize)] = &[
    ("inc-engine/clear-stats", "", 0, 0),
    ("inc-engine/compute-log-timeout", "MSECS", 1, 1),
    ("inc-engine/recompute", "", 0, 0),
    ("inc-engine/show-stats", "[ENGINE_NODE] [COUNTER]", 0, 2),
    ("is-paused", "", 0, 0),
    ("nb-cluster-state-reset", "", 0, 0),
    ("nb-connection-status", "", 0, 0),
    ("northd/complaints", "", 0, 0),
    ("northd/last-run", "", 0, 0),
    ("parallel-build/get-n-threads", "", 0, 0),
    ("parallel-build/set-n-threads", "N_THREADS", 1, 1),
    ("pause", "", 0, 0),
    ("resume", "", 0, 0),
    ("sb-cluster-state-reset", "", 0, 0),
    ("sb-connection-status", "", 0, 0),
    ("status", "", 0, 0),
];

/// Runs a command.
///
/// # Errors
///
/// Words for whoever gave it: an argument that does not fit, or a command that is none.
pub fn run(northd: &mut Northd, name: &str, args: &[&str]) -> Result<String, String> {
    let nothing = Ok(String::new());
    match (name, args) {
        ("status", []) => Ok(format!("Status: {}\n", status(northd.status()))),
        ("is-paused", []) => Ok(format!("{}\n", northd.status() == Status::Paused)),
        ("pause" | "resume", []) => {
            northd.pause(name == "pause");
            nothing
        }
        ("nb-connection-status", []) => Ok(connection(northd, Db::Northbound)),
        ("sb-connection-status", []) => Ok(connection(northd, Db::Southbound)),
        ("inc-engine/show-stats", args) => northd.inputs.engine.stats().show(args),
        ("inc-engine/clear-stats", []) => {
            northd.inputs.engine.clear_stats();
            nothing
        }
        ("inc-engine/recompute", []) => {
            northd.mark_all();
            recompute(northd)
        }
        ("northd/complaints", []) => Ok(lines(northd.southbound.complaints())),
        ("northd/last-run", []) => Ok(lines(northd.last_run.iter().map(|unit| format!("{unit:?}")))),
        ("parallel-build/get-n-threads", []) => Ok("1\n".into()),
        ("parallel-build/set-n-threads", [count]) => match count.parse::<u32>() {
            Ok(count) if count > 0 => nothing,
            Ok(_) | Err(_) => Err(format!("invalid n_threads: {count}")),
        },
        // Nothing is kept of clusters, and no computation is long enough to be logged for it.
        ("nb-cluster-state-reset" | "sb-cluster-state-reset", [])
        | ("inc-engine/compute-log-timeout", [_]) => nothing,
        (name, _) => Err(format!("\"{name}\" is not a valid command, or not with these arguments")),
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Active => "active",
        Status::Standby => "standby",
        Status::Paused => "paused",
    }
}

fn connection(northd: &Northd, db: Db) -> String {
    if northd.is_synced(db) { "connected\n" } else { "not connected\n" }.into()
}

fn lines(items: impl Iterator<Item = impl std::fmt::Display>) -> String {
    items.fold(String::new(), |mut text, item| {
        let _ = writeln!(text, "{item}");
        text
    })
}

/// Runs every unit again, to compare: there is no other way to compute than by units, so this is a check.
fn recompute(northd: &Northd) -> Result<String, String> {
    match &northd.inputs.engine.check(&northd.inputs.network)[..] {
        [] => Ok(String::new()),
        wrong => Err(format!("units that read something untracked: {wrong:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::World;

    #[test]
    fn commands_answer_like_upstream() {
        let mut world = World::new();
        world.run("ls-add sw0; lsp-add sw0 p1; lsp-set-addresses p1 bogus");
        let northd = &mut world.northds[0].northd;
        let mut ask = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            run(northd, words[0], &words[1..]).unwrap_or_else(|error| format!("error: {error}\n"))
        };
        let script = [
            "status",
            "pause",
            "is-paused",
            "status",
            "resume",
            "sb-connection-status",
            "inc-engine/recompute",
            "inc-engine/show-stats switch_port",
            "inc-engine/show-stats switch compute",
            "inc-engine/show-stats nope compute",
            "parallel-build/set-n-threads x",
            "northd/complaints",
            "northd/last-run",
            "status now",
        ];
        let text: String = script.iter().map(|line| format!("> {line}\n{}", ask(line))).collect();
        insta::assert_snapshot!(text, @r#"
        > status
        Status: active
        > pause
        > is-paused
        true
        > status
        Status: paused
        > resume
        > sb-connection-status
        connected
        > inc-engine/recompute
        > inc-engine/show-stats switch_port
        Node: switch_port
        - recompute:            0
        - compute:              1
        - abort:                0
        > inc-engine/show-stats switch compute
        1
        > inc-engine/show-stats nope compute
        error: no kind of unit is called "nope"
        > parallel-build/set-n-threads x
        error: invalid n_threads: x
        > northd/complaints
        switch port p1: addresses: "bogus" does not begin with a MAC address, nor is it "unknown", "router" or "dynamic"
        > northd/last-run
        PortFacts(86e0fe0f-5330-51c5-841a-e11465a2ffab)
        Switch(1cefb671-5afc-58b9-9562-995dcc308b44)
        SwitchPort(86e0fe0f-5330-51c5-841a-e11465a2ffab)
        > status now
        error: "status" is not a valid command, or not with these arguments
        "#);
    }

    #[test]
    fn every_command_in_the_list_is_one() {
        let mut world = World::new();
        for (name, _, arguments, _) in COMMANDS {
            let args = ["1", "1"];
            let outcome = run(&mut world.northds[0].northd, name, &args[..*arguments]);
            assert!(outcome.is_ok(), "{name}: {outcome:?}");
        }
    }
}

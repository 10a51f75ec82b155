//! The table of applets.

use std::process::ExitCode;

use daemon::base::options::Program;
use daemon::base::paths::Family;
use daemon::{
    appctl, controller, ctl, northd, ofctl, ovsdb_client, ovsdb_server, ovsdb_tool, trace, vswitchd,
};

/// One program inside the executable.
pub(crate) struct Applet {
    /// The name upstream's program has.
    pub(crate) name: &'static str,
    /// A shorter name after `ovn`.
    pub(crate) short: Option<&'static str>,
    /// What it is, in a line.
    pub(crate) summary: &'static str,
    /// Its main function.
    pub(crate) run: fn(&[String]) -> ExitCode,
}

/// Every applet, sorted by name.
pub(crate) const APPLETS: &[Applet] = &[
    Applet {
        name: "ovn-appctl",
        short: None,
        summary: "sends a control command to a daemon of OVN",
        run: |args| appctl::run(program("ovn-appctl", Family::Ovn), "ovn-northd", args),
    },
    Applet {
        name: "ovn-controller",
        short: None,
        summary: "programs this host's switch from the southbound database",
        run: controller::run,
    },
    Applet {
        name: "ovn-nbctl",
        short: Some("nbctl"),
        summary: "edits and shows the northbound database",
        run: |args| ctl::run(::ctl::Program::Nbctl, args),
    },
    Applet {
        name: "ovn-northd",
        short: None,
        summary: "compiles the northbound database into the southbound one",
        run: northd::run,
    },
    Applet {
        name: "ovn-ping",
        short: Some("ping"),
        summary: "asks an address for an answer, for guests without a ping of their own",
        run: sandbox::ping,
    },
    Applet {
        name: "ovn-sandbox",
        short: Some("sandbox"),
        summary: "labs of chassis and guests on this machine, and scenarios run in them",
        run: |args| {
            let names: Vec<&str> = APPLETS.iter().map(|applet| applet.name).collect();
            sandbox::main(args, &names)
        },
    },
    Applet {
        name: "ovn-sbctl",
        short: Some("sbctl"),
        summary: "edits and shows the southbound database",
        run: |args| ctl::run(::ctl::Program::Sbctl, args),
    },
    Applet {
        name: "ovn-trace",
        short: Some("trace"),
        summary: "follows a packet through the logical network",
        run: |args| trace::run(args, planned),
    },
    Applet {
        name: "ovs-appctl",
        short: Some("appctl"),
        summary: "sends a control command to a daemon",
        run: |args| appctl::run(program("ovs-appctl", Family::Ovs), "ovs-vswitchd", args),
    },
    Applet {
        name: "ovs-ofctl",
        short: Some("ofctl"),
        summary: "looks at a switch and changes it by OpenFlow",
        run: ofctl::run,
    },
    Applet {
        name: "ovs-vsctl",
        short: Some("vsctl"),
        summary: "edits and shows a switch's database",
        run: |args| ctl::run(::ctl::Program::Vsctl, args),
    },
    Applet { name: "ovs-vswitchd", short: None, summary: "the software switch", run: vswitchd::run },
    Applet {
        name: "ovsdb-client",
        short: None,
        summary: "asks a database server: contents, transactions, changes",
        run: ovsdb_client::run,
    },
    Applet {
        name: "ovsdb-server",
        short: None,
        summary: "serves databases by the OVSDB protocol",
        run: ovsdb_server::run,
    },
    Applet {
        name: "ovsdb-tool",
        short: None,
        summary: "makes database files and reads their headers",
        run: ovsdb_tool::run,
    },
];

/// The network of a topology file, for those who trace through it.
fn planned(file: &std::path::Path) -> anyhow::Result<trace::Plan> {
    let network = sandbox::logical_network(file)?;
    Ok(trace::Plan { northbound: network.northbound, chassis: network.chassis, ports: network.ports })
}

const fn program(name: &'static str, family: Family) -> Program {
    Program { name, family }
}

/// The applet called `name`, exactly.
pub(crate) fn find(name: &str) -> Option<&'static Applet> {
    APPLETS.iter().find(|applet| applet.name == name || applet.short == Some(name))
}

/// Names that are at most three edits away from `name`, nearest first; at most three.
pub(crate) fn nearest(name: &str) -> Vec<&'static str> {
    let names = APPLETS.iter().flat_map(|applet| [Some(applet.name), applet.short]).flatten();
    let mut near: Vec<(usize, &str)> =
        names.map(|known| (distance(name, known), known)).filter(|(distance, _)| *distance <= 3).collect();
    near.sort_unstable();
    near.into_iter().map(|(_, known)| known).take(3).collect()
}

/// Levenshtein's edit distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_are_unique() {
        let names: Vec<&str> = APPLETS.iter().map(|applet| applet.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
    }

    #[test]
    fn a_slip_of_the_hand_is_understood() {
        assert_eq!(nearest("ovn-apctl")[0], "ovn-appctl");
        assert_eq!(nearest("sandbx"), ["sandbox"]);
        assert!(nearest("something else").is_empty());
    }
}

//! How long it takes from nothing to the first ping, and what a chassis costs: `cargo bench -p tests --bench startup`.
//!
//! Figures are printed, never asserted. Needs root.
#![allow(clippy::unwrap_used)] // A benchmark stops where it fails.
#![allow(clippy::disallowed_methods)] // It measures real time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use tests::lab::Labs;
use tests::need_root;

/// Runs of each case; the median is shown.
const RUNS: usize = 5;

fn main() {
    // `cargo test --benches` runs this too; then it only has to compile.
    if !std::env::args().any(|arg| arg == "--bench") || !need_root() {
        return;
    }
    println!(
        "{:>8} {:>16} {:>22} {:>24}",
        "chassis", "lab up", "first ping to the last", "memory a chassis (PSS)"
    );
    for chassis in [1, 2, 5, 10] {
        let mut results: Vec<Figures> = (0..RUNS).map(|_| measure(chassis)).collect();
        results.sort_by_key(|figures| figures.first_ping);
        let median = &results[RUNS / 2];
        println!(
            "{chassis:>8} {:>13.0} ms {:>19.0} ms {:>20.1} MiB",
            median.up.as_secs_f64() * 1e3,
            median.first_ping.as_secs_f64() * 1e3,
            median.pss_kib_a_chassis / 1024.0
        );
    }
}

struct Figures {
    up: Duration,
    first_ping: Duration,
    pss_kib_a_chassis: f64,
}

fn measure(chassis: usize) -> Figures {
    let labs = Labs::default();
    fs::write(labs.path("topologies/bench.yaml"), topology(chassis)).unwrap();
    let start = Instant::now();
    labs.ok(&["up", "topologies/bench.yaml"]);
    let up = start.elapsed();
    // With one chassis the second guest is its neighbour.
    let last = chassis.max(2);
    labs.ok(&["exec", "vm1", "--", "ovn", "ping", "--within", "20", &format!("10.0.0.{last}")]);
    let first_ping = start.elapsed();
    let pss: u64 = chassis_daemons(&labs).values().sum();
    labs.ok(&["down", "bench"]);
    labs.wait_until_gone();
    Figures { up, first_ping, pss_kib_a_chassis: pss as f64 / chassis as f64 }
}

/// One switch, one guest a chassis, and two on the only one.
fn topology(chassis: usize) -> String {
    let guests = chassis.max(2);
    let mut text = String::from("version: 1\nname: bench\nchassis:\n");
    for n in 1..=chassis {
        writeln!(text, "  hv{n}: {{address: 172.31.0.{n}/24}}").unwrap();
    }
    text.push_str("northbound:\n  Logical_Switch:\n    - name: sw0\n      ports:\n");
    for n in 1..=guests {
        writeln!(text, "        - {{name: vm{n}, addresses: [\"0a:00:00:00:00:{n:02x} 10.0.0.{n}\"]}}")
            .unwrap();
    }
    text.push_str("guests:\n");
    for n in 1..=guests {
        let on = n.min(chassis);
        writeln!(text, "  vm{n}: {{chassis: hv{on}, mac: 0a:00:00:00:00:{n:02x}, ip: 10.0.0.{n}/24}}")
            .unwrap();
    }
    text
}

/// The proportional set size of each daemon that a chassis runs, in KiB, by process.
fn chassis_daemons(labs: &Labs) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for process in labs.processes() {
        let (pid, line) = process.split_once(' ').unwrap();
        let is_chassis = line.contains("/run/lab/hv");
        let is_daemon =
            ["ovsdb-server ", "ovs-vswitchd ", "ovn-controller "].iter().any(|name| line.contains(name));
        if is_chassis && is_daemon {
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
            let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or("0 kB");
            found.insert(process.clone(), pss.trim().trim_end_matches(" kB").parse().unwrap());
        }
    }
    found
}

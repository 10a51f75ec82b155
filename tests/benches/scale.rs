//! What it takes to bring up many chassis in virtual time: `cargo bench -p tests --bench scale [CHASSIS GUESTS]`.
//!
//! Figures are printed, never asserted: processor time, the largest memory of the process, events and virtual time.
#![allow(clippy::unwrap_used)] // A benchmark stops where it fails.

use std::fs;

use nix::sys::resource::{Usage, UsageWho, getrusage};
use tests::lab::Labs;
use tests::process::run_ok;
use tests::scale::{Layout, SCENARIO, topology};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // `cargo test --benches` runs this too; then it only has to compile.
    if !arguments.iter().any(|arg| arg == "--bench") {
        return;
    }
    let numbers: Vec<usize> = arguments.iter().filter_map(|arg| arg.parse().ok()).collect();
    let cases = match numbers[..] {
        [chassis, guests] => vec![(Layout::Flat, chassis, guests), (Layout::Racks, chassis, guests)],
        // The largest come last: what is told of memory is the largest so far.
        _ => vec![(Layout::Flat, 20, 10), (Layout::Racks, 100, 10), (Layout::Flat, 100, 10)],
    };
    println!("{:>8} {:>8} {:>8} {:>12} {:>12}", "layout", "chassis", "guests", "processor", "memory");
    for (layout, chassis, guests) in cases {
        let labs = Labs::default();
        fs::write(labs.path("scale.yaml"), topology(layout, chassis, guests)).unwrap();
        fs::write(labs.path("ping.yaml"), SCENARIO).unwrap();
        let before = seconds(&usage());
        let said = run_ok(labs.sandbox(&["test", "--backend", "sim", "ping.yaml"]));
        let simulated = said.lines().last().unwrap_or_default();
        println!(
            "{:>8} {chassis:>8} {guests:>8} {:>10.2} s {:>8} MiB  {simulated}",
            format!("{layout:?}"),
            seconds(&usage()) - before,
            usage().max_rss() / 1024,
        );
    }
}

/// Of the processes that were started and have ended.
fn usage() -> Usage {
    getrusage(UsageWho::RUSAGE_CHILDREN).unwrap()
}

fn seconds(usage: &Usage) -> f64 {
    [usage.user_time(), usage.system_time()]
        .iter()
        .map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6)
        .sum()
}

//! `ovn ping`: ICMP echo from wherever it is run, for guests on machines without a ping of their own.

use super::{BROKEN, FAIL, NOTHING_RAN, PASS};
use crate::tools::ping::{self, Plan, Until};
use anyhow::Context;
use clap::Parser;
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

/// Ask an address for an answer, with ICMP echo.
#[derive(Parser)]
#[command(name = "ovn ping", max_term_width = 110)]
struct Args {
    /// How many answers in a row are enough.
    #[arg(short, long, default_value_t = 1)]
    count: u64,
    /// Seconds until giving up.
    #[arg(short = 'W', long, default_value_t = 5.0)]
    within: f64,
    /// Seconds between two requests.
    #[arg(short, long, default_value_t = 0.01)]
    interval: f64,
    address: IpAddr,
}

/// `ovn ping ARGS`.
pub fn main(args: &[String]) -> ExitCode {
    let name = std::iter::once("ovn ping");
    let args = match Args::try_parse_from(name.chain(args.iter().map(String::as_str))) {
        Ok(args) => args,
        Err(e) => {
            let code = if e.use_stderr() { NOTHING_RAN } else { PASS };
            // Nobody is left to tell when the terminal is gone.
            let _ = e.print();
            return ExitCode::from(code);
        }
    };
    match run(&args) {
        Ok(code) => ExitCode::from(code),
        Err(e) => {
            eprintln!("ovn ping: {e:#}");
            ExitCode::from(BROKEN)
        }
    }
}

fn run(args: &Args) -> anyhow::Result<u8> {
    let seconds = |value: f64| {
        Duration::try_from_secs_f64(value).context("a time must be a positive number of seconds")
    };
    let plan = Plan {
        to: args.address,
        interval: seconds(args.interval)?,
        size: 56,
        patience: Duration::from_secs(1),
    };
    let within = seconds(args.within)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting tokio")?;
    let report = runtime.block_on(async {
        let until = Until::InARow(args.count, tokio::time::Instant::now() + within);
        ping::here(plan, until).await
    })?;
    let answered = report.in_a_row >= args.count;
    println!("{}: {}", args.address, if answered { "answers" } else { "no answer" });
    println!("{report}");
    Ok(if answered { PASS } else { FAIL })
}

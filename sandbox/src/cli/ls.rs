//! `ls`: the labs of this user on this machine.

use super::PASS;
use crate::lab::home;
use crate::lab::keeper::wall_ms;
use anyhow::Result;
use serde_json::json;

/// List the labs that are running.
#[derive(clap::Args)]
pub(super) struct Args {
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let labs: Vec<_> = home::list().into_iter().filter(|found| found.alive).collect();
    if args.json {
        let all: Vec<_> =
            labs.iter().map(|lab| json!({ "name": lab.name, "dir": lab.dir, "card": lab.card })).collect();
        println!("{}", serde_json::to_string_pretty(&all)?);
        return Ok(PASS);
    }
    for lab in labs {
        match lab.card {
            Some(card) => {
                let age = wall_ms().saturating_sub(card.started_ms) / 1000;
                println!("{:<24} {:>6} s  process {:<8} {}", lab.name, age, card.supervisor, card.topology);
            }
            None => println!("{:<24} starting", lab.name),
        }
    }
    Ok(PASS)
}

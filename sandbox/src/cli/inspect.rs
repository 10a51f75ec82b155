//! `inspect [LAB]`: what a lab consists of, and how it is.

use super::PASS;
use super::client::{self, Asked};
use crate::lab::control::{Reply, Request};
use crate::lab::inspect::{Inspected, InspectedNode};
use anyhow::{Result, bail};

/// Show what a lab consists of, and how it is.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Its name; not needed when there is only one.
    lab: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let lab = client::find(args.lab.as_deref())?;
    let (Reply::Inspected(inspected), _) = Asked::connect(&lab)?.ask(&Request::Inspect)? else {
        bail!("the lab answered something else");
    };
    if args.json {
        println!("{}", serde_json::to_string_pretty(&inspected)?);
    } else {
        print!("{}", text(&inspected));
    }
    Ok(PASS)
}

fn text(lab: &Inspected) -> String {
    let mut out = format!("lab {}", lab.name);
    if let Some(description) = &lab.description {
        out += &format!(": {description}");
    }
    out += &format!("\nup for {:.1} s\n", lab.age_ms / 1e3);
    if let Some(crash) = &lab.crashed {
        out += &format!("crashed: {crash}\n");
    }
    for (role, path) in &lab.stack {
        out += &format!("{role} is {}\n", path.display());
    }
    for node in &lab.nodes {
        out += &node_text(node);
    }
    out
}

fn node_text(node: &InspectedNode) -> String {
    let mut out = format!("\n{} {}", node.kind, node.name);
    for address in &node.addresses {
        out += &format!("  {address}");
    }
    if let Some(mac) = &node.mac {
        out += &format!("  {mac}");
    }
    if let (Some(chassis), Some(port)) = (&node.chassis, &node.port) {
        out += &format!("  on {chassis} as {port}");
    }
    out += "\n";
    for daemon in &node.daemons {
        let state = daemon.ended.clone().unwrap_or_else(|| format!("process {}", daemon.pid));
        out += &format!("  {:<16} {state}\n", daemon.name);
    }
    if let Some(link) = &node.uplink {
        let (tx, rx) = (link.counters.tx, link.counters.rx);
        out += &format!(
            "  uplink           sent {} (lost {}), received {} (lost {})\n",
            tx.entered, tx.lost, rx.left, rx.lost
        );
    }
    out
}

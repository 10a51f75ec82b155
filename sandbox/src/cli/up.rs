//! `up FILE`: makes a lab that lives on.

use super::client::Started;
use super::{BROKEN, PASS, read_file};
use crate::lab::boot::{Boot, Event, Keep};
use crate::report::text;
use crate::text::values::LabName;
use crate::topology::{Role, Stack, Topology};
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Make a lab from a topology file; it lives until `down`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The topology.
    file: PathBuf,
    /// The lab's name, instead of the one in the file.
    #[arg(long)]
    name: Option<LabName>,
    /// Use another executable for a role, such as --use ovsdb-server=/usr/sbin/ovsdb-server.
    #[arg(long = "use", value_name = "ROLE=PATH")]
    stack: Vec<Stack>,
    /// What this executable is able to be.
    #[arg(skip)]
    pub(super) own: BTreeSet<Role>,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let source = read_file(&args.file)?;
    let (topology, _) = Topology::read(&source)?;
    let name = args.name.clone().unwrap_or(topology.name);
    let boot = Boot {
        name: name.clone(),
        topology: source,
        scenario: None,
        stack: Stack::collect(&args.stack),
        own: args.own.clone(),
        keep: Keep::Always,
    };
    let mut lab = Started::start(&boot)?;
    match lab.event() {
        Some(Event::Ready { after_ms }) => {
            lab.detach()?;
            println!("lab {name} is up after {after_ms:.0} ms");
            if let Some(guest) = topology.guests.keys().next() {
                println!("  ovn sandbox shell --lab {name} {guest}");
            }
            println!("  ovn sandbox down {name}");
            Ok(PASS)
        }
        Some(Event::Broken { error, logs }) => {
            eprint!("{}", text::logs(&logs));
            eprintln!("ovn sandbox: lab {name}: {error}");
            lab.wait();
            Ok(BROKEN)
        }
        // The keeper has said why.
        Some(Event::Step(_) | Event::Finished { .. }) | None => {
            lab.wait();
            Ok(BROKEN)
        }
    }
}

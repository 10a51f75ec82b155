//! `down [NAME]`: ends labs, by name; their files are not needed.

use super::client::{self, Asked};
use super::{FAIL, PASS};
use crate::lab::control::Request;
use crate::lab::home::{self, Found};
use anyhow::Result;

/// End a lab.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Its name; not needed when there is only one.
    name: Option<String>,
    /// End all labs.
    #[arg(long, conflicts_with = "name")]
    all: bool,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let labs: Vec<Found> = if args.all {
        home::list().into_iter().filter(|found| found.alive).collect()
    } else {
        vec![client::find(args.name.as_deref())?]
    };
    let mut code = PASS;
    for lab in labs {
        match end(&lab) {
            Ok(()) => println!("lab {} is down", lab.name),
            Err(e) => {
                eprintln!("ovn sandbox: lab {}: {e:#}", lab.name);
                code = FAIL;
            }
        }
    }
    Ok(code)
}

fn end(lab: &Found) -> Result<()> {
    Asked::connect(lab)?.ask(&Request::Down)?;
    home::wait_gone(&lab.dir);
    Ok(())
}

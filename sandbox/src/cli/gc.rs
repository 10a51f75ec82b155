//! `gc`: removes what labs left whose every process was killed at once.

use super::PASS;
use crate::lab::home;
use anyhow::Result;

/// Remove what killed labs left behind. Running labs are not touched.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Only say what would be removed.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    for lab in home::list().into_iter().filter(|found| !found.alive) {
        if args.dry_run {
            println!("would remove {}", lab.dir.display());
        } else if home::remove_dead(&lab.dir) {
            println!("removed {}", lab.dir.display());
        }
    }
    Ok(PASS)
}

//! `validate FILE...`: says what is wrong with topologies and scenarios, without running anything.

use super::{BROKEN, PASS};
use crate::text::{Severity, Source};
use crate::topology::Topology;
use std::io::IsTerminal;
use std::path::PathBuf;

/// Check topology and scenario files without running anything.
#[derive(clap::Args)]
pub(super) struct Args {
    /// One line for each complaint: FILE:LINE:COLUMN: error: ...
    #[arg(long)]
    short: bool,
    /// Topology or scenario files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub(super) fn run(args: &Args) -> u8 {
    let mut code = PASS;
    for file in &args.files {
        let (source, found) = match check(file) {
            Ok(checked) => checked,
            Err(e) => {
                eprintln!("{}: {e}", file.display());
                code = BROKEN;
                continue;
            }
        };
        for diagnostic in &found {
            if args.short {
                println!("{}", diagnostic.one_line(&source));
            } else {
                eprintln!("{}\n", diagnostic.render(&source, std::io::stderr().is_terminal()));
            }
        }
        if found.iter().any(|d| d.severity == Severity::Error) {
            code = BROKEN;
        } else {
            println!("{}: good", file.display());
        }
    }
    code
}

fn check(file: &PathBuf) -> std::io::Result<(Source, Vec<crate::text::Diagnostic>)> {
    let source = Source::new(file.display().to_string(), std::fs::read_to_string(file)?);
    let found = match Topology::read(&source) {
        Ok((_, advice)) => advice,
        Err(refused) => refused.diagnostics,
    };
    Ok((source, found))
}

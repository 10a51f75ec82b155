//! `validate FILE...`: says what is wrong with topologies and scenarios, without running anything.

use super::{BROKEN, PASS, read_file};
use crate::scenario::Scenario;
use crate::scenario::backend::BackendKind;
use crate::text::diagnostic::Refused;
use crate::text::{Diagnostic, Severity, Source};
use crate::topology::Topology;
use anyhow::Result;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

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
                eprintln!("{}: {e:#}", file.display());
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

fn check(file: &Path) -> Result<(Source, Vec<Diagnostic>)> {
    let source = read_file(file)?;
    let found = if Scenario::is_one(&source.text) {
        Scenario::read(&source, BackendKind::Netns).map(|(_, _, advice)| advice)
    } else {
        Topology::read(&source).map(|(_, advice)| advice).map_err(anyhow::Error::from)
    };
    match found {
        Ok(advice) => Ok((source, advice)),
        // A scenario's topology may be the one that is refused.
        Err(e) => match e.downcast::<Box<Refused>>() {
            Ok(refused) => Ok((refused.source.clone(), refused.diagnostics)),
            Err(e) => Err(e),
        },
    }
}

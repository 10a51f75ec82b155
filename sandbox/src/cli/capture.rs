//! `capture NODE:IF -w FILE`: records frames into a pcapng file, until it is interrupted.

use super::PASS;
use super::client::{self, Asked};
use crate::lab::capture::Place;
use crate::lab::control::{Reply, Request};
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::path::PathBuf;

/// Record frames as pcapng, until interrupted.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The lab; not needed when there is only one.
    #[arg(long)]
    lab: Option<String>,
    /// NODE:INTERFACE, such as hv1:uplink or vm1:eth0; or underlay for the whole fabric.
    at: Place,
    /// The file; standard output unless given, for a pipe into tshark or tcpdump.
    #[arg(short, long)]
    write: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let lab = client::find(args.lab.as_deref())?;
    let mut asked = Asked::connect(&lab)?;
    let (Reply::Capturing, _) = asked.ask(&Request::Capture { at: args.at.clone() })? else {
        bail!("the lab answered something else");
    };
    let mut out: Box<dyn Write> = match &args.write {
        Some(path) => Box::new(File::create(path).with_context(|| format!("making {}", path.display()))?),
        None if std::io::stdout().is_terminal() => {
            bail!("a capture is not for a terminal: give -w FILE, or a pipe")
        }
        None => Box::new(std::io::stdout()),
    };
    if let Some(path) = &args.write {
        eprintln!("capturing {} into {} until interrupted", args.at, path.display());
    }
    let mut stream = asked.into_stream();
    let mut buffer = [0; 64 << 10];
    loop {
        let read = match stream.read(&mut buffer) {
            Ok(0) => return Ok(PASS),
            Ok(read) => read,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e).context("hearing from the lab"),
        };
        // Whoever reads our output has seen enough.
        match out.write_all(&buffer[..read]).and_then(|()| out.flush()) {
            Err(e) if e.kind() == ErrorKind::BrokenPipe => return Ok(PASS),
            result => result.context("writing frames")?,
        }
    }
}

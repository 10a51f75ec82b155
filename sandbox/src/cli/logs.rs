//! `logs NODE`: what the daemons of a node say.

use super::PASS;
use super::enter;
use anyhow::{Context, Result, bail};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Show the logs of a node's daemons.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The lab; not needed when there is only one.
    #[arg(long)]
    lab: Option<String>,
    /// The node: central or a chassis.
    node: String,
    /// Only this daemon's, such as ovn-controller.
    daemon: Option<String>,
    /// Go on as they grow.
    #[arg(short, long)]
    follow: bool,
}

pub(super) fn run(args: &Args) -> Result<u8> {
    let dir = enter::enter(args.lab.as_deref(), &args.node)?.dir.join("log");
    let mut logs = Logs { dir, only: args.daemon.clone(), read: BTreeMap::new(), last: None };
    // Before reading, so that nothing is missed in between.
    let changes = Inotify::init(InitFlags::IN_CLOEXEC).context("watching files")?;
    changes
        .add_watch(&logs.dir, AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_CREATE)
        .context("watching files")?;
    logs.show()?;
    if logs.read.is_empty() && !args.follow {
        bail!("{} has no such log", args.node);
    }
    if !args.follow {
        return Ok(PASS);
    }
    loop {
        changes.read_events().context("watching files")?;
        logs.show()?;
    }
}

struct Logs {
    dir: PathBuf,
    only: Option<String>,
    /// How much of each file has been shown.
    read: BTreeMap<PathBuf, u64>,
    /// The file whose text was shown last.
    last: Option<PathBuf>,
}

impl Logs {
    /// Shows what is new, each file's part under its name.
    fn show(&mut self) -> Result<()> {
        let mut files: Vec<PathBuf> =
            fs::read_dir(&self.dir).context("listing logs")?.flatten().map(|entry| entry.path()).collect();
        files.sort();
        for file in files {
            let stem = file.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            if self.only.as_ref().is_some_and(|only| *only != stem) {
                continue;
            }
            let shown = self.read.entry(file.clone()).or_default();
            let text = text_from(&file, *shown)?;
            *shown += text.len() as u64;
            if text.is_empty() {
                continue;
            }
            let mut out = std::io::stdout().lock();
            if self.last.as_ref() != Some(&file) {
                writeln!(out, "==> {} <==", file.file_name().unwrap_or_default().display())?;
                self.last = Some(file);
            }
            out.write_all(&text)?;
        }
        Ok(())
    }
}

fn text_from(file: &Path, offset: u64) -> Result<Vec<u8>> {
    let mut file = fs::File::open(file).context("opening a log")?;
    file.seek(SeekFrom::Start(offset)).context("reading a log")?;
    let mut text = Vec::new();
    file.read_to_end(&mut text).context("reading a log")?;
    Ok(text)
}

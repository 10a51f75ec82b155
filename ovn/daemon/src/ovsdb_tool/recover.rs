//! `recover`: the way out of damage that the server refuses to pass over in silence.
//!
//! The file is cut where its first bad record begins, once everything from there on is in a file of its own beside it.
//! What follows the damage is not put back: a transaction may build on the one that is lost.

use std::path::{Path, PathBuf};

use anyhow::bail;
use ovsdb::log::{self, Format, Frames, LogError};

use super::{Args, Done, damaged, read_standalone};
use crate::ovsdb_server::file;

pub(super) fn recover(args: &Args<'_>) -> anyhow::Result<Done> {
    let path = args.db(0);
    read_standalone(&path)?;
    let _lock = file::lock(&path)?;
    let octets = read_standalone(&path)?;
    let Some((offset, what)) = first_bad(&path, &octets)? else {
        return Ok(format!("{}: every record is whole, nothing is to be done\n", path.display()).into());
    };
    let (whole, rest) = octets.split_at(offset);
    log::replay(whole, 0).map_err(|error| damaged(&path, error))?;
    let saved = beside(&path, offset);
    file::create(&saved, rest)?;
    file::cut(&path, offset as u64)?;
    let text = format!(
        "{}: cut at offset {offset}: {what}\n{}: the {} bytes from there on, {} whole records among them\n",
        path.display(),
        saved.display(),
        rest.len(),
        whole_records(rest),
    );
    Ok(text.into())
}

/// Where the first bad record begins, and what is wrong with it.
fn first_bad(path: &Path, octets: &[u8]) -> anyhow::Result<Option<(usize, String)>> {
    let (offset, what) = match log::replay(octets, 0) {
        Ok(replayed) => match replayed.tail {
            None => return Ok(None),
            Some(tail) => (tail.offset, tail.what),
        },
        Err(LogError::Damaged { offset, what, .. } | LogError::Record { offset, what }) => (offset, what),
        Err(error) => return Err(damaged(path, error)),
    };
    if offset == 0 {
        bail!("{}: {what} in the schema, the first record: there is nothing to save", path.display());
    }
    Ok(Some((offset, what)))
}

fn beside(path: &Path, offset: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".damaged-at-{offset}"));
    name.into()
}

fn whole_records(octets: &[u8]) -> usize {
    let magic = b"OVSDB JSON ";
    let starts = octets.windows(magic.len()).enumerate().filter(|(_, window)| window == magic);
    let is_whole =
        |at: usize| matches!(Frames::new(&octets[at..], Format::Standalone).next_frame(), Ok(Some(_)));
    starts.filter(|(at, _)| is_whole(*at)).count()
}

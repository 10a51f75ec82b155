//! `compact`, `convert`, `needs-conversion`: a file of the same rows, shorter or for another schema.

use std::path::Path;
use std::sync::Arc;

use anyhow::anyhow;
use ovsdb::log;

use super::{Args, Done, database, load, schema};
use crate::base::wall_ms;
use crate::ovsdb_server::file::{self, FileError};

pub(super) fn compact(args: &Args<'_>) -> anyhow::Result<Done> {
    let path = args.db(0);
    let rewritten = rewrite(&path, args.get(1), || {
        let replayed = load(&path)?;
        let who = concat!("compacted by ovsdb-tool ", env!("CARGO_PKG_VERSION"));
        Ok(log::compacted(replayed.database.now(), replayed.past.last(), wall_ms(), who))
    });
    rewritten.map(|()| String::new().into())
}

pub(super) fn convert(args: &Args<'_>) -> anyhow::Result<Done> {
    let path = args.db(0);
    let schema = Arc::new(schema::read(args.get(1))?);
    let rewritten = rewrite(&path, args.get(2), || {
        let database = load(&path)?.database.convert(schema.clone(), crate::base::random_seed())?;
        let who = concat!("converted by ovsdb-tool ", env!("CARGO_PKG_VERSION"));
        let rows = log::snapshot_record(database.now(), wall_ms(), who);
        Ok([log::created(&schema), log::encode_text(&rows)].concat())
    });
    rewritten.map(|()| String::new().into())
}

/// Writes what `make` gives over a file, or into another.
fn rewrite(
    path: &Path,
    target: Option<&str>,
    make: impl FnOnce() -> anyhow::Result<Vec<u8>>,
) -> anyhow::Result<()> {
    let Some(target) = target else {
        super::read_standalone(path)?;
        let _lock = file::lock(path).map_err(locked)?;
        return Ok(file::replace(path, &make()?)?);
    };
    let _lock = file::lock(Path::new(target)).map_err(locked)?;
    Ok(file::replace(Path::new(target), &make()?)?)
}

/// In upstream's words, which leave out what kind of error it is.
fn locked(error: FileError) -> anyhow::Error {
    match error {
        FileError::Locked(_) => anyhow!("{}", error.to_string().trim_start_matches("I/O error: ")),
        FileError::Io { .. } | FileError::Log { .. } => error.into(),
    }
}

pub(super) fn needs_conversion(args: &Args<'_>) -> anyhow::Result<Done> {
    let old = database::standalone_schema(&args.db(0))?;
    let new = schema::read(args.get(1))?;
    Ok(if old.to_json() == new.to_json() { "no\n" } else { "yes\n" }.to_owned().into())
}

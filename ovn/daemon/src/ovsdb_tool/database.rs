//! `db-name`, `db-version`, `db-cksum`: what the first record of a file says. What follows may be damaged.

use std::path::Path;

use anyhow::anyhow;
use ovsdb::DatabaseSchema;
use ovsdb::log::{ClusterFile, Format, Frames, LogError};

use super::{Args, Done, damaged, read, read_standalone};

pub(super) fn name(args: &Args<'_>) -> anyhow::Result<Done> {
    let path = args.db(0);
    let name = match read(&path)? {
        (octets, Format::Clustered) => {
            ClusterFile::parse(&octets).map_err(|error| damaged(&path, error))?.header.name
        }
        (octets, Format::Standalone) => schema_of(&path, &octets)?.name.to_string(),
    };
    Ok(format!("{name}\n").into())
}

pub(super) fn version(args: &Args<'_>) -> anyhow::Result<Done> {
    Ok(format!("{}\n", standalone_schema(&args.db(0))?.version).into())
}

pub(super) fn cksum(args: &Args<'_>) -> anyhow::Result<Done> {
    Ok(format!("{}\n", standalone_schema(&args.db(0))?.cksum.unwrap_or_default()).into())
}

/// The schema of a standalone file.
pub(super) fn standalone_schema(path: &Path) -> anyhow::Result<DatabaseSchema> {
    schema_of(path, &read_standalone(path)?)
}

fn schema_of(path: &Path, octets: &[u8]) -> anyhow::Result<DatabaseSchema> {
    let first = Frames::new(octets, Format::Standalone).next_frame();
    let first = first.and_then(|first| first.ok_or(LogError::Empty)).map_err(|error| damaged(path, error))?;
    let json = serde_json::from_slice(first.body).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    Ok(DatabaseSchema::from_json(&json)?)
}

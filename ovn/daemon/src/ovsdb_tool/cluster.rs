//! What can be told of, and made from, a file of a clustered database.

use std::path::Path;

use anyhow::{anyhow, bail};
use ovsdb::log::{self, ClusterFile, Format};

use super::{Args, Done, damaged, read};
use crate::ovsdb_server::file;

/// Clusters cannot be made yet; saying so beats a file that nobody serves.
pub(super) fn not_yet(_: &Args<'_>) -> anyhow::Result<Done> {
    bail!(
        "clustered databases can be read, but not made or joined yet; \"create\" makes a standalone one, which \
         serves behind relays and a standby (--sync-from)"
    )
}

pub(super) fn is_clustered(args: &Args<'_>) -> anyhow::Result<Done> {
    is(args, Format::Clustered)
}

pub(super) fn is_standalone(args: &Args<'_>) -> anyhow::Result<Done> {
    is(args, Format::Standalone)
}

fn is(args: &Args<'_>, wanted: Format) -> anyhow::Result<Done> {
    let (_, format) = read(&args.db(0))?;
    Ok(Done { text: String::new(), code: if format == wanted { 0 } else { 2 } })
}

pub(super) fn cid(args: &Args<'_>) -> anyhow::Result<Done> {
    match open(&args.db(0))?.header.cluster_id {
        Some(id) => Ok(format!("{id}\n").into()),
        None => bail!("{}: cluster ID not yet known", args.db(0).display()),
    }
}

pub(super) fn sid(args: &Args<'_>) -> anyhow::Result<Done> {
    Ok(format!("{}\n", open(&args.db(0))?.header.server_id).into())
}

pub(super) fn local_address(args: &Args<'_>) -> anyhow::Result<Done> {
    Ok(format!("{}\n", open(&args.db(0))?.header.local_address).into())
}

fn open(path: &Path) -> anyhow::Result<ClusterFile> {
    match read(path)? {
        (octets, Format::Clustered) => ClusterFile::parse(&octets).map_err(|error| damaged(path, error)),
        (_, Format::Standalone) => bail!("{}: not a clustered database", path.display()),
    }
}

pub(super) fn check(args: &Args<'_>) -> anyhow::Result<Done> {
    let mut files = Vec::new();
    for name in args.operands {
        let path = Path::new(name);
        match read(path)? {
            (octets, Format::Clustered) => {
                files
                    .push((name.clone(), ClusterFile::parse(&octets).map_err(|error| damaged(path, error))?));
            }
            (_, Format::Standalone) => bail!("ovsdb error: {name}: cannot identify file type"),
        }
    }
    match log::check_cluster(&files) {
        None => Ok(String::new().into()),
        Some(what) => Err(anyhow!(what)),
    }
}

pub(super) fn to_standalone(args: &Args<'_>) -> anyhow::Result<Done> {
    let (target, source) = (args.db(0), args.db(1));
    let cluster = match read(&source)? {
        (octets, Format::Clustered) => {
            ClusterFile::parse(&octets).map_err(|error| damaged(&source, error))?
        }
        (_, Format::Standalone) => bail!("Database is not clustered db.\n"),
    };
    let octets = cluster.to_standalone(crate::base::wall_ms()).map_err(|error| damaged(&source, error))?;
    // What cannot be read back is better told now than when a server is to start on it.
    log::replay(&octets, 0).map_err(|error| damaged(&source, error))?;
    file::create(&target, &octets)?;
    Ok(String::new().into())
}

//! `create`: an empty database.

use super::{Args, Done, schema};
use crate::ovsdb_server::file;

pub(super) fn create(args: &Args<'_>) -> anyhow::Result<Done> {
    let schema = schema::read(args.get(1))?;
    file::create(&args.db(0), &ovsdb::log::created(&schema))?;
    Ok(String::new().into())
}

//! `show-log`: the transactions of a file, in words.

use ovsdb::log::{self, Detail};

use super::{Args, Done, damaged, print, read};

pub(super) fn show_log(args: &Args<'_>) -> anyhow::Result<Done> {
    let path = args.db(0);
    let (octets, _) = read(&path)?;
    let detail = match args.more {
        0 => Detail::Comments,
        1 => Detail::Rows,
        _ => Detail::Columns,
    };
    let (text, error) = log::show_log(&octets, detail);
    match error {
        None => Ok(text.into()),
        Some(error) => {
            print(&text);
            Err(damaged(&path, error))
        }
    }
}

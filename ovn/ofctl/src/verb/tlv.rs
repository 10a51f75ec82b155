//! Which Geneve options are which fields.

use openflow::{Body, Style, TlvMap, TlvTableCommand, TlvTableMod};

use crate::options::Options;
use crate::session::Session;
use crate::{Failure, Result, World};

pub(crate) fn dump(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    let table = session.ask(Body::TlvTableRequest)?;
    world.print(&session.text(&table, Style::default()));
    Ok(())
}

/// `{class=0x102,type=0x80,len=4}->tun_metadata0`, several of them between commas.
fn maps(text: &str) -> Result<Vec<TlvMap>> {
    let bad = || Failure::new(format!("{text}: expected {{class=,type=,len=}}->tun_metadataN"));
    let mut found = Vec::new();
    for map in text.split('{').skip(1) {
        let (fields, field) = map.split_once("}->").ok_or_else(bad)?;
        let index = field.trim_end_matches([',', ' ']).strip_prefix("tun_metadata").ok_or_else(bad)?;
        let (mut class, mut kind, mut length) = (None, None, None);
        for part in fields.split(',') {
            let (key, value) = part.trim().split_once('=').ok_or_else(bad)?;
            let number = match value.strip_prefix("0x") {
                Some(digits) => u16::from_str_radix(digits, 16),
                None => value.parse(),
            };
            let number = number.map_err(|_| bad())?;
            match key {
                "class" => class = Some(number),
                "type" => kind = u8::try_from(number).ok(),
                "len" => length = u8::try_from(number).ok(),
                _ => return Err(bad()),
            }
        }
        let (Some(class), Some(kind), Some(length)) = (class, kind, length) else { return Err(bad()) };
        found.push(TlvMap { class, kind, length, index: index.parse().map_err(|_| bad())? });
    }
    if found.is_empty() { Err(bad()) } else { Ok(found) }
}

pub(crate) fn add(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let maps = maps(&args[1])?;
    let mut session = Session::open(options, &args[0], world)?;
    session.change(vec![Body::TlvTableMod(TlvTableMod { command: TlvTableCommand::Add, maps })])
}

pub(crate) fn delete(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let (command, maps) = match args.get(1) {
        Some(text) => (TlvTableCommand::Delete, maps(text)?),
        None => (TlvTableCommand::Clear, Vec::new()),
    };
    let mut session = Session::open(options, &args[0], world)?;
    session.change(vec![Body::TlvTableMod(TlvTableMod { command, maps })])
}

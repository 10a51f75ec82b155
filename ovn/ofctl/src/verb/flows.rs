//! Flows: dumped, added, changed, deleted.

use openflow::{
    Body, Field, FlowMod, FlowModCommand, FlowStats, FlowStatsRequest, MultipartReply, MultipartRequest,
    Style, TextError, Version,
};

use crate::names::numbered;
use crate::options::Options;
use crate::session::Session;
use crate::{Failure, Result, World};

fn request(session: &mut Session, text: Option<&String>) -> Result<FlowStatsRequest> {
    let Some(text) = text else { return Ok(FlowStatsRequest::default()) };
    let names = session.names()?;
    let asked = FlowMod::parse_filter(FlowModCommand::Delete, &numbered(text, &names))?;
    // A cookie without a mask asks for it, as there is nothing else that it could mean.
    let whole = asked.cookie != 0 && asked.cookie_mask == 0;
    Ok(FlowStatsRequest {
        table: asked.table,
        out_port: asked.out_port,
        out_group: asked.out_group,
        cookie: asked.cookie,
        cookie_mask: if whole { u64::MAX } else { asked.cookie_mask },
        matching: asked.matching,
    })
}

pub(crate) fn dump(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    let asked = request(&mut session, args.get(1))?;
    let reply = session.stats(MultipartRequest::Flow(asked))?;
    let plain = options.stats && !options.names && options.sort.is_empty();
    if plain {
        world.print(&session.text(&reply, Style::default()));
        return Ok(());
    }
    let Body::MultipartReply { reply: MultipartReply::Flow(mut flows), .. } = reply.body else {
        return Err(Failure::new("the switch did not tell its flows"));
    };
    let names = if options.names { Some(session.names()?) } else { None };
    sort(&mut flows, &options.sort)?;
    let style =
        Style { version: Some(session.version), ports: names.as_ref(), without_stats: !options.stats };
    for flow in &mut flows {
        // Upstream's tool does not ask OpenFlow 1.0 for it when it sorts or names.
        if session.version == Version::Of10 {
            flow.idle_age = None;
        }
        world.print(&format!(" {}\n", style.of(&*flow)));
    }
    Ok(())
}

/// The first criterion counts most. Flows that do not have a field come before those that do.
fn sort(flows: &mut [FlowStats], criteria: &[(String, bool)]) -> Result<()> {
    for (name, descends) in criteria.iter().rev() {
        let field: Option<Field> = match name.as_str() {
            "priority" => None,
            name => {
                Some(name.parse().map_err(|_| Failure::new(format!("unknown sorting criterion '{name}'")))?)
            }
        };
        let key = |flow: &FlowStats| match field {
            None => Some(u128::from(flow.priority)),
            Some(field) => flow.matching.get(field).map(|test| test.value),
        };
        match descends {
            true => flows.sort_by_key(|flow| std::cmp::Reverse(key(flow))),
            false => flows.sort_by_key(key),
        }
    }
    Ok(())
}

pub(crate) fn aggregate(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    let asked = request(&mut session, args.get(1))?;
    let reply = session.stats(MultipartRequest::Aggregate(asked))?;
    world.print(&session.text(&reply, Style::default()));
    Ok(())
}

/// Sends flow mods, as one change if that is asked for.
pub(super) fn send(options: &Options, session: &mut Session, changes: Vec<FlowMod>) -> Result<()> {
    let bodies = changes.into_iter().map(Body::FlowMod).collect();
    if options.bundle { session.change_atomically(bodies) } else { session.change(bodies) }
}

/// A flow with actions, for this command.
pub(super) fn with_actions(command: FlowModCommand, text: &str) -> std::result::Result<FlowMod, TextError> {
    Ok(FlowMod { command, ..text.parse()? })
}

pub(crate) fn add(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    let text = numbered(&args[1], &session.names()?);
    send(options, &mut session, vec![with_actions(FlowModCommand::Add, &text)?])
}

pub(crate) fn modify(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    let text = numbered(&args[1], &session.names()?);
    let command = if options.strict { FlowModCommand::ModifyStrict } else { FlowModCommand::Modify };
    send(options, &mut session, vec![with_actions(command, &text)?])
}

pub(crate) fn delete(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    let change = match args.get(1) {
        None => FlowMod::delete_all(),
        Some(text) => deletion(options.strict, &numbered(text, &session.names()?))?,
    };
    send(options, &mut session, vec![change])
}

fn deletion(strict: bool, text: &str) -> std::result::Result<FlowMod, TextError> {
    let command = if strict { FlowModCommand::DeleteStrict } else { FlowModCommand::Delete };
    let change = FlowMod::parse_filter(command, text)?;
    let whole = change.cookie != 0 && change.cookie_mask == 0;
    let cookie_mask = if whole { u64::MAX } else { change.cookie_mask };
    Ok(FlowMod { cookie_mask, ..change })
}

pub(crate) fn add_file(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let text = world.read_file(&args[1])?;
    let mut session = Session::open(options, &args[0], world)?;
    let names = session.names()?;
    let mut changes = Vec::new();
    for (number, line) in lines(&text) {
        let change = line_change(&numbered(line, &names));
        changes.push(change.map_err(|error| Failure::new(format!("{}:{number}: {error}", args[1])))?);
    }
    send(options, &mut session, changes)
}

/// The lines that say something, without comments, and their numbers.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let said = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    (1..).zip(said).filter(|(_, line)| !line.is_empty())
}

/// A line of a file: a flow to add, or another command and a flow.
pub(super) fn line_change(line: &str) -> std::result::Result<FlowMod, TextError> {
    let (word, rest) = line.split_once([' ', ',']).unwrap_or((line, ""));
    let rest = rest.trim_start_matches([' ', ',']);
    match word {
        "add" => with_actions(FlowModCommand::Add, rest),
        "modify" => with_actions(FlowModCommand::Modify, rest),
        "modify_strict" => with_actions(FlowModCommand::ModifyStrict, rest),
        "delete" => deletion(false, rest),
        "delete_strict" => deletion(true, rest),
        _ => with_actions(FlowModCommand::Add, line),
    }
}

//! Groups and meters.

use openflow::{
    Body, BucketCommand, GroupId, GroupMod, GroupModCommand, MeterId, MeterMod, MeterModCommand,
    MultipartRequest, Style, Version,
};

use super::flows::lines;
use crate::names::numbered;
use crate::options::Options;
use crate::session::Session;
use crate::{Failure, Result, World};

fn change(
    command: GroupModCommand,
    text: &str,
    options: &Options,
    args: &[String],
    world: &mut dyn World,
) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    let group = GroupMod::parse(command, &numbered(text, &session.names()?))?;
    send(options, &mut session, vec![group])
}

fn send(options: &Options, session: &mut Session, groups: Vec<GroupMod>) -> Result<()> {
    let bodies = groups.into_iter().map(Body::GroupMod).collect();
    if options.bundle { session.change_atomically(bodies) } else { session.change(bodies) }
}

pub(crate) fn add(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    change(GroupModCommand::Add, &args[1], options, args, world)
}

pub(crate) fn modify(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let command = if options.may_create { GroupModCommand::AddOrModify } else { GroupModCommand::Modify };
    change(command, &args[1], options, args, world)
}

pub(crate) fn delete(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let text = args.get(1).map_or("", String::as_str);
    change(GroupModCommand::Delete, text, options, args, world)
}

pub(crate) fn insert(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    change(GroupModCommand::InsertBucket(BucketCommand::Last), &args[1], options, args, world)
}

pub(crate) fn remove(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    change(GroupModCommand::RemoveBucket(BucketCommand::All), &args[1], options, args, world)
}

/// A line of a file: a group to add, or another command and a group.
pub(super) fn line_change(line: &str) -> Result<GroupMod> {
    let (word, rest) = line.split_once([' ', ',']).unwrap_or((line, ""));
    let rest = rest.trim_start_matches([' ', ',']);
    let (command, text) = match word {
        "add" => (GroupModCommand::Add, rest),
        "modify" => (GroupModCommand::Modify, rest),
        "add_or_mod" => (GroupModCommand::AddOrModify, rest),
        "delete" => (GroupModCommand::Delete, rest),
        "insert_bucket" => (GroupModCommand::InsertBucket(BucketCommand::Last), rest),
        "remove_bucket" => (GroupModCommand::RemoveBucket(BucketCommand::All), rest),
        _ => (GroupModCommand::Add, line),
    };
    Ok(GroupMod::parse(command, text)?)
}

pub(crate) fn add_file(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let text = world.read_file(&args[1])?;
    let mut session = Session::open(options, &args[0], world)?;
    let names = session.names()?;
    let mut groups = Vec::new();
    for (number, line) in lines(&text) {
        let group = line_change(&numbered(line, &names));
        groups.push(group.map_err(|error| Failure::new(format!("{}:{number}: {error}", args[1])))?);
    }
    send(options, &mut session, groups)
}

/// Asks, and prints the answer.
fn show(
    options: &Options,
    args: &[String],
    world: &mut dyn World,
    request: impl FnOnce(Option<&str>) -> Result<MultipartRequest>,
) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    let request = request(args.get(1).map(String::as_str))?;
    let is_meter = matches!(
        request,
        MultipartRequest::Meter(_) | MultipartRequest::MeterConfig(_) | MultipartRequest::MeterFeatures
    );
    if is_meter && session.version == Version::Of10 {
        return Err(Failure::new("meters need OpenFlow 1.3 or later ('-O OpenFlow13')"));
    }
    let reply = session.stats(request)?;
    let names = if options.names { Some(session.names()?) } else { None };
    world.print(&session.text(&reply, Style { ports: names.as_ref(), ..Style::default() }));
    Ok(())
}

/// The number of one group, or all.
fn group_id(text: Option<&str>) -> Result<GroupId> {
    match text {
        None => Ok(GroupId::ALL),
        Some(text) => Ok(GroupMod::parse(GroupModCommand::Delete, &prefixed("group_id=", text))?.group),
    }
}

/// A bare number is the number that the verb is about.
fn prefixed(prefix: &str, text: &str) -> String {
    if text.contains('=') { text.to_owned() } else { format!("{prefix}{text}") }
}

pub(crate) fn dump(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    show(options, args, world, |text| Ok(MultipartRequest::GroupDesc(group_id(text)?)))
}

pub(crate) fn stats(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    show(options, args, world, |text| Ok(MultipartRequest::Group(group_id(text)?)))
}

pub(crate) fn features(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    show(options, args, world, |_| Ok(MultipartRequest::GroupFeatures))
}

fn meter_id(text: Option<&str>) -> Result<MeterId> {
    match text {
        None => Ok(MeterId::ALL),
        Some(text) => Ok(MeterMod::parse(MeterModCommand::Delete, &prefixed("meter=", text))?.meter),
    }
}

pub(crate) fn dump_meters(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    show(options, args, world, |text| Ok(MultipartRequest::MeterConfig(meter_id(text)?)))
}

pub(crate) fn meter_stats(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    show(options, args, world, |text| Ok(MultipartRequest::Meter(meter_id(text)?)))
}

pub(crate) fn meter_features(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    show(options, args, world, |_| Ok(MultipartRequest::MeterFeatures))
}

fn change_meter(
    command: MeterModCommand,
    options: &Options,
    args: &[String],
    world: &mut dyn World,
) -> Result<()> {
    let meter = MeterMod::parse(command, args.get(1).map_or("", String::as_str))?;
    let mut session = Session::open(options, &args[0], world)?;
    if session.version == Version::Of10 {
        return Err(Failure::new("meters need OpenFlow 1.3 or later ('-O OpenFlow13')"));
    }
    session.change(vec![Body::MeterMod(meter)])
}

pub(crate) fn add_meter(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    change_meter(MeterModCommand::Add, options, args, world)
}

pub(crate) fn modify_meter(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    change_meter(MeterModCommand::Modify, options, args, world)
}

pub(crate) fn delete_meter(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    change_meter(MeterModCommand::Delete, options, args, world)
}

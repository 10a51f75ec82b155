//! The switch as a whole.

use openflow::{Body, Message, MultipartRequest, PortNo, Style, SwitchConfig, Version};

use crate::options::Options;
use crate::session::Session;
use crate::{Failure, Result, World};

/// What the switch says of itself, its ports and its configuration.
pub(crate) fn show(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    let say = |session: &Session, message: &Message, world: &mut dyn World| {
        world.print(&session.text(message, Style::default()));
    };
    let features = session.ask(Body::FeaturesRequest)?;
    say(&session, &features, world);
    // OpenFlow 1.0 tells the ports with the features.
    if session.version != Version::Of10 {
        let ports = session.stats(MultipartRequest::PortDesc(PortNo::ANY))?;
        say(&session, &ports, world);
    }
    let config = session.ask(Body::GetConfigRequest)?;
    say(&session, &config, world);
    Ok(())
}

fn print(options: &Options, args: &[String], request: MultipartRequest, world: &mut dyn World) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    let reply = session.stats(request)?;
    world.print(&session.text(&reply, Style::default()));
    Ok(())
}

pub(crate) fn desc(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    print(options, args, MultipartRequest::Desc, world)
}

pub(crate) fn tables(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    print(options, args, MultipartRequest::Table, world)
}

pub(crate) fn table_features(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    since(Version::Of13, "1.3", "dump-table-features", options)?;
    let mut session = Session::open(options, &args[0], world)?;
    let text =
        session.stats(MultipartRequest::TableFeatures).map(|reply| session.text(&reply, Style::default()))?;
    // Upstream's tool leaves the line with the name out.
    world.print(text.split_once('\n').map_or("", |(_, tables)| tables));
    Ok(())
}

pub(crate) fn table_descs(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    since(Version::Of14, "1.4", "dump-table-desc", options)?;
    print(options, args, MultipartRequest::TableDesc, world)
}

/// Refuses a verb whose message an old version has not got.
fn since(least: Version, name: &str, verb: &str, options: &Options) -> Result<()> {
    if Version::ALL.into_iter().any(|version| version >= least && options.versions.contains(version)) {
        return Ok(());
    }
    let flag = name.replace('.', "");
    Err(Failure::new(format!("{verb} needs OpenFlow {name} or later ('-O OpenFlow{flag}')")))
}

fn config(session: &mut Session) -> Result<SwitchConfig> {
    match session.ask(Body::GetConfigRequest)?.body {
        Body::GetConfigReply(config) => Ok(config),
        _ => Err(Failure::new("the switch did not tell its configuration")),
    }
}

/// Ways to treat fragments, with the bits of the configuration.
const FRAGMENTS: [(&str, u16); 4] = [("normal", 0), ("drop", 1), ("reassemble", 2), ("nx-match", 3)];

pub(crate) fn get_fragments(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    let flags = config(&mut session)?.flags & 3;
    let name = FRAGMENTS.iter().find(|(_, bits)| *bits == flags).map_or("", |(name, _)| *name);
    world.print(&format!("{name}\n"));
    Ok(())
}

pub(crate) fn set_fragments(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let found = FRAGMENTS.iter().find(|(name, _)| *name == args[1]);
    let &(name, bits) =
        found.ok_or_else(|| Failure::new(format!("{}: unknown fragment handling mode", args[1])))?;
    let mut session = Session::open(options, &args[0], world)?;
    let before = config(&mut session)?;
    let wanted = SwitchConfig { flags: before.flags & !3 | bits, ..before };
    session.send(Body::SetConfig(wanted))?;
    if config(&mut session)?.flags & 3 != bits {
        return Err(Failure::new(format!(
            "{}: setting fragment handling mode to \"{name}\" failed",
            args[0]
        )));
    }
    Ok(())
}

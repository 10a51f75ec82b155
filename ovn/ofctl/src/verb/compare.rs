//! Two sets of flows beside each other: `diff-flows` and `replace-flows`.

use std::collections::BTreeMap;

use openflow::{
    Body, FlowMod, FlowModCommand, FlowStats, FlowStatsRequest, Instruction, Match, MultipartReply,
    MultipartRequest, PortNames, Style, Version,
};

use super::flows::{line_change, lines, send};
use crate::names::numbered;
use crate::options::Options;
use crate::session::Session;
use crate::{Failure, Result, World};

/// What makes a flow that flow.
type Key = (u8, std::cmp::Reverse<u16>, Match);

/// What may differ between two flows with the same match.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    cookie: u64,
    idle_timeout: u16,
    hard_timeout: u16,
    importance: u16,
    flags: openflow::FlowModFlags,
    instructions: Vec<Instruction>,
}

type Flows = BTreeMap<Key, Said>;

fn of_switch(session: &mut Session) -> Result<Flows> {
    let request = MultipartRequest::Flow(FlowStatsRequest::default());
    let Body::MultipartReply { reply: MultipartReply::Flow(flows), .. } = session.stats(request)?.body else {
        return Err(Failure::new("the switch did not tell its flows"));
    };
    let split = |flow: FlowStats| {
        let said = Said {
            cookie: flow.cookie,
            idle_timeout: flow.idle_timeout,
            hard_timeout: flow.hard_timeout,
            importance: flow.importance,
            flags: flow.flags,
            instructions: flow.instructions,
        };
        ((flow.table, std::cmp::Reverse(flow.priority), flow.matching), said)
    };
    Ok(flows.into_iter().map(split).collect())
}

fn of_file(name: &str, names: &PortNames, world: &mut dyn World) -> Result<Flows> {
    let text = world.read_file(name)?;
    let mut flows = Flows::new();
    for (number, line) in lines(&text) {
        let flow = line_change(&numbered(line, names));
        let flow = flow.map_err(|error| Failure::new(format!("{name}:{number}: {error}")))?;
        if flow.command != FlowModCommand::Add {
            return Err(Failure::new(format!("{name}:{number}: only flows to add are possible here")));
        }
        let said = Said {
            cookie: flow.cookie,
            idle_timeout: flow.idle_timeout,
            hard_timeout: flow.hard_timeout,
            importance: flow.importance,
            flags: flow.flags,
            instructions: flow.instructions,
        };
        flows.insert((flow.table.unwrap_or(0), std::cmp::Reverse(flow.priority), flow.matching), said);
    }
    Ok(flows)
}

fn flow_mod(command: FlowModCommand, key: &Key, said: &Said) -> FlowMod {
    FlowMod {
        table: Some(key.0),
        priority: key.1.0,
        matching: key.2.clone(),
        cookie: said.cookie,
        idle_timeout: said.idle_timeout,
        hard_timeout: said.hard_timeout,
        importance: said.importance,
        flags: said.flags,
        instructions: said.instructions.clone(),
        ..FlowMod::empty(command)
    }
}

/// Makes the switch have the flows of a file, with as few changes as that takes.
pub(crate) fn replace(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let mut session = Session::open(options, &args[0], world)?;
    let names = session.names()?;
    let wanted = of_file(&args[1], &names, world)?;
    let there = of_switch(&mut session)?;
    let mut changes = Vec::new();
    for (key, said) in there.iter().filter(|(key, _)| !wanted.contains_key(key)) {
        let nothing = Said { instructions: Vec::new(), cookie: 0, ..said.clone() };
        changes.push(flow_mod(FlowModCommand::DeleteStrict, key, &nothing));
    }
    for (key, said) in wanted.iter().filter(|(key, said)| there.get(key) != Some(said)) {
        changes.push(flow_mod(FlowModCommand::Add, key, said));
    }
    send(options, &mut session, changes)
}

/// Prints what one source has and the other has not. The exit status is 2 if they differ.
pub(crate) fn diff(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let mut names = PortNames::new();
    let mut version = Version::Of15;
    let mut sides = Vec::new();
    // Switches first: names of ports in files are theirs.
    let files: Vec<bool> = args.iter().map(|source| world.is_file(source)).collect();
    for (source, _) in args.iter().zip(&files).filter(|(_, is_file)| !**is_file) {
        let mut session = Session::open(options, source, world)?;
        names.extend(session.names()?);
        version = session.version;
        sides.push(of_switch(&mut session)?);
    }
    let mut switches = sides.into_iter();
    let mut both = Vec::new();
    for (source, is_file) in args.iter().zip(&files) {
        both.extend(match is_file {
            true => Some(of_file(source, &names, world)?),
            false => switches.next(),
        });
    }
    let [first, second] = both.as_slice() else { return Err(Failure::new("two sources are needed")) };
    let style = Style { version: Some(version), ports: options.names.then_some(&names), without_stats: true };
    let mut differ = false;
    let keys: std::collections::BTreeSet<&Key> = first.keys().chain(second.keys()).collect();
    for key in keys.into_iter().filter(|key| first.get(key) != second.get(key)) {
        differ = true;
        for (sign, said) in [('-', first.get(key)), ('+', second.get(key))] {
            if let Some(said) = said {
                world.print(&format!("{sign}{}\n", line(key, said, style)));
            }
        }
    }
    if differ { Err(Failure::Status(2)) } else { Ok(()) }
}

/// Table, priority and match, then what may differ.
fn line(key: &Key, said: &Said, style: Style<'_>) -> String {
    let bare = FlowStats {
        table: 0,
        priority: key.1.0,
        matching: key.2.clone(),
        instructions: said.instructions.clone(),
        cookie: 0,
        duration_sec: 0,
        duration_nsec: 0,
        idle_timeout: 0,
        hard_timeout: 0,
        flags: openflow::FlowModFlags::default(),
        importance: 0,
        idle_age: None,
        packets: 0,
        bytes: 0,
    };
    let text = style.of(&bare).to_string();
    let at = text.find("actions=").unwrap_or(text.len());
    let (head, actions) = text.split_at(at);
    let number = |name: &str, n: u16| (n != 0).then(|| format!("{name}={n}"));
    let parts = [
        (key.0 != 0).then(|| format!("table={}", key.0)),
        (!head.trim().is_empty()).then(|| head.trim().to_owned()),
        (said.cookie != 0).then(|| format!("cookie={:#x}", said.cookie)),
        number("idle_timeout", said.idle_timeout),
        number("hard_timeout", said.hard_timeout),
        number("importance", said.importance),
        Some(actions.to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

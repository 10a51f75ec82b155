//! `coverage/show`, `coverage/read-counter`: what happened how often.

use std::time::Instant;

use crate::counters::Event;
use crate::switch::Switch;

/// All events that happened.
pub(super) fn show(switch: &mut Switch, _args: &[&str], _now: Instant) -> Result<String, String> {
    let counters = switch.counters();
    let seen: Vec<Event> = Event::ALL.iter().copied().filter(|event| counters.get(*event) > 0).collect();
    let mut out = String::from("Event coverage:\n");
    for event in &seen {
        out += &format!("{:<32} total: {}\n", event.name(), counters.get(*event));
    }
    out += &format!("{} events never hit\n", Event::ALL.len() - seen.len());
    Ok(out)
}

/// How often one event happened.
pub(super) fn read(switch: &mut Switch, args: &[&str], _now: Instant) -> Result<String, String> {
    let event = Event::ALL.iter().find(|event| Some(&event.name()) == args.first());
    event
        .map(|event| format!("{}\n", switch.counters().get(*event)))
        .ok_or_else(|| "No such counter".to_owned())
}

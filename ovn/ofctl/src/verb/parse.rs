//! What flows in text would be as messages; no switch is asked.

use openflow::{Body, FlowMod, FlowModCommand, Style};

use super::flows::{line_change, lines, with_actions};
use crate::options::Options;
use crate::protocols::{Protocols, usable};
use crate::{Failure, Result, World};

pub(crate) fn flow(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let added = with_actions(FlowModCommand::Add, &args[0])?;
    show(options, vec![added], world)
}

pub(crate) fn flows(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let text = world.read_file(&args[0])?;
    let mut changes = Vec::new();
    for (number, line) in lines(&text) {
        let change = line_change(line);
        changes.push(change.map_err(|error| Failure::new(format!("{}:{number}: {error}", args[0])))?);
    }
    show(options, changes, world)
}

/// Says which protocols can say all of the flows, and the flows in the one that is preferred.
fn show(options: &Options, flows: Vec<FlowMod>, world: &mut dyn World) -> Result<()> {
    let every = flows.iter().map(usable).reduce(Protocols::and);
    let usable = every.unwrap_or_else(Protocols::any);
    world.print(&format!("usable protocols: {usable}\n"));
    let allowed = Protocols::of_versions(options.versions);
    let allowed = options.formats.map_or(allowed, |formats| formats.and(allowed));
    let (name, version) = usable.chosen(allowed).ok_or_else(|| Failure::new("no usable protocol"))?;
    world.print(&format!("chosen protocol: {name}\n"));
    for (xid, flow) in (1..).zip(flows) {
        let text = Body::FlowMod(flow).with_xid(xid).text(version, Style::default());
        // In OpenFlow 1.0 flows without fields of Nicira's are sent in the form of the standard.
        let text = if name.starts_with("OpenFlow10") {
            text.replacen("NXT_FLOW_MOD", "OFPT_FLOW_MOD", 1)
        } else {
            text
        };
        world.print(&text);
    }
    Ok(())
}

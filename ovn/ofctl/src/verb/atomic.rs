//! `bundle`: flows, groups and packets of a file as one change.

use openflow::Body;

use super::{connection, flows, groups};
use crate::names::numbered;
use crate::options::Options;
use crate::session::Session;
use crate::{Failure, Result, World};

/// Lines begin with `flow`, `group` or `packet-out`.
pub(crate) fn bundle(options: &Options, args: &[String], world: &mut dyn World) -> Result<()> {
    let text = world.read_file(&args[1])?;
    let mut session = Session::open(options, &args[0], world)?;
    let names = session.names()?;
    let mut bodies = Vec::new();
    for (number, line) in flows::lines(&text) {
        let at = |failure: Failure| Failure::new(format!("{}:{number}: {failure}", args[1]));
        let line = numbered(line, &names);
        let (kind, rest) = line.split_once(' ').unwrap_or((&line, ""));
        bodies.push(match kind {
            "flow" => Body::FlowMod(flows::line_change(rest.trim()).map_err(|error| at(error.into()))?),
            "group" => Body::GroupMod(groups::line_change(rest.trim()).map_err(at)?),
            "packet-out" => Body::PacketOut(connection::described(rest.trim()).map_err(at)?),
            _ => return Err(at(Failure::new(format!("unsupported bundle message type: {kind}")))),
        });
    }
    session.change_atomically(bodies)
}

//! `del-port [BRIDGE] PORT`.

use super::PORT;
use super::model::{Model, prepare, remove_port};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::verb::{Parameter, Verb};

pub(super) const DEL_PORT: Verb = Verb {
    name: "del-port",
    options: &[("--if-exists", Argument::None), ("--with-iface", Argument::None)],
    parameters: &[Parameter::Maybe("BRIDGE"), Parameter::One("PORT")],
    group: PORT,
    help: "delete PORT from BRIDGE or from where it is; with --with-iface it may be named by an interface",
    prepare,
    run,
};

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let (bridge_name, name) = match (command.optional(0), command.optional(1)) {
        (bridge, Some(port)) => (bridge, port),
        (port, None) => (None, port.unwrap_or_default()),
    };
    let with_interface = command.has("--with-iface");
    let model = Model::of(context)?;
    let by_interface = || model.find_interface(name).map(|(bridge, _, port)| (bridge, port));
    let found = model.find_port(name).or_else(|| with_interface.then(by_interface).flatten());
    let Some((bridge, port)) = found else {
        if command.has("--if-exists") {
            return Ok(());
        }
        if model.bridges.contains_key(name) {
            fail!(
                "cannot delete port {name} because it is the local port for bridge {name} (deleting this port \
                 requires deleting the entire bridge)"
            );
        }
        fail!("no port {}named {name}", if with_interface { "or interface " } else { "" });
    };
    if let Some(wanted) = bridge_name {
        let wanted = model.bridge(wanted)?;
        if wanted.name != bridge.name {
            let is_child = bridge.fake.as_ref().is_some_and(|fake| fake.parent == wanted.name);
            let hint = if is_child {
                format!(" (although its child bridge {} does)", bridge.name)
            } else {
                String::new()
            };
            fail!("bridge {} does not have a port {name}{hint}", wanted.name);
        }
    }
    let (place, port) = (bridge.place(), port.clone());
    // The model is to be the cache's own again before it changes.
    drop(model);
    remove_port(context, &place, &port);
    Ok(())
}

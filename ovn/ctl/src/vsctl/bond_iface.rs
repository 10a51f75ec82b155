//! `add-bond-iface BOND IFACE` and `del-bond-iface [BOND] IFACE`: the members of a bond.

use super::PORT;
use super::model::{Model, in_words, prepare};
use crate::Failure;
use crate::cli::{Argument, Command};
use crate::context::Context;
use crate::failure::fail;
use crate::verb::{Parameter, Verb};
use ovsdb::Datum;
use schema::TypedRow;
use schema::vswitch::{Interface, Port};

pub(super) const ADD: Verb = Verb {
    name: "add-bond-iface",
    options: &[("--may-exist", Argument::None)],
    parameters: &[Parameter::One("BOND"), Parameter::One("IFACE")],
    group: PORT,
    help: "add IFACE to the bonded port BOND",
    prepare,
    run: add,
};

pub(super) const DEL: Verb = Verb {
    name: "del-bond-iface",
    options: &[("--if-exists", Argument::None)],
    parameters: &[Parameter::Maybe("BOND"), Parameter::One("IFACE")],
    group: PORT,
    help: "take IFACE from BOND or from the port it is in",
    prepare,
    run: del,
};

fn add(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let (name, interface) = (command.required(0), command.required(1));
    let model = Model::of(context)?;
    let port = model.port(name)?.1.row;
    if command.has("--may-exist")
        && let Some((_, other, there)) = model.find_interface(interface)
    {
        if there.row == port {
            return Ok(());
        }
        fail!("\"{}\" but {interface} is actually attached to port {other}", in_words(command));
    }
    model.check_free(interface, &format!("cannot create an interface named {interface}"))?;
    let uuid = context.fresh();
    let row = Interface { name: interface.into(), ..Default::default() };
    context.view.insert_row(uuid, &row);
    context.view.add(Port::TABLE, port, "interfaces", &Datum::scalar(uuid));
    context.wishes.interfaces_added.push((uuid, interface.to_owned()));
    Ok(())
}

fn del(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let (bond, name) = match (command.optional(0), command.optional(1)) {
        (bond, Some(interface)) => (bond, interface),
        (interface, None) => (None, interface.unwrap_or_default()),
    };
    let model = Model::of(context)?;
    let Some((_, port_name, port)) = model.find_interface(name) else {
        if command.has("--if-exists") {
            return Ok(());
        }
        fail!("no interface named {name}");
    };
    if let Some(bond) = bond
        && model.port(bond)?.1.row != port.row
    {
        fail!("port {bond} does not have an interface {name}");
    }
    if port.interfaces.len() == 1 {
        fail!("cannot delete last interface from port {port_name}");
    }
    let row = port.interfaces.get(name).copied().expect("it was found by this name");
    context.view.remove(Port::TABLE, port.row, "interfaces", &Datum::scalar(row));
    context.view.forget(Interface::TABLE, row);
    Ok(())
}

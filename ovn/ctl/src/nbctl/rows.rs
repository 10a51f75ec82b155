//! Finding switches and ports as these verbs do: by UUID or by name, nothing else.

use crate::Failure;
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::view::View;
use ovsdb::{Datum, Str, Uuid};
use schema::TypedRow;
use schema::nb::{LogicalRouter, LogicalSwitch, LogicalSwitchPort};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Asks for what finding a switch takes.
pub(super) fn prepare_switches(needs: &mut Needs) {
    needs.columns(LogicalSwitch::TABLE, &["name", "ports"]);
}

/// Asks for what finding a port and its switch takes, and for these columns of ports.
pub(super) fn prepare_ports(needs: &mut Needs, columns: &[&str]) {
    prepare_switches(needs);
    needs.columns(LogicalSwitchPort::TABLE, &["name"]);
    needs.columns(LogicalSwitchPort::TABLE, columns);
}

/// A row with a name.
pub(super) trait Named: TypedRow {
    /// What errors call it.
    const WHAT: &'static str;
}

impl Named for LogicalSwitch {
    const WHAT: &'static str = "switch";
}

impl Named for LogicalRouter {
    const WHAT: &'static str = "router";
}

/// The switch or router that `id` means, if there is one.
pub(super) fn find<T: Named>(view: &View, id: &str) -> Result<Option<Uuid>, Failure> {
    if let Ok(uuid) = id.parse::<Uuid>()
        && view.contains(T::TABLE, uuid)
    {
        return Ok(Some(uuid));
    }
    match view.named(T::TABLE, "name", id)[..] {
        [] => Ok(None),
        [uuid] => Ok(Some(uuid)),
        _ => fail!("Multiple logical {} named '{id}'.  Use a UUID.", plural(T::WHAT)),
    }
}

fn plural(what: &str) -> String {
    if what.ends_with("ch") { format!("{what}es") } else { format!("{what}s") }
}

/// The switch that `id` means.
pub(super) fn switch(view: &View, id: &str) -> Result<Uuid, Failure> {
    found(find::<LogicalSwitch>(view, id)?, id, LogicalSwitch::WHAT)
}

/// The port that `id` means, if there is one that a switch has.
pub(super) fn find_port(view: &View, id: &str) -> Result<Option<LogicalSwitchPort>, Failure> {
    if let Ok(uuid) = id.parse::<Uuid>()
        && let Some(port) = view.row(uuid)?
    {
        return Ok(Some(port));
    }
    match view.named(LogicalSwitchPort::TABLE, "name", id).first() {
        Some(uuid) => view.row(*uuid),
        None => Ok(None),
    }
}

/// The port that `id` means.
pub(super) fn port(view: &View, id: &str) -> Result<LogicalSwitchPort, Failure> {
    found(find_port(view, id)?, id, "port")
}

fn found<T>(row: Option<T>, id: &str, what: &str) -> Result<T, Failure> {
    let Some(row) = row else {
        let kind = if id.parse::<Uuid>().is_ok() { "UUID" } else { "name" };
        fail!("{id}: {what} {kind} not found");
    };
    Ok(row)
}

/// The switch that has the port.
pub(super) fn switch_of(view: &View, port: Uuid) -> Option<Uuid> {
    view.uuids(LogicalSwitch::TABLE).find(|switch| ports(view, *switch).contains(&port.into()))
}

/// The ports of a switch.
pub(super) fn ports(view: &View, switch: Uuid) -> Cow<'_, Datum> {
    view.value(LogicalSwitch::TABLE, switch, "ports")
}

/// The name of a switch.
pub(super) fn name(view: &View, switch: Uuid) -> String {
    view.value(LogicalSwitch::TABLE, switch, "name").as_str().unwrap_or_default().to_owned()
}

/// How errors name a switch.
pub(super) fn name_or_uuid(view: &View, switch: Uuid) -> String {
    let name = name(view, switch);
    if name.is_empty() { switch.to_string() } else { name }
}

/// Prints `UUID (NAME)` of each row, sorted by name.
pub(super) fn print_sorted(context: &mut Context<'_>, rows: impl Iterator<Item = (Str, Uuid)>) {
    let sorted: BTreeMap<(Str, Uuid), ()> = rows.map(|row| (row, ())).collect();
    for (name, uuid) in sorted.into_keys() {
        context.print(format!("{uuid} ({name})"));
    }
}

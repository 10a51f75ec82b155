//! Finding rows as these verbs do: by UUID or by name, nothing else; and the ports of switches and routers.

use crate::Failure;
use crate::context::{Context, LogModule};
use crate::failure::fail;
use crate::needs::Needs;
use crate::view::{View, references};
use ovsdb::{Datum, Str, Uuid};
use schema::TypedRow;
use schema::nb::{
    AddressSet, Copp, ForwardingGroup, HaChassisGroup, LoadBalancer, LogicalRouter, LogicalRouterPort,
    LogicalSwitch, LogicalSwitchPort, Mirror, NetworkFunction, NetworkFunctionGroup, PortGroup,
};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// A row with a name.
pub(super) trait Named: TypedRow {
    /// What errors call it.
    const WHAT: &'static str;
    /// What errors call several of one name; `None` where any of them is as good.
    const SEVERAL: Option<&'static str>;
}

macro_rules! named {
    ($($row:ty: $what:literal, $several:expr;)*) => {
        $(impl Named for $row {
            const WHAT: &'static str = $what;
            const SEVERAL: Option<&'static str> = $several;
        })*
    };
}

named! {
    AddressSet: "Address Set", Some("Address Sets");
    Copp: "copp", None;
    ForwardingGroup: "forwarding group", None;
    HaChassisGroup: "ha_chassis_group", None;
    LoadBalancer: "load balancer", Some("load balancers");
    LogicalRouter: "router", Some("logical routers");
    LogicalRouterPort: "port", None;
    LogicalSwitch: "switch", Some("logical switches");
    LogicalSwitchPort: "port", None;
    Mirror: "mirror", None;
    NetworkFunction: "network function", None;
    NetworkFunctionGroup: "network function group", None;
    PortGroup: "port group", None;
}

/// A switch or router, which has ports.
pub(super) trait Datapath: Named {
    /// Its ports.
    type Port: Named;
}

impl Datapath for LogicalSwitch {
    type Port = LogicalSwitchPort;
}

impl Datapath for LogicalRouter {
    type Port = LogicalRouterPort;
}

/// Asks for what finding a row takes, and for these columns.
pub(super) fn prepare_named<T: Named>(needs: &mut Needs, columns: &[&str]) {
    needs.columns(T::TABLE, &["name"]);
    needs.columns(T::TABLE, columns);
}

/// Asks for what finding a switch or router and its ports takes.
pub(super) fn prepare_datapaths<T: Datapath>(needs: &mut Needs) {
    prepare_named::<T>(needs, &["ports"]);
}

/// Asks for what finding a switch takes.
pub(super) fn prepare_switches(needs: &mut Needs) {
    prepare_datapaths::<LogicalSwitch>(needs);
}

/// Asks for what finding a port and its switch takes, and for these columns of ports.
pub(super) fn prepare_ports(needs: &mut Needs, columns: &[&str]) {
    prepare_switches(needs);
    prepare_named::<LogicalSwitchPort>(needs, columns);
}

/// The row that `id` means, if there is one.
pub(super) fn find<T: Named>(view: &View, id: &str) -> Result<Option<Uuid>, Failure> {
    if let Ok(uuid) = id.parse::<Uuid>()
        && view.contains(T::TABLE, uuid)
    {
        return Ok(Some(uuid));
    }
    match (&view.named(T::TABLE, "name", id)[..], T::SEVERAL) {
        ([], _) => Ok(None),
        ([_, _, ..], Some(several)) => fail!("Multiple {several} named '{id}'.  Use a UUID."),
        ([uuid, ..], _) => Ok(Some(*uuid)),
    }
}

/// The row that `id` means.
pub(super) fn get<T: Named>(view: &View, id: &str) -> Result<Uuid, Failure> {
    let Some(uuid) = find::<T>(view, id)? else {
        let kind = if id.parse::<Uuid>().is_ok() { "UUID" } else { "name" };
        fail!("{id}: {} {kind} not found", T::WHAT);
    };
    Ok(uuid)
}

/// The row that `id` means with its columns, if there is one.
pub(super) fn find_row<T: Named>(view: &View, id: &str) -> Result<Option<T>, Failure> {
    match find::<T>(view, id)? {
        Some(uuid) => view.row(uuid),
        None => Ok(None),
    }
}

/// The row that `id` means with its columns.
pub(super) fn get_row<T: Named>(view: &View, id: &str) -> Result<T, Failure> {
    let uuid = get::<T>(view, id)?;
    Ok(view.row(uuid)?.expect("a row that was found is there"))
}

/// The rows that a set of references names, with their columns.
pub(super) fn rows<'a, T: TypedRow>(
    view: &View,
    uuids: impl IntoIterator<Item = &'a Uuid>,
) -> Result<Vec<T>, Failure> {
    uuids.into_iter().filter_map(|uuid| view.row(*uuid).transpose()).collect()
}

/// The switch that `id` means.
pub(super) fn switch(view: &View, id: &str) -> Result<Uuid, Failure> {
    get::<LogicalSwitch>(view, id)
}

/// The port that `id` means, if there is one.
pub(super) fn find_port(view: &View, id: &str) -> Result<Option<LogicalSwitchPort>, Failure> {
    find_row(view, id)
}

/// The port that `id` means.
pub(super) fn port(view: &View, id: &str) -> Result<LogicalSwitchPort, Failure> {
    get_row(view, id)
}

/// The switch or router that has the port.
pub(super) fn owner<T: Datapath>(view: &View, port: Uuid) -> Option<Uuid> {
    view.uuids(T::TABLE).find(|datapath| ports_of::<T>(view, *datapath).contains(&port.into()))
}

/// The switch that has the port.
pub(super) fn switch_of(view: &View, port: Uuid) -> Option<Uuid> {
    owner::<LogicalSwitch>(view, port)
}

/// The ports of a switch or router.
pub(super) fn ports_of<T: Datapath>(view: &View, datapath: Uuid) -> Cow<'_, Datum> {
    view.value(T::TABLE, datapath, "ports")
}

/// The ports of a switch.
pub(super) fn ports(view: &View, switch: Uuid) -> Cow<'_, Datum> {
    ports_of::<LogicalSwitch>(view, switch)
}

/// The name of a row.
pub(super) fn name_of<T: Named>(view: &View, row: Uuid) -> String {
    view.value(T::TABLE, row, "name").as_str().unwrap_or_default().to_owned()
}

/// How errors name a switch or router.
pub(super) fn name_or_uuid<T: Datapath>(view: &View, datapath: Uuid) -> String {
    let name = name_of::<T>(view, datapath);
    if name.is_empty() { datapath.to_string() } else { name }
}

/// Inserts a row that only another one refers to, in this column.
pub(super) fn insert_under<P: TypedRow, T: TypedRow>(
    context: &mut Context<'_>,
    parent: Uuid,
    column: &str,
    row: &T,
) -> Uuid {
    let uuid = context.fresh();
    context.view.insert_row(uuid, row);
    context.view.add(P::TABLE, parent, column, &Datum::scalar(uuid));
    uuid
}

/// Takes rows out of a column that refers to them. One that is not there is complained of as upstream's library does.
pub(super) fn detach<P: TypedRow>(
    context: &mut Context<'_>,
    parent: Uuid,
    column: &str,
    rows: impl IntoIterator<Item = Uuid>,
) {
    let rows = Datum::set(rows);
    let known = context.view.value(P::TABLE, parent, column);
    let strangers = rows.keys().filter(|row| !known.contains(row)).count();
    for _ in 0..strangers {
        let text = "Trying to delete a key that doesn't exist in the set.".to_owned();
        context.warn(LogModule::OvsdbIdl, text);
    }
    context.view.remove(P::TABLE, parent, column, &rows);
}

/// Empties a column that refers to rows, unless someone else has changed it.
pub(super) fn detach_all<P: TypedRow>(context: &mut Context<'_>, parent: Uuid, column: &str) {
    context.view.verify(P::TABLE, parent, column);
    context.view.set(P::TABLE, parent, column, Datum::empty_set());
}

/// Takes a port from its switch or router.
pub(super) fn delete_port<T: Datapath>(context: &mut Context<'_>, id: &str) -> Result<(), Failure> {
    let port = get::<T::Port>(context.view, id)?;
    if let Some(datapath) = owner::<T>(context.view, port) {
        detach::<T>(context, datapath, "ports", [port]);
    }
    context.view.forget(T::Port::TABLE, port);
    Ok(())
}

/// Deletes a switch or router; its ports go with it.
pub(super) fn delete_datapath<T: Datapath>(context: &mut Context<'_>, id: &str) -> Result<(), Failure> {
    let datapath = get::<T>(context.view, id)?;
    let ports = references(&ports_of::<T>(context.view, datapath));
    context.view.delete(T::TABLE, datapath);
    for port in ports {
        context.view.forget(T::Port::TABLE, port);
    }
    Ok(())
}

/// Prints `UUID (NAME)` of each port of a switch or router, sorted by name.
pub(super) fn print_ports<T: Datapath>(context: &mut Context<'_>, id: &str) -> Result<(), Failure> {
    let datapath = get::<T>(context.view, id)?;
    let ports = references(&ports_of::<T>(context.view, datapath));
    let named = ports.iter().filter(|port| context.view.contains(T::Port::TABLE, **port));
    let named: Vec<_> = named.map(|port| (name_of::<T::Port>(context.view, *port).into(), *port)).collect();
    print_sorted(context, named);
    Ok(())
}

/// Prints `UUID (NAME)` of each row of a table, sorted by name.
pub(super) fn print_names<T: Named>(context: &mut Context<'_>) {
    let rows = context.view.uuids(T::TABLE);
    let named: Vec<_> = rows.map(|row| (name_of::<T>(context.view, row).into(), row)).collect();
    print_sorted(context, named);
}

/// Prints `UUID (NAME)` of each row, sorted by name.
fn print_sorted(context: &mut Context<'_>, rows: Vec<(Str, Uuid)>) {
    for (name, uuid) in rows.into_iter().collect::<BTreeSet<_>>() {
        context.print(format!("{uuid} ({name})"));
    }
}

//! Bridges, their ports and interfaces, as these verbs see them: VLAN bridges are bridges of their own here, though the
//! database has them as ports.

use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::failure::fail;
use crate::needs::Needs;
use crate::view::View;
use ovsdb::{Datum, Str, Uuid};
use schema::TypedRow;
use schema::vswitch::{Bridge, Interface, OpenVSwitch, Port};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// The tables and columns that the model is made of.
const SOURCES: &[(&str, &[&str])] = &[
    (OpenVSwitch::TABLE, &["bridges"]),
    (Bridge::TABLE, &["name", "ports"]),
    (Port::TABLE, &["name", "interfaces", "tag", "fake_bridge"]),
    (Interface::TABLE, &["name"]),
];

/// Asks for all that the model is made of, and what bridges are asked for.
pub(super) fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    for (table, columns) in SOURCES {
        needs.columns(table, columns);
    }
    needs.columns(Bridge::TABLE, &["controller", "fail_mode", "external_ids"]);
    needs.columns(Port::TABLE, &["external_ids"]);
    Ok(())
}

/// The bridges of the host.
#[derive(Clone, Debug)]
pub(super) struct Model {
    /// The row of the switch as a whole.
    pub(super) switch: Uuid,
    /// Bridges by name.
    pub(super) bridges: BTreeMap<Str, BridgeModel>,
    /// The bridge of each port, by name.
    ports: HashMap<Str, Str>,
    /// The bridge and port of each interface, by name.
    interfaces: HashMap<Str, (Str, Str)>,
}

/// The model as it was last read: thousands of ports may be added by one line, and each looks whether its name is free.
#[derive(Debug, Default)]
pub(crate) struct BridgeCache {
    /// The model, and how much of what it is made of had been written.
    model: Option<(u64, Rc<Model>)>,
}

impl BridgeCache {
    /// How much of what the model is made of has been written.
    fn age(view: &View) -> u64 {
        SOURCES.iter().map(|(table, columns)| view.writes(table, columns)).sum()
    }

    /// Keeps the model by doing to it what was done to the rows since they were of this age.
    fn follow(&mut self, view: &View, age: u64, change: impl FnOnce(&mut Model)) {
        if let Some((known, model)) = &mut self.model
            && *known == age
        {
            change(Rc::make_mut(model));
            *known = Self::age(view);
        }
    }
}

/// Where a port is added or taken away.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The name of the bridge.
    bridge: Str,
    /// The row that has the port.
    row: Uuid,
    /// The VLAN of the bridge, if it is for one.
    vlan: Option<i64>,
}

/// A bridge.
#[derive(Clone, Debug)]
pub(super) struct BridgeModel {
    pub(super) name: Str,
    /// The row of the bridge; of its parent, for a VLAN bridge.
    pub(super) row: Uuid,
    /// For a VLAN bridge.
    pub(super) fake: Option<Fake>,
    /// Ports by name, the local one not among them.
    pub(super) ports: BTreeMap<Str, PortModel>,
    /// The local port.
    pub(super) local: Option<PortModel>,
}

/// What makes a bridge a VLAN bridge.
#[derive(Clone, Debug)]
pub(super) struct Fake {
    pub(super) parent: Str,
    pub(super) vlan: i64,
    /// The port that stands for it.
    pub(super) port: Uuid,
}

/// A port.
#[derive(Clone, Debug)]
pub(super) struct PortModel {
    pub(super) row: Uuid,
    /// Interfaces by name.
    pub(super) interfaces: BTreeMap<Str, Uuid>,
}

impl BridgeModel {
    /// Where its ports are added and taken away.
    pub(super) fn place(&self) -> Place {
        Place { bridge: self.name.clone(), row: self.row, vlan: self.fake.as_ref().map(|fake| fake.vlan) }
    }
}

impl Model {
    /// The model of the rows as they are by now.
    pub(super) fn of(context: &mut Context<'_>) -> Result<Rc<Self>, Failure> {
        let age = BridgeCache::age(context.view);
        if let Some((known, model)) = &context.bridges.model
            && *known == age
        {
            return Ok(model.clone());
        }
        let model = Rc::new(Self::read(context.view)?);
        context.bridges.model = Some((age, model.clone()));
        Ok(model)
    }

    fn read(view: &View) -> Result<Self, Failure> {
        let Some(switch) = view.rows::<OpenVSwitch>()?.into_iter().next() else {
            fail!("no Open_vSwitch row")
        };
        let mut bridges = BTreeMap::new();
        for bridge in &switch.bridges {
            let Some(bridge) = view.row::<Bridge>(*bridge)? else { continue };
            read_bridge(view, &bridge, &mut bridges)?;
        }
        let (ports, interfaces) = (HashMap::new(), HashMap::new());
        let mut model = Self { switch: switch.uuid, bridges, ports, interfaces };
        model.index();
        Ok(model)
    }

    /// Files ports and interfaces by name.
    fn index(&mut self) {
        let Self { bridges, ports, interfaces, .. } = self;
        for (bridge, model) in bridges {
            for (port, model) in &model.ports {
                ports.entry(port.clone()).or_insert_with(|| bridge.clone());
                for interface in model.interfaces.keys() {
                    interfaces.entry(interface.clone()).or_insert_with(|| (bridge.clone(), port.clone()));
                }
            }
        }
    }

    /// A port has come.
    fn put(&mut self, bridge: &Str, name: &Str, port: PortModel) {
        let Some(model) = self.bridges.get_mut(bridge) else { return };
        self.ports.insert(name.clone(), bridge.clone());
        for interface in port.interfaces.keys() {
            self.interfaces.insert(interface.clone(), (bridge.clone(), name.clone()));
        }
        model.ports.insert(name.clone(), port);
    }

    /// A port has gone.
    fn take(&mut self, bridge: &Str, row: Uuid) {
        let Some(model) = self.bridges.get_mut(bridge) else { return };
        let found = model.ports.iter().find(|(_, port)| port.row == row).map(|(name, _)| name.clone());
        let Some((name, port)) = found.and_then(|name| model.ports.remove_entry(&name)) else { return };
        self.ports.remove(&name);
        for interface in port.interfaces.keys() {
            self.interfaces.remove(interface);
        }
    }

    /// The bridge of that name.
    pub(super) fn bridge(&self, name: &str) -> Result<&BridgeModel, Failure> {
        match self.bridges.get(name) {
            Some(bridge) => Ok(bridge),
            None => fail!("no bridge named {name}"),
        }
    }

    /// The bridge of that name, which must not be one for a VLAN.
    pub(super) fn real_bridge(&self, name: &str) -> Result<&BridgeModel, Failure> {
        match self.bridge(name)? {
            bridge if bridge.fake.is_some() => fail!("{name} is a fake bridge"),
            bridge => Ok(bridge),
        }
    }

    /// The bridge, and the port of that name on it.
    pub(super) fn find_port(&self, name: &str) -> Option<(&BridgeModel, &PortModel)> {
        let bridge = self.bridges.get(self.ports.get(name)?)?;
        Some((bridge, bridge.ports.get(name)?))
    }

    /// The bridge, and the port of that name on it.
    pub(super) fn port(&self, name: &str) -> Result<(&BridgeModel, &PortModel), Failure> {
        match self.find_port(name) {
            Some(found) => Ok(found),
            None => fail!("no port named {name}"),
        }
    }

    /// The bridge, and the name and port of the interface of that name.
    pub(super) fn find_interface(&self, name: &str) -> Option<(&BridgeModel, &Str, &PortModel)> {
        let (bridge, port) = self.interfaces.get(name)?;
        let bridge = self.bridges.get(bridge)?;
        let (port_name, port) = bridge.ports.get_key_value(port)?;
        Some((bridge, port_name, port))
    }

    /// Fails if there is a bridge, port or interface of that name; `what` was to be done.
    pub(super) fn check_free(&self, name: &str, what: &str) -> Result<(), Failure> {
        if self.bridges.contains_key(name) {
            fail!("{what} because a bridge named {name} already exists");
        }
        if let Some((bridge, _)) = self.find_port(name) {
            fail!("{what} because a port named {name} already exists on bridge {}", bridge.name);
        }
        if let Some((bridge, _, _)) = self.find_interface(name) {
            fail!("{what} because an interface named {name} already exists on bridge {}", bridge.name);
        }
        Ok(())
    }
}

/// A command as errors repeat it.
pub(super) fn in_words(command: &Command) -> String {
    let options = command.options.keys().map(String::as_str);
    let arguments = command.arguments.iter().map(String::as_str);
    let words = options.chain([command.verb.name]).chain(arguments);
    words.map(crate::cli::quote_word).collect::<Vec<_>>().join(" ")
}

/// Puts a bridge and its VLAN bridges into the model.
fn read_bridge(
    view: &View,
    bridge: &Bridge,
    bridges: &mut BTreeMap<Str, BridgeModel>,
) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for port in &bridge.ports {
        rows.extend(view.row::<Port>(*port)?);
    }
    let model = |name: &Str, fake| BridgeModel {
        name: name.clone(),
        row: bridge.uuid,
        fake,
        ports: BTreeMap::new(),
        local: None,
    };
    let mut real = model(&bridge.name, None);
    let mut fakes: BTreeMap<i64, BridgeModel> = BTreeMap::new();
    for port in rows.iter().filter(|port| port.fake_bridge) {
        if let Some(vlan @ 0..=4095) = port.tag {
            let fake = Fake { parent: bridge.name.clone(), vlan, port: port.uuid };
            fakes.entry(vlan).or_insert_with(|| model(&port.name, Some(fake)));
        }
    }
    for port in rows {
        let owner = port.tag.and_then(|tag| fakes.get_mut(&tag)).unwrap_or(&mut real);
        let mut interfaces = BTreeMap::new();
        for interface in &port.interfaces {
            if let Some(name) = view.value(Interface::TABLE, *interface, "name").as_str() {
                interfaces.insert(name.into(), *interface);
            }
        }
        let (name, port) = (port.name.clone(), PortModel { row: port.uuid, interfaces });
        if name == owner.name || name == bridge.name {
            owner.local = Some(port);
        } else {
            owner.ports.insert(name, port);
        }
    }
    for bridge in fakes.into_values().chain([real]) {
        bridges.entry(bridge.name.clone()).or_insert(bridge);
    }
    Ok(())
}

/// Adds a port with these interfaces to a bridge; gives back its row.
pub(super) fn add_port(context: &mut Context<'_>, place: &Place, name: &str, interfaces: &[&str]) -> Uuid {
    let age = BridgeCache::age(context.view);
    let mut rows = BTreeMap::new();
    let mut uuids = BTreeSet::new();
    for interface in interfaces {
        let uuid = context.fresh();
        let row = Interface { name: (*interface).into(), ..Default::default() };
        uuids.insert(context.view.insert_row(uuid, &row));
        rows.insert(Str::from(*interface), uuid);
        context.wishes.interfaces_added.push((uuid, (*interface).to_owned()));
    }
    let uuid = context.fresh();
    let row = Port { name: name.into(), interfaces: uuids, tag: place.vlan, ..Default::default() };
    let port = context.view.insert_row(uuid, &row);
    context.view.add(Bridge::TABLE, place.row, "ports", &Datum::scalar(port));
    let model = PortModel { row: port, interfaces: rows };
    context.bridges.follow(context.view, age, |all| all.put(&place.bridge, &name.into(), model));
    port
}

/// Takes a port from a bridge.
pub(super) fn remove_port(context: &mut Context<'_>, place: &Place, port: &PortModel) {
    let age = BridgeCache::age(context.view);
    context.view.remove(Bridge::TABLE, place.row, "ports", &Datum::scalar(port.row));
    context.view.forget(Port::TABLE, port.row);
    for interface in port.interfaces.values() {
        context.view.forget(Interface::TABLE, *interface);
    }
    context.bridges.follow(context.view, age, |all| all.take(&place.bridge, port.row));
}

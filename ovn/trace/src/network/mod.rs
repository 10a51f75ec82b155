//! The rows of the southbound database, by the names and keys that logical flows use.
//!
//! The rows may change between two traces, and some of them may not be there yet, see [`Want`]. What is derived from
//! rows is derived anew where they changed, and nowhere else.

mod datapath;
mod stage;
mod want;

pub(crate) use datapath::{Datapath, Group, Port};
pub(crate) use stage::{Reading, Shown, Stage, terms};
pub use want::Want;

use lflow::expr::{Ports, Sets};
use lflow::lexer::{self, Integer, Lexer, Token};
use lflow::pipeline::Pipeline;
use ovsdb::replica::RowChange;
use ovsdb::{Str, Uuid};
use schema::ColumnError;
use schema::sb::{Change, LogicalFlow, PortBinding, Tables};
use stage::{SetName, Touched};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

/// The most logical tables whose flows are kept in order. One more, and all are put in order again when they are
/// next asked for.
const STAGES_MAX: usize = 1 << 16;

/// The sign that begins the name of an address set, of a port group and of a variable.
const ADDRESS_SET: char = '$';
const PORT_GROUP: char = '@';
const VARIABLE: char = '^';

/// The rows of a database.
#[derive(Default)]
pub(crate) struct Network {
    tables: Tables,
    friendly_names: bool,
    datapaths: BTreeMap<Uuid, Datapath>,
    /// The ports of each name: one, unless somebody made a mistake.
    ports_named: HashMap<Str, BTreeSet<Uuid>>,
    /// Ports and multicast groups by datapath.
    ports_of: HashMap<Uuid, BTreeSet<Uuid>>,
    multicast_of: HashMap<Uuid, BTreeSet<Uuid>>,
    /// The groups that a datapath is in.
    groups_of: HashMap<Uuid, BTreeSet<Uuid>>,
    /// Flows by table of the datapath, or group of datapaths, that they belong to.
    flows_of: HashMap<(Uuid, Pipeline, u8), BTreeSet<Uuid>>,
    stages: RefCell<HashMap<(Uuid, Pipeline, u8), Rc<Stage>>>,
    /// How often the sets of each name changed.
    set_revisions: HashMap<SetName, u64>,
    /// How often names of ports changed.
    names_revision: u64,
    /// Datapaths to derive anew, and tables.
    stale: BTreeSet<Uuid>,
    touched: Touched,
    /// What is there, if not everything is.
    partial: Option<BTreeSet<Want>>,
    wants: RefCell<BTreeSet<Want>>,
    warnings: RefCell<Vec<String>>,
}

impl Network {
    /// The network that these rows make, with the names that users know or those in the database.
    pub(crate) fn new(tables: &Tables, friendly_names: bool) -> Self {
        let mut network = Self { tables: tables.clone(), friendly_names, ..Self::default() };
        for row in tables.logical_dp_group.values() {
            network.group_changed(None, Some(&row.datapaths), row.uuid);
        }
        for row in tables.port_binding.values() {
            network.port_changed(None, Some(row));
        }
        for row in tables.multicast_group.values() {
            network.multicast_of.entry(row.datapath).or_default().insert(row.uuid);
            network.stale.insert(row.datapath);
        }
        for row in tables.logical_flow.values() {
            network.flow_changed(None, Some(row));
        }
        network.stale.extend(tables.datapath_binding.keys());
        network.touched.clear();
        network.refresh();
        network
    }

    /// A network of which only the datapaths will be told without being wanted.
    pub(crate) fn partial(tables: Tables) -> Self {
        Self { tables, friendly_names: true, partial: Some(BTreeSet::new()), ..Self::default() }
    }

    /// Takes a changed row. [`Network::refresh`] has to follow before anything is looked up.
    pub(crate) fn apply(&mut self, change: &RowChange) -> Result<(), ColumnError> {
        match self.tables.apply(change)? {
            Some(Change::DatapathBinding(delta)) => drop(self.stale.insert(delta.uuid)),
            Some(Change::PortBinding(delta)) => {
                self.port_changed(delta.old.as_deref(), delta.new.as_deref());
            }
            Some(Change::MulticastGroup(delta)) => {
                for (row, is_new) in [(&delta.old, false), (&delta.new, true)] {
                    let Some(row) = row else { continue };
                    put(self.multicast_of.entry(row.datapath).or_default(), row.uuid, is_new);
                    self.stale.insert(row.datapath);
                }
            }
            Some(Change::LogicalDpGroup(delta)) => {
                let (old, new) = (delta.old.as_deref(), delta.new.as_deref());
                self.group_changed(old.map(|row| &row.datapaths), new.map(|row| &row.datapaths), delta.uuid);
            }
            Some(Change::LogicalFlow(delta)) => self.flow_changed(delta.old.as_deref(), delta.new.as_deref()),
            Some(Change::AddressSet(delta)) => {
                let names = [delta.old, delta.new].into_iter().flatten().map(|row| row.name.clone());
                names.for_each(|name| *self.set_revisions.entry((ADDRESS_SET, name)).or_default() += 1);
            }
            Some(Change::PortGroup(delta)) => {
                let names = [delta.old, delta.new].into_iter().flatten().map(|row| row.name.clone());
                names.for_each(|name| *self.set_revisions.entry((PORT_GROUP, name)).or_default() += 1);
            }
            Some(Change::ChassisTemplateVar(_)) => {
                *self.set_revisions.entry((VARIABLE, "".into())).or_default() += 1;
            }
            // Looked up as they are, or of no interest.
            Some(_) | None => {}
        }
        Ok(())
    }

    fn port_changed(&mut self, old: Option<&PortBinding>, new: Option<&PortBinding>) {
        for (row, is_new) in [(old, false), (new, true)] {
            let Some(row) = row else { continue };
            put(self.ports_named.entry(row.logical_port.clone()).or_default(), row.uuid, is_new);
            put(self.ports_of.entry(row.datapath).or_default(), row.uuid, is_new);
            self.stale.insert(row.datapath);
        }
    }

    fn group_changed(&mut self, old: Option<&BTreeSet<Uuid>>, new: Option<&BTreeSet<Uuid>>, uuid: Uuid) {
        let nobody = BTreeSet::new();
        let (old, new) = (old.unwrap_or(&nobody), new.unwrap_or(&nobody));
        for datapath in old.symmetric_difference(new) {
            put(self.groups_of.entry(*datapath).or_default(), uuid, new.contains(datapath));
            self.stages.get_mut().retain(|(of, ..), _| of != datapath);
        }
    }

    fn flow_changed(&mut self, old: Option<&LogicalFlow>, new: Option<&LogicalFlow>) {
        for (row, is_new) in [(old, false), (new, true)] {
            let Some(row) = row else { continue };
            let place = (Pipeline::from_name(&row.pipeline), u8::try_from(row.table_id));
            let (Some(pipeline), Ok(table)) = place else { continue };
            for owner in [row.logical_datapath, row.logical_dp_group].into_iter().flatten() {
                put(self.flows_of.entry((owner, pipeline, table)).or_default(), row.uuid, is_new);
                self.touched.insert((owner, pipeline, table));
            }
        }
    }

    /// Derives anew what was derived from rows that have changed since.
    pub(crate) fn refresh(&mut self) {
        self.names_revision += u64::from(!self.stale.is_empty());
        for uuid in std::mem::take(&mut self.stale) {
            self.datapaths.remove(&uuid);
            let row = self.tables.datapath_binding.get(&uuid);
            if let Some(datapath) = row.and_then(|row| Datapath::new(row, self.friendly_names)) {
                let datapath = self.with_members(datapath);
                self.datapaths.insert(uuid, datapath);
            }
        }
        let touched = std::mem::take(&mut self.touched);
        for (owner, pipeline, table) in touched {
            let members = self.tables.logical_dp_group.get(&owner);
            let members = members.into_iter().flat_map(|group| group.datapaths.iter().copied());
            for datapath in members.chain([owner]) {
                let place = (datapath, pipeline, table);
                if let Some(old) = self.stages.get_mut().remove(&place) {
                    let stage = Rc::new(Stage::new(self.rows_of(place), Some(&old)));
                    self.stages.get_mut().insert(place, stage);
                }
            }
        }
    }

    /// Puts ports and multicast groups into a datapath.
    fn with_members(&self, mut datapath: Datapath) -> Datapath {
        let ports = self.ports_of.get(&datapath.uuid).into_iter().flatten();
        for row in ports.filter_map(|uuid| self.tables.port_binding.get(uuid)) {
            datapath.add_port(row, self.friendly_names);
        }
        let groups = self.multicast_of.get(&datapath.uuid).into_iter().flatten();
        for row in groups.filter_map(|uuid| self.tables.multicast_group.get(uuid)) {
            let Ok(key) = u32::try_from(row.tunnel_key) else { continue };
            let members = row.ports.iter().filter_map(|uuid| self.tables.port_binding.get(uuid));
            let mut ports: Vec<(&Str, u32)> = members
                .filter(|port| port.datapath == row.datapath)
                .filter_map(|port| Some((&port.logical_port, u32::try_from(port.tunnel_key).ok()?)))
                .collect();
            ports.sort();
            let ports = ports.into_iter().map(|(_, key)| key).collect();
            datapath.add_group(key, Group { name: row.name.clone(), ports });
        }
        datapath
    }

    /// Shows names as users know them, or as they are in the database.
    pub(crate) fn set_friendly_names(&mut self, friendly_names: bool) {
        if self.friendly_names != friendly_names {
            self.friendly_names = friendly_names;
            self.stages.get_mut().clear();
            self.stale.extend(self.tables.datapath_binding.keys());
        }
    }

    /// Notes something for the log, once.
    pub(crate) fn warn(&self, warning: String) {
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    /// What was noted since the last call.
    pub(crate) fn take_warnings(&self) -> Vec<String> {
        self.warnings.take()
    }

    /// Says that some rows are there now, and will be as long as they exist.
    pub(crate) fn provide(&mut self, want: Want) {
        if let Some(there) = &mut self.partial {
            there.insert(want);
        }
    }

    /// Notes that some rows are needed. Whether they are there.
    pub(crate) fn need(&self, want: Want) -> bool {
        let is_there = self.partial.as_ref().is_none_or(|there| there.contains(&want));
        if !is_there {
            self.wants.borrow_mut().insert(want);
        }
        is_there
    }

    /// What was needed since the last call and is not there.
    pub(crate) fn take_wants(&self) -> BTreeSet<Want> {
        self.wants.take()
    }

    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }

    pub(crate) fn datapath(&self, uuid: Uuid) -> Option<&Datapath> {
        self.datapaths.get(&uuid)
    }

    /// All datapaths that are there.
    pub(crate) fn datapaths(&self) -> impl Iterator<Item = &Datapath> {
        self.datapaths.values()
    }

    /// The datapath that a user names: by its name, by a UUID, or by the beginning of a UUID.
    pub(crate) fn datapath_by_name(&self, name: &str) -> Option<&Datapath> {
        let exact = |datapath: &&Datapath| {
            datapath.name == name || datapath.name2.as_deref() == Some(name) || datapath.northbound == name
        };
        let partial = |datapath: &&Datapath| {
            let of_uuid = name.len() >= 4 && name.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
            of_uuid && (datapath.northbound.starts_with(name) || datapath.uuid.to_string().starts_with(name))
        };
        let mut found: Vec<&Datapath> = self.datapaths.values().filter(exact).collect();
        if found.is_empty() {
            found = self.datapaths.values().filter(partial).collect();
        }
        if found.len() > 1 {
            self.warn(format!("name \"{name}\" matches multiple datapaths"));
            return None;
        }
        found.first().copied()
    }

    /// The port of a name, on whichever datapath it is.
    pub(crate) fn port_by_name(&self, name: &str) -> Option<&Port> {
        let Some(rows) = self.ports_named.get(name).filter(|rows| !rows.is_empty()) else {
            self.need(Want::Port(name.into()));
            return None;
        };
        if rows.len() > 1 {
            self.warn(format!("duplicate logical port name {name}"));
            return None;
        }
        let row = self.tables.port_binding.get(rows.first()?)?;
        let Some(datapath) = self.datapaths.get(&row.datapath) else {
            self.warn(format!("logical port {name} missing datapath"));
            return None;
        };
        datapath.port_by_name(name)
    }

    /// One table of a datapath.
    pub(crate) fn stage(&self, datapath: &Datapath, pipeline: Pipeline, table: u8) -> Rc<Stage> {
        self.need(Want::Datapath(datapath.uuid));
        let place = (datapath.uuid, pipeline, table);
        let known = self.stages.borrow().get(&place).cloned();
        known.unwrap_or_else(|| {
            let stage = Rc::new(Stage::new(self.rows_of(place), None));
            let mut stages = self.stages.borrow_mut();
            if stages.len() >= STAGES_MAX {
                stages.clear();
            }
            stages.insert(place, stage.clone());
            stage
        })
    }

    fn rows_of(&self, (datapath, pipeline, table): (Uuid, Pipeline, u8)) -> Vec<Arc<LogicalFlow>> {
        let groups = self.groups_of.get(&datapath).into_iter().flatten().copied();
        let owned = groups.chain([datapath]).filter_map(|owner| self.flows_of.get(&(owner, pipeline, table)));
        // A row that names a datapath and its group too is still one flow.
        let uuids: BTreeSet<&Uuid> = owned.flatten().collect();
        uuids.into_iter().filter_map(|uuid| self.tables.logical_flow.get(uuid).cloned()).collect()
    }

    /// How often the set of that name changed. A port group may have a row of its own for each datapath.
    pub(crate) fn set_revision(&self, name: &SetName) -> u64 {
        self.set_revisions.get(name).copied().unwrap_or(0)
    }

    /// A text of the logical language with the names of ports as they are to be shown.
    pub(crate) fn friendly(&self, datapath: &Datapath, text: &str) -> String {
        if !self.friendly_names || !text.contains('"') {
            return text.to_owned();
        }
        let mut shown = String::new();
        let mut copied = 0;
        let mut lexer = Lexer::new(text);
        while let Ok((token, span)) = lexer.next() {
            match token {
                Token::End => break,
                Token::String(name) => {
                    let port = match datapath.keys.get(&*name) {
                        Some(key) => datapath.port(*key),
                        None => self.port_by_name(&name),
                    };
                    if let Some(port) = port {
                        shown.push_str(&text[copied..span.start]);
                        // Writing to a string cannot fail.
                        let _ = lexer::write_quoted(&mut shown, &port.friendly);
                        copied = span.end;
                    }
                }
                Token::Id(_)
                | Token::Integer(_)
                | Token::AddressSet(_)
                | Token::PortGroup(_)
                | Token::Template(_)
                | Token::Punct(_) => {}
            }
        }
        shown.push_str(&text[copied..]);
        shown
    }

    /// What the names in the flows of a datapath mean.
    pub(crate) fn names<'n>(&'n self, datapath: &'n Datapath) -> Names<'n> {
        Names { network: self, datapath: Some(datapath), asked: RefCell::default() }
    }

    /// What names mean when it is not known yet which datapath is meant: sets and groups only.
    pub(crate) fn anywhere(&self) -> Names<'_> {
        Names { network: self, datapath: None, asked: RefCell::default() }
    }
}

/// Puts a member into a set or takes it out.
fn put(set: &mut BTreeSet<Uuid>, member: Uuid, is_new: bool) {
    match is_new {
        true => set.insert(member),
        false => set.remove(&member),
    };
}

/// What the names in an expression mean.
pub(crate) struct Names<'n> {
    network: &'n Network,
    datapath: Option<&'n Datapath>,
    /// The sets that were asked for.
    asked: RefCell<Vec<SetName>>,
}

impl Names<'_> {
    /// The value of a template variable, if all chassis agree on it.
    fn template(&self, name: &str) -> Option<String> {
        self.asked.borrow_mut().push((VARIABLE, "".into()));
        self.network.need(Want::Templates);
        let rows = self.network.tables.chassis_template_var.values();
        let mut values = rows.filter_map(|row| row.variables.get(name));
        let first = values.next()?;
        values.all(|value| value == first).then(|| first.to_string())
    }
}

impl Ports for Names<'_> {
    fn key(&self, name: &str) -> Option<u32> {
        let datapath = self.datapath?;
        if let Some(&key) = datapath.keys.get(name) {
            return Some(key);
        }
        // A name that a user sees is one that a user types.
        let mut friendly = datapath.ports().filter(|port| port.friendly == name);
        match (friendly.next(), friendly.next()) {
            (Some(port), None) => return Some(port.key),
            (Some(_), Some(_)) => self.network.warn(format!("name \"{name}\" matches multiple ports")),
            (None, _) => {}
        }
        self.network.warn(format!("{name}: unknown logical port"));
        None
    }

    /// A trace is not of one chassis: every port is where the packet is.
    fn is_chassis_resident(&self, _: &str) -> bool {
        true
    }
}

impl Sets for Names<'_> {
    fn address_set(&self, name: &str) -> Option<Arc<Vec<Integer>>> {
        self.asked.borrow_mut().push((ADDRESS_SET, name.into()));
        self.network.need(Want::AddressSet(name.into()));
        let set = self.network.tables.address_set.values().find(|set| &*set.name == name)?;
        let mut integers = Vec::new();
        for address in &set.addresses {
            match address.parse() {
                Ok(integer) => integers.push(integer),
                Err(_) => self.network.warn(format!("Invalid constant set entry: '{address}'")),
            }
        }
        Some(Arc::new(integers))
    }

    /// A group has a row for each datapath, whose name begins with that datapath's key.
    fn port_group(&self, name: &str) -> Option<Arc<Vec<Arc<str>>>> {
        let of_datapath = self.datapath.map(|datapath| format!("{}_{name}", datapath.key));
        let named = |wanted: &str| {
            self.asked.borrow_mut().push((PORT_GROUP, wanted.into()));
            self.network.need(Want::PortGroup(wanted.into()));
            self.network.tables.port_group.values().find(|group| &*group.name == wanted)
        };
        let group = of_datapath.as_deref().and_then(named).or_else(|| named(name))?;
        Some(Arc::new(group.ports.iter().cloned().collect()))
    }
}

//! The rows of the southbound database, by the names and keys that logical flows use.

use lflow::expr::{Ports, Sets};
use lflow::lexer::{self, Integer, Lexer, Token};
use lflow::pipeline::Pipeline;
use ovsdb::{Str, Uuid};
use schema::sb::{DatapathBinding, LogicalFlow, PortBinding, Tables};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

/// One port.
pub(crate) struct Port {
    pub(crate) row: Arc<PortBinding>,
    pub(crate) datapath: Uuid,
    /// Its `tunnel_key`.
    pub(crate) key: u32,
    /// The name to show.
    pub(crate) friendly: String,
}

/// A multicast group.
pub(crate) struct Group {
    pub(crate) name: Str,
    /// Keys of its members, in the order of their names.
    pub(crate) ports: Vec<u32>,
}

/// A logical switch or router.
pub(crate) struct Datapath {
    pub(crate) uuid: Uuid,
    /// Its `tunnel_key`.
    pub(crate) key: u32,
    /// The UUID of the northbound row.
    northbound: String,
    /// The northbound row's name, and the one that a cloud management system gave its users.
    name: String,
    name2: Option<String>,
    /// The name to show.
    pub(crate) friendly: String,
    ports: BTreeMap<u32, Port>,
    keys: HashMap<Str, u32>,
    pub(crate) groups: BTreeMap<u32, Group>,
}

impl Datapath {
    fn new(row: &DatapathBinding, friendly_names: bool) -> Option<Self> {
        let ids = &row.external_ids;
        let id = |key: &str| ids.get(key).map(|value| value.to_string()).filter(|value| !value.is_empty());
        let northbound = id("logical-switch")
            .or_else(|| id("logical-router"))
            .or_else(|| row.nb_uuid.map(|uuid| uuid.to_string()))
            .unwrap_or_else(|| row.uuid.to_string());
        let name = id("name").unwrap_or_else(|| northbound.clone());
        let name2 = id("name2");
        let friendly = match friendly_names {
            true => name2.clone().unwrap_or_else(|| shorten_uuid(&name)),
            false => northbound.clone(),
        };
        Some(Self {
            uuid: row.uuid,
            key: u32::try_from(row.tunnel_key).ok()?,
            northbound,
            name,
            name2,
            friendly,
            ports: BTreeMap::new(),
            keys: HashMap::new(),
            groups: BTreeMap::new(),
        })
    }

    /// The port with this key.
    pub(crate) fn port(&self, key: u32) -> Option<&Port> {
        self.ports.get(&key)
    }

    /// Whether the datapath is a router that is on one chassis.
    pub(crate) fn has_l3_gateway(&self) -> bool {
        self.ports.values().any(|port| &*port.row.r#type == "l3gateway")
    }

    fn port_by_name(&self, name: &str) -> Option<&Port> {
        self.keys.get(name).and_then(|key| self.ports.get(key))
    }

    /// The name to show for a port's key.
    pub(crate) fn port_name(&self, key: u32) -> &str {
        match (key, self.ports.get(&key)) {
            (0, _) => "",
            (_, Some(port)) => &port.friendly,
            (_, None) => "(unnamed)",
        }
    }
}

/// A name that ends with a UUID, with only the first six digits of that.
fn shorten_uuid(name: &str) -> String {
    const UUID_LENGTH: usize = 36;
    const SHOWN: usize = 6;
    match name.len().checked_sub(UUID_LENGTH) {
        Some(start) if name.get(start..).is_some_and(|tail| tail.parse::<Uuid>().is_ok()) => {
            name[..start + SHOWN].to_owned()
        }
        _ => name.to_owned(),
    }
}

/// The flows of one logical table, the ones to try first at the front.
pub(crate) type FlowList = Rc<Vec<Arc<LogicalFlow>>>;

/// All flows of a datapath by their table.
type FlowIndex = HashMap<(Pipeline, u8), FlowList>;

/// The rows of a database.
pub(crate) struct Network<'t> {
    tables: &'t Tables,
    friendly_names: bool,
    datapaths: BTreeMap<Uuid, Datapath>,
    /// Which datapath has the port of a name. A name that several have is in neither.
    port_homes: HashMap<Str, Option<Uuid>>,
    flows: RefCell<HashMap<Uuid, Rc<FlowIndex>>>,
    warnings: RefCell<Vec<String>>,
}

impl<'t> Network<'t> {
    pub(crate) fn new(tables: &'t Tables, friendly_names: bool) -> Self {
        let mut network = Self {
            tables,
            friendly_names,
            datapaths: BTreeMap::new(),
            port_homes: HashMap::new(),
            flows: RefCell::default(),
            warnings: RefCell::default(),
        };
        for row in tables.datapath_binding.values() {
            network.datapaths.extend(Datapath::new(row, friendly_names).map(|datapath| (row.uuid, datapath)));
        }
        network.read_ports();
        network.read_groups();
        network
    }

    fn read_ports(&mut self) {
        for row in self.tables.port_binding.values() {
            let Some(datapath) = self.datapaths.get_mut(&row.datapath) else {
                self.warn(format!("logical port {} missing datapath", row.logical_port));
                continue;
            };
            let Ok(key) = u32::try_from(row.tunnel_key) else { continue };
            let friendly = match row.external_ids.get("name") {
                Some(name) if self.friendly_names && !name.is_empty() => name.to_string(),
                _ if self.friendly_names => shorten_uuid(&row.logical_port),
                _ => row.logical_port.to_string(),
            };
            let home = Some(row.datapath);
            if self.port_homes.insert(row.logical_port.clone(), home).is_some() {
                self.port_homes.insert(row.logical_port.clone(), None);
                self.warnings.borrow_mut().push(format!("duplicate logical port name {}", row.logical_port));
            }
            datapath.keys.insert(row.logical_port.clone(), key);
            datapath.ports.insert(key, Port { row: row.clone(), datapath: row.datapath, key, friendly });
        }
    }

    fn read_groups(&mut self) {
        for row in self.tables.multicast_group.values() {
            let Some(datapath) = self.datapaths.get_mut(&row.datapath) else {
                self.warn(format!("logical multicast group {} missing datapath", row.name));
                continue;
            };
            let Ok(key) = u32::try_from(row.tunnel_key) else { continue };
            let mut ports: Vec<(&Str, u32)> = Vec::new();
            for uuid in &row.ports {
                let Some(port) = self.tables.port_binding.get(uuid) else { continue };
                match datapath.keys.get(&port.logical_port) {
                    Some(&key) if port.datapath == row.datapath => ports.push((&port.logical_port, key)),
                    _ => self.warnings.borrow_mut().push(format!(
                        "multicast group {} in datapath {} contains port {} outside that datapath",
                        row.name, datapath.name, port.logical_port
                    )),
                }
            }
            ports.sort();
            let ports = ports.into_iter().map(|(_, key)| key).collect();
            datapath.keys.insert(row.name.clone(), key);
            datapath.groups.insert(key, Group { name: row.name.clone(), ports });
        }
    }

    /// Notes something for the log, once.
    pub(crate) fn warn(&self, warning: String) {
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    pub(crate) fn into_warnings(self) -> Vec<String> {
        self.warnings.into_inner()
    }

    pub(crate) fn tables(&self) -> &'t Tables {
        self.tables
    }

    pub(crate) fn datapath(&self, uuid: Uuid) -> Option<&Datapath> {
        self.datapaths.get(&uuid)
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
        let datapath = (*self.port_homes.get(name)?)?;
        self.datapaths.get(&datapath)?.port_by_name(name)
    }

    /// The flows of one table of a datapath, highest priority first.
    pub(crate) fn flows(&self, datapath: &Datapath, pipeline: Pipeline, table: u8) -> FlowList {
        let index = self.flows.borrow().get(&datapath.uuid).cloned();
        let index = index.unwrap_or_else(|| {
            let index = Rc::new(self.index_flows(datapath.uuid));
            self.flows.borrow_mut().insert(datapath.uuid, index.clone());
            index
        });
        index.get(&(pipeline, table)).cloned().unwrap_or_default()
    }

    fn index_flows(&self, datapath: Uuid) -> FlowIndex {
        let groups: BTreeSet<Uuid> = self
            .tables
            .logical_dp_group
            .values()
            .filter(|group| group.datapaths.contains(&datapath))
            .map(|group| group.uuid)
            .collect();
        let mut lists: HashMap<(Pipeline, u8), Vec<Arc<LogicalFlow>>> = HashMap::new();
        for flow in self.tables.logical_flow.values() {
            let ours = flow.logical_datapath == Some(datapath)
                || flow.logical_dp_group.is_some_and(|group| groups.contains(&group));
            if let (true, Some(pipeline), Ok(table)) =
                (ours, Pipeline::from_name(&flow.pipeline), u8::try_from(flow.table_id))
            {
                lists.entry((pipeline, table)).or_default().push(flow.clone());
            }
        }
        let sorted = |mut list: Vec<Arc<LogicalFlow>>| {
            list.sort_by_key(|flow| (std::cmp::Reverse(flow.priority), flow.uuid));
            Rc::new(list)
        };
        lists.into_iter().map(|(place, list)| (place, sorted(list))).collect()
    }

    /// A text of the logical language with the names of ports as they are to be shown.
    pub(crate) fn friendly(&self, datapath: &Datapath, text: &str) -> String {
        if !self.friendly_names {
            return text.to_owned();
        }
        let mut shown = String::new();
        let mut copied = 0;
        let mut lexer = Lexer::new(text);
        while let Ok((token, span)) = lexer.next() {
            match token {
                Token::End => break,
                Token::String(name) => {
                    let port = datapath.port_by_name(&name).or_else(|| self.port_by_name(&name));
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
        Names { network: self, datapath: Some(datapath) }
    }

    /// What names mean when it is not known yet which datapath is meant: sets and groups only.
    pub(crate) fn anywhere(&self) -> Names<'_> {
        Names { network: self, datapath: None }
    }
}

/// What the names in an expression mean.
pub(crate) struct Names<'n> {
    network: &'n Network<'n>,
    datapath: Option<&'n Datapath>,
}

impl Ports for Names<'_> {
    fn key(&self, name: &str) -> Option<u32> {
        let datapath = self.datapath?;
        if let Some(&key) = datapath.keys.get(name) {
            return Some(key);
        }
        // A name that a user sees is one that a user types.
        let mut friendly = datapath.ports.values().filter(|port| port.friendly == name);
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
        let groups = &self.network.tables.port_group;
        let of_datapath = self.datapath.map(|datapath| format!("{}_{name}", datapath.key));
        let named = |wanted: &str| groups.values().find(|group| &*group.name == wanted);
        let group = of_datapath.as_deref().and_then(named).or_else(|| named(name))?;
        Some(Arc::new(group.ports.iter().cloned().collect()))
    }
}

//! The operator: rows written as `ovn-nbctl` and `ovs-vsctl` write them, and rows read.

use ovsdb::{Datum, Mutator, ToDatum as _, Transaction, Uuid};
use schema::TypedRow as _;
use schema::nb::{self, LogicalSwitch, LogicalSwitchPort, NbGlobal};
use schema::sb;
use schema::vswitch::{Bridge, Interface, OpenVSwitch, Port};
use std::collections::BTreeSet;
use std::sync::Arc;

use super::tool::part_of;
use super::{GuestId, Part, Site, World};
use serde_json::Value;

impl World {
    /// Runs a northbound transaction, which must succeed.
    pub fn northbound_transact(&mut self, transaction: &Transaction) {
        self.central.transact("OVN_Northbound", transaction, self.queue.now());
        self.touched.insert(Part::Central);
        self.drain();
    }

    /// Runs operations on a database of a server.
    ///
    /// # Panics
    /// When the database refuses.
    pub fn operate(&mut self, site: Site, database: &str, operations: &[Value]) {
        let now = self.queue.now();
        self.server(site).operate(database, operations, now);
        self.touched.insert(part_of(site));
        self.drain();
    }

    /// `ovn-nbctl init`
    pub fn init_northbound(&mut self) {
        let mut transaction = Transaction::new();
        transaction.insert(NbGlobal::TABLE, self.uuids.generate(), NbGlobal::default().to_row());
        self.northbound_transact(&transaction);
    }

    /// `ovn-nbctl ls-add`
    pub fn add_logical_switch(&mut self, name: &str) -> Uuid {
        let uuid = self.uuids.generate();
        let row = LogicalSwitch { name: name.into(), ..LogicalSwitch::default() };
        let mut transaction = Transaction::new();
        transaction.insert(LogicalSwitch::TABLE, uuid, row.to_row());
        self.northbound_transact(&transaction);
        uuid
    }

    /// `ovn-nbctl lsp-add`, `lsp-set-addresses` and `lsp-set-port-security` for a guest.
    pub fn add_logical_port(&mut self, switch: Uuid, guest: GuestId) {
        let guest = &self.guests[guest.0];
        let ips: Vec<String> = guest.ips.iter().map(|cidr| cidr.addr.to_string()).collect();
        let addresses: BTreeSet<ovsdb::Str> = [format!("{} {}", guest.mac, ips.join(" ")).into()].into();
        let row = LogicalSwitchPort {
            name: guest.name.as_str().into(),
            port_security: addresses.clone(),
            addresses,
            ..LogicalSwitchPort::default()
        };
        let uuid = self.uuids.generate();
        let mut transaction = Transaction::new();
        transaction.insert(LogicalSwitchPort::TABLE, uuid, row.to_row());
        transaction.mutate(LogicalSwitch::TABLE, switch, "ports", Mutator::Insert, Datum::scalar(uuid));
        self.northbound_transact(&transaction);
    }

    /// `ovs-vsctl add-port br-int GUEST -- set Interface GUEST external_ids:iface-id=GUEST`
    ///
    /// # Panics
    /// If the controller of the chassis has not made the bridge yet.
    pub fn plug(&mut self, id: GuestId) {
        let guest = &self.guests[id.0];
        let chassis = &mut self.chassis[guest.chassis.0];
        let rows = chassis.rows();
        let bridge = rows.bridge.values().find(|bridge| &*bridge.name == "br-int").expect("br-int is there");
        let name: ovsdb::Str = guest.name.as_str().into();
        let (port, interface) = (self.uuids.generate(), self.uuids.generate());
        let external_ids = [("iface-id".into(), name.clone())].into();
        let row = Interface { name: name.clone(), external_ids, ..Interface::default() };
        let mut transaction = Transaction::new();
        transaction.insert(Interface::TABLE, interface, row.to_row());
        let row = Port { name, interfaces: [interface].into(), ..Port::default() };
        transaction.insert(Port::TABLE, port, row.to_row());
        let ports: BTreeSet<Uuid> = [port].into();
        transaction.mutate(Bridge::TABLE, bridge.uuid, "ports", Mutator::Insert, ports.to_datum());
        let root = *rows.open_vswitch.keys().next().expect("the first row was written");
        transaction.mutate(OpenVSwitch::TABLE, root, "next_cfg", Mutator::Add, Datum::scalar(1));
        chassis.database.transact("Open_vSwitch", &transaction, self.queue.now());
        let id = guest.chassis;
        self.touched.insert(Part::Chassis(id));
        self.drain();
    }

    /// What `ovn-nbctl --wait=hv` does first. Gives the number that `hv_cfg` is to become.
    pub fn ask_for_hv_cfg(&mut self) -> i64 {
        let row = self.global().0;
        let mut transaction = Transaction::new();
        transaction.mutate(NbGlobal::TABLE, row, "nb_cfg", Mutator::Add, Datum::scalar(1));
        self.northbound_transact(&transaction);
        self.global().1.nb_cfg
    }

    /// The `hv_cfg` of the northbound database.
    pub fn hv_cfg(&self) -> i64 {
        self.global().1.hv_cfg
    }

    fn global(&self) -> (Uuid, Arc<NbGlobal>) {
        let rows = self.northbound().nb_global;
        rows.into_iter().next().expect("init_northbound was called")
    }

    /// The northbound rows.
    pub fn northbound(&self) -> nb::Tables {
        let mut tables = nb::Tables::default();
        self.central.read("OVN_Northbound", |table, uuid, row| {
            let columns = nb::TableId::from_name(table).expect("a table of the schema").columns();
            tables.replace(table, uuid, Some(&row(columns))).expect("rows follow the schema");
        });
        tables
    }

    /// The southbound rows.
    pub fn southbound(&self) -> sb::Tables {
        let mut tables = sb::Tables::default();
        self.central.read("OVN_Southbound", |table, uuid, row| {
            let columns = sb::TableId::from_name(table).expect("a table of the schema").columns();
            tables.replace(table, uuid, Some(&row(columns))).expect("rows follow the schema");
        });
        tables
    }
}

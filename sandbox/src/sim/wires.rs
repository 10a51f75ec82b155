//! Connections: between processes that find each other, lose each other and try again.

use std::time::Duration;

use controller::Link;
use openflow::Version;
use ovsdb::Str;
use ovsdb::rpc::Message;

use super::chassis::Wire;
use super::database::DatabaseNode;
use super::{
    CONTROL_DELAY, ChassisId, Client, Delivery, OPENFLOW_PACE, Part, RECONNECT_DELAY, Site, WireId, World,
    tool,
};

/// The server that a client is of.
fn site_of(client: Client) -> Site {
    match client {
        Client::Northd(_) | Client::Controller(_, Link::Southbound) => Site::Central,
        Client::Switch(id)
        | Client::Heir(id)
        | Client::Controller(id, Link::Vswitch | Link::Flows | Link::Packets) => Site::Chassis(id),
        Client::Tool(site, _) => site,
    }
}

/// Whose client it is.
fn owner(client: Client, site: Site) -> Part {
    match client {
        Client::Northd(_) => Part::Northd,
        Client::Switch(id) | Client::Heir(id) | Client::Controller(id, _) => Part::Chassis(id),
        Client::Tool(..) => tool::part_of(site),
    }
}

impl World {
    /// Whether the process runs whose client it is.
    fn runs_client(&self, client: Client) -> bool {
        match client {
            Client::Northd(_) => self.northd_runs,
            Client::Switch(id) => self.chassis[id.0].switch_runs,
            Client::Heir(id) => self.chassis[id.0].heir.is_some(),
            Client::Controller(id, _) => self.chassis[id.0].controller_runs,
            Client::Tool(..) => true,
        }
    }

    pub(super) fn server(&mut self, site: Site) -> &mut DatabaseNode {
        match site {
            Site::Central => &mut self.central,
            Site::Chassis(id) => &mut self.chassis[id.0].database,
        }
    }

    /// A client says something to its server; lost if it is not connected.
    pub(super) fn say(&mut self, client: Client, message: Message) {
        let site = site_of(client);
        if let Some(session) = self.server(site).session(client) {
            self.queue.push(CONTROL_DELAY, Delivery::ToServer(site, session, message));
        }
    }

    /// The controller says something to its bridge, which takes one message after the other: packets pass in between,
    /// and meet whatever the flows are at that moment.
    pub(super) fn say_openflow(&mut self, id: ChassisId, link: Link, message: &openflow::Message) {
        let chassis = &mut self.chassis[id.0];
        let Some(wire) = chassis.conns.get(&link) else { return };
        let now = self.queue.now();
        let at = (chassis.bridge_free_at + OPENFLOW_PACE).max(now + CONTROL_DELAY);
        chassis.bridge_free_at = at;
        let octets = message.encode_split(Version::Of15).concat();
        self.queue.push(at - now, Delivery::ToBridge(id, wire.id, octets));
    }

    /// A connection ends, and its client tries again after a while.
    pub(super) fn reconnect(&mut self, client: Client) {
        self.disconnect(client);
        self.queue.push(RECONNECT_DELAY, Delivery::Connect(client));
    }

    /// The same for a connection to the bridge.
    pub(super) fn reconnect_bridge(&mut self, id: ChassisId, link: Link) {
        self.disconnect_bridge(id, link);
        self.begin(id, link, RECONNECT_DELAY);
    }

    pub(super) fn connect(&mut self, client: Client) {
        let now = self.now();
        if let Client::Controller(id, link) = client
            && !self.chassis[id.0].targets.contains_key(&link)
        {
            // It was asked for by a controller that is no more.
            return;
        }
        let site = site_of(client);
        if !self.runs_client(client) || self.server(site).session(client).is_some() {
            return;
        }
        if !self.server(site).open(client, now.instant) {
            return self.queue.push(RECONNECT_DELAY, Delivery::Connect(client));
        }
        self.touched.extend([tool::part_of(site), owner(client, site)]);
        match client {
            Client::Northd(db) => self.northd.connected(db, now.instant),
            Client::Switch(id) => self.chassis[id.0].switch.database_connected(now.instant),
            Client::Heir(id) => {
                self.chassis[id.0].heir.iter_mut().for_each(|heir| heir.connected(now.instant));
            }
            Client::Controller(id, link) => self.chassis[id.0].controller.connected(link, now),
            Client::Tool(..) => {}
        }
    }

    pub(super) fn connect_bridge(&mut self, id: ChassisId, link: Link) {
        let now = self.now();
        self.touched.insert(Part::Chassis(id));
        let chassis = &mut self.chassis[id.0];
        let Some(target) = chassis.targets.get(&link).filter(|_| !chassis.conns.contains_key(&link)) else {
            return;
        };
        let bridge = target.rsplit('/').next().and_then(|file| file.strip_suffix(".mgmt"));
        let bridge = bridge.expect("controllers connect to management sockets");
        match chassis.switch.openflow_accepted(bridge, now.instant) {
            Some(conn) => {
                self.opened += 1;
                let wire = Wire { id: WireId(self.opened), conn, framer: openflow::Framer::default() };
                chassis.conns.insert(link, wire);
                chassis.controller.connected(link, now);
            }
            None => self.queue.push(RECONNECT_DELAY, Delivery::ConnectBridge(id, link)),
        }
    }

    /// A connection ends, and its client hears of it.
    fn disconnect(&mut self, client: Client) {
        let now = self.now();
        let site = site_of(client);
        self.server(site).close(client);
        self.touched.extend([tool::part_of(site), owner(client, site)]);
        match client {
            Client::Northd(db) => self.northd.disconnected(db, now.instant),
            Client::Switch(id) => self.chassis[id.0].switch.database_disconnected(now.instant),
            Client::Heir(id) => {
                self.chassis[id.0].heir.iter_mut().for_each(|heir| heir.disconnected(now.instant));
            }
            Client::Controller(id, link) => self.chassis[id.0].controller.disconnected(link, now),
            Client::Tool(..) => {}
        }
    }

    fn disconnect_bridge(&mut self, id: ChassisId, link: Link) {
        let now = self.now();
        self.touched.insert(Part::Chassis(id));
        let chassis = &mut self.chassis[id.0];
        if let Some(wire) = chassis.conns.remove(&link) {
            chassis.switch.switch_mut().openflow_closed(wire.conn);
            chassis.controller.disconnected(link, now);
        }
    }

    /// The controller wants `link` to be with `target` from now on.
    pub(super) fn aim(&mut self, id: ChassisId, link: Link, target: Str) {
        let before = self.chassis[id.0].targets.insert(link, target.clone());
        if before.as_ref() != Some(&target) {
            self.end(id, link);
            self.begin(id, link, CONTROL_DELAY);
        }
    }

    pub(super) fn begin(&mut self, id: ChassisId, link: Link, after: Duration) {
        let attempt = match link {
            Link::Vswitch | Link::Southbound => Delivery::Connect(Client::Controller(id, link)),
            Link::Flows | Link::Packets => Delivery::ConnectBridge(id, link),
        };
        self.queue.push(after, attempt);
    }

    pub(super) fn end(&mut self, id: ChassisId, link: Link) {
        match link {
            Link::Vswitch | Link::Southbound => {
                let client = Client::Controller(id, link);
                if self.server(site_of(client)).session(client).is_some() {
                    self.disconnect(client);
                }
            }
            Link::Flows | Link::Packets => self.disconnect_bridge(id, link),
        }
    }
}

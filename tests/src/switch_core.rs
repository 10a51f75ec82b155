//! A switch's core without a daemon around it.

use std::time::Instant;

use datapath::{ConnKind, DeviceId, PortKind, PortSpec, Switch};
use openflow::{Body, FlowMod, Message, Version, Versions};

/// One bridge with the ports 1 to `ports`, each a device of the same number, and these flows.
pub fn switch_of(ports: u32, flows: &[&str], now: Instant) -> Switch {
    let mut switch = Switch::new(1);
    let bridge = switch.add_bridge("br", 1);
    for n in 1..=ports {
        let port = PortSpec::new(n, &format!("p{n}"), PortKind::Device(DeviceId(n)));
        switch.add_port(bridge, port, now).expect("numbers and names differ");
    }
    let versions = Versions::of(&[Version::Of15]);
    let connection = switch.openflow_connected(bridge, ConnKind::Service, versions, now);
    switch.openflow_input(connection, &Message::encode_hello(1, versions), now);
    for flow in flows {
        let flow: FlowMod = flow.parse().unwrap_or_else(|error| panic!("{flow}: {error}"));
        switch.openflow_input(connection, &Body::FlowMod(flow).with_xid(2).encode(Version::Of15), now);
    }
    switch
}

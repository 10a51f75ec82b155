//! What a chassis has in its switch database: one transaction that describes it whole. Pure.

use crate::text::values::Name;
use crate::topology::{Attach, Chassis, Guest};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The integration bridge.
pub const INTEGRATION: &str = "br-int";
/// The interface by which a chassis is on the fabric.
pub const UPLINK: &str = "uplink";
/// With a switch that terminates tunnels inside its own datapath: the bridge that has the uplink and the address.
pub const UNDERLAY_BRIDGE: &str = "br-phys";

/// A chassis as its switch database is to describe it.
pub struct Description<'a> {
    pub name: &'a Name,
    pub chassis: &'a Chassis,
    /// `ovn-remote`.
    pub southbound: String,
    pub guests: Vec<(&'a Name, &'a Guest, Attach)>,
    /// The uplink belongs to [`UNDERLAY_BRIDGE`].
    pub underlay_bridge: bool,
}

impl Description<'_> {
    /// The operations that fill an empty database.
    pub fn operations(&self) -> Vec<Value> {
        let mut operations = Vec::new();
        let mut ports = vec![port(&mut operations, INTEGRATION, "internal", json!({}))];
        for (name, guest, attach) in &self.guests {
            ports.push(guest_port(&mut operations, name, guest, *attach));
        }
        let mut bridges = vec![bridge(&mut operations, INTEGRATION, &ports, Some("secure"))];
        if self.underlay_bridge {
            let ports = [
                port(&mut operations, UNDERLAY_BRIDGE, "internal", json!({})),
                port(&mut operations, UPLINK, "", json!({})),
            ];
            bridges.push(bridge(&mut operations, UNDERLAY_BRIDGE, &ports, None));
        }
        let bridges: Vec<Value> = bridges.iter().map(|b| json!(["named-uuid", b])).collect();
        operations.push(json!({
            "op": "insert",
            "table": "Open_vSwitch",
            "row": { "bridges": ["set", bridges], "next_cfg": 1, "external_ids": map(&self.external_ids()) },
        }));
        operations
    }

    fn external_ids(&self) -> BTreeMap<String, String> {
        let address = self.chassis.address.addr.to_string();
        let own = [
            ("system-id", self.name.to_string()),
            ("hostname", self.name.to_string()),
            ("ovn-remote", self.southbound.clone()),
            ("ovn-encap-type", "geneve".to_owned()),
            ("ovn-encap-ip", address),
            ("ovn-bridge-datapath-type", "netdev".to_owned()),
        ];
        let mut ids: BTreeMap<String, String> = own.map(|(k, v)| (k.to_owned(), v)).into();
        ids.extend(self.chassis.external_ids.clone());
        ids
    }
}

/// The operations that give a running chassis one more guest.
pub fn add_guest(name: &Name, guest: &Guest, attach: Attach) -> Vec<Value> {
    let mut operations = Vec::new();
    let port = guest_port(&mut operations, name, guest, attach);
    let added = json!([["ports", "insert", ["set", [["named-uuid", port]]]]]);
    operations.push(json!({
        "op": "mutate", "table": "Bridge", "where": [["name", "==", INTEGRATION]], "mutations": added,
    }));
    operations.push(json!({
        "op": "mutate", "table": "Open_vSwitch", "where": [], "mutations": [["next_cfg", "+=", 1]],
    }));
    operations
}

fn guest_port(operations: &mut Vec<Value>, name: &Name, guest: &Guest, attach: Attach) -> String {
    let kind = match attach {
        Attach::Veth => "",
        Attach::Tap => "internal",
    };
    let ids = json!({ "iface-id": guest.port_name(name), "attached-mac": guest.mac.to_string() });
    port(operations, name.as_str(), kind, ids)
}

/// Inserts an interface and its port; the port's symbol.
fn port(operations: &mut Vec<Value>, name: &str, kind: &str, ids: Value) -> String {
    let ids: BTreeMap<String, String> = serde_json::from_value(ids).expect("a map of texts");
    let (interface, port) = (symbol("interface", name), symbol("port", name));
    operations.push(json!({
        "op": "insert", "table": "Interface", "uuid-name": interface,
        "row": { "name": name, "type": kind, "external_ids": map(&ids) },
    }));
    operations.push(json!({
        "op": "insert", "table": "Port", "uuid-name": port,
        "row": { "name": name, "interfaces": ["named-uuid", interface] },
    }));
    port
}

/// Inserts a bridge; its symbol.
fn bridge(operations: &mut Vec<Value>, name: &str, ports: &[String], fail_mode: Option<&str>) -> String {
    let symbol = symbol("bridge", name);
    let ports: Vec<Value> = ports.iter().map(|p| json!(["named-uuid", p])).collect();
    let mut row = json!({ "name": name, "datapath_type": "netdev", "ports": ["set", ports] });
    if let Some(mode) = fail_mode {
        row["fail_mode"] = mode.into();
        row["other_config"] = json!(["map", [["disable-in-band", "true"]]]);
    }
    operations.push(json!({ "op": "insert", "table": "Bridge", "uuid-name": symbol, "row": row }));
    symbol
}

/// The name of a row in a transaction: letters and digits stay, others become their code, so that different
/// names stay different.
fn symbol(kind: &str, name: &str) -> String {
    let word: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("_{:x}_", u32::from(c)) })
        .collect();
    format!("{kind}_{word}")
}

fn map(pairs: &BTreeMap<String, String>) -> Value {
    let pairs: Vec<Value> = pairs.iter().map(|(k, v)| json!([k, v])).collect();
    json!(["map", pairs])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Source;
    use crate::topology::Topology;

    #[test]
    fn a_chassis_is_described_in_one_transaction() {
        let text = "\
version: 1
name: t
chassis:
  hv1: {address: 172.31.0.1/24, external-ids: {ovn-encap-type: vxlan}}
guests:
  vm-1: {chassis: hv1, mac: 0a:00:00:00:00:01, port: p1, attach: tap}
";
        let (topology, _) = Topology::read(&Source::new("t", text)).unwrap();
        let (name, chassis) = topology.chassis.first_key_value().unwrap();
        let description = Description {
            name,
            chassis,
            southbound: "unix:/sb.sock".into(),
            guests: topology.guests.iter().map(|(n, g)| (n, g, g.attach)).collect(),
            underlay_bridge: true,
        };
        let text: String = description.operations().iter().map(|o| format!("{o}\n")).collect();
        insta::assert_snapshot!(text, @r#"
        {"op":"insert","row":{"external_ids":["map",[]],"name":"br-int","type":"internal"},"table":"Interface","uuid-name":"interface_br_2d_int"}
        {"op":"insert","row":{"interfaces":["named-uuid","interface_br_2d_int"],"name":"br-int"},"table":"Port","uuid-name":"port_br_2d_int"}
        {"op":"insert","row":{"external_ids":["map",[["attached-mac","0a:00:00:00:00:01"],["iface-id","p1"]]],"name":"vm-1","type":"internal"},"table":"Interface","uuid-name":"interface_vm_2d_1"}
        {"op":"insert","row":{"interfaces":["named-uuid","interface_vm_2d_1"],"name":"vm-1"},"table":"Port","uuid-name":"port_vm_2d_1"}
        {"op":"insert","row":{"datapath_type":"netdev","fail_mode":"secure","name":"br-int","other_config":["map",[["disable-in-band","true"]]],"ports":["set",[["named-uuid","port_br_2d_int"],["named-uuid","port_vm_2d_1"]]]},"table":"Bridge","uuid-name":"bridge_br_2d_int"}
        {"op":"insert","row":{"external_ids":["map",[]],"name":"br-phys","type":"internal"},"table":"Interface","uuid-name":"interface_br_2d_phys"}
        {"op":"insert","row":{"interfaces":["named-uuid","interface_br_2d_phys"],"name":"br-phys"},"table":"Port","uuid-name":"port_br_2d_phys"}
        {"op":"insert","row":{"external_ids":["map",[]],"name":"uplink","type":""},"table":"Interface","uuid-name":"interface_uplink"}
        {"op":"insert","row":{"interfaces":["named-uuid","interface_uplink"],"name":"uplink"},"table":"Port","uuid-name":"port_uplink"}
        {"op":"insert","row":{"datapath_type":"netdev","name":"br-phys","ports":["set",[["named-uuid","port_br_2d_phys"],["named-uuid","port_uplink"]]]},"table":"Bridge","uuid-name":"bridge_br_2d_phys"}
        {"op":"insert","row":{"bridges":["set",[["named-uuid","bridge_br_2d_int"],["named-uuid","bridge_br_2d_phys"]]],"external_ids":["map",[["hostname","hv1"],["ovn-bridge-datapath-type","netdev"],["ovn-encap-ip","172.31.0.1"],["ovn-encap-type","vxlan"],["ovn-remote","unix:/sb.sock"],["system-id","hv1"]]],"next_cfg":1},"table":"Open_vSwitch"}
        "#);
        let (name, guest) = topology.guests.first_key_value().unwrap();
        let text: String = add_guest(name, guest, Attach::Veth).iter().map(|o| format!("{o}\n")).collect();
        insta::assert_snapshot!(text, @r#"
        {"op":"insert","row":{"external_ids":["map",[["attached-mac","0a:00:00:00:00:01"],["iface-id","p1"]]],"name":"vm-1","type":""},"table":"Interface","uuid-name":"interface_vm_2d_1"}
        {"op":"insert","row":{"interfaces":["named-uuid","interface_vm_2d_1"],"name":"vm-1"},"table":"Port","uuid-name":"port_vm_2d_1"}
        {"mutations":[["ports","insert",["set",[["named-uuid","port_vm_2d_1"]]]]],"op":"mutate","table":"Bridge","where":[["name","==","br-int"]]}
        {"mutations":[["next_cfg","+=",1]],"op":"mutate","table":"Open_vSwitch","where":[]}
        "#);
    }
}

//! The law of change propagation: after any changes, flows are what they would be had the rows come as they are now.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::tests::lab::{Lab, On, uuid};

/// One change of what there is. Numbers are taken modulo what there is of a kind.
#[derive(Clone, Debug)]
enum Transition {
    Port {
        port: u8,
        switch: u8,
        key: u8,
        kind: u8,
        security: bool,
    },
    DeletePort(u8),
    /// The row of a port is replaced by another one with the same name.
    RecreatePort(u8),
    Bind {
        port: u8,
        chassis: u8,
    },
    Interface {
        port: u8,
        plugged: bool,
    },
    Patch {
        port: u8,
        plugged: bool,
    },
    Group {
        switch: u8,
        members: u8,
    },
    DeleteGroup(u8),
    Switch {
        switch: u8,
        key: u8,
    },
    DeleteSwitch(u8),
    DatapathGroup {
        members: u8,
    },
    Flow {
        flow: u8,
        matching: u8,
        actions: u8,
        on: u8,
    },
    DeleteFlow(u8),
    AddressSet {
        members: u8,
    },
    DeleteAddressSet,
    PortGroup {
        key: u8,
        members: u8,
    },
    DeletePortGroup(u8),
    Meter(u8),
    DeleteMeter,
    Variable(u8),
    Learned {
        port: u8,
        present: bool,
    },
    Connect {
        switch: u8,
        key: u8,
    },
    Disconnect(u8),
    Gateway {
        switch: u8,
        chassis: u8,
    },
    DeleteGateway(u8),
    Router {
        present: bool,
    },
    Balancer {
        switches: u8,
        snat: bool,
    },
    DeleteBalancer,
    Neighbor {
        switch: u8,
        present: bool,
    },
    Tunnel {
        present: bool,
    },
    GeneveField(u8),
    /// What came so far is computed.
    Step,
}

const PORTS: [&str; 6] = ["p0", "p1", "p2", "p3", "p4", "p5"];
const SWITCHES: [&str; 3] = ["sw0", "sw1", "sw2"];
const MATCHES: [&str; 10] = [
    "1",
    "ip4.dst == ^v",
    "inport == \"p0\"",
    "inport == {\"p0\", \"p1\", \"p2\"} && ip4.src == $a",
    "ip4.src == $a && ip4.dst == $a && tcp.dst == {1, 2, 3}",
    "eth.dst == 00:00:00:00:00:01",
    "outport == \"_MC_flood\"",
    "inport == @pg && ip4",
    "ip4.src == $b",
    "is_chassis_resident(\"p1\") && ip6",
];
const PORT_GROUPS: [&str; 4] = ["1_pg", "2_pg", "3_pg", "pg"];
const ACTIONS: [&str; 7] = [
    "next;",
    "drop;",
    "outport = \"p1\"; output;",
    "outport = \"_MC_flood\"; output;",
    "ct_lb_mark(backends=10.0.0.1,10.0.0.2);",
    "bogus",
    "log(verdict=drop, meter=\"m\"); set_meter(7); next;",
];

fn apply(lab: &mut Lab, transition: &Transition) {
    let port = |n: u8| PORTS[usize::from(n) % PORTS.len()];
    let switch = |n: u8| SWITCHES[usize::from(n) % SWITCHES.len()];
    match *transition {
        Transition::Port { port: p, switch: s, key, kind, security } => {
            let chassis = lab.rows.ports.get(&uuid("Port_Binding", port(p))).and_then(|row| row.chassis);
            // Keys are unique, as the database has it.
            lab.port(switch(s), port(p), 1 + i64::from(p % 6) + 10 * i64::from(key % 2), |row| {
                row.chassis = chassis;
                match kind % 5 {
                    0 | 1 => {}
                    2 => row.r#type = "localnet".into(),
                    3 => row.r#type = "localport".into(),
                    _ => {
                        row.parent_port = Some(port(p.wrapping_add(1)).into());
                        row.tag = Some(i64::from(key));
                    }
                }
                if security {
                    row.port_security = ["00:00:00:00:00:01 10.0.0.1".into()].into();
                }
            });
        }
        Transition::DeletePort(p) => lab.delete_port(uuid("Port_Binding", port(p))),
        Transition::RecreatePort(p) => {
            if let Some(row) = lab.rows.ports.get(&uuid("Port_Binding", port(p))).cloned() {
                let new = uuid("Port_Binding", &format!("again {}", port(p)));
                lab.put_port(schema::sb::PortBinding { uuid: new, ..row.clone() });
                lab.delete_port(row.uuid);
            }
        }
        Transition::Bind { port: p, chassis } => {
            lab.bind(port(p), [None, Some("hv1"), Some("hv2"), Some("hv3")][usize::from(chassis % 4)]);
        }
        Transition::Interface { port: p, plugged } => {
            lab.interface(port(p), plugged.then_some(20 + u32::from(p % 6)));
        }
        Transition::Patch { port: p, plugged: true } => lab.patch(port(p), 40 + u32::from(p % 6)),
        Transition::Patch { port: p, plugged: false } => {
            lab.rows.host.localnets.remove(port(p));
            lab.interface("nobody", None);
        }
        Transition::Group { switch: s, members } => {
            let members: Vec<&str> = (0..6).filter(|n| members >> n & 1 != 0).map(port).collect();
            lab.group(switch(s), "_MC_flood", 32768, &members);
        }
        Transition::DeleteGroup(s) => {
            lab.delete_group(uuid("Multicast_Group", &format!("{} _MC_flood", switch(s))));
        }
        Transition::Switch { switch: s, key } => {
            lab.switch(switch(s), 1 + i64::from(s % 3) + 10 * i64::from(key % 2));
        }
        Transition::DeleteSwitch(s) => lab.delete_datapath(uuid("Datapath_Binding", switch(s))),
        Transition::DatapathGroup { members } => {
            let members: Vec<&str> = (0..3).filter(|n| members >> n & 1 != 0).map(switch).collect();
            lab.datapath_group("g", &members);
        }
        Transition::Flow { flow, matching, actions, on } => {
            let on = match on % 5 {
                0 => On::Group("g"),
                1 => On::SwitchWithPort(switch(flow), "p0"),
                n => On::Switch(switch(n)),
            };
            let matching = MATCHES[usize::from(matching) % MATCHES.len()];
            let actions = ACTIONS[usize::from(actions) % ACTIONS.len()];
            lab.flow(&format!("f{}", flow % 5), matching, actions, on);
        }
        Transition::DeleteFlow(flow) => lab.delete_flow(uuid("Logical_Flow", &format!("f{}", flow % 5))),
        Transition::AddressSet { members } => {
            let addresses = ["10.0.0.1", "10.0.0.2", "10.0.1.0/24", "fd00::1"];
            let few = (0..4).filter(|n| members >> n & 1 != 0).map(|n: usize| addresses[n].to_owned());
            // Enough for a large set, or not quite.
            let many = (0..members >> 4).map(|n| format!("10.0.2.{n}"));
            let members: Vec<String> = few.chain(many).collect();
            let members: Vec<&str> = members.iter().map(String::as_str).collect();
            lab.address_set("a", &members);
        }
        Transition::Variable(n) => match n % 4 {
            0 => lab.delete_variables(uuid("Chassis_Template_Var", "hv1")),
            1 => lab.variables("hv1", &[("v", "10.0.0.9"), ("w", "1")]),
            2 => lab.variables("hv1", &[("v", "{10.0.0.1, 10.0.0.2}")]),
            _ => lab.variables("hv2", &[("v", "10.0.0.3")]),
        },
        Transition::Meter(rate) => lab.meter("m", i64::from(rate % 3) + 1),
        Transition::DeleteMeter => lab.delete_meter(uuid("Meter", "m")),
        Transition::DeleteAddressSet => lab.delete_set(uuid("Address_Set", "a")),
        Transition::PortGroup { key, members } => {
            let ports = (0..PORTS.len()).filter(|n| members >> n & 1 != 0).map(|n| PORTS[n]);
            lab.port_group(PORT_GROUPS[usize::from(key) % 4], &ports.collect::<Vec<_>>());
        }
        Transition::DeletePortGroup(key) => {
            lab.delete_port_group(uuid("Port_Group", PORT_GROUPS[usize::from(key) % 4]));
        }
        Transition::Learned { port: p, present: true } => {
            lab.learned("l", "00:00:00:00:00:77", 1, i64::from(p % 8) + 1);
        }
        Transition::Learned { present: false, .. } => lab.delete_learned(uuid("FDB", "l")),
        Transition::Tunnel { present } => {
            let port = openflow::PortNo(103);
            if present {
                let tunnel = crate::host::TunnelPort {
                    kind: crate::model::EncapKind::Geneve,
                    chassis: "hv3".into(),
                    remote: [10, 0, 0, 3].into(),
                };
                lab.rows.host.tunnels.insert(port, tunnel);
            } else {
                lab.rows.host.tunnels.remove(&port);
            }
            lab.interface("nobody", None);
        }
        Transition::Connect { switch: s, key } => {
            lab.connect(switch(s), "lr0", 20 + i64::from(s % 3) + 10 * i64::from(key % 2));
        }
        Transition::Disconnect(s) => {
            for name in [format!("{}-lr0", switch(s)), format!("lr0-{}", switch(s))]
                .into_iter()
                .take(1 + usize::from(s / 4 % 2))
            {
                lab.delete_port(uuid("Port_Binding", &name));
            }
        }
        Transition::Gateway { switch: s, chassis } => {
            if lab.rows.ports.contains_key(&uuid("Port_Binding", &format!("lr0-{}", switch(s)))) {
                let all = ["hv1", "hv2", "hv3"];
                let chassis =
                    &all[usize::from(chassis % 3)..=usize::from((chassis % 3).max(chassis / 3 % 3))];
                lab.gateway("lr0", switch(s), 40 + i64::from(s % 3), chassis);
            }
        }
        Transition::DeleteGateway(s) => {
            lab.delete_port(uuid("Port_Binding", &format!("cr-lr0-{}", switch(s))));
        }
        Transition::Router { present: true } => drop(lab.router("lr0", 9)),
        Transition::Router { present: false } => lab.delete_datapath(uuid("Datapath_Binding", "lr0")),
        Transition::Balancer { switches, snat } => {
            let on: Vec<&str> = (0..3).filter(|n| switches >> n & 1 != 0).map(switch).collect();
            let vips = [("10.9.0.1:80", "10.0.0.1:8080,10.0.0.2:8080"), ("fd00::9", "fd00::1")];
            lab.balancer("lb", &on, &vips, if snat { "10.9.0.7" } else { "" });
        }
        Transition::DeleteBalancer => lab.delete_balancer(uuid("Load_Balancer", "lb")),
        Transition::Neighbor { switch: s, present: true } => {
            lab.neighbor(&format!("lr0-{}", switch(s)), "10.0.0.77", "00:00:00:00:00:77");
        }
        Transition::Neighbor { present: false, .. } => lab.delete_neighbor(uuid("MAC_Binding", "10.0.0.77")),
        Transition::GeneveField(n) => lab.inputs.geneve_field((n % 3 != 0).then_some(0)),
        Transition::Step => drop(lab.step()),
    }
}

fn transition() -> impl Strategy<Value = Transition> {
    use Transition as T;
    prop_oneof![
        6 => any::<(u8, u8, u8, u8, bool)>()
            .prop_map(|(port, switch, key, kind, security)| T::Port { port, switch, key, kind, security }),
        2 => any::<u8>().prop_map(T::DeletePort),
        1 => any::<u8>().prop_map(T::RecreatePort),
        3 => any::<(u8, u8)>().prop_map(|(port, chassis)| T::Bind { port, chassis }),
        5 => any::<(u8, bool)>().prop_map(|(port, plugged)| T::Interface { port, plugged }),
        2 => any::<(u8, bool)>().prop_map(|(port, plugged)| T::Patch { port, plugged }),
        2 => any::<(u8, u8)>().prop_map(|(switch, members)| T::Group { switch, members }),
        1 => any::<u8>().prop_map(T::DeleteGroup),
        3 => any::<(u8, u8)>().prop_map(|(switch, key)| T::Switch { switch, key }),
        1 => any::<u8>().prop_map(T::DeleteSwitch),
        1 => any::<u8>().prop_map(|members| T::DatapathGroup { members }),
        6 => any::<(u8, u8, u8, u8)>().prop_map(|(flow, matching, actions, on)| T::Flow { flow, matching, actions, on }),
        1 => any::<u8>().prop_map(T::DeleteFlow),
        2 => any::<u8>().prop_map(|members| T::AddressSet { members }),
        1 => Just(T::DeleteAddressSet),
        2 => any::<(u8, u8)>().prop_map(|(key, members)| T::PortGroup { key, members }),
        1 => any::<u8>().prop_map(T::DeletePortGroup),
        2 => any::<u8>().prop_map(T::Meter),
        1 => Just(T::DeleteMeter),
        1 => any::<u8>().prop_map(T::Variable),
        1 => any::<(u8, bool)>().prop_map(|(port, present)| T::Learned { port, present }),
        1 => any::<bool>().prop_map(|present| T::Tunnel { present }),
        1 => any::<u8>().prop_map(T::GeneveField),
        3 => any::<(u8, u8)>().prop_map(|(switch, key)| T::Connect { switch, key }),
        1 => any::<u8>().prop_map(T::Disconnect),
        2 => any::<(u8, u8)>().prop_map(|(switch, chassis)| T::Gateway { switch, chassis }),
        1 => any::<u8>().prop_map(T::DeleteGateway),
        1 => any::<bool>().prop_map(|present| T::Router { present }),
        1 => any::<(u8, bool)>().prop_map(|(switches, snat)| T::Balancer { switches, snat }),
        1 => Just(T::DeleteBalancer),
        1 => any::<(u8, bool)>().prop_map(|(switch, present)| T::Neighbor { switch, present }),
        8 => Just(T::Step),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changes_come_to_the_same_as_a_fresh_start(transitions in vec(transition(), 1..60)) {
        let mut lab = Lab::new();
        for switch in SWITCHES {
            lab.switch(switch, i64::from(switch.as_bytes()[2] - b'0') + 1);
        }
        lab.router("lr0", 9);
        let mut field = Some(0);
        for transition in &transitions {
            apply(&mut lab, transition);
            if let Transition::GeneveField(n) = transition {
                field = (n % 3 != 0).then_some(0);
            }
        }
        lab.step();
        let mut fresh = Lab::from_rows(&lab.rows);
        fresh.inputs.geneve_field(field);
        fresh.step();
        // Zones depend on who came first.
        let zones = |lab: &Lab| lab.inputs.zones.by_name().keys().cloned().collect::<Vec<_>>();
        prop_assert_eq!(zones(&lab), zones(&fresh));
        let without_zones = |lab: &Lab| -> Vec<String> { lab.all().iter().map(|flow| blur(flow)).collect() };
        prop_assert_eq!(without_zones(&lab), without_zones(&fresh));
        let groups = |lab: &Lab| lab.flows.groups.wanted().map(|(n, group)| (n, group.clone())).collect::<Vec<_>>();
        prop_assert_eq!(groups(&lab), groups(&fresh));
        let meters = |lab: &Lab| lab.flows.meters.wanted().map(|(n, limit)| (n, limit.clone())).collect::<Vec<_>>();
        prop_assert_eq!(meters(&lab), meters(&fresh));
    }
}

/// A flow without the numbers of zones.
fn blur(flow: &str) -> String {
    let parts = flow.split(',').map(|part| {
        let zone = ["/0xffff->reg13", "->reg11", "->reg12"].into_iter().find_map(|end| part.split_once(end));
        match zone {
            Some((head, tail)) => format!("{}=ZONE{tail}", head.split(':').next().unwrap_or_default()),
            None => part.to_owned(),
        }
    });
    parts.collect::<Vec<_>>().join(",")
}

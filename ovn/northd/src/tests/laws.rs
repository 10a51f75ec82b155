//! What holds after any changes: the southbound rows are those that a start from scratch would write.

use std::time::Duration;

use proptest::prelude::*;

use crate::northd::Db;
use crate::tests::fixture::Fixture;
use crate::tests::world::World;

#[derive(Clone, Debug)]
enum Transition {
    Script(String),
    Chassis(u8, bool),
    Gone(u8),
    Bind(u8, u8),
    Learn(u8),
    Neighbor(u8),
    Wait(u8),
    Vandalize(&'static str, u8),
    /// The northd that writes dies; another one was started before.
    Failover,
    /// A connection breaks when a change has just begun to be acted upon.
    Reconnect(Db, String),
}

const ADDRESSES: [&str; 5] = [
    "unknown",
    "\"00:00:00:00:00:01 10.0.0.1\"",
    "00:00:00:00:00:02 unknown",
    "dynamic bogus",
    "\"00:00:00:00:00:03 fd00::3\"",
];
const OPTIONS: [&str; 6] = [
    "",
    "requested-tnl-key=3",
    "requested-chassis=hv0,hv1",
    "receive_multicast=false",
    "pkt_clone_type=mc_unknown force_fdb_lookup=true",
    "requested-tnl-key=2500",
];
const ROUTER_OPTIONS: [&str; 5] = [
    "",
    "requested-tnl-key=2",
    "chassis=hv0",
    "mac_binding_age_threshold=60",
    "dynamic_neigh_routers=true always_learn_from_arp_request=false",
];
const ROUTES: [&str; 5] = [
    "10.8.0.0/16 10.0.0.77",
    "10.8.0.0/16 10.0.0.78",
    "10.8.0.0/16 discard",
    "::/0 fd00:1::9",
    "src-ip:10.0.0.0/24 10.0.0.7 rp1",
];
const ACL_MATCHES: [&str; 4] = ["ip4", "\"outport == @pg0 && tcp\"", "\"ip4 &&\"", "\"ip6 || arp\""];
const ACL_ACTIONS: [&str; 6] = ["allow", "allow-related", "allow-stateless", "drop", "reject", "pass"];
const ACL_SETTINGS: [&str; 5] = [
    "",
    "tier=2",
    "apply-after-lb=true tier=1",
    "log=true name=n1 meter=m0 label=7 log-related=true",
    "label=9",
];
const SERVED: [&str; 4] = [
    "server_id=10.0.0.254 server_mac=0a:00:00:00:00:fe lease_time=60",
    "server_id=10.0.0.254 server_mac=0a:00:00:00:00:fe lease_time=60 mtu=1400 bogus=1",
    "server_id=10.0.0.254",
    "",
];
const ADVERTISED: [&str; 4] = [
    "",
    "address_mode=slaac",
    "address_mode=slaac send_periodic=true mtu=1400 rdnss=bogus",
    "address_mode=bogus",
];
const TABLES: [&str; 12] = [
    "DHCP_Options",
    "DHCPv6_Options",
    "DNS",
    "Logical_Flow",
    "Logical_Flow",
    "Multicast_Group",
    "Port_Binding",
    "Datapath_Binding",
    "Address_Set",
    "Port_Group",
    "RBAC_Permission",
    "Static_MAC_Binding",
];

fn script() -> impl Strategy<Value = String> {
    let (switch, port) = (0..3_u8, 0..6_u8);
    let pick = |words: &'static [&'static str]| prop::sample::select(words);
    prop_oneof![
        2 => switch.clone().prop_map(|s| format!("ls-add sw{s}")),
        1 => switch.clone().prop_map(|s| format!("ls-del sw{s}")),
        1 => (switch.clone(), pick(&["", "requested-tnl-key=2", "requested-tnl-key=5000", "vlan-passthru=true"]))
            .prop_map(|(s, config)| format!("ls-set sw{s} {config}")),
        5 => (switch, port.clone()).prop_map(|(s, p)| format!("lsp-add sw{s} p{p}")),
        2 => port.clone().prop_map(|p| format!("lsp-del p{p}")),
        3 => (port.clone(), pick(&ADDRESSES)).prop_map(|(p, a)| format!("lsp-set-addresses p{p} {a}")),
        2 => (port.clone(), pick(&OPTIONS)).prop_map(|(p, o)| format!("lsp-set-options p{p} {o}")),
        1 => (port.clone(), pick(&["localnet", "virtual", "\"\"", "localport", "router"]))
            .prop_map(|(p, kind)| format!("lsp-set-type p{p} {kind}")),
        1 => (port.clone(), pick(&["enabled", "disabled"])).prop_map(|(p, state)| format!("lsp-set-enabled p{p} {state}")),
        1 => port.clone().prop_map(|p| format!("lsp-set-port-security p{p} 00:00:00:00:00:0{p}")),
        1 => (port.clone(), port.clone()).prop_map(|(p, other)| format!("lsp-set-parent p{p} p{other} {}", p + 1)),
        1 => port.clone().prop_map(|p| format!("lsp-del p{p}; lsp-add sw0 p{p}")),
        1 => port.clone().prop_map(|p| format!("lsp-rename p{p} r{p}; lsp-add sw1 p{p}")),
        1 => (0..2_u8, port.clone(), port.clone()).prop_map(|(g, p, other)| format!("pg-set pg{g} p{p} p{other}")),
        1 => port.prop_map(|p| format!("as-set as0 10.0.0.{p}; pg-del pg0")),
        6 => router_script(),
        3 => service_script(),
        4 => acl_script(),
        1 => pick(&["true", "false"]).prop_map(|flag| format!("set NB_Global ignore_lsp_down={flag}; sync")),
    ]
}

fn service_script() -> impl Strategy<Value = String> {
    let (switch, port) = (0..3_u8, 0..6_u8);
    let pick = |words: &'static [&'static str]| prop::sample::select(words);
    prop_oneof![
        2 => (port.clone(), pick(&SERVED)).prop_map(|(p, told)| format!("dhcp-options-set 10.0.0.0/24 {told}; lsp-set-dhcpv4-options p{p} 10.0.0.0/24")),
        1 => port.clone().prop_map(|p| format!("dhcp-options-set fd00::/64 server_id=0a:00:00:00:00:fe; lsp-set-dhcpv6-options p{p} fd00::/64")),
        2 => (switch.clone(), port.clone()).prop_map(|(s, p)| format!("dns-set n{s} VM{p}.ovn.org=10.0.0.{p}; ls-set-dns sw{s} n0 n{s}")),
        1 => switch.prop_map(|s| format!("ls-set-dns sw{s}")),
        2 => (port, pick(&ADVERTISED)).prop_map(|(p, config)| format!("lrp-set-ra rp{p} {config}")),
    ]
}

fn acl_script() -> impl Strategy<Value = String> {
    let pick = |words: &'static [&'static str]| prop::sample::select(words);
    let owner = || pick(&["sw0", "sw1", "pg0", "pg1"]);
    let rule = (
        pick(&["from-lport", "to-lport"]),
        0..3_u8,
        pick(&ACL_MATCHES),
        pick(&ACL_ACTIONS),
        pick(&ACL_SETTINGS),
    );
    prop_oneof![
        4 => (owner(), rule).prop_map(|(owner, (direction, priority, matches, action, settings))| {
            format!("acl-add {owner} {direction} {priority} {matches} {action} {settings}")
        }),
        1 => (owner(), pick(&ACL_SETTINGS)).prop_map(|(owner, settings)| format!("acl-set {owner} from-lport 1 {settings}")),
        1 => (owner(), pick(&ACL_ACTIONS)).prop_map(|(owner, action)| format!("acl-set {owner} to-lport 1 action={action}")),
        1 => (owner(), pick(&["", "from-lport", "to-lport 1"])).prop_map(|(owner, which)| format!("acl-del {owner} {which}")),
        1 => pick(&["default_acl_drop=true", "default_acl_drop=false", "use_ct_inv_match=false", "use_ct_inv_match=true"])
            .prop_map(|option| format!("set NB_Global {option}; sync")),
    ]
}

fn router_script() -> impl Strategy<Value = String> {
    let (router, port, switch) = (0..2_u8, 0..4_u8, 0..3_u8);
    let pick = |words: &'static [&'static str]| prop::sample::select(words);
    prop_oneof![
        2 => router.clone().prop_map(|r| format!("lr-add lr{r}")),
        1 => router.clone().prop_map(|r| format!("lr-del lr{r}")),
        1 => (router.clone(), pick(&ROUTER_OPTIONS)).prop_map(|(r, options)| format!("lr-set lr{r} {options}")),
        1 => (router.clone(), pick(&["enabled", "disabled"])).prop_map(|(r, state)| format!("lr-set-enabled lr{r} {state}")),
        5 => (router.clone(), port.clone(), switch).prop_map(|(r, p, s)| format!(
            "lr-add lr{r}; lrp-add lr{r} rp{p} 0a:00:00:00:01:0{p} 10.0.0.1{p}/24 fd00:{p}::1/64; ls-add sw{s}
             lsp-add sw{s} p{p}; lsp-set-type p{p} router; lsp-set-addresses p{p} router; lsp-set-options p{p} router-port=rp{p}"
        )),
        1 => port.clone().prop_map(|p| format!("lrp-del rp{p}")),
        1 => (port.clone(), port.clone()).prop_map(|(p, other)| format!("lrp-set-peer rp{p} rp{other}; lrp-set-peer rp{other} rp{p}")),
        1 => (port.clone(), pick(&["enabled", "disabled"])).prop_map(|(p, state)| format!("lrp-set-enabled rp{p} {state}")),
        1 => (port.clone(), pick(&["gateway_mtu=1400", "requested-tnl-key=2", ""])).prop_map(|(p, o)| format!("lrp-set-options rp{p} {o}")),
        2 => (port.clone(), 0..2_u8).prop_map(|(p, chassis)| format!("lrp-set-gateway-chassis rp{p} hv{chassis} 1")),
        2 => (router.clone(), pick(&ROUTES)).prop_map(|(r, route)| format!("lr-route-add lr{r} {route}")),
        1 => (router, pick(&["10.8.0.0/16", "::/0"])).prop_map(|(r, prefix)| format!("lr-route-del lr{r} {prefix}")),
        1 => port.prop_map(|p| format!("static-mac-add rp{p} 10.0.0.9 00:00:00:00:00:09")),
    ]
}

fn transition() -> impl Strategy<Value = Transition> {
    prop_oneof![
        12 => prop::collection::vec(script(), 1..4).prop_map(|lines| Transition::Script(lines.join("; "))),
        1 => (0..2_u8, any::<bool>()).prop_map(|(n, vxlan)| Transition::Chassis(n, vxlan)),
        1 => (0..2_u8).prop_map(Transition::Gone),
        1 => (0..6_u8, 0..2_u8).prop_map(|(port, chassis)| Transition::Bind(port, chassis)),
        1 => (0..6_u8).prop_map(Transition::Learn),
        1 => (0..4_u8).prop_map(Transition::Neighbor),
        1 => (1..50_u8).prop_map(Transition::Wait),
        2 => (prop::sample::select(&TABLES[..]), any::<u8>()).prop_map(|(table, n)| Transition::Vandalize(table, n)),
        1 => Just(Transition::Failover),
        1 => (prop::sample::select(&[Db::Northbound, Db::Southbound][..]), script())
            .prop_map(|(db, script)| Transition::Reconnect(db, script)),
    ]
}

fn apply(world: &mut World, transition: &Transition) {
    let encap = |vxlan: bool| if vxlan { "vxlan" } else { "geneve" };
    match transition {
        Transition::Script(script) => world.run(script),
        Transition::Chassis(n, vxlan) => world.chassis(&format!("hv{n}"), encap(*vxlan), i64::from(*n)),
        Transition::Gone(n) => world.chassis_gone(&format!("hv{n}")),
        Transition::Bind(port, chassis) => world.bind(&format!("p{port}"), &format!("hv{chassis}")),
        Transition::Learn(port) => world.learn(&format!("p{port}"), &format!("00:00:00:00:01:0{port}")),
        Transition::Neighbor(port) => world.neighbor(&format!("rp{port}"), "10.0.0.77"),
        Transition::Wait(seconds) => world.wait(Duration::from_secs((*seconds).into())),
        Transition::Vandalize(table, n) => world.vandalize(table, usize::from(*n)),
        Transition::Failover => {
            world.start(9);
            world.kill(0);
        }
        Transition::Reconnect(db, script) => {
            world.write(script);
            world.reconnect(0, *db);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    /// After each step every unit would say again what it said, and who starts anew at the end finds no row to write.
    #[test]
    fn steps_give_what_a_start_from_scratch_gives(script in prop::collection::vec(transition(), 1..25)) {
        let mut world = World::new();
        for transition in &script {
            apply(&mut world, transition);
            let northd = &world.northds[0].northd;
            prop_assert_eq!(northd.inputs.engine.check(&northd.inputs.network), []);
        }
        let text = world.text();
        world.start(11);
        world.kill(0);
        prop_assert_eq!(world.take_sent(0, Db::Southbound), Vec::<serde_json::Value>::new());
        prop_assert_eq!(world.take_sent(0, Db::Northbound), Vec::<serde_json::Value>::new());
        prop_assert_eq!(world.text(), text);
    }
}

#[test]
fn a_port_more_runs_two_units_however_many_there_are() {
    let ports = |range: std::ops::Range<u32>| {
        let port = |n: u32| {
            format!("lsp-add sw0 p{n}; lsp-set-addresses p{n} \"0a:00:00:00:00:{n:02x} 10.0.0.{n}\"; ")
        };
        range.map(port).collect::<String>()
    };
    let mut fixture = Fixture::new(&format!("ls-add sw0; {}", ports(0..200)));
    let lines = fixture.run(&ports(200..201));
    assert_eq!(fixture.reran(), ["port_facts p200", "switch_port p200"]);
    assert_eq!(lines.len(), 6, "{lines:#?}");
    assert!(fixture.run("lsp-set-options p7 some-option=7").len() == 2, "only the row of the port");
    assert_eq!(fixture.reran(), ["port_facts p7", "switch_port p7"]);
    fixture.run("set NB_Global something=else; sync");
    assert_eq!(fixture.reran(), [] as [&str; 0], "nobody reads that");
}

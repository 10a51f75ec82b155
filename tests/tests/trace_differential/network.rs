//! Networks: what is configured, and the names and addresses in it that packets are made of.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use packet::MacAddr;

use crate::seed::Seed;

/// A port of a switch.
pub(crate) struct Port {
    pub(crate) switch: String,
    pub(crate) name: String,
    pub(crate) macs: Vec<String>,
    pub v4: Vec<String>,
    pub v6: Vec<String>,
}

/// A network to be configured.
#[derive(Default)]
pub(crate) struct Network {
    /// Commands of `ovn-nbctl`.
    pub(crate) commands: Vec<String>,
    /// Commands of `ovn-sbctl`: what was learned from packets.
    pub(crate) learned: Vec<String>,
    pub(crate) ports: Vec<Port>,
    /// Every address that is named anywhere.
    pub(crate) macs: Vec<String>,
    pub v4: Vec<String>,
    pub v6: Vec<String>,
}

impl Network {
    /// Reads a network, a command a line.
    pub(crate) fn read(text: &str) -> Self {
        let mut network = Self::default();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            network.add(line.to_owned());
        }
        network
    }

    fn add(&mut self, command: String) {
        let words = ctl::cli::split_words(&command).expect("commands are well formed");
        let (macs, v4, v6) = addresses(&command);
        match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["lsp-add", switch, name, ..] => {
                let (switch, name) = ((*switch).to_owned(), (*name).to_owned());
                let none = Vec::new();
                self.ports.push(Port { switch, name, macs: none.clone(), v4: none.clone(), v6: none });
            }
            ["lsp-set-addresses", name, ..] => {
                let port = self.ports.iter_mut().find(|port| port.name == *name);
                if let Some(port) = port {
                    (port.macs, port.v4, port.v6) = (macs.clone(), v4.clone(), v6.clone());
                }
            }
            _ => {}
        }
        for (pool, new) in [(&mut self.macs, macs), (&mut self.v4, v4), (&mut self.v6, v6)] {
            for address in new {
                if !pool.contains(&address) {
                    pool.push(address);
                }
            }
        }
        self.commands.push(command);
    }

    fn learn(&mut self, command: String) {
        let (macs, ..) = addresses(&command);
        self.macs.extend(macs);
        self.learned.push(command);
    }
}

/// The addresses in a text.
fn addresses(text: &str) -> (Vec<String>, Vec<String>, Vec<String>) {
    let (mut macs, mut v4, mut v6) = (Vec::new(), Vec::new(), Vec::new());
    let is_part = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '.';
    for word in text.split(|c| !is_part(c)) {
        if word.parse::<MacAddr>().is_ok() {
            macs.push(word.to_owned());
        } else if word.parse::<Ipv4Addr>().is_ok() {
            v4.push(word.to_owned());
        } else if word.parse::<Ipv6Addr>().is_ok() && word.len() > 4 {
            v6.push(word.to_owned());
        } else if let Some((address, _)) = word.rsplit_once(':')
            && address.parse::<Ipv4Addr>().is_ok()
        {
            v4.push(address.to_owned());
        }
    }
    (macs, v4, v6)
}

/// A network that a seed determines: a few switches, most on routers, with some of everything.
pub(crate) fn random(seed: &mut Seed) -> Network {
    let mut network = Network::default();
    let switches = 2 + seed.below(3);
    for switch in 0..switches {
        self::switch(&mut network, seed, switch);
    }
    routers(&mut network, seed, switches);
    sets(&mut network, seed);
    for switch in 0..switches {
        acls(&mut network, seed, switch);
        services(&mut network, seed, switch);
    }
    load_balancers(&mut network, seed, switches);
    learned(&mut network, seed);
    network
}

fn switch(network: &mut Network, seed: &mut Seed, switch: usize) {
    network.add(format!("ls-add sw{switch}"));
    if seed.chance(30) {
        network.add(format!("set logical_switch sw{switch} other_config:mcast_snoop=true"));
    }
    if seed.chance(20) {
        network.add(format!("set logical_switch sw{switch} other_config:vlan-passthru=true"));
    }
    for port in 1..=1 + seed.below(4) {
        let name = format!("sw{switch}p{port}");
        let mut addresses = format!("00:00:00:00:0{switch}:0{port} 10.0.{switch}.1{port}");
        if seed.chance(60) {
            let _ = write!(addresses, " fd00:{switch}::1{port}");
        }
        network.add(format!("lsp-add sw{switch} {name}"));
        match seed.below(8) {
            0 => network.add(format!("lsp-set-addresses {name} unknown")),
            1 => network.add(format!("lsp-set-addresses {name} \"{addresses}\" unknown")),
            _ => network.add(format!("lsp-set-addresses {name} \"{addresses}\"")),
        }
        if seed.chance(40) {
            let security = match seed.below(3) {
                0 => format!("00:00:00:00:0{switch}:0{port}"),
                1 => format!("{addresses} 192.168.{switch}.0/24"),
                _ => addresses,
            };
            network.add(format!("lsp-set-port-security {name} \"{security}\""));
        }
        if seed.chance(5) {
            network.add(format!("lsp-set-enabled {name} disabled"));
        }
    }
    if seed.chance(30) {
        network.add(format!("lsp-add sw{switch} sw{switch}ln"));
        network.add(format!("lsp-set-type sw{switch}ln localnet"));
        network.add(format!("lsp-set-addresses sw{switch}ln unknown"));
        network.add(format!("lsp-set-options sw{switch}ln network_name=phys"));
    }
}

fn routers(network: &mut Network, seed: &mut Seed, switches: usize) {
    let routers = 1 + seed.below(2);
    for router in 0..routers {
        network.add(format!("lr-add lr{router}"));
        if seed.chance(25) {
            network.add(format!("set logical_router lr{router} options:chassis=gw{router}"));
        }
        if seed.chance(25) {
            let option = seed.text(&["always_learn_from_arp_request=false", "dynamic_neigh_routers=true"]);
            network.add(format!("set logical_router lr{router} options:{option}"));
        }
    }
    for switch in 0..switches {
        // The first switch is on every router, so that there is a way between them.
        for router in (0..routers).filter(|router| switch == 0 || switch % routers == *router) {
            attach(network, seed, switch, router);
        }
    }
    for router in 0..routers {
        routes(network, seed, router, routers);
        nat(network, seed, router);
    }
}

fn attach(network: &mut Network, seed: &mut Seed, switch: usize, router: usize) {
    let (inside, outside) = (format!("lr{router}-sw{switch}"), format!("sw{switch}-lr{router}"));
    let host = 1 + router;
    let mut networks = format!("10.0.{switch}.{host}/24");
    if seed.chance(70) {
        let _ = write!(networks, " fd00:{switch}::{host}/64");
    }
    network.add(format!("lrp-add lr{router} {inside} 00:00:00:0{router}:ff:0{switch} {networks}"));
    network.add(format!("lsp-add sw{switch} {outside}"));
    network.add(format!("lsp-set-type {outside} router"));
    network.add(format!("lsp-set-addresses {outside} router"));
    network.add(format!("lsp-set-options {outside} router-port={inside}"));
    let is_gateway =
        network.commands.iter().any(|line| line.contains(&format!("lr{router} options:chassis")));
    if switch == 0 && !is_gateway && seed.chance(50) {
        network.add(format!("lrp-set-gateway-chassis {inside} gw1 20"));
    }
    if seed.chance(25) {
        let mode = seed.text(&["slaac", "dhcpv6_stateful", "dhcpv6_stateless"]);
        network.add(format!("set logical_router_port {inside} ipv6_ra_configs:address_mode={mode}"));
    }
    if seed.chance(20) {
        network.add(format!("set logical_router_port {inside} options:gateway_mtu=1400"));
    }
}

fn routes(network: &mut Network, seed: &mut Seed, router: usize, routers: usize) {
    let other = 1 + (router + 1) % routers.max(2);
    network.add(format!("lr-route-add lr{router} 0.0.0.0/0 10.0.0.{other}"));
    if seed.chance(50) {
        network.add(format!("lr-route-add lr{router} 100.64.0.0/16 10.0.0.77"));
    }
    if seed.chance(40) {
        network.add(format!("--ecmp lr-route-add lr{router} 100.65.0.0/16 10.0.0.78"));
        network.add(format!("--ecmp lr-route-add lr{router} 100.65.0.0/16 10.0.0.79"));
    }
    if seed.chance(30) {
        network.add(format!("--policy=src-ip lr-route-add lr{router} 10.0.1.12/32 10.0.0.77"));
    }
    if seed.chance(30) {
        network.add(format!("lr-route-add lr{router} 100.66.0.0/16 discard"));
    }
    for priority in 0..seed.below(4) {
        let what = seed.text(&[
            "ip4.src == 10.0.1.0/24",
            "ip4.dst == 10.0.0.12",
            "ip6",
            "tcp.dst == 80",
            "ip4 && udp",
        ]);
        let action = seed.text(&["allow", "drop", "reroute 10.0.0.77", "allow pkt_mark=7"]);
        if !(what == "ip6" && action.starts_with("reroute")) {
            network.add(format!("lr-policy-add lr{router} {} \"{what}\" {action}", 100 + priority));
        }
    }
    if seed.chance(40) {
        network.add(format!("static-mac-binding-add lr{router}-sw0 10.0.0.77 00:00:00:00:77:0{router}"));
    }
}

fn nat(network: &mut Network, seed: &mut Seed, router: usize) {
    let has_gateway = network.commands.iter().any(|line| {
        line.contains(&format!("lrp-set-gateway-chassis lr{router}-"))
            || line.contains(&format!("lr{router} options:chassis"))
    });
    if !has_gateway {
        return;
    }
    if seed.chance(60) {
        network.add(format!("lr-nat-add lr{router} snat 10.0.0.{} 10.0.1.0/24", 50 + router));
    }
    if seed.chance(50) {
        let stateless = if seed.chance(30) { "--stateless " } else { "" };
        network
            .add(format!("{stateless}lr-nat-add lr{router} dnat_and_snat 10.0.0.{} 10.0.1.11", 60 + router));
    }
    if seed.chance(30) {
        network.add(format!("lr-nat-add lr{router} dnat 10.0.0.{} 10.0.1.12", 70 + router));
    }
    if seed.chance(30) {
        network.add(format!("lr-nat-add lr{router} dnat_and_snat fd00:0::6{router} fd00:1::11"));
    }
}

fn sets(network: &mut Network, seed: &mut Seed) {
    let ports: Vec<String> = network.ports.iter().map(|port| port.name.clone()).collect();
    network.add("create address_set name=as4 'addresses=\"10.0.0.11\",\"10.0.1.0/28\"'".to_owned());
    network.add("create address_set name=as6 'addresses=\"fd00:0::/64\",\"fd00:1::11\"'".to_owned());
    let members: Vec<&String> = ports.iter().filter(|_| seed.chance(50)).collect();
    let members: Vec<&str> =
        members.into_iter().filter(|name| name.contains('p')).map(|name| &**name).collect();
    network.add(format!("pg-add pg0 {}", members.join(" ")).trim_end().to_owned());
}

fn acls(network: &mut Network, seed: &mut Seed, switch: usize) {
    const WHAT: &[&str] = &[
        "ip4.src == $as4",
        "ip4.dst == $as4 && tcp.dst == {80, 443}",
        "ip6.src == $as6",
        "icmp4 && icmp4.type == 8",
        "icmp6",
        "udp && 1024 <= udp.dst <= 2048",
        "tcp.dst == 22",
        "ip",
        "arp",
        "eth.src == 00:00:00:00:00:01",
        "ip4.dst == 10.0.0.0/8 && ip.ttl > 3",
        "tcp.flags == 2/2",
        "ip.dscp == 10",
        "sctp.dst != 9",
        "ip4 && ip.frag != 0",
    ];
    const ACTIONS: &[&str] =
        &["allow", "allow-related", "drop", "reject", "allow-related", "allow-stateless"];
    for number in 0..seed.below(6) {
        let direction = seed.text(&["from-lport", "to-lport"]);
        let mut what = seed.text(WHAT);
        let field = if direction == "from-lport" { "inport" } else { "outport" };
        if seed.chance(30) {
            what = format!("{field} == @pg0 && {what}");
        } else if seed.chance(30) {
            what = format!("{field} == \\\"sw{switch}p1\\\" && {what}");
        }
        let mut options = String::new();
        if direction == "from-lport" && seed.chance(20) {
            options.push_str("--apply-after-lb ");
        }
        if seed.chance(25) {
            let _ = write!(options, "--log --severity=info --name=acl{number} ");
        }
        let action = seed.text(ACTIONS);
        let priority = 1000 + 10 * switch + number;
        network.add(format!("{options}acl-add sw{switch} {direction} {priority} \"{what}\" {action}"));
    }
}

fn services(network: &mut Network, seed: &mut Seed, switch: usize) {
    let port = format!("sw{switch}p1");
    if seed.chance(50) {
        let options = format!(
            "options:server_id=10.0.{switch}.1 options:server_mac=00:00:00:00:ff:0{switch} options:lease_time=3600 options:router=10.0.{switch}.1"
        );
        network.add(format!("--id=@d{switch} create dhcp_options cidr=10.0.{switch}.0/24 {options} -- set logical_switch_port {port} dhcpv4_options=@d{switch}"));
    }
    if seed.chance(30) {
        network.add(format!("--id=@e{switch} create dhcp_options 'cidr=\"fd00:{switch}::/64\"' options:server_id=00:00:00:00:ff:0{switch} -- set logical_switch_port {port} dhcpv6_options=@e{switch}"));
    }
    if seed.chance(30) {
        network.add(format!("--id=@n{switch} create dns records:vm1.example.org=\"10.0.{switch}.11\" -- set logical_switch sw{switch} dns_records=@n{switch}"));
    }
    if seed.chance(30) {
        network.add(format!("qos-add sw{switch} from-lport 100 \"ip4.dst == 10.0.{switch}.12\" dscp=20"));
    }
    if seed.chance(15) {
        network.add(format!(
            "fwd-group-add fg{switch} sw{switch} 10.0.{switch}.199 00:00:00:00:fe:0{switch} {port}"
        ));
    }
}

fn load_balancers(network: &mut Network, seed: &mut Seed, switches: usize) {
    for number in 0..seed.below(4) {
        let protocol = seed.text(&["tcp", "udp", "sctp"]);
        let switch = seed.below(switches);
        let backends = format!("10.0.{switch}.11:8080,10.0.1.12:8080");
        match seed.below(5) {
            0 => network.add(format!("lb-add lb{number} 10.0.9.{number} \"10.0.{switch}.11,10.0.1.12\"")),
            1 => network.add(format!(
                "lb-add lb{number} \"[fd00:9::{number}]:80\" \"[fd00:{switch}::11]:8080\" {protocol}"
            )),
            2 => network.add(format!("lb-add lb{number} 10.0.9.{number}:80 \"\" {protocol}")),
            _ => network.add(format!("lb-add lb{number} 10.0.9.{number}:80 \"{backends}\" {protocol}")),
        }
        match seed.below(6) {
            0 => network.add(format!("set load_balancer lb{number} options:reject=true")),
            1 => network.add(format!("set load_balancer lb{number} options:affinity_timeout=30")),
            2 => network.add(format!("set load_balancer lb{number} options:hairpin_snat_ip=169.254.0.1")),
            3 => network.add(format!("set load_balancer lb{number} options:skip_snat=true")),
            _ => {}
        }
        for switch in 0..switches {
            if seed.chance(50) {
                network.add(format!("ls-lb-add sw{switch} lb{number}"));
            }
        }
        if seed.chance(50) {
            network.add(format!("lr-lb-add lr0 lb{number}"));
        }
    }
}

fn learned(network: &mut Network, seed: &mut Seed) {
    if seed.chance(60) {
        let columns = "logical_port=lr0-sw0 ip=10.0.0.78 'mac=\"00:00:00:00:78:01\"'";
        network
            .learn(format!("--id=@dp get datapath_binding lr0 -- create mac_binding datapath=@dp {columns}"));
    }
}

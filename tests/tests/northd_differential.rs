//! What our northd makes of routers does with packets what upstream's does: traces of the same packets through the same
//! network, by upstream's `ovn-trace`, say the same.
//!
//! Actions may come in another order. Solicitations are left out: upstream's tool of 23.03 cannot trace a router's answer.

#![allow(clippy::unwrap_used)] // A test stops where it fails.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tests::process::{Daemon, RunDir, run, run_ok};
use tests::{need, wait_for};

/// Two switches and a router between them.
const ROUTER: &str = r#"
ls-add sw0 -- lsp-add sw0 vm1 -- lsp-set-addresses vm1 "0a:00:00:00:00:01 10.0.0.11 fd00::11"
ls-add sw1 -- lsp-add sw1 vm3 -- lsp-set-addresses vm3 "0a:00:00:00:00:03 10.0.1.13 fd01::13"
lsp-add sw1 vm4 -- lsp-set-addresses vm4 unknown
lr-add lr0 -- lrp-add lr0 lr0-sw0 0a:00:00:00:01:00 10.0.0.1/24 fd00::1/64
lrp-add lr0 lr0-sw1 0a:00:00:00:01:01 10.0.1.1/24 fd01::1/64
lsp-add sw0 sw0-lr0 -- lsp-set-type sw0-lr0 router -- lsp-set-addresses sw0-lr0 router
lsp-set-options sw0-lr0 router-port=lr0-sw0
lsp-add sw1 sw1-lr0 -- lsp-set-type sw1-lr0 router -- lsp-set-addresses sw1-lr0 router
lsp-set-options sw1-lr0 router-port=lr0-sw1
lr-route-add lr0 10.7.0.0/16 10.0.1.77
lr-route-add lr0 10.9.0.0/16 discard
lr-route-add lr0 2001:db8:7::/48 fd01::77
--policy=src-ip lr-route-add lr0 10.0.0.0/26 10.0.1.79
"#;

/// A way out, by a gateway.
const GATEWAY: &str = r#"
ls-add out -- lsp-add out ext -- lsp-set-addresses ext unknown
lrp-add lr0 lr0-out 0a:00:00:00:01:02 192.0.2.1/24 fd09::1/64
lsp-add out out-lr0 -- lsp-set-type out-lr0 router -- lsp-set-addresses out-lr0 router
lsp-set-options out-lr0 router-port=lr0-out
lrp-set-gateway-chassis lr0-out hv2 20 -- lrp-set-gateway-chassis lr0-out hv1 10
lr-route-add lr0 0.0.0.0/0 192.0.2.254
lr-route-add lr0 ::/0 fd09::fe
set Logical_Router_Port lr0-out options:gateway_mtu=1400
"#;

/// Databases and a northd.
struct Stack {
    run: RunDir,
    _daemons: Vec<Daemon>,
}

impl Stack {
    /// With a peer's northd, or ours. `None` where a peer is not installed.
    fn start(northd: Option<PathBuf>) -> Option<Self> {
        let (tool, server) = (need("ovsdb-tool")?, need("ovsdb-server")?);
        need("ovn-nbctl")?;
        need("ovn-trace")?;
        let run = RunDir::default();
        let remote = format!("unix:{}", run.path("db.sock").display());
        let databases = run.peer_databases(&tool, &server);
        let mut translate = match &northd {
            Some(peer) => run.peer(peer),
            None => run.ours("ovn-northd"),
        };
        translate.arg(format!("--ovnnb-db={remote}")).arg(format!("--ovnsb-db={remote}"));
        translate.arg(format!("--unixctl={}", run.path("northd.ctl").display())).arg("-vconsole:warn");
        let northd = run.start("northd", translate);
        Some(Self { run, _daemons: vec![databases, northd] })
    }

    fn client(&self, program: &str, words: impl IntoIterator<Item = String>) -> Command {
        let mut client = self.run.peer(program.as_ref());
        client.arg(format!("--db=unix:{}", self.run.path("db.sock").display()));
        client.arg("--no-leader-only").args(words);
        client
    }

    /// Makes a network, and waits until northd has done its part.
    fn configure(&self, network: &str) {
        for line in network.lines().filter(|line| !line.is_empty()) {
            run_ok(self.client("ovn-nbctl", ctl::cli::split_words(line).unwrap()));
        }
        let sync = ["--timeout=60", "--wait=sb", "sync"].map(str::to_owned);
        wait_for("northd's flows", Duration::from_secs(120), || {
            match run(self.client("ovn-nbctl", sync.clone())) {
                outcome if outcome.code == Some(0) => Ok(()),
                outcome => Err(outcome.stderr),
            }
        });
    }

    /// What becomes of a packet: the lines of its trace, in order.
    fn trace(&self, switch: &str, packet: &str) -> Vec<String> {
        let words = ["--minimal", switch, packet].map(str::to_owned);
        let text = run_ok(self.client("ovn-trace", words));
        let mut lines: Vec<String> =
            text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.starts_with('#')).collect();
        lines.sort();
        lines
    }
}

/// A guest: switch, name, MAC address, addresses.
type Guest = (&'static str, &'static str, &'static str, &'static str, &'static str);

const VM1: Guest = ("sw0", "vm1", "0a:00:00:00:00:01", "10.0.0.11", "fd00::11");
const VM3: Guest = ("sw1", "vm3", "0a:00:00:00:00:03", "10.0.1.13", "fd01::13");
const EXT: Guest = ("out", "ext", "0a:00:00:00:00:05", "192.0.2.15", "fd09::15");

/// Packets of a guest to its router, with the switch that they come in by.
fn packets(guest: &Guest, router: &str) -> Vec<(&'static str, String)> {
    let (switch, port, mac, ip4, ip6) = *guest;
    let from = format!("inport==\"{port}\" && eth.src=={mac}");
    let to_router = format!("{from} && eth.dst=={router}");
    let mut packets = Vec::new();
    for (ip, own, echo, destinations) in [
        (
            "ip4",
            ip4,
            "icmp4.type==8",
            [
                "10.0.0.11",
                "10.0.1.13",
                "10.0.1.14",
                "10.0.0.1",
                "192.0.2.1",
                "8.8.8.8",
                "10.7.0.1",
                "10.9.0.1",
            ],
        ),
        (
            "ip6",
            ip6,
            "icmp6.type==128",
            [
                "fd00::11",
                "fd01::13",
                "fd01::14",
                "fd00::1",
                "fd09::1",
                "2001:db8::1",
                "2001:db8:7::1",
                "ff05::2",
            ],
        ),
    ] {
        let icmp = echo.split('.').next().unwrap();
        for destination in destinations {
            let packet = format!("{to_router} && {ip}.src=={own} && {ip}.dst=={destination}");
            packets.push(format!("{packet} && ip.ttl==64 && {echo} && {icmp}.code==0"));
            packets.push(format!("{packet} && ip.ttl==1 && udp.dst==53"));
            packets.push(format!("{packet} && ip.ttl==64 && tcp.dst==80"));
        }
        packets
            .push(format!("{to_router} && {ip}.src=={own} && {ip}.dst=={own} && ip.ttl==64 && ip.proto==50"));
    }
    for asked in ["10.0.0.1", "10.0.1.1", "192.0.2.1", "10.0.0.11"] {
        let asks = format!("arp.op==1 && arp.spa=={ip4} && arp.sha=={mac} && arp.tpa=={asked}");
        packets.push(format!("{from} && eth.dst==ff:ff:ff:ff:ff:ff && {asks}"));
    }
    packets.push(format!("{to_router} && ip4.src==10.0.0.1 && ip4.dst==10.0.1.13 && ip.ttl==64"));
    packets.into_iter().map(|packet| (switch, packet)).collect()
}

fn compare(network: &str, guests: &[(Guest, &str)]) {
    let Some(northd) = need("ovn-northd") else { return };
    let (Some(theirs), Some(ours)) = (Stack::start(Some(northd)), Stack::start(None)) else { return };
    theirs.configure(network);
    ours.configure(network);
    let mut differences = Vec::new();
    for (switch, packet) in guests.iter().flat_map(|(guest, router)| packets(guest, router)) {
        let (expected, actual) = (theirs.trace(switch, &packet), ours.trace(switch, &packet));
        if expected != actual {
            differences.push(format!("{packet}\nexpected {expected:#?}\nactual {actual:#?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn a_router_does_what_upstreams_does() {
    compare(ROUTER, &[(VM1, "0a:00:00:00:01:00"), (VM3, "0a:00:00:00:01:01")]);
}

#[test]
fn a_router_with_a_gateway_does_what_upstreams_does() {
    compare(&format!("{ROUTER}{GATEWAY}"), &[(VM1, "0a:00:00:00:01:00"), (EXT, "0a:00:00:00:01:02")]);
}

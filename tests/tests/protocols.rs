//! Real protocols through the switch, between the kernels' stacks of two guests: bytes arrive, and servers see the
//! addresses that they should.

#![allow(clippy::unwrap_used)] // A test stops where it fails.
use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::Value;
use tests::lab::Labs;
use tests::process::{Outcome, run};
use tests::switch::{Bed, Guest, PATIENCE, with_switch};
use tests::{need, need_root, root, wait_for};

/// Two guests of one network: behind ports 1 and 2.
fn guests() -> (Guest, Guest) {
    let a = Guest::new("a", &["10.0.0.1/24", "fd00::1/64"]);
    let b = Guest::new("b", &["10.0.0.2/24", "fd00::2/64"]);
    (a, b)
}

/// A process that ends with the test, and what it prints.
struct Server {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Server {
    fn new(guest: &Guest, words: &[&str]) -> Self {
        let mut child = guest.command(words).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn says(&mut self) -> String {
        self.lines.next().expect("the server goes on").unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Answers of a connection pass from `b` to `a`, and what `a` begins.
const STATEFUL: &str = "
    table=0,priority=9,arp actions=NORMAL
    table=0,priority=9,icmp6,icmp_type=135 actions=NORMAL
    table=0,priority=9,icmp6,icmp_type=136 actions=NORMAL
    table=0,priority=5,ip actions=ct(table=1,zone=1)
    table=0,priority=5,ipv6 actions=ct(table=1,zone=1)
    table=1,ct_state=+new+trk,ip,in_port=1 actions=ct(commit,zone=1),output:2
    table=1,ct_state=+new+trk,ipv6,in_port=1 actions=ct(commit,zone=1),output:2
    table=1,ct_state=-new+est+trk,in_port=1 actions=output:2
    table=1,ct_state=-new+est+trk,in_port=2 actions=output:1
    table=1,ct_state=-new+rel+trk,in_port=2 actions=output:1";

/// Runs a test of iperf3's, as soon as the server is done with the one before.
fn iperf(a: &Guest, words: &[&str]) -> Value {
    wait_for("iperf3", PATIENCE, || {
        let ran = run(a.command(&[&["iperf3", "--json"][..], words].concat()));
        let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
        let error = report["error"].as_str().unwrap_or_default();
        // Between two tests it does not listen.
        if ran.code == Some(0) && error.is_empty() { Ok(report) } else { Err(format!("{words:?}: {ran:?}")) }
    })
}

/// Streams and large packets, through the flows that are there.
fn streams_and_pings(a: &Guest, b: &Guest) {
    for address in ["10.0.0.2", "fd00::2"] {
        let mut server = Server::new(b, &["iperf3", "--server", "--forceflush"]);
        while !server.says().contains("listening") {}
        for direction in [&[][..], &["--reverse"]] {
            let words = [&["--client", address, "--bytes", "20M"][..], direction].concat();
            let report = iperf(a, &words);
            // What is on its way when the sender is done is not counted.
            let received = report["end"]["sum_received"]["bytes"].as_u64().unwrap();
            assert!(received >= 10_000_000, "{address} {direction:?}: {received} octets");
        }
        let report = iperf(
            a,
            &["--client", address, "--udp", "--bytes", "200K", "--bitrate", "2M", "--length", "1000"],
        );
        let datagrams = report["end"]["sum"]["packets"].as_u64().unwrap();
        let lost = report["end"]["sum"]["lost_packets"].as_u64().unwrap();
        assert!(datagrams >= 200 && lost == 0, "{address}: {lost} of {datagrams} datagrams lost");
        for size in ["1400", "20000", "60000"] {
            a.ok(&["ping", "-c", "3", "-i", "0.2", "-w", "30", "-s", size, address]);
        }
    }
}

#[test]
fn streams_datagrams_and_large_packets_cross_a_learning_switch_and_a_stateful_one() {
    if need("iperf3").is_none() || need("ping").is_none() {
        return;
    }
    with_switch(|bed| {
        let (a, b) = guests();
        bed.flows("table=0 actions=NORMAL");
        streams_and_pings(&a, &b);
        bed.ofctl(&["del-flows", "br0"]);
        bed.flows(STATEFUL);
        streams_and_pings(&a, &b);
        let refused = run(b.command(&["ping", "-c", "1", "-w", "1", "10.0.0.1"]));
        assert_eq!(refused.code, Some(1), "nobody asked: {refused:?}");
    });
}

/// `a` has another address for the world, and only what its control connection announces comes in.
const FTP: &str = "
    table=0,priority=9,arp actions=NORMAL
    table=0,priority=9,icmp6,icmp_type=135 actions=NORMAL
    table=0,priority=9,icmp6,icmp_type=136 actions=NORMAL
    table=0,priority=5,tcp actions=ct(table=1,zone=1,nat)
    table=0,priority=5,tcp6 actions=ct(table=1,zone=1,nat)
    table=1,ct_state=+new-rel+trk,tcp,in_port=1,tp_dst=21 actions=ct(commit,zone=1,alg=ftp,nat(src=10.0.0.77),table=2)
    table=1,ct_state=+new-rel+trk,tcp6,in_port=1,tp_dst=21 actions=ct(commit,zone=1,alg=ftp,nat(src=fd00::77),table=2)
    table=1,ct_state=+new+rel+trk,tcp actions=ct(commit,zone=1,nat,table=2)
    table=1,ct_state=+new+rel+trk,tcp6 actions=ct(commit,zone=1,nat,table=2)
    table=1,ct_state=-new+est+trk,tcp actions=resubmit(,2)
    table=1,ct_state=-new+est+trk,tcp6 actions=resubmit(,2)
    table=2,in_port=1 actions=output:2
    table=2,in_port=2 actions=output:1";

/// Fetches the file in active and in passive mode.
const FETCH: &str = "
import ftplib, sys
for passive in (False, True):
    ftp = ftplib.FTP(timeout=60)
    ftp.connect(sys.argv[1])
    ftp.login('a', 'b')
    ftp.set_pasv(passive)
    got = []
    ftp.retrbinary('RETR file', got.append)
    ftp.quit()
    print(len(b''.join(got)))
";

#[test]
fn ftp_works_through_translation_in_both_modes_and_families() {
    let Some(python) = need("python3") else { return };
    let python = python.to_str().unwrap();
    with_switch(|bed| {
        let (a, b) = guests();
        bed.flows(FTP);
        let link = a.ok(&["ip", "-o", "link", "show", "dev", "a"]);
        let mac = link.split_whitespace().skip_while(|word| *word != "link/ether").nth(1).unwrap();
        for (server, client) in [("10.0.0.2", "10.0.0.77"), ("fd00::2", "fd00::77")] {
            b.ok(&["ip", "neighbour", "add", client, "lladdr", mac, "dev", "b"]);
            let script = root().join("tests/tests/data/ftp_server.py");
            let mut ftp = Server::new(&b, &[python, script.to_str().unwrap(), server]);
            assert_eq!(ftp.says(), "ready");
            assert_eq!(a.ok(&[python, "-c", FETCH, server]), "65536\n65536\n");
            let seen: Vec<String> = (0..4).map(|_| ftp.says()).collect();
            let expected = ["control", "data", "control", "data"].map(|what| format!("{what} {client}"));
            assert_eq!(seen, expected, "{}", connections(&bed));
        }
        assert!(connections(&bed).contains("helper=ftp"), "{}", connections(&bed));
    });
}

fn connections(bed: &Bed) -> String {
    bed.appctl(&["dpctl/dump-conntrack"])
}

#[test]
fn sctp_crosses_a_stateful_switch_where_the_kernel_has_it() {
    let Some(python) = need("python3") else { return };
    let python = python.to_str().unwrap();
    let has = "import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)";
    let mut probe = std::process::Command::new(python);
    probe.args(["-c", has]);
    if run(probe).code != Some(0) {
        return println!("this kernel has no SCTP");
    }
    with_switch(|bed| {
        let (a, b) = guests();
        bed.flows(STATEFUL);
        let serve = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132); s.bind(('', 9)); \
                     s.listen(); print('ready', flush=True); c, _ = s.accept(); print(c.recv(99).decode(), flush=True)";
        let mut server = Server::new(&b, &[python, "-c", serve]);
        assert_eq!(server.says(), "ready");
        let say = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132); \
                   s.connect(('10.0.0.2', 9)); s.send(b'hello'); s.close()";
        a.ok(&[python, "-c", say]);
        assert_eq!(server.says(), "hello");
        assert!(connections(&bed).contains("sctp,"), "{}", connections(&bed));
    });
}

/// Sends a datagram with few hops, and prints who said that they were too few.
const PROBE: &str = "
import socket, sys
IP_RECVERR, MSG_ERRQUEUE = 11, 0x2000
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, int(sys.argv[2]))
s.sendto(b'x' * 40, (sys.argv[1], 33434))
import select
poll = select.poll()
poll.register(s, 0)
if not poll.poll(2000):
    sys.exit('nobody said anything')
_, control, _, _ = s.recvmsg(100, 1000, MSG_ERRQUEUE)
error = control[0][2]
print(socket.inet_ntoa(error[20:24]), 'type', error[5], 'code', error[6])
";

/// A routed network as upstream's northd and controller have it in our switch: routers answer for what they cannot send on.
#[test]
fn routes_are_traced_and_path_mtus_found() {
    let peers = ["ovn-northd", "ovn-controller"].map(need);
    let (true, [Some(northd), Some(controller)], Some(python), Some(_)) =
        (need_root(), peers, need("python3"), need("ping"))
    else {
        return;
    };
    let python = python.to_str().unwrap();
    let labs = Labs::default();
    let uses =
        [format!("ovn-northd={}", northd.display()), format!("ovn-controller={}", controller.display())];
    labs.ok(&["up", "topologies/routed.yaml", "--use", &uses[0], "--use", &uses[1]]);
    let exec = |node: &str, words: &[&str]| -> Outcome { labs.run(&[&["exec", node, "--"], words].concat()) };
    let until = |what: &str, node: &str, words: &[&str], wanted: &str| {
        wait_for(what, PATIENCE, || {
            let ran = exec(node, words);
            let said = format!("{}{}", ran.stdout, ran.stderr);
            if said.contains(wanted) { Ok(()) } else { Err(said) }
        });
    };
    let hop = |hops| ["ping", "-c", "1", "-W", "1", "-t", hops, "192.0.2.15"];
    until("the way out", "vm1", &hop("64"), "1 received");
    // By ICMP and by UDP: the router, and then the end.
    until("the first hop by ICMP", "vm1", &hop("1"), "From 10.0.0.1 icmp_seq=1 Time to live exceeded");
    until(
        "the first hop by UDP",
        "vm1",
        &[python, "-c", PROBE, "192.0.2.15", "1"],
        "10.0.0.1 type 11 code 0",
    );
    until("the end by UDP", "vm1", &[python, "-c", PROBE, "192.0.2.15", "5"], "192.0.2.15 type 3 code 3");
    // What leaves by the gateway is to be small.
    let mtu = ["ovn-nbctl", "--wait=hv", "set", "Logical_Router_Port", "lr0-out", "options:gateway_mtu=1000"];
    assert_eq!(exec("central", &mtu).code, Some(0));
    let large = |how| ["ping", "-c", "1", "-W", "1", "-M", how, "-s", "1200", "192.0.2.15"];
    until("the path MTU", "vm1", &large("do"), "mtu = 1000");
    until("what the host has learned", "vm1", &["ip", "route", "get", "192.0.2.15"], "mtu 1000");
    until("fragments of that size", "vm1", &large("want"), "1 received");
    labs.ok(&["down"]);
    labs.wait_until_gone();
}

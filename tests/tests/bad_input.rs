//! What nobody should send: garbage, deep nesting and huge messages on every socket never end a daemon, never make it
//! grow without bound, and never keep it from serving others.
#![allow(clippy::unwrap_used)] // A test stops where it fails.

use std::io::{Read as _, Write as _};
use std::net::UdpSocket;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::sched::{CloneFlags, unshare};
use tests::process::{Daemon, RunDir, run_ok};
use tests::{need_root, wait_for};

/// How much a daemon may grow by all that a test sends it: caches and allocator slack, not what was sent.
const GROWTH_KIB_MAX: u64 = 96 << 10;

/// Seeded octets (xorshift64), so that a failure repeats.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(length).collect()
}

/// Resident memory of a process, in KiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Sends `octets` on a connection of its own, and waits until the daemon hangs up or keeps silent with nothing to say.
fn send(socket: &Path, octets: &[u8], expect_close: bool) {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // The daemon may hang up before all is written.
    let _ = stream.write_all(octets);
    if expect_close {
        let mut rest = vec![0; 64 << 10];
        loop {
            match stream.read(&mut rest) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("it does not hang up"),
                // A reset is a way to hang up.
                Err(_) => break,
            }
        }
    }
}

fn deep(open: &str, depth: usize) -> Vec<u8> {
    open.repeat(depth).into_bytes()
}

/// What is no JSON-RPC: after each the daemon must hang up.
fn broken_json() -> Vec<Vec<u8>> {
    let mut cases: Vec<Vec<u8>> = vec![
        b"hello\n".to_vec(),
        b"]".to_vec(),
        b"{\"id\":0,\"method\":}".to_vec(),
        b"{\"id\":0,\"id\"".iter().chain(b"}").copied().collect(),
        b"{\"method\":5,\"params\":[],\"id\":1}".to_vec(),
        b"{\"id\":1e999999999,\"method\":\"echo\",\"params\":[]}".to_vec(),
        b"[1,2,3]".to_vec(),
        b"\"text\"".to_vec(),
        b"{\"a\":\"\xff\xfe\"}".to_vec(),
        deep("[", 1_000_000),
        deep("{\"a\":", 1_000_000),
        vec![0; 4096],
    ];
    cases.extend((1..40).map(|seed| {
        let mut octets = noise(seed, 300);
        octets[0] = b'}';
        octets
    }));
    cases
}

/// What is JSON-RPC but makes no sense: answered with an error.
fn senseless_requests() -> Vec<String> {
    let methods = [
        "transact",
        "monitor",
        "monitor_cond",
        "monitor_cond_since",
        "monitor_cond_change",
        "lock",
        "get_schema",
        "convert",
        "nope",
        "",
        "cancel",
    ];
    let nested = format!("{}{}", "[".repeat(900), "]".repeat(900));
    let params = [
        "[]",
        "null",
        "{}",
        "[null]",
        "[[]]",
        "[\"OVN_Northbound\"]",
        "[\"OVN_Northbound\",5]",
        "[\"OVN_Northbound\",{\"op\":\"insert\"}]",
        "[\"nope\",\"x\",{}]",
        &nested,
    ];
    let mut requests = Vec::new();
    for method in methods {
        for params in params {
            requests.push(format!("{{\"id\":1,\"method\":\"{method}\",\"params\":{params}}}"));
        }
    }
    requests
}

fn start_ovsdb(dir: &RunDir) -> Daemon {
    for (file, schema) in [("nb.db", "ovn-nb.ovsschema"), ("conf.db", "vswitch.ovsschema")] {
        let mut create = dir.ours("ovsdb-tool");
        create.args(["create", file, schema]);
        run_ok(create);
    }
    let mut server = dir.ours("ovsdb-server");
    server.args(["nb.db", "conf.db", "--remote=punix:db.sock", "--unixctl=db.ctl", "-vconsole:err"]);
    let daemon = dir.start("ovsdb-server", server);
    dir.wait_for_socket("db.sock");
    daemon
}

fn serves(dir: &RunDir) {
    let mut list = dir.ours("ovn-nbctl");
    list.args(["--db=unix:db.sock", "--timeout=30", "ls-list"]);
    run_ok(list);
}

#[test]
fn the_database_server_survives_everything() {
    let dir = RunDir::default();
    let mut server = start_ovsdb(&dir);
    let socket = dir.path("db.sock");
    serves(&dir);
    let before = resident(server.pid());
    for octets in broken_json() {
        send(&socket, &octets, true);
    }
    for request in senseless_requests() {
        send(&socket, request.as_bytes(), false);
    }
    // One that begins a huge message and never ends it, and many that go away in the middle.
    let mut unfinished = UnixStream::connect(&socket).unwrap();
    unfinished.write_all(b"{\"id\":0,\"method\":\"echo\",\"params\":[\"").unwrap();
    unfinished.write_all(&vec![b'x'; 16 << 20]).unwrap();
    for cut in 0..200 {
        send(&socket, &b"{\"id\":0,\"method\":\"list_dbs\",\"params\":[]}"[..cut % 40], false);
    }
    serves(&dir);
    drop(unfinished);
    assert!(server.alive());
    let grown = resident(server.pid()).saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "grown by {grown} KiB");
}

#[test]
fn control_sockets_survive_everything() {
    let dir = RunDir::default();
    let mut server = start_ovsdb(&dir);
    let socket = dir.path("db.ctl");
    let before = resident(server.pid());
    for octets in broken_json() {
        send(&socket, &octets, true);
    }
    // Longer than any request may be.
    let long = format!("{{\"id\":0,\"method\":\"version\",\"params\":[\"{}\"]}}", "x".repeat(8 << 20));
    send(&socket, long.as_bytes(), true);
    let mut version = dir.ours("ovs-appctl");
    version.args(["-t", dir.path("db.ctl").to_str().unwrap(), "version"]);
    assert!(run_ok(version).contains("ovsdb-server"));
    assert!(server.alive());
    let grown = resident(server.pid()).saturating_sub(before);
    assert!(grown < GROWTH_KIB_MAX, "grown by {grown} KiB");
}

/// A switch with a bridge and a tunnel port, in a network namespace of its own.
fn with_switch(test: impl FnOnce(&RunDir, &mut Daemon) + Send) {
    if !need_root() {
        return;
    }
    std::thread::scope(|scope| {
        let run = || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let links = daemon::device::Links::open().unwrap();
                let lo = links.get("lo").await.unwrap().unwrap();
                links.set_up(lo.index).await.unwrap();
            });
            let dir = RunDir::default();
            let _database = start_ovsdb(&dir);
            let mut vswitchd = dir.ours("ovs-vswitchd");
            vswitchd.args(["unix:db.sock", "--unixctl=switch.ctl", "-vconsole:err"]);
            let mut switch = dir.start("ovs-vswitchd", vswitchd);
            let mut vsctl = dir.ours("ovs-vsctl");
            vsctl.args([
                "--db=unix:db.sock",
                "--timeout=30",
                "--",
                "add-br",
                "br0",
                "--",
                "add-port",
                "br0",
                "tun0",
                "--",
            ]);
            vsctl.args([
                "set",
                "interface",
                "tun0",
                "type=geneve",
                "options:remote_ip=127.0.0.1",
                "options:key=flow",
            ]);
            vsctl.args([
                "--",
                "add-port",
                "br0",
                "nowhere",
                "--",
                "add-port",
                "br0",
                "p1",
                "--",
                "set",
                "interface",
                "p1",
                "type=internal",
            ]);
            run_ok(vsctl);
            test(&dir, &mut switch);
        };
        scope.spawn(run).join().unwrap();
    });
}

fn counter(dir: &RunDir, name: &str) -> u64 {
    let mut read = dir.ours("ovs-appctl");
    read.args(["-t", dir.path("switch.ctl").to_str().unwrap(), "coverage/read-counter", name]);
    run_ok(read).trim().parse().unwrap()
}

#[test]
fn a_port_that_cannot_be_made_is_reported_on_its_row_and_the_rest_go_on() {
    with_switch(|dir, switch| {
        let get = |interface: &str, column: &str| {
            let mut vsctl = dir.ours("ovs-vsctl");
            vsctl.args(["--db=unix:db.sock", "--timeout=30", "get", "interface", interface, column]);
            run_ok(vsctl).trim().to_owned()
        };
        wait_for("the error on the row", Duration::from_secs(10), || {
            match get("nowhere", "error").as_str() {
                "\"could not open network device nowhere (No such device)\"" => Ok(()),
                other => Err(other.to_owned()),
            }
        });
        assert_eq!(get("nowhere", "ofport"), "-1");
        assert!(get("p1", "ofport").parse::<u16>().unwrap() > 0);
        assert!(switch.alive());
    });
}

#[test]
fn the_switch_survives_openflow_that_is_none() {
    with_switch(|dir, switch| {
        let socket = dir.path("br0.mgmt");
        let hello = [6, 0, 0, 16, 0, 0, 0, 1, 0, 1, 0, 8, 0, 0, 0, 0x40];
        let before = resident(switch.pid());
        for length in [0_u16, 1, 7] {
            let [high, low] = length.to_be_bytes();
            send(&socket, &[6, 5, high, low, 0, 0, 0, 0], true);
        }
        for seed in 1..200 {
            let mut octets = hello.to_vec();
            octets.extend(noise(seed, 400));
            send(&socket, &octets, false);
            // Messages of every type with a right header and a senseless body.
            let body = noise(seed, 64);
            let kind = u8::try_from(seed % 40).unwrap();
            let mut octets = hello.to_vec();
            octets.extend([6, kind, 0, 72, 0, 0, 0, 2]);
            octets.extend(body);
            send(&socket, &octets, false);
        }
        // A header that announces more than ever comes.
        send(&socket, &[hello.as_slice(), &[6, 14, 0xff, 0xff, 0, 0, 0, 3]].concat(), false);
        assert!(switch.alive());
        let mut show = dir.ours("ovs-appctl");
        show.args(["-t", dir.path("switch.ctl").to_str().unwrap(), "dpif/show"]);
        assert!(run_ok(show).contains("br0"));
        let grown = resident(switch.pid()).saturating_sub(before);
        assert!(grown < GROWTH_KIB_MAX, "grown by {grown} KiB");
    });
}

#[test]
fn the_switch_survives_tunnel_packets_that_are_none() {
    with_switch(|dir, switch| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = "127.0.0.1:6081";
        let before = resident(switch.pid());
        // Version and option length, with and without enough behind it.
        for first in 0..=255_u8 {
            for length in [0, 1, 7, 8, 12, 60, 300] {
                let mut packet = vec![first, 0, 0x65, 0x58, 0, 0, 1, 0];
                packet.resize(length.max(8), first);
                packet.truncate(length);
                socket.send_to(&packet, to).unwrap();
            }
        }
        for seed in 1..2000 {
            let length = usize::try_from(seed % 1400).unwrap();
            let mut packet = noise(seed, length);
            if seed % 2 == 0 && length >= 8 {
                packet[..8].copy_from_slice(&[0x02, 0, 0x65, 0x58, 0, 0, 1, 0]);
            }
            socket.send_to(&packet, to).unwrap();
        }
        wait_for("malformed packets counted", Duration::from_secs(20), || {
            match counter(dir, "drop_tunnel_malformed") {
                0 => Err("none".to_owned()),
                _ => Ok(()),
            }
        });
        assert!(switch.alive());
        let grown = resident(switch.pid()).saturating_sub(before);
        assert!(grown < GROWTH_KIB_MAX, "grown by {grown} KiB");
    });
}

//! A switch is replaced by another while frames cross it: none is lost, and connections keep their translation.

#![allow(clippy::unwrap_used)] // A test stops where it fails.
use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use daemon::device::{Kind, Links, Pool, Port};
use datapath::FORMAT;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, socket};
use openflow::{Body, Framer, Message, Version, Versions};
use packet::{EtherType, Ethernet, Frame, IpProto, Ipv4, MacAddr, Pseudo, Udp};
use tests::switch::{Bed, PATIENCE, start_switch, with_switch};
use tests::wait_for;

/// Frames on their way: fewer than a tap's queue takes, so that none need be lost, however long nobody reads.
const ON_THE_WAY_MAX: u64 = 400;
/// Behind the headers of Ethernet, IPv4 and UDP.
const NUMBER_AT: usize = 42;

async fn port(links: &Links, name: &str) -> Port {
    let index = links.get(name).await.unwrap().unwrap().index;
    links.set_up(index).await.unwrap();
    Port::open(links, name, Kind::Existing).await.unwrap().0
}

fn datagram(number: u64) -> Vec<u8> {
    let (src, dst) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
    let payload = number.to_be_bytes();
    let udp = Udp::for_payload(4000, 53, Pseudo::V4(src, dst), &payload);
    let mut out = Vec::new();
    let mac = |n| MacAddr([2, 0, 0, 0, 0, n]);
    Ethernet { dst: mac(2), src: mac(1), ethertype: EtherType::IPV4 }.emit(&mut out);
    Ipv4::new(src, dst, IpProto::UDP, udp.len).emit(&mut out);
    udp.emit(&mut out);
    out.extend(payload);
    out
}

/// What is known of the stream while it runs.
#[derive(Default)]
struct Stream {
    received: AtomicU64,
    stop: AtomicBool,
}

impl Stream {
    fn wait_for_more(&self, frames: u64) {
        let enough = self.received.load(Ordering::Relaxed) + frames;
        wait_for("frames that cross the switch", PATIENCE, || {
            let received = self.received.load(Ordering::Relaxed);
            if received >= enough { Ok(()) } else { Err(format!("{received} of {enough}")) }
        });
    }

    /// Sends numbered datagrams as fast as they arrive, until told to stop; how many. Each must arrive, in order, from
    /// the one translated address and port.
    fn run(&self, a: &mut Port, b: &mut Port) -> u64 {
        let (mut pool, mut frames) = (Pool::default(), Vec::new());
        let (mut sent, mut received) = (0, 0);
        let mut source: Option<Vec<u8>> = None;
        let mut silent = 0;
        while received < sent || !self.stop.load(Ordering::Relaxed) {
            let stops = self.stop.load(Ordering::Relaxed);
            let room = if stops { 0 } else { ON_THE_WAY_MAX - (sent - received) };
            let mut out: Vec<Frame> =
                (sent..sent + room.min(20)).map(|n| Frame::copy_from(&datagram(n))).collect();
            sent += out.len() as u64;
            assert_eq!(a.send(&mut out, &mut pool), 0);
            let ready = wait_readable(b);
            silent = if ready { 0 } else { silent + 1 };
            assert!(silent < 6000, "frame {received} of {sent} never came");
            while ready && b.receive(32, &mut pool, &mut frames).is_ok() {}
            for frame in frames.drain(..) {
                if frame.len() != NUMBER_AT + 8 || frame[23] != 17 || frame[36..38] != 53u16.to_be_bytes() {
                    continue;
                }
                let number = u64::from_be_bytes(frame[NUMBER_AT..].try_into().unwrap());
                assert_eq!(number, received, "frames are lost or out of order");
                received += 1;
                let from = [&frame[26..30], &frame[34..36]].concat();
                assert_eq!(from[..4], [192, 0, 2, 7], "it is translated");
                assert_eq!(*source.get_or_insert_with(|| from.clone()), from, "to the same port as before");
                self.received.store(received, Ordering::Relaxed);
            }
        }
        sent
    }
}

fn wait_readable(port: &Port) -> bool {
    let mut fds = [PollFd::new(port.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::from(10u8)).unwrap() > 0
}

/// A controller that says little.
struct Controller {
    stream: UnixStream,
    framer: Framer,
}

impl Controller {
    fn new(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut this = Self { stream, framer: Framer::new() };
        this.say(Body::Hello(Versions::of(&[Version::Of15])));
        assert!(matches!(this.hear(), Body::Hello(_)));
        this
    }

    fn say(&mut self, body: Body) {
        self.stream.write_all(&body.with_xid(1).encode(Version::Of15)).unwrap();
    }

    fn hear(&mut self) -> Body {
        let mut octets = [0; 4096];
        loop {
            if let Some(frame) = self.framer.next_frame().unwrap() {
                return Message::decode(Version::Of15, &frame).unwrap().body;
            }
            let length = self.stream.read(&mut octets).unwrap();
            assert!(length > 0, "the connection ended");
            self.framer.push(&octets[..length]);
        }
    }

    fn asks_and_is_answered(&mut self) {
        self.say(Body::EchoRequest(b"there?".to_vec()));
        assert_eq!(self.hear(), Body::EchoReply(b"there?".to_vec()));
    }
}

/// One that begins to take over: the packets of it are octets here, so that it can break off wherever it likes.
struct Heir(OwnedFd);

/// The first octets of packets.
const HELLO: u8 = 1;
const REFUSAL: u8 = 2;
const COPY: u8 = 3;
const COPIED: u8 = 7;
const FREEZE: u8 = 8;
const REST: u8 = 11;

impl Heir {
    fn new(path: &Path) -> Self {
        let heir = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).unwrap();
        wait_for("a switch that hands over", PATIENCE, || {
            connect(heir.as_raw_fd(), &UnixAddr::new(path).unwrap()).map_err(|error| error.to_string())
        });
        Self(heir)
    }

    fn say(&self, what: u8, octets: &[u8]) {
        send(self.0.as_raw_fd(), &[&[what], octets].concat(), MsgFlags::empty()).unwrap();
    }

    /// Hears until this is said.
    fn hear(&self, what: u8) -> Vec<u8> {
        let mut octets = vec![0; 1 << 20];
        loop {
            let length = recv(self.0.as_raw_fd(), &mut octets, MsgFlags::empty()).unwrap();
            assert!(length > 0, "the switch hung up instead of saying {what}");
            if octets[0] == what {
                return octets[1..length].to_vec();
            }
        }
    }
}

/// Runs a test with a switch and a runtime.
fn in_namespace(test: impl AsyncFnOnce(Bed) + Send) {
    with_switch(|bed| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test(bed));
    });
}

#[test]
fn no_frame_is_lost_and_connections_keep_their_translation() {
    in_namespace(async |mut bed| {
        let links = Links::open().unwrap();
        let (mut a, mut b) = (port(&links, "a").await, port(&links, "b").await);
        let mut controller = Controller::new(&bed.run.path("br0.mgmt"));
        bed.flows("table=0,udp,in_port=1 actions=ct(commit,zone=1,nat(src=192.0.2.7:5000-60000),table=1)");
        bed.flows("table=1,udp,in_port=1 actions=output:2");
        let stream = Stream::default();
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| stream.run(&mut a, &mut b));
            stream.wait_for_more(500);
            // From now on a datagram is translated only if its connection is known.
            bed.flows("table=0,udp,in_port=1 actions=ct(zone=1,nat,table=1)");
            stream.wait_for_more(500);

            assert_eq!(bed.appctl(&["exit", "--hand-over"]), "");
            let path = bed.run.path("ovs-vswitchd.hand-over");
            // Two that break off do no harm: one of another format, and one that does so at the last moment.
            let stranger = Heir::new(&path);
            stranger.say(HELLO, &(FORMAT + 1).to_le_bytes());
            let why = String::from_utf8(stranger.hear(REFUSAL)).unwrap();
            assert_eq!(why, format!("this switch hands over in format {FORMAT} only"));
            drop(stranger);
            let heir = Heir::new(&path);
            heir.say(HELLO, &FORMAT.to_le_bytes());
            heir.hear(HELLO);
            heir.say(COPY, &[]);
            heir.hear(COPIED);
            heir.say(FREEZE, &[]);
            heir.hear(REST);
            drop(heir);
            stream.wait_for_more(500);
            controller.asks_and_is_answered();

            for _ in 0..2 {
                bed.appctl(&["exit", "--hand-over"]);
                bed.replace();
                controller.asks_and_is_answered();
                stream.wait_for_more(1000);
            }
            stream.stop.store(true, Ordering::Relaxed);
            let sent = sending.join().unwrap();
            let flows = bed.ofctl(&["dump-flows", "br0", "table=1"]);
            assert!(
                flows.contains(&format!("n_packets={sent}, n_bytes={}", sent * 50)),
                "{sent} sent: {flows}"
            );
        });
        let connections = bed.appctl(&["dpctl/dump-conntrack"]);
        assert!(connections.contains("dst=192.0.2.7"), "{connections}");
        // What the database says goes on to be done.
        bed.vsctl("del-port br0 b -- add-port br0 c -- set interface c type=internal");
        assert!(links.get("b").await.unwrap().is_none() && links.get("c").await.unwrap().is_some());
        for line in bed.run.outputs().lines().filter(|line| line.contains("hand_over")) {
            println!("{line}");
        }
    });
}

#[test]
fn a_switch_that_is_told_to_stop_offers_no_longer() {
    in_namespace(async |mut bed| {
        bed.appctl(&["exit", "--hand-over"]);
        let path = bed.run.path("ovs-vswitchd.hand-over");
        assert!(path.exists());
        bed.appctl(&["exit"]);
        assert_eq!(bed.switch.wait(), Some(0));
        assert!(!path.exists());
        // The next one starts as any other.
        bed.switch = start_switch(&bed.run, "other");
        bed.vsctl("add-port br0 d -- set interface d type=internal");
    });
}

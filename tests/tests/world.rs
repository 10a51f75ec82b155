//! The network of the quickstart in one thread and in virtual time: two chassis, four guests, one logical switch.

#![allow(clippy::unwrap_used)] // A test stops where something is missing.
#![allow(clippy::disallowed_methods)] // A world begins at some instant.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use ovsdb::Uuid;
use packet::{Arp, EtherType, Ethernet, Geneve, GeneveOption, Ipv4, MacAddr, Udp};
use sandbox::fabric::Side;
use sandbox::sim::{ChassisId, GuestId, ProgramId, Watched, World};
use sandbox::text::values::{Cidr, Ratio, Span};
use sandbox::tools::capture::Capture;
use sandbox::tools::ping::Plan;
use sandbox::topology::LinkSettings;

/// Nothing in these tests takes longer, in virtual time.
const LIMIT: Duration = Duration::from_secs(30);

struct Quickstart {
    world: World,
    switch: Uuid,
    hv1: ChassisId,
    hv2: ChassisId,
    /// vm1 and vm2 on hv1, vm3 and vm4 on hv2.
    vms: Vec<GuestId>,
    /// What is seen at each of them, and on the fabric.
    heard: Vec<Capture>,
    underlay: Capture,
    events: Rc<RefCell<Vec<String>>>,
}

impl Quickstart {
    /// Everything is there, and every port is up.
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed, Instant::now());
        let events = Rc::new(RefCell::new(Vec::new()));
        let sink = events.clone();
        world.tell_events(Box::new(move |at, line| {
            sink.borrow_mut().push(format!("{} {line}", at.as_micros()));
        }));
        world.init_northbound();
        let link = LinkSettings::default();
        let hv1 = world.add_chassis("hv1", "172.31.0.1".parse().unwrap(), link);
        let hv2 = world.add_chassis("hv2", "172.31.0.2".parse().unwrap(), link);
        let switch = world.add_logical_switch("sw0");
        let has_bridges =
            |world: &World| [hv1, hv2].iter().all(|id| !world.chassis(*id).rows().bridge.is_empty());
        assert!(world.run_until(LIMIT, has_bridges), "the controllers make their bridges");
        let underlay = world.watch(Watched::Underlay);
        let (vms, heard) = (Vec::new(), Vec::new());
        let mut this = Self { world, switch, hv1, hv2, vms, heard, underlay, events };
        for (number, chassis) in [(1, hv1), (2, hv1), (3, hv2), (4, hv2)] {
            this.add_vm(number, chassis);
        }
        let is_up = |world: &World| {
            let rows = world.southbound();
            rows.port_binding.len() == 4 && rows.port_binding.values().all(|row| row.up == Some(true))
        };
        assert!(
            this.world.run_until(LIMIT, is_up),
            "all ports come up: {:?}",
            this.world.southbound().port_binding
        );
        this.wait_hv();
        this
    }

    fn add_vm(&mut self, number: u8, chassis: ChassisId) -> GuestId {
        let (mac, ip) = (MacAddr([0x0a, 0, 0, 0, 0, number]), Ipv4Addr::new(10, 0, 0, number));
        let ips = [Cidr { addr: ip.into(), prefix_len: 24 }];
        let guest = self.world.add_guest(chassis, &format!("vm{number}"), mac, &ips);
        self.world.add_logical_port(self.switch, guest);
        self.world.plug(guest);
        self.vms.push(guest);
        self.heard.push(self.world.watch(Watched::Guest(guest)));
        guest
    }

    /// `ovn-nbctl --wait=hv sync`
    fn wait_hv(&mut self) -> i64 {
        let wanted = self.world.ask_for_hv_cfg();
        assert!(self.world.run_until(LIMIT, |world| world.hv_cfg() == wanted), "hv_cfg follows nb_cfg");
        wanted
    }

    fn start_ping(&mut self, from: GuestId, to: GuestId, interval: Duration) -> ProgramId {
        let to = self.world.guest(to).ip().unwrap();
        self.world.start_ping(from, Plan { to, interval, size: 56, patience: LIMIT })
    }

    /// How many requests were sent, and how many answered.
    fn end_ping(&mut self, from: GuestId, ping: ProgramId, wait: Duration) -> (u64, u64) {
        self.world.stop_program(from, ping);
        self.world.run_until(wait, |world| world.ping_report(from, ping).unwrap().1);
        let report = self.world.ping_report(from, ping).unwrap().0;
        (report.sent, report.received)
    }

    fn ping(&mut self, from: GuestId, to: GuestId, limit: Duration) -> bool {
        let ping = self.start_ping(from, to, LIMIT);
        self.end_ping(from, ping, limit) == (1, 1)
    }

    /// What was seen at a guest that came to it, from a frame on.
    fn came(&self, vm: usize, from: u64) -> Vec<Vec<u8>> {
        let (frames, _, _) = self.heard[vm].since(from);
        frames.iter().filter(|f| !f.outgoing).map(|f| f.octets.to_vec()).collect()
    }

    /// Where captures of guests and of the fabric are now.
    fn marks(&self) -> (Vec<u64>, u64) {
        (self.heard.iter().map(|capture| capture.since(0).1).collect(), self.underlay.since(0).1)
    }

    /// The tunnel packets that were sent, from a frame on.
    fn sent(&self, from: u64) -> Vec<Vec<u8>> {
        let (frames, _, _) = self.underlay.since(from);
        frames.iter().filter(|f| f.outgoing).map(|f| f.octets.to_vec()).collect()
    }

    /// Tunnel key of the datapath, and of a logical port.
    fn keys(&self, port: &str) -> (u32, u32) {
        let rows = self.world.southbound();
        let port = rows.port_binding.values().find(|row| &*row.logical_port == port).unwrap();
        let datapath = &rows.datapath_binding[&port.datapath];
        (u32::try_from(datapath.tunnel_key).unwrap(), u32::try_from(port.tunnel_key).unwrap())
    }
}

/// Where a tunnel packet goes, its network, port in and port out.
fn tunnelled(frame: &[u8]) -> (IpAddr, u32, u32, u32) {
    let (_, rest) = Ethernet::parse(frame).unwrap();
    let (ip, rest) = Ipv4::parse(rest).unwrap();
    let (udp, payload) = Udp::parse(rest).unwrap();
    assert_eq!(udp.dst, Geneve::PORT);
    let (geneve, _) = Geneve::parse(payload).unwrap();
    let options: Vec<GeneveOption> = geneve.options().collect();
    let [GeneveOption { class: 0x0102, ty, data }] = options[..] else { panic!("{options:?}") };
    assert_eq!(ty, 0x80, "the option with the ports, marked critical");
    let ports = u32::from_be_bytes(data.try_into().unwrap());
    (ip.dst.into(), geneve.vni.get(), ports >> 16, ports & 0xffff)
}

#[test]
fn ping_on_one_chassis_stays_there() {
    let mut net = Quickstart::new(1);
    let (vm1, vm2) = (net.vms[0], net.vms[1]);
    assert!(net.ping(vm1, vm2, LIMIT));
    // The switch answers ARP itself, so not even that goes out.
    assert_eq!(net.sent(0), Vec::<Vec<u8>>::new());
}

#[test]
fn ping_across_takes_the_tunnel_with_the_keys_of_the_southbound_rows() {
    let mut net = Quickstart::new(1);
    let (vm1, vm3) = (net.vms[0], net.vms[2]);
    assert!(net.ping(vm1, vm3, LIMIT));
    let ((network, port1), (_, port3)) = (net.keys("vm1"), net.keys("vm3"));
    let sent: Vec<_> = net.sent(0).iter().map(|frame| tunnelled(frame)).collect();
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let there = (address("172.31.0.2"), network, port1, port3);
    assert_eq!(sent, [there, (address("172.31.0.1"), network, port3, port1)]);
}

fn broadcast(from: MacAddr, ip: Ipv4Addr) -> Vec<u8> {
    let mut frame = Vec::new();
    Ethernet { dst: MacAddr::BROADCAST, src: from, ethertype: EtherType::ARP }.emit(&mut frame);
    // Nobody has this address, so the switch does not answer for anybody.
    let nobody = Ipv4Addr::new(10, 0, 0, 99);
    let (sha, tha) = (from, MacAddr::ZERO);
    Arp { operation: Arp::REQUEST, sha, spa: ip, tha, tpa: nobody }.emit(&mut frame);
    frame
}

#[test]
fn a_broadcast_reaches_all_others_once() {
    let mut net = Quickstart::new(1);
    let vms = net.vms.clone();
    let (marks, mark) = net.marks();
    let frame = broadcast(net.world.guest(vms[0]).mac, Ipv4Addr::new(10, 0, 0, 1));
    net.world.send(vms[0], frame.clone());
    net.world.run_for(Duration::from_secs(1));
    let heard: Vec<_> = marks.iter().enumerate().map(|(vm, mark)| net.came(vm, *mark)).collect();
    assert_eq!(heard, [vec![], vec![frame.clone()], vec![frame.clone()], vec![frame]]);
    let sent = net.sent(mark);
    assert_eq!(sent.len(), 1, "one copy for the other chassis");
    let (_, _, _, port) = tunnelled(&sent[0]);
    assert!(port >= 0x8000, "{port:#x} is that of a multicast group");
}

#[test]
fn a_frame_with_the_mac_of_another_is_dropped() {
    let mut net = Quickstart::new(1);
    let vms = net.vms.clone();
    let (marks, mark) = net.marks();
    let frame = broadcast(MacAddr([0x0a, 0, 0, 0, 0, 0x66]), Ipv4Addr::new(10, 0, 0, 1));
    net.world.send(vms[0], frame);
    net.world.run_for(Duration::from_secs(1));
    assert!(marks.iter().enumerate().all(|(vm, mark)| net.came(vm, *mark).is_empty()));
    assert_eq!(net.sent(mark), Vec::<Vec<u8>>::new());
}

#[test]
fn a_port_added_while_all_runs_answers_within_a_second() {
    let mut net = Quickstart::new(1);
    let (vm1, hv2) = (net.vms[0], net.hv2);
    let begin = net.world.elapsed();
    let vm5 = net.add_vm(5, hv2);
    let answered = (1..=100).any(|_| net.ping(vm1, vm5, Duration::from_millis(10)));
    assert!(answered);
    assert!(net.world.elapsed() - begin <= Duration::from_secs(1));
}

#[test]
fn nb_cfg_reaches_hv_cfg_and_every_chassis() {
    let mut net = Quickstart::new(1);
    let wanted = net.wait_hv();
    let rows = net.world.southbound();
    let told: Vec<(&str, i64)> = rows.chassis_private.values().map(|row| (&*row.name, row.nb_cfg)).collect();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|(_, nb_cfg)| *nb_cfg == wanted), "{told:?}");
}

#[test]
fn a_controller_replaced_during_a_flood_ping_loses_no_packet() {
    let mut net = Quickstart::new(1);
    let (vm1, vm2, vm3, hv1) = (net.vms[0], net.vms[1], net.vms[2], net.hv1);
    let wanted = net.world.hv_cfg();
    // The bridge takes as long for a message of the fresh controller, so packets pass between any two.
    let interval = Duration::from_micros(100);
    let pings = [vm2, vm3].map(|to| net.start_ping(vm1, to, interval));
    net.world.run_for(interval * 50);
    net.world.crash_controller(hv1);
    net.world.run_for(interval * 449);
    for (ping, to) in pings.into_iter().zip([vm2, vm3]) {
        let (sent, answered) = net.end_ping(vm1, ping, Duration::from_secs(1));
        assert_eq!((sent >= 500, sent - answered), (true, 0), "to {}", net.world.guest(to).name);
    }
    assert_eq!(net.wait_hv(), wanted + 1, "the fresh controller does its work");
}

/// A flood ping over a bad underlay: how many requests were answered, and all events.
fn lossy(seed: u64) -> (u64, Vec<String>) {
    let mut net = Quickstart::new(seed);
    let (vm1, vm3) = (net.vms[0], net.vms[2]);
    for chassis in [net.hv1, net.hv2] {
        let end = net.world.chassis(chassis).end;
        let settings = LinkSettings { delay: Span::millis(3), loss: Ratio(0.1), ..LinkSettings::default() };
        net.world.fabric.set(end, Side::Tx, settings);
    }
    let ping = net.start_ping(vm1, vm3, Duration::from_millis(10));
    net.world.run_for(Duration::from_millis(1995));
    let (sent, answered) = net.end_ping(vm1, ping, Duration::from_secs(1));
    assert_eq!(sent, 200);
    let events = net.events.take();
    (answered, events)
}

#[test]
fn a_bad_underlay_loses_pings_and_the_same_seed_gives_the_same_events() {
    let (answered, events) = lossy(7);
    assert!((120..200).contains(&answered), "{answered} of 200 came back, a tenth lost each way");
    let (again, same) = lossy(7);
    let difference = events.iter().zip(&same).position(|(one, other)| one != other);
    let lines = difference.map(|at| (&events[at], &same[at]));
    assert_eq!((again, same.len(), lines), (answered, events.len(), None));
    assert_ne!(lossy(8).1, events, "another seed, another world");
}

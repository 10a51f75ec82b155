//! The network of the quickstart in one thread and in virtual time: two chassis, four guests, one logical switch.

#![allow(clippy::unwrap_used)] // A test stops where something is missing.

use std::net::Ipv4Addr;
use std::time::Duration;

use ovsdb::Uuid;
use packet::{Arp, EtherType, Ethernet, Geneve, GeneveOption, MacAddr};
use tests::world::{ChassisId, GuestId, Way, World};

/// Nothing in these tests takes longer, in virtual time.
const LIMIT: Duration = Duration::from_secs(30);

struct Quickstart {
    world: World,
    switch: Uuid,
    hv1: ChassisId,
    hv2: ChassisId,
    /// vm1 and vm2 on hv1, vm3 and vm4 on hv2.
    vms: Vec<GuestId>,
}

impl Quickstart {
    /// Everything is there, and every port is up.
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let hv1 = world.add_chassis("hv1", "172.31.0.1".parse().unwrap(), seed + 100);
        let hv2 = world.add_chassis("hv2", "172.31.0.2".parse().unwrap(), seed + 200);
        let switch = world.add_logical_switch("sw0");
        let has_bridges =
            |world: &World| [hv1, hv2].iter().all(|id| !world.chassis(*id).rows().bridge.is_empty());
        assert!(world.run_until(LIMIT, has_bridges), "the controllers make their bridges");
        let mut this = Self { world, switch, hv1, hv2, vms: Vec::new() };
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
        let guest = self.world.add_guest(chassis, &format!("vm{number}"), mac, ip);
        self.world.add_logical_port(self.switch, guest);
        self.world.plug(guest);
        self.vms.push(guest);
        guest
    }

    /// `ovn-nbctl --wait=hv sync`
    fn wait_hv(&mut self) -> i64 {
        let wanted = self.world.ask_for_hv_cfg();
        assert!(self.world.run_until(LIMIT, |world| world.hv_cfg() == wanted), "hv_cfg follows nb_cfg");
        wanted
    }

    fn ping(&mut self, from: GuestId, to: GuestId, seq: u16, limit: Duration) -> bool {
        self.world.ping(from, to, seq);
        self.world.run_until(limit, |world| world.is_answered(from, to, seq))
    }

    /// Tunnel key of the datapath, and of a logical port.
    fn keys(&self, port: &str) -> (u32, u32) {
        let rows = self.world.southbound();
        let port = rows.port_binding.values().find(|row| &*row.logical_port == port).unwrap();
        let datapath = &rows.datapath_binding[&port.datapath];
        (u32::try_from(datapath.tunnel_key).unwrap(), u32::try_from(port.tunnel_key).unwrap())
    }

    /// The network, port in and port out of a tunnel packet.
    fn tunnelled(&self, index: usize) -> (u32, u32, u32) {
        let packet = &self.world.underlay.sent[index];
        assert_eq!(packet.destination_port, Geneve::PORT);
        let (geneve, _) = Geneve::parse(packet.payload.as_slice()).unwrap();
        let options: Vec<GeneveOption> = geneve.options().collect();
        let [GeneveOption { class: 0x0102, ty, data }] = options[..] else { panic!("{options:?}") };
        assert_eq!(ty, 0x80, "the option with the ports, marked critical");
        let ports = u32::from_be_bytes(data.try_into().unwrap());
        (geneve.vni.get(), ports >> 16, ports & 0xffff)
    }
}

#[test]
fn ping_on_one_chassis_stays_there() {
    let mut net = Quickstart::new(1);
    let (vm1, vm2) = (net.vms[0], net.vms[1]);
    assert!(net.ping(vm1, vm2, 1, LIMIT));
    // The switch answers ARP itself, so not even that goes out.
    assert_eq!(net.world.underlay.sent, []);
}

#[test]
fn ping_across_takes_the_tunnel_with_the_keys_of_the_southbound_rows() {
    let mut net = Quickstart::new(1);
    let (vm1, vm3) = (net.vms[0], net.vms[2]);
    assert!(net.ping(vm1, vm3, 1, LIMIT));
    let ((network, port1), (_, port3)) = (net.keys("vm1"), net.keys("vm3"));
    assert_eq!(net.world.underlay.sent.len(), 2);
    let ways: Vec<String> = net.world.underlay.sent.iter().map(|packet| packet.remote.to_string()).collect();
    assert_eq!(ways, ["172.31.0.2", "172.31.0.1"]);
    assert_eq!(net.tunnelled(0), (network, port1, port3));
    assert_eq!(net.tunnelled(1), (network, port3, port1));
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
    vms.iter().for_each(|vm| net.world.clear_heard(*vm));
    let frame = broadcast(net.world.guest(vms[0]).mac, net.world.guest(vms[0]).ip);
    net.world.send(vms[0], frame.clone());
    net.world.run_for(Duration::from_secs(1));
    let heard: Vec<_> = vms.iter().map(|vm| net.world.guest(*vm).heard.clone()).collect();
    assert_eq!(heard, [vec![], vec![frame.clone()], vec![frame.clone()], vec![frame]]);
    assert_eq!(net.world.underlay.sent.len(), 1, "one copy for the other chassis");
    let (_, _, port) = net.tunnelled(0);
    assert!(port >= 0x8000, "{port:#x} is that of a multicast group");
}

#[test]
fn a_frame_with_the_mac_of_another_is_dropped() {
    let mut net = Quickstart::new(1);
    let vms = net.vms.clone();
    vms.iter().for_each(|vm| net.world.clear_heard(*vm));
    let frame = broadcast(MacAddr([0x0a, 0, 0, 0, 0, 0x66]), net.world.guest(vms[0]).ip);
    net.world.send(vms[0], frame);
    net.world.run_for(Duration::from_secs(1));
    assert!(vms.iter().all(|vm| net.world.guest(*vm).heard.is_empty()));
    assert_eq!(net.world.underlay.sent, []);
}

#[test]
fn a_port_added_while_all_runs_answers_within_a_second() {
    let mut net = Quickstart::new(1);
    let (vm1, hv2) = (net.vms[0], net.hv2);
    let begin = net.world.elapsed();
    let vm5 = net.add_vm(5, hv2);
    let answered = (1..=100).any(|seq| net.ping(vm1, vm5, seq, Duration::from_millis(10)));
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
    for seq in 1..=500 {
        if seq == 50 {
            net.world.crash_controller(hv1);
        }
        net.world.ping(vm1, vm2, seq);
        net.world.ping(vm1, vm3, seq);
        // The bridge takes as long for a message of the fresh controller, so packets pass between any two.
        net.world.run_for(Duration::from_micros(100));
    }
    net.world.run_for(Duration::from_secs(1));
    for to in [vm2, vm3] {
        let lost: Vec<u16> = (1..=500).filter(|seq| !net.world.is_answered(vm1, to, *seq)).collect();
        assert_eq!(lost, Vec::<u16>::new(), "to {}", net.world.guest(to).name);
    }
    assert_eq!(net.wait_hv(), wanted + 1, "the fresh controller does its work");
}

/// A flood ping over a bad underlay: how many requests were answered, and the trace of all.
fn lossy(seed: u64) -> (usize, Vec<String>) {
    let mut net = Quickstart::new(seed);
    let (vm1, vm3) = (net.vms[0], net.vms[2]);
    let way = Way { delay: Duration::from_millis(3), loss_permille: 100 };
    net.world.underlay.set(net.hv1, net.hv2, way);
    net.world.underlay.set(net.hv2, net.hv1, way);
    for seq in 1..=200 {
        net.world.ping(vm1, vm3, seq);
        net.world.run_for(Duration::from_millis(10));
    }
    net.world.run_for(Duration::from_secs(1));
    let answered = (1..=200).filter(|seq| net.world.is_answered(vm1, vm3, *seq)).count();
    (answered, net.world.trace().to_vec())
}

#[test]
fn a_bad_underlay_loses_pings_and_the_same_seed_gives_the_same_trace() {
    let (answered, trace) = lossy(7);
    assert!((120..200).contains(&answered), "{answered} of 200 came back, a tenth lost each way");
    let (again, same) = lossy(7);
    let difference = trace.iter().zip(&same).position(|(one, other)| one != other);
    let lines = difference.map(|at| (&trace[at], &same[at]));
    assert_eq!((again, same.len(), lines), (answered, trace.len(), None));
    assert_ne!(lossy(8).1, trace, "another seed, another world");
}

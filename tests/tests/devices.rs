//! The switch's devices against the kernel, each test in a network namespace of its own.

#![allow(clippy::unwrap_used)] // A test stops where it fails.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use daemon::device::tunnel::{Receiver, Sender};
use daemon::device::{Kind, LinkChange, Links, Pool, Port};
use datapath::{Outer, TunnelKind, TunnelPacket};
use nix::sched::{CloneFlags, unshare};
use packet::Frame;
use tests::{need_root, wait_for};

/// Runs `test` on a thread in a fresh network namespace, with a runtime.
fn in_namespace<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send) {
    if !need_root() {
        return;
    }
    std::thread::scope(|scope| {
        let run = || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
        };
        scope.spawn(run).join().unwrap();
    });
}

fn frame(last: u8) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
    frame.resize(60, last);
    frame
}

/// Sends one frame.
fn send(port: &mut Port, frame: &[u8]) {
    let lost = port.send(&mut vec![Frame::copy_from(frame)], &mut Pool::default());
    assert_eq!(lost, 0);
}

/// Receives until the frame with this last octet arrives; the kernel sends frames of its own too.
fn expect_frame(port: &mut Port, last: u8, never: Option<u8>) {
    let (mut pool, mut frames) = (Pool::default(), Vec::new());
    wait_for("the frame", Duration::from_secs(10), || {
        port.receive(32, &mut pool, &mut frames).map_err(|error| error.to_string())?;
        for frame in &frames {
            assert!(never.is_none_or(|never| **frame != *self::frame(never)), "a frame that must not come");
        }
        let found = frames.drain(..).any(|one| *one == *frame(last));
        if found { Ok(()) } else { Err("other frames".to_owned()) }
    });
}

/// Waits until the kernel says that both ends of the pair have a carrier and a queue.
async fn links_carry(links: &mut Links) {
    for name in ["a", "b"] {
        while !links
            .get(name)
            .await
            .unwrap()
            .is_some_and(|link| link.admin_up && link.carrier && link.running)
        {
            tokio::time::timeout(Duration::from_secs(10), links.next_change()).await.unwrap();
        }
    }
}

#[test]
fn frames_cross_a_veth_both_ways_and_our_own_do_not_come_back() {
    in_namespace(|| async {
        let mut links = Links::open().unwrap();
        links.add_veth("a", "b").await.unwrap();
        let (mut a, info) = Port::open(&links, "a", Kind::Existing).await.unwrap();
        let (mut b, _) = Port::open(&links, "b", Kind::Existing).await.unwrap();
        assert_eq!((info.name.as_str(), info.mtu, info.admin_up), ("a", 1500, true));
        // A new wire takes a moment until it carries.
        links_carry(&mut links).await;
        send(&mut a, &frame(1));
        expect_frame(&mut b, 1, None);
        send(&mut b, &frame(2));
        // Were our own frame to come back, it would come before this one.
        expect_frame(&mut a, 2, Some(1));
    });
}

#[test]
fn a_tap_is_made_configured_and_watched() {
    in_namespace(|| async {
        let mut links = Links::open().unwrap();
        let (mut port, info) = Port::open(&links, "tap-x", Kind::Ours).await.unwrap();
        let mac = "0a:00:00:00:00:07".parse().unwrap();
        links.set_mac(info.index, mac).await.unwrap();
        links.set_mtu(info.index, 1400).await.unwrap();
        links.set_up(info.index).await.unwrap();
        let now = links.get("tap-x").await.unwrap().unwrap();
        assert_eq!((now.mac, now.mtu, now.admin_up), (mac, 1400, true));
        loop {
            let change = tokio::time::timeout(Duration::from_secs(10), links.next_change()).await.unwrap();
            if matches!(&change, LinkChange::Changed(link) if link.name == "tap-x" && link.mtu == 1400 && link.admin_up)
            {
                break;
            }
        }
        send(&mut port, &frame(1));
        let error = Port::open(&links, "tap-x", Kind::Ours).await.map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "could not open network device tap-x (Device or resource busy)");
        port.close(&links).await;
        assert_eq!(links.get("tap-x").await.unwrap(), None);
    });
}

#[test]
fn a_missing_device_is_named_with_the_reason() {
    in_namespace(|| async {
        let links = Links::open().unwrap();
        let error = Port::open(&links, "nowhere", Kind::Existing).await.map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "could not open network device nowhere (No such device)");
    });
}

#[test]
fn tunnel_packets_cross_both_families_one_by_one_and_in_trains() {
    in_namespace(|| async {
        let links = Links::open().unwrap();
        let lo = links.get("lo").await.unwrap().unwrap();
        links.set_up(lo.index).await.unwrap();
        let (v4, v6) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
        let (mut sender, mut pool) = (Sender::default(), Pool::default());
        for (port, local, address, checksum) in [
            (6081, None, v4, true),
            (6081, Some(v4), v4, true),
            (6081, Some(v4), v4, false),
            (6081, None, v6, true),
            (6081, Some(v6), v6, false),
            (TunnelKind::GRE_PORT, None, v4, false),
            (TunnelKind::GRE_PORT, Some(v6), v6, false),
        ] {
            let mut receiver = Receiver::open(port, address.is_ipv6()).unwrap();
            let packet = |payload: &[u8], datagram_len| TunnelPacket {
                local,
                remote: address,
                source_port: 54_321,
                destination_port: port,
                checksum,
                dont_fragment: true,
                tos: 8,
                ttl: 3,
                payload: Frame::copy_from(payload),
                datagram_len,
            };
            let (a, b) = (*b"geneve and an odd length.", [7; 25]);
            // Two that go together, a train, and one that is longer than those before it.
            let sent = [packet(&a, 25), packet(&b, 25), packet(&[9; 1000], 300), packet(&[1; 2000], 2000)];
            let lost: u64 = sent.into_iter().map(|packet| sender.send(packet, &mut pool)).sum();
            assert_eq!(lost + sender.flush(&mut pool), 0);
            let expected: Vec<Vec<u8>> = vec![
                a.to_vec(),
                b.to_vec(),
                vec![9; 300],
                vec![9; 300],
                vec![9; 300],
                vec![9; 100],
                vec![1; 2000],
            ];
            let (mut got, mut here) = (Vec::new(), Vec::new());
            wait_for("the datagrams", Duration::from_secs(10), || {
                let _ = receiver.receive(32, &mut pool, &mut here);
                for one in here.drain(..) {
                    let Outer { from, to, tos, ttl } = one.outer;
                    assert_eq!((from, to, tos, ttl), (address, address, 8, 3));
                    got.extend(one.payload.chunks(one.datagram_len).map(<[u8]>::to_vec));
                }
                if got == expected { Ok(()) } else { Err(format!("{} datagrams", got.len())) }
            });
        }
    });
}

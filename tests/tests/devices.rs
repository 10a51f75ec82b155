//! The switch's devices against the kernel, each test in a network namespace of its own.

#![allow(clippy::unwrap_used)] // A test stops where it fails.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use daemon::device::tunnel::{Outgoing, Receiver, Sender};
use daemon::device::{Kind, LinkChange, Links, Port};
use nix::sched::{CloneFlags, unshare};
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

/// Receives until the frame with this last octet arrives; the kernel sends frames of its own too.
fn expect_frame(port: &Port, last: u8) {
    let mut buffer = vec![0; 2048];
    wait_for("the frame", Duration::from_secs(10), || match port.receive(&mut buffer) {
        Ok(length) if buffer[..length] == frame(last) => Ok(()),
        Ok(length) => Err(format!("another frame: {:02x?}", &buffer[..length])),
        Err(error) => Err(error.to_string()),
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
        let (a, info) = Port::open(&links, "a", Kind::Existing).await.unwrap();
        let (b, _) = Port::open(&links, "b", Kind::Existing).await.unwrap();
        assert_eq!((info.name.as_str(), info.mtu, info.admin_up), ("a", 1500, true));
        // A new wire takes a moment until it carries.
        links_carry(&mut links).await;
        a.send(&frame(1)).unwrap();
        expect_frame(&b, 1);
        b.send(&frame(2)).unwrap();
        // Were our own frame to come back, it would come before this one.
        let mut buffer = vec![0; 2048];
        wait_for("the answer", Duration::from_secs(10), || match a.receive(&mut buffer) {
            Ok(length) if buffer[..length] == frame(2) => Ok(()),
            Ok(length) => {
                assert_ne!(buffer[..length], frame(1), "our own frame came back");
                Err("another frame".to_owned())
            }
            Err(error) => Err(error.to_string()),
        });
    });
}

#[test]
fn a_tap_is_made_configured_and_watched() {
    in_namespace(|| async {
        let mut links = Links::open().unwrap();
        let (port, info) = Port::open(&links, "tap-x", Kind::Ours).await.unwrap();
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
        port.send(&frame(1)).unwrap();
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
fn tunnel_packets_keep_their_source_port_over_both_families() {
    in_namespace(|| async {
        let links = Links::open().unwrap();
        let lo = links.get("lo").await.unwrap().unwrap();
        links.set_up(lo.index).await.unwrap();
        let sender = Sender::open();
        for (local, address, checksum) in [
            // Without an address of ours the checksum is still right: the kernel would drop the packet else.
            (IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::LOCALHOST), true),
            (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST), true),
            (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST), false),
            (IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::LOCALHOST), true),
        ] {
            let receiver = Receiver::open(6081, address.is_ipv6()).unwrap();
            let payload = b"geneve and an odd length";
            let packet = Outgoing {
                local,
                remote: address,
                source_port: 54_321,
                destination_port: 6081,
                checksum,
                payload,
            };
            sender.send(&packet).unwrap();
            let mut got = Vec::new();
            let mut buffer = vec![0; 2048];
            let take = |from: SocketAddr, to: IpAddr, bytes: &[u8]| got.push((from, to, bytes.to_vec()));
            tokio::time::timeout(Duration::from_secs(10), receiver.receive(&mut buffer, 32, take))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(got, [(SocketAddr::new(address, 54_321), address, payload.to_vec())]);
        }
    });
}

//! The network stack of a guest: smoltcp from IP upwards, [`Neighbours`] below.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use packet::MacAddr;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{AnySocket, tcp};
use smoltcp::wire::{HardwareAddress, IpCidr};

use super::neighbours::Neighbours;
use super::traffic::End;

use crate::text::values::Cidr;
use crate::tools::frame::link_local;

/// Addresses that a guest may have, besides its link-local one.
pub(super) const ADDRESSES_MAX: usize = 7;

/// A network stack with one Ethernet interface.
pub(super) struct Stack {
    interface: Interface,
    cable: Cable,
    ethernet: Neighbours,
    sockets: SocketSet<'static>,
    began: Instant,
    now: Instant,
}

impl Stack {
    /// A stack with these addresses, of which no more than [`ADDRESSES_MAX`] count, and the link-local one that
    /// follows from `mac` (RFC 4291 appendix A).
    pub(super) fn new(
        mac: MacAddr,
        (ips, gateway, mtu): (&[Cidr], Option<IpAddr>, u16),
        seed: u64,
        now: Instant,
    ) -> Self {
        let mut cable = Cable { mtu: usize::from(mtu), rx: VecDeque::new(), tx: VecDeque::new() };
        let mut ips: Vec<Cidr> = ips.iter().take(ADDRESSES_MAX).copied().collect();
        ips.push(Cidr { addr: link_local(mac).into(), prefix_len: 64 });
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut cable, smoltcp::time::Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            for cidr in &ips {
                // There is room.
                let _ = addresses.push(IpCidr::new(cidr.addr.into(), cidr.prefix_len));
            }
        });
        // Which neighbour a packet goes to is decided below.
        let _ = interface.routes_mut().add_default_ipv4_route(Ipv4Addr::UNSPECIFIED);
        let _ = interface.routes_mut().add_default_ipv6_route(Ipv6Addr::UNSPECIFIED);
        let ethernet = Neighbours::new(mac, ips, gateway);
        Self { interface, cable, ethernet, sockets: SocketSet::new(Vec::new()), began: now, now }
    }

    /// A frame came.
    pub(super) fn receive(&mut self, frame: &[u8]) {
        self.cable.rx.extend(self.ethernet.receive(frame));
        while let Some(cidr) = self.ethernet.poll_address() {
            self.interface.update_ip_addrs(|addresses| {
                // Without room it is an address more that nobody has.
                let _ = addresses.push(IpCidr::new(cidr.addr.into(), cidr.prefix_len));
            });
        }
    }

    /// Does what is to be done now.
    pub(super) fn work(&mut self, now: Instant) {
        self.now = now;
        self.interface.poll(self.time(now), &mut self.cable, &mut self.sockets);
        self.ethernet.handle_timeout(now);
        while let Some(packet) = self.cable.tx.pop_front() {
            self.ethernet.send(packet, now);
        }
    }

    /// The next frame to send.
    pub(super) fn poll_output(&mut self) -> Option<Vec<u8>> {
        self.ethernet.poll_output()
    }

    /// When there will be something to do. A stack that has just worked and says "now" is asked again soon.
    pub(super) fn poll_timeout(&mut self) -> Option<Instant> {
        let at = self.interface.poll_at(self.time(self.now), &self.sockets).map(|at| {
            let after = Duration::from_micros(u64::try_from(at.total_micros()).unwrap_or_default());
            (self.began + after).max(self.now + Duration::from_millis(1))
        });
        at.into_iter().chain(self.ethernet.poll_timeout()).min()
    }

    /// Adds a socket.
    pub(super) fn open<S: AnySocket<'static>>(&mut self, socket: S) -> SocketHandle {
        self.sockets.add(socket)
    }

    /// Removes a socket.
    pub(super) fn close(&mut self, handle: SocketHandle) {
        self.sockets.remove(handle);
    }

    /// A socket.
    pub(super) fn socket<S: AnySocket<'static>>(&mut self, handle: SocketHandle) -> &mut S {
        self.sockets.get_mut(handle)
    }

    /// When it last worked.
    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// Begins a connection from one end to the other.
    ///
    /// # Errors
    /// When the ends cannot be.
    pub(super) fn connect(
        &mut self,
        handle: SocketHandle,
        to: End,
        from: End,
    ) -> Result<(), tcp::ConnectError> {
        let socket = self.sockets.get_mut::<tcp::Socket<'static>>(handle);
        socket.connect(self.interface.context(), to, from)
    }

    fn time(&self, now: Instant) -> smoltcp::time::Instant {
        let micros = i64::try_from((now - self.began).as_micros()).unwrap_or(i64::MAX);
        smoltcp::time::Instant::from_micros(micros)
    }
}

/// Packets on their way into and out of smoltcp; handed over whenever the world looks at the guest.
struct Cable {
    mtu: usize,
    rx: VecDeque<Vec<u8>>,
    tx: VecDeque<Vec<u8>>,
}

impl Device for Cable {
    type RxToken<'a> = Came;
    type TxToken<'a> = Goes<'a>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Came, Goes<'_>)> {
        let packet = self.rx.pop_front()?;
        Some((Came(packet), Goes(&mut self.tx)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Goes<'_>> {
        Some(Goes(&mut self.tx))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

struct Came(Vec<u8>);

impl RxToken for Came {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

struct Goes<'a>(&'a mut VecDeque<Vec<u8>>);

impl TxToken for Goes<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut packet = vec![0; length];
        let result = f(&mut packet);
        self.0.push_back(packet);
        result
    }
}

//! Guests and uplinks: the interfaces of the nodes.

use super::chassis::{self, UPLINK};
use super::netlink::CableEnd;
use super::netns::Netns;
use super::start::START_MAX;
use super::world::{Kind, Lab, Node};
use crate::fabric::End;
use crate::fabric::port::Port;
use crate::sys;
use crate::text::values::{Cidr, Name};
use crate::topology::{Attach, Guest, LinkSettings};
use anyhow::{Context, Result, bail};
use std::rc::Rc;
use tokio::time::Instant;
use tun_tap::{Iface, Mode};

/// The interface of a guest.
pub const GUEST_INTERFACE: &str = "eth0";

impl Lab {
    /// How a guest is really attached.
    pub(super) fn attachment(&self, guest: &Guest) -> Attach {
        if self.taps { guest.attach } else { Attach::Veth }
    }

    /// Adds a guest to the running lab; its port may come up later.
    ///
    /// # Errors
    /// When its chassis does not exist or its name is taken, or it could not be made in time.
    pub async fn add_guest(self: &Rc<Self>, name: &Name, guest: &Guest) -> Result<()> {
        if self.node(name.as_str()).is_ok() {
            bail!("there is a node called {name} already");
        }
        let chassis = self.node(guest.chassis.as_str())?;
        let node = self.make_guest(&chassis, name, guest).await?;
        let deadline = Instant::now() + START_MAX;
        let operations = chassis::add_guest(name, guest, self.attachment(guest));
        self.switch(&chassis.name).transact(operations, deadline).await?;
        self.wait_switch(&chassis.name, deadline).await?;
        self.wait_present(&node, deadline).await
    }

    /// Makes a guest's namespace; with a cable to its chassis when that is what attaches it.
    pub(super) async fn make_guest(
        self: &Rc<Self>,
        chassis: &Node,
        name: &Name,
        guest: &Guest,
    ) -> Result<Rc<Node>> {
        let node = self.make_node(name.as_str(), Kind::Guest(guest.clone())).await?;
        if self.attachment(guest) == Attach::Veth {
            let (near, far, mtu, mac) = (name.to_string(), node.netns.clone(), guest.mtu, guest.mac.0);
            chassis
                .netns
                .run(move |net| async move {
                    let near = CableEnd { interface: &near, namespace: None, mac: None, mtu };
                    let far = CableEnd {
                        interface: GUEST_INTERFACE,
                        namespace: Some(far.fd()),
                        mac: Some(mac),
                        mtu,
                    };
                    net.cable(near, far).await
                })
                .await??;
            // A switch that reads frames by packet sockets needs them whole.
            self.dress_guest(&node, guest, self.needs_underlay_bridge(&chassis.name)).await?;
        }
        Ok(node)
    }

    /// Gives the guest's interface its addresses, once it is there.
    pub(super) async fn dress_guest(&self, node: &Node, guest: &Guest, whole_frames: bool) -> Result<()> {
        let guest = guest.clone();
        node.netns
            .run(move |net| async move {
                if whole_frames {
                    sys::transmit_offloads_off(GUEST_INTERFACE).context("switching offloads off")?;
                }
                net.configure(GUEST_INTERFACE, Some(guest.mac.0), guest.mtu).await?;
                // A lost question is asked again soon; the kernel's own second is long in a lab.
                for family in ["ipv4", "ipv6"] {
                    let knob = format!("/proc/sys/net/{family}/neigh/{GUEST_INTERFACE}/retrans_time_ms");
                    let _ = std::fs::write(knob, "100");
                }
                for cidr in &*guest.ip {
                    net.address(GUEST_INTERFACE, *cidr).await?;
                }
                match guest.gateway {
                    Some(gateway) => net.default_route(gateway).await,
                    None => Ok(()),
                }
            })
            .await?
            .with_context(|| format!("setting up guest {}", node.name))
    }

    /// Attaches a node to the fabric by an interface called [`UPLINK`], a tap where possible. With `bridged`, the
    /// address is left for a bridge that the switch will make.
    pub(super) async fn attach(
        &self,
        netns: &Netns,
        address: Cidr,
        link: LinkSettings,
        bridged: bool,
    ) -> Result<End> {
        let (mtu, taps) = (self.topology.underlay.mtu, self.taps);
        let cable = if taps { None } else { Some(self.cable_to_fabric(netns, mtu).await?) };
        let port = netns
            .run(move |net| async move {
                let port = cable.map_or_else(tap, Ok)?;
                net.configure(UPLINK, None, mtu).await?;
                if !taps {
                    sys::transmit_offloads_off(UPLINK).context("switching offloads off")?;
                }
                if !bridged {
                    net.address(UPLINK, address).await?;
                }
                anyhow::Ok(port)
            })
            .await?
            .with_context(|| format!("attaching {} to the fabric", netns.name()))?;
        Ok(self.fabric.attach(port, link).await)
    }

    /// Where no tap can be made: a cable from the node to a namespace that is nobody's, and a raw socket on its end
    /// there.
    async fn cable_to_fabric(&self, node: &Netns, mtu: u16) -> Result<Port> {
        let fabric = self
            .cables
            .get_or_try_init(|| async {
                let fabric = Netns::create("fabric", None).await?;
                // Nobody speaks there of his own accord. Without IPv6 in the kernel there is nothing to switch off.
                let quiet =
                    |_| async { drop(std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1")) };
                fabric.run(quiet).await?;
                anyhow::Ok(fabric)
            })
            .await?;
        let node = node.clone();
        fabric
            .run(move |net| async move {
                let name = node.name().to_owned();
                let near = CableEnd { interface: &name, namespace: None, mac: None, mtu };
                let far = CableEnd { interface: UPLINK, namespace: Some(node.fd()), mac: None, mtu };
                net.cable(near, far).await?;
                let socket = sys::packet_socket(net.index(&name).await?, false);
                Ok(Port::Packet(socket.context("opening a packet socket")?))
            })
            .await?
    }

    /// Gives the fabric's address to a bridge.
    pub(super) async fn move_address(&self, node: &Node, address: Cidr, bridge: &'static str) -> Result<()> {
        let mtu = self.topology.underlay.mtu;
        node.netns
            .run(move |net| async move {
                net.configure(bridge, None, mtu).await?;
                net.address(bridge, address).await
            })
            .await?
            .with_context(|| format!("giving {} its address", node.name))
    }
}

/// A tap device called [`UPLINK`] in the calling thread's namespace.
fn tap() -> Result<Port> {
    let tap = Iface::without_packet_info(UPLINK, Mode::Tap).context("making a tap device")?;
    tap.set_non_blocking().context("making a tap device")?;
    Ok(Port::Tap(tap))
}

//! Interfaces, addresses and routes of one network namespace, by netlink.

use crate::text::values::Cidr;
use anyhow::{Context, Result, anyhow};
use futures::TryStreamExt;
use packet::MacAddr;
use rtnetlink::packet_route::link::{InfoData, InfoVeth, LinkMessage};
use rtnetlink::{Handle, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder};
use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Netlink of the namespace in which it was opened.
#[derive(Clone)]
pub struct Net {
    handle: Handle,
}

/// One end of a virtual cable as it is to be.
pub struct CableEnd<'a> {
    pub interface: &'a str,
    /// The namespace it goes to; None for the one in which the cable is made.
    pub namespace: Option<BorrowedFd<'a>>,
    pub mac: Option<MacAddr>,
    pub mtu: u16,
}

impl Net {
    /// Opens netlink in the calling thread's namespace, inside a local set.
    ///
    /// # Errors
    /// Those of the system.
    pub fn open() -> Result<Self> {
        let (connection, handle, _) = rtnetlink::new_connection().context("opening netlink")?;
        tokio::task::spawn_local(connection);
        Ok(Self { handle })
    }

    /// The index of an interface.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn index(&self, interface: &str) -> Result<u32> {
        let mut links = self.handle.link().get().match_name(interface).execute();
        let link = links.try_next().await.with_context(|| format!("looking for interface {interface}"))?;
        link.map(|l| l.header.index).ok_or_else(|| anyhow!("no interface {interface}"))
    }

    /// Sets an interface up.
    ///
    /// # Errors
    /// When there is none of that name, or the system refuses.
    pub async fn up(&self, interface: &str) -> Result<()> {
        self.set(interface, |link| link.up()).await
    }

    /// Sets an interface down.
    ///
    /// # Errors
    /// When there is none of that name, or the system refuses.
    pub async fn down(&self, interface: &str) -> Result<()> {
        self.set(interface, |link| link.down()).await
    }

    /// Gives an interface an address and a packet size, and sets it up.
    ///
    /// # Errors
    /// When there is none of that name, or the system refuses.
    pub async fn configure(&self, interface: &str, mac: Option<MacAddr>, mtu: u16) -> Result<()> {
        self.set(interface, |link| {
            let link = link.mtu(u32::from(mtu)).up();
            match mac {
                Some(mac) => link.address(mac.0.to_vec()),
                None => link,
            }
        })
        .await
    }

    /// Moves an interface to another namespace.
    ///
    /// # Errors
    /// When there is none of that name, or the system refuses.
    pub async fn move_to(&self, interface: &str, namespace: BorrowedFd<'_>, new_name: &str) -> Result<()> {
        let index = self.index(interface).await?;
        let link =
            LinkUnspec::new_with_index(index).setns_by_fd(namespace.as_raw_fd()).name(new_name).build();
        self.handle.link().set(link).execute().await.with_context(|| format!("moving interface {interface}"))
    }

    /// Removes an interface; its peer goes with it.
    ///
    /// # Errors
    /// When there is none of that name, or the system refuses.
    pub async fn remove(&self, interface: &str) -> Result<()> {
        let index = self.index(interface).await?;
        self.handle
            .link()
            .del(index)
            .execute()
            .await
            .with_context(|| format!("removing interface {interface}"))
    }

    /// Makes a virtual cable, both ends in their namespaces. The near end is up; the far end is to be set up where
    /// it is, for the system refuses to do so before the two are joined.
    ///
    /// # Errors
    /// When a name is taken, or the system refuses.
    pub async fn cable(&self, near: CableEnd<'_>, far: CableEnd<'_>) -> Result<()> {
        let peer = InfoData::Veth(InfoVeth::Peer(end(LinkMessageBuilder::<LinkUnspec>::new(), &far).build()));
        let near_message =
            end(LinkVeth::new(near.interface, far.interface), &near).set_info_data(peer).up().build();
        self.handle
            .link()
            .add(near_message)
            .execute()
            .await
            .with_context(|| format!("making a cable {} - {}", near.interface, far.interface))
    }

    /// Adds an address, unless the interface has it already.
    ///
    /// # Errors
    /// When the interface does not exist, or the system refuses.
    pub async fn address(&self, interface: &str, cidr: Cidr) -> Result<()> {
        let index = self.index(interface).await?;
        let mut request = self.handle.address().add(index, cidr.addr, cidr.prefix_len);
        if cidr.addr.is_ipv6() {
            // The address is ours by decree: nobody need be asked whether it is taken, and it works at once.
            use rtnetlink::packet_route::address::AddressHeaderFlags;
            request.message_mut().header.flags |= AddressHeaderFlags::Nodad;
        }
        request.replace().execute().await.with_context(|| format!("giving {interface} the address {cidr}"))
    }

    /// Adds a default route.
    ///
    /// # Errors
    /// When the gateway cannot be reached, or the system refuses.
    pub async fn default_route(&self, gateway: IpAddr) -> Result<()> {
        let request = match gateway {
            IpAddr::V4(v4) => {
                self.handle.route().add(RouteMessageBuilder::<std::net::Ipv4Addr>::new().gateway(v4).build())
            }
            IpAddr::V6(v6) => {
                self.handle.route().add(RouteMessageBuilder::<std::net::Ipv6Addr>::new().gateway(v6).build())
            }
        };
        request.execute().await.with_context(|| format!("adding a route by {gateway}"))
    }

    /// The interfaces' names.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn interfaces(&self) -> Result<Vec<String>> {
        use rtnetlink::packet_route::link::LinkAttribute;
        let links: Vec<LinkMessage> =
            self.handle.link().get().execute().try_collect().await.context("listing interfaces")?;
        let names = links.into_iter().flat_map(|link| link.attributes).filter_map(|attribute| {
            if let LinkAttribute::IfName(name) = attribute { Some(name) } else { None }
        });
        Ok(names.collect())
    }

    async fn set(
        &self,
        interface: &str,
        change: impl FnOnce(LinkMessageBuilder<LinkUnspec>) -> LinkMessageBuilder<LinkUnspec>,
    ) -> Result<()> {
        let index = self.index(interface).await?;
        let link = change(LinkUnspec::new_with_index(index)).build();
        self.handle
            .link()
            .set(link)
            .execute()
            .await
            .with_context(|| format!("changing interface {interface}"))
    }
}

/// A cable's end in a netlink message.
fn end<T>(message: LinkMessageBuilder<T>, end: &CableEnd<'_>) -> LinkMessageBuilder<T> {
    let mut message = message.name(end.interface).mtu(u32::from(end.mtu));
    if let Some(mac) = end.mac {
        message = message.address(mac.0.to_vec());
    }
    match end.namespace {
        Some(fd) => message.setns_by_fd(fd.as_raw_fd()),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::netns::Netns;

    /// Namespaces need root here; a lab of an ordinary user is tested as a whole.
    fn privileged() -> bool {
        let root = nix::unistd::geteuid().is_root();
        if !root {
            eprintln!("skipped: making network namespaces needs root");
            assert!(
                std::env::var("OVN_PEERS").as_deref() != Ok("required"),
                "OVN_PEERS=required forbids skipping"
            );
        }
        root
    }

    #[tokio::test]
    async fn a_cable_joins_two_namespaces() {
        if !privileged() {
            return;
        }
        let t = std::time::Instant::now();
        let (a, b) = (Netns::create("a", None).await.unwrap(), Netns::create("b", None).await.unwrap());
        eprintln!("two namespaces {:?}", t.elapsed());
        let far = b.clone();
        a.run(|net| async move {
            let mac = MacAddr([2, 0, 0, 0, 0, 1]);
            let near = CableEnd { interface: "x", namespace: None, mac: Some(mac), mtu: 1400 };
            let far = CableEnd { interface: "y", namespace: Some(far.fd()), mac: None, mtu: 1300 };
            net.cable(near, far).await?;
            net.address("x", "10.0.0.1/24".parse()?).await?;
            net.address("x", "fd00::1/64".parse()?).await?;
            net.default_route("10.0.0.2".parse()?).await?;
            net.cable(
                CableEnd { interface: "x", namespace: None, mac: None, mtu: 1400 },
                CableEnd { interface: "z", namespace: None, mac: None, mtu: 1300 },
            )
            .await
            .expect_err("the name is taken");
            anyhow::Ok(())
        })
        .await
        .unwrap()
        .unwrap();
        eprintln!("cable {:?}", t.elapsed());
        let there = b.run(|net| async move { net.interfaces().await }).await.unwrap().unwrap();
        assert_eq!(there, ["lo", "y"]);
        let e = b.run(|net| async move { net.up("w").await }).await.unwrap().expect_err("there is no w");
        assert!(format!("{e:#}").contains("looking for interface w"), "{e:#}");
    }
}

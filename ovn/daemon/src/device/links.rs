//! Interfaces of this network namespace by rtnetlink: their state, and notice of its changes.

use std::io;

use futures::StreamExt as _;
use futures::TryStreamExt as _;
use futures::channel::mpsc::UnboundedReceiver;
use packet::MacAddr;
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use rtnetlink::sys::SocketAddr;
use rtnetlink::{Handle, LinkMessageBuilder, LinkUnspec, LinkVeth, MulticastGroup, new_multicast_connection};

/// One interface as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    /// Interface index, unique in the namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its hardware address; zero where it has none.
    pub mac: MacAddr,
    /// Largest payload of a frame, in bytes.
    pub mtu: u32,
    /// Whether it is set up.
    pub admin_up: bool,
    /// Whether it has a carrier.
    pub carrier: bool,
    /// Whether the kernel has finished bringing it up, so that what is sent is not dropped (RFC 2863 "up").
    pub running: bool,
}

/// What became of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkChange {
    /// It is new or changed.
    Changed(LinkInfo),
    /// It left the namespace.
    Gone {
        /// The name it had.
        name: String,
    },
}

/// The kernel's table of interfaces.
pub struct Links {
    handle: Handle,
    changes: UnboundedReceiver<(NetlinkMessage<RouteNetlinkMessage>, SocketAddr)>,
}

impl Links {
    /// Opens the table of this namespace. Must be called inside a runtime.
    ///
    /// # Errors
    /// When the netlink socket cannot be opened.
    pub fn open() -> io::Result<Self> {
        let (connection, handle, changes) = new_multicast_connection(&[MulticastGroup::Link])?;
        tokio::spawn(connection);
        Ok(Self { handle, changes })
    }

    /// The interface called `name`, if there is one.
    ///
    /// # Errors
    /// What the kernel answered, apart from "no such device".
    pub async fn get(&self, name: &str) -> io::Result<Option<LinkInfo>> {
        let mut found = self.handle.link().get().match_name(name.to_owned()).execute();
        match found.try_next().await {
            Ok(message) => Ok(message.as_ref().and_then(info)),
            Err(error) => match errno(&error) {
                Some(nix::libc::ENODEV) => Ok(None),
                _ => Err(io_error(error)),
            },
        }
    }

    /// Makes a pair of interfaces, each the other's wire.
    ///
    /// # Errors
    /// What the kernel answered, for example that a name is taken.
    pub async fn add_veth(&self, name: &str, peer: &str) -> io::Result<()> {
        self.handle.link().add(LinkVeth::new(name, peer).build()).execute().await.map_err(io_error)
    }

    /// Removes an interface.
    ///
    /// # Errors
    /// What the kernel answered.
    pub async fn delete(&self, index: u32) -> io::Result<()> {
        self.handle.link().del(index).execute().await.map_err(io_error)
    }

    /// Sets an interface up.
    ///
    /// # Errors
    /// What the kernel answered.
    pub async fn set_up(&self, index: u32) -> io::Result<()> {
        self.set(LinkUnspec::new_with_index(index).up()).await
    }

    /// Sets the largest payload of an interface, in bytes.
    ///
    /// # Errors
    /// What the kernel answered, for example that the driver does not allow it.
    pub async fn set_mtu(&self, index: u32, mtu: u32) -> io::Result<()> {
        self.set(LinkUnspec::new_with_index(index).mtu(mtu)).await
    }

    /// Sets the hardware address of an interface.
    ///
    /// # Errors
    /// What the kernel answered.
    pub async fn set_mac(&self, index: u32, mac: MacAddr) -> io::Result<()> {
        self.set(LinkUnspec::new_with_index(index).address(mac.0.to_vec())).await
    }

    /// Waits for the next change of any interface. Safe to cancel.
    pub async fn next_change(&mut self) -> LinkChange {
        loop {
            let Some((message, _)) = self.changes.next().await else { std::future::pending().await };
            match message.payload {
                NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) => {
                    if let Some(info) = info(&link) {
                        return LinkChange::Changed(info);
                    }
                }
                NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelLink(link)) => {
                    if let Some(info) = info(&link) {
                        return LinkChange::Gone { name: info.name };
                    }
                }
                _ => {}
            }
        }
    }

    async fn set(&self, message: LinkMessageBuilder<LinkUnspec>) -> io::Result<()> {
        self.handle.link().set(message.build()).execute().await.map_err(io_error)
    }
}

fn info(message: &LinkMessage) -> Option<LinkInfo> {
    let mut info = LinkInfo {
        index: message.header.index,
        name: String::new(),
        mac: MacAddr::ZERO,
        mtu: 0,
        admin_up: message.header.flags.contains(LinkFlags::Up),
        carrier: message.header.flags.contains(LinkFlags::LowerUp),
        running: message.header.flags.contains(LinkFlags::Running),
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => info.name.clone_from(name),
            LinkAttribute::Mtu(mtu) => info.mtu = *mtu,
            LinkAttribute::Address(bytes) => {
                if let Ok(bytes) = <[u8; 6]>::try_from(bytes.as_slice()) {
                    info.mac = MacAddr(bytes);
                }
            }
            _ => {}
        }
    }
    (!info.name.is_empty()).then_some(info)
}

fn errno(error: &rtnetlink::Error) -> Option<i32> {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.code.map(|code| -code.get()),
        _ => None,
    }
}

fn io_error(error: rtnetlink::Error) -> io::Error {
    match errno(&error) {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::other(error.to_string()),
    }
}
